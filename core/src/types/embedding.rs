//! Embeddings: texts in, vectors out, in OpenAI's shape.

use std::{borrow::Cow, fmt};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{SeqAccess, Visitor},
};

use super::{Routing, Usage, open::open_struct};
use crate::{
    error::{Error, ErrorKind, Result},
    preferences::Preferences,
};

open_struct! {
    /// A request for embeddings. Unknown fields travel on to OpenAI-compatible endpoints.
    pub struct EmbeddingRequest {
        /// The slug, for instance `openai/text-embedding-3-small`.
        pub model: String = "model",
        /// What to embed: a string, strings, tokens, or lists of tokens.
        pub input: EmbeddingInputs = "input",
        /// How many numbers a vector has, where the model can choose.
        pub dimensions: Option<u64> = "dimensions",
        /// How vectors are written; as numbers unless said otherwise.
        pub encoding_format: Option<EncodingFormat> = "encoding_format",
        /// What the texts are: `query`, `document`, `classification`, `clustering`, or a vendor's own word. A vendor that
        /// needs it takes `document` where nothing is said.
        pub input_type: Option<String> = "input_type",
        /// Which endpoints may serve, in which order.
        pub provider: Option<Preferences> = "provider",
        /// A stable id of the end user.
        pub user: Option<String> = "user",
    }
}

impl EmbeddingRequest {
    /// A request for the vectors of these texts.
    pub fn new<T: Into<String>>(model: impl Into<String>, texts: impl IntoIterator<Item = T>) -> Self {
        let input = EmbeddingInputs(texts.into_iter().map(|text| EmbeddingInput::Text(text.into())).collect());
        Self { model: model.into(), input, ..Self::default() }
    }

    /// Parses OpenAI JSON. An error names the path of the bad field.
    pub fn from_json(json: &str) -> Result<Self> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let path = error.path().to_string();
            match path.as_str() {
                "." => Error::new(ErrorKind::BadRequest, format!("the request is not valid JSON: {}", error.inner())),
                _ => Error::bad_request(path.clone(), format!("{path}: {}", error.inner())),
            }
        })
    }

    /// The request as OpenAI JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// One thing to embed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum EmbeddingInput {
    /// Text.
    Text(String),
    /// Tokens of the model's own vocabulary.
    Tokens(Vec<u32>),
}

/// What to embed. A single string or a single list of tokens counts as a list of one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct EmbeddingInputs(pub Vec<EmbeddingInput>);

impl super::open::Absent for EmbeddingInputs {
    fn is_absent(&self) -> bool {
        false
    }
}

