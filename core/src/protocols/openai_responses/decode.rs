//! From items and events to our answer. A whole answer is read as a stream of finished items, so both say the same.

use std::{collections::VecDeque, sync::Arc};

use serde_json::{Value, json, value::RawValue};

use super::wire::{Answer, Event, Item, Part, Usage as WireUsage};
use crate::{
    error::{Error, ErrorKind, Result},
    protocols::{
        Call, Emitter,
        loose::Text,
        openai_chat::{
            decode::{annotation, complete, list, logprobs, service_tier, stated},
            error,
        },
        repair::repaired,
    },
    types::{Annotation, ChatChunk, ChunkChoice, Delta, FinishReason, ImageOutput, ImageUrl, ReasoningDetail, Usage},
};

/// The form of reasoning blocks that this API issues and takes back.
pub(super) const FORMAT: &str = "openai-responses-v1";

/// Reads the events of one answer.
pub(super) struct Reader {
    emitter: Emitter,
    provider: Arc<str>,
    items: Vec<ItemState>,
    searches: u64,
    /// Characters of text so far; citations count from the start of their own part.
    chars: u64,
}

/// What came of one output item.
struct ItemState {
    index: u64,
    id: String,
    text: bool,
    refusal: bool,
    reasoning: bool,
    summary: Option<u64>,
    arguments: bool,
    annotations: usize,
    /// The part that is being said, and the characters before it.
    part: Option<(u64, u64)>,
    done: bool,
}

impl Reader {
    pub(super) fn new(call: &Call<'_>) -> Self {
        Self { emitter: Emitter::new(call), provider: Arc::clone(&call.endpoint.provider), items: Vec::new(), searches: 0, chars: 0 }
    }

    /// Reads one event.
    pub(super) fn event(&mut self, json: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let event: Event<'_> = match serde_json::from_slice(json) {
            Ok(event) => event,
            Err(cause) => {
                let json = repaired(json).ok_or_else(|| error::not_ours(json, &cause))?;
                return self.event(json.as_bytes(), out);
            }
        };
        let kind = Text::given(event.kind.as_ref()).unwrap_or_default();
        let index = self.place(&event);
        let delta = || Text::given(event.delta.as_ref()).unwrap_or_default();
        match kind {
            "response.output_text.delta" => {
                self.state(index).text = true;
                self.begin_part(index, event.content_index.0.unwrap_or(0));
                self.text(delta(), event.logprobs, out);
            }
            "response.refusal.delta" => {
                self.state(index).refusal = true;
                self.emitter.refusal(0, delta().to_owned(), out);
            }
            "response.reasoning_summary_text.delta" => self.summary(index, event.summary_index.0.unwrap_or(0), delta(), out),
            "response.reasoning_text.delta" => self.reasoning(index, delta(), out),
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                // Of a call that was not announced all is said at its end.
                self.state(index).arguments |= self.emitter.has_tool(0, index);
                self.emitter.tool_arguments(0, index, delta(), out);
            }
            "response.output_text.annotation.added" => {
                self.state(index).annotations += 1;
                let before = self.state(index).part.map_or(0, |(_, before)| before);
                if let Some(cited) = event.annotation.and_then(|cited| serde_json::from_str(cited.get()).ok()) {
                    self.annotation(&cited, before, out);
                }
            }
            "response.output_item.added" => {
                if let Some(item) = &event.item.0 {
                    self.begin(index, item, out);
                }
            }
            "response.output_item.done" => {
                if let Some(item) = &event.item.0 {
                    self.item(index, item, out);
                }
            }
            "response.completed" | "response.incomplete" | "response.failed" | "response.done" | "response.cancelled" => {
                match event.response {
                    Some(response) => self.answer(response.get().as_bytes(), out)?,
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
            "" if event.error.is_some() => return Err(error::from_event(json)),
            _ => {}
        }
        Ok(())
    }

