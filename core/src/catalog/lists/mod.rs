//! The lists of models that others keep: their shapes, read into junto's own.
//!
//! Belongs here: what each list calls a fact, its units, its names for providers (`providers.json`). Does not belong here:
//! fetching one (`client`), what a fact means (`catalog`).

mod facts;
mod litellm;
mod models_dev;
mod openrouter;

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use serde::Deserialize;
use serde_json::Value;

use self::facts::Facts;
use super::{Catalog, Endpoint, Model, Source, read};
use crate::{error::Result, providers};

/// Who keeps a list, and how it is written.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Shape {
    /// junto's own: `{models: [{slug, endpoints: [..]}]}`.
    Junto,
    /// LiteLLM's `model_prices_and_context_window.json`: `{model: {litellm_provider, input_cost_per_token, ..}}`.
    Litellm,
    /// models.dev's `api.json`: `{provider: {models: {id: {cost, limit, ..}}}}`.
    #[serde(rename = "models.dev")]
    ModelsDev,
    /// OpenRouter's `/models`, or the `/models/AUTHOR/NAME/endpoints` of one model: `{data: ..}`.
    Openrouter,
}

impl Shape {
    /// The shape that this JSON has.
    fn of(value: &Value) -> Result<Self> {
        let unknown = || {
            read::bad(
                "",
                "expected a catalog of junto, models.dev's api.json, LiteLLM's price list, or an answer of OpenRouter's `/models`",
            )
        };
        let map = value.as_object().ok_or_else(unknown)?;
        let any = |field: &str, test: fn(&Value) -> bool| map.values().any(|entry| entry.get(field).is_some_and(test));
        if map.get("models").is_some_and(Value::is_array) {
            Ok(Self::Junto)
        } else if map.contains_key("data") {
            Ok(Self::Openrouter)
        } else if any("litellm_provider", Value::is_string) {
            Ok(Self::Litellm)
        } else if any("models", Value::is_object) {
            Ok(Self::ModelsDev)
        } else {
            Err(unknown())
        }
    }

    /// The page of the list itself.
    fn source(self) -> Option<Arc<Source>> {
        let url = match self {
            Self::Junto => return None,
            Self::Litellm => "https://github.com/BerriAI/litellm",
            Self::ModelsDev => "https://models.dev/api.json",
            Self::Openrouter => "https://openrouter.ai/api/v1/models",
        };
        Some(Arc::new(Source { url: url.to_owned(), ..Source::default() }))
    }
}

/// A list of models, read.
#[derive(Clone, Debug)]
pub struct List {
    pub(super) shape: Shape,
    /// An endpoint with an empty `upstream` is a word on one that somebody else has to name.
    pub(super) models: Vec<Model>,
    pub(super) authors: BTreeMap<String, String>,
}

impl List {
    /// Reads a list. Without a shape it is recognised. An error names the path of the bad field.
    pub fn parse(json: &str, shape: Option<Shape>) -> Result<Self> {
        if shape == Some(Shape::Junto) {
            let (models, authors) = read::models(json)?;
            return Ok(Self { shape: Shape::Junto, models, authors });
        }
        let value: Value = read::parse(json)?;
        let shape = shape.map_or_else(|| Shape::of(&value), Ok)?;
        let models = match shape {
            Shape::Junto => return Self::parse(json, Some(Shape::Junto)),
            Shape::Litellm => litellm::models(&Facts::root(&value))?,
            Shape::ModelsDev => models_dev::models(&Facts::root(&value))?,
            Shape::Openrouter => openrouter::models(&Facts::root(&value))?,
        };
        Ok(Self { shape, models, authors: BTreeMap::new() })
    }
}

/// junto's names of providers, by a list and its own.
static PROVIDERS: LazyLock<BTreeMap<String, BTreeMap<String, String>>> =
    LazyLock::new(|| serde_json::from_str(include_str!("providers.json")).unwrap_or_default());

/// junto's slug of a provider that this list names so; the list's own name where it has none.
fn provider(list: &str, name: &str) -> String {
    PROVIDERS.get(list).and_then(|names| names.get(name)).map_or_else(|| name.to_owned(), Clone::clone)
}

/// A slug for a model that a provider calls so, and that the catalog may not know.
fn slug(provider: &str, upstream: &str) -> String {
    let id = upstream.to_ascii_lowercase();
    let author = providers::by_slug(provider).and_then(|row| row.authors.first()).map_or(provider, String::as_str);
    match id.split('/').collect::<Vec<_>>()[..] {
        [_, _] if author == provider => id,
        [.., name] => format!("{author}/{name}"),
        [] => author.to_owned(),
    }
}

/// An endpoint of a list, of which nothing is known yet but names.
fn endpoint(list: Shape, model: &str, provider: &str, upstream: &str) -> Endpoint {
    Endpoint { source: list.source(), ..Endpoint::unknown(model, provider, upstream) }
}

/// A model of one endpoint.
fn model(name: Option<&str>, endpoint: Endpoint) -> Model {
    let slug = Arc::clone(&endpoint.model);
    Model { name: name.unwrap_or(&slug).to_owned(), slug, endpoints: vec![Arc::new(endpoint)], ..Model::default() }
}

