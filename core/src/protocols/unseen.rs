//! What vendors document and no recording shows, and what is legal JSON where something else was meant: each is read as far
//! as it says something, and what says nothing costs nothing.

mod openai;

use serde_json::{Value, json};

use super::{
    EmbedCall, Embedded, anthropic, bedrock, cohere, embedder, framing::aws_frame, gemini, ollama, openai_chat, openai_responses,
    test_wire::Wire,
};
use crate::{
    catalog::Endpoint,
    error::{Error, ErrorKind, Result},
    providers::{ProtocolName, Provider},
    types::{Annotation, ChatResponse, EmbeddingRequest},
};

const CHAT: Wire = Wire { protocol: &openai_chat::OpenaiChat, provider: "test", model: "m" };
const RESPONSES: Wire = Wire { protocol: &openai_responses::OpenaiResponses, provider: "test", model: "m" };
const ANTHROPIC: Wire = Wire { protocol: &anthropic::Anthropic, provider: "test", model: "m" };
const GEMINI: Wire = Wire { protocol: &gemini::Gemini, provider: "test", model: "m" };
const BEDROCK: Wire = Wire { protocol: &bedrock::Bedrock, provider: "test", model: "m" };
const COHERE: Wire = Wire { protocol: &cohere::Cohere, provider: "test", model: "m" };
const OLLAMA: Wire = Wire { protocol: &ollama::Ollama, provider: "test", model: "m" };

/// What an answer says, by short names.
fn said(answer: &ChatResponse) -> Value {
    let choice = &answer.choices[0];
    let message = &choice.message;
    let calls: Vec<_> = message.tool_calls.iter().map(|call| format!("{}({})", call.function.name, call.function.arguments)).collect();
    let cited = message.annotations.iter().map(|annotation| {
        let Annotation::UrlCitation { url_citation } = annotation;
        url_citation.url.clone()
    });
    let usage = &answer.usage;
    json!({
        "text": message.content.clone().unwrap_or_default(),
        "reasoning": message.reasoning.clone().unwrap_or_default(),
        "refusal": message.refusal.clone().unwrap_or_default(),
        "calls": calls,
        "images": message.images.len(),
        "cited": cited.collect::<Vec<_>>(),
        "finish": choice.finish_reason,
        "native": choice.native_finish_reason,
        "prompt": usage.prompt_tokens,
        "completion": usage.completion_tokens,
        "cached": usage.prompt_tokens_details.as_ref().and_then(|details| details.cached_tokens),
        "written": usage.prompt_tokens_details.as_ref().and_then(|details| details.cache_write_tokens),
        "thought": usage.completion_tokens_details.as_ref().and_then(|details| details.reasoning_tokens),
        "searches": usage.server_tool_use_details.as_ref().and_then(|tools| tools.web_search_requests),
    })
}

/// Compares what the expectation names.
fn expect(what: &str, answer: &ChatResponse, want: &Value) {
    let got = said(answer);
    for (name, want) in want.as_object().unwrap() {
        assert_eq!(&got[name], want, "{name} of {what}");
    }
}

fn whole(wire: &Wire, cases: &[(Value, Value)]) {
    for (body, want) in cases {
        expect(&body.to_string(), &wire.decode(body).unwrap(), want);
    }
}

fn streamed(wire: &Wire, events: &str, want: &Value) {
    let (answer, error) = wire.stream(events);
    assert!(error.is_none(), "{error:?} of {events}");
    expect(events, &answer, want);
}

fn sse(events: &[Value]) -> String {
    events.iter().fold(String::new(), |text, event| text + &format!("data: {event}\n\n"))
}

/// The kind and the words of a failure.
fn failed<T: std::fmt::Debug>(result: Result<T>) -> (ErrorKind, String) {
    let error = result.unwrap_err();
    (error.kind(), error.message().to_owned())
}

/// The same of a stream, after its text.
fn broken(wire: &Wire, events: &[Value]) -> (String, ErrorKind, String) {
    let (answer, error): (_, Option<Error>) = wire.stream(&sse(events));
    let error = error.unwrap();
    (answer.text().to_owned(), error.kind(), error.message().to_owned())
}

