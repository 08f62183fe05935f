//! The search engines: where each one is, how it wants its key, what it charges.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{Found, SearchQuery, SearchSource, brave, exa, searxng, tavily};
use crate::{
    auth::{Keys, Secret},
    catalog::Price,
    error::Result,
    providers::{Auth, Provider},
    types::ChatRequest,
};

/// How a search engine is set up. Whatever is left out is as the engine documents it.
#[derive(Clone, Debug, Default)]
pub struct SearchConfig {
    /// `exa`, `tavily`, `brave` or `searxng`; or, with `source`, any name.
    pub engine: String,
    /// Its key; else from the environment.
    pub api_key: Option<Secret>,
    /// Where it is; else from the environment, else the engine's own URL.
    pub base_url: Option<String>,
    /// How many pages to find; 5.
    pub max_results: Option<u64>,
    /// What one search costs, in US dollars; else the list price of the engine's cheapest paid plan.
    pub price: Option<Price>,
    /// How long a search may take; 15 seconds.
    pub timeout: Option<Duration>,
    /// Whether the model is asked without results where the search fails or finds nothing; it is not.
    pub allow_empty: bool,
    /// What to tell the model about the results, instead of junto's own words.
    pub search_prompt: Option<String>,
    /// A search of the caller's own.
    pub source: Option<SearchSource>,
}

/// A search engine as documented.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) base_url: &'static str,
    pub(crate) base_url_env: &'static [&'static str],
    pub(crate) key_env: &'static [&'static str],
    auth: fn() -> Auth,
    /// In 10⁻¹² dollars.
    price: u64,
    encode: fn(&str, &SearchQuery) -> Result<http::Request<Bytes>>,
    decode: fn(&[u8]) -> Result<Found>,
}

/// In the order in which they are preferred where the environment has keys of several.
///
/// Prices: exa.ai/pricing ($7 for 1,000 searches of up to 10 pages; the answer says what was charged), tavily.com/pricing
/// ($0.008 a credit, one for a basic search), brave.com/search/api ($5 for 1,000);
/// not all checked against those pages, so `price` in the configuration overrides them.
pub(crate) static ROWS: [Row; 4] = [
    Row {
        name: "exa",
        base_url: "https://api.exa.ai",
        base_url_env: &["EXA_BASE_URL"],
        key_env: &["EXA_API_KEY"],
        auth: || Auth::Header("x-api-key".to_owned()),
        price: 7_000_000_000,
        encode: exa::encode,
        decode: exa::decode,
    },
    Row {
        name: "tavily",
        base_url: "https://api.tavily.com",
        base_url_env: &["TAVILY_BASE_URL"],
        key_env: &["TAVILY_API_KEY"],
        auth: || Auth::Bearer,
        price: 8_000_000_000,
        encode: tavily::encode,
        decode: tavily::decode,
    },
    Row {
        name: "brave",
        base_url: "https://api.search.brave.com",
        base_url_env: &["BRAVE_BASE_URL"],
        key_env: &["BRAVE_API_KEY", "BRAVE_SEARCH_API_KEY"],
        auth: || Auth::Header("x-subscription-token".to_owned()),
        price: 5_000_000_000,
        encode: brave::encode,
        decode: brave::decode,
    },
    Row {
        name: "searxng",
        base_url: "",
        base_url_env: &["SEARXNG_URL", "SEARXNG_BASE_URL", "SEARXNG_API_BASE"],
        key_env: &["SEARXNG_API_KEY"],
        auth: || Auth::Bearer,
        price: 0,
        encode: searxng::encode,
        decode: searxng::decode,
    },
];

/// The engines of one client, best first.
pub(crate) type Engines = Vec<Arc<SearchEngine>>;

/// A search engine that can be asked.
#[derive(Debug)]
pub(crate) struct SearchEngine {
    pub(crate) name: Arc<str>,
    pub(crate) way: Way,
    pub(crate) max_results: u64,
    pub(crate) price: Option<Price>,
    pub(crate) timeout: Duration,
    pub(crate) allow_empty: bool,
    pub(crate) search_prompt: Option<String>,
}

/// How it is asked.
#[derive(Debug)]
pub(crate) enum Way {
    /// Over HTTP.
    Http { row: &'static Row, base_url: String, provider: Box<Provider>, keys: Keys },
    /// By the caller's function.
    Source(SearchSource),
}

impl SearchEngine {
    /// Whether the request may be searched for by this one.
    pub(crate) fn serves(&self, request: &ChatRequest) -> bool {
        let named = request.web_plugin().and_then(|plugin| plugin.engine.as_deref());
        named.is_none_or(|name| name == "auto" || name == &*self.name)
    }

    pub(crate) fn of(config: &SearchConfig, way: Way) -> Self {
        let listed = match &way {
            Way::Http { row, .. } => Some(Price::from_pico(row.price)),
            // The caller's own costs what the caller says.
            Way::Source(_) => Some(Price::default()),
        };
        Self {
            name: config.engine.as_str().into(),
            way,
            max_results: config.max_results.unwrap_or(5),
            price: config.price.or(listed),
            timeout: config.timeout.unwrap_or(Duration::from_secs(15)),
            allow_empty: config.allow_empty,
            search_prompt: config.search_prompt.clone(),
        }
    }
}

impl Row {
    pub(crate) fn by_name(name: &str) -> Option<&'static Self> {
        ROWS.iter().find(|row| row.name == name)
    }

    pub(crate) fn encode(&self, base_url: &str, query: &SearchQuery) -> Result<http::Request<Bytes>> {
        (self.encode)(base_url.trim_end_matches('/'), query)
    }

    pub(crate) fn decode(&self, body: &[u8]) -> Result<Found> {
        (self.decode)(body)
    }

    /// The engine as far as its key goes.
    pub(crate) fn provider(&self) -> Box<Provider> {
        Box::new(Provider { slug: self.name.to_owned(), auth: (self.auth)(), ..Provider::default() })
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}
