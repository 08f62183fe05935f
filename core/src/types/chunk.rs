//! The answer in pieces, and the fold of pieces into a whole.

use std::{borrow::Cow, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Annotation, AssistantMessage, AudioOutput, ChatResponse, Choice, FinishReason, ImageOutput, ReasoningDetail, Role, Routing, ToolCall,
    Usage,
};
use crate::error::ErrorBody;

/// One piece of an answer in OpenAI's shape. Every chunk of a stream has the same id and model. What most chunks lack is
/// boxed, because a chunk is moved about, and small is fast.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ChatChunk {
    /// The vendor's id, or one of junto's own where it gave none.
    pub id: Arc<str>,
    /// Always `chat.completion.chunk`.
    pub object: Cow<'static, str>,
    /// Unix time in seconds.
    pub created: u64,
    /// The model that serves, as the vendor reports it.
    pub model: Arc<str>,
    /// The provider that serves.
    pub provider: Arc<str>,
    /// What each choice gained.
    pub choices: Vec<ChunkChoice>,
    /// Tokens and cost; on the last chunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Box<Usage>>,
    /// The tier that served; on the last chunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// The vendor's configuration; on the last chunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_fingerprint: Option<String>,
    /// What went wrong; only on the last chunk of a stream that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Box<ErrorBody>>,
    /// How the answer came to be; on the last chunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing: Option<Box<Routing>>,
}

/// What one choice gained.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ChunkChoice {
    /// Which of `n` it is.
    pub index: u32,
    /// The piece.
    pub delta: Delta,
    /// Why it ended; on the choice's last chunk.
    pub finish_reason: Option<FinishReason>,
    /// Why it ended, in the vendor's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native_finish_reason: Option<String>,
    /// Log probabilities, as the vendor sent them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<Value>,
}

/// A piece of a message.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Delta {
    /// `assistant`; on the choice's first chunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Refusal text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Reasoning as plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// Pieces of reasoning blocks; those of one block share their `index`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasoning_details: Vec<ReasoningDetail>,
    /// Pieces of tool calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCallDelta>,
    /// Citations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<Annotation>,
    /// Images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImageOutput>,
    /// Audio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<Box<AudioOutput>>,
}

/// A piece of a tool call: `id`, `type` and `name` once, then fragments of `arguments`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ToolCallDelta {
    /// Which call of the choice it belongs to.
    pub index: u32,
    /// The call's id; on its first piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `function`; on its first piece.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub call_type: Option<Cow<'static, str>>,
    /// The name, then pieces of the arguments.
    pub function: FunctionDelta,
    /// The issuing host's signature; see [`ToolCall::extra_content`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_content: Option<Value>,
}

/// A piece of a function call.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct FunctionDelta {
    /// The name; on the call's first piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A fragment of the arguments; all fragments concatenate to JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
}

impl Delta {
    /// Whether it holds content that commits a stream: anything but a role.
    pub fn has_content(&self) -> bool {
        let says = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
        says(&self.content)
            || says(&self.refusal)
            || says(&self.reasoning)
            || !self.reasoning_details.is_empty()
            || !self.tool_calls.is_empty()
            || !self.images.is_empty()
            || self.audio.is_some()
    }
}

impl From<AssistantMessage> for Delta {
    /// The whole message as one piece.
    fn from(message: AssistantMessage) -> Self {
        let calls = message.tool_calls.into_iter().zip(0..).map(|(call, index)| ToolCallDelta {
            index,
            id: Some(call.id),
            call_type: Some("function".into()),
            function: FunctionDelta { name: Some(call.function.name), arguments: Some(call.function.arguments) },
            extra_content: call.extra_content,
        });
        Self {
            role: Some(Role::Assistant),
            content: message.content,
            refusal: message.refusal,
            reasoning: message.reasoning,
            reasoning_details: message.reasoning_details,
            tool_calls: calls.collect(),
            annotations: message.annotations,
            images: message.images,
            audio: message.audio,
        }
    }
}

