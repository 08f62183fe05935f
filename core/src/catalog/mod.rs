//! Facts: models, the endpoints that serve them, prices, limits, capabilities, data policies.
//!
//! Belongs here: what is true before a request comes. Does not belong here: who may serve one (`plan`), how to talk to
//! a provider (`providers`), IO. PURE.

#[cfg(test)]
mod check;
mod key;
mod lists;
mod lookup;
mod parameters;
mod price;
mod read;
mod reasoning;
mod tokenizer;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use key::EndpointKey;
pub(crate) use key::{FastMap, ModelKey};
pub use lists::{List, Shape};
pub use lookup::Catalog;
pub(crate) use lookup::{nearest, unknown_model};
pub use parameters::{Modalities, Modality, Parameter, Parameters, Quantization, Quantizations};
pub use price::{Cost, Price, Pricing, ServiceTier, Tier};
pub use reasoning::Reasoning;
pub use tokenizer::Tokenizer;

/// One model and everyone who serves it.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The canonical slug, for instance `openai/gpt-4o`.
    pub slug: Arc<str>,
    /// The name for people.
    pub name: String,
    /// Other slugs of the same model, dated ones included.
    pub aliases: Vec<String>,
    /// The day it came out, `2025-09-29`.
    pub created: Option<Arc<str>>,
    /// The day its author stops it, `2026-11-30`.
    pub retires: Option<Arc<str>>,
    /// Who serves it.
    pub endpoints: Vec<Arc<Endpoint>>,
}

/// One provider's offer of one model. A fact that is `None` is unknown, and a filter that needs it rejects.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The slug of the model.
    pub model: Arc<str>,
    /// The provider's slug, for instance `google-vertex`.
    pub provider: Arc<str>,
    /// Tells apart several endpoints of one provider, for instance `us-east5`.
    pub region: Option<Arc<str>>,
    /// The model as the provider names it.
    pub upstream: Arc<str>,
    /// Tokens of prompt and answer together.
    pub context_length: Option<u64>,
    /// The most tokens of one answer.
    pub max_completion_tokens: Option<u64>,
    /// What it reads.
    pub input: Option<Modalities>,
    /// What it writes.
    pub output: Option<Modalities>,
    /// Which request parameters it knows.
    pub parameters: Option<Parameters>,
    /// What it counts tokens in.
    pub tokenizer: Tokenizer,
    /// What it charges.
    pub pricing: Option<Pricing>,
    /// The precision of its weights.
    pub quantization: Option<Quantization>,
    /// What the operator does with prompts.
    pub policy: Option<DataPolicy>,
    /// Whether the vendor can search the web itself. What a search costs is in `pricing.search`.
    pub native_search: bool,
    /// How it reasons; `None` where that is not known, which is no word on whether it does: see `parameters`.
    pub reasoning: Option<Arc<Reasoning>>,
    /// How many numbers an embedding has, unless the request asks for fewer.
    pub dimensions: Option<u32>,
    /// Where price and limits were read, and when.
    pub source: Option<Arc<Source>>,
    /// Tokens per second to expect before anything was measured here.
    pub throughput: Option<f64>,
    /// Seconds to the first token to expect before anything was measured here.
    pub latency: Option<f64>,
}

impl Endpoint {
    /// An endpoint of which nothing is known but its names.
    pub fn unknown(model: impl Into<Arc<str>>, provider: impl Into<Arc<str>>, upstream: impl Into<Arc<str>>) -> Self {
        let model = model.into();
        Self {
            tokenizer: Tokenizer::of_model(&model),
            model,
            provider: provider.into(),
            region: None,
            upstream: upstream.into(),
            context_length: None,
            max_completion_tokens: None,
            input: None,
            output: None,
            parameters: None,
            pricing: None,
            quantization: None,
            policy: None,
            native_search: false,
            reasoning: None,
            dimensions: None,
            source: None,
            throughput: None,
            latency: None,
        }
    }

    /// What its health is kept under. Cheap, and the same for the same names.
    pub fn key(&self) -> EndpointKey {
        EndpointKey::new(&self.model, &self.provider, self.region.as_deref())
    }

    /// The name that preferences go by: `provider` or `provider/region`.
    pub fn tag(&self) -> String {
        match &self.region {
            Some(region) => format!("{}/{region}", self.provider),
            None => (*self.provider).to_owned(),
        }
    }
}

/// What an operator does with prompts. An absent field is unknown and counts as the worse answer.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DataPolicy {
    /// Whether it trains on them, or may.
    pub trains: Option<bool>,
    /// Whether it keeps them at all, abuse logs included.
    pub retains: Option<bool>,
    /// For how many days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// Whether it may publish them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publishes: Option<bool>,
    /// Where they are processed and kept: a country as `us`, a group of them as `eu`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Where that is written, with the date it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl DataPolicy {
    /// Whether `data_collection: "deny"` lets it pass: known not to train, and not known to publish.
    pub fn denies_collection(&self) -> bool {
        self.trains == Some(false) && self.publishes != Some(true)
    }

    /// Whether `zdr` lets it pass: known to keep nothing and not to train.
    pub fn is_zero_retention(&self) -> bool {
        self.retains == Some(false) && self.denies_collection()
    }
}

/// Where a fact was read, and when.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The vendor's page, or the list, that states it.
    pub url: String,
    /// The day it was read, `2026-11-25`; empty where a list does not say of when it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub read: String,
    /// The list through which it was read, where that was not the page itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
}
