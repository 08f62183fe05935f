use std::time::Duration;

use serde_json::{Value, json};

use super::Gemini;
use crate::{
    error::ErrorKind,
    protocols::test_wire::Wire,
    types::{Annotation, FinishReason, Message},
};

const FLASH: Wire = Wire { protocol: &Gemini, provider: "google-ai-studio", model: "gemini-2.5-flash" };
const PRO_3: Wire = Wire { protocol: &Gemini, provider: "google-ai-studio", model: "gemini-3-pro-preview" };

fn sse(items: &[Value]) -> String {
    items.iter().fold(String::new(), |text, item| text + &format!("data: {item}\r\n\r\n"))
}

/// The same without `alt=sse`.
fn whole_of(items: &[Value]) -> String {
    Value::Array(items.to_vec()).to_string()
}

fn piece(parts: &Value) -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": parts}, "index": 0}],
        "usageMetadata": {"promptTokenCount": 9}, "modelVersion": "gemini-2.5-flash-001", "responseId": "answer-1"})
}

fn end(reason: &str) -> Value {
    json!({"candidates": [{"finishReason": reason, "index": 0}], "modelVersion": "gemini-2.5-flash-001", "responseId": "answer-1",
        "usageMetadata": {"promptTokenCount": 9, "toolUsePromptTokenCount": 1, "cachedContentTokenCount": 4, "candidatesTokenCount": 5,
            "thoughtsTokenCount": 7, "totalTokenCount": 22}})
}

// Requests.

#[test]
fn a_conversation_with_tools_becomes_contents() {
    let request = json!({
        "model": "google/gemini-2.5-flash",
        "stream": true,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
            {"role": "user", "content": "Weather in Oslo and Rome?"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{\"city\": \"Oslo\"}"}},
                {"id": "b", "type": "function", "function": {"name": "weather", "arguments": ""}},
            ]},
            {"role": "tool", "tool_call_id": "a", "content": "{\"degrees\": -3}"},
            {"role": "tool", "tool_call_id": "b", "content": "sunny"},
            {"role": "user", "content": "And?"},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "description": "Weather", "parameters": {
            "type": "object", "properties": {"city": {"$ref": "#/$defs/city"}}, "$defs": {"city": {"type": "string"}}}}}],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
    });
    let (url, body, dropped) = FLASH.encode(&request).unwrap();
    assert_eq!(url, "https://vendor.test/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
    assert!(dropped.is_empty());
    let want = json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Weather in Oslo and Rome?"}]},
            {"role": "model", "parts": [
                {"functionCall": {"id": "a", "name": "weather", "args": {"city": "Oslo"}}},
                {"functionCall": {"id": "b", "name": "weather", "args": {}}},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"id": "a", "name": "weather", "response": {"degrees": -3}}},
                {"functionResponse": {"id": "b", "name": "weather", "response": {"result": "sunny"}}},
            ]},
            {"role": "user", "parts": [{"text": "And?"}]},
        ],
        "tools": [{"functionDeclarations": [{"name": "weather", "description": "Weather", "parametersJsonSchema": {
            "type": "object", "properties": {"city": {"$ref": "#/$defs/city"}}, "$defs": {"city": {"type": "string"}}}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
    });
    assert_eq!(body, want);
}

#[test]
fn media_travel_inline_or_by_reference() {
    let request = json!({"model": "google/g", "messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "data:image/webp;base64,AAAA"}},
        {"type": "image_url", "image_url": {"url": "https://a.test/b.png?size=2"}},
        {"type": "file", "file": {"filename": "a.txt", "file_data": "data:;base64,BBBB"}},
        {"type": "file", "file": {"file_id": "https://vendor.test/files/1"}},
        {"type": "input_audio", "input_audio": {"data": "CCCC", "format": "mp3"}},
        {"type": "video_url", "video_url": {"url": "https://youtube.test/watch"}},
    ]}]});
    let want = json!([
        {"inlineData": {"mimeType": "image/webp", "data": "AAAA"}},
        {"fileData": {"mimeType": "image/png", "fileUri": "https://a.test/b.png?size=2"}},
        {"inlineData": {"mimeType": "text/plain", "data": "BBBB"}},
        {"fileData": {"mimeType": "application/pdf", "fileUri": "https://vendor.test/files/1"}},
        {"inlineData": {"mimeType": "audio/mp3", "data": "CCCC"}},
        {"fileData": {"mimeType": "video/mp4", "fileUri": "https://youtube.test/watch"}},
    ]);
    assert_eq!(FLASH.body(&request)["contents"][0]["parts"], want);
}

