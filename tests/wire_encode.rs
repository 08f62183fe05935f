//! Sends every recorded OpenAI-shaped request towards each protocol: the upstream request must validate against the
//! vendor's schema and keep every text, tool, tool call, stop string and limit, or name what it left out, or fail with an
//! error that names the field. The recordings live outside the repository: `JUNTO_WIRE`, else `../shared/wire` beside it.
//! `JUNTO_WIRE_CASE=substring` narrows it down.

#[cfg(test)]
#[path = "wire/recordings.rs"]
mod recordings;

#[cfg(test)]
mod encode {
    use std::{collections::BTreeMap, path::Path, sync::Arc};

    use junto::{
        ChatRequest, ErrorKind,
        catalog::Endpoint,
        protocols::{self, Call},
        providers::{ProtocolName, Provider},
        types::{Content, Part, Tool},
    };
    use serde_json::Value;

    use crate::recordings;

    /// Protocol, model, schema of its requests.
    const TARGETS: &[(ProtocolName, &str, &str)] = &[
        (ProtocolName::Anthropic, "claude-3-5-haiku-20241022", "anthropic/CreateMessageParams"),
        (ProtocolName::Anthropic, "claude-sonnet-4-5", "anthropic/CreateMessageParams"),
        (ProtocolName::Anthropic, "claude-opus-4-7", "anthropic/CreateMessageParams"),
        (ProtocolName::Bedrock, "anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock/ConverseRequest"),
        (ProtocolName::Bedrock, "us.amazon.nova-2-lite-v1:0", "bedrock/ConverseRequest"),
        (ProtocolName::Gemini, "gemini-2.5-flash", "google/GenerateContentRequest"),
        (ProtocolName::OpenaiChat, "gpt-4o", "openai/CreateChatCompletionRequest"),
        (ProtocolName::OpenaiResponses, "gpt-4o", "openai/CreateResponse"),
    ];

    /// Protocols whose failures are shown but do not fail the test: they pass malformed requests on as they came.
    const NOT_YET: &[ProtocolName] = &[ProtocolName::OpenaiChat, ProtocolName::OpenaiResponses];

    fn requests(folder: &Path) -> Vec<(String, ChatRequest)> {
        let only = recordings::variable("JUNTO_WIRE_CASE").unwrap_or_default();
        let mut requests = Vec::new();
        for (id, path) in recordings::exchanges(folder).into_iter().filter(|(id, _)| id.contains(&only)) {
            let body = &recordings::read(&path)["request"]["body"];
            if body["messages"].is_array() {
                // Requests that were wrong by themselves are another test's business.
                if let Ok(request) = ChatRequest::from_json(&body.to_string()) {
                    requests.push((id, request));
                }
            }
        }
        requests
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
        let mut must = |what: &str, text: &str| {
            let text = text.trim();
            let is_said =
                || said.iter().any(|said| said.contains(text)) || serde_json::from_str(text).is_ok_and(|value| holds(body, &value));
            if !text.is_empty() && !is_said() {
                lost.push(format!("{what}: {}", text.chars().take(60).collect::<String>()));
            }
        };
        let is_dropped = |name: &str| dropped.iter().any(|dropped| dropped == name);
        for message in &request.messages {
            match &message.content {
                Some(Content::Text(text)) => must("text", text),
                Some(Content::Parts(parts)) => parts.iter().for_each(|part| match part {
                    Part::Text(part) => must("text part", &part.text),
                    Part::Image(image, _) => must("image", image.url.rsplit(',').next().unwrap_or_default()),
                    _ => {}
                }),
                None => {}
            }
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
        for tool in &request.tools {
            if let Tool::Function { function, .. } = tool {
                must("tool", &function.name);
                must("tool description", function.description.as_deref().unwrap_or_default());
            }
        }
        if !is_dropped("stop") {
            request.stop_sequences().iter().for_each(|stop| must("stop", stop));
        }
        lost
    }

    #[test]
    fn every_recorded_request_can_be_said_or_is_refused_by_name() {
        let Some(folder) = recordings::folder() else { return };
        let requests = requests(&folder);
        let mut wrong = Vec::new();
        for (protocol, model, schema) in TARGETS {
            let schema = jsonschema::validator_for(&recordings::read(&folder.join(format!("schemas/{schema}.json")))).expect("schema");
            let (provider, options, id) = (Provider { slug: "test".into(), ..Provider::default() }, BTreeMap::new(), Arc::from("gen-1"));
            let endpoint = Endpoint::unknown("test/model", "test", *model);
            let (mut said, mut refused) = (0, 0);
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
                match protocols::by_name(*protocol).encode(&call) {
                    Ok(encoded) => {
                        said += 1;
                        let body: Value = serde_json::from_slice(encoded.request.body()).expect("JSON");
                        let errors = schema.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path()));
                        let errors = errors.map(|error| error.chars().take(200).collect()).chain(lost(request, &body, &encoded.dropped));
                        wrong.extend(errors.map(|error: String| (*protocol, format!("{protocol:?} {model} {name}: {error}"))));
                    }
                    Err(error) => {
                        refused += 1;
                        if !matches!(error.kind(), ErrorKind::BadRequest | ErrorKind::Unsupported) || error.param().is_none() {
                            wrong.push((*protocol, format!("{protocol:?} {model} {name}: {error:?}")));
                        }
                    }
                }
            }
            eprintln!("{protocol:?} {model}: {said} said, {refused} refused");
            assert!(said > refused * 10, "{protocol:?} {model}: {refused} of {} refused", said + refused);
        }
        let shown: Vec<&str> = wrong.iter().map(|(_, line)| line.as_str()).take(60).collect();
        eprintln!("{}", shown.join("\n"));
        let failures = wrong.iter().filter(|(protocol, _)| !NOT_YET.contains(protocol)).count();
        assert_eq!(failures, 0, "see above");
    }
}
