//! The stream handle: everything that is ready crosses at once, as one text.
//!
//! Belongs here: reading ahead, batches, closing. Does not belong here: what a chunk means.

use std::{
    mem, process,
    sync::{Arc, Condvar, Mutex, PoisonError},
};

use junto::{ChatChunk, ResponseEvent};
use pyo3::{IntoPyObjectExt, prelude::*};
use tokio::sync::Notify;

use crate::{
    bridge::Waiter,
    error,
    runtime::{self, lock},
};

/// How many bytes are read ahead of the caller; then the vendor waits.
const AHEAD: usize = 1 << 20;

/// What is read: an answer in chunks, or in events of the Responses API.
pub(crate) enum Source {
    Chat(Box<junto::ChatStream>),
    Response(Box<junto::ResponseStream>),
}

/// What one read brought.
enum Batch {
    Chunks(Vec<ChatChunk>),
    Events(Vec<ResponseEvent>),
}

impl Source {
    async fn next_batch(&mut self) -> Option<junto::Result<Batch>> {
        match self {
            Self::Chat(stream) => stream.next_batch().await.map(|batch| batch.map(Batch::Chunks)),
            Self::Response(stream) => stream.next_batch().await.map(|batch| batch.map(Batch::Events)),
        }
    }
}

/// How a batch is written.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    /// `[chunk,chunk]`
    Array,
    /// `data: chunk`, blank line, and so on: an event stream's body.
    Events,
}

/// An answer that arrives. Dropping it, or closing it, closes the vendor's connection.
#[pyclass(frozen, module = "junto._native")]
pub(crate) struct ChatStream {
    answer: Option<Arc<Arriving>>,
    pid: u32,
}

/// What has arrived and was not taken.
pub(crate) struct Arriving {
    form: Form,
    state: Mutex<State>,
    /// For threads that wait.
    more: Condvar,
    /// For the reader, when there is room again.
    room: Notify,
    /// For the reader, when nothing more is wanted.
    closing: Notify,
}

#[derive(Default)]
struct State {
    text: Vec<u8>,
    ended: bool,
    error: Option<junto::Error>,
    waiters: Vec<Waiter>,
}

/// What a caller that looks finds.
enum Found {
    Text(String),
    Error(junto::Error),
    End,
    /// Another caller was faster.
    Nothing(Form),
}

impl Arriving {
    pub(crate) fn new(form: Form) -> Arc<Self> {
        Arc::new(Self { form, state: Mutex::default(), more: Condvar::new(), room: Notify::new(), closing: Notify::new() })
    }

    /// Reads a stream to its end, or until nothing more is wanted. `opened` is called at its first content, which is then
    /// found without waiting again.
    pub(crate) async fn read(self: Arc<Self>, mut stream: Source, opened: impl FnOnce()) {
        let reading = async {
            let mut opened = Some(opened);
            loop {
                let batch = stream.next_batch().await;
                let over = self.add(batch);
                if let Some(opened) = opened.take() {
                    opened();
                }
                if over {
                    return;
                }
                while lock(&self.state).text.len() > AHEAD {
                    self.room.notified().await;
                }
            }
        };
        tokio::select! {
            biased;
            () = self.closing.notified() => {}
            () = reading => {}
        }
    }

    /// Notes what came; true at the end.
    fn add(self: &Arc<Self>, batch: Option<junto::Result<Batch>>) -> bool {
        let mut state = lock(&self.state);
        match batch {
            Some(Ok(batch)) => self.form.write(&batch, &mut state.text),
            Some(Err(error)) => state.error = Some(error),
            None => state.ended = true,
        }
        self.tell(&mut state);
        state.ended
    }

    fn tell(self: &Arc<Self>, state: &mut State) {
        for waiter in state.waiters.drain(..) {
            let answer = Arc::clone(self);
            // Taken when the loop gets to it: what arrives until then comes along.
            waiter.settle(move |py| {
                let found = answer.take(&mut lock(&answer.state));
                found.unwrap_or(Found::Nothing(answer.form)).into_python(py)
            });
        }
        self.more.notify_all();
    }

