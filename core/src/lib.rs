//! A model router inside your process.

pub mod auth;
pub mod catalog;
pub mod clock;
mod error;
pub mod plan;
pub mod preferences;
pub mod protocols;
pub mod providers;
pub mod slug;
pub mod transport;
pub mod types;

pub use error::{Error, ErrorBody, ErrorKind, Result};
pub use preferences::Preferences;
pub use slug::ModelSlug;
pub use types::{ChatChunk, ChatRequest, ChatResponse, Message, Usage};
