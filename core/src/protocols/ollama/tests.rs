use serde_json::{Value, json};

use super::Ollama;
use crate::{error::ErrorKind, protocols::test_wire::Wire, types::FinishReason};

const OLLAMA: Wire = Wire { protocol: &Ollama, provider: "ollama", model: "qwen3" };

fn lines(messages: &[Value]) -> String {
    let done = json!({"model": "qwen3:4b", "message": {"role": "assistant", "content": ""}, "done": true, "done_reason": "stop",
        "prompt_eval_count": 11, "eval_count": 5});
    let line = |message: &Value| json!({"model": "qwen3:4b", "created_at": "2025-01-01T00:00:00Z", "message": message, "done": false});
    messages.iter().map(line).chain([done]).fold(String::new(), |text, line| text + &format!("{line}\n"))
}

#[test]
fn a_request_in_ollamas_words() {
    let request = json!({
        "model": "ollama/qwen3", "stream": true, "max_tokens": 9, "temperature": 0.5, "stop": ["x"], "repetition_penalty": 1.1, "n": 2,
        "options": {"num_ctx": 8192}, "keep_alive": "5m", "reasoning": {"effort": "high"},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}}]},
            {"role": "tool", "tool_call_id": "a", "content": "ok"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "description": "F"}}],
        "tool_choice": "required",
    });
    let (url, body, dropped) = OLLAMA.encode(&request).unwrap();
    let want = json!({
        "model": "qwen3", "stream": true, "keep_alive": "5m", "think": true, "format": {"type": "object"},
        "options": {"num_ctx": 8192, "num_predict": 9, "temperature": 0.5, "stop": ["x"], "repeat_penalty": 1.1},
        "messages": [
            {"role": "user", "content": "See", "images": ["AAAA"]},
            {"role": "assistant", "content": "", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}]},
            {"role": "tool", "content": "ok", "tool_name": "f", "tool_call_id": "a"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "description": "F", "parameters": {"type": "object", "properties": {}}}}],
    });
    assert_eq!((url.as_str(), body), ("https://vendor.test/api/chat", want));
    assert_eq!(dropped, ["tool_choice", "n"]);
    assert_eq!(Wire { model: "gpt-oss:20b", ..OLLAMA }.body(&request)["think"], "high");

    let image = json!({"type": "image_url", "image_url": {"url": "https://a.test/b.png"}});
    let error = OLLAMA.encode(&json!({"model": "o/q", "messages": [{"role": "user", "content": [image]}]})).unwrap_err();
    assert_eq!((error.kind(), error.param()), (ErrorKind::Unsupported, Some("messages[0].content[0].image_url.url")));
    let call = json!({"id": "a", "function": {"name": "f", "arguments": "[1]"}});
    let error = OLLAMA.encode(&json!({"model": "o/q", "messages": [{"role": "assistant", "tool_calls": [call]}]})).unwrap_err();
    assert_eq!((error.kind(), error.param()), (ErrorKind::BadRequest, Some("messages[0].tool_calls[0].function.arguments")));
}

#[test]
fn lines_add_up() {
    let stream = lines(&[
        json!({"role": "assistant", "content": "", "thinking": "Hm."}),
        json!({"role": "assistant", "content": "Grüße"}),
        json!({"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"b": 1, "a": [2]}}}]}),
        json!({"role": "assistant", "content": "", "tool_calls": [{"id": "own", "function": {"name": "g", "arguments": {}}}]}),
    ]);
    OLLAMA.damage(&stream);
    let (answer, error) = OLLAMA.stream(&stream);
    assert!(error.is_none(), "{error:?}");
    let choice = &answer.choices[0];
    assert_eq!((answer.model.as_str(), answer.text(), choice.message.reasoning.as_deref()), ("qwen3:4b", "Grüße", Some("Hm.")));
    assert_eq!((choice.finish_reason, choice.native_finish_reason.as_deref()), (Some(FinishReason::ToolCalls), Some("stop")));
    let calls = &choice.message.tool_calls;
    assert_eq!(serde_json::from_str::<Value>(&calls[0].function.arguments).unwrap(), json!({"b": 1, "a": [2]}));
    assert_eq!((calls[1].id.as_str(), calls[1].function.arguments.as_str()), ("own", "{}"));
    assert!(!calls[0].id.is_empty());
    assert_eq!((answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens), (Some(11), Some(5), Some(16)));

    let whole = OLLAMA.decode(&json!({"model": "m", "message": {"content": "Hi"}, "done": true, "done_reason": "length"})).unwrap();
    assert_eq!((whole.text(), whole.choices[0].finish_reason), ("Hi", Some(FinishReason::Length)));
}

#[test]
fn failures() {
    let stream = lines(&[json!({"content": "Half"})]);
    let (answer, error) = OLLAMA.stream(&stream[..stream.len() - 20]);
    assert_eq!((answer.text(), error.unwrap().upstream_code()), ("Half", Some("stream_cut")));

    let first = stream.lines().next().unwrap();
    let (answer, error) = OLLAMA.stream(&format!("{first}\n{{\"error\": \"an error was encountered\"}}\n"));
    assert_eq!((answer.text(), error.unwrap().message()), ("Half", "an error was encountered"));

    for (status, message, want) in [
        (400, "registry.ollama.ai/library/x does not support tools", ErrorKind::BadRequest),
        (400, "the input length exceeds the context length", ErrorKind::ContextLength),
        (404, "model 'x' not found", ErrorKind::ModelNotFound),
        (503, "server busy, please try again", ErrorKind::Overloaded),
    ] {
        let error = OLLAMA.error(status, &json!({"error": message}).to_string());
        assert_eq!((error.kind(), error.message()), (want, message));
    }
}
