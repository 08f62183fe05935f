//! `POST /embeddings`, and its dialects.

use base64::Engine as _;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::error;
use crate::{
    error::{Error, Result},
    protocols::{
        EmbedCall, Embedded, Embedder, Encoded,
        embed::{Floats, Purpose, missing, parse},
        loose::{Count, Object, Text},
    },
    types::{CostDetails, Usage},
};

/// OpenAI embeddings.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocols) struct OpenaiEmbeddings;

/// Of OpenAI; others who limit it say so in their rows.
const MOST_INPUTS: usize = 2048;

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Answer<'a> {
    #[serde(default)]
    id: Option<Text<'a>>,
    #[serde(default)]
    model: Option<Text<'a>>,
    #[serde(default)]
    data: Option<Vec<Item<'a>>>,
    #[serde(default)]
    usage: Object<WireUsage>,
    #[serde(default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Item<'a> {
    #[serde(default)]
    index: Count,
    embedding: &'a RawValue,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireUsage {
    prompt_tokens: Count,
    total_tokens: Count,
    /// A number from routers, an object from others.
    cost: Option<Value>,
}

impl Embedder for OpenaiEmbeddings {
    fn most_inputs(&self, _: &EmbedCall<'_>) -> usize {
        MOST_INPUTS
    }

    fn encode(&self, call: &EmbedCall<'_>) -> Result<Encoded> {
        let (request, quirks) = (call.request, &call.provider.quirks);
        let (mut body, mut dropped) = (Map::new(), Vec::new());
        let mut put = |field: &str, value: Option<Value>| {
            let Some(value) = value else { return };
            if quirks.drops.iter().any(|drop| drop == field) {
                dropped.push(field.to_owned());
            } else {
                body.insert(quirks.renames.get(field).map_or(field, String::as_str).to_owned(), value);
            }
        };
        put("model", quirks.model_in_body.then(|| (*call.endpoint.upstream).into()));
        put("input", Some(json!(call.inputs)));
        put("dimensions", request.dimensions.map(Value::from));
        // Half the bytes, and nothing to parse.
        put("encoding_format", quirks.embeddings_base64.then(|| "base64".into()));
        put("user", request.user.as_deref().map(Value::from));
        let input_type = call.purpose().map(Purpose::word).filter(|_| quirks.embeddings_input_type);
        put("input_type", input_type.map(Value::from));
        if request.input_type.is_some() && input_type.is_none() {
            dropped.push("input_type".to_owned());
        }
        for (field, value) in &request.extra {
            if quirks.passthrough {
                body.insert(field.clone(), value.clone());
            } else {
                dropped.push(field.clone());
            }
        }
        Ok(Encoded { request: call.post("/embeddings", Value::Object(body).to_string())?, dropped })
    }

    fn decode(&self, call: &EmbedCall<'_>, response: &http::Response<Bytes>) -> Result<Embedded> {
        let answer: Answer<'_> = parse(response)?;
        if answer.error.is_some_and(|error| error.get() != "null") {
            return Err(error::from_event(response.body()));
        }
        let Some(mut data) = answer.data else { return Err(missing(response, "data")) };
        if data.iter().all(|item| item.index.0.is_some()) {
            data.sort_by_key(|item| item.index.0);
        }
        let int8 = call.provider.quirks.embeddings_int8;
        let vectors = data.iter().map(|item| vector(item.embedding, int8)).collect::<Result<_>>()?;
        let usage = answer.usage.0.unwrap_or_default();
        let (prompt, total) = (usage.prompt_tokens.0, usage.total_tokens.0);
        let cost = usage.cost.as_ref().and_then(Value::as_f64);
        Ok(Embedded {
            id: Text::of(&answer.id).map(str::to_owned),
            model: Text::of(&answer.model).map(str::to_owned),
            vectors,
            usage: Usage {
                prompt_tokens: prompt.or(total),
                total_tokens: total.or(prompt),
                cost,
                cost_details: cost.map(|cost| CostDetails { upstream_inference_cost: Some(cost), ..CostDetails::default() }),
                ..Usage::default()
            },
        })
    }
}

fn vector(raw: &RawValue, int8: bool) -> Result<Vec<f32>> {
    let bad = |error: serde_json::Error| Error::decode(format!("a vector of the answer does not parse: {error}"));
    if !(int8 && raw.get().starts_with('"')) {
        return serde_json::from_str::<Floats>(raw.get()).map(|floats| floats.0).map_err(bad);
    }
    let text: String = serde_json::from_str(raw.get()).map_err(bad)?;
    let bytes = base64::prelude::BASE64_STANDARD.decode(text).map_err(|_| Error::decode("a vector of the answer is not base64"))?;
    Ok(bytes.into_iter().map(|byte| f32::from(byte.cast_signed())).collect())
}
