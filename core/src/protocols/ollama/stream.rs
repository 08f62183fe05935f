//! Answers, whole and line by line, to chunks. A whole answer is a stream of one line.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::{
    error,
    wire::{Answer, ToolCall},
};
use crate::{
    error::{Error, ErrorKind, Result},
    protocols::{
        Call, Decoder, Emitter, folded,
        framing::JsonLines,
        from_stream,
        loose::{self, Text, arguments},
        openai_chat::error::not_ours,
        repair::repaired,
    },
    types::{ChatChunk, ChatResponse, ChunkChoice, Delta, FinishReason, ImageOutput, ImageUrl, Usage},
};

/// Reads a whole answer.
pub(super) fn decode(call: &Call<'_>, body: &[u8]) -> Result<ChatResponse> {
    let (mut reader, mut out) = (Reader { emitter: Emitter::new(call) }, VecDeque::new());
    // A stream is what comes where nobody says that it should not.
    if body.trim_ascii().contains(&b'\n') && serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err() {
        return from_stream(Box::new(OllamaDecoder::new(call)), body);
    }
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
        let is_half = |json: &[u8]| {
            json.starts_with(b"{") && serde_json::from_slice::<serde::de::IgnoredAny>(json).is_err_and(|error| error.is_eof())
        };
        lines.finish(|json| if is_half(json) { Ok(()) } else { reader.line(json, out) })?;
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
        let answer: Answer<'_> = match loose::read(json) {
            Ok(answer) => answer,
            Err(cause) => match repaired(json) {
                Some(json) => return self.line(json.as_bytes(), out),
                None => return Err(not_ours(json, &cause)),
            },
        };
        if let Some(error) = answer.error {
            return Err(error::in_band(&error));
        }
        let is_answer = answer.message.0.is_some() || answer.done.0;
        if !is_answer && let Some(error) = error::in_place(serde_json::from_slice(json)?) {
            return Err(error);
        }
        self.emitter.identify(None, Text::of(&answer.model), None);
        if let Some(message) = answer.message.0 {
            if let Some(Text(thinking)) = message.thinking {
                self.emitter.reasoning(0, thinking.into_owned(), out);
            }
            if let Some(Text(text)) = message.content {
                self.emitter.text(0, text.into_owned(), out);
            }
            for call in &message.tool_calls.0 {
                self.tool(call, out);
            }
            for data in message.images.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_str) {
                let image_url = ImageUrl { url: format!("data:image/png;base64,{data}"), detail: None };
                let images = vec![ImageOutput::ImageUrl { image_url }];
                self.emitter.delta(0, Delta { images, ..Delta::default() }, out);
            }
        }
        let mut content = match answer.logprobs {
            Some(Value::Array(content)) => content,
            _ => Vec::new(),
        };
        content.retain(Value::is_object);
        if !content.is_empty() {
            content.iter_mut().for_each(complete);
            let logprobs = Some(json!({"content": content, "refusal": null}));
            self.emitter.choice_chunk(ChunkChoice { logprobs, ..ChunkChoice::default() }, out);
        }
        if answer.done.0 {
            let (prompt, completion) = (answer.prompt_eval_count.0, answer.eval_count.0);
            if prompt.or(completion).is_some() {
                // A count of 0 is left out: nothing was said, or all of the prompt was in the cache.
                let (prompt, completion) = (prompt.unwrap_or(0), completion.unwrap_or(0));
                let total_tokens = Some(prompt.saturating_add(completion));
                self.emitter.usage(Usage {
                    prompt_tokens: Some(prompt),
                    completion_tokens: Some(completion),
                    total_tokens,
                    ..Usage::default()
                });
            }
            let native = Text::of(&answer.done_reason);
            // `stop`, and of answers that have no tokens `load` and `unload`; old versions give none.
            let reason = if native == Some("length") { FinishReason::Length } else { FinishReason::Stop };
            self.emitter.finish(0, reason, native);
            self.emitter.end(out);
        }
        Ok(())
    }

    fn tool(&mut self, call: &ToolCall<'_>, out: &mut VecDeque<ChatChunk>) {
        let key = self.emitter.tool_count(0) as u64;
        let (name, arguments) = match &call.function.0 {
            Some(function) => (Text::of(&function.name).unwrap_or_default(), arguments(function.arguments)),
            None => return,
        };
        self.emitter.tool_start(0, key, Text::of(&call.id), name, out);
        self.emitter.tool_arguments(0, key, &arguments, out);
    }
}

/// A token's log probability is in OpenAI's form already, but for what is empty and left out.
fn complete(entry: &mut Value) {
    with_bytes(entry);
    match entry.get_mut("top_logprobs") {
        Some(Value::Array(top)) => top.iter_mut().for_each(with_bytes),
        _ => entry["top_logprobs"] = json!([]),
    }
}

fn with_bytes(entry: &mut Value) {
    if entry.get("bytes").is_none() {
        entry["bytes"] = entry.get("token").and_then(Value::as_str).unwrap_or_default().as_bytes().into();
    }
}
