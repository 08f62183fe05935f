//! Google's errors: `google.rpc.Status`, alone or in a list. Read as it comes: gateways bend its types.

use std::time::Duration;

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
    // A stream without `alt=sse` is a list, even when all it holds is an error.
    let whole = if let Value::Array(items) = &body { items.first() } else { Some(&body) };
    match whole.and_then(|whole| whole.get("error")) {
        Some(error) => from_value(status, error),
        // A gateway's own form.
        None if openai_chat::error::says_error(&body) => return openai_chat::error::from_value(Some(status), body),
        None => Error::new(ErrorKind::from_status(status), format!("Google answered with status {status} and no reason")),
    }
    .with_upstream_status(status)
    .with_body(body)
}

/// The error inside a 200, in a body or in a stream.
pub(super) fn from_json(json: &str) -> Error {
    let error: Value = serde_json::from_str(json).unwrap_or_default();
    let status =
        error.get("code").and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok())).and_then(|code| u16::try_from(code).ok());
    let status = status.unwrap_or(500);
    from_value(status, &error).with_upstream_status(status).with_body(serde_json::json!({ "error": error }))
}

fn from_value(http_status: u16, error: &Value) -> Error {
    let text = |name: &str| error.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let details = error.get("details").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let detail = |kind: &str, pointer: &str| {
        let of_kind = |detail: &&Value| detail.get("@type").and_then(Value::as_str).is_some_and(|name| name.ends_with(kind));
        details.iter().find(of_kind)?.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
    };
    let (word, reason) = (text("status"), detail("google.rpc.ErrorInfo", "/reason"));
    let message = text("message").or_else(|| error.as_str()).or(word).unwrap_or("Google gave no reason").to_owned();
    let kind = kind(http_status, word, reason, &message);

    let mut error = Error::new(kind, message);
    if let Some(param) = detail("google.rpc.BadRequest", "/fieldViolations/0/field") {
        error = error.with_param(param);
    }
    if let Some(word) = word {
        error = error.with_upstream_type(word);
    }
    if let Some(code) = reason.or(word) {
        error = error.with_upstream_code(code);
    }
    if let Some(retry) = detail("google.rpc.RetryInfo", "/retryDelay").and_then(duration) {
        error = error.with_retry_after(retry);
    }
    error
}

/// Google answers 400 for several causes that deserve better; its reason and, where that is missing, its words tell.
fn kind(status: u16, word: Option<&str>, reason: Option<&str>, message: &str) -> ErrorKind {
    match reason {
        Some("API_KEY_INVALID" | "CREDENTIALS_MISSING" | "ACCESS_TOKEN_EXPIRED" | "ACCESS_TOKEN_TYPE_UNSUPPORTED") => {
            return ErrorKind::Authentication;
        }
        Some("BILLING_DISABLED") => return ErrorKind::InsufficientCredits,
        Some("SERVICE_DISABLED" | "CONSUMER_INVALID") => return ErrorKind::PermissionDenied,
        _ => {}
    }
    let says = |words: &str| message.contains(words);
    match word {
        _ if says("token count") && ["exceeds the maximum", "exceeds the limit", "supports up to"].into_iter().any(says) => {
            ErrorKind::ContextLength
        }
        _ if says("API key not valid") || says("API key expired") => ErrorKind::Authentication,
        Some("RESOURCE_EXHAUSTED") if says("credits are depleted") => ErrorKind::InsufficientCredits,
        Some("RESOURCE_EXHAUSTED") => ErrorKind::RateLimited,
        Some("UNAUTHENTICATED") => ErrorKind::Authentication,
        Some("PERMISSION_DENIED") => ErrorKind::PermissionDenied,
        // Mostly "User location is not supported for the API use."
        Some("FAILED_PRECONDITION") if says("location") || says("billing") => ErrorKind::PermissionDenied,
        Some("NOT_FOUND") => ErrorKind::ModelNotFound,
        Some("INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE") => ErrorKind::BadRequest,
        Some("UNAVAILABLE") => ErrorKind::Overloaded,
        Some("DEADLINE_EXCEEDED") => ErrorKind::Timeout,
        Some("CANCELLED" | "INTERNAL" | "UNKNOWN" | "ABORTED" | "DATA_LOSS") => ErrorKind::Upstream,
        _ => ErrorKind::from_status(status),
    }
}

/// `google.protobuf.Duration` as JSON: seconds with a final `s`.
fn duration(text: &str) -> Option<Duration> {
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}
