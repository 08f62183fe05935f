//! From chat completions answers to ours. A whole answer is read as a stream of one chunk, so both say the same.

use std::{collections::VecDeque, sync::Arc};

use serde_json::{Value, json, value::RawValue};

use super::{
    error,
    think::ThinkTags,
    wire::{self, Answer, Choice, Content, Details, Function, Piece, ToolCall},
};
use crate::{
    error::{Error, Result},
    protocols::{
        Call, Emitter,
        loose::{Cost, Count, Text},
        repair::repaired,
        searches_in_chat,
    },
    providers::SearchField,
    search::{Cite, Found},
    types::{
        Annotation, AudioOutput, ChatChunk, ChunkChoice, Delta, FinishReason, ImageOutput, ImageUrl, ReasoningDetail, UrlCitation, Usage,
    },
};

/// Reads the chunks of one answer.
pub(super) struct Reader {
    emitter: Emitter,
    provider: Arc<str>,
    /// Calls that have begun, the latest of an index last.
    calls: Vec<OpenCall>,
    think: Option<Vec<(u32, ThinkTags)>>,
    /// Sources of the whole answer, as last sent.
    citations: String,
    search_results: String,
    /// What was said, where sources are named beside it and the text points to them.
    said: Option<String>,
    /// What tools of the host found, and which of their calls counted.
    found: Found,
    searched: Vec<u64>,
    /// Whether every answer is a search.
    always_searches: bool,
    service_tier: String,
    system_fingerprint: String,
    /// Choices seen, and how they ended.
    choices: Vec<(u32, Option<FinishReason>)>,
}

/// A call. Where it is in this list is its key for the emitter.
struct OpenCall {
    choice: u32,
    index: u64,
    id: String,
    /// Arguments that came before the name; the call begins with its name.
    waiting: Option<String>,
    /// It came in one piece: the next piece with a name is another call, whatever its index.
    whole: bool,
}

/// What a chunk says of one call.
struct CallPiece<'a> {
    index: Option<u64>,
    /// Among the calls of its chunk.
    position: u64,
    id: Option<&'a str>,
    name: Option<&'a str>,
    fragment: &'a str,
    extra_content: Option<&'a Value>,
}

/// Which field of a choice holds what was said; where a choice has both, one of them is empty or repeats.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Chunk,
    Whole,
}

/// The index of a legacy `function_call`; no index of `tool_calls` reaches it.
const FUNCTION_CALL: u64 = u64::MAX;

impl Reader {
    pub(super) fn new(call: &Call<'_>) -> Self {
        Self {
            emitter: Emitter::new(call),
            provider: Arc::clone(&call.endpoint.provider),
            calls: Vec::new(),
            think: call.provider.quirks.think_tags.then(Vec::new),
            citations: String::new(),
            search_results: String::new(),
            said: matches!(call.provider.quirks.search, SearchField::Always | SearchField::Browser).then(String::new),
            found: Found::default(),
            searched: Vec::new(),
            always_searches: call.provider.quirks.search == SearchField::Always || searches_in_chat(&call.endpoint.upstream),
            service_tier: String::new(),
            system_fingerprint: String::new(),
            choices: Vec::new(),
        }
    }

    /// Reads one chunk, or a whole answer.
    pub(super) fn read(&mut self, shape: Shape, json: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        match wire::parse(json) {
            Ok(answer) => self.answer(shape, &answer, json, out),
            Err(cause) => match repaired(json) {
                Some(json) => self.read(shape, json.as_bytes(), out),
                None => Err(error::not_ours(json, &cause)),
            },
        }
    }

