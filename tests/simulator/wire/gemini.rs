//! Google Gemini `generateContent`.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Answer, Asked, Events, PROMPT_TOKENS, crlf};

fn finish_reason(answer: &Answer) -> &'static str {
    match () {
        () if answer.refusal => "SAFETY",
        () if answer.length => "MAX_TOKENS",
        () => "STOP",
    }
}

fn usage(answer: &Answer) -> Value {
    let completion = answer.completion_tokens();
    let mut usage = json!({"promptTokenCount": PROMPT_TOKENS, "candidatesTokenCount": completion - answer.reasoning.len(),
        "totalTokenCount": PROMPT_TOKENS + completion, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": PROMPT_TOKENS}]});
    if !answer.reasoning.is_empty() {
        usage["thoughtsTokenCount"] = answer.reasoning.len().into();
    }
    usage
}

fn response(asked: &Asked, candidate: &Value, usage: &Value) -> Value {
    json!({"candidates": [candidate], "usageMetadata": usage, "modelVersion": asked.model, "responseId": "sim-response"})
}

/// Where each source backs the answer, in bytes.
fn grounding(answer: &Answer) -> Option<Value> {
    let text = answer.text.concat();
    let end = text.find(" (").unwrap_or(text.len());
    let chunk = |source: &super::Source| json!({"web": {"uri": source.url, "title": source.title}});
    let support =
        |(at, _): (usize, _)| json!({"segment": {"startIndex": 0, "endIndex": end, "text": text[..end]}, "groundingChunkIndices": [at]});
    (!answer.sources.is_empty()).then(|| {
        json!({"webSearchQueries": ["why is the sky blue"], "groundingChunks": answer.sources.iter().map(chunk).collect::<Vec<_>>(),
            "groundingSupports": answer.sources.iter().enumerate().map(support).collect::<Vec<_>>()})
    })
}

fn parts(answer: &Answer) -> Vec<Value> {
    let mut parts: Vec<Value> = Vec::new();
    if !answer.refusal {
        parts.extend(answer.reasoning.iter().map(|text| json!({"text": text, "thought": true})));
        parts.extend(answer.text.iter().map(|text| json!({"text": text})));
    }
    for (at, tool) in answer.tools.iter().enumerate() {
        let mut part = json!({"functionCall": {"name": tool.name, "args": tool.value()}});
        if at == 0 {
            part["thoughtSignature"] = "c2ltdWxhdGVkLXNpZ25hdHVyZQ==".into();
        }
        parts.push(part);
    }
    parts
}

pub(super) fn whole(asked: &Asked, answer: &Answer) -> Value {
    let (thoughts, mut parts): (Vec<Value>, Vec<Value>) = parts(answer).into_iter().partition(|part| part["thought"] == true);
    let text = |parts: &[Value]| parts.iter().filter_map(|part| part["text"].as_str()).collect::<String>();
    let mut merged = Vec::new();
    if !thoughts.is_empty() {
        merged.push(json!({"text": text(&thoughts), "thought": true}));
    }
    if !text(&parts).is_empty() {
        merged.push(json!({"text": text(&parts)}));
    }
    parts.retain(|part| part.get("functionCall").is_some());
    merged.extend(parts);
    let mut candidate = json!({"finishReason": finish_reason(answer), "index": 0});
    if !merged.is_empty() {
        candidate["content"] = json!({"parts": merged, "role": "model"});
    }
    if let Some(grounding) = grounding(answer) {
        candidate["groundingMetadata"] = grounding;
    }
    response(asked, &candidate, &usage(answer))
}

pub(super) fn events(asked: &Asked, answer: &Answer) -> Events {
    let model = json!(asked.model);
    // Fields in the vendor's own order, with its spaces.
    let piece = |part: Value| {
        Bytes::from(format!(
            "data: {{\"candidates\": [{{\"content\": {{\"parts\": [{part}],\"role\": \"model\"}},\"index\": 0}}],\
             \"usageMetadata\": {{\"promptTokenCount\": {PROMPT_TOKENS},\"totalTokenCount\": {PROMPT_TOKENS}}},\
             \"modelVersion\": {model},\"responseId\": \"sim-response\"}}\r\n\r\n"
        ))
    };
    let mut last = json!({"finishReason": finish_reason(answer), "index": 0});
    if !answer.refusal {
        last["content"] = json!({"parts": [{"text": ""}], "role": "model"});
    }
    if let Some(grounding) = grounding(answer) {
        last["groundingMetadata"] = grounding;
    }
    Events {
        opening: Vec::new(),
        content: parts(answer).into_iter().map(piece).collect(),
        closing: vec![crlf(&response(asked, &last, &usage(answer)))],
    }
}

pub(super) fn error(status: u16, reason: Option<&str>) -> Value {
    let (name, message) = match (status, reason) {
        (_, Some("context_length")) => {
            ("INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).")
        }
        (_, Some("content_filter")) => ("INVALID_ARGUMENT", "The prompt was blocked for safety reasons."),
        (400 | 413 | 422, _) => ("INVALID_ARGUMENT", "Invalid value in the request."),
        (401, _) => ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
        (402, _) => ("PERMISSION_DENIED", "This API method requires billing to be enabled."),
        (403, _) => ("PERMISSION_DENIED", "The caller does not have permission."),
        (404, _) => ("NOT_FOUND", "The model is not found for this API version."),
        (429, _) => ("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
        (503 | 529, _) => ("UNAVAILABLE", "The model is overloaded. Please try again later."),
        (408 | 504, _) => ("DEADLINE_EXCEEDED", "The service is unable to finish processing within the deadline."),
        _ => ("INTERNAL", "An internal error has occurred."),
    };
    let mut error = json!({"error": {"code": status, "message": message, "status": name}});
    if status == 402 {
        error["error"]["details"] =
            json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "BILLING_DISABLED", "domain": "googleapis.com"}]);
    }
    if status == 429 {
        error["error"]["details"] = json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}]);
    }
    error
}
