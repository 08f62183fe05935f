//! The event stream of chat completions.

use std::collections::VecDeque;

use super::decode::{Reader, Shape};
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

/// What the body turned out to be. Some hosts answer a streamed request with one JSON object, an error above all.
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
            Body::Whole(body) => self.reader.read(Shape::Whole, body.trim_ascii(), out)?,
            Body::Events(sse) => sse.finish(|event, data| read_event(&mut self.reader, event, data, out))?,
        }
        // Several hosts never send `[DONE]`; a finish reason is as good.
        if self.reader.is_done() || self.reader.is_finished() { self.reader.end(out) } else { Err(Error::cut()) }
    }

    fn is_done(&self) -> bool {
        self.reader.is_done()
    }
}

fn read_event(reader: &mut Reader, event: &[u8], data: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
    let data = data.trim_ascii();
    match data {
        _ if reader.is_done() => Ok(()),
        b"" => Ok(()),
        b"[DONE]" => reader.end(out),
        _ if event == b"error" => Err(super::error::from_event(data)),
        _ => reader.read(Shape::Chunk, data, out),
    }
}
