//! Recorded answers as the same vendor might send them tomorrow: keys in another order, fields, parts and events that nobody
//! knows yet, counts written as floats or text, other line ends. None of it may change what the caller gets.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use junto::protocols::framing::Aws;
use junto_simulator::aws_frame;
use serde_json::{Map, Value, json};

/// The same answer in other words; which ones, the seed says.
pub(super) fn bent(body: &[u8], seed: u64) -> Vec<u8> {
    let mut bend = Bend(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let first = body.trim_ascii_start();
    if body.first() == Some(&0) {
        bend.frames(body)
    } else if let Ok(value) = serde_json::from_slice::<Value>(body) {
        bend.json(&value)
    } else if first.starts_with(b"{") {
        bend.lines(body)
    } else {
        bend.events(body)
    }
}

/// Its state makes the choices, the same ones each time.
struct Bend(u64);

/// What is the caller's own, or is compared as text.
const OPAQUE: &[&str] = &["arguments", "args", "input", "partialArgs", "logprobs", "logprobsResult", "metadata", "executed_tools"];

/// Lists of parts, each of which says what it is. (`output` too, but events number its items.)
const PARTS: &[&str] = &["content", "parts"];

/// What an answer can do without.
const OPTIONAL: &[&str] = &["object", "role", "sequence_number", "stop_sequence", "system_fingerprint", "content_filter_results", "p"];

/// Counts that are not called tokens.
const COUNTS: &[&str] = &["index", "output_index", "content_index", "contentBlockIndex", "created", "created_at"];

impl Bend {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn json(&mut self, value: &Value) -> Vec<u8> {
        let mut out = String::new();
        self.value("", value, &mut out);
        out.into_bytes()
    }

    fn value(&mut self, key: &str, value: &Value, out: &mut String) {
        match value {
            _ if OPAQUE.contains(&key) => out.push_str(&value.to_string()),
            Value::Object(fields) => self.object(fields, out),
            Value::Array(items) => self.array(key, items, out),
            Value::Number(number) if number.is_u64() && is_count(key) => match self.below(3) {
                0 => out.extend([&number.to_string(), ".0"]),
                1 => out.extend(["\"", &number.to_string(), "\""]),
                _ => out.push_str(&number.to_string()),
            },
            value => out.push_str(&value.to_string()),
        }
    }

    fn object(&mut self, fields: &Map<String, Value>, out: &mut String) {
        let mut fields: Vec<(&str, Value)> = fields.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        fields.retain(|(key, _)| !OPTIONAL.contains(key) || self.below(2) == 0);
        if self.below(2) == 0 {
            let odd = [json!(null), json!(true), json!(7), json!("a \"b\""), json!([[1], {}]), json!({"text": "no", "content": ["no"]})];
            fields.push(("x_future", odd[self.below(odd.len() as u64) as usize].clone()));
        }
        for last in (1..fields.len()).rev() {
            fields.swap(last, self.below(last as u64 + 1) as usize);
        }
        out.push('{');
        for (at, (key, value)) in fields.iter().enumerate() {
            out.push_str(if at == 0 { "" } else { ", " });
            out.push_str(&json!(key).to_string());
            out.push(':');
            self.value(key, value, out);
        }
        out.push('}');
    }

    fn array(&mut self, key: &str, items: &[Value], out: &mut String) {
        let is_parts = PARTS.contains(&key) && items.iter().all(Value::is_object);
        let new = is_parts.then(|| self.below(items.len() as u64 + 1) as usize);
        out.push('[');
        for at in 0..=items.len() {
            if new == Some(at) {
                out.push_str(r#"{"type":"future_part","futurePart":{"text":"no"},"id":"future_1"}"#);
                out.push_str(if at < items.len() { "," } else { "" });
            }
            if let Some(item) = items.get(at) {
                self.value("", item, out);
                let more = at + 1 < items.len() || new == Some(items.len());
                out.push_str(if more { "," } else { "" });
            }
        }
        out.push(']');
    }

    fn lines(&mut self, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for line in body.split_inclusive(|byte| *byte == b'\n') {
            match serde_json::from_slice::<Value>(line) {
                Ok(value) => out.extend([&self.json(&value)[..], b"\r\n"].concat()),
                Err(_) => out.extend_from_slice(line),
            }
        }
        out
    }

    fn events(&mut self, body: &[u8]) -> Vec<u8> {
        let end: &[u8] = [&b"\n"[..], b"\r\n", b"\r"][self.below(3) as usize];
        let mut out = Vec::new();
        for line in String::from_utf8_lossy(body).lines() {
            let data = line.strip_prefix("data:").and_then(|data| serde_json::from_str::<Value>(data).ok()).filter(Value::is_object);
            match data {
                Some(value) => {
                    out.extend_from_slice([&b"data:"[..], b"data: "][self.below(2) as usize]);
                    out.extend(self.json(&value));
                }
                None => out.extend_from_slice(line.as_bytes()),
            }
            out.extend_from_slice(end);
            if line.is_empty() {
                match self.below(6) {
                    0 => out.extend([b": a comment", end, end].concat()),
                    1 => out
                        .extend([b"event: future.event", end, br#"data: {"type":"future.event","note":{"text":"no"}}"#, end, end].concat()),
                    2 => out.extend([b"id: 7", end, b"retry: 100", end, end].concat()),
                    _ => {}
                }
            }
        }
        out
    }

    fn frames(&mut self, body: &[u8]) -> Vec<u8> {
        let (mut aws, mut out) = (Aws::new(), Vec::new());
        let read = aws.push(body, |frame| {
            let headers = [
                (if frame.message_type == "exception" { ":exception-type" } else { ":event-type" }, frame.kind),
                (":message-type", frame.message_type),
            ];
            out.extend(aws_frame(&headers, &self.payload(frame.payload)));
            if self.below(4) == 0 {
                out.extend(aws_frame(&[(":event-type", "futureEvent"), (":message-type", "event")], b"[1]"));
            }
            Ok(())
        });
        read.expect("recorded frames");
        out
    }

    fn payload(&mut self, payload: &[u8]) -> Vec<u8> {
        let Ok(value) = serde_json::from_slice::<Value>(payload) else { return payload.to_vec() };
        let inner = value["bytes"].as_str().and_then(|bytes| BASE64_STANDARD.decode(bytes).ok());
        match inner.and_then(|inner| serde_json::from_slice::<Value>(&inner).ok()) {
            Some(inner) => {
                let bytes = BASE64_STANDARD.encode(self.json(&inner));
                self.json(&json!({"bytes": bytes}))
            }
            None => self.json(&value),
        }
    }
}

fn is_count(key: &str) -> bool {
    COUNTS.contains(&key) || ["tokens", "Tokens", "TokenCount", "eval_count"].iter().any(|end| key.ends_with(end))
}
