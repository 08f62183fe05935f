//! The event stream of the Responses API.

use std::collections::VecDeque;

use super::decode::Reader;
use crate::{
    error::{Error, Result},
    protocols::{Call, Decoder, framing::Sse},
    types::ChatChunk,
};

/// Reads one streamed answer.
pub(super) struct Stream {
    reader: Reader,
    body: Body,
}

/// What the body turned out to be: events, or one JSON object, an error above all.
enum Body {
    Unknown,
    Events(Sse),
    Whole(Vec<u8>),
}

impl Stream {
    pub(super) fn new(call: &Call<'_>) -> Self {
        Self { reader: Reader::new(call), body: Body::Unknown }
    }
}

impl Decoder for Stream {
    fn push(&mut self, bytes: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        if let Body::Unknown = self.body {
            let Some(first) = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) else { return Ok(()) };
            self.body = if matches!(first, b'{' | b'[' | b'<') { Body::Whole(Vec::new()) } else { Body::Events(Sse::new()) };
        }
        match &mut self.body {
            Body::Unknown => Ok(()),
            Body::Whole(body) => {
                body.extend_from_slice(bytes);
                Ok(())
            }
            Body::Events(sse) => sse.push(bytes, |event, data| read_event(&mut self.reader, event, data, out)),
        }
    }

    fn finish(&mut self, out: &mut VecDeque<ChatChunk>) -> Result<()> {
        match &mut self.body {
            Body::Unknown => {}
            Body::Whole(body) => self.reader.answer(body.trim_ascii(), out)?,
            Body::Events(sse) => sse.finish(|event, data| read_event(&mut self.reader, event, data, out))?,
        }
        if self.reader.is_done() { Ok(()) } else { Err(Error::cut()) }
    }

    fn is_done(&self) -> bool {
        self.reader.is_done()
    }
}

fn read_event(reader: &mut Reader, event: &[u8], data: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
    match data.trim_ascii() {
        b"" | b"[DONE]" => Ok(()),
        _ if reader.is_done() => Ok(()),
        data if event == b"error" => Err(crate::protocols::openai_chat::error::from_event(data)),
        data => reader.event(data, out),
    }
}
