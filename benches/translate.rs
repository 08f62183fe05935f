//! What translation costs: encode, decode, and one streamed chunk of each protocol.
#![expect(clippy::expect_used, reason = "one that fails should stop")]

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write,
    hint::black_box,
    sync::Arc,
};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use junto::{
    ChatRequest,
    catalog::Endpoint,
    protocols::{self, Call},
    providers::{ProtocolName, Provider},
};
use junto_benches::{CpuTime, criterion};
use junto_simulator::aws_frame;

const CHUNKS: usize = 1_000;
/// Bytes per network read; a TLS record holds a few events.
const READ: usize = 1_400;

const WORDS: [&str; 8] = ["The", " quick", " brown", " fox", " jumps", " über", " the", " \\\"lazy\\\" dog."];

fn openai(n: usize) -> String {
    let head = r#"{"id":"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG","object":"chat.completion.chunk","created":1764000000,"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":"#;
    let mut out = format!(
        "data: {head}{{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}},\"logprobs\":null,\"finish_reason\":null}}],\"usage\":null}}\n\n"
    );
    for at in 0..n {
        let word = WORDS[at % WORDS.len()];
        let _ = write!(out, "data: {head}{{\"content\":\"{word}\"}},\"logprobs\":null,\"finish_reason\":null}}],\"usage\":null}}\n\n");
    }
    let _ = write!(out, "data: {head}{{}},\"logprobs\":null,\"finish_reason\":\"stop\"}}],\"usage\":null}}\n\n");
    out.push_str("data: [DONE]\n\n");
    out
}

fn anthropic(n: usize) -> String {
    let mut out = String::from(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_01XFDUDYJgAACzvnptvVoYEL\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5-20250929\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    );
    for at in 0..n {
        let word = WORDS[at % WORDS.len()];
        let _ = write!(
            out,
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{word}\"}}}}\n\n"
        );
    }
    out.push_str("event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":15}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    out
}

fn gemini(n: usize) -> String {
    let mut out = String::new();
    for at in 0..n {
        let word = WORDS[at % WORDS.len()];
        let finish = if at + 1 == n { ",\"finishReason\":\"STOP\"" } else { "" };
        let _ = write!(
            out,
            "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"{word}\"}}],\"role\":\"model\"}}{finish},\"index\":0}}],\"usageMetadata\":{{\"promptTokenCount\":25,\"candidatesTokenCount\":{at},\"totalTokenCount\":{}}},\"modelVersion\":\"gemini-2.0-flash\",\"responseId\":\"aBcDeFgH\"}}\r\n\r\n",
            25 + at
        );
    }
    out
}

