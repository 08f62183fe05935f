//! What a client is told: keys, hosts, limits, preferences; from code, from JSON and from the environment. The one file
//! that reads the environment.
//!
//! Belongs here: parsing and merging. Does not belong here: what the values do (`plan`, `route`).
#![expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{catalogs::Overlay, credentials};
use crate::{
    auth::{KeySource, Keys, Secret},
    catalog::{Catalog, DataPolicy, List, Shape},
    error::{Error, Result},
    preferences::Preferences,
    providers::{self, Configured, ProtocolName, Provider, ProviderSet},
    route::{Budget, Limits, Period},
    search::{self, Engines, Row, SearchConfig, SearchEngine, Way},
};

/// What a caller says about one provider. Whatever is left out stays as the built-in row has it.
#[derive(Clone, Debug, Default)]
pub struct ProviderConfig {
    /// Keys, tried in order.
    pub api_keys: Vec<Secret>,
    /// What else a call can be signed with, by name. Of any provider `access_token`; of those that take AWS keys
    /// `access_key_id`, `secret_access_key`, `session_token`, or `profile` for one of the shared files; of Google's
    /// `credentials`, its JSON or the path of its file; of those with an OAuth client `client_secret` beside the option
    /// `client_id`. `instance_metadata` is `true` where the machine's metadata service is to be asked, which otherwise
    /// happens only on machines whose firmware says that they have one.
    pub credentials: BTreeMap<String, Secret>,
    /// What models are called here: an upstream id, a slug or its last part, to the name to ask for.
    pub deployments: BTreeMap<String, String>,
    /// Regions to ask it in: one endpoint for each, such as `amazon-bedrock/eu-west-1`.
    pub regions: Vec<String>,
    /// Where it is, instead of the row's URL. With `http://` the key travels in the clear, as it must to servers of a
    /// local network.
    pub base_url: Option<String>,
    /// Headers sent with every request, on top of the row's.
    pub headers: BTreeMap<String, String>,
    /// What the operator does with prompts under the caller's own agreement.
    pub policy: Option<DataPolicy>,
    /// Another protocol than the row's.
    pub protocol: Option<ProtocolName>,
    /// Values for `{name}` in URLs.
    pub options: BTreeMap<String, String>,
    /// How long a stream may take to its first content.
    pub first_content_timeout: Option<Duration>,
    /// How long a stream may be silent after it.
    pub idle_timeout: Option<Duration>,
    /// Other fields of the row, by name.
    pub row: Map<String, Value>,
}

impl ProviderConfig {
    /// A configuration of this key.
    pub fn key(key: impl Into<String>) -> Self {
        Self { api_keys: vec![Secret::new(key)], ..Self::default() }
    }

    fn from_value(path: &str, value: Value) -> Result<Self> {
        let mut map = object(path, value)?;
        let map = &mut map;
        let mut api_keys: Vec<Secret> = take(map, path, "api_keys")?.unwrap_or_default();
        if let Some(key) = take::<Secret>(map, path, "api_key")? {
            api_keys.insert(0, key);
        }
        let options = match take::<Map<String, Value>>(map, path, "options")? {
            None => BTreeMap::new(),
            Some(options) => options.into_iter().map(|(name, value)| option(path, name, &value)).collect::<Result<_>>()?,
        };
        Ok(Self {
            api_keys,
            credentials: credentials::take(map, path)?,
            deployments: take(map, path, "deployments")?.unwrap_or_default(),
            regions: take(map, path, "regions")?.unwrap_or_default(),
            base_url: take(map, path, "base_url")?,
            headers: take(map, path, "headers")?.unwrap_or_default(),
            policy: take(map, path, "policy")?,
            protocol: take(map, path, "protocol")?,
            options,
            first_content_timeout: seconds(map, path, "first_content_timeout")?,
            idle_timeout: seconds(map, path, "idle_timeout")?,
            row: std::mem::take(map),
        })
    }

