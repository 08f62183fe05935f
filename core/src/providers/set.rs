//! The providers of one client: rows, and what the caller's configuration makes of them.

use std::{collections::BTreeMap, sync::Arc};

use super::{Auth, Provider, built_in};
use crate::catalog::{DataPolicy, FastMap, nearest};

/// One provider as the caller configured it. Keys themselves live with the client; here is only whether there is one.
#[derive(Clone, Debug)]
pub struct Configured {
    /// The row.
    pub row: Arc<Provider>,
    /// Whether a key is at hand, or comes from a callback.
    pub has_key: bool,
    /// Whether the caller added the row, rather than junto.
    pub custom: bool,
    /// What the caller's agreement with the operator says; overrides the catalog.
    pub policy: Option<DataPolicy>,
    /// The base URL without a final slash; `{name}` is still in it where an option has no value.
    pub base_url: String,
    /// Values of the row's options.
    pub options: BTreeMap<String, String>,
    /// Options of the URL without a value.
    pub missing_options: Vec<String>,
}

impl Configured {
    /// A row with its defaults and without a key.
    pub fn new(row: Arc<Provider>) -> Self {
        let base_url = row.base_url.clone();
        Self::with(row, &base_url, BTreeMap::new())
    }

    /// A row with another base URL and values for its options.
    pub fn with(row: Arc<Provider>, base_url: &str, mut options: BTreeMap<String, String>) -> Self {
        for (name, option) in &row.options {
            if let (Some(default), false) = (&option.default, options.contains_key(name)) {
                options.insert(name.clone(), default.clone());
            }
        }
        let mut url = base_url.trim_end_matches('/').to_owned();
        for (name, value) in &options {
            url = url.replace(&format!("{{{name}}}"), value);
        }
        let paths = [&row.quirks.chat_path, &row.quirks.stream_path].into_iter().flatten();
        let urls: Vec<&str> = paths.map(String::as_str).chain([url.as_str()]).collect();
        let needed = |name: &&String| !options.contains_key(*name) && urls.iter().any(|url| url.contains(&format!("{{{name}}}")));
        let missing_options = row.options.keys().filter(needed).cloned().collect();
        Self { row, has_key: false, custom: false, policy: None, base_url: url, options, missing_options }
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

/// Every provider that a client knows, in the order they were added.
#[derive(Clone, Debug, Default)]
pub struct ProviderSet {
    all: Vec<Arc<Configured>>,
    by_name: FastMap<Box<str>, usize>,
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
        let provider = Arc::new(provider);
        match self.all.get_mut(index) {
            Some(place) => *place = provider,
            None => self.all.push(provider),
        }
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
