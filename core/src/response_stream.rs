//! A streamed answer as events of the Responses API.
//!
//! Belongs here: handing on what the chat stream brings. Does not belong here: which events there are (`responses`).

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::Stream;

use crate::{
    error::{Error, Result},
    responses::{ResponseEvent, Writer},
    stream::ChatStream,
};

/// A stream of [`ResponseEvent`]s that has reached its first content.
///
/// It begins with `response.created` and ends with `response.completed`, `response.incomplete` or `response.failed`, each
/// with the whole response object; after `response.failed` comes the error itself. Dropping the stream closes the vendor's
/// connection.
pub struct ResponseStream {
    chat: ChatStream,
    writer: Writer,
    ready: VecDeque<ResponseEvent>,
    error: Option<Error>,
    over: bool,
}

impl ResponseStream {
    pub(crate) fn new(chat: ChatStream, writer: Writer) -> Self {
        Self { chat, writer, ready: VecDeque::new(), error: None, over: false }
    }

    /// The events that one read of the network brought, as soon as there is one; `None` at the end.
    pub async fn next_batch(&mut self) -> Option<Result<Vec<ResponseEvent>>> {
        poll_fn(|cx| self.poll_ready_events(cx)).await
    }

    /// The poll form of [`ResponseStream::next_batch`].
    pub fn poll_ready_events(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<ResponseEvent>>>> {
        ready!(self.fill(cx));
        if !self.ready.is_empty() {
            return Poll::Ready(Some(Ok(self.ready.drain(..).collect())));
        }
        Poll::Ready(self.error.take().map(Err))
    }

    /// The provider that serves.
    pub fn provider(&self) -> &str {
        self.chat.provider()
    }

    /// Ready when there is an event, or nothing more comes.
    fn fill(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.ready.is_empty() && !self.over {
            match ready!(Pin::new(&mut self.chat).poll_ready_chunks(cx)) {
                Some(Ok(chunks)) => chunks.into_iter().for_each(|chunk| self.writer.push(chunk, &mut self.ready)),
                Some(Err(error)) => {
                    self.over = true;
                    self.error = Some(error);
                }
                None => {
                    self.over = true;
                    self.writer.finish(&mut self.ready);
                }
            }
        }
        Poll::Ready(())
    }
}

impl Stream for ResponseStream {
    type Item = Result<ResponseEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        ready!(self.fill(cx));
        match self.ready.pop_front() {
            Some(event) => Poll::Ready(Some(Ok(event))),
            None => Poll::Ready(self.error.take().map(Err)),
        }
    }
}

impl fmt::Debug for ResponseStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseStream").field("chat", &self.chat).finish_non_exhaustive()
    }
}
