//! Anthropic Messages.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Answer, Asked, Events, PROMPT_TOKENS, Tool};

/// Stands for the vendor's signature of a thinking block.
const SIGNATURE: &str = "c2ltdWxhdGVkLXNpZ25hdHVyZQ==";

fn stop_reason(answer: &Answer) -> &'static str {
    match () {
        () if !answer.tools.is_empty() => "tool_use",
        () if answer.refusal => "refusal",
        () if answer.length => "max_tokens",
        () => "end_turn",
    }
}

/// A search that the vendor ran, and what it found.
fn search(answer: &Answer) -> [Value; 2] {
    let page = |source: &super::Source| json!({"type": "web_search_result", "url": source.url, "title": source.title, "encrypted_content": "c2lt", "page_age": null});
    let pages: Vec<Value> = answer.sources.iter().map(page).collect();
    [
        json!({"type": "server_tool_use", "id": "srvtoolu_sim", "name": "web_search", "input": {"query": "why is the sky blue"}}),
        json!({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_sim", "content": pages}),
    ]
}

fn citations(answer: &Answer) -> Vec<Value> {
    let cite = |source: &super::Source| json!({"type": "web_search_result_location", "url": source.url, "title": source.title, "encrypted_index": "c2lt", "cited_text": source.text});
    answer.sources.iter().map(cite).collect()
}

fn usage(output: usize, searches: usize) -> Value {
    json!({"server_tool_use": (searches > 0).then(|| json!({"web_search_requests": searches})),"input_tokens": PROMPT_TOKENS, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output, "service_tier": "standard"})
}

fn message(asked: &Asked, content: &Value, stop_reason: Option<&str>, output: usize, searches: usize) -> Value {
    json!({"id": "msg_sim", "type": "message", "role": "assistant", "model": asked.model, "content": content,
        "stop_reason": stop_reason, "stop_sequence": null, "usage": usage(output, searches)})
}

pub(super) fn whole(asked: &Asked, answer: &Answer) -> Value {
    let mut blocks = Vec::new();
    if !answer.reasoning.is_empty() {
        blocks.push(json!({"type": "thinking", "thinking": answer.reasoning.concat(), "signature": SIGNATURE}));
    }
    if !answer.sources.is_empty() {
        blocks.extend(search(answer));
    }
    if !answer.text.is_empty() {
        let mut block = json!({"type": "text", "text": answer.text.concat()});
        if !answer.sources.is_empty() {
            block["citations"] = citations(answer).into();
        }
        blocks.push(block);
    }
    for (at, tool) in answer.tools.iter().enumerate() {
        blocks.push(json!({"type": "tool_use", "id": format!("toolu_sim{at}"), "name": tool.name, "input": tool.value()}));
    }
    message(asked, &blocks.into(), Some(stop_reason(answer)), answer.completion_tokens(), answer.sources.len())
}

/// Writes blocks in order: start, deltas, stop. The stop of one block rides with the start of the next, so that each
/// element of `events` is one content-bearing event or the frame around it.
struct Blocks {
    index: usize,
    events: Vec<Bytes>,
    waiting: Vec<u8>,
}

impl Blocks {
    fn frame(&mut self, name: &str, json: &str) {
        self.waiting.extend_from_slice(format!("event: {name}\ndata: {json}\n\n").as_bytes());
    }

    /// One block; deltas are `(type, field, text)`. Fields come in the vendor's own order: `type` first.
    fn block<'a>(&mut self, start: &str, deltas: impl Iterator<Item = (&'a str, &'a str, &'a str)>) {
        let index = self.index;
        self.frame("content_block_start", &format!(r#"{{"type":"content_block_start","index":{index},"content_block":{start}}}"#));
        if index == 0 {
            self.frame("ping", r#"{"type": "ping"}"#);
        }
        for (kind, field, text) in deltas {
            let delta = format!(r#"{{"type":"{kind}","{field}":{}}}"#, json!(text));
            self.frame("content_block_delta", &format!(r#"{{"type":"content_block_delta","index":{index},"delta":{delta}}}"#));
            self.events.push(std::mem::take(&mut self.waiting).into());
        }
        self.frame("content_block_stop", &format!(r#"{{"type":"content_block_stop","index":{index}}}"#));
        self.index += 1;
    }

    /// One more event of the block that was written last, whose stop waits.
    fn before_stop(&mut self, name: &str, json: &str) {
        let stop = std::mem::take(&mut self.waiting);
        self.frame(name, json);
        self.waiting.extend(stop);
    }

    fn tool(&mut self, at: usize, tool: &Tool) {
        let start = format!(r#"{{"type":"tool_use","id":"toolu_sim{at}","name":{},"input":{{}}}}"#, json!(tool.name));
        let pieces = std::iter::once("").chain(tool.arguments.iter().map(String::as_str));
        self.block(&start, pieces.map(|piece| ("input_json_delta", "partial_json", piece)));
    }
}

pub(super) fn events(asked: &Asked, answer: &Answer) -> Events {
    let mut blocks = Blocks { index: 0, events: Vec::new(), waiting: Vec::new() };
    if !answer.reasoning.is_empty() {
        let pieces = answer.reasoning.iter().map(|piece| ("thinking_delta", "thinking", piece.as_str()));
        let signature = std::iter::once(("signature_delta", "signature", SIGNATURE));
        blocks.block(r#"{"type":"thinking","thinking":"","signature":""}"#, pieces.chain(signature));
    }
    if !answer.sources.is_empty() {
        for block in search(answer) {
            blocks.block(&block.to_string(), std::iter::empty());
        }
    }
    if !answer.text.is_empty() {
        let index = blocks.index;
        let pieces = answer.text.iter().map(|piece| ("text_delta", "text", piece.as_str()));
        blocks.block(r#"{"type":"text","text":""}"#, pieces);
        for citation in citations(answer) {
            let delta = json!({"type": "citations_delta", "citation": citation});
            let event = json!({"type": "content_block_delta", "index": index, "delta": delta});
            blocks.before_stop("content_block_delta", &event.to_string());
        }
    }
    for (at, tool) in answer.tools.iter().enumerate() {
        blocks.tool(at, tool);
    }
    let mut closing = Vec::new();
    if !blocks.waiting.is_empty() {
        closing.push(blocks.waiting.into());
    }
    let (reason, output) = (stop_reason(answer), answer.completion_tokens());
    let searched = json!((!answer.sources.is_empty()).then(|| json!({"web_search_requests": answer.sources.len()})));
    closing.push(Bytes::from(format!(
        "event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"{reason}\",\"stop_sequence\":null}},\
         \"usage\":{{\"server_tool_use\":{searched},\"input_tokens\":{PROMPT_TOKENS},\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\
         \"output_tokens\":{output}}}}}\n\n"
    )));
    closing.push(Bytes::from_static(b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
    let start = message(asked, &json!([]), None, 1, 0);
    let start = Bytes::from(format!("event: message_start\ndata: {{\"type\":\"message_start\",\"message\":{start}}}\n\n"));
    Events { opening: vec![start], content: blocks.events, closing }
}

pub(super) fn error(status: u16, reason: Option<&str>) -> Value {
    let (kind, message) = match (status, reason) {
        (_, Some("context_length")) => ("invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum"),
        (_, Some("content_filter")) => ("invalid_request_error", "Output blocked by content filtering policy"),
        (400 | 422, _) => ("invalid_request_error", "messages: a field of the request is invalid"),
        (401, _) => ("authentication_error", "invalid x-api-key"),
        (402, _) => ("billing_error", "Your credit balance is too low to access the Anthropic API."),
        (403, _) => ("permission_error", "Your API key does not have permission to use the specified resource."),
        (404, _) => ("not_found_error", "model: no such model"),
        (413, _) => ("request_too_large", "Request exceeds the maximum size"),
        (429, _) => ("rate_limit_error", "This request would exceed your organization's rate limit."),
        (503 | 529, _) => ("overloaded_error", "Overloaded"),
        (504, _) => ("timeout_error", "Request timed out"),
        _ => ("api_error", "Internal server error"),
    };
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_sim"})
}
