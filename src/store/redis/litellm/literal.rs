//! Python's literals: dictionaries, lists, texts, numbers, `None`, `True`, `False`.

use serde_json::{Map, Number, Value};

/// Deeper ones are not read; a cooldown is one dictionary.
const MAX_DEPTH: usize = 8;

/// The value that a text is as Python's `ast.literal_eval` reads it; `None` if it is none.
pub fn parse(text: &str) -> Option<Value> {
    let mut reader = Reader { rest: text };
    let value = reader.value(MAX_DEPTH)?;
    reader.skip();
    reader.rest.is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        let deeper = depth.checked_sub(1)?;
        for (word, value) in [("None", Value::Null), ("True", Value::Bool(true)), ("False", Value::Bool(false))] {
            if self.take(word) {
                return Some(value);
            }
        }
        if self.take("{") {
            return self.dictionary(deeper);
        }
        for (open, close) in [("[", "]"), ("(", ")")] {
            if self.take(open) {
                return self.list(close, deeper);
            }
        }
        if self.rest.starts_with(['\'', '"']) { self.text().map(Value::String) } else { self.number() }
    }

    fn dictionary(&mut self, depth: usize) -> Option<Value> {
        let mut map = Map::new();
        while !self.take("}") {
            self.skip();
            let key = self.text()?;
            if !self.take(":") {
                return None;
            }
            map.insert(key, self.value(depth)?);
            if !self.take(",") && !self.rest.starts_with('}') {
                return None;
            }
        }
        Some(Value::Object(map))
    }

    fn list(&mut self, close: &str, depth: usize) -> Option<Value> {
        let mut list = Vec::new();
        while !self.take(close) {
            list.push(self.value(depth)?);
            if !self.take(",") && !self.rest.starts_with(close) {
                return None;
            }
        }
        Some(Value::Array(list))
    }

    fn number(&mut self) -> Option<Value> {
        let end = self.rest.find([',', '}', ']', ')', ' ', '\n']).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        let whole = text.parse::<i64>().ok().map(Number::from);
        whole.or_else(|| Number::from_f64(text.parse().ok()?)).map(Value::Number)
    }

    fn text(&mut self) -> Option<String> {
        let mut letters = self.rest.chars();
        let quote = letters.next().filter(|letter| ['\'', '"'].contains(letter))?;
        let mut text = String::new();
        loop {
            match letters.next()? {
                letter if letter == quote => break,
                '\\' => match letters.next()? {
                    'n' => text.push('\n'),
                    'r' => text.push('\r'),
                    't' => text.push('\t'),
                    kind @ ('x' | 'u' | 'U') => {
                        let count = match kind {
                            'x' => 2,
                            'u' => 4,
                            _ => 8,
                        };
                        let digits: String = letters.by_ref().take(count).collect();
                        text.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
                    }
                    letter @ ('\\' | '\'' | '"') => text.push(letter),
                    other => text.extend(['\\', other]),
                },
                letter => text.push(letter),
            }
        }
        self.rest = letters.as_str();
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::python_repr;
    use serde_json::json;

    #[test]
    fn what_python_prints_is_read() {
        for value in [
            json!({"exception_received": "it's \"so\"\n\\ \u{1}é", "status_code": "429", "timestamp": 1732336428.125}),
            json!({"cooldown_time": 5, "small": 3e-5, "nothing": null, "flags": [true, false, []], "in": {"a": -1}}),
            json!([{}, "", "'"]),
        ] {
            assert_eq!(parse(&python_repr(&value)), Some(value));
        }
        assert_eq!(parse(r#"{'a': "b\x41\u0042\U00000043", 'c': (1, 2,),}"#), Some(json!({"a": "bABC", "c": [1, 2]})));
    }

    #[test]
    fn what_is_no_literal_is_none() {
        let deep = "[".repeat(100);
        for text in
            ["", "{", "{'a'", "{'a': }", "{'a': 1 'b': 2}", "'open", "nan", "datetime(2)", "1 2", r"'\x4'", &deep]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
