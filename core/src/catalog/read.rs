//! The catalog's own JSON: facts of a model once, an endpoint states what differs.

use std::{borrow::Cow, collections::BTreeMap, ops::Range, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny},
};
use serde_json::value::RawValue;

use super::{
    DataPolicy, Endpoint, FastMap, Modalities, Model, Parameters, Price, Pricing, Quantization, Reasoning, Source, Tier, Tokenizer,
};
use crate::error::{Error, Result};

/// A file, its models read or not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<M> {
    /// For editors.
    #[serde(default, rename = "$schema")]
    _schema: IgnoredAny,
    /// Other spellings of authors, and the catalog's.
    #[serde(default)]
    authors: BTreeMap<String, String>,
    /// Where prices and limits were read, by a name: that of a provider stands for all its endpoints.
    #[serde(default)]
    sources: BTreeMap<String, Source>,
    /// Named sets of parameters, so that a model need not repeat them.
    #[serde(default)]
    parameters: BTreeMap<String, Parameters>,
    /// Named kinds of reasoning.
    #[serde(default)]
    reasoning: BTreeMap<String, Reasoning>,
    models: Vec<M>,
}

/// What a model is found by.
#[derive(Deserialize)]
pub(super) struct Names {
    pub(super) slug: Arc<str>,
    #[serde(default)]
    pub(super) aliases: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelEntry<'a> {
    #[serde(borrow)]
    slug: Cow<'a, str>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default, borrow)]
    created: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    retires: Option<Cow<'a, str>>,
    #[serde(default)]
    context: Option<u64>,
    #[serde(default)]
    max_output: Option<u64>,
    #[serde(default)]
    input: Option<Modalities>,
    #[serde(default)]
    output: Option<Modalities>,
    #[serde(default)]
    dimensions: Option<u32>,
    /// What it counts tokens in; absent: what the slug says.
    #[serde(default)]
    tokenizer: Option<Tokenizer>,
    /// The name of a set.
    #[serde(default, borrow)]
    parameters: Option<Cow<'a, str>>,
    /// The name of a kind.
    #[serde(default, borrow)]
    reasoning: Option<Cow<'a, str>>,
    #[serde(default)]
    price: Option<Rates>,
    #[serde(default, borrow)]
    endpoints: Vec<EndpointEntry<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointEntry<'a> {
    #[serde(borrow)]
    provider: Cow<'a, str>,
    #[serde(borrow)]
    upstream: Cow<'a, str>,
    #[serde(default, borrow)]
    region: Option<Cow<'a, str>>,
    #[serde(default)]
    context: Option<u64>,
    #[serde(default)]
    max_output: Option<u64>,
    #[serde(default)]
    input: Option<Modalities>,
    #[serde(default)]
    output: Option<Modalities>,
    #[serde(default, borrow)]
    parameters: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    reasoning: Option<Cow<'a, str>>,
    #[serde(default)]
    price: OwnPrice,
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
    /// The name of a source, where it is not the provider's.
    #[serde(default, borrow)]
    source: Option<Cow<'a, str>>,
}

/// An endpoint's price: where it says nothing, the model's; `null` is unknown.
#[derive(Default)]
enum OwnPrice {
    #[default]
    Model,
    Stated(Option<Box<Pricing>>),
}

impl<'de> Deserialize<'de> for OwnPrice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Option::<Rates>::deserialize(deserializer).map(|rates| Self::Stated(rates.map(|rates| Box::new(rates.pricing()))))
    }
}

/// US dollars as vendors print them: per million tokens, per request, per image, per search.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rates {
    prompt: PerMillion,
    completion: PerMillion,
    #[serde(default)]
    cache_read: Option<PerMillion>,
    #[serde(default)]
    cache_write: Option<PerMillion>,
    #[serde(default)]
    cache_write_1h: Option<PerMillion>,
    #[serde(default)]
    reasoning: Option<PerMillion>,
    #[serde(default)]
    audio: Option<PerMillion>,
    #[serde(default)]
    audio_output: Option<PerMillion>,
    #[serde(default)]
    image_token: Option<PerMillion>,
    #[serde(default)]
    image_output: Option<PerMillion>,
    #[serde(default)]
    request: Option<Price>,
    #[serde(default)]
    request_medium: Option<Price>,
    #[serde(default)]
    request_high: Option<Price>,
    /// Factors, not dollars.
    #[serde(default)]
    flex: Option<Price>,
    #[serde(default)]
    priority: Option<Price>,
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
    prompt: Option<PerMillion>,
    #[serde(default)]
    completion: Option<PerMillion>,
    #[serde(default)]
    cache_read: Option<PerMillion>,
    #[serde(default)]
    cache_write: Option<PerMillion>,
    #[serde(default)]
    cache_write_1h: Option<PerMillion>,
}

