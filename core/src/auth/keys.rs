//! The keys of one provider, tried in order.

use std::{
    borrow::Cow,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::Secret;
use crate::{error::Result, transport::BoxFuture};

/// Asks the caller for a key, once for each attempt: for keys that change while the program runs.
#[derive(Clone)]
pub struct KeySource(Arc<dyn Fn() -> BoxFuture<'static, Result<Secret>> + Send + Sync>);

impl KeySource {
    /// A source that runs this; an error fails the attempt.
    pub fn new<F: Future<Output = Result<Secret>> + Send + 'static>(ask: impl Fn() -> F + Send + Sync + 'static) -> Self {
        Self(Arc::new(move || Box::pin(ask())))
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySource")
    }
}

/// The keys of one provider. Requests begin with the key that last did not fail.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    keys: Vec<Secret>,
    first: AtomicUsize,
    source: Option<KeySource>,
    /// What the source last gave, so that it can be scrubbed.
    given: Mutex<Option<Secret>>,
}

impl Keys {
    pub(crate) fn new(keys: Vec<Secret>) -> Self {
        let keys = keys.into_iter().filter(|key| !key.expose().trim().is_empty()).collect();
        Self { keys, ..Self::default() }
    }

    /// Keys that a source gives instead.
    pub(crate) fn from_source(source: KeySource) -> Self {
        Self { source: Some(source), ..Self::default() }
    }

    /// Whether a call can be signed.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.source.is_none()
    }

    /// The key for an attempt: from the source, else the one at this place.
    pub(crate) async fn get(&self, place: usize) -> Result<Option<Cow<'_, Secret>>> {
        let Some(source) = &self.source else { return Ok(self.at(place).map(Cow::Borrowed)) };
        let key = (source.0)().await?;
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = Some(key.clone());
        Ok(Some(Cow::Owned(key)))
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Where a request begins.
    pub(crate) fn first(&self) -> usize {
        self.first.load(Ordering::Relaxed)
    }

    /// The key at this place; places go round.
    fn at(&self, place: usize) -> Option<&Secret> {
        self.keys.get(place.checked_rem(self.keys.len())?)
    }

    /// The key at this place failed: later requests begin with the next, unless another request moved on already.
    pub(crate) fn rotate(&self, place: usize) {
        let next = place.wrapping_add(1).checked_rem(self.keys.len()).unwrap_or_default();
        // Losing the race means that somebody else moved on from the same key.
        let _lost = self.first.compare_exchange(place, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The text without any of the keys in it; `None` where none is.
    pub(crate) fn scrub(&self, text: &str) -> Option<String> {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        // Shorter ones are placeholders such as `none`, and part of ordinary words.
        let mut found =
            self.keys.iter().chain(given.as_ref()).map(Secret::expose).filter(|key| key.len() >= 6 && text.contains(key)).peekable();
        found.peek()?;
        Some(found.fold(text.to_owned(), |text, key| text.replace(key, "***")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_round_and_later_requests_begin_with_the_one_that_works() {
        let keys = Keys::new(vec![Secret::new("key-one"), Secret::new("key-two"), Secret::new(" ")]);
        assert_eq!(keys.len(), 2, "an empty key is none");
        keys.rotate(0);
        keys.rotate(0);
        assert_eq!(keys.at(keys.first()).expect("key").expose(), "key-two");
        keys.rotate(1);
        assert_eq!(keys.at(keys.first()).expect("key").expose(), "key-one");
        assert!(Keys::default().at(3).is_none());
    }

    #[test]
    fn a_vendors_echo_of_a_key_is_scrubbed() {
        let keys = Keys::new(vec![Secret::new("key-one")]);
        assert_eq!(keys.scrub("bad key key-one!").as_deref(), Some("bad key ***!"));
        assert_eq!(keys.scrub("bad key"), None);
    }
}