    /// What `other` says counts, the rest stays.
    pub(super) fn merge(&mut self, other: Self) {
        if !other.api_keys.is_empty() {
            self.api_keys = other.api_keys;
        }
        self.credentials.extend(other.credentials);
        self.deployments.extend(other.deployments);
        if !other.regions.is_empty() {
            self.regions = other.regions;
        }
        self.base_url = other.base_url.or(self.base_url.take());
        self.headers.extend(other.headers);
        self.policy = other.policy.or(self.policy.take());
        self.protocol = other.protocol.or(self.protocol);
        self.options.extend(other.options);
        self.first_content_timeout = other.first_content_timeout.or(self.first_content_timeout);
        self.idle_timeout = other.idle_timeout.or(self.idle_timeout);
        self.row.extend(other.row);
    }
}

/// The value of a URL option: plain, or `{"default": ..}` as in a row.
fn option(path: &str, name: String, value: &Value) -> Result<(String, String)> {
    let value = value.get("default").unwrap_or(value);
    match value {
        Value::String(text) => Ok((name, text.clone())),
        Value::Number(number) => Ok((name, number.to_string())),
        _ => Err(bad(&format!("{path}.options.{name}"), "expected a string")),
    }
}

/// Where keys and hosts come from when nobody names them.
#[derive(Clone, Debug)]
pub(super) enum Environment {
    Process,
    Given(BTreeMap<String, String>),
}

impl Environment {
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        match self {
            Self::Process => std::env::var(name).ok(),
            Self::Given(map) => map.get(name).cloned(),
        }
    }

    /// The first that is set and not empty.
    pub(super) fn first<S: AsRef<str>>(&self, names: &[S]) -> Option<String> {
        names.iter().filter_map(|name| self.variable(name.as_ref())).find(|value| !value.trim().is_empty())
    }

    pub(super) fn is_process(&self) -> bool {
        matches!(self, Self::Process)
    }
}

/// Everything a client is told.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) providers: BTreeMap<String, ProviderConfig>,
    pub(super) rows: Vec<Provider>,
    pub(super) sources: BTreeMap<String, KeySource>,
    pub(super) preferences: Preferences,
    pub(super) limits: Limits,
    pub(super) seed: Option<u64>,
    pub(super) budget: Option<Budget>,
    /// What another client measured, in its JSON.
    pub(super) health: Option<String>,
    pub(super) catalog: Option<Arc<Catalog>>,
    /// The caller's own word on models, in the order given; stays on top of any refresh.
    pub(super) overlays: Vec<Overlay>,
    pub(super) environment: Environment,
    /// Search engines; where none is named, those whose key is in the environment.
    pub(super) search: Option<Vec<SearchConfig>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            providers: BTreeMap::new(),
            rows: Vec::new(),
            sources: BTreeMap::new(),
            preferences: Preferences::default(),
            limits: Limits::default(),
            seed: None,
            budget: None,
            health: None,
            catalog: None,
            overlays: Vec::new(),
            environment: Environment::Process,
            search: None,
        }
    }
}

/// What stays with the client of one provider: its keys, and its limits.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) keys: Keys,
    pub(crate) first_content_timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
}

/// The accounts by the slugs of their providers.
pub(crate) type Accounts = HashMap<String, Arc<Account>>;

