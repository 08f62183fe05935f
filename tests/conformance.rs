//! Runs `conformance/<area>/<case>.json`: what junto does, stated once for every language. The README beside the cases
//! describes them. `JUNTO_CASE=text` runs the cases whose path contains that text.
#![expect(clippy::disallowed_methods, reason = "which cases to run comes from the environment")]
#![expect(clippy::expect_used, clippy::panic, reason = "a case that does not read is a failure like any other")]

mod log;
mod matching;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt;
use junto::{
    Client, Error, ModelSlug,
    catalog::Catalog,
    clock::Clock,
    transport::{Body, BoxFuture, Scripted, ScriptedTransport, Transport, TransportError, TransportErrorKind},
    types::Fold,
};
use matching::compare;
use serde_json::{Value, json};

macro_rules! areas {
    ($($area:ident)*) => {
        const AREAS: &[&str] = &[$(stringify!($area)),*];
        $(#[test] fn $area() { run(stringify!($area)); })*
    };
}

areas! { answers catalog embeddings errors fallback input models online plans preferences providers responses slugs streams thinking }

#[test]
fn every_folder_is_run() {
    let mut folders: Vec<String> = fs::read_dir(root())
        .expect("conformance")
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir() && entry.file_name() != "configs")
        .map(|entry| entry.file_name().into_string().expect("name"))
        .collect();
    folders.sort();
    assert_eq!(folders, AREAS);
    let count: usize = AREAS.iter().map(|area| cases(area).len()).sum();
    assert!(count >= 150, "{count} cases");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")
}

fn cases(area: &str) -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = fs::read_dir(root().join(area)).expect(area).map(|entry| entry.expect(area).path()).collect();
    cases.sort();
    cases
}

fn run(area: &str) {
    let only = std::env::var("JUNTO_CASE").unwrap_or_default();
    let mut failures: Vec<String> = Vec::new();
    let (mut count, mut logs) = (0, false);
    for path in cases(area) {
        let name = format!("{area}/{}", path.file_stem().unwrap_or_default().to_string_lossy());
        if !name.contains(&only) {
            continue;
        }
        count += 1;
        let case: Value = serde_json::from_str(&fs::read_to_string(&path).expect("read")).unwrap_or_else(|error| panic!("{name}: {error}"));
        let keys = keys(&config(&case));
        if !keys.is_empty() {
            log::watch(keys);
            logs |= case.get("exchanges").is_some();
        }
        let wrong = check(&case);
        if !wrong.is_empty() {
            let sentence = case["name"].as_str().unwrap_or_default();
            failures.push(format!("{name}: {sentence}\n  {}", wrong.join("\n  ")));
        }
    }
    if logs {
        log::check();
    }
    assert!(failures.is_empty(), "{} of {count} cases of {area} are not as they say:\n\n{}\n", failures.len(), failures.join("\n\n"));
}

/// The configuration: a base by name, with the case's own fields on top.
fn config(case: &Value) -> Value {
    let Some(own) = case.get("config") else { return json!({"env": false}) };
    let mut config = match own["base"].as_str() {
        Some(base) => {
            let text = fs::read_to_string(root().join("configs").join(format!("{base}.json"))).expect(base);
            serde_json::from_str(&text).expect(base)
        }
        None => json!({"env": false}),
    };
    for (key, value) in own.as_object().expect("config").iter().filter(|(key, _)| *key != "base") {
        merge(&mut config[key], value);
    }
    config
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            from.iter().for_each(|(key, value)| merge(into.entry(key).or_insert(Value::Null), value));
        }
        (into, from) => *into = from.clone(),
    }
}

