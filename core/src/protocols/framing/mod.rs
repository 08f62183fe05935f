//! Bytes to events, at any split: server-sent events, AWS event streams, JSON lines.
//!
//! Belongs here: where one event ends and the next begins. Does not belong here: what an event means. PURE, fuzzed.

mod aws;
mod events;
mod json_lines;
mod sse;

#[cfg(test)]
pub(crate) use aws::frame as aws_frame;
pub use aws::{Aws, Frame};
pub use events::Events;
pub use json_lines::{JsonArray, JsonLines};
pub use sse::Sse;
