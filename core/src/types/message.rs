//! Messages and their parts.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value};

use super::{ToolCall, open::open_struct};

/// Who speaks.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The model.
    #[default]
    Assistant,
    /// The application, in OpenAI's newer word for `system`.
    Developer,
    /// The application.
    System,
    /// The result of a tool call.
    Tool,
    /// The person.
    User,
}

open_struct! {
    /// One message of a conversation.
    pub struct Message requires "role" {
        /// Who speaks.
        pub role: Role = "role",
        /// What is said; absent where the assistant only calls tools.
        pub content: Option<Content> = "content",
        /// The speaker's name.
        pub name: Option<String> = "name",
        /// Calls that the assistant asked for.
        pub tool_calls: Vec<ToolCall> = "tool_calls",
        /// The call that a tool message answers.
        pub tool_call_id: Option<String> = "tool_call_id",
        /// The assistant's refusal.
        pub refusal: Option<String> = "refusal",
        /// The assistant's reasoning as plain text.
        pub reasoning: Option<String> = "reasoning" or "reasoning_content",
        /// The assistant's reasoning as blocks, unmodified; signed blocks go back to their issuer only. An empty list counts.
        pub reasoning_details: Option<Vec<ReasoningDetail>> = "reasoning_details",
        /// The assistant's earlier audio, `{"id": ..}`.
        pub audio: Option<Value> = "audio",
        /// Marks the end of a cacheable prefix; Anthropic's `cache_control`.
        pub cache_control: Option<Value> = "cache_control",
    }
}

impl Message {
    /// A message of this role and text.
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Self { role, content: Some(Content::Text(text.into())), ..Self::default() }
    }

    /// The result of a tool call.
    pub fn tool(tool_call_id: impl Into<String>, text: impl Into<String>) -> Self {
        Self { tool_call_id: Some(tool_call_id.into()), ..Self::new(Role::Tool, text) }
    }

    /// All text of the message, joined.
    pub fn text(&self) -> String {
        match &self.content {
            None => String::new(),
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Parts(parts)) => parts.iter().filter_map(Part::as_text).collect(),
        }
    }

    /// The parts of the content; a plain text is one text part.
    pub fn parts(&self) -> &[Part] {
        match &self.content {
            Some(Content::Parts(parts)) => parts,
            _ => &[],
        }
    }
}

/// What a message says: plain text or a list of parts.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// Text, images, files, audio and video in order.
    Parts(Vec<Part>),
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Content;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string or a list of parts")
            }
            fn visit_str<E>(self, text: &str) -> Result<Content, E> {
                Ok(Content::Text(text.to_owned()))
            }
            fn visit_string<E>(self, text: String) -> Result<Content, E> {
                Ok(Content::Text(text))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Content, A::Error> {
                let mut parts = Vec::new();
                while let Some(part) = seq.next_element()? {
                    parts.push(part);
                }
                Ok(Content::Parts(parts))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Parts(parts) => parts.serialize(serializer),
        }
    }
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A document, inline or by id: `{"type": "file", "file": {..}}`.
    File(FileRef, Option<Value>),
    /// An image, inline or by URL: `{"type": "image_url", "image_url": {..}}`.
    Image(ImageUrl, Option<Value>),
    /// Inline audio: `{"type": "input_audio", "input_audio": {..}}`.
    InputAudio(InputAudio),
    /// A part of another type, as it came; sent on to OpenAI-compatible endpoints.
    Other(Map<String, Value>),
    /// The assistant's refusal.
    Refusal(String),
    /// Text.
    Text(TextPart),
    /// A video, inline or by URL: `{"type": "video_url", "video_url": {"url": ..}}`.
    Video(String),
}

/// A text part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextPart {
    /// The text.
    pub text: String,
    /// Marks the end of a cacheable prefix; Anthropic's `cache_control`.
    pub cache_control: Option<Value>,
}

/// An image by URL or `data:` URL.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ImageUrl {
    /// `https://..` or `data:image/png;base64,..`.
    pub url: String,
    /// `auto`, `low`, `high` or `original`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A document.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct FileRef {
    /// The file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// `data:application/pdf;base64,..` or `https://..`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_data: Option<String>,
    /// The id of a file uploaded to the vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_id: Option<String>,
}

/// Audio in base64.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct InputAudio {
    /// Base64.
    pub data: String,
    /// `wav`, `mp3`, ...
    pub format: String,
}

