//! Error bodies of chat completions hosts, in all their shapes.

use serde_json::Value;

use crate::{
    error::{Error, ErrorKind, Result},
    protocols::framing::Events,
};

/// The error behind a status other than 2xx.
pub(in crate::protocols) fn from_response(status: u16, body: &[u8]) -> Error {
    match json(body) {
        Some(value) if value.is_object() || value.is_array() => from_value(Some(status), value),
        Some(Value::String(text)) => from_text(status, text.as_bytes()),
        _ => from_text(status, body),
    }
}

/// The JSON of an error body, also where it is written as a string once more or as an event; `None` where it is none.
pub(in crate::protocols) fn json(body: &[u8]) -> Option<Value> {
    let value = serde_json::from_slice(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)).ok().or_else(|| in_event(body))?;
    match &value {
        Value::String(text) => serde_json::from_str(text).ok().filter(Value::is_object).or(Some(value)),
        _ => Some(value),
    }
}

/// The JSON of the first event, where a body is events.
fn in_event(body: &[u8]) -> Option<Value> {
    let (mut events, mut first) = (Events::new(), None);
    let mut read = |_: &[u8], data: &[u8]| -> Result<()> {
        first = first.take().or_else(|| serde_json::from_slice(data).ok());
        Ok(())
    };
    if Events::are_in(body) {
        events.push(body, &mut read).and_then(|()| events.finish(&mut read)).ok()?;
    }
    first
}

/// The error in an event that is named one.
pub(in crate::protocols) fn from_event(data: &[u8]) -> Error {
    let value = serde_json::from_slice(data).unwrap_or_else(|_| Value::from(short(&String::from_utf8_lossy(data))));
    from_value(None, value)
}

/// The error in the place of an event, where it stands in a list: so Google's hosts write it.
pub(in crate::protocols) fn listed(data: &[u8]) -> Option<Error> {
    let list = data.starts_with(b"[").then(|| serde_json::from_slice::<Value>(data).ok()).flatten();
    list.filter(says_error).map(|list| from_value(None, list))
}

/// The error for an event or a body that is not an answer.
pub(in crate::protocols) fn not_ours(json: &[u8], cause: &serde_json::Error) -> Error {
    match serde_json::from_slice::<Value>(json) {
        Ok(value) if says_error(&value) => from_value(None, value),
        Ok(_) => Error::decode(format!("the vendor's answer has an unknown shape: {cause}")),
        Err(_) => from_text(200, json).with_kind(ErrorKind::Decode),
    }
}

/// Whether JSON that is no answer says why.
pub(in crate::protocols) fn says_error(value: &Value) -> bool {
    let value = value.as_array().and_then(|list| list.first()).unwrap_or(value);
    failed_base(value).is_some() || (value.is_object() && message_of(value).is_some())
}

/// Whether JSON that stands in the place of a chunk can only be the reason why no more will come.
pub(in crate::protocols) fn must_be_error(value: &Value) -> bool {
    let first = value.as_array().and_then(|list| list.first()).unwrap_or(value);
    let has = |field: &str, is: fn(&Value) -> bool| first.get(field).is_some_and(is);
    let named = has("type", |kind| kind.as_str().is_some_and(|kind| kind.contains("error") || kind.contains("Error")));
    says_error(value)
        && (named
            || has("detail", Value::is_string)
            || has("error", |error| !error.is_null())
            || has("errors", Value::is_array)
            || has("success", |success| *success == false)
            || has("status", |status| *status == "error" || *status == "failed" || *status == "failure")
            || ["code", "error_code", "error_type"].iter().any(|field| has(field, |code| !code.is_null() && !is_fine(code)))
            || STATUS.iter().any(|field| has(field, |status| status.is_number() && !is_fine(status))))
}

/// Codes that some hosts send with what went well.
fn is_fine(code: &Value) -> bool {
    *code == 0 || *code == 200 || *code == "0" || *code == "200"
}

/// MiniMax puts its failures beside an empty answer, in a 200.
fn failed_base(value: &Value) -> Option<&Value> {
    value.get("base_resp").filter(|base| base.get("status_code").and_then(Value::as_i64).is_some_and(|code| code != 0))
}

