//! OpenRouter's `/models`, and its `/models/AUTHOR/NAME/endpoints`. Prices are texts, dollars per unit.

use super::{Facts, Model, Shape, endpoint, model, provider};
use crate::{
    catalog::{Endpoint, Parameter, Parameters, Pricing, Quantization, Tier},
    error::Result,
};

/// The router as one of junto's providers.
const ROUTER: &str = "openrouter";

pub(super) fn models(list: &Facts<'_>) -> Result<Vec<Model>> {
    let Some(data) = list.get("data") else { return Ok(Vec::new()) };
    if data.is_list() { data.items()?.map(|entry| of_router(&entry)).collect() } else { Ok(vec![with_endpoints(&data)?]) }
}

/// An entry of `/models`: what the router itself offers.
fn of_router(entry: &Facts<'_>) -> Result<Model> {
    let id = entry.needed_text("id")?;
    let mut offer = endpoint(Shape::Openrouter, &id.to_ascii_lowercase(), ROUTER, id);
    common(entry, entry, &mut offer)?;
    if let Some(top) = entry.get("top_provider") {
        offer.max_completion_tokens = top.tokens("max_completion_tokens")?;
    }
    let mut model = model(entry.text("name")?, offer);
    model.aliases.extend(entry.text("canonical_slug")?.filter(|slug| *slug != id).map(str::to_owned));
    model.retires = entry.text("expiration_date")?.map(Into::into);
    Ok(model)
}

/// The answer on one model: what its hosts offer. How a host calls the model is not in it.
fn with_endpoints(entry: &Facts<'_>) -> Result<Model> {
    let slug = entry.needed_text("id")?.to_ascii_lowercase();
    let mut whole = Model { name: entry.text("name")?.unwrap_or(&slug).to_owned(), slug: slug.as_str().into(), ..Model::default() };
    let Some(list) = entry.get("endpoints") else { return Ok(whole) };
    for said in list.items()? {
        let Some(tag) = said.text("tag")?.or(said.text("provider_name")?) else { continue };
        let (host, region) = tag.split_once('/').map_or((tag, None), |(host, region)| (host, Some(region)));
        let mut offer = endpoint(Shape::Openrouter, &slug, &provider("openrouter", host), "");
        common(&said, entry, &mut offer)?;
        offer.max_completion_tokens = said.tokens("max_completion_tokens")?;
        offer.quantization = said.text("quantization")?.and_then(Quantization::from_name);
        // A tag may end in the precision instead of a region.
        offer.region = region.filter(|region| Quantization::from_name(region).is_none()).map(Into::into);
        offer.throughput = said.get("throughput_last_30m").map(|window| window.number("p50")).transpose()?.flatten();
        offer.latency = said.get("latency_last_30m").map(|window| window.number("p50")).transpose()?.flatten();
        whole.endpoints.push(offer.into());
    }
    Ok(whole)
}

/// What models and endpoints state alike; kinds of content are stated once per model.
fn common(said: &Facts<'_>, model: &Facts<'_>, offer: &mut Endpoint) -> Result<()> {
    offer.context_length = said.tokens("context_length")?;
    if let Some(kinds) = model.get("architecture") {
        offer.input = kinds.modalities("input_modalities")?;
        offer.output = kinds.modalities("output_modalities")?;
    }
    if let Some(list) = said.get("supported_parameters") {
        let mut parameters = Parameters::EMPTY;
        for name in list.items()? {
            let known = match name.as_text()? {
                "max_completion_tokens" => Some(Parameter::MaxTokens),
                "include_reasoning" | "reasoning_effort" => Some(Parameter::Reasoning),
                name => Parameter::from_name(name),
            };
            if let Some(parameter) = known {
                parameters.insert(parameter);
            }
        }
        offer.parameters = Some(parameters);
    }
    offer.pricing = said.get("pricing").map(|price| pricing(&price)).transpose()?.flatten();
    Ok(())
}

fn pricing(price: &Facts<'_>) -> Result<Option<Pricing>> {
    // "-1" is the price of a router, which depends on where it goes.
    if price.get("prompt").is_some_and(|prompt| prompt.as_text().is_ok_and(|text| text.starts_with('-'))) {
        return Ok(None);
    }
    let (Some(prompt), Some(completion)) = (price.price("prompt", 1)?, price.price("completion", 1)?) else { return Ok(None) };
    let mut tiers = Vec::new();
    if let Some(list) = price.get("overrides") {
        for entry in list.items()? {
            // A price that depends on the hour is not known.
            if entry.get("utc_start").is_some() {
                return Ok(None);
            }
            if let Some(above) = entry.tokens("min_prompt_tokens")? {
                tiers.push(Tier {
                    above,
                    prompt: entry.price("prompt", 1)?,
                    completion: entry.price("completion", 1)?,
                    cache_read: entry.price("input_cache_read", 1)?,
                    cache_write: entry.price("input_cache_write", 1)?,
                    cache_write_1h: entry.price("input_cache_write_1h", 1)?,
                });
            }
        }
    }
    let unit = |field: &str| Ok::<_, crate::Error>(price.price(field, 1)?.filter(|price| price.pico() > 0));
    Ok(Some(Pricing {
        prompt,
        completion,
        cache_read: unit("input_cache_read")?,
        cache_write: unit("input_cache_write")?,
        cache_write_1h: unit("input_cache_write_1h")?,
        reasoning: unit("internal_reasoning")?,
        audio: unit("audio")?,
        audio_output: unit("audio_output")?,
        image_token: unit("image_token")?,
        image_output: unit("image_output")?,
        image: unit("image")?,
        request: unit("request")?,
        search: unit("web_search")?,
        tiers,
        ..Pricing::default()
    }))
}
