//! The header: generated from src/ffi, committed, staged, and wholly covered by the frozen contract.

#[path = "tools/header.rs"]
mod header;
#[path = "tools/sdk.rs"]
mod sdk;

use std::path::PathBuf;

/// The files of src/ffi in the order in which mod.rs names them: the header's reading order.
fn sources() -> Vec<PathBuf> {
    let folder = sdk::root().join("src/ffi");
    let story = sdk::read(folder.join("mod.rs"));
    let modules = story.lines().filter_map(|line| {
        let line = line.trim().trim_start_matches("pub(crate) ").trim_start_matches("pub ");
        line.strip_prefix("mod ")?.strip_suffix(';').map(|name| folder.join(format!("{name}.rs")))
    });
    // Not mod.rs itself: the generator would follow it into the same files again.
    modules.filter(|path| path.exists()).collect()
}

fn generated() -> String {
    let config = cbindgen::Config::from_file(sdk::root().join("cbindgen.toml")).expect("cbindgen.toml");
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in sources() {
        builder = builder.with_src(source);
    }
    let mut text = Vec::new();
    builder.generate().expect("src/ffi is what cbindgen understands").write(&mut text);
    String::from_utf8(text).expect("a header is UTF-8")
}

/// `UPDATE=1` writes it instead.
#[test]
fn header_is_fresh() {
    let path = sdk::root().join("include/llmrouter.h");
    let fresh = generated();
    if std::env::var_os("UPDATE").is_some() {
        if std::fs::read_to_string(&path).ok().as_deref() != Some(&fresh) {
            std::fs::write(&path, &fresh).expect("include/ can be written");
        }
        return;
    }
    assert!(sdk::read(&path) == fresh, "include/llmrouter.h is not what src/ffi says: run `make header`");
}

#[test]
fn each_function_is_declared_once() {
    let functions = header::parse(&sdk::read(sdk::root().join("include/llmrouter.h"))).functions;
    let mut once = functions.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), functions.len(), "{functions:?}");
}

#[test]
fn staged_header_is_the_same() {
    let staged = sdk::read(sdk::dist().join("include/llmrouter.h"));
    assert!(staged == sdk::read(sdk::root().join("include/llmrouter.h")), "dist/ is out of date: run `make sdk`");
}

/// `frozen.c` holds each signature and number against the header; here, that it leaves none out.
#[test]
fn all_of_it_is_frozen() {
    let frozen = sdk::read(sdk::root().join("tests/abi/frozen.c"));
    let header = header::parse(&sdk::read(sdk::root().join("include/llmrouter.h")));
    assert!(header.functions.len() >= 24, "the header was read wrongly: {:?}", header.functions);

    let mut missing = Vec::new();
    let mut require = |what: String| {
        if !frozen.contains(&what) {
            missing.push(what);
        }
    };
    for function in &header.functions {
        require(format!(", {function}, "));
    }
    for (name, value) in &header.numbers {
        require(format!("_Static_assert({name} == {value}, "));
    }
    for callback in &header.callbacks {
        require(format!("extern {callback} {callback}_frozen;"));
    }
    for handle in &header.handles {
        require(format!("typedef struct {handle} *{handle}_is_a_struct;"));
    }
    for name in &header.macros {
        let known = ["ROUTER_API", "ROUTER_MUST_USE", "ROUTER_DEPRECATED", "LLMROUTER_H"].contains(&name.as_str());
        if !known {
            require(name.clone());
        }
    }
    assert!(missing.is_empty(), "tests/abi/frozen.c lacks: {missing:#?}");
}

/// And that nothing which is frozen has left the header.
#[test]
fn nothing_frozen_is_lost() {
    let frozen = sdk::read(sdk::root().join("tests/abi/frozen.c"));
    let header = header::parse(&sdk::read(sdk::root().join("include/llmrouter.h")));
    let kept = frozen.lines().filter_map(|line| line.strip_prefix("FROZEN("));
    for line in kept {
        let name = line.split(", ").find(|part| part.starts_with("router_") && !part.ends_with('*')).expect("a name");
        assert!(header.functions.iter().any(|function| function == name), "{name} is gone from the header");
    }
}
