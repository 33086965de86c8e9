//! Single values in all the forms that a file or an environment variable writes them.

use serde_json::{Number, Value};

/// Ten years: a longer time is a mistake of unit.
pub const MAX_SECONDS: f64 = 10.0 * 365.0 * 86_400.0;

/// YAML 1.1 has more booleans than the YAML 1.2 that the parser speaks; LiteLLM's users write both.
pub fn boolean(value: &Value) -> Option<bool> {
    let text = match value {
        Value::Bool(v) => return Some(*v),
        Value::String(text) => text,
        _ => return None,
    };
    let words = |lower: [&str; 4]| {
        lower.iter().any(|word| {
            let rest = word.get(1..).unwrap_or_default();
            let title = format!("{}{rest}", word.get(..1).unwrap_or_default().to_uppercase());
            text == word || *text == title || *text == word.to_uppercase()
        })
    };
    if words(["true", "yes", "on", "y"]) {
        Some(true)
    } else if words(["false", "no", "off", "n"]) {
        Some(false)
    } else {
        None
    }
}

/// A finite number, also from text such as `1_000` or `1e3`.
pub fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => parse_number(text)?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

fn parse_number(text: &str) -> Option<f64> {
    let text = text.trim();
    // Rust would also read "inf" and "nan" as numbers.
    if !text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | '_' | 'e' | 'E')) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// A whole number; `1e3` and `3.0` are whole.
pub fn integer(value: &Value) -> Option<i64> {
    if let Value::Number(number) = value
        && let Some(integer) = number.as_i64()
    {
        return Some(integer);
    }
    if let Value::String(text) = value
        && let Ok(integer) = text.trim().replace('_', "").parse()
    {
        return Some(integer);
    }
    // 2^53: above it a float doesn't tell which whole number was meant.
    let whole = number(value).filter(|v| v.fract() == 0.0 && v.abs() <= 9_007_199_254_740_992.0)?;
    Some(whole as i64)
}

/// Text; a number is its text, since `model_name: 4` means the name "4".
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The shortest JSON number for it: whole ones without a fraction.
pub fn to_json(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 {
        return Value::from(number as i64);
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn booleans_of_both_yamls() {
        for word in ["true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"] {
            assert_eq!(boolean(&json!(word)), Some(true), "{word}");
        }
        for word in ["false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"] {
            assert_eq!(boolean(&json!(word)), Some(false), "{word}");
        }
        for other in [json!("tRUE"), json!(""), json!("1"), json!(1), json!(null), json!([])] {
            assert_eq!(boolean(&other), None, "{other}");
        }
    }

    #[test]
    fn numbers_in_all_spellings() {
        for (value, expected) in [
            (json!(5), Some(5.0)),
            (json!("5"), Some(5.0)),
            (json!("1_000"), Some(1000.0)),
            (json!("1e3"), Some(1000.0)),
            (json!(" .5 "), Some(0.5)),
            (json!("-2"), Some(-2.0)),
            (json!("inf"), None),
            (json!("NaN"), None),
            (json!("1e999"), None),
            (json!("five"), None),
            (json!(""), None),
            (json!(true), None),
        ] {
            assert_eq!(number(&value), expected, "{value}");
        }
        assert_eq!(integer(&json!("1e3")), Some(1000));
        assert_eq!(integer(&json!(2.5)), None);
        assert_eq!(integer(&json!("1_000")), Some(1000));
        assert_eq!(integer(&json!(i64::MAX)), Some(i64::MAX));
    }
}
