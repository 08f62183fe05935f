//! Input items to messages.

use serde_json::{Map, Value, json};

use super::sealed::{is_sealed, unseal};
use crate::{
    error::{Error, Result},
    types::{Content, FileRef, ImageUrl, InputAudio, Message, Part, ReasoningDetail, Role, ToolCall},
};

/// Collects messages. What the assistant did in a row, in several items, is one message.
#[derive(Default)]
pub(super) struct Conversation {
    messages: Vec<Message>,
    assistant: Option<Message>,
}

impl Conversation {
    /// All messages.
    pub(super) fn finish(mut self) -> Vec<Message> {
        self.flush();
        self.messages
    }

    /// A text, or a list of items.
    pub(super) fn input(&mut self, path: &str, role: Role, input: &Value) -> Result<()> {
        match input {
            Value::String(text) => {
                self.push(Message::new(role, text));
                Ok(())
            }
            Value::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| self.item(&format!("{path}[{index}]"), item)),
            _ => Err(bad(path, "expected a string or a list of items")),
        }
    }

    fn item(&mut self, path: &str, item: &Value) -> Result<()> {
        let Value::Object(map) = item else { return Err(bad(path, "expected an object")) };
        let kind = map.get("type").and_then(Value::as_str);
        match kind {
            None | Some("message") if map.contains_key("role") => self.message(path, map),
            Some("message") => Err(bad(&format!("{path}.role"), "a message needs its role")),
            Some("function_call") => {
                let call = ToolCall {
                    extra_content: map.get("extra_content").filter(|extra| !extra.is_null()).cloned(),
                    ..ToolCall::new(text(path, map, "call_id")?, text(path, map, "name")?, text(path, map, "arguments")?)
                };
                self.assistant().tool_calls.push(call);
                Ok(())
            }
            Some("function_call_output") => {
                let id = text(path, map, "call_id")?;
                let at = format!("{path}.output");
                let content = content(&at, map.get("output").ok_or_else(|| bad(&at, "the result is missing"))?)?;
                self.push(Message { role: Role::Tool, content: Some(content), tool_call_id: Some(id.to_owned()), ..Message::default() });
                Ok(())
            }
            Some("reasoning") => {
                let details = reasoning(map);
                self.assistant().reasoning_details.get_or_insert_default().extend(details);
                Ok(())
            }
            // What the vendor did by itself is told by the text after it.
            Some("web_search_call") => Ok(()),
            Some("item_reference") => Err(Error::unsupported(
                path,
                format!("{path}: an item_reference needs stored items, and junto stores none; send the item itself"),
            )),
            Some(other) => {
                Err(Error::unsupported(format!("{path}.type"), format!("{path}.type: items of type `{other}` are not supported")))
            }
            None => Err(bad(&format!("{path}.type"), "an item needs a type, or a role and content")),
        }
    }

    fn message(&mut self, path: &str, map: &Map<String, Value>) -> Result<()> {
        let at = format!("{path}.content");
        let content = content(&at, map.get("content").ok_or_else(|| bad(&at, "a message needs content"))?)?;
        let role = match text(path, map, "role")? {
            "user" => Role::User,
            "system" => Role::System,
            "developer" => Role::Developer,
            "assistant" => {
                if self.assistant.as_ref().is_some_and(|message| message.content.is_some() || !message.tool_calls.is_empty()) {
                    self.flush();
                }
                let message = self.assistant();
                match content {
                    Content::Parts(parts) => {
                        let refusal = parts.iter().find_map(|part| match part {
                            Part::Refusal(text) => Some(text.clone()),
                            _ => None,
                        });
                        let said: String = parts.iter().filter_map(Part::as_text).collect();
                        message.content = (!said.is_empty() || refusal.is_none()).then_some(Content::Text(said));
                        message.refusal = refusal;
                    }
                    text @ Content::Text(_) => message.content = Some(text),
                }
                return Ok(());
            }
            other => {
                return Err(bad(&format!("{path}.role"), &format!("`{other}` is none of user, assistant, system, developer")));
            }
        };
        self.push(Message { role, content: Some(content), ..Message::default() });
        Ok(())
    }

    fn assistant(&mut self) -> &mut Message {
        self.assistant.get_or_insert_with(|| Message { role: Role::Assistant, ..Message::default() })
    }

    fn push(&mut self, message: Message) {
        self.flush();
        self.messages.push(message);
    }

    fn flush(&mut self) {
        self.messages.extend(self.assistant.take());
    }
}

