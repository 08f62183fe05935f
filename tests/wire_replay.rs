//! Replays recorded vendor traffic: each recorded answer is decoded at several splits of its bytes and compared, field by
//! field, with what a correct client must report. The recordings live outside the repository: `JUNTO_WIRE`, else
//! `../shared/wire` beside it. `JUNTO_WIRE_API=messages` and `JUNTO_WIRE_CASE=substring` narrow it down, and
//! `JUNTO_WIRE_SHOW=40` prints more of what differs.

#[cfg(test)]
mod replay {
    use std::{
        collections::{BTreeMap, VecDeque},
        env, fs,
        path::{Path, PathBuf},
        sync::Arc,
    };

    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use bytes::Bytes;
    use junto::{
        ChatChunk, ChatRequest, ChatResponse, Error, ErrorKind,
        catalog::Endpoint,
        protocols::{self, Call},
        providers::{self, ProtocolName, Provider},
        types::{Annotation, Fold},
    };
    use serde_json::{Value, json};

    /// APIs whose protocol is not finished: their failures are shown but do not fail the test.
    const NOT_YET: &[&str] = &["responses"];

    /// Recorded APIs that are no chat, and so are none of this test's business.
    const NOT_CHAT: &[&str] = &["cohere.embed", "embedContent", "embeddings", "ollama.embed"];

    /// Cases that may differ, each with the reason why the expectation or the recording is wrong. At most 1 %.
    const EXCEPTIONS: &[(&str, &str)] = &[
        ("google/generatecontent-test-generate-content-with-file-uri-image-false-0-8f7b67a3", NO_PROMPT_TOKENS),
        ("google/streamgeneratecontent-test-generate-content-with-file-uri-image-true-0-22d9cec8", NO_PROMPT_TOKENS),
    ];

    const NO_PROMPT_TOKENS: &str = "the vendor counted no prompt tokens, OpenAI's schema wants a number, and junto invents none";

    fn protocol_of(api: &str) -> Option<ProtocolName> {
        Some(match api {
            "chat.completions" => ProtocolName::OpenaiChat,
            "responses" => ProtocolName::OpenaiResponses,
            "messages" | "invoke" | "invoke-stream" => ProtocolName::Anthropic,
            "generateContent" | "streamGenerateContent" => ProtocolName::Gemini,
            "converse" | "converse-stream" => ProtocolName::Bedrock,
            "cohere.chat.v2" => ProtocolName::Cohere,
            "ollama.chat" => ProtocolName::Ollama,
            _ => return None,
        })
    }

    /// Our slugs of recorded vendors, where they are not the same.
    fn slug_of(vendor: &str) -> &str {
        match vendor {
            "azure-openai" => "azure",
            "bedrock" | "bedrock-mantle" => "amazon-bedrock",
            "google" => "google-ai-studio",
            "llamacpp" => "llama-cpp",
            "lmstudio" => "lm-studio",
            "vertex" => "google-vertex",
            "zai" => "z-ai",
            vendor => vendor,
        }
    }

    struct Case {
        id: String,
        vendor: String,
        api: String,
        stream: bool,
        protocol: ProtocolName,
        response: http::Response<Bytes>,
        request: ChatRequest,
        upstream: String,
        /// The answer names another native finish reason than its own.
        is_routed: bool,
        want: Value,
    }

    #[derive(Default)]
    struct Outcome {
        chunks: Vec<ChatChunk>,
        whole: Option<ChatResponse>,
        error: Option<Error>,
    }

