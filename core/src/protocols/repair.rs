//! JSON that is not quite: what real servers send now and then, put into a form that every parser takes.

use serde_json::Value;

/// The same JSON without what a typed parser stumbles over: fields that come twice, `NaN` and `Infinity`, halves of
/// surrogate pairs, bytes that are not UTF-8, a second `data:`. `None` where that changes nothing, or is not enough.
pub(super) fn repaired(json: &[u8]) -> Option<String> {
    let mut text = String::from_utf8_lossy(json);
    while let Some(rest) = text.trim_start().strip_prefix("data:").or(text.trim_start().strip_prefix('\u{feff}')) {
        text = rest.to_owned().into();
    }
    let value = serde_json::from_str::<Value>(&text).or_else(|_| serde_json::from_str(&bent(&text))).ok()?;
    let repaired = value.to_string();
    // Numbers read back as they are written, so the second time nothing changes.
    (repaired.as_bytes() != json).then_some(repaired)
}

/// The text with `null` for numbers that JSON has no word for, and the replacement character for half a character.
fn bent(text: &str) -> String {
    let (mut out, mut rest, mut in_string) = (String::with_capacity(text.len()), text, false);
    while let Some(c) = rest.chars().next() {
        let (piece, length) = match c {
            '\\' if in_string => escape(rest),
            '"' => {
                in_string = !in_string;
                (&rest[..1], 1)
            }
            '-' | 'I' | 'N' if !in_string => match ["-Infinity", "Infinity", "NaN"].iter().find(|word| rest.starts_with(**word)) {
                Some(word) => ("null", word.len()),
                None => (&rest[..1], 1),
            },
            c => (&rest[..c.len_utf8()], c.len_utf8()),
        };
        out.push_str(piece);
        rest = &rest[length..];
    }
    out
}

/// An escape at the start of the text, and how long it is there.
fn escape(text: &str) -> (&str, usize) {
    let unit = |at: usize| {
        let hex = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(hex, 16).ok()
    };
    match unit(0) {
        Some(0xd800..0xdc00) if unit(6).is_some_and(|low| (0xdc00..0xe000).contains(&low)) => (&text[..12], 12),
        Some(0xd800..0xe000) => ("\\ufffd", 6),
        Some(_) => (&text[..6], 6),
        None => {
            let length = 1 + text[1..].chars().next().map_or(0, char::len_utf8);
            (&text[..length], length)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_can_be_read_is_read() {
        let cases: [(&[u8], Value); 6] = [
            (br#"{"a": 1, "a": 2}"#, json!({"a": 2})),
            (
                br#"{"a": NaN, "b": [-Infinity, Infinity, -1], "c": "NaN \" NaN"}"#,
                json!({"a": null, "b": [null, null, -1], "c": "NaN \" NaN"}),
            ),
            (
                br#"{"a": "\ud83d", "b": "\ud83d\ude00\\ud83d", "c": "\ude00x"}"#,
                json!({"a": "\u{fffd}", "b": "\u{1f600}\\ud83d", "c": "\u{fffd}x"}),
            ),
            (b"{\"a\": \"\xf0\x9f\"}", json!({"a": "\u{fffd}"})),
            (br#"data: data:{"a": 1}"#, json!({"a": 1})),
            (br#"{ "a": 1 }"#, json!({"a": 1})),
        ];
        for (json, want) in cases {
            let text = repaired(json).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), want);
            assert_eq!(repaired(text.as_bytes()), None, "once is enough");
        }
        for hopeless in [&br#"{"a": "#[..], b"{\"a\": \"\\", b"", b"<html>", b"{\"a\": \"\\u12"] {
            assert_eq!(repaired(hopeless), None);
        }
    }
}
