//! Ollama's own chat: a line of JSON for each piece.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Answer, Asked, Events, PROMPT_TOKENS};

fn line(asked: &Asked, message: &Value) -> Value {
    json!({"model": asked.model, "created_at": "2026-01-01T00:00:00Z", "message": message, "done": false})
}

fn done(asked: &Asked, answer: &Answer, message: &Value) -> Value {
    let mut last = line(asked, message);
    last["done"] = true.into();
    last["done_reason"] = if answer.length { "length" } else { "stop" }.into();
    last["prompt_eval_count"] = PROMPT_TOKENS.into();
    last["eval_count"] = answer.completion_tokens().into();
    last
}

fn call(tool: &super::Tool) -> Value {
    json!({"function": {"name": tool.name, "arguments": tool.value()}})
}

pub(super) fn whole(asked: &Asked, answer: &Answer) -> Value {
    let mut message = json!({"role": "assistant", "content": answer.text.concat()});
    if !answer.reasoning.is_empty() {
        message["thinking"] = answer.reasoning.concat().into();
    }
    if !answer.tools.is_empty() {
        message["tool_calls"] = answer.tools.iter().map(call).collect();
    }
    done(asked, answer, &message)
}

pub(super) fn events(asked: &Asked, answer: &Answer) -> Events {
    let write = |value: &Value| Bytes::from(format!("{value}\n"));
    let piece = |field: &str, value: Value| {
        let mut message = json!({"role": "assistant", "content": ""});
        message[field] = value;
        write(&line(asked, &message))
    };
    let mut content: Vec<Bytes> = answer.reasoning.iter().map(|text| piece("thinking", json!(text))).collect();
    content.extend(answer.text.iter().map(|text| piece("content", json!(text))));
    content.extend(answer.tools.iter().map(|tool| piece("tool_calls", json!([call(tool)]))));
    let end = done(asked, answer, &json!({"role": "assistant", "content": ""}));
    Events { opening: Vec::new(), content, closing: vec![write(&end)] }
}

pub(super) fn error(status: u16, reason: Option<&str>) -> Value {
    let message = match (status, reason) {
        (_, Some("context_length")) => "the input length exceeds the context length",
        (400 | 413 | 422, _) => "invalid request: a field of the request is invalid",
        (401, _) => "unauthorized",
        (403, _) => "this model requires a subscription",
        (404, _) => "model 'no-such-model' not found",
        (429, _) => "you have reached your hourly usage limit",
        (503 | 529, _) => "server busy, please try again.  maximum pending requests exceeded",
        _ => "an error was encountered while running the model",
    };
    json!({"error": message})
}