/// Every key: what its credentials hold, and what its environment has under the name of one.
fn keys(config: &Value) -> Vec<String> {
    const NAMES: [&str; 6] = ["key", "token", "secret", "credentials", "password", "private_key"];
    fn collect(name: &str, value: &Value, found: &mut Vec<String>) {
        let is_key = NAMES.iter().any(|part| name.to_ascii_lowercase().contains(part)) && !name.ends_with("_url");
        match value {
            // A short one would be found in words.
            Value::String(text) if is_key && text.len() >= 8 => found.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| collect(name, item, found)),
            Value::Object(map) => map.iter().for_each(|(name, value)| collect(name, value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for part in ["providers", "env", "search"] {
        collect("", &config[part], &mut found);
    }
    found
}

/// How the bytes of streams are cut into reads; a case must hold for all.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Split {
    Event,
    Whole,
    Byte,
}

/// What is wrong with the case, one line each.
fn check(case: &Value) -> Vec<String> {
    if let Some(text) = case["slug"].as_str() {
        let mut wrong = Vec::new();
        check_slug(text, &case["expect"], &mut wrong);
        return wrong;
    }
    let streams = case.to_string().contains("\"stream\":[");
    let splits: &[Split] = if streams { &[Split::Event, Split::Whole, Split::Byte] } else { &[Split::Event] };
    for split in splits {
        let wrong = check_calls(case, *split);
        if !wrong.is_empty() {
            return wrong.into_iter().map(|what| if *split == Split::Event { what } else { format!("{split:?} reads: {what}") }).collect();
        }
    }
    Vec::new()
}

fn check_slug(text: &str, expect: &Value, wrong: &mut Vec<String>) {
    let slug: ModelSlug = match text.parse() {
        Ok(slug) => slug,
        Err(error) => return check_error(&error, expect, wrong),
    };
    let parts: Value = serde_json::from_str(&slug.to_json()).expect("JSON");
    let actual = json!({ "slug": parts });
    compare("expect", expect, Some(&actual), wrong);
    if slug.to_string().parse::<ModelSlug>().expect("canonical") != slug {
        wrong.push(format!("`{slug}` does not read as what it was written from"));
    }
}

/// A transport that answers from the case and keeps what it was asked, keys included.
#[derive(Clone, Debug, Default)]
struct Vendors {
    script: ScriptedTransport,
    asked: Arc<Mutex<Vec<http::Request<Bytes>>>>,
}

impl Transport for Vendors {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        self.asked.lock().expect("asked").push(request.clone());
        self.script.send(request)
    }
}

/// What a call gave.
#[derive(Default)]
struct Outcome {
    answer: Option<Value>,
    chunks: Vec<Value>,
    error: Option<Error>,
    /// Of the Responses API.
    events: Vec<Value>,
}

fn check_calls(case: &Value, split: Split) -> Vec<String> {
    let mut config = config(case);
    let catalog = config.as_object_mut().and_then(|map| map.remove("catalog"));
    let clock = Clock::fixed(1_760_000_000);
    let vendors = Vendors { script: ScriptedTransport::new().clock(clock.clone()), ..Vendors::default() };
    let client = |config: &Value| {
        let builder = Client::builder().config_json(&config.to_string()).transport(Arc::new(vendors.clone())).clock(clock.clone());
        let builder = match &catalog {
            Some(catalog) => builder.catalog(Arc::new(Catalog::from_json(&catalog.to_string()).expect("catalog"))),
            None => builder,
        };
        builder.build()
    };
    let own = [case.clone()];
    let steps = case["steps"].as_array().map_or(&own[..], Vec::as_slice);
    let mut wrong = Vec::new();
    let shared = match client(&config) {
        Ok(client) => client,
        Err(error) => {
            check_error(&error, &case["expect"], &mut wrong);
            return wrong;
        }
    };
    for (at, step) in steps.iter().enumerate() {
        let before = wrong.len();
        let request = step["request"].to_string();
        let is_chat = step.get("request").is_some();
        let explains = is_chat && (step["expect"].get("plan").is_some() || step.get("exchanges").is_none());
        if explains {
            match shared.explain_json(&request) {
                Ok(plan) => {
                    let again = |seed: u64| {
                        let mut config = config.clone();
                        config["seed"] = seed.into();
                        serde_json::from_str(&client(&config).expect("client").explain_json(&request).expect("plan")).expect("plan")
                    };
                    check_plan(&serde_json::from_str(&plan).expect("plan"), &step["expect"], &mut wrong, again);
                }
                Err(error) => check_error(&error, &step["expect"], &mut wrong),
            }
        } else {
            check_call(&shared, &vendors, &clock, step, split, &mut wrong);
        }
        if steps.len() > 1 {
            wrong[before..].iter_mut().for_each(|what| what.insert_str(0, &format!("step {at}: ")));
        }
    }
    wrong
}

fn check_call(client: &Client, vendors: &Vendors, clock: &Clock, step: &Value, split: Split, wrong: &mut Vec<String>) {
    let exchanges = step["exchanges"].as_array().map_or(&[][..], Vec::as_slice);
    let unordered = step["unordered"] == true;
    let mut script = vendors.script.clone();
    for exchange in exchanges {
        let mut scripted = scripted(exchange, split);
        if unordered {
            scripted = scripted.to(exchange["expect_request"]["host"].as_str().expect("the host of an unordered exchange"));
        }
        script = script.then(if step["repeat_last"] == true { scripted.repeated() } else { scripted });
    }
    vendors.asked.lock().expect("asked").clear();
    let started = clock.now();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
    let outcome = runtime.block_on(call(client, step));
    let waited = clock.now() - started;

    let asked = std::mem::take(&mut *vendors.asked.lock().expect("asked"));
    let expect = &step["expect"];
    if step["repeat_last"] != true && !unordered && asked.len() != exchanges.len() {
        let urls: Vec<_> = asked.iter().map(|request| request.uri().to_string()).collect();
        wrong.push(format!("requests: expected {}, found {urls:?}", exchanges.len()));
    }
    for (at, exchange) in exchanges.iter().enumerate() {
        let expected = &exchange["expect_request"];
        let of_host = || asked.iter().find(|request| request.uri().host() == expected["host"].as_str());
        match if unordered { of_host() } else { asked.get(at) } {
            Some(request) => check_request(&format!("request[{at}]"), expected, request, wrong),
            None if unordered => wrong.push(format!("request[{at}]: nothing was asked of {}", expected["host"])),
            None => {}
        }
    }
    match &expect["waited"] {
        Value::Bool(false) if !waited.is_zero() => wrong.push(format!("waited {waited:?} while another endpoint was there")),
        Value::Object(least) if waited.as_millis() < u128::from(least["at_least_ms"].as_u64().expect("at_least_ms")) => {
            wrong.push(format!("waited only {waited:?}"));
        }
        _ => {}
    }
    check_outcome(&outcome, expect, wrong);
}

fn scripted(exchange: &Value, split: Split) -> Scripted {
    let part = match exchange["error"].as_str() {
        Some("timeout") => return Scripted::error(TransportErrorKind::Timeout, "nothing came for too long"),
        Some("interrupted") => return Scripted::error(TransportErrorKind::Interrupted, "the connection broke"),
        Some(_) => return Scripted::error(TransportErrorKind::Connect, "connection refused"),
        None => exchange,
    };
    let Some(events) = part["stream"].as_array() else {
        let response = &part["response"];
        let body = response["text"].as_str().map_or_else(|| response["body"].to_string(), str::to_owned);
        let mut scripted = Scripted::response(response["status"].as_u64().expect("status") as u16, body);
        for (name, value) in response["headers"].as_object().into_iter().flatten() {
            scripted = scripted.header(name, value.as_str().expect("header"));
        }
        return scripted;
    };
    let line_end = if part["line_end"] == "crlf" { "\r\n" } else { "\n" };
    let text = |event: &Value| {
        if let Some(raw) = event["raw"].as_str() {
            return raw.to_owned();
        }
        let name = event["event"].as_str().map(|name| format!("event: {name}{line_end}")).unwrap_or_default();
        let data = event["data"].as_str().map_or_else(|| event["data"].to_string(), str::to_owned);
        format!("{name}data: {data}{line_end}{line_end}")
    };
    let whole: Vec<String> = events.iter().filter(|event| event.get("cut").is_none()).map(text).collect();
    let reads: Vec<Bytes> = match split {
        Split::Event => whole.into_iter().map(Bytes::from).collect(),
        Split::Whole => vec![Bytes::from(whole.concat())],
        Split::Byte => whole.concat().bytes().map(|byte| Bytes::copy_from_slice(&[byte])).collect(),
    };
    let scripted = Scripted::reads(200, reads).header("content-type", "text/event-stream");
    match events.last() {
        Some(last) if last["cut"] == true => scripted.then_error(Duration::ZERO, TransportErrorKind::Interrupted, "the connection broke"),
        _ => scripted,
    }
}

async fn call(client: &Client, step: &Value) -> Outcome {
    let mut outcome = Outcome::default();
    if let Some(answer) = call_other(client, step).await {
        match answer {
            Ok(answer) => outcome.answer = Some(serde_json::from_str(&answer).expect("answer")),
            Err(error) => outcome.error = Some(error),
        }
        return outcome;
    }
    if let Some(request) = step.get("respond") {
        call_respond(client, request, &mut outcome).await;
        return outcome;
    }
    let request = &step["request"];
    let text = request.to_string();
    if request["stream"] != true {
        match client.chat_json(&text).await {
            Ok(answer) => outcome.answer = Some(serde_json::from_str(&answer).expect("answer")),
            Err(error) => outcome.error = Some(error),
        }
        return outcome;
    }
    let mut stream = match client.stream_json(&text).await {
        Ok(stream) => stream,
        Err(error) => {
            outcome.error = Some(error);
            return outcome;
        }
    };
    let mut fold = Fold::new();
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) => {
                outcome.chunks.push(serde_json::from_str(&chunk.to_json()).expect("chunk"));
                fold.push(chunk);
            }
            Err(error) => outcome.error = Some(error),
        }
    }
    outcome.answer = Some(serde_json::from_str(&fold.finish().to_json()).expect("answer"));
    outcome
}