    /// Reads a finished answer: what the events before it did not say, and how it ended.
    pub(super) fn answer(&mut self, json: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let answer: Answer<'_> = match serde_json::from_slice(json) {
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
        for (index, item) in answer.output.iter().flat_map(|items| &items.0).enumerate() {
            // It may be at another place there than in the events.
            let known = Text::of(&item.id).and_then(|id| self.known(id));
            self.item(known.unwrap_or(index as u64), item, out);
        }
        if let Some(usage) = &answer.usage.0 {
            self.emitter.usage(self.usage(usage));
        }
        if let Some(cause) = answer.error {
            return Err(error::from_event(cause.get().as_bytes()));
        }
        let status = Text::given(answer.status.as_ref()).unwrap_or("completed");
        let reason = answer.incomplete_details.0.as_ref().and_then(|details| Text::given(details.reason.as_ref()));
        let finish_reason = match (status, reason) {
            ("failed" | "cancelled", _) => {
                return Err(Error::new(ErrorKind::Upstream, format!("the vendor's answer is `{status}`")));
            }
            (_, Some("content_filter")) => FinishReason::ContentFilter,
            ("incomplete", _) => FinishReason::Length,
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

    /// Where the event's item is in the output; its id tells where it does not say so.
    fn place(&mut self, event: &Event<'_>) -> u64 {
        if let Some(index) = event.output_index.0 {
            return index;
        }
        let Some(id) = Text::of(&event.item_id).or(event.item.0.as_ref().and_then(|item| Text::of(&item.id))) else { return 0 };
        let index = self.known(id).unwrap_or(self.items.len() as u64);
        id.clone_into(&mut self.state(index).id);
        index
    }

    /// Where the item of this id is.
    fn known(&self, id: &str) -> Option<u64> {
        self.items.iter().find(|item| item.id == id).map(|item| item.index)
    }

    fn state(&mut self, index: u64) -> &mut ItemState {
        let at = self.items.iter().rposition(|item| item.index == index).unwrap_or_else(|| {
            self.items.push(ItemState {
                index,
                id: String::new(),
                text: false,
                refusal: false,
                reasoning: false,
                summary: None,
                arguments: false,
                annotations: 0,
                part: None,
                done: false,
            });
            self.items.len() - 1
        });
        &mut self.items[at]
    }

    /// A call is announced before its arguments.
    fn begin(&mut self, index: u64, item: &Item<'_>, out: &mut VecDeque<ChatChunk>) {
        let is_call = item.kind.as_ref().is_some_and(|kind| matches!(&*kind.0, "function_call" | "custom_tool_call"));
        if is_call && !self.emitter.has_tool(0, index) {
            let id = Text::given(item.call_id.as_ref()).or(Text::given(item.id.as_ref()));
            self.emitter.tool_start(0, index, id, Text::given(item.name.as_ref()).unwrap_or_default(), out);
        }
    }

    /// A finished item: what its events did not say already.
    fn item(&mut self, index: u64, item: &Item<'_>, out: &mut VecDeque<ChatChunk>) {
        let state = self.state(index);
        if std::mem::replace(&mut state.done, true) {
            return;
        }
        Text::of(&item.id).unwrap_or_default().clone_into(&mut state.id);
        match Text::given(item.kind.as_ref()).unwrap_or_default() {
            "message" => {
                for (number, part) in (0..).zip(&item.content.0) {
                    self.part(index, number, part, out);
                }
            }
            "reasoning" => self.reasoning_item(index, item, out),
            "function_call" | "custom_tool_call" => {
                self.begin(index, item, out);
                if !self.state(index).arguments {
                    let arguments = Text::given(item.arguments.as_ref().or(item.input.as_ref())).unwrap_or_default();
                    self.emitter.tool_arguments(0, index, arguments, out);
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

    fn begin_part(&mut self, index: u64, number: u64) {
        let before = self.chars;
        let part = &mut self.state(index).part;
        if part.is_none_or(|(last, _)| last != number) {
            *part = Some((number, before));
        }
    }

    fn part(&mut self, index: u64, number: u64, part: &Part<'_>, out: &mut VecDeque<ChatChunk>) {
        let state = self.state(index);
        let (with_text, with_refusal) = (!state.text, !state.refusal);
        let seen = std::mem::take(&mut state.annotations);
        if with_text {
            self.begin_part(index, number);
            self.text(Text::given(part.text.as_ref()).unwrap_or_default(), part.logprobs, out);
        }
        if with_refusal {
            self.emitter.refusal(0, Text::given(part.refusal.as_ref()).unwrap_or_default().to_owned(), out);
        }
        let annotations = part.annotations.map(list).unwrap_or_default();
        let before = self.state(index).part.map_or(0, |(_, before)| before);
        for cited in annotations.iter().skip(seen) {
            self.annotation(cited, before, out);
        }
        self.state(index).annotations = seen.saturating_sub(annotations.len());
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

    fn reasoning(&mut self, index: u64, text: &str, out: &mut VecDeque<ChatChunk>) {
        self.state(index).reasoning = true;
        if !text.is_empty() {
            self.emitter.reasoning_detail(0, block(ReasoningDetail::text(text), index), out);
        }
    }

    fn summary(&mut self, index: u64, part: u64, text: &str, out: &mut VecDeque<ChatChunk>) {
        if text.is_empty() {
            return;
        }
        // An empty line between two parts of a summary.
        let follows = self.state(index).summary.replace(part).is_some_and(|last| last != part);
        let text = if follows { format!("\n\n{text}") } else { text.to_owned() };
        self.emitter.reasoning_detail(0, block(ReasoningDetail::summary(text), index), out);
    }

    fn reasoning_item(&mut self, index: u64, item: &Item<'_>, out: &mut VecDeque<ChatChunk>) {
        if self.state(index).summary.is_none() {
            for (number, part) in item.summary.0.iter().enumerate() {
                self.summary(index, number as u64, Text::given(part.text.as_ref()).unwrap_or_default(), out);
            }
        }
        if !self.state(index).reasoning {
            for part in &item.content.0 {
                self.reasoning(index, Text::given(part.text.as_ref()).unwrap_or_default(), out);
            }
        }
        if let Some(data) = Text::given(item.encrypted_content.as_ref()) {
            let id = Text::given(item.id.as_ref()).map(str::to_owned);
            let detail = ReasoningDetail { id, provider: Some(self.provider.to_string()), ..ReasoningDetail::encrypted(data) };
            self.emitter.reasoning_detail(0, block(detail, index), out);
        }
    }

    fn usage(&self, wire: &WireUsage) -> Usage {
        let mut usage = Usage {
            prompt_tokens: wire.input_tokens.0,
            completion_tokens: wire.output_tokens.0,
            total_tokens: wire.total_tokens.0,
            ..Usage::default()
        };
        if let Some(details) = &wire.input_tokens_details.0 {
            let prompt = usage.prompt_details();
            prompt.cached_tokens = details.cached_tokens.0;
            prompt.cache_write_tokens = details.cache_write_tokens.0;
        }
        if let Some(reasoning) = wire.output_tokens_details.0.as_ref().and_then(|details| details.reasoning_tokens.0) {
            usage.completion_details().reasoning_tokens = Some(reasoning);
            complete(&mut usage, reasoning);
        }
        if let Some(cost) = stated(wire.cost, wire.cost_in_usd_ticks) {
            usage.cost_details.get_or_insert_default().upstream_inference_cost = Some(cost);
        }
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
