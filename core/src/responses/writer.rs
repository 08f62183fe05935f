//! The answer as events, and the response object at their end. A whole answer is written as a stream of one piece, so
//! both say the same.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{request::Asked, sealed::seal};
use crate::{
    error::ErrorBody,
    types::{
        Annotation, ChatChunk, ChatResponse, ChunkChoice, FinishReason, FunctionDelta, ImageOutput, ReasoningDetail, Routing,
        ToolCallDelta, Usage, fold_details,
    },
};

/// One event of a streamed response, as JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct ResponseEvent {
    kind: &'static str,
    json: String,
}

impl ResponseEvent {
    /// Its type, for instance `response.output_text.delta`.
    pub fn event_type(&self) -> &'static str {
        self.kind
    }

    /// The whole event as JSON: `{type, sequence_number, ..}`.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The event as a server sends it: `event:`, `data:`, an empty line.
    pub fn to_sse(&self) -> String {
        format!("event: {}\ndata: {}\n\n", self.kind, self.json)
    }
}

type Out = VecDeque<ResponseEvent>;

/// Writes the events of one answer.
pub(crate) struct Writer {
    echo: Map<String, Value>,
    encrypted: bool,
    sequence: u64,
    head: Option<Head>,
    /// Finished items by their places; `Null` where one is still open.
    items: Vec<Value>,
    open: Vec<Open>,
    /// Blocks that only their issuer reads and that came when their item was closed.
    late: Vec<ReasoningDetail>,
    finish: Option<FinishReason>,
    usage: Option<Box<Usage>>,
    routing: Option<Box<Routing>>,
    service_tier: Option<String>,
    error: Option<Box<ErrorBody>>,
    done: bool,
}

/// What every response object repeats.
struct Head {
    id: String,
    /// What the ids of items end in.
    tail: String,
    created: u64,
    model: String,
    provider: String,
}

/// An item that is being written.
struct Open {
    place: usize,
    id: String,
    kind: Kind,
}

enum Kind {
    Message(Message),
    Reasoning(Reasoning),
    Call(Call),
}

#[derive(Default)]
struct Message {
    /// Finished parts.
    content: Vec<Value>,
    part: Option<MessagePart>,
}

struct MessagePart {
    refusal: bool,
    text: String,
    annotations: Vec<Value>,
    logprobs: Vec<Value>,
}

#[derive(Default)]
struct Reasoning {
    parts: Vec<ReasoningPart>,
    details: Vec<ReasoningDetail>,
}

/// One part of the summary or of the text.
struct ReasoningPart {
    summary: bool,
    /// Which block of the chunks it is.
    block: Option<u32>,
    text: String,
}

struct Call {
    index: u32,
    call_id: String,
    name: String,
    arguments: String,
    extra_content: Option<Value>,
}

/// The event of every token: written without a tree of JSON.
#[derive(Serialize)]
struct TextDelta<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    sequence_number: u64,
    item_id: &'a str,
    output_index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary_index: Option<usize>,
    delta: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<&'a [Value]>,
}

impl Writer {
    pub(crate) fn new(asked: &Asked) -> Self {
        Self {
            echo: asked.echo.clone(),
            encrypted: asked.encrypted,
            sequence: 0,
            head: None,
            items: Vec::new(),
            open: Vec::new(),
            late: Vec::new(),
            finish: None,
            usage: None,
            routing: None,
            service_tier: None,
            error: None,
            done: false,
        }
    }

    /// The response object of a whole answer.
    pub(crate) fn whole(mut self, answer: ChatResponse) -> String {
        let mut out = Out::new();
        self.push(one_chunk(answer), &mut out);
        self.finish(&mut out);
        self.response(self.status()).to_string()
    }

