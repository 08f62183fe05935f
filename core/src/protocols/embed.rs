//! What every vendor's embeddings have in common.

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};

use super::{Encoded, loose, openai_chat::error::not_ours, post};
use crate::{
    catalog::Endpoint,
    error::{Error, Result},
    providers::Provider,
    types::{EmbeddingInput, EmbeddingRequest, Usage, floats_of_base64},
};

/// The embeddings of one wire protocol. No IO, no clock, no environment. Its errors are those of [`super::Protocol`].
pub trait Embedder: fmt::Debug + Send + Sync {
    /// The most inputs that one request takes, unless the row says otherwise.
    fn most_inputs(&self, call: &EmbedCall<'_>) -> usize;

    /// The vendor's request for some of the inputs, without its key.
    fn encode(&self, call: &EmbedCall<'_>) -> Result<Encoded>;

    /// The vectors of those inputs. A 200 that holds an error is an `Err`.
    fn decode(&self, call: &EmbedCall<'_>, response: &http::Response<Bytes>) -> Result<Embedded>;
}

/// One call for embeddings. Everything a protocol may know.
#[derive(Clone, Copy, Debug)]
pub struct EmbedCall<'a> {
    /// The whole request.
    pub request: &'a EmbeddingRequest,
    /// The inputs of this call.
    pub inputs: &'a [EmbeddingInput],
    /// Who is asked for what.
    pub endpoint: &'a Endpoint,
    /// The row of the provider.
    pub provider: &'a Provider,
    /// The base URL, options filled in, without a final slash.
    pub base_url: &'a str,
    /// Values of the provider's options.
    pub options: &'a BTreeMap<String, String>,
}

/// The vectors of one call, in the order of its inputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embedded {
    /// The vendor's id.
    pub id: Option<String>,
    /// The model as the vendor names it.
    pub model: Option<String>,
    /// The vectors.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens, where the vendor counted them.
    pub usage: Usage,
}

/// What the inputs are for, where the vendor has words of its own for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose<'a> {
    Classification,
    Clustering,
    Document,
    Query,
    /// A vendor's own word.
    Other(&'a str),
}

impl<'a> Purpose<'a> {
    /// The word that most vendors have for it.
    pub(super) fn word(self) -> &'a str {
        match self {
            Self::Classification => "classification",
            Self::Clustering => "clustering",
            Self::Document => "document",
            Self::Query => "query",
            Self::Other(word) => word,
        }
    }
}

impl<'a> EmbedCall<'a> {
    /// A POST of this JSON body: to the row's path where it has one, else the protocol's.
    pub(super) fn post(&self, path: &str, body: impl Into<Bytes>) -> Result<http::Request<Bytes>> {
        let path = self.provider.quirks.embeddings_path.as_deref().unwrap_or(path);
        post(self.provider, self.endpoint, self.base_url, self.options, path, body)
    }

    /// The inputs as texts; an error where tokens are among them.
    pub(super) fn texts(&self) -> Result<Vec<&'a str>> {
        self.inputs
            .iter()
            .map(|input| match input {
                EmbeddingInput::Text(text) => Ok(text.as_str()),
                EmbeddingInput::Tokens(_) => {
                    Err(Error::unsupported("input", format!("input: `{}` embeds texts, not tokens", self.endpoint.tag())))
                }
            })
            .collect()
    }

    /// What the inputs are for, in any vendor's word.
    pub(super) fn purpose(&self) -> Option<Purpose<'a>> {
        let word = self.request.input_type.as_deref()?;
        Some(match word.to_ascii_lowercase().as_str() {
            "query" | "search_query" | "retrieval_query" => Purpose::Query,
            "document" | "search_document" | "retrieval_document" | "passage" => Purpose::Document,
            "classification" => Purpose::Classification,
            "clustering" => Purpose::Clustering,
            _ => Purpose::Other(word),
        })
    }

    /// The names of fields that a vendor does not take and the caller set.
    pub(super) fn dropped(&self, fields: &[&str]) -> Vec<String> {
        let request = self.request;
        let set = |field: &str| match field {
            "dimensions" => request.dimensions.is_some(),
            "input_type" => request.input_type.is_some(),
            "user" => request.user.is_some(),
            _ => false,
        };
        let unknown = request.extra.keys().cloned();
        fields.iter().filter(|field| set(field)).map(|field| (*field).to_owned()).chain(unknown).collect()
    }
}

/// The body of an answer; the error in its place.
pub(super) fn parse<'a, T: Deserialize<'a>>(response: &'a http::Response<Bytes>) -> Result<T> {
    loose::read(response.body()).map_err(|cause| not_ours(response.body(), &cause))
}

/// The error of an answer without what it should hold.
pub(super) fn missing(response: &http::Response<Bytes>, field: &'static str) -> Error {
    not_ours(response.body(), &serde::de::Error::missing_field(field))
}

/// A vector on the wire: numbers, or the bytes of 32-bit floats in base64. `null` stands for a number that JSON cannot hold.
#[derive(Debug, PartialEq)]
pub(super) struct Floats(pub(super) Vec<f32>);

impl<'de> Deserialize<'de> for Floats {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Floats;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of numbers, or base64 of 32-bit floats")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Floats, E> {
                floats_of_base64(text).map(Floats).ok_or_else(|| E::custom("the vector is not base64 of 32-bit floats"))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Floats, A::Error> {
                let mut floats = Vec::with_capacity(list.size_hint().unwrap_or(1536));
                while let Some(float) = list.next_element::<Option<f32>>()? {
                    floats.push(float.unwrap_or(f32::NAN));
                }
                Ok(Floats(floats))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// Usage of this many prompt tokens, where the vendor counted them.
pub(super) fn usage(prompt_tokens: Option<u64>) -> Usage {
    Usage { prompt_tokens, total_tokens: prompt_tokens, ..Usage::default() }
}
