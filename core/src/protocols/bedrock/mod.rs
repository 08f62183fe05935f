//! Amazon Bedrock Converse, and the frames of its invoke streams.
//!
//! Belongs here: Converse JSON, exceptions, events, what each author's models take. Does not belong here: signatures
//! (`auth`), regions and hosts (`providers`).

mod embed;
mod encode;
mod error;
mod invoke;
mod stream;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::VecDeque;

use bytes::Bytes;
pub(super) use embed::BedrockEmbeddings;

pub(super) use error::from_response as error_from_response;
pub(super) use invoke::invoked;

use super::{Call, Decoder, Encoded, Protocol, folded, openai_chat::error::not_ours};
use crate::{
    error::{Error, Result},
    types::ChatResponse,
};

/// Amazon Bedrock Converse.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bedrock;

impl Protocol for Bedrock {
    fn encode(&self, call: &Call<'_>) -> Result<Encoded> {
        encode::encode(call)
    }

    fn decode(&self, call: &Call<'_>, response: &http::Response<Bytes>) -> Result<ChatResponse> {
        let body = response.body();
        let answer: wire::Answer<'_> = serde_json::from_slice(body).map_err(|cause| not_ours(body, &cause))?;
        // The same path as a stream, so that both spell the same answer.
        let (mut state, mut chunks) = (stream::State::new(call), VecDeque::new());
        state.whole(answer, &mut chunks);
        Ok(folded(chunks))
    }

    fn decode_error(&self, head: &http::response::Parts, body: &[u8]) -> Error {
        error::from_response(head, body)
    }

    fn decoder(&self, call: &Call<'_>) -> Box<dyn Decoder> {
        Box::new(stream::ConverseDecoder::new(call))
    }
}
