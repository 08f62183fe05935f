//! How long to wait before the same endpoint is asked again. The one file that names the `backoff` crate. PURE.
#![expect(clippy::disallowed_types, reason = "this is the home of backoff::ExponentialBackoff")]

use std::time::Duration;

use backoff::{ExponentialBackoff, backoff::Backoff as _};

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(8);

/// Ceilings that double from half a second to 8 seconds; the delay is any share of the ceiling (full jitter).
#[derive(Debug)]
pub(super) struct Schedule(ExponentialBackoff);

impl Schedule {
    pub(super) fn new() -> Self {
        Self(ExponentialBackoff {
            current_interval: FIRST,
            initial_interval: FIRST,
            // The crate's jitter cannot be seeded and its deadline reads a real clock; both are ours.
            randomization_factor: 0.0,
            max_elapsed_time: None,
            multiplier: 2.0,
            max_interval: LONGEST,
            ..ExponentialBackoff::default()
        })
    }

    /// The next delay; `random` is at least 0 and less than 1.
    pub(super) fn next(&mut self, random: f64) -> Duration {
        self.0.next_backoff().unwrap_or(LONGEST).mul_f64(random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings_double_up_to_the_longest() {
        let mut schedule = Schedule::new();
        let delays: Vec<u128> = (0..6).map(|_| schedule.next(1.0).as_millis()).collect();
        assert_eq!(delays, [500, 1000, 2000, 4000, 8000, 8000]);
    }

    #[test]
    fn jitter_takes_any_share() {
        assert_eq!(Schedule::new().next(0.0), Duration::ZERO);
        assert_eq!(Schedule::new().next(0.25).as_millis(), 125);
    }
}
