//! A chat request to a Messages request.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json, value::RawValue};

use super::{
    generation::{Generation, Settings, is_forced},
    schema,
    wire::{Content, Metadata, OutputConfig, OutputFormat, Request, Source, Tool as WireTool, ToolChoice as WireChoice, Turn},
};
use crate::{
    error::{Error, Result},
    protocols::{Call, Encoded, blocks::ANTHROPIC_FORMAT, ids, search, unplaced::unplaced},
    providers::ToolIds,
    types::{ChatRequest, Content as Said, FileRef, Message, Part, ReasoningDetail, ResponseFormat, Role, Tool, ToolChoice},
};

pub(super) fn encode(call: &Call<'_>) -> Result<Encoded> {
    let (request, quirks) = (call.request, &call.provider.quirks);
    let mut dropped = unknown(request);
    dropped.extend(search::dropped(request, &["include_domains", "exclude_domains", "max_uses", "user_location"]));
    let settings = Settings::of(call, &mut dropped);
    let json_tool = json_tool(call);
    let (tools, tool_choice) = tools(call, settings.thinks(), json_tool, &mut dropped)?;
    let format = output_format(call, json_tool.is_some(), &mut dropped);
    let stop_sequences: Vec<&str> = request.stop_sequences().iter().map(String::as_str).filter(|stop| !stop.trim().is_empty()).collect();
    if stop_sequences.len() < request.stop_sequences().len() {
        dropped.push("stop".to_owned());
    }
    let service_tier = match request.service_tier.as_deref() {
        Some("auto" | "priority") => Some("auto"),
        Some("default" | "standard" | "standard_only") => Some("standard_only"),
        Some(_) => {
            dropped.push("service_tier".to_owned());
            None
        }
        None => None,
    };
    let (system, messages) = conversation(call, &mut dropped)?;
    let mut body = Request {
        model: quirks.model_in_body.then_some(&*call.endpoint.upstream),
        max_tokens: settings.max_tokens,
        system: (!system.is_empty()).then_some(system),
        messages,
        tools,
        tool_choice,
        thinking: settings.thinking,
        output_config: OutputConfig { effort: settings.effort, format },
        temperature: settings.temperature,
        top_p: settings.top_p,
        top_k: settings.top_k,
        stop_sequences,
        metadata: request.user.as_deref().map(|user_id| Metadata { user_id }),
        service_tier,
        cache_control: request.cache_control.as_ref(),
        stream: call.stream.then_some(true),
        constants: &quirks.body,
    };
    for field in &quirks.drops {
        let there = match field.as_str() {
            "cache_control" => body.cache_control.take().is_some(),
            "service_tier" => body.service_tier.take().is_some(),
            "user" => body.metadata.take().is_some(),
            "temperature" => body.temperature.take().is_some(),
            "top_p" => body.top_p.take().is_some(),
            "top_k" => body.top_k.take().is_some(),
            // Bedrock's invoke says it in the path.
            "stream" => {
                body.stream = None;
                false
            }
            _ => false,
        };
        if there {
            dropped.push(field.clone());
        }
    }
    let json = serde_json::to_vec(&body).map_err(|error| Error::bad_request("messages", error.to_string()))?;
    dropped.sort_unstable();
    dropped.dedup();
    Ok(Encoded { request: call.post("/messages", json)?, dropped })
}

/// Fields that have no place in this protocol, whatever the model.
pub(in crate::protocols) fn unknown(request: &ChatRequest) -> Vec<String> {
    let more = [
        ("frequency_penalty", request.frequency_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("logprobs", request.logprobs == Some(true)),
        ("min_p", request.min_p.is_some()),
        ("presence_penalty", request.presence_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("repetition_penalty", request.repetition_penalty.is_some_and(|penalty| (penalty - 1.0).abs() > f64::EPSILON)),
        ("seed", request.seed.is_some()),
        ("top_logprobs", request.top_logprobs.is_some()),
    ];
    unplaced(request, more).chain(request.extra.keys().cloned()).collect()
}

/// The tool that stands in for a JSON schema on a model that does not follow schemas. Nothing else may want the tools,
/// and the model may not think, because thinking forbids to force one.
pub(super) fn json_tool<'a>(call: &Call<'a>) -> Option<&'a str> {
    let request = call.request;
    let Some(ResponseFormat::JsonSchema(schema)) = &request.response_format else { return None };
    let can_force = request.tools.is_empty() && search_tool(request).is_none() && !request.reasoning_wanted().is_some_and(|it| it.is_on());
    let follows = Generation::of(call).follows_schemas(&call.endpoint.upstream);
    let name = if is_tool_name(&schema.name) { schema.name.as_str() } else { "answer" };
    (can_force && !follows && schema.schema.is_some()).then_some(name)
}

