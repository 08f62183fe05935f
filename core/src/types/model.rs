//! Lists of models and of their endpoints, in OpenRouter's shape and OpenAI's at once.

use serde::{Deserialize, Serialize};

use crate::{
    catalog::{DataPolicy, Modalities, Modality, Parameters, Price, Pricing, Quantization, Tier, Tokenizer},
    error::{Error, Result},
    preferences::{Percentiles, Preferences},
};

/// Which models to list. Without anything: every model of the catalog.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelQuery {
    /// Only models, and of them only endpoints, that the client's keys and the preferences allow.
    pub available: bool,
    /// Preferences on top of the client's own; they imply `available`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Preferences>,
    /// Also ask the local servers, Ollama and the like, what they serve. One that does not answer within a second is left out.
    pub local: bool,
}

impl ModelQuery {
    /// Parses `{available, provider, local}`. An error names the path of the bad field.
    pub fn from_json(json: &str) -> Result<Self> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let path = error.path().to_string();
            Error::bad_request(path.clone(), format!("{path}: {}", error.inner()))
        })
    }
}

/// A list of models.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelList {
    /// Always `list`.
    pub object: &'static str,
    /// The models, those of the catalog first.
    pub data: Vec<ModelInfo>,
}

/// One model. Prices and limits are those of its first endpoint; `endpoints` has the others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelInfo {
    /// The slug to ask for.
    pub id: String,
    /// Always `model`.
    pub object: &'static str,
    /// When it was published, in Unix seconds; 0 where nobody knows.
    pub created: u64,
    /// Who made it; of a model on a local server, the server.
    pub owned_by: String,
    /// The slug without aliases.
    pub canonical_slug: String,
    /// The name for people.
    pub name: String,
    /// Tokens of prompt and answer together.
    pub context_length: Option<u64>,
    /// The day its author stops it, `2026-11-30`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration_date: Option<String>,
    /// What it reads and writes.
    pub architecture: Architecture,
    /// What it charges; `None` where the price is unknown.
    pub pricing: Option<PriceList>,
    /// Limits of its first endpoint.
    pub top_provider: TopProvider,
    /// Limits of one request beyond the context; none are known.
    pub per_request_limits: Option<()>,
    /// The request parameters that at least one endpoint knows.
    pub supported_parameters: Parameters,
}

/// What a model reads and writes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Architecture {
    /// Both in one word, such as `text+image->text`.
    pub modality: Option<String>,
    /// What it reads.
    pub input_modalities: Modalities,
    /// What it writes.
    pub output_modalities: Modalities,
    /// What it counts tokens in.
    pub tokenizer: Option<Tokenizer>,
}

impl Architecture {
    /// What these kinds of content make.
    pub fn of(input: Option<Modalities>, output: Option<Modalities>, tokenizer: Tokenizer) -> Self {
        let words = |kinds: Modalities| kinds.iter().map(Modality::as_str).collect::<Vec<_>>().join("+");
        Self {
            modality: input.zip(output).map(|(input, output)| format!("{}->{}", words(input), words(output))),
            input_modalities: input.unwrap_or_default(),
            output_modalities: output.unwrap_or_default(),
            tokenizer: (tokenizer != Tokenizer::Unknown).then_some(tokenizer),
        }
    }
}

/// Limits of the first endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TopProvider {
    /// Tokens of prompt and answer together.
    pub context_length: Option<u64>,
    /// The most tokens of one answer.
    pub max_completion_tokens: Option<u64>,
    /// Whether the vendor filters prompts; not recorded.
    pub is_moderated: Option<bool>,
}

/// Prices as decimal text, in US dollars per token, request, image or search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PriceList {
    /// Per prompt token.
    pub prompt: Price,
    /// Per completion token.
    pub completion: Price,
    /// Per request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Price>,
    /// Per input image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Price>,
    /// Per input audio token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<Price>,
    /// Per input image token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_token: Option<Price>,
    /// Per output image token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_output: Option<Price>,
    /// Per output audio token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_output: Option<Price>,
    /// Per prompt token read from the cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_cache_read: Option<Price>,
    /// Per prompt token written to the cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_cache_write: Option<Price>,
    /// Per prompt token written to the cache for an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_cache_write_1h: Option<Price>,
    /// Per reasoning token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal_reasoning: Option<Price>,
    /// Per web search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_search: Option<Price>,
    /// Other prices for large prompts; the last that applies wins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<PriceOverride>,
}