#[test]
fn settings_are_renamed_and_the_rest_is_recorded() {
    let request = json!({
        "model": "google/g", "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.5, "top_p": 0.9, "top_k": 20, "max_completion_tokens": 100, "stop": "END", "seed": 7, "n": 2,
        "presence_penalty": 0.1, "frequency_penalty": 0.2, "logprobs": true, "top_logprobs": 3, "modalities": ["text", "image"],
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
        "image_config": {"aspect_ratio": "16:9"}, "service_tier": "flex",
        "user": "u", "logit_bias": {"1": 2}, "some_new_field": 1,
    });
    let (_, body, dropped) = FLASH.encode(&request).unwrap();
    let want = json!({
        "temperature": 0.5, "topP": 0.9, "topK": 20, "maxOutputTokens": 100, "stopSequences": ["END"], "seed": 7, "candidateCount": 2,
        "presencePenalty": 0.1, "frequencyPenalty": 0.2, "responseLogprobs": true, "logprobs": 3, "responseModalities": ["TEXT", "IMAGE"],
        "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}, "imageConfig": {"aspectRatio": "16:9"},
    });
    assert_eq!((&body["generationConfig"], &body["serviceTier"]), (&want, &json!("flex")));
    assert_eq!(dropped, ["some_new_field", "logit_bias", "user"]);
}

#[test]
fn reasoning_is_a_budget_or_a_level() {
    let thinking = |wire: &Wire, reasoning: Value, max_tokens: Value| {
        let messages = json!([{"role": "user", "content": "Hi"}]);
        let request = json!({"model": "google/g", "messages": messages, "reasoning": reasoning, "max_tokens": max_tokens});
        wire.body(&request)["generationConfig"]["thinkingConfig"].clone()
    };
    let budget = |tokens: u64, include: bool| json!({"thinkingBudget": tokens, "includeThoughts": include});
    let level = |level: &str| json!({"thinkingLevel": level, "includeThoughts": true});
    assert_eq!(thinking(&FLASH, json!({"effort": "low"}), json!(10_000)), budget(2000, true));
    assert_eq!(thinking(&FLASH, json!({"effort": "high"}), json!(null)), budget(24_576, true));
    assert_eq!(thinking(&FLASH, json!({"max_tokens": 300, "exclude": true}), json!(null)), budget(300, false));
    assert_eq!(thinking(&FLASH, json!({"enabled": false}), json!(null)), budget(0, false));
    assert_eq!(thinking(&PRO_3, json!({"effort": "low"}), json!(null)), level("LOW"));
    assert_eq!(thinking(&PRO_3, json!({"enabled": true}), json!(null)), level("HIGH"));
    assert_eq!(thinking(&PRO_3, json!({"effort": "xhigh"}), json!(null)), level("HIGH"));

    let old = Wire { model: "gemini-2.0-flash", ..FLASH };
    let request = json!({"model": "google/g", "messages": [{"role": "user", "content": "Hi"}], "reasoning_effort": "low"});
    let (_, body, dropped) = old.encode(&request).unwrap();
    assert_eq!((body.get("generationConfig"), dropped), (None, vec!["reasoning".to_owned()]));
}

#[test]
fn a_search_gives_way_to_functions_before_gemini_3() {
    let mut request = json!({"model": "google/g", "messages": [{"role": "user", "content": "Hi"}], "web_search_options": {}});
    assert_eq!(FLASH.body(&request)["tools"], json!([{"googleSearch": {}}]));
    request["tools"] = json!([{"type": "function", "function": {"name": "f"}}]);
    let (_, body, dropped) = FLASH.encode(&request).unwrap();
    assert_eq!((&body["tools"], dropped), (&json!([{"functionDeclarations": [{"name": "f"}]}]), vec!["web_search_options".to_owned()]));
    request["plugins"] = json!([{"id": "web", "include_domains": ["a.test"]}]);
    request.as_object_mut().unwrap().remove("web_search_options");
    let (_, body, dropped) = PRO_3.encode(&request).unwrap();
    assert_eq!(dropped, ["plugins.include_domains"]);
    assert_eq!(body["tools"], json!([{"functionDeclarations": [{"name": "f"}]}, {"googleSearch": {}}]));
    assert_eq!(body["toolConfig"], json!({"includeServerSideToolInvocations": true}));
}

