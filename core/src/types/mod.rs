//! The OpenAI-shaped world: requests, messages, tools, responses, chunks, usage.
//!
//! Belongs here: what is true of every vendor and a user can see. Does not belong here: a vendor's field names
//! (`protocols/<vendor>/wire.rs`), decisions (`plan`, `route`), IO. PURE.

mod attempt;
mod chunk;
mod embedding;
mod message;
mod model;
pub(crate) mod open;
mod request;
mod response;
mod tool;
mod usage;

pub use attempt::{Attempt, AttemptError, BudgetState, PassedOver, Routing, Spend, Summary};
pub(crate) use chunk::fold_details;
pub use chunk::{ChatChunk, ChunkChoice, Delta, Fold, FunctionDelta, ToolCallDelta};
pub(crate) use embedding::floats_of_base64;
pub use embedding::{Embedding, EmbeddingInput, EmbeddingInputs, EmbeddingRequest, EmbeddingResponse, EncodingFormat, Vector};
pub use message::{Content, FileRef, ImageUrl, InputAudio, Message, Part, ReasoningDetail, Role, TextPart};
pub use model::{Architecture, EndpointInfo, ModelEndpoints, ModelInfo, ModelList, ModelQuery, PriceList, PriceOverride, TopProvider};
pub use request::{ChatRequest, Effort, JsonSchema, Plugin, Reasoning, ResponseFormat, Stop, StreamOptions};
pub use response::{Annotation, AssistantMessage, AudioOutput, ChatResponse, Choice, FinishReason, ImageOutput, UrlCitation};
pub use tool::{Function, FunctionCall, Tool, ToolCall, ToolChoice};
pub use usage::{CompletionDetails, CostDetails, PromptDetails, SearchSize, ServerToolUse, Usage};
