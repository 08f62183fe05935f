//! Cohere Chat v2.
//!
//! Belongs here: Cohere's JSON, its events, its errors. Paths are behind `https://api.cohere.com`.

mod embed;
mod encode;
mod error;
mod stream;
#[cfg(test)]
mod tests;
mod wire;

use bytes::Bytes;
pub(super) use embed::{CohereEmbeddings, MOST_INPUTS, decode, request};

use super::{Call, Decoder, Encoded, Protocol};
use crate::{
    error::{Error, Result},
    types::ChatResponse,
};

/// Cohere Chat v2.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cohere;

impl Protocol for Cohere {
    fn encode(&self, call: &Call<'_>) -> Result<Encoded> {
        encode::encode(call)
    }

    fn decode(&self, call: &Call<'_>, response: &http::Response<Bytes>) -> Result<ChatResponse> {
        stream::decode(call, response.body())
    }

    fn decode_error(&self, head: &http::response::Parts, body: &[u8]) -> Error {
        error::decode(head, body)
    }

    fn decoder(&self, call: &Call<'_>) -> Box<dyn Decoder> {
        Box::new(stream::CohereDecoder::new(call))
    }
}
