//! Exa: `POST /search`.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::{Found, SearchQuery, SearchResult, post, read};
use crate::{catalog::Price, error::Result};

pub(super) fn encode(base_url: &str, query: &SearchQuery) -> Result<http::Request<Bytes>> {
    let mut body = json!({
        "query": super::cut(&query.text, 2_000), "type": "auto", "numResults": query.max_results.min(100),
        "contents": {"highlights": true},
    });
    if !query.include_domains.is_empty() {
        body["includeDomains"] = query.include_domains.clone().into();
    }
    if !query.exclude_domains.is_empty() {
        body["excludeDomains"] = query.exclude_domains.clone().into();
    }
    post(format!("{base_url}/search"), &body)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    results: Vec<Page>,
    cost_dollars: Option<Cost>,
}

#[derive(Deserialize)]
struct Cost {
    total: Option<serde_json::Number>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    url: String,
    title: Option<String>,
    text: Option<String>,
    highlights: Option<Vec<String>>,
    published_date: Option<String>,
}

pub(super) fn decode(body: &[u8]) -> Result<Found> {
    let answer: Answer = read(body)?;
    let results = answer.results.into_iter().map(|page| {
        let highlights = page.highlights.filter(|highlights| !highlights.is_empty()).map(|parts| parts.join(" [...] "));
        SearchResult {
            url: page.url,
            title: page.title.unwrap_or_default(),
            content: highlights.or(page.text).unwrap_or_default(),
            published: page.published_date.map(|date| date.split('T').next().unwrap_or_default().to_owned()),
        }
    });
    // The one engine that says what it charged.
    let price = answer.cost_dollars.and_then(|cost| cost.total).and_then(|total| total.to_string().parse::<Price>().ok());
    Ok(Found { results: results.collect(), searches: 1, price })
}