#[test]
fn wrong_requests_name_the_field() {
    let refused = |messages: Value| {
        let error = FLASH.encode(&json!({"model": "google/g", "messages": messages})).unwrap_err();
        (error.kind(), error.param().unwrap_or_default().to_owned())
    };
    let call = json!({"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"cut"}});
    for (messages, kind, param) in [
        (json!([{"role": "assistant", "tool_calls": [call]}]), ErrorKind::BadRequest, "messages[0].tool_calls[0].function.arguments"),
        (json!([{"role": "tool", "tool_call_id": "x", "content": ""}]), ErrorKind::BadRequest, "messages[0].tool_call_id"),
        (
            json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "a.png"}}]}]),
            ErrorKind::BadRequest,
            "messages[0].content[0].image_url.url",
        ),
        (json!([{"role": "user", "content": [{"type": "hologram"}]}]), ErrorKind::Unsupported, "messages[0].content[0].type"),
        (json!([]), ErrorKind::BadRequest, "messages"),
    ] {
        assert_eq!(refused(messages), (kind, param.to_owned()));
    }
}

#[test]
fn signatures_go_back_to_their_issuer_only() {
    let stream = sse(&[
        piece(
            &json!([{"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2ln"}, {"functionCall": {"name": "g", "args": {}}}]),
        ),
        end("STOP"),
    ]);
    let (answer, error) = PRO_3.stream(&stream);
    assert!(error.is_none());
    let message: Message = answer.choices.into_iter().next().unwrap().message.into();
    let request = json!({"model": "google/g", "messages": [{"role": "user", "content": "Hi"}, message]});
    let signatures = |wire: &Wire, request: &Value| {
        let body = wire.body(request);
        body["contents"][1]["parts"].as_array().unwrap().iter().map(|part| part["thoughtSignature"].clone()).collect::<Vec<_>>()
    };
    let vertex = Wire { provider: "google-vertex", ..PRO_3 };
    assert_eq!(signatures(&PRO_3, &request), [json!("c2ln"), Value::Null]);
    assert_eq!(signatures(&vertex, &request), [json!("skip_thought_signature_validator"), Value::Null]);
    assert_eq!(signatures(&Wire { model: "gemini-2.5-flash", ..vertex }, &request), [Value::Null, Value::Null]);

    // A caller that keeps Google's own form alone vouches for it.
    let mut request = request;
    request["messages"][1].as_object_mut().unwrap().remove("reasoning_details");
    assert_eq!(signatures(&PRO_3, &request), [json!("c2ln"), Value::Null]);
}

