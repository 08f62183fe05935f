//! Web search for `:online` where the endpoint has none: what a search engine is asked, what it found, how the model
//! gets to see it, and what of it the answer cites.
//!
//! Belongs here: the engines' requests and answers, one file each; the text in front of the question (`prompt`); the
//! citations of an answer (`cite`). Does not belong here: the search itself, its deadline and its failures
//! (`route::search`), a vendor's own search (`protocols`). PURE.

mod brave;
mod cite;
mod engine;
mod exa;
mod prompt;
mod searxng;
mod source;
mod tavily;

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use cite::Cite;
pub use engine::SearchConfig;
pub(crate) use engine::{Engines, ROWS, Row, SearchEngine, Way};
pub(crate) use prompt::{put_in_front, question};
pub use source::SearchSource;

use crate::{
    catalog::Price,
    error::{Error, ErrorKind, Result},
    types::{ChatRequest, Plugin},
};

/// What to search for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SearchQuery {
    /// The words; the text of the last user message.
    pub text: String,
    /// How many pages to find at most.
    pub max_results: u64,
    /// Only pages of these domains; `*.example.com` and paths are allowed.
    pub include_domains: Vec<String>,
    /// No pages of these domains.
    pub exclude_domains: Vec<String>,
}

/// A page that was found.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct SearchResult {
    /// Where it is.
    pub url: String,
    /// Its title.
    #[serde(default)]
    pub title: String,
    /// What it says that matters here; plain text or Markdown.
    #[serde(default)]
    pub content: String,
    /// When it was published, in any form, where that is known.
    #[serde(default)]
    pub published: Option<String>,
}

/// What the one search of a call brought.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) results: Vec<SearchResult>,
    /// How often the engine was asked with success.
    pub(crate) searches: u64,
    /// What one search costs; `None` where nobody knows.
    pub(crate) price: Option<Price>,
}

impl SearchQuery {
    /// The query that this request's plugin asks for.
    pub(crate) fn of(request: &ChatRequest, max_results: u64) -> Self {
        let plugin = request.web_plugin();
        let list = |names: [&str; 2]| -> Vec<String> {
            let found = plugin.and_then(|plugin| names.iter().find_map(|name| plugin.extra.get(*name)));
            let found = found.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            found.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Self {
            text: question(request),
            max_results: plugin.and_then(|plugin| plugin.max_results).unwrap_or(max_results).max(1),
            include_domains: list(["include_domains", "allowed_domains"]),
            exclude_domains: list(["exclude_domains", "excluded_domains"]),
        }
    }

    /// The words, cut where the engine stops to read; and its own word for domains where it has no field for them.
    fn with_sites(&self, longest: usize) -> String {
        let site = |domain: &String| format!("site:{}", domain.trim_start_matches("*."));
        let mut more: Vec<String> = self.exclude_domains.iter().map(|domain| format!("-{}", site(domain))).collect();
        if !self.include_domains.is_empty() {
            more.insert(0, self.include_domains.iter().map(site).collect::<Vec<_>>().join(" OR "));
        }
        let more = more.join(" ");
        let left = longest.saturating_sub(more.len() + 1).max(longest / 4);
        let text = cut(&self.text, left);
        if more.is_empty() { text.to_owned() } else { format!("{text} {more}") }
    }
}

/// The beginning of a text, ended at a word where that is near.
fn cut(text: &str, longest: usize) -> &str {
    if text.len() <= longest {
        return text;
    }
    let end = (0..=longest).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    let text = &text[..end];
    match text.rfind(char::is_whitespace) {
        Some(end) if end > longest / 2 => &text[..end],
        _ => text,
    }
}

/// The web plugin says `allow_empty`: answer without results rather than not at all.
pub(crate) fn allows_empty(plugin: Option<&Plugin>) -> Option<bool> {
    plugin.and_then(|plugin| plugin.extra.get("allow_empty")).and_then(Value::as_bool)
}

/// Reads an engine's answer.
fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| Error::decode(format!("the search engine's answer has an unknown shape: {error}")))
}

/// A request with a JSON body.
fn post(url: String, body: &Value) -> Result<http::Request<bytes::Bytes>> {
    let request = http::Request::post(url).header(http::header::CONTENT_TYPE, "application/json");
    request.body(body.to_string().into()).map_err(|error| bad_url(&error))
}

/// A request with its words in the URL.
fn get(url: &str, parameters: &[(&str, &str)]) -> Result<http::Request<bytes::Bytes>> {
    let mut url = format!("{url}?");
    for (at, (name, value)) in parameters.iter().enumerate() {
        if at > 0 {
            url.push('&');
        }
        url.push_str(name);
        url.push('=');
        for byte in value.bytes() {
            match byte {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => url.push(byte.into()),
                b' ' => url.push('+'),
                // Writing to a string cannot fail.
                byte => _ = write!(url, "%{byte:02X}"),
            }
        }
    }
    let request = http::Request::get(url).header(http::header::ACCEPT, "application/json");
    request.body(bytes::Bytes::new()).map_err(|error| bad_url(&error))
}

fn bad_url(error: &http::Error) -> Error {
    Error::bad_request("search.base_url", format!("search.base_url: no usable URL: {error}"))
}

/// The error behind a status other than 2xx; every engine words it a little differently.
pub(crate) fn error(status: u16, body: &[u8]) -> Error {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let places = ["/error/message", "/error/detail", "/detail/error", "/error", "/message", "/detail"];
    let said = places.iter().find_map(|place| json.pointer(place)?.as_str());
    let message = said.map_or_else(|| format!("the search engine answered with status {status}"), str::to_owned);
    Error::new(ErrorKind::from_status(status), message).with_upstream_status(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_go_into_the_words_where_there_is_no_field() {
        let query = SearchQuery {
            text: "why is the sky blue".into(),
            max_results: 3,
            include_domains: vec!["nasa.gov".into(), "*.noaa.gov".into()],
            exclude_domains: vec!["spam.com".into()],
        };
        assert_eq!(query.with_sites(400), "why is the sky blue site:nasa.gov OR site:noaa.gov -site:spam.com");
        let long = SearchQuery { text: "wörter ".repeat(100), ..query };
        assert!(long.with_sites(400).len() <= 400);
    }

    #[test]
    fn errors_are_read_wherever_they_are() {
        for body in [r#"{"error": "no credit"}"#, r#"{"detail": {"error": "no credit"}}"#, r#"{"error": {"detail": "no credit"}}"#] {
            let error = error(402, body.as_bytes());
            assert_eq!((error.message(), error.kind()), ("no credit", ErrorKind::InsufficientCredits));
        }
        assert!(error(502, b"<html>").message().contains("502"));
    }
}
