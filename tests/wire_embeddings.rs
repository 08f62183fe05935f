//! Replays recorded embeddings: each recorded answer is decoded and compared with what a correct client must report. The
//! recordings live outside the repository: `JUNTO_WIRE`, else `../shared/wire` beside it. `JUNTO_WIRE_CASE=substring`
//! narrows them down.

#[cfg(test)]
mod replay {
    use std::{
        collections::BTreeMap,
        env, fs,
        path::{Path, PathBuf},
    };

    use bytes::Bytes;
    use junto::{
        Error, ErrorKind,
        catalog::Endpoint,
        protocols::{self, EmbedCall, Embedded},
        providers::{self, ProtocolName, Provider},
        types::EmbeddingRequest,
    };
    use serde_json::Value;

    fn protocol_of(api: &str) -> Option<ProtocolName> {
        Some(match api {
            "embeddings" => ProtocolName::OpenaiChat,
            "cohere.embed" => ProtocolName::Cohere,
            "embedContent" => ProtocolName::Gemini,
            "ollama.embed" => ProtocolName::Ollama,
            _ => return None,
        })
    }

    /// The row of a recorded vendor; a bare one of this protocol where junto has none.
    fn row(vendor: &str, protocol: ProtocolName) -> Provider {
        let slug = match vendor {
            "azure-openai" => "azure",
            "google" => "google-ai-studio",
            "llamacpp" => "llama-cpp",
            "vertex" => "google-vertex",
            vendor => vendor,
        };
        let known = providers::by_slug(slug).filter(|row| row.protocol == protocol);
        known.map_or_else(|| Provider { slug: slug.to_owned(), protocol, ..Provider::default() }, |row| (**row).clone())
    }

    fn wire_folder() -> PathBuf {
        env::var_os("JUNTO_WIRE").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/wire"), PathBuf::from)
    }

    fn read(path: &Path) -> Value {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // One vendor's vector read as what it is not overflows, and the expectation keeps that.
        serde_json::from_str(&text.replace("NaN", "null")).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn response(recorded: &Value) -> http::Response<Bytes> {
        let mut response = http::Response::builder().status(recorded["status"].as_u64().expect("status") as u16);
        for (name, value) in recorded["headers"].as_object().into_iter().flatten() {
            response = response.header(name, value.as_str().unwrap_or_default());
        }
        let body = recorded["text"].as_str().map_or_else(|| recorded["body"].to_string(), str::to_owned);
        response.body(body.into()).expect("a response")
    }

    /// As many inputs as the recorded request had, so that the counts can be held against each other.
    fn request(recorded: &Value, count: usize) -> EmbeddingRequest {
        let model = recorded["body"]["model"].as_str().unwrap_or("unnamed");
        EmbeddingRequest::new(format!("some/{model}"), vec!["text"; count])
    }

    fn decode(exchange: &Value, want: &Value, protocol: ProtocolName) -> Result<Embedded, Error> {
        let row = row(want["vendor"].as_str().expect("vendor"), protocol);
        let request = request(&exchange["request"], want["embeddings"]["count"].as_u64().unwrap_or(1) as usize);
        let endpoint = Endpoint::unknown("some/model", row.slug.as_str(), "model");
        let call = EmbedCall {
            request: &request,
            inputs: &request.input.0,
            endpoint: &endpoint,
            provider: &row,
            base_url: &row.base_url,
            options: &BTreeMap::new(),
        };
        let response = response(&exchange["response"]);
        if response.status().is_success() {
            return protocols::embedder(protocol).expect("an embedder").decode(&call, &response);
        }
        let (head, body) = response.into_parts();
        Err(protocols::by_name(protocol).decode_error(&head, &body))
    }

    fn check(want: &Value, found: Result<Embedded, Error>) -> Vec<String> {
        let mut wrong = Vec::new();
        let scored = |field: &str| want["unscored"].get(field).is_none();
        match (found, want["error"].as_object()) {
            (Ok(_), Some(error)) => wrong.push(format!("expected the error {error:?}")),
            (Err(error), None) => wrong.push(format!("expected vectors, found {error:?}")),
            (Err(error), Some(expected)) => {
                let status = expected["status"].as_u64().expect("status") as u16;
                if error.upstream_status().unwrap_or(status) != status {
                    wrong.push(format!("status: expected {status}, found {:?}", error.upstream_status()));
                }
                let message = expected["message"].as_str().unwrap_or_default();
                if !error.message().contains(message) {
                    wrong.push(format!("message: expected {message:?}, found {:?}", error.message()));
                }
                if error.kind() == ErrorKind::Decode {
                    wrong.push("an error that the vendor said clearly is no Decode".to_owned());
                }
            }
            (Ok(found), None) => {
                let dimensions: Vec<u64> = found.vectors.iter().map(|vector| vector.len() as u64).collect();
                let count = want["embeddings"]["count"].as_u64().expect("count");
                if found.vectors.len() as u64 != count {
                    wrong.push(format!("count: expected {count}, found {}", found.vectors.len()));
                }
                if scored("vectors") {
                    let dim = want["embeddings"]["dim"].as_u64().expect("dim");
                    if dimensions.iter().any(|found| *found != dim) {
                        wrong.push(format!("dim: expected {dim}, found {dimensions:?}"));
                    }
                    for (head, vector) in want["embeddings"]["head"].as_array().into_iter().flatten().zip(&found.vectors) {
                        for (expected, found) in head.as_array().into_iter().flatten().zip(vector) {
                            let expected = expected.as_f64().expect("a number");
                            if (f64::from(*found) - expected).abs() > 1e-6 {
                                wrong.push(format!("head: expected {head}, found {:?}", &vector[..4]));
                                break;
                            }
                        }
                    }
                }
                let tokens = want["usage"]["prompt_tokens"].as_u64();
                if scored("prompt_tokens") && found.usage.prompt_tokens != tokens {
                    wrong.push(format!("prompt_tokens: expected {tokens:?}, found {:?}", found.usage.prompt_tokens));
                }
                let model = want["model"].as_str();
                if scored("model") && model.is_some() && found.model.as_deref() != model {
                    wrong.push(format!("model: expected {model:?}, found {:?}", found.model));
                }
            }
        }
        wrong
    }

    #[test]
    fn recorded_embeddings() {
        let root = wire_folder();
        if !root.is_dir() {
            eprintln!("no recordings at {}: nothing replayed", root.display());
            return;
        }
        let only = env::var_os("JUNTO_WIRE_CASE").and_then(|value| value.into_string().ok()).unwrap_or_default();
        let (mut count, mut failures) = (0, Vec::new());
        for vendor in fs::read_dir(root.join("expected")).expect("expected").map(|entry| entry.expect("entry").path()) {
            for path in vendor.read_dir().into_iter().flatten().map(|entry| entry.expect("entry").path()) {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                if !name.contains("embed") || !name.contains(&only) {
                    continue;
                }
                let want = read(&path);
                let Some(protocol) = want["api"].as_str().and_then(protocol_of) else { continue };
                let exchange =
                    read(&root.join("exchanges").join(vendor.file_name().expect("vendor")).join(path.file_name().expect("case")));
                count += 1;
                let wrong = check(&want, decode(&exchange, &want, protocol));
                if !wrong.is_empty() {
                    failures.push(format!("{}: {}", want["id"], wrong.join("; ")));
                }
            }
        }
        println!("{count} recorded embeddings replayed, {} wrong", failures.len());
        assert!(failures.is_empty(), "{}", failures.join("\n"));
        assert!(!only.is_empty() || count >= 40, "only {count} recordings were found");
    }
}
