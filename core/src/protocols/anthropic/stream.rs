//! Events to chunks. A whole message takes the same path, block by block.

use std::collections::VecDeque;

use super::{
    encode, error,
    wire::{Answer, Block, Citation, Event, EventDelta, Usage as WireUsage, text},
};
use crate::{
    error::{Error, Result},
    protocols::{
        Call, Decoder, bedrock,
        blocks::{ANTHROPIC_FORMAT, Blocks},
        framing::{Aws, Events},
        loose::{self, Count, Text, arguments},
        openai_chat,
        repair::repaired,
    },
    types::{ChatChunk, FinishReason, ServerToolUse, UrlCitation, Usage},
};

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
    Events(Events),
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
            *framing = if *first == 0 { Framing::Aws(Aws::new()) } else { Framing::Events(Events::new()) };
        }
        match framing {
            Framing::Unknown => Ok(()),
            Framing::Events(events) => events.push(bytes, |name, data| state.event(name, data, out)),
            Framing::Aws(aws) => aws.push(bytes, |frame| state.event(b"", &bedrock::invoked(&frame)?, out)),
        }
    }

    fn finish(&mut self, out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let Self { framing, state } = self;
        match framing {
            Framing::Unknown => {}
            Framing::Events(events) => {
                if let Some(body) = events.finish(|name, data| state.event(name, data, out))? {
                    state.body(body.trim_ascii(), out)?;
                }
            }
            Framing::Aws(aws) => aws.finish()?,
        }
        if state.blocks.emitter.is_done() { Ok(()) } else { Err(Error::cut()) }
    }

    fn is_done(&self) -> bool {
        self.state.blocks.emitter.is_done()
    }
}

/// What is known of one message while it arrives.
pub(super) struct State {
    blocks: Blocks,
    usage: Usage,
}

impl State {
    pub(super) fn new(call: &Call<'_>) -> Self {
        Self { blocks: Blocks::new(call, ANTHROPIC_FORMAT, encode::json_tool(call)), usage: Usage::default() }
    }

