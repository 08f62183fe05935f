//! The state of one answer that comes in numbered blocks, as Anthropic and Bedrock send it: text, thinking, tool calls,
//! one after the other, each begun, filled and ended.

use std::{borrow::Cow, collections::VecDeque};

use super::{Call, Emitter};
use crate::types::{Annotation, ChatChunk, Delta, FinishReason, ImageOutput, ImageUrl, ReasoningDetail, UrlCitation, Usage};

/// The format of Anthropic's signed blocks in `reasoning_details`.
pub(super) const ANTHROPIC_FORMAT: &str = "anthropic-claude-v1";

pub(super) struct Blocks {
    pub(super) emitter: Emitter,
    provider: String,
    /// The format of this vendor's blocks in `reasoning_details`.
    format: &'static str,
    /// Blocks that have begun and not ended; nearly always one.
    open: Vec<(u32, Open)>,
    /// Characters of text so far; citations count them.
    chars: u64,
    hides_reasoning: bool,
    /// The tool that stands in for a JSON schema; its arguments are the answer.
    json_tool: Option<String>,
}

enum Open {
    Text {
        start: u64,
        citations: Vec<UrlCitation>,
    },
    Thinking {
        is_marked: bool,
    },
    Tool {
        /// The call is the answer, and its arguments are the text.
        is_answer: bool,
        /// What the begin of the block said; pieces, where they follow, say it again.
        input: String,
    },
    Image {
        format: String,
        data: String,
    },
    /// Tools that the vendor runs, their results, and what is not known yet.
    Other,
}

impl Blocks {
    pub(super) fn new(call: &Call<'_>, format: &'static str, json_tool: Option<&str>) -> Self {
        Self {
            emitter: Emitter::new(call),
            provider: call.endpoint.provider.to_string(),
            format,
            open: Vec::new(),
            chars: 0,
            hides_reasoning: call.request.reasoning.as_ref().is_some_and(|reasoning| reasoning.exclude),
            json_tool: json_tool.map(str::to_owned),
        }
    }

    pub(super) fn start_text(&mut self, index: u32) {
        self.open.push((index, Open::Text { start: self.chars, citations: Vec::new() }));
    }

    pub(super) fn start_thinking(&mut self, index: u32) {
        self.open.push((index, Open::Thinking { is_marked: false }));
    }

    /// Begins a call. Streams begin it empty; whole messages and some hosts have all of its input here.
    pub(super) fn start_tool(&mut self, index: u32, id: &str, name: &str, input: Cow<'_, str>, out: &mut VecDeque<ChatChunk>) {
        let is_answer = self.json_tool.as_deref() == Some(name);
        if !is_answer {
            self.emitter.tool_start(0, index.into(), Some(id), name, out);
        }
        self.open.push((index, Open::Tool { is_answer, input: input.into_owned() }));
    }

    pub(super) fn start_image(&mut self, index: u32, format: &str) {
        self.open.push((index, Open::Image { format: format.to_owned(), data: String::new() }));
    }

    /// Adds a piece of an image, in base64.
    pub(super) fn image(&mut self, index: u32, piece: &str) {
        if let Some(Open::Image { data, .. }) = self.find(index) {
            data.push_str(piece);
        }
    }

    /// A block that is no part of the answer.
    pub(super) fn start_other(&mut self, index: u32) {
        self.open.push((index, Open::Other));
    }

    /// Adds text. Bedrock does not announce blocks of text.
    pub(super) fn text(&mut self, index: u32, text: Cow<'_, str>, out: &mut VecDeque<ChatChunk>) {
        if self.find(index).is_none() {
            self.start_text(index);
        }
        if let Some(Open::Text { .. }) = self.find(index) {
            self.chars += if text.is_ascii() { text.len() } else { text.chars().count() } as u64;
            self.emitter.text(0, text.into_owned(), out);
        }
    }

    /// Adds thinking and, late, the signature over all of it.
    pub(super) fn thinking(&mut self, index: u32, words: Option<String>, signature: Option<String>, out: &mut VecDeque<ChatChunk>) {
        if self.find(index).is_none() {
            self.start_thinking(index);
        }
        let Some(Open::Thinking { is_marked }) = self.find(index) else { return };
        let words = words.filter(|words| !words.is_empty());
        let signature = signature.filter(|signature| !signature.is_empty());
        if words.is_none() && signature.is_none() {
            return;
        }
        let first = !std::mem::replace(is_marked, true);
        let detail = ReasoningDetail { detail_type: "reasoning.text".to_owned(), text: words, signature, ..ReasoningDetail::default() };
        self.detail(index, detail, first, out);
    }

