//! Ollama's own chat, behind `http://localhost:11434`.
//!
//! Belongs here: Ollama's JSON, its lines, its errors. Does not belong here: its OpenAI-compatible API (`openai_chat`).

mod embed;
mod encode;
mod error;
mod models;
mod stream;
#[cfg(test)]
mod tests;
mod wire;

use bytes::Bytes;
pub(super) use embed::OllamaEmbeddings;
pub(super) use models::models;

use super::{Call, Decoder, Encoded, Protocol};
use crate::{
    error::{Error, Result},
    types::ChatResponse,
};

/// Ollama's own chat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ollama;

impl Protocol for Ollama {
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
        Box::new(stream::OllamaDecoder::new(call))
    }
}
