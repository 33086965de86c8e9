//! The kit as its users meet it: found by pkg-config and by CMake, linked both ways, installed, moved.

#[path = "tools/sdk.rs"]
mod sdk;

use std::path::Path;
use std::process::Command;

use sdk::VERSION;

/// Says what it was linked with, and that this works.
const APP: &str = r#"
#include <llmrouter.h>
#include <stdio.h>

int main(void)
{
    router_error_t *error = NULL;
    router_t *router = router_new_from_yaml(
        "model_list: [{model_name: m, litellm_params: {model: openai/gpt-4, mock_response: packaged}}]",
        ROUTER_NUL_TERMINATED, &error);
    router_response_t *response = router_completion(
        router, "{\"model\": \"m\", \"messages\": []}", ROUTER_NUL_TERMINATED, &error);
    printf("%s %u %u %s\n", router_version(), router_abi_version() >> 16, ROUTER_ABI_VERSION >> 16,
           response ? router_response_text(response, NULL) : router_error_message(error));
    router_response_free(response);
    router_error_free(error);
    router_free(router);
    return response == NULL;
}
"#;

const CMAKE_LISTS: &str = r#"
cmake_minimum_required(VERSION 3.16)
project(app C)
find_package(llmrouter @VERSION@ REQUIRED CONFIG)
add_executable(shared app.c)
target_link_libraries(shared PRIVATE llmrouter::llmrouter)
add_executable(static app.c)
target_link_libraries(static PRIVATE llmrouter::static)
"#;

fn expected() -> String {
    format!("{VERSION} 1 1 packaged\n")
}

/// Builds and runs the program in all ways there are, against the kit at `prefix`.
fn works_at(prefix: &Path, name: &str) {
    let folder = sdk::scratch(name);
    let source = folder.join("app.c");
    std::fs::write(&source, APP).expect("a source file");

    let compile = |program: &str, arguments: Vec<String>| {
        let program = folder.join(program);
        sdk::run(Command::new("cc").args(["-Wall", "-Werror"]).arg(&source).args(arguments).arg("-o").arg(&program));
        program
    };
    let shared = compile("by-pkg-config", sdk::pkg_config(prefix, &["--cflags", "--libs"]));
    let text = sdk::run(Command::new(shared).env("LD_LIBRARY_PATH", prefix.join("lib")));
    assert_eq!(text, expected());

    // The linker prefers a shared library where it finds both: the archive is named by its file.
    let mut arguments = sdk::pkg_config(prefix, &["--static", "--cflags", "--libs"]);
    for argument in &mut arguments {
        if argument == "-lllmrouter" {
            *argument = "-l:libllmrouter.a".to_string();
        }
    }
    let archive = compile("by-archive", arguments);
    assert!(!needs_shared_library(&archive));
    assert_eq!(sdk::run(&mut Command::new(archive)), expected());

    std::fs::write(folder.join("CMakeLists.txt"), CMAKE_LISTS.replace("@VERSION@", VERSION)).expect("CMakeLists.txt");
    let build = folder.join("build");
    sdk::run(
        Command::new("cmake")
            .arg("-S")
            .arg(&folder)
            .arg("-B")
            .arg(&build)
            .arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display())),
    );
    sdk::run(Command::new("cmake").arg("--build").arg(&build));
    assert!(needs_shared_library(&build.join("shared")));
    assert!(!needs_shared_library(&build.join("static")));
    assert_eq!(sdk::run(&mut Command::new(build.join("shared"))), expected());
    assert_eq!(sdk::run(&mut Command::new(build.join("static"))), expected());
}

fn needs_shared_library(program: &Path) -> bool {
    sdk::run(Command::new("readelf").arg("--dynamic").arg(program)).contains("libllmrouter.so.1")
}

#[test]
fn staged_kit() {
    works_at(&sdk::dist(), "packaging-staged");
}

/// Installed under a staging folder, then moved: no file knows where it was made.
#[test]
fn installed_kit() {
    sdk::dist();
    let folder = sdk::scratch("packaging-installed");
    let install = |destination: &Path| {
        sdk::run(
            Command::new("make")
                .current_dir(sdk::root())
                .args(["--silent", "install", "PREFIX=/opt/llmrouter"])
                .arg(format!("DESTDIR={}", destination.display()))
                .env_remove("MAKEFLAGS"),
        );
    };
    install(&folder.join("staging"));
    install(&folder.join("staging")); // over itself
    let moved = folder.join("elsewhere");
    std::fs::rename(folder.join("staging/opt/llmrouter"), &moved).expect("the kit moves");
    for file in ["lib/pkgconfig/llmrouter.pc", "lib/cmake/llmrouter/llmrouterConfig.cmake"] {
        let text = sdk::read(moved.join(file));
        assert!(
            !text.contains(&sdk::root().display().to_string()) && !text.contains("/opt"),
            "{file} names a place:\n{text}"
        );
    }
    works_at(&moved, "packaging-moved");
}

#[test]
fn one_version_everywhere() {
    let dist = sdk::dist();
    assert_eq!(sdk::pkg_config(&dist, &["--modversion"]), [VERSION]);
    let cmake = sdk::read(dist.join("lib/cmake/llmrouter/llmrouterConfigVersion.cmake"));
    assert!(cmake.contains(&format!("set(PACKAGE_VERSION \"{VERSION}\")")), "{cmake}");
    let link = |name: &str| std::fs::read_link(dist.join("lib").join(name)).expect("a link").display().to_string();
    assert_eq!(link("libllmrouter.so"), "libllmrouter.so.1");
    assert_eq!(link("libllmrouter.so.1"), format!("libllmrouter.so.{VERSION}"));
    // npm knows no file to take it from, so it stands there a second time.
    for file in ["package.json", "package-lock.json"] {
        let text = sdk::read(sdk::root().join("bindings/node").join(file));
        let first = text.lines().find(|line| line.contains("\"version\":")).unwrap_or_default();
        assert!(first.contains(&format!("\"{VERSION}\"")), "bindings/node/{file}: {first}");
    }
}

/// CMake refuses a kit that is too old for what was asked.
#[test]
fn cmake_refuses_other_versions() {
    let dist = sdk::dist();
    let folder = sdk::scratch("packaging-versions");
    let accepts = |version: &str| {
        let text = format!(
            "cmake_minimum_required(VERSION 3.16)\nproject(app NONE)\nset(CMAKE_FIND_PACKAGE_PREFER_CONFIG TRUE)\n\
             find_package(llmrouter {version} REQUIRED CONFIG)\n"
        );
        std::fs::write(folder.join("CMakeLists.txt"), text).expect("CMakeLists.txt");
        let build = folder.join(format!("build-{version}"));
        let mut cmake = Command::new("cmake");
        cmake.arg("-S").arg(&folder).arg("-B").arg(&build).arg(format!("-DCMAKE_PREFIX_PATH={}", dist.display()));
        cmake.output().expect("cmake runs").status.success()
    };
    let major: u32 = env!("CARGO_PKG_VERSION_MAJOR").parse().expect("a number");
    assert!(accepts(VERSION));
    assert!(accepts(&format!("{major}.0")));
    assert!(!accepts(&format!("{major}.999")));
    assert!(!accepts(&format!("{}.0", major + 1)));
}
