use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde_json::{Value, json};

use super::Bedrock;
use crate::{
    catalog::Endpoint,
    error::{ErrorKind, Result},
    protocols::{Call, Encoded, Protocol, framing::aws_frame},
    providers::Provider,
    types::{ChatRequest, ChatResponse, FinishReason, Fold},
};

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

/// Runs `test` with a call of this request to this model.
fn with_call<T>(model: &str, request: &ChatRequest, test: impl FnOnce(&Call<'_>) -> T) -> T {
    let endpoint = Endpoint::unknown("test/model", "amazon-bedrock", model);
    let (provider, options, id) = (Provider { slug: "amazon-bedrock".into(), ..Provider::default() }, BTreeMap::new(), Arc::from("gen-1"));
    test(&Call {
        request,
        endpoint: &endpoint,
        provider: &provider,
        base_url: "https://bedrock.example",
        options: &options,
        stream: request.stream,
        id: &id,
        created: 1_700_000_000,
    })
}

fn encode(model: &str, request: &Value) -> Result<Encoded> {
    let request = ChatRequest::from_json(&request.to_string())?;
    with_call(model, &request, |call| Bedrock.encode(call))
}

fn encoded(model: &str, request: &Value) -> (Value, Vec<String>) {
    let encoded = encode(model, request).unwrap();
    (serde_json::from_slice(encoded.request.body()).unwrap(), encoded.dropped)
}

fn event(kind: &str, payload: &Value) -> Vec<u8> {
    let headers = [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")];
    aws_frame(&headers, payload.to_string().as_bytes())
}

fn stream(bytes: &[u8], step: usize) -> (ChatResponse, Result<()>) {
    with_call(CLAUDE, &ChatRequest::default(), |call| {
        let (mut decoder, mut out) = (Bedrock.decoder(call), VecDeque::new());
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

/// Thinking, text, a tool of the vendor's, two calls.
fn events() -> Vec<Vec<u8>> {
    vec![
        event("messageStart", &json!({"role": "assistant", "p": "ab"})),
        event("contentBlockDelta", &json!({"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "Hm."}}})),
        event("contentBlockDelta", &json!({"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "c2ln"}}})),
        event("contentBlockStop", &json!({"contentBlockIndex": 0})),
        event("contentBlockDelta", &json!({"contentBlockIndex": 1, "delta": {"text": "Grü"}})),
        event("contentBlockDelta", &json!({"contentBlockIndex": 1, "delta": {"text": "n."}})),
        event("contentBlockStop", &json!({"contentBlockIndex": 1})),
        event(
            "contentBlockStart",
            &json!({"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "s1", "name": "nova_grounding", "type": "server_tool_use"}}}),
        ),
        event("contentBlockDelta", &json!({"contentBlockIndex": 2, "delta": {"toolUse": {"input": "{\"q\": 1}"}}})),
        event("contentBlockStop", &json!({"contentBlockIndex": 2})),
        event("contentBlockStart", &json!({"contentBlockIndex": 3, "start": {"toolResult": {"toolUseId": "s1", "status": "success"}}})),
        event("contentBlockDelta", &json!({"contentBlockIndex": 3, "delta": {"toolResult": [{"json": {"a": 1}}]}})),
        event("contentBlockStop", &json!({"contentBlockIndex": 3})),
        event("contentBlockStart", &json!({"contentBlockIndex": 4, "start": {"toolUse": {"toolUseId": "t1", "name": "get"}}})),
        event("contentBlockDelta", &json!({"contentBlockIndex": 4, "delta": {"toolUse": {"input": "{\"a\":"}}})),
        event("contentBlockDelta", &json!({"contentBlockIndex": 4, "delta": {"toolUse": {"input": "1}"}}})),
        event("contentBlockStop", &json!({"contentBlockIndex": 4})),
        event("contentBlockStart", &json!({"contentBlockIndex": 5, "start": {"toolUse": {"toolUseId": "t2", "name": "now"}}})),
        event("contentBlockStop", &json!({"contentBlockIndex": 5})),
        event("messageStop", &json!({"stopReason": "tool_use"})),
        event(
            "metadata",
            &json!({"metrics": {"latencyMs": 9}, "usage": {"inputTokens": 3, "outputTokens": 4, "totalTokens": 17,
                "cacheReadInputTokens": 4, "cacheWriteInputTokens": 6, "cacheDetails": [{"ttl": "1h", "inputTokens": 2}, {"ttl": "5m", "inputTokens": 4}]}}),
        ),
    ]
}

#[test]
fn a_stream_spells_the_same_answer_at_every_split() {
    let bytes = events().concat();
    let (whole, end) = stream(&bytes, bytes.len());
    assert!(end.is_ok(), "{end:?}");
    assert_eq!((whole.id.as_str(), whole.text(), whole.provider.as_str()), ("gen-1", "Grün.", "amazon-bedrock"));
    let choice = &whole.choices[0];
    assert_eq!(
        serde_json::to_value(&choice.message.reasoning_details).unwrap(),
        json!([{"type": "reasoning.text", "text": "Hm.", "signature": "c2ln", "format": "anthropic-claude-v1", "index": 0, "provider": "amazon-bedrock"}])
    );
    assert_eq!(
        serde_json::to_value(&choice.message.tool_calls).unwrap(),
        json!([{"id": "t1", "type": "function", "function": {"name": "get", "arguments": "{\"a\":1}"}},
            {"id": "t2", "type": "function", "function": {"name": "now", "arguments": "{}"}}])
    );
    assert_eq!((choice.finish_reason, choice.native_finish_reason.as_deref()), (Some(FinishReason::ToolCalls), Some("tool_use")));
    assert_eq!(
        serde_json::to_value(&whole.usage).unwrap(),
        json!({"prompt_tokens": 13, "completion_tokens": 4, "total_tokens": 17, "cost": null,
            "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 6, "cache_write_1h_tokens": 2}})
    );
    for step in 1..150 {
        assert_eq!(stream(&bytes, step).0, whole, "step {step}");
    }
}

#[test]
fn a_whole_answer_is_what_its_stream_spells() {
    let answer = json!({"output": {"message": {"role": "assistant", "content": [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
        {"text": "Grün."},
        {"toolUse": {"toolUseId": "s1", "name": "nova_grounding", "input": {"q": 1}, "type": "server_tool_use"}},
        {"toolResult": {"toolUseId": "s1", "content": [{"json": {"a": 1}}], "status": "success"}},
        {"toolUse": {"toolUseId": "t1", "name": "get", "input": {"a": 1}}},
        {"toolUse": {"toolUseId": "t2", "name": "now", "input": {}}}]}},
        "stopReason": "tool_use", "metrics": {"latencyMs": 9}, "usage": {"inputTokens": 3, "outputTokens": 4, "totalTokens": 17,
        "cacheReadInputTokens": 4, "cacheWriteInputTokens": 6, "cacheDetails": [{"ttl": "1h", "inputTokens": 2}]}});
    let response = http::Response::new(answer.to_string().into());
    let whole = with_call(CLAUDE, &ChatRequest::default(), |call| Bedrock.decode(call, &response)).unwrap();
    let bytes = events().concat();
    assert_eq!(whole, stream(&bytes, bytes.len()).0);
}

#[test]
fn broken_streams_are_errors_after_what_came_before() {
    let some = events()[..7].concat();
    let (answer, end) = stream(&some, 100);
    assert_eq!((answer.text(), end.unwrap_err().upstream_code()), ("Grün.", Some("stream_cut")));

    let headers = [(":exception-type", "modelStreamErrorException"), (":content-type", "application/json"), (":message-type", "exception")];
    let exception = aws_frame(&headers, br#"{"message": "The model broke off", "originalStatusCode": 500}"#);
    let (answer, end) = stream(&[some.clone(), exception].concat(), 100);
    let end = end.unwrap_err();
    assert_eq!((answer.text(), end.kind(), end.message()), ("Grün.", ErrorKind::Upstream, "The model broke off"));
    assert_eq!(end.upstream_type(), Some("modelStreamErrorException"));

    let error = aws_frame(&[(":message-type", "error"), (":error-code", "throttlingException"), (":error-message", "Slow down")], b"");
    let end = stream(&[some, error].concat(), 100).1.unwrap_err();
    assert_eq!((end.kind(), end.message()), (ErrorKind::RateLimited, "Slow down"));

    // Some gateways leave out the metadata.
    let without = events()[..20].concat();
    assert!(stream(&without, 100).1.is_ok());
}

#[test]
fn stop_reasons() {
    for (native, want) in [
        ("end_turn", FinishReason::Stop),
        ("stop_sequence", FinishReason::Stop),
        ("max_tokens", FinishReason::Length),
        ("model_context_window_exceeded", FinishReason::Length),
        ("guardrail_intervened", FinishReason::ContentFilter),
        ("content_filtered", FinishReason::ContentFilter),
        ("malformed_tool_use", FinishReason::Error),
    ] {
        let answer = json!({"output": {"message": {"content": [{"text": "a"}]}}, "stopReason": native});
        let response = http::Response::new(answer.to_string().into());
        let answer = with_call(CLAUDE, &ChatRequest::default(), |call| Bedrock.decode(call, &response)).unwrap();
        assert_eq!(answer.choices[0].finish_reason, Some(want), "{native}");
    }
}

#[test]
fn error_bodies_say_what_kind_they_are() {
    for (status, name, message, want) in [
        (400, "ValidationException:http://internal/", "Input is too long for requested model.", ErrorKind::ContextLength),
        (400, "ValidationException", "The provided model identifier is invalid.", ErrorKind::ModelNotFound),
        (400, "ValidationException", "Malformed input request", ErrorKind::BadRequest),
        (403, "AccessDeniedException", "You don't have access to the model.", ErrorKind::PermissionDenied),
        (403, "ExpiredTokenException", "The security token included in the request is expired", ErrorKind::Authentication),
        (403, "UnrecognizedClientException", "The security token included in the request is invalid", ErrorKind::Authentication),
        (404, "ResourceNotFoundException", "Could not resolve the foundation model", ErrorKind::ModelNotFound),
        (408, "ModelTimeoutException", "The model took too long", ErrorKind::Timeout),
        (424, "ModelErrorException", "The model failed", ErrorKind::Upstream),
        (429, "ThrottlingException", "Too many requests", ErrorKind::RateLimited),
        (429, "ModelNotReadyException", "The model is loading", ErrorKind::Overloaded),
        (503, "ServiceUnavailableException", "Unavailable", ErrorKind::Overloaded),
    ] {
        let (head, ()) = http::Response::builder().status(status).header("x-amzn-ErrorType", name).body(()).unwrap().into_parts();
        let error = Bedrock.decode_error(&head, json!({ "message": message }).to_string().as_bytes());
        assert_eq!((error.kind(), error.message(), error.upstream_status()), (want, message, Some(status)), "{name}");
    }
}

#[test]
fn a_conversation_becomes_alternating_turns() {
    let request = json!({"stream": true, "max_tokens": 100, "temperature": 1.5, "stop": ["END"], "seed": 1, "metadata": {"team": "a"},
        "tool_choice": {"type": "function", "function": {"name": "get"}}, "cache_control": {"type": "ephemeral"}, "messages": [
        {"role": "system", "content": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]},
        {"role": "user", "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            {"type": "file", "file": {"filename": "Q1_report.pdf", "file_data": "data:application/pdf;base64,BBBB"}}]},
        {"role": "assistant", "content": "", "tool_calls": [
            {"id": "call:1", "type": "function", "function": {"name": "get", "arguments": "{\"a\": 1}"}},
            {"id": "c2", "type": "function", "function": {"name": "now", "arguments": ""}}]},
        {"role": "tool", "tool_call_id": "call:1", "content": "42"},
        {"role": "user", "content": "Well?"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,CCCC"}}]}],
        "tools": [{"type": "function", "function": {"name": "get", "description": "Gets."}}]});
    let http = encode(CLAUDE, &request).unwrap();
    assert_eq!(http.request.uri(), "https://bedrock.example/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream");
    let (body, dropped) = encoded(CLAUDE, &request);
    assert_eq!(
        body,
        json!({"system": [{"text": "Be brief."}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
            "inferenceConfig": {"maxTokens": 100, "temperature": 1.0, "stopSequences": ["END"]}, "requestMetadata": {"team": "a"},
            "messages": [
                {"role": "user", "content": [
                    {"text": "What is this?"},
                    {"image": {"format": "png", "source": {"bytes": "AAAA"}}},
                    {"document": {"format": "pdf", "name": "Q1-report-1-2", "source": {"bytes": "BBBB"}}}]},
                {"role": "assistant", "content": [
                    {"toolUse": {"toolUseId": "call_1_8495310j", "name": "get", "input": {"a": 1}}},
                    {"toolUse": {"toolUseId": "c2", "name": "now", "input": {}}}]},
                {"role": "user", "content": [
                    {"toolResult": {"toolUseId": "call_1_8495310j", "content": [{"text": "42"}]}},
                    {"toolResult": {"toolUseId": "c2", "content": [{"image": {"format": "jpeg", "source": {"bytes": "CCCC"}}}]}},
                    {"text": "Well?"},
                    {"cachePoint": {"type": "default"}}]}],
            "toolConfig": {"toolChoice": {"tool": {"name": "get"}},
                "tools": [{"toolSpec": {"name": "get", "description": "Gets.", "inputSchema": {"json": {"type": "object", "properties": {}}}}}]}})
    );
    assert_eq!(dropped, ["seed"]);
}

#[test]
fn calls_in_the_past_keep_their_tools() {
    let request = json!({"messages": [{"role": "user", "content": "a"},
        {"role": "assistant", "tool_calls": [{"id": "t", "type": "function", "function": {"name": "get", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "t", "content": "b"}]});
    let (body, _) = encoded(CLAUDE, &request);
    assert_eq!(
        body["toolConfig"],
        json!({"tools": [{"toolSpec": {"name": "get", "inputSchema": {"json": {"type": "object", "properties": {}}}}}]})
    );
}

#[test]
fn what_each_author_takes() {
    let ask = |model: &str, request: Value| {
        let mut whole = json!({"messages": [{"role": "user", "content": "a"}]});
        whole.as_object_mut().unwrap().extend(request.as_object().unwrap().clone());
        let (body, dropped) = encoded(model, &whole);
        (body["additionalModelRequestFields"].clone(), body["inferenceConfig"].clone(), dropped.join(" "))
    };
    let effort = || json!({"reasoning": {"effort": "high"}, "temperature": 0.5});
    let cases = [
        (
            CLAUDE,
            json!({"reasoning": {"max_tokens": 2000}, "max_tokens": 4000}),
            json!({"thinking": {"type": "enabled", "budget_tokens": 2000}}),
            json!({"maxTokens": 4000}),
            "",
        ),
        (
            "anthropic.claude-sonnet-4-6",
            effort(),
            json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}),
            json!(null),
            "temperature",
        ),
        (
            "us.amazon.nova-2-lite-v1:0",
            effort(),
            json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}),
            json!(null),
            "temperature",
        ),
        ("openai.gpt-oss-120b-1:0", effort(), json!({"reasoning_effort": "high"}), json!({"temperature": 0.5}), ""),
        ("meta.llama3-3-70b-instruct-v1:0", effort(), json!(null), json!({"temperature": 0.5}), "reasoning"),
        ("amazon.nova-lite-v1:0", json!({"top_k": 9}), json!({"inferenceConfig": {"topK": 9}}), json!(null), ""),
        (CLAUDE, json!({"top_k": 9}), json!({"top_k": 9}), json!(null), ""),
    ];
    for (model, request, more, inference, dropped) in cases {
        assert_eq!(ask(model, request.clone()), (more, inference, dropped.to_owned()), "{model} {request}");
    }
}

#[test]
fn schemas_are_followed_or_forced_as_a_tool() {
    let request = json!({"messages": [{"role": "user", "content": "a"}], "response_format": {"type": "json_schema",
        "json_schema": {"name": "city", "schema": {"type": "object", "properties": {}, "additionalProperties": false}}}});
    let (body, _) = encoded(CLAUDE, &request);
    let structure = &body["outputConfig"]["textFormat"]["structure"]["jsonSchema"];
    assert_eq!(structure["name"], "city");
    let schema: Value = serde_json::from_str(structure["schema"].as_str().unwrap()).unwrap();
    assert_eq!(schema, json!({"type": "object", "properties": {}, "additionalProperties": false}));
    let (body, _) = encoded("amazon.nova-pro-v1:0", &request);
    assert_eq!(body["toolConfig"]["toolChoice"], json!({"tool": {"name": "city"}}));
    let (body, dropped) = encoded("meta.llama3-3-70b-instruct-v1:0", &request);
    assert_eq!((&body["toolConfig"], dropped.as_slice()), (&json!(null), ["response_format".to_owned()].as_slice()));
}

#[test]
fn what_cannot_be_said_is_refused_by_name() {
    let user = |part: Value| json!({"messages": [{"role": "user", "content": [part]}]});
    for (request, param) in [
        (user(json!({"type": "image_url", "image_url": {"url": "https://pictures.example/a.png"}})), "messages[0].content[0]"),
        (user(json!({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}})), "messages[0].content[0]"),
        (json!({"messages": [{"role": "user", "content": "a"}], "tools": [{"type": "web_search"}]}), "tools[0]"),
    ] {
        let error = encode(CLAUDE, &request).unwrap_err();
        assert_eq!((error.kind(), error.param()), (ErrorKind::Unsupported, Some(param)), "{request}");
    }
    let arn = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
    let request = encode(arn, &json!({"messages": [{"role": "user", "content": "a"}]})).unwrap().request;
    assert!(request.uri().path().ends_with("inference-profile%2Feu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"));
}

#[test]
fn damaged_bytes_end_in_an_answer_or_an_error() {
    let bytes = events().concat();
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