impl Config {
    /// Takes over what the JSON says.
    pub(super) fn merge_json(&mut self, json: &str) -> Result<()> {
        let value: Value = serde_json::from_str(json).map_err(|error| bad("config", &format!("not valid JSON: {error}")))?;
        let mut map = object("config", value)?;
        let map = &mut map;
        for (slug, value) in take::<Map<String, Value>>(map, "", "providers")?.unwrap_or_default() {
            let provider = ProviderConfig::from_value(&format!("providers.{slug}"), value)?;
            self.providers.entry(slug).or_default().merge(provider);
        }
        if let Some(preferences) = take(map, "", "preferences")? {
            self.preferences = preferences;
        }
        self.limits.timeout = seconds(map, "", "timeout")?.or(self.limits.timeout);
        self.limits.first_content = seconds(map, "", "first_content_timeout")?.or(self.limits.first_content);
        self.limits.idle = seconds(map, "", "idle_timeout")?.unwrap_or(self.limits.idle);
        self.limits.max_retries = take(map, "", "max_retries")?.unwrap_or(self.limits.max_retries);
        self.seed = take(map, "", "seed")?.or(self.seed);
        self.budget = take(map, "", "budget")?.map(budget).transpose()?.or(self.budget);
        self.health = match map.remove("health") {
            None | Some(Value::Null) => self.health.take(),
            Some(Value::String(json)) => Some(json),
            Some(value) => Some(value.to_string()),
        };
        if let Some(catalog) = map.remove("catalog").filter(|catalog| !catalog.is_null()) {
            self.catalog = Some(Arc::new(Catalog::from_json(&catalog_text("catalog", &catalog)?)?));
        }
        for (at, overlay) in take::<Vec<Value>>(map, "", "catalog_overlay")?.unwrap_or_default().iter().enumerate() {
            self.overlays.push(overlay_of(&format!("catalog_overlay[{at}]"), overlay)?);
        }
        match map.remove("search") {
            None | Some(Value::Null) => {}
            Some(Value::Array(all)) => {
                let engines = all.into_iter().enumerate().map(|(at, value)| search_config(&format!("search[{at}]"), value));
                self.search = Some(engines.collect::<Result<_>>()?);
            }
            Some(value) => self.search = Some(vec![search_config("search", value)?]),
        }
        match map.remove("env") {
            None | Some(Value::Null | Value::Bool(true)) => {}
            Some(Value::Bool(false)) => self.environment = Environment::Given(BTreeMap::new()),
            Some(value @ Value::Object(_)) => self.environment = Environment::Given(parse("env", value)?),
            Some(_) => return Err(bad("env", "expected true, false or an object of variables")),
        }
        match map.keys().next() {
            None => Ok(()),
            Some(field) => Err(bad(
                field,
                "unknown field; a configuration has providers, preferences, timeout, first_content_timeout, idle_timeout, max_retries, seed, budget, health, catalog, catalog_overlay, search and env",
            )),
        }
    }

    /// The providers that this configuration and the built-in rows make, and their accounts.
    pub(super) fn providers(&self) -> Result<(ProviderSet, Accounts)> {
        let mut rows: BTreeMap<&str, (Arc<Provider>, bool)> =
            providers::built_in().iter().map(|row| (row.slug.as_str(), (Arc::clone(row), false))).collect();
        rows.extend(self.rows.iter().map(|row| (row.slug.as_str(), (Arc::new(row.clone()), true))));
        for slug in self.providers.keys().chain(self.sources.keys()) {
            let unknown = || (Arc::new(Provider { slug: slug.clone(), name: slug.clone(), ..Provider::default() }), true);
            rows.entry(slug).or_insert_with(unknown);
        }
        let (mut set, mut accounts) = (ProviderSet::default(), Accounts::new());
        for (slug, (row, custom)) in rows {
            let (mut provider, account) = self.provider(slug, row)?;
            provider.custom = custom;
            provider.has_key = !account.keys.is_empty();
            set.insert(provider);
            accounts.insert(slug.to_owned(), Arc::new(account));
        }
        Ok((set, accounts))
    }

    /// The search engines, best first.
    pub(super) fn engines(&self) -> Result<Engines> {
        let in_environment = |row: &&Row| {
            let needed = if row.base_url.is_empty() { row.base_url_env } else { row.key_env };
            self.environment.first(needed).is_some()
        };
        match &self.search {
            Some(configs) => configs.iter().map(|config| self.engine(config)).collect(),
            None => search::ROWS
                .iter()
                .filter(in_environment)
                .map(|row| self.engine(&SearchConfig { engine: row.name.to_owned(), ..SearchConfig::default() }))
                .collect(),
        }
    }

