//! What was tried, for how long, and why it failed: in every answer and in every error.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::observers::Observers;
use crate::{
    catalog::Endpoint,
    error::{Error, Result},
    types::{Attempt, AttemptError, Routing, Usage},
};

/// The attempts of one request.
#[derive(Debug)]
pub(crate) struct Attempts {
    started: Instant,
    done: Vec<Attempt>,
    observers: Arc<Observers>,
}

/// One attempt that is under way.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) started: Instant,
    /// Whether anything went out.
    pub(crate) sent: bool,
    pub(crate) status: Option<u16>,
    pub(crate) first_content: Option<Instant>,
    pub(crate) dropped: Vec<String>,
}

impl Running {
    pub(crate) fn new(started: Instant) -> Self {
        Self { started, sent: false, status: None, first_content: None, dropped: Vec::new() }
    }

    /// Until the first content; where nothing came, until now.
    pub(crate) fn latency(&self, now: Instant) -> Duration {
        self.first_content.unwrap_or(now).saturating_duration_since(self.started)
    }

    /// Tokens per second after the first content; `None` for answers that came at once.
    pub(crate) fn throughput(&self, now: Instant, usage: Option<&Usage>) -> Option<f64> {
        let since = self.first_content.unwrap_or(self.started);
        let seconds = now.saturating_duration_since(since).as_secs_f64();
        let tokens = usage?.completion_tokens.filter(|tokens| *tokens > 0)?;
        (seconds > 1e-3).then(|| tokens as f64 / seconds)
    }
}

impl Attempts {
    pub(crate) fn new(started: Instant, observers: Arc<Observers>) -> Self {
        Self { started, done: Vec::with_capacity(1), observers }
    }

    /// Notes an attempt that ended.
    pub(crate) fn push(&mut self, endpoint: &Endpoint, running: Running, now: Instant, end: Result<Option<&Usage>, &Error>) {
        let millis = |from: Instant, to: Instant| to.saturating_duration_since(from).as_millis() as u64;
        let (usage, error) = match end {
            Ok(usage) => (usage.cloned(), None),
            Err(error) => (None, Some(AttemptError { kind: error.kind(), message: error.message().to_owned() })),
        };
        let attempt = Attempt {
            provider: endpoint.provider.to_string(),
            model: endpoint.upstream.to_string(),
            status: running.status,
            error,
            started: millis(self.started, running.started),
            ttft_ms: running.first_content.map(|first| millis(running.started, first)),
            duration_ms: millis(running.started, now),
            cost: usage.as_ref().and_then(|usage| usage.cost),
            usage,
            dropped_parameters: running.dropped,
        };
        self.observers.attempt(&attempt);
        self.done.push(attempt);
    }

    /// The error with everything that was tried.
    pub(crate) fn end(self, error: Error) -> Error {
        error.with_attempts(self.done)
    }

    /// Everything that was tried, for an answer of this endpoint.
    pub(crate) fn into_routing(self, requested: String, endpoint: &Endpoint) -> Routing {
        Routing { requested, model: endpoint.model.to_string(), endpoint: endpoint.tag(), attempts: self.done }
    }
}
