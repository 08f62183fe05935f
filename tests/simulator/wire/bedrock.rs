//! Amazon Bedrock Converse: JSON, and AWS frames for a stream.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Answer, Events, PROMPT_TOKENS, Tool};
use crate::frame::aws_frame;

/// Stands for the vendor's signature of a block of reasoning.
const SIGNATURE: &str = "c2ltdWxhdGVkLXNpZ25hdHVyZQ==";

fn stop_reason(answer: &Answer) -> &'static str {
    match () {
        () if !answer.tools.is_empty() => "tool_use",
        () if answer.refusal => "content_filtered",
        () if answer.length => "max_tokens",
        () => "end_turn",
    }
}

fn usage(answer: &Answer) -> Value {
    let output = answer.completion_tokens();
    json!({"inputTokens": PROMPT_TOKENS, "outputTokens": output, "totalTokens": PROMPT_TOKENS + output, "cacheReadInputTokens": 0, "cacheWriteInputTokens": 0})
}

pub(super) fn whole(answer: &Answer) -> Value {
    let mut content = Vec::new();
    if !answer.reasoning.is_empty() {
        content.push(json!({"reasoningContent": {"reasoningText": {"text": answer.reasoning.concat(), "signature": SIGNATURE}}}));
    }
    if !answer.text.is_empty() {
        content.push(json!({"text": answer.text.concat()}));
    }
    let call = |(at, tool): (usize, &Tool)| json!({"toolUse": {"toolUseId": format!("tooluse_sim{at}"), "name": tool.name, "input": tool.value()}});
    content.extend(answer.tools.iter().enumerate().map(call));
    json!({"output": {"message": {"role": "assistant", "content": content}}, "stopReason": stop_reason(answer), "usage": usage(answer),
        "metrics": {"latencyMs": 7}})
}

fn frame(kind: &str, payload: &Value) -> Bytes {
    aws_frame(&[(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")], payload.to_string().as_bytes())
        .into()
}

fn delta(index: usize, delta: &Value) -> Bytes {
    frame("contentBlockDelta", &json!({"contentBlockIndex": index, "delta": delta, "p": "abcdefgh"}))
}

pub(super) fn events(answer: &Answer) -> Events {
    let (mut content, mut index) = (Vec::new(), 0);
    let mut end = |content: &mut Vec<Bytes>| {
        // A stop belongs to the piece before it, for faults count pieces.
        let stop = frame("contentBlockStop", &json!({"contentBlockIndex": index}));
        if let Some(last) = content.last_mut() {
            *last = [&last[..], &stop].concat().into();
        }
        index += 1;
        index
    };
    let mut at = 0;
    if !answer.reasoning.is_empty() {
        content.extend(answer.reasoning.iter().map(|piece| delta(at, &json!({"reasoningContent": {"text": piece}}))));
        content.push(delta(at, &json!({"reasoningContent": {"signature": SIGNATURE}})));
        at = end(&mut content);
    }
    if !answer.text.is_empty() {
        content.extend(answer.text.iter().map(|piece| delta(at, &json!({"text": piece}))));
        at = end(&mut content);
    }
    for (number, tool) in answer.tools.iter().enumerate() {
        let start = json!({"toolUse": {"toolUseId": format!("tooluse_sim{number}"), "name": tool.name}});
        content.push(frame("contentBlockStart", &json!({"contentBlockIndex": at, "start": start})));
        content.extend(tool.arguments.iter().map(|piece| delta(at, &json!({"toolUse": {"input": piece}}))));
        at = end(&mut content);
    }
    Events {
        opening: vec![frame("messageStart", &json!({"role": "assistant"}))],
        content,
        closing: vec![
            frame("messageStop", &json!({"stopReason": stop_reason(answer)})),
            frame("metadata", &json!({"usage": usage(answer), "metrics": {"latencyMs": 7}})),
        ],
    }
}

/// The type of an error, which whole answers have in the header `x-amzn-errortype`.
pub(super) fn error_type(status: u16) -> &'static str {
    match status {
        400 | 413 | 422 => "ValidationException",
        401 => "UnrecognizedClientException",
        403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 => "ModelTimeoutException",
        424 => "ModelErrorException",
        429 => "ThrottlingException",
        503 => "ServiceUnavailableException",
        500 => "InternalServerException",
        _ => "",
    }
}

pub(super) fn error(status: u16, reason: Option<&str>) -> Value {
    let message = match (status, reason) {
        (_, Some("context_length")) => "Input is too long for requested model.",
        (_, Some("content_filter")) => "The content was blocked by a content filter.",
        (400 | 413 | 422, _) => "The model returned the following errors: malformed input request",
        (401, _) => "The security token included in the request is invalid.",
        (403, _) => "You don't have access to the model with the specified model ID.",
        (404, _) => "Could not resolve the foundation model from the provided model identifier.",
        (429, _) => "Too many requests, please wait before trying again.",
        (503 | 529, _) => "Bedrock is unable to process your request.",
        _ => "The system encountered an unexpected error during processing. Try your request again.",
    };
    json!({"message": message})
}

pub(super) fn error_event(status: u16, error: &Value) -> Bytes {
    let name = error_type(status);
    let name = format!("{}{}", name[..1].to_ascii_lowercase(), &name[1..]);
    aws_frame(&[(":exception-type", &name), (":message-type", "exception")], error.to_string().as_bytes()).into()
}

/// A frame whose checksum is wrong.
pub(super) fn malformed_event() -> Bytes {
    let mut frame = delta(0, &json!({"text": "x"})).to_vec();
    if let Some(last) = frame.last_mut() {
        *last ^= 1;
    }
    frame.into()
}
