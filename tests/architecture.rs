//! The rules that keep the source a whole: which part may use which, and what lives in one place alone.

#[path = "tools/lexer.rs"]
mod lexer;
#[path = "tools/sdk.rs"]
mod sdk;

use std::path::{Path, PathBuf};

/// Each part may use what stands in a later line, never its own line or an earlier one.
const ARROWS: &[&[&str]] = &[
    &["ffi"],
    &["router"],
    &["strategy", "provider", "cache", "observe"],
    &["transport", "store"],
    &["deployment", "pricing", "tokens", "runtime", "clock", "tls"],
    &["config", "chat"],
    &["policy"],
    &["error"],
];

/// Words that belong in one place: the word, the places, why.
const PLACES: &[(&str, &[&str], &str)] = &[
    ("unsafe", &["src/ffi/", "src/store/mapped.rs"], "unsafe code is read in one place"),
    ("extern \"C\"", &["src/ffi/"], "the C boundary is one place"),
    ("no_mangle", &["src/ffi/"], "the C boundary is one place"),
    ("reqwest", &["src/transport/"], "the HTTP client can be exchanged"),
    ("hyper", &["src/transport/"], "the HTTP client can be exchanged"),
    // The configuration has a file of that name; the client is behind the store alone.
    ("redis", &["src/store/", "src/config/"], "the Redis client can be exchanged"),
    ("tokio::runtime", &["src/runtime/"], "one place makes threads"),
    ("new_multi_thread", &["src/runtime/"], "one place makes threads"),
    ("new_current_thread", &["src/runtime/"], "one place makes threads"),
    ("thread::spawn", &["src/runtime/"], "one place makes threads"),
    ("thread::Builder", &["src/runtime/"], "one place makes threads"),
    ("Instant::now", &["src/clock.rs"], "tests turn the clock by hand"),
    ("SystemTime::now", &["src/clock.rs"], "tests turn the clock by hand"),
    (".elapsed", &["src/clock.rs"], "tests turn the clock by hand"),
];

/// The ways through the guard.
const GUARDS: &[&str] = &["guard", "guard_error"];

const MOST_LINES: usize = 400;

/// What is wrong with one source file; `path` is relative to the root.
fn faults(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        faults.push(format!("{path}: {lines} lines, more than {MOST_LINES}"));
    }
    // Tests of a part, inside its files or beside them, may turn things upside down.
    if path.ends_with("/tests.rs") || path.contains("/tests/") {
        return faults;
    }
    let code = lexer::without_tests(&lexer::code_only(text));
    arrows(path, &code, &mut faults);
    for (word, places, why) in PLACES {
        if !places.iter().any(|place| path.starts_with(place)) && lexer::has_word(&code, word) {
            faults.push(format!("{path}: `{word}` belongs into {} alone: {why}", places.join(" and ")));
        }
    }
    if path.starts_with("src/ffi/") {
        guards(path, &code, &mut faults);
    }
    faults
}

/// The module that a file is, such as `["router", "retry"]`.
fn module(path: &str) -> Vec<&str> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut parts: Vec<_> = inner.split('/').collect();
    if parts.last() == Some(&"mod") {
        parts.pop();
    }
    parts
}

fn level(part: &str) -> Option<usize> {
    ARROWS.iter().position(|line| line.contains(&part))
}

fn arrows(path: &str, code: &str, faults: &mut Vec<String>) {
    let module = module(path);
    if module == ["lib"] {
        return; // it names all parts
    }
    let Some(from) = level(module[0]) else {
        faults.push(format!("{path}: `{}` has no place among the arrows of tests/architecture.rs", module[0]));
        return;
    };
    for target in lexer::paths(code, module.len()) {
        if target == module[0] {
            continue;
        }
        match level(&target) {
            Some(to) if to > from => {}
            Some(_) => faults.push(format!("{path}: `{}` may not use `{target}`", module[0])),
            None => faults.push(format!("{path}: `crate::{target}` goes round the parts: name the part it lives in")),
        }
    }
}

