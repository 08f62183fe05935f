//! A chat request to a Converse request.

use std::borrow::Cow;

use serde_json::{Map, Value, json, value::RawValue};

use super::wire::{
    CachePoint, Content, Inference, InputSchema, OutputConfig, Request, SentReasoning, Source, Structure, TextFormat, Tier,
    Tool as WireTool, ToolChoice as WireChoice, ToolConfig, Turn,
};
use crate::{
    error::{Error, Result},
    protocols::{
        Call, Encoded,
        anthropic::{
            encode::{allowed_tools, arguments, data_url, is_tool_name, object_schema, own_reasoning, unknown},
            generation::{Generation, Settings, is_forced},
            schema,
            wire::Thinking,
        },
        ids,
    },
    providers::ToolIds,
    types::{Content as Said, Effort, FileRef, Message, Part, Reasoning, ResponseFormat, Role, Tool, ToolChoice},
};

/// Whose model it is: Converse is one protocol, but what a model takes is its author's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Family {
    Claude,
    GptOss,
    Nova,
    Nova2,
    Other,
}

impl Family {
    fn of(call: &Call<'_>) -> Self {
        let names = [&*call.endpoint.upstream, &*call.endpoint.model];
        let is = |word: &str| names.iter().any(|name| name.contains(word));
        match () {
            () if is("claude") => Self::Claude,
            () if is("gpt-oss") => Self::GptOss,
            () if is("nova-2") => Self::Nova2,
            () if is("nova") => Self::Nova,
            () => Self::Other,
        }
    }

    fn caches(self) -> bool {
        matches!(self, Self::Claude | Self::Nova | Self::Nova2)
    }

    /// Whether a tool can be forced, so that one can stand in for a schema.
    fn can_force(self) -> bool {
        self.caches()
    }

    fn follows_schemas(self, call: &Call<'_>) -> bool {
        match self {
            Self::Claude => Generation::of(call).follows_schemas(&call.endpoint.upstream),
            Self::GptOss => true,
            Self::Nova | Self::Nova2 => false,
            // The open-weight models follow them, the older ones of other authors do not.
            Self::Other => ["deepseek", "gemma", "kimi", "minimax", "ministral", "nemotron", "qwen"]
                .iter()
                .any(|word| call.endpoint.upstream.contains(word)),
        }
    }
}

pub(super) fn is_claude(call: &Call<'_>) -> bool {
    Family::of(call) == Family::Claude
}

pub(super) fn encode(call: &Call<'_>) -> Result<Encoded> {
    let (request, family) = (call.request, Family::of(call));
    let mut dropped = unknown(request);
    dropped.retain(|name| name != "metadata");
    for (name, given) in [
        ("parallel_tool_calls", request.parallel_tool_calls == Some(false)),
        ("user", request.user.is_some()),
        ("web_search_options", request.web_search_options.is_some()),
    ] {
        if given {
            dropped.push(name.to_owned());
        }
    }
    let mut more = Map::new();
    let (inference_config, thinks) = match family {
        Family::Claude => claude(call, &mut more, &mut dropped),
        family => inference(call, family, &mut more, &mut dropped),
    };
    let json_tool = json_tool(call);
    let (system, messages) = conversation(call, family, &mut dropped)?;
    let tool_config = tool_config(call, family, thinks, json_tool, &messages, &mut dropped)?;
    let output_config = output_config(call, family, json_tool.is_some(), &mut dropped);
    let service_tier = request.service_tier.as_deref().and_then(|tier| match tier {
        "default" | "flex" | "priority" | "reserved" => Some(Tier { kind: tier.to_owned() }),
        "auto" => None,
        _ => {
            dropped.push("service_tier".to_owned());
            None
        }
    });
    let body = Request {
        system,
        messages,
        inference_config,
        tool_config,
        additional_model_request_fields: more,
        output_config,
        service_tier,
        request_metadata: request.metadata.as_ref().filter(|metadata| !metadata.is_empty()),
        constants: &call.provider.quirks.body,
    };
    let json = serde_json::to_vec(&body).map_err(|error| Error::bad_request("messages", error.to_string()))?;
    dropped.sort_unstable();
    dropped.dedup();
    let method = if call.stream { "converse-stream" } else { "converse" };
    let mut http = call.post(&format!("/model/{{model}}/{method}"), json)?;
    if call.stream {
        http.headers_mut().insert(http::header::ACCEPT, http::HeaderValue::from_static("application/vnd.amazon.eventstream"));
    }
    Ok(Encoded { request: http, dropped })
}

