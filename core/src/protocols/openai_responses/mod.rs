//! OpenAI's Responses API, as an upstream.
//!
//! Belongs here: its input and output items, its events. Does not belong here: its error bodies, which are those of
//! chat completions (`openai_chat::error`). PURE.

mod decode;
mod encode;
mod stream;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::VecDeque;

use bytes::Bytes;

use super::{Call, Decoder, Encoded, Protocol, folded, framing::Events, from_stream, openai_chat::error};
use crate::{
    error::{Error, Result},
    types::ChatResponse,
};

/// OpenAI's Responses API.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenaiResponses;

impl Protocol for OpenaiResponses {
    fn encode(&self, call: &Call<'_>) -> Result<Encoded> {
        encode::encode(call)
    }

    fn decode(&self, call: &Call<'_>, response: &http::Response<Bytes>) -> Result<ChatResponse> {
        if Events::are_in(response.body()) {
            return from_stream(self.decoder(call), response.body());
        }
        let (mut reader, mut chunks) = (decode::Reader::new(call), VecDeque::new());
        reader.answer(response.body().trim_ascii(), &mut chunks)?;
        Ok(folded(chunks))
    }

    fn decode_error(&self, head: &http::response::Parts, body: &[u8]) -> Error {
        error::from_response(head.status.as_u16(), body)
    }

    fn decoder(&self, call: &Call<'_>) -> Box<dyn Decoder> {
        Box::new(stream::Stream::new(call))
    }
}
