//! Requests in, JSON out; bytes in, chunks out.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    catalog::Endpoint,
    error::{Error, ErrorKind, Result},
    protocols::{Call, Protocol},
    providers::{MessageReasoning, Provider, ReasoningField},
    types::{ChatChunk, ChatRequest, ChatResponse, FinishReason, Fold},
};

const CHAT: super::OpenaiChat = super::OpenaiChat;

fn with_call<T>(provider: &Provider, request: &ChatRequest, stream: bool, then: impl FnOnce(&Call<'_>) -> T) -> T {
    let endpoint = Endpoint::unknown("test/model", "test", "upstream-model");
    let id: Arc<str> = "junto-0123456789abcdef".into();
    let (base_url, options) = ("https://vendor.test/v1", &BTreeMap::new());
    then(&Call { request, endpoint: &endpoint, provider, base_url, options, stream, id: &id, created: 1_700_000_000 })
}

fn encode_for(provider: &Provider, request: &Value, stream: bool) -> (Value, Vec<String>) {
    let request = ChatRequest::from_json(&request.to_string()).unwrap();
    with_call(provider, &request, stream, |call| {
        let encoded = CHAT.encode(call).unwrap();
        assert_eq!(encoded.request.uri(), "https://vendor.test/v1/chat/completions");
        (serde_json::from_slice(encoded.request.body()).unwrap(), encoded.dropped)
    })
}

/// The answer and error of these bytes, the same at every step.
fn stream_for(provider: &Provider, bytes: &str) -> (Option<ChatResponse>, Option<Error>) {
    let read = |step: usize| -> (Vec<ChatChunk>, Result<()>) {
        with_call(provider, &ChatRequest::new("test/model"), true, |call| {
            let (mut decoder, mut out) = (CHAT.decoder(call), VecDeque::new());
            let mut result = bytes.as_bytes().chunks(step).try_for_each(|piece| decoder.push(piece, &mut out));
            result = result.and_then(|()| decoder.finish(&mut out));
            (out.into(), result)
        })
    };
    let (chunks, result) = read(bytes.len().max(1));
    for step in 1..bytes.len() {
        assert_eq!(read(step).0, chunks, "step {step}");
    }
    let mut fold = Fold::new();
    chunks.iter().cloned().for_each(|chunk| fold.push(chunk));
    ((!chunks.is_empty()).then(|| fold.finish()), result.err())
}

fn stream(bytes: &str) -> (ChatResponse, Option<Error>) {
    let (whole, error) = stream_for(&Provider::default(), bytes);
    (whole.expect("chunks"), error)
}

fn sse(events: &[Value]) -> String {
    events.iter().fold(String::new(), |text, event| text + &format!("data: {event}\n\n"))
}

fn decode(body: &Value) -> Result<ChatResponse> {
    let response = http::Response::new(Bytes::from(body.to_string()));
    with_call(&Provider::default(), &ChatRequest::new("test/model"), false, |call| CHAT.decode(call, &response))
}

fn decode_error(status: u16, body: &str) -> Error {
    let (head, ()) = http::Response::builder().status(status).body(()).unwrap().into_parts();
    CHAT.decode_error(&head, body.as_bytes())
}

#[test]
fn a_request_keeps_openais_fields_and_unknown_ones_but_none_of_the_routers() {
    let (body, dropped) = encode_for(
        &Provider::default(),
        &json!({
            "model": "test/model", "models": ["other/model"], "provider": {"order": ["test"]}, "plugins": [{"id": "web"}],
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]},
                {"role": "assistant", "reasoning": "hm", "reasoning_details": [],
                 "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]},
                {"role": "tool", "tool_call_id": "c1", "content": "4"},
            ],
            "tools": [{"type": "function", "function": {"name": "f"}, "cache_control": {"type": "ephemeral"}}],
            "tool_choice": "required", "max_completion_tokens": 9, "reasoning": {"effort": "low"}, "stop": "END", "top_secret": 1,
        }),
        true,
    );
    assert_eq!(
        body,
        json!({
            "model": "upstream-model",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
                {"role": "assistant", "content": null,
                 "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "content": "4", "tool_call_id": "c1"},
            ],
            "stream": true, "stream_options": {"include_usage": true},
            "max_tokens": 9, "stop": ["END"], "tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required",
            "reasoning_effort": "low", "web_search_options": {}, "top_secret": 1,
        })
    );
    assert!(dropped.is_empty(), "{dropped:?}");
}

