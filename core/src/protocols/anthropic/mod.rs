//! Anthropic Messages, as the vendor itself, Azure, Vertex and Bedrock's invoke carry it.
//!
//! Belongs here: the Messages JSON, its event order, what each generation of models accepts. Does not belong here: the
//! `anthropic-version` header and the paths of hosts (`providers`), keys (`auth`).

pub(super) mod encode;
mod error;
pub(super) mod generation;
pub(super) mod schema;
mod stream;
#[cfg(test)]
mod tests;
pub(super) mod wire;

use std::collections::VecDeque;

use bytes::Bytes;

use super::{Call, Decoder, Encoded, Protocol, folded, framing::Events, from_stream};
use crate::{
    error::{Error, Result},
    types::ChatResponse,
};

/// Anthropic Messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anthropic;

impl Protocol for Anthropic {
    fn encode(&self, call: &Call<'_>) -> Result<Encoded> {
        encode::encode(call)
    }

    fn decode(&self, call: &Call<'_>, response: &http::Response<Bytes>) -> Result<ChatResponse> {
        if Events::are_in(response.body()) {
            return from_stream(self.decoder(call), response.body());
        }
        // The same path as a stream, so that both spell the same answer.
        let (mut state, mut chunks) = (stream::State::new(call), VecDeque::new());
        state.body(response.body(), &mut chunks)?;
        Ok(folded(chunks))
    }

    fn decode_error(&self, head: &http::response::Parts, body: &[u8]) -> Error {
        error::from_response(head, body)
    }

    fn decoder(&self, call: &Call<'_>) -> Box<dyn Decoder> {
        Box::new(stream::MessagesDecoder::new(call))
    }
}
