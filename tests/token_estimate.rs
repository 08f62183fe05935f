//! How far estimates of prompt tokens are off, on recorded requests with the counts that vendors reported. The recordings
//! live outside the repository: `JUNTO_WIRE`, else `../shared/wire` beside it.

#[cfg(test)]
mod estimate {
    use std::{
        collections::BTreeMap,
        env, fs,
        path::{Path, PathBuf},
    };

    use junto::{ChatRequest, catalog::Tokenizer, plan::prompt_tokens};
    use serde_json::{Value, json};

    fn wire_folder() -> PathBuf {
        env::var_os("JUNTO_WIRE").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/wire"), PathBuf::from)
    }

    /// A recorded request in OpenAI's shape; `None` where something in it has no size that could be known from outside.
    fn request(exchange: &Value) -> Option<ChatRequest> {
        let body = &exchange["request"]["body"];
        let api = exchange["api"].as_str()?;
        let request = match api {
            "chat.completions" | "ollama.chat" => {
                json!({"model": body["model"], "messages": body["messages"], "tools": body["tools"]})
            }
            "messages" => anthropic(body)?,
            "generateContent" | "streamGenerateContent" => gemini(exchange, body)?,
            _ => return None,
        };
        let plain = body.get("response_format").is_none_or(|format| format["type"] != "json_schema")
            && ["plugins", "web_search_options", "mcp_servers", "output_format", "cachedContent"]
                .iter()
                .all(|field| body.get(field).is_none())
            && ["image", "audio", "file", "document", "inlineData", "inline_data"]
                .iter()
                .all(|kind| !body.to_string().contains(&format!("\"{kind}")));
        let request = ChatRequest::from_json(&request.to_string()).ok()?;
        plain.then_some(request)
    }

    fn anthropic(body: &Value) -> Option<Value> {
        let mut messages = Vec::new();
        if let Some(system) = body.get("system") {
            messages.push(json!({"role": "system", "content": blocks(system)?}));
        }
        for message in body["messages"].as_array()? {
            messages.push(json!({"role": message["role"], "content": blocks(&message["content"])?}));
        }
        let tools: Option<Vec<Value>> = body["tools"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|tool| {
                let schema = tool.get("input_schema")?;
                Some(function(&tool["name"], &tool["description"], schema))
            })
            .collect();
        Some(json!({"model": body["model"], "messages": messages, "tools": tools?}))
    }

    fn function(name: &Value, description: &Value, schema: &Value) -> Value {
        json!({"type": "function", "function": {"name": name, "description": description, "parameters": schema}})
    }

    /// The text of Anthropic's content.
    fn blocks(content: &Value) -> Option<String> {
        if let Some(text) = content.as_str() {
            return Some(text.to_owned());
        }
        let one = |block: &Value| match block["type"].as_str()? {
            "text" => block["text"].as_str().map(str::to_owned),
            "tool_use" => Some(format!("{} {}", block["name"], block["input"])),
            "tool_result" => blocks(&block["content"]),
            "thinking" | "redacted_thinking" => Some(String::new()),
            _ => None,
        };
        content.as_array()?.iter().map(one).collect::<Option<Vec<_>>>().map(|texts| texts.join("\n"))
    }

    fn gemini(exchange: &Value, body: &Value) -> Option<Value> {
        let system = body.get("systemInstruction").or_else(|| body.get("system_instruction"));
        let mut messages = Vec::new();
        for message in system.into_iter().chain(body["contents"].as_array()?) {
            let one = |part: &Value| match part.as_object()?.keys().find(|key| *key != "thoughtSignature" && *key != "thought")?.as_str() {
                "text" => part["text"].as_str().map(str::to_owned),
                "functionCall" => Some(part["functionCall"].to_string()),
                "functionResponse" => Some(part["functionResponse"].to_string()),
                _ => None,
            };
            let texts: Option<Vec<String>> = message["parts"].as_array()?.iter().map(one).collect();
            messages.push(json!({"role": "user", "content": texts?.join("\n")}));
        }
        let mut tools = Vec::new();
        for tool in body["tools"].as_array().into_iter().flatten() {
            let declared = tool.get("functionDeclarations").or_else(|| tool.get("function_declarations"))?;
            tools.extend(declared.as_array()?.iter().map(|one| {
                let schema = one.get("parameters").or_else(|| one.get("parametersJsonSchema")).cloned().unwrap_or_else(|| json!({}));
                function(&one["name"], &one["description"], &schema)
            }));
        }
        let path = exchange["request"]["url_path"].as_str()?;
        let model = path.split("models/").nth(1)?.split(':').next()?;
        Some(json!({"model": model, "messages": messages, "tools": tools}))
    }

