//! The answer, whole.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Content, Message, ReasoningDetail, Role, Routing, ToolCall, Usage};
use crate::error::ErrorBody;

/// A whole answer in OpenAI's shape.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ChatResponse {
    /// The vendor's id, or one of junto's own where it gave none.
    pub id: String,
    /// Always `chat.completion`.
    #[serde(default = "object")]
    pub object: Cow<'static, str>,
    /// Unix time in seconds.
    pub created: u64,
    /// The model that served, as the vendor reports it.
    pub model: String,
    /// The provider that served, for instance `amazon-bedrock`.
    #[serde(default)]
    pub provider: String,
    /// The answers; one unless `n` asked for more.
    pub choices: Vec<Choice>,
    /// Tokens and cost.
    #[serde(default, skip_serializing_if = "Usage::is_empty")]
    pub usage: Usage,
    /// The tier that served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// The vendor's configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_fingerprint: Option<String>,
    /// How the answer came to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing: Option<Routing>,
}

fn object() -> Cow<'static, str> {
    "chat.completion".into()
}

impl ChatResponse {
    /// The text of the first choice; empty where there is none.
    pub fn text(&self) -> &str {
        self.choices.first().and_then(|choice| choice.message.content.as_deref()).unwrap_or_default()
    }

    /// The answer as OpenAI JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// One answer.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Choice {
    /// Which of `n` it is.
    pub index: u32,
    /// What was said.
    pub message: AssistantMessage,
    /// Why it ended.
    pub finish_reason: Option<FinishReason>,
    /// Why it ended, in the vendor's own word.
    #[serde(default)]
    pub native_finish_reason: Option<String>,
    /// Log probabilities, as the vendor sent them.
    #[serde(default)]
    pub logprobs: Option<Value>,
    /// What went wrong after the answer began; only with `finish_reason: "error"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
}

/// What the model said.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct AssistantMessage {
    /// Always `assistant`.
    #[serde(default)]
    pub role: Role,
    /// Text; `null` where there is none.
    pub content: Option<String>,
    /// Refusal text.
    pub refusal: Option<String>,
    /// Reasoning as plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// Reasoning as blocks, to be sent back unmodified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasoning_details: Vec<ReasoningDetail>,
    /// Calls for the caller to run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Citations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<Annotation>,
    /// Images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImageOutput>,
    /// Audio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<Box<AudioOutput>>,
}

impl From<AssistantMessage> for Message {
    /// The message as the next request carries it.
    fn from(answer: AssistantMessage) -> Self {
        Self {
            role: Role::Assistant,
            content: answer.content.map(Content::Text),
            refusal: answer.refusal,
            reasoning: answer.reasoning,
            reasoning_details: (!answer.reasoning_details.is_empty()).then_some(answer.reasoning_details),
            tool_calls: answer.tool_calls,
            ..Self::default()
        }
    }
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// A safety filter stopped it.
    ContentFilter,
    /// It failed after it began.
    Error,
    /// It reached the token limit.
    Length,
    /// It is complete.
    Stop,
    /// It waits for tool results.
    ToolCalls,
}

/// A source that the answer cites: `{"type": "url_citation", "url_citation": {..}}`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Annotation {
    /// A web page.
    UrlCitation {
        /// The page.
        url_citation: UrlCitation,
    },
}

/// A web page and the part of the answer that rests on it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct UrlCitation {
    /// The page.
    pub url: String,
    /// Its title; empty where the vendor gave none.
    #[serde(default)]
    pub title: String,
    /// The cited words of the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Where the cited part of the answer begins, in characters.
    #[serde(default)]
    pub start_index: u64,
    /// Where it ends, in characters.
    #[serde(default)]
    pub end_index: u64,
}

impl Annotation {
    /// A citation of a page by an unknown part of the answer.
    pub fn url(url: impl Into<String>, title: impl Into<String>) -> Self {
        Self::UrlCitation { url_citation: UrlCitation { url: url.into(), title: title.into(), ..UrlCitation::default() } }
    }
}

/// An image in the answer: `{"type": "image_url", "image_url": {"url": "data:.."}}`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ImageOutput {
    /// An image by `data:` URL.
    ImageUrl {
        /// The image.
        image_url: super::ImageUrl,
    },
}

/// Audio in the answer.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct AudioOutput {
    /// The vendor's id of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// What is spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<String>,
    /// Unix time at which the id stops to work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
}
