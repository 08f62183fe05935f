//! Ollama's answer as it is on the wire. A stream is a row of them.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::protocols::loose::{Count, Flag, Object, Objects, Text};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    pub(super) model: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) message: Object<Message<'a>>,
    pub(super) logprobs: Option<Value>,
    pub(super) done: Flag,
    #[serde(borrow)]
    pub(super) done_reason: Option<Text<'a>>,
    pub(super) prompt_eval_count: Count,
    pub(super) eval_count: Count,
    pub(super) error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) content: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) thinking: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) tool_calls: Objects<ToolCall<'a>>,
    /// In base64.
    pub(super) images: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ToolCall<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) function: Object<Function<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Function<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    /// An object; some builds send it as text.
    #[serde(borrow)]
    pub(super) arguments: Option<&'a RawValue>,
}
