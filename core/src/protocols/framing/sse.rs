//! Server-sent events, as the WHATWG HTML standard frames them.

use memchr::memchr2;

/// Splits bytes into events. Lines end in LF, CR or CRLF; a BOM, comments and unknown fields are skipped, but for `error`,
/// which some servers send in place of an event of that name, and for JSON without a field's name before it: some
/// break a stream off with an error that is written like that, over many lines.
#[derive(Debug, Default)]
pub struct Sse {
    line: Vec<u8>,
    event: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// What is in `data` are lines of JSON that no name came before.
    is_bare: bool,
    after_cr: bool,
    started: bool,
}

impl Sse {
    /// A reader at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads what has arrived and calls `on(event, data)` for each complete event; stops at its first error.
    pub fn push<E>(&mut self, mut bytes: &[u8], mut on: impl FnMut(&[u8], &[u8]) -> Result<(), E>) -> Result<(), E> {
        while let Some(at) = memchr2(b'\n', b'\r', bytes) {
            let (head, end, rest) = (&bytes[..at], bytes[at], &bytes[at + 1..]);
            bytes = rest;
            let is_lf_of_crlf = self.after_cr && end == b'\n' && head.is_empty();
            self.after_cr = end == b'\r';
            if is_lf_of_crlf {
                continue;
            }
            if self.line.is_empty() {
                self.field(head, &mut on)?;
            } else {
                self.line.extend_from_slice(head);
                let mut line = std::mem::take(&mut self.line);
                let result = self.field(&line, &mut on);
                line.clear();
                self.line = line;
                result?;
            }
        }
        if !bytes.is_empty() {
            self.after_cr = false;
            self.line.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// The stream ended: an event without its final blank line still counts, because several vendors leave it out.
    pub fn finish<E>(&mut self, mut on: impl FnMut(&[u8], &[u8]) -> Result<(), E>) -> Result<(), E> {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.field(&line, &mut on)?;
        }
        self.field(b"", &mut on)
    }

    fn field<E>(&mut self, line: &[u8], on: &mut impl FnMut(&[u8], &[u8]) -> Result<(), E>) -> Result<(), E> {
        let line = if self.started { line } else { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) };
        self.started = true;
        if line.is_empty() {
            let result = if self.has_data { on(&self.event, &self.data) } else { Ok(()) };
            self.has_data = false;
            self.is_bare = false;
            self.data.clear();
            self.event.clear();
            return result;
        }
        if self.is_bare && line.starts_with(b"data:") {
            self.field(b"", on)?;
        }
        // JSON over many lines, from its begin or behind a `data:` that only its first line has.
        self.is_bare |= match line[0] {
            b'{' | b'[' => !self.has_data,
            b' ' | b'\t' | b'"' | b'}' | b']' => matches!(self.data.first(), Some(b'{' | b'[')),
            _ => false,
        };
        if self.is_bare {
            self.add(line);
            return Ok(());
        }
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let name = &line[..colon];
        if name == b"error" {
            self.event.clear();
            self.event.extend_from_slice(name);
        }
        match name {
            b"data" | b"error" => self.add(value),
            b"event" => {
                self.event.clear();
                self.event.extend_from_slice(value);
            }
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self, line: &[u8]) {
        if self.has_data {
            self.data.push(b'\n');
        }
        self.has_data = true;
        self.data.extend_from_slice(line);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn events(bytes: &[u8], step: usize) -> Vec<(String, String)> {
        let (mut sse, mut out) = (Sse::new(), Vec::new());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let mut on = |event: &[u8], data: &[u8]| {
            out.push((text(event), text(data)));
            Ok::<_, Infallible>(())
        };
        for piece in bytes.chunks(step) {
            sse.push(piece, &mut on).unwrap();
        }
        sse.finish(&mut on).unwrap();
        out
    }

    #[test]
    fn every_split_of_every_line_end_gives_the_same_events() {
        let stream = "\u{feff}event: a\ndata: one\n\nerror: {}\n\n: comment\r\n\r\ndata: zwei \u{e4}\r\ndata:drei\r\n\r\nevent: b\rdata: {}\r\rid: 7\nretry\n\ndata\n\n{\n  \"error\": {}\n}\n\ndata: last";
        let want =
            [("a", "one"), ("error", "{}"), ("", "zwei \u{e4}\ndrei"), ("b", "{}"), ("", ""), ("", "{\n  \"error\": {}\n}"), ("", "last")];
        for step in 1..=stream.len() {
            let got = events(stream.as_bytes(), step);
            assert_eq!(got, want.map(|(event, data)| (event.to_owned(), data.to_owned())), "step {step}");
        }
    }
}
