//! What the simulator received, and how each answer ended.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use serde_json::Value;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    /// The first segment of the path: who was asked.
    pub provider: String,
    /// The method.
    pub method: String,
    /// The path with its query; a key in it is redacted.
    pub path: String,
    /// The headers; of those that carry keys only that they were there: `<redacted>`.
    pub headers: BTreeMap<String, String>,
    /// The body as JSON; `Null` where it is none.
    pub body: Value,
    /// When it had arrived.
    pub at: Instant,
}

/// How the answer to a request ended.
#[derive(Clone, Copy, Debug)]
pub struct Close {
    /// Which of [`Simulator::requests`](crate::Simulator::requests) it answered.
    pub request: usize,
    /// When the simulator was done, or noticed that the caller had left.
    pub at: Instant,
    /// Whether everything was sent; otherwise the caller left before.
    pub complete: bool,
}

#[derive(Default)]
pub(crate) struct Log {
    entries: Mutex<Entries>,
}

#[derive(Default)]
pub(crate) struct Entries {
    pub(crate) requests: Vec<Request>,
    pub(crate) closes: Vec<Close>,
    pub(crate) count: usize,
    pub(crate) open: usize,
    pub(crate) muted: bool,
}

impl Log {
    pub(crate) fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request and gives its number.
    pub(crate) fn received(&self, request: Request) -> usize {
        let mut entries = self.entries();
        let number = entries.count;
        entries.count += 1;
        entries.open += 1;
        if !entries.muted {
            entries.requests.push(request);
        }
        number
    }

    pub(crate) fn closed(&self, close: Close) {
        let mut entries = self.entries();
        entries.open = entries.open.saturating_sub(1);
        if !entries.muted {
            entries.closes.push(close);
        }
    }
}

/// The headers without the keys in them.
pub(crate) fn redact(headers: &http::HeaderMap) -> BTreeMap<String, String> {
    const SECRET: [&str; 5] = ["authorization", "x-api-key", "api-key", "x-goog-api-key", "x-amz-security-token"];
    let shown = |name: &str, value: &http::HeaderValue| {
        if SECRET.contains(&name) { "<redacted>".to_owned() } else { String::from_utf8_lossy(value.as_bytes()).into_owned() }
    };
    headers.iter().map(|(name, value)| (name.to_string(), shown(name.as_str(), value))).collect()
}
