//! The request. Google's field names live here, in the `json!` that writes them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::stream::FORMAT;
use crate::{
    error::{Error, Result},
    protocols::{Call, Encoded, search},
    types::{ChatRequest, Effort, FileRef, Message, Part, Reasoning, ResponseFormat, Role, Tool, ToolCall, ToolChoice},
};

/// Google takes this instead of a signature on calls that came from another model, which Gemini 3 refuses otherwise.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

pub(super) fn encode(call: &Call<'_>) -> Result<Encoded> {
    let mut encoder = Encoder { call, request: call.request, version: version(&call.endpoint.upstream), dropped: Vec::new() };
    let body = encoder.body()?;
    let path = if call.stream { "/models/{model}:streamGenerateContent?alt=sse" } else { "/models/{model}:generateContent" };
    Ok(Encoded { request: call.post(path, serde_json::to_vec(&body)?)?, dropped: encoder.dropped })
}

/// The generation, `gemini-2.5-pro` as 2.5; none where the name does not say.
fn version(model: &str) -> Option<f32> {
    let digits = model.rsplit('/').next()?.strip_prefix("gemini-")?;
    let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
    digits[..end].parse().ok()
}

struct Encoder<'a> {
    call: &'a Call<'a>,
    request: &'a ChatRequest,
    version: Option<f32>,
    dropped: Vec<String>,
}

