//! A search of the caller's own.

use std::{fmt, pin::Pin, sync::Arc};

use super::{SearchQuery, SearchResult};
use crate::error::Result;

type Searching = Pin<Box<dyn Future<Output = Result<Vec<SearchResult>>> + Send>>;

/// Searches by a function of the caller's: an index of one's own documents, or an engine that junto does not know.
#[derive(Clone)]
pub struct SearchSource(Arc<dyn Fn(SearchQuery) -> Searching + Send + Sync>);

impl SearchSource {
    /// A source that runs this; an error fails the search.
    pub fn new<F: Future<Output = Result<Vec<SearchResult>>> + Send + 'static>(
        search: impl Fn(SearchQuery) -> F + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(move |query| Box::pin(search(query))))
    }

    /// Runs it.
    pub(crate) fn search(&self, query: SearchQuery) -> Searching {
        (self.0)(query)
    }
}

impl fmt::Debug for SearchSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SearchSource")
    }
}
