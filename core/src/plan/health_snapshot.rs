//! How endpoints fared lately, as plain numbers, and how far token estimates were off.

use std::time::Duration;

use crate::{
    catalog::{Endpoint, EndpointKey, FastMap, Tokenizer},
    preferences::Percentiles,
};

/// How endpoints fared lately, by [`crate::catalog::Endpoint::key`]. An endpoint that is not in it was not called lately.
#[derive(Clone, Debug, Default)]
pub struct HealthSnapshot {
    endpoints: FastMap<EndpointKey, EndpointHealth>,
    /// By what to multiply an estimate of prompt tokens, by model.
    models: FastMap<EndpointKey, f64>,
    /// The same for models without a count of their own, by family; 0 where nothing is known.
    families: [f64; Tokenizer::ALL.len()],
}

/// How one endpoint fared lately.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EndpointHealth {
    /// How many calls the numbers below are made of.
    pub calls: u32,
    /// How long it should still be left alone: after a rate limit, or while its breaker is open.
    pub cooling_down: Option<Duration>,
    /// Whether it failed in a way that makes the next request doubtful.
    pub recent_outage: bool,
    /// Tokens per second.
    pub throughput: Percentiles,
    /// Seconds to the first token.
    pub latency: Percentiles,
    /// The share of calls that failed, 0 to 1.
    pub error_rate: Option<f64>,
    /// The share of calls that were rate limited, 0 to 1.
    pub rate_limited_rate: Option<f64>,
}

impl HealthSnapshot {
    /// Sets an endpoint's health.
    pub fn insert(&mut self, key: EndpointKey, health: EndpointHealth) {
        self.endpoints.insert(key, health);
    }

    /// Forgets an endpoint.
    pub(crate) fn remove(&mut self, key: EndpointKey) {
        self.endpoints.remove(&key);
    }

    /// An endpoint's health.
    pub fn get(&self, key: EndpointKey) -> Option<&EndpointHealth> {
        if self.endpoints.is_empty() { None } else { self.endpoints.get(&key) }
    }

    /// Sets by what to multiply estimates of a model's prompt tokens.
    pub(crate) fn correct_model(&mut self, model: EndpointKey, ratio: f64) {
        self.models.insert(model, ratio);
    }

    /// Sets the same for models of a family without a count of their own.
    pub(crate) fn correct_family(&mut self, tokenizer: Tokenizer, ratio: f64) {
        self.families[tokenizer.index()] = ratio;
    }

    /// By what to multiply an estimate of this endpoint's prompt tokens.
    pub(crate) fn token_ratio(&self, endpoint: &Endpoint) -> f64 {
        let family = self.families[endpoint.tokenizer.index()];
        let general = if family > 0.0 { family } else { 1.0 };
        self.models.get(&EndpointKey::of_model(&endpoint.model)).copied().unwrap_or(general)
    }
}

impl FromIterator<(EndpointKey, EndpointHealth)> for HealthSnapshot {
    fn from_iter<I: IntoIterator<Item = (EndpointKey, EndpointHealth)>>(endpoints: I) -> Self {
        Self { endpoints: endpoints.into_iter().collect(), ..Self::default() }
    }
}
