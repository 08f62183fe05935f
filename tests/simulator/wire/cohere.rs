//! Cohere Chat v2.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Answer, Events, PROMPT_TOKENS, named};

fn finish_reason(answer: &Answer) -> &'static str {
    match () {
        () if !answer.tools.is_empty() => "TOOL_CALL",
        () if answer.length => "MAX_TOKENS",
        () => "COMPLETE",
    }
}

fn usage(answer: &Answer) -> Value {
    let output = answer.completion_tokens();
    json!({"billed_units": {"input_tokens": 3, "output_tokens": output}, "tokens": {"input_tokens": PROMPT_TOKENS, "output_tokens": output}})
}

pub(super) fn whole(answer: &Answer) -> Value {
    let mut content = Vec::new();
    if !answer.reasoning.is_empty() {
        content.push(json!({"type": "thinking", "thinking": answer.reasoning.concat()}));
    }
    let mut message = json!({"role": "assistant"});
    let text = answer.text.concat();
    if answer.tools.is_empty() {
        content.push(json!({"type": "text", "text": text}));
    } else {
        // Cohere says what it means to do in its plan; the text stands beside it.
        content.extend((!text.is_empty()).then(|| json!({"type": "text", "text": text})));
        let call = |(at, tool): (usize, &super::Tool)| json!({"id": format!("call_sim{at}"), "type": "function", "function": {"name": tool.name, "arguments": tool.arguments.concat()}});
        message["tool_calls"] = answer.tools.iter().enumerate().map(call).collect();
    }
    message["content"] = content.into();
    json!({"id": "sim-answer", "finish_reason": finish_reason(answer), "message": message, "usage": usage(answer)})
}

fn event(kind: &str, index: Option<usize>, delta: &Value) -> Bytes {
    let mut event = json!({"type": kind, "delta": delta});
    if let Some(index) = index {
        event["index"] = index.into();
    }
    named(kind, &event)
}

pub(super) fn events(answer: &Answer) -> Events {
    let start = json!({"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}});
    let mut opening = vec![named("message-start", &json!({"id": "sim-answer", "type": "message-start", "delta": start}))];
    let (mut content, mut at) = (Vec::new(), 0);
    for (kind, pieces) in [("thinking", &answer.reasoning), ("text", &answer.text)] {
        if pieces.is_empty() {
            continue;
        }
        let begin = event("content-start", Some(at), &json!({"message": {"content": {"type": kind, kind: ""}}}));
        if content.is_empty() { &mut opening } else { &mut content }.push(begin);
        content.extend(pieces.iter().map(|piece| event("content-delta", Some(at), &json!({"message": {"content": {kind: piece}}}))));
        at += 1;
    }
    for (number, tool) in answer.tools.iter().enumerate() {
        let call = json!({"id": format!("call_sim{number}"), "type": "function", "function": {"name": tool.name, "arguments": ""}});
        content.push(event("tool-call-start", Some(number), &json!({"message": {"tool_calls": call}})));
        let piece = |piece: &String| {
            event("tool-call-delta", Some(number), &json!({"message": {"tool_calls": {"function": {"arguments": piece}}}}))
        };
        content.extend(tool.arguments.iter().map(piece));
    }
    let end = json!({"finish_reason": finish_reason(answer), "usage": usage(answer)});
    Events { opening, content, closing: vec![event("message-end", None, &end)] }
}

pub(super) fn error(status: u16, reason: Option<&str>) -> Value {
    let message = match (status, reason) {
        (_, Some("context_length")) => "too many tokens: the total number of tokens in the prompt exceeds the limit of 256000.",
        (400 | 413 | 422, _) => "invalid request: a field of the request is invalid",
        (401, _) => "invalid api token",
        (402, _) => "Your billing limit has been reached.",
        (403, _) => "the token has no access to this model",
        (404, _) => "model 'no-such-model' not found",
        (429, _) => "You are past the per minute request limit, please wait and try again later.",
        _ => "internal server error",
    };
    json!({"id": "sim-error", "message": message})
}

pub(super) fn error_event(error: &Value) -> Bytes {
    event("message-end", None, &json!({"finish_reason": "ERROR", "error": error["message"]}))
}
