//! Bytes to events, at any split: server-sent events, AWS event streams, JSON lines.
//!
//! Belongs here: where one event ends and the next begins. Does not belong here: what an event means. PURE, fuzzed.

mod json_lines;
mod sse;

pub use json_lines::{JsonArray, JsonLines};
pub use sse::Sse;
