//! How each endpoint has been doing: a window of recent attempts, a breaker, a cool-down, a retry budget; and how far
//! token estimates were off. The moment is always passed in. PURE.

mod corrections;
mod warm;
mod window;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use self::{
    corrections::Corrections,
    window::{Sample, WINDOW, Window},
};
use super::budget::Budget;
use crate::{
    catalog::{Endpoint, EndpointKey, FastMap},
    plan::{Candidate, EndpointHealth, HealthSnapshot},
    types::Usage,
};

/// How late a sample may leave the window: everything that is over leaves at once, instead of one by one.
const TICK: Duration = Duration::from_secs(1);
/// How many failures in a row open the breaker.
const FAILURES: u32 = 5;
/// How long it stays open at first; doubles with each probe that fails.
const OPEN: Duration = Duration::from_secs(10);
const OPEN_LONGEST: Duration = Duration::from_secs(120);
/// A probe that said nothing for this long was dropped.
const PROBE: Duration = Duration::from_secs(30);
/// How long a failure makes the next request doubtful.
const OUTAGE: Duration = Duration::from_secs(30);
/// How long a 429 without a word from the vendor cools down.
const COOL: Duration = Duration::from_secs(5);

/// The health of every endpoint that was called.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<Endpoints>);

#[derive(Debug, Default)]
struct Endpoints {
    states: FastMap<EndpointKey, State>,
    corrections: Corrections,
    /// What plans read; changed in place, so that a request copies nothing.
    snapshot: Arc<HealthSnapshot>,
    /// Endpoints whose health changes with time alone: failed lately, cooling down, or with an open breaker.
    unwell: Vec<EndpointKey>,
    /// When the oldest sample of all leaves its window.
    expires: Option<Instant>,
}

#[derive(Debug)]
struct State {
    /// Whose it is; for the export.
    model: Arc<str>,
    provider: Arc<str>,
    region: Option<Arc<str>>,
    window: Window,
    failures: u32,
    failed_at: Option<Instant>,
    breaker: Breaker,
    cool_until: Option<Instant>,
    budget: Budget,
}

#[derive(Clone, Copy, Debug, Default)]
enum Breaker {
    #[default]
    Closed,
    Open {
        until: Instant,
        wait: Duration,
    },
    /// One probe is under way.
    HalfOpen {
        since: Instant,
        wait: Duration,
    },
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// It served.
    Served {
        /// Until the first content, in a stream.
        latency: Option<Duration>,
        /// Tokens per second of the whole answer, where the vendor counted.
        throughput: Option<f64>,
    },
    /// A stream that was counted as served came to its end at this many tokens per second.
    Finished(f64),
    /// The endpoint failed.
    Failed,
    /// The endpoint limits us, for this long if it said so.
    RateLimited(Option<Duration>),
    /// The caller's fault: says that the endpoint answers, and nothing more.
    Refused,
}

impl Health {
    /// A request is about to go to this endpoint; false if another endpoint should take it, because the breaker is open
    /// or the vendor asked to wait. The first to ask after an open breaker's time is its probe.
    pub(crate) fn admit(&self, endpoint: &Endpoint, now: Instant) -> bool {
        let mut endpoints = self.lock();
        let Some(state) = endpoints.states.get_mut(&endpoint.key()) else { return true };
        if state.is_cooling(now) {
            return false;
        }
        match state.breaker {
            Breaker::Closed => true,
            Breaker::Open { .. } | Breaker::HalfOpen { .. } if state.is_open(now) => false,
            Breaker::Open { wait, .. } | Breaker::HalfOpen { wait, .. } => {
                state.breaker = Breaker::HalfOpen { since: now, wait };
                true
            }
        }
    }

    /// The first attempt of a request at this endpoint: pays into its retry budget.
    pub(crate) fn deposit(&self, endpoint: &Endpoint) {
        self.lock().state(endpoint).budget.deposit();
    }

    /// Whether the endpoint may see one more request than it would without retries.
    pub(crate) fn withdraw(&self, endpoint: &Endpoint) -> bool {
        self.lock().state(endpoint).budget.withdraw()
    }

    /// A retry served, so the endpoint is not down.
    pub(crate) fn refund(&self, endpoint: &Endpoint) {
        self.lock().state(endpoint).budget.refund();
    }

    /// An attempt ended.
    pub(crate) fn record(&self, endpoint: &Endpoint, now: Instant, outcome: Outcome) {
        let mut endpoints = self.lock();
        endpoints.state(endpoint).record(now, outcome);
        endpoints.expires.get_or_insert(now + WINDOW);
        endpoints.publish(endpoint.key(), now);
    }

    /// A vendor said how many tokens the prompt was.
    pub(crate) fn learn(&self, candidate: &Candidate, usage: &Usage) {
        // Search results are in the vendor's count, and nobody could know them before.
        let searched = usage.server_tool_use_details.is_some() || candidate.search.is_some();
        let (Some(counted), Some(estimated), false) = (usage.prompt_tokens, candidate.counted_tokens, searched) else { return };
        let mut endpoints = self.lock();
        let Endpoints { corrections, snapshot, .. } = &mut *endpoints;
        corrections.learn(&candidate.endpoint, estimated, counted, Arc::make_mut(snapshot));
    }

