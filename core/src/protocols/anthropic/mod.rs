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

use super::{Call, Decoder, Encoded, Protocol};
use crate::{
    error::{Error, Result},
    types::{ChatResponse, Fold},
};

/// Anthropic Messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anthropic;

impl Protocol for Anthropic {
    fn encode(&self, call: &Call<'_>) -> Result<Encoded> {
        encode::encode(call)
    }

    fn decode(&self, call: &Call<'_>, response: &http::Response<Bytes>) -> Result<ChatResponse> {
        let body = response.body();
        let answer: wire::Answer<'_> =
            serde_json::from_slice(body).map_err(|error| Error::decode(format!("the answer is not an Anthropic message: {error}")))?;
        if let Some(problem) = &answer.error {
            return Err(error::from_wire(problem).with_upstream_status(response.status().as_u16()));
        }
        // The same path as a stream, so that both spell the same answer.
        let (mut state, mut chunks) = (stream::State::new(call), VecDeque::new());
        state.whole(answer, &mut chunks);
        let mut fold = Fold::new();
        for chunk in chunks {
            fold.push(chunk);
        }
        Ok(fold.finish())
    }

    fn decode_error(&self, head: &http::response::Parts, body: &[u8]) -> Error {
        error::from_response(head, body)
    }

    fn decoder(&self, call: &Call<'_>) -> Box<dyn Decoder> {
        Box::new(stream::MessagesDecoder::new(call))
    }
}