impl ChatChunk {
    /// A chunk of these choices alone; `from` is the answer's id, model and provider.
    #[inline]
    pub(crate) fn of(from: [&Arc<str>; 3], created: u64, choices: Vec<ChunkChoice>) -> Self {
        let [id, model, provider] = from;
        Self {
            id: Arc::clone(id),
            object: "chat.completion.chunk".into(),
            created,
            model: Arc::clone(model),
            provider: Arc::clone(provider),
            choices,
            usage: None,
            service_tier: None,
            system_fingerprint: None,
            error: None,
            routing: None,
        }
    }

    /// The text that the first choice gained.
    pub fn text(&self) -> &str {
        self.choices.first().and_then(|choice| choice.delta.content.as_deref()).unwrap_or_default()
    }

    /// Whether it holds content that commits a stream.
    pub fn has_content(&self) -> bool {
        self.choices.iter().any(|choice| choice.delta.has_content())
    }

    /// The chunk as OpenAI JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Folds the chunks of a stream into the answer they spell.
#[derive(Debug, Default)]
pub struct Fold(ChatResponse);

impl Fold {
    /// An empty answer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a chunk.
    pub fn push(&mut self, chunk: ChatChunk) {
        let whole = &mut self.0;
        if whole.id.is_empty() {
            (*chunk.id).clone_into(&mut whole.id);
            whole.object = "chat.completion".into();
            whole.created = chunk.created;
            (*chunk.model).clone_into(&mut whole.model);
            (*chunk.provider).clone_into(&mut whole.provider);
        }
        for piece in chunk.choices {
            let at = match whole.choices.iter().position(|choice| choice.index == piece.index) {
                Some(at) => at,
                None => {
                    let message = AssistantMessage { role: Role::Assistant, ..AssistantMessage::default() };
                    whole.choices.push(Choice { index: piece.index, message, ..Choice::default() });
                    whole.choices.len() - 1
                }
            };
            let choice = &mut whole.choices[at];
            fold_delta(&mut choice.message, piece.delta);
            choice.finish_reason = piece.finish_reason.or(choice.finish_reason);
            choice.native_finish_reason = piece.native_finish_reason.or(choice.native_finish_reason.take());
            if let Some(logprobs) = piece.logprobs {
                fold_logprobs(&mut choice.logprobs, logprobs);
            }
            if piece.finish_reason == Some(FinishReason::Error) {
                choice.error = chunk.error.as_deref().cloned();
            }
        }
        if let Some(usage) = chunk.usage {
            whole.usage = *usage;
        }
        whole.service_tier = chunk.service_tier.or(whole.service_tier.take());
        whole.system_fingerprint = chunk.system_fingerprint.or(whole.system_fingerprint.take());
        if let Some(routing) = chunk.routing {
            whole.routing = Some(*routing);
        }
    }

