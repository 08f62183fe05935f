//! A model router inside your process: a slug in, any vendor's answer out in OpenAI's shape, streams and fallback
//! included.
//!
//! ```no_run
//! # async fn run() -> junto::Result<()> {
//! use junto::{ChatRequest, Client};
//!
//! let junto = Client::from_env()?; // keys by the vendors' own variable names
//! let answer = junto.chat(ChatRequest::new("anthropic/claude-sonnet-4-5:thinking").user("Hello!")).await?;
//! println!("{}  ({} via {}, ${:?})", answer.text(), answer.model, answer.provider, answer.usage.cost);
//! # Ok(())
//! # }
//! ```
//!
//! # The way of a request
//!
//! A request passes five rooms. Only the last two touch the world; time, chance and the network are handed in, so this
//! walk needs no key and no network. It runs on a [`transport::ScriptedTransport`] and a fixed [`clock::Clock`].
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> junto::Result<()> {
//! use std::sync::Arc;
//! use futures_util::StreamExt;
//! use junto::{ChatRequest, Client, clock::Clock, transport::{Scripted, ScriptedTransport}};
//!
//! let down = r#"{"error": {"message": "no capacity", "type": "server_error"}}"#;
//! let hello = concat!(
//!     r#"data: {"id": "c1", "model": "m-1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}"#, "\n\n",
//!     r#"data: {"id": "c1", "model": "m-1", "choices": [{"index": 0, "delta": {"content": "Hello!"}}]}"#, "\n\n",
//!     r#"data: {"id": "c1", "model": "m-1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}"#, "\n\n",
//!     "data: [DONE]\n\n",
//! );
//! let clock = Clock::fixed(1_769_515_200);
//! let vendors = ScriptedTransport::new()
//!     .clock(clock.clone())
//!     .then(Scripted::response(503, down).to("east.test"))
//!     .then(Scripted::response(200, hello).to("west.test"));
//!
//! let junto = Client::builder()
//!     .env(false)
//!     .config_json(
//!         r#"{"providers": {
//!             "east": {"base_url": "http://east.test/v1", "api_key": "sk-1", "authors": ["acme"]},
//!             "west": {"base_url": "http://west.test/v1", "api_key": "sk-2", "authors": ["acme"]}}}"#,
//!     )
//!     .transport(Arc::new(vendors.clone()))
//!     .clock(clock)
//!     .build()?;
//!
//! // 1. types: the request, as OpenAI writes it. slug: `acme/m-1`, variants split off.
//! let request = ChatRequest::from_json(
//!     r#"{"model": "acme/m-1", "messages": [{"role": "user", "content": "Hi"}], "provider": {"order": ["east", "west"]}}"#,
//! )?;
//!
//! // 2. catalog and plan: who serves the model, who may serve this request, and in which order. `Display` is a table.
//! let plan = junto.explain(&request)?;
//! let order: Vec<&str> = plan.candidates.iter().map(|candidate| &*candidate.endpoint.provider).collect();
//! assert_eq!(order, ["east", "west"]);
//!
//! // 3. route: each candidate in turn, until one serves. 4. protocols: the vendor's own format, out and in.
//! // 5. transport: the bytes. The stream comes back at its first content, so the failure in the east is not seen..
//! let mut stream = junto.stream(request).await?;
//! let mut text = String::new();
//! let mut last = None;
//! while let Some(chunk) = stream.next().await {
//!     let chunk = chunk?;
//!     text.push_str(chunk.text());
//!     last = Some(chunk);
//! }
//! assert_eq!(text, "Hello!");
//!
//! // .. but told: the last chunk says what was tried.
//! let routing = last.and_then(|chunk| chunk.routing).unwrap();
//! let tried: Vec<_> = routing.attempts.iter().map(|attempt| (attempt.provider.as_str(), attempt.status)).collect();
//! assert_eq!(tried, [("east", Some(503)), ("west", Some(200))]);
//! assert_eq!(vendors.requests()[0].headers["authorization"], "***");
//! # Ok(())
//! # }
//! ```
//!
//! Each room's own page says what belongs there and what does not. Whatever goes wrong is one [`Error`]: a kind, an HTTP
//! status, a sentence, and every attempt.

pub mod auth;
pub mod catalog;
mod client;
pub mod clock;
mod date;
mod error;
pub mod plan;
pub mod preferences;
pub mod protocols;
pub mod providers;
mod response_stream;
mod responses;
mod route;
pub mod search;
pub mod slug;
mod stream;
pub mod transport;
pub mod types;

pub use client::{Budget, CallOptions, Client, ClientBuilder, Period, ProviderConfig};
pub use error::{Error, ErrorBody, ErrorKind, Result};
pub use preferences::Preferences;
pub use response_stream::ResponseStream;
pub use responses::ResponseEvent;
pub use slug::ModelSlug;
pub use stream::ChatStream;
pub use types::{ChatChunk, ChatRequest, ChatResponse, Message, Usage};
