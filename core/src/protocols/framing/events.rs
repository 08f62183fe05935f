//! The body of an answer that was asked for as events.

use super::Sse;

/// Events, or one JSON value: some hosts answer a streamed request in one piece, an error above all.
#[derive(Debug, Default)]
pub struct Events(Body);

#[derive(Debug, Default)]
enum Body {
    #[default]
    Unknown,
    Events(Sse),
    Whole(Vec<u8>),
}

impl Events {
    /// A reader at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a whole body is a row of events, though nobody asked for them.
    pub fn are_in(body: &[u8]) -> bool {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
        [&b"data:"[..], b"event:", b"id:", b"retry:", b":"].iter().any(|field| body.starts_with(field))
    }

    /// Reads what has arrived and calls `on(event, data)` for each complete event; stops at its first error.
    pub fn push<E>(&mut self, mut bytes: &[u8], on: impl FnMut(&[u8], &[u8]) -> Result<(), E>) -> Result<(), E> {
        if let Body::Unknown = self.0 {
            // White space before the first word belongs to neither.
            bytes = bytes.trim_ascii_start();
            let Some(first) = bytes.first() else { return Ok(()) };
            self.0 = if matches!(first, b'{' | b'[' | b'<') { Body::Whole(Vec::new()) } else { Body::Events(Sse::new()) };
        }
        match &mut self.0 {
            Body::Unknown => Ok(()),
            Body::Whole(body) => {
                body.extend_from_slice(bytes);
                Ok(())
            }
            Body::Events(sse) => sse.push(bytes, on),
        }
    }

    /// The stream ended: the last event goes to `on`, and a body that was no events is returned, unless a cut left
    /// half of either.
    pub fn finish<E>(&mut self, mut on: impl FnMut(&[u8], &[u8]) -> Result<(), E>) -> Result<Option<Vec<u8>>, E> {
        match std::mem::take(&mut self.0) {
            Body::Unknown => Ok(None),
            Body::Whole(body) => Ok(Some(body).filter(|body| !is_half(body))),
            Body::Events(mut sse) => sse.finish(|event, data| if is_half(data) { Ok(()) } else { on(event, data) }).map(|()| None),
        }
    }
}

/// Whether the text is JSON, or the word at the end, that breaks off.
fn is_half(data: &[u8]) -> bool {
    let is_word = data != b"[DONE]" && b"[DONE]".starts_with(data);
    is_word || matches!(data.trim_ascii_start().first(), Some(b'{' | b'[' | b'"')) && breaks_off(data)
}

/// Whether JSON ends before its end, be it inside a number.
fn breaks_off(json: &[u8]) -> bool {
    let is_cut = |json: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(json).is_err_and(|error| error.is_eof());
    is_cut(json) || matches!(json.last(), Some(b'.' | b'-' | b'+' | b'e' | b'E')) && is_cut(&[json, b"0"].concat())
}