    fn take(&self, state: &mut State) -> Option<Found> {
        if !state.text.is_empty() {
            let text = self.form.close(mem::take(&mut state.text));
            self.room.notify_one();
            return Some(Found::Text(text));
        }
        if let Some(error) = state.error.take() {
            state.ended = true;
            return Some(Found::Error(error));
        }
        state.ended.then_some(Found::End)
    }

    /// Nothing more is wanted.
    fn close(self: &Arc<Self>) {
        self.closing.notify_one();
        let mut state = lock(&self.state);
        state.text = Vec::new();
        state.error = None;
        state.ended = true;
        self.tell(&mut state);
    }
}

impl Found {
    fn into_python(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self {
            Self::Text(text) => text.into_py_any(py),
            Self::Error(error) => Err(error::raise(py, &error)),
            Self::End => Ok(py.None()),
            Self::Nothing(Form::Array) => "[]".into_py_any(py),
            Self::Nothing(Form::Events) => "".into_py_any(py),
        }
    }
}

impl Form {
    fn write(self, batch: &Batch, text: &mut Vec<u8>) {
        match batch {
            Batch::Chunks(chunks) => {
                text.reserve(chunks.len() * 320);
                for chunk in chunks {
                    // Writing a chunk to memory cannot fail.
                    self.item(None, text, |text| _ = serde_json::to_writer(text, chunk));
                }
            }
            Batch::Events(events) => {
                for event in events {
                    self.item(Some(event.event_type()), text, |text| text.extend_from_slice(event.json().as_bytes()));
                }
            }
        }
    }

    fn item(self, name: Option<&str>, text: &mut Vec<u8>, json: impl FnOnce(&mut Vec<u8>)) {
        match (self, name) {
            (Self::Array, _) => text.push(if text.is_empty() { b'[' } else { b',' }),
            (Self::Events, None) => text.extend_from_slice(b"data: "),
            (Self::Events, Some(name)) => {
                text.extend_from_slice(b"event: ");
                text.extend_from_slice(name.as_bytes());
                text.extend_from_slice(b"\ndata: ");
            }
        }
        json(text);
        if matches!(self, Self::Events) {
            text.extend_from_slice(b"\n\n");
        }
    }

    fn close(self, mut text: Vec<u8>) -> String {
        if matches!(self, Self::Array) {
            text.push(b']');
        }
        String::from_utf8(text).unwrap_or_default()
    }
}

impl ChatStream {
    pub(crate) fn new(answer: Arc<Arriving>) -> Self {
        Self { answer: Some(answer), pid: process::id() }
    }

    /// A stream of the parent process has ended here: its connection is the parent's.
    fn own(&self) -> Option<&Arc<Arriving>> {
        self.answer.as_ref().filter(|_| self.pid == process::id())
    }
}

#[pymethods]
impl ChatStream {
    /// All chunks that are there, waiting for at least one; `None` after the last.
    fn next_batch(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let Some(answer) = self.own() else { return Ok(py.None()) };
        let found = runtime::wait(py, |tick| {
            let mut state = lock(&answer.state);
            answer.take(&mut state).or_else(|| {
                let (mut state, _) = answer.more.wait_timeout(state, tick).unwrap_or_else(PoisonError::into_inner);
                answer.take(&mut state)
            })
        })?;
        found.into_python(py)
    }

    /// As `next_batch`; what is not there yet is a future.
    fn next_batch_async(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let Some(answer) = self.own() else { return Ok(py.None()) };
        let found = answer.take(&mut lock(&answer.state));
        if let Some(found) = found {
            return found.into_python(py);
        }
        let (waiter, future) = Waiter::new(py)?;
        let mut state = lock(&answer.state);
        state.waiters.push(waiter);
        if !state.text.is_empty() || state.error.is_some() || state.ended {
            // It came meanwhile.
            answer.tell(&mut state);
        }
        Ok(future.unbind())
    }

    fn close(&self) {
        if let Some(answer) = self.own() {
            answer.close();
        }
    }
}

impl Drop for ChatStream {
    fn drop(&mut self) {
        self.close();
        if self.pid != process::id() {
            mem::forget(self.answer.take());
        }
    }
}
