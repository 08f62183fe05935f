//! Builds the chunks of one streamed answer, so that every protocol keeps the same promises: one id and model, a role
//! on each choice's first chunk, tool calls with an index, an id and a name, each finish reason once and last, and the
//! usage on the last chunk.

use std::{collections::VecDeque, sync::Arc};

use super::Call;
use crate::types::{Annotation, ChatChunk, ChunkChoice, Delta, FinishReason, FunctionDelta, ReasoningDetail, Role, ToolCallDelta, Usage};

/// The state of one streamed answer.
#[derive(Debug)]
pub(crate) struct Emitter {
    id: Arc<str>,
    model: Arc<str>,
    provider: Arc<str>,
    created: u64,
    choices: Vec<ChoiceState>,
    usage: Option<Usage>,
    service_tier: Option<String>,
    system_fingerprint: Option<String>,
    started: bool,
    done: bool,
    /// Whether the caller does not want to see reasoning.
    hides_reasoning: bool,
}

#[derive(Debug, Default)]
struct ChoiceState {
    index: u32,
    started: bool,
    finish: Option<FinishReason>,
    native: Option<String>,
    /// The tool calls, in the order of our indices.
    tools: Vec<Tool>,
}

#[derive(Debug)]
struct Tool {
    /// The vendor's.
    key: u64,
    id: String,
    /// No arguments came so far.
    is_bare: bool,
}

impl Emitter {
    pub(crate) fn new(call: &Call<'_>) -> Self {
        Self {
            id: Arc::clone(call.id),
            model: Arc::clone(&call.endpoint.upstream),
            provider: Arc::clone(&call.endpoint.provider),
            created: call.created,
            choices: Vec::new(),
            usage: None,
            service_tier: None,
            system_fingerprint: None,
            started: false,
            done: false,
            hides_reasoning: call.request.reasoning.as_ref().is_some_and(|reasoning| reasoning.exclude),
        }
    }

    /// Takes the vendor's own id, model and time; ignored once a chunk is out, so that all chunks agree.
    pub(crate) fn identify(&mut self, id: Option<&str>, model: Option<&str>, created: Option<u64>) {
        if self.started {
            return;
        }
        let take = |field: &mut Arc<str>, new: Option<&str>| {
            if let Some(new) = new.filter(|new| !new.is_empty() && **field != **new) {
                *field = new.into();
            }
        };
        take(&mut self.id, id);
        take(&mut self.model, model);
        self.created = created.filter(|created| *created > 0).unwrap_or(self.created);
    }

    /// The tier that serves; goes on the last chunk.
    pub(crate) fn service_tier(&mut self, tier: String) {
        self.service_tier = Some(tier);
    }

    /// The vendor's configuration; goes on the last chunk.
    pub(crate) fn system_fingerprint(&mut self, fingerprint: String) {
        self.system_fingerprint = Some(fingerprint);
    }

    /// Adds a piece of text. Empty pieces are dropped, here and below.
    pub(crate) fn text(&mut self, choice: u32, text: String, out: &mut VecDeque<ChatChunk>) {
        if !text.is_empty() {
            self.delta(choice, Delta { content: Some(text), ..Delta::default() }, out);
        }
    }

    /// Adds a piece of plain reasoning.
    pub(crate) fn reasoning(&mut self, choice: u32, text: String, out: &mut VecDeque<ChatChunk>) {
        if !text.is_empty() {
            self.delta(choice, Delta { reasoning: Some(text), ..Delta::default() }, out);
        }
    }

    /// Adds a piece of a reasoning block, and its text as plain reasoning too.
    pub(crate) fn reasoning_detail(&mut self, choice: u32, detail: ReasoningDetail, out: &mut VecDeque<ChatChunk>) {
        let text = detail.text.as_ref().or(detail.summary.as_ref()).filter(|text| !text.is_empty()).cloned();
        self.delta(choice, Delta { reasoning: text, reasoning_details: vec![detail], ..Delta::default() }, out);
    }

