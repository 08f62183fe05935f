//! Events to chunks. A whole message takes the same path, block by block.

use std::collections::VecDeque;

use super::{
    encode, error,
    wire::{Answer, Block, Citation, Event, EventDelta, Text, Usage as WireUsage, text},
};
use crate::{
    error::{Error, Result},
    protocols::{
        Call, Decoder, Emitter, bedrock,
        framing::{Aws, Sse},
    },
    types::{Annotation, ChatChunk, FinishReason, ReasoningDetail, ServerToolUse, UrlCitation, Usage},
};

/// The format of Anthropic's reasoning blocks in `reasoning_details`.
pub(in crate::protocols) const FORMAT: &str = "anthropic-claude-v1";

/// Reads one streamed message.
pub(super) struct MessagesDecoder {
    framing: Framing,
    state: State,
}

/// How events are told apart. Bedrock's invoke wraps each one in an AWS frame, whose first byte is always zero; text
/// never has one.
enum Framing {
    Unknown,
    Aws(Aws),
    Sse(Sse),
}

impl MessagesDecoder {
    pub(super) fn new(call: &Call<'_>) -> Self {
        Self { framing: Framing::Unknown, state: State::new(call) }
    }
}

impl Decoder for MessagesDecoder {
    fn push(&mut self, bytes: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let Self { framing, state } = self;
        if let (Framing::Unknown, Some(first)) = (&framing, bytes.first()) {
            *framing = if *first == 0 { Framing::Aws(Aws::new()) } else { Framing::Sse(Sse::new()) };
        }
        match framing {
            Framing::Unknown => Ok(()),
            Framing::Sse(sse) => sse.push(bytes, |_, data| state.event(data, out)),
            Framing::Aws(aws) => aws.push(bytes, |frame| state.event(&bedrock::invoked(&frame)?, out)),
        }
    }

    fn finish(&mut self, out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let Self { framing, state } = self;
        match framing {
            Framing::Unknown => {}
            Framing::Sse(sse) => sse.finish(|_, data| state.event(data, out))?,
            Framing::Aws(aws) => aws.finish()?,
        }
        if state.emitter.is_done() { Ok(()) } else { Err(Error::cut()) }
    }

    fn is_done(&self) -> bool {
        self.state.emitter.is_done()
    }
}

/// What is known of one message while it arrives.
pub(super) struct State {
    emitter: Emitter,
    provider: String,
    usage: Usage,
    /// Blocks that have begun and not ended; nearly always one.
    open: Vec<(u32, Open)>,
    /// Characters of text so far; citations count them.
    chars: u64,
    hides_reasoning: bool,
    /// The tool that stands in for a JSON schema; its arguments are the answer.
    json_tool: Option<String>,
    input: Option<u64>,
}

enum Open {
    Text {
        start: u64,
        citations: Vec<UrlCitation>,
    },
    Thinking {
        first: bool,
    },
    Tool {
        has_arguments: bool,
    },
    JsonTool,
    /// Tools that Anthropic runs, their results, and what is not known yet.
    Other,
}

impl State {
    pub(super) fn new(call: &Call<'_>) -> Self {
        Self {
            emitter: Emitter::new(call),
            provider: call.endpoint.provider.to_string(),
            usage: Usage::default(),
            open: Vec::new(),
            chars: 0,
            hides_reasoning: call.request.reasoning.as_ref().is_some_and(|reasoning| reasoning.exclude),
            json_tool: encode::json_tool(call).map(str::to_owned),
            input: None,
        }
    }

    /// A message that came in one piece.
    pub(super) fn whole(&mut self, answer: Answer<'_>, out: &mut VecDeque<ChatChunk>) {
        self.start(&answer);
        for (index, block) in (0..).zip(answer.content) {
            self.block_start(index, block, out);
            self.block_stop(index, out);
        }
        self.stop_reason(answer.stop_reason.as_ref());
        self.end(out);
    }

