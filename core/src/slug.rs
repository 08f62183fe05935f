//! Model slugs: `author/name[:variant]*`.
//!
//! Belongs here: the grammar of a slug. Does not belong here: which models exist (`catalog`), what a variant does to a
//! plan (`plan`). PURE.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::error::{Error, Result};

/// A suffix of a slug. Anything else behind a colon belongs to the model's name.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Variant {
    /// Lowest price first.
    Floor,
    /// A row of the catalog of its own: no charge, lower limits.
    Free,
    /// Highest throughput first.
    Nitro,
    /// With web search.
    Online,
    /// With extended reasoning.
    Thinking,
}

impl Variant {
    /// Every variant, in alphabetical order.
    pub const ALL: &'static [Self] = &[Self::Floor, Self::Free, Self::Nitro, Self::Online, Self::Thinking];

    /// The suffix without its colon.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Free => "free",
            Self::Nitro => "nitro",
            Self::Online => "online",
            Self::Thinking => "thinking",
        }
    }

    /// The variant of this name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|variant| variant.as_str().eq_ignore_ascii_case(name))
    }

    /// Whether the catalog holds it as a row of its own, rather than `plan` acting on it.
    pub fn is_catalog_row(self) -> bool {
        self == Self::Free
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A parsed slug. `Display` gives the canonical form: author and variants in lower case, the name as it was written.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ModelSlug {
    /// Who made the model, in lower case; `None` where only a bare name was given.
    pub author: Option<String>,
    /// The model's name; may hold colons and slashes (`llama3.2:3b`).
    pub name: String,
    /// The variants, in the order they were written.
    pub variants: Vec<Variant>,
}

impl ModelSlug {
    /// Whether this variant was asked for.
    pub fn has(&self, variant: Variant) -> bool {
        self.variants.contains(&variant)
    }

    /// Of `nitro` and `floor` the last one, which decides the sort.
    pub fn sort_variant(&self) -> Option<Variant> {
        self.variants.iter().rev().copied().find(|variant| matches!(variant, Variant::Floor | Variant::Nitro))
    }

    /// The slug the catalog knows: without routing variants, with a row such as `:free`.
    pub fn base(&self) -> String {
        let mut base = self.model();
        for variant in self.variants.iter().filter(|variant| variant.is_catalog_row()) {
            base.push(':');
            base.push_str(variant.as_str());
        }
        base
    }

    /// Author and name alone.
    pub fn model(&self) -> String {
        match &self.author {
            Some(author) => [author, "/", &self.name].concat(),
            None => self.name.clone(),
        }
    }

    /// The parts as JSON: `{author, name, variants, display, sort}`.
    pub fn to_json(&self) -> String {
        let variants: Vec<_> = self.variants.iter().map(|variant| variant.as_str()).collect();
        serde_json::json!({
            "author": self.author,
            "name": self.name,
            "variants": variants,
            "display": self.to_string(),
            "sort": self.sort_variant().map(Variant::as_str),
        })
        .to_string()
    }
}

impl FromStr for ModelSlug {
    type Err = Error;

    /// Reads `author/name[:variant]*` or a bare `name[:variant]*`.
    fn from_str(slug: &str) -> Result<Self> {
        let slug = slug.trim();
        if slug.is_empty() {
            return Err(Error::bad_request("model", "model: a model slug is needed, such as `openai/gpt-4o-mini`"));
        }
        if slug.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Error::bad_request("model", format!("model: `{}` holds white space", slug.escape_debug())));
        }
        let (author, mut name) = match slug.split_once('/') {
            Some((author, name)) => (Some(author), name),
            None => (None, slug),
        };
        let mut variants = Vec::new();
        while let Some((rest, variant)) = name.rsplit_once(':').and_then(|(rest, last)| Some((rest, Variant::from_name(last)?))) {
            name = rest;
            // The same row twice is the same row.
            if !(variant.is_catalog_row() && variants.contains(&variant)) {
                variants.push(variant);
            }
        }
        variants.reverse();
        if name.is_empty() || author == Some("") {
            return Err(Error::bad_request(
                "model",
                format!("model: `{slug}` is not of the form `author/name`, such as `openai/gpt-4o-mini`"),
            ));
        }
        Ok(Self { author: author.map(str::to_ascii_lowercase), name: name.to_owned(), variants })
    }
}

