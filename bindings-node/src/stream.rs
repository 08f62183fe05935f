//! A streamed answer that crosses once per network read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use junto::{ChatChunk, ChatStream, Error, ResponseEvent, ResponseStream, Result};
use napi_derive::napi;
use tokio::sync::Notify;

use crate::{
    failure,
    port::{Calls, Payload},
};

/// What may lie ready for a reader, in bytes; beyond that the vendor waits.
const MOST_READY: usize = 128 << 10;

/// How the chunks cross.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    /// As a JSON list.
    List,
    /// As server-sent events, `[DONE]` behind the last chunk.
    Events,
}

/// What is read: an answer in chunks, or in events of the Responses API.
pub(crate) enum Source {
    Chat(Box<ChatStream>),
    Response(Box<ResponseStream>),
}

/// What one read brought.
enum Batch {
    Chunks(Vec<ChatChunk>),
    Events(Vec<ResponseEvent>),
}

impl Source {
    async fn next_batch(&mut self) -> Option<Result<Batch>> {
        match self {
            Self::Chat(stream) => stream.next_batch().await.map(|batch| batch.map(Batch::Chunks)),
            Self::Response(stream) => stream.next_batch().await.map(|batch| batch.map(Batch::Events)),
        }
    }

    /// Whether `[DONE]` follows the last event.
    fn says_done(&self) -> bool {
        matches!(self, Self::Chat(_))
    }
}

/// A streamed answer. It is asked for at once, read a little ahead, and let go of when this handle is.
#[napi]
pub struct Stream {
    /// The number of the call that asked, which is its first read as well.
    call: u32,
    calls: Arc<Calls>,
    flow: Arc<Flow>,
}

/// What the network's thread has read and the reader has not taken.
struct Flow {
    form: Form,
    ready: Mutex<Ready>,
    taken: Notify,
}

struct Ready {
    text: String,
    /// An error that comes behind the text.
    error: Option<String>,
    ended: bool,
    /// The read that waits.
    reader: Option<u32>,
}

impl Stream {
    /// Asks. The call settles as its first read.
    pub(crate) fn open(calls: Arc<Calls>, call: u32, form: Form, opening: impl Future<Output = Result<Source>> + Send + 'static) -> Self {
        let ready = Ready { text: String::new(), error: None, ended: false, reader: Some(call) };
        let flow = Arc::new(Flow { form, ready: Mutex::new(ready), taken: Notify::new() });
        let (port, filling) = (Arc::clone(&calls), Arc::clone(&flow));
        calls.run(call, async move {
            match Box::pin(opening).await {
                Ok(stream) => filling.fill(stream, &port).await,
                // Nothing has begun: an error alone, also where events were asked for.
                Err(error) => filling.give(&port, |ready| {
                    ready.error = Some(failure(&error));
                    ready.ended = true;
                }),
            }
            None
        });
        Self { call, calls, flow }
    }
}

#[napi]
impl Stream {
    /// Settles with all that is ready, in the stream's form, as soon as there is something; `null` at the end, or an error.
    #[napi]
    pub fn next(&self, call: u32) {
        self.flow.give(&self.calls, |ready| ready.reader = Some(call));
        self.flow.taken.notify_one();
    }

    /// Ends the stream and closes its connection. A read that waits settles with `null`, like any that follows.
    #[napi]
    pub fn cancel(&self) {
        self.calls.cancel(self.call);
        self.flow.give(&self.calls, Ready::close);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.calls.cancel(self.call);
    }
}

impl Flow {
    /// Reads the stream to its end, as fast as it is taken.
    async fn fill(&self, mut stream: Source, port: &Calls) {
        let done = stream.says_done();
        loop {
            let mut read = stream.next_batch().await;
            // What is ready behind it crosses with it.
            loop {
                let more = match read {
                    Some(Ok(batch)) => self.ready().push(self.form, &batch),
                    Some(Err(error)) => return self.give(port, |ready| ready.end(self.form, Some(&error), done)),
                    None => return self.give(port, |ready| ready.end(self.form, None, done)),
                };
                match stream.next_batch().now_or_never() {
                    Some(next) if more => read = next,
                    Some(next) => {
                        // The reader is slow: what was read is kept, and nothing more is asked for.
                        self.give(port, |_| {});
                        self.room().await;
                        read = next;
                    }
                    None => break,
                }
            }
            self.give(port, |_| {});
            self.room().await;
        }
    }

    /// Waits until what lies ready is not too much.
    async fn room(&self) {
        while self.ready().text.len() >= MOST_READY {
            self.taken.notified().await;
        }
    }

    /// Changes what is ready, and hands it to the read that waits.
    fn give(&self, port: &Calls, change: impl FnOnce(&mut Ready)) {
        let mut ready = self.ready();
        change(&mut ready);
        if let Some(reader) = ready.reader
            && let Some(payload) = ready.take(self.form)
        {
            ready.reader = None;
            drop(ready);
            port.settle(reader, payload);
        }
    }

    fn ready(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ready {
    /// Adds chunks; whether there is room for more.
    fn push(&mut self, form: Form, batch: &Batch) -> bool {
        match batch {
            // After `close` nothing is wanted.
            _ if self.ended => {}
            Batch::Chunks(chunks) => chunks.iter().for_each(|chunk| self.item(form, None, &chunk.to_json())),
            Batch::Events(events) => events.iter().for_each(|event| self.item(form, Some(event.event_type()), event.json())),
        }
        self.text.len() < MOST_READY
    }

    fn item(&mut self, form: Form, name: Option<&str>, json: &str) {
        match (form, name) {
            (Form::List, _) => {
                self.text.push(if self.text.is_empty() { '[' } else { ',' });
                self.text.push_str(json);
            }
            (Form::Events, None) => self.event(json),
            (Form::Events, Some(name)) => {
                self.text.push_str("event: ");
                self.text.push_str(name);
                self.text.push('\n');
                self.event(json);
            }
        }
    }

    fn event(&mut self, json: &str) {
        self.text.push_str("data: ");
        self.text.push_str(json);
        self.text.push_str("\n\n");
    }

    fn end(&mut self, form: Form, error: Option<&Error>, done: bool) {
        self.ended = true;
        match form {
            Form::List => self.error = error.map(failure),
            // A broken stream has said so in its last chunk or event.
            Form::Events if done => self.event("[DONE]"),
            Form::Events => {}
        }
    }

    /// Nothing more is wanted.
    fn close(&mut self) {
        self.text.clear();
        self.error = None;
        self.ended = true;
    }

    /// All that can be told now.
    fn take(&mut self, form: Form) -> Option<Payload> {
        if !self.text.is_empty() {
            let mut text = std::mem::take(&mut self.text);
            return Some(match form {
                Form::List => {
                    text.push(']');
                    Payload::Text(text)
                }
                Form::Events => Payload::Bytes(text.into_bytes()),
            });
        }
        if let Some(error) = self.error.take() {
            return Some(Payload::Text(error));
        }
        self.ended.then_some(Payload::Nothing)
    }
}
