//! What the client spends: reserved before an endpoint is asked, settled with what the answer cost. The moment is always
//! passed in. PURE.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    catalog::Price,
    date::days_since_1970,
    plan::Allowance,
    types::{BudgetState, Spend},
};

/// The most that a client may spend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// US dollars in one period.
    pub limit: f64,
    /// When it begins anew.
    pub period: Period,
    /// Whether endpoints of unknown price may serve; what they cost then counts as nothing.
    pub allow_unknown_prices: bool,
}

impl Budget {
    /// This many US dollars, for as long as the client lives.
    pub fn new(limit: f64) -> Self {
        Self { limit, period: Period::Forever, allow_unknown_prices: false }
    }

    /// The same, in each period.
    #[must_use]
    pub fn per(self, period: Period) -> Self {
        Self { period, ..self }
    }
}

/// When a budget begins anew. Hours, days and months are those of UTC.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Period {
    /// With each day.
    Day,
    /// Never.
    #[default]
    Forever,
    /// With each hour.
    Hour,
    /// With each month.
    Month,
    /// After this many seconds, counted from 1970.
    Seconds(u64),
}

impl Period {
    /// The Unix seconds at which the period of a moment began, and at which the next begins.
    fn around(self, unix: Duration) -> (u64, Option<u64>) {
        let now = unix.as_secs();
        let of = |length: u64| {
            let begun = now - now % length.max(1);
            (begun, begun.checked_add(length.max(1)))
        };
        match self {
            Self::Forever => (0, None),
            Self::Hour => of(3_600),
            Self::Day => of(86_400),
            Self::Seconds(length) => of(length),
            Self::Month => month(now / 86_400),
        }
    }
}

/// The seconds at which the month of a day since 1970 began, and at which the next begins.
fn month(day: u64) -> (u64, Option<u64>) {
    let starts = |months: u64| {
        let months = months.cast_signed();
        u64::try_from(days_since_1970(1970 + months / 12, 1 + months % 12, 1)).unwrap_or(0)
    };
    // A month has at least 28 days, so the count of months is at most this, and at least a little less.
    let mut months = day / 28;
    while starts(months) > day {
        months = months.saturating_sub(1.max((starts(months) - day) / 31));
    }
    (starts(months) * 86_400, Some(starts(months + 1) * 86_400))
}

/// What a client has spent, and what it may.
#[derive(Debug)]
pub(crate) struct Spending {
    budget: Option<Budget>,
    ledger: Mutex<Ledger>,
}

/// Amounts are 10⁻¹² dollars.
#[derive(Clone, Copy, Debug, Default)]
struct Ledger {
    /// Where the current period began.
    begun: u64,
    ends: Option<u64>,
    /// In the current period.
    spent: u128,
    /// For requests that are under way.
    reserved: u128,
    total: u128,
    wasted: u128,
    requests: u64,
    unknown: u64,
}

impl Spending {
    pub(crate) fn new(budget: Option<Budget>) -> Self {
        Self { budget, ledger: Mutex::default() }
    }

    /// What may still be spent; `None` where nobody set a limit.
    pub(crate) fn allowance(&self, unix: Duration) -> Option<Allowance> {
        let budget = self.budget?;
        let ledger = self.ledger(unix);
        Some(Allowance {
            remaining: Price::dollars(remaining(budget, &ledger)),
            resets_in: ledger.ends.map(|ends| Duration::from_secs(ends).saturating_sub(unix)),
            allows_unknown: budget.allow_unknown_prices,
        })
    }

    /// Begins a request; nothing is reserved yet.
    pub(crate) fn hold(self: &Arc<Self>) -> Hold {
        Hold { spending: Arc::clone(self), held: 0, begun: 0, open: false }
    }

