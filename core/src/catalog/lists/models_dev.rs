//! models.dev's `api.json`: providers, and under each its models. Prices are dollars per million tokens.

use super::{Facts, Model, Shape, endpoint, model, provider, slug};
use crate::{
    catalog::{Parameter, Parameters, Pricing, Tier},
    error::Result,
};

const MILLION: u32 = 1_000_000;

pub(super) fn models(list: &Facts<'_>) -> Result<Vec<Model>> {
    let mut models = Vec::new();
    for (name, entry) in list.fields()? {
        let provider = provider("models.dev", name);
        if let Some(entries) = entry.get("models") {
            for (id, entry) in entries.fields()? {
                models.push(read(&provider, id, &entry)?);
            }
        }
    }
    Ok(models)
}

fn read(provider: &str, id: &str, entry: &Facts<'_>) -> Result<Model> {
    let mut offer = endpoint(Shape::ModelsDev, &slug(provider, id), provider, id);
    if let Some(limit) = entry.get("limit") {
        offer.context_length = limit.tokens("context")?;
        offer.max_completion_tokens = limit.tokens("output")?;
    }
    if let Some(kinds) = entry.get("modalities") {
        offer.input = kinds.modalities("input")?;
        offer.output = kinds.modalities("output")?;
    }
    let mut parameters: Parameters = [Parameter::MaxTokens].into_iter().collect();
    for (field, means) in [
        ("temperature", &[Parameter::Temperature, Parameter::TopP][..]),
        ("tool_call", &[Parameter::Tools, Parameter::ToolChoice]),
        ("structured_output", &[Parameter::ResponseFormat, Parameter::StructuredOutputs]),
        ("reasoning", &[Parameter::Reasoning]),
    ] {
        if entry.flag(field)? == Some(true) {
            for parameter in means {
                parameters.insert(*parameter);
            }
        }
    }
    offer.parameters = Some(parameters);
    offer.pricing = entry.get("cost").map(|cost| pricing(&cost)).transpose()?.flatten();
    let mut model = model(entry.text("name")?, offer);
    model.created = entry.text("release_date")?.map(Into::into);
    Ok(model)
}

fn pricing(cost: &Facts<'_>) -> Result<Option<Pricing>> {
    let (Some(prompt), Some(completion)) = (cost.price("input", MILLION)?, cost.price("output", MILLION)?) else { return Ok(None) };
    let mut tiers = Vec::new();
    if let Some(list) = cost.get("tiers") {
        for entry in list.items()? {
            let Some(size) = entry.get("tier") else { continue };
            if size.text("type")? == Some("context")
                && let Some(above) = size.tokens("size")?
            {
                tiers.push(tier(above, &entry)?);
            }
        }
    } else if let Some(entry) = cost.get("context_over_200k") {
        tiers.push(tier(200_000, &entry)?);
    }
    tiers.sort_by_key(|tier| tier.above);
    Ok(Some(Pricing {
        prompt,
        completion,
        cache_read: cost.price("cache_read", MILLION)?,
        cache_write: cost.price("cache_write", MILLION)?,
        reasoning: cost.price("reasoning", MILLION)?,
        audio: cost.price("input_audio", MILLION)?,
        audio_output: cost.price("output_audio", MILLION)?,
        tiers,
        ..Pricing::default()
    }))
}

fn tier(above: u64, entry: &Facts<'_>) -> Result<Tier> {
    Ok(Tier {
        above,
        prompt: entry.price("input", MILLION)?,
        completion: entry.price("output", MILLION)?,
        cache_read: entry.price("cache_read", MILLION)?,
        cache_write: entry.price("cache_write", MILLION)?,
        cache_write_1h: None,
    })
}
