//! LiteLLM's `model_prices_and_context_window.json`: one object by name of deployment. Prices are dollars per token.

use std::collections::BTreeMap;

use super::{Facts, Model, Shape, endpoint, model, provider, slug};
use crate::{
    catalog::{Modalities, Modality, Parameter, Parameters, Price, Pricing, Tier},
    error::Result,
};

/// The entry that explains the fields.
const SAMPLE: &str = "sample_spec";

pub(super) fn models(list: &Facts<'_>) -> Result<Vec<Model>> {
    let mut models = Vec::new();
    for (name, entry) in list.fields()? {
        let (Some(from), Some(mode)) = (entry.text("litellm_provider")?, entry.text("mode")?) else { continue };
        if name != SAMPLE && matches!(mode, "chat" | "embedding" | "responses") {
            models.push(read(name, from, mode == "embedding", &entry)?);
        }
    }
    Ok(models)
}

fn read(name: &str, from: &str, embeds: bool, entry: &Facts<'_>) -> Result<Model> {
    let provider = provider("litellm", from);
    // Most names begin with the provider as LiteLLM's callers write it: `groq/..`, `vertex_ai/..`.
    let upstream = match name.split_once('/') {
        Some((prefix, rest)) if from.starts_with(prefix) => rest,
        _ => name,
    };
    let mut offer = endpoint(Shape::Litellm, &slug(&provider, upstream), &provider, upstream);
    offer.context_length = entry.tokens("max_input_tokens")?;
    offer.max_completion_tokens = if embeds { None } else { entry.tokens("max_output_tokens")? };
    offer.dimensions = entry.tokens("output_vector_size")?.and_then(|size| u32::try_from(size).ok());
    offer.native_search = entry.flag("supports_web_search")? == Some(true);
    offer.output = Some([if embeds { Modality::Embeddings } else { Modality::Text }].into_iter().collect());
    let mut input: Modalities = [Modality::Text].into_iter().collect();
    for (field, kind) in [
        ("supports_vision", Modality::Image),
        ("supports_pdf_input", Modality::File),
        ("supports_audio_input", Modality::Audio),
        ("supports_video_input", Modality::Video),
    ] {
        if entry.flag(field)? == Some(true) {
            input.insert(kind);
        }
    }
    offer.input = Some(input);
    let mut parameters: Parameters = if embeds { Parameters::EMPTY } else { [Parameter::MaxTokens].into_iter().collect() };
    for (field, means) in [
        ("supports_function_calling", &[Parameter::Tools][..]),
        ("supports_tool_choice", &[Parameter::ToolChoice]),
        ("supports_parallel_function_calling", &[Parameter::ParallelToolCalls]),
        ("supports_response_schema", &[Parameter::ResponseFormat, Parameter::StructuredOutputs]),
        ("supports_reasoning", &[Parameter::Reasoning]),
    ] {
        if entry.flag(field)? == Some(true) {
            for parameter in means {
                parameters.insert(*parameter);
            }
        }
    }
    offer.parameters = Some(parameters);
    offer.pricing = pricing(entry, embeds)?;
    let mut model = model(None, offer);
    model.retires = entry.text("deprecation_date")?.map(Into::into);
    Ok(model)
}

fn pricing(entry: &Facts<'_>, embeds: bool) -> Result<Option<Pricing>> {
    let completion = entry.price("output_cost_per_token", 1)?.or(embeds.then_some(Price::default()));
    let (Some(prompt), Some(completion)) = (entry.price("input_cost_per_token", 1)?, completion) else { return Ok(None) };
    // A price that depends on the hour, or on tables junto does not read, is not known.
    if entry.get("off_peak_pricing").is_some() || entry.get("tiered_pricing").is_some() {
        return Ok(None);
    }
    Ok(Some(Pricing {
        prompt,
        completion,
        cache_read: entry.price("cache_read_input_token_cost", 1)?,
        cache_write: entry.price("cache_creation_input_token_cost", 1)?,
        cache_write_1h: entry.price("cache_creation_input_token_cost_above_1hr", 1)?,
        reasoning: entry.price("output_cost_per_reasoning_token", 1)?,
        audio: entry.price("input_cost_per_audio_token", 1)?,
        audio_output: entry.price("output_cost_per_audio_token", 1)?,
        image_token: entry.price("input_cost_per_image_token", 1)?,
        image_output: entry.price("output_cost_per_image_token", 1)?,
        request: entry.price("input_cost_per_request", 1)?,
        search: search(entry)?,
        tiers: tiers(entry)?,
        ..Pricing::default()
    }))
}

/// The price of a search, where it does not depend on how much is read.
fn search(entry: &Facts<'_>) -> Result<Option<Price>> {
    let Some(sizes) = entry.get("search_context_cost_per_query") else { return Ok(None) };
    let names: Vec<&String> = sizes.object()?.keys().collect();
    let prices = names.iter().map(|size| sizes.price(size, 1)).collect::<Result<Vec<_>>>()?;
    Ok(prices.first().copied().flatten().filter(|first| prices.iter().all(|price| *price == Some(*first))))
}

/// Fields such as `input_cost_per_token_above_200k_tokens`.
fn tiers(entry: &Facts<'_>) -> Result<Vec<Tier>> {
    let mut tiers: BTreeMap<u64, Tier> = BTreeMap::new();
    for field in entry.object()?.keys() {
        let Some((what, size)) = field.strip_suffix("k_tokens").and_then(|field| field.rsplit_once("_above_")) else { continue };
        let Ok(thousands) = size.parse::<u64>() else { continue };
        let price = entry.price(field, 1)?;
        let above = thousands * 1_000;
        let tier = Tier { above, ..Tier::default() };
        match what {
            "input_cost_per_token" => tiers.entry(above).or_insert(tier).prompt = price,
            "output_cost_per_token" => tiers.entry(above).or_insert(tier).completion = price,
            "cache_read_input_token_cost" => tiers.entry(above).or_insert(tier).cache_read = price,
            "cache_creation_input_token_cost" => tiers.entry(above).or_insert(tier).cache_write = price,
            "cache_creation_input_token_cost_above_1hr" => tiers.entry(above).or_insert(tier).cache_write_1h = price,
            _ => {}
        }
    }
    Ok(tiers.into_values().collect())
}
