//! The JSON of chat completions answers, as vendors really send it: borrowed from the bytes, and forgiving about types.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Value, value::RawValue};

use crate::types::SearchSize;

/// A whole answer or one chunk of it; they differ only in `message` and `delta`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) model: Option<Text<'a>>,
    pub(super) created: Count,
    #[serde(borrow)]
    pub(super) choices: Option<Vec<Choice<'a>>>,
    /// Boxed, as are all that most chunks lack: the answer is moved about, and small is fast.
    pub(super) usage: Option<Box<Usage>>,
    #[serde(borrow)]
    pub(super) service_tier: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) system_fingerprint: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    /// `error` where the object is itself the error.
    #[serde(borrow)]
    pub(super) object: Option<Text<'a>>,
    pub(super) x_groq: Option<Box<XGroq>>,
    /// How it went (MiniMax).
    #[serde(borrow)]
    pub(super) base_resp: Option<&'a RawValue>,
    /// URLs of sources (Perplexity, xAI).
    #[serde(borrow)]
    pub(super) citations: Option<&'a RawValue>,
    /// Their titles (Perplexity).
    #[serde(borrow)]
    pub(super) search_results: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice<'a> {
    pub(super) index: Count,
    #[serde(borrow)]
    pub(super) delta: Option<Piece<'a>>,
    #[serde(borrow)]
    pub(super) message: Option<Box<Piece<'a>>>,
    #[serde(borrow)]
    pub(super) finish_reason: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) native_finish_reason: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) logprobs: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    /// Moonshot.
    pub(super) usage: Option<Box<Usage>>,
}

/// A message, or what one gained.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Piece<'a> {
    #[serde(borrow)]
    pub(super) content: Option<Content<'a>>,
    #[serde(borrow)]
    pub(super) refusal: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) reasoning: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) reasoning_content: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) thinking: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) reasoning_details: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<List<ToolCall<'a>>>,
    /// The one call of the days before `tool_calls`.
    #[serde(borrow)]
    pub(super) function_call: Option<Function<'a>>,
    /// Tools that the host ran (Groq).
    #[serde(borrow)]
    pub(super) executed_tools: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) annotations: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) images: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) audio: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ToolCall<'a> {
    pub(super) index: Count,
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) function: Option<Function<'a>>,
    /// A tool whose input is free text.
    #[serde(borrow)]
    pub(super) custom: Option<Function<'a>>,
    pub(super) extra_content: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Function<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) arguments: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) input: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct XGroq {
    pub(super) usage: Option<Usage>,
}

/// Usage, in the words of everyone.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    pub(super) prompt_tokens: Count,
    pub(super) completion_tokens: Count,
    pub(super) total_tokens: Count,
    pub(super) prompt_tokens_details: Option<Details>,
    pub(super) completion_tokens_details: Option<Details>,
    /// Writer.
    pub(super) prompt_token_details: Option<Details>,
    /// Writer.
    pub(super) completion_token_details: Option<Details>,
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
    /// xAI.
    pub(super) num_sources_used: Count,
    /// Perplexity.
    pub(super) num_search_queries: Count,
    /// Perplexity.
    pub(super) search_context_size: SearchContext,
    pub(super) server_tool_use_details: Option<ServerToolUse>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Details {
    pub(super) cached_tokens: Count,
    pub(super) cache_write_tokens: Count,
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

/// A string borrowed where it has no escapes; any other JSON value counts as its own text.
#[derive(Debug)]
pub(in crate::protocols) struct Text<'a>(pub(in crate::protocols) Cow<'a, str>);

