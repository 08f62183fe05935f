//! Events to chunks. A whole answer takes the same path, block by block.

use std::collections::VecDeque;

use serde_json::value::RawValue;

use super::{
    encode, error,
    wire::{Answer, Block, CacheDetail, Citation, Delta, Event, SourceText, Text, Tier, Usage as WireUsage},
};
use crate::{
    error::{Error, Result},
    protocols::{
        Call, Decoder,
        blocks::{ANTHROPIC_FORMAT, Blocks},
        framing::{Aws, Frame},
    },
    types::{ChatChunk, FinishReason, UrlCitation, Usage},
};

/// Reads one streamed answer.
pub(super) struct ConverseDecoder {
    framing: Aws,
    state: State,
}

impl ConverseDecoder {
    pub(super) fn new(call: &Call<'_>) -> Self {
        Self { framing: Aws::new(), state: State::new(call) }
    }
}

impl Decoder for ConverseDecoder {
    fn push(&mut self, bytes: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let Self { framing, state } = self;
        framing.push(bytes, |frame| state.event(&frame, out))
    }

    fn finish(&mut self, out: &mut VecDeque<ChatChunk>) -> Result<()> {
        self.framing.finish()?;
        // The metadata comes after the terminal event, and some gateways leave it out.
        if self.state.is_stopped {
            self.state.end(out);
        }
        if self.is_done() { Ok(()) } else { Err(Error::cut()) }
    }

    fn is_done(&self) -> bool {
        self.state.blocks.emitter.is_done()
    }
}

/// What is known of one answer while it arrives.
pub(super) struct State {
    blocks: Blocks,
    usage: Usage,
    is_stopped: bool,
}

impl State {
    pub(super) fn new(call: &Call<'_>) -> Self {
        let format = if encode::is_claude(call) { ANTHROPIC_FORMAT } else { "unknown" };
        Self { blocks: Blocks::new(call, format, encode::json_tool(call)), usage: Usage::default(), is_stopped: false }
    }

    /// An answer that came in one piece.
    pub(super) fn whole(&mut self, answer: Answer<'_>, out: &mut VecDeque<ChatChunk>) {
        for (index, block) in (0..).zip(answer.output.message.unwrap_or_default().content) {
            self.block(index, block, out);
            self.blocks.stop(index, out);
        }
        self.stop_reason(answer.stop_reason.as_ref());
        self.metadata(answer.usage.as_ref(), answer.service_tier);
        self.end(out);
    }

    fn event(&mut self, frame: &Frame<'_>, out: &mut VecDeque<ChatChunk>) -> Result<()> {
        error::check(frame)?;
        if self.blocks.emitter.is_done() {
            return Ok(());
        }
        let event: Event<'_> = serde_json::from_slice(frame.payload)
            .map_err(|error| Error::decode(format!("an event of the stream is not Converse's: {error}")))?;
        let index = event.content_block_index;
        match frame.kind {
            "contentBlockDelta" => self.delta(index, event.delta.unwrap_or_default(), out),
            "contentBlockStart" => self.block(index, event.start.unwrap_or_default(), out),
            "contentBlockStop" => self.blocks.stop(index, out),
            "messageStop" => {
                self.stop_reason(event.stop_reason.as_ref());
                self.is_stopped = true;
            }
            "metadata" => {
                self.metadata(event.usage.as_ref(), event.service_tier);
                if self.is_stopped {
                    self.end(out);
                }
            }
            // `messageStart`, and what is not known yet.
            _ => {}
        }
        Ok(())
    }

