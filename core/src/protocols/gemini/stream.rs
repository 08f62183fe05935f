//! Answers in pieces. A whole answer is a stream of one piece, so that both say the same.

use std::{collections::VecDeque, sync::Arc};

use serde_json::{Map, Value, json, value::RawValue};

use super::{
    error,
    wire::{
        Answer, Blob, Candidate, CitationMetadata, FunctionCall, GroundingChunk, GroundingMetadata, LogprobsResult, ModalityTokens, Part,
        PartialArg, UsageMetadata,
    },
};
use crate::{
    error::{Error, ErrorKind, Result},
    protocols::{
        Call, Decoder, Emitter, folded,
        framing::{Events, JsonArray, Sse},
        from_stream,
        loose::{self, Count, Objects, Text, arguments},
        openai_chat::error::{from_event, not_ours},
        repair::repaired,
    },
    types::{
        Annotation, AudioOutput, ChatChunk, ChatResponse, ChunkChoice, Delta, FinishReason, ImageOutput, ImageUrl, ReasoningDetail,
        UrlCitation, Usage,
    },
};

/// The `format` of reasoning blocks that Gemini issues.
pub(super) const FORMAT: &str = "google-gemini-v1";

/// Reads a whole answer; one without `alt=sse` framing may also be a list of pieces.
pub(super) fn decode(call: &Call<'_>, body: &[u8]) -> Result<ChatResponse> {
    if Events::are_in(body) {
        return from_stream(Box::new(GeminiDecoder::new(call)), body);
    }
    let (mut reader, mut out) = (Reader::new(call), VecDeque::new());
    if body.trim_ascii_start().starts_with(b"[") {
        let mut array = JsonArray::new();
        array.push(body, |json| reader.read(json, &mut out))?;
    } else {
        reader.read(body, &mut out)?;
    }
    if reader.choices.is_empty() {
        return Err(Error::new(ErrorKind::Upstream, "the vendor's answer has no candidate").with_upstream_code("empty_answer"));
    }
    reader.end(&mut out);
    Ok(folded(out))
}

/// The reader of a streamed answer.
pub(super) struct GeminiDecoder {
    framing: Framing,
    reader: Reader,
}

/// `alt=sse` asks for events; without it the stream is one JSON array.
enum Framing {
    Array(JsonArray),
    Sse(Sse),
    Unknown,
}

impl GeminiDecoder {
    pub(super) fn new(call: &Call<'_>) -> Self {
        Self { framing: Framing::Unknown, reader: Reader::new(call) }
    }
}

impl Decoder for GeminiDecoder {
    fn push(&mut self, mut bytes: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let Self { framing, reader } = self;
        if let Framing::Unknown = framing {
            bytes = bytes.trim_ascii_start();
            match bytes.first() {
                None => return Ok(()),
                Some(b'[' | b'{') => *framing = Framing::Array(JsonArray::new()),
                Some(_) => *framing = Framing::Sse(Sse::new()),
            }
        }
        match framing {
            Framing::Array(array) => array.push(bytes, |json| reader.read(json, out)),
            Framing::Sse(sse) => sse.push(bytes, |name, data| reader.event(name, data, out)),
            Framing::Unknown => Ok(()),
        }
    }

    fn finish(&mut self, out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let Self { framing, reader } = self;
        if let Framing::Sse(sse) = framing {
            // What a cut leaves of an event is no event.
            sse.finish(|_, data| if loose::read::<Answer<'_>>(data).is_ok() { reader.read(data, out) } else { Err(Error::cut()) })?;
        }
        if matches!(framing, Framing::Array(array) if array.is_inside()) || !reader.emitter.is_finished() {
            return Err(Error::cut());
        }
        reader.end(out);
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.reader.emitter.is_done()
    }
}

struct Reader {
    emitter: Emitter,
    provider: Arc<str>,
    /// What made ids of tool calls and audio are made of.
    id: String,
    created: u64,
    choices: Vec<ChoiceState>,
}

#[derive(Default)]
struct ChoiceState {
    index: u32,
    /// All text so far: sources are cited by byte offsets into it.
    text: String,
    /// Where the part that is read now begins in `text`.
    part_start: usize,
    has_audio: bool,
    /// How many encrypted blocks there were.
    signatures: u32,
    /// The call whose arguments come in pieces.
    open: Option<OpenCall>,
    annotations: Vec<Annotation>,
    /// What a search found, whether or not the answer says which part of it rests on that.
    found: Vec<Annotation>,
    ended: bool,
}

struct OpenCall {
    key: u64,
    args: Value,
}

impl Reader {
    fn new(call: &Call<'_>) -> Self {
        let (provider, id) = (Arc::clone(&call.endpoint.provider), call.id.to_string());
        Self { emitter: Emitter::new(call), provider, id, created: call.created, choices: Vec::new() }
    }

