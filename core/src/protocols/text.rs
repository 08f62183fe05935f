//! Text of a vendor's JSON that borrows from the input where it has no escapes. `Option<Cow<str>>` always copies in serde.

use std::borrow::Cow;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl Text<'_> {
    /// The text, where it is there and not empty.
    #[expect(clippy::ref_option, reason = "what a wire struct has is a field of this type")]
    pub(crate) fn of<'t>(text: &'t Option<Text<'_>>) -> Option<&'t str> {
        text.as_ref().map(|text| &*text.0).filter(|text| !text.is_empty())
    }
}