/// A request of the Responses API; the answer to a stream is the response object of its last event.
async fn call_respond(client: &Client, request: &Value, outcome: &mut Outcome) {
    let text = request.to_string();
    if request["stream"] != true {
        match client.respond_json(&text).await {
            Ok(answer) => outcome.answer = Some(serde_json::from_str(&answer).expect("answer")),
            Err(error) => outcome.error = Some(error),
        }
        return;
    }
    let mut stream = match client.respond_stream_json(&text).await {
        Ok(stream) => stream,
        Err(error) => {
            outcome.error = Some(error);
            return;
        }
    };
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => {
                let json: Value = serde_json::from_str(event.json()).expect("event");
                assert_eq!(json["type"], event.event_type());
                assert_eq!(event.to_sse(), format!("event: {}\ndata: {}\n\n", event.event_type(), event.json()));
                outcome.events.push(json);
            }
            Err(error) => outcome.error = Some(error),
        }
    }
    outcome.answer = outcome.events.last().map(|event| event["response"].clone());
}

/// What holds of every stream of events, and the types that are expected.
fn check_events(events: &[Value], expect: &Value, wrong: &mut Vec<String>) {
    let types: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    if let Some(expected) = expect["events"].as_array()
        && !types.iter().eq(expected.iter().map(|kind| kind.as_str().expect("a type")).collect::<Vec<_>>().iter())
    {
        wrong.push(format!("events: expected {}, found {types:#?}", expect["events"]));
    }
    let mut said: BTreeMap<String, String> = BTreeMap::new();
    for (at, event) in events.iter().enumerate() {
        if event["sequence_number"] != at {
            wrong.push(format!("event[{at}]: its number is {}", event["sequence_number"]));
        }
        let kind = types[at];
        let Some(item) = event["item_id"].as_str() else { continue };
        let place = |kind: &str| format!("{kind} {item} {} {}", event["content_index"], event["summary_index"]);
        let added = |event: &&Value| event["type"] == "response.output_item.added" && event["item"]["id"] == item;
        if !events[..at].iter().any(|event| added(&event)) {
            wrong.push(format!("event[{at}] {kind}: its item was not announced"));
        }
        if let Some(kind) = kind.strip_suffix(".delta") {
            said.entry(place(kind)).or_default().push_str(event["delta"].as_str().expect("delta"));
        } else if let Some(kind) = kind.strip_suffix(".done")
            && kind != "response.content_part"
            && kind != "response.reasoning_summary_part"
        {
            let whole = ["text", "refusal", "arguments"].iter().find_map(|field| event[*field].as_str());
            let pieces = said.remove(&place(kind)).unwrap_or_default();
            // A call without arguments has an empty object.
            if whole != Some(pieces.as_str()) && !(pieces.is_empty() && whole == Some("{}")) {
                wrong.push(format!("event[{at}] {kind}: the pieces spell {pieces:?}, not {whole:?}"));
            }
        }
    }
    if !said.is_empty() {
        wrong.push(format!("events: never done: {:?}", said.keys()));
    }
    let done: Vec<&Value> =
        events.iter().filter(|event| event["type"] == "response.output_item.done").map(|event| &event["item"]).collect();
    let output = events.last().and_then(|event| event["response"]["output"].as_array());
    if !output.is_some_and(|output| output.len() == done.len() && output.iter().all(|item| done.contains(&item))) {
        wrong.push(format!("events: the response holds other items than were done: {output:?}"));
    }
}

