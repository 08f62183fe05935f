//! From our request to the Responses API: messages become input items.

use std::{borrow::Cow, cell::RefCell};

use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};
use serde_json::{Value, json};

use super::decode::FORMAT;
use crate::{
    catalog::Parameter,
    error::{Error, Result},
    protocols::{
        Call, Encoded,
        effort::{self, Asked},
        ids,
        openai_chat::{encode::check_conversation, fields::Fields},
        search,
    },
    providers::ToolIds,
    types::{ChatRequest, Content, Effort, Message, Part, ReasoningDetail, ResponseFormat, Role, Tool, ToolChoice},
};

pub(super) fn encode(call: &Call<'_>) -> Result<Encoded> {
    check(call)?;
    let body = Body { call, dropped: RefCell::default() };
    let mut json = Vec::with_capacity(1024);
    serde_json::to_writer(&mut json, &body)
        .map_err(|error| Error::bad_request("messages", format!("the request does not serialise: {error}")))?;
    Ok(Encoded { request: call.post("/responses", json)?, dropped: body.dropped.into_inner() })
}

/// The least that this API lets an answer have.
const FEWEST_TOKENS: u64 = 16;

/// What this API cannot say.
fn check(call: &Call<'_>) -> Result<()> {
    check_conversation(call)?;
    let request = call.request;
    let refuse = |field: String, why: &str| Err(Error::unsupported(field.clone(), format!("{field}: {why}")));
    if request.max_output_tokens().is_some_and(|limit| limit < FEWEST_TOKENS) {
        let field = if request.max_completion_tokens.is_some() { "max_completion_tokens" } else { "max_tokens" };
        return refuse(field.to_owned(), "the Responses API takes no limit below 16");
    }
    for (index, message) in request.messages.iter().enumerate() {
        for (at, part) in message.parts().iter().enumerate() {
            let field = || format!("messages[{index}].content[{at}]");
            let has_media = matches!(message.role, Role::Tool | Role::User);
            match part {
                Part::Text(_) => {}
                Part::Refusal(_) if message.role == Role::Assistant => {}
                Part::File(file, _) if has_media && (file.file_id.is_some() || file.file_data.is_some()) => {}
                Part::Image(..) if has_media => {}
                // What newer models of this API take has its own words.
                Part::Other(part) if has_media && part.get("type").is_some_and(|kind| kind == "input_image" || kind == "input_file") => {}
                Part::InputAudio(_) => return refuse(field(), "the Responses API takes no audio"),
                Part::Video(_) => return refuse(field(), "the Responses API takes no video"),
                Part::File(..) | Part::Image(..) | Part::Other(_) | Part::Refusal(_) => {
                    return refuse(field(), "the Responses API does not take this part from this role");
                }
            }
        }
    }
    for (index, tool) in request.tools.iter().enumerate() {
        if let Tool::Server(tool) = tool
            && let kind = tool.get("type").and_then(Value::as_str).unwrap_or_default()
            && !SERVER_TOOLS.iter().any(|known| kind.starts_with(known))
        {
            return refuse(format!("tools[{index}]"), &format!("the Responses API has no tool of type `{kind}`"));
        }
    }
    Ok(())
}

/// Tools of this API other than functions; some names go on with a date.
const SERVER_TOOLS: &[&str] = &[
    "apply_patch",
    "code_interpreter",
    "computer",
    "custom",
    "file_search",
    "image_generation",
    "local_shell",
    "mcp",
    "shell",
    "web_search",
];

