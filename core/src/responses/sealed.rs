//! Reasoning that travels through the caller in a reasoning item's `encrypted_content`. It hides nothing: whatever needs
//! hiding is encrypted by its issuer already.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::types::ReasoningDetail;

/// Tells ours from a vendor's own.
const MARK: &str = "junto1.";

/// The blocks as one text.
pub(super) fn seal(details: &[ReasoningDetail]) -> String {
    format!("{MARK}{}", BASE64_STANDARD.encode(serde_json::to_vec(details).unwrap_or_default()))
}

/// The blocks of such a text; `None` where it is a vendor's own, or damaged.
pub(super) fn unseal(text: &str) -> Option<Vec<ReasoningDetail>> {
    let json = BASE64_STANDARD.decode(text.strip_prefix(MARK)?).ok()?;
    serde_json::from_slice(&json).ok()
}

/// Whether a text is ours, damaged or not.
pub(super) fn is_sealed(text: &str) -> bool {
    text.starts_with(MARK)
}