/// The error that this JSON says, or `{"error": this}` where `value` holds it. `status` is absent inside a 200.
pub(in crate::protocols) fn from_value(status: Option<u16>, value: Value) -> Error {
    // Google's hosts put the object into a list.
    let whole = match value {
        Value::Array(mut list) if !list.is_empty() => list.swap_remove(0),
        value => value,
    };
    let value = &whole;
    let inner = value.get("error").filter(|error| !error.is_null()).or(failed_base(value)).unwrap_or(value);
    let text = |field: &str| text_of(inner, field).or_else(|| text_of(value, field));
    let code = text("code").or_else(|| text("error_code")).or_else(|| text("status_code"));
    let error_type = text("type").or_else(|| text("__type").map(|name| name.rsplit('#').next().unwrap_or_default().to_owned()));
    let error_type = error_type.or_else(|| text("error_type"));
    let error_type = error_type.or_else(|| text("status").filter(|status| status.parse::<u16>().is_err()));
    let mut message = message_of(inner).or_else(|| message_of(value)).unwrap_or_else(|| short(&value.to_string()));
    // `{"error": "Forbidden", "message": "why"}`.
    let why = || ["message", "detail", "error_description"].iter().find_map(|field| value.get(field).and_then(message_of));
    if inner.is_string()
        && let Some(why) = why().filter(|why| !message.contains(why.as_str()))
    {
        message = format!("{message}: {why}");
    }
    // A router's own sentence says little; what its upstream said follows.
    if let Some(raw) = deeper(inner, "metadata", "raw").and_then(upstream_message).filter(|raw| !message.contains(raw.as_str())) {
        message = format!("{message}: {raw}");
    }

    let numeric = |name: &str| {
        let number = inner.get(name).or_else(|| value.get(name))?;
        let number = number.as_u64().or_else(|| number.as_str()?.parse().ok())?;
        u16::try_from(number).ok().filter(|status| (400..600).contains(status))
    };
    let status = status.filter(|status| *status >= 300).or_else(|| STATUS.into_iter().chain(["code"]).find_map(numeric));
    let words = Words::of(code.as_deref(), error_type.as_deref(), inner, &message);
    let mut error = Error::new(kind(status, &words), message);
    if let Some(status) = status {
        error = error.with_upstream_status(status);
    }
    if let Some(code) = code {
        error = error.with_upstream_code(code);
    }
    if let Some(error_type) = error_type {
        error = error.with_upstream_type(error_type);
    }
    if let Some(param) = inner.get("param").and_then(Value::as_str) {
        error = error.with_param(param);
    }
    error.with_body(whole)
}

/// Where a body says its own HTTP status.
const STATUS: [&str; 5] = ["status_code", "statusCode", "http_code", "raw_status_code", "status"];

fn deeper<'a>(value: &'a Value, field: &str, inner: &str) -> Option<&'a Value> {
    value.get(field)?.get(inner)
}

/// What a vendor's error says about itself, in lower case.
struct Words {
    names: String,
    message: String,
}

impl Words {
    fn of(code: Option<&str>, error_type: Option<&str>, inner: &Value, message: &str) -> Self {
        let deeper = |field: &str, name: &str| deeper(inner, field, name).and_then(Value::as_str);
        // `{"error": "rate_limit_exceeded"}` is a name, not a sentence.
        let bare = inner.as_str().filter(|word| !word.contains(' '));
        let deep = [deeper("innererror", "code"), deeper("inner_error", "code"), deeper("metadata", "error_type"), bare];
        let mut names = String::new();
        for name in [code, error_type].into_iter().chain(deep).flatten() {
            names.push_str(name);
            names.push(' ');
        }
        names.make_ascii_lowercase();
        Self { names, message: message.to_ascii_lowercase() }
    }

    fn named(&self, names: &[&str]) -> bool {
        has_any(&self.names, names)
    }

    fn is_code(&self, codes: &[&str]) -> bool {
        self.names.split(' ').any(|name| codes.contains(&name))
    }

