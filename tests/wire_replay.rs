//! Replays recorded vendor traffic. Each recorded answer is given to its protocol at several splits of its bytes, to a
//! whole client, and, one of each vendor and API, to a client over a real connection; what comes out is compared, field by
//! field, with what a correct client must report. The recordings live outside the repository (`wire/recordings.rs`).
//! `JUNTO_WIRE_API=messages` and `JUNTO_WIRE_CASE=substring` narrow it down, and `JUNTO_WIRE_SHOW=40` prints more of
//! what differs. Each answer is read in other forms too, which mean the same (`wire/bend.rs`), and each stream is cut in the
//! middle: `JUNTO_WIRE_BENDS=50` makes many of both.

#[cfg(test)]
#[path = "wire/recordings.rs"]
mod recordings;

#[cfg(test)]
#[path = "wire"]
mod replay {
    mod bend;
    mod client;
    mod compare;

    use std::{
        collections::{BTreeMap, VecDeque},
        sync::Arc,
    };

    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use bytes::Bytes;
    use junto::{
        ChatChunk, ChatRequest, ChatResponse, Error, ErrorKind,
        catalog::Endpoint,
        protocols::{self, Call},
        providers::{self, ProtocolName, Provider},
        types::Fold,
    };
    use serde_json::Value;

    use self::compare::{Differences, FIELDS, Schemas, check_stream, compare};
    use crate::recordings;

    /// Embeddings are no chat; their replay has its own test.
    const EMBEDDINGS: &[&str] = &["cohere.embed", "embedContent", "embeddings", "ollama.embed"];

