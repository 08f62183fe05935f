//! The JSON of a scripted transport, for tests without a network.

use std::{collections::BTreeMap, time::Duration};

use junto::{
    Error, Result,
    transport::{Scripted, ScriptedTransport, TransportErrorKind},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// One answer: `{status, headers, body}` or `{status, headers, reads}` or `{error}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    /// Only for requests whose URL contains this.
    to: Option<String>,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// A string as it is, anything else as JSON.
    body: Option<Value>,
    #[serde(default)]
    reads: Vec<Read>,
    error: Option<Failure>,
    /// Milliseconds before the head, or before the error.
    #[serde(default)]
    delay: u64,
    #[serde(default)]
    repeat: bool,
}

/// One read of a body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    /// Milliseconds after the read before.
    #[serde(default)]
    after: u64,
    #[serde(default)]
    data: String,
    error: Option<Failure>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Failure {
    Connect,
    Decode,
    Interrupted,
    Request,
    Timeout,
}

fn ok() -> u16 {
    200
}

impl Failure {
    fn kind(self) -> TransportErrorKind {
        match self {
            Self::Connect => TransportErrorKind::Connect,
            Self::Decode => TransportErrorKind::Decode,
            Self::Interrupted => TransportErrorKind::Interrupted,
            Self::Request => TransportErrorKind::Request,
            Self::Timeout => TransportErrorKind::Timeout,
        }
    }
}

impl From<Answer> for Scripted {
    fn from(answer: Answer) -> Self {
        let mut scripted = match (answer.error, answer.body) {
            (Some(failure), _) => Self::error(failure.kind(), "the script says so"),
            (None, Some(Value::String(text))) => Self::response(answer.status, text),
            (None, Some(json)) => Self::response(answer.status, json.to_string()),
            (None, None) => Self::reads::<Vec<u8>>(answer.status, []).header("content-type", "text/event-stream"),
        };
        for read in answer.reads {
            let after = Duration::from_millis(read.after);
            scripted = match read.error {
                Some(failure) => scripted.then_error(after, failure.kind(), "the script says so"),
                None => scripted.then(after, read.data),
            };
        }
        for (name, value) in &answer.headers {
            scripted = scripted.header(name, value);
        }
        scripted = scripted.delay(Duration::from_millis(answer.delay));
        if let Some(to) = answer.to {
            scripted = scripted.to(to);
        }
        if answer.repeat { scripted.repeated() } else { scripted }
    }
}

/// A transport that answers from this JSON list.
pub(crate) fn parse(text: &str) -> Result<ScriptedTransport> {
    let answers: Vec<Answer> = serde_json::from_str(text).map_err(|error| Error::bad_request("script", format!("script: {error}")))?;
    Ok(answers.into_iter().fold(ScriptedTransport::new(), |transport, answer| transport.then(answer.into())))
}

/// What the transport was asked.
pub(crate) fn requests(transport: &ScriptedTransport) -> String {
    let row = |request: junto::transport::RecordedRequest| {
        let headers: BTreeMap<_, _> =
            request.headers.iter().map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()))).collect();
        let text = || (!request.body.is_empty()).then(|| Value::from(String::from_utf8_lossy(&request.body)));
        let body: Option<Value> = serde_json::from_slice(&request.body).ok().or_else(text);
        json!({ "method": request.method.as_str(), "url": request.url, "headers": headers, "body": body })
    };
    transport.requests().into_iter().map(row).collect::<Value>().to_string()
}