/// The price of one, given that of a million.
#[derive(Clone, Copy)]
struct PerMillion(Price);

impl<'de> Deserialize<'de> for PerMillion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let million = Price::deserialize(deserializer)?.pico();
        if !million.is_multiple_of(1_000_000) {
            return Err(D::Error::custom("a price per million tokens has at most 6 decimals"));
        }
        Ok(Self(Price::from_pico(million / 1_000_000)))
    }
}

impl Rates {
    fn pricing(&self) -> Pricing {
        let one = |rate: Option<PerMillion>| rate.map(|rate| rate.0);
        Pricing {
            prompt: self.prompt.0,
            completion: self.completion.0,
            cache_read: one(self.cache_read),
            cache_write: one(self.cache_write),
            cache_write_1h: one(self.cache_write_1h),
            reasoning: one(self.reasoning),
            audio: one(self.audio),
            audio_output: one(self.audio_output),
            image_token: one(self.image_token),
            image_output: one(self.image_output),
            request: self.request,
            request_medium: self.request_medium,
            request_high: self.request_high,
            flex: self.flex,
            priority: self.priority,
            image: self.image,
            search: self.search,
            tiers: self.tiers.iter().map(TierRates::tier).collect(),
        }
    }
}

impl TierRates {
    fn tier(&self) -> Tier {
        let one = |rate: Option<PerMillion>| rate.map(|rate| rate.0);
        Tier {
            above: self.above,
            prompt: one(self.prompt),
            completion: one(self.completion),
            cache_read: one(self.cache_read),
            cache_write: one(self.cache_write),
            cache_write_1h: one(self.cache_write_1h),
        }
    }
}

/// What the entries of a file share, by name.
#[derive(Debug)]
struct Shared {
    parameters: BTreeMap<String, Parameters>,
    reasoning: BTreeMap<String, Arc<Reasoning>>,
    sources: BTreeMap<String, Arc<Source>>,
}

impl<M> File<M> {
    /// The models, what they share, and other spellings of authors.
    fn parts(self) -> (Vec<M>, Shared, BTreeMap<String, String>) {
        let shared = Shared {
            parameters: self.parameters,
            reasoning: self.reasoning.into_iter().map(|(name, kind)| (name, Arc::new(kind))).collect(),
            sources: self.sources.into_iter().map(|(name, source)| (name, Arc::new(source))).collect(),
        };
        (self.models, shared, self.authors)
    }
}

/// The models of a catalog in JSON, and its other spellings of authors.
pub(super) fn models(json: &str) -> Result<(Vec<Model>, BTreeMap<String, String>)> {
    let (entries, shared, authors) = parse::<File<ModelEntry<'_>>>(json)?.parts();
    let mut providers = FastMap::default();
    let models = entries.into_iter().enumerate().map(|(at, entry)| model(at, entry, &shared, &mut providers));
    Ok((models.collect::<Result<_>>()?, authors))
}

/// A catalog whose models are read one by one, when they are asked for.
#[derive(Debug)]
pub(super) struct Unread {
    json: String,
    /// Where each model stands in the text.
    models: Vec<Range<usize>>,
    shared: Shared,
}

impl Unread {
    /// Finds the models of a catalog: their names, and other spellings of authors.
    pub(super) fn new(json: String) -> Result<(Self, Vec<Names>, BTreeMap<String, String>)> {
        let (entries, shared, authors) = parse::<File<&RawValue>>(&json)?.parts();
        let names = entries.iter().map(|entry| parse(entry.get())).collect::<Result<_>>()?;
        let place = |entry: &RawValue| {
            let start = entry.get().as_ptr().addr() - json.as_ptr().addr();
            start..start + entry.get().len()
        };
        let models = entries.into_iter().map(place).collect();
        Ok((Self { json, models, shared }, names, authors))
    }

