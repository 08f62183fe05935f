//! The fields of an OpenAI-shaped body, by the provider's names for them.

use std::cell::RefCell;

use serde::{Serialize, ser::SerializeMap};

use crate::protocols::Call;

/// Writes a body and notes what was left out.
pub(in crate::protocols) struct Fields<'a, M> {
    pub(in crate::protocols) map: M,
    pub(in crate::protocols) call: &'a Call<'a>,
    pub(in crate::protocols) dropped: &'a RefCell<Vec<String>>,
}

impl<M: SerializeMap> Fields<'_, M> {
    /// Writes a field that is set, unless the provider refuses it. What the caller set by the provider's own name wins.
    pub(in crate::protocols) fn put<T: Serialize + ?Sized>(&mut self, name: &str, value: Option<&T>) -> Result<(), M::Error> {
        let Some(value) = value else { return Ok(()) };
        let quirks = &self.call.provider.quirks;
        if quirks.drops.iter().any(|dropped| dropped == name) {
            self.drop(name);
            return Ok(());
        }
        let name = quirks.renames.get(name).map_or(name, String::as_str);
        if quirks.passthrough && self.call.request.extra.contains_key(name) {
            return Ok(());
        }
        self.map.serialize_entry(name, value)
    }

    /// Notes a field that cannot be sent.
    pub(in crate::protocols) fn drop(&self, name: &str) {
        self.dropped.borrow_mut().push(name.to_owned());
    }

    /// Adds the provider's constants and the caller's unknown fields, and closes the body.
    pub(in crate::protocols) fn end(mut self) -> Result<M::Ok, M::Error> {
        let (request, quirks) = (self.call.request, &self.call.provider.quirks);
        for (name, value) in &quirks.body {
            self.put(name, Some(value))?;
        }
        for (name, value) in &request.extra {
            if !quirks.passthrough || quirks.drops.contains(name) {
                self.drop(name);
            } else {
                self.map.serialize_entry(name, value)?;
            }
        }
        self.map.end()
    }
}
