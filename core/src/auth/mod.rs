//! Keys and how they reach a request.
//!
//! Belongs here: secrets, credentials, signatures (PURE), where credentials lie, how tokens are granted (IO, through the
//! one transport). Does not belong here: which provider wants which scheme (`providers`).

mod apply;
mod aws;
mod credential;
mod crypto;
mod found;
mod google;
mod keys;
mod oauth;
mod secret;
mod sigv4;
mod source;

pub(crate) use apply::{Scope, apply};
pub(crate) use aws::{Wish as AwsWish, find as find_aws};
pub use credential::{AwsKeys, Credential};
pub(crate) use found::{Found, Places};
pub(crate) use google::{Account as GoogleAccount, find as find_google};
pub use keys::KeySource;
pub(crate) use keys::Keys;
pub(crate) use oauth::ClientCredentials;
pub use secret::Secret;
pub(crate) use source::{Granted, Io, TokenCache, TokenSource};