pub(in crate::protocols) fn is_tool_name(name: &str) -> bool {
    (1..=128).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn output_format(call: &Call<'_>, has_json_tool: bool, dropped: &mut Vec<String>) -> Option<OutputFormat> {
    match &call.request.response_format {
        Some(ResponseFormat::JsonSchema(wanted)) if !has_json_tool => {
            let schema = wanted.schema.as_ref().filter(|_| Generation::of(call).follows_schemas(&call.endpoint.upstream));
            if schema.is_none() {
                dropped.push("response_format".to_owned());
            }
            schema.map(|schema| OutputFormat::JsonSchema { schema: schema::accepted(schema).into_owned() })
        }
        Some(ResponseFormat::JsonObject | ResponseFormat::Other(_)) => {
            dropped.push("response_format".to_owned());
            None
        }
        _ => None,
    }
}

fn tools<'a>(
    call: &Call<'a>,
    thinks: bool,
    json_tool: Option<&'a str>,
    dropped: &mut Vec<String>,
) -> Result<(Vec<WireTool<'a>>, Option<WireChoice<'a>>)> {
    let request = call.request;
    if let (Some(name), Some(ResponseFormat::JsonSchema(schema))) = (json_tool, &request.response_format) {
        let input_schema = object_schema(schema.schema.as_ref());
        let tool = WireTool::Custom { name, description: schema.description.as_deref(), input_schema, strict: None, cache_control: None };
        return Ok((vec![tool], Some(WireChoice::Tool { name, disable_parallel_tool_use: None })));
    }
    let follows_schemas = Generation::of(call).follows_schemas(&call.endpoint.upstream);
    let allowed = allowed_tools(request.tool_choice.as_ref());
    let mut tools = Vec::with_capacity(request.tools.len() + 1);
    for (index, tool) in request.tools.iter().enumerate() {
        match tool {
            Tool::Function { function, cache_control } => {
                if allowed.as_ref().is_some_and(|(_, names)| !names.contains(&function.name.as_str())) {
                    continue;
                }
                let input_schema = object_schema(function.parameters.as_ref());
                // A strict schema that the vendor would refuse is still worth a tool.
                let strict = function.strict.filter(|strict| *strict);
                let can = follows_schemas && matches!(schema::accepted(&input_schema), Cow::Borrowed(_));
                if strict.is_some() && !can {
                    dropped.push("tools.function.strict".to_owned());
                }
                tools.push(WireTool::Custom {
                    name: &function.name,
                    description: function.description.as_deref(),
                    input_schema,
                    strict: strict.filter(|_| can),
                    cache_control: cache_control.as_ref(),
                });
            }
            Tool::Server(map) => tools.push(server_tool(index, map)?),
        }
    }
    let has_search = tools.iter().any(|tool| matches!(tool, WireTool::Server(map) if map.get("name") == Some(&json!("web_search"))));
    if let Some(search) = search_tool(request).filter(|_| !has_search) {
        tools.push(WireTool::Server(Cow::Owned(search)));
    }
    if tools.is_empty() {
        if is_forced(request.tool_choice.as_ref()) {
            dropped.push("tool_choice".to_owned());
        }
        return Ok((tools, None));
    }
    let disable_parallel_tool_use = (request.parallel_tool_calls == Some(false)).then_some(true);
    let auto = WireChoice::Auto { disable_parallel_tool_use };
    let choice = match &request.tool_choice {
        Some(ToolChoice::Required | ToolChoice::Function(_)) if thinks => {
            dropped.push("tool_choice".to_owned());
            Some(auto)
        }
        Some(ToolChoice::Required) => Some(WireChoice::Any { disable_parallel_tool_use }),
        Some(ToolChoice::Function(name)) => Some(WireChoice::Tool { name, disable_parallel_tool_use }),
        Some(ToolChoice::None) => Some(WireChoice::None),
        Some(ToolChoice::Auto) => Some(auto),
        Some(ToolChoice::Other(_)) => match &allowed {
            Some(("required", _)) if !thinks => Some(WireChoice::Any { disable_parallel_tool_use }),
            Some(("auto", _)) => Some(auto),
            _ => {
                dropped.push("tool_choice".to_owned());
                Some(auto)
            }
        },
        None => disable_parallel_tool_use.is_some().then_some(auto),
    };
    Ok((tools, choice))
}

