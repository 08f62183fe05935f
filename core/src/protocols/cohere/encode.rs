//! The request. Cohere's field names live here, in the `json!` that writes them.

use serde_json::{Map, Value, json};

use crate::{
    error::{Error, Result},
    protocols::{Call, Encoded, effort, unplaced::unplaced},
    types::{Content, Message, Part, Reasoning, ResponseFormat, Role, Tool, ToolChoice},
};

/// Fields of Cohere's own that a caller may send.
const OWN_FIELDS: [&str; 5] = ["citation_options", "documents", "priority", "safety_mode", "strict_tools"];

pub(super) fn encode(call: &Call<'_>) -> Result<Encoded> {
    let (request, mut dropped) = (call.request, Vec::new());
    let mut body = Map::new();
    body.insert("model".to_owned(), (*call.endpoint.upstream).into());
    body.insert("stream".to_owned(), call.stream.into());
    let messages: Vec<Value> =
        request.messages.iter().enumerate().map(|(at, message)| self::message(at, message)).collect::<Result<_>>()?;
    if messages.is_empty() {
        return Err(Error::bad_request("messages", "messages: at least one message is needed"));
    }
    body.insert("messages".to_owned(), messages.into());
    tools(call, &mut body, &mut dropped);

    let stop = request.stop_sequences();
    for (name, field, value) in [
        ("max_tokens", "max_tokens", request.max_output_tokens().map(Value::from)),
        ("temperature", "temperature", request.temperature.map(Value::from)),
        ("top_p", "p", request.top_p.map(Value::from)),
        ("top_k", "k", request.top_k.map(Value::from)),
        ("stop", "stop_sequences", (!stop.is_empty()).then(|| stop.into())),
        ("seed", "seed", request.seed.map(Value::from)),
        ("frequency_penalty", "frequency_penalty", request.frequency_penalty.map(Value::from)),
        ("presence_penalty", "presence_penalty", request.presence_penalty.map(Value::from)),
        ("response_format", "response_format", response_format(request.response_format.as_ref())?),
        ("reasoning", "thinking", request.reasoning_wanted().as_ref().map(|reasoning| thinking(call, reasoning))),
    ] {
        let Some(value) = value else { continue };
        if call.provider.quirks.drops.iter().any(|dropped| dropped == name) {
            dropped.push(name.to_owned());
        } else {
            body.insert(field.to_owned(), value);
        }
    }
    for (name, value) in &request.extra {
        if OWN_FIELDS.contains(&name.as_str()) {
            body.insert(name.clone(), value.clone());
        } else {
            dropped.push(name.clone());
        }
    }
    let more = [
        ("logprobs", request.logprobs == Some(true)),
        ("min_p", request.min_p.is_some()),
        ("parallel_tool_calls", request.parallel_tool_calls == Some(false)),
        ("repetition_penalty", request.repetition_penalty.is_some()),
        ("service_tier", request.service_tier.is_some()),
        ("user", request.user.is_some()),
        ("verbosity", request.verbosity.is_some()),
        ("web_search_options", request.web_search_options.is_some()),
    ];
    dropped.extend(unplaced(request, more));
    for (name, value) in &call.provider.quirks.body {
        body.insert(name.clone(), value.clone());
    }
    Ok(Encoded { request: call.post("/v2/chat", serde_json::to_vec(&body)?)?, dropped })
}

fn message(at: usize, message: &Message) -> Result<Value> {
    let role = match message.role {
        Role::Assistant => "assistant",
        Role::Developer | Role::System => "system",
        Role::Tool => "tool",
        Role::User => "user",
    };
    let mut wire = json!({ "role": role });
    match &message.content {
        Some(Content::Text(text)) => wire["content"] = text.as_str().into(),
        Some(Content::Parts(parts)) => {
            let part = |(index, part): (usize, &Part)| self::part(&format!("messages[{at}].content[{index}]"), part);
            wire["content"] = parts.iter().enumerate().map(part).collect::<Result<Vec<_>>>()?.into();
        }
        None if message.tool_calls.is_empty() => wire["content"] = message.refusal.as_deref().unwrap_or_default().into(),
        None => {}
    }
    if message.role == Role::Tool {
        let Some(id) = &message.tool_call_id else {
            let field = format!("messages[{at}].tool_call_id");
            return Err(Error::bad_request(field.clone(), format!("{field}: a tool message names the call that it answers")));
        };
        wire["tool_call_id"] = id.as_str().into();
    }
    if !message.tool_calls.is_empty() {
        let calls = message.tool_calls.iter().map(|call| {
            let arguments = if call.function.arguments.trim().is_empty() { "{}" } else { &call.function.arguments };
            json!({"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": arguments}})
        });
        wire["tool_calls"] = calls.collect::<Vec<_>>().into();
        if let Some(plan) = message.reasoning.as_ref().filter(|plan| !plan.is_empty()) {
            wire["tool_plan"] = plan.as_str().into();
        }
    }
    Ok(wire)
}

