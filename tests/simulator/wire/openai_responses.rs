//! OpenAI's Responses API. Its errors are those of chat completions.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Answer, Asked, Events, PROMPT_TOKENS, named};

/// The output items: reasoning, searches, then what is said.
fn output(answer: &Answer) -> Vec<Value> {
    let mut items = Vec::new();
    if !answer.reasoning.is_empty() {
        let summary = json!([{"type": "summary_text", "text": answer.reasoning.concat()}]);
        items.push(json!({"type": "reasoning", "id": "rs_sim", "summary": summary, "encrypted_content": "c2ltdWxhdGVk"}));
    }
    if !answer.sources.is_empty() {
        items.push(json!({"type": "web_search_call", "id": "ws_sim", "status": "completed", "action": {"type": "search", "query": "sky"}}));
    }
    let text = answer.text.concat();
    if !text.is_empty() {
        let part = if answer.refusal {
            json!({"type": "refusal", "refusal": text})
        } else {
            let cited = answer.citations().map(|(source, start, end)| {
                json!({"type": "url_citation", "url": source.url, "title": source.title, "start_index": start, "end_index": end})
            });
            json!({"type": "output_text", "text": text, "annotations": cited.collect::<Vec<_>>(), "logprobs": []})
        };
        items.push(json!({"type": "message", "id": "msg_sim", "role": "assistant", "status": "completed", "content": [part]}));
    }
    for (at, tool) in answer.tools.iter().enumerate() {
        items.push(json!({"type": "function_call", "id": format!("fc_sim{at}"), "call_id": format!("call_sim{at}"), "name": tool.name,
            "arguments": tool.arguments.concat(), "status": "completed"}));
    }
    items
}

fn response(asked: &Asked, answer: &Answer, status: &str, output: &[Value]) -> Value {
    let completion = answer.completion_tokens();
    let incomplete = answer.length.then(|| json!({"reason": "max_output_tokens"}));
    json!({"id": "resp_sim", "object": "response", "created_at": 1_760_000_000_u64, "status": status, "model": asked.model,
        "incomplete_details": incomplete, "error": null, "output": output, "service_tier": "default",
        "usage": {"input_tokens": PROMPT_TOKENS, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": completion,
            "output_tokens_details": {"reasoning_tokens": answer.reasoning.len()}, "total_tokens": PROMPT_TOKENS + completion}})
}

pub(super) fn whole(asked: &Asked, answer: &Answer) -> Value {
    response(asked, answer, if answer.length { "incomplete" } else { "completed" }, &output(answer))
}

pub(super) fn events(asked: &Asked, answer: &Answer) -> Events {
    let event = |kind: &str, mut fields: Value| {
        fields["type"] = kind.into();
        named(kind, &fields)
    };
    let (mut content, items): (Vec<Bytes>, _) = (Vec::new(), output(answer));
    for (index, item) in items.iter().enumerate() {
        match item["type"].as_str().unwrap_or_default() {
            "reasoning" => content.extend(answer.reasoning.iter().map(|piece| {
                event("response.reasoning_summary_text.delta", json!({"output_index": index, "summary_index": 0, "delta": piece}))
            })),
            "message" => {
                let kind = if answer.refusal { "response.refusal.delta" } else { "response.output_text.delta" };
                let piece = |piece: &String| event(kind, json!({"output_index": index, "content_index": 0, "delta": piece}));
                content.extend(answer.text.iter().map(piece));
                for (number, cited) in item["content"][0]["annotations"].as_array().into_iter().flatten().enumerate() {
                    let fields = json!({"output_index": index, "content_index": 0, "annotation_index": number, "annotation": cited});
                    content.push(event("response.output_text.annotation.added", fields));
                }
            }
            "function_call" => {
                let begun = json!({"type": "function_call", "call_id": item["call_id"], "name": item["name"], "arguments": ""});
                content.push(event("response.output_item.added", json!({"output_index": index, "item": begun})));
            }
            _ => {}
        }
        content.push(event("response.output_item.done", json!({"output_index": index, "item": item})));
    }
    let created = response(asked, answer, "in_progress", &[]);
    let end = if answer.length { "response.incomplete" } else { "response.completed" };
    Events {
        opening: vec![event("response.created", json!({"response": created}))],
        content,
        closing: vec![event(end, json!({"response": whole(asked, answer)}))],
    }
}
