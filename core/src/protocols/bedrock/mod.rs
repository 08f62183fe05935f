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

pub(super) use invoke::invoked;

use super::{Call, Decoder, Encoded, Protocol};
use crate::{
    error::{Error, Result},
    types::{ChatResponse, Fold},
};

/// Amazon Bedrock Converse.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bedrock;

impl Protocol for Bedrock {
    fn encode(&self, call: &Call<'_>) -> Result<Encoded> {
        encode::encode(call)
    }

    fn decode(&self, call: &Call<'_>, response: &http::Response<Bytes>) -> Result<ChatResponse> {
        let answer: wire::Answer<'_> =
            serde_json::from_slice(response.body()).map_err(|error| Error::decode(format!("the answer is not Converse's: {error}")))?;
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
        Box::new(stream::ConverseDecoder::new(call))
    }
}
