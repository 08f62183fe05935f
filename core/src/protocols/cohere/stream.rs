//! Answers, whole and in events, to chunks.

use std::collections::VecDeque;

use serde_json::Value;

use super::{
    error,
    wire::{Answer, Citation, Content, Event, Tokens, ToolCall, Usage as WireUsage},
};
use crate::{
    error::{Error, ErrorKind, Result},
    protocols::{
        Call, Decoder, Emitter, folded,
        framing::Events,
        from_stream,
        loose::{self, Text},
        openai_chat::error::{from_event, from_value, listed, not_ours, says_error},
        repair::repaired,
    },
    types::{Annotation, ChatChunk, ChatResponse, Delta, FinishReason, UrlCitation, Usage},
};

/// Reads a whole answer.
pub(super) fn decode(call: &Call<'_>, body: &[u8]) -> Result<ChatResponse> {
    if Events::are_in(body) {
        return from_stream(Box::new(CohereDecoder::new(call)), body);
    }
    let (mut reader, mut out) = (Reader { emitter: Emitter::new(call) }, VecDeque::new());
    reader.whole(body, &mut out)?;
    Ok(folded(out))
}

/// The reader of a streamed answer.
pub(super) struct CohereDecoder {
    events: Events,
    reader: Reader,
}

impl CohereDecoder {
    pub(super) fn new(call: &Call<'_>) -> Self {
        Self { events: Events::new(), reader: Reader { emitter: Emitter::new(call) } }
    }
}

impl Decoder for CohereDecoder {
    fn push(&mut self, bytes: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let Self { events, reader } = self;
        events.push(bytes, |name, data| reader.event(name, data, out))
    }

    fn finish(&mut self, out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let Self { events, reader } = self;
        if let Some(body) = events.finish(|name, data| reader.event(name, data, out))? {
            reader.whole(body.trim_ascii(), out)?;
        }
        if reader.emitter.is_done() { Ok(()) } else { Err(Error::cut()) }
    }

    fn is_done(&self) -> bool {
        self.reader.emitter.is_done()
    }
}

struct Reader {
    emitter: Emitter,
}

