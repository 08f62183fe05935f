//! A vendor's own web search, as the request asks for it: by the web plugin, by OpenAI's `web_search_options`, or both.

use serde_json::{Map, Value, json};

use crate::types::ChatRequest;

/// The domains to keep to.
pub(super) fn included(options: &Map<String, Value>) -> Option<&Value> {
    let filter = options.get("filters").and_then(|filters| filters.get("allowed_domains"));
    list(options, ["include_domains", "allowed_domains", "allowedDomains"]).or(filter)
}

/// The domains to keep away from.
pub(super) fn excluded(options: &Map<String, Value>) -> Option<&Value> {
    let filters = options.get("filters");
    let filter = filters.and_then(|filters| filters.get("excluded_domains").or(filters.get("blocked_domains")));
    list(options, ["exclude_domains", "excluded_domains", "blocked_domains"]).or(filter)
}

fn list<'a>(options: &'a Map<String, Value>, names: [&str; 3]) -> Option<&'a Value> {
    names.iter().find_map(|name| options.get(*name)).filter(|value| value.as_array().is_some_and(|list| !list.is_empty()))
}

/// `{"type": "approximate", "city": .., "country": .., "region": .., "timezone": ..}`. OpenAI's chat form nests it once more.
pub(super) fn place(options: &Map<String, Value>) -> Option<Value> {
    let Some(Value::Object(location)) = options.get("user_location") else { return None };
    let inner = location.get("approximate").and_then(Value::as_object).unwrap_or(location);
    let mut place = json!({"type": "approximate"});
    for name in ["city", "country", "region", "timezone"] {
        if let Some(text) = inner.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()) {
            place[name] = text.into();
        }
    }
    Some(place)
}

/// The fields of the web plugin that this vendor's search has no word for. `takes` are those that it has.
pub(super) fn dropped(request: &ChatRequest, takes: &[&str]) -> Vec<String> {
    let Some(plugin) = request.web_plugin() else { return Vec::new() };
    let typed = [("max_results", plugin.max_results.is_some()), ("search_prompt", plugin.search_prompt.is_some())];
    let typed = typed.into_iter().filter_map(|(name, is_set)| is_set.then_some(name));
    // What a failing engine is answered with says nothing to a vendor.
    let extra = plugin.extra.keys().map(String::as_str).filter(|name| *name != "allow_empty");
    typed.chain(extra).filter(|name| !takes.contains(name)).map(|name| format!("plugins.{name}")).collect()
}
