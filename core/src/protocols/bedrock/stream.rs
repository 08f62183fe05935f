//! Events to chunks. A whole answer takes the same path, block by block.

use std::collections::VecDeque;

use super::{
    encode, error,
    wire::{Answer, Block, Citation, Delta, Event, Image, ServedTier, Usage as WireUsage},
};
use crate::{
    error::{Error, Result},
    protocols::{
        Call, Decoder,
        blocks::{ANTHROPIC_FORMAT, Blocks},
        framing::{Aws, Frame},
        loose::{self, Text, arguments},
        openai_chat::error::not_ours,
        repair::repaired,
    },
    types::{ChatChunk, FinishReason, UrlCitation, Usage},
};

/// Reads one streamed answer.
pub(super) struct ConverseDecoder {
    framing: Framing,
    state: State,
}

/// A frame begins with a zero byte, for it is shorter than 16 MiB; JSON never does.
enum Framing {
    Unknown,
    Frames(Aws),
    Whole(Vec<u8>),
}

impl ConverseDecoder {
    pub(super) fn new(call: &Call<'_>) -> Self {
        Self { framing: Framing::Unknown, state: State::new(call) }
    }
}

impl Decoder for ConverseDecoder {
    fn push(&mut self, bytes: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let Self { framing, state } = self;
        if let (Framing::Unknown, Some(first)) = (&framing, bytes.first()) {
            let is_json = matches!(first, b'{' | b'[' | b'<' | b' ' | b'\n' | b'\r' | b'\t');
            *framing = if is_json { Framing::Whole(Vec::new()) } else { Framing::Frames(Aws::new()) };
        }
        match framing {
            Framing::Unknown => {}
            Framing::Frames(frames) => frames.push(bytes, |frame| state.event(&frame, out))?,
            Framing::Whole(body) => body.extend_from_slice(bytes),
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut VecDeque<ChatChunk>) -> Result<()> {
        match &self.framing {
            Framing::Unknown => {}
            Framing::Frames(frames) => frames.finish()?,
            Framing::Whole(body) => self.state.body(body, out)?,
        }
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

/// The events that say something.
const EVENTS: [&str; 5] = ["contentBlockDelta", "contentBlockStart", "contentBlockStop", "messageStop", "metadata"];

impl State {
    pub(super) fn new(call: &Call<'_>) -> Self {
        let format = if encode::is_claude(call) { ANTHROPIC_FORMAT } else { "unknown" };
        Self { blocks: Blocks::new(call, format, encode::json_tool(call)), usage: Usage::default(), is_stopped: false }
    }

    /// An answer that came in one piece, or the error in its place.
    pub(super) fn body(&mut self, body: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let answer: Answer<'_> = match loose::read(body) {
            Ok(answer) => answer,
            Err(cause) => match repaired(body) {
                Some(body) => return self.body(body.as_bytes(), out),
                None => return Err(not_ours(body, &cause)),
            },
        };
        let Some(output) = answer.output.0 else {
            return Err(not_ours(body, &serde::de::Error::missing_field("output")));
        };
        for (index, block) in (0..).zip(output.message.0.unwrap_or_default().content.0) {
            self.block(index, block, out);
            self.blocks.stop(index, out);
        }
        self.stop_reason(answer.stop_reason.as_ref());
        self.metadata(answer.usage.0.as_ref(), answer.service_tier.0.as_ref());
        self.end(out);
        Ok(())
    }

    fn event(&mut self, frame: &Frame<'_>, out: &mut VecDeque<ChatChunk>) -> Result<()> {
        error::check(frame)?;
        if self.blocks.emitter.is_done() {
            return Ok(());
        }
        // `messageStart`, and what is not known yet, may hold anything.
        if !EVENTS.contains(&frame.kind) {
            return Ok(());
        }
        let event: Event<'_> = match loose::read(frame.payload) {
            Ok(event) => event,
            Err(cause) => {
                let payload = repaired(frame.payload).ok_or_else(|| not_ours(frame.payload, &cause))?;
                return self.event(&Frame { payload: payload.as_bytes(), ..*frame }, out);
            }
        };
        let index = event.content_block_index.0.unwrap_or(0) as u32;
        match frame.kind {
            "contentBlockDelta" => self.delta(index, event.delta.0.unwrap_or_default(), out),
            "contentBlockStart" => self.block(index, event.start.0.unwrap_or_default(), out),
            "contentBlockStop" => self.blocks.stop(index, out),
            "messageStop" => {
                self.stop_reason(event.stop_reason.as_ref());
                self.is_stopped = true;
            }
            "metadata" => {
                self.metadata(event.usage.0.as_ref(), event.service_tier.0.as_ref());
                if self.is_stopped {
                    self.end(out);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A block: whole in an answer, without content at its start in a stream.
    fn block(&mut self, index: u32, block: Block<'_>, out: &mut VecDeque<ChatChunk>) {
        if let Some(call) = block.tool_use.0 {
            if call.kind.is_some_and(|kind| kind.0 != "tool_use") {
                return self.blocks.start_other(index);
            }
            self.blocks.start_tool(index, &call.tool_use_id.0, &call.name.0, arguments(call.input), out);
        } else if let Some(text) = block.text {
            self.blocks.text(index, text.0, out);
        } else if let Some(reasoning) = block.reasoning_content.0 {
            if let Some(text) = reasoning.reasoning_text.0 {
                let [words, signature] = [text.text, text.signature].map(owned);
                self.blocks.thinking(index, words, signature, out);
            }
            if let Some(data) = reasoning.redacted_content {
                self.blocks.redacted(index, &data.0, out);
            }
        } else if let Some(cited) = block.citations_content.0 {
            for text in cited.content.0.into_iter().filter_map(|content| content.text) {
                self.blocks.text(index, text.0, out);
            }
            for citation in cited.citations.0 {
                self.cite(index, citation);
            }
        } else if let Some(image) = block.image.0 {
            self.blocks.start_image(index, Text::of(&image.format).unwrap_or("png"));
            self.image(index, &image);
        }
    }

    fn image(&mut self, index: u32, image: &Image<'_>) {
        let bytes = image.source.0.as_ref().and_then(|source| Text::of(&source.bytes));
        self.blocks.image(index, bytes.unwrap_or_default());
    }

    fn delta(&mut self, index: u32, delta: Delta<'_>, out: &mut VecDeque<ChatChunk>) {
        if let Some(text) = delta.text {
            self.blocks.text(index, text.0, out);
        } else if let Some(call) = delta.tool_use.0 {
            self.blocks.arguments(index, call.input.as_ref().map_or("", |input| &input.0), out);
        } else if let Some(reasoning) = delta.reasoning_content.0 {
            if let Some(data) = reasoning.redacted_content {
                self.blocks.redacted(index, &data.0, out);
            }
            let [words, signature] = [reasoning.text, reasoning.signature].map(owned);
            if words.is_some() || signature.is_some() {
                self.blocks.thinking(index, words, signature, out);
            }
        } else if let Some(citation) = delta.citation.0 {
            self.cite(index, citation);
        } else if let Some(image) = &delta.image.0 {
            self.image(index, image);
        }
    }

    fn cite(&mut self, index: u32, citation: Citation<'_>) {
        let source = citation.source.filter(|source| source.0.starts_with("http"));
        // Citations of the caller's own documents have no URL, and OpenAI's shape has no other kind.
        let Some(url) = citation.location.0.and_then(|location| location.web.0?.url).or(source) else { return };
        let content: String = citation.source_content.0.iter().filter_map(|content| Some(&*content.text.as_ref()?.0)).collect();
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

    fn metadata(&mut self, wire: Option<&WireUsage<'_>>, tier: Option<&ServedTier<'_>>) {
        if let Some(tier @ ("default" | "flex" | "priority")) = tier.and_then(|tier| Text::of(&tier.kind)) {
            self.blocks.emitter.service_tier(tier.to_owned());
        }
        let Some(wire) = wire else { return };
        let usage = &mut self.usage;
        usage.prompt_tokens = wire.input_tokens.0;
        usage.completion_tokens = wire.output_tokens.0;
        if wire.cache_read_input_tokens.0.is_some() || wire.cache_write_input_tokens.0.is_some() {
            let details = usage.prompt_details();
            details.cached_tokens = wire.cache_read_input_tokens.0;
            details.cache_write_tokens = wire.cache_write_input_tokens.0;
            let split = &wire.cache_details.0;
            let hours = split.iter().filter(|part| Text::of(&part.ttl) == Some("1h")).filter_map(|part| part.input_tokens.0);
            details.cache_write_1h_tokens = (!split.is_empty()).then(|| hours.fold(0, u64::saturating_add));
        }
    }

    fn end(&mut self, out: &mut VecDeque<ChatChunk>) {
        self.blocks.end(std::mem::take(&mut self.usage), out);
    }
}

fn owned(text: Option<Text<'_>>) -> Option<String> {
    text.map(|text| text.0.into_owned())
}