/// Prices for prompts of more than `min_prompt_tokens`; an absent one stays as it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PriceOverride {
    /// Applies to prompts of more tokens than this.
    pub min_prompt_tokens: u64,
    /// Per prompt token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Price>,
    /// Per completion token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion: Option<Price>,
    /// Per prompt token read from the cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_cache_read: Option<Price>,
    /// Per prompt token written to the cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_cache_write: Option<Price>,
    /// Per prompt token written to the cache for an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_cache_write_1h: Option<Price>,
}

impl From<&Pricing> for PriceList {
    fn from(pricing: &Pricing) -> Self {
        Self {
            prompt: pricing.prompt,
            completion: pricing.completion,
            request: pricing.request,
            image: pricing.image,
            audio: pricing.audio,
            image_token: pricing.image_token,
            image_output: pricing.image_output,
            audio_output: pricing.audio_output,
            input_cache_read: pricing.cache_read,
            input_cache_write: pricing.cache_write,
            input_cache_write_1h: pricing.cache_write_1h,
            internal_reasoning: pricing.reasoning,
            web_search: pricing.search,
            overrides: pricing.tiers.iter().map(PriceOverride::from).collect(),
        }
    }
}

impl From<&Tier> for PriceOverride {
    fn from(tier: &Tier) -> Self {
        Self {
            min_prompt_tokens: tier.above,
            prompt: tier.prompt,
            completion: tier.completion,
            input_cache_read: tier.cache_read,
            input_cache_write: tier.cache_write,
            input_cache_write_1h: tier.cache_write_1h,
        }
    }
}

/// A model with everyone who serves it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelEndpoints {
    /// The slug to ask for.
    pub id: String,
    /// The name for people.
    pub name: String,
    /// When it was published, in Unix seconds; 0 where nobody knows.
    pub created: u64,
    /// What it reads and writes.
    pub architecture: Architecture,
    /// Who serves it, in the order of the catalog.
    pub endpoints: Vec<EndpointInfo>,
}

/// One provider's offer of one model. What is measured is measured in this process, over the health window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EndpointInfo {
    /// Provider and model, for people.
    pub name: String,
    /// The model's slug.
    pub model_id: String,
    /// The model's name for people.
    pub model_name: String,
    /// The provider's name for people.
    pub provider_name: String,
    /// The name that preferences go by, for instance `azure` or `google-vertex/us-east5`.
    pub tag: String,
    /// The model as the provider names it.
    pub upstream_id: String,
    /// Tokens of prompt and answer together.
    pub context_length: Option<u64>,
    /// The most tokens of a prompt; not recorded apart from the context.
    pub max_prompt_tokens: Option<u64>,
    /// The most tokens of one answer.
    pub max_completion_tokens: Option<u64>,
    /// What it charges; `None` where the price is unknown.
    pub pricing: Option<PriceList>,
    /// The precision of its weights.
    pub quantization: Option<Quantization>,
    /// The request parameters it knows.
    pub supported_parameters: Parameters,
    /// 0: well. -1: failed lately. -2: left alone for now, after a rate limit or repeated failures.
    pub status: i8,
    /// The share of calls that did not fail, in percent, rate limits not counted; `None` where nothing was measured.
    pub uptime_last_30m: Option<f64>,
    /// Seconds to the first token; `None` where nothing was measured.
    pub latency_last_30m: Option<Percentiles>,
    /// Tokens per second; `None` where nothing was measured.
    pub throughput_last_30m: Option<Percentiles>,
    /// Whether prompts are cached without being asked to: a price for reading the cache and none for writing it.
    pub supports_implicit_caching: bool,
    /// What the operator does with prompts.
    pub data_policy: Option<DataPolicy>,
    /// Whether the client's keys and preferences allow it.
    pub available: bool,
    /// Why not, as a code: `no_credentials`, `data_policy`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unavailable_reason: Option<String>,
}
