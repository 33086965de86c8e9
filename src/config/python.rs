//! Values as Python prints them: `str()` and `json.dumps()`, on which LiteLLM's deployment ids are built.

use std::fmt::Write;

use serde_json::{Number, Value};

/// Python's `str(value)`.
pub fn str(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::String(text) => out.push_str(text),
        other => repr(other, &mut out),
    }
    out
}

fn repr(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Number(number) => out.push_str(&self::number(number)),
        Value::String(text) => repr_text(text, out),
        Value::Array(list) => series(out, ['[', ']'], list, repr),
        Value::Object(map) => series(out, ['{', '}'], map, |(key, value), out| {
            repr_text(key, out);
            out.push_str(": ");
            repr(value, out);
        }),
    }
}

/// Python's `json.dumps(value)`: blanks after `,` and `:`, and nothing but ASCII.
pub fn json(value: &Value) -> String {
    let mut out = String::new();
    dump(value, &mut out);
    out
}

fn dump(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&self::number(number)),
        Value::String(text) => dump_text(text, out),
        Value::Array(list) => series(out, ['[', ']'], list, dump),
        Value::Object(map) => series(out, ['{', '}'], map, |(key, value), out| {
            dump_text(key, out);
            out.push_str(": ");
            dump(value, out);
        }),
    }
}

fn series<T>(
    out: &mut String,
    [open, close]: [char; 2],
    items: impl IntoIterator<Item = T>,
    each: impl Fn(T, &mut String),
) {
    out.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        each(item, out);
    }
    out.push(close);
}

fn dump_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String can't fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

/// Single quotes, unless only double ones spare the escaping.
fn repr_text(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{a0}' | '\u{ad}' => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
}

/// The shortest digits that read back the same, as in Rust; an exponent below 1e-4 and from 1e16.
fn number(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => {
            let size = float.abs();
            if size != 0.0 && !(1e-4..1e16).contains(&size) {
                return exponent(float);
            }
            let digits = float.to_string();
            if digits.contains('.') { digits } else { digits + ".0" }
        }
        _ => number.to_string(),
    }
}

/// `3e-05`: at least two digits after a sign that is always there.
fn exponent(float: f64) -> String {
    let text = format!("{float:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The right-hand sides were printed by Python 3.
    #[test]
    fn as_python_prints_them() {
        for (value, expected) in [
            (json!("plain"), "plain"),
            (json!(null), "None"),
            (json!(true), "True"),
            (json!(1000), "1000"),
            (json!(0.00003), "3e-05"),
            (json!(0.0001), "0.0001"),
            (json!(1.0), "1.0"),
            (json!(1e16), "1e+16"),
            (json!(123456789012345680.0), "1.2345678901234568e+17"),
            (json!(1e15), "1000000000000000.0"),
            (json!(-2.5e-7), "-2.5e-07"),
            (json!(["a", 1, null]), "['a', 1, None]"),
            (json!(["it's", "say \"hi\"", "'\""]), "[\"it's\", 'say \"hi\"', '\\'\"']"),
            (json!([{"a": [false, "x\ny"]}]), "[{'a': [False, 'x\\ny']}]"),
        ] {
            assert_eq!(str(&value), expected);
        }
        assert_eq!(
            json(&json!({"a": "é\u{1f600}", "b": [1, 2.5, null, true]})),
            r#"{"a": "\u00e9\ud83d\ude00", "b": [1, 2.5, null, true]}"#
        );
    }
}
