//! How far token estimates were off, by model and by family of tokenizers. PURE.

use std::sync::Arc;

use crate::{
    catalog::{Endpoint, EndpointKey, FastMap, Tokenizer},
    plan::HealthSnapshot,
};

/// What vendors' counts taught.
#[derive(Debug, Default)]
pub(super) struct Corrections {
    pub(super) models: FastMap<EndpointKey, ModelCorrection>,
    pub(super) families: [Correction; Tokenizer::ALL.len()],
}

#[derive(Debug)]
pub(super) struct ModelCorrection {
    pub(super) model: Arc<str>,
    pub(super) correction: Correction,
}

/// A moving average of counted over estimated; of its logarithm, so that twice and half weigh the same.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Correction {
    log: f64,
    pub(super) count: u32,
}

/// How much the newest count weighs once there are many.
const NEWEST: f64 = 0.15;
/// A shorter prompt says less: there, what surrounds the text is most of the count.
const FULL_WEIGHT: f64 = 200.0;
/// Whatever is further off was not the prompt that was estimated.
const FURTHEST: f64 = 4.0;

impl Correction {
    pub(super) fn new(ratio: f64, count: u32) -> Self {
        Self { log: ratio.clamp(1.0 / FURTHEST, FURTHEST).ln(), count }
    }

    pub(super) fn ratio(self) -> f64 {
        self.log.exp()
    }

    fn learn(&mut self, log: f64, weight: f64) {
        self.count = self.count.saturating_add(1);
        // The first ones count in full: an average of few is better than one that begins at nothing.
        let share = NEWEST.max(1.0 / f64::from(self.count)) * weight;
        self.log += share * (log - self.log);
    }
}

impl Corrections {
    /// Takes one vendor's count in, and tells the snapshot.
    pub(super) fn learn(&mut self, endpoint: &Endpoint, estimated: u64, counted: u64, snapshot: &mut HealthSnapshot) {
        let ratio = counted as f64 / estimated.max(1) as f64;
        if !(1.0 / FURTHEST..=FURTHEST).contains(&ratio) {
            return;
        }
        let weight = (estimated as f64 / FULL_WEIGHT).min(1.0);
        let key = EndpointKey::of_model(&endpoint.model);
        let new = || ModelCorrection { model: Arc::clone(&endpoint.model), correction: Correction::default() };
        let model = &mut self.models.entry(key).or_insert_with(new).correction;
        model.learn(ratio.ln(), weight);
        snapshot.correct_model(key, model.ratio());
        let Some(family) = self.families.get_mut(endpoint.tokenizer.index()) else { return };
        family.learn(ratio.ln(), weight);
        snapshot.correct_family(endpoint.tokenizer, family.ratio());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_move_towards_what_vendors_count_and_the_family_follows() {
        let (mut corrections, mut snapshot) = (Corrections::default(), HealthSnapshot::default());
        let endpoint = Endpoint::unknown("anthropic/claude-x", "anthropic", "claude-x");
        let sibling = Endpoint::unknown("anthropic/claude-y", "anthropic", "claude-y");
        let stranger = Endpoint::unknown("openai/gpt-4o", "openai", "gpt-4o");
        assert!((snapshot.token_ratio(&endpoint) - 1.0).abs() < 1e-9);
        for _ in 0..20 {
            corrections.learn(&endpoint, 1_000, 1_300, &mut snapshot);
        }
        assert!((snapshot.token_ratio(&endpoint) - 1.3).abs() < 0.01, "{}", snapshot.token_ratio(&endpoint));
        assert!((snapshot.token_ratio(&sibling) - 1.3).abs() < 0.01, "a new model of the family");
        assert!((snapshot.token_ratio(&stranger) - 1.0).abs() < 1e-9);
        corrections.learn(&endpoint, 1_000, 100_000, &mut snapshot);
        assert!((snapshot.token_ratio(&endpoint) - 1.3).abs() < 0.01, "that was another prompt");
    }
}
