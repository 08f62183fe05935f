//! What a caller says about single calls.

use std::{fmt, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    error::{Error, Result},
    providers::{self, Auth},
};

/// What holds for single calls, on top of the client's own settings; see [`Client::with`](super::Client::with).
#[derive(Clone, Default)]
pub struct CallOptions {
    pub(super) timeout: Option<Duration>,
    pub(super) headers: HeaderMap,
}

/// Headers that the transport writes itself, and the one for keys of every vendor.
const OWN: [&str; 11] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
];

impl CallOptions {
    /// No options.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long a call may take, its fallbacks included; of a stream, until its first content.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// A header of every request to a vendor. Fails where it is not one, where the transport writes it itself, and where
    /// it would hold a key: a call may fall back to another vendor, and each has its own key in the configuration.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self> {
        let bad = |problem: &str| Error::bad_request("headers", format!("the header `{name}` {problem}"));
        let parsed: HeaderName = name.parse().map_err(|_| bad("is not a header name"))?;
        let value: HeaderValue = value.parse().map_err(|_| bad("has a value that no header may hold, such as a line end"))?;
        if OWN.contains(&parsed.as_str()) || holds_key(&parsed) {
            return Err(bad("is not the caller's to set; keys and headers of one provider belong to `providers`"));
        }
        self.headers.append(parsed, value);
        Ok(self)
    }
}

fn holds_key(name: &HeaderName) -> bool {
    providers::built_in().iter().any(|row| matches!(&row.auth, Auth::Header(header) if name == header.to_ascii_lowercase().as_str()))
}

impl fmt::Debug for CallOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be secret.
        let names: Vec<_> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("CallOptions").field("timeout", &self.timeout).field("headers", &names).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        ChatRequest, Client, ErrorKind,
        clock::Clock,
        transport::{Scripted, ScriptedTransport},
    };

    #[test]
    fn a_header_that_is_not_the_callers_is_named() {
        for (name, value) in [("Authorization", "Bearer x"), ("x-api-key", "x"), ("Host", "x"), ("a b", "x"), ("x-a", "1\n2")] {
            let error = CallOptions::new().header(name, value).expect_err(name);
            assert_eq!(error.param(), Some("headers"));
            assert!(error.message().contains(name), "{error}");
        }
        let options = CallOptions::new().header("X-Trace", "secret").expect("fine");
        assert!(!format!("{options:?}").contains("secret"));
    }

    #[tokio::test]
    async fn options_reach_the_vendor_and_limit_the_call() {
        let clock = Clock::fixed(1_760_000_000);
        let answer = r#"{"id": "c", "model": "m", "choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}]}"#;
        let script =
            ScriptedTransport::new().clock(clock.clone()).then(Scripted::response(200, answer).delay(Duration::from_secs(5)).repeated());
        let client = Client::builder().env(false).api_key("openai", "k").max_retries(0);
        let client = client.transport(Arc::new(script.clone())).clock(clock).build().expect("client");
        let ask = || ChatRequest::new("openai/m").user("Hi");
        let options = CallOptions::new().header("X-Trace", "7").expect("fine");
        client.with(&options).chat(ask()).await.expect("an answer");
        let error = client.with(&CallOptions::new().timeout(Duration::from_secs(1))).chat(ask()).await.expect_err("too slow");
        assert_eq!((error.kind(), error.attempts().len()), (ErrorKind::Timeout, 1));
        client.chat(ask()).await.expect("no option is left behind");
        let traces: Vec<_> = script.requests().iter().map(|request| request.headers.get("x-trace").cloned()).collect();
        assert_eq!(traces, [Some("7".parse().expect("value")), None, None]);
    }
}