    /// The answer so far.
    pub fn finish(mut self) -> ChatResponse {
        self.0.choices.sort_by_key(|choice| choice.index);
        self.0
    }
}

fn append(whole: &mut Option<String>, piece: Option<String>) {
    match (whole.as_mut(), piece) {
        (Some(whole), Some(piece)) => whole.push_str(&piece),
        (None, piece) => *whole = piece,
        (Some(_), None) => {}
    }
}

/// Adds pieces to the blocks that they belong to.
pub(crate) fn fold_details(whole: &mut Vec<ReasoningDetail>, pieces: Vec<ReasoningDetail>) {
    for detail in pieces {
        let same = |old: &&mut ReasoningDetail| old.index.is_some() && old.index == detail.index && old.detail_type == detail.detail_type;
        match whole.iter_mut().rev().find(same) {
            Some(old) => {
                append(&mut old.text, detail.text);
                append(&mut old.summary, detail.summary);
                append(&mut old.data, detail.data);
                old.signature = detail.signature.or(old.signature.take());
                old.id = detail.id.or(old.id.take());
            }
            None => whole.push(detail),
        }
    }
}

fn fold_delta(message: &mut AssistantMessage, delta: Delta) {
    append(&mut message.content, delta.content);
    append(&mut message.refusal, delta.refusal);
    append(&mut message.reasoning, delta.reasoning);
    fold_details(&mut message.reasoning_details, delta.reasoning_details);
    for piece in delta.tool_calls {
        let at = piece.index as usize;
        while message.tool_calls.len() <= at {
            message.tool_calls.push(ToolCall::new("", "", ""));
        }
        let call = &mut message.tool_calls[at];
        if let Some(id) = piece.id {
            call.id = id;
        }
        if let Some(name) = piece.function.name {
            call.function.name = name;
        }
        call.function.arguments.push_str(piece.function.arguments.as_deref().unwrap_or_default());
        call.extra_content = piece.extra_content.or(call.extra_content.take());
    }
    message.annotations.extend(delta.annotations);
    message.images.extend(delta.images);
    if let Some(audio) = delta.audio {
        let whole = message.audio.get_or_insert_default();
        whole.id = audio.id.or(whole.id.take());
        whole.expires_at = audio.expires_at.or(whole.expires_at);
        match (&mut whole.data, audio.data) {
            (Some(whole), Some(piece)) => join_base64(whole, &piece),
            (whole, piece) => append(whole, piece),
        }
        append(&mut whole.transcript, audio.transcript);
    }
}

/// Appends the bytes of one base64 text to another; padding can only stand at the end.
fn join_base64(whole: &mut String, piece: &str) {
    let last = whole.len().saturating_sub(4);
    if whole.ends_with('=')
        && let Ok(mut bytes) = BASE64_STANDARD.decode(&whole.as_bytes()[last..])
        && let Ok(more) = BASE64_STANDARD.decode(piece)
    {
        bytes.extend(more);
        whole.truncate(last);
        BASE64_STANDARD.encode_string(bytes, whole);
    } else {
        whole.push_str(piece);
    }
}

/// Log probabilities come as `{"content": [..], "refusal": [..]}`; the lists concatenate.
fn fold_logprobs(whole: &mut Option<Value>, piece: Value) {
    let (Some(Value::Object(whole)), Value::Object(piece)) = (whole.as_mut(), &piece) else {
        *whole = Some(piece);
        return;
    };
    for (key, value) in piece {
        match (whole.get_mut(key), value) {
            (Some(Value::Array(old)), Value::Array(new)) => old.extend(new.iter().cloned()),
            _ => {
                whole.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{AssistantMessage, Delta, fold_delta, join_base64};

    #[test]
    fn pieces_of_base64_are_one_base64() {
        for (pieces, want) in [
            (["AQ==", "AgM="], "AQID"),
            (["AQI=", "Aw=="], "AQID"),
            (["AQID", "BA=="], "AQIDBA=="),
            (["AQID", "BAUG"], "AQIDBAUG"),
            (["AQ==", "no base64"], "AQ==no base64"),
            (["=", ""], "="),
        ] {
            let mut whole = pieces[0].to_owned();
            join_base64(&mut whole, pieces[1]);
            assert_eq!(whole, want);
        }
    }

    #[test]
    fn a_message_as_one_piece_folds_into_itself() {
        let call = |id: &str, signature: serde_json::Value| json!({"id": id, "type": "function", "function": {"name": "look", "arguments": "{}"}, "extra_content": signature});
        let message = json!({
            "role": "assistant",
            "content": "Blue.",
            "refusal": "No.",
            "reasoning": "Light scatters.",
            "reasoning_details": [{"type": "reasoning.text", "text": "Light scatters.", "index": 0}],
            "tool_calls": [call("a", json!({"google": {"thought_signature": "x"}})), call("b", json!(null))],
            "annotations": [{"type": "url_citation", "url_citation": {"url": "https://example.com", "title": "Sky", "start_index": 0, "end_index": 5}}],
            "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}],
            "audio": {"id": "audio_1", "data": "AA=="},
        });
        let message: AssistantMessage = serde_json::from_value(message).unwrap();
        let mut folded = AssistantMessage { role: message.role, ..AssistantMessage::default() };
        fold_delta(&mut folded, Delta::from(message.clone()));
        assert_eq!(folded, message);
    }
}