/// The whole body; serialising it notes what was left out.
struct Body<'a> {
    call: &'a Call<'a>,
    dropped: RefCell<Vec<String>>,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (call, request, quirks) = (self.call, self.call.request, &self.call.provider.quirks);
        let mut fields = Fields { map: serializer.serialize_map(None)?, call, dropped: &self.dropped };
        if quirks.model_in_body {
            fields.map.serialize_entry("model", &*call.endpoint.upstream)?;
        }
        fields.map.serialize_entry("input", &Input(call))?;
        if call.stream {
            fields.map.serialize_entry("stream", &true)?;
        }
        // This API keeps answers unless told not to; ours does not.
        let store = request.store.unwrap_or(false);
        fields.put("store", Some(&store))?;
        fields.put("max_output_tokens", request.max_output_tokens().as_ref())?;
        fields.put("temperature", request.temperature.as_ref())?;
        fields.put("top_p", request.top_p.as_ref())?;
        fields.put("top_logprobs", request.top_logprobs.as_ref())?;
        let includes = includes(call, store);
        fields.put("include", Some(&includes).filter(|includes| !includes.is_empty()))?;
        put_text(&mut fields)?;
        put_reasoning(&mut fields)?;
        let tools = Tools { request, search: search_tool(call) };
        fields.put("tools", Some(&tools).filter(|tools| !request.tools.is_empty() || tools.search.is_some()))?;
        let excludes = quirks.search_excludes.as_ref().map(|_| "exclude_domains");
        let takes = ["include_domains", "search_context_size", "user_location"].into_iter().chain(excludes);
        for name in search::dropped(request, &takes.collect::<Vec<_>>()) {
            fields.drop(&name);
        }
        fields.put("tool_choice", request.tool_choice.as_ref().map(tool_choice).as_ref())?;
        fields.put("parallel_tool_calls", request.parallel_tool_calls.as_ref())?;
        fields.put("service_tier", request.service_tier.as_ref())?;
        fields.put("user", request.user.as_ref())?;
        fields.put("metadata", request.metadata.as_ref())?;
        fields.put("prompt_cache_key", request.prompt_cache_key.as_ref())?;
        drop_unknown(&fields, request);
        fields.end()
    }
}

/// What the answer carries only on demand.
fn includes(call: &Call<'_>, store: bool) -> Vec<&'static str> {
    let reasons = call.request.reasoning_wanted().is_some_and(|reasoning| reasoning.is_on())
        || call.endpoint.parameters.is_some_and(|parameters| parameters.contains(Parameter::Reasoning));
    let mut includes = Vec::new();
    if reasons && !store {
        // Without it, reasoning that is not kept at the vendor cannot go back.
        includes.push("reasoning.encrypted_content");
    }
    if call.request.logprobs == Some(true) {
        includes.push("message.output_text.logprobs");
    }
    includes
}

fn put_text<M: SerializeMap>(fields: &mut Fields<'_, M>) -> Result<(), M::Error> {
    let request = fields.call.request;
    let format = request.response_format.as_ref().map(|format| match format {
        ResponseFormat::Text => json!({"type": "text"}),
        ResponseFormat::JsonObject => json!({"type": "json_object"}),
        ResponseFormat::JsonSchema(schema) => {
            let mut format = serde_json::to_value(schema).unwrap_or_default();
            if let Value::Object(format) = &mut format {
                format.insert("type".into(), "json_schema".into());
            }
            format
        }
        ResponseFormat::Other(format) => Value::Object(format.clone()),
    });
    if format.is_none() && request.verbosity.is_none() {
        return Ok(());
    }
    let mut text = serde_json::Map::new();
    text.extend(format.map(|format| ("format".to_owned(), format)));
    text.extend(request.verbosity.clone().map(|verbosity| ("verbosity".to_owned(), verbosity.into())));
    fields.put("text", Some(&text))
}

fn put_reasoning<M: SerializeMap>(fields: &mut Fields<'_, M>) -> Result<(), M::Error> {
    let request = fields.call.request;
    let Some(wanted) = request.reasoning_wanted() else { return Ok(()) };
    let mut reasoning = serde_json::Map::new();
    if let Asked::Effort(effort) = effort::asked(fields.call, &wanted) {
        if !wanted.is_on() && effort != Effort::None {
            fields.drop("reasoning.enabled");
        }
        reasoning.insert("effort".into(), effort.as_str().into());
    }
    // Summaries are all the reasoning there is to see; the bare `reasoning_effort` does not ask to see any.
    let asked = request.reasoning.is_some() && wanted.is_on() && !wanted.exclude;
    if let Some(summary) = wanted.summary.clone().or_else(|| asked.then(|| "auto".to_owned())) {
        reasoning.insert("summary".into(), summary.into());
    }
    if reasoning.is_empty() {
        fields.drop("reasoning");
        return Ok(());
    }
    fields.put("reasoning", Some(&reasoning))
}

/// What chat completions know and this API does not.
fn drop_unknown<M: SerializeMap>(fields: &Fields<'_, M>, request: &ChatRequest) {
    for (name, is_set) in [
        ("top_k", request.top_k.is_some()),
        ("min_p", request.min_p.is_some()),
        ("top_a", request.top_a.is_some()),
        ("frequency_penalty", request.frequency_penalty.is_some()),
        ("presence_penalty", request.presence_penalty.is_some()),
        ("repetition_penalty", request.repetition_penalty.is_some()),
        ("logit_bias", request.logit_bias.is_some()),
        ("n", request.n.is_some_and(|n| n != 1)),
        ("seed", request.seed.is_some()),
        ("stop", request.stop.is_some()),
        ("modalities", request.modalities.iter().any(|modality| modality != "text")),
        ("audio", request.audio.is_some()),
        ("prediction", request.prediction.is_some()),
        ("messages.name", request.messages.iter().any(|message| message.name.is_some() && message.role != Role::Tool)),
        ("messages.audio", request.messages.iter().any(|message| message.audio.is_some())),
    ] {
        if is_set {
            fields.drop(name);
        }
    }
}

fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Function(name) => json!({"type": "function", "name": name}),
        ToolChoice::Other(value) => match value.get("allowed_tools") {
            // Chat completions nest what this API has flat.
            Some(allowed) => {
                let tools = allowed.get("tools").and_then(Value::as_array).cloned().unwrap_or_default();
                let flat = |tool: Value| match tool.pointer("/function/name") {
                    Some(name) => json!({"type": "function", "name": name}),
                    None => tool,
                };
                let tools: Vec<_> = tools.into_iter().map(flat).collect();
                json!({"type": "allowed_tools", "mode": allowed.get("mode").unwrap_or(&"auto".into()), "tools": tools})
            }
            None => value.clone(),
        },
    }
}

