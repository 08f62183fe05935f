//! Another vendor's events inside Bedrock frames: what `invoke-with-response-stream` sends.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::error;
use crate::{
    error::{Error, Result},
    protocols::framing::Frame,
};

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    bytes: std::borrow::Cow<'a, str>,
}

/// The event inside a frame; the error where the frame is one. Empty for frames of other types.
pub(in crate::protocols) fn invoked(frame: &Frame<'_>) -> Result<Vec<u8>> {
    error::check(frame)?;
    if frame.kind != "chunk" {
        return Ok(Vec::new());
    }
    let chunk: Chunk<'_> =
        serde_json::from_slice(frame.payload).map_err(|error| Error::decode(format!("a Bedrock frame is not a chunk: {error}")))?;
    STANDARD.decode(chunk.bytes.as_bytes()).map_err(|error| Error::decode(format!("a Bedrock chunk is not base64: {error}")))
}