    /// Writes what a chunk brings.
    pub(crate) fn push(&mut self, chunk: ChatChunk, out: &mut Out) {
        self.begin(&chunk, out);
        for choice in chunk.choices.into_iter().filter(|choice| choice.index == 0) {
            let ChunkChoice { delta, finish_reason, logprobs, .. } = choice;
            self.reasoning(delta.reasoning, delta.reasoning_details, out);
            if let Some(text) = delta.content.filter(|text| !text.is_empty()) {
                let logprobs = logprobs.as_ref().and_then(|logprobs| logprobs.get("content")).and_then(Value::as_array);
                self.text(&text, false, logprobs.map(Vec::as_slice), out);
            }
            if let Some(text) = delta.refusal.filter(|text| !text.is_empty()) {
                self.text(&text, true, None, out);
            }
            delta.annotations.into_iter().for_each(|annotation| self.annotation(annotation, out));
            delta.tool_calls.into_iter().for_each(|call| self.call(call, out));
            delta.images.into_iter().for_each(|image| self.image(image, out));
            self.finish = finish_reason.or(self.finish);
        }
        self.usage = chunk.usage.or(self.usage.take());
        self.routing = chunk.routing.or(self.routing.take());
        self.service_tier = chunk.service_tier.or(self.service_tier.take());
        if chunk.error.is_some() {
            self.error = chunk.error;
            self.finish(out);
        }
    }