    /// Adds a piece of a refusal.
    pub(crate) fn refusal(&mut self, choice: u32, text: String, out: &mut VecDeque<ChatChunk>) {
        if !text.is_empty() {
            self.delta(choice, Delta { refusal: Some(text), ..Delta::default() }, out);
        }
    }

    /// Adds a citation.
    pub(crate) fn annotation(&mut self, choice: u32, annotation: Annotation, out: &mut VecDeque<ChatChunk>) {
        self.delta(choice, Delta { annotations: vec![annotation], ..Delta::default() }, out);
    }

    /// Begins a tool call. `key` is whatever tells the vendor's calls apart; an id is made where the vendor has none.
    pub(crate) fn tool_start(&mut self, choice: u32, key: u64, id: Option<&str>, name: &str, out: &mut VecDeque<ChatChunk>) {
        self.tool_start_with(choice, key, id, name, None, out);
    }

    /// Begins a tool call that carries the issuing host's signature.
    pub(crate) fn tool_start_with(
        &mut self,
        choice: u32,
        key: u64,
        id: Option<&str>,
        name: &str,
        extra_content: Option<serde_json::Value>,
        out: &mut VecDeque<ChatChunk>,
    ) {
        let count = self.tool_count(choice);
        let made = Self::tool_id(&self.id, choice, count);
        let state = self.choice(choice);
        let index = state.tools.len() as u32;
        // Two calls with one id could not be answered apart.
        let is_usable = |id: &&str| !id.is_empty() && state.tools.iter().all(|tool| tool.id != *id);
        let id = id.filter(is_usable).map_or(made, str::to_owned);
        state.tools.push(Tool { key, id: id.clone(), is_bare: true });
        let call = ToolCallDelta {
            index,
            id: Some(id),
            call_type: Some("function".into()),
            function: FunctionDelta { name: Some(name.to_owned()), arguments: Some(String::new()) },
            extra_content,
        };
        self.delta(choice, Delta { tool_calls: vec![call], ..Delta::default() }, out);
    }

    /// Adds a fragment of a call's arguments; of the latest call with this key.
    pub(crate) fn tool_arguments(&mut self, choice: u32, key: u64, fragment: &str, out: &mut VecDeque<ChatChunk>) {
        let tools = &mut self.choice(choice).tools;
        let Some(index) = tools.iter().rposition(|tool| tool.key == key).filter(|_| !fragment.is_empty()) else { return };
        // No arguments begin like this: there are none, or the real ones follow.
        if !(tools[index].is_bare && fragment.trim() == "{}") {
            self.arguments(choice, index, fragment, out);
        }
    }

    fn arguments(&mut self, choice: u32, index: usize, fragment: &str, out: &mut VecDeque<ChatChunk>) {
        self.choice(choice).tools[index].is_bare = false;
        let call = ToolCallDelta {
            index: index as u32,
            function: FunctionDelta { name: None, arguments: Some(fragment.to_owned()) },
            ..ToolCallDelta::default()
        };
        self.delta(choice, Delta { tool_calls: vec![call], ..Delta::default() }, out);
    }

    /// Whether a call with this key has begun.
    pub(crate) fn has_tool(&mut self, choice: u32, key: u64) -> bool {
        self.choice(choice).tools.iter().any(|tool| tool.key == key)
    }

    /// How many calls this choice has begun.
    pub(crate) fn tool_count(&mut self, choice: u32) -> usize {
        self.choice(choice).tools.len()
    }

    /// The id of a call whose vendor gives none; unique within one conversation.
    pub(crate) fn tool_id(answer: &str, choice: u32, index: usize) -> String {
        let tail: String = answer.chars().filter(char::is_ascii_alphanumeric).collect();
        let tail = &tail[tail.len().saturating_sub(16)..];
        format!("call_{tail}_{choice}_{index}")
    }

    /// Adds any piece.
    pub(crate) fn delta(&mut self, choice: u32, delta: Delta, out: &mut VecDeque<ChatChunk>) {
        self.choice_chunk(ChunkChoice { index: choice, delta, ..ChunkChoice::default() }, out);
    }