    fn engine(&self, config: &SearchConfig) -> Result<Arc<SearchEngine>> {
        if let Some(source) = &config.source {
            return Ok(Arc::new(SearchEngine::of(config, Way::Source(source.clone()))));
        }
        let Some(row) = Row::by_name(&config.engine) else {
            let known: Vec<_> = search::ROWS.iter().map(|row| row.name).collect();
            return Err(bad("search.engine", &format!("`{}` is not one of {}", config.engine, known.join(", "))));
        };
        let base_url = config.base_url.clone().or_else(|| self.environment.first(row.base_url_env));
        let base_url = base_url.unwrap_or_else(|| row.base_url.to_owned()).trim().to_owned();
        if !base_url.starts_with("http://") && !base_url.starts_with("https://") {
            let set = row.base_url_env.join(", ");
            return Err(bad("search.base_url", &format!("`{}` needs its URL, with http:// or https:// (or set one of {set})", row.name)));
        }
        let key = config.api_key.clone().or_else(|| self.environment.first(row.key_env).map(|key| Secret::new(key.trim())));
        if key.is_none() && !row.base_url.is_empty() {
            return Err(bad("search.api_key", &format!("`{}` needs a key (or set {})", row.name, row.key_env.join(" or "))));
        }
        let keys = Keys::new(key.into_iter().collect());
        Ok(Arc::new(SearchEngine::of(config, Way::Http { row, base_url, provider: row.provider(), keys })))
    }

    fn provider(&self, slug: &str, row: Arc<Provider>) -> Result<(Configured, Account)> {
        let mut given = self.providers.get(slug).cloned().unwrap_or_default();
        // An option may stand beside the other fields.
        for name in row.options.keys() {
            if let Some(value) = given.row.remove(name) {
                let (name, value) = option(&format!("providers.{slug}"), name.clone(), &value)?;
                given.options.entry(name).or_insert(value);
            }
        }
        let row = Self::row(slug, row, &given)?;
        let mut source = self.sources.get(slug);
        if let Some(account) = row.account.as_deref().filter(|_| source.is_none()) {
            source = self.sources.get(account);
            self.inherit(&row, account, &mut given)?;
        }
        let mut options = given.options.clone();
        for (name, option) in &row.options {
            if !options.contains_key(name)
                && let Some(value) = self.environment.first(&option.env)
            {
                options.insert(name.clone(), value);
            }
        }
        let found = credentials::find(&format!("providers.{slug}"), &row, &given, source, &self.environment, &options)?;
        if let Some((name, value)) = found.option.filter(|(name, _)| row.options.contains_key(*name)) {
            options.entry(name.to_owned()).or_insert(value);
        }
        let of_keys = row.key_base_url.as_ref().filter(|_| found.are_keys);
        let base_url = match &given.base_url {
            Some(url) => url.trim().to_owned(),
            None => self.environment.first(&row.base_url_env).unwrap_or_else(|| of_keys.unwrap_or(&row.base_url).clone()),
        };
        let path = format!("providers.{slug}.base_url");
        if base_url.is_empty() {
            return Err(bad(&path, "a provider that junto does not know needs its URL"));
        }
        if !["http://", "https://", "{"].iter().any(|start| base_url.starts_with(start)) {
            return Err(bad(&path, &format!("`{base_url}` does not begin with http:// or https://")));
        }
        let mut provider = Configured::with(row, &base_url, options);
        provider.policy.clone_from(&given.policy);
        provider.deployments = given.deployments;
        provider.regions = given.regions.iter().map(|region| region.as_str().into()).collect();
        if !provider.regions.is_empty() && provider.region_option().is_none() {
            return Err(bad(&format!("providers.{slug}.regions"), "its URL has no region"));
        }
        provider.problem = found.problem;
        let keys = found.keys;
        let account = Account { keys, first_content_timeout: given.first_content_timeout, idle_timeout: given.idle_timeout };
        Ok((provider, account))
    }

