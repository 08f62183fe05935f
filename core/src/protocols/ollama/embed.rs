//! `POST /api/embed`.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error;
use crate::{
    error::Result,
    protocols::{
        EmbedCall, Embedded, Embedder, Encoded,
        embed::{Floats, missing, parse, usage},
        loose::{Count, Text},
    },
};

/// Ollama embeddings.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocols) struct OllamaEmbeddings;

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Answer<'a> {
    #[serde(default)]
    model: Option<Text<'a>>,
    #[serde(default)]
    embeddings: Option<Vec<Floats>>,
    /// Of the older path, `/api/embeddings`, which servers like Ollama still have.
    #[serde(default)]
    embedding: Option<Floats>,
    #[serde(default)]
    prompt_eval_count: Count,
    #[serde(default)]
    error: Option<Value>,
}

impl Embedder for OllamaEmbeddings {
    fn most_inputs(&self, _: &EmbedCall<'_>) -> usize {
        usize::MAX
    }

    fn encode(&self, call: &EmbedCall<'_>) -> Result<Encoded> {
        let mut body = json!({"model": &*call.endpoint.upstream, "input": call.texts()?});
        if let Some(dimensions) = call.request.dimensions {
            body["dimensions"] = dimensions.into();
        }
        Ok(Encoded { request: call.post("/api/embed", body.to_string())?, dropped: call.dropped(&["input_type", "user"]) })
    }

    fn decode(&self, _: &EmbedCall<'_>, response: &http::Response<Bytes>) -> Result<Embedded> {
        let answer: Answer<'_> = parse(response)?;
        if let Some(error) = &answer.error {
            return Err(error::in_band(error));
        }
        let one = answer.embedding.map(|one| vec![one]);
        let vectors = answer.embeddings.or(one).ok_or_else(|| missing(response, "embeddings"))?;
        Ok(Embedded {
            id: None,
            model: Text::of(&answer.model).map(str::to_owned),
            vectors: vectors.into_iter().map(|floats| floats.0).collect(),
            usage: usage(answer.prompt_eval_count.0),
        })
    }
}