    fn answer(&mut self, shape: Shape, answer: &Answer<'_>, json: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let is_error = answer.object.as_ref().is_some_and(|object| object.0 == "error");
        self.emitter.identify(Text::given(answer.id.as_ref()), Text::given(answer.model.as_ref()), answer.created.0);
        for (position, choice) in answer.choices.iter().flat_map(|choices| &choices.0).enumerate() {
            self.choice(shape, position, choice, out)?;
        }
        self.envelope(answer);
        if is_error || answer.error.is_some_and(says_something) {
            return Err(error::from_value(None, serde_json::from_slice(json)?));
        }
        if let Some(cause) = answer.x_groq.0.as_ref().and_then(|groq| groq.error).filter(|cause| says_something(cause)) {
            return Err(error::from_event(cause.get().as_bytes()));
        }
        // Some say what went wrong, or refuse the key, without calling it an error.
        let is_error: fn(&Value) -> bool = match shape {
            _ if answer.choices.as_ref().is_some_and(|choices| !choices.0.is_empty()) => return Ok(()),
            Shape::Chunk if answer.base_resp.is_none() && answer.choices.is_some() => return Ok(()),
            // What is no chunk may be news that nobody here knows.
            Shape::Chunk if answer.base_resp.is_none() => error::must_be_error,
            Shape::Chunk | Shape::Whole => error::says_error,
        };
        let value = serde_json::from_slice::<Value>(json)?;
        if is_error(&value) { Err(error::from_value(None, value)) } else { Ok(()) }
    }

    /// Fields that are true of the whole answer.
    fn envelope(&mut self, answer: &Answer<'_>) {
        let keep = |field: &mut String, value: Option<&str>| {
            if let Some(value) = value.filter(|value| *value != field) {
                value.clone_into(field);
            }
        };
        keep(&mut self.service_tier, Text::given(answer.service_tier.as_ref()).and_then(service_tier));
        keep(&mut self.system_fingerprint, Text::given(answer.system_fingerprint.as_ref()));
        keep(&mut self.citations, answer.citations.map(RawValue::get));
        let found =
            answer.search_results.or(answer.web_search).or(answer.venice_parameters.0.as_ref().and_then(|echo| echo.web_search_citations));
        keep(&mut self.search_results, found.map(RawValue::get));
        let usage = answer.usage.0.as_deref().or_else(|| answer.x_groq.0.as_ref()?.usage.0.as_ref()).map(usage);
        if let Some(usage) = usage.filter(|usage| !usage.is_empty()) {
            self.emitter.usage(usage);
        }
    }

    fn choice(&mut self, shape: Shape, position: usize, choice: &Choice<'_>, out: &mut VecDeque<ChatChunk>) -> Result<()> {
        let index = choice.index.0.unwrap_or(position as u64) as u32;
        let at = self.choices.iter().position(|(seen, _)| *seen == index).unwrap_or_else(|| {
            self.choices.push((index, None));
            self.choices.len() - 1
        });
        let (delta, message) = (choice.delta.0.as_ref(), choice.message.0.as_deref());
        let piece = match shape {
            // At the end of a stream some hosts send all of it again.
            Shape::Chunk => {
                let message = message.filter(|_| !self.emitter.has_begun(index));
                let ends = Text::of(&choice.finish_reason).is_some();
                delta.filter(|delta| !ends || message.is_none() || !delta.says_nothing()).or(message)
            }
            Shape::Whole => message.or(delta),
        };
        if let Some(piece) = piece {
            self.piece(index, piece, choice.logprobs, out);
        }
        if let Some(usage) = choice.usage.0.as_deref().map(usage).filter(|usage| !usage.is_empty()) {
            self.emitter.usage(usage);
        }
        // Alibaba's hosts write `null` as text.
        if let Some(reason) = Text::of(&choice.finish_reason).filter(|reason| *reason != "null") {
            let ours = finish_reason(reason);
            self.choices[at].1 = Some(ours);
            let native = Text::given(choice.native_finish_reason.as_ref()).unwrap_or(reason);
            self.emitter.finish(index, ours, Some(native));
        }
        match choice.error.filter(|cause| says_something(cause)) {
            Some(cause) => Err(error::from_value(None, serde_json::from_str(cause.get())?)),
            None => Ok(()),
        }
    }