    /// A message that came in one piece, or the error in its place.
    pub(super) fn body(&mut self, body: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let answer: Answer<'_> = match loose::read(body) {
            Ok(answer) => answer,
            Err(cause) => match repaired(body) {
                Some(body) => return self.body(body.as_bytes(), out),
                None => return Err(openai_chat::error::not_ours(body, &cause)),
            },
        };
        if let Some(problem) = answer.error {
            return Err(error::in_band(problem, body));
        }
        if answer.content.is_none() && answer.stop_reason.is_none() {
            return Err(openai_chat::error::not_ours(body, &serde::de::Error::missing_field("content")));
        }
        self.whole(answer, out);
        Ok(())
    }

    fn whole(&mut self, answer: Answer<'_>, out: &mut VecDeque<ChatChunk>) {
        self.start(&answer);
        for (index, block) in (0..).zip(answer.content.unwrap_or_default().0) {
            self.block_start(index, block, out);
            self.blocks.stop(index, out);
        }
        self.stop_reason(answer.stop_reason.as_ref());
        self.end(out);
    }

    /// An event; `name` is the one beside its data, where the data has no type.
    fn event(&mut self, name: &[u8], data: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        if self.blocks.emitter.is_done() || data.is_empty() {
            return Ok(());
        }
        if let Some(error) = openai_chat::error::listed(data) {
            return Err(error);
        }
        let event: Event<'_> = match loose::read(data) {
            Ok(event) => event,
            Err(_) if data == b"[DONE]" => {
                if self.blocks.emitter.is_finished() {
                    self.end(out);
                }
                return Ok(());
            }
            Err(cause) => match repaired(data) {
                Some(data) => return self.event(name, data.as_bytes(), out),
                None if name == b"error" => return Err(openai_chat::error::from_event(data)),
                None => return Err(openai_chat::error::not_ours(data, &cause)),
            },
        };
        let index = event.index.0.unwrap_or(0) as u32;
        let kind = if event.kind.0.is_empty() { str::from_utf8(name).unwrap_or_default() } else { &*event.kind.0 };
        match kind {
            "content_block_delta" => {
                if let Some(delta) = event.delta.0 {
                    self.block_delta(index, delta, out);
                }
            }
            "content_block_start" => {
                if let Some(block) = event.content_block.0 {
                    self.block_start(index, block, out);
                }
            }
            "content_block_stop" => self.blocks.stop(index, out),
            "message_start" => {
                if let Some(answer) = event.message.0 {
                    self.start(&answer);
                }
            }
            "message_delta" => {
                if let Some(usage) = &event.usage.0 {
                    self.usage(usage);
                }
                self.stop_reason(event.delta.0.as_ref().and_then(|delta| delta.stop_reason.as_ref()));
            }
            "message_stop" => {
                if let Some(metrics) = event.metrics.0.filter(|_| self.usage.is_empty()) {
                    self.usage(&metrics.into());
                }
                self.end(out);
            }
            kind @ ("error" | "") => match event.error {
                Some(problem) => return Err(error::in_band(problem, data)),
                None if kind == "error" => return Err(openai_chat::error::from_event(data)),
                None => {}
            },
            // `ping`, and what is not known yet.
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, answer: &Answer<'_>) {
        let [id, model] = [&answer.id, &answer.model].map(Text::of);
        self.blocks.emitter.identify(id, model, None);
        if let Some(usage) = &answer.usage.0 {
            self.usage(usage);
        }
    }

    fn block_start(&mut self, index: u32, block: Block<'_>, out: &mut VecDeque<ChatChunk>) {
        match &*block.kind.0 {
            "text" => self.blocks.start_text(index),
            "thinking" => self.blocks.start_thinking(index),
            "tool_use" => {
                let [id, name] = [&block.id, &block.name].map(|field| text(field.as_ref()));
                return self.blocks.start_tool(index, id, name, arguments(block.input), out);
            }
            "redacted_thinking" => {
                self.blocks.redacted(index, text(block.data.as_ref()), out);
                return self.blocks.start_other(index);
            }
            // Tools that Anthropic runs and their results.
            _ => return self.blocks.start_other(index),
        }
        let Block { text, thinking, signature, citations, .. } = block;
        self.block_delta(index, EventDelta { text, thinking, signature, ..EventDelta::default() }, out);
        for citation in &citations.0 {
            self.cite(index, citation);
        }
    }

    fn block_delta(&mut self, index: u32, delta: EventDelta<'_>, out: &mut VecDeque<ChatChunk>) {
        if let Some(Text(text)) = delta.text {
            self.blocks.text(index, text, out);
        } else if let Some(fragment) = delta.partial_json {
            self.blocks.arguments(index, &fragment.0, out);
        } else if delta.thinking.is_some() || delta.signature.is_some() {
            let [words, signature] = [delta.thinking, delta.signature].map(|field| field.map(|text| text.0.into_owned()));
            self.blocks.thinking(index, words, signature, out);
        } else if let Some(citation) = &delta.citation.0 {
            self.cite(index, citation);
        }
    }

    fn cite(&mut self, index: u32, citation: &Citation<'_>) {
        // Citations of the caller's own documents have no URL, and OpenAI's shape has no other kind.
        let source = citation.source.as_ref().filter(|source| source.0.starts_with("http"));
        let Some(url) = citation.url.as_ref().or(source) else { return };
        let content = citation.cited_text.as_ref().map(|text| text.0.to_string());
        let title = text(citation.title.as_ref()).to_owned();
        self.blocks.cite(index, UrlCitation { url: url.0.to_string(), title, content, ..UrlCitation::default() });
    }

    fn stop_reason(&mut self, reason: Option<&Text<'_>>) {
        let Some(native) = Text::given(reason) else { return };
        let reason = match native {
            "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
            "refusal" => FinishReason::ContentFilter,
            "tool_use" => FinishReason::ToolCalls,
            // `end_turn`, `stop_sequence`, `pause_turn`.
            _ => FinishReason::Stop,
        };
        self.blocks.finish(reason, native);
    }

    /// Takes over the numbers that are given; the later ones win.
    fn usage(&mut self, wire: &WireUsage<'_>) {
        let usage = &mut self.usage;
        let set = |field: &mut Option<u64>, new: Count| *field = new.0.or(*field);
        set(&mut usage.prompt_tokens, wire.input_tokens);
        set(&mut usage.completion_tokens, wire.output_tokens);
        if wire.cache_read_input_tokens.0.is_some() || wire.cache_creation_input_tokens.0.is_some() {
            let details = usage.prompt_details();
            set(&mut details.cached_tokens, wire.cache_read_input_tokens);
            set(&mut details.cache_write_tokens, wire.cache_creation_input_tokens);
        }
        if let Some(hour) = wire.cache_creation.0.as_ref().and_then(|split| split.ephemeral_1h_input_tokens.0) {
            usage.prompt_details().cache_write_1h_tokens = Some(hour);
        }
        if let Some(thinking) = wire.output_tokens_details.0.as_ref().and_then(|details| details.thinking_tokens.0) {
            usage.completion_details().reasoning_tokens = Some(thinking);
        }
        if let Some(searches) = wire.server_tool_use.0.as_ref().and_then(|tools| tools.web_search_requests.0) {
            usage.server_tool_use_details = Some(ServerToolUse::searches(searches));
        }
        match text(wire.service_tier.as_ref()) {
            "standard" => self.blocks.emitter.service_tier("default".to_owned()),
            "priority" => self.blocks.emitter.service_tier("priority".to_owned()),
            _ => {}
        }
    }

    fn end(&mut self, out: &mut VecDeque<ChatChunk>) {
        self.blocks.end(std::mem::take(&mut self.usage), out);
    }
}
