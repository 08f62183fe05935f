//! Answers, whole and line by line, to chunks. A whole answer is a stream of one line.

use std::collections::VecDeque;

use serde_json::json;

use super::{
    error,
    wire::{Answer, ToolCall},
};
use crate::{
    error::{Error, ErrorKind, Result},
    protocols::{Call, Decoder, Emitter, Text, folded, framing::JsonLines, openai_chat::error::not_ours, repair::repaired},
    types::{ChatChunk, ChatResponse, ChunkChoice, FinishReason, Usage},
};

/// Reads a whole answer.
pub(super) fn decode(call: &Call<'_>, body: &[u8]) -> Result<ChatResponse> {
    let (mut reader, mut out) = (Reader { emitter: Emitter::new(call) }, VecDeque::new());
    reader.line(body, &mut out)?;
    if !reader.emitter.is_done() {
        return Err(Error::new(ErrorKind::Upstream, "the vendor's answer is not complete").with_upstream_code("empty_answer"));
    }
    Ok(folded(out))
}

/// The reader of a streamed answer.
pub(super) struct OllamaDecoder {
    lines: JsonLines,
    reader: Reader,
}

impl OllamaDecoder {
    pub(super) fn new(call: &Call<'_>) -> Self {
        Self { lines: JsonLines::new(), reader: Reader { emitter: Emitter::new(call) } }
    }
}

impl Decoder for OllamaDecoder {
    fn push(&mut self, bytes: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let Self { lines, reader } = self;
        lines.push(bytes, |json| reader.line(json, out))
    }

    fn finish(&mut self, out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let Self { lines, reader } = self;
        // What a cut leaves of a line is no line.
        lines.finish(|json| if serde_json::from_slice::<Answer<'_>>(json).is_ok() { reader.line(json, out) } else { Ok(()) })?;
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
    fn line(&mut self, json: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        if self.emitter.is_done() {
            return Ok(());
        }
        let answer: Answer<'_> = match serde_json::from_slice(json) {
            Ok(answer) => answer,
            Err(cause) => match repaired(json) {
                Some(json) => return self.line(json.as_bytes(), out),
                None => return Err(not_ours(json, &cause)),
            },
        };
        if let Some(error) = answer.error {
            return Err(error::in_band(&error));
        }
        self.emitter.identify(None, Text::of(&answer.model), None);
        if let Some(message) = answer.message {
            if let Some(Text(thinking)) = message.thinking {
                self.emitter.reasoning(0, thinking.into_owned(), out);
            }
            if let Some(Text(text)) = message.content {
                self.emitter.text(0, text.into_owned(), out);
            }
            for call in message.tool_calls.unwrap_or_default() {
                self.tool(&call, out)?;
            }
        }
        // Already in OpenAI's form.
        if let Some(content) = answer.logprobs.filter(|content| !content.is_empty()) {
            let logprobs = Some(json!({"content": content, "refusal": null}));
            self.emitter.choice_chunk(ChunkChoice { logprobs, ..ChunkChoice::default() }, out);
        }
        if answer.done == Some(true) {
            let (prompt, completion) = (answer.prompt_eval_count, answer.eval_count);
            if prompt.or(completion).is_some() {
                let total_tokens = prompt.zip(completion).map(|(prompt, completion)| prompt.saturating_add(completion));
                self.emitter.usage(Usage { prompt_tokens: prompt, completion_tokens: completion, total_tokens, ..Usage::default() });
            }
            let native = Text::of(&answer.done_reason);
            // `stop`, and of answers that have no tokens `load` and `unload`; old versions give none.
            let reason = if native == Some("length") { FinishReason::Length } else { FinishReason::Stop };
            self.emitter.finish(0, reason, native);
            self.emitter.end(out);
        }
        Ok(())
    }

    fn tool(&mut self, call: &ToolCall<'_>, out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let key = self.emitter.tool_count(0) as u64;
        self.emitter.tool_start(0, key, Text::of(&call.id), Text::of(&call.function.name).unwrap_or_default(), out);
        let arguments = call.function.arguments.map_or("{}", |arguments| arguments.get());
        if arguments.starts_with('"') {
            self.emitter.tool_arguments(0, key, &serde_json::from_str::<String>(arguments)?, out);
        } else {
            self.emitter.tool_arguments(0, key, arguments, out);
        }
        Ok(())
    }
}