    /// The health of all endpoints at this moment, for a plan.
    pub(crate) fn snapshot(&self, now: Instant) -> Arc<HealthSnapshot> {
        let mut endpoints = self.lock();
        endpoints.expire(now);
        let Endpoints { states, snapshot, unwell, .. } = &mut *endpoints;
        unwell.retain(|key| {
            let Some(state) = states.get_mut(key) else { return false };
            Arc::make_mut(snapshot).insert(*key, state.read(now));
            state.is_unwell()
        });
        Arc::clone(snapshot)
    }

    /// A poisoned lock holds a valid window; at worst one sample is missing.
    fn lock(&self) -> MutexGuard<'_, Endpoints> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Endpoints {
    fn state(&mut self, endpoint: &Endpoint) -> &mut State {
        let new = || State::new(Arc::clone(&endpoint.model), Arc::clone(&endpoint.provider), endpoint.region.clone());
        self.states.entry(endpoint.key()).or_insert_with(new)
    }

    /// Lets plans see how an endpoint is.
    fn publish(&mut self, key: EndpointKey, now: Instant) {
        let Some(state) = self.states.get_mut(&key) else { return };
        if state.is_unwell() && !self.unwell.contains(&key) {
            self.unwell.push(key);
        }
        Arc::make_mut(&mut self.snapshot).insert(key, state.read(now));
    }

    /// Takes out of every window what is too old for it.
    fn expire(&mut self, now: Instant) {
        if self.expires.is_none_or(|expires| now <= expires + TICK) {
            return;
        }
        self.expires = None;
        for (key, state) in &mut self.states {
            if state.window.trim(now) {
                let health = state.read(now);
                match health.calls {
                    0 => Arc::make_mut(&mut self.snapshot).remove(*key),
                    _ => Arc::make_mut(&mut self.snapshot).insert(*key, health),
                }
            }
            self.expires = [self.expires, state.window.expires()].into_iter().flatten().min();
        }
    }
}

impl State {
    fn new(model: Arc<str>, provider: Arc<str>, region: Option<Arc<str>>) -> Self {
        Self {
            model,
            provider,
            region,
            window: Window::default(),
            failures: 0,
            failed_at: None,
            breaker: Breaker::Closed,
            cool_until: None,
            budget: Budget::default(),
        }
    }

    fn record(&mut self, now: Instant, outcome: Outcome) {
        match outcome {
            Outcome::Served { .. } | Outcome::Refused => {
                self.failures = 0;
                self.failed_at = None;
                self.breaker = Breaker::Closed;
                self.cool_until = None;
            }
            Outcome::Finished(_) => {}
            Outcome::Failed => {
                self.failures = self.failures.saturating_add(1);
                self.failed_at = Some(now);
                self.breaker = match self.breaker {
                    Breaker::HalfOpen { wait, .. } => open(now, (wait * 2).min(OPEN_LONGEST)),
                    Breaker::Closed if self.failures >= FAILURES => open(now, OPEN),
                    breaker => breaker,
                };
            }
            Outcome::RateLimited(wait) => {
                let until = now + wait.unwrap_or(COOL);
                self.cool_until = self.cool_until.max(Some(until));
                // The probe was answered; the cool-down takes over.
                if let Breaker::HalfOpen { wait, .. } = self.breaker {
                    self.breaker = Breaker::Open { until, wait };
                }
            }
        }
        if !matches!(outcome, Outcome::Refused) {
            self.window.push(Sample { at: now, outcome });
        }
    }

    fn is_open(&self, now: Instant) -> bool {
        match self.breaker {
            Breaker::Closed => false,
            Breaker::Open { until, .. } => now < until,
            Breaker::HalfOpen { since, .. } => now < since + PROBE,
        }
    }

    fn is_cooling(&self, now: Instant) -> bool {
        self.cool_until.is_some_and(|until| now < until)
    }

    /// Whether time alone will change its health.
    fn is_unwell(&self) -> bool {
        self.cool_until.is_some() || self.failed_at.is_some() || !matches!(self.breaker, Breaker::Closed)
    }

    /// Its health at this moment. Forgets what is over.
    fn read(&mut self, now: Instant) -> EndpointHealth {
        self.cool_until = self.cool_until.filter(|until| now < *until);
        self.failed_at = self.failed_at.filter(|failed| now < *failed + OUTAGE);
        let open = match self.breaker {
            Breaker::Open { until, .. } => until.checked_duration_since(now),
            Breaker::HalfOpen { since, .. } => (since + PROBE).checked_duration_since(now),
            Breaker::Closed => None,
        };
        let cooling = self.cool_until.and_then(|until| until.checked_duration_since(now));
        EndpointHealth {
            cooling_down: open.max(cooling).filter(|left| !left.is_zero()),
            recent_outage: self.failed_at.is_some() || !matches!(self.breaker, Breaker::Closed),
            ..self.window.measured()
        }
    }
}

