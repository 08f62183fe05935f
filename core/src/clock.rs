//! Time and chance, real or fixed. The one file that reads either.
//!
//! Belongs here: now, sleep, a random number. Does not belong here: how long to wait (`route`).
#![expect(clippy::disallowed_methods, reason = "this is the home of time")]

use std::{
    collections::VecDeque,
    hash::{BuildHasher, RandomState},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Where time and chance come from; cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    Real(Arc<AtomicU64>),
    Fixed(Arc<Fixed>),
}

#[derive(Debug)]
struct Fixed {
    origin: Instant,
    unix: Duration,
    state: Mutex<FixedState>,
}

#[derive(Debug, Default)]
struct FixedState {
    elapsed: Duration,
    random: VecDeque<f64>,
    next_timer: u64,
    timers: Vec<(u64, Duration)>,
}

impl FixedState {
    /// A timer that ends then.
    fn add(&mut self, end: Duration) -> u64 {
        let id = self.next_timer;
        self.next_timer += 1;
        self.timers.push((id, end));
        id
    }
}

impl Fixed {
    /// A poisoned lock holds plain numbers, so they are as good as before.
    fn state(&self) -> MutexGuard<'_, FixedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::real()
    }
}

impl Clock {
    /// The computer's clock and a seed that differs from process to process.
    pub fn real() -> Self {
        Self(Source::Real(Arc::new(AtomicU64::new(RandomState::new().hash_one(0)))))
    }

    /// A clock for tests that begins at this Unix time in seconds. Time passes only in [`Clock::sleep`] and
    /// [`Clock::advance`]: as soon as everything waits, it jumps to the nearest end of a sleep. Chance is 0.5 until
    /// [`Clock::script_random`] says otherwise.
    pub fn fixed(unix: u64) -> Self {
        let fixed = Fixed { origin: Instant::now(), unix: Duration::from_secs(unix), state: Mutex::default() };
        Self(Source::Fixed(Arc::new(fixed)))
    }

    /// The next random numbers of a fixed clock, each at least 0 and less than 1. A real clock ignores them.
    pub fn script_random(&self, numbers: impl IntoIterator<Item = f64>) {
        if let Source::Fixed(fixed) = &self.0 {
            fixed.state().random.extend(numbers);
        }
    }

    /// Moves a fixed clock forward. A real clock ignores it.
    pub fn advance(&self, by: Duration) {
        if let Source::Fixed(fixed) = &self.0 {
            fixed.state().elapsed += by;
        }
    }

    /// Keeps a fixed clock from jumping until the guard is dropped, for what takes real time. A real clock ignores it.
    pub fn hold(&self) -> Hold {
        Hold(match &self.0 {
            Source::Real(_) => None,
            Source::Fixed(fixed) => {
                // A sleep that never ends: no other one is nearer.
                let id = fixed.state().add(Duration::ZERO);
                Some((Arc::clone(fixed), id))
            }
        })
    }

    /// This moment, for measuring.
    pub fn now(&self) -> Instant {
        match &self.0 {
            Source::Real(_) => Instant::now(),
            Source::Fixed(fixed) => fixed.origin + fixed.state().elapsed,
        }
    }

    /// This moment, since 1970.
    pub fn unix(&self) -> Duration {
        match &self.0 {
            Source::Real(_) => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            Source::Fixed(fixed) => fixed.unix + fixed.state().elapsed,
        }
    }

    /// Any number.
    pub fn random_u64(&self) -> u64 {
        match &self.0 {
            Source::Real(state) => {
                // SplitMix64: a counter, mixed.
                const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
                let mut mixed = state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
                mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                mixed ^ (mixed >> 31)
            }
            Source::Fixed(_) => (self.random() * 2f64.powi(53)) as u64,
        }
    }

    /// A number that is at least 0 and less than 1.
    pub fn random(&self) -> f64 {
        match &self.0 {
            Source::Real(_) => (self.random_u64() >> 11) as f64 / 2f64.powi(53),
            Source::Fixed(fixed) => fixed.state().random.pop_front().unwrap_or(0.5),
        }
    }