/// Each exported function's body is one call of a guard, or of a function beside it whose body is. Closures may be named before it.
fn guards(path: &str, code: &str, faults: &mut Vec<String>) {
    let guarded = |body: &str| GUARDS.iter().any(|guard| lexer::is_one_call(body, guard));
    let mut helpers = lexer::functions(code, "fn ");
    helpers.retain(|(_, body)| guarded(body));
    for (name, body) in lexer::functions(code, "extern \"C\" fn ") {
        let by_helper = || helpers.iter().any(|(helper, _)| lexer::is_one_call(&body, helper));
        if name.starts_with("router_") && !guarded(&body) && !by_helper() {
            faults.push(format!("{path}: the body of `{name}` is not one call of a guard"));
        }
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn the_source_keeps_the_rules() {
    let mut files = Vec::new();
    walk(&sdk::root().join("src"), &mut files);
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files.sort();
    assert!(!files.is_empty());
    let mut all = Vec::new();
    for file in files {
        let path = file.strip_prefix(sdk::root()).expect("inside the root").to_str().expect("a plain name");
        all.extend(faults(path, &sdk::read(&file)));
    }
    assert!(all.is_empty(), "{} faults:\n{}", all.len(), all.join("\n"));
}

/// Files name no place on the machine they were written on.
#[test]
fn no_file_names_a_home_folder() {
    let homes = [concat!("/", "root/"), concat!("/", "home/"), concat!("/", "Users/")];
    let mut files = Vec::new();
    for folder in ["src", "tests", "examples", "bindings", "benches", ".ci", "docs", "include"] {
        let folder = sdk::root().join(folder);
        if folder.is_dir() {
            walk(&folder, &mut files);
        }
    }
    files.extend(["Makefile", "Cargo.toml", "README.md", "build.rs"].map(|name| sdk::root().join(name)));
    for file in files {
        let unowned = file
            .components()
            .any(|part| ["node_modules", "build", "target"].iter().any(|name| part.as_os_str() == *name));
        if let Ok(text) = std::fs::read_to_string(&file)
            && !unowned
        {
            for home in homes {
                assert!(!text.contains(home), "{} names {home}", file.display());
            }
        }
    }
}

/// The checker itself: each rule broken once, and sources that break none.
mod checker {
    use super::faults;

    fn fault(path: &str, text: &str) -> String {
        let found = faults(path, text);
        assert_eq!(found.len(), 1, "{found:?}");
        found.into_iter().next().unwrap_or_default()
    }

    #[test]
    fn sees_forbidden_arrows() {
        assert!(fault("src/strategy/mod.rs", "use crate::router::Call;").contains("`strategy` may not use `router`"));
        assert!(fault("src/cache/mod.rs", "fn f() { crate::observe::event() }").contains("may not use `observe`"));
        assert!(fault("src/error.rs", "use super::config::Config;").contains("may not use `config`"));
        assert!(fault("src/chat/request.rs", "use super::super::clock;").contains("may not use `clock`"));
        assert!(
            fault("src/store/mod.rs", "use crate::{clock, router::{self, Call}, error};")
                .contains("may not use `router`")
        );
        assert!(fault("src/router/mod.rs", "use crate::Response;").contains("goes round"));
        assert!(fault("src/extras.rs", "").contains("no place"));
        assert_eq!(faults("src/config/mod.rs", "use crate::{ffi, router};").len(), 2);
    }

    #[test]
    fn sees_what_is_out_of_place() {
        assert!(fault("src/router/call.rs", "fn f() { unsafe { g() } }").contains("unsafe"));
        assert!(fault("src/router/call.rs", "extern \"C\" fn f() {}").contains("extern"));
        assert!(fault("src/provider/openai.rs", "use reqwest::Body;").contains("reqwest"));
        assert!(fault("src/router/call.rs", "let start = Instant::now();").contains("Instant::now"));
        assert!(fault("src/transport/mod.rs", "let r = tokio::runtime::Handle::current();").contains("tokio::runtime"));
        assert!(fault("src/router/call.rs", &"\n".repeat(401)).contains("401 lines"));
    }

    #[test]
    fn sees_unguarded_exports() {
        let wrap = |body: &str| format!("pub unsafe extern \"C\" fn router_x(a: *const u8) -> bool {{ {body} }}");
        assert!(faults("src/ffi/mod.rs", &wrap("guard(false, || a.is_null())")).is_empty());
        assert!(faults("src/ffi/mod.rs", &wrap("guard(false, || true);")).is_empty());
        assert!(faults("src/ffi/mod.rs", &wrap("unsafe { guard_error(false, || a.is_null()) }")).is_empty());
        let lend =
            |body: &str| wrap("let f = |x: T| { g(x); h(x) }; unsafe { lend(a, f) }") + "fn lend() {" + body + "}";
        assert!(faults("src/ffi/mod.rs", &lend("guard(false, || true)")).is_empty());
        assert!(fault("src/ffi/mod.rs", &lend("a.lend()")).contains("router_x"));
        assert!(fault("src/ffi/mod.rs", &wrap("a.is_null()")).contains("router_x"));
        assert!(fault("src/ffi/mod.rs", &wrap("guard(false, || true); a.is_null()")).contains("router_x"));
        assert!(fault("src/ffi/mod.rs", &wrap("guard(false, || true) && a.is_null()")).contains("router_x"));
        assert!(fault("src/ffi/mod.rs", &wrap("let b = a.is_null(); guard(false, || b)")).contains("router_x"));
        assert!(fault("src/ffi/mod.rs", &wrap("guardian(false, || true)")).contains("router_x"));
    }

    #[test]
    fn lets_pass_what_is_right() {
        let text = r##"
            //! Not code: crate::ffi, unsafe, reqwest.
            use crate::{clock::{self, Clock}, config, error::Error};
            use super::retry::Policy;
            const TEXT: &str = "crate::ffi unsafe \" Instant::now";
            const RAW: &str = r#"crate::ffi " unsafe"#;
            const QUOTE: char = '"';
            fn f<'a>(x: &'a str) -> &'a str { crate::strategy::pick(); log::warn!("unsafe"); x }
            /* unsafe /* nested */ reqwest */
            #![deny(unsafe_code)]
            #[cfg(test)]
            mod tests {
                use crate::ffi;
                fn g() { let now = std::time::Instant::now(); }
            }
        "##;
        assert_eq!(faults("src/router/call.rs", text), Vec::<String>::new());
    }
}
