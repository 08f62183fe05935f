//! Finding a model by what a person wrote.

use std::{
    collections::BTreeMap,
    io::Read,
    sync::{Arc, LazyLock, OnceLock},
};

use flate2::read::DeflateDecoder;

use super::{
    FastMap, List, Model,
    read::{Names, Unread},
};
use crate::{
    error::{Error, ErrorKind, Result},
    slug::ModelSlug,
};

/// Every model that is known, by slug, alias and bare name.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    models: Vec<Entry>,
    by_slug: FastMap<Arc<str>, u32>,
    by_name: FastMap<Arc<str>, Vec<u32>>,
    /// Other spellings of authors, such as `xai` for `x-ai`.
    pub(super) authors: BTreeMap<String, String>,
}

/// A model, or where it can be read: a program asks for few of the hundreds that are built in.
#[derive(Clone, Debug)]
enum Entry {
    Read(Arc<Model>),
    Unread(Arc<Later>),
}

/// A model that is read when it is asked for.
#[derive(Debug)]
struct Later {
    slug: Arc<str>,
    catalog: Arc<Unread>,
    at: usize,
    model: OnceLock<Arc<Model>>,
}

impl Entry {
    fn slug(&self) -> &Arc<str> {
        match self {
            Self::Read(model) => &model.slug,
            Self::Unread(later) => &later.slug,
        }
    }

    fn model(&self) -> &Arc<Model> {
        match self {
            Self::Read(model) => model,
            Self::Unread(later) => later.read(),
        }
    }
}

impl Later {
    fn read(&self) -> &Arc<Model> {
        if let Some(model) = self.model.get() {
            return model;
        }
        // Read outside of the lock: a fork must not leave it held in the child. A unit test reads every model, so a failure is
        // for a build gone wrong.
        let read = self.catalog.model(self.at);
        let read = read.inspect_err(|error| tracing::error!(%error, slug = &*self.slug, "a model of the built-in catalog cannot be read"));
        let none = || Model { slug: Arc::clone(&self.slug), name: (*self.slug).to_owned(), ..Model::default() };
        let model = Arc::new(read.unwrap_or_else(|_| none()));
        self.model.get_or_init(|| model)
    }
}

static BUILT_IN: LazyLock<Arc<Catalog>> = LazyLock::new(|| {
    // A unit test reads it too, so this is for a build gone wrong.
    let read = Catalog::unpack().inspect_err(|error| tracing::error!(%error, "the built-in catalog cannot be read"));
    Arc::new(read.unwrap_or_default())
});

impl Catalog {
    /// The catalog that comes with the crate; read when first asked for.
    pub fn built_in() -> &'static Arc<Self> {
        &BUILT_IN
    }

    /// Unpacks the built-in catalog anew; [`Catalog::built_in`] does so once. Each model is read when it is first asked for.
    pub fn unpack() -> Result<Self> {
        let mut json = String::new();
        let packed: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/catalog.json.deflate"));
        DeflateDecoder::new(packed).read_to_string(&mut json).map_err(|error| Error::decode(format!("the built-in catalog: {error}")))?;
        let (unread, names, authors) = Unread::new(json)?;
        let (mut catalog, unread) = (Self { authors, ..Self::default() }, Arc::new(unread));
        for (at, Names { slug, aliases }) in names.into_iter().enumerate() {
            catalog.index(&slug, &aliases, at as u32);
            catalog.models.push(Entry::Unread(Arc::new(Later { slug, at, catalog: Arc::clone(&unread), model: OnceLock::new() })));
        }
        Ok(catalog)
    }

    /// Reads a catalog in the format of the built-in one, or a list that others keep; which [`Shape`](super::Shape) it has
    /// is recognised.
    pub fn from_json(json: &str) -> Result<Self> {
        let list = List::parse(json, None)?;
        let mut catalog = Self::default();
        catalog.merge(&list);
        Ok(catalog)
    }

    /// Adds a model, or replaces the one of the same slug.
    pub fn insert(&mut self, model: Model) {
        let known = self.by_slug.get(&model.slug).copied().filter(|index| *self.models[*index as usize].slug() == model.slug);
        let index = known.unwrap_or(self.models.len() as u32);
        self.index(&model.slug, &model.aliases, index);
        let model = Entry::Read(Arc::new(model));
        match self.models.get_mut(index as usize) {
            Some(place) => *place = model,
            None => self.models.push(model),
        }
    }

    fn index(&mut self, slug: &str, aliases: &[String], index: u32) {
        for slug in std::iter::once(slug).chain(aliases.iter().map(String::as_str)) {
            let slug = slug.to_ascii_lowercase();
            if let Some((_, name)) = slug.split_once('/') {
                let same = self.by_name.entry(name.into()).or_default();
                if !same.contains(&index) {
                    same.push(index);
                }
            }
            self.by_slug.insert(slug.into(), index);
        }
    }

    /// Every model, in the order of the catalog.
    pub fn models(&self) -> impl ExactSizeIterator<Item = &Arc<Model>> {
        self.models.iter().map(Entry::model)
    }

    /// The model of this slug or alias, in any case, by any spelling of its author.
    pub fn get(&self, slug: &str) -> Option<&Arc<Model>> {
        let known = |slug: &str| self.by_slug.get(slug).copied();
        let index = known(slug).or_else(|| {
            let slug = slug.to_ascii_lowercase();
            known(&slug).or_else(|| {
                let (author, name) = slug.split_once('/')?;
                known(&format!("{}/{name}", self.authors.get(author)?))
            })
        })?;
        self.models.get(index as usize).map(Entry::model)
    }

    /// The model that a slug means; `None` where an author is given and the catalog does not know the model. A bare name
    /// must be that of exactly one model.
    pub fn find(&self, slug: &ModelSlug) -> Result<Option<&Arc<Model>>> {
        let base = slug.base();
        if slug.author.is_some() {
            return Ok(self.get(&base));
        }
        let same = self.by_name.get(base.as_str()).or_else(|| self.by_name.get(base.to_ascii_lowercase().as_str()));
        match same.map_or(&[][..], Vec::as_slice) {
            [index] => Ok(self.models.get(*index as usize).map(Entry::model)),
            [] => Err(unknown_model(&base, &self.nearest(&base))),
            several => {
                let slugs: Vec<_> = several.iter().map(|index| format!("`{}`", self.models[*index as usize].slug())).collect();
                let message = format!("model: `{base}` is the name of several models; write one of {}", slugs.join(", "));
                Err(Error::bad_request("model", message))
            }
        }
    }

    /// The slugs most like this one, best first, at most three.
    pub fn nearest(&self, slug: &str) -> Vec<&str> {
        let bare = !slug.contains('/');
        nearest(slug, self.models.iter().map(|entry| &**entry.slug()), |known| {
            if bare { known.split_once('/').map_or(known, |(_, name)| name) } else { known }
        })
    }
}

