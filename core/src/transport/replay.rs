//! A transport that answers from a script, for tests of junto and of programs that use it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::{Body, BoxFuture, Transport, TransportError, TransportErrorKind};
use crate::clock::Clock;

/// Answers requests from a script and remembers them. Clones share the script.
///
/// An answer is taken in order by the first request that it matches; a request without an answer fails to connect.
#[derive(Clone, Debug, Default)]
pub struct ScriptedTransport {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    script: VecDeque<Scripted>,
    requests: Vec<RecordedRequest>,
}

/// One answer of a [`ScriptedTransport`].
#[derive(Clone, Debug)]
pub struct Scripted {
    url: Option<String>,
    head_delay: Duration,
    answer: Result<Answer, TransportError>,
    repeat: bool,
}

#[derive(Clone, Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    reads: Vec<(Duration, Result<Bytes, TransportError>)>,
}

/// A request that a [`ScriptedTransport`] received. Headers that carry keys read `***`.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    /// The method.
    pub method: http::Method,
    /// The URL, without its query.
    pub url: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl RecordedRequest {
    /// The body as JSON; `null` where it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Scripted {
    /// A response of this status and body. A body that begins with `{` or `[` is JSON, another one an event stream.
    pub fn response(status: u16, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let kind = if body.starts_with(b"{") || body.starts_with(b"[") { "application/json" } else { "text/event-stream" };
        Self::reads(status, [body]).header("content-type", kind)
    }

    /// A response whose body arrives in these reads.
    pub fn reads<B: Into<Bytes>>(status: u16, reads: impl IntoIterator<Item = B>) -> Self {
        let reads = reads.into_iter().map(|read| (Duration::ZERO, Ok(read.into()))).collect();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { url: None, head_delay: Duration::ZERO, answer: Ok(Answer { status, headers: HeaderMap::new(), reads }), repeat: false }
    }

    /// No response.
    pub fn error(kind: TransportErrorKind, message: impl Into<String>) -> Self {
        Self { url: None, head_delay: Duration::ZERO, answer: Err(TransportError::new(kind, message)), repeat: false }
    }

    /// Sets a header; a name or value that is not allowed in HTTP is left out.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(answer), Ok(name), Ok(value)) = (&mut self.answer, name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            answer.headers.insert(name, value);
        }
        self
    }

    /// Adds a read that comes this long after the one before.
    pub fn then(mut self, delay: Duration, read: impl Into<Bytes>) -> Self {
        if let Ok(answer) = &mut self.answer {
            answer.reads.push((delay, Ok(read.into())));
        }
        self
    }

    /// The body breaks at this point.
    pub fn then_error(mut self, delay: Duration, kind: TransportErrorKind, message: impl Into<String>) -> Self {
        if let Ok(answer) = &mut self.answer {
            answer.reads.push((delay, Err(TransportError::new(kind, message))));
        }
        self
    }

    /// The head of the response, or the error, comes this late.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.head_delay = delay;
        self
    }

    /// Answers only requests whose URL contains this text.
    pub fn to(mut self, url_part: impl Into<String>) -> Self {
        self.url = Some(url_part.into());
        self
    }

    /// Answers any number of requests.
    pub fn repeated(mut self) -> Self {
        self.repeat = true;
        self
    }
}

impl ScriptedTransport {
    /// A transport without answers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Delays pass on this clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Adds an answer.
    pub fn then(self, answer: Scripted) -> Self {
        self.state().script.push_back(answer);
        self
    }

    /// What was asked so far.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.state().requests.clone()
    }

    /// How many answers are left.
    pub fn remaining(&self) -> usize {
        self.state().script.len()
    }

    /// A poisoned lock still holds a usable script.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, request: http::Request<Bytes>) -> Scripted {
        let (head, body) = request.into_parts();
        let url = head.uri.to_string();
        let mut state = self.state();
        let found = state.script.iter().position(|answer| answer.url.as_ref().is_none_or(|part| url.contains(part.as_str())));
        let bare = url.split('?').next().unwrap_or_default().to_owned();
        state.requests.push(RecordedRequest { method: head.method, url: bare, headers: redacted(head.headers), body });
        let answer = match found {
            Some(at) if state.script[at].repeat => state.script.get(at).cloned(),
            Some(at) => state.script.remove(at),
            None => None,
        };
        answer.unwrap_or_else(|| Scripted::error(TransportErrorKind::Connect, "the script has no answer for this request"))
    }
}

fn redacted(mut headers: HeaderMap) -> HeaderMap {
    for (name, value) in &mut headers {
        let name = name.as_str();
        if value.is_sensitive() || name == "authorization" || name.contains("key") || name.contains("token") {
            *value = HeaderValue::from_static("***");
        }
    }
    headers
}

impl Transport for ScriptedTransport {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        Box::pin(async move {
            let scripted = self.take(request);
            if !scripted.head_delay.is_zero() {
                self.clock.sleep(scripted.head_delay).await;
            }
            let answer = scripted.answer?;
            let clock = self.clock.clone();
            let body = futures_util::stream::unfold(answer.reads.into_iter(), move |mut reads| {
                let clock = clock.clone();
                async move {
                    let (delay, read) = reads.next()?;
                    if !delay.is_zero() {
                        clock.sleep(delay).await;
                    }
                    Some((read, reads))
                }
            });
            let mut response = http::Response::new(Body::new(body));
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            Ok(response)
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    fn post(url: &str) -> http::Request<Bytes> {
        http::Request::post(url).header("authorization", "Bearer sk-hidden").body(Bytes::from_static(b"{}")).expect("request")
    }

    #[tokio::test]
    async fn answers_in_order_by_url_and_records_without_keys() {
        let transport = ScriptedTransport::new()
            .then(Scripted::response(503, "{}").to("b.test"))
            .then(Scripted::reads(200, ["one", "two"]).to("a.test"));
        let response = transport.send(post("http://a.test/v1?key=sk-hidden")).await.expect("answer");
        let reads: Vec<_> = response.into_body().map(|read| read.expect("read")).collect().await;
        assert_eq!(reads, ["one", "two"]);
        assert_eq!(transport.send(post("http://b.test/v1")).await.expect("answer").status(), 503);
        assert_eq!(transport.send(post("http://b.test/v1")).await.expect_err("script is empty").kind, TransportErrorKind::Connect);
        let seen = format!("{:?}", transport.requests());
        assert!(!seen.contains("sk-hidden"), "{seen}");
        assert_eq!(transport.requests().len(), 3);
    }
}
