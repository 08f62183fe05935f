//! Bedrock's errors: a type in a header or in the frame, a message in the body.

use serde_json::Value;

use crate::{
    error::{Error, ErrorKind, Result},
    protocols::{framing::Frame, openai_chat},
};

/// The error behind a status other than 2xx.
pub(in crate::protocols) fn from_response(head: &http::response::Parts, bytes: &[u8]) -> Error {
    let status = head.status.as_u16();
    let Some(value) = openai_chat::error::json(bytes) else { return openai_chat::error::from_text(status, bytes) };
    let header = head.headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let named = || ["__type", "code"].iter().find_map(|name| value.get(name)?.as_str());
    let kind = header.or_else(named).unwrap_or_default().to_owned();
    let message =
        openai_chat::error::message_of(&value).unwrap_or_else(|| format!("Amazon Bedrock answered with status {status} and no message"));
    build(&kind, message, ErrorKind::from_status(status)).with_upstream_status(status).with_body(value)
}

/// The error that a frame carries instead of an event.
pub(super) fn check(frame: &Frame<'_>) -> Result<()> {
    if !matches!(frame.message_type, "exception" | "error") {
        return Ok(());
    }
    let body: Value = serde_json::from_slice(frame.payload).unwrap_or_default();
    let message = openai_chat::error::message_of(&body).unwrap_or_else(|| match frame.error_message {
        "" => "Amazon Bedrock ended the stream with an error".to_owned(),
        message => message.to_owned(),
    });
    Err(build(frame.kind, message, ErrorKind::Upstream))
}

/// What the models' authors say when the prompt does not fit; too high a limit of the answer is another mistake.
const CONTEXT: &[&str] = &["too long", "too many input tokens", "input tokens exceed", "context window", "context length", "context limit"];

/// Names come as `ThrottlingException:http://..` in headers and as `throttlingException` in frames.
fn build(name: &str, message: String, fallback: ErrorKind) -> Error {
    let name = name.split(':').next().unwrap_or_default();
    let name = name.rsplit('#').next().unwrap_or_default();
    let kind = match name.to_ascii_lowercase().as_str() {
        "accessdeniedexception" => ErrorKind::PermissionDenied,
        "unrecognizedclientexception"
        | "invalidsignatureexception"
        | "expiredtokenexception"
        | "incompletesignatureexception"
        | "missingauthenticationtokenexception" => ErrorKind::Authentication,
        "internalserverexception" | "modelerrorexception" | "modelstreamerrorexception" => ErrorKind::Upstream,
        "modelnotreadyexception" | "serviceunavailableexception" => ErrorKind::Overloaded,
        "modeltimeoutexception" => ErrorKind::Timeout,
        "resourcenotfoundexception" => ErrorKind::ModelNotFound,
        "servicequotaexceededexception" | "throttlingexception" => ErrorKind::RateLimited,
        "validationexception" => ErrorKind::BadRequest,
        _ => fallback,
    };
    let says = |words: &str| message.to_ascii_lowercase().contains(words);
    let kind = match kind {
        ErrorKind::BadRequest if CONTEXT.iter().any(|words| says(words)) => ErrorKind::ContextLength,
        ErrorKind::BadRequest if says("model identifier is invalid") || says("on-demand throughput") => ErrorKind::ModelNotFound,
        ErrorKind::BadRequest if says("operation not allowed") || says("is not allowed from") => ErrorKind::PermissionDenied,
        kind => kind,
    };
    let error = Error::new(kind, message);
    if name.is_empty() { error } else { error.with_upstream_type(name) }
}
