use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde_json::{Value, json};

use super::Anthropic;
use crate::{
    catalog::Endpoint,
    error::{Error, ErrorKind, Result},
    protocols::{Call, Encoded, Protocol, framing::aws_frame},
    providers::Provider,
    types::{ChatRequest, ChatResponse, FinishReason, Fold},
};

/// Runs `test` with a call of this request to this model.
fn with_call<T>(model: &str, request: &ChatRequest, test: impl FnOnce(&Call<'_>) -> T) -> T {
    let endpoint = Endpoint::unknown(format!("anthropic/{model}"), "anthropic", model);
    let (provider, options, id) = (Provider { slug: "anthropic".into(), ..Provider::default() }, BTreeMap::new(), Arc::from("gen-1"));
    test(&Call {
        request,
        endpoint: &endpoint,
        provider: &provider,
        base_url: "https://api.example/v1",
        options: &options,
        stream: request.stream,
        id: &id,
        created: 1_700_000_000,
    })
}

fn encode(model: &str, request: &Value) -> Result<Encoded> {
    let request = ChatRequest::from_json(&request.to_string())?;
    with_call(model, &request, |call| Anthropic.encode(call))
}

fn body(encoded: &Encoded) -> Value {
    serde_json::from_slice(encoded.request.body()).unwrap()
}

fn encoded(model: &str, request: &Value) -> (Value, Vec<String>) {
    let encoded = encode(model, request).unwrap();
    (body(&encoded), encoded.dropped)
}

/// The answer that a stream spells when it arrives in pieces of `step` bytes, and how it ended.
fn stream(bytes: &[u8], step: usize) -> (ChatResponse, Result<()>) {
    let request = ChatRequest::default();
    with_call("claude-sonnet-4-5", &request, |call| {
        let (mut decoder, mut out) = (Anthropic.decoder(call), VecDeque::new());
        let mut end = bytes.chunks(step).try_for_each(|piece| decoder.push(piece, &mut out));
        if end.is_ok() {
            end = decoder.finish(&mut out);
        }
        let mut fold = Fold::new();
        for chunk in out {
            fold.push(chunk);
        }
        (fold.finish(), end)
    })
}

fn sse(events: &[Value]) -> String {
    let lines = events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()));
    lines.collect::<Vec<_>>().concat()
}

/// Thinking, text with a citation, a server tool, two calls.
fn events() -> Vec<Value> {
    vec![
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": [],
            "stop_reason": null, "usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 7,
            "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}, "output_tokens": 1, "service_tier": "standard"}}}),
        json!({"type": "ping"}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": ", so."}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "redacted_thinking", "data": "ZGF0YQ"}}),
        json!({"type": "content_block_stop", "index": 1}),
        json!({"type": "content_block_start", "index": 2, "content_block": {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}}),
        json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{\"query\": \"sky\"}"}}),
        json!({"type": "content_block_stop", "index": 2}),
        json!({"type": "content_block_start", "index": 3, "content_block": {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1",
            "content": [{"type": "web_search_result", "title": "Sky", "url": "https://sky.example", "encrypted_content": "x"}]}}),
        json!({"type": "content_block_stop", "index": 3}),
        json!({"type": "content_block_start", "index": 4, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 4, "delta": {"type": "text_delta", "text": "Grün: "}}),
        json!({"type": "content_block_stop", "index": 4}),
        json!({"type": "content_block_start", "index": 5, "content_block": {"type": "text", "text": "", "citations": []}}),
        json!({"type": "content_block_delta", "index": 5, "delta": {"type": "citations_delta", "citation":
            {"type": "web_search_result_location", "url": "https://sky.example", "title": "Sky", "cited_text": "It is blue.", "encrypted_index": "y"}}}),
        json!({"type": "content_block_delta", "index": 5, "delta": {"type": "text_delta", "text": "blue."}}),
        json!({"type": "content_block_stop", "index": 5}),
        json!({"type": "content_block_start", "index": 6, "content_block": {"type": "tool_use", "id": "toolu_1", "name": "get", "input": {}}}),
        json!({"type": "content_block_delta", "index": 6, "delta": {"type": "input_json_delta", "partial_json": ""}}),
        json!({"type": "content_block_delta", "index": 6, "delta": {"type": "input_json_delta", "partial_json": "{\"city\": \"Z"}}),
        json!({"type": "content_block_delta", "index": 6, "delta": {"type": "input_json_delta", "partial_json": "ürich\"}"}}),
        json!({"type": "content_block_stop", "index": 6}),
        json!({"type": "content_block_start", "index": 7, "content_block": {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}}}),
        json!({"type": "content_block_stop", "index": 7}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null},
            "usage": {"output_tokens": 40, "output_tokens_details": {"thinking_tokens": 9}, "server_tool_use": {"web_search_requests": 1}}}),
        json!({"type": "message_stop"}),
    ]
}

