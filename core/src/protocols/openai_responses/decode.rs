//! From items and events to our answer. A whole answer is read as a stream of finished items, so both say the same.

use std::{collections::VecDeque, sync::Arc};

use serde_json::{Value, json, value::RawValue};

use super::wire::{Answer, Event, Item, Part};
use crate::{
    error::{Error, ErrorKind, Result},
    protocols::{
        Call, Emitter,
        loose::{self, Text},
        openai_chat::{
            decode::{annotation, known_reason, list, logprobs, says_something, service_tier, usage},
            error,
            wire::Usage as WireUsage,
        },
        repair::repaired,
    },
    types::{Annotation, ChatChunk, ChunkChoice, Delta, FinishReason, ImageOutput, ImageUrl, ReasoningDetail, Tool, Usage},
};

/// The form of reasoning blocks that this API issues and takes back.
pub(super) const FORMAT: &str = "openai-responses-v1";

/// Reads the events of one answer.
pub(super) struct Reader {
    emitter: Emitter,
    provider: Arc<str>,
    /// Those of [`HOSTED`] that are not names of the caller's own tools.
    hosted: Vec<&'static str>,
    items: Vec<ItemState>,
    searches: u64,
    /// Characters of text so far; citations count from the start of their own part.
    chars: u64,
}

/// What came of one output item. Its place in the list of them is its key for the emitter.
struct ItemState {
    sort: Sort,
    index: u64,
    id: String,
    call_id: String,
    name: String,
    text: bool,
    refusal: bool,
    reasoning: bool,
    summary: Option<u64>,
    arguments: bool,
    annotations: usize,
    /// The part that is being said, and the characters before it.
    part: Option<(u64, u64)>,
    done: bool,
    /// The whole answer, at the end, named it too.
    settled: bool,
}

/// What tells items apart where a server loses count of them.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Sort {
    Message,
    Reasoning,
    Call,
    Other,
}

/// Searches that the host runs itself, though it calls them custom tools (xAI).
const HOSTED: [&str; 5] = ["view_x_video", "x_keyword_search", "x_semantic_search", "x_thread_fetch", "x_user_search"];

impl Sort {
    fn of(item: &Item<'_>, hosted: &[&str]) -> Self {
        match Text::of(&item.kind).unwrap_or_default() {
            "message" | "" => Self::Message,
            "reasoning" => Self::Reasoning,
            "custom_tool_call" if Text::of(&item.name).is_some_and(|name| hosted.contains(&name)) => Self::Other,
            "function_call" | "custom_tool_call" => Self::Call,
            _ => Self::Other,
        }
    }
}

impl Reader {
    pub(super) fn new(call: &Call<'_>) -> Self {
        let is_callers = |name: &&str| {
            call.request.tools.iter().any(|tool| match tool {
                Tool::Function { function, .. } => function.name == *name,
                Tool::Server(tool) => tool.get("custom").and_then(|custom| custom.get("name")).is_some_and(|own| own == *name),
            })
        };
        Self {
            emitter: Emitter::new(call),
            provider: Arc::clone(&call.endpoint.provider),
            hosted: HOSTED.into_iter().filter(|name| !is_callers(name)).collect(),
            items: Vec::new(),
            searches: 0,
            chars: 0,
        }
    }

