//! The keys of one provider, tried in order.

use std::{
    borrow::Cow,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{Credential, Io, Secret, TokenCache};
use crate::{error::Result, transport::BoxFuture};

/// Asks the caller for a credential, once for each attempt: for keys that change while the program runs.
#[derive(Clone)]
pub struct KeySource(Arc<dyn Fn() -> BoxFuture<'static, Result<Credential>> + Send + Sync>);

impl KeySource {
    /// A source that runs this; an error fails the attempt. A [`Secret`] is an API key; a [`Credential`] may be an access
    /// token or AWS keys as well.
    pub fn new<T: Into<Credential>, F: Future<Output = Result<T>> + Send + 'static>(ask: impl Fn() -> F + Send + Sync + 'static) -> Self {
        Self(Arc::new(move || {
            let asked = ask();
            Box::pin(async move { asked.await.map(Into::into) })
        }))
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
    keys: Vec<Credential>,
    first: AtomicUsize,
    source: Option<Source>,
    /// What the source last gave, so that it can be scrubbed.
    given: Mutex<Option<Credential>>,
}

/// Who gives a credential instead.
#[derive(Debug)]
enum Source {
    Caller(KeySource),
    Granted(TokenCache),
}

impl Keys {
    /// API keys; an empty one is none.
    pub(crate) fn new(keys: Vec<Secret>) -> Self {
        let keys = keys.into_iter().filter(|key| !key.expose().trim().is_empty()).map(Credential::Key).collect();
        Self { keys, ..Self::default() }
    }

    /// One credential of any kind.
    pub(crate) fn one(credential: Credential) -> Self {
        Self { keys: vec![credential], ..Self::default() }
    }

    /// Credentials that the caller gives.
    pub(crate) fn from_source(source: KeySource) -> Self {
        Self { source: Some(Source::Caller(source)), ..Self::default() }
    }

    /// Credentials that somebody grants.
    pub(crate) fn granted(cache: TokenCache) -> Self {
        Self { source: Some(Source::Granted(cache)), ..Self::default() }
    }

    /// Whether a call can be signed.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.source.is_none()
    }

    /// Whether somebody else is asked for credentials, so that a failure to get one is a failure of the endpoint.
    pub(crate) fn are_granted(&self) -> bool {
        matches!(self.source, Some(Source::Granted(_)))
    }

    /// The credential for an attempt: from the source, else the one at this place.
    pub(crate) async fn get(&self, place: usize, io: &Io) -> Result<Option<Cow<'_, Credential>>> {
        let credential = match &self.source {
            None => return Ok(self.at(place).map(Cow::Borrowed)),
            Some(Source::Granted(cache)) => cache.get(io).await?,
            Some(Source::Caller(source)) => (source.0)().await?,
        };
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = Some(credential.clone());
        Ok(Some(Cow::Owned(credential)))
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
    fn at(&self, place: usize) -> Option<&Credential> {
        self.keys.get(place.checked_rem(self.keys.len())?)
    }

    /// The key at this place failed: later requests begin with the next, unless another request moved on already.
    pub(crate) fn rotate(&self, place: usize) {
        let next = place.wrapping_add(1).checked_rem(self.keys.len()).unwrap_or_default();
        // Losing the race means that somebody else moved on from the same key.
        let _lost = self.first.compare_exchange(place, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The vendor does not know the credential: what was granted is asked for anew.
    pub(crate) fn forget(&self) {
        if let Some(Source::Granted(cache)) = &self.source {
            cache.forget();
        }
    }

    /// The text without any of the keys in it; `None` where none is.
    pub(crate) fn scrub(&self, text: &str) -> Option<String> {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let secrets = self.keys.iter().chain(given.as_ref()).flat_map(Credential::secrets);
        // Shorter ones are placeholders such as `none`, and part of ordinary words.
        let mut found = secrets.map(Secret::expose).filter(|key| key.len() >= 6 && text.contains(key)).peekable();
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
        let first = || keys.at(keys.first()).and_then(|key| key.secrets().next()).expect("key").expose();
        assert_eq!(first(), "key-two");
        keys.rotate(1);
        assert_eq!(first(), "key-one");
        assert!(Keys::default().at(3).is_none());
    }

    #[test]
    fn a_vendors_echo_of_a_key_is_scrubbed() {
        let keys = Keys::new(vec![Secret::new("key-one")]);
        assert_eq!(keys.scrub("bad key key-one!").as_deref(), Some("bad key ***!"));
        assert_eq!(keys.scrub("bad key"), None);
    }
}