    fn event(&mut self, name: &[u8], data: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        match self.read(data, out) {
            // A gateway's.
            Err(error) if name == b"error" && error.kind() == ErrorKind::Decode => Err(from_event(data)),
            read => read,
        }
    }

    fn read(&mut self, json: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        match json {
            b"" | b"[DONE]" => return Ok(()),
            // An error breaks off a stream of events as it does one of a list.
            [b'[', ..] => return JsonArray::new().push(json, |item| self.read(item, out)),
            _ => {}
        }
        let answer: Answer<'_> = match loose::read(json) {
            Ok(answer) => answer,
            Err(cause) => match repaired(json) {
                Some(json) => return self.read(json.as_bytes(), out),
                None => return Err(not_ours(json, &cause)),
            },
        };
        if let Some(status) = answer.error {
            return Err(error::from_json(status.get()));
        }
        let id = Text::of(&answer.response_id);
        if let Some(id) = id.filter(|_| self.choices.is_empty()) {
            id.clone_into(&mut self.id);
        }
        self.emitter.identify(id, Text::of(&answer.model_version), None);
        if let Some(usage) = answer.usage_metadata.0 {
            self.usage(&usage);
        }
        for (at, candidate) in answer.candidates.0.into_iter().enumerate() {
            let index = candidate.index.0.map_or(at as u32, |index| index as u32);
            self.candidate(index, candidate, out)?;
        }
        if let Some(feedback) = &answer.prompt_feedback.0
            && let Some(reason) = Text::of(&feedback.block_reason).filter(is_specified)
            && !self.emitter.is_finished()
        {
            let at = self.choice(0);
            self.choices[at].ended = true;
            self.emitter.finish(0, FinishReason::ContentFilter, Some(reason));
        }
        Ok(())
    }

    fn candidate(&mut self, index: u32, candidate: Candidate<'_>, out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let at = self.choice(index);
        for part in candidate.content.0.map(|content| content.parts.0).unwrap_or_default() {
            self.part(at, part, out)?;
        }
        if let Some(logprobs) = candidate.logprobs_result.0 {
            let piece = ChunkChoice { index, logprobs: Some(openai_logprobs(*logprobs)), ..ChunkChoice::default() };
            self.emitter.choice_chunk(piece, out);
        }
        if let Some(citations) = candidate.citation_metadata.0 {
            let new = self.choices[at].recited(*citations);
            self.choices[at].annotations.extend(new);
        }
        if let Some(grounding) = candidate.grounding_metadata.0 {
            self.choices[at].ground(&grounding);
            let searches = list::<Value>(grounding.web_search_queries).len() as u64;
            if searches > 0 {
                self.emitter.usage_mut().server_tool_use_details.get_or_insert_default().web_search_requests = Some(searches);
            }
        }
        if let Some(reason) = Text::of(&candidate.finish_reason).filter(is_specified) {
            self.close(at, out);
            self.choices[at].ended = true;
            self.emitter.finish(index, finish_reason(reason), Some(reason));
        }
        Ok(())
    }

    fn part(&mut self, at: usize, part: Part<'_>, out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let index = self.choices[at].index;
        let signature = Text::of(&part.thought_signature).map(str::to_owned);
        if let Some(call) = part.function_call.0 {
            return self.function_call(at, &call, signature, out);
        }
        let thought = part.thought.0;
        // Parts of Google's own tools do not go back to it, so neither do their signatures.
        let signature = signature.filter(|_| part.text.is_some() || part.inline_data.0.is_some());
        if let Some(Text(text)) = part.text.filter(|text| !text.0.is_empty()) {
            if thought {
                let detail = ReasoningDetail { format: Some(FORMAT.to_owned()), index: Some(0), ..ReasoningDetail::text(text) };
                self.emitter.reasoning_detail(index, detail, out);
            } else {
                let choice = &mut self.choices[at];
                choice.part_start = choice.text.len();
                choice.text.push_str(&text);
                self.emitter.text(index, text.into_owned(), out);
            }
        }
        // Images of the model's thinking are drafts.
        if let Some(blob) = part.inline_data.0.filter(|_| !thought) {
            self.media(at, *blob, out);
        }
        if let Some(signature) = signature {
            self.signature(at, signature, None, out);
        }
        Ok(())
    }

