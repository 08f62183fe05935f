//! Ollama's errors: `{"error": ".."}`, in a stream too.

use http::response::Parts;
use serde_json::Value;

use crate::{
    error::{Error, ErrorKind},
    protocols::openai_chat,
};

/// The error of a status other than 2xx.
pub(super) fn decode(head: &Parts, body: &[u8]) -> Error {
    let status = head.status.as_u16();
    let Some(body) = openai_chat::error::json(body) else { return openai_chat::error::from_text(status, body) };
    let message = openai_chat::error::message_of(body.get("error").unwrap_or(&body))
        .unwrap_or_else(|| format!("Ollama answered with status {status} and no reason"));
    Error::new(kind(status, &message), message).with_upstream_status(status).with_body(body)
}

/// The error inside a 200, in a body or in a stream.
pub(super) fn in_band(error: &Value) -> Error {
    let message = message(Some(error)).unwrap_or_else(|| error.to_string());
    Error::new(kind(500, &message), message)
}

/// The error in the place of an answer. Some versions say in the name of the field what went wrong.
pub(super) fn in_place(value: Value) -> Option<Error> {
    if openai_chat::error::says_error(&value) {
        return Some(openai_chat::error::from_value(None, value));
    }
    let (name, why) = value.as_object()?.iter().find(|(name, _)| name.starts_with("error "))?;
    Some(in_band(&format!("{name}: {}", why.as_str().unwrap_or_default()).into()))
}

fn message(error: Option<&Value>) -> Option<String> {
    match error? {
        Value::String(message) => Some(message.clone()),
        error => Some(error.get("message")?.as_str()?.to_owned()),
    }
}

/// Ollama has no codes; its words tell.
fn kind(status: u16, message: &str) -> ErrorKind {
    let says = |words: &str| message.contains(words);
    match status {
        _ if says("context length") || says("context window") || says("prompt is too long") => ErrorKind::ContextLength,
        400 | 500 if says("model") && says("not found") => ErrorKind::ModelNotFound,
        500 if says("server busy") => ErrorKind::Overloaded,
        _ => ErrorKind::from_status(status),
    }
}
