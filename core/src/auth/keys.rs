//! The keys of one provider, tried in order.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::Secret;

/// The keys of one provider. Requests begin with the key that last did not fail.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    keys: Vec<Secret>,
    first: AtomicUsize,
}

impl Keys {
    pub(crate) fn new(keys: Vec<Secret>) -> Self {
        Self { keys: keys.into_iter().filter(|key| !key.expose().trim().is_empty()).collect(), first: AtomicUsize::new(0) }
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
    pub(crate) fn at(&self, place: usize) -> Option<&Secret> {
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
        // Shorter ones are placeholders such as `none`, and part of ordinary words.
        let found = |text: &str| self.keys.iter().any(|key| key.expose().len() >= 6 && text.contains(key.expose()));
        found(text).then(|| {
            let scrubbed = self.keys.iter().filter(|key| key.expose().len() >= 6);
            scrubbed.fold(text.to_owned(), |text, key| text.replace(key.expose(), "***"))
        })
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
