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
        let mut hasher = WordHasher::default();
        for part in [model, provider, region.unwrap_or_default()] {
            hasher.write(part.as_bytes());
            hasher.write_u8(0xff);
        }
        Self(hasher.finish())
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

/// A multiplying hash, one word at a time.
#[derive(Clone, Copy, Default)]
pub(crate) struct WordHasher(u64);

impl WordHasher {
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
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.add(u64::from_le_bytes(last) ^ (bytes.len() as u64) << 56);
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
