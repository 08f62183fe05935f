//! What a caller sees of the attempt loop, on a fixed clock and a scripted transport.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;

use crate::{
    ChatChunk, ChatRequest, Client, ErrorKind, ProviderConfig,
    auth::{KeySource, Secret},
    clock::Clock,
    transport::{Scripted, ScriptedTransport, TransportErrorKind},
    types::{Attempt, FinishReason},
};

const ANSWER: &str = r#"{"id": "c-1", "object": "chat.completion", "created": 1, "model": "m-1", "choices": [{"index": 0,
    "message": {"role": "assistant", "content": "Hello!"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}"#;
const DOWN: &str = r#"{"error": {"message": "down", "type": "server_error"}}"#;

fn event(delta: &str, rest: &str) -> String {
    format!(
        r#"data: {{"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m-1", "choices": [{{"index": 0, "delta": {delta}{rest}}}]}}"#
    ) + "\n\n"
}

fn role() -> String {
    event(r#"{"role": "assistant", "content": ""}"#, "")
}

fn text(text: &str) -> String {
    event(&format!(r#"{{"content": "{text}"}}"#), "")
}

fn end() -> String {
    event("{}", r#", "finish_reason": "stop""#)
        + r#"data: {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m-1", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}"#
        + "\n\ndata: [DONE]\n\n"
}

fn whole_stream() -> Scripted {
    Scripted::response(200, role() + &text("Hel") + &text("lo!") + &end())
}

/// A client with the providers `a`, `b` and so on, each of which serves `m`; they are asked in that order.
struct Rig {
    clock: Clock,
    transport: ScriptedTransport,
    builder: crate::ClientBuilder,
    providers: Vec<String>,
}

impl Rig {
    fn new(providers: &[&str]) -> Self {
        let clock = Clock::fixed(1_769_515_200);
        let mut builder = Client::builder().env(false).seed(1).clock(clock.clone());
        for slug in providers {
            let config = format!(
                r#"{{"providers": {{"{slug}": {{"base_url": "http://{slug}.test/v1", "api_key": "sk-{slug}-secret", "serves_any": true, "authors": ["x", "y"]}}}}}}"#
            );
            builder = builder.config_json(&config);
        }
        let transport = ScriptedTransport::new().clock(clock.clone());
        Self { clock, transport, builder, providers: providers.iter().map(|slug| (*slug).to_owned()).collect() }
    }

    fn then(mut self, answer: Scripted) -> Self {
        self.transport = self.transport.then(answer);
        self
    }

    fn with(mut self, change: impl FnOnce(crate::ClientBuilder) -> crate::ClientBuilder) -> Self {
        self.builder = change(self.builder);
        self
    }

    fn client(&self) -> Client {
        self.builder.clone().transport(Arc::new(self.transport.clone())).build().expect("client")
    }

    fn request(&self) -> ChatRequest {
        let order = serde_json::json!({"model": "x/m", "messages": [{"role": "user", "content": "Hi"}],
            "provider": {"order": self.providers, "only": self.providers}});
        ChatRequest::from_json(&order.to_string()).expect("request")
    }

    fn elapsed(&self) -> Duration {
        self.clock.unix().saturating_sub(Duration::from_secs(1_769_515_200))
    }
}

/// `provider status kind`, for each attempt.
fn tried(attempts: &[Attempt]) -> Vec<String> {
    let one = |attempt: &Attempt| {
        let status = attempt.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        let kind = attempt.error.as_ref().map_or("ok", |error| error.kind.name());
        format!("{} {status} {kind}", attempt.provider)
    };
    attempts.iter().map(one).collect()
}

#[tokio::test]
async fn one_answer() {
    let rig = Rig::new(&["a"]).then(Scripted::response(200, ANSWER));
    let answer = rig.client().chat(rig.request()).await.expect("answer");
    assert_eq!((answer.text(), answer.provider.as_str()), ("Hello!", "a"));
    let routing = answer.routing.expect("routing");
    assert_eq!(tried(&routing.attempts), ["a 200 ok"]);
    assert_eq!((routing.requested.as_str(), routing.endpoint.as_str()), ("x/m", "a"));
    let request = &rig.transport.requests()[0];
    assert_eq!(request.url, "http://a.test/v1/chat/completions");
    assert_eq!(request.headers["authorization"], "***");
}

#[tokio::test]
async fn one_stream() {
    let rig = Rig::new(&["a"]).then(whole_stream());
    let stream = rig.client().stream(rig.request()).await.expect("stream");
    let chunks: Vec<ChatChunk> = stream.map(|chunk| chunk.expect("chunk")).collect().await;
    assert_eq!(chunks.iter().map(ChatChunk::text).collect::<String>(), "Hello!");
    let last = chunks.last().expect("last");
    assert_eq!(last.usage.as_ref().and_then(|usage| usage.completion_tokens), Some(2));
    assert_eq!(tried(&last.routing.as_ref().expect("routing").attempts), ["a 200 ok"]);
    assert!(chunks.iter().all(|chunk| *chunk.id == *"c-1" && *chunk.provider == *"a"));
}

#[tokio::test]
async fn a_batch_is_what_one_read_brought() {
    let script = Scripted::reads(200, [role() + &text("a") + &text("b"), text("c"), end()]).header("content-type", "text/event-stream");
    let rig = Rig::new(&["a"]).then(script);
    let mut stream = rig.client().stream(rig.request()).await.expect("stream");
    let mut sizes = Vec::new();
    while let Some(batch) = stream.next_batch().await {
        sizes.push(batch.expect("batch").iter().map(ChatChunk::text).collect::<String>());
    }
    assert_eq!(sizes, ["ab", "c", ""]);
}

#[tokio::test]
async fn the_next_endpoint_takes_over_without_waiting() {
    for (status, kind) in [
        (401, "Authentication"),
        (402, "InsufficientCredits"),
        (403, "PermissionDenied"),
        (404, "ModelNotFound"),
        (429, "RateLimited"),
        (500, "Upstream"),
        (503, "Overloaded"),
        (529, "Overloaded"),
    ] {
        let rig = Rig::new(&["a", "b"]).then(Scripted::response(status, DOWN)).then(Scripted::response(200, ANSWER));
        let answer = rig.client().chat(rig.request()).await.expect("answer");
        assert_eq!(tried(&answer.routing.expect("routing").attempts), [format!("a {status} {kind}"), "b 200 ok".to_owned()]);
        assert_eq!(rig.elapsed(), Duration::ZERO, "{status}");
    }
}

#[tokio::test]
async fn no_connection_an_empty_body_and_an_error_in_a_200_move_on() {
    let failures = [
        Scripted::error(TransportErrorKind::Connect, "refused"),
        Scripted::response(200, ""),
        Scripted::response(200, r#"{"error": {"message": "no capacity", "type": "server_error", "code": 500}}"#),
        Scripted::response(200, r#"{"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": []}"#),
        Scripted::reads(200, ["<html><body>Sign in</body></html>"]).header("content-type", "text/html"),
        Scripted::reads(200, [r#"{"id": "#]).then_error(Duration::ZERO, TransportErrorKind::Interrupted, "reset"),
    ];
    for failure in failures {
        let rig = Rig::new(&["a", "b"]).then(failure.clone()).then(Scripted::response(200, ANSWER));
        let answer = rig.client().chat(rig.request()).await.expect("answer");
        assert_eq!(answer.provider, "b", "{failure:?}");
        let rig = Rig::new(&["a", "b"]).then(failure.clone()).then(whole_stream());
        let stream = rig.client().stream(rig.request()).await.expect("stream");
        assert_eq!(stream.provider(), "b", "{failure:?}");
    }
}

#[tokio::test]
async fn the_callers_fault_is_told_at_once_and_tried_on_the_next_model_only() {
    const WRONG: &str = r#"{"error": {"message": "bad temperature", "type": "invalid_request_error", "param": "temperature"}}"#;
    let rig = Rig::new(&["a", "b"]).then(Scripted::response(400, WRONG));
    let error = rig.client().chat(rig.request()).await.expect_err("bad request");
    assert_eq!(
        (error.kind(), error.provider(), tried(error.attempts())),
        (ErrorKind::BadRequest, Some("a"), vec!["a 400 BadRequest".to_owned()])
    );

    let rig = Rig::new(&["a", "b"]).then(Scripted::response(400, WRONG)).then(Scripted::response(200, ANSWER));
    let request = ChatRequest { models: vec!["y/n".into()], ..rig.request() };
    let answer = rig.client().chat(request).await.expect("answer");
    let routing = answer.routing.expect("routing");
    assert_eq!((routing.model.as_str(), tried(&routing.attempts)), ("y/n", vec!["a 400 BadRequest".to_owned(), "a 200 ok".to_owned()]));
}

#[tokio::test]
async fn the_last_endpoint_left_is_retried_in_place_with_full_jitter() {
    let rig =
        Rig::new(&["a"]).then(Scripted::response(503, DOWN)).then(Scripted::response(500, DOWN)).then(Scripted::response(200, ANSWER));
    rig.clock.script_random([0.5, 0.5, 0.5]);
    let answer = rig.client().chat(rig.request()).await.expect("answer");
    assert_eq!(tried(&answer.routing.expect("routing").attempts), ["a 503 Overloaded", "a 500 Upstream", "a 200 ok"]);
    assert_eq!(rig.elapsed(), Duration::from_millis(250 + 500));
}

#[tokio::test]
async fn retry_after_is_obeyed_when_longer_but_not_past_the_deadline() {
    let limited = || Scripted::response(429, DOWN).header("retry-after", "20");
    let rig = Rig::new(&["a"]).then(limited()).then(Scripted::response(200, ANSWER));
    rig.client().chat(rig.request()).await.expect("answer");
    assert_eq!(rig.elapsed(), Duration::from_secs(20));

    let rig = Rig::new(&["a"]).then(limited()).with(|builder| builder.timeout(Duration::from_secs(10)));
    let error = rig.client().chat(rig.request()).await.expect_err("too long");
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(20))));
    assert_eq!((rig.elapsed(), rig.transport.requests().len()), (Duration::ZERO, 1));
}

#[tokio::test]
async fn an_endpoint_that_failed_for_now_is_the_last_one_left_after_one_that_is_out_for_good() {
    let rig =
        Rig::new(&["a", "b"]).then(Scripted::response(503, DOWN)).then(Scripted::response(401, DOWN)).then(Scripted::response(200, ANSWER));
    let answer = rig.client().chat(rig.request()).await.expect("answer");
    assert_eq!(tried(&answer.routing.expect("routing").attempts), ["a 503 Overloaded", "b 401 Authentication", "a 200 ok"]);
}

#[tokio::test]
async fn keys_rotate_before_endpoints_and_the_working_one_is_remembered() {
    let rig = Rig::new(&["a", "b"])
        .with(|builder| builder.api_keys("a", ["sk-first-key", "sk-second-key"]))
        .then(Scripted::response(401, r#"{"error": {"message": "bad key sk-first-key"}}"#))
        .then(Scripted::response(200, ANSWER))
        .then(Scripted::response(200, ANSWER));
    let client = rig.client();
    let answer = client.chat(rig.request()).await.expect("answer");
    let attempts = answer.routing.expect("routing").attempts;
    assert_eq!(tried(&attempts), ["a 401 Authentication", "a 200 ok"]);
    assert_eq!(attempts[0].error.as_ref().expect("error").message, "bad key ***");
    let answer = client.chat(rig.request()).await.expect("answer");
    assert_eq!(tried(&answer.routing.expect("routing").attempts), ["a 200 ok"]);
}

#[tokio::test]
async fn a_callback_gives_the_key_of_each_attempt() {
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let source = KeySource::new(move || {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move { Ok(Secret::new(format!("sk-callback-{number}"))) }
    });
    let rig = Rig::new(&["a"])
        .with(|builder| builder.api_key_from("a", source))
        .then(Scripted::response(503, r#"{"error": {"message": "not for sk-callback-0"}}"#))
        .then(Scripted::response(200, ANSWER));
    let answer = rig.client().chat(rig.request()).await.expect("answer");
    let attempts = answer.routing.expect("routing").attempts;
    assert_eq!(attempts[0].error.as_ref().expect("error").message, "not for ***");
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 2);
    assert!(rig.transport.requests().iter().all(|request| request.headers.contains_key("authorization")));
}

#[tokio::test]
async fn without_fallbacks_the_endpoints_own_error_comes_back() {
    let rig = Rig::new(&["a", "b"]).then(Scripted::response(401, r#"{"error": {"message": "bad key"}}"#));
    let mut request = rig.request();
    let preferences = serde_json::json!({"order": ["a"], "allow_fallbacks": false});
    request.provider = Some(serde_json::from_value(preferences).expect("preferences"));
    let error = rig.client().chat(request).await.expect_err("error");
    assert_eq!((error.kind(), error.provider(), error.message()), (ErrorKind::Authentication, Some("a"), "bad key"));
    assert_eq!(rig.transport.requests().len(), 1);
}

#[tokio::test]
async fn a_stall_leaves_time_for_the_next_endpoint() {
    let stalled = Scripted::response(200, ANSWER).delay(Duration::from_secs(3600));
    let rig =
        Rig::new(&["a", "b"]).then(stalled).then(Scripted::response(200, ANSWER)).with(|builder| builder.timeout(Duration::from_secs(8)));
    let answer = rig.client().chat(rig.request()).await.expect("answer");
    assert_eq!(tried(&answer.routing.expect("routing").attempts), ["a - Timeout", "b 200 ok"]);
    assert_eq!(rig.elapsed(), Duration::from_secs(4));
}

#[tokio::test]
async fn the_deadline_covers_all_attempts() {
    let stalled = Scripted::response(200, ANSWER).delay(Duration::from_secs(3600)).repeated();
    let rig = Rig::new(&["a", "b"]).then(stalled).with(|builder| builder.timeout(Duration::from_secs(8)));
    let error = rig.client().chat(rig.request()).await.expect_err("timeout");
    assert_eq!((error.kind(), error.status()), (ErrorKind::Timeout, 504));
    assert_eq!(
        (rig.elapsed(), tried(error.attempts())),
        (Duration::from_secs(8), vec!["a - Timeout".to_owned(), "b - Timeout".to_owned()])
    );
}

#[tokio::test]
async fn before_its_first_content_a_stream_falls_back_silently() {
    let late = Scripted::reads(200, [role()]).header("content-type", "text/event-stream").then(Duration::from_secs(3600), text("late"));
    let cut = Scripted::reads(200, [role()]).header("content-type", "text/event-stream");
    let failed = Scripted::response(200, role() + "data: {\"error\": {\"message\": \"overloaded\", \"code\": 503}}\n\n");
    for failure in [late, cut, failed] {
        let rig = Rig::new(&["a", "b"])
            .then(failure.clone())
            .then(whole_stream())
            .with(|builder| builder.first_content_timeout(Duration::from_secs(5)));
        let stream = rig.client().stream(rig.request()).await.expect("stream");
        let chunks: Vec<ChatChunk> = stream.map(|chunk| chunk.expect("chunk")).collect().await;
        assert_eq!(chunks.iter().map(ChatChunk::text).collect::<String>(), "Hello!", "{failure:?}");
        assert!(chunks.iter().all(|chunk| *chunk.provider == *"b"));
        assert_eq!(chunks.last().and_then(|last| last.routing.as_ref()).map(|routing| routing.attempts.len()), Some(2));
    }
}

#[tokio::test]
async fn after_its_first_content_a_failure_is_told_in_band_and_as_an_error() {
    let begun = || Scripted::reads(200, [role() + &text("Hel")]).header("content-type", "text/event-stream");
    let cases = [
        (begun(), ErrorKind::Upstream),
        (begun().then_error(Duration::ZERO, TransportErrorKind::Interrupted, "reset"), ErrorKind::Transport),
        (begun().then(Duration::ZERO, "data: {\"error\": {\"message\": \"overloaded\", \"code\": 503}}\n\n"), ErrorKind::Overloaded),
        (begun().then(Duration::from_secs(3600), text("lo!")), ErrorKind::Timeout),
    ];
    for (script, kind) in cases {
        let rig = Rig::new(&["a", "b"]).then(script.clone()).with(|builder| builder.idle_timeout(Duration::from_secs(30)));
        let mut items: Vec<_> = rig.client().stream(rig.request()).await.expect("stream").collect().await;
        let error = items.pop().expect("items").expect_err("ends with the error");
        assert_eq!((error.kind(), error.provider(), error.attempts().len()), (kind, Some("a"), 1), "{script:?}");
        let chunks: Vec<ChatChunk> = items.into_iter().map(|item| item.expect("chunk")).collect();
        assert_eq!(chunks.iter().map(ChatChunk::text).collect::<String>(), "Hel");
        let last = chunks.last().expect("last");
        assert_eq!(last.choices[0].finish_reason, Some(FinishReason::Error));
        assert_eq!(last.error.as_ref().expect("in band").code, kind.code());
        assert_eq!((&*last.id, &*last.model), ("c-1", "m-1"));
        assert_eq!(rig.transport.requests().len(), 1, "no silent restart");
    }
}

#[tokio::test]
async fn pings_keep_a_stream_alive() {
    let mut script = Scripted::reads(200, [role() + &text("Hel")]).header("content-type", "text/event-stream");
    for _ in 0..10 {
        script = script.then(Duration::from_secs(20), ": ping\n\n");
    }
    let rig = Rig::new(&["a"])
        .then(script.then(Duration::from_secs(20), text("lo!") + &end()))
        .with(|builder| builder.idle_timeout(Duration::from_secs(30)));
    let chunks: Vec<_> = rig.client().stream(rig.request()).await.expect("stream").collect().await;
    assert!(chunks.iter().all(Result::is_ok), "{chunks:?}");
}

#[tokio::test]
async fn an_explicit_timeout_ends_a_stream_that_drips() {
    let mut script = Scripted::reads(200, [role()]).header("content-type", "text/event-stream");
    for _ in 0..100 {
        script = script.then(Duration::from_secs(1), text("x"));
    }
    let rig = Rig::new(&["a"]).then(script).with(|builder| builder.timeout(Duration::from_secs(10)));
    let items: Vec<_> = rig.client().stream(rig.request()).await.expect("stream").collect().await;
    assert_eq!(items.last().expect("items").as_ref().expect_err("deadline").kind(), ErrorKind::Timeout);
    assert_eq!(rig.elapsed(), Duration::from_secs(10));
}

#[tokio::test]
async fn a_stream_answered_with_one_object_still_streams() {
    let rig = Rig::new(&["a"]).then(Scripted::response(200, ANSWER));
    let chunks: Vec<ChatChunk> =
        rig.client().stream(rig.request()).await.expect("stream").map(|chunk| chunk.expect("chunk")).collect().await;
    assert_eq!(chunks.iter().map(ChatChunk::text).collect::<String>(), "Hello!");
    assert_eq!(chunks.last().and_then(|last| last.usage.as_ref()).and_then(|usage| usage.prompt_tokens), Some(3));
}

#[tokio::test]
async fn an_endpoint_that_keeps_failing_is_left_alone_then_probed() {
    let rig = Rig::new(&["a", "b"])
        .then(Scripted::response(503, DOWN).to("a.test").repeated())
        .then(Scripted::response(200, ANSWER).to("b.test").repeated());
    let client = rig.client();
    let mut asked_a = Vec::new();
    for _ in 0..10 {
        client.chat(rig.request()).await.expect("b serves");
        asked_a.push(rig.transport.requests().iter().filter(|request| request.url.contains("a.test")).count());
    }
    assert_eq!(asked_a.last(), Some(&5), "{asked_a:?}");
    rig.clock.advance(Duration::from_secs(10));
    client.chat(rig.request()).await.expect("b serves");
    client.chat(rig.request()).await.expect("b serves");
    assert_eq!(rig.transport.requests().iter().filter(|request| request.url.contains("a.test")).count(), 6, "one probe");
}

#[tokio::test]
async fn a_vendor_that_is_down_sees_at_most_a_fifth_more() {
    let rig = Rig::new(&["a"]).then(Scripted::response(503, DOWN).repeated());
    let client = rig.client();
    for _ in 0..100 {
        client.chat(rig.request()).await.expect_err("down");
    }
    let seen = rig.transport.requests().len();
    assert!((100..=120).contains(&seen), "{seen}");
}

#[tokio::test]
async fn a_rate_limited_endpoint_is_left_alone_for_what_it_said() {
    let rig = Rig::new(&["a", "b"])
        .then(Scripted::response(429, DOWN).header("retry-after", "60").to("a.test"))
        .then(Scripted::response(200, ANSWER).repeated());
    let client = rig.client();
    let served = || async { client.chat(rig.request()).await.expect("answer").provider };
    assert_eq!(served().await, "b");
    assert_eq!(served().await, "b");
    rig.clock.advance(Duration::from_secs(60));
    assert_eq!(served().await, "a");
}

#[tokio::test]
async fn no_key_leaves_in_errors() {
    let echo = r#"{"error": {"message": "key sk-a-secret is wrong", "code": "sk-a-secret"}, "seen": ["Bearer sk-a-secret"]}"#;
    for status in [400, 401, 500] {
        let rig = Rig::new(&["a"]).then(Scripted::response(status, echo).repeated());
        let error = rig.client().chat(rig.request()).await.expect_err("error");
        let everything = format!("{error} {error:?} {}", error.to_json());
        assert!(!everything.contains("sk-a-secret"), "{everything}");
    }
}

#[tokio::test]
async fn signed_reasoning_goes_to_its_issuer_only() {
    let rig = Rig::new(&["a", "b"]).then(Scripted::response(503, DOWN)).then(Scripted::response(200, ANSWER));
    let json = serde_json::json!({"model": "x/m", "provider": {"order": ["a", "b"], "only": ["a", "b"]}, "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hm", "reasoning_details": [
            {"type": "reasoning.encrypted", "data": "from-a", "provider": "a"}, {"type": "reasoning.encrypted", "data": "from-b", "provider": "b"}]},
        {"role": "user", "content": "Go on"}]});
    rig.client().chat(ChatRequest::from_json(&json.to_string()).expect("request")).await.expect("answer");
    let bodies: Vec<String> = rig.transport.requests().iter().map(|request| String::from_utf8_lossy(&request.body).into_owned()).collect();
    assert!(!bodies[0].contains("from-b") && !bodies[1].contains("from-a"), "{bodies:?}");
}

#[test]
fn configuration_errors_name_the_field_and_never_a_key() {
    let cases = [
        (r#"{"providers": {"openai": {"api_key": 5}}}"#, "providers.openai.api_key"),
        (r#"{"providers": {"openai": {"quirks": {"drop": []}}}}"#, "providers.openai.quirks"),
        (r#"{"providers": {"openai": {"base_url": "api.openai.com"}}}"#, "providers.openai.base_url"),
        (r#"{"providers": {"mine": {"api_key": "sk-1"}}}"#, "providers.mine.base_url"),
        (r#"{"providers": "sk-1, expected"}"#, "providers"),
        (r#"{"timeout": -1}"#, "timeout"),
        (r#"{"time_out": 1}"#, "time_out"),
        (r#"{"preferences": {"sort": "fast"}}"#, "preferences"),
    ];
    for (json, field) in cases {
        let error = Client::builder().env(false).config_json(json).build().expect_err(field);
        assert!(error.param().is_some_and(|param| param.starts_with(field)), "{field}: {error:?}");
        assert!(!error.to_string().contains("sk-1"));
    }
}

#[test]
fn keys_and_urls_come_from_the_given_environment() {
    let variables = [("OPENAI_API_KEY".to_owned(), "sk-env".to_owned())].into();
    let client = Client::builder().env_map(variables).build().expect("client");
    let plan = client.explain(&ChatRequest::new("openai/gpt-4o-mini").user("Hi")).expect("plan");
    assert_eq!(&*plan.candidates[0].endpoint.provider, "openai");
    let client = Client::builder().env(false).build().expect("client");
    let error = client.explain(&ChatRequest::new("openai/gpt-4o-mini").user("Hi")).expect_err("no keys");
    assert_eq!((error.kind(), error.status()), (ErrorKind::NoEndpoint, 404));
    assert!(error.message().contains("OPENAI_API_KEY"), "{error}");
    let client = Client::builder().env(false).configure("openai", ProviderConfig::key("sk-1")).build().expect("client");
    assert!(!format!("{client:?}").contains("sk-1"));
}