    fn said(&self, phrases: &[&str]) -> bool {
        has_any(&self.message, phrases)
    }
}

/// Whether a text has one of these phrases, in one pass: to search for each alone costs more than most messages are long.
fn has_any(text: &str, phrases: &[&str]) -> bool {
    let text = text.as_bytes();
    // Lower case, so 32 bits tell the letters apart.
    let bit = |letter: u8| 1u32 << (letter & 31);
    let first = phrases.iter().filter_map(|phrase| phrase.as_bytes().first()).fold(0, |set, letter| set | bit(*letter));
    let begins = |at: usize| phrases.iter().any(|phrase| text[at..].starts_with(phrase.as_bytes()));
    text.iter().enumerate().any(|(at, letter)| first & bit(*letter) != 0 && begins(at))
}

/// The status decides first; the vendor's code, and for want of one its sentence, says more.
fn kind(status: Option<u16>, words: &Words) -> ErrorKind {
    let is_callers = status.is_none_or(|status| (400..500).contains(&status));
    let may_be_request = status.is_none_or(|status| matches!(status, 400 | 413 | 422 | 500));
    if words.named(&[
        "context_length",
        "exceed_context_size",
        "too_many_prompt_tokens",
        "prompt_too_long",
        "token_limit_exceeded",
        "tokens_limit_reached",
        "max_tokens_exceeded",
    ]) || may_be_request
        && words.said(&[
            "maximum context length",
            "context length exceeded",
            "context window",
            "maximum prompt length",
            "prompt is too long",
            "input is too long",
            "input length",
            "exceeds the context",
            "exceed context",
            "exceeds the available context",
            "exceeds the model's context",
            "exceeds the maximum number of tokens",
            "exceeds max length",
            "exceeded model token limit",
            "than the context length",
            "than the model's context length",
            "tokens + `max_new_tokens`",
            "length of all messages is too long",
            "reduce the length of the messages",
            "too large for model",
        ])
    {
        return ErrorKind::ContextLength;
    }
    if words.named(&[
        "content_filter",
        "content_policy",
        "contentfilter",
        "responsibleai",
        "moderation",
        "data_inspection",
        "datainspection",
    ]) || (may_be_request || status == Some(403))
        && words.said(&[
            "content violates",
            "content management policy",
            "flagged by",
            "requires moderation",
            "safety_check",
            "unsafe or sensitive content",
        ])
    {
        return ErrorKind::ContentFilter;
    }
    if is_callers
        && (words.named(&[
            "insufficient_quota",
            "billing",
            "insufficient_balance",
            "exceeded_current_quota",
            "payment_required",
            "arrearage",
        ]) || words.said(&[
            "insufficient balance",
            "insufficient credit",
            "credit balance is too low",
            "out of credits",
            "spending limit",
            "payment method",
        ]))
    {
        return ErrorKind::InsufficientCredits;
    }
    let unknown_model = [
        "model_not_found",
        "modelnotfound",
        "invalid_model",
        "deploymentnotfound",
        "model_not_available",
        "model_not_exist",
        "model_decommissioned",
    ];
    if is_callers && words.named(&unknown_model) {
        return ErrorKind::ModelNotFound;
    }
    if matches!(status, None | Some(400 | 401 | 403))
        && (words.named(&["invalid_api_key", "authentication"]) || words.said(&["incorrect api key", "invalid api key"]))
    {
        return ErrorKind::Authentication;
    }
    if words.named(&["overloaded"]) || status.is_none() && words.said(&["overloaded", "over capacity"]) {
        return ErrorKind::Overloaded;
    }
    // Too large for what is left of this minute; not for another host.
    if matches!(status, Some(400 | 413)) && words.named(&["rate_limit"]) {
        return ErrorKind::RateLimited;
    }
    let unknown_model = ["is not a valid model", "model not found", "unknown model", "no such model"];
    if matches!(status, None | Some(400 | 422)) && words.said(&unknown_model) {
        return ErrorKind::ModelNotFound;
    }
    match status {
        Some(status) => ErrorKind::from_status(status),
        None if words.named(&["rate_limit", "request_limit", "too_many_requests", "throttling", "resource_exhausted"]) => {
            ErrorKind::RateLimited
        }
        None if words.named(&["timeout", "deadline_exceeded"]) => ErrorKind::Timeout,
        None if words.named(&["unauthenticated", "unauthorized"]) => ErrorKind::Authentication,
        None if words.named(&["permission", "accessdenied"]) => ErrorKind::PermissionDenied,
        None if words.named(&["not_found"]) => ErrorKind::ModelNotFound,
        None if words.named(&["unavailable"]) => ErrorKind::Overloaded,
        None if words.named(&CALLERS) => ErrorKind::BadRequest,
        // MiniMax's codes.
        None if words.is_code(&["1002", "1039", "1041", "2056"]) => ErrorKind::RateLimited,
        None if words.is_code(&["1004", "2049"]) => ErrorKind::Authentication,
        None if words.is_code(&["1008"]) => ErrorKind::InsufficientCredits,
        None if words.is_code(&["1026", "1027"]) => ErrorKind::ContentFilter,
        None if words.is_code(&["2013"]) => ErrorKind::BadRequest,
        None => ErrorKind::Upstream,
    }
}