    /// The prompt tokens that the vendor reported.
    fn reported(exchange: &Value) -> Option<u64> {
        let response = &exchange["response"];
        let lines = response["sse"].as_str().or_else(|| response["ndjson"].as_str()).unwrap_or_default().lines();
        let events = lines.filter_map(|line| serde_json::from_str(line.strip_prefix("data:").unwrap_or(line)).ok());
        let whole = match &response["body"] {
            Value::Array(list) => list.clone(),
            body => vec![body.clone()],
        };
        whole.into_iter().chain(events).filter_map(|event: Value| counted(&event)).max().filter(|count| *count > 0)
    }

    fn counted(event: &Value) -> Option<u64> {
        let usage = [&event["usage"], &event["message"]["usage"], &event["usageMetadata"]].into_iter().find(|usage| usage.is_object());
        let Some(usage) = usage else { return event["prompt_eval_count"].as_u64() };
        let number = |field: &str| usage[field].as_u64();
        let anthropic = || {
            let cached = number("cache_read_input_tokens").unwrap_or(0) + number("cache_creation_input_tokens").unwrap_or(0);
            number("input_tokens").map(|input| input + cached)
        };
        number("prompt_tokens").or_else(|| number("promptTokenCount")).or_else(anthropic)
    }

    fn exchanges(folder: &Path) -> Vec<Value> {
        let vendors = fs::read_dir(folder.join("exchanges")).expect("exchanges").map(|entry| entry.expect("entry").path());
        let files = vendors.filter(|path| path.is_dir()).flat_map(|vendor| fs::read_dir(vendor).expect("vendor"));
        let read = |path: PathBuf| serde_json::from_str(&fs::read_to_string(path).expect("read").replace("NaN", "null")).expect("JSON");
        files.map(|entry| read(entry.expect("entry").path())).collect()
    }

    #[test]
    fn estimates_are_near_what_vendors_count() {
        let folder = wire_folder();
        if !folder.join("exchanges").is_dir() {
            eprintln!("no recordings at {}: the error of token estimates is not measured", folder.display());
            return;
        }
        let mut errors: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for exchange in exchanges(&folder).iter().filter(|exchange| exchange["response"]["status"] == 200) {
            let (Some(request), Some(counted)) = (request(exchange), reported(exchange)) else { continue };
            let family = Tokenizer::of_model(&request.model);
            let error = (prompt_tokens(&request, family) as f64 / counted as f64 - 1.0).abs();
            errors.entry(format!("{family:?}").to_lowercase()).or_default().push(error);
            errors.entry("all".to_owned()).or_default().push(error);
            if counted >= 200 {
                errors.entry("all from 200 tokens".to_owned()).or_default().push(error);
            }
        }
        println!("{:<22}{:>8}{:>10}{:>10}", "tokenizer", "prompts", "median", "p90");
        for (family, errors) in &mut errors {
            errors.sort_by(f64::total_cmp);
            let at = |share: f64| errors[((errors.len() - 1) as f64 * share) as usize];
            println!("{family:<22}{:>8}{:>9.1}%{:>9.1}%", errors.len(), at(0.5) * 100.0, at(0.9) * 100.0);
            assert!(at(0.5) < 0.4, "{family}: half of the estimates are off by more than {:.0} %", at(0.5) * 100.0);
        }
        assert!(errors["all"].len() > 300, "only {} prompts have a count", errors["all"].len());
    }
}
