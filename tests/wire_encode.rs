//! Sends every recorded OpenAI-shaped request, and those of `wire/requests.json`, towards each protocol: the upstream
//! request must validate against the vendor's schema and keep every text, tool, tool choice, result with its call, image,
//! file, audio, stop string, schema and limit, or name what it left out, or fail with an error that names the field. The
//! recordings and schemas live outside the repository (`wire/recordings.rs`). `JUNTO_WIRE_CASE=substring` narrows it down.

#[cfg(test)]
#[path = "wire/recordings.rs"]
mod recordings;

#[cfg(test)]
mod encode {
    use std::{collections::BTreeMap, path::Path, sync::Arc};

    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use junto::{
        ChatRequest, ErrorKind,
        catalog::Endpoint,
        protocols::{self, Call},
        providers::{self, ProtocolName, Provider},
        types::{Content, Part, ResponseFormat, Role, Tool, ToolChoice},
    };
    use serde_json::{Map, Value, json};

    use crate::recordings;

    /// Protocol, provider, model, schema of its requests where the vendor publishes one.
    const TARGETS: &[(ProtocolName, &str, &str, &str)] = &[
        (ProtocolName::Anthropic, "anthropic", "claude-3-5-haiku-20241022", "anthropic/CreateMessageParams"),
        (ProtocolName::Anthropic, "anthropic", "claude-sonnet-4-5", "anthropic/CreateMessageParams"),
        (ProtocolName::Anthropic, "anthropic", "claude-opus-4-7", "anthropic/CreateMessageParams"),
        (ProtocolName::Anthropic, "amazon-bedrock-anthropic", "anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic/CreateMessageParams"),
        (ProtocolName::Bedrock, "amazon-bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock/ConverseRequest"),
        (ProtocolName::Bedrock, "amazon-bedrock", "us.amazon.nova-2-lite-v1:0", "bedrock/ConverseRequest"),
        (ProtocolName::Cohere, "cohere", "command-a-03-2025", ""),
        (ProtocolName::Gemini, "google-ai-studio", "gemini-2.5-flash", "google/GenerateContentRequest"),
        (ProtocolName::Ollama, "ollama", "qwen3:8b", ""),
        (ProtocolName::OpenaiChat, "mistral", "mistral-large-latest", "mistral/ChatCompletionRequest"),
        (ProtocolName::OpenaiChat, "openai", "gpt-4o", "openai/CreateChatCompletionRequest"),
        (ProtocolName::OpenaiChat, "openrouter", "openai/gpt-4o", "openrouter/ChatRequest"),
        (ProtocolName::OpenaiResponses, "openai", "gpt-4o", "openai/CreateResponse"),
    ];

    /// Recorded requests, of chat completions or in their shape.
    fn recorded(folder: &Path) -> Vec<(String, ChatRequest)> {
        let schema = validator(folder, "openai/CreateChatCompletionRequest").expect("schema");
        let mut requests = Vec::new();
        for (id, path) in recordings::exchanges(folder) {
            let exchange = recordings::read(&path);
            let body = &exchange["request"]["body"];
            if body["messages"].is_array() && (exchange["api"] == "chat.completions" || schema.is_valid(body)) {
                // Requests that were wrong by themselves are another test's business.
                if let Ok(request) = ChatRequest::from_json(&body.to_string()) {
                    requests.push((id, request));
                }
            }
        }
        requests
    }