/// Names of what only another request mends; those of images are the Responses API's.
const CALLERS: [&str; 15] = [
    "bad_request",
    "badrequest",
    "download_image",
    "empty_image",
    "image_file",
    "image_parse",
    "image_too",
    "invalid_argument",
    "invalid_base64",
    "invalid_image",
    "invalid_prompt",
    "invalid_request",
    "unsupported_image",
    "unsupported_parameter",
    "validation",
];

fn text_of(value: &Value, field: &str) -> Option<String> {
    match value.get(field)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The sentence in an error object, by any of its names; validation errors are lists of them.
pub(in crate::protocols) fn message_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Object(map) => {
            let fields = ["message", "detail", "msg", "status_msg", "error", "error_message", "error_description", "errors"];
            let others = ["description", "title", "reason", "Message"];
            fields.into_iter().chain(others).find_map(|field| map.get(field).and_then(message_of))
        }
        Value::Array(items) => {
            let messages: Vec<_> = items.iter().filter_map(located_message).collect();
            (!messages.is_empty()).then(|| messages.join("; "))
        }
        _ => None,
    }
}

/// FastAPI says where: `{"loc": ["body", "messages"], "msg": "field required"}`.
fn located_message(item: &Value) -> Option<String> {
    let message = message_of(item)?;
    let place: Vec<String> = match item.get("loc") {
        Some(Value::Array(loc)) => loc.iter().map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned)).collect(),
        _ => return Some(message),
    };
    Some(format!("{}: {message}", place.join(".")))
}

fn upstream_message(raw: &Value) -> Option<String> {
    match raw {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(value) if value.is_object() => message_of(value.get("error").unwrap_or(&value)).or_else(|| message_of(&value)),
            _ => Some(short(text)).filter(|text| !text.is_empty()),
        },
        value => message_of(value.get("error").unwrap_or(value)),
    }
}

/// A body that is no JSON: a proxy's page or a plain sentence.
pub(in crate::protocols) fn from_text(status: u16, body: &[u8]) -> Error {
    let text = String::from_utf8_lossy(&body[..body.len().min(4096)]);
    let text = text.trim();
    let message = if text.is_empty() {
        format!("HTTP {status} without a body")
    } else if text.starts_with('<') {
        match title(text) {
            Some(title) => format!("HTTP {status} with a web page instead of JSON: \"{title}\""),
            None => format!("HTTP {status} with a web page instead of JSON"),
        }
    } else {
        short(text)
    };
    let words = Words::of(None, None, &Value::Null, &message);
    let failed = status >= 300;
    let kind = if failed { kind(Some(status), &words) } else { ErrorKind::Decode };
    Error::new(kind, message).with_upstream_status(status)
}

fn title(page: &str) -> Option<String> {
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    Some(short(&page[start..end])).filter(|title| !title.is_empty())
}

/// One line of at most 300 characters.
fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(300) {
        Some((at, _)) => format!("{}...", &line[..at]),
        None => line,
    }
}
