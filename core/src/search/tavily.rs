//! Tavily: `POST /search`.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::{Found, SearchQuery, SearchResult, post, read};
use crate::error::Result;

/// It refuses longer questions.
const LONGEST: usize = 400;

pub(super) fn encode(base_url: &str, query: &SearchQuery) -> Result<http::Request<Bytes>> {
    let mut body = json!({"query": super::cut(&query.text, LONGEST), "search_depth": "basic", "max_results": query.max_results.min(20)});
    if !query.include_domains.is_empty() {
        body["include_domains"] = query.include_domains.clone().into();
    }
    if !query.exclude_domains.is_empty() {
        body["exclude_domains"] = query.exclude_domains.clone().into();
    }
    post(format!("{base_url}/search"), &body)
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<Page>,
}

#[derive(Deserialize)]
struct Page {
    url: String,
    title: Option<String>,
    content: Option<String>,
    published_date: Option<String>,
}

pub(super) fn decode(body: &[u8]) -> Result<Found> {
    let answer: Answer = read(body)?;
    let results = answer.results.into_iter().map(|page| SearchResult {
        url: page.url,
        title: page.title.unwrap_or_default(),
        content: page.content.unwrap_or_default(),
        published: page.published_date,
    });
    Ok(Found { results: results.collect(), searches: 1, price: None })
}