fn claude<'a>(call: &Call<'a>, more: &mut Map<String, Value>, dropped: &mut Vec<String>) -> (Inference<'a>, bool) {
    let settings = Settings::of(call, dropped);
    let thinks = settings.thinks();
    // A budget needs a limit above it; otherwise the vendor's own is as good as one made up here.
    let has_budget = matches!(settings.thinking, Some(Thinking::Enabled { .. }));
    let mut put = |name: &str, value: Value| more.insert(name.to_owned(), value);
    if let Some(thinking) = &settings.thinking {
        put("thinking", json!(thinking));
    }
    if let Some(effort) = settings.effort {
        put("output_config", json!({ "effort": effort }));
    }
    if let Some(top_k) = settings.top_k {
        put("top_k", top_k.into());
    }
    let max_tokens = (has_budget || call.request.max_output_tokens().is_some()).then_some(settings.max_tokens);
    let (temperature, top_p, stop_sequences) = (settings.temperature, settings.top_p, call.request.stop_sequences());
    (Inference { max_tokens, temperature, top_p, stop_sequences }, thinks)
}

fn inference<'a>(call: &Call<'a>, family: Family, more: &mut Map<String, Value>, dropped: &mut Vec<String>) -> (Inference<'a>, bool) {
    let request = call.request;
    let mut inference = Inference {
        max_tokens: request.max_output_tokens(),
        temperature: request.temperature.map(|temperature| temperature.clamp(0.0, 1.0)),
        top_p: request.top_p,
        stop_sequences: request.stop_sequences(),
    };
    let mut drop = |name: &str| dropped.push(name.to_owned());
    match (request.top_k, family) {
        (Some(top_k), Family::Nova | Family::Nova2) => {
            more.insert("inferenceConfig".to_owned(), json!({ "topK": top_k }));
        }
        (Some(_), _) => drop("top_k"),
        (None, _) => {}
    }
    if request.verbosity.is_some() {
        drop("verbosity");
    }
    let reasoning = request.reasoning_wanted().filter(Reasoning::is_on);
    let effort = reasoning.as_ref().map(|reasoning| match reasoning.effort {
        Some(Effort::None | Effort::Minimal | Effort::Low) => "low",
        Some(Effort::Medium) | None => "medium",
        Some(Effort::High | Effort::XHigh | Effort::Max) => "high",
    });
    match (effort, family) {
        (Some(effort), Family::Nova2) => {
            // The highest effort allows no limit, and none allows sampling.
            let effort = if effort == "high" && inference.max_tokens.is_some() { "medium" } else { effort };
            more.insert("reasoningConfig".to_owned(), json!({"type": "enabled", "maxReasoningEffort": effort}));
            more.remove("inferenceConfig").is_some().then(|| drop("top_k"));
            inference.temperature.take().is_some().then(|| drop("temperature"));
            inference.top_p.take().is_some().then(|| drop("top_p"));
        }
        (Some(effort), Family::GptOss) => {
            more.insert("reasoning_effort".to_owned(), effort.into());
        }
        (Some(_), _) => drop("reasoning"),
        (None, _) => {}
    }
    (inference, false)
}

/// The tool that stands in for a JSON schema on a model that does not follow schemas.
pub(super) fn json_tool<'a>(call: &Call<'a>) -> Option<&'a str> {
    let (request, family) = (call.request, Family::of(call));
    let Some(ResponseFormat::JsonSchema(schema)) = &request.response_format else { return None };
    let is_free = request.tools.is_empty() && !request.reasoning_wanted().is_some_and(|reasoning| reasoning.is_on());
    let name = if is_tool_name(&schema.name) && schema.name.len() <= 64 { schema.name.as_str() } else { "answer" };
    (is_free && family.can_force() && !family.follows_schemas(call) && schema.schema.is_some()).then_some(name)
}