    /// Waits this long. On a real clock it must be called inside a tokio runtime.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.now() + duration)
    }

    /// Waits until this moment.
    pub fn sleep_until(&self, end: Instant) -> Sleep {
        match &self.0 {
            Source::Real(_) => Sleep(Wait::Real(Box::pin(tokio::time::sleep_until(end.into())))),
            Source::Fixed(fixed) => {
                Sleep(Wait::Fixed { fixed: Arc::clone(fixed), end: end.saturating_duration_since(fixed.origin), timer: None })
            }
        }
    }
}

/// A fixed clock does not jump while this is there; see [`Clock::hold`].
#[derive(Debug)]
pub struct Hold(Option<(Arc<Fixed>, u64)>);

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some((fixed, id)) = self.0.take() {
            forget(&fixed, &mut Some(id));
        }
    }
}

/// The future of [`Clock::sleep`].
#[derive(Debug)]
pub struct Sleep(Wait);

#[derive(Debug)]
enum Wait {
    Real(Pin<Box<tokio::time::Sleep>>),
    Fixed { fixed: Arc<Fixed>, end: Duration, timer: Option<u64> },
}

impl Sleep {
    /// Makes this sleep end at another moment, without building a new one.
    pub fn reset(&mut self, to: Instant) {
        match &mut self.0 {
            Wait::Real(sleep) => sleep.as_mut().reset(to.into()),
            Wait::Fixed { fixed, end, timer } => {
                *end = to.saturating_duration_since(fixed.origin);
                forget(fixed, timer);
            }
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let (fixed, end, timer) = match &mut self.0 {
            Wait::Real(sleep) => return sleep.as_mut().poll(cx),
            Wait::Fixed { fixed, end, timer } => (fixed, *end, timer),
        };
        let mut state = fixed.state();
        match *timer {
            _ if state.elapsed >= end => {}
            // Only the nearest timer moves the time, and not before whatever races it has had its turn.
            Some(id) if state.timers.iter().all(|(other, at)| *other == id || *at >= end) => state.elapsed = end,
            Some(_) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            None => {
                *timer = Some(state.add(end));
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        drop(state);
        forget(fixed, timer);
        Poll::Ready(())
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Wait::Fixed { fixed, timer, .. } = &mut self.0 {
            forget(fixed, timer);
        }
    }
}

fn forget(fixed: &Fixed, timer: &mut Option<u64>) {
    if let Some(id) = timer.take() {
        fixed.state().timers.retain(|(other, _)| *other != id);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::{Either, select};

    use super::*;

    #[tokio::test]
    async fn a_fixed_clock_jumps_to_the_end_of_a_sleep() {
        let clock = Clock::fixed(1_000);
        clock.sleep(Duration::from_secs(3600)).await;
        assert_eq!(clock.unix(), Duration::from_secs(4_600));
    }

    #[tokio::test]
    async fn the_shorter_of_two_fixed_sleeps_wins_whichever_is_polled_first() {
        for (left, right) in [(50, 100), (100, 50)] {
            let clock = Clock::fixed(0);
            let race = select(clock.sleep(Duration::from_millis(left)), clock.sleep(Duration::from_millis(right))).await;
            assert_eq!(matches!(race, Either::Left(_)), left < right);
            drop(race);
            assert_eq!(clock.unix(), Duration::from_millis(50));
        }
    }

    #[tokio::test]
    async fn a_fixed_clock_that_is_held_does_not_jump() {
        let clock = Clock::fixed(0);
        let hold = clock.hold();
        let release = async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            assert_eq!(clock.unix(), Duration::ZERO);
            drop(hold);
        };
        futures_util::future::join(clock.sleep(Duration::from_secs(60)), release).await;
        assert_eq!(clock.unix(), Duration::from_secs(60));
    }

    #[test]
    fn real_chance_differs_and_stays_in_range() {
        let clock = Clock::real();
        let numbers: Vec<f64> = (0..100).map(|_| clock.random()).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        assert!(numbers.windows(2).all(|pair| (pair[0] - pair[1]).abs() > f64::EPSILON));
    }
}