    fn function_call(
        &mut self,
        at: usize,
        call: &FunctionCall<'_>,
        signature: Option<String>,
        out: &mut VecDeque<ChatChunk>,
    ) -> Result<()> {
        let index = self.choices[at].index;
        let goes_on = call.will_continue.0;
        if let Some(name) = Text::of(&call.name) {
            self.close(at, out);
            let key = self.emitter.tool_count(index);
            let id = Text::of(&call.id).map_or_else(|| Emitter::tool_id(&self.id, index, key), str::to_owned);
            let extra = signature.as_ref().map(|signature| json!({"google": {"thought_signature": signature}}));
            self.emitter.tool_start_with(index, key as u64, Some(&id), name, extra, out);
            if let Some(signature) = signature {
                self.signature(at, signature, Some(id), out);
            }
            if !goes_on && call.partial_args.is_none() {
                self.emitter.tool_arguments(index, key as u64, &arguments(call.args), out);
                return Ok(());
            }
            let args = call.args.map(|args| serde_json::from_str(args.get())).transpose()?.unwrap_or_else(|| json!({}));
            self.choices[at].open = Some(OpenCall { key: key as u64, args });
        }
        if let Some(open) = &mut self.choices[at].open {
            for piece in call.partial_args.iter().flat_map(|pieces| &pieces.0) {
                merge(&mut open.args, piece);
            }
        }
        if !goes_on {
            self.close(at, out);
        }
        Ok(())
    }

    /// The open call is complete: its arguments go out.
    fn close(&mut self, at: usize, out: &mut VecDeque<ChatChunk>) {
        let choice = &mut self.choices[at];
        if let Some(open) = choice.open.take() {
            self.emitter.tool_arguments(choice.index, open.key, &open.args.to_string(), out);
        }
    }

    fn signature(&mut self, at: usize, signature: String, id: Option<String>, out: &mut VecDeque<ChatChunk>) {
        let choice = &mut self.choices[at];
        choice.signatures += 1;
        let detail = ReasoningDetail {
            id,
            format: Some(FORMAT.to_owned()),
            index: Some(choice.signatures),
            provider: Some(self.provider.to_string()),
            ..ReasoningDetail::encrypted(signature)
        };
        self.emitter.reasoning_detail(choice.index, detail, out);
    }

    fn media(&mut self, at: usize, blob: Blob<'_>, out: &mut VecDeque<ChatChunk>) {
        let Some(Text(data)) = blob.data else { return };
        let mime = blob.mime_type.map_or("application/octet-stream".into(), |mime| mime.0);
        let delta = if mime.starts_with("audio/") {
            let mut audio = AudioOutput { data: Some(data.into_owned()), ..AudioOutput::default() };
            // OpenAI's form has an id by which audio is spoken of later. Google keeps none, so this one has expired already.
            if !std::mem::replace(&mut self.choices[at].has_audio, true) {
                audio.id = Some(format!("audio_{}", self.id));
                audio.transcript = Some(String::new());
                audio.expires_at = Some(self.created);
            }
            Delta { audio: Some(Box::new(audio)), ..Delta::default() }
        } else {
            let image_url = ImageUrl { url: format!("data:{mime};base64,{data}"), detail: None };
            Delta { images: vec![ImageOutput::ImageUrl { image_url }], ..Delta::default() }
        };
        self.emitter.delta(self.choices[at].index, delta, out);
    }

