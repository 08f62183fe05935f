//! `POST /v2/embed`; Bedrock hosts the same format.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    error::Result,
    protocols::{
        EmbedCall, Embedded, Embedder, Encoded,
        embed::{Floats, Purpose, missing, parse, usage},
        loose::{Count, Object, Text},
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
#[serde(bound(deserialize = "'de: 'a"))]
struct Answer<'a> {
    #[serde(default)]
    id: Option<Text<'a>>,
    embeddings: Vectors,
    #[serde(default)]
    meta: Object<Meta>,
}

/// By type of number, or the older API's bare list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Vectors {
    Bare(Vec<Floats>),
    Typed(Typed),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Typed {
    float: Option<Vec<Floats>>,
    base64: Option<Vec<Floats>>,
    int8: Option<Vec<Floats>>,
    uint8: Option<Vec<Floats>>,
    binary: Option<Vec<Floats>>,
    ubinary: Option<Vec<Floats>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    billed_units: Object<Billed>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Billed {
    input_tokens: Count,
}

/// The vectors of an answer.
pub(in crate::protocols) fn decode(response: &http::Response<Bytes>) -> Result<Embedded> {
    let answer: Answer<'_> = parse(response)?;
    let vectors = match answer.embeddings {
        Vectors::Bare(vectors) => vectors,
        Vectors::Typed(Typed { float, base64, int8, uint8, binary, ubinary }) => {
            // The finest first.
            let mut typed = [float, base64, int8, uint8, binary, ubinary].into_iter().flatten();
            typed.find(|vectors| !vectors.is_empty()).ok_or_else(|| missing(response, "embeddings"))?
        }
    };
    let tokens = answer.meta.0.and_then(|meta| meta.billed_units.0?.input_tokens.0);
    Ok(Embedded {
        id: Text::of(&answer.id).map(str::to_owned),
        model: None,
        vectors: vectors.into_iter().map(|floats| floats.0).collect(),
        usage: usage(tokens),
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
