//! Amazon Bedrock Converse, and the frames of its invoke streams.
//!
//! Belongs here: Converse JSON, exceptions, events. Does not belong here: signatures (`auth`), regions and hosts (`providers`).

mod error;
mod invoke;

use bytes::Bytes;

pub(super) use invoke::invoked;

use super::{Call, Decoder, Encoded, Protocol};
use crate::{
    error::{Error, Result},
    types::ChatResponse,
};

/// Amazon Bedrock Converse.
#[derive(Clone, Copy, Debug)]
pub struct Bedrock;

impl Protocol for Bedrock {
    fn encode(&self, _: &Call<'_>) -> Result<Encoded> {
        Err(Error::unsupported("protocol", "Bedrock is not built yet"))
    }

    fn decode(&self, _: &Call<'_>, _: &http::Response<Bytes>) -> Result<ChatResponse> {
        Err(Error::unsupported("protocol", "Bedrock is not built yet"))
    }

    fn decode_error(&self, head: &http::response::Parts, body: &[u8]) -> Error {
        error::from_response(head, body)
    }

    fn decoder(&self, _: &Call<'_>) -> Box<dyn Decoder> {
        Box::new(super::NotBuilt)
    }
}