/// The blocks of a reasoning item: ours as they were, a vendor's own encrypted one beside what can be read.
fn reasoning(map: &Map<String, Value>) -> Vec<ReasoningDetail> {
    let encrypted = map.get("encrypted_content").and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(details) = encrypted.and_then(unseal) {
        return details;
    }
    let texts = |field: &str| -> Vec<String> {
        let parts = map.get(field).and_then(Value::as_array);
        parts.into_iter().flatten().filter_map(|part| part.get("text")?.as_str().map(str::to_owned)).collect()
    };
    let mut details: Vec<ReasoningDetail> = texts("summary").into_iter().map(ReasoningDetail::summary).collect();
    details.extend(texts("content").into_iter().map(ReasoningDetail::text));
    if let Some(data) = encrypted.filter(|text| !is_sealed(text)) {
        let id = map.get("id").and_then(Value::as_str).map(str::to_owned);
        details.push(ReasoningDetail { id, format: Some("openai-responses-v1".to_owned()), ..ReasoningDetail::encrypted(data) });
    }
    for (index, detail) in (0..).zip(&mut details) {
        detail.index = Some(index);
    }
    details
}

fn content(path: &str, value: &Value) -> Result<Content> {
    match value {
        Value::String(text) => Ok(Content::Text(text.clone())),
        Value::Array(parts) => {
            let part = |(index, value): (usize, &Value)| part(&format!("{path}[{index}]"), value);
            parts.iter().enumerate().map(part).collect::<Result<_>>().map(Content::Parts)
        }
        _ => Err(bad(path, "expected a string or a list of parts")),
    }
}

fn part(path: &str, value: &Value) -> Result<Part> {
    let Value::Object(map) = value else { return Err(bad(path, "expected an object")) };
    if map.get("file_id").is_some_and(|id| !id.is_null()) {
        let at = format!("{path}.file_id");
        return Err(Error::unsupported(at.clone(), format!("{at}: files are not stored here; send the data or a URL")));
    }
    let given = |field: &str| map.get(field).and_then(Value::as_str).map(str::to_owned);
    match text(path, map, "type")? {
        "input_text" | "output_text" | "text" => text(path, map, "text").map(Part::text),
        "refusal" => text(path, map, "refusal").map(|text| Part::Refusal(text.to_owned())),
        "input_image" => {
            let url = text(path, map, "image_url")?.to_owned();
            Ok(Part::Image(ImageUrl { url, detail: given("detail") }, None))
        }
        "input_file" => {
            let file_data = given("file_data").or_else(|| given("file_url"));
            if file_data.is_none() {
                return Err(bad(&format!("{path}.file_data"), "a file needs its data or a URL"));
            }
            Ok(Part::File(FileRef { filename: given("filename"), file_data, file_id: None }, None))
        }
        "input_audio" => {
            let at = format!("{path}.input_audio");
            let audio: Option<InputAudio> = map.get("input_audio").and_then(|audio| serde_json::from_value(audio.clone()).ok());
            audio.map(Part::InputAudio).ok_or_else(|| bad(&at, "audio needs its data and format"))
        }
        other => Err(Error::unsupported(format!("{path}.type"), format!("{path}.type: parts of type `{other}` are not supported"))),
    }
}

/// A field that must be a string.
pub(super) fn text<'a>(path: &str, map: &'a Map<String, Value>, field: &str) -> Result<&'a str> {
    map.get(field).and_then(Value::as_str).ok_or_else(|| bad(&format!("{path}.{field}"), "expected a string"))
}

pub(super) fn bad(path: &str, problem: &str) -> Error {
    Error::bad_request(path, format!("{path}: {problem}"))
}

/// A function of the Responses API as chat writes it.
pub(super) fn function(map: &Map<String, Value>) -> Value {
    let fields = ["name", "description", "parameters", "strict"];
    let function: Map<String, Value> =
        fields.iter().filter_map(|field| Some(((*field).to_owned(), map.get(*field).filter(|value| !value.is_null())?.clone()))).collect();
    json!({"type": "function", "function": function})
}
