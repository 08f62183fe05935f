//! The providers of one client: rows, and what the caller's configuration makes of them.

use std::{collections::BTreeMap, sync::Arc};

use super::{Auth, Provider, built_in};
use crate::catalog::{DataPolicy, Endpoint, FastMap, nearest};

/// One provider as the caller configured it. Keys themselves live with the client; here is only whether there is one.
#[derive(Clone, Debug)]
pub struct Configured {
    /// The row.
    pub row: Arc<Provider>,
    /// Whether a key is at hand, or comes from a callback or from whoever grants one.
    pub has_key: bool,
    /// What keeps a credential that was found from being used.
    pub problem: Option<String>,
    /// Whether the caller added the row, rather than junto.
    pub custom: bool,
    /// What the caller's agreement with the operator says; overrides the catalog.
    pub policy: Option<DataPolicy>,
    /// What the caller named models here: an upstream id, a slug or its last part, to the name to ask for.
    pub deployments: BTreeMap<String, String>,
    /// Regions that the caller has it in: one endpoint for each, instead of one for all.
    pub regions: Vec<Arc<str>>,
    /// The base URL without a final slash; `{name}` is still in it where an option has no value.
    pub base_url: String,
    /// Values of the row's options.
    pub options: BTreeMap<String, String>,
    /// Options of the URL without a value.
    pub missing_options: Vec<String>,
    /// The URL and the options that the caller gave.
    pub(crate) given: (String, BTreeMap<String, String>),
}

impl Configured {
    /// A row with its defaults and without a key.
    pub fn new(row: Arc<Provider>) -> Self {
        let base_url = row.base_url.clone();
        Self::with(row, &base_url, BTreeMap::new())
    }

    /// A row with another base URL and values for its options.
    pub fn with(row: Arc<Provider>, base_url: &str, given: BTreeMap<String, String>) -> Self {
        let options = resolved(&row, given.clone());
        let url = filled(base_url.trim_end_matches('/'), &options);
        let paths = [&row.quirks.chat_path, &row.quirks.stream_path].into_iter().flatten();
        let urls: Vec<String> = paths.map(|path| filled(path, &options)).chain([url.clone()]).collect();
        let is_open = |name: &&String| urls.iter().any(|url| url.contains(&format!("{{{name}}}")));
        let missing_options = row.options.keys().filter(is_open).cloned().collect();
        Self {
            row,
            has_key: false,
            problem: None,
            custom: false,
            policy: None,
            deployments: BTreeMap::new(),
            regions: Vec::new(),
            base_url: url,
            options,
            missing_options,
            given: (base_url.to_owned(), given),
        }
    }

    /// The provider as it is asked for an endpoint in this region.
    pub(crate) fn in_region(self: &Arc<Self>, region: Option<&str>) -> Arc<Self> {
        let Some((region, name)) = region.zip(self.region_option()) else { return Arc::clone(self) };
        if self.options.get(name).is_some_and(|there| there == region) {
            return Arc::clone(self);
        }
        let (url, mut given) = self.given.clone();
        given.insert(name.to_owned(), region.to_owned());
        let there = Self::with(Arc::clone(&self.row), &url, given);
        let Self { base_url, options, missing_options, given, .. } = there;
        Arc::new(Self { base_url, options, missing_options, given, ..Self::clone(self) })
    }

    /// The region that is asked; empty where the provider has none.
    pub(crate) fn region(&self) -> &str {
        self.region_option().and_then(|name| self.options.get(name)).map_or("", String::as_str)
    }

    /// The option that is the region of its endpoints.
    pub(crate) fn region_option(&self) -> Option<&str> {
        self.row.options.iter().find(|(_, option)| option.is_region).map(|(name, _)| name.as_str())
    }

    /// What an endpoint's model is called here, where that is not what the catalog says: a deployment of the caller's, or
    /// the same model behind another region's prefix.
    pub(crate) fn upstream(&self, endpoint: &Endpoint) -> Option<String> {
        let last = endpoint.model.rsplit('/').next().unwrap_or_default();
        if let Some(name) = [&endpoint.upstream, &endpoint.model, last].into_iter().find_map(|name| self.deployments.get(name)) {
            return Some(name.clone());
        }
        let (name, option) = self.row.options.iter().find(|(_, option)| !option.prefixes.is_empty())?;
        let (prefix, rest) = endpoint.upstream.split_once('.')?;
        let place = option.prefixes.iter().position(|known| known == prefix)?;
        let value = if place == 0 { self.given.1.get(name)? } else { self.options.get(name)? };
        (value != prefix).then(|| if value.is_empty() { rest.to_owned() } else { format!("{value}.{rest}") })
    }

    /// The provider's slug.
    pub fn slug(&self) -> &str {
        &self.row.slug
    }

