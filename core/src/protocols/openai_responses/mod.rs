//! OpenAI responses.

use bytes::Bytes;

use super::{Call, Decoder, Encoded, Protocol};
use crate::{
    error::{Error, Result},
    types::ChatResponse,
};

/// OpenAI responses.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenaiResponses;

impl Protocol for OpenaiResponses {
    fn encode(&self, _: &Call<'_>) -> Result<Encoded> {
        Err(Error::unsupported("protocol", "OpenaiResponses is not built yet"))
    }

    fn decode(&self, _: &Call<'_>, _: &http::Response<Bytes>) -> Result<ChatResponse> {
        Err(Error::unsupported("protocol", "OpenaiResponses is not built yet"))
    }

    fn decode_error(&self, _: &http::response::Parts, _: &[u8]) -> Error {
        Error::unsupported("protocol", "OpenaiResponses is not built yet")
    }

    fn decoder(&self, _: &Call<'_>) -> Box<dyn Decoder> {
        Box::new(super::NotBuilt)
    }
}