#[test]
fn a_signature_goes_back_on_its_text() {
    let stream = sse(&[
        piece(&json!([{"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "Y29kZQ"}, {"text": "Done."}])),
        piece(&json!([{"text": "", "thoughtSignature": "dGV4dA"}])),
        end("STOP"),
    ]);
    let (answer, _) = PRO_3.stream(&stream);
    let message: Message = answer.choices.into_iter().next().unwrap().message.into();
    let request = json!({"model": "google/g", "messages": [{"role": "user", "content": "Hi"}, message]});
    let want = json!({"role": "model", "parts": [{"text": "Done.", "thoughtSignature": "dGV4dA"}]});
    assert_eq!(PRO_3.body(&request)["contents"][1], want);
}

// Answers.

#[test]
fn a_stream_adds_up_to_what_the_whole_answer_says() {
    let call = json!({"functionCall": {"name": "weather", "args": {"city": "Oslo"}}});
    let parts = [
        json!([{"text": "Let me ", "thought": true}]),
        json!([{"text": "think.", "thought": true}]),
        json!([{"text": "It is "}]),
        json!([{"text": "cold."}, {"executableCode": {"language": "PYTHON", "code": "1"}}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]),
        json!([call, {"functionCall": {"id": "own", "name": "weather"}}]),
    ];
    let stream: Vec<Value> = parts.iter().map(piece).chain([end("STOP")]).collect();
    let (answer, error) = FLASH.stream(&sse(&stream));
    assert!(error.is_none(), "{error:?}");
    let choice = &answer.choices[0];
    let message = &choice.message;
    assert_eq!((message.reasoning.as_deref(), message.content.as_deref()), (Some("Let me think."), Some("It is cold.")));
    assert_eq!((answer.id.as_str(), answer.model.as_str()), ("answer-1", "gemini-2.5-flash-001"));
    assert_eq!((choice.finish_reason, choice.native_finish_reason.as_deref()), (Some(FinishReason::ToolCalls), Some("STOP")));
    assert_eq!(message.images.len(), 1);
    let calls: Vec<_> = message.tool_calls.iter().map(|call| (call.function.name.as_str(), call.function.arguments.as_str())).collect();
    assert_eq!(calls, [("weather", r#"{"city":"Oslo"}"#), ("weather", "{}")]);
    assert_eq!(message.tool_calls[1].id, "own");
    assert!(!message.tool_calls[0].id.is_empty());
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 12, "total_tokens": 22, "cost": null,
        "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 7}});
    assert_eq!(serde_json::to_value(&answer.usage).unwrap(), usage);

    let (listed, error) = FLASH.stream(&whole_of(&stream));
    assert!(error.is_none());
    assert_eq!(listed, answer, "without alt=sse");

    FLASH.damage(&sse(&stream));
    FLASH.damage(&whole_of(&stream));

    let mut whole = end("STOP");
    whole["candidates"][0]["content"] =
        json!({"parts": parts.iter().flat_map(|parts| parts.as_array().unwrap().clone()).collect::<Vec<_>>()});
    let mut whole = FLASH.decode(&whole).unwrap();
    whole.object = answer.object.clone();
    assert_eq!(whole, answer);
}

#[test]
fn arguments_in_pieces_are_merged() {
    let stream = sse(&[
        piece(&json!([{"functionCall": {"name": "book", "willContinue": true}}])),
        piece(
            &json!([{"functionCall": {"partialArgs": [{"jsonPath": "$.to.city", "stringValue": "New ", "willContinue": true}], "willContinue": true}}]),
        ),
        piece(&json!([{"functionCall": {"partialArgs": [{"jsonPath": "$.to.city", "stringValue": "York"}], "willContinue": true}}])),
        piece(&json!([{"functionCall": {"partialArgs": [
            {"jsonPath": "$.days[0]", "numberValue": 3}, {"jsonPath": "$.days[1]", "numberValue": 4}, {"jsonPath": "$.ok", "boolValue": true}],
            "willContinue": true}}])),
        piece(&json!([{"functionCall": {}}])),
        piece(&json!([{"functionCall": {"name": "pay", "args": {"sum": 1.50}}}])),
        end("STOP"),
    ]);
    let (answer, error) = FLASH.stream(&stream);
    assert!(error.is_none());
    let calls = &answer.choices[0].message.tool_calls;
    assert_eq!(
        serde_json::from_str::<Value>(&calls[0].function.arguments).unwrap(),
        json!({"to": {"city": "New York"}, "days": [3, 4], "ok": true})
    );
    assert_eq!((calls[1].function.name.as_str(), calls[1].function.arguments.as_str()), ("pay", r#"{"sum":1.5}"#));
}

#[test]
fn sources_become_citations_in_characters() {
    let mut last = end("STOP");
    last["candidates"][0]["groundingMetadata"] = json!({
        "webSearchQueries": ["q"],
        "groundingChunks": [{"web": {"uri": "https://a.test", "title": "A"}}, {"web": {"uri": "https://b.test"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 0, "endIndex": 8, "text": "Größe."}, "groundingChunkIndices": [1]},
            {"segment": {"startIndex": 9, "endIndex": 12, "text": "Ja."}, "groundingChunkIndices": [0, 7]},
        ],
    });
    let stream = sse(&[piece(&json!([{"text": "Größe. J"}])), piece(&json!([{"text": "a."}])), last]);
    FLASH.damage(&stream);
    let (answer, _) = FLASH.stream(&stream);
    let found: Vec<_> = answer.choices[0]
        .message
        .annotations
        .iter()
        .map(|Annotation::UrlCitation { url_citation: cited }| {
            (cited.url.as_str(), cited.title.as_str(), cited.start_index, cited.end_index)
        })
        .collect();
    assert_eq!(found, [("https://b.test", "", 0, 6), ("https://a.test", "A", 7, 10)]);
    assert_eq!(answer.usage.server_tool_use_details.unwrap().web_search_requests, Some(1));
}

#[test]
fn log_probabilities_take_openais_form() {
    let mut answer = end("STOP");
    answer["candidates"][0]["content"] = json!({"parts": [{"text": "ä"}]});
    answer["candidates"][0]["logprobsResult"] = json!({
        "chosenCandidates": [{"token": "ä", "tokenId": 5, "logProbability": -0.5}],
        "topCandidates": [{"candidates": [{"token": "ä", "logProbability": -0.5}, {"token": "b", "logProbability": "-Infinity"}]}],
    });
    let want = json!({"refusal": null, "content": [{"token": "ä", "logprob": -0.5, "bytes": [195, 164], "top_logprobs": [
        {"token": "ä", "logprob": -0.5, "bytes": [195, 164]}, {"token": "b", "logprob": -9999.0, "bytes": [98]}]}]});
    assert_eq!(FLASH.decode(&answer).unwrap().choices[0].logprobs, Some(want));
}

#[test]
fn a_blocked_prompt_is_an_answer_that_was_filtered() {
    let blocked = json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 4}});
    for answer in [FLASH.decode(&blocked).unwrap(), FLASH.stream(&sse(&[blocked])).0] {
        let choice = &answer.choices[0];
        assert_eq!(
            (choice.finish_reason, choice.native_finish_reason.as_deref()),
            (Some(FinishReason::ContentFilter), Some("PROHIBITED_CONTENT"))
        );
        assert_eq!(answer.usage.prompt_tokens, Some(4));
    }
}

#[test]
fn finish_reasons() {
    for (native, want) in [
        ("MAX_TOKENS", FinishReason::Length),
        ("SAFETY", FinishReason::ContentFilter),
        ("RECITATION", FinishReason::ContentFilter),
        ("MALFORMED_FUNCTION_CALL", FinishReason::Error),
        ("STOP", FinishReason::Stop),
    ] {
        let (answer, error) = FLASH.stream(&sse(&[piece(&json!([{"text": "a"}])), end(native)]));
        assert!(error.is_none());
        assert_eq!(answer.choices[0].finish_reason, Some(want), "{native}");
    }
}

#[test]
fn what_ends_early_is_an_error_after_its_text() {
    let stream = sse(&[piece(&json!([{"text": "Half an"}])), end("STOP")]);
    let list = format!("[{},{}]", piece(&json!([{"text": "Half an"}])), end("STOP"));
    for (stream, last) in [(stream.as_str(), 40), (list.as_str(), 40)] {
        let (answer, error) = FLASH.stream(&stream[..stream.len() - last]);
        assert_eq!((answer.text(), error.unwrap().upstream_code().unwrap()), ("Half an", "stream_cut"));
    }
    let failed = json!({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}});
    let (answer, error) = FLASH.stream(&sse(&[piece(&json!([{"text": "Half an"}])), failed.clone()]));
    let error = error.unwrap();
    assert_eq!((answer.text(), error.kind(), error.message()), ("Half an", ErrorKind::Overloaded, "The model is overloaded."));
    assert_eq!(FLASH.decode(&failed).unwrap_err().kind(), ErrorKind::Overloaded);
    assert_eq!(FLASH.decode(&json!({"usageMetadata": {}})).unwrap_err().kind(), ErrorKind::Upstream);
}

// Errors.

#[test]
fn errors_are_told_apart_by_reason_and_words() {
    let body = |code: u16, status: &str, message: &str, details: Value| {
        json!({"error": {"code": code, "status": status, "message": message, "details": details}}).to_string()
    };
    let info = |reason: &str| json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}]);
    for (http, status, message, details, want) in [
        (400, "INVALID_ARGUMENT", "API key not valid.", info("API_KEY_INVALID"), ErrorKind::Authentication),
        (401, "UNAUTHENTICATED", "No.", info("CREDENTIALS_MISSING"), ErrorKind::Authentication),
        (403, "PERMISSION_DENIED", "No.", json!([]), ErrorKind::PermissionDenied),
        (404, "NOT_FOUND", "No such model.", json!([]), ErrorKind::ModelNotFound),
        (503, "UNAVAILABLE", "Overloaded.", json!([]), ErrorKind::Overloaded),
        (500, "INTERNAL", "Oops.", json!([]), ErrorKind::Upstream),
        (400, "INVALID_ARGUMENT", "Wrong.", json!([]), ErrorKind::BadRequest),
        (
            400,
            "INVALID_ARGUMENT",
            "The input token count (2) exceeds the maximum number of tokens allowed (1).",
            json!([]),
            ErrorKind::ContextLength,
        ),
    ] {
        let error = FLASH.error(http, &body(http, status, message, details));
        assert_eq!((error.kind(), error.message(), error.upstream_status()), (want, message, Some(http)));
    }
    let retry = json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}]);
    let listed = format!("[{}]", body(429, "RESOURCE_EXHAUSTED", "Slow down.", retry));
    let error = FLASH.error(429, &listed);
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_millis(34_500))));
    assert_eq!(FLASH.error(502, "<html>").kind(), ErrorKind::Upstream);
}