    fn event(&mut self, data: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        if self.emitter.is_done() || data.is_empty() {
            return Ok(());
        }
        let event: Event<'_> =
            serde_json::from_slice(data).map_err(|error| Error::decode(format!("an event of the stream is not Anthropic's: {error}")))?;
        match &*event.kind {
            "content_block_delta" => {
                if let Some(delta) = event.delta {
                    self.block_delta(event.index, delta, out);
                }
            }
            "content_block_start" => {
                if let Some(block) = event.content_block {
                    self.block_start(event.index, block, out);
                }
            }
            "content_block_stop" => self.block_stop(event.index, out),
            "message_start" => {
                if let Some(answer) = event.message {
                    self.start(&answer);
                }
            }
            "message_delta" => {
                if let Some(usage) = &event.usage {
                    self.usage(usage);
                }
                self.stop_reason(event.delta.as_ref().and_then(|delta| delta.stop_reason.as_ref()));
            }
            "message_stop" => self.end(out),
            "error" => return Err(error::from_wire(&event.error.unwrap_or_default())),
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, answer: &Answer<'_>) {
        let name = |field: &Option<Text<'_>>| field.as_ref().map(|text| text.as_str().to_owned());
        self.emitter.identify(name(&answer.id).as_deref(), name(&answer.model).as_deref(), None);
        if let Some(usage) = &answer.usage {
            self.usage(usage);
        }
    }

    fn block_start(&mut self, index: u32, block: Block<'_>, out: &mut VecDeque<ChatChunk>) {
        let open = match &*block.kind {
            "text" => Open::Text { start: self.chars, citations: Vec::new() },
            "thinking" => Open::Thinking { first: true },
            "redacted_thinking" => {
                if !self.hides_reasoning {
                    let mut detail = ReasoningDetail::encrypted(text(block.data.as_ref()));
                    self.mark(&mut detail, index, true);
                    self.emitter.reasoning_detail(0, detail, out);
                }
                Open::Other
            }
            "tool_use" if self.json_tool.as_deref().is_some_and(|tool| tool == text(block.name.as_ref())) => Open::JsonTool,
            "tool_use" => {
                self.emitter.tool_start(0, index.into(), block.id.as_ref().map(Text::as_str), text(block.name.as_ref()), out);
                Open::Tool { has_arguments: false }
            }
            _ => Open::Other,
        };
        let is_tool = matches!(open, Open::Tool { .. } | Open::JsonTool);
        self.open.push((index, open));
        // Streams begin blocks empty; whole messages and some hosts put everything here.
        if is_tool {
            let input = block.input.map(|input| input.get()).filter(|input| !matches!(input.trim(), "{}" | "null" | "\"\""));
            self.arguments(index, input.unwrap_or_default(), out);
        } else {
            let Block { text, thinking, signature, citations, .. } = block;
            let delta = EventDelta { text, thinking, signature, ..EventDelta::default() };
            self.block_delta(index, delta, out);
            for citation in citations.unwrap_or_default() {
                self.citation(index, &citation);
            }
        }
    }

    fn block_delta(&mut self, index: u32, delta: EventDelta<'_>, out: &mut VecDeque<ChatChunk>) {
        let Some((_, open)) = self.open.iter_mut().rev().find(|(at, _)| *at == index) else { return };
        match open {
            Open::Text { .. } => {
                if let Some(Text(text)) = delta.text {
                    self.chars += if text.is_ascii() { text.len() } else { text.chars().count() } as u64;
                    self.emitter.text(0, text.into_owned(), out);
                } else if let Some(citation) = delta.citation {
                    self.citation(index, &citation);
                }
            }
            Open::Thinking { first } => {
                let words = delta.thinking.filter(|words| !words.0.is_empty());
                let signature = delta.signature.filter(|signature| !signature.0.is_empty());
                if self.hides_reasoning || (words.is_none() && signature.is_none()) {
                    return;
                }
                let first = std::mem::take(first);
                let mut detail = ReasoningDetail {
                    detail_type: "reasoning.text".to_owned(),
                    text: words.map(|words| words.0.into_owned()),
                    signature: signature.map(|signature| signature.0.into_owned()),
                    ..ReasoningDetail::default()
                };
                self.mark(&mut detail, index, first);
                self.emitter.reasoning_detail(0, detail, out);
            }
            Open::Tool { .. } | Open::JsonTool => {
                if let Some(fragment) = delta.partial_json {
                    self.arguments(index, fragment.as_str(), out);
                }
            }
            Open::Other => {}
        }
    }

    fn block_stop(&mut self, index: u32, out: &mut VecDeque<ChatChunk>) {
        let Some(at) = self.open.iter().rposition(|(at, _)| *at == index) else { return };
        match self.open.swap_remove(at).1 {
            Open::Tool { has_arguments: false } => self.emitter.tool_arguments(0, index.into(), "{}", out),
            Open::Text { start, citations } => {
                // A citation comes before the words that rest on it: which words is known only here.
                for mut url_citation in citations {
                    (url_citation.start_index, url_citation.end_index) = (start, self.chars);
                    self.emitter.annotation(0, Annotation::UrlCitation { url_citation }, out);
                }
            }
            _ => {}
        }
    }

    fn arguments(&mut self, index: u32, fragment: &str, out: &mut VecDeque<ChatChunk>) {
        if fragment.is_empty() {
            return;
        }
        match self.open.iter_mut().rev().find(|(at, _)| *at == index) {
            Some((_, Open::Tool { has_arguments })) => {
                *has_arguments = true;
                self.emitter.tool_arguments(0, index.into(), fragment, out);
            }
            Some((_, Open::JsonTool)) => self.emitter.text(0, fragment.to_owned(), out),
            _ => {}
        }
    }

    fn citation(&mut self, index: u32, citation: &Citation<'_>) {
        let Some((_, Open::Text { citations, .. })) = self.open.iter_mut().rev().find(|(at, _)| *at == index) else { return };
        // Citations of the caller's own documents have no URL, and OpenAI's shape has no other kind.
        let Some(url) = citation.url.as_ref().or(citation.source.as_ref()) else { return };
        let content = citation.cited_text.as_ref().map(|text| text.as_str().to_owned());
        let title = text(citation.title.as_ref()).to_owned();
        citations.push(UrlCitation { url: url.as_str().to_owned(), title, content, ..UrlCitation::default() });
    }

    /// Says whose block it is; once per block.
    fn mark(&self, detail: &mut ReasoningDetail, index: u32, first: bool) {
        detail.index = Some(index);
        detail.format = Some(FORMAT.to_owned());
        detail.provider = first.then(|| self.provider.clone());
    }

    fn stop_reason(&mut self, reason: Option<&Text<'_>>) {
        let Some(native) = reason.map(Text::as_str) else { return };
        let reason = match native {
            "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
            "refusal" => FinishReason::ContentFilter,
            "tool_use" if self.emitter.tool_count(0) > 0 => FinishReason::ToolCalls,
            // `end_turn`, `stop_sequence`, `pause_turn`, and a forced JSON tool.
            _ => FinishReason::Stop,
        };
        self.emitter.finish(0, reason, Some(native));
    }

    /// Takes over the numbers that are given; the later ones win.
    fn usage(&mut self, wire: &WireUsage<'_>) {
        let usage = &mut self.usage;
        self.input = wire.input_tokens.or(self.input);
        usage.completion_tokens = wire.output_tokens.or(usage.completion_tokens);
        let set = |field: &mut Option<u64>, new: Option<u64>| *field = new.or(*field);
        if wire.cache_read_input_tokens.is_some() || wire.cache_creation_input_tokens.is_some() {
            let details = usage.prompt_details();
            set(&mut details.cached_tokens, wire.cache_read_input_tokens);
            set(&mut details.cache_write_tokens, wire.cache_creation_input_tokens);
        }
        if let Some(hour) = wire.cache_creation.as_ref().and_then(|split| split.ephemeral_1h_input_tokens) {
            usage.prompt_details().cache_write_1h_tokens = Some(hour);
        }
        if let Some(thinking) = wire.output_tokens_details.as_ref().and_then(|details| details.thinking_tokens) {
            usage.completion_details().reasoning_tokens = Some(thinking);
        }
        if let Some(searches) = wire.server_tool_use.as_ref().and_then(|tools| tools.web_search_requests) {
            usage.server_tool_use_details = Some(ServerToolUse { web_search_requests: Some(searches) });
        }
        match text(wire.service_tier.as_ref()) {
            "standard" => self.emitter.service_tier("default".to_owned()),
            "priority" => self.emitter.service_tier("priority".to_owned()),
            _ => {}
        }
    }

    fn end(&mut self, out: &mut VecDeque<ChatChunk>) {
        let mut usage = std::mem::take(&mut self.usage);
        let details = usage.prompt_tokens_details.as_ref();
        let cached = details.map_or(0, |details| details.cached_tokens.unwrap_or(0) + details.cache_write_tokens.unwrap_or(0));
        usage.prompt_tokens = self.input.map(|input| input + cached);
        if let (Some(prompt), Some(completion)) = (usage.prompt_tokens, usage.completion_tokens) {
            usage.total_tokens = Some(prompt + completion);
        }
        if !usage.is_empty() {
            self.emitter.usage(usage);
        }
        self.emitter.end(out);
    }
}