    /// Reads the model at this place.
    pub(super) fn model(&self, at: usize) -> Result<Model> {
        let text = self.models.get(at).and_then(|range| self.json.get(range.clone())).unwrap_or_default();
        model(at, parse(text)?, &self.shared, &mut FastMap::default())
    }
}

/// Parses any JSON of catalogs; an error names the path of the bad field. The path is only looked for when there is one.
pub(super) fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T> {
    serde_json::from_str(json).map_err(|plain| {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
            // Where the text ends too soon there is no field to name.
            Err(error) if !error.path().to_string().contains('?') && error.path().iter().next().is_some() => {
                bad(&error.path().to_string(), &error.inner().to_string())
            }
            _ => bad("", &plain.to_string()),
        }
    })
}

pub(super) fn bad(path: &str, message: &str) -> Error {
    let path = if path.is_empty() { "catalog".to_owned() } else { format!("catalog.{path}") };
    Error::bad_request(&path, format!("{path}: {message}"))
}

/// What goes by this name.
fn named<T: Clone>(set: &BTreeMap<String, T>, name: Option<&str>, path: impl Fn() -> String, kind: &str) -> Result<Option<T>> {
    let Some(name) = name else { return Ok(None) };
    set.get(name).cloned().map(Some).ok_or_else(|| bad(&path(), &format!("there is no `{name}` among the catalog's {kind}")))
}

fn model<'a>(at: usize, entry: ModelEntry<'a>, shared: &Shared, providers: &mut FastMap<Cow<'a, str>, Arc<str>>) -> Result<Model> {
    let slug: Arc<str> = entry.slug.as_ref().into();
    let path = |field: &str| format!("models[{at}].{field}");
    let parameters = named(&shared.parameters, entry.parameters.as_deref(), || path("parameters"), "parameters")?;
    let reasoning = named(&shared.reasoning, entry.reasoning.as_deref(), || path("reasoning"), "reasoning")?;
    let tokenizer = entry.tokenizer.unwrap_or_else(|| Tokenizer::of_model(&slug));
    let pricing = entry.price.as_ref().map(Rates::pricing);
    let endpoint = |(index, offer): (usize, EndpointEntry<'a>)| {
        let path = |field: &str| format!("models[{at}].endpoints[{index}].{field}");
        let own_parameters = named(&shared.parameters, offer.parameters.as_deref(), || path("parameters"), "parameters")?;
        let own_reasoning = named(&shared.reasoning, offer.reasoning.as_deref(), || path("reasoning"), "reasoning")?;
        let own_source = named(&shared.sources, offer.source.as_deref(), || path("source"), "sources")?;
        let context = offer.context.or(entry.context);
        let provider = Arc::clone(providers.entry(offer.provider).or_insert_with_key(|slug| slug.as_ref().into()));
        Ok(Arc::new(Endpoint {
            region: offer.region.as_deref().map(Arc::from),
            context_length: context,
            // The model's own limit says nothing of a host that has less room.
            max_completion_tokens: offer.max_output.or(entry.max_output.filter(|most| context.is_none_or(|room| *most <= room))),
            input: offer.input.or(entry.input),
            output: offer.output.or(entry.output),
            parameters: own_parameters.or(parameters),
            pricing: match offer.price {
                OwnPrice::Model => pricing.clone(),
                OwnPrice::Stated(own) => own.map(|own| *own),
            },
            quantization: offer.quantization,
            policy: offer.policy,
            native_search: offer.search,
            tokenizer,
            reasoning: own_reasoning.or_else(|| reasoning.clone()),
            dimensions: entry.dimensions,
            source: own_source.or_else(|| shared.sources.get(&*provider).cloned()),
            throughput: offer.throughput,
            latency: offer.latency,
            model: Arc::clone(&slug),
            upstream: offer.upstream.as_ref().into(),
            provider,
        }))
    };
    let endpoints = entry.endpoints.into_iter().enumerate().map(endpoint).collect::<Result<_>>()?;
    Ok(Model {
        name: entry.name.unwrap_or_else(|| slug.to_string()),
        slug: Arc::clone(&slug),
        aliases: entry.aliases,
        created: entry.created.as_deref().map(Arc::from),
        retires: entry.retires.as_deref().map(Arc::from),
        endpoints,
    })
}
