//! From our request to chat completions JSON, in one pass that borrows everything.

use std::cell::RefCell;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

use super::fields::Fields;
use crate::{
    error::{Error, Result},
    protocols::{Call, Encoded},
    providers::{MessageReasoning, ReasoningField},
    types::{Content, Effort, Message, Part, Reasoning, ReasoningDetail, Role, TextPart, Tool, ToolCall, ToolChoice},
};

pub(super) fn encode(call: &Call<'_>) -> Result<Encoded> {
    let body = Body { call, dropped: RefCell::default() };
    let mut json = Vec::with_capacity(1024);
    serde_json::to_writer(&mut json, &body)
        .map_err(|error| Error::bad_request("messages", format!("the request does not serialise: {error}")))?;
    Ok(Encoded { request: call.post("/chat/completions", json)?, dropped: body.dropped.into_inner() })
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
        let tools = Tools { tools: &request.tools, with_cache_control: quirks.router };
        fields.put("tools", (!request.tools.is_empty()).then_some(&tools))?;
        match &request.tool_choice {
            Some(ToolChoice::Required) => fields.put("tool_choice", Some(&quirks.tool_choice_required))?,
            choice => fields.put("tool_choice", choice.as_ref())?,
        }
        fields.put("parallel_tool_calls", request.parallel_tool_calls.as_ref())?;
        put_reasoning(&mut fields)?;
        fields.put("verbosity", request.verbosity.as_ref())?;
        fields.put("web_search_options", request.web_search_options.as_ref())?;
        fields.put("modalities", Some(&request.modalities).filter(|modalities| !modalities.is_empty()))?;
        fields.put("audio", request.audio.as_ref())?;
        fields.put("prediction", request.prediction.as_ref())?;
        fields.put("service_tier", request.service_tier.as_ref())?;
        fields.put("store", request.store.as_ref())?;
        fields.put("user", request.user.as_ref())?;
        fields.put("metadata", request.metadata.as_ref())?;
        fields.put("prompt_cache_key", request.prompt_cache_key.as_ref())?;
        if quirks.router {
            fields.put("plugins", Some(&request.plugins).filter(|plugins| !plugins.is_empty()))?;
            fields.put("cache_control", request.cache_control.as_ref())?;
        }
        fields.end()
    }
}

/// Asks for reasoning in the provider's way.
fn put_reasoning<M: SerializeMap>(fields: &mut Fields<'_, M>) -> Result<(), M::Error> {
    let Some(wanted) = fields.call.request.reasoning_wanted() else { return Ok(()) };
    let on = wanted.is_on();
    match fields.call.provider.quirks.reasoning {
        ReasoningField::Effort => match effort(&wanted) {
            Some(effort) => fields.put("reasoning_effort", Some(effort))?,
            None => fields.drop("reasoning"),
        },
        ReasoningField::EnableThinking => {
            fields.put("enable_thinking", Some(&on))?;
            fields.put("thinking_budget", wanted.max_tokens.filter(|_| on).as_ref())?;
        }
        ReasoningField::Object => fields.put("reasoning", Some(&wanted))?,
        ReasoningField::Template => fields.put("chat_template_kwargs", Some(&json!({"enable_thinking": on})))?,
        ReasoningField::Thinking => fields.put("thinking", Some(&json!({"type": if on { "enabled" } else { "disabled" }})))?,
        ReasoningField::None => fields.drop("reasoning"),
    }
    Ok(())
}

/// The effort that comes nearest; none where reasoning is off in words that only newer models know.
pub(in crate::protocols) fn effort(wanted: &Reasoning) -> Option<&'static str> {
    match wanted.effort {
        Some(Effort::Max) => Some(Effort::XHigh.as_str()),
        Some(effort) => Some(effort.as_str()),
        None if wanted.is_on() => Some(Effort::Medium.as_str()),
        None => None,
    }
}