    /// Everything that was spent so far.
    pub(crate) fn spend(&self, unix: Duration) -> Spend {
        let ledger = self.ledger(unix);
        Spend {
            cost: Price::dollars(ledger.total),
            wasted_cost: Price::dollars(ledger.wasted),
            requests: ledger.requests,
            unknown_cost_requests: ledger.unknown,
            budget: self.budget.map(|budget| state(budget, &ledger)),
        }
    }

    /// The ledger of the period of this moment.
    fn ledger(&self, unix: Duration) -> MutexGuard<'_, Ledger> {
        let mut ledger = self.lock();
        let (begun, ends) = self.budget.map_or((0, None), |budget| budget.period.around(unix));
        // A clock that was set back does not begin a period again.
        if begun > ledger.begun {
            ledger.spent = 0;
        }
        if begun >= ledger.begun {
            (ledger.begun, ledger.ends) = (begun, ends);
        }
        ledger
    }

    /// A poisoned lock holds plain numbers, so they are as good as before.
    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remaining(budget: Budget, ledger: &Ledger) -> u128 {
    pico(budget.limit).saturating_sub(ledger.spent).saturating_sub(ledger.reserved)
}

fn state(budget: Budget, ledger: &Ledger) -> BudgetState {
    BudgetState {
        limit: budget.limit,
        spent: Price::dollars(ledger.spent),
        reserved: Price::dollars(ledger.reserved),
        remaining: Price::dollars(remaining(budget, ledger)),
        resets_at: ledger.ends,
    }
}

fn pico(dollars: f64) -> u128 {
    (dollars.max(0.0) * 1e12).round() as u128
}

/// What one request has reserved. Where it is dropped before it is settled, the caller gave up on an answer that the
/// vendor may well charge for: then the estimate counts as spent.
#[derive(Debug)]
pub(crate) struct Hold {
    spending: Arc<Spending>,
    held: u128,
    /// The period it was reserved in.
    begun: u64,
    /// Whether an endpoint was asked and the outcome is not known yet.
    open: bool,
}

impl Hold {
    /// Reserves what an endpoint is expected to cost, instead of what was reserved before. An error is what is left.
    pub(crate) fn cover(&mut self, estimate: Option<f64>, unix: Duration) -> Result<(), f64> {
        let mut ledger = self.spending.ledger(unix);
        ledger.reserved = ledger.reserved.saturating_sub(std::mem::take(&mut self.held));
        self.open = false;
        let wanted = estimate.map_or(0, pico);
        if let Some(budget) = self.spending.budget {
            let left = remaining(budget, &ledger);
            if wanted > left || (estimate.is_none() && !budget.allow_unknown_prices) {
                return Err(Price::dollars(left));
            }
        }
        ledger.reserved += wanted;
        (self.held, self.begun, self.open) = (wanted, ledger.begun, true);
        Ok(())
    }

    /// A failed attempt cost this much.
    pub(crate) fn waste(&mut self, dollars: f64) {
        let mut ledger = self.spending.lock();
        let cost = pico(dollars);
        ledger.wasted += cost;
        self.spend(&mut ledger, cost);
    }

    /// The request was served for this much; where that is unknown, the estimate counts.
    pub(crate) fn settle(&mut self, dollars: Option<f64>) {
        let spending = Arc::clone(&self.spending);
        let mut ledger = spending.lock();
        ledger.requests += 1;
        ledger.unknown += u64::from(dollars.is_none());
        self.spend(&mut ledger, dollars.map_or(self.held, pico));
        self.free(&mut ledger);
    }

    /// Nothing more is to be paid.
    pub(crate) fn release(&mut self) {
        let spending = Arc::clone(&self.spending);
        self.free(&mut spending.lock());
    }

    /// What the budget looks like; `None` where there is none.
    pub(crate) fn state(&self) -> Option<BudgetState> {
        self.spending.budget.map(|budget| state(budget, &self.spending.lock()))
    }

