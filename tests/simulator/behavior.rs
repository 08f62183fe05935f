//! What the simulator does with a request.
//!
//! Belongs here: behaviours and their text form. Does not belong here: how a vendor words them (`wire`).

use std::{str::FromStr, time::Duration};

/// How one request is answered.
#[derive(Clone, Debug, Default)]
pub struct Behavior {
    /// The HTTP status, where it is not 200.
    pub status: Option<u16>,
    /// The vendor's own error code, where it says more than the status: `context_length` or `content_filter`.
    pub reason: Option<String>,
    /// Headers of the answer.
    pub headers: Vec<(String, String)>,
    /// Time until the head of the answer.
    pub latency: Duration,
    /// Time from the head to the first content of a stream.
    pub ttft: Duration,
    /// Speed of a stream; absent: flat out.
    pub tokens_per_second: Option<f64>,
    /// What is said.
    pub content: Content,
    /// What goes wrong.
    pub fault: Option<Fault>,
}

/// What an answer says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Content {
    /// A short text.
    #[default]
    Text,
    /// A text of this many pieces.
    Chunks(usize),
    /// Nothing at all.
    Empty,
    /// A refusal, as the vendor's safety system words it.
    Refusal,
    /// Reasoning, then a short text.
    Thinking,
    /// A JSON object, `{"city": "Oslo", "days": 3}`.
    Json,
    /// Calls of this many tools, after a short text; a short text where the last message is a tool's result.
    Tools(usize),
    /// A text stopped by the token limit.
    Length,
}

/// What goes wrong with an answer. Counts are content-bearing events that still arrive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The connection breaks after this many pieces.
    Cut(usize),
    /// The body ends as if it were complete, without the vendor's terminal event.
    Truncate(usize),
    /// After this many pieces comes one that does not parse.
    Malformed(usize),
    /// After this many pieces nothing more comes, and the connection stays open.
    Stall(usize),
    /// After this many pieces comes the vendor's error event.
    ErrorEvent(usize),
    /// The status is 200, the body is the vendor's error.
    ErrorIn200,
    /// The status is 200, the body is a web page.
    Html,
    /// The connection is reset before any answer.
    Reset,
    /// No answer at all comes, and the connection stays open.
    Silence,
    /// Everything is said, but the body of a stream does not end.
    Linger,
}

impl Behavior {
    /// A short, complete, correct answer.
    pub fn ok() -> Self {
        Self::default()
    }

    /// The vendor's error of this status.
    pub fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// An answer that fails like this.
    pub fn fault(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::default() }
    }

    /// An answer that says this.
    pub fn content(content: Content) -> Self {
        Self { content, ..Self::default() }
    }

    /// With this `Retry-After`: seconds or a date.
    pub fn retry_after(self, value: &str) -> Self {
        self.header("retry-after", value)
    }

    /// With this header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this vendor code: `context_length` or `content_filter`.
    pub fn reason(mut self, reason: &str) -> Self {
        self.reason = Some(reason.to_owned());
        self
    }

    /// With this time until the head of the answer.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// With this time from the head to the first content.
    pub fn ttft(mut self, ttft: Duration) -> Self {
        self.ttft = ttft;
        self
    }

    /// With this speed.
    pub fn tokens_per_second(mut self, speed: f64) -> Self {
        self.tokens_per_second = Some(speed);
        self
    }

    /// Saying this.
    pub fn saying(mut self, content: Content) -> Self {
        self.content = content;
        self
    }
}

/// The text form: `status=503,retry-after=2`, see the README.
impl FromStr for Behavior {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut behavior = Self::ok();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (name, value) = item.split_once('=').unwrap_or((item, ""));
            let count = || if value.is_empty() { Ok(1) } else { value.parse::<usize>().map_err(|_| format!("`{item}`: not a count")) };
            let time = || duration(value).ok_or_else(|| format!("`{item}`: not a time such as 200ms or 2s"));
            match name {
                "ok" => {}
                "status" => behavior.status = Some(value.parse().map_err(|_| format!("`{item}`: not a status"))?),
                "reason" => behavior.reason = Some(value.to_owned()),
                "retry-after" => behavior = behavior.retry_after(value),
                "latency" => behavior.latency = time()?,
                "ttft" => behavior.ttft = time()?,
                "tps" => behavior.tokens_per_second = Some(value.parse().map_err(|_| format!("`{item}`: not a number"))?),
                "chunks" => behavior.content = Content::Chunks(count()?),
                "tools" => behavior.content = Content::Tools(count()?),
                "json" => behavior.content = Content::Json,
                "thinking" => behavior.content = Content::Thinking,
                "refusal" => behavior.content = Content::Refusal,
                "empty" => behavior.content = Content::Empty,
                "length" => behavior.content = Content::Length,
                "cut" => behavior.fault = Some(Fault::Cut(count()?)),
                "truncate" => behavior.fault = Some(Fault::Truncate(count()?)),
                "malformed" => behavior.fault = Some(Fault::Malformed(count()?)),
                "stall" => behavior.fault = Some(Fault::Stall(count()?)),
                "error-event" => behavior.fault = Some(Fault::ErrorEvent(count()?)),
                "error-in-200" => behavior.fault = Some(Fault::ErrorIn200),
                "html" => behavior.fault = Some(Fault::Html),
                "reset" => behavior.fault = Some(Fault::Reset),
                "linger" => behavior.fault = Some(Fault::Linger),
                "silence" => behavior.fault = Some(Fault::Silence),
                _ => return Err(format!("the simulator knows no behaviour `{name}`")),
            }
        }
        Ok(behavior)
    }
}

fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form() {
        let behavior: Behavior = "status=429, retry-after=2, latency=150ms".parse().unwrap();
        assert_eq!((behavior.status, behavior.latency), (Some(429), Duration::from_millis(150)));
        assert_eq!(behavior.headers, [("retry-after".to_owned(), "2".to_owned())]);
        assert_eq!("cut=3".parse::<Behavior>().unwrap().fault, Some(Fault::Cut(3)));
        assert!("explode".parse::<Behavior>().unwrap_err().contains("explode"));
    }
}
