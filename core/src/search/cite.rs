//! Which pages an answer cites, and where: markdown links to what was found. Offsets count Unicode characters, as
//! OpenAI's do; the end is the first character behind the link.

use std::sync::Arc;

use super::Found;
use crate::types::{Annotation, UrlCitation};

/// Looks for citations in an answer as it comes, at any split of it.
#[derive(Debug)]
pub(crate) struct Cite {
    found: Arc<Found>,
    choices: Vec<(u32, State)>,
}

#[derive(Debug, Default)]
struct State {
    /// Characters before `open`.
    before: u64,
    /// What may become a link: begins with `[`.
    open: String,
    /// Whether any page was cited.
    cited: bool,
    /// Whether anything was said.
    spoke: bool,
}

/// Longer is no link.
const LONGEST_LINK: usize = 4_096;

impl Cite {
    pub(crate) fn new(found: Arc<Found>) -> Self {
        Self { found, choices: Vec::new() }
    }

    /// Citations that this piece of a choice's text completes.
    pub(crate) fn push(&mut self, choice: u32, text: &str) -> Vec<Annotation> {
        let found = Arc::clone(&self.found);
        let state = self.state(choice);
        state.spoke |= !text.is_empty();
        state.open.push_str(text);
        let mut annotations = Vec::new();
        loop {
            let skip = state.open.find('[').unwrap_or(state.open.len());
            state.drop(skip);
            match Link::at_start(&state.open) {
                Link::Unfinished if state.open.len() <= LONGEST_LINK => return annotations,
                Link::None | Link::Unfinished => state.drop(1),
                Link::Found { url, length } => {
                    let start_index = state.before;
                    let page = found.results.iter().find(|page| same_page(&page.url, url));
                    let page = page.map(|page| (page.url.clone(), page.title.clone(), page.content.clone()));
                    state.drop(length);
                    if let Some((url, title, content)) = page {
                        state.cited = true;
                        let content = Some(content).filter(|content| !content.is_empty());
                        let url_citation = UrlCitation { url, title, content, start_index, end_index: state.before };
                        annotations.push(Annotation::UrlCitation { url_citation });
                    }
                }
            }
        }
    }

    /// The choice has ended. Of an answer that cites no page by a link every page is named, without a place.
    pub(crate) fn finish(&mut self, choice: u32) -> Vec<Annotation> {
        let found = Arc::clone(&self.found);
        let state = std::mem::take(self.state(choice));
        if state.cited || !state.spoke {
            return Vec::new();
        }
        let cite = |page: &super::SearchResult| {
            let content = Some(page.content.clone()).filter(|content| !content.is_empty());
            let url_citation = UrlCitation { url: page.url.clone(), title: page.title.clone(), content, ..UrlCitation::default() };
            Annotation::UrlCitation { url_citation }
        };
        found.results.iter().map(cite).collect()
    }

    fn state(&mut self, choice: u32) -> &mut State {
        let at = self.choices.iter().position(|(index, _)| *index == choice).unwrap_or_else(|| {
            self.choices.push((choice, State::default()));
            self.choices.len() - 1
        });
        &mut self.choices[at].1
    }
}

impl State {
    fn drop(&mut self, bytes: usize) {
        self.before += self.open[..bytes].chars().count() as u64;
        self.open.drain(..bytes);
    }
}

/// What a text that begins with `[` begins with.
enum Link<'a> {
    Found { url: &'a str, length: usize },
    None,
    Unfinished,
}

impl<'a> Link<'a> {
    /// `[text](url)` or `[text](url "title")`; brackets in the text and parentheses in the URL are balanced.
    fn at_start(text: &'a str) -> Self {
        let mut depth = 0;
        let label = text.char_indices().find_map(|(at, c)| {
            match c {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => {}
            }
            (depth == 0).then_some(at + 1)
        });
        let Some(label) = label else { return Self::Unfinished };
        let rest = &text[label..];
        if rest.is_empty() {
            return Self::Unfinished;
        }
        let Some(target) = rest.strip_prefix('(') else { return Self::None };
        let mut depth = 1;
        let close = target.char_indices().find_map(|(at, c)| {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            (depth == 0).then_some(at)
        });
        let Some(close) = close else { return Self::Unfinished };
        let url = target[..close].split_whitespace().next().unwrap_or_default().trim_matches(['<', '>']);
        Self::Found { url, length: label + 1 + close + 1 }
    }
}

/// Whether two URLs are the same page: models drop a final slash, a scheme's letter or a fragment.
fn same_page(one: &str, other: &str) -> bool {
    let bare = |url: &'_ str| {
        let url = url.split('#').next().unwrap_or_default();
        let url = url.split_once("://").map_or(url, |(_, rest)| rest);
        url.strip_prefix("www.").unwrap_or(url).trim_end_matches('/').to_owned()
    };
    !other.is_empty() && (one == other || bare(one) == bare(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::SearchResult;

    fn cite() -> Cite {
        let page = |url: &str| SearchResult { url: url.into(), title: "T".into(), ..SearchResult::default() };
        let results = vec![page("https://nasa.gov/sky"), page("https://en.wikipedia.org/wiki/Blue_(film)")];
        Cite::new(Arc::new(Found { results, searches: 1, price: None }))
    }

    fn ranges(annotations: Vec<Annotation>) -> Vec<(String, u64, u64)> {
        let range = |annotation| {
            let Annotation::UrlCitation { url_citation } = annotation;
            (url_citation.url, url_citation.start_index, url_citation.end_index)
        };
        annotations.into_iter().map(range).collect()
    }

    #[test]
    fn links_are_found_at_any_split_and_counted_in_characters() {
        let text =
            "Größe 🌍 [x] [[1]](https://nasa.gov/sky/) und [film](http://en.wikipedia.org/wiki/Blue_(film)), not [y](https://else.org).";
        let letters: Vec<char> = text.chars().collect();
        for step in 1..60 {
            let mut cite = cite();
            let mut all = Vec::new();
            for piece in letters.chunks(step) {
                all.extend(cite.push(0, &piece.iter().collect::<String>()));
            }
            all.extend(cite.finish(0));
            let found = ranges(all);
            let words = |start: u64, end: u64| letters[start as usize..end as usize].iter().collect::<String>();
            assert_eq!(found.len(), 2, "step {step}");
            assert_eq!(words(found[0].1, found[0].2), "[[1]](https://nasa.gov/sky/)");
            assert_eq!(words(found[1].1, found[1].2), "[film](http://en.wikipedia.org/wiki/Blue_(film))");
            assert_eq!(found[0].0, "https://nasa.gov/sky", "the page as the engine names it");
        }
    }

    #[test]
    fn an_answer_without_links_names_every_page() {
        let mut cite = cite();
        assert!(cite.push(0, "It is blue [1").is_empty());
        assert_eq!(ranges(cite.finish(0)).len(), 2);
        assert!(cite.finish(1).is_empty(), "nothing was said");
    }
}