fn part(path: &str, part: &Part) -> Result<Value> {
    match part {
        Part::Text(text) => Ok(json!({"type": "text", "text": text.text})),
        Part::Refusal(text) => Ok(json!({"type": "text", "text": text})),
        Part::Image(image, _) => Ok(json!({"type": "image_url", "image_url": image})),
        // Cohere's own document part travels as it came.
        Part::Other(map) if map.get("type").is_some_and(|kind| kind == "document") => Ok(Value::Object(map.clone())),
        Part::File(..) | Part::InputAudio(_) | Part::Other(_) | Part::Video(_) => {
            Err(Error::unsupported(path, format!("{path}: Cohere takes text, images and documents")))
        }
    }
}

fn tools(call: &Call<'_>, body: &mut Map<String, Value>, dropped: &mut Vec<String>) {
    let (mut functions, mut drop) = (Vec::new(), |name: &str| {
        if !dropped.iter().any(|dropped| dropped == name) {
            dropped.push(name.to_owned());
        }
    });
    let mut choice = match &call.request.tool_choice {
        Some(ToolChoice::Required | ToolChoice::Function(_)) => Some("REQUIRED"),
        Some(ToolChoice::None) => Some("NONE"),
        Some(ToolChoice::Other(_)) => {
            drop("tool_choice");
            None
        }
        Some(ToolChoice::Auto) | None => None,
    };
    for tool in &call.request.tools {
        match (tool, &call.request.tool_choice) {
            // Cohere cannot be told which tool, but can be left no other.
            (Tool::Function { function, .. }, Some(ToolChoice::Function(name))) if *name != function.name => {}
            (Tool::Function { function, .. }, _) => {
                let parameters = function.parameters.clone().unwrap_or_else(|| json!({"type": "object", "properties": {}}));
                let mut wire = json!({"name": function.name, "parameters": parameters});
                if let Some(description) = &function.description {
                    wire["description"] = description.as_str().into();
                }
                functions.push(json!({"type": "function", "function": wire}));
            }
            (Tool::Server(_), _) => drop("tools"),
        }
    }
    if functions.is_empty() {
        return;
    }
    if call.provider.quirks.drops.iter().any(|dropped| dropped == "tool_choice") && choice.take().is_some() {
        drop("tool_choice");
    }
    if let Some(choice) = choice {
        body.insert("tool_choice".to_owned(), choice.into());
    }
    body.insert("tools".to_owned(), functions.into());
}

fn response_format(format: Option<&ResponseFormat>) -> Result<Option<Value>> {
    match format {
        None | Some(ResponseFormat::Text) => Ok(None),
        Some(ResponseFormat::JsonObject) => Ok(Some(json!({"type": "json_object"}))),
        Some(ResponseFormat::JsonSchema(format)) => Ok(Some(match &format.schema {
            Some(schema) => json!({"type": "json_object", "json_schema": schema}),
            None => json!({"type": "json_object"}),
        })),
        Some(ResponseFormat::Other(_)) => {
            Err(Error::unsupported("response_format", "response_format: Cohere knows \"text\", \"json_object\" and \"json_schema\""))
        }
    }
}

/// On with or without a budget, or off. Only models that reason know the field at all.
fn thinking(call: &Call<'_>, reasoning: &Reasoning) -> Value {
    if !reasoning.is_on() {
        return json!({"type": "disabled"});
    }
    let budget = effort::budget(call, reasoning).filter(|budget| *budget > 0);
    match budget {
        Some(budget) => json!({"type": "enabled", "token_budget": budget}),
        None => json!({"type": "enabled"}),
    }
}
