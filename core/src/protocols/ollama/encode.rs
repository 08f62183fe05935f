//! The request. Ollama's field names live here, in the `json!` that writes them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    error::{Error, Result},
    protocols::{Call, Encoded, unplaced::unplaced},
    types::{Content, Effort, Message, Part, Reasoning, ResponseFormat, Role, Tool, ToolChoice},
};

pub(super) fn encode(call: &Call<'_>) -> Result<Encoded> {
    let (request, mut dropped) = (call.request, Vec::new());
    let mut body = Map::new();
    body.insert("model".to_owned(), (*call.endpoint.upstream).into());
    body.insert("stream".to_owned(), call.stream.into());
    // Names of calls by their ids: a result has to say them.
    let mut names = BTreeMap::new();
    let mut messages = Vec::with_capacity(request.messages.len());
    for (at, message) in request.messages.iter().enumerate() {
        names.extend(message.tool_calls.iter().map(|call| (call.id.as_str(), call.function.name.as_str())));
        messages.push(self::message(at, message, &names)?);
    }
    if messages.is_empty() {
        return Err(Error::bad_request("messages", "messages: at least one message is needed"));
    }
    body.insert("messages".to_owned(), messages.into());

    let functions: Vec<Value> = request.tools.iter().filter_map(function).collect();
    if functions.len() < request.tools.len() {
        dropped.push("tools".to_owned());
    }
    match &request.tool_choice {
        // Ollama knows no choice, but what is not offered is not called.
        Some(ToolChoice::None) => {}
        choice => {
            if choice.as_ref().is_some_and(|choice| *choice != ToolChoice::Auto) {
                dropped.push("tool_choice".to_owned());
            }
            if !functions.is_empty() {
                body.insert("tools".to_owned(), functions.into());
            }
        }
    }

    let mut options = match request.extra.get("options") {
        Some(Value::Object(options)) => options.clone(),
        _ => Map::new(),
    };
    let stop = request.stop_sequences();
    let on = |flag: Option<bool>| flag.filter(|on| *on).map(Value::from);
    for (name, field, value) in [
        ("max_tokens", "num_predict", request.max_output_tokens().map(Value::from)),
        ("temperature", "temperature", request.temperature.map(Value::from)),
        ("top_p", "top_p", request.top_p.map(Value::from)),
        ("top_k", "top_k", request.top_k.map(Value::from)),
        ("min_p", "min_p", request.min_p.map(Value::from)),
        ("seed", "seed", request.seed.map(Value::from)),
        ("stop", "stop", (!stop.is_empty()).then(|| stop.into())),
        ("frequency_penalty", "frequency_penalty", request.frequency_penalty.map(Value::from)),
        ("presence_penalty", "presence_penalty", request.presence_penalty.map(Value::from)),
        ("repetition_penalty", "repeat_penalty", request.repetition_penalty.map(Value::from)),
    ] {
        insert(call, &mut options, &mut dropped, name, field, value);
    }
    if !options.is_empty() {
        body.insert("options".to_owned(), options.into());
    }
    for (name, field, value) in [
        ("response_format", "format", format(request.response_format.as_ref())?),
        ("reasoning", "think", request.reasoning_wanted().as_ref().map(|reasoning| think(call, reasoning))),
        ("logprobs", "logprobs", on(request.logprobs)),
        ("top_logprobs", "top_logprobs", request.top_logprobs.map(Value::from)),
        ("keep_alive", "keep_alive", request.extra.get("keep_alive").cloned()),
    ] {
        insert(call, &mut body, &mut dropped, name, field, value);
    }

    dropped.extend(request.extra.keys().filter(|name| !["keep_alive", "options"].contains(&name.as_str())).cloned());
    let more = [
        ("parallel_tool_calls", request.parallel_tool_calls == Some(false)),
        ("service_tier", request.service_tier.is_some()),
        ("user", request.user.is_some()),
        ("verbosity", request.verbosity.is_some()),
        ("web_search_options", request.web_search_options.is_some()),
    ];
    dropped.extend(unplaced(request, more));
    for (name, value) in &call.provider.quirks.body {
        body.insert(name.clone(), value.clone());
    }
    Ok(Encoded { request: call.post("/api/chat", serde_json::to_vec(&body)?)?, dropped })
}

/// Puts a value in its place, unless it is absent or the provider refuses the field.
fn insert(call: &Call<'_>, into: &mut Map<String, Value>, dropped: &mut Vec<String>, name: &str, field: &str, value: Option<Value>) {
    let Some(value) = value else { return };
    if call.provider.quirks.drops.iter().any(|dropped| dropped == name) {
        dropped.push(name.to_owned());
    } else {
        into.insert(field.to_owned(), value);
    }
}