fn output_config<'a>(call: &Call<'a>, family: Family, has_json_tool: bool, dropped: &mut Vec<String>) -> Option<OutputConfig<'a>> {
    match &call.request.response_format {
        Some(ResponseFormat::JsonSchema(wanted)) if !has_json_tool => {
            let Some(schema) = wanted.schema.as_ref().filter(|_| family.follows_schemas(call)) else {
                dropped.push("response_format".to_owned());
                return None;
            };
            let structure = Structure::JsonSchema {
                schema: schema::accepted(schema).to_string(),
                name: (!wanted.name.is_empty()).then_some(wanted.name.as_str()),
                description: wanted.description.as_deref(),
            };
            Some(OutputConfig { text_format: TextFormat { kind: "json_schema", structure } })
        }
        Some(ResponseFormat::JsonObject | ResponseFormat::Other(_)) => {
            dropped.push("response_format".to_owned());
            None
        }
        _ => None,
    }
}

fn tool_config<'a>(
    call: &Call<'a>,
    family: Family,
    thinks: bool,
    json_tool: Option<&'a str>,
    messages: &[Turn<'a>],
    dropped: &mut Vec<String>,
) -> Result<Option<ToolConfig<'a>>> {
    let request = call.request;
    let spec = |name, description, json| WireTool::ToolSpec { name, description, input_schema: InputSchema { json } };
    if let (Some(name), Some(ResponseFormat::JsonSchema(schema))) = (json_tool, &request.response_format) {
        let tool = spec(name, schema.description.as_deref(), object_schema(schema.schema.as_ref()));
        return Ok(Some(ToolConfig { tools: vec![tool], tool_choice: Some(WireChoice::Tool { name }) }));
    }
    let allowed = allowed_tools(request.tool_choice.as_ref());
    let mut tools = Vec::with_capacity(request.tools.len());
    for (index, tool) in request.tools.iter().enumerate() {
        let Tool::Function { function, cache_control } = tool else {
            let field = format!("tools[{index}]");
            return Err(Error::unsupported(field.clone(), format!("{field}: Amazon Bedrock Converse takes only functions")));
        };
        if allowed.as_ref().is_some_and(|(_, names)| !names.contains(&function.name.as_str())) {
            continue;
        }
        if function.strict == Some(true) {
            dropped.push("tools.function.strict".to_owned());
        }
        let description = function.description.as_deref().filter(|description| !description.is_empty());
        tools.push(spec(&function.name, description, object_schema(function.parameters.as_ref())));
        match cache_control {
            Some(mark) if family == Family::Claude => tools.push(WireTool::CachePoint(cache_point(mark))),
            Some(_) => dropped.push("cache_control".to_owned()),
            None => {}
        }
    }
    let used = messages.iter().flat_map(|turn| &turn.content).filter_map(|content| match content {
        Content::ToolUse { name, .. } => Some(*name),
        _ => None,
    });
    if tools.is_empty() {
        if is_forced(request.tool_choice.as_ref()) {
            dropped.push("tool_choice".to_owned());
        }
        // A conversation with calls in it needs its tools, even where no more may be called.
        let mut names: Vec<&str> = used.collect();
        names.sort_unstable();
        names.dedup();
        let tools: Vec<_> = names.into_iter().map(|name| spec(name, None, object_schema(None))).collect();
        return Ok((!tools.is_empty()).then_some(ToolConfig { tools, tool_choice: None }));
    }
    let tool_choice = match &request.tool_choice {
        Some(ToolChoice::None) => {
            if used.count() == 0 {
                return Ok(None);
            }
            dropped.push("tool_choice".to_owned());
            None
        }
        Some(ToolChoice::Required | ToolChoice::Function(_)) if thinks => {
            dropped.push("tool_choice".to_owned());
            None
        }
        Some(ToolChoice::Required) => Some(WireChoice::Any {}),
        Some(ToolChoice::Function(name)) => Some(WireChoice::Tool { name }),
        Some(ToolChoice::Auto) => Some(WireChoice::Auto {}),
        Some(ToolChoice::Other(_)) => match &allowed {
            Some(("required", _)) if !thinks => Some(WireChoice::Any {}),
            Some(("auto", _)) => Some(WireChoice::Auto {}),
            _ => {
                dropped.push("tool_choice".to_owned());
                None
            }
        },
        None => None,
    };
    Ok(Some(ToolConfig { tools, tool_choice }))
}