fn bedrock(n: usize) -> Vec<u8> {
    let event = |kind: &str, payload: &str| {
        aws_frame(&[(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")], payload.as_bytes())
    };
    let mut out = event("messageStart", r#"{"p":"abcdefghij","role":"assistant"}"#);
    for at in 0..n {
        let word = WORDS[at % WORDS.len()];
        out.extend(event("contentBlockDelta", &format!(r#"{{"contentBlockIndex":0,"delta":{{"text":"{word}"}},"p":"abcdefghij"}}"#)));
    }
    out.extend(event("contentBlockStop", r#"{"contentBlockIndex":0,"p":"ab"}"#));
    out.extend(event("messageStop", r#"{"p":"ab","stopReason":"end_turn"}"#));
    let usage = r#"{"metrics":{"latencyMs":700},"p":"ab","usage":{"inputTokens":25,"outputTokens":15,"totalTokens":40}}"#;
    out.extend(event("metadata", usage));
    out
}

fn cohere(n: usize) -> String {
    let mut out = String::from(
        "event: message-start\ndata: {\"id\":\"c14c80c3\",\"type\":\"message-start\",\"delta\":{\"message\":{\"role\":\"assistant\",\"content\":[],\"tool_plan\":\"\",\"tool_calls\":[],\"citations\":[]}}}\n\n",
    );
    for at in 0..n {
        let word = WORDS[at % WORDS.len()];
        let _ = write!(
            out,
            "event: content-delta\ndata: {{\"type\":\"content-delta\",\"index\":0,\"delta\":{{\"message\":{{\"content\":{{\"text\":\"{word}\"}}}}}}}}\n\n"
        );
    }
    out.push_str("event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"COMPLETE\",\"usage\":{\"tokens\":{\"input_tokens\":25,\"output_tokens\":15}}}}\n\n");
    out
}

fn ollama(n: usize) -> String {
    let head = r#"{"model":"qwen3:8b","created_at":"2026-01-01T00:00:00.000000Z","message":{"role":"assistant","content":""#;
    let mut out = String::new();
    for at in 0..n {
        let _ = writeln!(out, r#"{head}{}"}},"done":false}}"#, WORDS[at % WORDS.len()]);
    }
    let _ = writeln!(out, r#"{head}"}},"done":true,"done_reason":"stop","prompt_eval_count":25,"eval_count":15}}"#);
    out
}

fn responses(n: usize) -> String {
    let response = r#"{"id":"resp_67c9fdcecf48","object":"response","created_at":1764000000,"model":"gpt-4o-2024-08-06","output":[],"#;
    let mut out =
        format!("event: response.created\ndata: {{\"type\":\"response.created\",\"response\":{response}\"status\":\"in_progress\"}}}}\n\n");
    for at in 0..n {
        let word = WORDS[at % WORDS.len()];
        let _ = write!(
            out,
            "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"sequence_number\":{at},\"item_id\":\"msg_67c9fdcf37fc\",\"output_index\":0,\"content_index\":0,\"delta\":\"{word}\",\"logprobs\":[],\"obfuscation\":\"aBcDeFgH\"}}\n\n"
        );
    }
    let _ = write!(
        out,
        "event: response.completed\ndata: {{\"type\":\"response.completed\",\"response\":{response}\"status\":\"completed\",\"usage\":{{\"input_tokens\":25,\"output_tokens\":15,\"total_tokens\":40}}}}}}\n\n"
    );
    out
}

struct Setting {
    request: ChatRequest,
    endpoint: Endpoint,
    provider: Provider,
    options: BTreeMap<String, String>,
    id: Arc<str>,
}

impl Setting {
    fn new(protocol: ProtocolName) -> Self {
        let mut request = ChatRequest::new("author/model").system("You are terse.");
        for at in 0..10 {
            request = request.user(format!("Question {at}: what is the airspeed velocity of an unladen swallow, in metres per second?"));
            request = request.assistant("About eleven, for the European one; of the African one nothing certain is known.");
        }
        Self {
            request: request.user("And in furlongs per fortnight?"),
            endpoint: Endpoint::unknown("author/model", "provider", "model"),
            provider: Provider { slug: "provider".to_owned(), protocol, ..Provider::default() },
            options: BTreeMap::new(),
            id: "gen-1".into(),
        }
    }

    fn call(&self, stream: bool) -> Call<'_> {
        Call {
            request: &self.request,
            endpoint: &self.endpoint,
            provider: &self.provider,
            base_url: "http://localhost/v1",
            options: &self.options,
            stream,
            id: &self.id,
            created: 1_764_000_000,
        }
    }
}

fn translate(c: &mut Criterion<CpuTime>) {
    let wires = [
        ("openai_chat", ProtocolName::OpenaiChat, openai(CHUNKS).into_bytes()),
        ("anthropic", ProtocolName::Anthropic, anthropic(CHUNKS).into_bytes()),
        ("gemini", ProtocolName::Gemini, gemini(CHUNKS).into_bytes()),
        ("bedrock", ProtocolName::Bedrock, bedrock(CHUNKS)),
        ("cohere", ProtocolName::Cohere, cohere(CHUNKS).into_bytes()),
        ("ollama", ProtocolName::Ollama, ollama(CHUNKS).into_bytes()),
        ("openai_responses", ProtocolName::OpenaiResponses, responses(CHUNKS).into_bytes()),
    ];
    let mut group = c.benchmark_group("chunk");
    group.throughput(Throughput::Elements(CHUNKS as u64));
    for (name, protocol, wire) in &wires {
        let setting = Setting::new(*protocol);
        group.bench_function(*name, |b| {
            b.iter(|| {
                let mut decoder = protocols::by_name(*protocol).decoder(&setting.call(true));
                let mut out = VecDeque::new();
                let mut count = 0;
                for read in wire.chunks(READ) {
                    decoder.push(read, &mut out).expect("chunks");
                    count += out.drain(..).map(black_box).count();
                }
                decoder.finish(&mut out).expect("the end");
                assert!(count + out.len() > CHUNKS);
            });
        });
    }
    // The yardstick: the same bytes through the same framing into a JSON tree.
    group.bench_function("openai_value_tree", |b| {
        b.iter(|| {
            let mut sse = protocols::framing::Sse::new();
            for read in wires[0].2.chunks(READ) {
                let on = |_: &[u8], data: &[u8]| {
                    if data != b"[DONE]" {
                        black_box(serde_json::from_slice::<serde_json::Value>(data)?);
                    }
                    Ok::<_, serde_json::Error>(())
                };
                sse.push(read, on).expect("JSON");
            }
        });
    });
    group.finish();

    let mut group = c.benchmark_group("encode");
    for (name, protocol, _) in &wires {
        let setting = Setting::new(*protocol);
        group.bench_function(*name, |b| b.iter(|| protocols::by_name(*protocol).encode(&setting.call(false)).expect("a request")));
    }
    group.finish();

    let answers = [
        (
            "openai_chat",
            ProtocolName::OpenaiChat,
            r#"{"id":"chatcmpl-1","object":"chat.completion","created":1764000000,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant","content":"About eleven metres per second.","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":25,"completion_tokens":7,"total_tokens":32,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp_1"}"#,
        ),
        (
            "anthropic",
            ProtocolName::Anthropic,
            r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[{"type":"text","text":"About eleven metres per second."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":25,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":7}}"#,
        ),
        (
            "gemini",
            ProtocolName::Gemini,
            r#"{"candidates":[{"content":{"parts":[{"text":"About eleven metres per second."}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":25,"candidatesTokenCount":7,"totalTokenCount":32},"modelVersion":"gemini-2.0-flash","responseId":"aBc"}"#,
        ),
    ];
    let mut group = c.benchmark_group("decode");
    for (name, protocol, body) in answers {
        let setting = Setting::new(protocol);
        let response = http::Response::new(Bytes::from_static(body.as_bytes()));
        group.bench_function(name, |b| b.iter(|| protocols::by_name(protocol).decode(&setting.call(false), &response).expect("an answer")));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = criterion();
    targets = translate
}
criterion_main!(benches);