#[test]
fn a_stream_spells_the_same_answer_at_every_split() {
    let bytes = sse(&events());
    let (whole, end) = stream(bytes.as_bytes(), bytes.len());
    assert!(end.is_ok(), "{end:?}");
    let choice = &whole.choices[0];
    assert_eq!((whole.id.as_str(), whole.model.as_str(), whole.service_tier.as_deref()), ("msg_1", "claude-x", Some("default")));
    assert_eq!(choice.message.content.as_deref(), Some("Grün: blue."));
    assert_eq!(choice.message.reasoning.as_deref(), Some("Hm, so."));
    assert_eq!(
        serde_json::to_value(&choice.message.reasoning_details).unwrap(),
        json!([
            {"type": "reasoning.text", "text": "Hm, so.", "signature": "c2ln", "format": "anthropic-claude-v1", "index": 0, "provider": "anthropic"},
            {"type": "reasoning.encrypted", "data": "ZGF0YQ", "format": "anthropic-claude-v1", "index": 1, "provider": "anthropic"},
        ])
    );
    assert_eq!(
        serde_json::to_value(&choice.message.tool_calls).unwrap(),
        json!([
            {"id": "toolu_1", "type": "function", "function": {"name": "get", "arguments": "{\"city\": \"Zürich\"}"}},
            {"id": "toolu_2", "type": "function", "function": {"name": "now", "arguments": "{}"}},
        ])
    );
    assert_eq!(
        serde_json::to_value(&choice.message.annotations).unwrap(),
        json!([{"type": "url_citation", "url_citation":
            {"url": "https://sky.example", "title": "Sky", "content": "It is blue.", "start_index": 6, "end_index": 11}}])
    );
    assert_eq!((choice.finish_reason, choice.native_finish_reason.as_deref()), (Some(FinishReason::ToolCalls), Some("tool_use")));
    assert_eq!(
        serde_json::to_value(&whole.usage).unwrap(),
        json!({"prompt_tokens": 22, "completion_tokens": 40, "total_tokens": 62, "cost": null,
            "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 7, "cache_write_1h_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 9}, "server_tool_use_details": {"web_search_requests": 1}})
    );
    for step in 1..200 {
        assert_eq!(stream(bytes.as_bytes(), step).0, whole, "step {step}");
    }
}

#[test]
fn invoke_frames_hold_the_same_events() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let frames: Vec<u8> = events()
        .iter()
        .flat_map(|event| {
            let payload = json!({"bytes": STANDARD.encode(event.to_string()), "p": "abcd"}).to_string();
            aws_frame(&[(":event-type", "chunk"), (":content-type", "application/json"), (":message-type", "event")], payload.as_bytes())
        })
        .collect();
    let text = sse(&events());
    for step in [1, 7, 100, frames.len()] {
        let (answer, end) = stream(&frames, step);
        assert!(end.is_ok(), "{end:?}");
        assert_eq!(answer, stream(text.as_bytes(), text.len()).0, "step {step}");
    }
    let exception = aws_frame(
        &[(":exception-type", "throttlingException"), (":content-type", "application/json"), (":message-type", "exception")],
        br#"{"message": "Too many tokens"}"#,
    );
    let error = stream(&exception, 5).1.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::RateLimited, "Too many tokens"));
}

