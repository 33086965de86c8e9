//! What the shared library shows to the loader: its names and flags, and what it needs.

#[path = "tools/header.rs"]
mod header;
#[path = "tools/sdk.rs"]
mod sdk;

use std::collections::BTreeSet;
use std::process::Command;

/// The oldest glibc among the systems it is built for.
const NEWEST_GLIBC: (u32, u32) = (2, 34);

fn library() -> std::path::PathBuf {
    sdk::dist().join("lib/libllmrouter.so")
}

fn dynamic_section() -> String {
    sdk::run(Command::new("readelf").args(["--dynamic", "--wide"]).arg(library()))
}

#[test]
fn exports_are_the_headers_functions() {
    let symbols = sdk::run(Command::new("nm").args(["--dynamic", "--defined-only"]).arg(library()));
    let exported: BTreeSet<String> =
        symbols.lines().filter_map(|line| line.split(' ').nth(2)).map(String::from).collect();
    let header = header::parse(&sdk::read(sdk::dist().join("include/llmrouter.h")));
    let declared: BTreeSet<String> = header.functions.into_iter().collect();
    let undeclared: Vec<_> = exported.difference(&declared).collect();
    let missing: Vec<_> = declared.difference(&exported).collect();
    assert!(undeclared.is_empty(), "exported, but not in the header: {undeclared:?}");
    assert!(missing.is_empty(), "in the header, but not exported: {missing:?}");
}

#[test]
fn soname_carries_the_abi() {
    let header = sdk::read(sdk::dist().join("include/llmrouter.h"));
    let abi: u32 = header
        .lines()
        .find_map(|line| line.strip_prefix("#define ROUTER_ABI_VERSION "))
        .and_then(|value| value.trim().parse().ok())
        .expect("ROUTER_ABI_VERSION");
    let section = dynamic_section();
    assert!(section.contains(&format!("Library soname: [libllmrouter.so.{}]", abi >> 16)), "{section}");
}

#[test]
fn stays_loaded_and_loads_late() {
    let section = dynamic_section();
    assert!(section.contains("NODELETE"), "a plugin host could unload it under its threads: {section}");
    assert!(!section.contains("STATIC_TLS"), "it couldn't be loaded by a running program: {section}");
    assert!(!section.contains("TEXTREL"), "{section}");
}

#[test]
fn needs_the_c_library_alone() {
    let section = dynamic_section();
    for line in section.lines().filter(|line| line.contains("(NEEDED)")) {
        let name = line.split(['[', ']']).nth(1).expect("a name in brackets");
        let system = ["libc.so", "libm.so", "libgcc_s.so", "libpthread.so", "libdl.so", "librt.so", "ld-linux"];
        assert!(system.iter().any(|known| name.starts_with(known)), "it needs {name}");
    }
}

#[test]
fn runs_on_older_glibc() {
    let symbols = sdk::run(Command::new("nm").args(["--dynamic", "--undefined-only"]).arg(library()));
    let newest = symbols
        .split_whitespace()
        .filter_map(|word| word.split("@GLIBC_").nth(1))
        .filter_map(|version| {
            let mut parts = version.split('.').map(|part| part.parse::<u32>());
            Some((parts.next()?.ok()?, parts.next()?.ok()?))
        })
        .max()
        .expect("it uses glibc");
    println!("it needs glibc {}.{}", newest.0, newest.1);
    assert!(newest <= NEWEST_GLIBC, "it needs glibc {newest:?}");
}

/// The compiler knows what an archive with this crate in it needs; llmrouter.pc repeats it.
#[test]
fn private_libraries_are_the_compilers() {
    let debug = sdk::target_dir().join("debug");
    let folder = sdk::scratch("native-static-libs");
    let source = folder.join("archive.rs");
    std::fs::write(&source, "pub use llmrouter as _;\n").expect("a source file");
    let text = sdk::run(
        Command::new("rustc")
            .args(["--edition=2024", "--crate-type=staticlib", "--print=native-static-libs", "--extern"])
            // Where `cargo test` leaves it; only a plain `cargo build` puts a copy one folder higher.
            .arg(format!("llmrouter={}", debug.join("deps/libllmrouter.rlib").display()))
            .arg("-L")
            .arg(format!("dependency={}", debug.join("deps").display()))
            .arg("-o")
            .arg(folder.join("libarchive.a"))
            .arg(&source),
    );
    let needed =
        text.split("native-static-libs: ").nth(1).expect("the compiler's list").lines().next().unwrap_or_default();
    let file = sdk::read(sdk::dist().join("lib/pkgconfig/llmrouter.pc"));
    let listed = file.lines().find_map(|line| line.strip_prefix("Libs.private: ")).expect("Libs.private");
    assert_eq!(
        listed.trim(),
        needed.trim(),
        "llmrouter.pc.in and the CMake template list other libraries than the compiler"
    );

    let cmake = sdk::read(sdk::dist().join("lib/cmake/llmrouter/llmrouterConfig.cmake"));
    let joined = needed.trim().split(' ').map(|flag| flag.trim_start_matches("-l")).collect::<Vec<_>>().join(";");
    assert!(
        cmake.contains(&format!("INTERFACE_LINK_LIBRARIES \"{joined}\"")),
        "the CMake template lists others: {joined}"
    );
}