fn cache_point(mark: &Value) -> CachePoint<'_> {
    let ttl = mark.get("ttl").and_then(Value::as_str).filter(|ttl| matches!(*ttl, "5m" | "1h"));
    CachePoint { kind: "default", ttl }
}

/// Collects the blocks of one message; a cache mark is a block of its own here.
struct Blocks<'a, 'b> {
    content: Vec<Content<'a>>,
    family: Family,
    dropped: &'b mut Vec<String>,
}

impl<'a> Blocks<'a, '_> {
    fn push(&mut self, content: Content<'a>, mark: Option<&'a Value>) {
        self.content.push(content);
        self.mark(mark);
    }

    /// The vendor refuses text without a visible character.
    fn text(&mut self, text: Cow<'a, str>, mark: Option<&'a Value>) {
        if !text.trim().is_empty() {
            self.push(Content::Text(text), mark);
        }
    }

    fn mark(&mut self, mark: Option<&'a Value>) {
        let Some(mark) = mark else { return };
        if !self.family.caches() {
            self.dropped.push("cache_control".to_owned());
        } else if !matches!(self.content.last(), None | Some(Content::CachePoint(_))) {
            self.content.push(Content::CachePoint(cache_point(mark)));
        }
    }
}

type Conversation<'a> = (Vec<Content<'a>>, Vec<Turn<'a>>);

/// System messages apart; the rest in turns, because the vendor wants user and assistant to alternate.
fn conversation<'a>(call: &Call<'a>, family: Family, dropped: &mut Vec<String>) -> Result<Conversation<'a>> {
    let (mut system, mut turns) = (Vec::new(), Vec::<Turn<'a>>::new());
    for (index, message) in call.request.messages.iter().enumerate() {
        let mut blocks = Blocks { content: Vec::new(), family, dropped: &mut *dropped };
        if message.role == Role::Assistant {
            reasoning(call, index, message, &mut blocks);
        }
        let mut result = Blocks { content: Vec::new(), family, dropped: &mut Vec::new() };
        let target = if message.role == Role::Tool { &mut result } else { &mut blocks };
        let mut speaker = message.name.as_deref().filter(|name| !name.is_empty() && matches!(message.role, Role::User | Role::Assistant));
        match &message.content {
            Some(Said::Text(text)) => target.text(spoken(text, &mut speaker), None),
            Some(Said::Parts(parts)) => {
                for (at, part) in parts.iter().enumerate() {
                    let field = || format!("messages[{index}].content[{at}]");
                    match part {
                        Part::Text(part) => target.text(spoken(&part.text, &mut speaker), part.cache_control.as_ref()),
                        Part::Refusal(text) => target.text(spoken(text, &mut speaker), None),
                        part if matches!(message.role, Role::User | Role::Tool) => {
                            let mark = match part {
                                Part::Image(_, mark) | Part::File(_, mark) => mark.as_ref(),
                                _ => None,
                            };
                            target.push(media(&field(), (index, at), part)?, mark);
                        }
                        _ => {
                            let field = field();
                            let message = format!("{field}: Amazon Bedrock takes only text from anyone but the user");
                            return Err(Error::unsupported(field, message));
                        }
                    }
                }
            }
            None => {}
        }
        match message.role {
            Role::Assistant => {
                if let Some(refusal) = &message.refusal {
                    blocks.text(refusal.into(), None);
                }
                calls(index, message, &mut blocks)?;
            }
            Role::Tool => {
                let content = result.content.into_iter().filter(|content| !matches!(content, Content::CachePoint(_))).collect();
                blocks.content.push(tool_result(index, message, content, family)?);
            }
            Role::Developer | Role::System | Role::User => {}
        }
        blocks.mark(message.cache_control.as_ref());
        let content = blocks.content;
        match message.role {
            _ if content.is_empty() => {}
            Role::System | Role::Developer => system.extend(content),
            role => {
                let name = if role == Role::Assistant { "assistant" } else { "user" };
                match turns.last_mut() {
                    Some(turn) if turn.role == name => {
                        // Results have to come before anything else that the user says.
                        let is_result = |content: &Content<'_>| matches!(content, Content::ToolResult { .. } | Content::CachePoint(_));
                        let results = turn.content.iter().take_while(|content| is_result(content)).count();
                        let at = if role == Role::Tool { results } else { turn.content.len() };
                        turn.content.splice(at..at, content);
                    }
                    _ => turns.push(Turn { role: name, content }),
                }
            }
        }
    }
    if turns.is_empty() {
        if system.is_empty() {
            return Err(Error::bad_request("messages", "messages: there is nothing to say in them"));
        }
        turns.push(Turn { role: "user", content: std::mem::take(&mut system) });
    }
    if let (Some(mark), Some(turn)) = (&call.request.cache_control, turns.last_mut()) {
        let mut blocks = Blocks { content: std::mem::take(&mut turn.content), family, dropped };
        blocks.mark(Some(mark));
        turn.content = blocks.content;
    }
    Ok((system, turns))
}