#[test]
fn a_providers_habits_rename_drop_and_add_fields() {
    let mut provider = Provider::default();
    let quirks = &mut provider.quirks;
    quirks.drops = vec!["logprobs".into(), "user".into()];
    quirks.renames.insert("seed".into(), "random_seed".into());
    quirks.tool_choice_required = "any".into();
    quirks.stream_usage = false;
    quirks.passthrough = false;
    quirks.model_in_body = false;
    quirks.reasoning = ReasoningField::Thinking;
    quirks.message_reasoning = MessageReasoning::Content;
    quirks.body.insert("safe".into(), true.into());
    let (body, dropped) = encode_for(
        &provider,
        &json!({
            "model": "m", "messages": [{"role": "assistant", "content": "a", "reasoning": "because", "odd": 1}], "seed": 7, "logprobs": true,
            "user": "u", "tool_choice": "required", "reasoning": {"enabled": false}, "unknown": 1,
        }),
        true,
    );
    assert_eq!(
        body,
        json!({
            "messages": [{"role": "assistant", "content": "a", "reasoning_content": "because"}], "stream": true, "random_seed": 7,
            "tool_choice": "any", "thinking": {"type": "disabled"}, "safe": true,
        })
    );
    assert_eq!(dropped, ["logprobs", "user", "unknown"]);
}

#[test]
fn a_router_gets_plugins_cache_marks_and_only_its_own_signed_blocks() {
    let mut provider = Provider::default();
    provider.quirks.router = true;
    provider.quirks.reasoning = ReasoningField::Object;
    let (body, _) = encode_for(
        &provider,
        &json!({
            "model": "m", "plugins": [{"id": "web"}], "reasoning_effort": "high",
            "messages": [{"role": "assistant", "content": "a", "cache_control": {"type": "ephemeral"}, "reasoning_details": [
                {"type": "reasoning.text", "text": "plain"},
                {"type": "reasoning.encrypted", "data": "ours", "provider": "test"},
                {"type": "reasoning.encrypted", "data": "theirs", "provider": "other"},
            ]}],
        }),
        false,
    );
    assert_eq!(body["plugins"], json!([{"id": "web"}]));
    assert_eq!(body["reasoning"], json!({"effort": "high"}));
    assert_eq!(body["messages"][0]["cache_control"], json!({"type": "ephemeral"}));
    let blocks: Vec<_> = body["messages"][0]["reasoning_details"].as_array().unwrap().iter().map(|block| &block["data"]).collect();
    assert_eq!(blocks, [&Value::Null, &json!("ours")]);
}

#[test]
fn what_the_caller_sets_by_the_vendors_own_name_wins() {
    let mut provider = Provider::default();
    provider.quirks.reasoning = ReasoningField::EnableThinking;
    let request = json!({"model": "m", "messages": [], "reasoning": {"enabled": true}, "enable_thinking": false});
    let (body, _) = encode_for(&provider, &request, false);
    assert_eq!(body["enable_thinking"], false);
}

#[test]
fn a_stream_of_text_ends_with_finish_reason_and_usage() {
    let (whole, error) = stream(
        "data: {\"id\":\"a1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"m-1\",\"system_fingerprint\":\"fp\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n\
         : keep alive\r\n\r\n\
         data: {\"id\":\"a1\",\"created\":5,\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"H\\u00e4\"}}]}\r\n\r\n\
         data: {\"id\":\"a1\",\"created\":5,\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"!\"},\"finish_reason\":\"stop\"}]}\n\n\
         data: {\"id\":\"a1\",\"created\":5,\"model\":\"m-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":1}}}\n\n\
         data: [DONE]\n\n",
    );
    assert!(error.is_none(), "{error:?}");
    assert_eq!((whole.id.as_str(), whole.model.as_str(), whole.created, whole.text()), ("a1", "m-1", 5, "H\u{e4}!"));
    assert_eq!(whole.choices[0].finish_reason, Some(FinishReason::Stop));
    assert_eq!(whole.usage.prompt_tokens, Some(3));
    assert_eq!(whole.usage.prompt_tokens_details.unwrap().cached_tokens, Some(1));
    assert_eq!(whole.system_fingerprint.as_deref(), Some("fp"));
}

