//! Cohere's answer as it is on the wire, whole and in events.

use serde::Deserialize;
use serde_json::Value;

use crate::protocols::Text;

#[derive(Debug, Deserialize)]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) message: Option<Message<'a>>,
    #[serde(borrow)]
    pub(super) finish_reason: Option<Text<'a>>,
    pub(super) usage: Option<Usage>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) tool_plan: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) content: Option<Vec<Content<'a>>>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<Vec<ToolCall<'a>>>,
    pub(super) citations: Option<Vec<Citation>>,
}

/// A `text` or `thinking` block, or a piece of one.
#[derive(Debug, Deserialize)]
pub(super) struct Content<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) thinking: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ToolCall<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) function: Option<Function<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Function<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) arguments: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Citation {
    pub(super) start: Option<u64>,
    pub(super) end: Option<u64>,
    pub(super) sources: Option<Vec<Source>>,
}

/// A document or the output of a tool, with whatever fields the caller gave it.
#[derive(Debug, Deserialize)]
pub(super) struct Source {
    pub(super) document: Option<Value>,
    pub(super) tool_output: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Usage {
    pub(super) tokens: Option<Tokens>,
    pub(super) billed_units: Option<Tokens>,
    pub(super) cached_tokens: Option<f64>,
}

/// Counts; Cohere's schema calls them numbers, not integers.
#[derive(Debug, Deserialize)]
pub(super) struct Tokens {
    pub(super) input_tokens: Option<f64>,
    pub(super) output_tokens: Option<f64>,
    pub(super) image_tokens: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Event<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) event_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    pub(super) index: Option<u64>,
    #[serde(borrow)]
    pub(super) delta: Option<Delta<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    pub(super) message: Option<DeltaMessage<'a>>,
    #[serde(borrow)]
    pub(super) finish_reason: Option<Text<'a>>,
    pub(super) usage: Option<Usage>,
    #[serde(borrow)]
    pub(super) error: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) error_type: Option<Text<'a>>,
}

/// Like [`Message`], but each event holds one piece of one thing.
#[derive(Debug, Deserialize)]
pub(super) struct DeltaMessage<'a> {
    #[serde(borrow)]
    pub(super) tool_plan: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) content: Option<OneOrNone<Content<'a>>>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<OneOrNone<ToolCall<'a>>>,
    pub(super) citations: Option<OneOrNone<Citation>>,
}

/// One thing; `message-start` has empty lists in the same places.
#[derive(Debug)]
pub(super) struct OneOrNone<T>(pub(super) Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrNone<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Visitor<T> {
            type Value = OneOrNone<T>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object or a list")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(|one| OneOrNone(Some(one)))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut first = None;
                while let Some(item) = seq.next_element()? {
                    first.get_or_insert(item);
                }
                Ok(OneOrNone(first))
            }
            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(OneOrNone(None))
            }
        }
        deserializer.deserialize_any(Visitor(std::marker::PhantomData))
    }
}
