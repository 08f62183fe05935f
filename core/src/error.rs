//! One error for every way a request can fail, and the one table from its kind to HTTP.
//!
//! Belongs here: what went wrong, as a caller sees it. Does not belong here: what to do about it (`route::classify`).

use std::{borrow::Cow, fmt, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{plan::Rejection, types::Attempt};

/// `Result` with junto's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $status:literal $code:literal $type:literal;)*) => {
        /// What kind of failure an [`Error`] is. Each has one HTTP status, one code and one exception class per language.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
        #[non_exhaustive]
        pub enum ErrorKind { $($(#[$doc])* $kind,)* }

        impl ErrorKind {
            /// Every kind, in alphabetical order.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The name of the kind, for instance `RateLimited`.
            pub fn name(self) -> &'static str { match self { $(Self::$kind => stringify!($kind),)* } }

            /// The HTTP status that a server in front of junto would answer with.
            pub fn status(self) -> u16 { match self { $(Self::$kind => $status,)* } }

            /// The machine-readable code in the error body.
            pub fn code(self) -> &'static str { match self { $(Self::$kind => $code,)* } }

            /// The OpenAI-style `type` in the error body.
            pub fn error_type(self) -> &'static str { match self { $(Self::$kind => $type,)* } }
        }
    };
}

kinds! {
    /// The vendor refused the key.
    Authentication 401 "invalid_api_key" "authentication_error";
    /// The request is wrong, whoever serves it.
    BadRequest 400 "invalid_request" "invalid_request_error";
    /// The caller gave up.
    Canceled 499 "canceled" "canceled";
    /// A safety filter stopped the prompt or the answer.
    ContentFilter 400 "content_filter" "content_filter";
    /// The prompt does not fit the model's context.
    ContextLength 400 "context_length_exceeded" "invalid_request_error";
    /// The vendor answered something that is not its own format.
    Decode 502 "invalid_upstream_response" "upstream_error";
    /// The account at the vendor has no credit left, or a budget of the caller's is used up.
    InsufficientCredits 402 "insufficient_credits" "insufficient_credits";
    /// No such model, here or at the vendor.
    ModelNotFound 404 "model_not_found" "not_found_error";
    /// No endpoint may serve the request; `excluded_by` says why.
    NoEndpoint 404 "no_endpoint" "not_found_error";
    /// The vendor is overloaded.
    Overloaded 503 "overloaded" "overloaded_error";
    /// The key is valid but may not do this.
    PermissionDenied 403 "permission_denied" "permission_error";
    /// The vendor's rate limit was hit.
    RateLimited 429 "rate_limit_exceeded" "rate_limit_error";
    /// A deadline passed.
    Timeout 504 "timeout" "timeout_error";
    /// The vendor could not be reached, or the connection broke.
    Transport 502 "connection_error" "connection_error";
    /// The endpoint cannot express the request.
    Unsupported 422 "unsupported" "invalid_request_error";
    /// The vendor failed: a 5xx, an empty answer, or a stream that ended early.
    Upstream 502 "upstream_error" "upstream_error";
}

impl ErrorKind {
    /// The kind a bare HTTP status stands for, where the vendor's body says nothing better.
    pub fn from_status(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            402 => Self::InsufficientCredits,
            // 451: not to this caller, by law.
            403 | 451 => Self::PermissionDenied,
            404 | 410 => Self::ModelNotFound,
            408 | 504 | 524 => Self::Timeout,
            429 => Self::RateLimited,
            498 | 503 | 529 => Self::Overloaded,
            400..500 => Self::BadRequest,
            _ => Self::Upstream,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a request failed, with everything that was tried.
///
/// `Display` is one line; keys are never in it. Boxed, so that a `Result` stays small.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    param: Option<String>,
    provider: Option<String>,
    upstream_status: Option<u16>,
    upstream_code: Option<String>,
    upstream_type: Option<String>,
    retry_after: Option<Duration>,
    excluded_by: Vec<Rejection>,
    attempts: Vec<Attempt>,
    body: Option<Value>,
}

impl Error {
    /// An error of this kind; the message is a sentence for a person and must hold no key.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            param: None,
            provider: None,
            upstream_status: None,
            upstream_code: None,
            upstream_type: None,
            retry_after: None,
            excluded_by: Vec::new(),
            attempts: Vec::new(),
            body: None,
        }))
    }

    /// A caller's mistake in the named field.
    pub fn bad_request(param: impl Into<String>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::BadRequest, message).with_param(param)
    }

    /// A vendor's answer that does not parse as its own format.
    pub fn decode(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Decode, message)
    }

    /// A request that the endpoint's protocol cannot express.
    pub fn unsupported(param: impl Into<String>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Unsupported, message).with_param(param)
    }

    /// A stream that ended without its vendor's terminal event.
    pub fn cut() -> Self {
        Self::new(ErrorKind::Upstream, "the stream ended before the vendor finished it").with_upstream_code("stream_cut")
    }

    /// An answer without an answer.
    pub(crate) fn empty() -> Self {
        Self::new(ErrorKind::Upstream, "the vendor's answer is empty").with_upstream_code("empty_answer")
    }

    /// Names the field of the request that is wrong.
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.0.param = Some(param.into());
        self
    }

    /// Names the provider that answered.
    pub fn with_provider(mut self, provider: impl Into<String>) -> Self {
        self.0.provider = Some(provider.into());
        self
    }

    /// Keeps the HTTP status the vendor sent.
    pub fn with_upstream_status(mut self, status: u16) -> Self {
        self.0.upstream_status = Some(status);
        self
    }

    /// Keeps the code the vendor gave.
    pub fn with_upstream_code(mut self, code: impl Into<String>) -> Self {
        self.0.upstream_code = Some(code.into());
        self
    }

    /// Keeps the error type the vendor gave.
    pub fn with_upstream_type(mut self, error_type: impl Into<String>) -> Self {
        self.0.upstream_type = Some(error_type.into());
        self
    }

    /// Keeps how long the vendor asked to wait.
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.0.retry_after = Some(delay);
        self
    }

    /// Keeps why each endpoint was left out.
    pub fn with_excluded_by(mut self, rejections: Vec<Rejection>) -> Self {
        self.0.excluded_by = rejections;
        self
    }

    /// Keeps what was tried.
    pub fn with_attempts(mut self, attempts: Vec<Attempt>) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// Keeps the vendor's own error body.
    pub fn with_body(mut self, body: Value) -> Self {
        self.0.body = Some(body);
        self
    }

    /// The same error with another kind; protocols use it when the vendor's code says more than its status.
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// The same error with every text a vendor may have written passed through `scrub`, which answers `None` where
    /// nothing needs to change.
    pub(crate) fn scrubbed(mut self, scrub: impl Fn(&str) -> Option<String>) -> Self {
        fn walk(value: &mut Value, scrub: &impl Fn(&str) -> Option<String>) {
            match value {
                Value::String(text) => *text = scrub(text).unwrap_or_else(|| std::mem::take(text)),
                Value::Array(items) => items.iter_mut().for_each(|item| walk(item, scrub)),
                Value::Object(map) => map.values_mut().for_each(|item| walk(item, scrub)),
                _ => {}
            }
        }
        if let Some(message) = scrub(&self.0.message) {
            self.0.message = message.into();
        }
        for text in [&mut self.0.upstream_code, &mut self.0.upstream_type, &mut self.0.param].into_iter().flatten() {
            *text = scrub(text).unwrap_or_else(|| std::mem::take(text));
        }
        if let Some(body) = &mut self.0.body {
            walk(body, &scrub);
        }
        self
    }

    /// The kind of failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The HTTP status of the kind.
    pub fn status(&self) -> u16 {
        self.0.kind.status()
    }

    /// One sentence for a person; the vendor's own where it gave one.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The field of the request that is wrong.
    pub fn param(&self) -> Option<&str> {
        self.0.param.as_deref()
    }

    /// The provider that answered, where one did.
    pub fn provider(&self) -> Option<&str> {
        self.0.provider.as_deref()
    }

    /// The HTTP status the vendor sent, where it answered at all.
    pub fn upstream_status(&self) -> Option<u16> {
        self.0.upstream_status
    }

    /// The vendor's own error code.
    pub fn upstream_code(&self) -> Option<&str> {
        self.0.upstream_code.as_deref()
    }

    /// The vendor's own error type.
    pub fn upstream_type(&self) -> Option<&str> {
        self.0.upstream_type.as_deref()
    }

    /// How long the vendor asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Why each endpoint was left out of the plan.
    pub fn excluded_by(&self) -> &[Rejection] {
        &self.0.excluded_by
    }

    /// What was tried, in order.
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// The vendor's own error body, parsed.
    pub fn body(&self) -> Option<&Value> {
        self.0.body.as_ref()
    }

    /// The OpenAI-shaped body: `{"error": {code, message, type, param, metadata}}`.
    pub fn to_json(&self) -> Value {
        json!({ "error": self.to_body() })
    }

    /// The inside of `error` in [`Error::to_json`].
    pub fn to_body(&self) -> ErrorBody {
        let inner = &*self.0;
        let mut metadata = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                metadata.insert(key.to_owned(), value);
            }
        };
        put("error_type", Some(inner.kind.name().into()));
        put("provider", inner.provider.as_deref().map(Value::from));
        put("provider_status", inner.upstream_status.map(Value::from));
        put("provider_code", inner.upstream_code.as_deref().map(Value::from));
        put("provider_type", inner.upstream_type.as_deref().map(Value::from));
        put("retry_after", inner.retry_after.map(|delay| delay.as_secs_f64().into()));
        put("excluded_by", (!inner.excluded_by.is_empty()).then(|| json!(inner.excluded_by)));
        put("attempts", (!inner.attempts.is_empty()).then(|| json!(inner.attempts)));
        put("raw", inner.body.clone());
        ErrorBody {
            code: inner.kind.code().into(),
            message: inner.message.clone().into_owned(),
            error_type: inner.kind.error_type().into(),
            param: inner.param.clone(),
            metadata,
        }
    }
}