    /// A block: whole in an answer, without content at its start in a stream.
    fn block(&mut self, index: u32, block: Block<'_>, out: &mut VecDeque<ChatChunk>) {
        if let Some(call) = block.tool_use {
            if call.kind.is_some_and(|kind| kind.0 != "tool_use") {
                return self.blocks.start_other(index);
            }
            self.blocks.start_tool(index, &call.tool_use_id.0, &call.name.0, out);
            let input = call.input.map(RawValue::get).filter(|input| !matches!(input.trim(), "{}" | "null" | "\"\""));
            self.blocks.arguments(index, input.unwrap_or_default(), out);
        } else if let Some(text) = block.text {
            self.blocks.text(index, text.0, out);
        } else if let Some(reasoning) = block.reasoning_content {
            if let Some(text) = reasoning.reasoning_text {
                let [words, signature] = [text.text, text.signature].map(owned);
                self.blocks.thinking(index, words, signature, out);
            }
            if let Some(data) = reasoning.redacted_content {
                self.blocks.redacted(index, &data.0, out);
            }
        } else if let Some(cited) = block.citations_content {
            for text in cited.content.into_iter().filter_map(|content| content.text) {
                self.blocks.text(index, text.0, out);
            }
            for citation in cited.citations {
                self.cite(index, citation);
            }
        } else {
            self.blocks.start_other(index);
        }
    }

    fn delta(&mut self, index: u32, delta: Delta<'_>, out: &mut VecDeque<ChatChunk>) {
        if let Some(text) = delta.text {
            self.blocks.text(index, text.0, out);
        } else if let Some(call) = delta.tool_use {
            self.blocks.arguments(index, call.input.as_ref().map_or("", |input| &input.0), out);
        } else if let Some(reasoning) = delta.reasoning_content {
            if let Some(data) = reasoning.redacted_content {
                self.blocks.redacted(index, &data.0, out);
            }
            let [words, signature] = [reasoning.text, reasoning.signature].map(owned);
            if words.is_some() || signature.is_some() {
                self.blocks.thinking(index, words, signature, out);
            }
        } else if let Some(citation) = delta.citation {
            self.cite(index, citation);
        }
    }

    fn cite(&mut self, index: u32, citation: Citation<'_>) {
        let source = citation.source.filter(|source| source.0.starts_with("http"));
        // Citations of the caller's own documents have no URL, and OpenAI's shape has no other kind.
        let Some(url) = citation.location.and_then(|location| location.web?.url).or(source) else { return };
        let content: Vec<SourceText<'_>> = citation.source_content;
        let content: String = content.iter().filter_map(|content| Some(&*content.text.as_ref()?.0)).collect();
        self.blocks.cite(
            index,
            UrlCitation {
                url: url.0.into_owned(),
                title: owned(citation.title).unwrap_or_default(),
                content: (!content.is_empty()).then_some(content),
                ..UrlCitation::default()
            },
        );
    }

    fn stop_reason(&mut self, reason: Option<&Text<'_>>) {
        let Some(Text(native)) = reason else { return };
        let reason = match &**native {
            "content_filtered" | "guardrail_intervened" => FinishReason::ContentFilter,
            "malformed_model_output" | "malformed_tool_use" => FinishReason::Error,
            "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
            "tool_use" => FinishReason::ToolCalls,
            // `end_turn`, `stop_sequence`.
            _ => FinishReason::Stop,
        };
        self.blocks.finish(reason, native);
    }

    fn metadata(&mut self, wire: Option<&WireUsage>, tier: Option<Tier>) {
        if let Some(tier) = tier.filter(|tier| matches!(tier.kind.as_str(), "default" | "flex" | "priority")) {
            self.blocks.emitter.service_tier(tier.kind);
        }
        let Some(wire) = wire else { return };
        let usage = &mut self.usage;
        usage.prompt_tokens = wire.input_tokens;
        usage.completion_tokens = wire.output_tokens;
        if wire.cache_read_input_tokens.is_some() || wire.cache_write_input_tokens.is_some() {
            let details = usage.prompt_details();
            details.cached_tokens = wire.cache_read_input_tokens;
            details.cache_write_tokens = wire.cache_write_input_tokens;
            let split = wire.cache_details.as_ref().filter(|split| !split.is_empty());
            let hours = |split: &Vec<CacheDetail>| {
                split.iter().filter(|part| part.ttl == "1h").fold(0, |sum: u64, part| sum.saturating_add(part.input_tokens))
            };
            details.cache_write_1h_tokens = split.map(hours);
        }
    }

    fn end(&mut self, out: &mut VecDeque<ChatChunk>) {
        self.blocks.end(std::mem::take(&mut self.usage), out);
    }
}

fn owned(text: Option<Text<'_>>) -> Option<String> {
    text.map(|text| text.0.into_owned())
}