#[test]
fn chat_answers_in_odd_types() {
    let choice = |message: Value| json!({"choices": [{"message": message, "finish_reason": "stop"}]});
    whole(
        &CHAT,
        &[
            (
                json!({"choices": [{"index": "0", "message": {"content": "Hi"}, "finish_reason": "eos"}], "created": "7",
                "usage": {"prompt_tokens": "12", "completion_tokens": 3.0, "total_tokens": null, "prompt_tokens_details": []}}),
                json!({"text": "Hi", "finish": "stop", "native": "eos", "prompt": 12, "completion": 3}),
            ),
            (
                choice(
                    json!({"content": [{"type": "text", "text": "A"}, "B", {"type": "future", "x": 1}, null, 7, [], {"type": "reference", "reference_ids": [1]}]}),
                ),
                json!({"text": "AB"}),
            ),
            (choice(json!({"content": {"type": "text", "a": 1}})), json!({"text": r#"{"a":1,"type":"text"}"#})),
            (
                choice(json!({"content": null, "tool_calls": [
                {"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}, null, "odd", {"id": "b", "function": {"name": "g", "arguments": null}},
                {"id": "c", "function": {"name": "h"}}, {"id": "c", "function": {"name": "i", "arguments": ""}}]})),
                json!({"calls": [r#"f({"x":1})"#, "g({})", "h({})", "i({})"], "finish": "tool_calls"}),
            ),
            (
                json!({"choices": {"message": {"content": "Hi", "reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "index": "0"}]},
                "finish_reason": "content-filter"}, "usage": {"input_tokens": 5, "output_tokens": 2}}),
                json!({"text": "Hi", "reasoning": "Hm.", "finish": "content_filter", "prompt": 5, "completion": 2}),
            ),
            (
                json!({"choices": [{"message": {"content": "Hi"}, "finish_reason": "MAX_TOKENS"}], "usage": {"prompt_tokens": 9, "completion_tokens": 1,
                "prompt_tokens_details": {"cached_tokens": 4, "cache_creation_input_tokens": 3, "cache_type": "ephemeral"}}}),
                json!({"finish": "length", "cached": 4, "written": 3}),
            ),
        ],
    );
    let source =
        json!([{"title": "A", "link": "https://a.test", "content": "x", "refer": "ref_1"}, {"title": "B", "url": "https://b.test"}]);
    for (name, value) in
        [("search_results", source.clone()), ("web_search", source.clone()), ("venice_parameters", json!({"web_search_citations": source}))]
    {
        let mut body = choice(json!({"content": "Hi"}));
        body[name] = value;
        expect(name, &CHAT.decode(&body).unwrap(), &json!({"cited": ["https://a.test", "https://b.test"]}));
    }
    let ids = CHAT.decode(&choice(json!({"tool_calls": [{"id": "c", "function": {"name": "h"}}, {"id": "c", "function": {"name": "i"}}]})));
    let ids: Vec<_> = ids.unwrap().choices[0].message.tool_calls.iter().map(|call| call.id.clone()).collect();
    assert!(ids[0] == "c" && ids[1] != "c", "{ids:?}");
    let two = CHAT.decode(&json!({"choices": [{"message": {"content": "A"}, "finish_reason": "stop"}, {"message": {"content": "B"}, "finish_reason": "stop"}]}));
    assert_eq!(two.unwrap().choices.len(), 2, "choices without an index are numbered");
}

#[test]
fn chat_streams_in_odd_types() {
    let events = [
        json!({"type": "future.event", "message": "Searching the web"}),
        json!({"choices": null}),
        json!({"choices": [null]}),
        json!({"choices": [{"delta": null, "finish_reason": "null"}]}),
        json!({"choices": [{"delta": [], "finish_reason": ""}], "usage": "none"}),
        json!({"choices": [{"index": 0.0, "delta": {"content": ["He", {"text": "llo"}]}}], "usage": []}),
        json!({"choices": [{"delta": {"tool_calls": [{"index": "0", "id": "a", "function": {"name": "f", "arguments": ""}}]}}]}),
        json!({"choices": [{"delta": {"tool_calls": {"index": "0", "function": {"arguments": "{\"x\":"}}}}]}),
        json!({"choices": [{"delta": {"tool_calls": [{"index": 0.0, "function": {"arguments": "1}"}}, {"index": 1}]}}]}),
        json!({"choices": [{"delta": {}, "finish_reason": "tool-calls"}]}),
        json!({"choices": [], "usage": {"prompt_tokens": 4.0, "completion_tokens": "2"}}),
    ];
    let want = json!({"text": "Hello", "calls": [r#"f({"x":1})"#], "finish": "tool_calls", "prompt": 4, "completion": 2});
    streamed(&CHAT, &(sse(&events) + "data: [DONE]\n\n"), &want);
    let together = (sse(&events) + "data: [DONE]").replace("\n\n", "\n");
    streamed(&CHAT, &together, &want);
    // In one piece, or as events, whatever was asked for.
    let answer = json!({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]});
    streamed(&CHAT, &format!("\n{answer:#}\n"), &json!({"text": "Hi", "finish": "stop"}));
    let events = sse(&[json!({"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]})]);
    for begin in ["\u{feff}", "retry: 9\n", ": hello\n\n", "\n"] {
        expect(begin, &CHAT.decode_text(&(begin.to_owned() + &events)).unwrap(), &json!({"text": "Hi", "finish": "stop"}));
    }
    expect("a mark of the byte order", &CHAT.decode_text(&format!("\u{feff}{answer}")).unwrap(), &json!({"text": "Hi"}));
}

#[test]
fn chat_failures_in_the_place_of_chunks() {
    let text = json!({"id": "a", "choices": [{"delta": {"content": "Half"}}]});
    for (event, kind, message) in [
        (json!({"error": {"message": "slow down", "code": 429}}), ErrorKind::RateLimited, "slow down"),
        (json!({"error": {"message": "slow down", "code": "429", "type": "x"}}), ErrorKind::RateLimited, "slow down"),
        (json!({"error": "boom"}), ErrorKind::Upstream, "boom"),
        (json!({"error": {"message": {"detail": "boom"}}}), ErrorKind::Upstream, "boom"),
        (json!({"error": ["boom"]}), ErrorKind::Upstream, "boom"),
        (
            json!({"object": "error", "message": "too long", "type": "BadRequestError", "param": null, "code": 400}),
            ErrorKind::BadRequest,
            "too long",
        ),
        (json!({"detail": "boom"}), ErrorKind::Upstream, "boom"),
        (json!({"code": 503, "msg": "busy"}), ErrorKind::Overloaded, "busy"),
        (json!({"error_code": "TEMPORARILY_UNAVAILABLE", "message": "busy"}), ErrorKind::Overloaded, "busy"),
        (json!({"type": "error", "message": "boom"}), ErrorKind::Upstream, "boom"),
        (json!({"choices": [], "error": {"type": "server_error", "message": "boom"}}), ErrorKind::Upstream, "boom"),
    ] {
        let (text, got, words) = broken(&CHAT, &[text.clone(), event.clone()]);
        assert_eq!((text.as_str(), got, words.as_str()), ("Half", kind, message), "{event}");
        let whole = CHAT.decode(&event).unwrap_err();
        assert_eq!((whole.kind(), whole.message()), (kind, message), "{event}");
    }
    let half = "data: {\"choices\": [{\"delta\": {\"content\": \"Half\"}}]}\n\n";
    let (answer, error) = CHAT.stream(&format!("{half}error: {{\"code\": 503, \"message\": \"busy\"}}\n\n"));
    let error = error.unwrap();
    assert_eq!((answer.text(), error.kind(), error.message()), ("Half", ErrorKind::Overloaded, "busy"));
    let (answer, error) =
        CHAT.stream("data: {\"choices\": [{\"delta\": {\"content\": \"Half\"}}]}\n\nevent: error\ndata: upstream is gone\n\n");
    assert_eq!((answer.text(), error.unwrap().message()), ("Half", "upstream is gone"));
}

#[test]
fn error_bodies_in_any_form() {
    let all = [&CHAT, &RESPONSES, &ANTHROPIC, &GEMINI, &BEDROCK, &COHERE, &OLLAMA];
    for wire in all {
        for (body, words) in [
            (r#"{"error": {"message": "no"}}"#, "no"),
            (r#"{"error": "no"}"#, "no"),
            (r#"{"message": "no"}"#, "no"),
            (r#"{"detail": "no"}"#, "no"),
            (r#"[{"error": {"message": "no"}}]"#, "no"),
            (r#"{"detail": [{"loc": ["body"], "msg": "no"}]}"#, "no"),
            (r#""no""#, "no"),
            (r#""{\"error\": {\"message\": \"no\"}}""#, "no"),
            ("no", "no"),
            ("<html><head><title>no</title></head></html>", "no"),
            ("", ""),
            ("null", ""),
            ("[]", ""),
            ("{}", ""),
            ("7", ""),
        ] {
            let error = wire.error(503, body);
            let what = format!("{:?}: {body} is {error}", wire.protocol);
            assert_eq!((error.kind(), error.upstream_status()), (ErrorKind::Overloaded, Some(503)), "{what}");
            assert!(error.message().contains(words) && !error.message().is_empty(), "{what}");
            assert!(!error.message().starts_with(['"', '{']) || body == "{}", "{what}");
        }
    }
}

#[test]
fn responses_items_of_every_kind() {
    let unknown = [
        "mcp_call",
        "mcp_list_tools",
        "mcp_approval_request",
        "code_interpreter_call",
        "file_search_call",
        "computer_call",
        "local_shell_call",
        "compaction",
        "future_call",
    ];
    let mut output: Vec<Value> =
        unknown.iter().map(|kind| json!({"type": kind, "id": kind, "status": "completed", "output": {"a": [1]}})).collect();
    output.extend([
        json!({"type": "reasoning", "summary": "Hm.", "content": null}),
        json!({"type": "web_search_call", "action": {"type": "search"}}),
        json!({"type": "web_search_call", "action": {"type": "open_page"}}),
        json!({"type": "message", "content": [{"type": "output_text", "text": "Hi", "annotations": [
            {"type": "file_citation", "file_id": "f", "index": 1}, {"type": "url_citation", "url": "https://a.test", "start_index": "0", "end_index": 2.0},
            {"type": "container_file_citation", "file_id": "f"}, {"type": "file_path", "file_id": "f"}, null]}, {"type": "future", "text": null}]}),
        json!({"type": "image_generation_call", "result": "AAAA", "status": "completed"}),
        json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": {"x": 1}}),
        json!({"type": "function_call", "call_id": "d", "name": "g"}),
        json!({"type": "custom_tool_call", "call_id": "e", "name": "h", "input": "ls"}),
    ]);
    whole(
        &RESPONSES,
        &[
            (
                json!({"status": "completed", "output": output, "usage": {"input_tokens": "9", "output_tokens": 3.0, "output_tokens_details": {"reasoning_tokens": "1"}}}),
                json!({"text": "Hi", "reasoning": "Hm.", "images": 1, "cited": ["https://a.test"], "finish": "tool_calls", "searches": 1,
                "calls": [r#"f({"x":1})"#, "g({})", "h(ls)"], "prompt": 9, "completion": 3, "thought": 1}),
            ),
            (
                json!({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": [{"type": "message", "content": "Hi"}]}),
                json!({"text": "Hi", "finish": "length", "native": "max_output_tokens"}),
            ),
            (
                json!({"status": "completed", "incomplete_details": "none", "output": [{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}], "usage": []}),
                json!({"text": "", "refusal": "No.", "finish": "stop"}),
            ),
        ],
    );
    assert_eq!(
        failed(RESPONSES.decode(&json!({"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow"}, "output": []}))),
        (ErrorKind::RateLimited, "slow".into())
    );
    assert_eq!(failed(RESPONSES.decode(&json!({"status": "failed", "error": null, "output": []}))).0, ErrorKind::Upstream);
    assert_eq!(failed(RESPONSES.decode(&json!({"error": "no"}))), (ErrorKind::Upstream, "no".into()));
    assert_eq!(failed(RESPONSES.decode(&json!({"detail": "no"}))), (ErrorKind::Upstream, "no".into()));
}

#[test]
fn responses_events_in_odd_order() {
    let item = |id: &str, name: &str| json!({"type": "function_call", "id": id, "call_id": id, "name": name, "arguments": "{\"x\":1}"});
    let done = |output: Value| json!({"type": "response.completed", "response": {"status": "completed", "output": output, "usage": {"input_tokens": 1, "output_tokens": 1}}});
    // No event says where its item is, and one call is never announced.
    let events = [
        json!({"type": "keepalive"}),
        json!({"type": "response.output_item.added", "item": {"type": "function_call", "id": "a", "call_id": "a", "name": "f"}}),
        json!({"type": "response.function_call_arguments.delta", "item_id": "a", "delta": "{\"x\":1}"}),
        json!({"type": "response.function_call_arguments.delta", "item_id": "b", "delta": "{\"x\":1}"}),
        json!({"type": "response.function_call_arguments.done", "item_id": "a", "arguments": "{\"x\":1}"}),
        json!({"type": "response.output_item.done", "item": item("a", "f")}),
        json!({"type": "response.output_item.done", "item": item("b", "g")}),
        done(json!([{"type": "future", "id": "z"}, item("a", "f"), item("b", "g")])),
    ];
    streamed(&RESPONSES, &sse(&events), &json!({"calls": [r#"f({"x":1})"#, r#"g({"x":1})"#], "finish": "tool_calls"}));
    // The end alone says all.
    streamed(
        &RESPONSES,
        &sse(&[done(json!([{"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}]))]),
        &json!({"text": "Hi"}),
    );
    let refusal = [
        json!({"type": "response.refusal.delta", "output_index": 0, "content_index": 0, "delta": "No"}),
        json!({"type": "response.refusal.delta", "output_index": 0, "content_index": 0, "delta": "."}),
        json!({"type": "response.refusal.done", "output_index": 0, "content_index": 0, "refusal": "No."}),
        done(json!([{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}])),
    ];
    streamed(&RESPONSES, &sse(&refusal), &json!({"refusal": "No.", "text": ""}));
    let text = json!({"type": "response.output_text.delta", "output_index": 0, "delta": "Half"});
    for (event, kind, words) in [
        (
            json!({"type": "error", "code": "rate_limit_exceeded", "message": "slow", "param": null, "sequence_number": 3}),
            ErrorKind::RateLimited,
            "slow",
        ),
        (json!({"type": "error", "error": {"type": "server_error", "code": null, "message": "boom"}}), ErrorKind::Upstream, "boom"),
        (
            json!({"type": "response.failed", "response": {"status": "failed", "error": {"code": "server_error", "message": "boom"}}}),
            ErrorKind::Upstream,
            "boom",
        ),
        (json!({"error": {"message": "boom", "code": 502}}), ErrorKind::Upstream, "boom"),
    ] {
        let got = broken(&RESPONSES, &[text.clone(), event.clone()]);
        assert_eq!(got, ("Half".into(), kind, words.into()), "{event}");
    }
}

#[test]
fn anthropic_blocks_of_every_kind() {
    let others = [
        "server_tool_use",
        "web_search_tool_result",
        "web_fetch_tool_result",
        "code_execution_tool_result",
        "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result",
        "tool_search_tool_result",
        "mcp_tool_use",
        "mcp_tool_result",
        "container_upload",
        "compaction",
        "future_block",
    ];
    let mut content: Vec<Value> = others
        .iter()
        .map(|kind| {
            json!({"type": kind, "id": "x", "name": "x", "input": {"a": 1}, "tool_use_id": "x",
        "content": {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}})
        })
        .collect();
    content.extend([
        json!({"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}),
        json!({"type": "redacted_thinking", "data": "AAAA"}),
        json!({"type": "text", "text": "Hi", "citations": [
            {"type": "char_location", "document_index": 0, "document_title": "T", "start_char_index": 0, "end_char_index": 2, "cited_text": "x", "file_id": null},
            {"type": "page_location", "document_index": 0, "start_page_number": 1, "end_page_number": 2, "cited_text": "x"},
            {"type": "content_block_location", "document_index": 0, "start_block_index": 0, "end_block_index": 1, "cited_text": "x"},
            {"type": "web_search_result_location", "url": "https://a.test", "title": null, "encrypted_index": "e", "cited_text": "x"},
            {"type": "search_result_location", "source": "https://b.test", "title": "B", "search_result_index": 0, "start_block_index": 0, "end_block_index": 1},
            null]}),
        json!({"type": "tool_use", "id": "t", "name": "f", "input": "{\"x\":1}"}),
        json!({"type": "tool_use", "id": "t", "name": "g", "input": null}),
        json!({"type": "tool_use", "name": "h"}),
    ]);
    whole(
        &ANTHROPIC,
        &[
            (
                json!({"type": "message", "content": content, "stop_reason": "tool_use", "usage": {"input_tokens": "9", "output_tokens": 3.0,
                "cache_read_input_tokens": null, "cache_creation": [], "server_tool_use": {"web_search_requests": 2.0, "web_fetch_requests": 1}}}),
                json!({"text": "Hi", "reasoning": "Hm.", "cited": ["https://a.test", "https://b.test"], "calls": [r#"f({"x":1})"#, "g({})", "h({})"],
                "finish": "tool_calls", "prompt": 9, "completion": 3, "searches": 2}),
            ),
            (json!({"content": "Hi", "stop_reason": null}), json!({"text": "Hi", "finish": "stop"})),
            (
                json!({"content": [], "stop_reason": "refusal", "stop_details": {"type": "refusal"}}),
                json!({"text": "", "finish": "content_filter"}),
            ),
            (json!({"content": [], "stop_reason": "pause_turn", "usage": null}), json!({"finish": "stop", "native": "pause_turn"})),
            (
                json!({"content": [], "stop_reason": "model_context_window_exceeded", "context_management": {"applied_edits": []}}),
                json!({"finish": "length"}),
            ),
            (json!({"content": [], "stop_reason": "future_reason"}), json!({"finish": "stop", "native": "future_reason"})),
        ],
    );
    assert_eq!(
        failed(ANTHROPIC.decode(&json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}))),
        (ErrorKind::Overloaded, "busy".into())
    );
}

#[test]
fn anthropic_events_in_odd_order() {
    let events = [
        json!({"type": "ping"}),
        json!({"note": "no type"}),
        json!({"type": "message_start", "message": {"id": "m", "model": "c", "content": null, "usage": {"input_tokens": 9.0, "output_tokens": 0}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "compaction", "content": null}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "compaction_delta", "content": "a summary"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "content_block_delta", "index": "1", "delta": {"type": "text_delta", "text": "Hi"}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "future_delta", "data": [1]}}),
        json!({"type": "content_block_delta", "index": 1, "delta": null}),
        json!({"type": "content_block_stop", "index": 7}),
        json!({"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}}}),
        json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": ""}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": null}),
        json!({"type": "message_stop"}),
    ];
    streamed(&ANTHROPIC, &sse(&events), &json!({"text": "Hi", "calls": ["f({})"], "finish": "tool_calls", "prompt": 9}));
    let counted = [
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}}),
        json!({"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 9, "outputTokenCount": 2, "cacheReadInputTokenCount": 1}}),
    ];
    streamed(&ANTHROPIC, &sse(&counted), &json!({"text": "Hi", "finish": "stop", "prompt": 10, "completion": 2, "cached": 1}));
    let text = counted[0].clone();
    for (event, kind) in [
        (json!({"type": "error", "error": {"type": "overloaded_error", "message": "no"}, "request_id": "r"}), ErrorKind::Overloaded),
        (json!({"type": "error", "error": {"type": "rate_limit_error", "message": "no"}}), ErrorKind::RateLimited),
        (json!({"type": "error", "error": {"type": "future_error", "message": "no"}}), ErrorKind::Upstream),
        (json!({"type": "error", "error": {"code": 429, "message": "no", "status": "RESOURCE_EXHAUSTED"}}), ErrorKind::RateLimited),
        (json!({"error": {"message": "no"}}), ErrorKind::Upstream),
        (json!({"type": "error", "message": "no"}), ErrorKind::Upstream),
    ] {
        assert_eq!(broken(&ANTHROPIC, &[text.clone(), event.clone()]), ("Hi".into(), kind, "no".into()), "{event}");
    }
}

#[test]
fn gemini_parts_and_reasons_of_every_kind() {
    let parts = json!([
        null, {"executableCode": {"language": "PYTHON", "code": "1"}}, {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        {"toolCall": {"id": "x"}}, {"futurePart": {"text": "no"}}, {"text": "Hm.", "thought": "true"}, {"text": "Hi", "thought": false},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}, {"fileData": {"fileUri": "gs://a/b"}},
        {"functionCall": {"name": "f", "args": {"x": 1}}}, {"functionCall": {"name": "f", "args": "{\"x\":2}"}}, {"functionCall": {"name": "g", "args": null}},
        {"functionCall": {"id": 7, "name": "h"}},
    ]);
    let usage = json!({"promptTokenCount": 9.0, "candidatesTokenCount": "3", "thoughtsTokenCount": 2, "toolUsePromptTokenCount": 4, "cachedContentTokenCount": 1.0,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 9.0}, null], "trafficType": "ON_DEMAND"});
    let grounding = json!({"webSearchQueries": ["q"], "groundingChunks": [{"web": {"uri": "https://a.test"}}, {"future": {}}, {"maps": {"uri": "https://b.test"}}],
        "groundingSupports": [{"segment": {"startIndex": "0", "endIndex": 2.0, "text": "Hi"}, "groundingChunkIndices": [0.0, 2, 9]}, null], "searchEntryPoint": {"renderedContent": "<a>"}});
    let want = json!({"text": "Hi", "reasoning": "Hm.", "images": 1, "calls": [r#"f({"x": 1})"#, r#"f({"x":2})"#, "g({})", "h({})"], "finish": "tool_calls",
        "prompt": 13, "completion": 5, "cached": 1, "thought": 2, "cited": ["https://a.test", "https://b.test"], "searches": 1});
    let body = json!({"candidates": [{"index": "0", "content": {"parts": parts}, "finishReason": "STOP", "groundingMetadata": grounding, "safetyRatings": {}}], "usageMetadata": usage});
    let mut spaced = want.clone();
    spaced["calls"][0] = r#"f({"x":1})"#.into();
    whole(&GEMINI, &[(body.clone(), spaced.clone())]);
    streamed(&GEMINI, &sse(&[body.clone(), json!({"futureField": 1})]), &spaced);
    streamed(&GEMINI, &json!([body]).to_string(), &spaced);
    streamed(&GEMINI, &body.to_string(), &spaced);
    for (reason, finish) in [
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("LANGUAGE", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("IMAGE_PROHIBITED_CONTENT", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "error"),
        ("UNEXPECTED_TOOL_CALL", "error"),
        ("TOO_MANY_TOOL_CALLS", "error"),
        ("OTHER", "error"),
    ] {
        whole(
            &GEMINI,
            &[(json!({"candidates": [{"finishReason": reason, "finishMessage": "x"}]}), json!({"finish": finish, "native": reason}))],
        );
    }
    whole(
        &GEMINI,
        &[(
            json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "safetyRatings": []}, "usageMetadata": {"promptTokenCount": 3}}),
            json!({"text": "", "finish": "content_filter", "native": "PROHIBITED_CONTENT", "prompt": 3}),
        )],
    );
    for (error, kind) in [
        (json!({"code": 429, "message": "no", "status": "RESOURCE_EXHAUSTED"}), ErrorKind::RateLimited),
        (json!({"code": "503", "message": "no"}), ErrorKind::Overloaded),
        (json!("no"), ErrorKind::Upstream),
    ] {
        assert_eq!(failed(GEMINI.decode(&json!({"error": error}))), (kind, "no".into()));
        assert_eq!(failed(GEMINI.decode(&json!([{"error": error}]))), (kind, "no".into()));
        let half = json!({"candidates": [{"content": {"parts": [{"text": "Half"}]}}]});
        assert_eq!(broken(&GEMINI, &[half, json!({"error": error})]), ("Half".into(), kind, "no".into()));
    }
}

fn frame(kind: &str, payload: &Value) -> Vec<u8> {
    aws_frame(&[(":event-type", kind), (":message-type", "event")], payload.to_string().as_bytes())
}

#[test]
fn bedrock_blocks_and_frames_of_every_kind() {
    let content = json!([
        {"guardContent": {"text": {"text": "no"}}}, {"cachePoint": {"type": "default"}}, {"futureBlock": {"text": "no"}}, null,
        {"toolUse": {"toolUseId": "x", "name": "x", "input": {}, "type": "server_tool_use"}}, {"toolResult": {"toolUseId": "x", "content": [{"text": "no"}]}},
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}}, {"reasoningContent": {"redactedContent": "AAAA"}},
        {"text": "Hi"},
        {"citationsContent": {"content": [{"text": "!"}], "citations": [
            {"location": {"web": {"url": "https://a.test", "domain": "a.test"}}, "title": "A"}, {"location": {"documentChar": {"documentIndex": 0, "start": 0, "end": 1}}, "title": "Doc"},
            {"location": {"searchResultLocation": {"searchResultIndex": 0}}, "source": "https://b.test", "sourceContent": [{"text": "x"}]}]}},
        {"image": {"format": "png", "source": {"bytes": "AAAA"}}},
        {"toolUse": {"toolUseId": "t", "name": "f", "input": "{\"x\":1}"}}, {"toolUse": {"toolUseId": "u", "name": "g"}},
    ]);
    let usage = json!({"inputTokens": 9.0, "outputTokens": "3", "totalTokens": 12, "cacheReadInputTokens": 2, "cacheDetails": [{"ttl": "5m", "inputTokens": 0.0}], "serverToolUsage": {}});
    let body = json!({"output": {"message": {"role": "assistant", "content": content}}, "stopReason": "tool_use", "usage": usage, "metrics": {"latencyMs": 7},
        "trace": {"guardrail": {}}, "additionalModelResponseFields": {}, "performanceConfig": {"latency": "standard"}});
    let want = json!({"text": "Hi!", "reasoning": "Hm.", "images": 1, "calls": [r#"f({"x":1})"#, "g({})"], "cited": ["https://a.test", "https://b.test"],
        "finish": "tool_calls", "prompt": 11, "completion": 3, "cached": 2});
    whole(&BEDROCK, &[(body.clone(), want.clone())]);
    streamed(&BEDROCK, &body.to_string(), &want);
    for (reason, finish) in [
        ("guardrail_intervened", "content_filter"),
        ("malformed_model_output", "error"),
        ("model_context_window_exceeded", "length"),
        ("future", "stop"),
    ] {
        whole(&BEDROCK, &[(json!({"output": {"message": null}, "stopReason": reason}), json!({"finish": finish, "native": reason}))]);
    }
    assert_eq!(failed(BEDROCK.decode(&json!({"message": "no"}))), (ErrorKind::Upstream, "no".into()));
    assert_eq!(
        failed(BEDROCK.decode(&json!({"Output": {"__type": "com.amazon.coral.service#UnknownOperationException"}, "Version": "1.0"}))).0,
        ErrorKind::Decode
    );

    let mut frames = vec![
        frame("messageStart", &json!([1])),
        frame("contentBlockStart", &json!({"contentBlockIndex": 0, "start": {"toolResult": {"toolUseId": "x"}}})),
        frame("contentBlockDelta", &json!({"contentBlockIndex": 0, "delta": {"toolResult": [{"text": "no"}]}})),
        frame("contentBlockStop", &json!({"contentBlockIndex": 0})),
        frame("contentBlockStart", &json!({"contentBlockIndex": 1, "start": {}})),
        frame("contentBlockDelta", &json!({"contentBlockIndex": 1.0, "delta": {"text": "Hi"}, "p": "abc"})),
        frame("contentBlockDelta", &json!({"contentBlockIndex": 1, "delta": null})),
        aws_frame(&[(":event-type", "futureEvent"), (":message-type", "event")], b""),
        frame("contentBlockStart", &json!({"contentBlockIndex": 2, "start": {"image": {"format": "jpeg"}}})),
        frame("contentBlockDelta", &json!({"contentBlockIndex": 2, "delta": {"image": {"source": {"bytes": "AAAA"}}}})),
        frame("contentBlockStop", &json!({"contentBlockIndex": 2})),
        frame("contentBlockStart", &json!({"contentBlockIndex": 3, "start": {"toolUse": {"toolUseId": "t", "name": "f"}}})),
        frame("contentBlockStop", &json!({"contentBlockIndex": 3})),
    ];
    let half = frames.concat();
    frames.extend([
        frame("messageStop", &json!({"stopReason": "tool_use"})),
        frame("metadata", &json!({"usage": {"inputTokens": "4", "outputTokens": 1}, "metrics": []})),
    ]);
    let (answer, error) = BEDROCK.stream_bytes(&frames.concat());
    assert!(error.is_none(), "{error:?}");
    expect(
        "frames",
        &answer,
        &json!({"text": "Hi", "images": 1, "calls": ["f({})"], "finish": "tool_calls", "prompt": 4, "completion": 1}),
    );
    for (name, kind) in [
        ("throttlingException", ErrorKind::RateLimited),
        ("internalServerException", ErrorKind::Upstream),
        ("modelStreamErrorException", ErrorKind::Upstream),
        ("serviceUnavailableException", ErrorKind::Overloaded),
        ("modelTimeoutException", ErrorKind::Timeout),
        ("validationException", ErrorKind::BadRequest),
        ("futureException", ErrorKind::Upstream),
    ] {
        let exception =
            aws_frame(&[(":exception-type", name), (":message-type", "exception")], br#"{"message":"no","originalStatusCode":"424"}"#);
        let (answer, error) = BEDROCK.stream_bytes(&[&half[..], &exception].concat());
        let error = error.unwrap();
        assert_eq!((answer.text(), error.kind(), error.message()), ("Hi", kind, "no"), "{name}");
    }
    let twice =
        aws_frame(&[(":exception-type", "throttlingException"), (":message-type", "exception")], br#"{"message":"no","Message":"no"}"#);
    assert_eq!(BEDROCK.stream_bytes(&twice).1.unwrap().message(), "no");
    let error = aws_frame(&[(":error-code", "InternalFailure"), (":error-message", "no"), (":message-type", "error")], b"");
    assert_eq!(BEDROCK.stream_bytes(&error).1.unwrap().message(), "no");
}

#[test]
fn cohere_answers_in_odd_types() {
    let citation = json!({"start": "0", "end": 2.0, "text": "Hi", "sources": [{"type": "document", "id": "d", "document": {"url": "https://a.test"}}, null,
        {"type": "tool", "tool_output": {"link": "https://b.test"}}, {"type": "document", "document": "text"}]});
    whole(
        &COHERE,
        &[
            (
                json!({"id": 7, "message": {"content": [{"type": "thinking", "thinking": "Hm."}, "Hi", {"type": "future"}, null], "citations": [citation, null],
                "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}, {"function": {"name": "g", "arguments": null}}]},
                "finish_reason": "TOOL_CALL", "usage": {"tokens": {"input_tokens": "9", "output_tokens": 3}, "cached_tokens": "4", "billed_units": null}}),
                json!({"text": "Hi", "reasoning": "Hm.", "calls": [r#"f({"x":1})"#, "g({})"], "cited": ["https://a.test", "https://b.test"], "finish": "tool_calls",
                "prompt": 9, "completion": 3, "cached": 4}),
            ),
            (
                json!({"message": {"content": "Hi", "tool_plan": null}, "finish_reason": "FUTURE", "usage": []}),
                json!({"text": "Hi", "finish": "stop", "native": "FUTURE"}),
            ),
            (
                json!({"message": {"content": []}, "finish_reason": "MAX_TOKENS", "usage": {"billed_units": {"input_tokens": 2.0, "output_tokens": 1}}}),
                json!({"finish": "length", "prompt": 2}),
            ),
        ],
    );
    assert_eq!(failed(COHERE.decode(&json!({"message": "no"}))), (ErrorKind::Upstream, "no".into()));
    assert_eq!(failed(COHERE.decode(&json!({"message": {"content": []}, "finish_reason": "TIMEOUT"}))).0, ErrorKind::Timeout);
    let events = [
        json!({"type": "message-start", "id": "c", "delta": {"message": {"role": "assistant", "content": "", "tool_calls": null}}}),
        json!({"type": "future-event", "delta": "x"}),
        json!({"type": "content-delta", "index": "0", "delta": {"message": {"content": [{"text": "H"}, "i"]}}}),
        json!({"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": [{"id": "a", "function": {"name": "f"}}]}}}),
        json!({"type": "tool-call-end", "index": 0}),
        json!({"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": {"tokens": {"input_tokens": 5.0, "output_tokens": "2"}}}}),
    ];
    streamed(&COHERE, &sse(&events), &json!({"text": "Hi", "calls": ["f({})"], "finish": "tool_calls", "prompt": 5, "completion": 2}));
    let failure = json!({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "no"}});
    assert_eq!(broken(&COHERE, &[events[2].clone(), failure]), ("Hi".into(), ErrorKind::Upstream, "no".into()));
}

#[test]
fn ollama_answers_in_odd_types() {
    let message = json!({"content": "Hi", "thinking": null, "images": ["AAAA"], "tool_calls": [{"function": {"name": "f", "arguments": "{\"x\":1}"}},
        {"function": {"index": 1, "name": "g", "arguments": null}}, null, {"function": null}]});
    let body = json!({"model": "m", "message": message, "done": "true", "done_reason": "stop", "prompt_eval_count": "9", "eval_count": 3.0, "logprobs": {}});
    let want =
        json!({"text": "Hi", "images": 1, "calls": [r#"f({"x":1})"#, "g({})"], "finish": "tool_calls", "prompt": 9, "completion": 3});
    whole(&OLLAMA, &[(body.clone(), want.clone())]);
    // Lines though one answer was asked for, and the other way round.
    let lines = format!("{}\n{body}\n", json!({"message": {"content": ""}, "done": false}));
    expect("lines", &OLLAMA.decode_text(&lines).unwrap(), &want);
    expect("many lines", &OLLAMA.decode_text(&format!("{body:#}\n")).unwrap(), &want);
    streamed(&OLLAMA, &lines, &want);
    // What is 0, or empty, is left out.
    let spare = json!({"message": {"content": "Hi"}, "done": true, "eval_count": 3, "logprobs": [null, {"token": "Hi", "logprob": -0.5}]});
    let answer = OLLAMA.decode(&spare).unwrap();
    expect("spare", &answer, &json!({"text": "Hi", "finish": "stop", "prompt": 0, "completion": 3}));
    let logprobs = json!({"content": [{"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}], "refusal": null});
    assert_eq!(answer.choices[0].logprobs, Some(logprobs));
    for failure in [json!({"error": "no"}), json!({"error": {"message": "no"}}), json!({"detail": "no"})] {
        assert_eq!(failed(OLLAMA.decode(&failure)), (ErrorKind::Upstream, "no".into()));
        let (answer, error) = OLLAMA.stream(&format!("{}\n{failure}\n", json!({"message": {"content": "Half"}})));
        assert_eq!((answer.text(), error.unwrap().message()), ("Half", "no"), "{failure}");
    }
    let (_, error) = OLLAMA.stream("{\"error parsing tool call\": \"invalid character 'c'\"}\n");
    assert_eq!(error.unwrap().message(), "error parsing tool call: invalid character 'c'");
}

/// An error in the middle of a stream, as Google writes it: over many lines, and no `data:` before them.
#[test]
fn an_error_breaks_into_a_stream_without_framing() {
    let half = [
        (&CHAT, json!({"choices": [{"delta": {"content": "Half"}}]})),
        (&ANTHROPIC, json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Half"}})),
        (&GEMINI, json!({"candidates": [{"content": {"parts": [{"text": "Half"}]}}]})),
        (&COHERE, json!({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Half"}}}})),
    ];
    let error = json!({"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE", "details": [{"reason": "x"}]}});
    for (wire, half) in half {
        let half = sse(&[half]);
        for broken in [
            format!("{error:#}"),
            format!("data: {error:#}\n\n"),
            format!("{error:#}\r\n\r\n"),
            error.to_string(),
            format!("[{error:#}\n]\n"),
        ] {
            let (answer, error) = wire.stream(&format!("{half}{broken}"));
            let error = error.unwrap();
            assert_eq!((answer.text(), error.kind(), error.message()), ("Half", ErrorKind::Overloaded, "busy"), "{broken}");
        }
        // What a cut leaves of it, of a word and of an empty event is nothing.
        for cut in ["{\n  \"error\": {\n", "data: ", "data: [DON", "data: {\"a", "event: err"] {
            let (answer, error) = wire.stream(&format!("{half}{cut}"));
            assert_eq!((answer.text(), error.unwrap().upstream_code()), ("Half", Some("stream_cut")), "{:?}: {cut}", wire.protocol);
        }
        // An event without data says nothing.
        assert_eq!(wire.stream(&format!("data:\n\n{half}data: \n\n")).1.unwrap().upstream_code(), Some("stream_cut"));
        let (answer, error) = wire.stream(&format!("{half}event: error\ndata: upstream is gone\n\n"));
        assert_eq!((answer.text(), error.unwrap().message()), ("Half", "upstream is gone"), "{:?}", wire.protocol);
    }
    let listed = sse(&[json!([error])]);
    assert_eq!(GEMINI.stream(&listed).1.unwrap().message(), "busy", "as a stream that is a list would end");
}

#[test]
fn a_call_that_the_limit_cut_before_its_arguments_has_none() {
    let begin =
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}}});
    let end = [json!({"type": "message_delta", "delta": {"stop_reason": "max_tokens"}}), json!({"type": "message_stop"})];
    let want = json!({"calls": ["f({})"], "finish": "length"});
    streamed(&ANTHROPIC, &sse(&[&[begin][..], &end].concat()), &want);
    whole(
        &ANTHROPIC,
        &[(json!({"content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}], "stop_reason": "max_tokens"}), want.clone())],
    );
    whole(
        &BEDROCK,
        &[(
            json!({"output": {"message": {"content": [{"toolUse": {"toolUseId": "t", "name": "f", "input": {}}}]}}, "stopReason": "max_tokens"}),
            want,
        )],
    );
}

#[test]
fn a_call_said_at_the_begin_of_its_block_and_in_pieces_is_one() {
    let begin = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {"x": 1}}});
    let piece =
        |json: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": json}});
    let end = [json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}), json!({"type": "message_stop"})];
    let want = json!({"calls": [r#"f({"x":1})"#], "finish": "tool_calls"});
    streamed(&ANTHROPIC, &sse(&[&[begin.clone()][..], &end].concat()), &want);
    streamed(&ANTHROPIC, &sse(&[&[begin, piece("{\"x\""), piece(":1}")][..], &end].concat()), &want);
}

#[test]
fn one_choice_of_two_is_not_the_answer() {
    let chat = |index: u8, finish: Value| json!({"choices": [{"index": index, "delta": {"content": "A"}, "finish_reason": finish}]});
    let gemini =
        |index: u8, finish: Value| json!({"candidates": [{"index": index, "content": {"parts": [{"text": "A"}]}, "finishReason": finish}]});
    for (wire, events) in [
        (&CHAT, [chat(0, Value::Null), chat(1, Value::Null), chat(1, "stop".into()), chat(0, "stop".into())]),
        (&GEMINI, [gemini(0, Value::Null), gemini(1, Value::Null), gemini(1, "STOP".into()), gemini(0, "STOP".into())]),
    ] {
        let (answer, error) = wire.stream(&sse(&events));
        assert!(error.is_none() && answer.choices.len() == 2, "{error:?}");
        assert_eq!(wire.stream(&sse(&events[..3])).1.unwrap().upstream_code(), Some("stream_cut"));
    }
}

#[test]
fn anthropic_as_gateways_send_it() {
    // The type stands beside the data alone, and the end is another vendor's.
    let events = [
        ("message_start", json!({"message": {"id": "msg_1", "model": "served", "usage": {"input_tokens": 3, "output_tokens": 1}}})),
        ("content_block_start", json!({"index": 0, "content_block": {"type": "text", "text": ""}})),
        ("content_block_delta", json!({"index": 0, "delta": {"text": "Hi"}})),
        ("content_block_stop", json!({"index": 0})),
        ("content_block_start", json!({"index": 1, "content_block": {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}}})),
        ("content_block_delta", json!({"index": 1, "delta": {"type": "compaction_delta", "content": "no"}})),
        ("message_delta", json!({"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2, "cache_read_input_tokens": 4}})),
    ];
    let named = events.iter().fold(String::new(), |text, (name, data)| text + &format!("event: {name}\ndata: {data}\n\n"));
    let want = json!({"text": "Hi", "finish": "stop", "native": "end_turn", "prompt": 7, "completion": 2, "cached": 4});
    streamed(&ANTHROPIC, &format!("{named}event: message_stop\ndata: {{}}\n\n"), &want);
    streamed(&ANTHROPIC, &format!("{named}data: [DONE]\n\n"), &want);
    assert_eq!(ANTHROPIC.stream(&named).1.unwrap().upstream_code(), Some("stream_cut"));
    let cited = |source: &str| json!({"content": [{"type": "text", "text": "Hi", "citations": [{"type": "search_result_location", "source": source}]}]});
    whole(&ANTHROPIC, &[(cited("https://a.test"), json!({"cited": ["https://a.test"]})), (cited("handbook-7"), json!({"cited": []}))]);
    for (status, body, kind) in [
        (
            400,
            json!({"type": "error", "error": {"type": "invalid_request_error", "message": "You have reached your specified API usage limits. You will regain access on 2026-01-01 at 00:00 UTC."}}),
            ErrorKind::InsufficientCredits,
        ),
        (
            400,
            json!({"type": "error", "error": {"type": "invalid_request_error", "message": "This organization has been disabled."}}),
            ErrorKind::PermissionDenied,
        ),
        (
            400,
            json!({"type": "error", "error": {"type": "invalid_request_error", "message": "max_tokens: 9 > 8, which is the maximum allowed number of output tokens"}}),
            ErrorKind::BadRequest,
        ),
        (
            413,
            json!({"type": "error", "error": {"type": "request_too_large", "message": "Request exceeds the maximum size"}}),
            ErrorKind::BadRequest,
        ),
        (400, json!({"error": {"code": "content_filter", "message": "no"}}), ErrorKind::ContentFilter),
        (404, json!({"error": {"code": "DeploymentNotFound", "message": "no"}}), ErrorKind::ModelNotFound),
        (403, json!({"error_code": "PERMISSION_DENIED", "message": "no"}), ErrorKind::PermissionDenied),
        (429, json!([{"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}}]), ErrorKind::RateLimited),
        (529, json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}), ErrorKind::Overloaded),
    ] {
        let error = ANTHROPIC.error(status, &body.to_string());
        assert_eq!((error.kind(), error.upstream_status()), (kind, Some(status)), "{body}");
    }
}

#[test]
fn gemini_sources_in_any_piece() {
    let piece =
        |text: &str, grounding: Value| json!({"candidates": [{"content": {"parts": [{"text": text}]}, "groundingMetadata": grounding}]});
    let end = json!({"candidates": [{"finishReason": "STOP"}]});
    let web = |name: &str| json!({"web": {"uri": format!("https://{name}.test"), "title": name}});
    let support = |start: u8, end: u8, text: &str, of: u8| json!({"segment": {"startIndex": start, "endIndex": end, "text": text}, "groundingChunkIndices": [of]});
    // Each piece has sources of its own.
    let apart = [
        piece("One.", json!({"groundingChunks": [web("a")], "groundingSupports": [support(0, 4, "One.", 0)]})),
        piece("Two.", json!({"groundingChunks": [web("b")], "groundingSupports": [support(4, 8, "Two.", 0)]})),
        end.clone(),
    ];
    streamed(&GEMINI, &sse(&apart), &json!({"text": "One.Two.", "cited": ["https://a.test", "https://b.test"]}));
    // The last piece repeats all of them, and one that nothing rests on.
    let again = [
        piece("One.", json!({"groundingChunks": [web("a")], "groundingSupports": [support(0, 4, "One.", 0)]})),
        piece(
            "Two.",
            json!({"groundingChunks": [web("a"), web("b"), web("c")], "groundingSupports": [support(0, 4, "One.", 0), support(4, 8, "Two.", 1)]}),
        ),
        end.clone(),
    ];
    streamed(&GEMINI, &sse(&again), &json!({"cited": ["https://a.test", "https://b.test"]}));
    // Nothing says what rests on them.
    let bare = json!({"groundingChunks": [web("a"), {"image": {"sourceUri": "https://i.test", "imageUri": "https://i.test/1.png", "uri": null}}, {"retrievedContext": {"text": "x"}}, web("a")]});
    streamed(&GEMINI, &sse(&[piece("Hi", bare), end]), &json!({"cited": ["https://a.test", "https://i.test"]}));
}

#[test]
fn gemini_arguments_in_pieces_have_any_name() {
    let call = |call: Value| json!({"candidates": [{"content": {"parts": [{"functionCall": call}]}}]});
    let piece = |path: &str, value: Value| {
        let mut piece = json!({"jsonPath": path});
        piece.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        piece
    };
    let events = [
        call(json!({"name": "f", "willContinue": true})),
        call(json!({"partialArgs": [piece("$.a.b[0]", json!({"stringValue": "x", "willContinue": true}))], "willContinue": true})),
        call(
            json!({"partialArgs": [piece("$.a.b[0]", json!({"stringValue": "y"})), piece("$.a.b[1]", json!({"nullValue": "NULL_VALUE"})), piece("$.a.b[2].c", json!({"boolValue": false})),
            piece("$['d.e']", json!({"numberValue": 2})), piece("$[\"it's\"]['f\\'g'][0]", json!({"numberValue": 1.5})), piece("$['0']", json!({"boolValue": true}))], "willContinue": true}),
        ),
        call(json!({})),
        json!({"candidates": [{"finishReason": "STOP"}]}),
    ];
    let (answer, error) = GEMINI.stream(&sse(&events));
    assert!(error.is_none(), "{error:?}");
    let arguments: Value = serde_json::from_str(&answer.choices[0].message.tool_calls[0].function.arguments).unwrap();
    assert_eq!(arguments, json!({"a": {"b": ["xy", null, {"c": false}]}, "d.e": 2, "it's": {"f'g": [1.5]}, "0": true}));
}

#[test]
fn gemini_speaks_and_says_nothing_in_words() {
    let piece = |data: &str| {
        json!({"responseId": "r", "candidates": [{"finishReason": "FINISH_REASON_UNSPECIFIED", "content": {"parts": [{"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": data}}]}}],
        "promptFeedback": {"blockReason": "BLOCKED_REASON_UNSPECIFIED"}})
    };
    let (answer, error) = GEMINI.stream(&sse(&[piece("AQ=="), piece("AgM="), json!({"candidates": [{"finishReason": "STOP"}]})]));
    assert!(error.is_none(), "{error:?}");
    let audio = json!({"id": "audio_r", "data": "AQID", "transcript": "", "expires_at": 1_700_000_000});
    assert_eq!(serde_json::to_value(&answer.choices[0].message.audio).unwrap(), audio);
    expect("audio", &answer, &json!({"text": "", "images": 0, "finish": "stop", "native": "STOP"}));
    assert_eq!(GEMINI.stream(&sse(&[piece("AQ==")])).1.unwrap().upstream_code(), Some("stream_cut"), "unspecified is no end");
    let recited = json!({"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP", "citationMetadata": {"citations": [{"uri": "https://a.test"}],
        "citationSources": [{"uri": "https://b.test"}]}}]});
    whole(&GEMINI, &[(recited, json!({"cited": ["https://b.test", "https://a.test"]}))]);
}

#[test]
fn prompts_too_long_and_what_is_mistaken_for_them() {
    let google = |message: &str| json!({"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}});
    let said = |message: &str| json!({"message": message});
    for (wire, body, kind) in [
        (
            &GEMINI,
            google(
                "Unable to submit request because the input token count is 9 but model only supports up to 8. Reduce the input token count and try again.",
            ),
            ErrorKind::ContextLength,
        ),
        (&GEMINI, google("The input token count exceeds the maximum number of tokens allowed 8."), ErrorKind::ContextLength),
        (&GEMINI, google("Request payload size exceeds the limit: 20971520 bytes."), ErrorKind::BadRequest),
        (
            &BEDROCK,
            said("The model returned the following errors: Input Tokens Exceeded: Number of input tokens exceeds maximum length."),
            ErrorKind::ContextLength,
        ),
        (
            &BEDROCK,
            said("This model's maximum context length is 8192 tokens. Please reduce the length of the prompt"),
            ErrorKind::ContextLength,
        ),
        (&BEDROCK, said("input length and `max_tokens` exceed context limit: 9 + 9 > 10"), ErrorKind::ContextLength),
        (
            &BEDROCK,
            said(
                "The maximum tokens you requested exceeds the model limit of 4096. Try again with a maximum tokens value that is lower than 4096.",
            ),
            ErrorKind::BadRequest,
        ),
        (
            &BEDROCK,
            said("Invocation of model ID m with on-demand throughput isn't supported. Retry with an inference profile."),
            ErrorKind::ModelNotFound,
        ),
        (&BEDROCK, said("Access to Anthropic models is not allowed from unsupported countries."), ErrorKind::PermissionDenied),
        (&BEDROCK, said("Operation not allowed"), ErrorKind::PermissionDenied),
        (&COHERE, said("too many tokens: the total number of tokens is over the limit"), ErrorKind::ContextLength),
        (&COHERE, said("invalid request: max_tokens must be less than or equal to 4096"), ErrorKind::BadRequest),
        (&OLLAMA, json!({"error": "registry.ollama.ai/library/x does not support tools"}), ErrorKind::BadRequest),
        (&OLLAMA, json!({"error": "the input length exceeds the context length"}), ErrorKind::ContextLength),
    ] {
        assert_eq!(wire.error(400, &body.to_string()).kind(), kind, "{body}");
    }
    for wire in [&GEMINI, &COHERE] {
        let body = json!({"error": {"code": 501, "message": "no", "status": "UNIMPLEMENTED"}, "message": "no"});
        assert_eq!(wire.error(501, &body.to_string()).kind(), ErrorKind::Upstream, "another host may do it");
    }
}

#[test]
fn cohere_counts_and_failures_in_odd_places() {
    let usage = json!({"tokens": {}, "billed_units": {"input_tokens": 2.0, "output_tokens": 1}});
    whole(
        &COHERE,
        &[(json!({"message": {"content": "Hi"}, "finish_reason": "COMPLETE", "usage": usage}), json!({"prompt": 2, "completion": 1}))],
    );
    let half = json!({"type": "content-delta", "delta": {"message": {"content": {"text": "Half"}}}});
    let failure = json!({"type": "error", "message": "boom"});
    assert_eq!(broken(&COHERE, &[half, failure]), ("Half".into(), ErrorKind::Upstream, "boom".into()));
}

/// The embeddings of this answer.
fn embedded(name: ProtocolName, body: &Value) -> Result<Embedded> {
    let request = EmbeddingRequest::new("some/m", vec!["text"; 2]);
    let provider = Provider { protocol: name, ..Provider::default() };
    let call = EmbedCall {
        request: &request,
        inputs: &request.input.0,
        endpoint: &Endpoint::unknown("some/m", "test", "m"),
        provider: &provider,
        base_url: "https://vendor.test",
        options: &std::collections::BTreeMap::new(),
    };
    embedder(name).unwrap().decode(&call, &http::Response::new(body.to_string().into()))
}

#[test]
fn embeddings_in_every_form() {
    use ProtocolName::{Cohere, Gemini, Ollama, OpenaiChat};
    let two = || vec![vec![1.0, -2.0], vec![0.5, 3.0]];
    let base64 = ["AACAPwAAAMA=", "AAAAPwAAQEA="];
    let list = json!([[1, -2], [0.5, 3]]);
    let items = |first: &Value, second: &Value| json!([{"index": 1.0, "embedding": second}, {"index": "0", "embedding": first}]);
    for (name, body, tokens) in [
        (
            OpenaiChat,
            json!({"data": items(&list[0], &list[1]), "usage": {"prompt_tokens": 4.0, "total_tokens": "4", "prompt_tokens_details": null}}),
            Some(4),
        ),
        (
            OpenaiChat,
            json!({"id": 7, "model": null, "data": items(&base64[0].into(), &base64[1].into()), "usage": {"total_tokens": 4}}),
            Some(4),
        ),
        (OpenaiChat, json!({"data": [{"embedding": list[0]}, {"embedding": list[1]}], "usage": []}), None),
        (Cohere, json!({"embeddings": {"float": list}, "meta": {"billed_units": {"input_tokens": 4.0}}}), Some(4)),
        (Cohere, json!({"id": 7, "embeddings": {"float": [], "base64": base64}, "meta": {"billed_units": {"input_tokens": "4"}}}), Some(4)),
        (Cohere, json!({"embeddings": list, "response_type": "embeddings_floats", "meta": null}), None),
        (
            Gemini,
            json!({"embeddings": [{"values": list[0]}, {"values": list[1], "shape": [2]}], "usageMetadata": {"promptTokenCount": "4"}}),
            Some(4),
        ),
        (
            Gemini,
            json!({"predictions": [{"embeddings": {"values": list[0], "statistics": {"token_count": 1.0, "truncated": false}}}, {"embeddings": {"values": list[1], "statistics": {"token_count": 3}}}]}),
            Some(4),
        ),
        (Ollama, json!({"model": "m", "embeddings": list, "prompt_eval_count": 4.0}), Some(4)),
    ] {
        let found = embedded(name, &body).unwrap();
        assert_eq!((found.vectors, found.usage.prompt_tokens), (two(), tokens), "{body}");
    }
    for kind in ["int8", "uint8", "binary", "ubinary"] {
        let found = embedded(Cohere, &json!({"embeddings": {kind: [[1, 255], [0, 7]]}})).unwrap();
        assert_eq!(found.vectors, [[1.0, 255.0], [0.0, 7.0]], "{kind}");
    }
    assert_eq!(embedded(Ollama, &json!({"embedding": [1, -2]})).unwrap().vectors, [[1.0, -2.0]]);
    assert_eq!(embedded(Gemini, &json!({"embedding": {"values": [1, -2]}})).unwrap().vectors, [[1.0, -2.0]]);
    for name in [OpenaiChat, Cohere, Gemini, Ollama] {
        assert_eq!(failed(embedded(name, &json!({"error": {"message": "no", "code": 429}}))).1, "no", "{name:?}");
        assert_eq!(failed(embedded(name, &json!({"message": "no"}))), (ErrorKind::Upstream, "no".into()), "{name:?}");
        assert_eq!(failed(embedded(name, &json!({}))).0, ErrorKind::Decode, "{name:?}");
    }
}
