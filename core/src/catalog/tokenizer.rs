//! Which vocabulary a model counts its tokens in. PURE.

use serde::{Deserialize, Serialize};

/// A family of tokenizers, for estimates of a prompt's size.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tokenizer {
    /// OpenAI's older vocabulary: GPT-3.5, GPT-4, embeddings.
    Cl100k,
    /// Anthropic's.
    Claude,
    /// DeepSeek's.
    Deepseek,
    /// Google's: Gemini and Gemma.
    Gemini,
    /// OpenAI's open models: the vocabulary of GPT-4o, and a longer preamble.
    Harmony,
    /// Meta's.
    Llama,
    /// Mistral's.
    Mistral,
    /// OpenAI's since GPT-4o.
    O200k,
    /// Alibaba's.
    Qwen,
    /// Not known.
    #[default]
    Unknown,
}

/// What model names say about it; the first that fits.
const NAMES: [(&str, Tokenizer); 22] = [
    ("claude", Tokenizer::Claude),
    ("gemini", Tokenizer::Gemini),
    ("gemma", Tokenizer::Gemini),
    ("deepseek", Tokenizer::Deepseek),
    ("llama", Tokenizer::Llama),
    ("qwen", Tokenizer::Qwen),
    ("qwq", Tokenizer::Qwen),
    ("mistral", Tokenizer::Mistral),
    ("mixtral", Tokenizer::Mistral),
    ("ministral", Tokenizer::Mistral),
    ("magistral", Tokenizer::Mistral),
    ("codestral", Tokenizer::Mistral),
    ("devstral", Tokenizer::Mistral),
    ("pixtral", Tokenizer::Mistral),
    ("gpt-oss", Tokenizer::Harmony),
    ("gpt-3", Tokenizer::Cl100k),
    ("gpt-4o", Tokenizer::O200k),
    ("gpt-4.", Tokenizer::O200k),
    ("gpt-4", Tokenizer::Cl100k),
    ("text-embedding", Tokenizer::Cl100k),
    ("gpt", Tokenizer::O200k),
    ("openai/", Tokenizer::O200k),
];

/// Their first letters, which few letters of a slug are.
const FIRST_LETTERS: [u8; NAMES.len()] = {
    let mut letters = [0; NAMES.len()];
    let mut at = 0;
    while at < NAMES.len() {
        letters[at] = NAMES[at].0.as_bytes()[0];
        at += 1;
    }
    letters
};

impl Tokenizer {
    /// Every family, in the order of [`Tokenizer::index`].
    pub(crate) const ALL: [Self; 10] = [
        Self::Cl100k,
        Self::Claude,
        Self::Deepseek,
        Self::Gemini,
        Self::Harmony,
        Self::Llama,
        Self::Mistral,
        Self::O200k,
        Self::Qwen,
        Self::Unknown,
    ];

    /// What a model's slug says about it.
    pub fn of_model(slug: &str) -> Self {
        let slug = slug.as_bytes();
        // In one pass: nothing that searches for a word at a time pays for a slug of thirty letters.
        let mut first = NAMES.len();
        for at in 0..slug.len() {
            let letter = slug[at].to_ascii_lowercase();
            let begins = |name: &str| slug[at..].get(..name.len()).is_some_and(|part| part.eq_ignore_ascii_case(name.as_bytes()));
            let mut letters = FIRST_LETTERS[..first].iter().enumerate().filter(|(_, first)| **first == letter);
            first = letters.find(|(index, _)| begins(NAMES[*index].0)).map_or(first, |(index, _)| index);
        }
        NAMES.get(first).map_or(Self::Unknown, |(_, family)| *family)
    }

    /// Its place in a table of all families.
    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_family() {
        for (slug, family) in [
            ("openai/gpt-4o-mini", Tokenizer::O200k),
            ("openai/gpt-4.1", Tokenizer::O200k),
            ("openai/gpt-5", Tokenizer::O200k),
            ("openai/o3", Tokenizer::O200k),
            ("openai/gpt-oss-120b", Tokenizer::Harmony),
            ("openai/gpt-4-turbo", Tokenizer::Cl100k),
            ("openai/gpt-3.5-turbo", Tokenizer::Cl100k),
            ("anthropic/claude-sonnet-4-5", Tokenizer::Claude),
            ("google/gemini-2.0-flash", Tokenizer::Gemini),
            ("ollama/llama3.2:3b", Tokenizer::Llama),
            ("Qwen/Qwen3-32B", Tokenizer::Qwen),
            ("mistralai/codestral-2501", Tokenizer::Mistral),
            ("deepseek/deepseek-chat", Tokenizer::Deepseek),
            ("x-ai/grok-4", Tokenizer::Unknown),
        ] {
            assert_eq!(Tokenizer::of_model(slug), family, "{slug}");
        }
        assert!(Tokenizer::ALL.iter().enumerate().all(|(at, family)| family.index() == at));
    }
}