/// The error for a slug that nobody can serve.
pub(crate) fn unknown_model(slug: &str, nearest: &[&str]) -> Error {
    let message = match nearest {
        [] => format!("model: `{slug}` is not a model that junto knows; write it as `author/name`, such as `openai/gpt-4o-mini`"),
        names => format!("model: `{slug}` is not a model that junto knows; did you mean {}?", list(names)),
    };
    Error::new(ErrorKind::ModelNotFound, message).with_param("model")
}

/// `a`, `b` or `c`.
fn list(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// The names most like `wanted`, best first, at most three; none where all are far off.
pub(crate) fn nearest<'a>(wanted: &str, known: impl Iterator<Item = &'a str>, compared: impl Fn(&'a str) -> &'a str) -> Vec<&'a str> {
    let wanted = wanted.to_ascii_lowercase();
    let limit = (wanted.len() / 3).max(2);
    let mut close: Vec<_> =
        known.map(|name| (distance(&wanted, compared(name)), name)).filter(|(distance, _)| *distance <= limit).collect();
    close.sort_unstable();
    close.dedup();
    close.into_iter().take(3).map(|(_, name)| name).collect()
}

/// How many letters must be changed, added, left out or swapped.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut cost = (above[j] + usize::from(x != y)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i - 1] == *y && *x == b[j - 1] {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(slug: &str) -> Result<Option<&'static Arc<Model>>> {
        Catalog::built_in().find(&slug.parse().expect("a slug"))
    }

    #[test]
    fn found_by_slug_alias_and_bare_name_in_any_case() {
        for slug in ["openai/gpt-4o-mini", "OpenAI/GPT-4o-mini:nitro", "gpt-4o-mini", "openai/gpt-4o-mini-2024-07-18", "GPT-4O-MINI"] {
            let model = find(slug).expect(slug).expect(slug);
            assert_eq!(&*model.slug, "openai/gpt-4o-mini", "{slug}");
        }
    }

    #[test]
    fn a_bare_name_of_several_models_lists_them() {
        let mut catalog = Catalog::default();
        for slug in ["a/same", "b/same"] {
            catalog.insert(Model { slug: slug.into(), name: slug.to_owned(), ..Model::default() });
        }
        let error = catalog.find(&"same".parse().expect("a slug")).expect_err("two models");
        assert_eq!(error.message(), "model: `same` is the name of several models; write one of `a/same`, `b/same`");
        assert_eq!(error.kind(), ErrorKind::BadRequest);
    }

    #[test]
    fn a_misspelt_name_gets_the_nearest() {
        let error = find("gtp-4o-mini").expect_err("misspelt");
        assert_eq!(error.kind(), ErrorKind::ModelNotFound);
        assert!(error.message().contains("did you mean `openai/gpt-4o-mini`"), "{error}");
        assert!(find("openai/never-heard-of").expect("no error").is_none());
    }

    #[test]
    fn inserting_a_slug_again_replaces_the_model() {
        let mut catalog = (**Catalog::built_in()).clone();
        let count = catalog.models().len();
        catalog.insert(Model { slug: "openai/gpt-4o".into(), name: "Mine".to_owned(), ..Model::default() });
        assert_eq!(catalog.models().len(), count);
        assert_eq!(catalog.get("openai/gpt-4o").expect("there").name, "Mine");
    }
}