/// A call beside chat, where the step has one.
async fn call_other(client: &Client, step: &Value) -> Option<junto::Result<String>> {
    let slug = |key: &str| step[key].as_str();
    Some(if let Some(request) = step.get("embed") {
        client.embed_json(&request.to_string()).await
    } else if let Some(query) = step.get("models") {
        client.models_json(&query.to_string()).await
    } else if let Some(slug) = slug("model") {
        client.model_json(slug)
    } else if let Some(slug) = slug("endpoints") {
        client.endpoints_json(slug)
    } else {
        return None;
    })
}

fn check_request(path: &str, expect: &Value, request: &http::Request<Bytes>, wrong: &mut Vec<String>) {
    let body = String::from_utf8_lossy(request.body());
    if let Some(host) = expect["host"].as_str().filter(|host| request.uri().host() != Some(host)) {
        wrong.push(format!("{path}: expected {host}, found {}", request.uri()));
    }
    let uri = request.uri();
    for (name, actual) in [("method", request.method().as_str()), ("path", uri.path()), ("query", uri.query().unwrap_or_default())] {
        if let Some(expected) = expect.get(name) {
            compare(&format!("{path}.{name}"), expected, Some(&actual.into()), wrong);
        }
    }
    for (name, expected) in expect["headers"].as_object().into_iter().flatten() {
        let sent = request.headers().get(name).map(|value| Value::from(String::from_utf8_lossy(value.as_bytes())));
        compare(&format!("{path}.headers.{name}"), expected, sent.as_ref(), wrong);
    }
    if let Some(expected) = expect.get("form") {
        compare(&format!("{path}.form"), expected, Some(&form(&body)), wrong);
    }
    if let Some(expected) = expect.get("body") {
        compare(path, expected, serde_json::from_str(&body).ok().as_ref(), wrong);
    }
    if let Some(text) = expect["body_lacks"].as_str().filter(|text| body.contains(text)) {
        wrong.push(format!("{path}: `{text}` is in {body}"));
    }
    if let Some(key) = expect["key"].as_str() {
        let sent = request.headers().values().any(|value| value.to_str().is_ok_and(|value| value.contains(key)));
        if !sent {
            wrong.push(format!("{path}: expected the key `{key}`"));
        }
    }
}