    /// Adds a block of thinking that only its issuer can read.
    pub(super) fn redacted(&mut self, index: u32, data: &str, out: &mut VecDeque<ChatChunk>) {
        self.detail(index, ReasoningDetail::encrypted(data), true, out);
    }

    fn detail(&mut self, index: u32, mut detail: ReasoningDetail, first: bool, out: &mut VecDeque<ChatChunk>) {
        if self.hides_reasoning {
            return;
        }
        detail.index = Some(index);
        detail.format = Some(self.format.to_owned());
        detail.provider = first.then(|| self.provider.clone());
        self.emitter.reasoning_detail(0, detail, out);
    }

    /// Adds a piece of a call's arguments.
    pub(super) fn arguments(&mut self, index: u32, fragment: &str, out: &mut VecDeque<ChatChunk>) {
        if let (false, Some(Open::Tool { is_answer, input })) = (fragment.is_empty(), self.find(index)) {
            input.clear();
            let is_answer = *is_answer;
            self.pour(index, is_answer, fragment, out);
        }
    }

    fn pour(&mut self, index: u32, is_answer: bool, fragment: &str, out: &mut VecDeque<ChatChunk>) {
        if is_answer {
            self.emitter.text(0, fragment.to_owned(), out);
        } else {
            self.emitter.tool_arguments(0, index.into(), fragment, out);
        }
    }

    /// Notes a source of the block's text. It may come before the words that rest on it: which words is known at the end.
    pub(super) fn cite(&mut self, index: u32, citation: UrlCitation) {
        if self.find(index).is_none() {
            self.start_text(index);
        }
        if let Some(Open::Text { citations, .. }) = self.find(index) {
            citations.push(citation);
        }
    }

    pub(super) fn stop(&mut self, index: u32, out: &mut VecDeque<ChatChunk>) {
        let Some(at) = self.open.iter().rposition(|(at, _)| *at == index) else { return };
        match self.open.swap_remove(at).1 {
            Open::Image { format, data } if !data.is_empty() => {
                let image_url = ImageUrl { url: format!("data:image/{format};base64,{data}"), detail: None };
                let images = vec![ImageOutput::ImageUrl { image_url }];
                self.emitter.delta(0, Delta { images, ..Delta::default() }, out);
            }
            Open::Tool { is_answer, input } => self.pour(index, is_answer, &input, out),
            Open::Text { start, citations } => {
                for mut url_citation in citations {
                    (url_citation.start_index, url_citation.end_index) = (start, self.chars);
                    self.emitter.annotation(0, Annotation::UrlCitation { url_citation }, out);
                }
            }
            _ => {}
        }
    }

    /// Notes why the answer ended. A forced JSON tool is no call.
    pub(super) fn finish(&mut self, reason: FinishReason, native: &str) {
        let reason = match reason {
            FinishReason::ToolCalls if self.emitter.tool_count(0) == 0 => FinishReason::Stop,
            reason => reason,
        };
        self.emitter.finish(0, reason, Some(native));
    }

    /// The answer is complete. `usage` counts as `prompt_tokens` what was neither read from nor written to a cache, as
    /// these vendors do; here all of it is made one number.
    pub(super) fn end(&mut self, mut usage: Usage, out: &mut VecDeque<ChatChunk>) {
        // A stop reason may be missing altogether.
        if !self.emitter.is_finished() {
            self.emitter.finish(0, FinishReason::Stop, None);
        }
        // Some hosts do not end their blocks.
        while let Some((index, _)) = self.open.last() {
            self.stop(*index, out);
        }
        let cached = usage
            .prompt_tokens_details
            .as_ref()
            .map_or(0, |details| details.cached_tokens.unwrap_or_default().saturating_add(details.cache_write_tokens.unwrap_or_default()));
        usage.prompt_tokens = usage.prompt_tokens.map(|input| input.saturating_add(cached));
        if let (Some(prompt), Some(completion)) = (usage.prompt_tokens, usage.completion_tokens) {
            usage.total_tokens = Some(prompt.saturating_add(completion));
        }
        if !usage.is_empty() {
            self.emitter.usage(usage);
        }
        self.emitter.end(out);
    }

    fn find(&mut self, index: u32) -> Option<&mut Open> {
        self.open.iter_mut().rev().find(|(at, _)| *at == index).map(|(_, open)| open)
    }
}
