//! Recorded answers of all vendors as answers of the Responses API: every response object and every event is held against
//! OpenAI's published schemas. Recordings and schemas live outside the repository: `JUNTO_WIRE`, else `../shared/wire`
//! beside it. `JUNTO_WIRE_CASE=substring` narrows them down.

#[cfg(test)]
mod replay {
    use std::{
        collections::BTreeMap,
        env, fs,
        path::{Path, PathBuf},
        sync::Arc,
    };

    use futures_util::StreamExt;
    use junto::{
        Client,
        transport::{Scripted, ScriptedTransport},
    };
    use serde_json::{Value, json};

    fn wire_folder() -> PathBuf {
        env::var_os("JUNTO_WIRE").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/wire"), PathBuf::from)
    }

    fn read(path: &Path) -> Value {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn schema(name: &str) -> Value {
        read(&wire_folder().join("schemas/openai").join(name))
    }

    /// One schema per type of event: of the union, an error would only say that nothing fits.
    fn event_schemas() -> BTreeMap<String, jsonschema::Validator> {
        let all = schema("ResponseStreamEvent.json");
        let types = all["$defs"].as_object().expect("$defs").iter().filter(|(name, _)| name.ends_with("Event"));
        types
            .filter_map(|(name, one)| {
                let kind = one["properties"]["type"]["enum"][0].as_str()?.to_owned();
                let schema = json!({"$schema": all["$schema"], "$ref": format!("#/$defs/{name}"), "$defs": all["$defs"]});
                Some((kind, schema))
            })
            .filter(|(kind, _)| KINDS.contains(&kind.as_str()))
            .map(|(kind, schema)| (kind, jsonschema::validator_for(&schema).expect("a schema")))
            .collect()
    }

    /// Every type of event that junto writes.
    const KINDS: &[&str] = &[
        "response.completed",
        "response.content_part.added",
        "response.content_part.done",
        "response.created",
        "response.failed",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.in_progress",
        "response.incomplete",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_text.annotation.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_part.done",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_text.delta",
        "response.reasoning_text.done",
        "response.refusal.delta",
        "response.refusal.done",
    ];

    /// The published schema has no `null` here, but OpenAI sends one until the usage is known.
    fn without_null_usage(mut value: Value) -> Value {
        for object in ["", "/response"] {
            if let Some(object) = value.pointer_mut(object).and_then(Value::as_object_mut)
                && object.get("usage").is_some_and(Value::is_null)
            {
                object.remove("usage");
            }
        }
        value
    }

    fn protocol(api: &str) -> Option<&'static str> {
        Some(match api {
            "chat.completions" => "openai_chat",
            "messages" => "anthropic",
            "generateContent" | "streamGenerateContent" => "gemini",
            "responses" => "openai_responses",
            _ => return None,
        })
    }

    /// A client whose vendor gives this recorded answer.
    fn client(exchange: &Value, protocol: &str) -> Option<Client> {
        let recorded = &exchange["response"];
        let body = recorded["sse"].as_str().map_or_else(|| recorded["body"].to_string(), str::to_owned);
        let kind = if recorded.get("sse").is_some() { "text/event-stream" } else { "application/json" };
        let script = Scripted::response(200, body).header("content-type", kind);
        let config = json!({"env": false, "max_retries": 0,
            "providers": {"vendor": {"base_url": "https://vendor.test/v1", "keyless": true, "protocol": protocol}}});
        Client::builder().config_json(&config.to_string()).transport(Arc::new(ScriptedTransport::new().then(script))).build().ok()
    }

    fn problems(schema: &jsonschema::Validator, value: &Value, into: &mut BTreeMap<String, u32>) {
        for error in schema.iter_errors(value) {
            let kind = value["type"].as_str().or(value["object"].as_str()).unwrap_or_default();
            let what: String = error.to_string().chars().rev().take(160).collect::<Vec<_>>().into_iter().rev().collect();
            *into.entry(format!("{kind} {}: {what}", error.instance_path())).or_default() += 1;
        }
    }

    #[tokio::test]
    async fn every_vendor_answers_in_the_shape_of_the_responses_api() {
        let root = wire_folder();
        if !root.is_dir() {
            eprintln!("no recordings at {}: nothing replayed", root.display());
            return;
        }
        let only = env::var_os("JUNTO_WIRE_CASE").and_then(|value| value.into_string().ok()).unwrap_or_default();
        let response_schema = jsonschema::validator_for(&schema("Response.json")).expect("a schema");
        let event_schemas = event_schemas();
        assert_eq!(event_schemas.len(), KINDS.len(), "a type of event without a schema");
        let tools = json!([{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}]);
        let (mut wholes, mut events, mut wrong) = (0, 0, BTreeMap::new());
        for vendor in fs::read_dir(root.join("exchanges")).expect("exchanges").map(|entry| entry.expect("entry").path()) {
            for path in vendor.read_dir().into_iter().flatten().map(|entry| entry.expect("entry").path()) {
                if !path.to_string_lossy().contains(&only) || path.extension().is_none_or(|extension| extension != "json") {
                    continue;
                }
                let exchange = read(&path);
                let Some(protocol) = exchange["api"].as_str().and_then(protocol) else { continue };
                if exchange["response"]["status"] != 200 {
                    continue;
                }
                let Some(client) = client(&exchange, protocol) else { continue };
                let request = json!({"model": "vendor/model", "input": "x", "instructions": "y", "tools": tools,
                    "reasoning": {"effort": "low"}, "max_output_tokens": 100_000, "metadata": {"a": "b"}});
                if exchange["response"].get("sse").is_none() {
                    // Errors inside a 200 are errors.
                    let Ok(answer) = client.respond_json(&request.to_string()).await else { continue };
                    problems(&response_schema, &without_null_usage(serde_json::from_str(&answer).expect("JSON")), &mut wrong);
                    wholes += 1;
                    continue;
                }
                let Ok(mut stream) = client.respond_stream_json(&request.to_string()).await else { continue };
                let mut last = Value::Null;
                while let Some(Ok(event)) = stream.next().await {
                    last = serde_json::from_str(event.json()).expect("JSON");
                    match event_schemas.get(event.event_type()) {
                        Some(schema) => problems(schema, &without_null_usage(last.clone()), &mut wrong),
                        None => *wrong.entry(format!("no such event: {}", event.event_type())).or_default() += 1,
                    }
                    events += 1;
                }
                let end = last["type"].as_str().unwrap_or_default();
                if !["response.completed", "response.incomplete", "response.failed"].contains(&end) {
                    *wrong.entry(format!("{} ends with {end:?}", path.display())).or_default() += 1;
                }
            }
        }
        println!("{wholes} response objects and {events} events checked");
        let shown: Vec<String> = wrong.iter().map(|(what, count)| format!("{count} x {what}")).collect();
        assert!(wrong.is_empty(), "{}", shown.join("\n"));
        assert!(!only.is_empty() || wholes >= 300 && events >= 5_000, "only {wholes} response objects and {events} events");
    }
}
