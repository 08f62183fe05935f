//! Keys and how they reach a request.
//!
//! Belongs here: secrets, credentials, signatures (PURE), OAuth token exchange (IO). Does not belong here: which
//! provider wants which scheme (`providers`).

mod apply;
mod keys;
mod secret;

pub(crate) use apply::apply;
pub use keys::KeySource;
pub(crate) use keys::Keys;
pub use secret::Secret;