#[test]
fn a_stream_without_done_is_whole_only_after_a_finish_reason() {
    let (_, error) = stream("data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"eos\"}]}\n\n");
    assert!(error.is_none(), "{error:?}");
    let (whole, error) = stream("data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n");
    assert_eq!(whole.text(), "Hi");
    assert_eq!(error.unwrap().upstream_code(), Some("stream_cut"));
    let (whole, error) = stream_for(&Provider::default(), "data: [DONE]\n\n");
    assert!(whole.is_none());
    assert_eq!(error.unwrap().upstream_code(), Some("empty_answer"));
}

#[test]
fn tool_calls_come_whole_in_pieces_as_objects_and_at_a_used_index() {
    let (whole, _) = stream(
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\"\"}}]}}]}\n\n\
         data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"arguments\":\":1}\"}}]}}]}\n\n\
         data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":{\"y\":2}}}]}}]}\n\n\
         data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":\"h\",\"arguments\":null},\"index\":1}]},\"finish_reason\":\"stop\"}]}\n\n",
    );
    let calls: Vec<_> = whole.choices[0].message.tool_calls.iter().map(|call| (&*call.function.name, &*call.function.arguments)).collect();
    assert_eq!(calls, [("f", "{\"x\":1}"), ("g", "{\"y\":2}"), ("h", "{}")]);
    assert_eq!(whole.choices[0].message.tool_calls[1].id, "b");
    assert!(!whole.choices[0].message.tool_calls[2].id.is_empty());
    assert_eq!(whole.choices[0].finish_reason, Some(FinishReason::ToolCalls));
}

#[test]
fn reasoning_is_read_by_all_its_names() {
    let answer =
        |message: Value| decode(&json!({"choices": [{"message": message, "finish_reason": "stop"}]})).unwrap().choices.remove(0).message;
    for message in [
        json!({"content": "4", "reasoning": "sum", "reasoning_content": "sum"}),
        json!({"content": "4", "reasoning_details": [{"type": "reasoning.text", "text": "sum", "index": 0}]}),
        json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "sum"}]}, {"type": "text", "text": "4"}]}),
    ] {
        let message = answer(message);
        assert_eq!((message.content.as_deref(), message.reasoning.as_deref()), (Some("4"), Some("sum")));
    }
    let mut provider = Provider::default();
    provider.quirks.think_tags = true;
    let events = "data: {\"choices\":[{\"delta\":{\"content\":\"<thi\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"nk>sum</think>4\"},\"finish_reason\":\"stop\"}]}\n\n";
    let message = stream_for(&provider, events).0.unwrap().choices.remove(0).message;
    assert_eq!((message.content.as_deref(), message.reasoning.as_deref()), (Some("4"), Some("sum")));
}

#[test]
fn reasoning_between_tags_and_beside_the_text_is_one() {
    let mut provider = Provider::default();
    provider.quirks.think_tags = true;
    let delta = |delta: Value| json!({"choices": [{"delta": delta}]});
    let end = json!({"choices": [{"delta": {}, "finish_reason": "stop"}]});
    let both = [
        delta(json!({"content": "<think>\nHm", "reasoning_content": "Hm"})),
        delta(json!({"content": ", yes.\n</thi", "reasoning_content": ", yes."})),
        delta(json!({"content": "nk>\n\n4"})),
        end.clone(),
    ];
    let tags = [delta(json!({"content": "<think>Hm, yes.</think>4", "reasoning_content": "", "reasoning_details": []})), end];
    for events in [sse(&both), sse(&tags)] {
        let message = stream_for(&provider, &events).0.unwrap().choices.remove(0).message;
        assert_eq!((message.content.as_deref(), message.reasoning.as_deref()), (Some("4"), Some("Hm, yes.")), "{events}");
    }
}