impl Catalog {
    /// Takes over what a list says: its facts replace known ones, the rest stays. A model is the same where its slug or an
    /// alias is. What others' lists say of an endpoint is true of every model that it is an endpoint of, by its provider and
    /// upstream name; names by which endpoints are called change only by a list in junto's own shape, such as the caller's
    /// overlay.
    pub fn merge(&mut self, list: &List) {
        self.authors.extend(list.authors.iter().map(|(other, own)| (other.clone(), own.clone())));
        let own = list.shape == Shape::Junto;
        let mut sharing: BTreeMap<[Arc<str>; 2], Vec<Arc<str>>> = BTreeMap::new();
        for model in self.models().filter(|_| !own) {
            for offer in &model.endpoints {
                sharing.entry([Arc::clone(&offer.provider), Arc::clone(&offer.upstream)]).or_default().push(Arc::clone(&model.slug));
            }
        }
        for said in &list.models {
            let named = said.endpoints.iter().find_map(|offer| sharing.get(&[Arc::clone(&offer.provider), Arc::clone(&offer.upstream)]));
            let by_slug = self.get(&said.slug).map(|known| Arc::clone(&known.slug));
            let same = named.map_or(by_slug.as_slice(), Vec::as_slice);
            // Another name is one model's alone.
            let called = same.iter().find(|slug| Some(*slug) == by_slug.as_ref()).or(same.first());
            for slug in same {
                let aliases = said.aliases.iter().filter(|_| Some(slug) == called).cloned().collect();
                if let Some(known) = self.get(slug).cloned() {
                    self.insert(merged(&known, &Model { aliases, ..said.clone() }, list.shape));
                }
            }
            if same.is_empty() {
                let mut model = said.clone();
                model.endpoints.retain(|offer| !offer.upstream.is_empty());
                if own || !model.endpoints.is_empty() {
                    self.insert(model);
                }
            }
        }
    }
}

/// A model with what a list says of it.
fn merged(known: &Model, said: &Model, shape: Shape) -> Model {
    let own = shape == Shape::Junto;
    let mut model = known.clone();
    let named = said.name != *said.slug;
    if own && named {
        model.name.clone_from(&said.name);
    }
    let new = said.aliases.iter().filter(|alias| **alias != *model.slug && !known.aliases.contains(alias));
    model.aliases.extend(new.cloned());
    model.created = model.created.or_else(|| said.created.clone());
    model.retires = said.retires.clone().or(model.retires);
    for offer in &said.endpoints {
        let at_provider = |at: &Arc<Endpoint>| at.provider == offer.provider;
        let called_alike = |at: &Arc<Endpoint>| !own && offer.region.is_none() && at.upstream == offer.upstream;
        let is_same = |at: &Arc<Endpoint>| at_provider(at) && (at.region == offer.region || called_alike(at));
        let mut places: Vec<usize> = (0..model.endpoints.len()).filter(|place| is_same(&model.endpoints[*place])).collect();
        if places.is_empty() && !own {
            places.extend(model.endpoints.iter().position(at_provider));
        }
        for place in &places {
            model.endpoints[*place] = Arc::new(facts(&model.endpoints[*place], offer, shape));
        }
        // What is true of the model is true of a further endpoint too; price and policy are its own.
        if places.is_empty() && !offer.upstream.is_empty() {
            let of_model = model.endpoints.first().map(|first| Endpoint {
                context_length: offer.context_length.or(first.context_length),
                max_completion_tokens: offer.max_completion_tokens.or(first.max_completion_tokens),
                input: offer.input.or(first.input),
                output: offer.output.or(first.output),
                parameters: offer.parameters.or(first.parameters),
                reasoning: offer.reasoning.clone().or_else(|| first.reasoning.clone()),
                dimensions: offer.dimensions.or(first.dimensions),
                tokenizer: first.tokenizer,
                model: Arc::clone(&model.slug),
                ..(**offer).clone()
            });
            model.endpoints.push(of_model.map_or_else(|| Arc::clone(offer), Arc::new));
        }
    }
    model
}

/// An endpoint with what a list says of it.
fn facts(known: &Endpoint, said: &Endpoint, shape: Shape) -> Endpoint {
    let own = shape == Shape::Junto;
    // The other lists tell some parameters, these two tell all.
    let all_parameters = own || shape == Shape::Openrouter;
    let (first, second) = if all_parameters { (said.parameters, known.parameters) } else { (known.parameters, said.parameters) };
    Endpoint {
        model: Arc::clone(&known.model),
        provider: Arc::clone(&known.provider),
        region: known.region.clone(),
        upstream: Arc::clone(if own { &said.upstream } else { &known.upstream }),
        context_length: said.context_length.or(known.context_length),
        max_completion_tokens: said.max_completion_tokens.or(known.max_completion_tokens),
        input: said.input.or(known.input),
        output: said.output.or(known.output),
        parameters: first.or(second),
        pricing: match (&said.pricing, &known.pricing) {
            (Some(said), Some(known)) if !own => Some(said.completed_by(known)),
            (said, known) => said.clone().or_else(|| known.clone()),
        },
        quantization: said.quantization.or(known.quantization),
        policy: said.policy.clone().or_else(|| known.policy.clone()),
        native_search: said.native_search || known.native_search,
        tokenizer: known.tokenizer,
        reasoning: said.reasoning.clone().or_else(|| known.reasoning.clone()),
        dimensions: said.dimensions.or(known.dimensions),
        source: said.source.clone().or_else(|| known.source.clone()),
        throughput: said.throughput.or(known.throughput),
        latency: said.latency.or(known.latency),
    }
}

#[cfg(test)]
mod tests;
