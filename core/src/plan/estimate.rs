//! How many tokens a prompt is, about: fast, per tokenizer family, and corrected by what vendors report. PURE.
//!
//! One pass over the text counts what tokenizers tell apart (words, digits, punctuation, scripts); a family's weights make
//! tokens of that. The weights were fitted to prompts whose token counts vendors reported; `tests/token_estimate.rs`
//! measures what they miss.

use std::borrow::Cow;

use serde_json::Value;

use crate::{
    catalog::Tokenizer,
    types::{ChatRequest, Content, EmbeddingInput, EmbeddingRequest, Part, Tool},
};

/// What a prompt consists of, before a family makes tokens of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    /// Text of all messages, in words' worth.
    text: f64,
    /// Names, descriptions and schemas of tools, in words' worth.
    tools: f64,
    messages: u32,
    images: u32,
    /// What is counted in tokens already: files, audio and video.
    media: u64,
    /// Whether there is nothing around the text.
    bare: bool,
}

/// What a family makes of a [`Size`], in tokens.
struct Weights {
    /// Around every prompt.
    prompt: f64,
    /// Around every message.
    message: f64,
    /// A word's worth of text.
    text: f64,
    /// Around all tools.
    tools: f64,
    /// A word's worth of a tool.
    tool_text: f64,
    image: f64,
}

const fn weights(prompt: f64, message: f64, text: f64, tools: f64, tool_text: f64, image: f64) -> Weights {
    Weights { prompt, message, text, tools, tool_text, image }
}

/// In the order of [`Tokenizer::index`].
const WEIGHTS: [Weights; 10] = [
    weights(3.0, 4.5, 0.95, 20.0, 0.41, 765.0),
    weights(3.0, 3.0, 1.35, 360.0, 1.15, 1_500.0),
    weights(3.0, 2.0, 1.0, 210.0, 1.3, 1_000.0),
    weights(0.0, 1.5, 0.96, 15.0, 0.67, 258.0),
    weights(59.0, 8.5, 1.0, 33.0, 0.37, 765.0),
    weights(20.0, 8.0, 0.8, 185.0, 0.87, 1_000.0),
    weights(2.5, 2.3, 1.0, 50.0, 0.97, 1_000.0),
    weights(3.0, 4.0, 1.05, 24.0, 0.33, 765.0),
    weights(3.0, 7.0, 1.0, 52.0, 1.4, 1_000.0),
    weights(3.0, 4.0, 1.1, 100.0, 0.7, 1_000.0),
];

/// Rough sizes in tokens of what nobody can count from outside.
const FILE: u64 = 3_000;
const AUDIO: u64 = 1_000;
const VIDEO: u64 = 5_000;

impl Size {
    pub(super) fn of(request: &ChatRequest) -> Self {
        let mut size = Self { messages: request.messages.len() as u32, ..Self::default() };
        for message in &request.messages {
            match &message.content {
                Some(Content::Text(text)) => size.text += words(text),
                Some(Content::Parts(parts)) => parts.iter().for_each(|part| size.part(part)),
                None => {}
            }
            for call in &message.tool_calls {
                size.text += words(&call.function.name) + words(&call.function.arguments);
            }
        }
        for tool in &request.tools {
            if let Tool::Function { function, .. } = tool {
                size.tools += PUNCTUATION * FRAME + words(&function.name) + function.description.as_deref().map_or(0.0, words);
                size.tools += function.parameters.as_ref().map_or(0.0, json_words);
            }
        }
        size
    }

    /// Texts to be embedded have nothing around them.
    pub(super) fn of_embedding(request: &EmbeddingRequest) -> Self {
        let mut size = Self { bare: true, ..Self::default() };
        for input in &request.input.0 {
            match input {
                EmbeddingInput::Text(text) => size.text += words(text),
                EmbeddingInput::Tokens(tokens) => size.media += tokens.len() as u64,
            }
        }
        size
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::Text(part) => self.text += words(&part.text),
            Part::Refusal(text) => self.text += words(text),
            Part::Image(..) => self.images += 1,
            Part::File(..) => self.media += FILE,
            Part::InputAudio(_) => self.media += AUDIO,
            Part::Video(_) => self.media += VIDEO,
            // An unknown type is the vendor's to refuse.
            Part::Other(_) => {}
        }
    }

    /// Whether everything in the prompt can be counted from outside, so that a vendor's count teaches something.
    pub(super) fn is_countable(&self) -> bool {
        self.images == 0 && self.media == 0
    }

    /// The prompt in a family's tokens, at least 1.
    pub(super) fn tokens(&self, tokenizer: Tokenizer) -> u64 {
        let Some(weights) = WEIGHTS.get(tokenizer.index()) else { return 1 };
        let mut tokens = weights.text * self.text;
        if !self.bare {
            tokens += weights.prompt + weights.message * f64::from(self.messages);
        }
        if self.tools > 0.0 {
            tokens += weights.tools + weights.tool_text * self.tools;
        }
        tokens += weights.image * f64::from(self.images);
        (tokens.round() as u64 + self.media).max(1)
    }
}

/// About how many tokens the prompt of a request is, before any correction by what vendors reported.
pub fn prompt_tokens(request: &ChatRequest, tokenizer: Tokenizer) -> u64 {
    Size::of(request).tokens(tokenizer)
}

/// What one of each is worth, where a word is worth 1.
const LONG: f64 = 0.19;
const DIGITS: f64 = 1.5;
const PUNCTUATION: f64 = 0.7;
const NEWLINE: f64 = 0.58;
const INDENT: f64 = 0.5;
const TWO_BYTES: f64 = 0.45;
const THREE_BYTES: f64 = 0.75;
const FOUR_BYTES: f64 = 1.6;
/// The punctuation of `{"name":"","description":"","parameters":}`.
const FRAME: f64 = 19.0;

