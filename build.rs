//! Gives the shared library its name for the loader, and keeps it in memory once it is loaded; packs the list of prices.

use std::path::Path;

/// The ABI's major number, as in `router_abi_version() >> 16`: tests compare the two.
const ABI_MAJOR: u32 = 1;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    pack_prices();
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libllmrouter.so.{ABI_MAJOR}");
        // A plugin host may call dlclose() while the library's threads still run its code.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}

/// The list is a text in the repository, for people and for differences, and a seventh of that in the library.
fn pack_prices() {
    const PRICES: &str = "data/prices.tsv";
    const BEST: u8 = 9;
    println!("cargo:rerun-if-changed={PRICES}");
    let text = std::fs::read(PRICES).expect("the list of prices is readable");
    let packed = miniz_oxide::deflate::compress_to_vec(&text, BEST);
    let folder = std::env::var_os("OUT_DIR").expect("cargo names a folder for what is built");
    std::fs::write(Path::new(&folder).join("prices.deflate"), packed)
        .expect("the folder for what is built is writable");
}
