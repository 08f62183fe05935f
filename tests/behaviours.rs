//! What a caller gets for each behaviour of the simulator, over real connections: the answer or the typed error, how many
//! requests were made, and that leaving closes the vendor's connection.
#![expect(clippy::expect_used, reason = "a call that must work and does not is a failure like any other")]

mod log;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Debug,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::StreamExt;
use junto::{
    ChatChunk, ChatRequest, ChatResponse, Client, ClientBuilder, Error,
    ErrorKind::{self, *},
    catalog::{Catalog, Endpoint},
    protocols::{self, Call},
    providers::{ProtocolName, Provider},
    transport::{Reqwest, Transport},
    types::{FinishReason, Fold},
};
use junto_simulator::{Behavior, Simulator};
use proptest::prelude::*;

const WIRES: [(&str, ProtocolName); 6] = [
    ("openai_chat", ProtocolName::OpenaiChat),
    ("anthropic", ProtocolName::Anthropic),
    ("bedrock", ProtocolName::Bedrock),
    ("cohere", ProtocolName::Cohere),
    ("gemini", ProtocolName::Gemini),
    ("ollama", ProtocolName::Ollama),
];
const KEY: &str = "key-behaviours-secret";
const TEXT: &str = "Rayleigh scattering: air scatters blue light more than red.";

/// A client of two providers, `first` and `second`, that both serve `test/model` in this wire format.
fn client(sim: &Simulator, wire: &str) -> ClientBuilder {
    client_of(sim, wire, "sim-model")
}

/// The same with the model's name at its vendor, which tells its generation.
fn client_of(sim: &Simulator, wire: &str, upstream: &str) -> ClientBuilder {
    let provider = |name: &str| format!(r#""{name}": {{"base_url": "{}", "api_key": "{KEY}", "protocol": "{wire}"}}"#, sim.base_url(name));
    let endpoint = |name: &str| {
        format!(
            r#"{{"provider": "{name}", "upstream": "{upstream}", "price": {{"prompt": 1, "completion": 2}},
            "parameters": "all", "search": true}}"#
        )
    };
    let catalog = format!(
        r#"{{"parameters": {{"all": ["max_tokens", "tools", "reasoning"]}}, "models": [{{"slug": "test/model", "name": "Model",
            "context": 100000, "max_output": 8000, "endpoints": [{}, {}]}}]}}"#,
        endpoint("first"),
        endpoint("second")
    );
    Client::builder()
        .config_json(&format!(
            r#"{{"env": false, "search": {{"engine": "searxng", "base_url": "{}"}}, "providers": {{{}, {}}}}}"#,
            sim.base_url("searxng"),
            provider("first"),
            provider("second")
        ))
        .catalog(Arc::new(Catalog::from_json(&catalog).expect("catalog")))
        .timeout(Duration::from_millis(600))
        .idle_timeout(Duration::from_millis(200))
        .max_retries(0)
}

/// A request that only `first` may serve, or `first` before `second`.
fn request(alone: bool) -> ChatRequest {
    let provider = if alone { r#"{"only": ["first"]}"# } else { r#"{"order": ["first", "second"]}"# };
    ChatRequest::from_json(&format!(
        r#"{{"model": "test/model", "messages": [{{"role": "user", "content": "Why is the sky blue?"}}], "provider": {provider}}}"#
    ))
    .expect("request")
}

/// What a streamed call gave: what arrived, and the error that ended it.
async fn stream(client: &Client, request: ChatRequest) -> (ChatResponse, Option<Error>) {
    let mut fold = Fold::new();
    let mut stream = match client.stream(request).await {
        Ok(stream) => stream,
        Err(error) => return (fold.finish(), Some(error)),
    };
    let mut failure = None;
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) => fold.push(chunk),
            Err(error) => failure = Some(error),
        }
    }
    (fold.finish(), failure)
}

fn behavior(text: &str) -> Behavior {
    text.parse().expect(text)
}