    fn usage(&mut self, wire: &UsageMetadata<'_>) {
        let sum = |a: Option<u64>, b: Option<u64>| a.map_or(b, |a| Some(a.saturating_add(b.unwrap_or(0))));
        let of = |details: &Objects<ModalityTokens<'_>>, modality: &str| {
            let found = details.0.iter().find(|tokens| Text::of(&tokens.modality) == Some(modality));
            found.and_then(|tokens| tokens.token_count.0)
        };
        if let Some(tier) = Text::of(&wire.service_tier) {
            self.emitter.service_tier(if tier.eq_ignore_ascii_case("standard") { "default".to_owned() } else { tier.to_ascii_lowercase() });
        }
        let prompt_tokens = sum(wire.prompt_token_count.0, wire.tool_use_prompt_token_count.0);
        let completion_tokens = sum(wire.candidates_token_count.0, wire.thoughts_token_count.0);
        if prompt_tokens.is_none() && completion_tokens.is_none() {
            return;
        }
        // In protobuf's JSON a count of 0 is left out.
        let (prompt, completion) = (prompt_tokens.unwrap_or(0), completion_tokens.unwrap_or(0));
        let total_tokens = wire.total_token_count.0.or_else(|| prompt.checked_add(completion));
        let mut usage = Usage { prompt_tokens: Some(prompt), completion_tokens: Some(completion), total_tokens, ..Usage::default() };
        usage.server_tool_use_details = self.emitter.usage_mut().server_tool_use_details.take();
        if let Some(cached) = wire.cached_content_token_count.0 {
            usage.prompt_details().cached_tokens = Some(cached);
        }
        if let Some(audio) = of(&wire.prompt_tokens_details, "AUDIO") {
            usage.prompt_details().audio_tokens = Some(audio);
        }
        if let Some(image) = of(&wire.prompt_tokens_details, "IMAGE") {
            usage.prompt_details().image_tokens = Some(image);
        }
        if let Some(thoughts) = wire.thoughts_token_count.0 {
            usage.completion_details().reasoning_tokens = Some(thoughts);
        }
        if let Some(audio) = of(&wire.candidates_tokens_details, "AUDIO") {
            usage.completion_details().audio_tokens = Some(audio);
        }
        if let Some(image) = of(&wire.candidates_tokens_details, "IMAGE") {
            usage.completion_details().image_tokens = Some(image);
        }
        self.emitter.usage(usage);
    }

    fn end(&mut self, out: &mut VecDeque<ChatChunk>) {
        for at in 0..self.choices.len() {
            self.close(at, out);
            let choice = &mut self.choices[at];
            if choice.annotations.is_empty() {
                choice.annotations = std::mem::take(&mut choice.found);
            }
            let annotations = std::mem::take(&mut choice.annotations);
            if !annotations.is_empty() {
                self.emitter.delta(choice.index, Delta { annotations, ..Delta::default() }, out);
            }
            if !choice.ended {
                self.emitter.finish(choice.index, FinishReason::Stop, None);
            }
        }
        self.emitter.end(out);
    }

    fn choice(&mut self, index: u32) -> usize {
        self.choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            self.choices.push(ChoiceState { index, ..ChoiceState::default() });
            self.choices.len() - 1
        })
    }
}

impl ChoiceState {
    /// Notes the sources that a search found, and with each part of the answer those that it rests on. Pieces may repeat
    /// what was said before them.
    fn ground(&mut self, grounding: &GroundingMetadata<'_>) {
        let chunks = &grounding.grounding_chunks.0;
        let mut cited = Vec::new();
        for support in &grounding.grounding_supports.0 {
            let segment = support.segment.0.as_ref();
            let words = segment.and_then(|segment| Text::of(&segment.text));
            let range = segment.map_or(0..0, |segment| bytes(segment.start_index, segment.end_index));
            for index in list::<f64>(support.grounding_chunk_indices) {
                let Some(source) = chunks.get(index as usize).and_then(GroundingChunk::source) else { continue };
                cited.extend(self.annotation(source.url(), Text::of(&source.title), range.clone(), words));
            }
        }
        let sources = chunks.iter().filter_map(GroundingChunk::source);
        let found: Vec<_> = sources.filter_map(|source| self.annotation(source.url(), Text::of(&source.title), 0..0, None)).collect();
        for (list, new) in [(&mut self.annotations, cited), (&mut self.found, found)] {
            for annotation in new {
                if !list.contains(&annotation) {
                    list.push(annotation);
                }
            }
        }
    }

    fn recited(&self, citations: CitationMetadata<'_>) -> Vec<Annotation> {
        let sources = citations.citation_sources.0.into_iter().chain(citations.citations.0);
        let of = |source: &super::wire::CitationSource<'_>| {
            let range = bytes(source.start_index, source.end_index);
            self.annotation(Text::of(&source.uri), Text::of(&source.title), range, None)
        };
        sources.filter_map(|source| of(&source)).collect()
    }

    /// Byte offsets become character offsets. They count from the start of a part, in a stream at times from the start of
    /// the answer; the cited words tell which, where they are given.
    fn annotation(&self, url: Option<&str>, title: Option<&str>, bytes: std::ops::Range<usize>, words: Option<&str>) -> Option<Annotation> {
        let url = url?;
        let in_part = bytes.start.saturating_add(self.part_start)..bytes.end.saturating_add(self.part_start);
        let range = match words {
            Some(words) => [bytes, in_part]
                .into_iter()
                .find(|range| self.text.get(range.clone()) == Some(words))
                .or_else(|| self.text.find(words).map(|start| start..start + words.len())),
            None => Some(bytes),
        };
        let characters = |to: usize| self.text.get(..to).map_or(0, |text| text.chars().count() as u64);
        let (start_index, end_index) = range.map_or((0, 0), |range| (characters(range.start), characters(range.end)));
        let title = title.unwrap_or_default().to_owned();
        Some(Annotation::UrlCitation { url_citation: UrlCitation { url: url.to_owned(), title, content: None, start_index, end_index } })
    }
}