    /// Cases that may differ, each with the reason why the expectation or the recording is wrong. At most 1 %.
    const EXCEPTIONS: &[(&str, &str)] = &[];

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
        stream: bool,
        response: http::Response<Bytes>,
        request: ChatRequest,
        provider: Provider,
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
        let protocol = protocol_of(exchange["api"].as_str()?)?;
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
        let slug = slug_of(want["vendor"].as_str()?);
        let provider = match providers::by_slug(slug) {
            Some(row) if row.protocol == protocol => row.as_ref().clone(),
            _ => Provider { slug: slug.to_owned(), name: slug.to_owned(), protocol, ..Provider::default() },
        };
        Some(Case {
            id: want["id"].as_str()?.to_owned(),
            stream: want["stream"].as_bool()?,
            response: response.body(body_of(&exchange["response"])).ok()?,
            request: request.unwrap_or_else(|| ChatRequest::new(upstream.clone()).user("Hello!")),
            is_routed: exchange["response"].to_string().contains("native_finish_reason"),
            provider,
            upstream,
            want,
        })
    }

    /// Decodes the answer, its stream cut into `pieces`.
    fn play(case: &Case, response: &http::Response<Bytes>, pieces: &[&[u8]]) -> Outcome {
        let protocol = protocols::by_name(case.provider.protocol);
        let endpoint = Endpoint::unknown(format!("test/{}", case.upstream), case.provider.slug.as_str(), case.upstream.as_str());
        let (id, options): (Arc<str>, _) = ("junto-replay-0123456789".into(), BTreeMap::new());
        let call = Call {
            request: &case.request,
            endpoint: &endpoint,
            provider: &case.provider,
            base_url: "https://vendor.test/v1",
            options: &options,
            stream: case.stream,
            id: &id,
            created: 1_700_000_000,
        };
        if !response.status().is_success() {
            let (head, body) = response.clone().into_parts();
            return Outcome { error: Some(protocol.decode_error(&head, &body)), ..Outcome::default() };
        }
        if !case.stream {
            return match protocol.decode(&call, response) {
                Ok(whole) => Outcome { whole: Some(whole), ..Outcome::default() },
                Err(error) => Outcome { error: Some(error), ..Outcome::default() },
            };
        }
        let (mut decoder, mut out) = (protocol.decoder(&call), VecDeque::new());
        let result = pieces.iter().try_for_each(|piece| decoder.push(piece, &mut out));
        let error = result.and_then(|()| decoder.finish(&mut out)).err();
        Outcome::of(out.into(), error)
    }

    impl Outcome {
        /// Of a stream.
        fn of(chunks: Vec<ChatChunk>, error: Option<Error>) -> Self {
            let mut fold = Fold::new();
            chunks.iter().cloned().for_each(|chunk| fold.push(chunk));
            let whole = (!chunks.is_empty()).then(|| fold.finish());
            Self { chunks, whole, error }
        }
    }

    /// Ways to cut the stream: per line, at seeded random places, per byte where it is small.
    fn splits(body: &[u8]) -> Vec<(&'static str, Vec<&[u8]>)> {
        let mut splits = vec![("per line", body.split_inclusive(|byte| *byte == b'\n').collect::<Vec<_>>()), ("random", scattered(body))];
        if body.len() < 4_000 {
            splits.push(("per byte", body.chunks(1).collect()));
        }
        splits
    }

    fn scattered(body: &[u8]) -> Vec<&[u8]> {
        let (mut state, mut pieces, mut rest) = (body.len() as u64 | 1, Vec::new(), body);
        while !rest.is_empty() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (piece, tail) = rest.split_at(rest.len().min(1 + (state >> 33) as usize % 200));
            pieces.push(piece);
            rest = tail;
        }
        pieces
    }

    /// A case as its protocol reads it.
    fn replay(case: &Case, schemas: &Schemas) -> Differences {
        let whole = play(case, &case.response, &[case.response.body()]);
        let mut differences = compare(case, &whole);
        check_stream(&whole, &mut differences);
        schemas.check(case, &whole, true, &mut differences);
        if case.stream && case.response.status().is_success() {
            for (name, pieces) in splits(case.response.body()) {
                let again = play(case, &case.response, &pieces);
                if again.chunks != whole.chunks || again.error.map(|e| e.to_string()) != whole.error.as_ref().map(Error::to_string) {
                    differences.push(("split", format!("{name} gives other chunks")));
                }
            }
        }
        if case.stream && case.response.status().is_success() {
            differences.extend(cut(case, &whole));
        }
        for seed in 0..bends() {
            let body = bend::bent(case.response.body(), case.id.len() as u64 + case.response.body().len() as u64 * 31 + seed);
            let response = case.response.clone().map(|_| Bytes::from(body));
            let again = play(case, &response, &[response.body()]);
            let mut bent = compare(case, &again);
            check_stream(&again, &mut bent);
            differences.extend(bent.into_iter().map(|(field, what)| ("bent", format!("seed {seed}: {field}: {what}"))));
        }
        differences
    }

    /// The stream as far as a broken connection lets it through: what came stays, and that the rest is missing is said.
    fn cut(case: &Case, whole: &Outcome) -> Differences {
        let text = |outcome: &Outcome| outcome.whole.as_ref().map(|answer| answer.text().to_owned()).unwrap_or_default();
        let whole_choices = whole.whole.as_ref().map_or(0, |answer| answer.choices.len());
        let body = case.response.body();
        let ends: Vec<usize> = scattered(body)
            .iter()
            .scan(0, |end, piece| {
                *end += piece.len();
                Some(*end)
            })
            .collect();
        let step = ends.len() / (6 * bends() as usize + 1) + 1;
        let mut differences = Differences::new();
        for end in ends.into_iter().step_by(step).filter(|end| *end < body.len()) {
            let part = play(case, &case.response, &[&body[..end]]);
            let is_begun = |outcome: &Outcome| outcome.whole.as_ref().is_some_and(|answer| answer.choices.len() == whole_choices);
            if is_begun(&part) && !text(whole).starts_with(&text(&part)) {
                differences.push(("cut", format!("other text up to byte {end}")));
            }
            match &part.error {
                Some(error) if error.kind() == ErrorKind::Decode => differences.push(("cut", format!("at byte {end}: {error}"))),
                Some(_) => {}
                // The end was said; usage may follow it, and where it does not nobody could know.
                None if part.whole.is_some_and(|answer| answer.choices.iter().all(|choice| choice.native_finish_reason.is_some())) => {}
                None => differences.push(("cut", format!("nobody says so at byte {end}"))),
            }
        }
        differences
    }

    /// In how many other forms each answer is read.
    fn bends() -> u64 {
        recordings::variable("JUNTO_WIRE_BENDS").and_then(|count| count.parse().ok()).unwrap_or(2)
    }

    /// Cases, those that pass, and failures by field.
    #[derive(Default)]
    struct Tally {
        cases: usize,
        passed: usize,
        failures: BTreeMap<&'static str, usize>,
    }

    #[test]
    fn recorded_answers_are_what_the_caller_gets() {
        let Some(folder) = recordings::folder() else { return };
        let only_api = recordings::variable("JUNTO_WIRE_API");
        let only_case = recordings::variable("JUNTO_WIRE_CASE").unwrap_or_default();
        let show: usize = recordings::variable("JUNTO_WIRE_SHOW").and_then(|count| count.parse().ok()).unwrap_or(25);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");

        let schemas = Schemas::load(&folder);
        let mut tallies: BTreeMap<(String, String), Tally> = BTreeMap::new();
        let mut left_out: BTreeMap<(String, String, &str), usize> = BTreeMap::new();
        let (mut failing, mut excepted, mut connections) = (Vec::new(), 0, 0);
        for (id, path) in recordings::exchanges(&folder) {
            if !id.contains(&only_case) {
                continue;
            }
            let exchange = recordings::read(&path);
            let word = |field: &str| exchange[field].as_str().unwrap_or("unnamed").to_owned();
            let (vendor, api) = (word("vendor"), word("api"));
            if only_api.as_ref().is_some_and(|only| *only != api) {
                continue;
            }
            let expected = folder.join("expected").join(format!("{id}.json"));
            let mut leave_out = |why| *left_out.entry((vendor.clone(), api.clone(), why)).or_default() += 1;
            if EMBEDDINGS.contains(&api.as_str()) {
                leave_out("embeddings");
                continue;
            }
            if protocol_of(&api).is_none() {
                leave_out("no protocol speaks this API");
                continue;
            }
            if !expected.is_file() {
                leave_out("no expectation");
                continue;
            }
            let Some(case) = case(&exchange, recordings::read(&expected)) else {
                leave_out("not a recorded exchange");
                continue;
            };

            let mut differences = replay(&case, &schemas);
            differences.extend(client::scripted(&runtime, &case, &schemas));
            let tally = tallies.entry((vendor, api)).or_default();
            if tally.cases == 0 || (tally.cases == 1 && case.stream) {
                connections += 1;
                differences.extend(client::connected(&runtime, &case, &schemas));
            }
            tally.cases += 1;
            tally.passed += usize::from(differences.is_empty());
            differences.dedup_by_key(|(field, _)| *field);
            for (field, _) in &differences {
                assert!(FIELDS.contains(field), "{field} has no place in the table");
                *tally.failures.entry(field).or_default() += 1;
            }
            if EXCEPTIONS.iter().any(|(id, _)| *id == case.id) {
                excepted += 1;
            } else if !differences.is_empty() {
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
        println!("{:<43} {cases:>5} {passed:>5}  {connections} of them over a connection too", "all");
        for ((vendor, api, why), count) in &left_out {
            println!("{vendor:<20} {api:<22} {count:>5} {:>5}  left out: {why}", "-");
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
        assert!(excepted * 100 <= cases, "at most 1 % may be excepted");
        assert!(failing.is_empty(), "{} recorded answers are read wrongly; the list is above", failing.len());
    }
}