fn message(at: usize, message: &Message, names: &BTreeMap<&str, &str>) -> Result<Value> {
    let role = match message.role {
        Role::Assistant => "assistant",
        Role::Developer | Role::System => "system",
        Role::Tool => "tool",
        Role::User => "user",
    };
    let mut text = String::new();
    let mut images = Vec::new();
    match &message.content {
        Some(Content::Text(content)) => text.push_str(content),
        Some(Content::Parts(parts)) => {
            for (index, part) in parts.iter().enumerate() {
                let path = format!("messages[{at}].content[{index}]");
                match part {
                    Part::Text(part) => text.push_str(&part.text),
                    Part::Refusal(refusal) => text.push_str(refusal),
                    Part::Image(image, _) => {
                        let Some((_, data)) = image.url.split_once(";base64,") else {
                            let message = format!("{path}.image_url.url: Ollama takes images inline only, as data:image/png;base64,..");
                            return Err(Error::unsupported(format!("{path}.image_url.url"), message));
                        };
                        images.push(data);
                    }
                    Part::File(..) | Part::InputAudio(_) | Part::Other(_) | Part::Video(_) => {
                        return Err(Error::unsupported(path.clone(), format!("{path}: Ollama takes text and images")));
                    }
                }
            }
        }
        None => text.push_str(message.refusal.as_deref().unwrap_or_default()),
    }
    let mut wire = json!({"role": role, "content": text});
    if !images.is_empty() {
        wire["images"] = images.into();
    }
    if message.role == Role::Assistant {
        if let Some(reasoning) = message.reasoning.as_ref().filter(|reasoning| !reasoning.is_empty()) {
            wire["thinking"] = reasoning.as_str().into();
        }
        let mut calls = Vec::new();
        for (index, call) in message.tool_calls.iter().enumerate() {
            let field = || format!("messages[{at}].tool_calls[{index}].function.arguments");
            let arguments: Map<String, Value> = match call.function.arguments.trim() {
                "" => Map::new(),
                text => serde_json::from_str(text)
                    .map_err(|error| Error::bad_request(field(), format!("{}: must be a JSON object: {error}", field())))?,
            };
            calls.push(json!({"id": call.id, "function": {"name": call.function.name, "arguments": arguments}}));
        }
        if !calls.is_empty() {
            wire["tool_calls"] = calls.into();
        }
    }
    if message.role == Role::Tool {
        let id = message.tool_call_id.as_deref().unwrap_or_default();
        let Some(name) = names.get(id).copied().or(message.name.as_deref()) else {
            let field = format!("messages[{at}].tool_call_id");
            return Err(Error::bad_request(field.clone(), format!("{field}: no earlier message calls a tool with the id \"{id}\"")));
        };
        wire["tool_name"] = name.into();
        if !id.is_empty() {
            wire["tool_call_id"] = id.into();
        }
    }
    Ok(wire)
}

fn function(tool: &Tool) -> Option<Value> {
    let Tool::Function { function, .. } = tool else { return None };
    let parameters = function.parameters.clone().unwrap_or_else(|| json!({"type": "object", "properties": {}}));
    let mut wire = json!({"name": function.name, "parameters": parameters});
    if let Some(description) = &function.description {
        wire["description"] = description.as_str().into();
    }
    Some(json!({"type": "function", "function": wire}))
}

fn format(format: Option<&ResponseFormat>) -> Result<Option<Value>> {
    match format {
        None | Some(ResponseFormat::Text) => Ok(None),
        Some(ResponseFormat::JsonObject) => Ok(Some("json".into())),
        Some(ResponseFormat::JsonSchema(format)) => Ok(Some(format.schema.clone().unwrap_or_else(|| "json".into()))),
        Some(ResponseFormat::Other(_)) => {
            Err(Error::unsupported("response_format", "response_format: Ollama knows \"text\", \"json_object\" and \"json_schema\""))
        }
    }
}

/// On or off; gpt-oss alone takes a level, and cannot be told to stop.
fn think(call: &Call<'_>, reasoning: &Reasoning) -> Value {
    let takes_level = call.endpoint.upstream.contains("gpt-oss");
    match reasoning.effort {
        _ if !reasoning.is_on() => false.into(),
        Some(Effort::Minimal | Effort::Low) if takes_level => "low".into(),
        Some(Effort::Medium) if takes_level => "medium".into(),
        Some(Effort::High | Effort::XHigh | Effort::Max) if takes_level => "high".into(),
        _ => true.into(),
    }
}