/// The `error` object of an answer or a chunk.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ErrorBody {
    /// The code of the kind, for instance `rate_limit_exceeded`.
    pub code: Cow<'static, str>,
    /// One sentence for a person.
    pub message: String,
    /// The OpenAI-style type.
    #[serde(rename = "type")]
    pub error_type: Cow<'static, str>,
    /// The field of the request that is wrong.
    #[serde(default)]
    pub param: Option<String>,
    /// `error_type`, `provider`, `retry_after` in seconds, `excluded_by`, `attempts`, and the vendor's own words.
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(provider) = &self.0.provider {
            write!(f, "{provider}: ")?;
        }
        f.write_str(&self.0.message)?;
        match (&self.0.param, self.0.attempts.len()) {
            (Some(param), _) if !self.0.message.contains(param.as_str()) => write!(f, " (field `{param}`)"),
            (_, attempts) if attempts > 1 => write!(f, " (after {attempts} attempts)"),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("param", &self.0.param)
            .field("provider", &self.0.provider)
            .field("upstream_status", &self.0.upstream_status)
            .field("upstream_code", &self.0.upstream_code)
            .field("retry_after", &self.0.retry_after)
            // As sentences: this is what a `main` that fails prints.
            .field("excluded_by", &self.0.excluded_by.iter().map(ToString::to_string).collect::<Vec<_>>())
            .field("attempts", &self.0.attempts)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::decode(error.to_string())
    }
}
