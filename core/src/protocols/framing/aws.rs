//! AWS event streams: binary frames, `application/vnd.amazon.eventstream`.
//!
//! A frame is: total length, header length, CRC-32 of those two; headers; payload; CRC-32 of all before it. Numbers are
//! big-endian.

use crate::error::{Error, Result};

const PRELUDE: usize = 12;
const TRAILER: usize = 4;
/// AWS allows 16 MiB of payload and 128 KiB of headers; more means that this is not a frame.
const LIMIT: usize = (16 << 20) + (128 << 10) + PRELUDE + TRAILER;

/// Splits bytes into frames and checks both checksums of each.
#[derive(Debug, Default)]
pub struct Aws {
    /// The begin of a frame that has not fully arrived.
    rest: Vec<u8>,
}

/// One frame. A header that is absent or not text is empty.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Frame<'a> {
    /// `event`, `exception` or `error`.
    pub message_type: &'a str,
    /// The event's type, or the exception's, or the error's code.
    pub kind: &'a str,
    /// The message of an `error` frame.
    pub error_message: &'a str,
    /// The payload; JSON in every Bedrock stream.
    pub payload: &'a [u8],
}

impl Aws {
    /// A reader at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads what has arrived and calls `on` for each complete frame; stops at its first error.
    pub fn push(&mut self, mut bytes: &[u8], mut on: impl FnMut(Frame<'_>) -> Result<()>) -> Result<()> {
        while !self.rest.is_empty() {
            let wanted = frame_len(&self.rest)?.unwrap_or(PRELUDE);
            let missing = wanted.saturating_sub(self.rest.len());
            if missing == 0 {
                let frame = std::mem::take(&mut self.rest);
                on(parse(&frame)?)?;
                break;
            }
            if bytes.is_empty() {
                return Ok(());
            }
            let (head, tail) = bytes.split_at(missing.min(bytes.len()));
            self.rest.extend_from_slice(head);
            bytes = tail;
        }
        while let Some(len) = frame_len(bytes)?
            && let Some((frame, tail)) = bytes.split_at_checked(len)
        {
            bytes = tail;
            on(parse(frame)?)?;
        }
        self.rest.extend_from_slice(bytes);
        Ok(())
    }

    /// The stream ended; an error where it ended inside a frame.
    pub fn finish(&self) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(Error::cut()) }
    }
}

/// The length of the frame that begins here, once its prelude is in.
fn frame_len(bytes: &[u8]) -> Result<Option<usize>> {
    let (Some(total), Some(headers), Some(crc)) = (number(bytes, 0), number(bytes, 4), number(bytes, 8)) else { return Ok(None) };
    if crc32fast::hash(&bytes[..8]) != crc {
        return Err(broken("the checksum of its prelude is wrong"));
    }
    let (total, headers) = (total as usize, headers as usize);
    if !(PRELUDE + TRAILER..=LIMIT).contains(&total) || headers > total - PRELUDE - TRAILER {
        return Err(broken("its lengths are impossible"));
    }
    Ok(Some(total))
}

/// A frame whose length has been checked.
fn parse(bytes: &[u8]) -> Result<Frame<'_>> {
    let body_end = bytes.len() - TRAILER;
    if number(bytes, body_end) != Some(crc32fast::hash(&bytes[..body_end])) {
        return Err(broken("the checksum of the message is wrong"));
    }
    let headers_end = PRELUDE + number(bytes, 4).unwrap_or_default() as usize;
    let mut frame = Frame { payload: &bytes[headers_end..body_end], ..Frame::default() };
    let mut headers = &bytes[PRELUDE..headers_end];
    while !headers.is_empty() {
        let (name, value) = header(&mut headers).ok_or_else(|| broken("its headers are malformed"))?;
        match name {
            b":message-type" => frame.message_type = value,
            b":event-type" | b":exception-type" | b":error-code" => frame.kind = value,
            b":error-message" => frame.error_message = value,
            _ => {}
        }
    }
    Ok(frame)
}

/// The next header; only text has a value here.
fn header<'a>(bytes: &mut &'a [u8]) -> Option<(&'a [u8], &'a str)> {
    let mut take = |len: usize| {
        let (head, tail) = bytes.split_at_checked(len)?;
        *bytes = tail;
        Some(head)
    };
    let name_len = take(1)?[0];
    let name = take(name_len.into())?;
    let kind = take(1)?[0];
    let len = match kind {
        0 | 1 => 0,
        2 => 1,
        3 => 2,
        4 => 4,
        5 | 8 => 8,
        6 | 7 => {
            let len = take(2)?;
            usize::from(u16::from_be_bytes([len[0], len[1]]))
        }
        9 => 16,
        _ => return None,
    };
    let value = take(len)?;
    Some((name, if kind == 7 { std::str::from_utf8(value).ok()? } else { "" }))
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

fn broken(why: &str) -> Error {
    Error::decode(format!("an AWS event-stream frame is broken: {why}"))
}

/// Builds frames for tests of every protocol that rides on them.
#[cfg(test)]
pub(crate) fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut head = Vec::new();
    for (name, value) in headers {
        head.push(name.len() as u8);
        head.extend_from_slice(name.as_bytes());
        head.push(7);
        head.extend_from_slice(&(value.len() as u16).to_be_bytes());
        head.extend_from_slice(value.as_bytes());
    }
    let total = PRELUDE + head.len() + payload.len() + TRAILER;
    let mut frame = Vec::with_capacity(total);
    frame.extend_from_slice(&(total as u32).to_be_bytes());
    frame.extend_from_slice(&(head.len() as u32).to_be_bytes());
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame.extend_from_slice(&head);
    frame.extend_from_slice(payload);
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn stream() -> Vec<u8> {
        let event = |kind, payload: &[u8]| frame(&[(":event-type", kind), (":message-type", "event")], payload);
        [event("a", b"{}"), event("b", "{\"text\":\"\u{e4}\"}".as_bytes()), event("c", b"")].concat()
    }

    fn read(bytes: &[u8], step: usize) -> Result<Vec<(String, Vec<u8>)>> {
        let (mut aws, mut out) = (Aws::new(), Vec::new());
        for piece in bytes.chunks(step) {
            aws.push(piece, |frame| {
                out.push((format!("{}/{}", frame.message_type, frame.kind), frame.payload.to_vec()));
                Ok(())
            })?;
        }
        aws.finish()?;
        Ok(out)
    }

    #[test]
    fn every_split_gives_the_same_frames() {
        let stream = stream();
        let want = [("event/a", &b"{}"[..]), ("event/b", "{\"text\":\"\u{e4}\"}".as_bytes()), ("event/c", b"")];
        for step in 1..=stream.len() {
            let got = read(&stream, step).expect("frames");
            assert_eq!(got, want.map(|(kind, payload)| (kind.to_owned(), payload.to_vec())), "step {step}");
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_is_noticed() {
        let stream = stream();
        for at in 0..stream.len() {
            let mut bytes = stream.clone();
            bytes[at] ^= 0x10;
            assert!(read(&bytes, bytes.len()).is_err(), "byte {at}");
        }
    }

    #[test]
    fn the_published_check_value_holds() {
        // The check value of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
        assert_eq!(crc32fast::hash(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_stream_that_ends_inside_a_frame_is_cut() {
        let stream = stream();
        let error = read(&stream[..stream.len() - 1], 7).expect_err("cut");
        assert_eq!((error.kind(), error.upstream_code()), (ErrorKind::Upstream, Some("stream_cut")));
    }
}
