//! Moves bytes: one request out, one response head and a byte stream back.
//!
//! Belongs here: connections, TLS, pools, proxies. Does not belong here: what the bytes mean (`protocols`), whether to
//! try again (`route`).

mod replay;
mod reqwest;

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::Stream;

use crate::error::{Error, ErrorKind};

pub use self::replay::{RecordedRequest, Scripted, ScriptedTransport};
pub use self::reqwest::Reqwest;

/// A future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends requests. A status other than 2xx is a response, not an error. Dropping the future or the body cancels.
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends one request and returns when the head of the response is there.
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>>;
}

/// Why no response came, or why it stopped. The kind decides whether trying again is safe.
#[derive(Clone, Debug)]
pub struct TransportError {
    /// Where it failed.
    pub kind: TransportErrorKind,
    /// One sentence; never holds a key or a query string.
    pub message: String,
}

/// Where a transfer failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// No connection: the vendor never saw the request.
    Connect,
    /// The connection broke after the request was sent.
    Interrupted,
    /// The request could not be sent; the vendor never saw it.
    Request,
    /// Nothing came for too long.
    Timeout,
    /// The bytes are not HTTP, or not in the announced encoding.
    Decode,
}

impl TransportError {
    /// An error of this kind.
    pub fn new(kind: TransportErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TransportError {}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        let kind = match error.kind {
            TransportErrorKind::Timeout => ErrorKind::Timeout,
            TransportErrorKind::Decode => ErrorKind::Decode,
            _ => ErrorKind::Transport,
        };
        let message = match error.kind {
            TransportErrorKind::Connect => format!("cannot connect: {}", error.message),
            TransportErrorKind::Interrupted => format!("the connection broke: {}", error.message),
            _ => error.message,
        };
        Self::new(kind, message)
    }
}

/// The body of a response as it arrives.
pub struct Body(Pin<Box<dyn Stream<Item = Result<Bytes, TransportError>> + Send>>);

impl Body {
    /// A body from a stream of reads.
    pub fn new(stream: impl Stream<Item = Result<Bytes, TransportError>> + Send + 'static) -> Self {
        Self(Box::pin(stream))
    }

    /// A body that is already there.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        Self::new(futures_util::stream::iter([Ok(bytes.into())]))
    }
}

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}