    fn piece(&mut self, index: u32, piece: &Piece<'_>, logprobs: Option<&RawValue>, out: &mut VecDeque<ChatChunk>) {
        let mut delta = Delta::default();
        match &piece.content {
            Some(Content::Text(text)) if !text.is_empty() => delta.content = Some(text.to_string()),
            Some(Content::Parts(parts)) => self.parts(parts, &mut delta),
            _ => {}
        }
        // Some hosts send the same reasoning under both names, or between tags too.
        let reasoning = [&piece.reasoning, &piece.reasoning_content, &piece.thinking];
        let reasoning = reasoning.into_iter().find_map(|text| Text::given(text.as_ref()));
        if let Some(think) = &mut self.think {
            let at = think.iter().position(|(choice, _)| *choice == index).unwrap_or_else(|| {
                think.push((index, ThinkTags::default()));
                think.len() - 1
            });
            let tags = &mut think[at].1;
            tags.is_repeated |= reasoning.is_some() || piece.reasoning_details.is_some_and(says_something);
            if let Some(text) = delta.content.take() {
                let (reasoning, text) = tags.push(&text);
                delta.content = Some(text).filter(|text| !text.is_empty());
                append(&mut delta.reasoning, &reasoning);
            }
        }
        delta.refusal = Text::given(piece.refusal.as_ref()).map(str::to_owned);
        append(&mut delta.reasoning, reasoning.unwrap_or_default());
        if let Some(details) = piece.reasoning_details {
            self.reasoning_details(details, &mut delta);
        }
        if let Some(annotations) = piece.annotations {
            delta.annotations = list(annotations).iter().filter_map(annotation).collect();
        }
        if let Some(tools) = piece.executed_tools {
            self.executed(tools);
        }
        if let (Some(said), Some(text), 0) = (&mut self.said, &delta.content, index) {
            said.push_str(text);
        }
        if let Some(images) = piece.images {
            delta.images = list(images).iter().filter_map(image).collect();
        }
        if let Some(audio) = piece.audio {
            delta.audio = serde_json::from_str::<Box<AudioOutput>>(audio.get()).ok().filter(|audio| **audio != AudioOutput::default());
        }
        let logprobs = logprobs.and_then(|logprobs| self::logprobs(serde_json::from_str(logprobs.get()).ok()?));
        if delta.has_content() || !delta.annotations.is_empty() || logprobs.is_some() {
            self.emitter.choice_chunk(ChunkChoice { index, delta, logprobs, ..ChunkChoice::default() }, out);
        }
        for (position, call) in piece.tool_calls.0.iter().enumerate() {
            self.tool_call(index, position, call, out);
        }
        // Some servers say the same in both words.
        if let Some(function) = piece.function_call.0.as_ref().filter(|_| piece.tool_calls.0.is_empty()) {
            let piece = CallPiece {
                index: Some(FUNCTION_CALL),
                position: 0,
                id: None,
                name: Text::of(&function.name),
                fragment: Text::of(&function.arguments).unwrap_or_default(),
                extra_content: None,
            };
            self.tool_piece(index, &piece, out);
        }
    }

    /// What the host found, or tools that it ran: a stream tells of each when it begins and when it ends.
    fn executed(&mut self, tools: &RawValue) {
        let found: Value = serde_json::from_str(tools.get()).unwrap_or_default();
        if let Some(cited) = found.get("citations") {
            self.search_results = cited.to_string();
        }
        for (position, tool) in found.as_array().into_iter().flatten().enumerate() {
            let text = |field: &str| tool.get(field).and_then(Value::as_str).unwrap_or_default();
            let results = tool.pointer("/search_results/results").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let key = tool.get("index").and_then(Value::as_u64).unwrap_or(position as u64);
            let is_search = text("type").contains("search") || text("name").contains("search");
            let has_ended = !results.is_empty() || !text("output").is_empty();
            if is_search && has_ended && !self.searched.contains(&key) {
                self.searched.push(key);
                self.found.results.extend(results.iter().filter_map(|result| serde_json::from_value(result.clone()).ok()));
            }
        }
    }