    /// Closes what is open and writes how it ended.
    pub(crate) fn finish(&mut self, out: &mut Out) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        while !self.open.is_empty() {
            self.close(0, out);
        }
        let late = std::mem::take(&mut self.late);
        if !late.is_empty() {
            let at = self.open("rs", Kind::Reasoning(Reasoning { parts: Vec::new(), details: late }), out);
            self.close(at, out);
        }
        let searches =
            self.usage.as_ref().and_then(|usage| usage.server_tool_use_details.as_ref()).and_then(|tools| tools.web_search_requests);
        for _ in 0..searches.unwrap_or(0) {
            self.search(out);
        }
        let status = self.status();
        let kind = match status {
            "completed" => "response.completed",
            "incomplete" => "response.incomplete",
            _ => "response.failed",
        };
        let response = self.response(status);
        self.event(kind, json!({"response": response}), out);
    }

    fn status(&self) -> &'static str {
        match self.finish {
            _ if self.error.is_some() => "failed",
            Some(FinishReason::Error) => "failed",
            Some(FinishReason::Length | FinishReason::ContentFilter) => "incomplete",
            _ => "completed",
        }
    }

    fn begin(&mut self, chunk: &ChatChunk, out: &mut Out) {
        if self.head.is_some() {
            return;
        }
        let tail: String = chunk.id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_').collect();
        let tail = tail.strip_prefix("resp_").unwrap_or(&tail).to_owned();
        self.head = Some(Head {
            id: format!("resp_{tail}"),
            tail,
            created: chunk.created,
            model: chunk.model.to_string(),
            provider: chunk.provider.to_string(),
        });
        for kind in ["response.created", "response.in_progress"] {
            let response = self.response("in_progress");
            self.event(kind, json!({"response": response}), out);
        }
    }

    /// The response object as far as it is known.
    fn response(&self, status: &str) -> Value {
        let mut response = self.echo.clone();
        let mut put = |field: &str, value: Value| response.insert(field.to_owned(), value);
        if let Some(head) = &self.head {
            put("id", head.id.as_str().into());
            put("created_at", head.created.into());
            put("model", head.model.as_str().into());
            put("provider", head.provider.as_str().into());
        }
        let reason = match self.finish {
            Some(FinishReason::Length) => Some("max_output_tokens"),
            Some(FinishReason::ContentFilter) => Some("content_filter"),
            _ => None,
        };
        put("object", "response".into());
        put("status", status.into());
        put("error", self.error.as_deref().map(error).unwrap_or_default());
        put("incomplete_details", reason.filter(|_| status == "incomplete").map(|reason| json!({"reason": reason})).unwrap_or_default());
        put("output", self.items.iter().filter(|item| !item.is_null()).cloned().collect());
        put("usage", self.usage.as_deref().and_then(usage).unwrap_or_default());
        if let Some(tier) = &self.service_tier {
            put("service_tier", tier.as_str().into());
        }
        if let Some(routing) = &self.routing {
            put("routing", json!(routing));
        }
        Value::Object(response)
    }

    fn event(&mut self, kind: &'static str, fields: Value, out: &mut Out) {
        let mut event = Map::new();
        event.insert("type".to_owned(), kind.into());
        event.insert("sequence_number".to_owned(), self.sequence.into());
        if let Value::Object(fields) = fields {
            event.extend(fields);
        }
        self.sequence += 1;
        out.push_back(ResponseEvent { kind, json: Value::Object(event).to_string() });
    }

    /// Announces an item; its place among those that are open.
    fn open(&mut self, prefix: &str, kind: Kind, out: &mut Out) -> usize {
        let place = self.items.len();
        let id = self.item_id(prefix, place);
        self.items.push(Value::Null);
        let open = Open { place, id, kind };
        let item = self.item(&open, "in_progress");
        self.event("response.output_item.added", json!({"output_index": place, "item": item}), out);
        self.open.push(open);
        self.open.len() - 1
    }

    fn item_id(&self, prefix: &str, place: usize) -> String {
        let tail = self.head.as_ref().map_or("", |head| &head.tail);
        format!("{prefix}_{tail}_{place}")
    }

    /// Ends the item at this place among those that are open.
    fn close(&mut self, at: usize, out: &mut Out) {
        let mut open = self.open.remove(at);
        match &mut open.kind {
            Kind::Message(_) => self.close_message_part(&mut open, out),
            Kind::Reasoning(_) => self.close_reasoning_part(&open, out),
            Kind::Call(call) => {
                if call.arguments.is_empty() {
                    call.arguments.push_str("{}");
                }
                let fields = json!({"item_id": open.id, "output_index": open.place, "name": call.name, "arguments": call.arguments});
                self.event("response.function_call_arguments.done", fields, out);
            }
        }
        let cut = self.status() != "completed" && self.done && self.open.is_empty();
        let item = self.item(&open, if cut { "incomplete" } else { "completed" });
        self.event("response.output_item.done", json!({"output_index": open.place, "item": item}), out);
        self.items[open.place] = item;
    }

    /// An item as it stands.
    fn item(&self, open: &Open, status: &str) -> Value {
        match &open.kind {
            Kind::Message(message) => {
                json!({"id": open.id, "type": "message", "role": "assistant", "status": status, "content": message.content})
            }
            Kind::Call(call) => {
                let mut item = json!({"id": open.id, "type": "function_call", "status": status, "call_id": call.call_id,
                    "name": call.name, "arguments": call.arguments});
                if let Some(extra) = &call.extra_content {
                    item["extra_content"] = extra.clone();
                }
                item
            }
            Kind::Reasoning(reasoning) => {
                let parts = |summary: bool, kind: &str| -> Vec<Value> {
                    let parts = reasoning.parts.iter().filter(|part| part.summary == summary);
                    parts.map(|part| json!({"type": kind, "text": part.text})).collect()
                };
                let mut item = json!({"id": open.id, "type": "reasoning", "summary": parts(true, "summary_text")});
                let content = parts(false, "reasoning_text");
                if !content.is_empty() {
                    item["content"] = content.into();
                }
                // Signed blocks must come back as they are, or the conversation cannot go on.
                if self.encrypted && !reasoning.details.is_empty() || reasoning.details.iter().any(ReasoningDetail::is_signed) {
                    item["encrypted_content"] = seal(&reasoning.details).into();
                }
                item
            }
        }
    }

    /// The place of the open item of this kind, after what must end before it.
    fn find(&mut self, is_it: impl Fn(&Kind) -> bool, out: &mut Out) -> Option<usize> {
        let found = self.open.iter().position(|open| is_it(&open.kind));
        if found.is_none() {
            while !self.open.is_empty() {
                self.close(0, out);
            }
        }
        found
    }

    fn text(&mut self, text: &str, refusal: bool, logprobs: Option<&[Value]>, out: &mut Out) {
        let at = self.message(refusal, out);
        let Some(Open { place, id, kind: Kind::Message(message) }) = self.open.get_mut(at) else { return };
        let content_index = message.content.len();
        if let Some(part) = &mut message.part {
            part.text.push_str(text);
            part.logprobs.extend_from_slice(logprobs.unwrap_or_default());
        }
        let kind = if refusal { "response.refusal.delta" } else { "response.output_text.delta" };
        let delta = TextDelta {
            kind,
            sequence_number: self.sequence,
            item_id: id,
            output_index: *place,
            content_index: Some(content_index),
            summary_index: None,
            delta: text,
            logprobs: (!refusal).then_some(logprobs.unwrap_or_default()),
        };
        let json = serde_json::to_string(&delta).unwrap_or_default();
        self.sequence += 1;
        out.push_back(ResponseEvent { kind, json });
    }

    /// The open message, at a part of text or of refusal.
    fn message(&mut self, refusal: bool, out: &mut Out) -> usize {
        let at = match self.find(|kind| matches!(kind, Kind::Message(_)), out) {
            Some(at) => at,
            None => self.open("msg", Kind::Message(Message::default()), out),
        };
        let part = |open: &Open| match &open.kind {
            Kind::Message(message) => message.part.as_ref().map(|part| part.refusal),
            _ => None,
        };
        if part(&self.open[at]) == Some(refusal) {
            return at;
        }
        let mut open = self.open.remove(at);
        self.close_message_part(&mut open, out);
        if let Kind::Message(message) = &mut open.kind {
            let part = MessagePart { refusal, text: String::new(), annotations: Vec::new(), logprobs: Vec::new() };
            let fields = json!({"item_id": open.id, "output_index": open.place, "content_index": message.content.len(),
                "part": part.json()});
            self.event("response.content_part.added", fields, out);
            message.part = Some(part);
        }
        self.open.insert(at, open);
        at
    }

    fn close_message_part(&mut self, open: &mut Open, out: &mut Out) {
        let Kind::Message(message) = &mut open.kind else { return };
        let Some(part) = message.part.take() else { return };
        let place = json!({"item_id": open.id, "output_index": open.place, "content_index": message.content.len()});
        let with = |field: &str, value: Value| {
            let mut fields = place.clone();
            fields[field] = value;
            fields
        };
        if part.refusal {
            self.event("response.refusal.done", with("refusal", part.text.as_str().into()), out);
        } else {
            let mut fields = with("text", part.text.as_str().into());
            fields["logprobs"] = part.logprobs.clone().into();
            self.event("response.output_text.done", fields, out);
        }
        self.event("response.content_part.done", with("part", part.json()), out);
        message.content.push(part.json());
    }

    fn annotation(&mut self, annotation: Annotation, out: &mut Out) {
        let Annotation::UrlCitation { url_citation } = annotation;
        let mut annotation = json!(url_citation);
        annotation["type"] = "url_citation".into();
        let at = self.message(false, out);
        let Some(Open { place, id, kind: Kind::Message(message) }) = self.open.get_mut(at) else { return };
        let content_index = message.content.len();
        let Some(part) = &mut message.part else { return };
        part.annotations.push(annotation.clone());
        let fields = json!({"item_id": id, "output_index": place, "content_index": content_index,
            "annotation_index": part.annotations.len() - 1, "annotation": annotation});
        self.event("response.output_text.annotation.added", fields, out);
    }

    fn reasoning(&mut self, text: Option<String>, details: Vec<ReasoningDetail>, out: &mut Out) {
        let details = if details.is_empty() {
            text.filter(|text| !text.is_empty())
                .map(|text| ReasoningDetail { index: Some(0), ..ReasoningDetail::text(text) })
                .into_iter()
                .collect()
        } else {
            details
        };
        for detail in details {
            let says = detail.text.as_deref().or(detail.summary.as_deref()).filter(|text| !text.is_empty()).map(str::to_owned);
            let is_open = self.open.iter().any(|open| matches!(open.kind, Kind::Reasoning(_)));
            // A signature alone does not interrupt a message.
            if says.is_none() && !is_open && !self.open.is_empty() {
                fold_details(&mut self.late, vec![detail]);
                continue;
            }
            let at = match self.find(|kind| matches!(kind, Kind::Reasoning(_)), out) {
                Some(at) => at,
                None => self.open("rs", Kind::Reasoning(Reasoning::default()), out),
            };
            if let Some(text) = says {
                self.reasoning_text(at, detail.summary.is_some(), detail.index, &text, out);
            }
            if let Some(Open { kind: Kind::Reasoning(reasoning), .. }) = self.open.get_mut(at) {
                fold_details(&mut reasoning.details, vec![detail]);
            }
        }
    }

    fn reasoning_text(&mut self, at: usize, summary: bool, block: Option<u32>, text: &str, out: &mut Out) {
        let goes_on = match self.open.get(at).map(|open| &open.kind) {
            Some(Kind::Reasoning(reasoning)) => reasoning.parts.last().is_some_and(|part| part.summary == summary && part.block == block),
            _ => return,
        };
        let mut open = self.open.remove(at);
        if !goes_on {
            self.close_reasoning_part(&open, out);
            if let Kind::Reasoning(reasoning) = &mut open.kind {
                reasoning.parts.push(ReasoningPart { summary, block, text: String::new() });
                let (kind, part) = if summary {
                    ("response.reasoning_summary_part.added", json!({"type": "summary_text", "text": ""}))
                } else {
                    ("response.content_part.added", json!({"type": "reasoning_text", "text": ""}))
                };
                let mut fields = reasoning.place(&open.id, open.place);
                fields["part"] = part;
                self.event(kind, fields, out);
            }
        }
        if let Kind::Reasoning(reasoning) = &mut open.kind {
            let index = reasoning.part_index();
            let kind = if summary { "response.reasoning_summary_text.delta" } else { "response.reasoning_text.delta" };
            let delta = TextDelta {
                kind,
                sequence_number: self.sequence,
                item_id: &open.id,
                output_index: open.place,
                content_index: (!summary).then_some(index),
                summary_index: summary.then_some(index),
                delta: text,
                logprobs: None,
            };
            let json = serde_json::to_string(&delta).unwrap_or_default();
            self.sequence += 1;
            out.push_back(ResponseEvent { kind, json });
            if let Some(part) = reasoning.parts.last_mut() {
                part.text.push_str(text);
            }
        }
        self.open.insert(at, open);
    }

    fn close_reasoning_part(&mut self, open: &Open, out: &mut Out) {
        let Kind::Reasoning(reasoning) = &open.kind else { return };
        let Some(part) = reasoning.parts.last() else { return };
        let (text_done, part_done, kind) = if part.summary {
            ("response.reasoning_summary_text.done", "response.reasoning_summary_part.done", "summary_text")
        } else {
            ("response.reasoning_text.done", "response.content_part.done", "reasoning_text")
        };
        let mut fields = reasoning.place(&open.id, open.place);
        let mut done = fields.clone();
        fields["text"] = part.text.as_str().into();
        self.event(text_done, fields, out);
        done["part"] = json!({"type": kind, "text": part.text});
        self.event(part_done, done, out);
    }

    fn call(&mut self, piece: ToolCallDelta, out: &mut Out) {
        let ToolCallDelta { index, id, function: FunctionDelta { name, arguments }, extra_content, .. } = piece;
        let known = self.open.iter().position(|open| matches!(&open.kind, Kind::Call(call) if call.index == index));
        let at = match known {
            Some(at) => at,
            None => {
                // Everything else ends here, and so does a call before it, unless its arguments are still half.
                let mut at = 0;
                while at < self.open.len() {
                    let is_half = |call: &Call| serde_json::from_str::<serde::de::IgnoredAny>(&call.arguments).is_err();
                    match &self.open[at].kind {
                        Kind::Call(call) if !call.arguments.is_empty() && is_half(call) => at += 1,
                        _ => self.close(at, out),
                    }
                }
                let call = Call {
                    index,
                    call_id: id.unwrap_or_default(),
                    name: name.unwrap_or_default(),
                    arguments: String::new(),
                    extra_content: None,
                };
                self.open("fc", Kind::Call(call), out)
            }
        };
        let Some(Open { place, id, kind: Kind::Call(call) }) = self.open.get_mut(at) else { return };
        call.extra_content = extra_content.or(call.extra_content.take());
        let Some(arguments) = arguments.filter(|arguments| !arguments.is_empty()) else { return };
        call.arguments.push_str(&arguments);
        let kind = "response.function_call_arguments.delta";
        let delta = TextDelta {
            kind,
            sequence_number: self.sequence,
            item_id: id,
            output_index: *place,
            content_index: None,
            summary_index: None,
            delta: &arguments,
            logprobs: None,
        };
        let json = serde_json::to_string(&delta).unwrap_or_default();
        self.sequence += 1;
        out.push_back(ResponseEvent { kind, json });
    }

    /// An item that comes whole.
    fn ready(&mut self, item: Value, out: &mut Out) {
        let place = self.items.len();
        self.event("response.output_item.added", json!({"output_index": place, "item": item}), out);
        self.event("response.output_item.done", json!({"output_index": place, "item": item}), out);
        self.items.push(item);
    }

    fn image(&mut self, image: ImageOutput, out: &mut Out) {
        let ImageOutput::ImageUrl { image_url } = image;
        self.find(|_| false, out);
        let data = image_url.url.split_once(";base64,").map_or(image_url.url.as_str(), |(_, data)| data);
        let id = self.item_id("ig", self.items.len());
        self.ready(json!({"id": id, "type": "image_generation_call", "status": "completed", "result": data}), out);
    }

    /// A search that the vendor ran. What it searched for, chat answers do not say.
    fn search(&mut self, out: &mut Out) {
        let id = self.item_id("ws", self.items.len());
        let action = json!({"type": "search", "query": ""});
        self.ready(json!({"id": id, "type": "web_search_call", "status": "completed", "action": action}), out);
    }
}

