//! Anthropic's errors, in a body, in a stream, or as its hosts wrap them.

use serde_json::{Value, value::RawValue};

use super::wire::{Problem, text};
use crate::{
    error::{Error, ErrorKind},
    protocols::{bedrock, openai_chat},
};

/// The error inside an event or a 200; `whole` is all of it.
pub(super) fn in_band(problem: &RawValue, whole: &[u8]) -> Error {
    match serde_json::from_str::<Problem<'_>>(problem.get()) {
        Ok(problem) if problem.kind.is_some() => {
            let fallback = openai_chat::error::from_event(whole).kind();
            build(text(problem.kind.as_ref()), text(problem.message.as_ref()), fallback)
        }
        // A gateway's own form.
        _ => openai_chat::error::from_event(whole),
    }
}

/// The error behind a status other than 2xx. Bedrock says `{"message"}` and names the type in a header; Vertex may say it
/// in Google's form, `{"error": {"code", "message", "status"}}`.
pub(super) fn from_response(head: &http::response::Parts, body: &[u8]) -> Error {
    // Bedrock's invoke carries Anthropic's answers, but its own errors.
    if head.headers.contains_key("x-amzn-errortype") {
        return bedrock::error_from_response(head, body);
    }
    let status = head.status.as_u16();
    let value = openai_chat::error::json(body);
    if value.is_none() {
        return openai_chat::error::from_text(status, body);
    }
    let value = match value {
        Some(Value::Array(mut items)) if !items.is_empty() => Some(items.swap_remove(0)),
        other => other,
    };
    let find = |paths: &[&str]| {
        paths.iter().find_map(|path| value.as_ref()?.pointer(path)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned))
    };
    let kind = find(&["/error/type", "/error/status", "/error/code", "/__type"]).unwrap_or_default();
    let message = find(&["/error/message", "/message", "/Message", "/error", "/detail"]);
    let message = message.or_else(|| value.as_ref().and_then(openai_chat::error::message_of));
    let message = message.unwrap_or_else(|| format!("the vendor answered with status {status} and no message"));
    let Some(value) = value else { return openai_chat::error::from_text(status, body) };
    // Hosts have words of their own, which are not Anthropic's.
    let fallback = openai_chat::error::from_value(Some(status), value.clone()).kind();
    build(&kind, &message, fallback).with_upstream_status(status).with_body(value)
}

fn build(error_type: &str, message: &str, fallback: ErrorKind) -> Error {
    let kind = match error_type {
        "api_error" if fallback == ErrorKind::BadRequest => ErrorKind::Upstream,
        "authentication_error" => ErrorKind::Authentication,
        "billing_error" => ErrorKind::InsufficientCredits,
        "invalid_request_error" | "request_too_large" | "ValidationException" | "INVALID_ARGUMENT" => ErrorKind::BadRequest,
        "not_found_error" => ErrorKind::ModelNotFound,
        "overloaded_error" => ErrorKind::Overloaded,
        "permission_error" => ErrorKind::PermissionDenied,
        "rate_limit_error" => ErrorKind::RateLimited,
        "timeout_error" => ErrorKind::Timeout,
        _ => fallback,
    };
    let says = |words: &str| message.to_ascii_lowercase().contains(words);
    let kind = match kind {
        ErrorKind::BadRequest if CONTEXT.iter().any(|words| says(words)) => ErrorKind::ContextLength,
        ErrorKind::BadRequest if says("credit balance is too low") || says("api usage limits") => ErrorKind::InsufficientCredits,
        ErrorKind::BadRequest if says("organization has been disabled") => ErrorKind::PermissionDenied,
        ErrorKind::BadRequest if says("content filtering policy") => ErrorKind::ContentFilter,
        ErrorKind::BadRequest if says("model identifier is invalid") => ErrorKind::ModelNotFound,
        kind => kind,
    };
    let message = if message.is_empty() { "the vendor reported an error without a message" } else { message };
    let error = Error::new(kind, message.to_owned());
    if error_type.is_empty() { error } else { error.with_upstream_type(error_type) }
}

/// What the vendor says when the prompt does not fit; it has no code for it.
const CONTEXT: &[&str] = &[
    "prompt is too long",
    "exceed context limit",
    "exceeds the context",
    "context window",
    "input is too long",
    "too many total text bytes",
];
