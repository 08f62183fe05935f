//! The event stream of the Responses API.

use std::collections::VecDeque;

use super::decode::Reader;
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
            self.reader.answer(body.trim_ascii(), out)?;
        }
        if self.reader.is_done() { Ok(()) } else { Err(Error::cut()) }
    }

    fn is_done(&self) -> bool {
        self.reader.is_done()
    }
}

fn read_event(reader: &mut Reader, event: &[u8], data: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()> {
    match data.trim_ascii() {
        _ if reader.is_done() => Ok(()),
        b"" | b"null" => Ok(()),
        b"[DONE]" => reader.end(out),
        data if event == b"error" => Err(crate::protocols::openai_chat::error::from_event(data)),
        data => reader.event(event, data, out),
    }
}
