//! From our request to chat completions JSON, in one pass that borrows everything.

use std::{borrow::Cow, cell::RefCell};

use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};
use serde_json::{Value, json};

use super::fields::Fields;
use crate::{
    error::{Error, Result},
    protocols::{
        Call, Encoded,
        anthropic::encode::{allowed_tools, object_schema},
        effort::{self, Asked},
        ids, search,
    },
    providers::{Dialect, MessageReasoning, Quirks, ReasoningField, SearchField, ToolIds},
    types::{Content, Effort, Message, Part, Reasoning, ReasoningDetail, ResponseFormat, Role, TextPart, Tool, ToolCall, ToolChoice},
};

pub(super) fn encode(call: &Call<'_>) -> Result<Encoded> {
    check(call)?;
    let body = Body { call, dropped: RefCell::default() };
    let mut json = Vec::with_capacity(1024);
    serde_json::to_writer(&mut json, &body)
        .map_err(|error| Error::bad_request("messages", format!("the request does not serialise: {error}")))?;
    Ok(Encoded { request: call.post("/chat/completions", json)?, dropped: body.dropped.into_inner() })
}

/// What no host could take, and what this one's schema has no place for.
fn check(call: &Call<'_>) -> Result<()> {
    check_conversation(call)?;
    let dialect = call.provider.quirks.dialect;
    if dialect == Dialect::Open {
        return Ok(());
    }
    let refuse = |field: String, what: &str| Err(Error::unsupported(field.clone(), format!("{field}: `{}` {what}", call.provider.slug)));
    for (index, tool) in call.request.tools.iter().enumerate() {
        if let Tool::Server(tool) = tool {
            let kind = tool.get("type").and_then(Value::as_str).unwrap_or_default();
            if kind != "custom" || dialect == Dialect::Mistral {
                return refuse(format!("tools[{index}]"), &format!("has no tool of type `{kind}`"));
            }
        }
    }
    for (index, message) in call.request.messages.iter().enumerate() {
        if let Some(at) = message.parts().iter().position(|part| matches!(part, Part::Video(_))) {
            return refuse(format!("messages[{index}].content[{at}]"), "takes no video");
        }
    }
    Ok(())
}

/// What is wrong in every form of OpenAI's: a result without its call, a schema without a name.
pub(in crate::protocols) fn check_conversation(call: &Call<'_>) -> Result<()> {
    for (index, message) in call.request.messages.iter().enumerate() {
        if message.role == Role::Tool && message.tool_call_id.as_deref().unwrap_or_default().is_empty() {
            let field = format!("messages[{index}].tool_call_id");
            return Err(Error::bad_request(field.clone(), format!("{field}: a tool message names the call that it answers")));
        }
    }
    match &call.request.response_format {
        Some(ResponseFormat::JsonSchema(schema)) if schema.name.is_empty() => {
            let field = "response_format.json_schema.name";
            Err(Error::bad_request(field, format!("{field}: a schema needs a name")))
        }
        _ => Ok(()),
    }
}

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
        fields.map.serialize_entry("messages", &Messages(call))?;
        if call.stream {
            fields.map.serialize_entry("stream", &true)?;
            if quirks.stream_usage {
                fields.map.serialize_entry("stream_options", &json!({"include_usage": true}))?;
            }
        }
        fields.put(&quirks.max_tokens_field, request.max_output_tokens().as_ref())?;
        fields.put("temperature", request.temperature.as_ref())?;
        fields.put("top_p", request.top_p.as_ref())?;
        fields.put("top_k", request.top_k.as_ref())?;
        fields.put("min_p", request.min_p.as_ref())?;
        fields.put("top_a", request.top_a.as_ref())?;
        fields.put("frequency_penalty", request.frequency_penalty.as_ref())?;
        fields.put("presence_penalty", request.presence_penalty.as_ref())?;
        fields.put("repetition_penalty", request.repetition_penalty.as_ref())?;
        fields.put("logit_bias", request.logit_bias.as_ref())?;
        fields.put("logprobs", request.logprobs.as_ref())?;
        fields.put("top_logprobs", request.top_logprobs.as_ref())?;
        fields.put("n", request.n.as_ref())?;
        fields.put("seed", request.seed.as_ref())?;
        fields.put("stop", request.stop.as_ref())?;
        fields.put("response_format", request.response_format.as_ref())?;
        let allowed = allowed_tools(request.tool_choice.as_ref()).filter(|_| quirks.dialect != Dialect::Openai && !quirks.router);
        let (mode, allowed) = allowed.unzip();
        let browses = request.web_plugin().is_some() && quirks.search == SearchField::Browser && !is_system(&call.endpoint.upstream);
        let tools = Tools { tools: &request.tools, allowed: allowed.as_deref(), call, browses };
        fields.put("tools", Some(&tools).filter(|_| browses || !request.tools.is_empty()))?;
        match &request.tool_choice {
            Some(ToolChoice::Other(_)) if mode == Some("auto") => fields.put("tool_choice", mode)?,
            Some(choice) if *choice == ToolChoice::Required || mode.is_some() => {
                fields.put("tool_choice", Some(&quirks.tool_choice_required))?;
            }
            choice => fields.put("tool_choice", choice.as_ref())?,
        }
        fields.put("parallel_tool_calls", request.parallel_tool_calls.as_ref())?;
        put_reasoning(&mut fields)?;
        fields.put("verbosity", request.verbosity.as_ref())?;
        put_search(&mut fields)?;
        fields.put("modalities", Some(&request.modalities).filter(|modalities| !modalities.is_empty()))?;
        fields.put("audio", request.audio.as_ref())?;
        fields.put("prediction", request.prediction.as_ref())?;
        fields.put("service_tier", request.service_tier.as_ref())?;
        fields.put("store", request.store.as_ref())?;
        fields.put("user", request.user.as_ref())?;
        fields.put("metadata", request.metadata.as_ref())?;
        fields.put("prompt_cache_key", request.prompt_cache_key.as_ref())?;
        if quirks.dialect == Dialect::Mistral && request.messages.iter().any(Said::has_speaker) {
            fields.drop("messages.name");
        }
        if quirks.router {
            fields.put("plugins", Some(&request.plugins).filter(|plugins| !plugins.is_empty()))?;
            fields.put("cache_control", request.cache_control.as_ref())?;
        }
        fields.end()
    }
}

