//! How endpoints fared lately, as plain numbers.

use std::time::Duration;

use crate::{
    catalog::{EndpointKey, FastMap},
    preferences::Percentiles,
};

/// How endpoints fared lately, by [`crate::catalog::Endpoint::key`]. An endpoint that is not in it was not called lately.
#[derive(Clone, Debug, Default)]
pub struct HealthSnapshot {
    endpoints: FastMap<EndpointKey, EndpointHealth>,
}

/// How one endpoint fared lately.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EndpointHealth {
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

    /// An endpoint's health.
    pub fn get(&self, key: EndpointKey) -> Option<&EndpointHealth> {
        if self.endpoints.is_empty() { None } else { self.endpoints.get(&key) }
    }
}

impl FromIterator<(EndpointKey, EndpointHealth)> for HealthSnapshot {
    fn from_iter<I: IntoIterator<Item = (EndpointKey, EndpointHealth)>>(endpoints: I) -> Self {
        Self { endpoints: endpoints.into_iter().collect() }
    }
}