/// OpenAI's `allowed_tools`: the mode and the names. Only those tools are sent.
pub(in crate::protocols) fn allowed_tools(choice: Option<&ToolChoice>) -> Option<(&str, Vec<&str>)> {
    let Some(ToolChoice::Other(value)) = choice else { return None };
    let allowed = value.get("allowed_tools")?;
    let names = allowed.get("tools")?.as_array()?.iter().filter_map(|tool| tool.pointer("/function/name")?.as_str()).collect();
    Some((allowed.get("mode").and_then(Value::as_str).unwrap_or("auto"), names))
}

/// The schema of a tool's arguments; the vendor insists on an object.
pub(in crate::protocols) fn object_schema(schema: Option<&Value>) -> Cow<'_, Value> {
    match schema {
        Some(schema) if schema.get("type").is_some_and(|kind| kind == "object") => Cow::Borrowed(schema),
        Some(Value::Object(map)) => {
            let mut map = map.clone();
            map.insert("type".to_owned(), "object".into());
            Cow::Owned(Value::Object(map))
        }
        _ => Cow::Owned(json!({"type": "object", "properties": {}})),
    }
}

/// A tool that the vendor runs: its own types end in a date; OpenAI's word for web search is translated.
fn server_tool(index: usize, map: &Map<String, Value>) -> Result<WireTool<'_>> {
    let kind = map.get("type").and_then(Value::as_str).unwrap_or_default();
    let is_dated = kind.rsplit('_').next().is_some_and(|date| date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()));
    match kind {
        _ if is_dated || kind == "custom" => Ok(WireTool::Server(Cow::Borrowed(map))),
        // As OpenAI and as routers call it; theirs has its options one level down.
        _ if matches!(kind, "web_search" | "web_search_preview") || kind.ends_with(":web_search") => {
            let options = map.get("parameters").and_then(Value::as_object).unwrap_or(map);
            Ok(WireTool::Server(Cow::Owned(search_tool_of(options))))
        }
        _ => Err(Error::unsupported(format!("tools[{index}]"), format!("tools[{index}]: Anthropic has no tool of type `{kind}`"))),
    }
}

/// The vendor's web search, where the request asks for it.
fn search_tool(request: &ChatRequest) -> Option<Map<String, Value>> {
    request.search_options().map(|options| search_tool_of(&options))
}

fn search_tool_of(options: &Map<String, Value>) -> Map<String, Value> {
    let mut tool = Map::new();
    tool.insert("type".to_owned(), "web_search_20250305".into());
    tool.insert("name".to_owned(), "web_search".into());
    // The vendor takes one of the two lists.
    if let Some(domains) = search::included(options) {
        tool.insert("allowed_domains".to_owned(), domains.clone());
    } else if let Some(domains) = search::excluded(options) {
        tool.insert("blocked_domains".to_owned(), domains.clone());
    }
    if let Some(uses) = options.get("max_uses").filter(|uses| uses.as_u64().is_some_and(|uses| uses > 0)) {
        tool.insert("max_uses".to_owned(), uses.clone());
    }
    tool.extend(search::place(options).map(|place| ("user_location".to_owned(), place)));
    tool
}

type Conversation<'a> = (Vec<Content<'a>>, Vec<Turn<'a>>);