impl MessagePart {
    fn json(&self) -> Value {
        if self.refusal {
            json!({"type": "refusal", "refusal": self.text})
        } else {
            json!({"type": "output_text", "text": self.text, "annotations": self.annotations, "logprobs": self.logprobs})
        }
    }
}

impl Reasoning {
    /// The place of the last part among those of its kind.
    fn part_index(&self) -> usize {
        let summary = self.parts.last().is_some_and(|part| part.summary);
        self.parts.iter().filter(|part| part.summary == summary).count().saturating_sub(1)
    }

    /// Where the last part stands.
    fn place(&self, id: &str, place: usize) -> Value {
        let field = if self.parts.last().is_some_and(|part| part.summary) { "summary_index" } else { "content_index" };
        let mut fields = json!({"item_id": id, "output_index": place});
        fields[field] = self.part_index().into();
        fields
    }
}

/// Usage in the words of this API. Its schema wants numbers for the details, so an unknown one is 0 there.
fn usage(usage: &Usage) -> Option<Value> {
    let (input, output) = (usage.prompt_tokens?, usage.completion_tokens?);
    let prompt = usage.prompt_tokens_details.clone().unwrap_or_default();
    let completion = usage.completion_tokens_details.clone().unwrap_or_default();
    Some(json!({
        "input_tokens": input,
        "input_tokens_details": {
            "cached_tokens": prompt.cached_tokens.unwrap_or(0),
            "cache_write_tokens": prompt.cache_write_tokens.unwrap_or(0),
        },
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": completion.reasoning_tokens.unwrap_or(0)},
        "total_tokens": usage.total_tokens.unwrap_or(input + output),
        "cost": usage.cost,
        "cost_details": usage.cost_details,
    }))
}

/// A failure in the words of this API, with ours beside it.
fn error(body: &ErrorBody) -> Value {
    let code = if body.code == "rate_limit_exceeded" { "rate_limit_exceeded" } else { "server_error" };
    json!({"code": code, "message": body.message, "type": body.error_type, "metadata": body.metadata})
}

/// A whole answer as one chunk.
fn one_chunk(answer: ChatResponse) -> ChatChunk {
    let choices = answer.choices.into_iter().map(|choice| ChunkChoice {
        index: choice.index,
        delta: choice.message.into(),
        finish_reason: choice.finish_reason,
        logprobs: choice.logprobs,
        native_finish_reason: None,
    });
    ChatChunk {
        usage: (!answer.usage.is_empty()).then(|| Box::new(answer.usage)),
        service_tier: answer.service_tier,
        routing: answer.routing.map(Box::new),
        ..ChatChunk::of([&answer.id.into(), &answer.model.into(), &answer.provider.into()], answer.created, choices.collect())
    }
}
