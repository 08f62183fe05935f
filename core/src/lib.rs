//! A model router inside your process.

pub mod auth;
pub mod catalog;
mod client;
pub mod clock;
mod error;
pub mod plan;
pub mod preferences;
pub mod protocols;
pub mod providers;
mod route;
pub mod slug;
mod stream;
pub mod transport;
pub mod types;

pub use client::{Client, ClientBuilder, ProviderConfig};
pub use error::{Error, ErrorBody, ErrorKind, Result};
pub use preferences::Preferences;
pub use slug::ModelSlug;
pub use stream::ChatStream;
pub use types::{ChatChunk, ChatRequest, ChatResponse, Message, Usage};