/// System messages apart; the rest in turns, because the vendor wants user and assistant to alternate.
fn conversation<'a>(call: &Call<'a>, dropped: &mut Vec<String>) -> Result<Conversation<'a>> {
    let (mut system, mut turns) = (Vec::new(), Vec::<Turn<'a>>::new());
    for (index, message) in call.request.messages.iter().enumerate() {
        let mut content = Vec::new();
        match message.role {
            Role::System | Role::Developer => {
                for (part, said) in parts(message).enumerate() {
                    match said {
                        Piece::Text(text, cache_control) => push_text(&mut system, text.into(), cache_control),
                        Piece::Part(_) => {
                            let field = format!("messages[{index}].content[{part}]");
                            return Err(Error::unsupported(field.clone(), format!("{field}: Anthropic takes only text from the system")));
                        }
                    }
                }
                mark(&mut system, message.cache_control.as_ref());
                continue;
            }
            Role::User => user(index, message, &mut content)?,
            Role::Assistant => assistant(call, index, message, &mut content, dropped)?,
            Role::Tool => content.push(tool_result(index, message)?),
        }
        if message.role != Role::Tool {
            mark(&mut content, message.cache_control.as_ref());
        }
        if content.is_empty() {
            continue;
        }
        let role = if message.role == Role::Assistant { "assistant" } else { "user" };
        match turns.last_mut() {
            Some(turn) if turn.role == role => {
                // Results have to come before anything else that the user says.
                let at = if message.role == Role::Tool { results(&turn.content) } else { turn.content.len() };
                turn.content.splice(at..at, content);
            }
            _ => turns.push(Turn { role, content }),
        }
    }
    if let Some(Turn { role: "assistant", content }) = turns.last_mut()
        && let Some(Content::Text { text, .. }) = content.last_mut()
    {
        // The vendor refuses to continue from trailing white space.
        let len = text.trim_end().len();
        match text {
            Cow::Borrowed(text) => *text = &text[..len],
            Cow::Owned(text) => text.truncate(len),
        }
    }
    if turns.is_empty() {
        // A conversation of system messages alone is fine elsewhere; here somebody has to speak.
        if system.is_empty() {
            return Err(Error::bad_request("messages", "messages: there is nothing to say in them"));
        }
        turns.push(Turn { role: "user", content: std::mem::take(&mut system) });
    }
    Ok((system, turns))
}

fn results(content: &[Content<'_>]) -> usize {
    content.iter().take_while(|content| matches!(content, Content::ToolResult { .. })).count()
}

/// What a message says, part by part, with plain text as one part.
enum Piece<'a> {
    Text(&'a str, Option<&'a Value>),
    Part(&'a Part),
}

fn parts(message: &Message) -> impl Iterator<Item = Piece<'_>> {
    let (text, parts) = match &message.content {
        Some(Said::Text(text)) => (Some(text), [].as_slice()),
        Some(Said::Parts(parts)) => (None, parts.as_slice()),
        None => (None, [].as_slice()),
    };
    let parts = parts.iter().map(|part| match part {
        Part::Text(part) => Piece::Text(&part.text, part.cache_control.as_ref()),
        Part::Refusal(text) => Piece::Text(text, None),
        part => Piece::Part(part),
    });
    text.map(|text| Piece::Text(text, None)).into_iter().chain(parts)
}

/// The vendor refuses text without a visible character.
fn push_text<'a>(content: &mut Vec<Content<'a>>, text: Cow<'a, str>, cache_control: Option<&'a Value>) {
    if !text.trim().is_empty() {
        content.push(Content::Text { text, cache_control });
    }
}

/// Puts a message's cache mark on its last block.
fn mark<'a>(content: &mut [Content<'a>], mark: Option<&'a Value>) {
    let Some(mark) = mark else { return };
    let last = content.iter_mut().rev().find_map(|content| match content {
        Content::Document { cache_control, .. }
        | Content::Image { cache_control, .. }
        | Content::Text { cache_control, .. }
        | Content::ToolResult { cache_control, .. }
        | Content::ToolUse { cache_control, .. } => Some(cache_control),
        Content::RedactedThinking { .. } | Content::Thinking { .. } => None,
    });
    if let Some(last) = last {
        last.get_or_insert(mark);
    }
}