/// A host's own name for a system of models and tools that searches when it likes.
fn is_system(model: &str) -> bool {
    model.contains("compound")
}

/// Asks for the host's own web search in its way.
fn put_search<M: SerializeMap>(fields: &mut Fields<'_, M>) -> Result<(), M::Error> {
    let (call, request) = (fields.call, fields.call.request);
    let given = request.web_search_options.as_ref();
    let (Some(options), Some(_), false) = (request.search_options(), request.web_plugin(), call.provider.quirks.router) else {
        return fields.put("web_search_options", given);
    };
    let takes: &[&str] = match call.provider.quirks.search {
        SearchField::Options => {
            let mut wire = given.cloned().unwrap_or_default();
            if let Some(size) = options.get("search_context_size") {
                wire.insert("search_context_size".to_owned(), size.clone());
            }
            if let (Some(Value::Object(mut place)), None) = (search::place(&options), given.and_then(|given| given.get("user_location"))) {
                place.remove("type");
                wire.insert("user_location".to_owned(), json!({"type": "approximate", "approximate": place}));
            }
            fields.put("web_search_options", Some(&wire))?;
            &["search_context_size", "user_location"]
        }
        SearchField::Always => {
            let mut wire = given.cloned().unwrap_or_default();
            wire.extend(options.get("search_context_size").map(|size| ("search_context_size".to_owned(), size.clone())));
            fields.put("web_search_options", Some(&wire).filter(|wire| !wire.is_empty()))?;
            let domains = |list: Option<&Value>, mark: &str| {
                let names = list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
                names.map(|name| format!("{mark}{name}")).collect::<Vec<_>>()
            };
            let mut filter = domains(search::included(&options), "");
            filter.extend(domains(search::excluded(&options), "-"));
            fields.put("search_domain_filter", Some(&filter).filter(|filter| !filter.is_empty()))?;
            &["include_domains", "exclude_domains", "search_context_size"]
        }
        SearchField::Browser if is_system(&call.endpoint.upstream) => {
            let lists = [("include_domains", search::included(&options)), ("exclude_domains", search::excluded(&options))];
            let settings: serde_json::Map<_, _> =
                lists.into_iter().filter_map(|(name, list)| Some((name.to_owned(), list?.clone()))).collect();
            fields.put("search_settings", Some(&settings).filter(|settings| !settings.is_empty()))?;
            &["include_domains", "exclude_domains"]
        }
        SearchField::Browser | SearchField::None => &[],
    };
    for name in search::dropped(request, takes) {
        fields.drop(&name);
    }
    Ok(())
}