/// The fields of a form.
fn form(body: &str) -> Value {
    let decoded = |text: &str| {
        let mut bytes = text.bytes();
        let mut out = Vec::new();
        while let Some(byte) = bytes.next() {
            let code = |bytes: &mut std::str::Bytes<'_>| {
                let code = [bytes.next().expect("digit"), bytes.next().expect("digit")];
                u8::from_str_radix(std::str::from_utf8(&code).expect("digits"), 16).expect("hexadecimal")
            };
            out.push(if byte == b'%' { code(&mut bytes) } else { byte });
        }
        String::from_utf8(out).expect("text")
    };
    let fields = body.split('&').filter_map(|field| field.split_once('='));
    fields.map(|(name, value)| (decoded(name), Value::from(decoded(value)))).collect::<serde_json::Map<_, _>>().into()
}

fn check_outcome(outcome: &Outcome, expect: &Value, wrong: &mut Vec<String>) {
    match &outcome.error {
        Some(error) => check_error(error, expect, wrong),
        None if expect.get("error").is_some() => wrong.push(format!("expected an error, found {:?}", outcome.answer)),
        None => {}
    }
    let message = outcome.answer.as_ref().map(|answer| &answer["choices"][0]["message"]);
    let said = |field: &str| message.and_then(|message| message[field].as_str()).unwrap_or_default();
    for (name, field) in [("text", "content"), ("reasoning", "reasoning")] {
        if let Some(text) = expect[name].as_str().filter(|text| *text != said(field)) {
            wrong.push(format!("{name}: expected {text:?}, found {:?}", said(field)));
        }
    }
    for name in ["response", "folded"] {
        if let Some(expected) = expect.get(name) {
            compare(name, expected, outcome.answer.as_ref(), wrong);
        }
    }
    if let Some(expected) = expect.get("attempts") {
        let of_error = outcome.error.as_ref().map(|error| json!(error.attempts()));
        let of_answer = || outcome.answer.as_ref().map(|answer| answer["routing"]["attempts"].clone());
        compare("attempts", expected, of_error.or_else(of_answer).as_ref(), wrong);
    }
    if !outcome.events.is_empty() {
        check_events(&outcome.events, expect, wrong);
    }
    if !outcome.chunks.is_empty() {
        check_chunks(&outcome.chunks, &expect["chunks"], outcome.error.is_some(), wrong);
    }
    let all = format!("{:?} {:?} {:?} {:?}", outcome.error, outcome.answer, outcome.chunks, outcome.events);
    if all.contains("-secret") {
        wrong.push(format!("a key is in {all}"));
    }
}