    fn parts(&self, parts: &[wire::Part<'_>], delta: &mut Delta) {
        for part in parts {
            let kind = part.kind.as_ref().map_or("text", |kind| &kind.0);
            match kind {
                "thinking" | "reasoning" | "reasoning_text" => {
                    let text = part.thinking.as_ref().or(part.summary.as_ref()).map(Content::joined);
                    let text = text.or_else(|| Text::given(part.text.as_ref()).map(str::to_owned)).unwrap_or_default();
                    append(&mut delta.reasoning, &text);
                    if let Some(signature) = Text::given(part.signature.as_ref()) {
                        let detail = ReasoningDetail { signature: Some(signature.to_owned()), ..ReasoningDetail::text(text) };
                        delta.reasoning_details.push(self.owned(detail));
                    }
                }
                "refusal" => append(&mut delta.refusal, Text::given(part.refusal.as_ref()).unwrap_or_default()),
                _ => {
                    append(&mut delta.content, Text::given(part.text.as_ref()).unwrap_or_default());
                    let url = part.image_url.and_then(|url| serde_json::from_str(url.get()).ok());
                    delta.images.extend(url.and_then(|url: Value| image(&url)));
                }
            }
        }
    }

    fn reasoning_details(&self, details: &RawValue, delta: &mut Delta) {
        let details = list(details).into_iter().filter_map(reasoning_detail);
        delta.reasoning_details.extend(details.map(|detail| self.owned(detail)));
        if delta.reasoning.is_none() {
            let texts = delta.reasoning_details.iter().filter_map(|detail| detail.text.as_deref().or(detail.summary.as_deref()));
            let text: String = texts.collect();
            append(&mut delta.reasoning, &text);
        }
    }

    /// A signed block remembers who issued it.
    fn owned(&self, mut detail: ReasoningDetail) -> ReasoningDetail {
        if detail.is_signed() {
            detail.provider.get_or_insert_with(|| self.provider.to_string());
        }
        detail
    }

    fn tool_call(&mut self, choice: u32, position: usize, call: &ToolCall<'_>, out: &mut VecDeque<ChatChunk>) {
        let named = |function: &&Function<'_>| Text::of(&function.name).is_some();
        let (function, custom) = (call.function.0.as_ref(), call.custom.0.as_ref());
        let (name, fragment) = match function.filter(named).or(custom.filter(named)) {
            None if Text::of(&call.name).is_some() => (&call.name, call.arguments.as_ref()),
            function_or_custom => match function_or_custom.or(function).or(custom) {
                Some(function) => (&function.name, function.arguments.as_ref().or(function.input.as_ref())),
                None => return,
            },
        };
        let piece = CallPiece {
            index: call.index.0,
            position: position as u64,
            id: Text::of(&call.id),
            name: Text::of(name),
            fragment: Text::given(fragment).unwrap_or_default(),
            extra_content: call.extra_content.as_ref(),
        };
        self.tool_piece(choice, &piece, out);
    }

    fn tool_piece(&mut self, choice: u32, piece: &CallPiece<'_>, out: &mut VecDeque<ChatChunk>) {
        let at = self.open_call(choice, piece);
        let (key, call) = (at as u64, &mut self.calls[at]);
        match (&mut call.waiting, piece.name) {
            (Some(waiting), Some(name)) => {
                let earlier = std::mem::take(waiting);
                call.waiting = None;
                if let Some(id) = piece.id {
                    id.clone_into(&mut call.id);
                }
                self.emitter.tool_start_with(choice, key, Some(&call.id), name, piece.extra_content.cloned(), out);
                self.emitter.tool_arguments(choice, key, &earlier, out);
            }
            (Some(waiting), None) => {
                waiting.push_str(piece.fragment);
                return;
            }
            (None, _) => {}
        }
        self.emitter.tool_arguments(choice, key, piece.fragment, out);
    }

    /// Where the call of this piece is in the list, which it may begin.
    fn open_call(&mut self, choice: u32, piece: &CallPiece<'_>) -> usize {
        let index = piece.index.unwrap_or(piece.position);
        let latest = |is: &dyn Fn(&OpenCall) -> bool| self.calls.iter().rposition(|call| call.choice == choice && is(call));
        // Without an index the id tells whose arguments these are, where there is one.
        let by_id = piece.id.filter(|_| piece.index.is_none() && piece.name.is_none()).and_then(|id| latest(&|call| call.id == id));
        let open = by_id.or_else(|| latest(&|call| call.index == index));
        // A new id at a used index is a new call; so is another name after a call that came in one piece without an id.
        let is_new = match open.map(|at| &self.calls[at]) {
            None => true,
            Some(_) if piece.name.is_none() => false,
            Some(call) => match piece.id {
                Some(id) if !call.id.is_empty() => call.waiting.is_none() && call.id != id,
                _ => call.whole,
            },
        };
        match open {
            Some(at) if !is_new => at,
            _ => {
                let whole = piece.fragment.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(piece.fragment).is_ok();
                let id = piece.id.unwrap_or_default().to_owned();
                self.calls.push(OpenCall { choice, index, id, waiting: Some(String::new()), whole });
                self.calls.len() - 1
            }
        }
    }

    /// Whether every choice ended.
    pub(super) fn is_finished(&self) -> bool {
        self.emitter.is_finished()
    }

    /// Whether the last chunk is out.
    pub(super) fn is_done(&self) -> bool {
        self.emitter.is_done()
    }

    /// The answer is complete.
    pub(super) fn end(&mut self, out: &mut VecDeque<ChatChunk>) -> Result<()> {
        if self.emitter.is_done() {
            return Ok(());
        }
        if self.choices.is_empty() {
            return Err(Error::empty());
        }
        for (choice, think) in self.think.iter_mut().flatten() {
            let (reasoning, text) = think.finish();
            self.emitter.reasoning(*choice, reasoning, out);
            if let (Some(said), 0) = (&mut self.said, *choice) {
                said.push_str(&text);
            }
            self.emitter.text(*choice, text, out);
        }
        let cited = self.cited();
        // Nobody counts for us: a model that always searches did so once, tools of the host as often as they ran.
        let searches = match self.searched.len() as u64 {
            0 => u64::from(self.always_searches && (self.said.is_none() || !cited.is_empty())),
            searches => searches,
        };
        if searches > 0 {
            let usage = self.emitter.usage_mut();
            usage.server_tool_use_details.get_or_insert_default().web_search_requests.get_or_insert(searches);
        }
        for annotation in cited {
            self.emitter.annotation(self.choices[0].0, annotation, out);
        }
        // Some hosts complete an answer without a word about why.
        for (choice, _) in self.choices.iter().filter(|(_, reason)| reason.is_none()) {
            self.emitter.finish(*choice, FinishReason::Stop, None);
        }
        if !self.service_tier.is_empty() {
            self.emitter.service_tier(std::mem::take(&mut self.service_tier));
        }
        if !self.system_fingerprint.is_empty() {
            self.emitter.system_fingerprint(std::mem::take(&mut self.system_fingerprint));
        }
        self.emitter.end(out);
        Ok(())
    }
}

impl Reader {
    /// Sources named beside the answer, at the places that point to them.
    fn cited(&mut self) -> Vec<Annotation> {
        let said = self.said.as_deref().unwrap_or_default();
        if self.found.results.is_empty() {
            return placed(citations(&self.citations, &self.search_results), said);
        }
        let mut cite = Cite::new(Arc::new(std::mem::take(&mut self.found)));
        let mut cited = cite.push(0, said);
        cited.extend(cite.finish(0));
        cited
    }
}

/// A block of reasoning; its place must be no reason to lose it.
fn reasoning_detail(mut detail: Value) -> Option<ReasoningDetail> {
    let index = detail.get_mut("index").map(Value::take);
    let mut detail = serde_json::from_value::<ReasoningDetail>(detail).ok()?;
    detail.index = index.and_then(|index| serde_json::from_value::<Count>(index).ok()?.0).map(|index| index as u32);
    Some(detail)
}

/// Whether an error field is one; some hosts send it empty with every answer.
pub(in crate::protocols) fn says_something(error: &RawValue) -> bool {
    !matches!(error.get(), "{}" | "[]" | "\"\"" | "false" | "0" | "null")
}

fn append(text: &mut Option<String>, more: &str) {
    if !more.is_empty() {
        text.get_or_insert_default().push_str(more);
    }
}

pub(in crate::protocols) fn list(json: &RawValue) -> Vec<Value> {
    serde_json::from_str(json.get()).unwrap_or_default()
}

/// Our finish reason for a vendor's word; a word nobody knows means that the answer ended by itself.
fn finish_reason(word: &str) -> FinishReason {
    // `content_filter: RECITATION` says it twice, `function_call_filter: MALFORMED_FUNCTION_CALL` only then.
    word.split(':').find_map(|word| known_reason(word.trim())).unwrap_or(FinishReason::Stop)
}

/// Our finish reason for a word that someone is known to use.
pub(in crate::protocols) fn known_reason(word: &str) -> Option<FinishReason> {
    let is = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    match () {
        () if is(&["stop"]) => Some(FinishReason::Stop),
        () if is(&LIMITED) => Some(FinishReason::Length),
        () if is(&["tool_calls", "tool_call", "tool-calls", "tool_use", "function_call"]) => Some(FinishReason::ToolCalls),
        () if is(&FILTERED) => Some(FinishReason::ContentFilter),
        () if is(&FAILED) => Some(FinishReason::Error),
        () => None,
    }
}

/// What hosts call an answer that a limit cut.
const LIMITED: [&str; 10] = [
    "length",
    "max_tokens",
    "max_completion_tokens",
    "token_limit",
    "max_output_tokens",
    "max_length",
    "model_length",
    "context_length",
    "context_length_exceeded",
    "model_context_window_exceeded",
];

/// What hosts call an answer that broke.
const FAILED: [&str; 10] = [
    "error",
    "abort",
    "aborted",
    "cancelled",
    "network_error",
    "insufficient_system_resource",
    "malformed_function_call",
    "unexpected_tool_call",
    "too_many_tool_calls",
    "timeout",
];

/// What hosts call an answer that a filter ended; some pass on their upstream's word.
const FILTERED: [&str; 17] = [
    "content_filter",
    "content-filter",
    "content_filtered",
    "refusal",
    "safety",
    "sensitive",
    "blocklist",
    "prohibited_content",
    "recitation",
    "spii",
    "image_safety",
    "image_prohibited_content",
    "image_recitation",
    "model_armor",
    "guardrail_intervened",
    "guardrails",
    "error_toxic",
];

/// Log probabilities as OpenAI has them; none where they are of another make, or empty.
pub(in crate::protocols) fn logprobs(given: Value) -> Option<Value> {
    let Value::Object(mut given) = given else { return None };
    let mut tokens = |name: &str| match given.remove(name) {
        Some(Value::Array(tokens)) if !tokens.is_empty() => {
            tokens.into_iter().map(|token| logprob(token, true)).collect::<Option<Vec<_>>>()
        }
        _ => None,
    };
    let (content, refusal) = (tokens("content"), tokens("refusal"));
    (content.is_some() || refusal.is_some()).then(|| json!({"content": content, "refusal": refusal}))
}

fn logprob(token: Value, with_others: bool) -> Option<Value> {
    let Value::Object(mut token) = token else { return None };
    token.get("token").filter(|token| token.is_string())?;
    if !token.get("logprob").is_some_and(Value::is_number) {
        // OpenAI's number for what is most unlikely; JSON has no infinity.
        token.insert("logprob".into(), (-9999.0).into());
    }
    if !token.get("bytes").is_some_and(Value::is_array) {
        token.insert("bytes".into(), Value::Null);
    }
    if with_others {
        let others = match token.remove("top_logprobs") {
            Some(Value::Array(others)) => others.into_iter().filter_map(|other| logprob(other, false)).collect(),
            _ => Vec::new(),
        };
        token.insert("top_logprobs".into(), others.into());
    }
    Some(token.into())
}

/// OpenAI's word for a tier.
pub(in crate::protocols) fn service_tier(word: &str) -> Option<&str> {
    match word {
        "auto" | "default" | "flex" | "priority" | "scale" => Some(word),
        "on_demand" | "standard" => Some("default"),
        _ => None,
    }
}

/// Fills in the count that follows from the other two. xAI counts reasoning beside the completion; for us it is a part.
fn complete(usage: &mut Usage, reasoning: u64) {
    match (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) {
        (Some(input), Some(output), Some(total)) if reasoning > 0 && total == input.saturating_add(output).saturating_add(reasoning) => {
            usage.completion_tokens = Some(output + reasoning);
        }
        (Some(input), Some(output), None) => usage.total_tokens = Some(input.saturating_add(output)),
        (Some(input), None, Some(total)) => usage.completion_tokens = Some(total.saturating_sub(input)),
        (None, Some(output), Some(total)) => usage.prompt_tokens = Some(total.saturating_sub(output)),
        _ => {}
    }
}

/// What the vendor says an answer cost, in US dollars.
fn stated(dollars: Cost, ticks: Cost) -> Option<f64> {
    dollars.0.or_else(|| ticks.0.map(|ticks| ticks / 1e10))
}

pub(in crate::protocols) fn usage(wire: &wire::Usage) -> Usage {
    let none = Details::default();
    let prompt = [&wire.prompt_tokens_details, &wire.prompt_token_details, &wire.input_tokens_details];
    let prompt = prompt.into_iter().find_map(|details| details.0.as_ref()).unwrap_or(&none);
    let completion = [&wire.completion_tokens_details, &wire.completion_token_details, &wire.output_tokens_details];
    let completion = completion.into_iter().find_map(|details| details.0.as_ref()).unwrap_or(&none);
    let mut usage = Usage {
        prompt_tokens: wire.prompt_tokens.0.or(wire.input_tokens.0),
        completion_tokens: wire.completion_tokens.0.or(wire.output_tokens.0),
        total_tokens: wire.total_tokens.0,
        ..Usage::default()
    };
    let reasoning = completion.reasoning_tokens.0.or(wire.reasoning_tokens.0);
    complete(&mut usage, reasoning.unwrap_or(0));
    let cached =
        [prompt.cached_tokens, wire.cached_tokens, wire.num_cached_tokens, wire.prompt_cache_hit_tokens, wire.cache_read_input_tokens];
    // Who says it in two places may say 0 in one of them.
    let cached = cached.iter().filter_map(|count| count.0).max();
    let written = [prompt.cache_write_tokens, prompt.cache_creation_input_tokens, wire.cache_creation_input_tokens];
    let written = written.iter().filter_map(|count| count.0).max();
    if [cached, written, prompt.audio_tokens.0, prompt.image_tokens.0].iter().any(Option::is_some) {
        let details = usage.prompt_details();
        details.cached_tokens = cached;
        details.cache_write_tokens = written;
        details.audio_tokens = prompt.audio_tokens.0;
        details.image_tokens = prompt.image_tokens.0;
    }
    let (accepted, rejected) = (completion.accepted_prediction_tokens.0, completion.rejected_prediction_tokens.0);
    if [reasoning, completion.audio_tokens.0, completion.image_tokens.0, accepted, rejected].iter().any(Option::is_some) {
        let details = usage.completion_details();
        details.reasoning_tokens = reasoning;
        details.audio_tokens = completion.audio_tokens.0;
        details.image_tokens = completion.image_tokens.0;
        details.accepted_prediction_tokens = accepted;
        details.rejected_prediction_tokens = rejected;
    }
    if let Some(cost) = stated(wire.cost, wire.cost_in_usd_ticks) {
        usage.cost_details.get_or_insert_default().upstream_inference_cost = Some(cost);
    }
    let counted = wire.server_tool_use_details.0.as_ref().and_then(|tools| tools.web_search_requests.0);
    let searches = counted.or(wire.num_sources_used.0).or(wire.num_search_queries.0);
    if searches.is_some_and(|searches| searches > 0) {
        usage.server_tool_use_details.get_or_insert_default().web_search_requests = searches;
    }
    if let Some(size) = wire.search_context_size.0 {
        usage.server_tool_use_details.get_or_insert_default().search_context_size = Some(size);
    }
    usage
}

/// Sources named beside the answer: URLs, with titles from the search results.
fn citations(urls: &str, results: &str) -> Vec<Annotation> {
    let parse = |json: &str| serde_json::from_str::<Vec<Value>>(json).unwrap_or_default();
    let (urls, results) = (parse(urls), parse(results));
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
    let cite = |url: &str| {
        let result = results.iter().find(|result| address(result) == Some(url));
        let title = result.and_then(|result| text(result, "title")).unwrap_or_default();
        let content = result.and_then(|result| text(result, "snippet").or(text(result, "content"))).filter(|snippet| !snippet.is_empty());
        Annotation::UrlCitation { url_citation: UrlCitation { url: url.to_owned(), title, content, ..UrlCitation::default() } }
    };
    let of = |value: &Value| value.as_str().or_else(|| address(value)).map(cite);
    let cited: Vec<_> = urls.iter().filter_map(of).collect();
    if cited.is_empty() { results.iter().filter_map(of).collect() } else { cited }
}

fn address(source: &Value) -> Option<&str> {
    source.get("url").or(source.get("link")).and_then(Value::as_str)
}

/// Each source at every `[1]` that points to it, counted from 1; one that nothing points to stays without a place.
fn placed(sources: Vec<Annotation>, said: &str) -> Vec<Annotation> {
    let mut placed = Vec::with_capacity(sources.len());
    for (number, source) in (1..).zip(sources) {
        let Annotation::UrlCitation { url_citation } = &source;
        let mark = format!("[{number}]");
        let before = placed.len();
        for (at, _) in said.match_indices(&mark) {
            let start_index = said[..at].chars().count() as u64;
            let url_citation = UrlCitation { start_index, end_index: start_index + mark.len() as u64, ..url_citation.clone() };
            placed.push(Annotation::UrlCitation { url_citation });
        }
        if placed.len() == before {
            placed.push(source);
        }
    }
    placed
}

/// `{"type": "url_citation", "url_citation": {..}}`, or the same without the inner object.
pub(in crate::protocols) fn annotation(value: &Value) -> Option<Annotation> {
    if value.get("type").is_some_and(|kind| kind != "url_citation") {
        return None;
    }
    let citation = value.get("url_citation").unwrap_or(value);
    let text = |field: &str| citation.get(field).and_then(Value::as_str);
    let place = |field: &str| citation.get(field).and_then(Value::as_u64).unwrap_or(0);
    Some(Annotation::UrlCitation {
        url_citation: UrlCitation {
            url: text("url")?.to_owned(),
            title: text("title").unwrap_or_default().to_owned(),
            content: text("content").map(str::to_owned),
            start_index: place("start_index"),
            end_index: place("end_index"),
        },
    })
}

/// An image part, its inner object, or a bare URL.
fn image(value: &Value) -> Option<ImageOutput> {
    let inner = value.get("image_url").unwrap_or(value);
    let url = inner.as_str().or_else(|| inner.get("url").and_then(Value::as_str))?;
    Some(ImageOutput::ImageUrl { image_url: ImageUrl { url: url.to_owned(), detail: None } })
}
