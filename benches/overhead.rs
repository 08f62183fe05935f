//! What a whole call costs, beside bare reqwest and `serde_json::Value` on the same bytes in the same run.
//!
//! CPU time of the calling thread alone, as the kernel accounts it; the simulated vendors run on a thread of their own.
//! The two sides take turns in short rounds, and the ratio is the median over rounds, so a noisy machine harms both alike.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints, and one that fails should stop")]

use std::{sync::mpsc, thread};

use futures_util::StreamExt;
use junto::{ChatRequest, Client};
use junto_benches::cpu;
use junto_simulator::{Behavior, Content, Simulator};
use serde_json::{Value, json};

const ROUNDS: usize = 41;
const CALLS: usize = 50;
const STREAMS: usize = 2;
const CHUNKS: usize = 1_000;

fn simulator() -> (String, String, String) {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let simulator = Simulator::start().await.expect("a port");
            simulator.stop_recording();
            simulator.behave("openai", Behavior::content(Content::Chunks(CHUNKS)));
            // A 400 of one model moves on to the next and never opens a breaker, so every call falls over.
            simulator.behave("azure", Behavior::status(400));
            let url = |provider| simulator.base_url(provider);
            tell.send((url("openai"), url("groq"), url("azure"))).expect("a listener");
            std::future::pending::<()>().await;
        });
    });
    told.recv().expect("the simulator's URLs")
}

fn client(provider: &str, url: &str, broken: Option<&str>) -> Client {
    let mut builder = Client::builder().env(false).seed(7).api_key(provider, "sk-bench").base_url(provider, url);
    if let Some(broken) = broken {
        builder = builder.api_key("together", "sk-bench").base_url("together", broken);
    }
    builder.build().expect("a client")
}

#[expect(clippy::disallowed_types, reason = "the yardstick is bare reqwest")]
fn bare() -> reqwest::Client {
    // Without a provider this reqwest does not build, and the bench is a host process of its own.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

async fn bare_call(client: &(impl Fn(String, bool) -> reqwest::RequestBuilder + Sync), url: &str, stream: bool) -> usize {
    let response = client(format!("{url}/chat/completions"), stream).send().await.expect("an answer");
    if !stream {
        let body = response.bytes().await.expect("a body");
        let answer: Value = serde_json::from_slice(&body).expect("JSON");
        return answer["choices"][0]["message"]["content"].as_str().map_or(0, str::len);
    }
    let (mut body, mut rest, mut length) = (response.bytes_stream(), Vec::new(), 0);
    while let Some(bytes) = body.next().await {
        rest.extend_from_slice(&bytes.expect("bytes"));
        let mut from = 0;
        while let Some(at) = rest[from..].windows(2).position(|pair| pair == b"\n\n") {
            let data = rest[from..from + at].strip_prefix(b"data: ").unwrap_or_default();
            if data != b"[DONE]" && !data.is_empty() {
                let chunk: Value = serde_json::from_slice(data).expect("JSON");
                length += chunk["choices"][0]["delta"]["content"].as_str().map_or(0, str::len);
            }
            from += at + 2;
        }
        rest.drain(..from);
    }
    length
}

async fn junto_call(client: &Client, request: &ChatRequest, stream: bool) -> usize {
    if !stream {
        return client.chat(request.clone()).await.expect("an answer").text().len();
    }
    let (mut chunks, mut length) = (client.stream(request.clone()).await.expect("a stream"), 0);
    while let Some(chunk) = chunks.next().await {
        length += chunk.expect("a chunk").text().len();
    }
    length
}

fn main() {
    // `cargo test --benches` runs this too; it has nothing to check there.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let (flood, plain, broken) = simulator();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let http = bare();
    let send = |url: String, stream: bool| {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "What is the airspeed velocity of an unladen swallow?"}], "stream": stream});
        http.post(url).header("content-type", "application/json").header("authorization", "Bearer sk-bench").body(body.to_string())
    };
    let request = ChatRequest::new("groq/m").user("What is the airspeed velocity of an unladen swallow?");
    let one = client("groq", &plain, None);
    let many = client("groq", &flood, None);
    let fallback = client("groq", &plain, Some(&broken));
    let mut failing = request.clone();
    "together/m".clone_into(&mut failing.model);
    failing.models = vec!["groq/m".to_owned()];

    println!("{:<32} {:>12} {:>12} {:>7}", "CPU per call, microseconds", "junto", "bare", "ratio");
    row(&runtime, "request", CALLS, || junto_call(&one, &request, false), || bare_call(&send, &plain, false));
    row(&runtime, "fallback against one request", CALLS, || junto_call(&fallback, &failing, false), || bare_call(&send, &plain, false));
    row(&runtime, "stream of 1,000 chunks", STREAMS, || junto_call(&many, &request, true), || bare_call(&send, &flood, true));
}

fn row<A: Future<Output = usize>, B: Future<Output = usize>>(
    runtime: &tokio::runtime::Runtime,
    name: &str,
    calls: usize,
    mut ours: impl FnMut() -> A,
    mut bare: impl FnMut() -> B,
) {
    let mut rounds: Vec<(f64, f64)> = (0..ROUNDS)
        .map(|_| {
            let start = cpu();
            (0..calls).for_each(|_| assert!(runtime.block_on(ours()) > 0));
            let middle = cpu();
            (0..calls).for_each(|_| assert!(runtime.block_on(bare()) > 0));
            let per_call = |ns: u64| ns as f64 / 1e3 / calls as f64;
            (per_call(middle - start), per_call(cpu() - middle))
        })
        .collect();
    rounds.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
    let (ours, bare) = rounds[ROUNDS / 2];
    println!("{name:<32} {ours:>12.1} {bare:>12.1} {:>7.2}", ours / bare);
}