    /// What differs: the field, and what we said instead.
    type Differences = Vec<(&'static str, String)>;

    fn wire_folder() -> PathBuf {
        env::var_os("JUNTO_WIRE").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/wire"), PathBuf::from)
    }

    fn variable(name: &str) -> Option<String> {
        env::var_os(name).and_then(|value| value.into_string().ok())
    }

    fn read(path: &Path) -> Value {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // One vendor's embeddings overflow, and the files keep that.
        let text = if text.contains("NaN") { text.replace("NaN", "null") } else { text };
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn json_files(folder: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path()) {
            if entry.is_dir() {
                files.extend(json_files(&entry));
            } else if entry.extension().is_some_and(|extension| extension == "json") {
                files.push(entry);
            }
        }
        files.sort();
        files
    }

    /// The body as it was on the wire.
    fn body_of(response: &Value) -> Bytes {
        let text = |field: &str| response.get(field).and_then(Value::as_str);
        if let Some(frames) = text("eventstream_b64") {
            return BASE64_STANDARD.decode(frames).expect("base64").into();
        }
        match text("sse").or_else(|| text("ndjson")).or_else(|| text("text")) {
            Some(body) => body.to_owned().into(),
            None => response["body"].to_string().into(),
        }
    }

    fn case(exchange: &Value, want: Value) -> Option<Case> {
        let api = exchange["api"].as_str()?.to_owned();
        let protocol = protocol_of(&api)?;
        let mut response = http::Response::builder().status(exchange["response"]["status"].as_u64()? as u16);
        if let Some(headers) = exchange["response"]["headers"].as_object() {
            for (name, value) in headers {
                // The bodies are recorded decoded.
                if let (Some(value), false) = (value.as_str(), name == "content-encoding") {
                    response = response.header(name, value);
                }
            }
        }
        let body = &exchange["request"]["body"];
        let path = exchange["request"]["url_path"].as_str().unwrap_or_default();
        let in_path = || path.split(['/', '?', ':']).skip_while(|part| !["models", "model"].contains(part)).nth(1);
        let upstream = body["model"].as_str().or_else(in_path).unwrap_or("unnamed").to_owned();
        let request = (protocol == ProtocolName::OpenaiChat).then(|| ChatRequest::from_json(&body.to_string()).ok()).flatten();
        Some(Case {
            id: want["id"].as_str()?.to_owned(),
            vendor: want["vendor"].as_str()?.to_owned(),
            stream: want["stream"].as_bool()?,
            protocol,
            response: response.body(body_of(&exchange["response"])).ok()?,
            request: request.unwrap_or_else(|| ChatRequest::new(upstream.clone()).user("Hello!")),
            upstream,
            is_routed: exchange["response"].to_string().contains("native_finish_reason"),
            want,
            api,
        })
    }

    fn with_call<T>(case: &Case, then: impl FnOnce(&Call<'_>) -> T) -> T {
        let slug = slug_of(&case.vendor);
        let provider = match providers::by_slug(slug) {
            Some(row) if row.protocol == case.protocol => row.as_ref().clone(),
            _ => Provider { slug: slug.to_owned(), name: slug.to_owned(), protocol: case.protocol, ..Provider::default() },
        };
        let endpoint = Endpoint::unknown(format!("test/{}", case.upstream), slug, case.upstream.as_str());
        let id: Arc<str> = "junto-replay-0123456789".into();
        then(&Call {
            request: &case.request,
            endpoint: &endpoint,
            provider: &provider,
            base_url: "https://vendor.test/v1",
            options: &BTreeMap::new(),
            stream: case.stream,
            id: &id,
            created: 1_700_000_000,
        })
    }

    /// Decodes the answer, its stream cut into `pieces`.
    fn play(case: &Case, pieces: &[&[u8]]) -> Outcome {
        let protocol = protocols::by_name(case.protocol);
        with_call(case, |call| {
            if !case.response.status().is_success() {
                let (head, body) = case.response.clone().into_parts();
                return Outcome { error: Some(protocol.decode_error(&head, &body)), ..Outcome::default() };
            }
            if !case.stream {
                return match protocol.decode(call, &case.response) {
                    Ok(whole) => Outcome { whole: Some(whole), ..Outcome::default() },
                    Err(error) => Outcome { error: Some(error), ..Outcome::default() },
                };
            }
            let (mut decoder, mut out) = (protocol.decoder(call), VecDeque::new());
            let mut result = Ok(());
            for piece in pieces {
                result = result.and_then(|()| decoder.push(piece, &mut out));
            }
            let error = result.and_then(|()| decoder.finish(&mut out)).err();
            let mut fold = Fold::new();
            out.iter().cloned().for_each(|chunk| fold.push(chunk));
            let whole = (!out.is_empty()).then(|| fold.finish());
            Outcome { chunks: out.into(), whole, error }
        })
    }

    /// Ways to cut the stream: whole, per line, at seeded random places, per byte where it is small.
    fn splits(body: &[u8]) -> Vec<(&'static str, Vec<&[u8]>)> {
        let mut splits = vec![("per line", body.split_inclusive(|byte| *byte == b'\n').collect::<Vec<_>>())];
        let (mut state, mut random, mut rest) = (body.len() as u64 | 1, Vec::new(), body);
        while !rest.is_empty() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (piece, tail) = rest.split_at(rest.len().min(1 + (state >> 33) as usize % 200));
            random.push(piece);
            rest = tail;
        }
        splits.push(("random", random));
        if body.len() < 12_000 {
            splits.push(("per byte", body.chunks(1).collect()));
        }
        splits
    }

    fn squeezed(text: &str) -> String {
        text.split_whitespace().collect()
    }

    /// A field's recorded value or one of those accepted beside it; unscored fields always pass.
    fn check(differences: &mut Differences, want: &Value, field: &'static str, wanted: &Value, got: &Value) {
        let accepted = want["accept"][field].as_array().is_some_and(|values| values.contains(got));
        if want["unscored"].get(field).is_none() && wanted != got && !accepted {
            differences.push((field, format!("want {wanted}, got {got}")));
        }
    }

    fn compare(case: &Case, outcome: &Outcome) -> Differences {
        let (want, mut differences) = (&case.want, Differences::new());
        compare_error(want, outcome.error.as_ref(), &mut differences);
        let empty = Vec::new();
        let choices = want["choices"].as_array().unwrap_or(&empty);
        let Some(whole) = &outcome.whole else {
            if outcome.error.is_none() || choices.iter().any(|choice| choice["text"].as_str().is_some_and(|text| !text.is_empty())) {
                differences.push(("choices", "no answer".into()));
            }
            return differences;
        };
        // The error of a stream follows the chunks; what it does to the finish reason is the route's business.
        let failed = outcome.error.is_some();
        if choices.len() != whole.choices.len() && !(failed && choices.is_empty()) {
            differences.push(("choices", format!("want {}, got {}", choices.len(), whole.choices.len())));
        }
        let loose = want["text_whitespace"] == "loose";
        for (wanted, got) in choices.iter().zip(&whole.choices) {
            let text = |value: &Value| {
                let text = value.as_str().unwrap_or_default();
                if loose { squeezed(text).into() } else { Value::from(text) }
            };
            let message = &got.message;
            check(&mut differences, want, "text", &text(&wanted["text"]), &text(&json!(message.content)));
            let squeezed = |value: &Value| Value::from(squeezed(value.as_str().unwrap_or_default()));
            check(&mut differences, want, "reasoning", &squeezed(&wanted["reasoning"]), &squeezed(&json!(message.reasoning)));
            let refusal = |value: &Value| Value::from(value.as_str().unwrap_or_default());
            check(&mut differences, want, "refusal", &refusal(&wanted["refusal"]), &refusal(&json!(message.refusal)));
            let calls = wanted["tool_calls"].as_array().unwrap_or(&empty);
            let names: Value = calls.iter().map(|call| call["name"].clone()).collect();
            check(&mut differences, want, "tool_names", &names, &message.tool_calls.iter().map(|call| json!(call.function.name)).collect());
            let arguments: Value = calls.iter().map(|call| call["arguments"].clone()).collect();
            let parsed = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
            let parsed: Value = message.tool_calls.iter().map(|call| parsed(&call.function.arguments)).collect();
            check(&mut differences, want, "tool_args", &arguments, &parsed);
            for (call, got) in calls.iter().zip(&message.tool_calls) {
                if !call["id"].is_null() {
                    check(&mut differences, want, "tool_ids", &call["id"], &json!(got.id));
                }
            }
            let mut ids: Vec<_> = message.tool_calls.iter().map(|call| call.id.as_str()).collect();
            ids.sort_unstable();
            ids.dedup();
            if ids.len() != message.tool_calls.len() || ids.contains(&"") {
                check(&mut differences, want, "tool_ids", &json!("unique ids"), &json!(ids));
            }
            if !failed {
                check(&mut differences, want, "finish_reason", &wanted["finish_reason"], &json!(got.finish_reason));
                // A router passes on a word from further up; an unscored finish reason takes the native one along.
                let native = wanted["native_finish_reason"].as_str().unwrap_or_default();
                if !native.is_empty() && !case.is_routed && want["unscored"].get("finish_reason").is_none() {
                    check(
                        &mut differences,
                        want,
                        "native_finish_reason",
                        &wanted["native_finish_reason"],
                        &json!(got.native_finish_reason),
                    );
                }
            }
            check(&mut differences, want, "images", &wanted["images"], &json!(message.images.len()));
        }
        compare_usage(want, whole, &mut differences);
        compare_citations(want, whole, &mut differences);
        if !want["model"].is_null() {
            check(&mut differences, want, "model", &want["model"], &json!(whole.model));
        }
        differences
    }

    fn compare_error(want: &Value, got: Option<&Error>, differences: &mut Differences) {
        let wanted = &want["error"];
        let Some(got) = got else {
            if !wanted.is_null() || want["cut"] == true {
                differences.push(("error", "none reported".into()));
            }
            return;
        };
        if wanted.is_null() && want["cut"] != true {
            differences.push(("error", got.to_string()));
            return;
        }
        if got.kind() == ErrorKind::Decode || got.kind() == ErrorKind::Unsupported {
            differences.push(("error", format!("{:?}: {got}", got.kind())));
        }
        if let Some(status) = wanted["status"].as_u64() {
            let accepted = want["accept"]["error_status"].as_array().is_some_and(|values| values.contains(&json!(got.status())));
            let upstream = got.upstream_status().map(u64::from);
            if upstream != Some(status) && u64::from(got.status()) != status && !accepted {
                differences.push(("error_status", format!("want {status}, got {upstream:?}, {:?}", got.kind())));
            }
            // A vendor's code may say more than its status, but never that a failure is of another side.
            if status / 100 != u64::from(got.status()) / 100 && got.kind() != ErrorKind::Overloaded {
                differences.push(("error_kind", format!("{status} became {:?}", got.kind())));
            }
        }
        if let Some(message) = wanted["message"].as_str()
            && !squeezed(got.message()).contains(&squeezed(message))
        {
            differences.push(("error_message", format!("want {message:?}, got {:?}", got.message())));
        }
    }

    fn compare_usage(want: &Value, whole: &ChatResponse, differences: &mut Differences) {
        let (wanted, usage) = (&want["usage"], &whole.usage);
        let prompt = usage.prompt_tokens_details.clone().unwrap_or_default();
        let completion = usage.completion_tokens_details.clone().unwrap_or_default();
        if wanted.is_null() {
            if usage.prompt_tokens.or(usage.completion_tokens).is_some_and(|tokens| tokens > 0) && want["error"].is_null() {
                differences.push(("usage", format!("invented: {usage:?}")));
            }
            return;
        }
        for (field, got) in [
            ("prompt_tokens", usage.prompt_tokens),
            ("completion_tokens", usage.completion_tokens),
            ("cached_tokens", prompt.cached_tokens),
            ("cache_write_tokens", prompt.cache_write_tokens),
            ("reasoning_tokens", completion.reasoning_tokens),
        ] {
            // Absent and zero may be treated alike.
            check(differences, want, field, &json!(wanted[field].as_u64().unwrap_or(0)), &json!(got.unwrap_or(0)));
        }
    }

    fn compare_citations(want: &Value, whole: &ChatResponse, differences: &mut Differences) {
        if want["unscored"].get("citations").is_some() {
            return;
        }
        let mut got: Vec<&str> = Vec::new();
        for Annotation::UrlCitation { url_citation } in whole.choices.iter().flat_map(|choice| &choice.message.annotations) {
            if !got.contains(&url_citation.url.as_str()) {
                got.push(&url_citation.url);
            }
        }
        let urls = |field: &str| -> Vec<&str> { want[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect() };
        let (must, may) = (urls("citations"), urls("citations_allowed"));
        let cited: Vec<_> = got.iter().filter(|url| must.contains(url)).copied().collect();
        if cited != must {
            differences.push(("citations", format!("want {must:?}, got {got:?}")));
        }
        if let Some(url) = got.iter().find(|url| !must.contains(url) && !may.contains(url)) {
            differences.push(("citations", format!("{url} was never cited")));
        }
    }

    /// What holds of every stream, whoever serves it.
    fn check_stream(outcome: &Outcome, differences: &mut Differences) {
        let mut break_of = |what: &str| differences.push(("stream", what.to_owned()));
        let Some(first) = outcome.chunks.first() else { return };
        if outcome.chunks.iter().any(|chunk| chunk.id != first.id || chunk.model != first.model || chunk.created != first.created) {
            break_of("id, model or time changes");
        }
        if first.id.is_empty() || first.model.is_empty() || first.created == 0 {
            break_of("no id, model or time");
        }
        let mut seen = BTreeMap::new();
        let mut calls = Vec::new();
        for piece in outcome.chunks.iter().flat_map(|chunk| &chunk.choices) {
            if seen.contains_key(&piece.index) == piece.delta.role.is_some() {
                break_of("the role is not on the first chunk of a choice, and only there");
            }
            if seen.get(&piece.index) == Some(&true) {
                break_of("a piece after the finish reason");
            }
            seen.insert(piece.index, piece.finish_reason.is_some());
            for call in &piece.delta.tool_calls {
                let key = (piece.index, call.index);
                let is_new = !calls.contains(&key);
                if is_new {
                    calls.push(key);
                }
                if is_new != call.id.is_some() || is_new != call.function.name.is_some() {
                    break_of("a tool call's id and name are not on its first piece, and only there");
                }
            }
        }
        if outcome.error.is_none() && seen.values().any(|finished| !finished) {
            break_of("a choice without a finish reason");
        }
    }

    /// `error` is the one finish reason that OpenAI does not know.
    fn allow_error_finish(schema: &mut Value) {
        match schema {
            Value::Array(values) if values.iter().any(|value| value == "content_filter") => values.push("error".into()),
            Value::Array(values) => values.iter_mut().for_each(allow_error_finish),
            Value::Object(fields) => fields.values_mut().for_each(allow_error_finish),
            _ => {}
        }
    }

    struct Schemas {
        response: jsonschema::Validator,
        chunk: jsonschema::Validator,
    }

    impl Schemas {
        fn load(folder: &Path) -> Self {
            let compile = |name: &str| {
                let mut schema = read(&folder.join("schemas/openai/observed").join(name));
                allow_error_finish(&mut schema);
                jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{name}: {error}"))
            };
            Self { response: compile("CreateChatCompletionResponse.json"), chunk: compile("CreateChatCompletionStreamResponse.json") }
        }

        fn check(&self, case: &Case, outcome: &Outcome, differences: &mut Differences) {
            let mut validate = |validator: &jsonschema::Validator, json: String| {
                let value: Value = serde_json::from_str(&json).expect("our own JSON");
                if let Some(error) = validator.iter_errors(&value).next() {
                    differences.push(("schema", format!("{}: {error}", error.instance_path())));
                }
            };
            for chunk in &outcome.chunks {
                validate(&self.chunk, chunk.to_json());
            }
            if let (Some(whole), false) = (&outcome.whole, case.stream) {
                validate(&self.response, whole.to_json());
            }
        }
    }

    const FIELDS: &[&str] = &[
        "error",
        "error_status",
        "error_kind",
        "error_message",
        "choices",
        "text",
        "reasoning",
        "refusal",
        "tool_names",
        "tool_args",
        "tool_ids",
        "finish_reason",
        "native_finish_reason",
        "images",
        "usage",
        "prompt_tokens",
        "completion_tokens",
        "cached_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
        "citations",
        "model",
        "stream",
        "schema",
        "split",
    ];

    /// Cases, those that pass, and failures by field.
    #[derive(Default)]
    struct Tally {
        cases: usize,
        passed: usize,
        failures: BTreeMap<&'static str, usize>,
    }

    #[test]
    fn recorded_answers_decode_to_what_they_say() {
        let folder = wire_folder();
        if !folder.join("exchanges").is_dir() {
            println!("no recorded traffic at {}: nothing replayed", folder.display());
            return;
        }
        let only_api = variable("JUNTO_WIRE_API");
        let only_case = variable("JUNTO_WIRE_CASE");
        let show: usize = variable("JUNTO_WIRE_SHOW").and_then(|count| count.parse().ok()).unwrap_or(25);

        let schemas = Schemas::load(&folder);
        let mut tallies: BTreeMap<(String, String), Tally> = BTreeMap::new();
        let mut not_chat: BTreeMap<String, usize> = BTreeMap::new();
        let (mut failing, mut enforced, mut chat) = (Vec::new(), 0, 0);
        for path in json_files(&folder.join("expected")) {
            let want = read(&path);
            let id = want["id"].as_str().expect("id").to_owned();
            let api = want["api"].as_str().expect("api").to_owned();
            if only_api.as_ref().is_some_and(|only| *only != api) || only_case.as_ref().is_some_and(|only| !id.contains(only.as_str())) {
                continue;
            }
            if NOT_CHAT.contains(&api.as_str()) {
                *not_chat.entry(api).or_default() += 1;
                continue;
            }
            let exchange = read(&folder.join("exchanges").join(format!("{id}.json")));
            let case = case(&exchange, want).unwrap_or_else(|| panic!("{id}: `{api}` is not understood"));
            chat += 1;

            let whole = play(&case, &[case.response.body()]);
            let mut differences = compare(&case, &whole);
            check_stream(&whole, &mut differences);
            schemas.check(&case, &whole, &mut differences);
            if case.stream && case.response.status().is_success() {
                for (name, pieces) in splits(case.response.body()) {
                    let again = play(&case, &pieces);
                    if again.chunks != whole.chunks || again.error.map(|e| e.to_string()) != whole.error.as_ref().map(Error::to_string) {
                        differences.push(("split", format!("{name} gives other chunks")));
                    }
                }
            }

            let tally = tallies.entry((case.vendor.clone(), case.api.clone())).or_default();
            tally.cases += 1;
            tally.passed += usize::from(differences.is_empty());
            differences.dedup_by_key(|(field, _)| *field);
            for (field, _) in &differences {
                assert!(FIELDS.contains(field), "{field} has no place in the table");
                *tally.failures.entry(field).or_default() += 1;
            }
            let excepted = EXCEPTIONS.iter().any(|(excepted, _)| *excepted == case.id);
            if !differences.is_empty() && !excepted {
                enforced += usize::from(!NOT_YET.contains(&case.api.as_str()));
                failing.push((case.id, differences));
            }
        }

        println!("{:<20} {:<22} {:>5} {:>5}  failures by field", "vendor", "api", "cases", "pass");
        let (mut cases, mut passed) = (0, 0);
        for ((vendor, api), tally) in &tallies {
            let fields: Vec<_> = tally.failures.iter().map(|(field, count)| format!("{field} {count}")).collect();
            println!("{vendor:<20} {api:<22} {:>5} {:>5}  {}", tally.cases, tally.passed, fields.join(", "));
            cases += tally.cases;
            passed += tally.passed;
        }
        println!("{:<43} {cases:>5} {passed:>5}", "all");
        for (api, count) in not_chat {
            println!("not chat: {api}, {count} cases");
        }
        for (id, differences) in failing.iter().take(show) {
            println!("\n{id}");
            for (field, what) in differences {
                println!("  {field}: {}", what.chars().take(400).collect::<String>());
            }
        }
        if failing.len() > show {
            println!("\n.. and {} more; JUNTO_WIRE_SHOW=n shows n", failing.len() - show);
        }
        assert!(EXCEPTIONS.len() * 100 <= chat.max(1277), "at most 1 % may be excepted");
        assert_eq!(enforced, 0, "recorded answers are decoded wrongly; the list is above");
    }
}