/// Asks for reasoning in the provider's way.
fn put_reasoning<M: SerializeMap>(fields: &mut Fields<'_, M>) -> Result<(), M::Error> {
    let call = fields.call;
    let Some(wanted) = call.request.reasoning_wanted() else { return Ok(()) };
    let (on, model) = (wanted.is_on(), &*call.endpoint.upstream);
    match call.provider.quirks.reasoning {
        // On needs no word, and there is none for less.
        ReasoningField::Always if on && wanted.effort.is_none() && wanted.max_tokens.is_none() => {}
        ReasoningField::Always | ReasoningField::None => fields.drop("reasoning"),
        ReasoningField::Effort => put_effort(fields, &wanted)?,
        // Qwen has two efforts here, and would say its thoughts in the answer.
        ReasoningField::EffortAndFormat if model.contains("qwen") => {
            fields.put("reasoning_effort", Some(if on { "default" } else { "none" }))?;
            fields.put("reasoning_format", on.then_some(if wanted.exclude { "hidden" } else { "parsed" }))?;
        }
        ReasoningField::EffortAndFormat => {
            put_effort(fields, &wanted)?;
            fields.put("include_reasoning", wanted.exclude.then_some(&false))?;
        }
        ReasoningField::EnableThinking => {
            fields.put("enable_thinking", Some(&on))?;
            fields.put("thinking_budget", effort::budget(call, &wanted).as_ref())?;
        }
        ReasoningField::Object => fields.put("reasoning", Some(&wanted))?,
        // A model that always reasons is not told to.
        ReasoningField::Switch if model.contains("magistral") && on => {}
        ReasoningField::Switch if model.contains("magistral") => fields.drop("reasoning"),
        ReasoningField::Switch => fields.put("reasoning_effort", Some(if on { "high" } else { "none" }))?,
        ReasoningField::Template if model.contains("gpt-oss") => put_effort(fields, &wanted)?,
        ReasoningField::Template => {
            let name = if model.to_ascii_lowercase().contains("deepseek") { "thinking" } else { "enable_thinking" };
            fields.put("chat_template_kwargs", Some(&json!({name: on})))?;
        }
        ReasoningField::Thinking => {
            fields.put("thinking", Some(&json!({"type": if on { "enabled" } else { "disabled" }})))?;
            let has_levels = effort::takes_effort(model) && on && (wanted.effort.is_some() || wanted.max_tokens.is_some());
            if has_levels {
                put_effort(fields, &wanted)?;
            }
        }
    }
    Ok(())
}

fn put_effort<M: SerializeMap>(fields: &mut Fields<'_, M>, wanted: &Reasoning) -> Result<(), M::Error> {
    match effort::asked(fields.call, wanted) {
        Asked::Effort(effort) => {
            // A model that cannot stop reasoning does as little of it as it can.
            if !wanted.is_on() && effort != Effort::None {
                fields.drop("reasoning.enabled");
            }
            fields.put("reasoning_effort", Some(effort.as_str()))
        }
        Asked::Nothing => {
            fields.drop("reasoning");
            Ok(())
        }
    }
}

struct Messages<'a>(&'a Call<'a>);

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (messages, call) = (&self.0.request.messages, self.0);
        let mut seq = serializer.serialize_seq(None)?;
        // Results are text for most; what they show comes behind the last of them, from the user.
        let (mut shown, takes_media) = (Vec::new(), call.provider.quirks.router);
        for message in messages {
            if message.role != Role::Tool && !shown.is_empty() {
                seq.serialize_element(&Shown { parts: &std::mem::take(&mut shown), call })?;
            }
            if message.role == Role::Tool && !takes_media {
                shown.extend(message.parts().iter().filter(|part| part.as_text().is_none()).map(|part| (message, part)));
            }
            seq.serialize_element(&Said { message, call })?;
        }
        if !shown.is_empty() {
            seq.serialize_element(&Shown { parts: &shown, call })?;
        }
        seq.end()
    }
}

/// The parts of tool results that are not text, as a message of the user.
struct Shown<'a> {
    parts: &'a [(&'a Message, &'a Part)],
    call: &'a Call<'a>,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut content = Vec::with_capacity(2 * self.parts.len());
        for (message, part) in self.parts {
            let id = ids::tool_id(message.tool_call_id.as_deref().unwrap_or_default(), self.call.provider.quirks.tool_ids);
            content.push(Part::text(format!("From the result of tool call {id}:")));
            content.push((*part).clone());
        }
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("role", "user")?;
        map.serialize_entry("content", &Parts { parts: &content, quirks: &self.call.provider.quirks })?;
        map.end()
    }
}

