//! Gives the shared library its name for the loader, and keeps it in memory once it is loaded.

/// The ABI's major number, as in `router_abi_version() >> 16`: tests compare the two.
const ABI_MAJOR: u32 = 1;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libllmrouter.so.{ABI_MAJOR}");
        // A plugin host may call dlclose() while the library's threads still run its code.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
