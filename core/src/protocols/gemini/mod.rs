//! Google Gemini `generateContent`, as AI Studio and Vertex speak it.
//!
//! Belongs here: Gemini's JSON, its two stream framings, its errors. Does not belong here: Vertex's URLs and tokens
//! (`providers`, `auth`).

mod embed;
mod encode;
mod error;
mod stream;
#[cfg(test)]
mod tests;
mod wire;

use bytes::Bytes;
pub(super) use embed::GeminiEmbeddings;

use super::{Call, Decoder, Encoded, Protocol};
use crate::{
    error::{Error, Result},
    types::ChatResponse,
};

/// Google Gemini `generateContent`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gemini;

impl Protocol for Gemini {
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
        Box::new(stream::GeminiDecoder::new(call))
    }
}
