//! SearXNG, on the caller's own host: `GET /search?format=json`, which its settings have to allow. Read 2026-11.

use bytes::Bytes;
use serde::Deserialize;

use super::{Found, SearchQuery, SearchResult, get, read};
use crate::error::Result;

/// The engines behind it stop to read somewhere here.
const LONGEST: usize = 1_000;

pub(super) fn encode(base_url: &str, query: &SearchQuery) -> Result<http::Request<Bytes>> {
    get(&format!("{base_url}/search"), &[("q", &query.with_sites(LONGEST)), ("format", "json")])
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
    #[serde(rename = "publishedDate")]
    published_date: Option<String>,
}

pub(super) fn decode(body: &[u8]) -> Result<Found> {
    let answer: Answer = read(body)?;
    let results = answer.results.into_iter().map(|page| SearchResult {
        url: page.url,
        title: page.title.unwrap_or_default(),
        content: page.content.unwrap_or_default(),
        published: page.published_date.map(|date| date.split('T').next().unwrap_or_default().to_owned()),
    });
    Ok(Found { results: results.collect(), searches: 1, price: None })
}