    /// Reads one event of this name, which its own type overrules.
    pub(super) fn event(&mut self, name: &[u8], json: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let event: Event<'_> = match loose::read(json) {
            Ok(event) => event,
            Err(cause) => {
                let json = repaired(json).ok_or_else(|| error::not_ours(json, &cause))?;
                return self.event(name, json.as_bytes(), out);
            }
        };
        let kind = Text::given(event.kind.as_ref()).or_else(|| std::str::from_utf8(name).ok()).unwrap_or_default();
        let delta = || Text::given(event.delta.as_ref()).unwrap_or_default();
        match kind {
            "response.output_text.delta" => {
                let at = self.place(&event, Sort::Message);
                self.items[at].text |= !delta().is_empty();
                self.begin_part(at, event.content_index.0.unwrap_or(0));
                self.text(delta(), event.logprobs, out);
            }
            "response.refusal.delta" => {
                let at = self.place(&event, Sort::Message);
                self.items[at].refusal |= !delta().is_empty();
                self.emitter.refusal(0, delta().to_owned(), out);
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_summary.delta" => {
                let at = self.place(&event, Sort::Reasoning);
                self.summary(at, event.summary_index.0.unwrap_or(0), delta(), out);
            }
            "response.reasoning_text.delta" | "response.reasoning.delta" => {
                let at = self.place(&event, Sort::Reasoning);
                self.reasoning(at, delta(), out);
            }
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                let at = self.place(&event, Sort::Call);
                // Of a call that was not announced all is said at its end.
                self.items[at].arguments |= !delta().is_empty() && self.emitter.has_tool(0, at as u64);
                self.emitter.tool_arguments(0, at as u64, delta(), out);
            }
            "response.output_text.annotation.added" => {
                let at = self.place(&event, Sort::Message);
                self.items[at].annotations += 1;
                let before = self.items[at].part.map_or(0, |(_, before)| before);
                if let Some(cited) = event.annotation.and_then(|cited| serde_json::from_str(cited.get()).ok()) {
                    self.annotation(&cited, before, out);
                }
            }
            "response.output_item.added" => {
                if let Some(item) = &event.item.0 {
                    let at = self.open(&event, item);
                    if Text::of(&item.name).is_some() {
                        self.begin(at, item, out);
                    }
                }
            }
            "response.output_item.done" => {
                if let Some(item) = &event.item.0 {
                    let at = self.open(&event, item);
                    self.item(at, item, out);
                }
            }
            "response.completed" | "response.incomplete" | "response.failed" | "response.done" | "response.cancelled" => {
                match event.response {
                    Some(response) => self.answer(response.get().as_bytes(), out)?,
                    None if event.error.is_some() => return Err(error::from_event(json)),
                    None => return Err(Error::decode(format!("`{kind}` holds no response"))),
                }
            }
            "response.created" | "response.in_progress" | "response.queued" => {
                let answer = event.response.and_then(|response| serde_json::from_str::<Answer<'_>>(response.get()).ok());
                if let Some(answer) = answer {
                    self.identify(&answer);
                }
            }
            "error" | "response.error" => return Err(error::from_event(json)),
            kind if kind.starts_with("response.") => {}
            // News that nobody here knows, or the reason why no more will come.
            _ => {
                let value = serde_json::from_slice(json)?;
                if event.error.is_some_and(says_something) || error::must_be_error(&value) {
                    return Err(error::from_value(None, value));
                }
            }
        }
        Ok(())
    }

    /// The stream is over, and did not say how the answer ended.
    pub(super) fn end(&mut self, out: &mut VecDeque<ChatChunk>) -> Result<()> {
        if self.items.is_empty() && !self.is_done() {
            return Err(Error::empty());
        }
        self.emitter.finish(0, FinishReason::Stop, None);
        self.emitter.end(out);
        Ok(())
    }

    /// Reads a finished answer: what the events before it did not say, and how it ended.
    pub(super) fn answer(&mut self, json: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let answer: Answer<'_> = match loose::read(json) {
            Ok(answer) => answer,
            Err(cause) => {
                let json = repaired(json).ok_or_else(|| error::not_ours(json, &cause))?;
                return self.answer(json.as_bytes(), out);
            }
        };
        if answer.status.is_none() && answer.output.is_none() {
            return Err(match answer.error {
                Some(_) => error::from_event(json),
                None => error::not_ours(json, &serde::de::Error::missing_field("output")),
            });
        }
        self.identify(&answer);
        let items = answer.output.iter().flat_map(|items| &items.0);
        let named: Vec<_> = items.clone().map(|item| self.named(item)).collect();
        for ((index, item), named) in (0..).zip(items).zip(named) {
            let at = named.unwrap_or_else(|| self.settle(index, item));
            self.item(at, item, out);
        }
        if let Some(usage) = &answer.usage.0 {
            self.emitter.usage(self.usage(usage));
        }
        if let Some(cause) = answer.error.filter(|cause| says_something(cause)) {
            return Err(error::from_event(cause.get().as_bytes()));
        }
        let status = Text::given(answer.status.as_ref()).unwrap_or("completed");
        let reason = answer.incomplete_details.0.as_ref().and_then(|details| Text::given(details.reason.as_ref()));
        let finish_reason = match (status, reason.and_then(known_reason)) {
            ("failed" | "cancelled", _) => {
                return Err(Error::new(ErrorKind::Upstream, format!("the vendor's answer is `{status}`")));
            }
            (_, Some(reason)) => reason,
            ("incomplete", None) => FinishReason::Length,
            _ => FinishReason::Stop,
        };
        if let Some(tier) = Text::given(answer.service_tier.as_ref()).and_then(service_tier) {
            self.emitter.service_tier(tier.to_owned());
        }
        self.emitter.finish(0, finish_reason, Some(reason.unwrap_or(status)));
        self.emitter.end(out);
        Ok(())
    }

    /// Whether the last chunk is out.
    pub(super) fn is_done(&self) -> bool {
        self.emitter.is_done()
    }

    fn identify(&mut self, answer: &Answer<'_>) {
        self.emitter.identify(Text::given(answer.id.as_ref()), Text::given(answer.model.as_ref()), answer.created_at.0);
    }

    /// The item of an event. Its index tells which one it is, for want of one its id, and of both its sort.
    fn place(&mut self, event: &Event<'_>, sort: Sort) -> usize {
        let id = Text::of(&event.item_id).or(event.item.0.as_ref().and_then(|item| Text::of(&item.id))).unwrap_or_default();
        let known = self.items.iter().rposition(|item| {
            item.sort == sort
                && match event.output_index.0 {
                    Some(index) => item.index == index,
                    None => id.is_empty() || item.id == id,
                }
        });
        known.unwrap_or_else(|| self.add(sort, event.output_index.0, id))
    }

    /// The item that begins or ends with an event: another one, where the one in its place has ended already.
    fn open(&mut self, event: &Event<'_>, item: &Item<'_>) -> usize {
        let at = self.place(event, Sort::of(item, &self.hosted));
        let id = Text::of(&item.id).unwrap_or_default();
        if self.items[at].done && (id.is_empty() || self.items[at].id != id) {
            return self.add(Sort::of(item, &self.hosted), event.output_index.0, id);
        }
        at
    }

    /// The item of the events that the whole answer names by its id.
    fn named(&mut self, item: &Item<'_>) -> Option<usize> {
        let (sort, id, call_id) = (Sort::of(item, &self.hosted), Text::of(&item.id), Text::of(&item.call_id));
        let is = |state: &ItemState| id.is_some_and(|id| state.id == id) || call_id.is_some_and(|id| state.call_id == id);
        let at = self.items.iter().position(|state| state.sort == sort && !state.settled && is(state))?;
        self.items[at].settled = true;
        Some(at)
    }

    /// The item of the events that this item of the whole answer is by its looks: it may have had another index there.
    fn settle(&mut self, index: u64, item: &Item<'_>) -> usize {
        let (sort, name) = (Sort::of(item, &self.hosted), Text::of(&item.name).unwrap_or_default());
        let is = |state: &ItemState| state.sort == sort && !state.settled && (sort != Sort::Call || name.is_empty() || state.name == name);
        let known = self.items.iter().position(|state| state.index == index && is(state)).or_else(|| self.items.iter().position(is));
        let at = known.unwrap_or_else(|| self.add(sort, Some(index), Text::of(&item.id).unwrap_or_default()));
        self.items[at].settled = true;
        at
    }

    fn add(&mut self, sort: Sort, index: Option<u64>, id: &str) -> usize {
        let at = self.items.len();
        self.items.push(ItemState {
            sort,
            index: index.unwrap_or(at as u64),
            id: id.to_owned(),
            call_id: String::new(),
            name: String::new(),
            text: false,
            refusal: false,
            reasoning: false,
            summary: None,
            arguments: false,
            annotations: 0,
            part: None,
            done: false,
            settled: false,
        });
        at
    }

    /// A call is announced before its arguments.
    fn begin(&mut self, at: usize, item: &Item<'_>, out: &mut VecDeque<ChatChunk>) {
        if self.items[at].sort == Sort::Call && !self.emitter.has_tool(0, at as u64) {
            let (id, name) = (Text::of(&item.call_id).or(Text::of(&item.id)), Text::of(&item.name).unwrap_or_default());
            id.unwrap_or_default().clone_into(&mut self.items[at].call_id);
            name.clone_into(&mut self.items[at].name);
            self.emitter.tool_start(0, at as u64, id, name, out);
        }
    }

    /// A finished item: what its events did not say already.
    fn item(&mut self, at: usize, item: &Item<'_>, out: &mut VecDeque<ChatChunk>) {
        let state = &mut self.items[at];
        if std::mem::replace(&mut state.done, true) {
            return;
        }
        Text::of(&item.id).unwrap_or_default().clone_into(&mut state.id);
        let sort = state.sort;
        match Text::given(item.kind.as_ref()).unwrap_or_default() {
            "message" | "" => {
                for (number, part) in (0..).zip(&item.content.0) {
                    self.part(at, number, part, out);
                }
            }
            "reasoning" => self.reasoning_item(at, item, out),
            "function_call" | "custom_tool_call" if sort == Sort::Call => {
                self.begin(at, item, out);
                if !self.items[at].arguments {
                    let arguments = Text::given(item.arguments.as_ref().or(item.input.as_ref())).unwrap_or_default();
                    self.emitter.tool_arguments(0, at as u64, arguments, out);
                }
            }
            "image_generation_call" => {
                if let Some(data) = Text::given(item.result.as_ref()) {
                    let format = Text::given(item.output_format.as_ref()).unwrap_or("png");
                    let image_url = ImageUrl { url: format!("data:image/{format};base64,{data}"), detail: None };
                    let images = vec![ImageOutput::ImageUrl { image_url }];
                    self.emitter.delta(0, Delta { images, ..Delta::default() }, out);
                }
            }
            "web_search_call" => {
                let action = item.action.0.as_ref().and_then(|action| Text::given(action.kind.as_ref()));
                self.searches += u64::from(action.is_none_or(|action| action == "search"));
            }
            _ => {}
        }
    }

    fn begin_part(&mut self, at: usize, number: u64) {
        let before = self.chars;
        let part = &mut self.items[at].part;
        if part.is_none_or(|(last, _)| last != number) {
            *part = Some((number, before));
        }
    }

    fn part(&mut self, at: usize, number: u64, part: &Part<'_>, out: &mut VecDeque<ChatChunk>) {
        let state = &mut self.items[at];
        let (with_text, with_refusal) = (!state.text, !state.refusal);
        let seen = std::mem::take(&mut state.annotations);
        if with_text {
            self.begin_part(at, number);
            self.text(Text::given(part.text.as_ref()).unwrap_or_default(), part.logprobs, out);
        }
        if with_refusal {
            self.emitter.refusal(0, Text::given(part.refusal.as_ref()).unwrap_or_default().to_owned(), out);
        }
        let annotations = part.annotations.map(list).unwrap_or_default();
        let before = self.items[at].part.map_or(0, |(_, before)| before);
        for cited in annotations.iter().skip(seen) {
            self.annotation(cited, before, out);
        }
        self.items[at].annotations = seen.saturating_sub(annotations.len());
    }

    fn text(&mut self, text: &str, logprobs: Option<&RawValue>, out: &mut VecDeque<ChatChunk>) {
        self.chars += if text.is_ascii() { text.len() } else { text.chars().count() } as u64;
        let logprobs = logprobs.filter(|list| !matches!(list.get(), "[]" | "null"));
        match logprobs.and_then(|list| self::logprobs(json!({"content": serde_json::from_str::<Value>(list.get()).ok()}))) {
            None => self.emitter.text(0, text.to_owned(), out),
            logprobs => {
                let delta = Delta { content: Some(text.to_owned()), ..Delta::default() };
                self.emitter.choice_chunk(ChunkChoice { delta, logprobs, ..ChunkChoice::default() }, out);
            }
        }
    }

    fn annotation(&mut self, cited: &Value, before: u64, out: &mut VecDeque<ChatChunk>) {
        if let Some(mut annotation) = annotation(cited) {
            let Annotation::UrlCitation { url_citation } = &mut annotation;
            url_citation.start_index = url_citation.start_index.saturating_add(before);
            url_citation.end_index = url_citation.end_index.saturating_add(before);
            self.emitter.annotation(0, annotation, out);
        }
    }

    fn reasoning(&mut self, at: usize, text: &str, out: &mut VecDeque<ChatChunk>) {
        if !text.is_empty() {
            self.items[at].reasoning = true;
            self.emitter.reasoning_detail(0, block(ReasoningDetail::text(text), self.items[at].index), out);
        }
    }

    fn summary(&mut self, at: usize, part: u64, text: &str, out: &mut VecDeque<ChatChunk>) {
        let state = &mut self.items[at];
        // Who shows its reasoning need not sum it up.
        if text.is_empty() || state.reasoning {
            return;
        }
        // An empty line between two parts of a summary.
        let follows = state.summary.replace(part).is_some_and(|last| last != part);
        let text = if follows { format!("\n\n{text}") } else { text.to_owned() };
        self.emitter.reasoning_detail(0, block(ReasoningDetail::summary(text), state.index), out);
    }

    fn reasoning_item(&mut self, at: usize, item: &Item<'_>, out: &mut VecDeque<ChatChunk>) {
        if !self.items[at].reasoning {
            for part in &item.content.0 {
                self.reasoning(at, Text::given(part.text.as_ref()).unwrap_or_default(), out);
            }
        }
        if self.items[at].summary.is_none() {
            for (number, part) in (0..).zip(&item.summary.0) {
                self.summary(at, number, Text::given(part.text.as_ref()).unwrap_or_default(), out);
            }
        }
        if let Some(data) = Text::given(item.encrypted_content.as_ref()) {
            let id = Text::given(item.id.as_ref()).map(str::to_owned);
            let detail = ReasoningDetail { id, provider: Some(self.provider.to_string()), ..ReasoningDetail::encrypted(data) };
            self.emitter.reasoning_detail(0, block(detail, self.items[at].index), out);
        }
    }

    fn usage(&self, wire: &WireUsage) -> Usage {
        // Searches are items here; sources that were read are none.
        let mut usage = Usage { server_tool_use_details: None, ..usage(wire) };
        if self.searches > 0 {
            usage.server_tool_use_details.get_or_insert_default().web_search_requests = Some(self.searches);
        }
        usage
    }
}

/// All blocks of one reasoning item share its place in the output.
fn block(detail: ReasoningDetail, index: u64) -> ReasoningDetail {
    ReasoningDetail { format: Some(FORMAT.to_owned()), index: Some(index as u32), ..detail }
}
