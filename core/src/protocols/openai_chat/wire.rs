//! The JSON of chat completions answers.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        Error as _, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::{Value, value::RawValue};

use crate::{
    protocols::loose::{self, Cost, Count, Object, Objects, Parts, Text, written},
    types::SearchSize,
};

/// A whole answer or one chunk of it; they differ only in `message` and `delta`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Answer<'a> {
    pub(super) id: Option<Text<'a>>,
    pub(super) model: Option<Text<'a>>,
    pub(super) created: Count,
    pub(super) choices: Option<Objects<Choice<'a>>>,
    /// Boxed, as are all that most chunks lack: the answer is moved about, and small is fast.
    pub(super) usage: Object<Box<Usage>>,
    pub(super) service_tier: Option<Text<'a>>,
    pub(super) system_fingerprint: Option<Text<'a>>,
    pub(super) error: Option<&'a RawValue>,
    /// `error` where the object is itself the error.
    pub(super) object: Option<Text<'a>>,
    pub(super) x_groq: Object<Box<XGroq<'a>>>,
    /// How it went (MiniMax).
    pub(super) base_resp: Option<&'a RawValue>,
    /// URLs of sources (Perplexity, xAI).
    pub(super) citations: Option<&'a RawValue>,
    /// Their titles (Perplexity).
    pub(super) search_results: Option<&'a RawValue>,
    /// The same (Z.ai).
    pub(super) web_search: Option<&'a RawValue>,
    pub(super) venice_parameters: Object<VeniceParameters<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Choice<'a> {
    pub(super) index: Count,
    pub(super) delta: Object<Piece<'a>>,
    pub(super) message: Object<Box<Piece<'a>>>,
    pub(super) finish_reason: Option<Text<'a>>,
    pub(super) native_finish_reason: Option<Text<'a>>,
    pub(super) logprobs: Option<&'a RawValue>,
    pub(super) error: Option<&'a RawValue>,
    /// Moonshot.
    pub(super) usage: Object<Box<Usage>>,
}

/// A message, or what one gained.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Piece<'a> {
    pub(super) content: Option<Content<'a>>,
    pub(super) refusal: Option<Text<'a>>,
    pub(super) reasoning: Option<Text<'a>>,
    pub(super) reasoning_content: Option<Text<'a>>,
    /// Copilot calls it text. An alias costs less than a field, in every chunk.
    #[serde(alias = "reasoning_text")]
    pub(super) thinking: Option<Text<'a>>,
    pub(super) reasoning_details: Option<&'a RawValue>,
    pub(super) tool_calls: Objects<ToolCall<'a>>,
    /// The one call of the days before `tool_calls`.
    pub(super) function_call: Object<Box<Function<'a>>>,
    /// A list of tools that the host ran (Groq), or an object with what it found in the caller's own data (Azure).
    #[serde(alias = "context")]
    pub(super) executed_tools: Option<&'a RawValue>,
    pub(super) annotations: Option<&'a RawValue>,
    pub(super) images: Option<&'a RawValue>,
    pub(super) audio: Option<&'a RawValue>,
}

impl Piece<'_> {
    /// Whether it is there for its form alone.
    pub(super) fn says_nothing(&self) -> bool {
        let texts = [&self.refusal, &self.reasoning, &self.reasoning_content, &self.thinking];
        self.content.as_ref().is_none_or(|content| matches!(content, Content::Text(text) if text.is_empty()))
            && self.tool_calls.0.is_empty()
            && self.function_call.0.is_none()
            && texts.iter().all(|text| Text::of(text).is_none())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct ToolCall<'a> {
    pub(super) index: Count,
    pub(super) id: Option<Text<'a>>,
    pub(super) function: Object<Function<'a>>,
    /// A tool whose input is free text.
    pub(super) custom: Object<Function<'a>>,
    /// Without the object that holds them.
    pub(super) name: Option<Text<'a>>,
    pub(super) arguments: Option<Text<'a>>,
    pub(super) extra_content: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Function<'a> {
    pub(super) name: Option<Text<'a>>,
    pub(super) arguments: Option<Text<'a>>,
    pub(super) input: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct XGroq<'a> {
    pub(super) usage: Object<Usage>,
    /// Why the stream was stopped.
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct VeniceParameters<'a> {
    pub(super) web_search_citations: Option<&'a RawValue>,
}