type Failure = (&'static str, ErrorKind, ErrorKind, usize);

/// Each failing behaviour: the error of a whole answer, the error of a stream, and how many pieces of the stream arrive.
const FAILURES: &[Failure] = &[
    ("status=400", BadRequest, BadRequest, 0),
    ("status=400,reason=context_length", ContextLength, ContextLength, 0),
    ("status=401", Authentication, Authentication, 0),
    ("status=402", InsufficientCredits, InsufficientCredits, 0),
    ("status=403", PermissionDenied, PermissionDenied, 0),
    ("status=404", ModelNotFound, ModelNotFound, 0),
    ("status=408", Timeout, Timeout, 0),
    ("status=429,retry-after=30", RateLimited, RateLimited, 0),
    ("status=500", Upstream, Upstream, 0),
    ("status=502", Upstream, Upstream, 0),
    ("status=503", Overloaded, Overloaded, 0),
    ("status=504", Timeout, Timeout, 0),
    ("status=529", Overloaded, Overloaded, 0),
    ("error-in-200", Overloaded, Overloaded, 0),
    ("html", Decode, Decode, 0),
    ("reset", Transport, Transport, 0),
    ("silence", Timeout, Timeout, 0),
    ("latency=5s", Timeout, Timeout, 0),
    ("cut=0", Transport, Transport, 0),
    ("cut=2", Transport, Transport, 2),
    ("truncate=0", Decode, Upstream, 0),
    ("truncate=2", Decode, Upstream, 2),
    ("malformed=0", Decode, Decode, 0),
    ("malformed=2", Decode, Decode, 2),
    ("stall=0", Timeout, Timeout, 0),
    ("stall=2", Timeout, Timeout, 2),
    ("error-event=0", Overloaded, Overloaded, 0),
    ("error-event=2", Overloaded, Overloaded, 2),
];

/// What an error inside a 200 is taken for: Cohere gives it no name, Bedrock only in a frame.
fn in_band(wire: &str, text: &str, kind: ErrorKind, streams: bool) -> ErrorKind {
    let nameless = wire == "cohere" || (wire == "bedrock" && !streams);
    if nameless && text.starts_with("error-") { Upstream } else { kind }
}

fn is_callers_fault(kind: ErrorKind) -> bool {
    matches!(kind, BadRequest | ContextLength)
}

/// Collects what differs, so that one run shows everything.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    #[expect(clippy::needless_pass_by_value, reason = "reads like an assertion")]
    fn expect<T: PartialEq + Debug>(&mut self, what: &str, actual: T, expected: T) {
        if actual != expected {
            self.0.push(format!("{what}: expected {expected:?}, found {actual:?}"));
        }
    }
}