fn open(now: Instant, wait: Duration) -> Breaker {
    Breaker::Open { until: now + wait, wait }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn endpoint() -> Endpoint {
        Endpoint::unknown("a/b", "a", "b")
    }

    fn served() -> Outcome {
        Outcome::Served { latency: Some(Duration::from_millis(200)), throughput: Some(50.0) }
    }

    #[test]
    fn the_breaker_opens_lets_one_probe_through_and_closes() {
        let (health, endpoint, clock) = (Health::default(), endpoint(), Clock::fixed(0));
        for _ in 0..FAILURES {
            assert!(health.admit(&endpoint, clock.now()));
            health.record(&endpoint, clock.now(), Outcome::Failed);
        }
        assert!(!health.admit(&endpoint, clock.now()), "open");
        clock.advance(OPEN);
        assert!(health.admit(&endpoint, clock.now()), "the probe");
        assert!(!health.admit(&endpoint, clock.now()), "one probe only");
        health.record(&endpoint, clock.now(), Outcome::Failed);
        clock.advance(OPEN);
        assert!(!health.admit(&endpoint, clock.now()), "open for twice as long");
        clock.advance(OPEN);
        assert!(health.admit(&endpoint, clock.now()));
        health.record(&endpoint, clock.now(), served());
        assert!(health.admit(&endpoint, clock.now()) && health.admit(&endpoint, clock.now()), "closed");
    }

    #[test]
    fn a_dropped_probe_does_not_lock_the_endpoint_out() {
        let (health, endpoint, clock) = (Health::default(), endpoint(), Clock::fixed(0));
        for _ in 0..FAILURES {
            health.record(&endpoint, clock.now(), Outcome::Failed);
        }
        clock.advance(OPEN);
        assert!(health.admit(&endpoint, clock.now()));
        clock.advance(PROBE);
        assert!(health.admit(&endpoint, clock.now()));
    }

    #[test]
    fn a_429_cools_down_for_what_the_vendor_said_and_400s_never_count() {
        let (health, endpoint, clock) = (Health::default(), endpoint(), Clock::fixed(0));
        health.record(&endpoint, clock.now(), Outcome::RateLimited(Some(Duration::from_secs(60))));
        clock.advance(Duration::from_secs(59));
        assert_eq!(read(&health, &endpoint, &clock).cooling_down, Some(Duration::from_secs(1)));
        assert!(!health.admit(&endpoint, clock.now()));
        clock.advance(Duration::from_secs(1));
        assert_eq!(read(&health, &endpoint, &clock).cooling_down, None);
        assert!(health.admit(&endpoint, clock.now()));
        for _ in 0..100 {
            health.record(&endpoint, clock.now(), Outcome::Refused);
        }
        assert!(health.admit(&endpoint, clock.now()));
        assert_eq!(read(&health, &endpoint, &clock).error_rate, Some(0.0));
    }

    #[test]
    fn a_snapshot_measures_and_the_window_forgets() {
        let (health, endpoint, clock) = (Health::default(), endpoint(), Clock::fixed(0));
        for (millis, rate) in [(100, 90.0), (200, 80.0), (300, 70.0), (400, 10.0)] {
            let latency = Some(Duration::from_millis(millis));
            health.record(&endpoint, clock.now(), Outcome::Served { latency, throughput: Some(rate) });
        }
        health.record(&endpoint, clock.now(), Outcome::Failed);
        let now = read(&health, &endpoint, &clock);
        assert_eq!((now.error_rate, now.recent_outage), (Some(0.2), true));
        assert_eq!((now.latency.p50, now.latency.p90), (Some(0.2), Some(0.4)));
        assert_eq!((now.throughput.p50, now.throughput.p90), (Some(80.0), Some(10.0)), "p90 is the slow end");
        clock.advance(OUTAGE);
        assert!(!read(&health, &endpoint, &clock).recent_outage);
        clock.advance(WINDOW);
        health.record(&endpoint, clock.now(), served());
        assert_eq!(read(&health, &endpoint, &clock).error_rate, Some(0.0));
    }

    #[test]
    fn what_was_measured_is_forgotten_without_further_calls() {
        let (health, endpoint, clock) = (Health::default(), endpoint(), Clock::fixed(0));
        health.record(&endpoint, clock.now(), served());
        clock.advance(Duration::from_secs(200));
        health.record(&endpoint, clock.now(), Outcome::Served { latency: None, throughput: Some(10.0) });
        assert_eq!(read(&health, &endpoint, &clock).throughput.p50, Some(50.0));
        clock.advance(Duration::from_secs(102));
        assert_eq!(read(&health, &endpoint, &clock).throughput.p50, Some(10.0), "the first left the window");
        clock.advance(WINDOW);
        assert_eq!(health.snapshot(clock.now()).get(endpoint.key()), None);
    }

    fn read(health: &Health, endpoint: &Endpoint, clock: &Clock) -> EndpointHealth {
        *health.snapshot(clock.now()).get(endpoint.key()).expect("was called")
    }
}
