//! The latest attempts at an endpoint, and what they come to: kept in order, so that a call counts itself and nothing else.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::Outcome;
use crate::{plan::EndpointHealth, preferences::Percentiles};

/// How far back it reaches.
pub(super) const WINDOW: Duration = Duration::from_secs(300);
/// How many attempts it holds.
const SAMPLES: usize = 128;

#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) at: Instant,
    pub(super) outcome: Outcome,
}

/// Samples, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Window {
    samples: VecDeque<Sample>,
    latencies: Sorted,
    throughputs: Sorted,
    calls: u32,
    failures: u32,
    rate_limits: u32,
}

impl Window {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter()
    }

    /// When the oldest sample leaves.
    pub(super) fn expires(&self) -> Option<Instant> {
        self.samples.front().map(|sample| sample.at + WINDOW)
    }

    pub(super) fn push(&mut self, sample: Sample) {
        self.trim(sample.at);
        if self.samples.len() >= SAMPLES {
            self.pop();
        }
        self.count(&sample, true);
        self.samples.push_back(sample);
    }

    /// Takes out what is too old; whether anything was.
    pub(super) fn trim(&mut self, now: Instant) -> bool {
        let before = self.samples.len();
        while self.expires().is_some_and(|expires| now > expires) {
            self.pop();
        }
        self.samples.len() < before
    }

    /// Adds samples of any age.
    pub(super) fn merge(&mut self, others: impl Iterator<Item = Sample>) {
        let mut all: Vec<Sample> = others.chain(std::mem::take(self).samples).collect();
        all.sort_by_key(|sample| sample.at);
        all.iter().skip(all.len().saturating_sub(SAMPLES)).for_each(|sample| self.push(*sample));
    }

    fn pop(&mut self) {
        if let Some(sample) = self.samples.pop_front() {
            self.count(&sample, false);
        }
    }

    /// Counts a sample that comes, or one that leaves.
    fn count(&mut self, sample: &Sample, comes: bool) {
        let step = |count: &mut u32| *count = if comes { *count + 1 } else { count.saturating_sub(1) };
        if !matches!(sample.outcome, Outcome::Finished(_)) {
            step(&mut self.calls);
        }
        match sample.outcome {
            Outcome::Served { latency, throughput } => {
                self.latencies.count(latency.map(|latency| latency.as_secs_f64()), comes);
                self.throughputs.count(throughput, comes);
            }
            Outcome::Finished(throughput) => self.throughputs.count(Some(throughput), comes),
            Outcome::Failed => step(&mut self.failures),
            Outcome::RateLimited(_) => step(&mut self.rate_limits),
            Outcome::Refused => {}
        }
    }

    /// What the samples come to.
    pub(super) fn measured(&self) -> EndpointHealth {
        let share = |count: u32| (self.calls > 0).then(|| f64::from(count) / f64::from(self.calls));
        EndpointHealth {
            calls: self.calls,
            // The best first in both: `p90` is what nine of ten do at least as well as.
            latency: self.latencies.percentiles(false),
            throughput: self.throughputs.percentiles(true),
            error_rate: share(self.failures),
            rate_limited_rate: share(self.rate_limits),
            ..EndpointHealth::default()
        }
    }
}

/// The numbers of one window, ascending.
#[derive(Debug, Default)]
struct Sorted(Vec<f64>);

impl Sorted {
    fn count(&mut self, number: Option<f64>, comes: bool) {
        let Some(number) = number else { return };
        match (self.0.binary_search_by(|other| other.total_cmp(&number)), comes) {
            (Ok(at) | Err(at), true) => self.0.insert(at, number),
            (Ok(at), false) => drop(self.0.remove(at)),
            (Err(_), false) => {}
        }
    }

    /// Counted from the smallest, or from the largest.
    fn percentiles(&self, from_largest: bool) -> Percentiles {
        let at = |share: f64| {
            let rank = ((self.0.len() as f64 * share).ceil() as usize).max(1);
            let place = if from_largest { self.0.len().checked_sub(rank)? } else { rank - 1 };
            self.0.get(place).copied()
        };
        Percentiles { p50: at(0.5), p75: at(0.75), p90: at(0.9), p99: at(0.99) }
    }
}
