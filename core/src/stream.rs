//! The answer as it is written: a body, its decoder, and the chunks that are ready.
//!
//! Belongs here: what happens after a stream's first content. Does not belong here: anything before it (`route`), what
//! the bytes mean (`protocols`).

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use futures_util::Stream;
use pin_project::pin_project;

use crate::{
    catalog::Endpoint,
    client::Account,
    clock::{Clock, Sleep},
    error::{Error, ErrorKind, Result},
    protocols::Decoder,
    route::{Attempts, Opened, Outcome, Running, Watch, canceled, charge, issued_by, tell},
    search::{Cite, Found},
    transport::Body,
    types::{ChatChunk, ChunkChoice, Delta, FinishReason},
};

/// A stream of [`ChatChunk`]s that has reached its first content.
///
/// Every chunk has the same id and model. The last one carries the usage with its cost and the routing. A stream that
/// fails gives a last chunk with `error` and `finish_reason: "error"`, then the error itself. Dropping the stream closes
/// the vendor's connection.
#[pin_project]
pub struct ChatStream {
    /// Gone once the stream has ended, so that the connection is free.
    #[pin]
    body: Option<Body>,
    decoder: Box<dyn Decoder>,
    ready: VecDeque<ChatChunk>,
    failure: Option<Error>,
    phase: Phase,
    last_read: Instant,
    sleep: Option<Sleep>,
    head: Head,
    opened: Rest,
}

/// What every chunk of the answer repeats.
struct Head {
    id: Arc<str>,
    model: Arc<str>,
    created: u64,
}

/// What is needed at the end.
struct Rest {
    clock: Clock,
    shared: Arc<crate::client::Shared>,
    candidate: crate::plan::Candidate,
    account: Arc<Account>,
    /// Taken when the stream ends.
    log: Option<(Attempts, Running)>,
    watch: Watch,
    /// What a search engine found, and where the answer cites it.
    found: Option<(Arc<Found>, Cite)>,
    requested: String,
    idle: Duration,
    deadline: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// More bytes may come.
    Reading,
    /// The last chunk is in `ready`.
    Ending,
    /// Everything was handed out.
    Over,
}

impl ChatStream {
    pub(crate) fn new(opened: Opened, watch: Watch) -> Self {
        let Opened { shared, candidate, account, gate, attempts, running, found, requested, idle, deadline } = opened;
        let first = gate.ready.front();
        let head = Head {
            id: first.map_or_else(|| "".into(), |chunk| Arc::clone(&chunk.id)),
            model: first.map_or_else(|| Arc::clone(&candidate.endpoint.upstream), |chunk| Arc::clone(&chunk.model)),
            created: first.map_or(0, |chunk| chunk.created),
        };
        let clock = shared.clock.clone();
        let log = Some((attempts, running));
        let found = found.map(|found| (Arc::clone(&found), Cite::new(found)));
        let mut stream = Self {
            body: gate.body,
            decoder: gate.decoder,
            ready: gate.ready,
            failure: None,
            phase: Phase::Reading,
            last_read: clock.now(),
            sleep: None,
            head,
            opened: Rest { clock, shared, candidate, account, log, watch, found, requested, idle, deadline },
        };
        Pin::new(&mut stream).after_read(gate.failure);
        stream
    }

    /// The chunks that one read of the network brought, as soon as there is one; `None` at the end. Cheaper than one
    /// chunk at a time where each crossing costs, as into Python or Node.
    pub async fn next_batch(&mut self) -> Option<Result<Vec<ChatChunk>>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_ready_chunks(cx)).await
    }

    /// The poll form of [`ChatStream::next_batch`].
    pub fn poll_ready_chunks(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<ChatChunk>>>> {
        match ready!(self.as_mut().poll_next(cx)) {
            None => Poll::Ready(None),
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            Some(Ok(first)) => {
                let this = self.project();
                let mut batch = Vec::with_capacity(1 + this.ready.len());
                batch.push(first);
                batch.extend(this.ready.drain(..));
                Poll::Ready(Some(Ok(batch)))
            }
        }
    }

    /// The provider that serves.
    pub fn provider(&self) -> &str {
        &self.opened.candidate.endpoint.provider
    }

    /// Looks at what a read has brought.
    fn after_read(self: Pin<&mut Self>, failure: Option<Error>) {
        let this = self.project();
        let endpoint = &this.opened.candidate.endpoint;
        for choice in this.ready.iter_mut().flat_map(|chunk| &mut chunk.choices) {
            for detail in &mut choice.delta.reasoning_details {
                issued_by(detail, endpoint);
            }
            if let Some((_, cite)) = &mut this.opened.found {
                if let Some(said) = &choice.delta.content {
                    choice.delta.annotations.extend(cite.push(choice.index, said));
                }
                if choice.finish_reason.is_some() {
                    choice.delta.annotations.extend(cite.finish(choice.index));
                }
            }
        }
        if let Some(error) = failure {
            *this.phase = Phase::Ending;
            let error = tell(error, &this.opened.candidate, &this.opened.account, None);
            let now = this.opened.clock.now();
            this.opened.shared.health.record(endpoint, now, Outcome::Failed);
            let error = match this.opened.log.take() {
                Some((mut attempts, running)) => {
                    attempts.push(endpoint, running, now, Err(&error));
                    attempts.end(error)
                }
                None => error,
            };
            this.opened.watch.failed(&error);
            tracing::debug!(provider = &*endpoint.provider, kind = error.kind().name(), "stream failed after its first content");
            let choice = ChunkChoice { delta: Delta::default(), finish_reason: Some(FinishReason::Error), ..ChunkChoice::default() };
            let mut last = this.head.chunk(endpoint, vec![choice]);
            last.error = Some(Box::new(error.to_body()));
            this.ready.push_back(last);
            *this.failure = Some(error);
            // Nothing more is wanted of this connection.
            this.body.get_mut().take();
        } else if *this.phase == Phase::Reading && (this.decoder.is_done() || this.body.is_none()) {
            *this.phase = Phase::Ending;
            // The timer of silence has done its work; the next one waits for the body's end.
            *this.sleep = None;
            if this.ready.is_empty() {
                this.ready.push_back(this.head.chunk(endpoint, Vec::new()));
            }
            let (Some(last), Some((mut attempts, running))) = (this.ready.back_mut(), this.opened.log.take()) else { return };
            let now = this.opened.clock.now();
            if let Some(throughput) = running.throughput(now, last.usage.as_deref()) {
                this.opened.shared.health.record(endpoint, now, Outcome::Finished(throughput));
            }
            let found = this.opened.found.as_ref().map(|(found, _)| &**found);
            if found.is_some() {
                last.usage.get_or_insert_default();
            }
            if let Some(usage) = &mut last.usage {
                this.opened.shared.health.learn(&this.opened.candidate, usage);
                charge(endpoint, usage, last.service_tier.as_deref(), found);
            }
            attempts.push(endpoint, running, now, Ok(last.usage.as_deref()));
            last.routing = Some(Box::new(attempts.into_routing(std::mem::take(&mut this.opened.requested), endpoint)));
            this.opened.watch.answered(&last.id, last.routing.as_deref(), last.usage.as_deref());
        }
    }
}