impl Encoder<'_> {
    fn body(&mut self) -> Result<Map<String, Value>> {
        let request = self.request;
        let mut body = Map::new();
        let (system, contents) = self.messages()?;
        body.insert("contents".to_owned(), contents.into());
        if !system.is_empty() {
            body.insert("systemInstruction".to_owned(), json!({ "parts": system }));
        }
        self.tools(&mut body);
        let config = self.generation_config()?;
        if !config.is_empty() {
            body.insert("generationConfig".to_owned(), config.into());
        }
        if let Some(tier) = request.service_tier.as_deref().filter(|tier| *tier != "auto") {
            match tier {
                "default" | "standard" if self.takes("service_tier") => _ = body.insert("serviceTier".to_owned(), "standard".into()),
                "flex" | "priority" if self.takes("service_tier") => _ = body.insert("serviceTier".to_owned(), tier.into()),
                _ => self.drop("service_tier"),
            }
        }
        if let Some(store) = request.store.filter(|_| self.takes("store")) {
            body.insert("store".to_owned(), store.into());
        }
        for (name, value) in &request.extra {
            match name.as_str() {
                "safety_settings" | "safetySettings" => _ = body.insert("safetySettings".to_owned(), value.clone()),
                "cached_content" | "cachedContent" => _ = body.insert("cachedContent".to_owned(), value.clone()),
                "labels" => _ = body.insert("labels".to_owned(), value.clone()),
                "image_config" => {}
                _ => self.drop(name),
            }
        }
        self.drop_what_gemini_has_not();
        for (name, value) in &self.call.provider.quirks.body {
            body.insert(name.clone(), value.clone());
        }
        Ok(body)
    }

    /// Whether the provider takes this field; otherwise notes that it was left out.
    fn takes(&mut self, name: &str) -> bool {
        let drops = self.call.provider.quirks.drops.iter().any(|dropped| dropped == name);
        if drops {
            self.drop(name);
        }
        !drops
    }

    fn drop(&mut self, name: &str) {
        if !self.dropped.iter().any(|dropped| dropped == name) {
            self.dropped.push(name.to_owned());
        }
    }

    fn drop_what_gemini_has_not(&mut self) {
        let request = self.request;
        for (name, is_set) in [
            ("cache_control", request.cache_control.is_some()),
            ("logit_bias", request.logit_bias.is_some()),
            ("metadata", request.metadata.is_some()),
            ("min_p", request.min_p.is_some()),
            ("parallel_tool_calls", request.parallel_tool_calls == Some(false)),
            ("prediction", request.prediction.is_some()),
            ("prompt_cache_key", request.prompt_cache_key.is_some()),
            ("repetition_penalty", request.repetition_penalty.is_some()),
            ("top_a", request.top_a.is_some()),
            ("user", request.user.is_some()),
            ("verbosity", request.verbosity.is_some()),
        ] {
            if is_set {
                self.drop(name);
            }
        }
    }

    // Messages.

    fn messages(&mut self) -> Result<(Vec<Value>, Vec<Value>)> {
        let request = self.request;
        let (mut system, mut contents): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
        // Names of calls by their ids: a result has to say them.
        let mut names: BTreeMap<&str, &str> = BTreeMap::new();
        // Media of tool results: they follow the results as a message of their own.
        let mut media: Vec<Value> = Vec::new();
        for (at, message) in request.messages.iter().enumerate() {
            if message.role != Role::Tool && !media.is_empty() {
                contents.push(json!({"role": "user", "parts": std::mem::take(&mut media)}));
            }
            match message.role {
                Role::System | Role::Developer => system.extend(self.parts(at, message)?),
                Role::User => {
                    let parts = self.parts(at, message)?;
                    if !parts.is_empty() {
                        contents.push(json!({"role": "user", "parts": parts}));
                    }
                }
                Role::Assistant => {
                    names.extend(message.tool_calls.iter().map(|call| (call.id.as_str(), call.function.name.as_str())));
                    let parts = self.answer(at, message)?;
                    if !parts.is_empty() {
                        contents.push(json!({"role": "model", "parts": parts}));
                    }
                }
                Role::Tool => {
                    let result = self.tool_result(at, message, &names, &mut media)?;
                    let follows_tool = at > 0 && request.messages[at - 1].role == Role::Tool;
                    match contents.last_mut().and_then(|last| last.get_mut("parts")).and_then(Value::as_array_mut) {
                        // Gemini wants the results of one turn in one message.
                        Some(parts) if follows_tool => parts.push(result),
                        _ => contents.push(json!({"role": "user", "parts": [result]})),
                    }
                }
            }
        }
        if !media.is_empty() {
            contents.push(json!({"role": "user", "parts": media}));
        }
        // Gemini refuses a request that says nothing but instructions.
        if contents.is_empty() && !system.is_empty() {
            contents.push(json!({"role": "user", "parts": std::mem::take(&mut system)}));
        }
        if contents.is_empty() {
            return Err(Error::bad_request("messages", "messages: at least one message must say something"));
        }
        Ok((system, contents))
    }

    fn parts(&mut self, at: usize, message: &Message) -> Result<Vec<Value>> {
        let mut parts = Vec::new();
        match &message.content {
            Some(crate::types::Content::Text(text)) if !text.is_empty() => parts.push(json!({ "text": text })),
            Some(crate::types::Content::Parts(list)) => {
                for (index, part) in list.iter().enumerate() {
                    parts.extend(self.part(&format!("messages[{at}].content[{index}]"), part)?);
                }
            }
            _ => {}
        }
        Ok(parts)
    }

    fn part(&mut self, path: &str, part: &Part) -> Result<Option<Value>> {
        Ok(Some(match part {
            Part::Text(text) => {
                if text.cache_control.is_some() {
                    self.drop("cache_control");
                }
                if text.text.is_empty() {
                    return Ok(None);
                }
                json!({ "text": text.text })
            }
            Part::Refusal(text) => json!({ "text": text }),
            Part::Image(image, _) => media(&format!("{path}.image_url.url"), &image.url, "image/jpeg")?,
            Part::Video(url) => media(&format!("{path}.video_url.url"), url, "video/mp4")?,
            Part::InputAudio(audio) => {
                let data = audio.data.split_once(";base64,").map_or(audio.data.as_str(), |(_, data)| data);
                json!({"inlineData": {"mimeType": format!("audio/{}", audio.format), "data": data}})
            }
            Part::File(file, _) => file_part(path, file)?,
            Part::Other(map) => {
                let kind = map.get("type").and_then(Value::as_str).unwrap_or_default();
                return Err(Error::unsupported(format!("{path}.type"), format!("{path}.type: Gemini has no part of type \"{kind}\"")));
            }
        }))
    }

    /// The model's own turn: text, then calls, each with the signature its issuer put on it.
    fn answer(&mut self, at: usize, message: &Message) -> Result<Vec<Value>> {
        let mut parts = self.parts(at, message)?;
        if let Some(refusal) = message.refusal.as_ref().filter(|refusal| !refusal.is_empty()) {
            parts.push(json!({ "text": refusal }));
        }
        // Pictures that the model drew earlier, so that it can change them.
        for (index, image) in message.extra.get("images").and_then(Value::as_array).into_iter().flatten().enumerate() {
            if let Some(url) = image.pointer("/image_url/url").and_then(Value::as_str) {
                parts.push(media(&format!("messages[{at}].images[{index}].image_url.url"), url, "image/png")?);
            }
        }
        let details = message.reasoning_details.as_deref().unwrap_or_default();
        let ours = |issuer: &Option<String>| issuer.as_deref() == Some(&*self.call.endpoint.provider);
        let signatures = || details.iter().filter(|detail| detail.format.as_deref() == Some(FORMAT) && detail.data.is_some());
        if let Some(signed) = signatures().find(|detail| detail.id.is_none() && ours(&detail.provider)) {
            match parts.last_mut() {
                Some(last) => last["thoughtSignature"] = json!(signed.data),
                None => parts.push(json!({"text": "", "thoughtSignature": signed.data})),
            }
        }
        let must_sign = self.version.is_some_and(|version| version >= 3.0);
        for (index, call) in message.tool_calls.iter().enumerate() {
            let detail = signatures().find(|detail| detail.id.as_deref() == Some(&call.id));
            let signature = match detail {
                Some(detail) => detail.data.as_deref().filter(|_| ours(&detail.provider)),
                // Google's own form says nothing about the issuer; whoever sends it vouches for it, unless a block disowns it.
                None => google_signature(call)
                    .filter(|signature| !signatures().any(|detail| detail.data.as_deref() == Some(signature) && !ours(&detail.provider))),
            };
            // Of parallel calls only the first is signed.
            let signature = signature.or((must_sign && index == 0).then_some(NO_SIGNATURE));
            let mut part = json!({"functionCall": function_call(at, index, call)?});
            if let Some(signature) = signature {
                part["thoughtSignature"] = signature.into();
            }
            parts.push(part);
        }
        Ok(parts)
    }

    fn tool_result(&mut self, at: usize, message: &Message, names: &BTreeMap<&str, &str>, media: &mut Vec<Value>) -> Result<Value> {
        let id = message.tool_call_id.as_deref().unwrap_or_default();
        let Some(name) = names.get(id).copied().or(message.name.as_deref()) else {
            let field = format!("messages[{at}].tool_call_id");
            return Err(Error::bad_request(field.clone(), format!("{field}: no earlier message calls a tool with the id \"{id}\"")));
        };
        for (index, part) in message.parts().iter().enumerate() {
            if part.as_text().is_none() {
                media.extend(self.part(&format!("messages[{at}].content[{index}]"), part)?);
            }
        }
        let text = message.text();
        // Gemini takes an object only.
        let response = match serde_json::from_str(&text) {
            Ok(Value::Object(object)) => Value::Object(object),
            Ok(value) => json!({ "result": value }),
            Err(_) => json!({ "result": text }),
        };
        let mut result = json!({"name": name, "response": response});
        if !id.is_empty() {
            result["id"] = id.into();
        }
        Ok(json!({ "functionResponse": result }))
    }

    // Tools.

    fn tools(&mut self, body: &mut Map<String, Value>) {
        let request = self.request;
        let (mut functions, mut served): (Vec<Value>, Map<String, Value>) = (Vec::new(), Map::new());
        for tool in &request.tools {
            match tool {
                Tool::Function { function, cache_control } => {
                    if cache_control.is_some() {
                        self.drop("cache_control");
                    }
                    let mut declaration = json!({ "name": function.name });
                    if let Some(description) = &function.description {
                        declaration["description"] = description.as_str().into();
                    }
                    if let Some(schema) =
                        function.parameters.as_ref().filter(|schema| schema.as_object().is_some_and(|map| !map.is_empty()))
                    {
                        declaration["parametersJsonSchema"] = schema.clone();
                    }
                    functions.push(declaration);
                }
                Tool::Server(map) => {
                    let kind = map.get("type").and_then(Value::as_str).unwrap_or_default();
                    let Some(name) = served_tool(kind) else {
                        self.drop("tools");
                        continue;
                    };
                    let options = map.get(kind).or_else(|| map.get(name)).filter(|options| options.is_object());
                    served.insert(name.to_owned(), options.cloned().unwrap_or_else(|| json!({})));
                }
            }
        }
        // Google searches where and as often as it likes.
        for name in search::dropped(request, &[]) {
            self.drop(&name);
        }
        let searches = request.search_options().is_some();
        if searches {
            served.entry("googleSearch").or_insert_with(|| json!({}));
        }
        let mut config = Map::new();
        if !functions.is_empty() && !served.is_empty() {
            if self.version.is_some_and(|version| version >= 3.0) {
                config.insert("includeServerSideToolInvocations".to_owned(), true.into());
            } else {
                // Before Gemini 3 it is one or the other; the caller's own functions count more.
                served.clear();
                self.drop(match request.web_search_options {
                    Some(_) => "web_search_options",
                    None if searches => "plugins",
                    None => "tools",
                });
            }
        }
        if let Some(choice) = request.tool_choice.as_ref().filter(|_| !functions.is_empty()) {
            match calling_config(choice) {
                Some(calling) if self.takes("tool_choice") => _ = config.insert("functionCallingConfig".to_owned(), calling),
                Some(_) => {}
                None => self.drop("tool_choice"),
            }
        }
        let mut tools: Vec<Value> = served.into_iter().map(|(name, options)| Value::Object(Map::from_iter([(name, options)]))).collect();
        if !functions.is_empty() {
            tools.insert(0, json!({ "functionDeclarations": functions }));
        }
        if !tools.is_empty() {
            body.insert("tools".to_owned(), tools.into());
        }
        if !config.is_empty() {
            body.insert("toolConfig".to_owned(), config.into());
        }
    }

    // Settings.

    fn generation_config(&mut self) -> Result<Map<String, Value>> {
        let request = self.request;
        let mut config = Map::new();
        let stop = request.stop_sequences();
        let seed = request.seed.and_then(|seed| i32::try_from(seed).ok());
        if request.seed.is_some() && seed.is_none() {
            self.drop("seed");
        }
        let logprobs = request.top_logprobs.filter(|_| request.logprobs == Some(true));
        for (name, field, value) in [
            ("temperature", "temperature", request.temperature.map(Value::from)),
            ("top_p", "topP", request.top_p.map(Value::from)),
            ("top_k", "topK", request.top_k.map(Value::from)),
            ("max_tokens", "maxOutputTokens", request.max_output_tokens().map(Value::from)),
            ("stop", "stopSequences", (!stop.is_empty()).then(|| stop.into())),
            ("seed", "seed", seed.map(Value::from)),
            ("n", "candidateCount", request.n.filter(|n| *n > 1).map(Value::from)),
            ("frequency_penalty", "frequencyPenalty", request.frequency_penalty.map(Value::from)),
            ("presence_penalty", "presencePenalty", request.presence_penalty.map(Value::from)),
            ("logprobs", "responseLogprobs", request.logprobs.filter(|on| *on).map(Value::from)),
            ("top_logprobs", "logprobs", logprobs.map(Value::from)),
            ("image_config", "imageConfig", request.extra.get("image_config").map(camel_keys)),
        ] {
            if let Some(value) = value
                && self.takes(name)
            {
                config.insert(field.to_owned(), value);
            }
        }
        match &request.response_format {
            Some(ResponseFormat::JsonObject) => _ = config.insert("responseMimeType".to_owned(), "application/json".into()),
            Some(ResponseFormat::JsonSchema(format)) => {
                config.insert("responseMimeType".to_owned(), "application/json".into());
                if let Some(schema) = &format.schema {
                    config.insert("responseJsonSchema".to_owned(), schema.clone());
                }
            }
            Some(ResponseFormat::Other(_)) => {
                return Err(Error::unsupported(
                    "response_format",
                    "response_format: Gemini knows \"text\", \"json_object\" and \"json_schema\"",
                ));
            }
            Some(ResponseFormat::Text) | None => {}
        }
        if !request.modalities.is_empty() {
            config.insert("responseModalities".to_owned(), request.modalities.iter().map(|name| name.to_ascii_uppercase()).collect());
        }
        if let Some(voice) = request.audio.as_ref().and_then(|audio| audio.get("voice")).and_then(Value::as_str) {
            config.insert("speechConfig".to_owned(), json!({"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}));
        }
        if let Some(reasoning) = request.reasoning_wanted()
            && self.takes("reasoning")
        {
            match self.thinking(&reasoning) {
                Some(thinking) => _ = config.insert("thinkingConfig".to_owned(), thinking),
                None if reasoning.is_on() => self.drop("reasoning"),
                None => {}
            }
        }
        Ok(config)
    }

    /// Gemini 2.5 takes a budget in tokens, Gemini 3 a level; older models do not reason.
    fn thinking(&self, reasoning: &Reasoning) -> Option<Value> {
        let model = &*self.call.endpoint.upstream;
        let is_on = reasoning.is_on();
        let effort = if is_on { reasoning.effort.unwrap_or(Effort::Medium) } else { Effort::None };
        let include = is_on && !reasoning.exclude;
        match self.version {
            Some(version) if version < 2.5 && !model.contains("thinking") => None,
            Some(version) if version >= 3.0 => {
                if let Some(budget) = reasoning.max_tokens.filter(|_| is_on) {
                    return Some(json!({"thinkingBudget": budget, "includeThoughts": include}));
                }
                let is_pro = model.contains("-pro");
                let level = match effort {
                    Effort::None | Effort::Minimal if !is_pro => "MINIMAL",
                    Effort::None | Effort::Minimal | Effort::Low => "LOW",
                    // The first Gemini 3 Pro knows low and high alone.
                    Effort::Medium if !(is_pro && version < 3.1) => "MEDIUM",
                    Effort::Medium | Effort::High | Effort::XHigh | Effort::Max => "HIGH",
                };
                Some(json!({"thinkingLevel": level, "includeThoughts": include}))
            }
            _ => {
                let (least, most, can_stop) = match model {
                    model if model.contains("-pro") => (128, 32_768, false),
                    model if model.contains("lite") => (512, 24_576, true),
                    _ => (1, 24_576, true),
                };
                let output = self.request.max_output_tokens().or(self.call.endpoint.max_completion_tokens).unwrap_or(65_536);
                let budget = match reasoning.max_tokens {
                    _ if !is_on && can_stop => 0,
                    _ if !is_on => least,
                    Some(tokens) => tokens.clamp(least, most),
                    None => (output.saturating_mul(effort.percent()) / 100).clamp(least, most),
                };
                Some(json!({"thinkingBudget": budget, "includeThoughts": include}))
            }
        }
    }
}

fn function_call(at: usize, index: usize, call: &ToolCall) -> Result<Value> {
    let field = || format!("messages[{at}].tool_calls[{index}].function.arguments");
    let args: Map<String, Value> = match call.function.arguments.trim() {
        "" => Map::new(),
        text => serde_json::from_str(text)
            .map_err(|error| Error::bad_request(field(), format!("{}: must be a JSON object: {error}", field())))?,
    };
    let mut wire = json!({"name": call.function.name, "args": args});
    if !call.id.is_empty() {
        wire["id"] = call.id.as_str().into();
    }
    Ok(wire)
}

/// A signature in the form of Google's OpenAI-compatible API.
fn google_signature(call: &ToolCall) -> Option<&str> {
    call.extra_content.as_ref()?.pointer("/google/thought_signature")?.as_str()
}

/// Google's name of a tool that it runs itself.
fn served_tool(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "code_execution" | "code_interpreter" | "codeExecution" => "codeExecution",
        "file_search" | "fileSearch" => "fileSearch",
        "google_maps" | "googleMaps" => "googleMaps",
        "google_search" | "googleSearch" => "googleSearch",
        "url_context" | "urlContext" => "urlContext",
        kind if kind.contains("web_search") => "googleSearch",
        _ => return None,
    })
}

