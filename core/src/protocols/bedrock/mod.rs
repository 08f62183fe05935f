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

use bytes::Bytes;
pub(super) use embed::BedrockEmbeddings;

pub(super) use error::from_response as error_from_response;
pub(super) use invoke::invoked;

use super::{Call, Decoder, Encoded, Protocol, from_stream};
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
        // The same path as a stream, so that both spell the same answer; a stream nobody asked for tells itself.
        from_stream(self.decoder(call), response.body())
    }

    fn decode_error(&self, head: &http::response::Parts, body: &[u8]) -> Error {
        error::from_response(head, body)
    }

    fn decoder(&self, call: &Call<'_>) -> Box<dyn Decoder> {
        Box::new(stream::ConverseDecoder::new(call))
    }
}
