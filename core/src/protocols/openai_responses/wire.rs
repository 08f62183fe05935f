//! The JSON of the Responses API: its answer, its items, its events, borrowed from the bytes.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::protocols::{
    loose::{Count, Object, Objects, Parts, Text},
    openai_chat::wire::Usage,
};

/// One event of a stream. Which fields it has follows from its type.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Event<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    pub(super) output_index: Count,
    /// Tells items apart where their index is missing.
    pub(super) item_id: Option<Text<'a>>,
    pub(super) summary_index: Count,
    pub(super) content_index: Count,
    pub(super) delta: Option<Text<'a>>,
    pub(super) logprobs: Option<&'a RawValue>,
    pub(super) item: Object<Item<'a>>,
    pub(super) annotation: Option<&'a RawValue>,
    pub(super) response: Option<&'a RawValue>,
    pub(super) error: Option<&'a RawValue>,
}

/// The answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Answer<'a> {
    pub(super) id: Option<Text<'a>>,
    pub(super) model: Option<Text<'a>>,
    pub(super) created_at: Count,
    pub(super) status: Option<Text<'a>>,
    pub(super) incomplete_details: Object<Incomplete<'a>>,
    pub(super) error: Option<&'a RawValue>,
    pub(super) output: Option<Objects<Item<'a>>>,
    pub(super) service_tier: Option<Text<'a>>,
    pub(super) usage: Object<Usage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Incomplete<'a> {
    pub(super) reason: Option<Text<'a>>,
}

/// One item of the output.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Item<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    pub(super) id: Option<Text<'a>>,
    pub(super) content: Parts<Part<'a>>,
    pub(super) summary: Parts<Part<'a>>,
    pub(super) encrypted_content: Option<Text<'a>>,
    pub(super) call_id: Option<Text<'a>>,
    pub(super) name: Option<Text<'a>>,
    pub(super) arguments: Option<Text<'a>>,
    /// What a custom tool is called with.
    pub(super) input: Option<Text<'a>>,
    /// What a search does: only a search itself is charged for, not to open a page.
    pub(super) action: Object<Action<'a>>,
    /// A made image, in base64.
    pub(super) result: Option<Text<'a>>,
    pub(super) output_format: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Action<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Part<'a> {
    pub(super) text: Option<Text<'a>>,
    pub(super) refusal: Option<Text<'a>>,
    pub(super) annotations: Option<&'a RawValue>,
    pub(super) logprobs: Option<&'a RawValue>,
}

impl From<String> for Part<'_> {
    fn from(text: String) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }
}
