//! Embeddings through `invoke`, in the formats of the models' authors: Amazon Titan and Cohere.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use crate::{
    error::{Error, Result},
    protocols::{
        EmbedCall, Embedded, Embedder, Encoded, cohere,
        embed::{Floats, parse, usage},
    },
};

/// Embeddings of Bedrock's models.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocols) struct BedrockEmbeddings;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Family {
    Cohere,
    Titan,
    /// Titan's first version, which takes a text and nothing else.
    TitanV1,
}

impl Family {
    fn of(call: &EmbedCall<'_>) -> Result<Self> {
        let model = &*call.endpoint.upstream;
        match () {
            () if model.contains("cohere.embed") => Ok(Self::Cohere),
            () if model.contains("titan-embed-text-v1") || model.contains("titan-embed-g1") => Ok(Self::TitanV1),
            () if model.contains("titan-embed") => Ok(Self::Titan),
            () => Err(Error::unsupported("model", format!("model: junto does not know how `{model}` embeds on Bedrock"))),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Titan {
    embedding: Floats,
    #[serde(default)]
    input_text_token_count: Option<u64>,
}

impl Embedder for BedrockEmbeddings {
    fn most_inputs(&self, call: &EmbedCall<'_>) -> usize {
        if matches!(Family::of(call), Ok(Family::Cohere)) { cohere::MOST_INPUTS } else { 1 }
    }

    fn encode(&self, call: &EmbedCall<'_>) -> Result<Encoded> {
        let text = |call: &EmbedCall<'_>| call.texts().map(|texts| texts.first().copied().unwrap_or_default().to_owned());
        let (body, dropped) = match Family::of(call)? {
            Family::Cohere => {
                let (body, dropped) = cohere::request(call, None)?;
                (serde_json::to_value(&body)?, dropped)
            }
            Family::TitanV1 => (json!({"inputText": text(call)?}), call.dropped(&["dimensions", "input_type", "user"])),
            Family::Titan => {
                let mut body = json!({"inputText": text(call)?});
                if let Some(dimensions) = call.request.dimensions {
                    body["dimensions"] = dimensions.into();
                }
                (body, call.dropped(&["input_type", "user"]))
            }
        };
        Ok(Encoded { request: call.post("/model/{model}/invoke", body.to_string())?, dropped })
    }

    fn decode(&self, call: &EmbedCall<'_>, response: &http::Response<Bytes>) -> Result<Embedded> {
        if Family::of(call)? != Family::Cohere {
            let answer: Titan = parse(response)?;
            return Ok(Embedded { vectors: vec![answer.embedding.0], usage: usage(answer.input_text_token_count), ..Embedded::default() });
        }
        let mut embedded = cohere::decode(response)?;
        // The body counts nothing.
        let counted = response.headers().get("x-amzn-bedrock-input-token-count");
        if let Some(tokens) = counted.and_then(|count| count.to_str().ok()?.parse().ok()) {
            embedded.usage = usage(Some(tokens));
        }
        Ok(embedded)
    }
}