fn check_chunks(chunks: &[Value], expect: &Value, failed: bool, wrong: &mut Vec<String>) {
    // True of every stream.
    let always = json!({"object": "chat.completion.chunk", "id": {"$any": true}, "model": {"$any": true}, "created": {"$any": true}});
    let same = ["id", "model", "created", "provider"];
    for (at, chunk) in chunks.iter().enumerate() {
        let path = format!("chunk[{at}]");
        compare(&path, &always, Some(chunk), wrong);
        if let Some(each) = expect.get("each") {
            compare(&path, each, Some(chunk), wrong);
        }
        for field in same.iter().filter(|field| chunk[**field] != chunks[0][**field]) {
            wrong.push(format!("{path}.{field}: expected {}, found {}", chunks[0][*field], chunk[*field]));
        }
        if chunk.get("usage").is_some() && at + 1 < chunks.len() {
            wrong.push(format!("{path}.usage: expected on the last chunk alone"));
        }
    }
    let last = chunks.last();
    if !failed {
        compare("last chunk", &json!({"routing": {"$any": true}}), last, wrong);
    }
    if let Some(expected) = expect.get("last") {
        compare("last chunk", expected, last, wrong);
    }
    if let Some(expected) = expect["finish"].as_str() {
        let finishes: Vec<&str> = chunks.iter().filter_map(|chunk| chunk["choices"][0]["finish_reason"].as_str()).collect();
        if finishes != [expected] {
            wrong.push(format!("finish_reason: expected {expected} once, found {finishes:?}"));
        }
    }
    if expect["tool_calls"] == "well_formed" {
        let mut begun = 0;
        for piece in chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].as_array()).flatten() {
            let index = piece["index"].as_u64();
            let is_new = index == Some(begun);
            begun += u64::from(is_new);
            let named = [&piece["id"], &piece["type"], &piece["function"]["name"]].map(|field| !field.is_null());
            if named != [is_new; 3] || index >= Some(begun) {
                wrong.push(format!("tool call piece: id, type and name belong to the first piece of an index: {piece}"));
            }
        }
    }
}