impl fmt::Display for ModelSlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(author) = &self.author {
            write!(f, "{author}/")?;
        }
        f.write_str(&self.name)?;
        self.variants.iter().try_for_each(|variant| write!(f, ":{variant}"))
    }
}

impl<'de> Deserialize<'de> for ModelSlug {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for ModelSlug {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(slug: &str) -> ModelSlug {
        slug.parse().unwrap_or_else(|error| panic!("{slug}: {error}"))
    }

    #[test]
    fn suffixes_come_off_the_right_end() {
        for (text, author, name, variants) in [
            ("openai/gpt-4o-mini", Some("openai"), "gpt-4o-mini", &[][..]),
            ("anthropic/claude-sonnet-4-5:thinking", Some("anthropic"), "claude-sonnet-4-5", &[Variant::Thinking]),
            ("openai/gpt-4o:floor:online", Some("openai"), "gpt-4o", &[Variant::Floor, Variant::Online]),
            ("OpenAI/gpt-4o:NITRO:Free", Some("openai"), "gpt-4o", &[Variant::Nitro, Variant::Free]),
            ("ollama/llama3.2:3b:nitro", Some("ollama"), "llama3.2:3b", &[Variant::Nitro]),
            ("ollama/llama3.2:nitro:3b", Some("ollama"), "llama3.2:nitro:3b", &[]),
            (
                "amazon-bedrock/anthropic.claude-3-5-sonnet-20241022-v2:0",
                Some("amazon-bedrock"),
                "anthropic.claude-3-5-sonnet-20241022-v2:0",
                &[],
            ),
            ("fireworks/accounts/fireworks/models/x:floor", Some("fireworks"), "accounts/fireworks/models/x", &[Variant::Floor]),
            ("gpt-4o-mini:nitro", None, "gpt-4o-mini", &[Variant::Nitro]),
        ] {
            let slug = parse(text);
            assert_eq!((slug.author.as_deref(), &*slug.name, &*slug.variants), (author, name, variants), "{text}");
        }
    }

    #[test]
    fn the_last_sort_suffix_decides() {
        assert_eq!(parse("x/y:floor:nitro").sort_variant(), Some(Variant::Nitro));
        assert_eq!(parse("x/y:nitro:online:floor").sort_variant(), Some(Variant::Floor));
        assert_eq!(parse("x/y:online").sort_variant(), None);
    }

    #[test]
    fn the_catalog_sees_its_own_rows_only() {
        assert_eq!(parse("x/y:nitro:free:online").base(), "x/y:free");
        assert_eq!(parse("x/y:free:free").to_string(), "x/y:free");
    }

    #[test]
    fn what_is_no_slug_is_an_error_that_says_so() {
        for text in ["", "  ", "/", "openai/", "/gpt-4o", "openai/:nitro", ":nitro", "openai/gpt 4o", "a/b\nc"] {
            let error = text.parse::<ModelSlug>().expect_err(text);
            assert_eq!((error.kind(), error.param()), (crate::ErrorKind::BadRequest, Some("model")), "{text:?}");
            assert!(error.message().starts_with("model: "), "{error}");
        }
    }

    /// Slugs made of the pieces that slugs are made of, in every order.
    #[test]
    fn parse_and_display_round_trip() {
        let mut word = 7u64;
        let mut next = |below: usize| {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (word >> 33) as usize % below
        };
        let pieces = ["gpt-4o", "llama3.2", "3b", "v2", "0", "Free", "floor", "NITRO", "online", "thinking", "accounts", "é", "~x"];
        for _ in 0..5_000 {
            let mut text = String::new();
            for part in 0..=next(6) {
                if part > 0 {
                    text.push([':', '/', '.', '-'][next(4)]);
                }
                text.push_str(pieces[next(pieces.len())]);
            }
            let Ok(slug) = text.parse::<ModelSlug>() else { continue };
            let canonical = slug.to_string();
            assert_eq!(parse(&canonical), slug, "{text}");
            assert_eq!(parse(&canonical).to_string(), canonical, "{text}");
            assert!(canonical.eq_ignore_ascii_case(&text) || slug.variants.contains(&Variant::Free), "{text} -> {canonical}");
        }
    }
}