/// A name goes in front of the first words: there is no field for it.
fn spoken<'a>(text: &'a str, speaker: &mut Option<&str>) -> Cow<'a, str> {
    match speaker.take_if(|_| !text.trim().is_empty()) {
        Some(name) => format!("{name}: {text}").into(),
        None => text.into(),
    }
}

fn reasoning<'a>(call: &Call<'a>, index: usize, message: &'a Message, blocks: &mut Blocks<'a, '_>) {
    if blocks.family == Family::Claude {
        blocks.content.extend(own_reasoning(call, message).map(|detail| {
            Content::Reasoning(match &detail.data {
                Some(data) => SentReasoning::RedactedContent(data),
                None => SentReasoning::ReasoningText {
                    text: detail.text.as_deref().unwrap_or_default(),
                    signature: detail.signature.as_deref().unwrap_or_default(),
                },
            })
        }));
    }
    if blocks.content.len() < message.reasoning_details.as_ref().map_or(0, Vec::len) {
        blocks.dropped.push(format!("messages[{index}].reasoning_details"));
    }
}

fn calls<'a>(index: usize, message: &'a Message, blocks: &mut Blocks<'a, '_>) -> Result<()> {
    for (at, call) in message.tool_calls.iter().enumerate() {
        let bad = |field: &str, why: &str| {
            let field = format!("messages[{index}].tool_calls[{at}].{field}");
            Error::bad_request(field.clone(), format!("{field}: {why}"))
        };
        if call.id.is_empty() {
            return Err(bad("id", "a tool call needs its id"));
        }
        let input: &RawValue =
            arguments(&call.function.arguments).ok_or_else(|| bad("function.arguments", "expected a JSON object as text"))?;
        blocks.content.push(Content::ToolUse { tool_use_id: ids::tool_id(&call.id, ToolIds::Word), name: &call.function.name, input });
    }
    Ok(())
}

fn tool_result<'a>(index: usize, message: &'a Message, content: Vec<Content<'a>>, family: Family) -> Result<Content<'a>> {
    let Some(id) = message.tool_call_id.as_deref().filter(|id| !id.is_empty()) else {
        let field = format!("messages[{index}].tool_call_id");
        return Err(Error::bad_request(field.clone(), format!("{field}: a tool message names the call that it answers")));
    };
    let is_error = message.extra.get("is_error") == Some(&Value::Bool(true));
    let status = (is_error && family.caches()).then_some("error");
    Ok(Content::ToolResult { tool_use_id: ids::tool_id(id, ToolIds::Word), content, status })
}