/// Of a longer text, samples are counted: an estimate need not read a book.
const COUNTED: usize = 8 << 10;
const SAMPLES: usize = 16;

/// A text in words' worth.
fn words(text: &str) -> f64 {
    let bytes = text.as_bytes();
    if bytes.len() <= COUNTED {
        return count(bytes);
    }
    let (step, length) = (bytes.len() / SAMPLES, COUNTED / SAMPLES);
    let counted: f64 = bytes.chunks(step).take(SAMPLES).map(|chunk| count(&chunk[..length.min(chunk.len())])).sum();
    counted * bytes.len() as f64 / COUNTED as f64
}

/// JSON in words' worth, as if it were written out.
fn json_words(value: &Value) -> f64 {
    match value {
        Value::Null | Value::Bool(_) => 1.0,
        Value::Number(number) => {
            let text: Cow<'_, str> =
                number.as_u64().filter(|number| *number < 10).map_or_else(|| number.to_string().into(), |_| "1".into());
            words(&text)
        }
        Value::String(text) => 2.0 * PUNCTUATION + words(text),
        Value::Array(items) => items.iter().map(|item| PUNCTUATION + json_words(item)).sum::<f64>() + PUNCTUATION,
        // Two quotes, a colon and a comma.
        Value::Object(map) => map.iter().map(|(key, value)| 4.0 * PUNCTUATION + words(key) + json_words(value)).sum::<f64>() + PUNCTUATION,
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Class {
    Continuation,
    Digit,
    Four,
    Lower,
    Newline,
    Punctuation,
    Space,
    Three,
    Two,
    Upper,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Punctuation; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' => Class::Lower,
            b'A'..=b'Z' => Class::Upper,
            b'0'..=b'9' => Class::Digit,
            b'\n' | b'\r' => Class::Newline,
            b' ' | b'\t' => Class::Space,
            0x80..=0xbf => Class::Continuation,
            0xc0..=0xdf => Class::Two,
            0xe0..=0xef => Class::Three,
            0xf0..=0xff => Class::Four,
            _ => Class::Punctuation,
        };
        byte += 1;
    }
    classes
};

fn count(bytes: &[u8]) -> f64 {
    let (mut begun, mut long, mut digits, mut punctuation, mut newlines, mut indents) = (0_u32, 0_u32, 0_u32, 0_u32, 0_u32, 0_u32);
    let (mut two, mut three, mut four) = (0_u32, 0_u32, 0_u32);
    let (mut last, mut run) = (Class::Punctuation, 0_u32);
    for byte in bytes {
        let class = CLASSES[usize::from(*byte)];
        let goes_on = class == last || (class == Class::Lower && last == Class::Upper);
        run = if goes_on { run + 1 } else { 1 };
        match class {
            Class::Lower | Class::Upper if goes_on => long += u32::from(run > 7),
            Class::Lower | Class::Upper => begun += 1,
            // Three digits are a token.
            Class::Digit => digits += u32::from(run % 3 == 1),
            Class::Newline => newlines += u32::from(run == 1),
            Class::Space => indents += u32::from(run == 2),
            Class::Punctuation => punctuation += 1,
            Class::Two => two += 1,
            Class::Three => three += 1,
            Class::Four => four += 1,
            Class::Continuation => {}
        }
        last = class;
    }
    f64::from(begun)
        + LONG * f64::from(long)
        + DIGITS * f64::from(digits)
        + PUNCTUATION * f64::from(punctuation)
        + NEWLINE * f64::from(newlines)
        + INDENT * f64::from(indents)
        + TWO_BYTES * f64::from(two)
        + THREE_BYTES * f64::from(three)
        + FOUR_BYTES * f64::from(four)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> u64 {
        prompt_tokens(&ChatRequest::new("a/b").user(text), Tokenizer::O200k)
    }

    #[test]
    fn a_prompt_is_about_as_many_tokens_as_openai_counts() {
        // By OpenAI's own tokenizer: 3 for the prompt, 4 for the message, and the text.
        for (text, exact) in [
            ("Hello!", 7 + 2),
            ("What is the airspeed velocity of an unladen swallow?", 7 + 12),
            ("The quick brown fox jumps over the lazy dog.", 7 + 10),
        ] {
            let about = tokens(text);
            assert!(about.abs_diff(exact) <= 2, "{text}: {about}, not {exact}");
        }
    }

    #[test]
    fn long_texts_are_sampled() {
        let text = "The quick brown fox jumps over the lazy dog, 12 times. ".repeat(2_000);
        let whole = count(text.as_bytes());
        assert!((words(&text) / whole - 1.0).abs() < 0.02, "{} is not {whole}", words(&text));
    }

    #[test]
    fn scripts_differ_and_nothing_is_free() {
        assert!(tokens("なぜ空は青いのですか") > tokens("aaaaaaaaaa"));
        assert!(tokens("") >= 1);
    }

    #[test]
    fn tools_and_images_count() {
        let json = r#"{"model": "a/b", "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"},
            {"type": "image_url", "image_url": {"url": "https://a.test/b.png"}}]}],
            "tools": [{"type": "function", "function": {"name": "get_weather", "description": "Weather of a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]}"#;
        let request = ChatRequest::from_json(json).expect("a request");
        let about = prompt_tokens(&request, Tokenizer::O200k);
        assert!((800..900).contains(&about), "{about}");
        assert!(prompt_tokens(&request, Tokenizer::Claude) > 1_800);
        assert!(!Size::of(&request).is_countable());
    }
}
