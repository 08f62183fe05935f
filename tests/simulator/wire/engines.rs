//! Search engines: what Exa, Tavily, Brave and SearXNG answer.

use serde_json::{Value, json};

use super::Source;

/// A search engine's answer to this path, query and body; none where it is no search.
pub(crate) fn answer(path: &str, body: &Value) -> Option<Value> {
    let pages = Source::all();
    let listed = |page: fn(&Source) -> Value| pages.iter().map(page).collect::<Vec<_>>();
    if path.ends_with("/res/v1/web/search") {
        let page = |source: &Source| json!({"url": source.url, "title": source.title, "description": source.text, "page_age": "2026-03-01T00:00:00"});
        return Some(json!({"type": "search", "web": {"type": "search", "results": listed(page)}}));
    }
    if !path.ends_with("/search") {
        return None;
    }
    let results = match body {
        Value::Object(fields) if fields.contains_key("numResults") => {
            let page = |source: &Source| json!({"id": source.url, "url": source.url, "title": source.title, "publishedDate": "2026-03-01T00:00:00.000Z", "highlights": [source.text]});
            return Some(json!({"requestId": "sim", "results": listed(page), "costDollars": {"total": 0.007}}));
        }
        // Tavily posts JSON; SearXNG has everything in the URL.
        Value::Object(_) => listed(|source| json!({"url": source.url, "title": source.title, "content": source.text, "score": 0.9})),
        _ => listed(|source| json!({"url": source.url, "title": source.title, "content": source.text, "engine": "simulated"})),
    };
    Some(json!({"query": "sky", "results": results}))
}