#[test]
fn a_whole_message_is_what_its_stream_spells() {
    let text = sse(&events());
    let streamed = stream(text.as_bytes(), text.len()).0;
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "stop_reason": "tool_use", "content": [
        {"type": "thinking", "thinking": "Hm, so.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "ZGF0YQ"},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "sky"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
        {"type": "text", "text": "Grün: ", "citations": null},
        {"type": "text", "text": "blue.", "citations": [{"type": "web_search_result_location", "url": "https://sky.example", "title": "Sky", "cited_text": "It is blue."}]},
        {"type": "tool_use", "id": "toolu_1", "name": "get", "input": {"city": "Zürich"}},
        {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
    ], "usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 7, "service_tier": "standard",
        "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}, "output_tokens": 40,
        "output_tokens_details": {"thinking_tokens": 9}, "server_tool_use": {"web_search_requests": 1}}});
    let response = http::Response::new(message.to_string().into());
    let mut whole = with_call("claude-sonnet-4-5", &ChatRequest::default(), |call| Anthropic.decode(call, &response)).unwrap();
    let arguments = &mut whole.choices[0].message.tool_calls[0].function.arguments;
    assert_eq!(arguments, r#"{"city":"Zürich"}"#);
    *arguments = r#"{"city": "Zürich"}"#.to_owned();
    assert_eq!(whole, streamed);
}

#[test]
fn broken_streams_are_errors_after_what_came_before() {
    let all = events();
    let cut = sse(&all[..16]);
    let (answer, end) = stream(cut.as_bytes(), 64);
    assert_eq!((answer.text(), end.unwrap_err().upstream_code()), ("Grün: ", Some("stream_cut")));

    let error = json!({"type": "error", "error": {"details": null, "type": "overloaded_error", "message": "Overloaded"}});
    let (answer, end) = stream(sse(&[&all[..16], &[error]].concat()).as_bytes(), 64);
    let end = end.unwrap_err();
    assert_eq!((answer.text(), end.kind(), end.message()), ("Grün: ", ErrorKind::Overloaded, "Overloaded"));

    let (_, end) = stream(b"event: message_start\ndata: {\"type\": \"mess\n\n", 64);
    assert_eq!(end.unwrap_err().kind(), ErrorKind::Decode);
    let (_, end) = stream(b"<html>", 64);
    assert_eq!(end.unwrap_err().kind(), ErrorKind::Decode);
    let (_, end) = stream(b"event: message_start\ndata: {\"type\": \"mess", 64);
    assert_eq!(end.unwrap_err().upstream_code(), Some("stream_cut"));
}