    /// Requests that recordings lack.
    fn written() -> Vec<(String, ChatRequest)> {
        let cases: Vec<Value> = serde_json::from_str(include_str!("wire/requests.json")).expect("requests.json");
        let request = |case: &Value| {
            let name = case["name"].as_str().expect("name").to_owned();
            let request = ChatRequest::from_json(&case["request"].to_string()).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, request)
        };
        cases.iter().map(request).collect()
    }

    fn validator(folder: &Path, name: &str) -> Option<jsonschema::Validator> {
        (!name.is_empty()).then(|| {
            let schema = recordings::read(&folder.join(format!("schemas/{name}.json")));
            jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{name}: {error}"))
        })
    }

    fn strings<'a>(value: &'a Value, out: &mut Vec<&'a str>) {
        match value {
            Value::String(text) => out.push(text),
            Value::Array(list) => list.iter().for_each(|value| strings(value, out)),
            Value::Object(map) => map.iter().for_each(|(key, value)| {
                out.push(key);
                strings(value, out);
            }),
            _ => {}
        }
    }

    /// Results of tools may travel as JSON instead of as its text.
    fn holds(body: &Value, wanted: &Value) -> bool {
        body == wanted
            || match body {
                Value::Array(list) => list.iter().any(|value| holds(value, wanted)),
                Value::Object(map) => map.values().any(|value| holds(value, wanted)),
                _ => false,
            }
    }

    /// What the request says and the upstream body does not.
    fn lost(request: &ChatRequest, body: &Value, dropped: &[String]) -> Vec<String> {
        let mut said = Vec::new();
        strings(body, &mut said);
        let mut lost = Vec::new();
        let is_dropped = |name: &str| dropped.iter().any(|dropped| dropped == name);
        let is_said = |text: &str| said.iter().any(|said| said.contains(text));
        let mut must = |what: &str, text: &str| {
            let text = text.trim();
            let held = || serde_json::from_str(text).is_ok_and(|value| holds(body, &value));
            if !text.is_empty() && !is_said(text) && !held() {
                lost.push(format!("{what}: {}", text.chars().take(60).collect::<String>()));
            }
        };
        // Data travels with or without its prefix, and plain text also as itself.
        let data = |url: &str| -> String {
            let data = url.rsplit(',').next().unwrap_or_default();
            let text = BASE64_STANDARD.decode(data).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            text.filter(|text| url.starts_with("data:text/") && is_said(text)).unwrap_or_else(|| data.to_owned())
        };
        for message in &request.messages {
            if let Some(Content::Text(text)) = &message.content {
                must("text", text);
            }
            for part in message.parts() {
                match part {
                    Part::Text(part) => must("text part", &part.text),
                    Part::Image(image, _) => must("image", &data(&image.url)),
                    Part::File(file, _) => must("file", &data(file.file_data.as_ref().or(file.file_id.as_ref()).unwrap_or(&String::new()))),
                    Part::InputAudio(audio) => must("audio", &audio.data),
                    Part::Video(url) => must("video", &data(url)),
                    Part::Refusal(refusal) => must("refusal", refusal),
                    Part::Other(_) => {}
                }
            }
            must("refusal", message.refusal.as_deref().unwrap_or_default());
            for call in &message.tool_calls {
                must("tool call", &call.function.name);
                let arguments: Value = serde_json::from_str(&call.function.arguments).unwrap_or_default();
                let mut words = Vec::new();
                strings(&arguments, &mut words);
                for word in &words {
                    must("tool argument", word);
                }
            }
        }
        // Protocols without a list of allowed tools, or without a named choice, send only those.
        let chosen = request.tool_choice.as_ref().map(|choice| json!(choice).to_string()).unwrap_or_default();
        let is_allowed = |name: &str| !chosen.contains("function") || chosen.contains(name);
        for tool in &request.tools {
            if let Tool::Function { function, .. } = tool
                && is_allowed(&function.name)
                && (request.tool_choice != Some(ToolChoice::None) || is_said(&function.name))
            {
                must("tool", &function.name);
                must("tool description", function.description.as_deref().unwrap_or_default());
            }
        }
        if !is_dropped("stop") {
            request.stop_sequences().iter().filter(|stop| !stop.trim().is_empty()).for_each(|stop| must("stop", stop));
        }
        if let Some(ResponseFormat::JsonSchema(schema)) = &request.response_format
            && !is_dropped("response_format")
        {
            let properties = schema.schema.as_ref().and_then(|schema| schema.get("properties")).and_then(Value::as_object);
            properties.into_iter().flatten().for_each(|(name, _)| must("schema", name));
        }
        if let Some(limit) = request.max_output_tokens()
            && !["max_tokens", "max_completion_tokens"].into_iter().any(is_dropped)
            && !limits(body).contains(&limit)
        {
            lost.push(format!("limit: {limit}"));
        }
        if !is_dropped("tool_choice") && !keeps_choice(request, body) {
            lost.push(format!("tool choice: {chosen}"));
        }
        let (calls, results) = (ids(body, CALL_IDS), ids(body, RESULT_IDS));
        let mut answers = request.messages.iter().filter(|message| message.role == Role::Tool);
        let wanted = answers.clone().count();
        let unanswered = results.iter().filter(|id| !calls.contains(*id)).count();
        // A result that names no call is the caller's mistake, which some protocols can put right.
        if (results.len() != wanted || unanswered > 0) && answers.all(|message| message.tool_call_id.is_some()) {
            lost.push(format!("results: {wanted} wanted, {results:?} for the calls {calls:?}"));
        }
        lost
    }

    /// Every number that limits an answer.
    fn limits(body: &Value) -> Vec<u64> {
        let mut found = Vec::new();
        fields(body, &mut |name, value| {
            let name = name.to_ascii_lowercase().replace('_', "");
            if ["maxtokens", "maxcompletiontokens", "maxoutputtokens", "numpredict"].contains(&name.as_str()) {
                found.extend(value.as_u64());
            }
        });
        found
    }

    /// Whether the choice among the tools is there in this protocol's words.
    fn keeps_choice(request: &ChatRequest, body: &Value) -> bool {
        let (mut words, mut names) = (Vec::new(), Vec::new());
        fields(body, &mut |name, value| match name {
            "tool_choice" | "toolChoice" | "functionCallingConfig" => {
                words.push(value.to_string().to_ascii_lowercase());
            }
            "tools" => names.push(value.to_string()),
            _ => {}
        });
        let says = |wanted: &[&str]| words.iter().any(|word| wanted.iter().any(|wanted| word.contains(wanted)));
        match &request.tool_choice {
            Some(ToolChoice::Required) => says(&["required", "any"]),
            Some(ToolChoice::Function(name)) => {
                let only = names.iter().all(|tools| {
                    request.tools.iter().all(|tool| match tool {
                        Tool::Function { function, .. } => function.name == *name || !tools.contains(&format!("\"{}\"", function.name)),
                        Tool::Server(_) => true,
                    })
                });
                says(&[&name.to_ascii_lowercase()]) || (only && says(&["required", "any"]))
            }
            Some(ToolChoice::None) => says(&["none"]) || names.is_empty(),
            Some(ToolChoice::Auto | ToolChoice::Other(_)) | None => true,
        }
    }

    const CALL_IDS: &[(&str, &str)] =
        &[("function", "id"), ("input", "id"), ("toolUse", "toolUseId"), ("arguments", "call_id"), ("functionCall", "name")];
    const RESULT_IDS: &[(&str, &str)] =
        &[("", "tool_call_id"), ("", "tool_use_id"), ("toolResult", "toolUseId"), ("output", "call_id"), ("functionResponse", "name")];

    /// The ids of calls or results: of objects that have the first field, or lie in it, and the second one.
    fn ids<'a>(body: &'a Value, names: &[(&str, &str)]) -> Vec<&'a str> {
        let mut found = Vec::new();
        objects("", body, &mut |place, map| {
            for (mark, id) in names {
                if mark.is_empty() || *mark == place || map.contains_key(*mark) {
                    found.extend(map.get(*id).and_then(Value::as_str));
                }
            }
        });
        found
    }

    fn objects<'a>(place: &'a str, value: &'a Value, on: &mut impl FnMut(&str, &'a Map<String, Value>)) {
        match value {
            Value::Array(list) => list.iter().for_each(|value| objects(place, value, on)),
            Value::Object(map) => {
                on(place, map);
                map.iter().for_each(|(name, value)| objects(name, value, on));
            }
            _ => {}
        }
    }

    fn fields<'a>(value: &'a Value, on: &mut impl FnMut(&'a str, &'a Value)) {
        objects("", value, &mut |_, map| map.iter().for_each(|(name, value)| on(name, value)));
    }

    #[test]
    fn every_request_can_be_said_or_is_refused_by_name() {
        let Some(folder) = recordings::folder() else { return };
        let only = recordings::variable("JUNTO_WIRE_CASE").unwrap_or_default();
        let mut requests = recorded(&folder);
        requests.extend(written());
        requests.retain(|(name, _)| name.contains(&only));
        let mut wrong = Vec::new();
        for (protocol, slug, model, schema) in TARGETS {
            let schema = validator(&folder, schema);
            let row = providers::by_slug(slug).expect("a built-in provider").as_ref().clone();
            let provider = Provider { protocol: *protocol, ..row };
            let (options, id) = (BTreeMap::new(), Arc::from("gen-1"));
            let endpoint = Endpoint::unknown("test/model", *slug, *model);
            let (mut said, mut refused) = (0, BTreeMap::<String, usize>::new());
            for (name, request) in &requests {
                let call = Call {
                    request,
                    endpoint: &endpoint,
                    provider: &provider,
                    base_url: "https://vendor.test",
                    options: &options,
                    stream: request.stream,
                    id: &id,
                    created: 1_700_000_000,
                };
                let mut fail = |what: String| wrong.push(format!("{protocol:?} {model} {name}: {what}"));
                match protocols::by_name(*protocol).encode(&call) {
                    Ok(encoded) => {
                        said += 1;
                        let mut body: Value = serde_json::from_slice(encoded.request.body()).expect("JSON");
                        // Bedrock's invoke has the model in its path and the version in the body; else it is Anthropic's.
                        if body.as_object_mut().is_some_and(|body| body.remove("anthropic_version").is_some()) {
                            body["model"] = (*model).into();
                        }
                        for error in schema.iter().flat_map(|schema| schema.iter_errors(&body)) {
                            let error = format!("{}: {error}", error.instance_path());
                            fail(error.chars().take(300).collect());
                        }
                        lost(request, &body, &encoded.dropped).into_iter().for_each(fail);
                    }
                    Err(error) => {
                        let words = error.message().rsplit(": ").next().unwrap_or_default();
                        *refused.entry(words.to_owned()).or_default() += 1;
                        if !matches!(error.kind(), ErrorKind::BadRequest | ErrorKind::Unsupported) || error.param().is_none() {
                            fail(format!("{error:?}"));
                        }
                    }
                }
            }
            let count: usize = refused.values().sum();
            println!("{protocol:?} {model}: {said} said, {count} refused");
            for (why, count) in &refused {
                println!("    {count}: {why}");
            }
            assert!(said > count * 10 || !only.is_empty(), "{protocol:?} {model}: {count} of {} refused", said + count);
        }
        println!("{}", wrong.iter().take(60).cloned().collect::<Vec<_>>().join("\n"));
        assert!(wrong.is_empty(), "{} violations; see above", wrong.len());
    }
}