/// One message, in the provider's words.
struct Said<'a> {
    message: &'a Message,
    call: &'a Call<'a>,
}

impl Said<'_> {
    /// Whether the message has a name that is not a tool's.
    fn has_speaker(message: &Message) -> bool {
        message.name.is_some() && message.role != Role::Tool
    }
}

impl Serialize for Said<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (message, quirks) = (self.message, &self.call.provider.quirks);
        let is_closed = quirks.dialect == Dialect::Mistral;
        let mut map = serializer.serialize_map(None)?;
        match message.role {
            Role::Developer if !quirks.developer_role => map.serialize_entry("role", "system")?,
            role => map.serialize_entry("role", &role)?,
        }
        match &message.content {
            Some(Content::Text(text)) => map.serialize_entry("content", text)?,
            // An empty list is no content to anyone.
            Some(Content::Parts(parts)) if parts.is_empty() && message.role == Role::Assistant => map.serialize_entry("content", &())?,
            Some(Content::Parts(parts)) if parts.is_empty() => map.serialize_entry("content", "")?,
            Some(Content::Parts(parts))
                if message.role == Role::Tool && !quirks.router && parts.iter().any(|part| part.as_text().is_none()) =>
            {
                let text = message.text();
                map.serialize_entry("content", if text.is_empty() { "The result is in the next message." } else { &text })?;
            }
            Some(Content::Parts(parts)) => map.serialize_entry("content", &Parts { parts, quirks })?,
            None if is_closed && message.refusal.is_some() => map.serialize_entry("content", &message.refusal)?,
            // Several hosts ask for the field even where only tools are called.
            None if message.role == Role::Assistant => map.serialize_entry("content", &())?,
            None => map.serialize_entry("content", "")?,
        }
        if let Some(name) = message.name.as_ref().filter(|_| !(is_closed && Self::has_speaker(message))) {
            map.serialize_entry("name", name)?;
        }
        let reasoning = if quirks.router { MessageReasoning::Details } else { quirks.message_reasoning };
        if !message.tool_calls.is_empty() {
            let with_signatures = reasoning == MessageReasoning::Details;
            map.serialize_entry("tool_calls", &Calls { calls: &message.tool_calls, with_signatures, ids: quirks.tool_ids })?;
        }
        if let Some(id) = &message.tool_call_id {
            map.serialize_entry("tool_call_id", &ids::tool_id(id, quirks.tool_ids))?;
        }
        if let Some(refusal) = message.refusal.as_ref().filter(|_| !is_closed) {
            map.serialize_entry("refusal", refusal)?;
        }
        match (reasoning, &message.reasoning) {
            (MessageReasoning::Content, Some(text)) => map.serialize_entry("reasoning_content", text)?,
            (MessageReasoning::Details | MessageReasoning::Text, Some(text)) => map.serialize_entry("reasoning", text)?,
            // Those who think on from it ask for it with every call, and take an empty one for none.
            (MessageReasoning::Content, None) if !message.tool_calls.is_empty() => map.serialize_entry("reasoning_content", " ")?,
            (MessageReasoning::None, _) | (_, None) => {}
        }
        if let (MessageReasoning::Details, Some(details)) = (reasoning, &message.reasoning_details) {
            map.serialize_entry("reasoning_details", &Details { details, provider: &self.call.endpoint.provider })?;
        }
        if let Some(audio) = &message.audio {
            map.serialize_entry("audio", audio)?;
        }
        if let (true, Some(cache_control)) = (quirks.router, &message.cache_control) {
            map.serialize_entry("cache_control", cache_control)?;
        }
        if quirks.passthrough {
            for (name, value) in &message.extra {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

struct Parts<'a> {
    parts: &'a [Part],
    quirks: &'a Quirks,
}

impl Serialize for Parts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.parts.iter().map(|part| Written { part, quirks: self.quirks }))
    }
}