    /// What was spent on a period that is over is no longer counted in it.
    fn spend(&self, ledger: &mut Ledger, cost: u128) {
        ledger.total += cost;
        if ledger.begun == self.begun {
            ledger.spent += cost;
        }
    }

    fn free(&mut self, ledger: &mut Ledger) {
        ledger.reserved = ledger.reserved.saturating_sub(std::mem::take(&mut self.held));
        self.open = false;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.open {
            self.settle(None);
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "amounts are exact, to the last digit")]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn at(unix: u64) -> Duration {
        Duration::from_secs(unix)
    }

    fn spending(budget: Budget) -> Arc<Spending> {
        Arc::new(Spending::new(Some(budget)))
    }

    fn remaining(spending: &Spending, unix: u64) -> f64 {
        spending.allowance(at(unix)).expect("a budget").remaining
    }

    #[test]
    fn an_estimate_is_reserved_and_the_real_cost_settled() {
        let spending = spending(Budget::new(1.0));
        let mut hold = spending.hold();
        hold.cover(Some(0.6), at(0)).expect("enough");
        assert_eq!(spending.hold().cover(Some(0.6), at(0)), Err(0.4), "another request may not have it too");
        hold.cover(Some(0.9), at(0)).expect("in place of what was reserved before");
        hold.waste(0.05);
        hold.settle(Some(0.25));
        drop(hold);
        assert_eq!(remaining(&spending, 0), 0.7);
        let spend = spending.spend(at(0));
        assert_eq!((spend.cost, spend.wasted_cost, spend.requests, spend.unknown_cost_requests), (0.3, 0.05, 1, 0));
    }

    #[test]
    fn what_nobody_settles_counts_as_estimated_and_what_failed_does_not() {
        let spending = spending(Budget::new(1.0));
        let mut hold = spending.hold();
        hold.cover(Some(0.25), at(0)).expect("enough");
        drop(hold);
        assert_eq!(remaining(&spending, 0), 0.75);
        let mut hold = spending.hold();
        hold.cover(Some(0.25), at(0)).expect("enough");
        hold.release();
        drop(hold);
        assert_eq!(remaining(&spending, 0), 0.75);
    }

    #[test]
    fn an_unknown_price_is_refused_unless_allowed() {
        assert_eq!(spending(Budget::new(1.0)).hold().cover(None, at(0)), Err(1.0));
        let spending = spending(Budget { allow_unknown_prices: true, ..Budget::new(1.0) });
        assert_eq!(spending.hold().cover(None, at(0)), Ok(()));
    }

    #[test]
    fn a_period_begins_anew() {
        let spending = spending(Budget::new(1.0).per(Period::Day));
        let mut late = spending.hold();
        late.cover(Some(0.5), at(DAY - 10)).expect("enough");
        assert_eq!(spending.hold().cover(Some(0.6), at(DAY - 1)), Err(0.5));
        let allowance = spending.allowance(at(DAY - 1)).expect("a budget");
        assert_eq!(allowance.resets_in, Some(at(1)));
        assert_eq!(remaining(&spending, DAY), 0.5, "the request of yesterday is still under way");
        late.settle(Some(0.5));
        assert_eq!(remaining(&spending, DAY), 1.0, "it was yesterday's");
        assert_eq!(spending.spend(at(DAY)).cost, 0.5);
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        // 2024-02-29, 2026-01-31 and 2026-12-31, each at noon.
        for (noon, begun, ends) in [
            (1_709_208_000, 1_706_745_600, 1_709_251_200),
            (1_769_860_800, 1_767_225_600, 1_769_904_000),
            (1_798_718_400, 1_796_083_200, 1_798_761_600),
            (43_200, 0, 31 * DAY),
        ] {
            assert_eq!(Period::Month.around(at(noon)), (begun, Some(ends)), "{noon}");
        }
        assert_eq!(Period::Seconds(100).around(at(250)), (200, Some(300)));
        assert_eq!(Period::Forever.around(at(250)), (0, None));
    }
}