/// The vendor's web search, where the request asks for it.
fn search_tool(call: &Call<'_>) -> Option<Value> {
    let options = call.request.search_options()?;
    let mut tool = json!({"type": "web_search"});
    if let Some(size) = options.get("search_context_size").and_then(Value::as_str) {
        tool["search_context_size"] = size.into();
    }
    if let Some(place) = search::place(&options) {
        tool["user_location"] = place;
    }
    if let Some(domains) = search::included(&options) {
        tool["filters"] = json!({"allowed_domains": domains});
    } else if let (Some(domains), Some(name)) = (search::excluded(&options), &call.provider.quirks.search_excludes) {
        tool["filters"] = json!({name.as_str(): domains});
    }
    Some(tool)
}

struct Tools<'a> {
    request: &'a ChatRequest,
    search: Option<Value>,
}

impl Serialize for Tools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Function<'a> {
            r#type: &'static str,
            name: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            description: Option<&'a str>,
            parameters: &'a Value,
            strict: bool,
        }
        let no_parameters = json!({"type": "object", "properties": {}});
        let mut seq = serializer.serialize_seq(None)?;
        for tool in &self.request.tools {
            match tool {
                Tool::Function { function, .. } => seq.serialize_element(&Function {
                    r#type: "function",
                    name: &function.name,
                    description: function.description.as_deref(),
                    parameters: function.parameters.as_ref().unwrap_or(&no_parameters),
                    // Here strict is the default; in chat completions it is not.
                    strict: function.strict.unwrap_or(false),
                })?,
                // Chat completions nest what this API has flat.
                Tool::Server(tool) => match tool.get("custom").and_then(Value::as_object) {
                    Some(custom) => {
                        let mut flat = custom.clone();
                        flat.insert("type".into(), "custom".into());
                        seq.serialize_element(&flat)?;
                    }
                    None => seq.serialize_element(tool)?,
                },
            }
        }
        if let Some(tool) = &self.search {
            seq.serialize_element(tool)?;
        }
        seq.end()
    }
}

struct Input<'a>(&'a Call<'a>);

impl Serialize for Input<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        for message in &self.0.request.messages {
            match message.role {
                Role::Tool => seq.serialize_element(&ToolOutput(message))?,
                Role::Assistant => {
                    for item in reasoning_items(message, &self.0.endpoint.provider) {
                        seq.serialize_element(&item)?;
                    }
                    if has_content(message) {
                        seq.serialize_element(&Said(message))?;
                    }
                    for call in &message.tool_calls {
                        seq.serialize_element(&FunctionCall {
                            r#type: "function_call",
                            call_id: ids::tool_id(&call.id, ToolIds::Word),
                            name: &call.function.name,
                            arguments: if call.function.arguments.is_empty() { "{}" } else { &call.function.arguments },
                        })?;
                    }
                }
                Role::Developer | Role::System | Role::User => seq.serialize_element(&Said(message))?,
            }
        }
        seq.end()
    }
}