#[test]
fn gateways_answer_in_their_own_ways() {
    for (body, kind, message) in [
        (r#"{"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down"}}"#, ErrorKind::RateLimited, "Slow down"),
        (r#"data: {"type": "error", "error": "upstream is gone"}"#, ErrorKind::Upstream, "upstream is gone"),
        (r#"data: {"error": {"code": 429, "message": "Too fast"}}"#, ErrorKind::RateLimited, "Too fast"),
        (
            r#"{"message": "The security token is invalid", "__type": "UnrecognizedClientException"}"#,
            ErrorKind::Upstream,
            "The security token is invalid",
        ),
    ] {
        let (_, end) = stream(body.as_bytes(), 7);
        let error = end.unwrap_err();
        assert_eq!((error.kind(), error.message()), (kind, message), "{body}");
    }
    // A block that nobody ends, counts that are missing, a message in one piece.
    let open = [
        json!({"type": "message_start", "message": {"id": "m", "model": "c", "usage": null}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t", "name": "now", "input": {}}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 3}}),
        json!({"type": "message_stop"}),
    ];
    let (answer, end) = stream(sse(&open).as_bytes(), 64);
    end.unwrap();
    assert_eq!(answer.choices[0].message.tool_calls[0].function.arguments, "{}");
    let whole = json!({"id": "m", "type": "message", "model": "c", "content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"});
    let (answer, end) = stream(whole.to_string().as_bytes(), 5);
    end.unwrap();
    assert_eq!(answer.text(), "Hi");
}

#[test]
fn stop_reasons() {
    for (native, want) in [
        ("end_turn", FinishReason::Stop),
        ("stop_sequence", FinishReason::Stop),
        ("pause_turn", FinishReason::Stop),
        ("max_tokens", FinishReason::Length),
        ("model_context_window_exceeded", FinishReason::Length),
        ("refusal", FinishReason::ContentFilter),
    ] {
        let message = json!({"id": "m", "content": [{"type": "text", "text": "a"}], "stop_reason": native});
        let response = http::Response::new(message.to_string().into());
        let answer = with_call("claude-sonnet-4-5", &ChatRequest::default(), |call| Anthropic.decode(call, &response)).unwrap();
        assert_eq!(answer.choices[0].finish_reason, Some(want), "{native}");
        assert_eq!(answer.usage.prompt_tokens, None);
    }
}

fn failure(status: u16, header: Option<&str>, body: &str) -> Error {
    let mut response = http::Response::builder().status(status);
    if let Some(kind) = header {
        response = response.header("x-amzn-errortype", kind);
    }
    let (head, ()) = response.body(()).unwrap().into_parts();
    Anthropic.decode_error(&head, body.as_bytes())
}

#[test]
fn error_bodies_say_what_kind_they_are() {
    let native = |kind: &str, message: &str| json!({"type": "error", "error": {"type": kind, "message": message}}).to_string();
    for (status, body, want) in [
        (529, native("overloaded_error", "Overloaded"), ErrorKind::Overloaded),
        (429, native("rate_limit_error", "slow down"), ErrorKind::RateLimited),
        (401, native("authentication_error", "invalid x-api-key"), ErrorKind::Authentication),
        (403, native("permission_error", "no"), ErrorKind::PermissionDenied),
        (404, native("not_found_error", "model: x"), ErrorKind::ModelNotFound),
        (413, native("request_too_large", "too large"), ErrorKind::BadRequest),
        (402, native("billing_error", "pay"), ErrorKind::InsufficientCredits),
        (
            400,
            native("invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
            ErrorKind::InsufficientCredits,
        ),
        (400, native("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"), ErrorKind::ContextLength),
        (400, native("invalid_request_error", "max_tokens: Field required"), ErrorKind::BadRequest),
        (500, native("api_error", "Internal server error"), ErrorKind::Upstream),
        (502, "<html>Bad gateway</html>".to_owned(), ErrorKind::Upstream),
    ] {
        let error = failure(status, None, &body);
        assert_eq!((error.kind(), error.upstream_status()), (want, Some(status)), "{body}");
    }
    let bedrock = failure(400, Some("ValidationException:http://internal/"), r#"{"message": "Input is too long for requested model."}"#);
    assert_eq!((bedrock.kind(), bedrock.upstream_type()), (ErrorKind::ContextLength, Some("ValidationException")));
    let vertex = failure(403, None, r#"[{"error": {"code": 403, "message": "Denied.", "status": "PERMISSION_DENIED"}}]"#);
    assert_eq!((vertex.kind(), vertex.message()), (ErrorKind::PermissionDenied, "Denied."));
}

#[test]
fn a_conversation_becomes_alternating_turns() {
    let (body, dropped) = encoded(
        "claude-sonnet-4-5",
        &json!({"model": "x", "stream": true, "user": "u1", "stop": "END", "temperature": 1.7, "seed": 7, "parallel_tool_calls": false,
            "tool_choice": "required", "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "In German.", "cache_control": {"type": "ephemeral"}}]},
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,AAAA"}},
                {"type": "image_url", "image_url": {"url": "https://pictures.example/a.png"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"}},
                {"type": "file", "file": {"file_data": "https://files.example/b.pdf"}}]},
            {"role": "user", "content": "And now?"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "functions.get:0", "type": "function", "function": {"name": "get", "arguments": "{\"b\": 1, \"a\": [2]}"}},
                {"id": "t2", "type": "function", "function": {"name": "now", "arguments": ""}}]},
            {"role": "tool", "tool_call_id": "functions.get:0", "content": "42"},
            {"role": "user", "content": "Well?"},
            {"role": "tool", "tool_call_id": "t2", "content": [{"type": "text", "text": "noon"}]}],
            "tools": [{"type": "function", "function": {"name": "get", "description": "Gets.", "parameters": {"properties": {"a": {}}}}},
                {"type": "function", "function": {"name": "now"}, "cache_control": {"type": "ephemeral"}}]}),
    );
    assert_eq!(
        body,
        json!({"model": "claude-sonnet-4-5", "max_tokens": 32000, "stream": true, "temperature": 1.0, "stop_sequences": ["END"],
            "metadata": {"user_id": "u1"}, "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
            "system": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "In German.", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"}},
                    {"type": "image", "source": {"type": "url", "url": "https://pictures.example/a.png"}},
                    {"type": "document", "title": "a.pdf", "source": {"type": "base64", "media_type": "application/pdf", "data": "BBBB"}},
                    {"type": "document", "source": {"type": "url", "url": "https://files.example/b.pdf"}},
                    {"type": "text", "text": "And now?"}]},
                {"role": "assistant", "content": [
                    {"type": "tool_use", "id": "functions_get_0_eijde06h", "name": "get", "input": {"a": [2], "b": 1}},
                    {"type": "tool_use", "id": "t2", "name": "now", "input": {}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "functions_get_0_eijde06h", "content": [{"type": "text", "text": "42"}]},
                    {"type": "tool_result", "tool_use_id": "t2", "content": [{"type": "text", "text": "noon"}]},
                    {"type": "text", "text": "Well?"}]}],
            "tools": [
                {"name": "get", "description": "Gets.", "input_schema": {"type": "object", "properties": {"a": {}}}},
                {"name": "now", "input_schema": {"type": "object", "properties": {}}, "cache_control": {"type": "ephemeral"}}]})
    );
    assert_eq!(dropped, ["seed"]);
}

#[test]
fn what_cannot_be_said_is_refused_by_name() {
    let user = |part: Value| json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, part]}]});
    let call = |arguments: &str| {
        json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": [
        {"id": "t", "type": "function", "function": {"name": "f", "arguments": arguments}}]}]})
    };
    for (request, kind, param) in [
        (
            user(json!({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}})),
            ErrorKind::Unsupported,
            "messages[0].content[1]",
        ),
        (user(json!({"type": "video_url", "video_url": {"url": "https://a"}})), ErrorKind::Unsupported, "messages[0].content[1]"),
        (user(json!({"type": "file", "file": {"file_id": "file-1"}})), ErrorKind::Unsupported, "messages[0].content[1]"),
        (
            user(json!({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AA"}})),
            ErrorKind::Unsupported,
            "messages[0].content[1]",
        ),
        (call("{\"a\": "), ErrorKind::BadRequest, "messages[1].tool_calls[0].function.arguments"),
        (call("[1]"), ErrorKind::BadRequest, "messages[1].tool_calls[0].function.arguments"),
        (json!({"messages": [{"role": "tool", "content": "a"}]}), ErrorKind::BadRequest, "messages[0].tool_call_id"),
        (
            json!({"messages": [{"role": "user", "content": "a"}], "tools": [{"type": "image_generation"}]}),
            ErrorKind::Unsupported,
            "tools[0]",
        ),
        (json!({"messages": []}), ErrorKind::BadRequest, "messages"),
    ] {
        let error = encode("claude-sonnet-4-5", &request).unwrap_err();
        assert_eq!((error.kind(), error.param()), (kind, Some(param)), "{request}");
    }
}

#[test]
fn thinking_by_generation() {
    let ask = |model: &str, request: Value| {
        let mut whole = json!({"messages": [{"role": "user", "content": "a"}], "temperature": 0.2, "top_k": 5});
        whole.as_object_mut().unwrap().extend(request.as_object().unwrap().clone());
        let (body, dropped) = encoded(model, &whole);
        (body["thinking"].clone(), body["output_config"].clone(), body["max_tokens"].as_u64().unwrap(), dropped.join(" "))
    };
    let cases = [
        ("claude-3-5-haiku-20241022", json!({"reasoning": {"effort": "high"}}), json!(null), json!(null), 8192, "reasoning"),
        (
            "claude-sonnet-4-5",
            json!({"reasoning": {"effort": "high"}, "max_tokens": 10_000}),
            json!({"type": "enabled", "budget_tokens": 8000}),
            json!(null),
            10_000,
            "temperature top_k",
        ),
        (
            "claude-sonnet-4-5",
            json!({"reasoning": {"enabled": true}, "max_tokens": 100}),
            json!({"type": "enabled", "budget_tokens": 1024}),
            json!(null),
            1124,
            "max_tokens temperature top_k",
        ),
        (
            "claude-sonnet-4-5",
            json!({"reasoning": {"max_tokens": 4000}, "max_tokens": 500}),
            json!({"type": "enabled", "budget_tokens": 4000}),
            json!(null),
            4500,
            "max_tokens temperature top_k",
        ),
        ("claude-sonnet-4-5", json!({"reasoning_effort": "none"}), json!(null), json!(null), 32_000, ""),
        (
            "claude-sonnet-4-6",
            json!({"reasoning": {"effort": "xhigh"}}),
            json!({"type": "adaptive"}),
            json!({"effort": "high"}),
            32_000,
            "temperature top_k",
        ),
        (
            "claude-sonnet-4-6",
            json!({"reasoning": {"max_tokens": 2000}}),
            json!({"type": "enabled", "budget_tokens": 2000}),
            json!(null),
            32_000,
            "temperature top_k",
        ),
        ("claude-sonnet-4-6", json!({"verbosity": "low"}), json!(null), json!({"effort": "low"}), 32_000, ""),
        (
            "claude-opus-4-7",
            json!({"reasoning": {"effort": "xhigh", "exclude": true}}),
            json!({"type": "adaptive", "display": "omitted"}),
            json!({"effort": "xhigh"}),
            32_000,
            "temperature top_k",
        ),
        (
            "claude-opus-4-7",
            json!({"reasoning": {"max_tokens": 2000}}),
            json!({"type": "adaptive", "display": "summarized"}),
            json!({"effort": "medium"}),
            32_000,
            "reasoning.max_tokens temperature top_k",
        ),
        ("claude-opus-5", json!({"reasoning": {"enabled": false}}), json!({"type": "disabled"}), json!(null), 32_000, "temperature top_k"),
    ];
    for (model, request, thinking, config, max_tokens, dropped) in cases {
        assert_eq!(ask(model, request.clone()), (thinking, config, max_tokens, dropped.to_owned()), "{model} {request}");
    }
}

#[test]
fn thinking_leaves_the_choice_of_tools_to_the_model() {
    let (body, dropped) = encoded(
        "claude-sonnet-4-5",
        &json!({"messages": [{"role": "user", "content": "a"}], "reasoning": {"enabled": true}, "tool_choice": {"type": "function", "function": {"name": "f"}},
            "tools": [{"type": "function", "function": {"name": "f", "strict": true, "parameters": {"type": "object", "properties": {}}}}]}),
    );
    assert_eq!(body["tool_choice"], json!({"type": "auto"}));
    assert_eq!(dropped, ["tool_choice", "tools.function.strict"]);
}

#[test]
fn reasoning_goes_back_to_its_issuer_only() {
    let conversation = |provider: Value, format: &str| {
        json!({"reasoning": {"max_tokens": 1024}, "messages": [{"role": "user", "content": "a"},
            {"role": "assistant", "content": "", "reasoning_details": [
                {"type": "reasoning.text", "text": "Hm", "signature": "c2ln", "format": format, "index": 0, "provider": provider},
                {"type": "reasoning.encrypted", "data": "ZGF0YQ", "format": format, "index": 1, "provider": provider}],
                "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "t", "content": "b"}]})
    };
    let call = json!({"type": "tool_use", "id": "t", "name": "f", "input": {}});
    for provider in [json!("anthropic"), json!(null)] {
        let (body, dropped) = encoded("claude-sonnet-4-5", &conversation(provider, "anthropic-claude-v1"));
        assert_eq!(
            body["messages"][1]["content"],
            json!([{"type": "thinking", "thinking": "Hm", "signature": "c2ln"}, {"type": "redacted_thinking", "data": "ZGF0YQ"}, call])
        );
        assert_eq!((&body["thinking"]["type"], dropped), (&json!("enabled"), vec![]));
    }
    for (provider, format) in [("google-vertex", "anthropic-claude-v1"), ("anthropic", "google-gemini-v1")] {
        // A tool turn that lost its blocks cannot go on thinking before 4.6.
        let (body, dropped) = encoded("claude-sonnet-4-5", &conversation(provider.into(), format));
        assert_eq!((&body["messages"][1]["content"], &body["thinking"]), (&json!([call]), &json!(null)));
        assert_eq!(dropped, ["messages[1].reasoning_details", "reasoning"]);
    }
}

#[test]
fn schemas_are_followed_or_forced_as_a_tool() {
    let request = json!({"messages": [{"role": "user", "content": "a"}], "response_format": {"type": "json_schema",
        "json_schema": {"name": "city", "schema": {"type": "object", "properties": {"n": {"type": "string"}}}}}});
    let (body, dropped) = encoded("claude-haiku-4-5", &request);
    assert_eq!(
        body["output_config"],
        json!({"format": {"type": "json_schema", "schema": {"type": "object", "properties": {"n": {"type": "string"}}, "additionalProperties": false}}})
    );
    assert!(dropped.is_empty());

    let (body, dropped) = encoded("claude-sonnet-4-0", &request);
    assert_eq!((&body["tool_choice"], &body["tools"][0]["name"]), (&json!({"type": "tool", "name": "city"}), &json!("city")));
    assert!(dropped.is_empty());
    let answer =
        json!({"id": "m", "content": [{"type": "tool_use", "id": "t", "name": "city", "input": {"n": "Ulm"}}], "stop_reason": "tool_use"});
    let request = ChatRequest::from_json(&request.to_string()).unwrap();
    let response = http::Response::new(answer.to_string().into());
    let answer = with_call("claude-sonnet-4-0", &request, |call| Anthropic.decode(call, &response)).unwrap();
    assert_eq!((answer.text(), answer.choices[0].finish_reason), (r#"{"n":"Ulm"}"#, Some(FinishReason::Stop)));
    assert!(answer.choices[0].message.tool_calls.is_empty());
}

#[test]
fn web_search_is_the_vendors_own_tool() {
    let (body, _) = encoded(
        "claude-sonnet-4-5",
        &json!({"messages": [{"role": "user", "content": "a"}], "web_search_options": {"search_context_size": "low",
            "user_location": {"type": "approximate", "approximate": {"city": "Bern", "country": "CH"}}},
            "plugins": [{"id": "web", "max_uses": 2, "include_domains": ["a.example"]}]}),
    );
    assert_eq!(
        body["tools"],
        json!([{"type": "web_search_20250305", "name": "web_search", "max_uses": 2, "allowed_domains": ["a.example"],
            "user_location": {"type": "approximate", "city": "Bern", "country": "CH"}}])
    );
}

#[test]
fn damaged_bytes_end_in_an_answer_or_an_error() {
    let bytes = sse(&events()).into_bytes();
    let mut state = 42_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut failed = 0;
    for _ in 0..500 {
        let mut damaged = bytes.clone();
        for _ in 0..=random(3) {
            let at = random(damaged.len());
            damaged[at] = random(256) as u8;
        }
        failed += u32::from(stream(&damaged, 1 + random(300)).1.is_err());
    }
    assert!(failed > 50, "{failed} of 500 noticed");
}
