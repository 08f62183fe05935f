//! OpenAI chat completions.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Answer, Asked, Events, PROMPT_TOKENS};

const CREATED: u64 = 1_760_000_000;

fn finish_reason(answer: &Answer) -> &'static str {
    match () {
        () if !answer.tools.is_empty() => "tool_calls",
        () if answer.length => "length",
        () => "stop",
    }
}

fn usage(answer: &Answer) -> Value {
    let completion = answer.completion_tokens();
    json!({
        "prompt_tokens": PROMPT_TOKENS, "completion_tokens": completion, "total_tokens": PROMPT_TOKENS + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": answer.reasoning.len(), "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
    })
}

fn annotations(answer: &Answer) -> Vec<Value> {
    let cited = answer.citations().map(|(source, start, end)| {
        let citation = json!({"url": source.url, "title": source.title, "start_index": start, "end_index": end});
        json!({"type": "url_citation", "url_citation": citation})
    });
    cited.collect()
}

pub(super) fn whole(asked: &Asked, answer: &Answer) -> Value {
    let text = answer.text.concat();
    let mut message =
        json!({"role": "assistant", "content": (!text.is_empty()).then_some(text), "refusal": null, "annotations": annotations(answer)});
    if answer.refusal {
        message["refusal"] = message["content"].take();
    }
    if !answer.reasoning.is_empty() {
        message["reasoning_content"] = answer.reasoning.concat().into();
    }
    if !answer.tools.is_empty() {
        let call = |(at, tool): (usize, &super::Tool)| {
            json!({"id": format!("call_sim{at}"), "type": "function",
            "function": {"name": tool.name, "arguments": tool.arguments.concat()}})
        };
        message["tool_calls"] = answer.tools.iter().enumerate().map(call).collect();
    }
    json!({
        "id": "chatcmpl-sim", "object": "chat.completion", "created": CREATED, "model": asked.model,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason(answer)}],
        "usage": usage(answer), "service_tier": "default", "system_fingerprint": "fp_sim",
    })
}

pub(super) fn events(asked: &Asked, answer: &Answer) -> Events {
    // Fields in the vendor's own order: a reader may be faster, or wrong, with another.
    let frame = |choices: String, usage: Value| {
        Bytes::from(format!(
            r#"data: {{"id":"chatcmpl-sim","object":"chat.completion.chunk","created":{CREATED},"model":{},"service_tier":"default","system_fingerprint":"fp_sim","choices":[{choices}],"usage":{usage}}}{}"#,
            json!(asked.model),
            "\n\n"
        ))
    };
    let chunk = |delta: String, finish: Option<&str>| {
        frame(format!(r#"{{"index":0,"delta":{{{delta}}},"logprobs":null,"finish_reason":{}}}"#, json!(finish)), Value::Null)
    };
    let mut content: Vec<Bytes> = Vec::new();
    for piece in &answer.reasoning {
        content.push(chunk(format!(r#""reasoning_content":{}"#, json!(piece)), None));
    }
    for piece in &answer.text {
        let field = if answer.refusal { "refusal" } else { "content" };
        content.push(chunk(format!(r#""{field}":{}"#, json!(piece)), None));
    }
    let annotations = annotations(answer);
    if !annotations.is_empty() {
        content.push(chunk(format!(r#""annotations":{}"#, json!(annotations)), None));
    }
    for (at, tool) in answer.tools.iter().enumerate() {
        let name = json!(tool.name);
        let start = format!(r#"{{"index":{at},"id":"call_sim{at}","type":"function","function":{{"name":{name},"arguments":""}}}}"#);
        content.push(chunk(format!(r#""tool_calls":[{start}]"#), None));
        for piece in &tool.arguments {
            let piece = json!(piece);
            content.push(chunk(format!(r#""tool_calls":[{{"index":{at},"function":{{"arguments":{piece}}}}}]"#), None));
        }
    }
    Events {
        opening: vec![chunk(r#""role":"assistant","content":"","refusal":null"#.to_owned(), None)],
        content,
        closing: vec![
            chunk(String::new(), Some(finish_reason(answer))),
            frame(String::new(), usage(answer)),
            Bytes::from_static(b"data: [DONE]\n\n"),
        ],
    }
}

pub(super) fn error(status: u16, reason: Option<&str>) -> Value {
    let (message, kind, code) = match (status, reason) {
        (_, Some("context_length")) => (
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 200000 tokens.",
            "invalid_request_error",
            Some("context_length_exceeded"),
        ),
        (_, Some("content_filter")) => {
            ("The prompt was filtered because it triggered the content management policy.", "invalid_request_error", Some("content_filter"))
        }
        (400 | 413 | 422, _) => ("Invalid value for a field of the request.", "invalid_request_error", Some("invalid_value")),
        (401, _) => ("Incorrect API key provided.", "invalid_request_error", Some("invalid_api_key")),
        (402, _) => ("You exceeded your current balance.", "insufficient_quota", Some("insufficient_quota")),
        (403, _) => ("Country, region, or territory not supported.", "request_forbidden", Some("unsupported_country_region_territory")),
        (404, _) => ("The model does not exist or you do not have access to it.", "invalid_request_error", Some("model_not_found")),
        (429, _) => ("Rate limit reached for requests.", "requests", Some("rate_limit_exceeded")),
        (503 | 529, _) => ("The engine is currently overloaded, please try again later.", "overloaded_error", None),
        _ => ("The server had an error while processing your request. Sorry about that!", "server_error", None),
    };
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}
