//! Keys and how they reach a request.
//!
//! Belongs here: secrets, credentials, signatures (PURE), OAuth token exchange (IO). Does not belong here: which
//! provider wants which scheme (`providers`).

mod secret;

pub use secret::Secret;
