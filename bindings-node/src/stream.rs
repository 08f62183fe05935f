//! Cancellation, and a streamed answer that crosses once per network read.

use std::sync::Arc;

use futures_util::FutureExt;
use junto::{ChatChunk, ChatStream, Error};
use napi::{
    Env,
    bindgen_prelude::{Buffer, PromiseRaw},
};
use napi_derive::napi;
use tokio::sync::{Mutex, watch};

use crate::{canceled, client::within, failure};

/// Ends a call from outside; firing it drops the call's future, which closes its connection.
#[napi]
#[derive(Clone, Default)]
pub struct Cancel(watch::Sender<bool>);

#[napi]
impl Cancel {
    /// A signal that has not fired.
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Fires.
    #[napi]
    pub fn fire(&self) {
        self.0.send_replace(true);
    }
}

impl Cancel {
    /// Runs the future until it is done or the signal fires; `None` where it fired.
    pub(crate) fn race<T, F: Future<Output = T>>(&self, future: F) -> impl Future<Output = Option<T>> + use<T, F> {
        let mut fired = self.0.subscribe();
        async move {
            tokio::select! {
                biased;
                Ok(_) = fired.wait_for(|fired| *fired) => None,
                done = future => Some(done),
            }
        }
    }
}

/// What a streamed answer is doing.
enum State {
    /// Not asked yet: the client, the request, and its limit in milliseconds.
    Idle(junto::Client, String, Option<f64>),
    /// Chunks come.
    Open(Box<ChatStream>),
    /// Nothing comes any more, but this error is still to be told.
    Failed(Error),
    /// All is told.
    Ended,
}

/// How many chunks cross at once; a read of the network is never split.
const MOST_AT_ONCE: usize = 256;

/// What one crossing carries.
#[derive(Default)]
struct Batch {
    chunks: Vec<ChatChunk>,
    error: Option<Error>,
    /// Whether the end was seen.
    ended: bool,
}

impl State {
    /// Asks, and waits for the first content.
    async fn open(&mut self) -> Option<String> {
        let Self::Idle(client, request, timeout) = &*self else { return None };
        let opened = within(*timeout, Box::pin(client.stream_json(request))).await;
        let (next, failed) = match opened {
            Ok(stream) => (Self::Open(Box::new(stream)), None),
            Err(error) => (Self::Ended, Some(failure(&error))),
        };
        *self = next;
        failed
    }

    /// What is ready, as a JSON list.
    async fn next(&mut self) -> Option<String> {
        let batch = self.take().await;
        match batch.error {
            Some(error) if batch.chunks.is_empty() => return Some(failure(&error)),
            Some(error) => *self = Self::Failed(error),
            None if batch.chunks.is_empty() => return None,
            None => {}
        }
        Some(list(&batch.chunks))
    }

    /// Closes the connection.
    fn abort(&mut self) -> String {
        *self = Self::Ended;
        canceled()
    }

    /// Waits for a read of the network and takes what is ready behind it.
    async fn take(&mut self) -> Batch {
        let mut batch = Batch::default();
        let Self::Open(stream) = self else {
            if let Self::Failed(error) = std::mem::replace(self, Self::Ended) {
                batch.error = Some(error);
            }
            return batch;
        };
        let mut read = stream.next_batch().await;
        loop {
            match read {
                Some(Ok(chunks)) => batch.chunks.extend(chunks),
                Some(Err(error)) => {
                    batch.error = Some(error);
                    break;
                }
                None => break,
            }
            // A vendor that outpaces its reader must not fill the memory.
            if batch.chunks.len() >= MOST_AT_ONCE {
                return batch;
            }
            match stream.next_batch().now_or_never() {
                Some(ready) => read = ready,
                None => return batch,
            }
        }
        batch.ended = true;
        *self = Self::Ended;
        batch
    }
}

/// A streamed answer. Reads take what is ready; nothing is read ahead, so a slow reader slows the vendor.
#[napi]
pub struct Stream {
    state: Arc<Mutex<State>>,
    cancel: Cancel,
}

impl Stream {
    pub(crate) fn new(client: junto::Client, request: String, timeout: Option<f64>) -> Self {
        Self { state: Arc::new(Mutex::new(State::Idle(client, request, timeout))), cancel: Cancel::new() }
    }
}

#[napi]
impl Stream {
    /// Asks; settles with `null` once the first content is there, or with an error.
    #[napi(ts_return_type = "Promise<string | null>")]
    pub fn open<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Option<String>>> {
        let (state, cancel) = (self.state.clone(), self.cancel.clone());
        env.spawn_future(async move {
            let mut state = state.lock().await;
            let opened = cancel.race(state.open()).await;
            Ok(opened.unwrap_or_else(|| Some(state.abort())))
        })
    }

    /// All chunks that are ready, as a JSON list; waits for the first. `null` at the end, or an error.
    #[napi(ts_return_type = "Promise<string | null>")]
    pub fn next<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Option<String>>> {
        let (state, cancel) = (self.state.clone(), self.cancel.clone());
        env.spawn_future(async move {
            let mut state = state.lock().await;
            let read = cancel.race(state.next()).await;
            Ok(read.unwrap_or_else(|| Some(state.abort())))
        })
    }

    /// All chunks that are ready, as server-sent events, `[DONE]` behind the last. `null` at the end.
    #[napi(ts_return_type = "Promise<Uint8Array | null>")]
    pub fn next_events<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Option<Buffer>>> {
        let (state, cancel) = (self.state.clone(), self.cancel.clone());
        env.spawn_future(async move {
            let mut state = state.lock().await;
            let read = cancel.race(state.take()).await;
            if read.is_none() {
                state.abort();
            }
            Ok(read.as_ref().and_then(events).map(|text| text.into_bytes().into()))
        })
    }

    /// Ends the stream and closes its connection, whether a read waits or not.
    #[napi]
    pub fn cancel(&self) {
        self.cancel.fire();
        // A read that waits holds the lock, and does the same when the signal ends it.
        if let Ok(mut state) = self.state.try_lock() {
            state.abort();
        }
    }
}

fn list(chunks: &[ChatChunk]) -> String {
    let mut text = String::with_capacity(256 * chunks.len());
    for chunk in chunks {
        text.push(if text.is_empty() { '[' } else { ',' });
        text.push_str(&chunk.to_json());
    }
    text.push(']');
    text
}

fn events(batch: &Batch) -> Option<String> {
    if batch.chunks.is_empty() && !batch.ended {
        return None;
    }
    let mut text = String::with_capacity(256 * batch.chunks.len() + 16);
    let mut event = |json: &str| {
        text.push_str("data: ");
        text.push_str(json);
        text.push_str("\n\n");
    };
    for chunk in &batch.chunks {
        event(&chunk.to_json());
    }
    // A broken stream says so in its last chunk; one that broke without a chunk says it here.
    if let Some(error) = batch.error.as_ref().filter(|_| batch.chunks.last().is_none_or(|chunk| chunk.error.is_none())) {
        event(&failure(error));
    }
    if batch.ended {
        event("[DONE]");
    }
    Some(text)
}
