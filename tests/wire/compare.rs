//! Whether an answer says what was recorded, field by field, and keeps the promises that every answer makes.

use std::{collections::BTreeMap, path::Path};

use junto::{ChatResponse, Error, ErrorKind, types::Annotation};
use serde_json::{Value, json};

use super::{Case, Outcome};
use crate::recordings;

/// What differs: the field, and what we said instead.
pub(super) type Differences = Vec<(&'static str, String)>;

/// The fields of the table.
pub(super) const FIELDS: &[&str] = &[
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
    "bent",
    "cut",
    "client",
    "loopback",
];

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

pub(super) fn compare(case: &Case, outcome: &Outcome) -> Differences {
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
                check(&mut differences, want, "native_finish_reason", &wanted["native_finish_reason"], &json!(got.native_finish_reason));
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
pub(super) fn check_stream(outcome: &Outcome, differences: &mut Differences) {
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
    if outcome.chunks.iter().rev().skip(1).any(|chunk| chunk.usage.is_some()) {
        break_of("the usage is not on the last chunk");
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

pub(super) struct Schemas {
    response: jsonschema::Validator,
    chunk: jsonschema::Validator,
}

impl Schemas {
    pub(super) fn load(folder: &Path) -> Self {
        let compile = |name: &str| {
            let mut schema = recordings::read(&folder.join("schemas/openai/observed").join(name));
            allow_error_finish(&mut schema);
            jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        Self { response: compile("CreateChatCompletionResponse.json"), chunk: compile("CreateChatCompletionStreamResponse.json") }
    }

    /// `all` chunks, or the last two.
    pub(super) fn check(&self, case: &Case, outcome: &Outcome, all: bool, differences: &mut Differences) {
        let mut validate = |validator: &jsonschema::Validator, json: String| {
            let value: Value = serde_json::from_str(&json).expect("our own JSON");
            if let Some(error) = validator.iter_errors(&value).next() {
                differences.push(("schema", format!("{}: {error}", error.instance_path())));
            }
        };
        // The last ones differ most; the others are like each other.
        let chunks = outcome.chunks.iter().rev().enumerate().filter(|(at, _)| all || *at < 2);
        for (_, chunk) in chunks {
            validate(&self.chunk, chunk.to_json());
        }
        if let (Some(whole), false) = (&outcome.whole, case.stream) {
            validate(&self.response, whole.to_json());
        }
    }
}
