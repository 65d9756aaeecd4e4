//! Bytes as text: quoted as the stock `MONITOR` prints arguments, or as JSON. Pure.

use std::fmt::Write;

/// In double quotes, with `\"`, `\\`, `\n`, `\r`, `\t`, `\a`, `\b` and `\xHH`.
pub fn quoted(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for byte in bytes {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x07 => out.push_str("\\a"),
            0x08 => out.push_str("\\b"),
            0x20..=0x7e => out.push(char::from(*byte)),
            _ => write!(out, "\\x{byte:02x}").expect("a String takes everything"),
        }
    }
    out.push('"');
    out
}

/// [`quoted`], cut after `max` bytes with the length of the whole behind it.
pub fn quoted_cut(bytes: &[u8], max: usize) -> String {
    match bytes.get(..max) {
        Some(shown) if bytes.len() > max => {
            format!("{}... ({} bytes)", quoted(shown), bytes.len())
        }
        _ => quoted(bytes),
    }
}

/// A JSON string where the bytes are UTF-8, else an object `{"hex":"..."}`.
pub fn json(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    let Ok(text) = std::str::from_utf8(bytes) else {
        out.push_str("{\"hex\":\"");
        for byte in bytes {
            write!(out, "{byte:02x}").expect("a String takes everything");
        }
        out.push_str("\"}");
        return out;
    };
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' || c == '\x7f' => {
                write!(out, "\\u{:04x}", u32::from(c)).expect("a String takes everything");
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_printed() {
        let cases: [(&[u8], &str, &str); 4] = [
            (b"plain", r#""plain""#, r#""plain""#),
            (b"a\"\\\n\r\t\x07\x08", r#""a\"\\\n\r\t\a\b""#, r#""a\"\\\n\r\t\u0007\u0008""#),
            (b"\x00\xff", r#""\x00\xff""#, r#"{"hex":"00ff"}"#),
            ("é".as_bytes(), r#""\xc3\xa9""#, "\"é\""),
        ];
        for (bytes, text, as_json) in cases {
            assert_eq!(quoted(bytes), text);
            assert_eq!(json(bytes), as_json);
        }
        assert_eq!(quoted_cut(b"abcd", 4), "\"abcd\"");
        assert_eq!(quoted_cut(b"abcde", 4), "\"abcd\"... (5 bytes)");
    }
}