/// Checks every failure in every wire format, each at a simulator of its own, many at a time: several of them wait for a limit.
async fn each_failure<F: Future<Output = Differences>>(check: impl Fn(Simulator, &'static str, Failure) -> F) {
    log::watch([KEY.to_owned()]);
    let all = WIRES.iter().flat_map(|(wire, _)| FAILURES.iter().map(move |failure| (*wire, *failure)));
    let one = async |(wire, (text, whole, stream, pieces)): (_, Failure)| {
        let sim = Simulator::start().await.expect("simulator");
        sim.behave("first", behavior(text));
        check(sim, wire, (text, in_band(wire, text, whole, false), in_band(wire, text, stream, true), pieces)).await
    };
    let found: Vec<Differences> = futures_util::stream::iter(all).map(one).buffered(8).collect().await;
    log::check();
    let found: Vec<String> = found.into_iter().flat_map(|one| one.0).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[tokio::test]
async fn an_endpoint_that_fails_alone_gives_its_typed_error() {
    each_failure(|sim, wire, (text, whole_kind, stream_kind, pieces)| async move {
        let mut differences = Differences::default();
        let what = |part: &str| format!("{wire} {text} {part}");

        // A client of its own for each call: the breaker and cool-downs of one must not show in the next.
        let error = client(&sim, wire).build().expect("client").chat(request(true)).await.err();
        differences.expect(&what("chat"), error.as_ref().map(Error::kind), Some(whole_kind));
        differences.expect(&what("chat attempts"), error.map(|error| error.attempts().len()), Some(1));
        differences.expect(&what("chat requests"), sim.count(), 1);

        let (answer, error) = stream(&client(&sim, wire).build().expect("client"), request(true)).await;
        differences.expect(&what("stream"), error.as_ref().map(Error::kind), Some(stream_kind));
        differences.expect(&what("stream attempts"), error.map(|error| error.attempts().len()), Some(1));
        differences.expect(&what("stream text"), answer.text(), &TEXT[..TEXT.split_inclusive(' ').take(pieces).map(str::len).sum()]);
        if pieces > 0 {
            let finish = answer.choices.first().and_then(|choice| choice.finish_reason);
            differences.expect(&what("stream finish"), finish, Some(FinishReason::Error));
        }
        differences.expect(&what("stream requests"), sim.count(), 2);
        differences
    })
    .await;
}

#[tokio::test]
async fn another_endpoint_takes_over_unless_the_caller_is_at_fault_or_content_has_arrived() {
    each_failure(|sim, wire, (text, whole_kind, stream_kind, pieces)| async move {
        let mut differences = Differences::default();
        let what = |part: &str| format!("{wire} {text} {part}");
        // Long enough for the second to be asked after a silent first.
        let builder = || client(&sim, wire).timeout(Duration::from_secs(5)).first_content_timeout(Duration::from_millis(300));
        let asked = || (sim.requests_to("first").len(), sim.requests_to("second").len());

        // A whole answer has no first content to miss: a vendor that never answers takes the whole deadline.
        if whole_kind != Timeout || text.starts_with("status") {
            let answer = builder().build().expect("client").chat(request(false)).await;
            let moved = !is_callers_fault(whole_kind);
            differences.expect(&what("chat"), answer.as_ref().ok().map(ChatResponse::text), moved.then_some(TEXT));
            differences.expect(&what("chat requests"), asked(), (1, moved.into()));
        }

        let before = asked();
        let (answer, error) = stream(&builder().build().expect("client"), request(false)).await;
        let moved = !is_callers_fault(stream_kind) && pieces == 0;
        differences.expect(&what("stream error"), error.as_ref().map(Error::kind), (!moved).then_some(stream_kind));
        if moved {
            let attempts = answer.routing.iter().flat_map(|routing| &routing.attempts);
            let kinds: Vec<_> = attempts.map(|attempt| attempt.error.as_ref().map(|error| error.kind)).collect();
            differences.expect(&what("stream"), answer.text(), TEXT);
            differences.expect(&what("stream attempts"), kinds, vec![Some(stream_kind), None]);
        }
        let after = asked();
        differences.expect(&what("stream requests"), (after.0 - before.0, after.1 - before.1), (1, moved.into()));
        differences
    })
    .await;
}

#[tokio::test]
async fn what_an_answer_says_arrives_whole_and_in_pieces() {
    let mut differences = Differences::default();
    let thousand = (0..1000).map(|at| format!("word{at} ")).collect::<Vec<_>>().concat();
    for (wire, _) in WIRES {
        for (text, said, finish) in [
            ("ok", TEXT, FinishReason::Stop),
            ("latency=20ms,ttft=20ms,tps=1000", TEXT, FinishReason::Stop),
            ("thinking", TEXT, FinishReason::Stop),
            ("length", TEXT, FinishReason::Length),
            ("tools=2", "Let me look.", FinishReason::ToolCalls),
            ("chunks=1000", &thousand, FinishReason::Stop),
        ] {
            let sim = Simulator::start().await.expect("simulator");
            sim.behave("first", behavior(text));
            // Whatever takes long here is the machine.
            let client = client(&sim, wire).timeout(Duration::from_secs(30)).build().expect("client");
            let whole = client.chat(request(true)).await.expect(text);
            let (pieces, error) = stream(&client, request(true)).await;
            assert!(error.is_none(), "{wire} {text}: {error:?}");
            for (form, answer) in [("whole", &whole), ("stream", &pieces)] {
                let what = |part: &str| format!("{wire} {text} {form} {part}");
                let choice = answer.choices.first().expect(text);
                differences.expect(&what("text"), answer.text(), said);
                differences.expect(&what("finish"), choice.finish_reason, Some(finish));
                differences.expect(&what("prompt tokens"), answer.usage.prompt_tokens, Some(12));
                differences.expect(&what("cost"), answer.usage.cost.is_some_and(|cost| cost > 0.0), true);
                differences.expect(&what("reasoning"), choice.message.reasoning.is_some(), text == "thinking");
                let calls: Vec<_> = choice
                    .message
                    .tool_calls
                    .iter()
                    .map(|call| (call.function.name.as_str(), call.function.arguments.contains("days")))
                    .collect();
                differences.expect(&what("tools"), calls, if text == "tools=2" { vec![("get_weather", true); 2] } else { vec![] });
            }
            differences.expect(&format!("{wire} {text} completion tokens"), whole.usage.completion_tokens, pieces.usage.completion_tokens);
            differences.expect(&format!("{wire} {text} requests"), sim.count(), 2);
        }
    }
    assert!(differences.0.is_empty(), "\n{}\n", differences.0.join("\n"));
}

#[tokio::test]
async fn thinking_and_online_work_in_every_protocol_whole_and_in_pieces() {
    let mut differences = Differences::default();
    // A model that reasons, and whether its vendor can search.
    let models = [
        ("openai_chat", "gpt-5.2", true),
        ("openai_responses", "gpt-5.2", true),
        ("anthropic", "claude-sonnet-4-5", true),
        ("bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", false),
        ("cohere", "command-a-reasoning-08-2025", false),
        ("gemini", "gemini-2.5-flash", true),
        ("ollama", "qwen3:8b", false),
    ];
    for (wire, model, searches) in models {
        let sim = Simulator::start().await.expect("simulator");
        let client = client_of(&sim, wire, model).timeout(Duration::from_secs(30)).build().expect("client");
        for variant in ["thinking", "online", "thinking:online"] {
            let (thinks, online) = (variant.contains("thinking"), variant.contains("online"));
            let request = || ChatRequest { model: format!("test/model:{variant}"), ..request(true) };
            let whole = client.chat(request()).await.unwrap_or_else(|error| panic!("{wire} {variant}: {error}"));
            let (pieces, error) = stream(&client, request()).await;
            assert!(error.is_none(), "{wire} {variant}: {error:?}");
            for (form, answer) in [("whole", whole), ("stream", pieces)] {
                let what = |part: &str| format!("{wire} :{variant} {form} {part}");
                let message = &answer.choices[0].message;
                differences.expect(&what("text"), answer.text().starts_with(TEXT), true);
                differences.expect(&what("reasoning"), message.reasoning.is_some(), thinks);
                differences.expect(&what("annotations"), !message.annotations.is_empty(), online);
            }
        }
        let engine = sim.requests().iter().filter(|request| request.provider == "searxng").count();
        differences.expect(&format!("{wire} searches by the engine"), engine, if searches { 0 } else { 4 });
    }
    assert!(differences.0.is_empty(), "\n{}\n", differences.0.join("\n"));
}

#[tokio::test]
async fn a_refusal_is_an_answer() {
    for (wire, protocol) in WIRES {
        let sim = Simulator::start().await.expect("simulator");
        sim.behave("first", behavior("refusal"));
        let client = client(&sim, wire).build().expect("client");
        let whole = client.chat(request(true)).await.expect(wire);
        let (pieces, error) = stream(&client, request(true)).await;
        assert!(error.is_none(), "{wire}: {error:?}");
        for answer in [whole, pieces] {
            let choice = answer.choices.first().expect(wire);
            match protocol {
                ProtocolName::OpenaiChat => assert_eq!(choice.message.refusal.as_deref(), Some("I can't help with that."), "{wire}"),
                // They have no word for it.
                ProtocolName::Cohere | ProtocolName::Ollama => assert_eq!(answer.text(), "I can't help with that.", "{wire}"),
                _ => assert_eq!(choice.finish_reason, Some(FinishReason::ContentFilter), "{wire}"),
            }
        }
    }
}

#[tokio::test]
async fn the_vendors_wish_to_wait_is_in_the_error() {
    for (wire, _) in WIRES {
        let sim = Simulator::start().await.expect("simulator");
        sim.behave("first", behavior("status=429,retry-after=30"));
        let error = client(&sim, wire).build().expect("client").chat(request(true)).await.expect_err(wire);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(30)), "{wire}");
    }
}

