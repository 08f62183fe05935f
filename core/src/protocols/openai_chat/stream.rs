//! The event stream of chat completions.

use std::collections::VecDeque;

use super::decode::{Reader, Shape};
use crate::{
    error::{Error, Result},
    protocols::{Call, Decoder, framing::Events},
    types::ChatChunk,
};

/// Reads one streamed answer.
pub(super) struct Stream {
    reader: Reader,
    events: Events,
}

impl Stream {
    pub(super) fn new(call: &Call<'_>) -> Self {
        Self { reader: Reader::new(call), events: Events::new() }
    }
}

impl Decoder for Stream {
    fn push(&mut self, bytes: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
        self.events.push(bytes, |event, data| read_event(&mut self.reader, event, data, out))
    }

    fn finish(&mut self, out: &mut VecDeque<ChatChunk>) -> Result<()> {
        if let Some(body) = self.events.finish(|event, data| read_event(&mut self.reader, event, data, out))? {
            self.reader.read(Shape::Whole, body.trim_ascii(), out)?;
            return self.reader.end(out);
        }
        // Several hosts never send `[DONE]`; a finish reason is as good.
        if self.reader.is_done() || self.reader.is_finished() { self.reader.end(out) } else { Err(Error::cut()) }
    }

    fn is_done(&self) -> bool {
        self.reader.is_done()
    }
}

fn read_event(reader: &mut Reader, event: &[u8], data: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
    let mut data = data.trim_ascii();
    // Some hosts forget the empty line between two events.
    while let Some(end) = memchr::memchr(b'\n', data)
        && serde_json::from_slice::<serde::de::IgnoredAny>(&data[..end]).is_ok()
    {
        read_data(reader, event, &data[..end], out)?;
        data = data[end..].trim_ascii_start();
    }
    read_data(reader, event, data, out)
}

fn read_data(reader: &mut Reader, event: &[u8], data: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
    match data {
        _ if reader.is_done() => Ok(()),
        b"" | b"null" | b"[]" | br#""""# => Ok(()),
        br"[DONE]" | br#""[DONE]""# => reader.end(out),
        _ if event == b"ping" => Ok(()),
        _ if event == b"error" => Err(super::error::from_event(data)),
        _ => reader.read(Shape::Chunk, data, out),
    }
}