#[test]
fn reasoning_counted_beside_the_completion_is_added_to_it() {
    let usage =
        json!({"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 20, "completion_tokens_details": {"reasoning_tokens": 8}});
    let whole = decode(&json!({"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}], "usage": usage})).unwrap();
    assert_eq!(whole.usage.completion_tokens, Some(10));
}

#[test]
fn sources_beside_the_answer_become_annotations() {
    let whole = decode(&json!({
        "choices": [{"message": {"content": "It rains [1]"}, "finish_reason": "stop"}],
        "citations": ["https://a.test"], "search_results": [{"url": "https://a.test", "title": "A"}],
    }))
    .unwrap();
    let annotations = serde_json::to_value(&whole.choices[0].message.annotations).unwrap();
    assert_eq!(annotations[0]["url_citation"]["url"], "https://a.test");
    assert_eq!(annotations[0]["url_citation"]["title"], "A");
}

#[test]
fn errors_inside_a_200_are_errors_after_what_was_said() {
    let error = decode(&json!({"error": {"code": 502, "message": "Provider down"}})).unwrap_err();
    assert_eq!((error.kind(), error.message(), error.upstream_status()), (ErrorKind::Upstream, "Provider down", Some(502)));
    let said = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n";
    for event in [
        "data: {\"error\":{\"message\":\"Overloaded\",\"type\":\"overloaded_error\"}}\n\n",
        "event: error\ndata: {\"message\":\"Overloaded\",\"type\":\"overloaded_error\"}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\",\"error\":{\"code\":503,\"message\":\"Overloaded\"}}]}\n\n",
    ] {
        let (whole, error) = stream(&format!("{said}{event}"));
        assert_eq!(whole.text(), "Hi");
        let error = error.unwrap();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Overloaded, "Overloaded"), "{event}");
    }
    let (_, error) = stream_for(&Provider::default(), "{\"error\":{\"message\":\"No credit\",\"code\":\"insufficient_quota\"}}");
    assert_eq!(error.unwrap().kind(), ErrorKind::InsufficientCredits);
}

#[test]
fn a_field_that_comes_twice_and_an_empty_error_do_no_harm() {
    let (whole, error) = stream(
        "data: {\"id\":\"a\",\"id\":\"a\",\"error\":{},\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n",
    );
    assert!(error.is_none(), "{error:?}");
    assert_eq!(whole.text(), "Hi");
}

#[test]
fn an_errors_code_says_more_than_its_status() {
    let openai = |code: &str| json!({"error": {"message": "No.", "type": "invalid_request_error", "code": code}}).to_string();
    for (status, body, kind) in [
        (400, openai("context_length_exceeded"), ErrorKind::ContextLength),
        (400, openai("content_filter"), ErrorKind::ContentFilter),
        (429, openai("insufficient_quota"), ErrorKind::InsufficientCredits),
        (429, openai("rate_limit_exceeded"), ErrorKind::RateLimited),
        (400, openai("model_not_found"), ErrorKind::ModelNotFound),
        (400, openai("unsupported_value"), ErrorKind::BadRequest),
        (400, json!({"code": "Client error", "error": "Incorrect API key provided: x"}).to_string(), ErrorKind::Authentication),
        (422, json!({"detail": [{"loc": ["body", "messages"], "msg": "No."}]}).to_string(), ErrorKind::BadRequest),
        (500, "boom".into(), ErrorKind::Upstream),
        (529, String::new(), ErrorKind::Overloaded),
    ] {
        let error = decode_error(status, &body);
        assert_eq!((error.kind(), error.upstream_status()), (kind, Some(status)), "{body}");
        assert!(!error.message().is_empty() && !error.message().contains('{'), "{}", error.message());
    }
    assert_eq!(decode_error(422, r#"{"detail":[{"loc":["body","n"],"msg":"must be 1"}]}"#).message(), "body.n: must be 1");
}

#[test]
fn a_web_page_is_named_by_its_title() {
    let error = decode_error(502, "<html><head><title>502 Bad\n Gateway</title></head><body><h1>nginx</h1></body></html>");
    assert_eq!(error.message(), "HTTP 502 with a web page instead of JSON: \"502 Bad Gateway\"");
    assert_eq!(decode(&json!("plain")).unwrap_err().kind(), ErrorKind::Decode);
}

#[test]
fn usage_is_found_wherever_it_is() {
    let moonshot = sse(&[
        json!({"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hi"}}]}),
        json!({"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop",
            "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "cached_tokens": 4}}]}),
    ]);
    let usage = stream(&moonshot).0.usage;
    let cached = usage.prompt_tokens_details.unwrap().cached_tokens;
    assert_eq!((usage.prompt_tokens, usage.completion_tokens, cached), (Some(5), Some(2), Some(4)));
}

#[test]
fn failures_without_the_word_error() {
    for (body, kind, message) in [
        (
            json!({"id": "x", "choices": null, "base_resp": {"status_code": 1002, "status_msg": "rate limit"}}),
            ErrorKind::RateLimited,
            "rate limit",
        ),
        (json!({"base_resp": {"status_code": 1004, "status_msg": "login fail"}}), ErrorKind::Authentication, "login fail"),
        (json!({"code": 500, "msg": "404 NOT_FOUND", "success": false}), ErrorKind::Upstream, "404 NOT_FOUND"),
        (json!({"detail": "no such route"}), ErrorKind::Upstream, "no such route"),
        (json!({"__type": "com.amazon#ThrottlingException", "message": "Too many"}), ErrorKind::RateLimited, "Too many"),
        (json!({"errors": [{"code": 7003, "message": "no route"}], "success": false}), ErrorKind::Upstream, "no route"),
    ] {
        let error = decode(&body).unwrap_err();
        assert_eq!((error.kind(), error.message()), (kind, message), "{body}");
        let error = stream_for(&Provider::default(), &body.to_string()).1.unwrap();
        assert_eq!((error.kind(), error.message()), (kind, message), "{body}");
    }
    let fine =
        json!({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "base_resp": {"status_code": 0, "status_msg": ""}});
    assert_eq!(decode(&fine).unwrap().text(), "Hi");
}

#[test]
fn what_is_said_twice_is_said_once() {
    let (answer, error) = stream(&sse(&[
        json!({"choices": [{"index": 0, "delta": {"content": "Hello"}}]}),
        json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}]}),
    ]));
    assert_eq!((answer.text(), error.is_none()), ("Hello", true));
    let one_piece =
        sse(&[json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}]})]);
    assert_eq!(stream(&one_piece).0.text(), "Hello");
}

