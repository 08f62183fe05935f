//! What was tried, for how long, and why it failed: in every answer and in every error.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{exchange::charge, observers::Observers, spending::Hold};
use crate::{
    catalog::Endpoint,
    error::{Error, Result},
    plan::{Candidate, Reason, Rejection},
    types::{Attempt, AttemptError, PassedOver, Routing, Usage},
};

/// The attempts of one request, and what they cost.
#[derive(Debug)]
pub(crate) struct Attempts {
    started: Instant,
    done: Vec<Attempt>,
    observers: Arc<Observers>,
    hold: Hold,
    estimated_cost: Option<f64>,
    passed_over: Vec<PassedOver>,
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
    /// What a failed attempt used, where the vendor said so.
    pub(crate) usage: Option<Box<Usage>>,
}

impl Running {
    pub(crate) fn new(started: Instant) -> Self {
        Self { started, sent: false, status: None, first_content: None, dropped: Vec::new(), usage: None }
    }

    /// Until the first content; where nothing came, until now.
    pub(crate) fn latency(&self, now: Instant) -> Duration {
        self.first_content.unwrap_or(now).saturating_duration_since(self.started)
    }

    /// Tokens per second of the whole call, so that streams and whole answers compare, and tokens of hidden reasoning are
    /// not counted as if they had come after the first content; `None` for answers that came at once.
    pub(crate) fn throughput(&self, now: Instant, usage: Option<&Usage>) -> Option<f64> {
        let seconds = now.saturating_duration_since(self.started).as_secs_f64();
        let tokens = usage?.completion_tokens.filter(|tokens| *tokens > 0)?;
        (seconds > 1e-3).then(|| tokens as f64 / seconds)
    }
}

impl Attempts {
    pub(crate) fn new(started: Instant, observers: Arc<Observers>, hold: Hold, rejected: &[Rejection]) -> Self {
        let passed_over = rejected.iter().filter_map(Rejection::passed_over).collect();
        Self { started, done: Vec::with_capacity(1), observers, hold, estimated_cost: None, passed_over }
    }

    /// Reserves what the candidate is expected to cost. An error where another request was quicker to spend it.
    pub(crate) fn cover(&mut self, candidate: &Candidate, unix: Duration) -> Result<(), Rejection> {
        let cost = candidate.estimated_cost;
        self.hold.cover(cost, unix).map_err(|remaining| {
            let rejection = Rejection::of(&candidate.endpoint, Reason::Budget { cost, remaining });
            self.passed_over.extend(rejection.passed_over());
            rejection
        })?;
        self.estimated_cost = cost;
        Ok(())
    }

    /// Notes an attempt that ended.
    pub(crate) fn push(&mut self, endpoint: &Endpoint, mut running: Running, now: Instant, end: Result<Option<&Usage>, &Error>) {
        match (end, &mut running.usage) {
            (Err(_), Some(usage)) => {
                charge(endpoint, usage, None, None);
                usage.cost.into_iter().for_each(|cost| self.hold.waste(cost));
            }
            // The vendor charges for the part that came, and did not say how much.
            (Err(_), None) if running.first_content.is_some() => self.hold.settle(None),
            _ => {}
        }
        let millis = |from: Instant, to: Instant| to.saturating_duration_since(from).as_millis() as u64;
        let (usage, error) = match end {
            Ok(usage) => (usage.cloned(), None),
            Err(error) => {
                (running.usage.map(|usage| *usage), Some(AttemptError { kind: error.kind(), message: error.message().to_owned() }))
            }
        };
        let attempt = Attempt {
            provider: (*endpoint.provider).to_owned(),
            model: (*endpoint.upstream).to_owned(),
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
    pub(crate) fn end(mut self, error: Error) -> Error {
        // A search that nobody answered with.
        let served = self.done.iter().filter(|attempt| attempt.error.is_none());
        served.filter_map(|attempt| attempt.cost).for_each(|cost| self.hold.waste(cost));
        self.hold.release();
        error.with_attempts(self.done)
    }

    /// Everything that was tried, for an answer of this endpoint.
    pub(crate) fn into_routing(mut self, requested: String, endpoint: &Endpoint) -> Routing {
        self.hold.settle(self.done.last().and_then(|attempt| attempt.cost));
        let wasted = self.done.iter().filter(|attempt| attempt.error.is_some()).filter_map(|attempt| attempt.cost);
        Routing {
            requested,
            model: (*endpoint.model).to_owned(),
            endpoint: endpoint.tag(),
            wasted_cost: wasted.reduce(|a, b| a + b),
            attempts: self.done,
            estimated_cost: self.estimated_cost,
            passed_over: self.passed_over,
            budget: self.hold.state(),
        }
    }
}