    /// What the caller said about the provider of the same account counts here too, where nothing else was said: its
    /// credentials and options, and its keys and URL where this one takes the same.
    fn inherit(&self, row: &Provider, account: &str, given: &mut ProviderConfig) -> Result<()> {
        let (Some(other), Some(other_row)) = (self.providers.get(account), providers::by_slug(account)) else { return Ok(()) };
        for name in row.options.keys() {
            let beside = other.row.get(name).map(|value| option(&format!("providers.{account}"), name.clone(), value)).transpose()?;
            if let Some(value) = beside.map(|(_, value)| value).or_else(|| other.options.get(name).cloned()) {
                given.options.entry(name.clone()).or_insert(value);
            }
        }
        if given.api_keys.is_empty() && given.credentials.is_empty() {
            given.credentials.clone_from(&other.credentials);
            if other_row.auth == row.auth {
                given.api_keys.clone_from(&other.api_keys);
            }
        }
        if other_row.base_url == row.base_url {
            given.base_url = given.base_url.take().or_else(|| other.base_url.clone());
        }
        given.policy = given.policy.take().or_else(|| other.policy.clone());
        if given.regions.is_empty() {
            given.regions.clone_from(&other.regions);
        }
        Ok(())
    }

    /// The row with the caller's changes.
    fn row(slug: &str, row: Arc<Provider>, given: &ProviderConfig) -> Result<Arc<Provider>> {
        if given.row.is_empty() && given.headers.is_empty() && given.protocol.is_none() {
            return Ok(row);
        }
        let mut row = Arc::unwrap_or_clone(row);
        if !given.row.is_empty() {
            let mut value = serde_json::to_value(&row)?;
            for (field, new) in &given.row {
                match (value.get_mut(field), new) {
                    // Single habits change; the others stay.
                    (Some(Value::Object(old)), Value::Object(new)) => old.extend(new.clone()),
                    _ => {
                        value[field] = new.clone();
                    }
                }
            }
            row = parse(&format!("providers.{slug}"), value)?;
        }
        row.headers.extend(given.headers.clone());
        row.protocol = given.protocol.unwrap_or(row.protocol);
        Ok(Arc::new(row))
    }
}

/// `{engine, api_key, base_url, max_results, price, timeout, allow_empty, search_prompt}`.
fn search_config(path: &str, value: Value) -> Result<SearchConfig> {
    let mut map = object(path, value)?;
    let map = &mut map;
    let config = SearchConfig {
        engine: take(map, path, "engine")?.ok_or_else(|| bad(&format!("{path}.engine"), "which engine is it?"))?,
        api_key: take(map, path, "api_key")?,
        base_url: take(map, path, "base_url")?,
        max_results: take(map, path, "max_results")?,
        price: take(map, path, "price")?,
        timeout: seconds(map, path, "timeout")?,
        allow_empty: take(map, path, "allow_empty")?.unwrap_or_default(),
        search_prompt: take(map, path, "search_prompt")?,
        source: None,
    };
    match map.keys().next() {
        None => Ok(config),
        Some(field) => Err(bad(
            &format!("{path}.{field}"),
            "unknown field; a search engine has engine, api_key, base_url, max_results, price, timeout, allow_empty and search_prompt",
        )),
    }
}

