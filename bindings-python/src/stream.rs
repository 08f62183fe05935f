//! The stream handle: everything that is ready crosses at once, as one text.
//!
//! Belongs here: batches, closing. Does not belong here: what a chunk means.

use std::{
    mem, process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use junto::ChatChunk;
use pyo3::prelude::*;
use tokio::sync::{Mutex, Notify};

use crate::{bridge, error, runtime};

/// An answer that arrives. Dropping it, or closing it, closes the vendor's connection.
#[pyclass(frozen, module = "junto._native")]
pub(crate) struct ChatStream {
    shared: Option<Arc<Shared>>,
    pid: u32,
}

struct Shared {
    /// Gone once it has ended or was closed, and the connection with it.
    stream: Mutex<Option<junto::ChatStream>>,
    closed: AtomicBool,
    closing: Notify,
}

/// How a batch is written.
#[derive(Clone, Copy)]
enum Form {
    /// `[chunk, chunk]`
    Array,
    /// `data: chunk`, blank line, and so on: an event stream's body.
    Events,
}

impl ChatStream {
    pub(crate) fn new(stream: junto::ChatStream) -> Self {
        let shared = Shared { stream: Mutex::new(Some(stream)), closed: AtomicBool::new(false), closing: Notify::new() };
        Self { shared: Some(Arc::new(shared)), pid: process::id() }
    }

    fn batch(&self, events: bool) -> impl Future<Output = junto::Result<Option<String>>> + Send + use<> {
        let form = if events { Form::Events } else { Form::Array };
        // A stream of the parent process has ended here: its connection is the parent's.
        let shared = self.shared.clone().filter(|_| self.pid == process::id());
        async move {
            match shared {
                Some(shared) => shared.batch(form).await,
                None => Ok(None),
            }
        }
    }
}

impl Shared {
    async fn batch(&self, form: Form) -> junto::Result<Option<String>> {
        let mut closing = std::pin::pin!(self.closing.notified());
        closing.as_mut().enable();
        let next = async {
            // Declared first, so that it runs when the lock is free again.
            let _swept = Sweep(self);
            let mut slot = self.stream.lock().await;
            if self.closed.load(Ordering::SeqCst) {
                *slot = None;
            }
            let Some(stream) = slot.as_mut() else { return Ok(None) };
            match stream.next_batch().await {
                Some(Ok(chunks)) => Ok(Some(form.write(&chunks))),
                Some(Err(error)) => {
                    *slot = None;
                    Err(error)
                }
                None => {
                    *slot = None;
                    Ok(None)
                }
            }
        };
        tokio::select! {
            biased;
            () = closing => Ok(None),
            batch = next => batch,
        }
    }

    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.closing.notify_waiters();
        self.sweep();
    }

    /// Drops a closed stream. Where a reader holds it, the reader does so when it leaves.
    fn sweep(&self) {
        if self.closed.load(Ordering::SeqCst)
            && let Ok(mut slot) = self.stream.try_lock()
        {
            *slot = None;
        }
    }
}

/// Sweeps when a reader leaves, by whichever way: an aborted task only drops what it holds.
struct Sweep<'a>(&'a Shared);

impl Drop for Sweep<'_> {
    fn drop(&mut self) {
        self.0.sweep();
    }
}

impl Form {
    fn write(self, chunks: &[ChatChunk]) -> String {
        let (open, between, close) = match self {
            Self::Array => ("[", ",", "]"),
            Self::Events => ("data: ", "\n\ndata: ", "\n\n"),
        };
        let mut text = Vec::with_capacity(chunks.len() * 320);
        text.extend_from_slice(open.as_bytes());
        for (at, chunk) in chunks.iter().enumerate() {
            if at > 0 {
                text.extend_from_slice(between.as_bytes());
            }
            // Writing a chunk to memory cannot fail.
            _ = serde_json::to_writer(&mut text, chunk);
        }
        text.extend_from_slice(close.as_bytes());
        String::from_utf8(text).unwrap_or_default()
    }
}

#[pymethods]
impl ChatStream {
    /// All chunks that are ready, waiting for at least one; `None` after the last.
    #[pyo3(signature = (events = false))]
    fn next_batch(&self, py: Python<'_>, events: bool) -> PyResult<Option<String>> {
        runtime::block_on(py, self.batch(events))?.map_err(|error| error::raise(&error))
    }

    #[pyo3(signature = (events = false))]
    fn next_batch_async<'py>(&self, py: Python<'py>, events: bool) -> PyResult<Bound<'py, PyAny>> {
        let batch = self.batch(events);
        bridge::awaitable(py, async move { batch.await.map_err(|error| error::raise(&error)) })
    }

    fn close(&self) {
        if let Some(shared) = self.shared.as_ref().filter(|_| self.pid == process::id()) {
            shared.close();
        }
    }
}

impl Drop for ChatStream {
    fn drop(&mut self) {
        let shared = self.shared.take();
        if self.pid == process::id() {
            if let Some(shared) = shared {
                shared.close();
            }
        } else {
            mem::forget(shared);
        }
    }
}
