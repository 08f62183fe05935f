use serde_json::{Value, json};

use super::Cohere;
use crate::{
    error::ErrorKind,
    protocols::test_wire::Wire,
    types::{Annotation, FinishReason},
};

const COHERE: Wire = Wire { protocol: &Cohere, provider: "cohere", model: "command-a" };

fn sse(events: &[Value]) -> String {
    events.iter().fold(String::new(), |text, event| text + &format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()))
}

fn content(text: &str) -> Value {
    json!({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": text}}}})
}

fn start() -> Value {
    json!({"type": "message-start", "id": "answer-1",
        "delta": {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}}})
}

fn end(delta: Value) -> Value {
    let mut delta = delta;
    delta["usage"] = json!({"billed_units": {"input_tokens": 3, "output_tokens": 2}, "tokens": {"input_tokens": 60, "output_tokens": 8},
        "cached_tokens": 48});
    json!({"type": "message-end", "delta": delta})
}

#[test]
fn a_request_in_coheres_words() {
    let request = json!({
        "model": "cohere/command-a", "max_tokens": 9, "top_p": 0.5, "top_k": 4, "stop": ["x"], "user": "u", "safety_mode": "OFF",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        "reasoning": {"max_tokens": 100},
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": "https://a.test"}}]},
            {"role": "assistant", "content": null, "reasoning": "I will look.", "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]},
            {"role": "tool", "tool_call_id": "a", "content": "ok"},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "g"}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
    });
    let (url, body, dropped) = COHERE.encode(&request).unwrap();
    let want = json!({
        "model": "command-a", "stream": false, "max_tokens": 9, "p": 0.5, "k": 4, "stop_sequences": ["x"], "safety_mode": "OFF",
        "response_format": {"type": "json_object", "json_schema": {"type": "object"}},
        "thinking": {"type": "enabled", "token_budget": 100},
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": "https://a.test"}}]},
            {"role": "assistant", "tool_plan": "I will look.", "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "a", "content": "ok"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}],
        "tool_choice": "REQUIRED",
    });
    assert_eq!((url.as_str(), body, dropped), ("https://vendor.test/v2/chat", want, vec!["user".to_owned()]));

    let audio = json!({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}});
    let error = COHERE.encode(&json!({"model": "c/c", "messages": [{"role": "user", "content": [audio]}]})).unwrap_err();
    assert_eq!((error.kind(), error.param()), (ErrorKind::Unsupported, Some("messages[0].content[0]")));
}

#[test]
fn a_stream_of_text_thoughts_and_citations() {
    let stream = sse(&[
        start(),
        json!({"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "thinking", "thinking": ""}}}}),
        json!({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"thinking": "Hm."}}}}),
        json!({"type": "content-end", "index": 0}),
        json!({"type": "content-start", "index": 1, "delta": {"message": {"content": {"type": "text", "text": ""}}}}),
        content("Schön"),
        content(" hier."),
        json!({"type": "citation-start", "index": 0, "delta": {"message": {"citations": {"start": 0, "end": 5, "text": "Schön",
            "sources": [{"type": "document", "id": "d", "document": {"url": "https://a.test", "title": "A"}}, {"type": "tool", "id": "t"}]}}}}),
        json!({"type": "citation-end", "index": 0}),
        end(json!({"finish_reason": "COMPLETE"})),
    ]);
    COHERE.damage(&stream);
    let (answer, error) = COHERE.stream(&(stream + "data: [DONE]\n\n"));
    assert!(error.is_none(), "{error:?}");
    let choice = &answer.choices[0];
    assert_eq!((answer.id.as_str(), answer.text(), choice.message.reasoning.as_deref()), ("answer-1", "Schön hier.", Some("Hm.")));
    assert_eq!((choice.finish_reason, choice.native_finish_reason.as_deref()), (Some(FinishReason::Stop), Some("COMPLETE")));
    let Annotation::UrlCitation { url_citation: cited } = &choice.message.annotations[0];
    assert_eq!((choice.message.annotations.len(), cited.url.as_str(), cited.end_index), (1, "https://a.test", 5));
    let usage = &answer.usage;
    assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (Some(60), Some(8), Some(68)));
    assert_eq!(usage.prompt_tokens_details.as_ref().unwrap().cached_tokens, Some(48));
}

#[test]
fn tool_calls_stream_as_they_come_whole() {
    let call = |kind: &str, index: u64, call: Value| json!({"type": kind, "index": index, "delta": {"message": {"tool_calls": call}}});
    let stream = sse(&[
        start(),
        json!({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I will look."}}}),
        call("tool-call-start", 0, json!({"id": "a", "type": "function", "function": {"name": "f", "arguments": ""}})),
        call("tool-call-delta", 0, json!({"function": {"arguments": "{\"x\":"}})),
        call("tool-call-delta", 0, json!({"function": {"arguments": "1}"}})),
        json!({"type": "tool-call-end", "index": 0}),
        call("tool-call-start", 1, json!({"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}})),
        end(json!({"finish_reason": "TOOL_CALL"})),
    ]);
    COHERE.damage(&stream);
    let (streamed, error) = COHERE.stream(&stream);
    assert!(error.is_none());
    let whole = COHERE
        .decode(&json!({
            "id": "answer-1", "finish_reason": "TOOL_CALL", "usage": end(json!({}))["delta"]["usage"],
            "message": {"role": "assistant", "tool_plan": "I will look.", "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}},
                {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}}]},
        }))
        .unwrap();
    assert_eq!(streamed, whole);
    let message = &whole.choices[0].message;
    assert_eq!((message.reasoning.as_deref(), message.tool_calls[0].function.arguments.as_str()), (Some("I will look."), "{\"x\":1}"));
    assert_eq!(whole.choices[0].finish_reason, Some(FinishReason::ToolCalls));
}

#[test]
fn failures() {
    let failed = json!({"finish_reason": "ERROR", "error": "invalid tool generation", "error_type": "INVALID_TOOL_GENERATION"});
    let (answer, error) = COHERE.stream(&sse(&[start(), content("Half"), end(failed)]));
    let error = error.unwrap();
    assert_eq!(
        (answer.text(), error.message(), error.upstream_code()),
        ("Half", "invalid tool generation", Some("INVALID_TOOL_GENERATION"))
    );

    let whole = sse(&[start(), content("Half"), end(json!({"finish_reason": "COMPLETE"}))]);
    let (answer, error) = COHERE.stream(&whole[..whole.len() - 30]);
    assert_eq!((answer.text(), error.unwrap().upstream_code()), ("Half", Some("stream_cut")));

    for (status, message, want) in [
        (400, "too many tokens: size limit exceeded by 11 tokens.", ErrorKind::ContextLength),
        (401, "invalid api token", ErrorKind::Authentication),
        (404, "model 'x' not found", ErrorKind::ModelNotFound),
        (429, "trial key limit", ErrorKind::RateLimited),
        (498, "blocked", ErrorKind::ContentFilter),
    ] {
        let error = COHERE.error(status, &json!({"message": message}).to_string());
        assert_eq!((error.kind(), error.message()), (want, message));
    }
}
