//! `<think>..</think>` at the start of a text, where a host does not split reasoning off itself.

/// Splits one choice's text, at any split of it.
#[derive(Debug, Default)]
pub(super) struct ThinkTags {
    place: Place,
    /// The end of what came, where it may be the beginning of a tag.
    held: String,
    /// The host sends this reasoning a second time, beside the text; there it is taken from.
    pub(super) is_repeated: bool,
}

#[derive(Debug, Default)]
enum Place {
    /// Nothing but white space came.
    #[default]
    Before,
    Inside,
    /// The tag closed; white space before the text belongs to neither.
    Closed,
    After,
}

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

impl ThinkTags {
    /// The reasoning and the text that became certain.
    pub(super) fn push(&mut self, piece: &str) -> (String, String) {
        if matches!(self.place, Place::After) && self.held.is_empty() {
            return (String::new(), piece.to_owned());
        }
        self.held.push_str(piece);
        let (mut reasoning, mut text) = (String::new(), String::new());
        if matches!(self.place, Place::Before) {
            let start = self.held.trim_start();
            if let Some(rest) = start.strip_prefix(OPEN) {
                self.held = rest.to_owned();
                self.place = Place::Inside;
            } else if !OPEN.starts_with(start) {
                self.place = Place::After;
            }
        }
        if matches!(self.place, Place::Inside) {
            if let Some(at) = self.held.find(CLOSE) {
                self.held[..at].clone_into(&mut reasoning);
                self.held.drain(..at + CLOSE.len());
                self.place = Place::Closed;
            } else {
                // What may be the first bytes of the closing tag waits.
                let kept = (1..CLOSE.len()).rev().find(|length| self.held.ends_with(&CLOSE[..*length])).unwrap_or(0);
                let tail = self.held.split_off(self.held.len() - kept);
                reasoning = std::mem::replace(&mut self.held, tail);
            }
        }
        if matches!(self.place, Place::Closed) {
            self.held = self.held.trim_start().to_owned();
            if !self.held.is_empty() {
                self.place = Place::After;
            }
        }
        if matches!(self.place, Place::After) {
            text = std::mem::take(&mut self.held);
        }
        if self.is_repeated {
            reasoning.clear();
        }
        (reasoning, text)
    }

    /// What was held back, now that nothing more comes.
    pub(super) fn finish(&mut self) -> (String, String) {
        let held = std::mem::take(&mut self.held);
        match self.place {
            Place::Inside if self.is_repeated => (String::new(), String::new()),
            Place::Inside => (held, String::new()),
            Place::Before | Place::Closed | Place::After => (String::new(), held),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, step: usize) -> (String, String) {
        let mut tags = ThinkTags::default();
        let (mut reasoning, mut said) = (String::new(), String::new());
        let bytes = text.as_bytes();
        for piece in bytes.chunks(step).map(|piece| std::str::from_utf8(piece).unwrap()) {
            let (more_reasoning, more) = tags.push(piece);
            reasoning += &more_reasoning;
            said += &more;
        }
        let (more_reasoning, more) = tags.finish();
        (reasoning + &more_reasoning, said + &more)
    }

    #[test]
    fn tags_are_found_at_any_split() {
        for step in 1..40 {
            assert_eq!(split("\n<think>a < b</think>\nYes.", step), ("a < b".into(), "Yes.".into()), "step {step}");
            assert_eq!(split("No <think> here", step), (String::new(), "No <think> here".into()), "step {step}");
            assert_eq!(split("<think>cut </thi", step), ("cut </thi".into(), String::new()), "step {step}");
            assert_eq!(split("<th", step), (String::new(), "<th".into()), "step {step}");
        }
    }
}