fn media<'a>(field: &str, at: (usize, usize), part: &'a Part) -> Result<Content<'a>> {
    let refuse = |what: &str| Err(Error::unsupported(field.to_owned(), format!("{field}: Amazon Bedrock does not take {what}")));
    match part {
        Part::Image(image, _) => match source(&image.url).and_then(|(kind, source)| Some((image_format(kind)?, source))) {
            Some((format, source)) => Ok(Content::Image { format, source }),
            None => refuse("this image; it takes PNG, JPEG, GIF and WebP as a base64 data URL or in S3"),
        },
        Part::File(file, _) => {
            let data = file.file_data.as_deref().unwrap_or_default();
            let Some((kind, source)) = source(data).or_else(|| bare(file)) else {
                return refuse("this file; it takes documents as a base64 data URL or in S3");
            };
            if let Some(format) = image_format(kind) {
                return Ok(Content::Image { format, source });
            }
            match document_format(kind, file.filename.as_deref().unwrap_or(data)) {
                Some(format) => Ok(Content::Document { format, name: document_name(file, at), source }),
                None => refuse(&format!("files of type `{kind}`")),
            }
        }
        Part::Video(url) => match source(url).and_then(|(kind, source)| Some((video_format(kind, url)?, source))) {
            Some((format, source)) => Ok(Content::Video { format, source }),
            None => refuse("this video; it takes a base64 data URL or a file in S3"),
        },
        Part::InputAudio(_) => refuse("audio"),
        Part::Other(map) => refuse(&format!("a part of type `{}`", map.get("type").and_then(Value::as_str).unwrap_or_default())),
        Part::Text(part) => Ok(Content::Text(part.text.as_str().into())),
        Part::Refusal(text) => Ok(Content::Text(text.into())),
    }
}

/// Media type and bytes; the type of a file in S3 is its ending.
fn source(url: &str) -> Option<(&str, Source<'_>)> {
    if url.starts_with("s3://") {
        return Some((url.rsplit('.').next().unwrap_or_default(), Source::S3Location { uri: url }));
    }
    let (kind, data) = data_url(url)?;
    Some((kind, Source::Bytes(data.into())))
}

/// Bare base64 is not OpenAI's form, but several clients send it.
fn bare(file: &FileRef) -> Option<(&str, Source<'_>)> {
    let data = file.file_data.as_deref().filter(|data| !data.contains(':') && !data.is_empty())?;
    Some((file.filename.as_deref()?.rsplit('.').next()?, Source::Bytes(data.into())))
}

fn image_format(kind: &str) -> Option<&'static str> {
    Some(match kind.trim_start_matches("image/") {
        "gif" => "gif",
        "jpeg" | "jpg" => "jpeg",
        "png" => "png",
        "webp" => "webp",
        _ => return None,
    })
}

fn document_format(kind: &str, name: &str) -> Option<&'static str> {
    let by_kind = |kind: &str| {
        Some(match kind {
            "application/msword" | "doc" => "doc",
            "application/pdf" | "pdf" => "pdf",
            "application/vnd.ms-excel" | "xls" => "xls",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" | "xlsx" => "xlsx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document" | "docx" => "docx",
            "csv" | "text/csv" => "csv",
            "html" | "text/html" => "html",
            "md" | "text/markdown" => "md",
            "application/json" | "json" | "text/plain" | "txt" => "txt",
            _ => return None,
        })
    };
    by_kind(kind).or_else(|| by_kind(name.rsplit('.').next()?)).or_else(|| kind.starts_with("text/").then_some("txt"))
}

fn video_format(kind: &str, url: &str) -> Option<&'static str> {
    let kind = if url.starts_with("s3://") { kind } else { kind.strip_prefix("video/")? };
    Some(match kind {
        "3gpp" | "3gp" => "three_gp",
        "flv" | "x-flv" => "flv",
        "matroska" | "mkv" | "x-matroska" => "mkv",
        "mov" | "quicktime" => "mov",
        "mp4" => "mp4",
        "mpeg" => "mpeg",
        "mpg" => "mpg",
        "webm" => "webm",
        "wmv" | "x-ms-wmv" => "wmv",
        _ => return None,
    })
}

/// Names of documents are letters, digits, single spaces, hyphens, parentheses and brackets, each once in a request.
fn document_name(file: &FileRef, (message, part): (usize, usize)) -> String {
    let stem = file.filename.as_deref().unwrap_or("document");
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    let name: String =
        stem.chars().take(150).map(|c| if c.is_ascii_alphanumeric() || matches!(c, '(' | ')' | '[' | ']') { c } else { '-' }).collect();
    format!("{name}-{message}-{part}")
}