#[tokio::test]
async fn the_last_endpoint_is_tried_again_after_the_time_it_asked_for() {
    let sim = Simulator::start().await.expect("simulator");
    sim.behave_in_turn("first", [behavior("status=429,retry-after=1"), Behavior::ok()]);
    let client = client(&sim, "openai_chat").timeout(Duration::from_secs(10)).max_retries(2).build().expect("client");
    let answer = client.chat(request(true)).await.expect("answer");
    assert_eq!(answer.text(), TEXT);
    let at: Vec<Instant> = sim.requests().iter().map(|request| request.at).collect();
    assert_eq!(at.len(), 2);
    assert!(at[1] - at[0] >= Duration::from_secs(1), "{:?}", at[1] - at[0]);
}

#[tokio::test]
async fn keys_reach_the_vendor_in_headers_alone() {
    for (wire, _) in WIRES {
        let sim = Simulator::start().await.expect("simulator");
        client(&sim, wire).build().expect("client").chat(request(true)).await.expect(wire);
        let request = sim.requests().remove(0);
        assert!(request.headers.values().any(|value| value == "<redacted>"), "{wire}: {:?}", request.headers);
        assert!(!request.path.contains(KEY), "{wire}: {}", request.path);
    }
}

/// Waits until the simulator has noticed that the caller of request 0 left, and gives the time it took.
async fn noticed(sim: &Simulator, left: Instant) -> Duration {
    loop {
        if let Some(close) = sim.closes().first() {
            assert!(!close.complete, "the answer was complete");
            return close.at.saturating_duration_since(left);
        }
        assert!(left.elapsed() < Duration::from_secs(2), "the connection stayed open");
        pause(5).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the test watches real sockets")]
async fn pause(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

#[expect(clippy::disallowed_methods, reason = "the test watches real sockets")]
fn now() -> Instant {
    Instant::now()
}

const SOON: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_a_stream_closes_the_vendors_connection() {
    for (wire, _) in WIRES {
        let sim = Simulator::start().await.expect("simulator");
        sim.behave("first", behavior("chunks=10000,tps=100"));
        let client = client(&sim, wire).timeout(Duration::from_secs(60)).build().expect("client");
        let mut stream = client.stream(request(true)).await.expect(wire);
        for _ in 0..3 {
            stream.next().await.expect(wire).expect(wire);
        }
        assert_eq!(sim.open_requests(), 1, "{wire}");
        let left = now();
        drop(stream);
        let took = noticed(&sim, left).await;
        assert!(took < SOON, "{wire}: noticed after {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_a_call_that_waits_closes_the_vendors_connection() {
    for (wire, _) in WIRES {
        for (text, streams) in [("latency=30s", false), ("silence", false), ("latency=30s", true), ("ttft=30s", true), ("stall=0", true)] {
            let sim = Simulator::start().await.expect("simulator");
            sim.behave("first", behavior(text));
            let client = client(&sim, wire).timeout(Duration::from_secs(60)).build().expect("client");
            let call = async { if streams { client.stream(request(true)).await.err() } else { client.chat(request(true)).await.err() } };
            let patience = async {
                while sim.open_requests() == 0 {
                    pause(2).await;
                }
                pause(20).await;
            };
            tokio::select! {
                error = call => unreachable!("{wire} {text}: {error:?}"),
                () = patience => {}
            }
            let took = noticed(&sim, now()).await;
            assert!(took < SOON, "{wire} {text}: noticed after {took:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_read_to_its_end_leaves_its_connection_for_the_next_call() {
    for (wire, _) in WIRES {
        let sim = Simulator::start().await.expect("simulator");
        let client = client(&sim, wire).build().expect("client");
        for _ in 0..5 {
            let (answer, error) = stream(&client, request(true)).await;
            assert_eq!((answer.text(), error.is_none()), (TEXT, true), "{wire}");
            // The pool learns of the end a moment after the caller.
            pause(20).await;
        }
        assert_eq!((sim.count(), sim.open_connections()), (5, 1), "{wire}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_end_does_not_hold_the_caller() {
    // Gemini has no terminal event: there the end of the body is the end.
    for wire in ["openai_chat", "anthropic"] {
        let sim = Simulator::start().await.expect("simulator");
        sim.behave("first", behavior("linger,tps=200"));
        let client = client(&sim, wire).timeout(Duration::from_secs(60)).idle_timeout(Duration::from_secs(30)).build().expect("client");
        let started = now();
        let (answer, error) = stream(&client, request(true)).await;
        assert_eq!((answer.text(), error.is_none()), (TEXT, true), "{wire}");
        assert!(started.elapsed() < Duration::from_secs(2), "{wire}: {:?}", started.elapsed());
        assert!(noticed(&sim, now()).await < SOON, "{wire}");
    }
}

#[tokio::test]
async fn an_empty_answer_moves_on_and_is_the_answer_where_nobody_else_is_left() {
    for (wire, _) in WIRES {
        let sim = Simulator::start().await.expect("simulator");
        sim.behave("first", behavior("empty"));
        let client = client(&sim, wire).build().expect("client");
        assert_eq!(client.chat(request(false)).await.expect(wire).text(), TEXT, "{wire}");
        assert_eq!(stream(&client, request(false)).await.0.text(), TEXT, "{wire}");
        assert_eq!((sim.requests_to("first").len(), sim.requests_to("second").len()), (2, 2), "{wire}");
        let answer = client.chat(request(true)).await.expect(wire);
        assert_eq!((answer.text(), answer.choices[0].finish_reason), ("", Some(FinishReason::Stop)), "{wire}");
    }
}

/// The bytes of a simulator's stream.
async fn recorded(sim: &Simulator, wire: ProtocolName, behavior: &str) -> Bytes {
    let path = match wire {
        ProtocolName::Anthropic => "messages",
        ProtocolName::Gemini => "models/m:streamGenerateContent?alt=sse",
        ProtocolName::Bedrock => "model/m/converse-stream",
        ProtocolName::Cohere => "v2/chat",
        ProtocolName::Ollama => "api/chat",
        _ => "chat/completions",
    };
    let request = http::Request::post(format!("{}/{path}", sim.base_url("first")))
        .header("x-sim", behavior)
        .body(Bytes::from_static(br#"{"model": "m", "stream": true}"#))
        .expect("request");
    let mut body = Reqwest::new().send(request).await.expect("response").into_body();
    let mut bytes = Vec::new();
    while let Some(Ok(read)) = body.next().await {
        bytes.extend_from_slice(&read);
    }
    bytes.into()
}

/// The chunks, and the error, of bytes that arrive in these reads.
fn decoded<'a>(wire: ProtocolName, reads: impl Iterator<Item = &'a [u8]>) -> (Vec<ChatChunk>, Option<String>) {
    let request = ChatRequest::new("test/model").user("Hi");
    let endpoint = Endpoint::unknown("test/model", "first", "m");
    let provider = Provider { slug: "first".to_owned(), protocol: wire, ..Provider::default() };
    let id = Arc::from("gen-1");
    let call = Call {
        request: &request,
        endpoint: &endpoint,
        provider: &provider,
        base_url: "http://localhost",
        options: &BTreeMap::new(),
        stream: true,
        id: &id,
        created: 1,
    };
    let mut decoder = protocols::by_name(wire).decoder(&call);
    let mut chunks = VecDeque::new();
    let mut result = Ok(());
    for read in reads {
        result = result.and_then(|()| decoder.push(read, &mut chunks));
    }
    let result = result.and_then(|()| decoder.finish(&mut chunks));
    (chunks.into(), result.err().map(|error| error.to_string()))
}

const STREAMS: [&str; 10] =
    ["ok", "thinking", "tools=3", "refusal", "length", "empty", "truncate=2", "malformed=2", "error-event=2", "error-in-200"];

#[tokio::test]
async fn every_split_position_of_every_stream_gives_the_same_chunks() {
    let sim = Simulator::start().await.expect("simulator");
    for (name, wire) in WIRES {
        for text in STREAMS {
            let bytes = recorded(&sim, wire, text).await;
            let whole = decoded(wire, [&bytes[..]].into_iter());
            for at in 0..=bytes.len() {
                assert_eq!(decoded(wire, [&bytes[..at], &bytes[at..]].into_iter()), whole, "{name} {text} split at {at}");
            }
            assert_eq!(decoded(wire, bytes.chunks(1)), whole, "{name} {text} byte by byte");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_reads_give_the_same_chunks(wire in 0..WIRES.len(), text in 0..STREAMS.len(), mut cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        let wire = WIRES[wire].1;
        let bytes = runtime.block_on(async { recorded(&Simulator::start().await.expect("simulator"), wire, STREAMS[text]).await });
        cuts.sort_by_key(|cut| cut.index(bytes.len() + 1));
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.push(bytes.len());
        let mut from = 0;
        let reads: Vec<&[u8]> = places.iter().map(|to| { let read = &bytes[from..*to]; from = *to; read }).collect();
        prop_assert_eq!(decoded(wire, reads.into_iter()), decoded(wire, [&bytes[..]].into_iter()));
    }
}
