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
            Some(author) => format!("{author}/{}", self.name),
            None => self.name.clone(),
        }
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