    /// Whether a call can be authenticated.
    pub fn is_usable(&self) -> bool {
        self.has_key || self.row.keyless || self.row.auth == Auth::None
    }
}

/// The options with their defaults, and with the values that other options decide.
pub(crate) fn resolved(row: &Provider, mut options: BTreeMap<String, String>) -> BTreeMap<String, String> {
    for decided in [false, true] {
        for (name, option) in row.options.iter().filter(|(_, option)| option.by.is_some() == decided) {
            let by = option.by.as_ref().and_then(|by| options.get(by));
            let value = by.and_then(|by| choose(&option.values, by)).or(option.default.as_ref());
            if let (Some(value), false) = (value, options.contains_key(name)) {
                options.insert(name.clone(), filled(value, &options));
            }
        }
    }
    options
}

/// The value for this name: its own, else that of the longest beginning.
fn choose<'a>(values: &'a BTreeMap<String, String>, name: &str) -> Option<&'a String> {
    let begins = |known: &str| known.strip_suffix('*').is_some_and(|start| name.starts_with(start));
    let longest = || values.iter().filter(|(known, _)| begins(known)).max_by_key(|(known, _)| known.len());
    values.get(name).or_else(|| longest().map(|(_, value)| value))
}

/// The text with the values of options in place of their names.
pub(crate) fn filled(text: &str, options: &BTreeMap<String, String>) -> String {
    if !text.contains('{') {
        return text.to_owned();
    }
    options.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// Every provider that a client knows, in the order they were added.
#[derive(Clone, Debug, Default)]
pub struct ProviderSet {
    all: Vec<Arc<Configured>>,
    by_name: FastMap<Box<str>, usize>,
    /// Who serves the models of an author first-hand.
    by_author: FastMap<Box<str>, Vec<usize>>,
    /// Who may offer any model: asked about each, where most are asked about none.
    broad: Vec<usize>,
}

impl ProviderSet {
    /// The built-in rows, without keys.
    pub fn built_in() -> Self {
        built_in().iter().cloned().map(Configured::new).collect()
    }

    /// Adds a provider, or replaces the one of the same slug.
    pub fn insert(&mut self, provider: Configured) {
        let index = self.by_name.get(provider.slug()).copied().unwrap_or(self.all.len());
        self.by_name.insert(provider.slug().into(), index);
        if index < self.all.len() {
            self.by_author.values_mut().chain([&mut self.broad]).for_each(|known| known.retain(|known| *known != index));
        }
        for author in &provider.row.authors {
            self.by_author.entry(author.as_str().into()).or_default().push(index);
        }
        if provider.custom || provider.row.serves_any || !provider.regions.is_empty() {
            self.broad.push(index);
        }
        let provider = Arc::new(provider);
        match self.all.get_mut(index) {
            Some(place) => *place = provider,
            None => self.all.push(provider),
        }
    }

    /// Who may offer a model that the catalog does not list for them, by their places: those that may offer any, and where
    /// the catalog does not know the model at all, those that go by its author's name.
    pub(crate) fn may_offer(&self, unknown_author: Option<&str>) -> Vec<usize> {
        let named = unknown_author.and_then(|author| self.position(author));
        let theirs = unknown_author.and_then(|author| self.by_author.get(author)).map_or(&[][..], Vec::as_slice);
        let mut places: Vec<usize> = self.broad.iter().chain(theirs).copied().chain(named).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// The provider of this slug.
    pub fn get(&self, slug: &str) -> Option<&Arc<Configured>> {
        self.position(slug).and_then(|index| self.all.get(index))
    }

    /// Every provider.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Configured>> {
        self.all.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The slugs most like this one.
    pub fn nearest(&self, name: &str) -> Vec<&str> {
        nearest(name, self.all.iter().map(|provider| provider.slug()), |slug| slug)
    }

    pub(crate) fn position(&self, slug: &str) -> Option<usize> {
        self.by_name.get(slug).copied()
    }

    pub(crate) fn at(&self, index: usize) -> Option<&Arc<Configured>> {
        self.all.get(index)
    }

    /// The place of a provider by slug or by its name for people, in any case.
    pub(crate) fn position_by_any_name(&self, name: &str) -> Option<usize> {
        self.position(name).or_else(|| {
            self.all.iter().position(|provider| provider.slug().eq_ignore_ascii_case(name) || provider.row.name.eq_ignore_ascii_case(name))
        })
    }
}

impl FromIterator<Configured> for ProviderSet {
    fn from_iter<I: IntoIterator<Item = Configured>>(providers: I) -> Self {
        let mut set = Self::default();
        providers.into_iter().for_each(|provider| set.insert(provider));
        set
    }
}
