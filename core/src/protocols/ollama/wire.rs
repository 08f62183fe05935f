//! Ollama's answer as it is on the wire. A stream is a row of them.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::protocols::loose::{Count, Flag, Object, Objects, Text};

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Answer<'a> {
    pub(super) model: Option<Text<'a>>,
    pub(super) message: Object<Message<'a>>,
    pub(super) logprobs: Option<Value>,
    pub(super) done: Flag,
    pub(super) done_reason: Option<Text<'a>>,
    pub(super) prompt_eval_count: Count,
    pub(super) eval_count: Count,
    pub(super) error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Message<'a> {
    pub(super) content: Option<Text<'a>>,
    pub(super) thinking: Option<Text<'a>>,
    pub(super) tool_calls: Objects<ToolCall<'a>>,
    /// In base64.
    pub(super) images: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct ToolCall<'a> {
    pub(super) id: Option<Text<'a>>,
    pub(super) function: Object<Function<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Function<'a> {
    pub(super) name: Option<Text<'a>>,
    /// An object; some builds send it as text.
    pub(super) arguments: Option<&'a RawValue>,
}