#[test]
fn events_that_nobody_asked_for_and_json_that_is_not_quite() {
    let events = "data: data: {\"choices\": [{\"delta\": {\"content\": \"\\ud83d!\"}, \"logprobs\": NaN}]}\n\n\
        data: {\"choices\": [{\"delta\": {}, \"finish_reason\": \"eos\"}], \"id\": \"a\", \"id\": \"b\"}\n\ndata: [DONE]";
    let whole = with_call(&Provider::default(), &ChatRequest::new("test/model"), false, |call| {
        CHAT.decode(call, &http::Response::new(events.to_owned().into())).unwrap()
    });
    assert_eq!((whole.text(), whole.choices[0].finish_reason), ("\u{fffd}!", Some(FinishReason::Stop)));
}

#[test]
fn logprobs_are_openais_or_none() {
    let logprobs = |given: Value| {
        let answer = json!({"choices": [{"message": {"content": "a"}, "logprobs": given, "finish_reason": "stop"}]});
        decode(&answer).unwrap().choices[0].logprobs.clone()
    };
    let token = json!({"token": "a", "logprob": -0.5, "bytes": null, "top_logprobs": []});
    assert_eq!(logprobs(json!({"content": [{"token": "a", "logprob": -0.5}]})), Some(json!({"content": [token], "refusal": null})));
    for other in [json!({"tokens": ["a"], "token_logprobs": [-0.5]}), json!({"content": null}), json!({}), json!([])] {
        assert_eq!(logprobs(other), None);
    }
}

#[test]
fn calls_in_odd_shapes() {
    let calls =
        |calls: Value| decode(&json!({"choices": [{"message": {"content": null, "tool_calls": calls}, "finish_reason": "tool_calls"}]}));
    let f = json!({"function": {"name": "f", "arguments": {"a": 1}}});
    for given in [json!([f]), f.clone(), json!([null, f])] {
        let answer = calls(given).unwrap();
        let call = &answer.choices[0].message.tool_calls[0];
        assert_eq!((call.function.name.as_str(), call.function.arguments.as_str()), ("f", "{\"a\":1}"));
        assert!(!call.id.is_empty());
    }
}
