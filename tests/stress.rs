//! Many calls at once against vendors of which three in ten fail, in every way the simulator knows: every call ends in an
//! answer or a typed error, none takes longer than its deadline, and nothing is left behind. 10,000 calls unless
//! `JUNTO_STRESS=2000` says otherwise.
#![expect(clippy::expect_used, reason = "a call that must work and does not is a failure like any other")]
#![expect(clippy::disallowed_methods, reason = "the test watches real time, and its size comes from the environment")]

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use junto::{ChatRequest, Client, Error, catalog::Catalog};
use junto_simulator::{Behavior, Simulator};

const CONCURRENCY: usize = 64;
const DEADLINE: Duration = Duration::from_secs(2);
const FAULTS: &[&str] = &[
    "status=400",
    "status=400,reason=context_length",
    "status=401",
    "status=402",
    "status=403",
    "status=404",
    "status=408",
    "status=413",
    "status=422",
    "status=429",
    "status=429,retry-after=1",
    "status=500",
    "status=502",
    "status=503",
    "status=504",
    "status=529",
    "error-in-200",
    "html",
    "empty",
    "reset",
    "silence",
    "latency=300ms",
    "ttft=300ms",
    "cut=0",
    "cut=3",
    "truncate=0",
    "truncate=3",
    "malformed=0",
    "malformed=3",
    "stall=0",
    "stall=3",
    "error-event=0",
    "error-event=3",
    "linger",
];
const WELL: &[&str] = &["ok", "tools=2", "thinking", "refusal", "length", "chunks=200"];

/// A number from a number; the finaliser of splitmix64.
fn mixed(number: usize) -> usize {
    let mut word = (number as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (word ^ word >> 31) as usize
}

fn behavior(number: usize) -> Behavior {
    let draw = mixed(number);
    let choice = if draw % 10 < 3 { FAULTS[draw / 10 % FAULTS.len()] } else { WELL[draw / 10 % WELL.len()] };
    choice.parse().expect(choice)
}

fn client(sim: &Simulator) -> Client {
    let providers = [("alpha", "openai_chat"), ("beta", "anthropic"), ("gamma", "gemini")];
    let rows: Vec<String> = providers
        .iter()
        .map(|(name, wire)| format!(r#""{name}": {{"base_url": "{}", "api_key": "key", "protocol": "{wire}"}}"#, sim.base_url(name)))
        .collect();
    let endpoints: Vec<String> = providers
        .iter()
        .map(|(name, _)| format!(r#"{{"provider": "{name}", "upstream": "sim-model", "price": {{"prompt": 1, "completion": 1}}}}"#))
        .collect();
    let catalog =
        format!(r#"{{"models": [{{"slug": "test/model", "name": "Model", "context": 100000, "endpoints": [{}]}}]}}"#, endpoints.join(", "));
    Client::builder()
        .config_json(&format!(r#"{{"env": false, "providers": {{{}}}}}"#, rows.join(", ")))
        .catalog(Arc::new(Catalog::from_json(&catalog).expect("catalog")))
        .timeout(DEADLINE)
        .first_content_timeout(Duration::from_millis(200))
        .idle_timeout(Duration::from_millis(200))
        .build()
        .expect("client")
}

async fn call(client: &Client, number: usize) -> Result<(), Error> {
    let request = ChatRequest::new("test/model").user(format!("Question {number}"));
    if number.is_multiple_of(2) {
        let answer = client.chat(request).await?;
        assert!(!answer.choices.is_empty(), "an answer without a choice");
        return Ok(());
    }
    let mut stream = client.stream(request).await?;
    let mut finished = false;
    while let Some(chunk) = stream.next().await {
        finished = chunk?.choices.iter().any(|choice| choice.finish_reason.is_some()) || finished;
    }
    assert!(finished, "a stream that just stopped");
    Ok(())
}

/// Runs these calls; how often each kind of end came, and the longest call.
async fn run(client: &Client, numbers: std::ops::Range<usize>) -> (BTreeMap<&'static str, usize>, Duration) {
    let calls = stream::iter(numbers).map(|number| {
        let client = client.clone();
        async move {
            let started = Instant::now();
            let result = call(&client, number).await;
            (result.map_or_else(|error| error.kind().name(), |()| "answered"), started.elapsed())
        }
    });
    let mut ends = BTreeMap::new();
    let mut longest = Duration::ZERO;
    let mut calls = calls.buffer_unordered(CONCURRENCY);
    while let Some((end, took)) = calls.next().await {
        *ends.entry(end).or_default() += 1;
        longest = longest.max(took);
    }
    (ends, longest)
}

/// Memory that is in use, in KiB; `None` where the system does not say.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?.parse().ok()
}

async fn until(what: &str, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(5), "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_ends_and_nothing_is_left_behind() {
    let total: usize = std::env::var("JUNTO_STRESS").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let tasks_before = tasks();
    let sim = Simulator::start().await.expect("simulator");
    sim.stop_recording();
    for (salt, name) in ["alpha", "beta", "gamma"].into_iter().enumerate() {
        sim.behave_with(name, move |at| behavior(at * 3 + salt));
    }
    let client = client(&sim);

    // The first fifth fills the pool, the caches and the windows of health.
    let started = Instant::now();
    let (mut ends, mut longest) = run(&client, 0..total / 5).await;
    let memory_before = resident();
    let (more, longer) = run(&client, total / 5..total).await;
    let memory_after = resident();
    longest = longest.max(longer);
    for (end, count) in more {
        *ends.entry(end).or_default() += count;
    }
    println!("{total} calls in {:.1?}, {} requests, longest {longest:.1?}: {ends:?}", started.elapsed(), sim.count());

    assert_eq!(ends.values().sum::<usize>(), total);
    assert!(ends["answered"] * 10 >= total * 6, "most calls are answered: {ends:?}");
    // The slack is for the machine, not for the router.
    assert!(longest < DEADLINE + Duration::from_secs(1), "longest call: {longest:?}");
    if let (Some(before), Some(after)) = (memory_before, memory_after) {
        println!("resident: {before} KiB after a fifth, {after} KiB at the end");
        assert!(after < before + 20 * 1024, "memory grew from {before} to {after} KiB");
    }
    until("requests are still being answered", || sim.open_requests() == 0).await;
    drop(client);
    until("connections outlive the client", || sim.open_connections() == 0).await;
    drop(sim);
    until("tasks outlive the client", || tasks() <= tasks_before).await;
}