fn calling_config(choice: &ToolChoice) -> Option<Value> {
    Some(match choice {
        ToolChoice::Auto => json!({"mode": "AUTO"}),
        ToolChoice::None => json!({"mode": "NONE"}),
        ToolChoice::Required => json!({"mode": "ANY"}),
        ToolChoice::Function(name) => json!({"mode": "ANY", "allowedFunctionNames": [name]}),
        ToolChoice::Other(value) => {
            let allowed = value.get("allowed_tools").filter(|_| value["type"] == "allowed_tools")?;
            let names: Vec<&Value> = allowed["tools"].as_array()?.iter().filter_map(|tool| tool.pointer("/function/name")).collect();
            // Names may be given only where a call must follow the schema.
            let mode = if allowed["mode"] == "required" { "ANY" } else { "VALIDATED" };
            json!({"mode": mode, "allowedFunctionNames": names})
        }
    })
}

fn camel_keys(options: &Value) -> Value {
    let camel = |name: &str| {
        let mut words = name.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |mut name, word| {
            let mut letters = word.chars();
            name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
            name + letters.as_str()
        })
    };
    match options.as_object() {
        Some(map) => Value::Object(map.iter().map(|(name, value)| (camel(name), value.clone())).collect()),
        None => options.clone(),
    }
}

