//! Listens on loopback, records what comes, answers as the behaviour says.
//!
//! Belongs here: sockets, pacing, faults. Does not belong here: what an answer says (`wire`).

use std::{
    collections::HashMap,
    convert::Infallible,
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
};

use crate::{
    behavior::{Behavior, Fault},
    record::{Close, Log, Request, redact},
    wire::{Answer, Asked, Wire, engines},
};

type Body = UnsyncBoxBody<Bytes, io::Error>;
type Chooser = Arc<dyn Fn(usize) -> Behavior + Send + Sync>;

/// A running vendor double. It stops when the last clone of it is dropped.
#[derive(Clone)]
pub struct Simulator {
    shared: Arc<Shared>,
    _accepting: Arc<AbortOnDrop>,
}

struct Shared {
    address: SocketAddr,
    log: Log,
    behaviors: Mutex<HashMap<String, (usize, Chooser)>>,
    scripts: Mutex<HashMap<String, Arc<[Step]>>>,
    connections: AtomicUsize,
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One move of a streamed answer.
#[derive(Clone)]
enum Step {
    Send(Bytes),
    Wait(Duration),
    Break,
    Hang,
}

impl Simulator {
    /// Starts on a free port of loopback.
    pub async fn start() -> io::Result<Self> {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Starts on this address.
    pub async fn start_on(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let shared = Arc::new(Shared {
            address: listener.local_addr()?,
            log: Log::default(),
            behaviors: Mutex::default(),
            scripts: Mutex::default(),
            connections: AtomicUsize::new(0),
        });
        let task = spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { shared, _accepting: Arc::new(AbortOnDrop(task)) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// The base URL to give to this provider.
    pub fn base_url(&self, provider: &str) -> String {
        format!("http://{}/{provider}", self.shared.address)
    }

    /// From now on this provider behaves like this.
    pub fn behave(&self, provider: &str, behavior: Behavior) {
        self.behave_with(provider, move |_| behavior.clone());
    }

    /// This provider behaves like each of these in turn; like the last one from then on.
    pub fn behave_in_turn(&self, provider: &str, behaviors: impl IntoIterator<Item = Behavior>) {
        let behaviors: Vec<Behavior> = behaviors.into_iter().collect();
        self.behave_with(provider, move |at| behaviors.get(at).or(behaviors.last()).cloned().unwrap_or_default());
    }

    /// This provider behaves as the function says; it gets the number of the request, from 0.
    pub fn behave_with(&self, provider: &str, choose: impl Fn(usize) -> Behavior + Send + Sync + 'static) {
        lock(&self.shared.behaviors).insert(provider.to_owned(), (0, Arc::new(choose)));
    }

    /// What was received so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.log.entries().requests.clone()
    }

    /// What this provider received so far, in order.
    pub fn requests_to(&self, provider: &str) -> Vec<Request> {
        self.shared.log.entries().requests.iter().filter(|request| request.provider == provider).cloned().collect()
    }

    /// How the answers ended so far.
    pub fn closes(&self) -> Vec<Close> {
        self.shared.log.entries().closes.clone()
    }

    /// How many requests were received, recorded or not.
    pub fn count(&self) -> usize {
        self.shared.log.entries().count
    }

    /// How many requests are being answered.
    pub fn open_requests(&self) -> usize {
        self.shared.log.entries().open
    }

    /// How many connections are open, idle ones included.
    pub fn open_connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Stops recording requests and closes; they are still counted. For long runs.
    pub fn stop_recording(&self) {
        let mut entries = self.shared.log.entries();
        entries.muted = true;
        entries.requests = Vec::new();
        entries.closes = Vec::new();
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").field("address", &self.shared.address).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "the server lives beside its callers; the handle ends it")]
fn spawn(future: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
    tokio::spawn(future).abort_handle()
}

#[expect(clippy::disallowed_methods, reason = "pacing is what a simulator is for")]
async fn sleep(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "tests compare it with their own clock")]
fn now() -> Instant {
    Instant::now()
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // The set ends every connection together with the accept loop.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => { connections.spawn(serve(socket, Arc::clone(&shared))); }
                // Out of file descriptors: others will be freed.
                Err(_) => sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

struct Connected(Arc<Shared>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn serve(socket: TcpStream, shared: Arc<Shared>) {
    shared.connections.fetch_add(1, Ordering::SeqCst);
    let _connected = Connected(Arc::clone(&shared));
    // Small events must not wait for each other.
    let _ = socket.set_nodelay(true);
    let socket = Arc::new(socket);
    let io = TokioIo::new(Socket(Arc::clone(&socket)));
    let service = hyper::service::service_fn(move |request| respond(request, Arc::clone(&shared), Arc::clone(&socket)));
    // A connection that ends badly is what half of the behaviours are about.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
}

/// A connection whose end the service can decide: hyper owns the stream, and a reset must be set up on it.
struct Socket(Arc<TcpStream>);

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(cx))?;
            match self.0.try_read(buf.initialize_unfilled()) {
                Ok(count) => {
                    buf.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(cx))?;
            match self.0.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The stream closes when its last owner drops it.
        Poll::Ready(Ok(()))
    }
}

/// Notes when the answer to a request ends, however it ends.
struct Answering {
    shared: Arc<Shared>,
    request: usize,
    complete: bool,
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.shared.log.closed(Close { request: self.request, at: now(), complete: self.complete });
    }
}

async fn respond(request: http::Request<Incoming>, shared: Arc<Shared>, socket: Arc<TcpStream>) -> io::Result<http::Response<Body>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let path = head.uri.path();
    let provider = path.trim_start_matches('/').split('/').next().unwrap_or_default().to_owned();
    let number = shared.log.received(Request {
        provider: provider.clone(),
        method: head.method.to_string(),
        path: without_key(&head.uri),
        headers: redact(&head.headers),
        body: body.clone(),
        at: now(),
    });
    let mut answering = Answering { shared: Arc::clone(&shared), request: number, complete: false };
    let Some(wire) = Wire::of(path) else {
        answering.complete = true;
        let found = engines::answer(path, &body).or_else(|| vectors(path, &body));
        let (behavior, status) = (choose(&shared, &provider), if found.is_some() { 200 } else { 404 });
        sleep(behavior.latency).await;
        let status = behavior.status.unwrap_or(status);
        return Ok(json(status, &found.filter(|_| status == 200).unwrap_or_else(|| Wire::OpenaiChat.error(status, None))));
    };
    let asked = wire.asked(path, &body);
    let header = head.headers.get("x-sim").and_then(|value| value.to_str().ok());
    let behavior = match header.or(asked.behavior.as_deref()).map(Behavior::from_str) {
        Some(Ok(behavior)) => behavior,
        Some(Err(message)) => {
            answering.complete = true;
            return Ok(json(400, &serde_json::json!({"error": {"message": message, "type": "invalid_request_error"}})));
        }
        None => choose(&shared, &provider),
    };
    sleep(behavior.latency).await;
    match behavior.fault {
        Some(Fault::Reset) => {
            let _ = socket.set_zero_linger();
            answering.complete = true;
            return Err(io::Error::other("reset"));
        }
        Some(Fault::Silence) => std::future::pending::<()>().await,
        _ => {}
    }
    let mut response = answer(&behavior, &asked, answering, &shared);
    for (name, value) in &behavior.headers {
        if let (Ok(name), Ok(value)) = (header::HeaderName::from_str(name), header::HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

/// An embeddings answer in OpenAI's format: a short vector for each input.
fn vectors(path: &str, body: &Value) -> Option<Value> {
    if !path.ends_with("/embeddings") {
        return None;
    }
    let count = body["input"].as_array().map_or(1, Vec::len);
    let data: Vec<Value> =
        (0..count).map(|at| serde_json::json!({"object": "embedding", "index": at, "embedding": [0.5, -0.25, at as f64]})).collect();
    let usage = serde_json::json!({"prompt_tokens": 4 * count, "total_tokens": 4 * count});
    Some(serde_json::json!({"object": "list", "model": body["model"], "data": data, "usage": usage}))
}

fn choose(shared: &Shared, provider: &str) -> Behavior {
    let (at, choose) = {
        let mut behaviors = lock(&shared.behaviors);
        let Some((count, choose)) = behaviors.get_mut(provider) else { return Behavior::ok() };
        *count += 1;
        (*count - 1, Arc::clone(choose))
    };
    choose(at)
}

fn without_key(uri: &http::Uri) -> String {
    let query = uri.query().map(|query| {
        let pairs = query.split('&').map(|pair| if pair.starts_with("key=") { "key=<redacted>" } else { pair });
        format!("?{}", pairs.collect::<Vec<_>>().join("&"))
    });
    format!("{}{}", uri.path(), query.unwrap_or_default())
}

fn answer(behavior: &Behavior, asked: &Asked, mut answering: Answering, shared: &Shared) -> http::Response<Body> {
    let wire = asked.wire;
    let reason = behavior.reason.as_deref();
    if let Some(status) = behavior.status.filter(|status| !(200..300).contains(status)) {
        answering.complete = true;
        let mut response = json(status, &wire.error(status, reason));
        if let Some((name, value)) = wire.error_header(status) {
            response.headers_mut().insert(name, header::HeaderValue::from_static(value));
        }
        return response;
    }
    match behavior.fault {
        Some(Fault::Html) => {
            answering.complete = true;
            return full(200, "text/html; charset=utf-8", "<!doctype html><html><body><h1>Please sign in</h1></body></html>");
        }
        Some(Fault::ErrorIn200) if !asked.stream => {
            answering.complete = true;
            return json(200, &wire.error(503, reason));
        }
        _ => {}
    }
    let steps = script(behavior, asked, shared);
    match (asked.stream, steps.as_ref()) {
        // A single piece is a plain body with its length.
        (false, [Step::Send(bytes)]) => {
            answering.complete = true;
            full(200, "application/json", bytes.clone())
        }
        (false, _) => streamed("application/json", steps, answering),
        (true, _) => streamed(wire.content_type(), steps, answering),
    }
}

/// The moves of this answer: made once for each behaviour, because a benchmark must not measure the simulator.
fn script(behavior: &Behavior, asked: &Asked, shared: &Shared) -> Arc<[Step]> {
    const KEPT: usize = 256;
    let key = format!(
        "{:?} {} {} {:?} {} {:?} {} {} {:?} {:?} {:?} {:?} {:?} {:?}",
        asked.wire,
        asked.model,
        asked.stream,
        asked.tool,
        asked.must_call,
        asked.schema,
        asked.answered,
        asked.thinking,
        (asked.searches, asked.brings_results),
        behavior.content,
        behavior.fault,
        behavior.reason,
        behavior.ttft,
        behavior.tokens_per_second
    );
    if let Some(steps) = lock(&shared.scripts).get(&key) {
        return Arc::clone(steps);
    }
    let answer = Answer::of(behavior, asked);
    let steps: Arc<[Step]> =
        if asked.stream { stream_steps(behavior, asked, &answer) } else { whole_steps(behavior, asked, &answer) }.into();
    let mut scripts = lock(&shared.scripts);
    if scripts.len() >= KEPT {
        scripts.clear();
    }
    scripts.insert(key, Arc::clone(&steps));
    steps
}

fn whole_steps(behavior: &Behavior, asked: &Asked, answer: &Answer) -> Vec<Step> {
    let bytes = Bytes::from(asked.wire.whole(asked, answer).to_string());
    let half = || Step::Send(bytes.slice(..bytes.len() / 2));
    match behavior.fault {
        Some(Fault::Cut(_)) => vec![half(), Step::Break],
        Some(Fault::Truncate(_) | Fault::Malformed(_)) => vec![half()],
        Some(Fault::Stall(_)) => vec![half(), Step::Hang],
        Some(Fault::ErrorEvent(_)) => vec![Step::Send(Bytes::from(asked.wire.error(503, behavior.reason.as_deref()).to_string()))],
        _ => vec![Step::Send(bytes)],
    }
}

fn stream_steps(behavior: &Behavior, asked: &Asked, answer: &Answer) -> Vec<Step> {
    let wire = asked.wire;
    let events = wire.events(asked, answer);
    let error = || Step::Send(wire.error_event(503, behavior.reason.as_deref()));
    let (count, end) = match behavior.fault {
        Some(Fault::ErrorIn200) => return vec![error()],
        Some(Fault::Cut(count)) => (count, Some(Step::Break)),
        Some(Fault::Truncate(count)) => (count, Some(Step::Send(Bytes::new()))),
        Some(Fault::Malformed(count)) => (count, Some(Step::Send(wire.malformed_event()))),
        Some(Fault::Stall(count)) => (count, Some(Step::Hang)),
        Some(Fault::ErrorEvent(count)) => (count, Some(error())),
        _ => (usize::MAX, None),
    };
    let pause = behavior.tokens_per_second.map(|speed| Duration::from_secs_f64(1.0 / speed.max(0.001)));
    let mut steps: Vec<Step> = events.opening.into_iter().map(Step::Send).collect();
    if !behavior.ttft.is_zero() {
        steps.push(Step::Wait(behavior.ttft));
    }
    for event in events.content.into_iter().take(count) {
        steps.push(Step::Send(event));
        steps.extend(pause.map(Step::Wait));
    }
    match end {
        Some(Step::Send(bytes)) if bytes.is_empty() => {}
        // Let the pieces arrive: a broken connection throws away what is still in its buffers.
        Some(Step::Break) => steps.extend([Step::Wait(Duration::from_millis(5)), Step::Break]),
        Some(Step::Send(bytes)) if matches!(behavior.fault, Some(Fault::Malformed(_))) => {
            // The vendor goes on as if nothing were wrong.
            steps.push(Step::Send(bytes));
            steps.extend(events.closing.into_iter().map(Step::Send));
        }
        Some(end) => steps.push(end),
        None => steps.extend(events.closing.into_iter().map(Step::Send)),
    }
    if behavior.fault == Some(Fault::Linger) {
        steps.push(Step::Hang);
    }
    steps
}

fn streamed(content_type: &str, steps: Arc<[Step]>, answering: Answering) -> http::Response<Body> {
    response(200, content_type, StreamBody::new(play(steps, answering)).boxed_unsync())
}

fn play(steps: Arc<[Step]>, answering: Answering) -> impl Stream<Item = io::Result<Frame<Bytes>>> + Send {
    stream::unfold((steps, 0, answering), |(steps, mut at, mut answering)| async move {
        loop {
            let item = match steps.get(at) {
                Some(Step::Send(bytes)) => Ok(Frame::data(bytes.clone())),
                Some(Step::Wait(time)) => {
                    sleep(*time).await;
                    at += 1;
                    continue;
                }
                Some(Step::Break) => Err(io::Error::other("cut")),
                Some(Step::Hang) => std::future::pending().await,
                None => return None,
            };
            at += 1;
            answering.complete = at == steps.len();
            return Some((item, (steps, at, answering)));
        }
    })
}

fn json(status: u16, value: &Value) -> http::Response<Body> {
    full(status, "application/json", value.to_string())
}

fn full(status: u16, content_type: &str, body: impl Into<Bytes>) -> http::Response<Body> {
    response(status, content_type, Full::new(body.into()).map_err(|never: Infallible| match never {}).boxed_unsync())
}

fn response(status: u16, content_type: &str, body: Body) -> http::Response<Body> {
    let mut response = http::Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(value) = header::HeaderValue::from_str(content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response
}
