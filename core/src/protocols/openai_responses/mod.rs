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

use super::{Call, Decoder, Encoded, Protocol, openai_chat::error};
use crate::{
    error::{Error, Result},
    types::{ChatResponse, Fold},
};

/// OpenAI's Responses API.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenaiResponses;

impl Protocol for OpenaiResponses {
    fn encode(&self, call: &Call<'_>) -> Result<Encoded> {
        encode::encode(call)
    }

    fn decode(&self, call: &Call<'_>, response: &http::Response<Bytes>) -> Result<ChatResponse> {
        let (mut reader, mut chunks) = (decode::Reader::new(call), VecDeque::new());
        reader.answer(response.body().trim_ascii(), &mut chunks)?;
        let mut fold = Fold::new();
        for chunk in chunks {
            fold.push(chunk);
        }
        Ok(fold.finish())
    }

    fn decode_error(&self, head: &http::response::Parts, body: &[u8]) -> Error {
        error::from_response(head.status.as_u16(), body)
    }

    fn decoder(&self, call: &Call<'_>) -> Box<dyn Decoder> {
        Box::new(stream::Stream::new(call))
    }
}