fn user<'a>(index: usize, message: &'a Message, content: &mut Vec<Content<'a>>) -> Result<()> {
    for (part, said) in parts(message).enumerate() {
        match said {
            Piece::Text(text, cache_control) => push_text(content, text.into(), cache_control),
            Piece::Part(said) => content.push(media(&format!("messages[{index}].content[{part}]"), said)?),
        }
    }
    speaker(message, content);
    Ok(())
}

/// A name goes in front of the words: there is no field for it.
fn speaker(message: &Message, content: &mut [Content<'_>]) {
    let Some(name) = message.name.as_deref().filter(|name| !name.is_empty()) else { return };
    if let Some(Content::Text { text, .. }) = content.iter_mut().find(|content| matches!(content, Content::Text { .. })) {
        *text = format!("{name}: {text}").into();
    }
}

fn assistant<'a>(
    call: &Call<'a>,
    index: usize,
    message: &'a Message,
    content: &mut Vec<Content<'a>>,
    dropped: &mut Vec<String>,
) -> Result<()> {
    content.extend(own_reasoning(call, message).map(|detail| match (&detail.data, &detail.signature) {
        (Some(data), _) => Content::RedactedThinking { data },
        (None, signature) => {
            Content::Thinking { thinking: detail.text.as_deref().unwrap_or_default(), signature: signature.as_deref().unwrap_or_default() }
        }
    }));
    let given = message.reasoning_details.as_ref().map_or(0, Vec::len);
    if content.len() < given {
        dropped.push(format!("messages[{index}].reasoning_details"));
    }
    let spoken = content.len();
    for (part, said) in parts(message).enumerate() {
        match said {
            Piece::Text(text, cache_control) => push_text(content, text.into(), cache_control),
            Piece::Part(_) => {
                let field = format!("messages[{index}].content[{part}]");
                return Err(Error::unsupported(field.clone(), format!("{field}: Anthropic takes only text from the assistant")));
            }
        }
    }
    if let Some(refusal) = &message.refusal {
        push_text(content, refusal.into(), None);
    }
    speaker(message, &mut content[spoken..]);
    for (at, tool_call) in message.tool_calls.iter().enumerate() {
        let field = || format!("messages[{index}].tool_calls[{at}]");
        if tool_call.id.is_empty() {
            return Err(Error::bad_request(format!("{}.id", field()), format!("{}.id: a tool call needs its id", field())));
        }
        content.push(Content::ToolUse {
            id: ids::tool_id(&tool_call.id, ToolIds::Word),
            name: &tool_call.function.name,
            input: arguments(&tool_call.function.arguments).ok_or_else(|| {
                let field = format!("{}.function.arguments", field());
                Error::bad_request(field.clone(), format!("{field}: expected a JSON object as text"))
            })?,
            cache_control: None,
        });
    }
    Ok(())
}

/// The arguments as they came, if they are an object; empty text is an empty object.
pub(in crate::protocols) fn arguments(text: &str) -> Option<&RawValue> {
    let text = if text.trim().is_empty() { "{}" } else { text };
    serde_json::from_str::<&RawValue>(text).ok().filter(|value| value.get().starts_with('{'))
}

/// The blocks of reasoning that this endpoint issued itself; it would refuse any other.
pub(in crate::protocols) fn own_reasoning<'a>(call: &Call<'a>, message: &'a Message) -> impl Iterator<Item = &'a ReasoningDetail> {
    let provider = &call.endpoint.provider;
    message.reasoning_details.iter().flatten().filter(move |detail| {
        let kind = match detail.detail_type.as_str() {
            "reasoning.text" => detail.signature.as_deref().is_some_and(|signature| !signature.is_empty()),
            "reasoning.encrypted" => detail.data.is_some(),
            _ => false,
        };
        kind && detail.format.as_deref().is_none_or(|format| format == ANTHROPIC_FORMAT)
            && detail.provider.as_deref().is_none_or(|issuer| issuer == &**provider)
    })
}

