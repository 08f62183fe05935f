//! `POST /api/embed`.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use crate::{
    error::{Error, Result},
    protocols::{
        EmbedCall, Embedded, Embedder, Encoded,
        embed::{Floats, parse, usage},
    },
};

/// Ollama embeddings.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocols) struct OllamaEmbeddings;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    embeddings: Option<Vec<Floats>>,
    #[serde(default)]
    prompt_eval_count: Option<u64>,
    #[serde(default)]
    error: Option<String>,
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
        let answer: Answer = parse(response)?;
        match (answer.embeddings, answer.error) {
            (Some(vectors), None) => Ok(Embedded {
                id: None,
                model: answer.model,
                vectors: vectors.into_iter().map(|floats| floats.0).collect(),
                usage: usage(answer.prompt_eval_count),
            }),
            (_, Some(error)) => Err(Error::new(crate::ErrorKind::Upstream, error)),
            (None, None) => Err(Error::decode("the answer holds no `embeddings`")),
        }
    }
}