fn file_part(path: &str, file: &FileRef) -> Result<Value> {
    let by_name = file.filename.as_deref().and_then(mime_of);
    match (&file.file_data, &file.file_id) {
        (Some(data), _) if data.starts_with("data:") || data.contains("://") => {
            media(&format!("{path}.file.file_data"), data, by_name.unwrap_or("application/pdf"))
        }
        (Some(data), _) => Ok(json!({"inlineData": {"mimeType": by_name.unwrap_or("application/pdf"), "data": data}})),
        (None, Some(id)) => Ok(json!({"fileData": {"mimeType": by_name.unwrap_or("application/pdf"), "fileUri": id}})),
        (None, None) => Err(Error::bad_request(
            format!("{path}.file"),
            format!("{path}.file: needs `file_data` (a data: URL or https://..) or `file_id`"),
        )),
    }
}

/// A `data:` URL inline, anything else by reference.
fn media(path: &str, url: &str, default_mime: &str) -> Result<Value> {
    let Some(rest) = url.strip_prefix("data:") else {
        if !url.contains("://") {
            return Err(Error::bad_request(path, format!("{path}: expected a data: URL, https://.. or gs://..")));
        }
        return Ok(json!({"fileData": {"mimeType": mime_of(url).unwrap_or(default_mime), "fileUri": url}}));
    };
    let Some((head, data)) = rest.split_once(',').filter(|(head, _)| head.ends_with(";base64")) else {
        return Err(Error::bad_request(path, format!("{path}: a data: URL must be base64, as in data:image/png;base64,..")));
    };
    let mime = head.split(';').next().filter(|mime| !mime.is_empty()).unwrap_or(default_mime);
    Ok(json!({"inlineData": {"mimeType": mime, "data": data}}))
}

/// The media type that a file name's ending stands for.
fn mime_of(name: &str) -> Option<&'static str> {
    let name = name.split(['?', '#']).next()?;
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "aac" => "audio/aac",
        "csv" => "text/csv",
        "flac" => "audio/flac",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "html" | "htm" => "text/html",
        "jpeg" | "jpg" => "image/jpeg",
        "json" => "application/json",
        "md" => "text/markdown",
        "mov" => "video/quicktime",
        "mp3" => "audio/mp3",
        "mp4" => "video/mp4",
        "mpeg" | "mpg" => "video/mpeg",
        "ogg" => "audio/ogg",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "txt" => "text/plain",
        "wav" => "audio/wav",
        "webm" => "video/webm",
        "webp" => "image/webp",
        "xml" => "text/xml",
        _ => return None,
    })
}