impl Reader {
    fn whole(&mut self, body: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let answer: Answer<'_> = match loose::read(body) {
            Ok(answer) => answer,
            Err(cause) => match repaired(body) {
                Some(body) => return self.whole(body.as_bytes(), out),
                None => return Err(not_ours(body, &cause)),
            },
        };
        let Some(message) = answer.message.0 else {
            // An error's message is text.
            let value: Value = serde_json::from_slice(body)?;
            return Err(if says_error(&value) {
                from_value(None, value)
            } else {
                Error::new(ErrorKind::Upstream, "the vendor's answer has no message").with_upstream_code("empty_answer")
            });
        };
        self.emitter.identify(Text::of(&answer.id), None, None);
        self.plan(message.tool_plan, out);
        for content in message.content.0 {
            self.content(content, out);
        }
        for (key, call) in message.tool_calls.0.iter().enumerate() {
            self.tool_start(key as u64, call, out);
        }
        for citation in &message.citations.0 {
            self.citation(citation, out);
        }
        if let Some(usage) = answer.usage.0 {
            self.usage(&usage);
        }
        self.finish(Text::of(&answer.finish_reason).unwrap_or("COMPLETE"), None, None)?;
        self.emitter.end(out);
        Ok(())
    }

    fn event(&mut self, name: &[u8], data: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        if matches!(data, b"" | b"[DONE]") || self.emitter.is_done() {
            return Ok(());
        }
        if let Some(error) = listed(data) {
            return Err(error);
        }
        let event: Event<'_> = match loose::read(data) {
            Ok(event) => event,
            Err(cause) => match repaired(data) {
                Some(data) => return self.event(name, data.as_bytes(), out),
                None if name == b"error" => return Err(from_event(data)),
                None => return Err(not_ours(data, &cause)),
            },
        };
        self.emitter.identify(Text::of(&event.id), None, None);
        let Some(delta) = event.delta.0 else {
            // A gateway's error has no type of Cohere's.
            if name == b"error" || Text::of(&event.event_type).is_none_or(|kind| kind == "error") {
                let value: Value = serde_json::from_slice(data)?;
                return if says_error(&value) { Err(from_value(None, value)) } else { Ok(()) };
            }
            return Ok(());
        };
        let key = event.index.0.unwrap_or(0);
        let is_start = Text::of(&event.event_type) == Some("tool-call-start");
        if let Some(message) = delta.message.0 {
            self.plan(message.tool_plan, out);
            for content in message.content.0 {
                self.content(content, out);
            }
            for call in &message.tool_calls.0 {
                if is_start {
                    self.tool_start(key, call, out);
                } else {
                    self.emitter.tool_arguments(0, key, arguments(call), out);
                }
            }
            for citation in &message.citations.0 {
                self.citation(citation, out);
            }
        }
        if let Some(usage) = &delta.usage.0 {
            self.usage(usage);
        }
        if let Some(native) = Text::of(&delta.finish_reason) {
            self.finish(native, Text::of(&delta.error), Text::of(&delta.error_type))?;
            self.emitter.end(out);
        }
        Ok(())
    }

    /// What the model means to do with its tools: its reasoning in all but name.
    fn plan(&mut self, plan: Option<Text<'_>>, out: &mut VecDeque<ChatChunk>) {
        if let Some(Text(plan)) = plan {
            self.emitter.reasoning(0, plan.into_owned(), out);
        }
    }

    fn content(&mut self, content: Content<'_>, out: &mut VecDeque<ChatChunk>) {
        if let Some(Text(thinking)) = content.thinking {
            self.emitter.reasoning(0, thinking.into_owned(), out);
        }
        if let Some(Text(text)) = content.text {
            self.emitter.text(0, text.into_owned(), out);
        }
    }

    fn tool_start(&mut self, key: u64, call: &ToolCall<'_>, out: &mut VecDeque<ChatChunk>) {
        let name = call.function.0.as_ref().and_then(|function| Text::of(&function.name)).unwrap_or_default();
        self.emitter.tool_start(0, key, Text::of(&call.id), name, out);
        self.emitter.tool_arguments(0, key, arguments(call), out);
    }

    /// Sources are whatever the caller gave; only those with a URL can be cited.
    fn citation(&mut self, citation: &Citation, out: &mut VecDeque<ChatChunk>) {
        for source in &citation.sources.0 {
            let Some(source) = source.document.as_ref().or(source.tool_output.as_ref()) else { continue };
            let field = |names: &[&str]| names.iter().find_map(|name| source.get(name).and_then(Value::as_str));
            let Some(url) = field(&["url", "link"]) else { continue };
            let url_citation = UrlCitation {
                url: url.to_owned(),
                title: field(&["title"]).unwrap_or_default().to_owned(),
                content: field(&["snippet", "text"]).map(str::to_owned),
                start_index: citation.start.0.unwrap_or(0),
                end_index: citation.end.0.unwrap_or(0),
            };
            let annotations = vec![Annotation::UrlCitation { url_citation }];
            self.emitter.delta(0, Delta { annotations, ..Delta::default() }, out);
        }
    }

    fn usage(&mut self, wire: &WireUsage) {
        // Billed units leave out the vendor's own preamble; they are all that old models give.
        let counted = |tokens: &&Tokens| tokens.input_tokens.0.or(tokens.output_tokens.0).is_some();
        let [tokens, billed] = [&wire.tokens, &wire.billed_units].map(|tokens| tokens.0.as_ref().filter(counted));
        let Some(tokens) = tokens.or(billed) else { return };
        let (prompt_tokens, completion_tokens) = (tokens.input_tokens.0, tokens.output_tokens.0);
        let total_tokens = prompt_tokens.zip(completion_tokens).map(|(prompt, completion)| prompt.saturating_add(completion));
        let mut usage = Usage { prompt_tokens, completion_tokens, total_tokens, ..Usage::default() };
        if let Some(cached) = wire.cached_tokens.0 {
            usage.prompt_details().cached_tokens = Some(cached);
        }
        if let Some(images) = tokens.image_tokens.0 {
            usage.prompt_details().image_tokens = Some(images);
        }
        self.emitter.usage(usage);
    }

    fn finish(&mut self, native: &str, message: Option<&str>, error_type: Option<&str>) -> Result<()> {
        let reason = match native {
            "MAX_TOKENS" => FinishReason::Length,
            "TOOL_CALL" => FinishReason::ToolCalls,
            // `ERROR`, `ERROR_TOXIC`, `ERROR_LIMIT`.
            "TIMEOUT" => return Err(error::in_band(native, message, error_type)),
            native if native.starts_with("ERROR") => return Err(error::in_band(native, message, error_type)),
            // `COMPLETE`, `STOP_SEQUENCE`.
            _ => FinishReason::Stop,
        };
        self.emitter.finish(0, reason, Some(native));
        Ok(())
    }
}

fn arguments<'a>(call: &'a ToolCall<'_>) -> &'a str {
    call.function.0.as_ref().and_then(|function| Text::of(&function.arguments)).unwrap_or_default()
}
