//! The same of chat completions and the Responses API: what hosts, servers and routers make of them.

use super::*;

fn chunk(delta: &Value) -> Value {
    json!({"id": "a", "model": "m", "choices": [{"index": 0, "delta": delta}]})
}

fn ending(word: &str) -> Value {
    json!({"id": "a", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": word}]})
}

fn calls(pieces: &[Value]) -> Vec<Value> {
    let pieces = pieces.iter().map(|piece| chunk(&json!({"tool_calls": [piece]})));
    pieces.chain([ending("tool_calls")]).collect()
}

#[test]
fn chat_calls_in_pieces_of_every_kind() {
    let function = |name: &str, arguments: &str| json!({"name": name, "arguments": arguments});
    for (what, pieces, want) in [
        (
            "no index, the id with every piece",
            vec![
                json!({"id": "a", "function": function("f", "")}),
                json!({"id": "b", "function": function("g", "")}),
                json!({"id": "a", "function": {"arguments": "{\"x\":1}"}}),
                json!({"id": "b", "function": {"arguments": "{\"y\":2}"}}),
            ],
            json!([r#"f({"x":1})"#, r#"g({"y":2})"#]),
        ),
        (
            "the name with every piece, and an empty id",
            vec![
                json!({"index": 0, "id": "", "function": function("f", "{")}),
                json!({"index": 0, "id": "", "function": function("f", "\"x\":1")}),
                json!({"index": 0, "id": "", "function": function("f", "}")}),
            ],
            json!([r#"f({"x":1})"#]),
        ),
        (
            "an empty object before the arguments",
            vec![
                json!({"index": 0, "id": "a", "function": function("f", "{}")}),
                json!({"index": 0, "function": {"arguments": "{\"x\":1}"}}),
            ],
            json!([r#"f({"x":1})"#]),
        ),
        ("an empty object", vec![json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": {}}})], json!(["f({})"])),
        ("flat", vec![json!({"index": 0, "id": "a", "name": "f", "arguments": {"x": 1}})], json!([r#"f({"x":1})"#])),
        (
            "one index, many ids",
            vec![
                json!({"index": 0, "id": "a", "type": "function", "function": function("f", "{\"x\":1}")}),
                json!({"index": 0, "id": "b", "type": "function", "function": function("f", "{\"x\":2}")}),
            ],
            json!([r#"f({"x":1})"#, r#"f({"x":2})"#]),
        ),
        (
            "a free-text tool in pieces",
            vec![
                json!({"index": 0, "id": "a", "type": "custom", "custom": {"name": "sh", "input": ""}}),
                json!({"index": 0, "custom": {"input": "ls"}}),
                json!({"index": 0, "custom": {"input": " -l"}}),
            ],
            json!(["sh(ls -l)"]),
        ),
    ] {
        let (answer, error) = CHAT.stream(&(sse(&calls(&pieces)) + "data: [DONE]\n\n"));
        assert!(error.is_none(), "{what}: {error:?}");
        expect(what, &answer, &json!({"calls": want, "finish": "tool_calls"}));
    }
    let whole = json!([{"name": "f", "arguments": {"x": 1}}, {"id": "b", "function": {"name": "g", "arguments": null}}]);
    let answer = CHAT.decode(&json!({"choices": [{"message": {"content": null, "tool_calls": whole}, "finish_reason": "stop"}]})).unwrap();
    expect("whole", &answer, &json!({"calls": [r#"f({"x":1})"#, "g({})"], "finish": "tool_calls"}));
}

#[test]
fn chat_reasons_in_the_words_of_those_further_up() {
    for (word, finish) in [
        ("content_filter: RECITATION", "content_filter"),
        ("function_call_filter: MALFORMED_FUNCTION_CALL", "error"),
        ("IMAGE_PROHIBITED_CONTENT", "content_filter"),
        ("TOO_MANY_TOOL_CALLS", "error"),
        ("eos_token", "stop"),
        ("stop_sequence", "stop"),
        ("end_turn", "stop"),
        ("COMPLETE", "stop"),
        ("MAX_TOKENS", "length"),
        ("max_completion_tokens", "length"),
        ("token_limit", "length"),
        ("model_length", "length"),
        ("insufficient_system_resource", "error"),
    ] {
        whole(
            &CHAT,
            &[(json!({"choices": [{"message": {"content": "Hi"}, "finish_reason": word}]}), json!({"finish": finish, "native": word}))],
        );
    }
}

#[test]
fn chat_reasoning_by_more_names() {
    for message in [
        json!({"reasoning_text": "Hm.", "content": "Hi"}),
        json!({"content": [{"type": "reasoning_text", "text": "Hm."}, {"type": "output_text", "text": "Hi"}]}),
        json!({"content": [{"type": "thinking", "thinking": "Hm.", "signature": "s"}, {"type": "text", "text": "Hi"}]}),
    ] {
        let answer = json!({"choices": [{"message": message, "finish_reason": "stop"}]});
        expect(&message.to_string(), &CHAT.decode(&answer).unwrap(), &json!({"text": "Hi", "reasoning": "Hm."}));
        streamed(&CHAT, &(sse(&[chunk(&message), ending("stop")])), &json!({"text": "Hi", "reasoning": "Hm."}));
    }
}

#[test]
fn chat_counts_said_in_two_places() {
    let usage = json!({"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "cache_read_input_tokens": 5, "cache_creation_input_tokens": 3});
    let answer = json!({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "usage": usage});
    expect("both", &CHAT.decode(&answer).unwrap(), &json!({"cached": 5, "written": 3}));
}

#[test]
fn chat_streams_that_break_off() {
    let choice = |index: u32, word: Option<&str>| json!({"choices": [{"index": index, "delta": {"content": "Hi"}, "finish_reason": word}]});
    let half = sse(&[choice(0, None), choice(1, None), choice(0, Some("stop"))]);
    assert_eq!(CHAT.stream(&half).1.unwrap().upstream_code(), Some("stream_cut"), "one of two choices has ended");
    assert!(CHAT.stream(&(half.clone() + &sse(&[choice(1, Some("length"))]))).1.is_none(), "both have");
    assert!(CHAT.stream(&(half + "data: [DONE]\n\n")).1.is_none(), "the end was said");
    let counted = sse(&[json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "cost": 2.5e-5}, "created": 1})]);
    let begun = sse(&[chunk(&json!({"content": "Hi"}))]);
    for end in 1..counted.trim_end().len() - 1 {
        let error = CHAT.stream(&(begun.clone() + &counted[..end])).1.unwrap();
        assert_eq!(error.upstream_code(), Some("stream_cut"), "{}", &counted[..end]);
    }
    for nothing in [
        "data: {\"code\": 0, \"message\": \"success\"}\n\n",
        "data: {\"status\": 200, \"msg\": \"ok\"}\n\n",
        "data: null\n\n",
        "data: \"\"\n\n",
        "data: []\n\n",
        "event: ping\ndata: ping\n\n",
        ": x\n\n",
        "event: x\n\n",
    ] {
        let events = format!("{nothing}{}{nothing}{}{nothing}", sse(&[chunk(&json!({"content": "Hi"}))]), sse(&[ending("stop")]));
        streamed(&CHAT, &events, &json!({"text": "Hi", "finish": "stop"}));
    }
    streamed(
        &CHAT,
        &json!({"choices": [{"message": {"content": "Hi"}, "finish_reason": ""}]}).to_string(),
        &json!({"text": "Hi", "finish": "stop"}),
    );
    let both = json!({"choices": [{"delta": {"role": "assistant", "content": ""}, "message": {"content": "Hi"}, "finish_reason": "stop"}]});
    streamed(&CHAT, &sse(&[both]), &json!({"text": "Hi", "finish": "stop"}));
    for wire in [&CHAT, &RESPONSES] {
        let body = json!({"id": "a", "status": "completed", "choices": [{"message": {"content": "Hi"}}], "output": []}).to_string();
        for end in 1..body.len() {
            assert_eq!(wire.stream(&body[..end]).1.unwrap().upstream_code(), Some("stream_cut"), "{}", &body[..end]);
        }
    }
    let stopped = json!({"choices": [], "x_groq": {"id": "r", "error": "over capacity"}});
    assert_eq!(broken(&CHAT, &[chunk(&json!({"content": "Half"})), stopped]).2, "over capacity");
}

#[test]
fn chat_sources_of_ones_own_data() {
    let context = json!({"citations": [{"content": "x", "title": "A", "url": "https://a.test", "filepath": "a.md", "chunk_id": "0"},
        {"content": "y", "title": "B", "url": null, "filepath": "b.md"}], "intent": "[\"q\"]"});
    let whole = json!({"choices": [{"message": {"content": "Hi [doc1]", "context": context}, "finish_reason": "stop"}]});
    expect("whole", &CHAT.decode(&whole).unwrap(), &json!({"cited": ["https://a.test"]}));
    let events = [chunk(&json!({"context": context})), chunk(&json!({"content": "Hi [doc1]"})), ending("stop")];
    streamed(&CHAT, &sse(&events), &json!({"text": "Hi [doc1]", "cited": ["https://a.test"]}));
}

#[test]
fn error_bodies_of_many_hosts() {
    use ErrorKind::*;
    for (status, body, kind, words) in [
        (
            400,
            json!({"error": {"code": "unknown_model", "message": "Unknown model: x", "details": "Unknown model: x"}}),
            ModelNotFound,
            "Unknown model: x",
        ),
        (
            413,
            json!({"error": {"code": "tokens_limit_reached", "message": "Request body too large for m. Max size: 8000 tokens."}}),
            ContextLength,
            "Request body too large",
        ),
        (
            429,
            json!({"error": {"code": "RateLimitReached", "message": "Rate limit of 50 per 86400s exceeded"}}),
            RateLimited,
            "Rate limit of 50",
        ),
        (
            413,
            json!({"error": {"message": "Request too large on tokens per minute (TPM): Limit 6000", "type": "tokens", "code": "rate_limit_exceeded"}}),
            RateLimited,
            "Request too large",
        ),
        (
            400,
            json!({"error": {"message": "The model `x` has been decommissioned", "type": "invalid_request_error", "code": "model_decommissioned"}}),
            ModelNotFound,
            "decommissioned",
        ),
        (
            400,
            json!({"error": {"code": 400, "message": "the request exceeds it", "type": "exceed_context_size_error", "n_ctx": 4}}),
            ContextLength,
            "the request exceeds it",
        ),
        (
            422,
            json!({"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 9000", "error_type": "validation"}),
            ContextLength,
            "must be <= 4096",
        ),
        (
            400,
            json!({"error": {"message": "Your request exceeded model token limit: 262144 (requested: 269030)", "type": "invalid_request_error"}}),
            ContextLength,
            "exceeded model token limit",
        ),
        (400, json!({"error": {"code": "1261", "message": "Prompt exceeds max length"}}), ContextLength, "Prompt exceeds max length"),
        (
            400,
            json!({"error": {"code": "1301", "message": "System detected potentially unsafe or sensitive content in input or generation."}, "contentFilter": [{"level": 1}]}),
            ContentFilter,
            "unsafe or sensitive",
        ),
        (
            429,
            json!({"error": {"code": "1113", "message": "Insufficient balance or no resource package. Please recharge."}}),
            InsufficientCredits,
            "recharge",
        ),
        (
            400,
            json!({"error": {"code": "Arrearage", "message": "Access denied, please make sure your account is in good standing.", "type": "Arrearage"}}),
            InsufficientCredits,
            "good standing",
        ),
        (
            412,
            json!({"error": {"message": "Account x is suspended, possibly due to reaching the monthly spending limit", "code": "PRECONDITION_FAILED", "type": "error"}}),
            InsufficientCredits,
            "suspended",
        ),
        (
            429,
            json!({"error": {"message": "The engine is currently overloaded", "type": "engine_overloaded_error"}}),
            Overloaded,
            "overloaded",
        ),
        (
            400,
            json!({"type": "error", "error": {"type": "bad_request_error", "message": "invalid params (2013)", "http_code": "400"}}),
            BadRequest,
            "invalid params",
        ),
        (
            400,
            json!({"tpe": "fail", "errors": [{"key": "fail.input", "description": "Bad input", "extras": null}], "extras": null}),
            BadRequest,
            "Bad input",
        ),
        (
            404,
            json!({"type": "about:blank", "status": 404, "title": "Not Found", "detail": "Function 'x' not found for account"}),
            ModelNotFound,
            "Function 'x'",
        ),
        (
            403,
            json!({"statusCode": 403, "message": "The plan does not include it", "error": "Forbidden"}),
            PermissionDenied,
            "The plan does not include it",
        ),
        (401, json!({"statusCode": 401, "message": "Unauthorized. Access token is missing."}), Authentication, "Access token is missing"),
        (404, json!({"code": 404, "reason": "NotFound", "message": "Model not found"}), ModelNotFound, "Model not found"),
        (
            400,
            json!({"errors": [{"message": "AiError: bad input", "code": 5006}], "success": false, "result": {}, "messages": []}),
            BadRequest,
            "bad input",
        ),
        (429, json!({"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "REQUEST_LIMIT_EXCEEDED: slow"}), RateLimited, "slow"),
        (402, json!({"error": "You have exceeded your monthly included credits"}), InsufficientCredits, "monthly included credits"),
        (400, json!({"detail": {"error": "no such thing"}}), BadRequest, "no such thing"),
        (500, json!({"error": {"reason": "boom"}}), Upstream, "boom"),
        (
            400,
            json!({"object": "error", "message": {"detail": [{"type": "missing", "loc": ["body", "model"], "msg": "Field required", "input": {}}]}, "type": "invalid_request_error", "code": null, "raw_status_code": 422}),
            BadRequest,
            "Field required",
        ),
    ] {
        for wire in [&CHAT, &RESPONSES] {
            let error = wire.error(status, &body.to_string());
            assert_eq!((error.kind(), error.upstream_status()), (kind, Some(status)), "{body}");
            assert!(error.message().contains(words) && !error.message().contains('{'), "{} of {body}", error.message());
        }
    }
    // Events in the place of a body.
    for body in [
        "data: {\"error\": {\"message\": \"no\", \"type\": \"invalid_request_error\"}}\n\n",
        "id:1\nevent:error\n:HTTP_STATUS/400\ndata:{\"code\": \"InvalidParameter\", \"message\": \"no\"}\n\n",
        "\u{feff}{\"error\": {\"message\": \"no\"}}",
    ] {
        assert_eq!((CHAT.error(400, body).message(), CHAT.error(400, body).kind()), ("no", BadRequest), "{body}");
    }
}

#[test]
fn chat_failures_inside_a_200_by_their_words() {
    use ErrorKind::*;
    let half = chunk(&json!({"content": "Half"}));
    for (event, kind, status) in [
        (json!({"error": "no", "error_type": "overloaded"}), Overloaded, None),
        (json!({"error": "no", "error_type": "incomplete_generation"}), Upstream, None),
        (json!({"type": "error", "error": {"type": "rate_limit_error", "message": "no", "http_code": "429"}}), RateLimited, Some(429)),
        (json!({"error_code": "TEMPORARILY_UNAVAILABLE", "message": "no"}), Overloaded, None),
        (json!({"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "no"}), RateLimited, None),
        (json!({"error": {"code": "data_inspection_failed", "message": "no", "type": "data_inspection_failed"}}), ContentFilter, None),
        (json!({"error": {"object": "error", "message": "no", "type": "BadRequestError", "code": 400}}), BadRequest, Some(400)),
        (json!({"statusCode": 503, "message": "no"}), Overloaded, Some(503)),
        (json!({"error": {"type": "internal_error", "message": "no", "code": "internal_server_error"}}), Upstream, None),
        (json!({"error": {"type": "server_error", "message": "no", "status": 504}}), Timeout, Some(504)),
        (json!({"error": {"code": "failed_to_download_image", "message": "no"}}), BadRequest, None),
        (json!({"errors": [{"message": "no", "extensions": {}}]}), Upstream, None),
        (json!({"success": false, "message": "no"}), Upstream, None),
        (json!({"status": "error", "message": "no"}), Upstream, None),
    ] {
        let (text, got, words) = broken(&CHAT, &[half.clone(), event.clone()]);
        assert_eq!((text.as_str(), got, words.as_str()), ("Half", kind, "no"), "{event}");
        assert_eq!(CHAT.decode(&event).unwrap_err().upstream_status(), status, "{event}");
    }
}

#[test]
fn chat_calls_said_in_both_words() {
    let function = json!({"name": "f", "arguments": "{\"x\":1}"});
    let message = json!({"content": null, "function_call": function, "tool_calls": [{"index": 0, "id": "a", "type": "function", "function": function}]});
    let want = json!({"calls": [r#"f({"x":1})"#], "finish": "tool_calls"});
    whole(&CHAT, &[(json!({"choices": [{"message": message, "finish_reason": "tool_calls"}]}), want.clone())]);
    streamed(&CHAT, &sse(&[chunk(&message), ending("tool_calls")]), &want);
    let old = json!({"function_call": function});
    streamed(&CHAT, &sse(&[chunk(&old), ending("function_call")]), &want);
}

fn completed(output: &Value) -> Value {
    json!({"type": "response.completed", "response": {"id": "r", "status": "completed", "output": output, "usage": {"input_tokens": 3, "output_tokens": 2}}})
}

fn said_in(id: &str, text: &str) -> Value {
    json!({"type": "message", "id": id, "role": "assistant", "content": [{"type": "output_text", "text": text, "annotations": []}]})
}

fn thought_in(id: &str, text: &str) -> Value {
    json!({"type": "reasoning", "id": id, "summary": [], "content": [{"type": "reasoning_text", "text": text}]})
}

fn called_in(id: &str, name: &str, arguments: &str) -> Value {
    json!({"type": "function_call", "id": id, "call_id": format!("call_{name}"), "name": name, "arguments": arguments})
}

#[test]
fn responses_items_at_places_that_do_not_agree() {
    let want = json!({"text": "Hi", "reasoning": "Hm.", "calls": [r#"f({"x":1})"#], "finish": "tool_calls"});
    let delta = |kind: &str, index: u64, id: &str, delta: &str| json!({"type": format!("response.{kind}.delta"), "output_index": index, "item_id": id, "delta": delta});
    let added = |index: u64, item: &Value| json!({"type": "response.output_item.added", "output_index": index, "item": item});
    let done = |index: u64, item: &Value| json!({"type": "response.output_item.done", "output_index": index, "item": item});
    let output = json!([thought_in("rs", "Hm."), said_in("msg", "Hi"), called_in("fc", "f", "{\"x\":1}")]);
    // In the order of the events; at the end reasoning comes first.
    let events = [
        delta("output_text", 0, "msg", "Hi"),
        delta("reasoning_text", 1, "rs", "Hm."),
        added(2, &called_in("fc", "f", "")),
        delta("function_call_arguments", 2, "fc", "{\"x\":1}"),
        completed(&output),
    ];
    streamed(&RESPONSES, &sse(&events), &want);
    // Everything in the first place.
    let events = [
        added(0, &thought_in("rs", "")),
        delta("reasoning_text", 0, "rs", "Hm."),
        done(0, &thought_in("rs", "Hm.")),
        delta("output_text", 0, "msg", "Hi"),
        done(0, &said_in("msg", "Hi")),
        added(0, &called_in("fc", "f", "")),
        delta("function_call_arguments", 0, "fc", "{\"x\":1}"),
        done(0, &called_in("fc", "f", "{\"x\":1}")),
        completed(&output),
    ];
    streamed(&RESPONSES, &sse(&events), &want);
    // Two calls in one place, and ids that change with every event.
    let events = [
        added(0, &called_in("a", "f", "")),
        delta("function_call_arguments", 0, "b", "{\"x\":1}"),
        done(0, &called_in("c", "f", "{\"x\":1}")),
        added(0, &called_in("d", "g", "")),
        done(0, &called_in("e", "g", "{\"y\":2}")),
        completed(&json!([called_in("c", "f", "{\"x\":1}"), called_in("h", "g", "{\"y\":2}")])),
    ];
    streamed(&RESPONSES, &sse(&events), &json!({"calls": [r#"f({"x":1})"#, r#"g({"y":2})"#]}));
    // Other ids at the end, also of the calls.
    let call = |id: &str, call_id: &str, number: u8| json!({"type": "function_call", "id": id, "call_id": call_id, "name": "f", "arguments": format!("{{\"x\":{number}}}")});
    let events = [
        added(0, &call("a", "b", 1)),
        done(0, &call("a", "b", 1)),
        added(1, &call("c", "d", 2)),
        done(1, &call("c", "d", 2)),
        completed(&json!([call("e", "f", 1), call("g", "h", 2)])),
    ];
    streamed(&RESPONSES, &sse(&events), &json!({"calls": [r#"f({"x":1})"#, r#"f({"x":2})"#]}));
    // One call is told of only there.
    let events = [added(0, &call("a", "b", 1)), done(0, &call("a", "b", 1)), completed(&json!([call("c", "d", 2), call("a", "b", 1)]))];
    streamed(&RESPONSES, &sse(&events), &json!({"calls": [r#"f({"x":1})"#, r#"f({"x":2})"#]}));
    // Other ids at the end, and in another order.
    let events = [
        delta("output_text", 0, "x", "Hi"),
        delta("reasoning_text", 1, "y", "Hm."),
        completed(&json!([thought_in("rs", "Hm."), said_in("msg", "Hi")])),
    ];
    streamed(&RESPONSES, &sse(&events), &json!({"text": "Hi", "reasoning": "Hm."}));
    // One id for all of them.
    let answer = json!({"status": "completed", "output": [said_in("x", "A"), said_in("x", "B"), called_in("x", "f", "{}"), called_in("x", "g", "{}")]});
    let answer = RESPONSES.decode(&answer).unwrap();
    expect("one id", &answer, &json!({"text": "AB", "calls": ["f({})", "g({})"]}));
    // Neither places nor ids.
    let bare = |kind: &str, delta: &str| json!({"type": format!("response.{kind}.delta"), "delta": delta});
    let events = [
        bare("reasoning_text", "Hm."),
        bare("output_text", "H"),
        bare("output_text", "i"),
        completed(&json!([thought_in("rs", "Hm."), said_in("msg", "Hi")])),
    ];
    streamed(&RESPONSES, &sse(&events), &json!({"text": "Hi", "reasoning": "Hm."}));
}

#[test]
fn responses_tools_that_the_host_ran() {
    let search = json!({"type": "custom_tool_call", "id": "s", "call_id": "call_s", "name": "x_keyword_search", "input": "{\"query\":\"q\"}", "status": "completed"});
    let others = ["x_search_call", "code_execution_call", "view_image_call", "collections_search_call", "tool_search_call"];
    let others = others.iter().map(|kind| json!({"type": kind, "id": kind, "name": "x", "arguments": "{}"}));
    let output: Vec<Value> = [search.clone()].into_iter().chain(others).chain([said_in("m", "Hi"), called_in("fc", "f", "{}")]).collect();
    let want = json!({"text": "Hi", "calls": ["f({})"], "finish": "tool_calls"});
    whole(&RESPONSES, &[(json!({"status": "completed", "output": output}), want.clone())]);
    let mut events: Vec<Value> = Vec::new();
    for (index, item) in output.iter().enumerate() {
        events.push(json!({"type": "response.output_item.added", "output_index": index, "item": item}));
        if index == 0 {
            events.push(
                json!({"type": "response.custom_tool_call_input.delta", "output_index": 0, "item_id": "s", "delta": "{\"query\":\"q\"}"}),
            );
        }
        events.push(json!({"type": "response.output_item.done", "output_index": index, "item": item}));
    }
    events.push(completed(&output.into()));
    streamed(&RESPONSES, &sse(&events), &want);
}

#[test]
fn responses_from_servers_that_say_less() {
    let text =
        |text: &str| json!({"type": "response.output_text.delta", "item_id": "msg", "output_index": 0, "content_index": 0, "delta": text});
    // The type is the name of the event alone.
    let events = "event: response.output_text.delta\ndata: {\"delta\": \"Hi\"}\n\n\
        event: response.completed\ndata: {\"response\": {\"status\": \"completed\", \"output\": []}}\n\n";
    streamed(&RESPONSES, events, &json!({"text": "Hi", "finish": "stop"}));
    // No last event but the end of chat completions.
    streamed(&RESPONSES, &(sse(&[text("Hi")]) + "data: [DONE]\n\n"), &json!({"text": "Hi", "finish": "stop"}));
    assert_eq!(RESPONSES.stream("data: [DONE]\n\n").1.unwrap().upstream_code(), Some("empty_answer"));
    // Reasoning by its first names.
    for kind in ["response.reasoning.delta", "response.reasoning_summary.delta"] {
        let events = [
            json!({"type": kind, "output_index": 0, "item_id": "rs", "delta": "Hm."}),
            json!({"type": "response.output_text.delta", "output_index": 1, "delta": "Hi"}),
            completed(&json!([])),
        ];
        streamed(&RESPONSES, &sse(&events), &json!({"text": "Hi", "reasoning": "Hm."}));
    }
    // Empty pieces, and all of it at the end.
    let empty = |kind: &str, index: u64| json!({"type": format!("response.{kind}.delta"), "output_index": index, "delta": ""});
    let events = [
        empty("output_text", 0),
        json!({"type": "response.output_item.done", "output_index": 0, "item": said_in("m", "Hi")}),
        json!({"type": "response.output_item.added", "output_index": 1, "item": called_in("fc", "f", "")}),
        empty("function_call_arguments", 1),
        json!({"type": "response.output_item.done", "output_index": 1, "item": called_in("fc", "f", "{\"x\":1}")}),
        completed(&json!([])),
    ];
    streamed(&RESPONSES, &sse(&events), &json!({"text": "Hi", "calls": [r#"f({"x":1})"#]}));
    // A call whose name comes at its end.
    let events = [
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "function_call", "id": "fc", "call_id": "c"}}),
        json!({"type": "response.function_call_arguments.delta", "output_index": 0, "item_id": "fc", "delta": "{\"x\":1}"}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": called_in("fc", "f", "{\"x\":1}")}),
        completed(&json!([])),
    ];
    streamed(&RESPONSES, &sse(&events), &json!({"calls": [r#"f({"x":1})"#]}));
    whole(
        &RESPONSES,
        &[
            (
                json!({"output": [{"role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}),
                json!({"text": "Hi", "prompt": 3, "completion": 2}),
            ),
            (
                json!({"status": "completed", "incomplete_details": {"reason": "max_output_tokens"}, "output": [said_in("m", "Hi")]}),
                json!({"finish": "length", "native": "max_output_tokens"}),
            ),
            (
                json!({"status": "completed", "error": {}, "output": [called_in("fc", "f", "{}")]}),
                json!({"calls": ["f({})"], "finish": "tool_calls"}),
            ),
            (
                json!({"status": "completed", "output": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "In short."}],
                    "content": [{"type": "reasoning_text", "text": "Hm."}]}, said_in("m", "Hi")]}),
                json!({"reasoning": "Hm.", "text": "Hi"}),
            ),
        ],
    );
    let half = text("Half");
    for (event, kind) in [
        (json!({"type": "response.failed", "error": {"code": "server_error", "message": "no"}}), ErrorKind::Upstream),
        (
            json!({"type": "response.failed", "response": {"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "no"}}}),
            ErrorKind::RateLimited,
        ),
        (json!({"error": "no"}), ErrorKind::Upstream),
        (json!({"detail": "no"}), ErrorKind::Upstream),
        (json!([{"error": {"code": 429, "message": "no"}}]), ErrorKind::RateLimited),
        (json!({"type": "error", "code": "context_length_exceeded", "message": "no"}), ErrorKind::ContextLength),
        (json!({"object": "error", "message": "no", "type": "BadRequestError", "code": 400}), ErrorKind::BadRequest),
    ] {
        assert_eq!(broken(&RESPONSES, &[half.clone(), event.clone()]), ("Half".into(), kind, "no".into()), "{event}");
    }
}