    /// Adds any piece of a choice, log probabilities included. Its finish reason is held back.
    pub(crate) fn choice_chunk(&mut self, mut piece: ChunkChoice, out: &mut VecDeque<ChatChunk>) {
        if self.hides_reasoning && (piece.delta.reasoning.is_some() || !piece.delta.reasoning_details.is_empty()) {
            piece.delta.reasoning = None;
            // What nobody can read stays: the vendor may want it back.
            piece.delta.reasoning_details.retain(|detail| detail.data.is_some());
            if piece.logprobs.is_none() && piece.delta == Delta::default() {
                return;
            }
        }
        let state = self.choice(piece.index);
        piece.delta.role = (!state.started).then_some(Role::Assistant);
        state.started = true;
        self.started = true;
        let chunk = self.chunk(vec![piece]);
        out.push_back(chunk);
    }

    /// Whether a choice has said anything.
    pub(crate) fn has_begun(&mut self, choice: u32) -> bool {
        self.choice(choice).started
    }

    /// Notes why a choice ended; the chunk that says so is held back until [`Emitter::end`].
    pub(crate) fn finish(&mut self, choice: u32, reason: FinishReason, native: Option<&str>) {
        let state = self.choice(choice);
        state.finish = Some(reason);
        if let Some(native) = native {
            state.native = Some(native.to_owned());
        }
    }

    /// Whether the answer has ended: every choice that has begun.
    pub(crate) fn is_finished(&self) -> bool {
        !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finish.is_some())
    }

    /// Notes the usage; the last one counts.
    pub(crate) fn usage(&mut self, usage: Usage) {
        self.usage = Some(usage);
    }

    /// The usage noted so far.
    pub(crate) fn usage_mut(&mut self) -> &mut Usage {
        self.usage.get_or_insert_default()
    }

    /// The answer is complete: the finish reasons go out, with the usage on the last chunk.
    pub(crate) fn end(&mut self, out: &mut VecDeque<ChatChunk>) {
        if self.done {
            return;
        }
        self.fill_arguments(out);
        self.done = true;
        self.started = true;
        let mut states = std::mem::take(&mut self.choices);
        if states.is_empty() {
            states.push(ChoiceState::default());
        }
        for state in states {
            let finish_reason = match state.finish {
                Some(FinishReason::Stop) if !state.tools.is_empty() => Some(FinishReason::ToolCalls),
                reason => reason,
            };
            let delta = Delta { role: (!state.started).then_some(Role::Assistant), ..Delta::default() };
            let piece = ChunkChoice { index: state.index, delta, finish_reason, native_finish_reason: state.native, logprobs: None };
            let chunk = self.chunk(vec![piece]);
            out.push_back(chunk);
        }
        if let Some(last) = out.back_mut() {
            last.usage = self.usage.take().map(Box::new);
            last.service_tier = self.service_tier.take();
            last.system_fingerprint = self.system_fingerprint.take();
        }
    }

    /// No arguments are an empty object, also where the limit cut them off before they began.
    fn fill_arguments(&mut self, out: &mut VecDeque<ChatChunk>) {
        for at in 0..self.choices.len() {
            let ChoiceState { index: choice, ref tools, .. } = self.choices[at];
            for index in 0..tools.len() {
                if self.choices[at].tools[index].is_bare {
                    self.arguments(choice, index, "{}", out);
                }
            }
        }
    }

    /// Whether [`Emitter::end`] has run.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    fn chunk(&self, choices: Vec<ChunkChoice>) -> ChatChunk {
        ChatChunk::of([&self.id, &self.model, &self.provider], self.created, choices)
    }

    fn choice(&mut self, index: u32) -> &mut ChoiceState {
        let at = match self.choices.iter().position(|choice| choice.index == index) {
            Some(at) => at,
            None => {
                self.choices.push(ChoiceState { index, ..ChoiceState::default() });
                self.choices.len() - 1
            }
        };
        &mut self.choices[at]
    }
}