#[derive(Serialize)]
struct FunctionCall<'a> {
    r#type: &'static str,
    call_id: Cow<'a, str>,
    name: &'a str,
    arguments: &'a str,
}

fn has_content(message: &Message) -> bool {
    let said = match &message.content {
        None => false,
        Some(Content::Text(text)) => !text.is_empty(),
        Some(Content::Parts(parts)) => !parts.is_empty(),
    };
    said || message.refusal.is_some()
}

/// The reasoning that this provider issued here, one item per encrypted block, its summary beside it.
fn reasoning_items(message: &Message, provider: &str) -> Vec<Value> {
    let details = message.reasoning_details.as_deref().unwrap_or_default();
    let is_ours = |detail: &&ReasoningDetail| {
        detail.format.as_deref() == Some(FORMAT) && detail.provider.as_deref().is_none_or(|issuer| issuer == provider)
    };
    details
        .iter()
        .filter(is_ours)
        .filter_map(|detail| {
            let data = detail.data.as_ref()?;
            let beside = details.iter().filter(|other| other.index.is_some() && other.index == detail.index);
            let summary: Vec<_> =
                beside.filter_map(|other| other.summary.as_ref()).map(|text| json!({"type": "summary_text", "text": text})).collect();
            let mut item = json!({"type": "reasoning", "summary": summary, "encrypted_content": data});
            if let (Some(id), Value::Object(item)) = (&detail.id, &mut item) {
                item.insert("id".into(), id.as_str().into());
            }
            Some(item)
        })
        .collect()
}

/// The result of a call.
struct ToolOutput<'a>(&'a Message);

impl Serialize for ToolOutput<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("type", "function_call_output")?;
        map.serialize_entry("call_id", &ids::tool_id(self.0.tool_call_id.as_deref().unwrap_or_default(), ToolIds::Word))?;
        match &self.0.content {
            Some(Content::Parts(parts)) if parts.iter().any(|part| part.as_text().is_none()) => {
                map.serialize_entry("output", &Parts(parts))?;
            }
            Some(Content::Text(text)) => map.serialize_entry("output", text)?,
            _ => map.serialize_entry("output", &self.0.text())?,
        }
        map.end()
    }
}

/// A message of anyone but a tool.
struct Said<'a>(&'a Message);

impl Serialize for Said<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let message = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "message")?;
        map.serialize_entry("role", &message.role)?;
        match &message.content {
            Some(Content::Text(text)) if message.refusal.is_none() => map.serialize_entry("content", text)?,
            Some(Content::Parts(parts)) if message.role != Role::Assistant => map.serialize_entry("content", &Parts(parts))?,
            // Parts of an answer have ids of this API, which no other one gives; plain text needs none.
            _ => map.serialize_entry("content", &spoken(message))?,
        }
        map.end()
    }
}

/// Everything that the assistant said, its refusal too.
fn spoken(message: &Message) -> String {
    let refusals = message.parts().iter().filter_map(|part| match part {
        Part::Refusal(refusal) => Some(refusal),
        _ => None,
    });
    refusals.chain(&message.refusal).fold(message.text(), |said, refusal| said + refusal)
}

struct Parts<'a>(&'a [Part]);

impl Serialize for Parts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(InputPart))
    }
}

struct InputPart<'a>(&'a Part);

impl Serialize for InputPart<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.0 {
            Part::Text(part) => {
                map.serialize_entry("type", "input_text")?;
                map.serialize_entry("text", &part.text)?;
            }
            Part::Image(image, _) => {
                map.serialize_entry("type", "input_image")?;
                map.serialize_entry("image_url", &image.url)?;
                map.serialize_entry("detail", image.detail.as_deref().unwrap_or("auto"))?;
            }
            Part::File(file, _) => {
                map.serialize_entry("type", "input_file")?;
                match (&file.file_id, &file.file_data) {
                    (Some(id), _) => map.serialize_entry("file_id", id)?,
                    (None, Some(data)) if data.starts_with("http") => map.serialize_entry("file_url", data)?,
                    (None, Some(data)) => {
                        map.serialize_entry("filename", file.filename.as_deref().unwrap_or("file"))?;
                        map.serialize_entry("file_data", data)?;
                    }
                    (None, None) => {}
                }
            }
            Part::Other(fields) => {
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
            }
            Part::InputAudio(_) | Part::Refusal(_) | Part::Video(_) => {}
        }
        map.end()
    }
}
