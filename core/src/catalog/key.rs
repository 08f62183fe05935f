//! Keys and a hash for tables that are asked once per endpoint of a plan.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A table for the planner. Its hash is not hardened against chosen keys: use it where the catalog and the caller's own
/// configuration, not a request, decide what is in it.
pub(crate) type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<WordHasher>>;

/// Names one endpoint: a hash of model, provider and region.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct EndpointKey(u64);

impl EndpointKey {
    /// The key of these names.
    pub fn new(model: &str, provider: &str, region: Option<&str>) -> Self {
        ModelKey::new(model).endpoint(provider, region)
    }

    /// The key of a model, whoever serves it.
    pub(crate) fn of_model(model: &str) -> Self {
        Self::new(model, "", None)
    }

    /// The key as a number, for seeds.
    pub(crate) fn value(self) -> u64 {
        self.0
    }
}

/// The part of an [`EndpointKey`] that all endpoints of a model share.
#[derive(Clone, Copy)]
pub(crate) struct ModelKey(WordHasher);

impl ModelKey {
    /// Of the model of this slug.
    pub(crate) fn new(model: &str) -> Self {
        let mut hasher = WordHasher::default();
        hasher.part(model);
        Self(hasher)
    }

    /// The key of one of its endpoints.
    pub(crate) fn endpoint(self, provider: &str, region: Option<&str>) -> EndpointKey {
        let mut hasher = self.0;
        hasher.part(provider);
        hasher.part(region.unwrap_or_default());
        EndpointKey(hasher.finish())
    }
}

/// A multiplying hash, one word at a time.
#[derive(Clone, Copy, Default)]
pub(crate) struct WordHasher(u64);

impl WordHasher {
    fn part(&mut self, text: &str) {
        self.write(text.as_bytes());
        self.write_u8(0xff);
    }

    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        self.add(last_word(bytes, rest.len()) ^ (bytes.len() as u64) << 56);
    }

    fn write_u8(&mut self, byte: u8) {
        self.add(u64::from(byte));
    }

    fn write_u64(&mut self, word: u64) {
        self.add(word);
    }

    fn finish(&self) -> u64 {
        (self.0 ^ self.0 >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93)
    }
}

/// The last `rest` bytes, fewer than 8, as a number. In two loads at most: to copy so few bytes takes longer.
fn last_word(bytes: &[u8], rest: usize) -> u64 {
    let place = |byte: usize| 8 * byte as u32;
    if let Some(last) = bytes.last_chunk() {
        return u64::from_le_bytes(*last).checked_shr(place(8 - rest)).unwrap_or(0);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << place(bytes.len() - 4);
    }
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_is_what_is_left_over() {
        let bytes: Vec<u8> = (1..=20).collect();
        for length in 0..=bytes.len() {
            let rest = length % 8;
            let mut padded = [0; 8];
            padded[..rest].copy_from_slice(&bytes[length - rest..length]);
            assert_eq!(last_word(&bytes[..length], rest), u64::from_le_bytes(padded), "{length}");
        }
    }
}