fn check_error(error: &Error, expect: &Value, wrong: &mut Vec<String>) {
    let Some(expected) = expect.get("error") else {
        wrong.push(format!("expected no error, found {error:?}"));
        return;
    };
    let excluded: BTreeMap<String, String> =
        error.excluded_by().iter().map(|rejection| (rejection.endpoint(), rejection.code().into_owned())).collect();
    let actual = json!({
        "kind": error.kind().name(), "status": error.status(), "message": error.message(), "param": error.param(),
        "provider": error.provider(), "upstream_status": error.upstream_status(),
        "retry_after": error.retry_after().map(|delay| delay.as_secs_f64()),
        "excluded_by": excluded, "json": error.to_json().to_string(), "body": error.to_json(),
    });
    compare("error", expected, Some(&actual), wrong);
}

/// A plan as it is, against a plan as expected.
fn check_plan(actual: &Value, expect: &Value, wrong: &mut Vec<String>, again: impl Fn(u64) -> Value) {
    let Some(expect) = expect.get("plan") else {
        wrong.push(format!("expected {expect}, found a plan"));
        return;
    };
    let order = |plan: &Value, with_model: bool| -> Vec<String> {
        let tag = |candidate: &Value| {
            let (model, endpoint) = (candidate["model"].as_str().unwrap_or_default(), candidate["endpoint"].as_str().unwrap_or_default());
            if with_model { format!("{model} {endpoint}") } else { endpoint.to_owned() }
        };
        plan["candidates"].as_array().expect("candidates").iter().map(tag).collect()
    };
    for (key, value) in expect.as_object().expect("plan") {
        let names: Vec<String> = value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        let order_here = order(actual, names.first().is_some_and(|name| name.contains(' ')));
        let ok = match key.as_str() {
            // A name that is not in a list would say nothing.
            "candidates" | "first" | "last" | "contains" | "models" if names.is_empty() => false,
            "candidates" => order_here == names,
            "first" => order_here.starts_with(&names),
            "last" => order_here.ends_with(&names),
            "contains" => names.iter().all(|name| order_here.contains(name)),
            "models" => {
                let mut models: Vec<&str> =
                    actual["candidates"].as_array().expect("candidates").iter().filter_map(|one| one["model"].as_str()).collect();
                models.dedup();
                models == names
            }
            "rejected" => {
                let rejected: BTreeMap<&str, &str> = actual["rejected"]
                    .as_array()
                    .expect("rejected")
                    .iter()
                    .filter_map(|one| Some((one["endpoint"].as_str()?, one["code"].as_str()?)))
                    .collect();
                compare("plan.rejected", value, Some(&json!(rejected)), wrong);
                true
            }
            "cost" => actual["candidates"][0]["estimated_cost"].as_f64().is_some_and(|cost| cost > 0.0),
            "same_again" => again(42)["candidates"] == again(42)["candidates"],
            // Of a hundred plans with different seeds, how many does it lead?
            "led_by" => {
                let mut led: BTreeMap<String, u64> = BTreeMap::new();
                (0..100).for_each(|seed| *led.entry(order(&again(seed), false).swap_remove(0)).or_default() += 1);
                value.as_object().expect("led_by").iter().all(|(name, range)| {
                    let count = led.get(name).copied().unwrap_or(0);
                    range[0].as_u64() <= Some(count) && Some(count) <= range[1].as_u64()
                })
            }
            _ => false,
        };
        if !ok {
            wrong.push(format!("plan.{key}: expected {value}, found {order_here:?}, rejected {}", actual["rejected"]));
        }
    }
}