/// A range of bytes; no start is the start.
fn bytes(start: Count, end: Count) -> std::ops::Range<usize> {
    start.0.unwrap_or(0) as usize..end.0.unwrap_or(0) as usize
}

/// The items of a list, none where it is no such list.
fn list<T: serde::de::DeserializeOwned>(json: Option<&RawValue>) -> Vec<T> {
    json.and_then(|json| serde_json::from_str(json.get()).ok()).unwrap_or_default()
}

/// Whether an enum's word is not the one that says nothing.
fn is_specified(word: &&str) -> bool {
    !word.ends_with("_UNSPECIFIED")
}

fn finish_reason(native: &str) -> FinishReason {
    match native {
        "STOP" => FinishReason::Stop,
        "MAX_TOKENS" => FinishReason::Length,
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "LANGUAGE"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "MODEL_ARMOR" => FinishReason::ContentFilter,
        // MALFORMED_FUNCTION_CALL, UNEXPECTED_TOOL_CALL, OTHER, and what Google adds later: nothing a caller can rely on.
        _ => FinishReason::Error,
    }
}

/// Puts a piece of an argument where its path says, `$.a.b[0]`; text goes behind the text that is there.
fn merge(args: &mut Value, piece: &PartialArg<'_>) {
    let value = match piece {
        PartialArg { string_value: Some(Text(text)), .. } => Value::from(&**text),
        PartialArg { number_value: Some(number), .. } => number.clone(),
        PartialArg { bool_value: Some(value), .. } => Value::Bool(value.0),
        _ => Value::Null,
    };
    let path = Text::of(&piece.json_path).unwrap_or_default();
    let (mut place, mut rest) = (args, path.trim_start_matches('$'));
    while let Some((step, tail)) = step(rest) {
        rest = tail;
        place = match step {
            Step::Item(index) => {
                if !place.is_array() {
                    *place = Value::Array(Vec::new());
                }
                let Value::Array(items) = place else { return };
                // An index past the end cannot be trusted to be small.
                let index = index.min(items.len());
                if index == items.len() {
                    items.push(Value::Null);
                }
                &mut items[index]
            }
            Step::Field(name) => {
                if !place.is_object() {
                    *place = Value::Object(Map::new());
                }
                let Value::Object(fields) = place else { return };
                fields.entry(name).or_insert(Value::Null)
            }
        };
    }
    match (place, value) {
        (Value::String(text), Value::String(more)) => text.push_str(&more),
        // The end of a text comes as a piece without a value.
        (Value::String(_), Value::Null) => {}
        (place, value) => *place = value,
    }
}

/// A step of a JSON path.
enum Step {
    Field(String),
    Item(usize),
}

/// The first step of a path, `.name`, `['name']` or `[0]`, and what follows it.
fn step(path: &str) -> Option<(Step, &str)> {
    let path = path.strip_prefix('.').unwrap_or(path);
    let Some(inner) = path.strip_prefix('[') else {
        let end = path.find(['.', '[']).unwrap_or(path.len());
        return (end > 0).then(|| (Step::Field(path[..end].to_owned()), &path[end..]));
    };
    let mut chars = inner.chars();
    let Some(quote) = chars.next().filter(|quote| matches!(quote, '\'' | '"')) else {
        let (item, tail) = inner.split_once(']')?;
        return Some((item.parse().map_or_else(|_| Step::Field(item.to_owned()), Step::Item), tail));
    };
    let mut name = String::new();
    while let Some(c) = chars.next().filter(|c| *c != quote) {
        name.push(if c == '\\' { chars.next()? } else { c });
    }
    Some((Step::Field(name), chars.as_str().strip_prefix(']').unwrap_or(chars.as_str())))
}

/// Log probabilities in OpenAI's form.
fn openai_logprobs(wire: LogprobsResult<'_>) -> Value {
    let entry = |logprob: &super::wire::Logprob<'_>| {
        let token = Text::of(&logprob.token).unwrap_or_default();
        json!({"token": token, "logprob": logprob.log_probability.as_ref().and_then(Value::as_f64).unwrap_or(-9999.0), "bytes": token.as_bytes()})
    };
    let mut top = wire.top_candidates.0.into_iter();
    let content: Vec<Value> = wire
        .chosen_candidates
        .0
        .iter()
        .map(|chosen| {
            let alternatives: Vec<Value> = top.next().iter().flat_map(|top| &top.candidates.0).map(entry).collect();
            let mut chosen = entry(chosen);
            chosen["top_logprobs"] = alternatives.into();
            chosen
        })
        .collect();
    json!({"content": content, "refusal": null})
}
