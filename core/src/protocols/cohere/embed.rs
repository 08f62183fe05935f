//! `POST /v2/embed`; Bedrock hosts the same format.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    protocols::{
        EmbedCall, Embedded, Embedder, Encoded,
        embed::{Floats, Purpose, parse, usage},
    },
};

/// Cohere embeddings.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocols) struct CohereEmbeddings;

/// The most texts of one request.
pub(in crate::protocols) const MOST_INPUTS: usize = 96;

#[derive(Serialize)]
pub(in crate::protocols) struct Request<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    texts: Vec<&'a str>,
    input_type: &'a str,
    embedding_types: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimension: Option<u64>,
}

/// A request for these inputs, and what it leaves out.
pub(in crate::protocols) fn request<'a>(call: &EmbedCall<'a>, model: Option<&'a str>) -> Result<(Request<'a>, Vec<String>)> {
    let input_type = match call.purpose() {
        // It must be said, and most texts are documents.
        None | Some(Purpose::Document) => "search_document",
        Some(Purpose::Query) => "search_query",
        Some(Purpose::Classification) => "classification",
        Some(Purpose::Clustering) => "clustering",
        Some(Purpose::Other(word)) => word,
    };
    let request =
        Request { model, texts: call.texts()?, input_type, embedding_types: ["float"], output_dimension: call.request.dimensions };
    Ok((request, call.dropped(&["user"])))
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    id: Option<String>,
    embeddings: Vectors,
    #[serde(default)]
    meta: Option<Meta>,
}

/// By type of number, or the older API's bare list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Vectors {
    Bare(Vec<Floats>),
    Typed(Typed),
}

#[derive(Deserialize)]
struct Typed {
    #[serde(default)]
    float: Option<Vec<Floats>>,
    #[serde(default)]
    int8: Option<Vec<Floats>>,
    #[serde(default)]
    uint8: Option<Vec<Floats>>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    billed_units: Option<Billed>,
}

#[derive(Deserialize)]
struct Billed {
    #[serde(default)]
    input_tokens: Option<f64>,
}

/// The vectors of an answer.
pub(in crate::protocols) fn decode(response: &http::Response<Bytes>) -> Result<Embedded> {
    let answer: Answer = parse(response)?;
    let vectors = match answer.embeddings {
        Vectors::Bare(vectors) => vectors,
        Vectors::Typed(typed) => {
            typed.float.or(typed.int8).or(typed.uint8).ok_or_else(|| Error::decode("the answer holds no vectors of numbers"))?
        }
    };
    let tokens = answer.meta.and_then(|meta| meta.billed_units).and_then(|billed| billed.input_tokens);
    Ok(Embedded {
        id: answer.id,
        model: None,
        vectors: vectors.into_iter().map(|floats| floats.0).collect(),
        // Counted as a float on the wire.
        usage: usage(tokens.map(|tokens| tokens as u64)),
    })
}

impl Embedder for CohereEmbeddings {
    fn most_inputs(&self, _: &EmbedCall<'_>) -> usize {
        MOST_INPUTS
    }

    fn encode(&self, call: &EmbedCall<'_>) -> Result<Encoded> {
        let (body, dropped) = request(call, Some(&call.endpoint.upstream))?;
        Ok(Encoded { request: call.post("/v2/embed", serde_json::to_vec(&body)?)?, dropped })
    }

    fn decode(&self, _: &EmbedCall<'_>, response: &http::Response<Bytes>) -> Result<Embedded> {
        decode(response)
    }
}
