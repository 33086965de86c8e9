//! Reads the few forms that the generated header consists of.

// Each test binary uses its own part of this.
#![allow(dead_code)]

#[derive(Debug, Default)]
pub struct Header {
    pub functions: Vec<String>,
    pub callbacks: Vec<String>,
    pub handles: Vec<String>,
    pub macros: Vec<String>,
    /// Enum values.
    pub numbers: Vec<(String, i64)>,
}

pub fn parse(text: &str) -> Header {
    let text = without_comments(text);
    let mut header = Header::default();
    for line in text.lines() {
        if let Some(rest) = line.trim_start().strip_prefix('#').map(str::trim_start)
            && let Some(rest) = rest.strip_prefix("define ")
        {
            let name: String = rest.trim_start().chars().take_while(is_name).collect();
            if !header.macros.contains(&name) {
                header.macros.push(name);
            }
        }
        if let Some((name, value)) = line.trim().trim_end_matches(',').split_once(" = ")
            && let Ok(value) = value.parse()
        {
            header.numbers.push((name.to_string(), value));
        }
    }
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n");
    for statement in code.split(';') {
        let statement = statement.trim();
        if let Some((_, rest)) = statement.split_once("typedef void (*") {
            header.callbacks.push(rest.chars().take_while(is_name).collect());
        } else if let Some(rest) = statement.strip_prefix("typedef struct ") {
            header.handles.push(rest.chars().take_while(is_name).collect());
        } else if statement.contains("ROUTER_API")
            && let Some((before, _)) = statement.split_once('(')
        {
            let name: Vec<char> = before.chars().rev().take_while(is_name).collect();
            header.functions.push(name.into_iter().rev().collect());
        }
    }
    header
}

fn is_name(c: &char) -> bool {
    c.is_ascii_alphanumeric() || *c == '_'
}

fn without_comments(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("/*") {
        out.push_str(&rest[..start]);
        rest = rest[start..].find("*/").map_or("", |end| &rest[start + end + 2..]);
    }
    out.push_str(rest);
    out
}