impl Text<'_> {
    /// The text of an optional field, unless it is empty.
    pub(in crate::protocols) fn given<'t>(text: Option<&'t Text<'_>>) -> Option<&'t str> {
        text.map(|text| &*text.0).filter(|text| !text.is_empty())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor<'a>(PhantomData<&'a str>);
        impl<'de: 'a, 'a> Visitor<'de> for TextVisitor<'a> {
            type Value = Text<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Owned(value.to_string())))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Owned(value.to_string())))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Owned(value.to_string())))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Owned(value.to_string())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Text<'a>, A::Error> {
                let mut items = Vec::<Value>::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Text(Cow::Owned(Value::Array(items).to_string())))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Text<'a>, A::Error> {
                Value::deserialize(MapAccessDeserializer::new(map)).map(|value| Text(Cow::Owned(value.to_string())))
            }
        }
        deserializer.deserialize_any(TextVisitor(PhantomData))
    }
}

/// A count of tokens or seconds: a whole number, also where it is written as a float or a string.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::protocols) struct Count(pub(in crate::protocols) Option<u64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Some counts are negative, for a bug of their vendor's; a cast makes them 0.
        number(deserializer).map(|number| Self(number.map(|number| number as u64)))
    }
}

/// A sum of money: a number, or an object with its total.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::protocols) struct Cost(pub(in crate::protocols) Option<f64>);

impl<'de> Deserialize<'de> for Cost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number(deserializer).map(Self)
    }
}

/// How much a search read; anything but a size is none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SearchContext(pub(super) Option<SearchSize>);

impl<'de> Deserialize<'de> for SearchContext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<Text<'_>>::deserialize(deserializer).map(|text| Self(text.and_then(|text| SearchSize::from_name(&text.0))))
    }
}

/// Numbers below 2^53 survive as `f64`; token counts and Unix times are.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    struct NumberVisitor;
    impl<'de> Visitor<'de> for NumberVisitor {
        type Value = Option<f64>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
            Ok(Some(value as f64))
        }
        fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
            Ok(Some(value as f64))
        }
        fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
            Ok(Some(value))
        }
        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(text.parse().ok())
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok(None)
        }
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            let map = Value::deserialize(MapAccessDeserializer::new(map))?;
            Ok(map.get("total_cost").and_then(Value::as_f64))
        }
    }
    deserializer.deserialize_any(NumberVisitor)
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
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Content<'a>, E> {
                Ok(Content::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Content<'a>, E> {
                Ok(Content::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Content<'a>, E> {
                Ok(Content::Text(Cow::Owned(value.to_string())))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Content<'a>, E> {
                Ok(Content::Text(Cow::Owned(value.to_string())))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Content<'a>, E> {
                Ok(Content::Text(Cow::Owned(value.to_string())))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Content<'a>, E> {
                Ok(Content::Text(Cow::Owned(value.to_string())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content<'a>, A::Error> {
                let mut parts = Vec::new();
                while let Some(part) = seq.next_element::<Option<Part<'a>>>()? {
                    parts.extend(part);
                }
                Ok(Content::Parts(parts))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Content<'a>, A::Error> {
                let map = Value::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Content::Text(Cow::Owned(map.to_string())))
            }
        }
        deserializer.deserialize_any(ContentVisitor(PhantomData))
    }
}

/// A list, also where its one item stands by itself.
#[derive(Debug)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
            type Value = List<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_str<E>(self, _: &str) -> Result<List<T>, E> {
                Ok(List(Vec::new()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element::<Option<T>>()? {
                    items.extend(item);
                }
                Ok(List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<List<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|item| List(vec![item]))
            }
        }
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

/// A part of a message.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Part<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) text: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) refusal: Option<Text<'a>>,
    /// Mistral: a list of text parts.
    #[serde(borrow)]
    pub(super) thinking: Option<Content<'a>>,
    /// Databricks: a list of summary parts.
    #[serde(borrow)]
    pub(super) summary: Option<Content<'a>>,
    #[serde(borrow)]
    pub(super) signature: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) image_url: Option<&'a RawValue>,
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
    // Checked once here, the text need not be checked string by string.
    let text = std::str::from_utf8(json).map_err(serde_json::Error::custom)?;
    match json.first() {
        Some(b'{') => serde_json::from_str(text),
        _ => Err(serde_json::Error::custom("expected a JSON object")),
    }
}
