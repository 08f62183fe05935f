//! Brave: `GET /res/v1/web/search`.

use bytes::Bytes;
use serde::Deserialize;

use super::{Found, SearchQuery, SearchResult, get, read};
use crate::error::Result;

/// It refuses longer questions.
const LONGEST: usize = 400;
const MOST_WORDS: usize = 50;

pub(super) fn encode(base_url: &str, query: &SearchQuery) -> Result<http::Request<Bytes>> {
    let words: Vec<&str> = query.text.split_whitespace().collect();
    let room = MOST_WORDS.saturating_sub(2 * query.include_domains.len() + query.exclude_domains.len()).max(MOST_WORDS / 4);
    let text = words[..words.len().min(room)].join(" ");
    let words = SearchQuery { text, ..query.clone() }.with_sites(LONGEST);
    let count = query.max_results.min(20).to_string();
    let parameters = [("q", words.as_str()), ("count", &count), ("result_filter", "web"), ("text_decorations", "false")];
    get(&format!("{base_url}/res/v1/web/search"), &parameters)
}

#[derive(Deserialize)]
struct Answer {
    web: Option<Web>,
}

#[derive(Deserialize)]
struct Web {
    #[serde(default)]
    results: Vec<Page>,
}

#[derive(Deserialize)]
struct Page {
    url: String,
    title: Option<String>,
    description: Option<String>,
    /// On some of its plans.
    #[serde(default)]
    extra_snippets: Vec<String>,
    page_age: Option<String>,
}

pub(super) fn decode(body: &[u8]) -> Result<Found> {
    let answer: Answer = read(body)?;
    let results = answer.web.map(|web| web.results).unwrap_or_default().into_iter().map(|page| {
        let texts: Vec<String> = page.description.into_iter().chain(page.extra_snippets).collect();
        SearchResult {
            url: page.url,
            title: page.title.unwrap_or_default(),
            content: texts.join(" [...] "),
            published: page.page_age.map(|date| date.split('T').next().unwrap_or_default().to_owned()),
        }
    });
    Ok(Found { results: results.collect(), searches: 1, price: None })
}
