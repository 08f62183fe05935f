//! The attempt loop: takes a plan, calls its candidates until one serves, and says what was tried.
//!
//! Belongs here: again, next or stop (`classify`), how long to wait (`backoff`, `retry_after`), how often (`budget`), who
//! is well (`health`), one call and its answer (`exchange`), what was tried (`attempts`). Does not belong here: who may
//! serve (`plan`), wire formats (`protocols`), the chunks after the first content (`stream`).

mod attempts;
mod backoff;
mod budget;
mod classify;
mod embedding;
mod exchange;
mod health;
mod observers;
mod queue;
mod retry_after;
mod search;
mod spending;
#[cfg(test)]
mod tests;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

pub(crate) use attempts::{Attempts, Running};
pub(crate) use exchange::{Ask, Opened, Served, charge, issued_by, read_all, tell};
pub(crate) use health::{Health, Outcome};
pub(crate) use observers::{Observers, Watch, canceled};
pub(crate) use spending::Spending;
pub use spending::{Budget, Period};

use self::{
    backoff::Schedule,
    classify::{Cause, Situation, Verdict, cause, classify},
    exchange::Exchange,
    queue::Queue,
};
use crate::{
    client::Shared,
    error::Result,
    plan::{self, Candidate, Plan, Rejection},
};

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The whole call, the stream's end included. Where none is set: [`Limits::TIMEOUT`], for a stream until its first
    /// content.
    pub(crate) timeout: Option<Duration>,
    /// One call, a stream until its first content; instead of `timeout` there.
    pub(crate) call: Option<Duration>,
    /// A stream's first content. Where none is set: [`Limits::FIRST_CONTENT`], while another endpoint is left.
    pub(crate) first_content: Option<Duration>,
    /// Silence in a stream after its first content.
    pub(crate) idle: Duration,
    /// How often the last endpoint left is tried again.
    pub(crate) max_retries: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { timeout: None, call: None, first_content: None, idle: Duration::from_secs(180), max_retries: 2 }
    }
}

impl Limits {
    const TIMEOUT: Duration = Duration::from_secs(600);
    const FIRST_CONTENT: Duration = Duration::from_secs(120);
}

/// Calls the plan's candidates until one serves.
pub(crate) async fn run(shared: &Arc<Shared>, ask: Ask<'_>, plan: Plan) -> Result<Served> {
    let clock = &shared.clock;
    let started = clock.now();
    let deadline = started + shared.limits.call.or(shared.limits.timeout).unwrap_or(Limits::TIMEOUT);
    let mut attempts = Attempts::new(started, Arc::clone(&shared.observers), shared.spending.hold(), &plan.rejected);
    let mut rejected = plan.rejected;
    let mut queue = Queue::new(plan.candidates);
    let mut retries_left = shared.limits.max_retries;
    let mut schedule = None;
    // The latest endpoint that failed only for now.
    let mut survivor: Option<Exchange<'_>> = None;

    let Some(first) = affordable(shared, &mut queue, &mut attempts, &mut rejected) else {
        return Err(plan::empty(&plan.requested, rejected, shared.spending.allowance(clock.unix())));
    };
    let mut current = Exchange::new(shared, ask, first)?;
    let mut searched = None;
    loop {
        if let (Ask::Chat { request, .. }, true) = (ask, current.needs_search()) {
            let found = match &searched {
                Some(found) => Arc::clone(found),
                None => match search::search(shared, request, !queue.has_native_search(), deadline, &mut attempts).await {
                    Ok(found) => Arc::clone(searched.insert(found)),
                    Err(error) => {
                        // Whoever searches itself can still answer.
                        queue.skip_engine_search();
                        let Some(next) = affordable(shared, &mut queue, &mut attempts, &mut rejected) else {
                            return Err(attempts.end(error));
                        };
                        current = Exchange::new(shared, ask, next)?;
                        continue;
                    }
                },
            };
            current.searched(&found);
        }
        let mut running = Running::new(clock.now());
        let until = current.attempt_end(running.started, deadline, queue.is_empty());
        let error = match current.attempt(&mut running, until, queue.is_empty()).await {
            Ok(answer) => {
                if schedule.is_some() {
                    shared.health.refund(&current.candidate.endpoint);
                }
                return Ok(current.served(answer, running, attempts, shared.limits.timeout.map(|limit| started + limit)));
            }
            Err(error) => error,
        };
        let now = clock.now();
        current.failed(&error, running, now, &mut attempts);

        let situation = Situation {
            other_key: current.has_other_key(),
            other_endpoint: !queue.is_empty(),
            other_model: queue.has_other_model(&current.candidate),
            retries_left,
        };
        let cause = cause(&error);
        match (classify(&error, situation), survivor.take()) {
            (Verdict::NextKey, kept) => {
                current.next_key();
                survivor = kept;
            }
            (Verdict::Next, kept) => {
                let Some(next) = affordable(shared, &mut queue, &mut attempts, &mut rejected) else { return Err(attempts.end(error)) };
                let left = std::mem::replace(&mut current, Exchange::new(shared, ask, next)?);
                survivor = if matches!(cause, Cause::Transient) { Some(left) } else { kept };
            }
            (Verdict::NextModel, _) => {
                queue.skip_model(&current.candidate);
                let Some(next) = affordable(shared, &mut queue, &mut attempts, &mut rejected) else { return Err(attempts.end(error)) };
                current = Exchange::new(shared, ask, next)?;
            }
            (Verdict::Retry { after }, _) => {
                if !wait(shared, &current, schedule.get_or_insert_with(Schedule::new), after, deadline).await {
                    return Err(attempts.end(error));
                }
                retries_left -= 1;
            }
            // This endpoint is out for good, but an earlier one was not: that is the last one left.
            (Verdict::Stop, Some(kept)) if matches!(cause, Cause::Endpoint | Cause::Key) && retries_left > 0 => {
                current = kept;
                if attempts.cover(&current.candidate, clock.unix()).is_err() {
                    return Err(attempts.end(error));
                }
                if !wait(shared, &current, schedule.get_or_insert_with(Schedule::new), Duration::ZERO, deadline).await {
                    return Err(attempts.end(error));
                }
                retries_left -= 1;
            }
            (Verdict::Stop, _) => return Err(attempts.end(error)),
        }
    }
}

/// The next candidate that the client's budget still allows. The plan asked it too, but other requests may have been quicker.
fn affordable(shared: &Shared, queue: &mut Queue, attempts: &mut Attempts, rejected: &mut Vec<Rejection>) -> Option<Candidate> {
    while let Some(candidate) = queue.next(&shared.health, shared.clock.now()) {
        match attempts.cover(&candidate, shared.clock.unix()) {
            Ok(()) => return Some(candidate),
            Err(rejection) => rejected.push(rejection),
        }
    }
    None
}

/// Waits before the same endpoint is asked again; false if that would be past the deadline or over its retry budget.
async fn wait(shared: &Shared, current: &Exchange<'_>, schedule: &mut Schedule, after: Duration, deadline: Instant) -> bool {
    let delay = schedule.next(shared.clock.random()).max(after);
    if shared.clock.now() + delay >= deadline || !shared.health.withdraw(&current.candidate.endpoint) {
        return false;
    }
    tracing::debug!(provider = &*current.candidate.endpoint.provider, delay_ms = delay.as_millis() as u64, "waiting before another try");
    shared.clock.sleep(delay).await;
    true
}