fn budget(value: Value) -> Result<Budget> {
    let mut map = object("budget", value)?;
    let map = &mut map;
    let limit: f64 = take(map, "budget", "limit")?.ok_or_else(|| bad("budget.limit", "a budget needs its limit in US dollars"))?;
    if !(limit.is_finite() && limit >= 0.0) {
        return Err(bad("budget.limit", "must be an amount in US dollars, at least 0"));
    }
    let period = match map.remove("period") {
        None | Some(Value::Null) => Period::Forever,
        Some(Value::String(name)) if name == "hour" => Period::Hour,
        Some(Value::String(name)) if name == "day" => Period::Day,
        Some(Value::String(name)) if name == "month" => Period::Month,
        Some(value) => match value.as_u64() {
            Some(seconds) if seconds > 0 => Period::Seconds(seconds),
            _ => return Err(bad("budget.period", "expected \"hour\", \"day\", \"month\" or a whole number of seconds")),
        },
    };
    let allow_unknown_prices = take(map, "budget", "allow_unknown_prices")?.unwrap_or_default();
    match map.keys().next() {
        None => Ok(Budget { limit, period, allow_unknown_prices }),
        Some(field) => Err(bad(&format!("budget.{field}"), "unknown field; a budget has limit, period and allow_unknown_prices")),
    }
}

/// A catalog in a configuration: as it is, or `{"file": path}`.
fn catalog_text(path: &str, value: &Value) -> Result<String> {
    match value.as_object().and_then(|map| map.get("file")) {
        Some(Value::String(file)) => read_catalog(&format!("{path}.file"), file.as_ref()),
        _ => Ok(value.to_string()),
    }
}

/// An overlay in a configuration: a catalog as above, or `{"url": address, "shape": name}`.
fn overlay_of(path: &str, value: &Value) -> Result<Overlay> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Address {
        url: String,
        #[serde(default)]
        shape: Option<Shape>,
    }
    if value.get("url").is_some_and(Value::is_string) {
        let Address { url, shape } = parse(path, value.clone())?;
        return Overlay::at(url, shape).map_err(|error| bad(&format!("{path}.url"), error.message().trim_start_matches("url: ")));
    }
    Ok(Overlay::of(List::parse(&catalog_text(path, value)?, None)?))
}

/// The text of a file.
pub(super) fn read_catalog(path: &str, file: &Path) -> Result<String> {
    std::fs::read_to_string(file).map_err(|error| bad(path, &format!("`{}` cannot be read: {error}", file.display())))
}

pub(super) fn bad(path: &str, message: &str) -> Error {
    Error::bad_request(path, format!("{path}: {message}"))
}

fn object(path: &str, value: Value) -> Result<Map<String, Value>> {
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(bad(path, "expected an object")),
    }
}

/// Parses a value; an error names the path of the bad field, and never the value, which may be a key.
fn parse<T: DeserializeOwned>(path: &str, value: Value) -> Result<T> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let inner = error.path().to_string();
        let path = if inner == "." { path.to_owned() } else { format!("{path}.{inner}") };
        bad(&path, &unquoted(&error.inner().to_string()))
    })
}

/// A message of serde's without the text that it quotes: what should have been a number or an object may be a key.
fn unquoted(message: &str) -> String {
    match (message.split_once(": string \""), message.rsplit_once(", expected ")) {
        (Some((invalid, _)), Some((_, expected))) => format!("{invalid}: string, expected {expected}"),
        _ => message.to_owned(),
    }
}

fn take<T: DeserializeOwned>(map: &mut Map<String, Value>, path: &str, field: &str) -> Result<Option<T>> {
    let path = if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
    match map.remove(field) {
        None | Some(Value::Null) => Ok(None),
        // serde would quote the value.
        Some(value) if field.starts_with("api_key") => {
            serde_json::from_value(value).map(Some).map_err(|_| bad(&path, "expected a key as a string, or a list of them"))
        }
        Some(value) => parse(&path, value).map(Some),
    }
}

fn seconds(map: &mut Map<String, Value>, path: &str, field: &str) -> Result<Option<Duration>> {
    let Some(number) = take::<f64>(map, path, field)? else { return Ok(None) };
    let path = if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
    match Duration::try_from_secs_f64(number) {
        Ok(duration) if !duration.is_zero() => Ok(Some(duration)),
        _ => Err(bad(&path, "expected seconds, more than 0")),
    }
}
