//! Just enough reading of Rust source to judge it: what is code, which paths it names, which functions it exports.

/// The text with comments and the insides of strings blanked; `extern "C"` is kept.
pub fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => blank(&mut code, at, line_end(bytes, at)),
            b'/' if bytes.get(at + 1) == Some(&b'*') => blank(&mut code, at, comment_end(bytes, at)),
            b'r' if !(at > 0 && is_name(bytes[at - 1])) && raw_hashes(bytes, at).is_some() => {
                let hashes = raw_hashes(bytes, at).unwrap_or_default();
                let end = raw_end(bytes, at + hashes + 2, hashes);
                blank(&mut code, at + hashes + 2, end.saturating_sub(hashes + 1));
                end
            }
            b'"' => {
                let end = string_end(bytes, at);
                if &bytes[at..end] != b"\"C\"" {
                    blank(&mut code, at + 1, end.saturating_sub(1));
                }
                end
            }
            // A character, not a lifetime: it ends with a quote one character on, or begins with a backslash.
            b'\'' if bytes.get(at + 1) == Some(&b'\\') => {
                let end = (at + 3..bytes.len()).find(|&i| bytes[i] == b'\'').map_or(bytes.len(), |i| i + 1);
                blank(&mut code, at + 1, end - 1)
            }
            b'\'' => {
                let width = text[at + 1..].chars().next().map_or(1, char::len_utf8);
                if bytes.get(at + 1 + width) == Some(&b'\'') {
                    blank(&mut code, at + 1, at + 1 + width) + 1
                } else {
                    at + 1
                }
            }
            _ => at + 1,
        };
        at = end.max(at + 1);
    }
    String::from_utf8(code).expect("only whole characters are blanked")
}

fn blank(code: &mut [u8], from: usize, to: usize) -> usize {
    if from < to {
        for byte in &mut code[from..to] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    to
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |len| at + len)
}

fn comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            (at, depth) = (at + 2, depth + 1);
        } else if bytes[at..].starts_with(b"*/") {
            (at, depth) = (at + 2, depth - 1);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// How many hashes a raw string that starts here has, if one does.
fn raw_hashes(bytes: &[u8], at: usize) -> Option<usize> {
    let hashes = bytes[at + 1..].iter().take_while(|byte| **byte == b'#').count();
    (bytes.get(at + 1 + hashes) == Some(&b'"')).then_some(hashes)
}

fn raw_end(bytes: &[u8], from: usize, hashes: usize) -> usize {
    let close = [vec![b'"'], vec![b'#'; hashes]].concat();
    bytes[from..]
        .windows(close.len())
        .position(|part| part == close)
        .map_or(bytes.len(), |len| from + len + close.len())
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where the block that opens at or after `from` ends, its brace included.
fn block_end(code: &str, from: usize) -> usize {
    let mut depth = 0;
    for (at, c) in code[from..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return from + at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// The code without `#[cfg(test)]` modules.
pub fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        let (before, item) = rest.split_at(at);
        kept.push_str(before);
        let opens = item.find('{').unwrap_or(item.len());
        let ends = item.find(';').unwrap_or(item.len());
        rest = if ends < opens { &item[ends + 1..] } else { &item[block_end(item, opens)..] };
    }
    kept + rest
}

/// Whether the code holds this word, and not only as a part of a longer one.
pub fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = at.checked_sub(1).map(|i| code.as_bytes()[i]);
        let after = code.as_bytes().get(at + word.len()).copied();
        let starts = !is_name(word.as_bytes()[0]) || !before.is_some_and(is_name);
        starts && !after.is_some_and(is_name)
    })
}

/// The first names of all paths that start at the crate's root: `crate::x`, and as many `super::` as lead there from `depth`.
pub fn paths(code: &str, depth: usize) -> Vec<String> {
    let mut found = Vec::new();
    for root in ["crate::".to_string(), "super::".repeat(depth)] {
        for (at, _) in code.match_indices(&root) {
            let before = at.checked_sub(1).map(|i| code.as_bytes()[i]);
            if before.is_some_and(|byte| is_name(byte) || byte == b':') {
                continue;
            }
            found.extend(first_names(&code[at + root.len()..]));
        }
    }
    found.retain(|name| name != "super" && name != "self");
    found
}

/// `x` of `x::y`; all of `{x::y, z, …}`.
fn first_names(path: &str) -> Vec<String> {
    let name =
        |text: &str| -> String { text.trim_start().bytes().take_while(|b| is_name(*b)).map(char::from).collect() };
    if !path.starts_with('{') {
        return vec![name(path)];
    }
    let (mut names, mut depth, mut start) = (Vec::new(), 0, 1);
    for (at, c) in path.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if (c == ',' && depth == 1) || depth == 0 {
            names.push(name(&path[start..at]));
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Name and body of each function whose head begins with this and that has a body.
pub fn functions(code: &str, head: &str) -> Vec<(String, String)> {
    let mut functions = Vec::new();
    for (at, found) in code.match_indices(head) {
        let rest = &code[at + found.len()..];
        let name: String = rest.bytes().take_while(|byte| is_name(*byte)).map(char::from).collect();
        let opens = rest.find('{');
        let ends = rest.find(';').unwrap_or(rest.len());
        if let Some(opens) = opens.filter(|opens| *opens < ends && !name.is_empty()) {
            let end = block_end(rest, opens);
            functions.push((name, rest[opens + 1..end - 1].to_string()));
        }
    }
    functions
}

/// Whether a body is one call of this function, `f(…)` or `unsafe { f(…) }`, after nothing but named closures.
pub fn is_one_call(body: &str, function: &str) -> bool {
    let mut body = body.trim();
    while let Some(rest) = after_named_closure(body) {
        body = rest.trim_start();
    }
    let body = body.trim_end_matches(';').trim_end();
    let body = match body.strip_prefix("unsafe").map(str::trim_start) {
        Some(block) if block.starts_with('{') && block_end(block, 0) == block.len() => block[1..block.len() - 1].trim(),
        _ => body,
    };
    let Some(arguments) = body.strip_prefix(function).filter(|rest| rest.starts_with('(')) else { return false };
    first_closing(arguments) == Some(arguments.len() - 1)
}

/// What follows `let name = |…| …;`, if the text begins so.
fn after_named_closure(text: &str) -> Option<&str> {
    let (name, value) = text.strip_prefix("let ")?.split_once('=')?;
    if !name.trim().bytes().all(is_name) || !value.trim_start().starts_with('|') {
        return None;
    }
    let mut depth = 0;
    for (at, c) in value.char_indices() {
        match c {
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' => depth -= 1,
            ';' if depth == 0 => return Some(&value[at + 1..]),
            _ => {}
        }
    }
    None
}

/// Where the bracket closes that the text begins with.
fn first_closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().find_map(|(at, c)| {
        match c {
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(at)
    })
}
