//! Requests in, JSON out; events in, an answer out.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde_json::{Value, json};

use crate::{
    catalog::Endpoint,
    error::{Error, ErrorKind},
    protocols::{Call, Protocol},
    providers::Provider,
    types::{ChatRequest, ChatResponse, FinishReason, Fold},
};

const RESPONSES: super::OpenaiResponses = super::OpenaiResponses;

fn with_call<T>(request: &ChatRequest, stream: bool, then: impl FnOnce(&Call<'_>) -> T) -> T {
    let endpoint = Endpoint::unknown("test/model", "test", "upstream-model");
    let id: Arc<str> = "junto-0123456789abcdef".into();
    let (provider, base_url, options) = (&Provider::default(), "https://vendor.test/v1", &BTreeMap::new());
    then(&Call { request, endpoint: &endpoint, provider, base_url, options, stream, id: &id, created: 1_700_000_000 })
}

fn encode(request: &Value) -> (Value, Vec<String>) {
    let request = ChatRequest::from_json(&request.to_string()).unwrap();
    with_call(&request, false, |call| {
        let encoded = RESPONSES.encode(call).unwrap();
        assert_eq!(encoded.request.uri(), "https://vendor.test/v1/responses");
        (serde_json::from_slice(encoded.request.body()).unwrap(), encoded.dropped)
    })
}

fn stream(events: &[Value]) -> (ChatResponse, Option<Error>) {
    let bytes = events.iter().fold(String::new(), |bytes, event| bytes + "data: " + &event.to_string() + "\n\n");
    with_call(&ChatRequest::new("test/model"), true, |call| {
        let (mut decoder, mut out) = (RESPONSES.decoder(call), VecDeque::new());
        let mut result = bytes.as_bytes().chunks(7).try_for_each(|piece| decoder.push(piece, &mut out));
        result = result.and_then(|()| decoder.finish(&mut out));
        let mut fold = Fold::new();
        for chunk in out {
            fold.push(chunk);
        }
        (fold.finish(), result.err())
    })
}

#[test]
fn messages_become_items_and_nothing_is_kept_at_the_vendor() {
    let (body, dropped) = encode(&json!({
        "model": "m", "max_tokens": 99, "seed": 1, "reasoning": {"effort": "low"}, "verbosity": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": "https://i.test/a.png"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}}]},
            {"role": "assistant", "content": "So", "reasoning_details": [
                {"type": "reasoning.summary", "summary": "hm", "index": 0, "format": "openai-responses-v1"},
                {"type": "reasoning.encrypted", "data": "ENC", "id": "rs_1", "index": 0, "format": "openai-responses-v1", "provider": "test"},
                {"type": "reasoning.encrypted", "data": "other", "index": 1, "format": "openai-responses-v1", "provider": "azure"}],
             "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "4"},
        ],
    }));
    assert_eq!(
        body,
        json!({
            "model": "upstream-model", "store": false, "max_output_tokens": 99, "include": ["reasoning.encrypted_content"],
            "text": {"format": {"type": "json_schema", "name": "s", "schema": {"type": "object"}}, "verbosity": "low"},
            "reasoning": {"effort": "low", "summary": "auto"},
            "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": false}],
            "tool_choice": {"type": "function", "name": "f"},
            "input": [
                {"type": "message", "role": "system", "content": "Be brief."},
                {"type": "message", "role": "user", "content": [
                    {"type": "input_text", "text": "Look"}, {"type": "input_image", "image_url": "https://i.test/a.png", "detail": "auto"},
                    {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}]},
                {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "ENC"},
                {"type": "message", "role": "assistant", "content": "So"},
                {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "4"},
            ],
        })
    );
    assert_eq!(dropped, ["seed"]);
}

#[test]
fn a_stream_of_items_becomes_text_reasoning_and_calls() {
    let response = |status: &str, output: Value| {
        json!({"id": "resp_1", "model": "m-1", "created_at": 7, "status": status, "output": output,
               "usage": {"input_tokens": 5, "input_tokens_details": {"cached_tokens": 2}, "output_tokens": 3, "total_tokens": 8,
                         "output_tokens_details": {"reasoning_tokens": 1}}})
    };
    let (whole, error) = stream(&[
        json!({"type": "response.created", "response": response("in_progress", json!([]))}),
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "One"}),
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 1, "delta": "Two"}),
        json!({"type": "response.output_item.done", "output_index": 0,
               "item": {"type": "reasoning", "id": "rs_1", "encrypted_content": "ENC", "summary": [{"text": "One"}, {"text": "Two"}]}}),
        json!({"type": "response.output_text.delta", "output_index": 1, "delta": "Hel", "logprobs": []}),
        json!({"type": "response.output_text.delta", "output_index": 1, "delta": "lo", "logprobs": []}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": {"type": "message", "content": [
            {"type": "output_text", "text": "Hello", "annotations": [{"type": "url_citation", "url": "https://a.test", "title": "A"}]}]}}),
        json!({"type": "response.output_item.added", "output_index": 2, "item": {"type": "function_call", "call_id": "c1", "name": "f"}}),
        json!({"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{\"x\":"}),
        json!({"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "1}"}),
        json!({"type": "response.completed", "response": response("completed", json!([
            {"type": "reasoning"}, {"type": "message", "content": [{"text": "Hello"}]}, {"type": "function_call", "arguments": "{\"x\":1}"},
            {"type": "function_call", "call_id": "c2", "name": "g", "arguments": ""}]))}),
    ]);
    assert!(error.is_none(), "{error:?}");
    let message = &whole.choices[0].message;
    assert_eq!((whole.id.as_str(), whole.text(), message.reasoning.as_deref()), ("resp_1", "Hello", Some("One\n\nTwo")));
    assert_eq!(message.reasoning_details.len(), 2);
    assert_eq!(message.reasoning_details[1].data.as_deref(), Some("ENC"));
    assert_eq!(message.annotations.len(), 1);
    let calls: Vec<_> = message.tool_calls.iter().map(|call| (&*call.id, &*call.function.arguments)).collect();
    assert_eq!(calls, [("c1", "{\"x\":1}"), ("c2", "{}")]);
    assert_eq!(whole.choices[0].finish_reason, Some(FinishReason::ToolCalls));
    assert_eq!(whole.choices[0].native_finish_reason.as_deref(), Some("completed"));
    assert_eq!((whole.usage.prompt_tokens, whole.usage.completion_tokens), (Some(5), Some(3)));
}

#[test]
fn a_failure_in_the_stream_and_a_cut_are_errors() {
    let said = json!({"type": "response.output_text.delta", "output_index": 0, "delta": "Hi"});
    for (event, kind) in [
        (json!({"type": "error", "code": "rate_limit_exceeded", "message": "Slow down"}), ErrorKind::RateLimited),
        (
            json!({"type": "response.failed", "response": {"status": "failed", "error": {"code": "server_error", "message": "Slow down"}}}),
            ErrorKind::Upstream,
        ),
    ] {
        let (whole, error) = stream(&[said.clone(), event]);
        let error = error.unwrap();
        assert_eq!((whole.text(), error.kind(), error.message()), ("Hi", kind, "Slow down"));
    }
    assert_eq!(stream(&[said]).1.unwrap().upstream_code(), Some("stream_cut"));
}

#[test]
fn an_incomplete_answer_names_its_reason() {
    let response = json!({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": []});
    let (whole, _) = stream(&[json!({"type": "response.incomplete", "response": response})]);
    assert_eq!(whole.choices[0].finish_reason, Some(FinishReason::Length));
    assert_eq!(whole.choices[0].native_finish_reason.as_deref(), Some("max_output_tokens"));
}
