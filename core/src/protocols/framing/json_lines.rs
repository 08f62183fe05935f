//! JSON values in a row: one per line, or the items of one array.

use memchr::memchr;

/// Splits bytes into lines, each of which is one JSON value (NDJSON). Empty lines are skipped.
#[derive(Debug, Default)]
pub struct JsonLines {
    line: Vec<u8>,
}

impl JsonLines {
    /// A reader at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads what has arrived and calls `on(json)` for each complete line; stops at its first error.
    pub fn push<E>(&mut self, mut bytes: &[u8], mut on: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        while let Some(at) = memchr(b'\n', bytes) {
            let head = &bytes[..at];
            bytes = &bytes[at + 1..];
            if self.line.is_empty() {
                line(head, &mut on)?;
            } else {
                self.line.extend_from_slice(head);
                let mut whole = std::mem::take(&mut self.line);
                let result = line(&whole, &mut on);
                whole.clear();
                self.line = whole;
                result?;
            }
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// The stream ended: a last line without its line end still counts.
    pub fn finish<E>(&mut self, mut on: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        line(&std::mem::take(&mut self.line), &mut on)
    }
}

fn line<E>(bytes: &[u8], on: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    let bytes = bytes.trim_ascii();
    if bytes.is_empty() { Ok(()) } else { on(bytes) }
}

/// Splits the bytes of one JSON array of objects, or of objects in a row, into the objects.
#[derive(Debug, Default)]
pub struct JsonArray {
    item: Vec<u8>,
    depth: usize,
    in_string: bool,
    after_backslash: bool,
}

impl JsonArray {
    /// A reader at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads what has arrived and calls `on(json)` for each complete object; stops at its first error.
    pub fn push<E>(&mut self, bytes: &[u8], mut on: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut start = 0;
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                _ if self.after_backslash => self.after_backslash = false,
                b'\\' if self.in_string => self.after_backslash = true,
                b'"' if self.depth > 0 => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' => {
                    if self.depth == 0 {
                        start = at;
                    }
                    self.depth += 1;
                }
                b'}' if self.depth == 1 => {
                    self.depth = 0;
                    let tail = &bytes[start..=at];
                    if self.item.is_empty() {
                        on(tail)?;
                    } else {
                        self.item.extend_from_slice(tail);
                        let mut whole = std::mem::take(&mut self.item);
                        let result = on(&whole);
                        whole.clear();
                        self.item = whole;
                        result?;
                    }
                }
                b'}' => self.depth = self.depth.saturating_sub(1),
                // Between objects: the array's brackets, commas, white space.
                _ => {}
            }
        }
        if self.depth > 0 {
            self.item.extend_from_slice(&bytes[start..]);
        }
        Ok(())
    }

    /// Whether the bytes so far end inside an object.
    pub fn is_inside(&self) -> bool {
        self.depth > 0
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn every_split_gives_the_same_lines() {
        let stream = "{\"a\": \"\u{e4}\"}\r\n\n  \n[1]\n{\"last\": true}";
        for step in 1..=stream.len() {
            let (mut lines, mut out) = (JsonLines::new(), Vec::new());
            let mut on = |json: &[u8]| {
                out.push(text(json));
                Ok::<_, Infallible>(())
            };
            for piece in stream.as_bytes().chunks(step) {
                lines.push(piece, &mut on).unwrap();
            }
            lines.finish(&mut on).unwrap();
            assert_eq!(out, ["{\"a\": \"\u{e4}\"}", "[1]", "{\"last\": true}"], "step {step}");
        }
    }

    #[test]
    fn every_split_gives_the_same_objects() {
        let items = [r#"{"a": {"b": [{}, "}]{"]}}"#, r#"{"quote": "\"}\\", "c": {}}"#, "{\n}"];
        for stream in [format!("[{}\n,\r\n{},{}]\n", items[0], items[1], items[2]), items.join("\n")] {
            for step in 1..=stream.len() {
                let (mut array, mut out) = (JsonArray::new(), Vec::new());
                for piece in stream.as_bytes().chunks(step) {
                    array
                        .push(piece, |json| {
                            out.push(text(json));
                            Ok::<_, Infallible>(())
                        })
                        .unwrap();
                }
                assert_eq!(out, items, "step {step}");
                assert!(!array.is_inside());
            }
        }
        let mut cut = JsonArray::new();
        cut.push(b"[{\"a\": 1", |_| Err("no object is complete")).unwrap();
        assert!(cut.is_inside());
    }
}
