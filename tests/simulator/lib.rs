//! A vendor double: speaks the vendors' wire formats on loopback, and misbehaves on request.
//!
//! Every provider gets a URL prefix of its own ([`Simulator::base_url`]); the rest of the path tells the wire format, so
//! `/groq/chat/completions` and `/azure/chat/completions` both speak OpenAI chat and can behave differently:
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use junto_simulator::{Behavior, Simulator};
//!
//! let sim = Simulator::start().await?;
//! sim.behave("azure", Behavior::status(503).retry_after("2"));
//! let base_url = sim.base_url("azure"); // http://127.0.0.1:PORT/azure
//! # Ok(())
//! # }
//! ```
//!
//! A behaviour can also come with the request, as the header `x-sim: status=503,retry-after=2` or after an `@` in the
//! model's name: `gpt-4o@cut=3`. The header wins over the model, the model over the provider.

mod behavior;
mod frame;
mod record;
mod server;
mod wire;

pub use behavior::{Behavior, Content, Fault};
pub use frame::aws_frame;
pub use record::{Close, Request};
pub use server::Simulator;
