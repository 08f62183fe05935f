//! How many extra requests an endpoint may see. PURE.

/// A token bucket: a request pays in a part of a token, a retry takes a whole one. Over any 100 requests that all fail,
/// an endpoint sees at most 20 retries.
#[derive(Debug)]
pub(super) struct Budget(f64);

/// What a quiet endpoint may be retried at once.
const RESERVE: f64 = 5.0;
/// What one request pays in. With the reserve: 5 + 100 * 0.15 = 20.
const SHARE: f64 = 0.15;

impl Default for Budget {
    fn default() -> Self {
        Self(RESERVE)
    }
}

impl Budget {
    /// A request begins.
    pub(super) fn deposit(&mut self) {
        self.0 = (self.0 + SHARE).min(RESERVE);
    }

    /// Whether a retry may be made; takes the token if so.
    pub(super) fn withdraw(&mut self) -> bool {
        // The sum of many shares may fall short of a whole by a rounding.
        let allowed = self.0 > 1.0 - 1e-9;
        if allowed {
            self.0 -= 1.0;
        }
        allowed
    }

    /// A retry served: the endpoint is not down, so the token comes back.
    pub(super) fn refund(&mut self) {
        self.0 = (self.0 + 1.0).min(RESERVE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retries(requests: u32) -> u32 {
        let mut budget = Budget::default();
        (0..requests)
            .map(|_| {
                budget.deposit();
                u32::from(budget.withdraw()) + u32::from(budget.withdraw())
            })
            .sum()
    }

    #[test]
    fn a_vendor_that_is_down_sees_at_most_a_fifth_more() {
        assert_eq!(retries(1), 2, "a single failure is retried");
        assert!(retries(100) <= 20, "{}", retries(100));
        assert!(retries(10_000) <= 2_000, "{}", retries(10_000));
    }

    #[test]
    fn retries_that_serve_cost_nothing() {
        let mut budget = Budget::default();
        for _ in 0..1000 {
            budget.deposit();
            assert!(budget.withdraw());
            budget.refund();
        }
    }
}