impl Part {
    /// A text part.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(TextPart { text: text.into(), cache_control: None })
    }

    /// An image part.
    pub fn image(url: impl Into<String>) -> Self {
        Self::Image(ImageUrl { url: url.into(), detail: None }, None)
    }

    /// The text, if this is a text part.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(part) => Some(&part.text),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut map = Map::deserialize(deserializer)?;
        let Some(kind) = map.get("type").and_then(Value::as_str) else {
            return Err(D::Error::custom("a part needs a type, such as \"text\" or \"image_url\""));
        };
        let cache_control = || map.get("cache_control").filter(|value| !value.is_null()).cloned();
        match kind {
            "text" | "input_text" | "output_text" => {
                let cache_control = cache_control();
                match map.remove("text") {
                    Some(Value::String(text)) => Ok(Self::Text(TextPart { text, cache_control })),
                    _ => Err(D::Error::custom("text: a text part needs its text as a string")),
                }
            }
            "image_url" => match map.get("image_url") {
                // A bare string is not OpenAI's form, but several clients send it.
                Some(Value::String(url)) => Ok(Self::Image(ImageUrl { url: url.clone(), detail: None }, cache_control())),
                Some(_) => {
                    let cache_control = cache_control();
                    Ok(Self::Image(field::<_, D::Error>(&mut map, "image_url")?, cache_control))
                }
                None => Err(D::Error::missing_field("image_url")),
            },
            "file" => {
                let cache_control = cache_control();
                Ok(Self::File(field::<_, D::Error>(&mut map, "file")?, cache_control))
            }
            "input_audio" => Ok(Self::InputAudio(field::<_, D::Error>(&mut map, "input_audio")?)),
            "video_url" => match map.get("video_url").map(|video| video.get("url").unwrap_or(video)) {
                Some(Value::String(url)) => Ok(Self::Video(url.clone())),
                _ => Err(D::Error::custom("video_url.url: a video part needs its URL")),
            },
            "refusal" => Ok(Self::Refusal(map.get("refusal").and_then(Value::as_str).unwrap_or_default().to_owned())),
            _ => Ok(Self::Other(map)),
        }
    }
}

fn field<T: serde::de::DeserializeOwned, E: serde::de::Error>(map: &mut Map<String, Value>, name: &'static str) -> Result<T, E> {
    let value = map.remove(name).ok_or_else(|| E::missing_field(name))?;
    serde_json::from_value(value).map_err(|error| E::custom(format!("{name}: {error}")))
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let (kind, cache_control) = match self {
            Self::Other(map) => return map.serialize(serializer),
            Self::Text(part) => ("text", &part.cache_control),
            Self::Image(_, cache_control) => ("image_url", cache_control),
            Self::File(_, cache_control) => ("file", cache_control),
            Self::InputAudio(_) => ("input_audio", &None),
            Self::Video(_) => ("video_url", &None),
            Self::Refusal(_) => ("refusal", &None),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", kind)?;
        match self {
            Self::Text(part) => map.serialize_entry("text", &part.text)?,
            Self::Image(image, _) => map.serialize_entry(kind, image)?,
            Self::File(file, _) => map.serialize_entry(kind, file)?,
            Self::InputAudio(audio) => map.serialize_entry(kind, audio)?,
            Self::Video(url) => map.serialize_entry(kind, &serde_json::json!({ "url": url }))?,
            Self::Refusal(refusal) => map.serialize_entry(kind, refusal)?,
            Self::Other(_) => {}
        }
        if let Some(cache_control) = cache_control {
            map.serialize_entry("cache_control", cache_control)?;
        }
        map.end()
    }
}

open_struct! {
    /// One block of reasoning; kept unmodified so that it can go back to its issuer.
    pub struct ReasoningDetail requires "type" {
        /// `reasoning.text`, `reasoning.summary` or `reasoning.encrypted`.
        pub detail_type: String = "type",
        /// Plain text of a `reasoning.text` block.
        pub text: Option<String> = "text",
        /// Text of a `reasoning.summary` block.
        pub summary: Option<String> = "summary",
        /// Payload of a `reasoning.encrypted` block.
        pub data: Option<String> = "data",
        /// The issuer's signature over the block.
        pub signature: Option<String> = "signature",
        /// The block's id at its issuer.
        pub id: Option<String> = "id",
        /// Who issued it in which form: `anthropic-claude-v1`, `google-gemini-v1`, `openai-responses-v1`, ...
        pub format: Option<String> = "format",
        /// Which block this is; deltas of one block share it.
        pub index: Option<u32> = "index",
        /// The provider that issued a signed block; it goes back there only.
        pub provider: Option<String> = "provider",
    }
}

impl ReasoningDetail {
    /// A plain text block.
    pub fn text(text: impl Into<String>) -> Self {
        Self { detail_type: "reasoning.text".to_owned(), text: Some(text.into()), ..Self::default() }
    }

    /// A summary block.
    pub fn summary(text: impl Into<String>) -> Self {
        Self { detail_type: "reasoning.summary".to_owned(), summary: Some(text.into()), ..Self::default() }
    }

    /// An encrypted block.
    pub fn encrypted(data: impl Into<String>) -> Self {
        Self { detail_type: "reasoning.encrypted".to_owned(), data: Some(data.into()), ..Self::default() }
    }

    /// Whether only the issuer can read or check it.
    pub fn is_signed(&self) -> bool {
        self.signature.is_some() || self.data.is_some()
    }
}