fn tool_result(index: usize, message: &Message) -> Result<Content<'_>> {
    let Some(id) = message.tool_call_id.as_deref().filter(|id| !id.is_empty()) else {
        let field = format!("messages[{index}].tool_call_id");
        return Err(Error::bad_request(field.clone(), format!("{field}: a tool message names the call that it answers")));
    };
    let mut content = Vec::new();
    for (part, said) in parts(message).enumerate() {
        match said {
            Piece::Text(text, cache_control) => push_text(&mut content, text.into(), cache_control),
            Piece::Part(said) => content.push(media(&format!("messages[{index}].content[{part}]"), said)?),
        }
    }
    let is_error = message.extra.get("is_error").and_then(Value::as_bool);
    Ok(Content::ToolResult {
        tool_use_id: ids::tool_id(id, ToolIds::Word),
        content,
        is_error,
        cache_control: message.cache_control.as_ref(),
    })
}

fn media<'a>(field: &str, part: &'a Part) -> Result<Content<'a>> {
    let refuse = |what: &str| Err(Error::unsupported(field.to_owned(), format!("{field}: Anthropic does not take {what}")));
    match part {
        Part::Image(image, cache_control) => match image_source(&image.url) {
            Some(source) => Ok(Content::Image { source, cache_control: cache_control.as_ref() }),
            None => refuse("this image; it takes PNG, JPEG, GIF and WebP, by https URL or as a base64 data URL"),
        },
        Part::File(file, cache_control) => {
            let cache_control = cache_control.as_ref();
            if let Some(source) = file.file_data.as_deref().and_then(image_source).filter(|_| is_image(file)) {
                return Ok(Content::Image { source, cache_control });
            }
            match file_source(file) {
                Some(source) => {
                    let title = file.filename.as_deref().filter(|name| !name.is_empty());
                    let title = title.map(|name| name.chars().take(500).collect::<String>().into());
                    Ok(Content::Document { source, title, cache_control })
                }
                None => refuse("this file; it takes PDF and plain text, as a data URL or, for PDF, by URL"),
            }
        }
        Part::InputAudio(_) => refuse("audio"),
        Part::Video(_) => refuse("video"),
        Part::Other(map) => refuse(&format!("a part of type `{}`", map.get("type").and_then(Value::as_str).unwrap_or_default())),
        Part::Text(part) => Ok(Content::Text { text: part.text.as_str().into(), cache_control: part.cache_control.as_ref() }),
        Part::Refusal(text) => Ok(Content::Text { text: text.into(), cache_control: None }),
    }
}

fn is_url(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// Media type and base64 of a `data:` URL.
pub(in crate::protocols) fn data_url(url: &str) -> Option<(&str, &str)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let head = head.strip_suffix(";base64")?;
    Some((head.split(';').next().unwrap_or_default(), data))
}

fn is_image(file: &FileRef) -> bool {
    file.file_data.as_deref().is_some_and(|data| data.starts_with("data:image/"))
}

fn image_source(url: &str) -> Option<Source<'_>> {
    if is_url(url) {
        return Some(Source::Url { url });
    }
    let (media_type, data) = data_url(url)?;
    let media_type = match media_type {
        "image/jpg" => "image/jpeg",
        "image/gif" | "image/jpeg" | "image/png" | "image/webp" => media_type,
        _ => return None,
    };
    Some(Source::Base64 { media_type: media_type.into(), data })
}

fn file_source(file: &FileRef) -> Option<Source<'_>> {
    let data = file.file_data.as_deref()?;
    if is_url(data) {
        return Some(Source::Url { url: data });
    }
    let is_pdf = || file.filename.as_deref().is_some_and(|name| name.to_ascii_lowercase().ends_with(".pdf"));
    match data_url(data) {
        Some(("application/pdf", data)) => Some(Source::Base64 { media_type: "application/pdf".into(), data }),
        Some((kind, data)) if kind.starts_with("text/") || kind == "application/json" => {
            let data = String::from_utf8(STANDARD.decode(data).ok()?).ok()?;
            Some(Source::Text { media_type: "text/plain", data })
        }
        // Bare base64 is not OpenAI's form, but several clients send it.
        None if is_pdf() && !data.starts_with("data:") => Some(Source::Base64 { media_type: "application/pdf".into(), data }),
        _ => None,
    }
}
