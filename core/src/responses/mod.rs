//! OpenAI's Responses API, as a caller speaks it to junto: its request becomes a chat request, the answer its response
//! object and its events.
//!
//! Belongs here: items, events and their order, what is not there because nothing is stored. Does not belong here: the
//! same API as a vendor speaks it (`protocols::openai_responses`), which other parties change at other times; routing. PURE.

mod input;
mod request;
mod sealed;
mod writer;

pub use writer::ResponseEvent;

pub(crate) use request::Asked;
pub(crate) use writer::Writer;
