//! Who offers a model: the catalog's endpoints, and those that a provider's row implies.

use std::sync::Arc;

use super::{Inputs, filter::Rules};
use crate::{
    catalog::{Endpoint, Model, unknown_model},
    error::{Error, ErrorKind, Result},
    providers::Configured,
    slug::ModelSlug,
};

/// The endpoints of one model.
pub(super) struct Offers<'a> {
    listed: &'a [Arc<Endpoint>],
    implied: Vec<Arc<Endpoint>>,
    /// Providers that the caller has in several regions: one of `implied` for each stands in for what is listed.
    spread: Vec<&'a str>,
}

impl Offers<'_> {
    pub(super) fn len(&self) -> usize {
        self.listed.len() + self.implied.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        let is_spread = |endpoint: &&Arc<Endpoint>| endpoint.region.is_none() && self.spread.contains(&&*endpoint.provider);
        self.listed.iter().filter(move |endpoint| !is_spread(endpoint)).chain(&self.implied)
    }
}

/// Everyone who may offer this model; an error where nobody does.
pub(super) fn of<'a>(slug: &ModelSlug, inputs: &Inputs<'a>, rules: &Rules<'_>) -> Result<Offers<'a>> {
    let model = inputs.catalog.find(slug)?;
    let listed = model.map_or(&[][..], |model| &model.endpoints);
    let base = match model {
        Some(model) => Arc::clone(&model.slug),
        None => slug.base().into(),
    };
    let (mut implied, mut spread) = (Vec::new(), Vec::new());
    let unknown_author = if model.is_none() { slug.author.as_deref() } else { None };
    for index in inputs.providers.may_offer(unknown_author) {
        let Some(provider) = inputs.providers.at(index) else { continue };
        if !provider.regions.is_empty() {
            let here = listed.iter().filter(|endpoint| *endpoint.provider == *provider.slug() && endpoint.region.is_none());
            implied.extend(here.flat_map(|endpoint| in_regions(endpoint, provider)));
            spread.push(provider.slug());
        }
        let named = match model {
            Some(model) => known_upstream(model, provider),
            None => unknown_upstream(slug, provider),
        };
        let routes = || provider.row.serves_any && (provider.is_usable() || rules.names(index));
        if (named.is_some() || routes()) && !listed.iter().any(|endpoint| *endpoint.provider == *provider.slug()) {
            let endpoint = Arc::new(implied_endpoint(&base, provider, named.unwrap_or_else(|| base.to_string()), listed.first()));
            if provider.regions.is_empty() {
                implied.push(endpoint);
            } else {
                implied.extend(in_regions(&endpoint, provider));
            }
        }
    }
    if listed.is_empty() && implied.is_empty() {
        return Err(nobody(slug, inputs));
    }
    Ok(Offers { listed, implied, spread })
}

/// What a provider of the caller's calls a known model that it serves first-hand. The catalog speaks for the built-in ones.
fn known_upstream(model: &Model, provider: &Configured) -> Option<String> {
    if !provider.custom {
        return None;
    }
    let (author, name) = model.slug.split_once('/')?;
    let serves = provider.row.authors.iter().any(|known| known == author) || provider.slug() == author;
    serves.then(|| model.endpoints.first().map_or(name, |endpoint| &endpoint.upstream).to_owned())
}

/// What a provider calls a model that the catalog does not know, where the slug names the provider or its own author.
fn unknown_upstream(slug: &ModelSlug, provider: &Configured) -> Option<String> {
    let author = slug.author.as_deref()?;
    let own = provider.slug() == author;
    if !own && !provider.row.authors.iter().any(|known| known == author) {
        return None;
    }
    // `openrouter/openai/gpt-4o` is its `openai/gpt-4o`, but `openrouter/auto` is the router's own model.
    if provider.row.serves_any {
        return Some(if slug.name.contains('/') { slug.base()[author.len() + 1..].to_owned() } else { slug.base() });
    }
    // A catalog row such as `:free` exists only where the catalog says so.
    (!slug.variants.iter().any(|variant| variant.is_catalog_row())).then(|| slug.name.clone())
}

/// An endpoint that no catalog row describes. What is true of the model is taken from a known endpoint; price and policy
/// are the operator's own and stay unknown.
fn implied_endpoint(model: &Arc<str>, provider: &Configured, upstream: String, known: Option<&Arc<Endpoint>>) -> Endpoint {
    let unknown = Endpoint::unknown(Arc::clone(model), provider.slug(), upstream);
    match known {
        None => unknown,
        Some(known) => Endpoint {
            context_length: known.context_length,
            max_completion_tokens: known.max_completion_tokens,
            input: known.input,
            output: known.output,
            parameters: known.parameters,
            ..unknown
        },
    }
}

/// The same endpoint in each of the caller's regions.
fn in_regions<'a>(endpoint: &'a Arc<Endpoint>, provider: &'a Configured) -> impl Iterator<Item = Arc<Endpoint>> + 'a {
    provider.regions.iter().map(|region| Arc::new(Endpoint { region: Some(Arc::clone(region)), ..Endpoint::clone(endpoint) }))
}

fn nobody(slug: &ModelSlug, inputs: &Inputs<'_>) -> Error {
    let base = slug.base();
    let model = slug.model();
    if base != model && inputs.catalog.get(&model).is_some() {
        let row = &base[model.len()..];
        return Error::new(ErrorKind::ModelNotFound, format!("model: `{model}` has no `{row}` row; ask for `{model}` itself"))
            .with_param("model");
    }
    unknown_model(&base, &inputs.catalog.nearest(&model))
}