struct Messages<'a>(&'a Call<'a>);

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.request.messages.iter().map(|message| Said { message, call: self.0 }))
    }
}

/// One message, in the provider's words.
struct Said<'a> {
    message: &'a Message,
    call: &'a Call<'a>,
}

impl Serialize for Said<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (message, quirks) = (self.message, &self.call.provider.quirks);
        let mut map = serializer.serialize_map(None)?;
        match message.role {
            Role::Developer if !quirks.developer_role => map.serialize_entry("role", "system")?,
            role => map.serialize_entry("role", &role)?,
        }
        match &message.content {
            Some(Content::Text(text)) => map.serialize_entry("content", text)?,
            Some(Content::Parts(parts)) => map.serialize_entry("content", &Parts { parts, with_cache_control: quirks.router })?,
            // Several hosts ask for the field even where only tools are called.
            None if message.role == Role::Assistant => map.serialize_entry("content", &())?,
            None => map.serialize_entry("content", "")?,
        }
        if let Some(name) = &message.name {
            map.serialize_entry("name", name)?;
        }
        let reasoning = if quirks.router { MessageReasoning::Details } else { quirks.message_reasoning };
        if !message.tool_calls.is_empty() {
            let with_signatures = reasoning == MessageReasoning::Details;
            map.serialize_entry("tool_calls", &Calls { calls: &message.tool_calls, with_signatures })?;
        }
        if let Some(id) = &message.tool_call_id {
            map.serialize_entry("tool_call_id", id)?;
        }
        if let Some(refusal) = &message.refusal {
            map.serialize_entry("refusal", refusal)?;
        }
        match (reasoning, &message.reasoning) {
            (MessageReasoning::Content, Some(text)) => map.serialize_entry("reasoning_content", text)?,
            (MessageReasoning::Details | MessageReasoning::Text, Some(text)) => map.serialize_entry("reasoning", text)?,
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
    with_cache_control: bool,
}

impl Serialize for Parts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.parts.iter().map(|part| Bare { part, with_cache_control: self.with_cache_control }))
    }
}

/// One part, with its `cache_control` only where that is known.
struct Bare<'a> {
    part: &'a Part,
    with_cache_control: bool,
}

impl Serialize for Bare<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = match self.part {
            Part::Text(TextPart { cache_control: Some(_), .. }) | Part::Image(_, Some(_)) | Part::File(_, Some(_)) | Part::Other(_)
                if !self.with_cache_control =>
            {
                serializer.serialize_map(None)?
            }
            part => return part.serialize(serializer),
        };
        match self.part {
            Part::Text(part) => {
                map.serialize_entry("type", "text")?;
                map.serialize_entry("text", &part.text)?;
            }
            Part::Image(image, _) => {
                map.serialize_entry("type", "image_url")?;
                map.serialize_entry("image_url", image)?;
            }
            Part::File(file, _) => {
                map.serialize_entry("type", "file")?;
                map.serialize_entry("file", file)?;
            }
            Part::Other(fields) => {
                for (name, value) in fields.iter().filter(|(name, _)| *name != "cache_control") {
                    map.serialize_entry(name, value)?;
                }
            }
            Part::InputAudio(_) | Part::Refusal(_) | Part::Video(_) => {}
        }
        map.end()
    }
}

struct Tools<'a> {
    tools: &'a [Tool],
    with_cache_control: bool,
}

impl Serialize for Tools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Written<'a> {
            AsIs(&'a Tool),
            Function { r#type: &'static str, function: &'a crate::types::Function },
        }
        serializer.collect_seq(self.tools.iter().map(|tool| match tool {
            Tool::Function { function, .. } if !self.with_cache_control => Written::Function { r#type: "function", function },
            tool => Written::AsIs(tool),
        }))
    }
}

struct Calls<'a> {
    calls: &'a [ToolCall],
    with_signatures: bool,
}

impl Serialize for Calls<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            id: &'a str,
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
            id: &call.id,
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
