//! Cohere's answer as it is on the wire, whole and in events.

use serde::Deserialize;
use serde_json::Value;

use crate::protocols::loose::{Count, Object, Objects, Parts, Text};

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Answer<'a> {
    pub(super) id: Option<Text<'a>>,
    pub(super) message: Object<Message<'a>>,
    pub(super) finish_reason: Option<Text<'a>>,
    pub(super) usage: Object<Usage>,
}

/// A whole message; or a piece of one, where each list is the one thing that it gains.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Message<'a> {
    pub(super) tool_plan: Option<Text<'a>>,
    pub(super) content: Parts<Content<'a>>,
    pub(super) tool_calls: Objects<ToolCall<'a>>,
    pub(super) citations: Objects<Citation>,
}

/// A `text` or `thinking` block, or a piece of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Content<'a> {
    pub(super) text: Option<Text<'a>>,
    pub(super) thinking: Option<Text<'a>>,
}

impl From<String> for Content<'_> {
    fn from(text: String) -> Self {
        Self { text: Some(text.into()), thinking: None }
    }
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
    pub(super) arguments: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Citation {
    pub(super) start: Count,
    pub(super) end: Count,
    pub(super) sources: Objects<Source>,
}

/// A document or the output of a tool, with whatever fields the caller gave it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Source {
    pub(super) document: Option<Value>,
    pub(super) tool_output: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    pub(super) tokens: Object<Tokens>,
    pub(super) billed_units: Object<Tokens>,
    pub(super) cached_tokens: Count,
}

/// Counts; Cohere's schema calls them numbers, not integers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tokens {
    pub(super) input_tokens: Count,
    pub(super) output_tokens: Count,
    pub(super) image_tokens: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Event<'a> {
    #[serde(rename = "type")]
    pub(super) event_type: Option<Text<'a>>,
    pub(super) id: Option<Text<'a>>,
    pub(super) index: Count,
    pub(super) delta: Object<Delta<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Delta<'a> {
    pub(super) message: Object<Message<'a>>,
    pub(super) finish_reason: Option<Text<'a>>,
    pub(super) usage: Object<Usage>,
    pub(super) error: Option<Text<'a>>,
    pub(super) error_type: Option<Text<'a>>,
}
