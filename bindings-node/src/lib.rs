//! junto for Node: the native half.
//!
//! Belongs here: JSON text in and out of the core, handles, cancellation. Does not belong here: decisions (`junto`), and
//! what a Node program sees (`lib/*.ts`).
//!
//! Every call settles with the core's own JSON: the answer, or `{"error": {..}}`. The TypeScript layer throws.

pub mod client;
pub mod port;
mod script;
pub mod stream;

use junto::{Error, ErrorKind, ModelSlug};
use napi_derive::napi;

/// The version of the core.
#[napi]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Every kind of error as JSON: `[{name, status, code, type}]`.
#[napi]
pub fn error_kinds() -> String {
    let row = |kind: &ErrorKind| serde_json::json!({ "name": kind.name(), "status": kind.status(), "code": kind.code(), "type": kind.error_type() });
    ErrorKind::ALL.iter().map(row).collect::<serde_json::Value>().to_string()
}

/// The parts of a model slug as JSON, or the error that says what is wrong with it.
#[napi]
pub fn parse_slug(slug: String) -> String {
    match slug.parse::<ModelSlug>() {
        Ok(slug) => slug.to_json(),
        Err(error) => failure(&error),
    }
}

/// The body that Node sees instead of an answer.
fn failure(error: &Error) -> String {
    error.to_json().to_string()
}