/// An element of the list: a text, a token, or a list of tokens.
enum Element {
    Text(String),
    Token(u32),
    Tokens(Vec<u32>),
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Element;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, a token or a list of tokens")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Element, E> {
                Ok(Element::Text(text.to_owned()))
            }
            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Element, E> {
                Ok(Element::Text(text))
            }
            fn visit_u64<E: serde::de::Error>(self, token: u64) -> Result<Element, E> {
                u32::try_from(token).map(Element::Token).map_err(|_| E::custom("a token is a number below 2^32"))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Element, A::Error> {
                let mut tokens = Vec::with_capacity(list.size_hint().unwrap_or(0).min(8192));
                while let Some(token) = list.next_element()? {
                    tokens.push(token);
                }
                Ok(Element::Tokens(tokens))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl<'de> Deserialize<'de> for EmbeddingInputs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = EmbeddingInputs;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, a list of strings, a list of tokens or a list of such lists")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<EmbeddingInputs, E> {
                Ok(EmbeddingInputs(vec![EmbeddingInput::Text(text.to_owned())]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<EmbeddingInputs, A::Error> {
                let (mut inputs, mut tokens) = (Vec::new(), Vec::new());
                while let Some(element) = list.next_element()? {
                    match element {
                        Element::Text(text) => inputs.push(EmbeddingInput::Text(text)),
                        Element::Tokens(list) => inputs.push(EmbeddingInput::Tokens(list)),
                        Element::Token(token) => tokens.push(token),
                    }
                }
                match (inputs.is_empty(), tokens.is_empty()) {
                    (_, true) => Ok(EmbeddingInputs(inputs)),
                    (true, false) => Ok(EmbeddingInputs(vec![EmbeddingInput::Tokens(tokens)])),
                    (false, false) => Err(serde::de::Error::custom("tokens stand in lists of their own beside other inputs")),
                }
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// How vectors are written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EncodingFormat {
    /// The bytes of 32-bit floats, lowest byte first, in base64.
    Base64,
    /// A list of numbers.
    #[default]
    Float,
}

/// The vectors of a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EmbeddingResponse {
    /// The vendor's id, or one of junto's own where it gave none.
    pub id: String,
    /// Always `list`.
    pub object: Cow<'static, str>,
    /// The vectors, in the order of the inputs.
    pub data: Vec<Embedding>,
    /// The model that served, as the vendor reports it.
    pub model: String,
    /// The provider that served.
    pub provider: String,
    /// Tokens and cost.
    pub usage: Usage,
    /// How the answer came to be.
    pub routing: Option<Routing>,
}

/// The vector of one input.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Embedding {
    /// Always `embedding`.
    pub object: Cow<'static, str>,
    /// Which of the inputs it belongs to.
    pub index: usize,
    /// The vector.
    pub embedding: Vector,
}

/// A vector as the caller asked for it.
#[derive(Clone, Debug, PartialEq)]
pub enum Vector {
    /// The bytes of 32-bit floats, lowest byte first, in base64.
    Base64(String),
    /// Numbers.
    Floats(Vec<f32>),
}

impl Vector {
    /// The numbers in this form.
    pub fn of(floats: Vec<f32>, format: EncodingFormat) -> Self {
        match format {
            EncodingFormat::Float => Self::Floats(floats),
            EncodingFormat::Base64 => {
                let bytes: Vec<u8> = floats.iter().flat_map(|float| float.to_le_bytes()).collect();
                Self::Base64(BASE64_STANDARD.encode(bytes))
            }
        }
    }

    /// The numbers; empty where the text is none of ours.
    pub fn floats(&self) -> Cow<'_, [f32]> {
        match self {
            Self::Floats(floats) => Cow::Borrowed(floats),
            Self::Base64(text) => Cow::Owned(floats_of_base64(text).unwrap_or_default()),
        }
    }
}

/// The 32-bit floats, lowest byte first, behind base64.
pub(crate) fn floats_of_base64(text: &str) -> Option<Vec<f32>> {
    let bytes = BASE64_STANDARD.decode(text).ok()?;
    let (floats, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| floats.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

impl Serialize for Vector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Base64(text) => serializer.serialize_str(text),
            Self::Floats(floats) => floats.serialize(serializer),
        }
    }
}

impl EmbeddingResponse {
    /// The answer as OpenAI JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(json: &str) -> Vec<EmbeddingInput> {
        EmbeddingRequest::from_json(&format!(r#"{{"model": "a/b", "input": {json}}}"#)).expect(json).input.0
    }

    #[test]
    fn every_form_of_input_reads() {
        let text = |text: &str| EmbeddingInput::Text(text.to_owned());
        assert_eq!(inputs(r#""one""#), [text("one")]);
        assert_eq!(inputs(r#"["one", "two"]"#), [text("one"), text("two")]);
        assert_eq!(inputs("[1, 2]"), [EmbeddingInput::Tokens(vec![1, 2])]);
        assert_eq!(inputs("[[1], [2, 3]]"), [EmbeddingInput::Tokens(vec![1]), EmbeddingInput::Tokens(vec![2, 3])]);
        assert_eq!(inputs(r#"["one", [1]]"#), [text("one"), EmbeddingInput::Tokens(vec![1])]);
    }

    #[test]
    fn what_is_no_input_is_named() {
        for input in [r#"{"text": "x"}"#, "7", r#"["x", 1]"#, "[-1]", "[1.5]", "[[\"x\"]]"] {
            let error = EmbeddingRequest::from_json(&format!(r#"{{"model": "a/b", "input": {input}}}"#)).expect_err(input);
            assert!(error.param().is_some_and(|param| param.starts_with("input")), "{input}: {error}");
        }
    }

    #[test]
    fn base64_and_back_is_the_same() {
        let floats = vec![0.5, -1.25, f32::MIN_POSITIVE, 3.0e38];
        let text = Vector::of(floats.clone(), EncodingFormat::Base64);
        assert_eq!(text, Vector::Base64("AAAAPwAAoL8AAIAA5rFhfw==".to_owned()));
        assert_eq!(*text.floats(), floats);
        assert_eq!(floats_of_base64("AAAA"), None);
        assert_eq!(floats_of_base64("!"), None);
    }
}
