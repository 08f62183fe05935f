//! Cohere's errors: `{"message": ".."}`.

use http::response::Parts;

use crate::{
    error::{Error, ErrorKind},
    protocols::openai_chat,
};

/// The error of a status other than 2xx.
pub(super) fn decode(head: &Parts, body: &[u8]) -> Error {
    let status = head.status.as_u16();
    let Some(body) = openai_chat::error::json(body) else { return openai_chat::error::from_text(status, body) };
    let message = openai_chat::error::message_of(&body).unwrap_or_else(|| format!("Cohere answered with status {status} and no reason"));
    let fallback = openai_chat::error::from_value(Some(status), body.clone()).kind();
    Error::new(kind(status, &message, fallback), message).with_upstream_status(status).with_body(body)
}

fn kind(status: u16, message: &str, fallback: ErrorKind) -> ErrorKind {
    match status {
        400 | 422 if message.contains("too many tokens") => ErrorKind::ContextLength,
        // A model name that never was comes back as a 400 at times.
        400 if message.contains("model") && message.contains("not found") => ErrorKind::ModelNotFound,
        // Cohere's own meaning: the prompt or the answer holds a forbidden token.
        498 => ErrorKind::ContentFilter,
        499 => ErrorKind::Upstream,
        _ => fallback,
    }
}

/// An answer that ends in an error says so in its last event.
pub(super) fn in_band(native: &str, message: Option<&str>, error_type: Option<&str>) -> Error {
    let kind = match native {
        "ERROR_LIMIT" => ErrorKind::ContextLength,
        "ERROR_TOXIC" => ErrorKind::ContentFilter,
        "TIMEOUT" => ErrorKind::Timeout,
        _ => ErrorKind::Upstream,
    };
    let message = message.map_or_else(|| format!("Cohere ended the answer with {native}"), str::to_owned);
    Error::new(kind, message).with_upstream_code(error_type.unwrap_or(native))
}
