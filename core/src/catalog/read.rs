//! The catalog's own JSON: facts of a model once, an endpoint states what differs.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;

use super::{DataPolicy, Endpoint, Modalities, Model, Parameters, Price, Pricing, Quantization, Tier, Tokenizer};
use crate::error::{Error, ErrorKind, Result};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Named sets of parameters, so that a model need not repeat them.
    #[serde(default)]
    parameters: BTreeMap<String, Parameters>,
    models: Vec<ModelEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelEntry {
    slug: String,
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    context: Option<u64>,
    #[serde(default)]
    max_output: Option<u64>,
    #[serde(default)]
    input: Option<Modalities>,
    #[serde(default)]
    output: Option<Modalities>,
    /// The name of a set.
    #[serde(default)]
    parameters: Option<String>,
    /// What it counts tokens in; absent: what the slug says.
    #[serde(default)]
    tokenizer: Option<Tokenizer>,
    #[serde(default)]
    price: Option<Rates>,
    endpoints: Vec<EndpointEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointEntry {
    provider: String,
    upstream: String,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    context: Option<u64>,
    #[serde(default)]
    max_output: Option<u64>,
    #[serde(default)]
    input: Option<Modalities>,
    #[serde(default)]
    output: Option<Modalities>,
    #[serde(default)]
    parameters: Option<String>,
    #[serde(default)]
    price: Option<Rates>,
    #[serde(default)]
    quantization: Option<Quantization>,
    #[serde(default)]
    policy: Option<DataPolicy>,
    #[serde(default)]
    search: bool,
    /// Tokens per second.
    #[serde(default)]
    throughput: Option<f64>,
    /// Seconds.
    #[serde(default)]
    latency: Option<f64>,
}

/// US dollars as vendors print them: per million tokens, per request, per image, per search.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rates {
    prompt: Price,
    completion: Price,
    #[serde(default)]
    cache_read: Option<Price>,
    #[serde(default)]
    cache_write: Option<Price>,
    #[serde(default)]
    cache_write_1h: Option<Price>,
    #[serde(default)]
    reasoning: Option<Price>,
    #[serde(default)]
    audio: Option<Price>,
    #[serde(default)]
    request: Option<Price>,
    #[serde(default)]
    image: Option<Price>,
    #[serde(default)]
    search: Option<Price>,
    #[serde(default)]
    tiers: Vec<TierRates>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TierRates {
    above: u64,
    #[serde(default)]
    prompt: Option<Price>,
    #[serde(default)]
    completion: Option<Price>,
    #[serde(default)]
    cache_read: Option<Price>,
    #[serde(default)]
    cache_write: Option<Price>,
    #[serde(default)]
    cache_write_1h: Option<Price>,
}

/// From dollars per million tokens to dollars per token.
fn per_token(rate: Price) -> Price {
    Price::from_pico(rate.pico() / 1_000_000)
}

impl Rates {
    fn pricing(&self) -> Pricing {
        Pricing {
            prompt: per_token(self.prompt),
            completion: per_token(self.completion),
            cache_read: self.cache_read.map(per_token),
            cache_write: self.cache_write.map(per_token),
            cache_write_1h: self.cache_write_1h.map(per_token),
            reasoning: self.reasoning.map(per_token),
            audio: self.audio.map(per_token),
            request: self.request,
            image: self.image,
            search: self.search,
            tiers: self
                .tiers
                .iter()
                .map(|tier| Tier {
                    above: tier.above,
                    prompt: tier.prompt.map(per_token),
                    completion: tier.completion.map(per_token),
                    cache_read: tier.cache_read.map(per_token),
                    cache_write: tier.cache_write.map(per_token),
                    cache_write_1h: tier.cache_write_1h.map(per_token),
                })
                .collect(),
        }
    }
}

/// The models of a catalog in JSON.
pub(super) fn models(json: &str) -> Result<Vec<Model>> {
    let file: File =
        serde_json::from_str(json).map_err(|error| Error::new(ErrorKind::BadRequest, format!("the catalog does not parse: {error}")))?;
    let set = |name: &Option<String>| match name {
        None => Ok(None),
        Some(name) => match file.parameters.get(name) {
            Some(set) => Ok(Some(*set)),
            None => Err(Error::new(ErrorKind::BadRequest, format!("the catalog has no set of parameters named `{name}`"))),
        },
    };
    let model = |entry: &ModelEntry| {
        let slug: Arc<str> = entry.slug.as_str().into();
        let parameters = set(&entry.parameters)?;
        let tokenizer = entry.tokenizer.unwrap_or_else(|| Tokenizer::of_model(&slug));
        let endpoint = |offer: &EndpointEntry| {
            Ok(Arc::new(Endpoint {
                region: offer.region.as_deref().map(Arc::from),
                context_length: offer.context.or(entry.context),
                max_completion_tokens: offer.max_output.or(entry.max_output),
                input: offer.input.or(entry.input),
                output: offer.output.or(entry.output),
                parameters: set(&offer.parameters)?.or(parameters),
                pricing: offer.price.as_ref().or(entry.price.as_ref()).map(Rates::pricing),
                quantization: offer.quantization,
                policy: offer.policy.clone(),
                native_search: offer.search,
                throughput: offer.throughput,
                latency: offer.latency,
                tokenizer,
                ..Endpoint::unknown(Arc::clone(&slug), offer.provider.as_str(), offer.upstream.as_str())
            }))
        };
        let endpoints = entry.endpoints.iter().map(endpoint).collect::<Result<_>>()?;
        Ok(Model { slug: Arc::clone(&slug), name: entry.name.clone(), aliases: entry.aliases.clone(), endpoints })
    };
    file.models.iter().map(model).collect()
}
