//! OpenAI chat completions, in all its dialects.
//!
//! Belongs here: the JSON of requests, answers, chunks and errors of everyone who speaks it. Does not belong here: who
//! speaks which dialect (named fields of `providers::Quirks`), the Responses API (`openai_responses`). PURE.

pub(super) mod decode;
mod embed;
pub(super) mod encode;
pub(super) mod error;
pub(super) mod fields;
mod models;
mod stream;
#[cfg(test)]
mod tests;
mod think;
pub(super) mod wire;

use std::collections::VecDeque;

use bytes::Bytes;
pub(super) use embed::OpenaiEmbeddings;
pub(super) use models::models;

use super::{Call, Decoder, Encoded, Protocol, folded, framing::Events, from_stream};
use crate::{
    error::{Error, Result},
    types::ChatResponse,
};

/// Whether this model searches the web in chat completions, where others of its author need the Responses API:
/// `gpt-4o-search-preview`, `gpt-5-search-api`.
pub(crate) fn searches_in_chat(model: &str) -> bool {
    model.contains("-search-preview") || model.contains("-search-api")
}

/// OpenAI chat completions.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenaiChat;

impl Protocol for OpenaiChat {
    fn encode(&self, call: &Call<'_>) -> Result<Encoded> {
        encode::encode(call)
    }

    fn decode(&self, call: &Call<'_>, response: &http::Response<Bytes>) -> Result<ChatResponse> {
        if Events::are_in(response.body()) {
            return from_stream(self.decoder(call), response.body());
        }
        let (mut reader, mut chunks) = (decode::Reader::new(call), VecDeque::new());
        reader.read(decode::Shape::Whole, response.body().trim_ascii(), &mut chunks)?;
        reader.end(&mut chunks)?;
        Ok(folded(chunks))
    }

    fn decode_error(&self, head: &http::response::Parts, body: &[u8]) -> Error {
        error::from_response(head.status.as_u16(), body)
    }

    fn decoder(&self, call: &Call<'_>) -> Box<dyn Decoder> {
        Box::new(stream::Stream::new(call))
    }
}