/// One part, in the provider's words, and with its `cache_control` only where that is known.
struct Written<'a> {
    part: &'a Part,
    quirks: &'a Quirks,
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_mistral = self.quirks.dialect == Dialect::Mistral;
        let is_marked = |part: &Part| {
            matches!(
                part,
                Part::Text(TextPart { cache_control: Some(_), .. }) | Part::Image(_, Some(_)) | Part::File(_, Some(_)) | Part::Other(_)
            )
        };
        match self.part {
            Part::File(..) | Part::InputAudio(_) | Part::Refusal(_) if is_mistral => {}
            part if is_marked(part) && !self.quirks.router => {}
            part => return part.serialize(serializer),
        }
        let mut map = serializer.serialize_map(None)?;
        match self.part {
            Part::Text(TextPart { text, .. }) | Part::Refusal(text) => {
                map.serialize_entry("type", "text")?;
                map.serialize_entry("text", text)?;
            }
            Part::Image(image, _) => {
                map.serialize_entry("type", "image_url")?;
                map.serialize_entry("image_url", image)?;
            }
            Part::File(file, _) if is_mistral => match (&file.file_data, &file.file_id) {
                (Some(data), _) => {
                    map.serialize_entry("type", "document_url")?;
                    map.serialize_entry("document_url", data)?;
                    map.serialize_entry("document_name", &file.filename)?;
                }
                (None, id) => {
                    map.serialize_entry("type", "file")?;
                    map.serialize_entry("file_id", id)?;
                }
            },
            Part::File(file, _) => {
                map.serialize_entry("type", "file")?;
                map.serialize_entry("file", file)?;
            }
            Part::InputAudio(audio) => {
                map.serialize_entry("type", "input_audio")?;
                map.serialize_entry("input_audio", &audio.data)?;
            }
            Part::Other(fields) => {
                for (name, value) in fields.iter().filter(|(name, _)| *name != "cache_control") {
                    map.serialize_entry(name, value)?;
                }
            }
            Part::Video(_) => {}
        }
        map.end()
    }
}

struct Tools<'a> {
    tools: &'a [Tool],
    /// The names of those that may be called, where the provider is not told itself.
    allowed: Option<&'a [&'a str]>,
    call: &'a Call<'a>,
    /// Whether the host's own search is one of them.
    browses: bool,
}

impl Serialize for Tools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Written<'a> {
            AsIs(&'a Tool),
            Bare { r#type: &'static str, function: Bare<'a> },
            Function { r#type: &'static str, function: &'a crate::types::Function },
            Host { r#type: &'static str },
        }
        #[derive(Serialize)]
        struct Bare<'a> {
            name: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            description: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            strict: Option<bool>,
            parameters: Cow<'a, Value>,
        }
        let quirks = &self.call.provider.quirks;
        let is_allowed = |tool: &&Tool| match tool {
            Tool::Function { function, .. } => self.allowed.is_none_or(|allowed| allowed.contains(&function.name.as_str())),
            Tool::Server(_) => true,
        };
        let host = self.browses.then_some(Written::Host { r#type: "browser_search" });
        let tools = self.tools.iter().filter(is_allowed).map(|tool| match tool {
            Tool::Function { function, .. } if quirks.dialect == Dialect::Mistral => Written::Bare {
                r#type: "function",
                function: Bare {
                    name: &function.name,
                    description: function.description.as_deref(),
                    strict: function.strict,
                    parameters: object_schema(function.parameters.as_ref()),
                },
            },
            Tool::Function { function, .. } if !quirks.router => Written::Function { r#type: "function", function },
            tool => Written::AsIs(tool),
        });
        serializer.collect_seq(tools.chain(host))
    }
}

struct Calls<'a> {
    calls: &'a [ToolCall],
    with_signatures: bool,
    ids: ToolIds,
}

impl Serialize for Calls<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            id: Cow<'a, str>,
            r#type: &'a str,
            function: WrittenFunction<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            extra_content: Option<&'a Value>,
        }
        #[derive(Serialize)]
        struct WrittenFunction<'a> {
            name: &'a str,
            arguments: &'a str,
        }
        serializer.collect_seq(self.calls.iter().map(|call| Written {
            id: ids::tool_id(&call.id, self.ids),
            r#type: &call.call_type,
            function: WrittenFunction {
                name: &call.function.name,
                // Hosts parse it, and an empty text is no JSON.
                arguments: if call.function.arguments.is_empty() { "{}" } else { &call.function.arguments },
            },
            extra_content: call.extra_content.as_ref().filter(|_| self.with_signatures),
        }))
    }
}

/// Reasoning blocks, without those that another provider signed.
struct Details<'a> {
    details: &'a [ReasoningDetail],
    provider: &'a str,
}

impl Serialize for Details<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ours =
            |detail: &&ReasoningDetail| !detail.is_signed() || detail.provider.as_deref().is_none_or(|provider| provider == self.provider);
        serializer.collect_seq(self.details.iter().filter(ours))
    }
}