/// Usage, in the words of everyone.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::protocols) struct Usage {
    pub(super) prompt_tokens: Count,
    pub(super) completion_tokens: Count,
    pub(super) total_tokens: Count,
    pub(super) prompt_tokens_details: Object<Details>,
    pub(super) completion_tokens_details: Object<Details>,
    /// The same by the names of the Responses API and of Anthropic.
    pub(super) input_tokens: Count,
    pub(super) output_tokens: Count,
    pub(super) input_tokens_details: Object<Details>,
    pub(super) output_tokens_details: Object<Details>,
    /// Writer.
    pub(super) prompt_token_details: Object<Details>,
    /// Writer.
    pub(super) completion_token_details: Object<Details>,
    /// Moonshot, Together.
    pub(super) cached_tokens: Count,
    /// Mistral.
    pub(super) num_cached_tokens: Count,
    /// DeepSeek.
    pub(super) prompt_cache_hit_tokens: Count,
    /// Hosts of Claude.
    pub(super) cache_read_input_tokens: Count,
    /// Hosts of Claude.
    pub(super) cache_creation_input_tokens: Count,
    /// Copilot.
    pub(super) reasoning_tokens: Count,
    /// Routers; an object at Perplexity.
    pub(super) cost: Cost,
    /// xAI, in 10⁻¹⁰ dollars.
    pub(super) cost_in_usd_ticks: Cost,
    /// xAI.
    pub(super) num_sources_used: Count,
    /// Perplexity.
    pub(super) num_search_queries: Count,
    /// Perplexity.
    pub(super) search_context_size: SearchContext,
    pub(super) server_tool_use_details: Object<ServerToolUse>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Details {
    pub(super) cached_tokens: Count,
    pub(super) cache_write_tokens: Count,
    /// Alibaba.
    pub(super) cache_creation_input_tokens: Count,
    pub(super) audio_tokens: Count,
    pub(super) image_tokens: Count,
    pub(super) reasoning_tokens: Count,
    pub(super) accepted_prediction_tokens: Count,
    pub(super) rejected_prediction_tokens: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ServerToolUse {
    pub(super) web_search_requests: Count,
}

/// How much a search read; anything but a size is none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SearchContext(pub(super) Option<SearchSize>);

impl<'de> Deserialize<'de> for SearchContext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(|text| Self(SearchSize::from_name(&text.0)))
    }
}

/// What a message says: text, parts, or a JSON object that one host puts there when JSON was asked for.
#[derive(Debug)]
pub(super) enum Content<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<Part<'a>>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor<'a>(PhantomData<&'a str>);
        impl<'de: 'a, 'a> Visitor<'de> for ContentVisitor<'a> {
            type Value = Content<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a list of parts")
            }
            written!(Content::Text);
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Content<'a>, A::Error> {
                Parts::deserialize(SeqAccessDeserializer::new(seq)).map(|parts| Content::Parts(parts.0))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Content<'a>, A::Error> {
                let map = Value::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Content::Text(Cow::Owned(map.to_string())))
            }
        }
        deserializer.deserialize_any(ContentVisitor(PhantomData))
    }
}

/// A part of a message.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Part<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    pub(super) text: Option<Text<'a>>,
    pub(super) refusal: Option<Text<'a>>,
    /// Mistral: a list of text parts.
    pub(super) thinking: Option<Content<'a>>,
    /// Databricks: a list of summary parts.
    pub(super) summary: Option<Content<'a>>,
    pub(super) signature: Option<Text<'a>>,
    pub(super) image_url: Option<&'a RawValue>,
}

impl From<String> for Part<'_> {
    fn from(text: String) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }
}

impl Content<'_> {
    /// All its text.
    pub(super) fn joined(&self) -> String {
        match self {
            Self::Text(text) => text.to_string(),
            Self::Parts(parts) => parts.iter().filter_map(|part| Text::given(part.text.as_ref())).collect(),
        }
    }
}

/// Borrows the JSON text of one event.
pub(super) fn parse(json: &[u8]) -> Result<Answer<'_>, serde_json::Error> {
    match json.first() {
        Some(b'{') => loose::read(json),
        _ => Err(serde_json::Error::custom("expected a JSON object")),
    }
}