impl Drop for Rest {
    /// The caller left before the end.
    fn drop(&mut self) {
        let Some((mut attempts, running)) = self.log.take() else { return };
        attempts.push(&self.candidate.endpoint, running, self.clock.now(), Err(&canceled()));
        self.watch.failed(&attempts.end(canceled()));
    }
}

impl Head {
    fn chunk(&self, endpoint: &Endpoint, choices: Vec<ChunkChoice>) -> ChatChunk {
        ChatChunk::of([&self.id, &self.model, &endpoint.provider], self.created, choices)
    }
}

impl Stream for ChatStream {
    type Item = Result<ChatChunk>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let mut this = self.as_mut().project();
            if let Some(chunk) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(chunk)));
            }
            if let Some(error) = this.failure.take() {
                *this.phase = Phase::Over;
                return Poll::Ready(Some(Err(error)));
            }
            if *this.phase == Phase::Ending {
                ready!(poll_rest(this.body.as_mut(), this.opened, this.sleep, cx));
                this.body.set(None);
                *this.phase = Phase::Over;
            }
            if *this.phase == Phase::Over {
                return Poll::Ready(None);
            }
            let Some(body) = this.body.as_mut().as_pin_mut() else { return Poll::Ready(None) };
            let failure = match body.poll_next(cx) {
                Poll::Ready(Some(Ok(bytes))) => {
                    *this.last_read = this.opened.clock.now();
                    this.decoder.push(&bytes, this.ready).err()
                }
                Poll::Ready(Some(Err(error))) => {
                    this.body.set(None);
                    Some(error.into())
                }
                Poll::Ready(None) => {
                    this.body.set(None);
                    this.decoder.finish(this.ready).err()
                }
                Poll::Pending => Some(ready!(poll_silence(this.opened, this.sleep, *this.last_read, cx))),
            };
            let late = this.opened.deadline.is_some_and(|deadline| this.opened.clock.now() >= deadline);
            let failure = failure.or_else(|| (late && !this.decoder.is_done()).then(past_deadline));
            self.as_mut().after_read(failure);
        }
    }
}

/// Reads the body's end, so that the connection goes back to the pool. It mostly comes with the last chunk or right after
/// it; the caller has that chunk already, so a moment is worth a new TLS handshake.
fn poll_rest(mut body: Pin<&mut Option<Body>>, rest: &Rest, sleep: &mut Option<Sleep>, cx: &mut Context<'_>) -> Poll<()> {
    const MOMENT: Duration = Duration::from_millis(5);
    for _ in 0..16 {
        let Some(body) = body.as_mut().as_pin_mut() else { return Poll::Ready(()) };
        match body.poll_next(cx) {
            Poll::Ready(Some(Ok(_))) => {}
            Poll::Ready(_) => return Poll::Ready(()),
            Poll::Pending => return Pin::new(sleep.get_or_insert_with(|| rest.clock.sleep(MOMENT))).poll(cx),
        }
    }
    // A vendor that goes on talking after its end.
    Poll::Ready(())
}

/// Ready when the silence has lasted too long. The timer is only moved when it fires, not with each read.
fn poll_silence(rest: &Rest, sleep: &mut Option<Sleep>, last_read: Instant, cx: &mut Context<'_>) -> Poll<Error> {
    let silent_until = last_read + rest.idle;
    let end = rest.deadline.map_or(silent_until, |deadline| deadline.min(silent_until));
    let sleep = sleep.get_or_insert_with(|| rest.clock.sleep_until(end));
    loop {
        ready!(Pin::new(&mut *sleep).poll(cx));
        let now = rest.clock.now();
        if now >= end {
            return Poll::Ready(if now >= silent_until { silence(rest.idle) } else { past_deadline() });
        }
        sleep.reset(end);
    }
}

fn silence(idle: Duration) -> Error {
    let message = format!("the stream said nothing for {} seconds; the limit is `idle_timeout`", idle.as_secs_f64());
    Error::new(ErrorKind::Timeout, message)
}

fn past_deadline() -> Error {
    Error::new(ErrorKind::Timeout, "the stream did not end in time; the limit is `timeout`")
}

impl fmt::Debug for ChatStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatStream").field("provider", &self.provider()).field("phase", &self.phase).finish_non_exhaustive()
    }
}
