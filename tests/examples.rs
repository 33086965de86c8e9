//! The examples, run as a reader would run them, and the README's program, which is one of them.

#[path = "tools/sdk.rs"]
mod sdk;

use std::path::PathBuf;
use std::process::Command;

/// Compiles an example with nothing but what its comment says, runs it, returns what it printed.
fn run(name: &str, arguments: &[&str]) -> String {
    let source = sdk::root().join("examples/c").join(format!("{name}.c"));
    let program: PathBuf = sdk::scratch(&format!("example-{name}")).join(name);
    sdk::compile(&source, &program, &sdk::dist(), &["-pedantic"]);
    let text = sdk::run(Command::new(program).current_dir(sdk::root()).args(arguments));
    println!("{text}");
    text
}

#[test]
fn hello() {
    let text = run("hello", &[]);
    let (answer, metadata) = text.trim_end().split_once('\n').expect("two lines");
    assert_eq!(answer, "Hello from a deployment!");
    assert!(metadata.contains(r#""deployment":"my-first-deployment""#), "{metadata}");
}

#[test]
fn failover() {
    let text = run("failover", &["examples/config/failover.yaml"]);
    let attempts: Vec<Vec<&str>> =
        text.lines().filter(|line| line.contains(" of ")).map(|line| line.split_whitespace().collect()).collect();
    let expected = [
        "dead of gpt-4 APIConnectionError",
        "live of gpt-4 answered",
        "overloaded of gpt-4-turbo RateLimitError",
        "dead of gpt-4 APIConnectionError",
        "live of gpt-4 answered",
    ];
    let attempts: Vec<String> = attempts.iter().map(|words| words.join(" ")).collect();
    assert_eq!(attempts, expected, "{text}");
    assert_eq!(text.matches("router's own time").count(), 2);
}

#[test]
fn many() {
    let text = run("many", &["examples/config/many.yaml"]);
    let calls = |name: &str| -> u32 {
        let line = text.lines().find(|line| line.trim_start().starts_with(name)).expect("a line for each deployment");
        line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
    };
    let (east, west, spare) = (calls("east"), calls("west"), calls("spare"));
    assert_eq!(east + west + spare, 1000);
    // Five standard deviations of a fair draw with these weights.
    assert!((522..=678).contains(&east) && (227..=373).contains(&west) && (52..=148).contains(&spare), "{text}");
    assert!(text.contains(" 0 failed;"), "{text}");
}

#[test]
fn explain() {
    let text = run("explain", &["examples/config/explain.yaml"]);
    // The seconds that a cooldown has left run on.
    let left = |line: &str| match line.split_once("another ") {
        Some((before, _)) => format!("{before}another 60.0 s\n"),
        None => format!("{line}\n"),
    };
    let expected = sdk::read(sdk::root().join("tests/bindings/explain.txt"));
    assert_eq!(text.lines().map(left).collect::<String>(), expected);
}

#[test]
fn stream() {
    let text = run("stream", &["examples/config/stream.yaml"]);
    let expected =
        "This answer came in pieces, one after the other.\n17 chunks; 10 prompt tokens, 20 completion tokens\n";
    assert_eq!(text, expected);
}

#[test]
fn tools() {
    let played = "examples/config/tools.yaml";
    let expected = sdk::read(sdk::root().join("tests/bindings/tools.txt"));
    assert_eq!(run("tools", &[played]), expected);

    // A mock takes any conversation; Anthropic refuses a result that answers no call, and so does the fake provider.
    let provider = sdk::Provider::start();
    let config = sdk::read(sdk::root().join(played));
    let (before, writer) = config.split_once("  - model_name: writer\n").expect("a writer");
    let real = format!("model: anthropic/claude-sonnet-4-5, api_key: k, api_base: \"{}/wire\"", provider.base_url);
    let mock = writer.split_once('{').and_then(|(_, rest)| rest.split_once('}')).expect("its parameters").0;
    let wired = sdk::scratch("example-tools-wired").join("tools.yaml");
    std::fs::write(&wired, format!("{before}  - model_name: writer\n{}", writer.replace(mock, &real)))
        .expect("a config");
    let said = run("tools", &[wired.to_str().expect("a path")]);
    assert_eq!(said.lines().last(), Some("writer says hello from wire"), "{said}");
    assert_eq!(said.lines().take(2).collect::<Vec<_>>(), expected.lines().take(2).collect::<Vec<_>>());
}

#[test]
fn caching() {
    let expected = sdk::read(sdk::root().join("tests/bindings/caching.txt"));
    assert_eq!(run("caching", &["examples/config/caching.yaml"]), expected);
}

#[test]
fn events() {
    let text = run("events", &["examples/config/events.yaml"]);
    // How long it took is never the same.
    let shown = |line: &str| match line.rsplit_once(", ") {
        Some((before, _)) => format!("{before}, 5.0 ms\n"),
        None => format!("{line}\n"),
    };
    let expected = sdk::read(sdk::root().join("tests/bindings/events.txt"));
    assert_eq!(text.lines().map(shown).collect::<String>(), expected);
}

/// Every example has a test here.
#[test]
fn every_example_is_run() {
    for entry in std::fs::read_dir(sdk::root().join("examples/c")).expect("examples/c") {
        let name = entry.expect("an entry").file_name();
        assert!(
            ["hello.c", "failover.c", "many.c", "explain.c", "stream.c", "tools.c", "caching.c", "events.c"]
                .iter()
                .any(|known| name == *known),
            "{name:?} has no test"
        );
    }
}

/// The README's first programs are the tested ones, byte for byte.
#[test]
fn readme_shows_hello() {
    let readme = sdk::read(sdk::root().join("README.md"));
    let shown = [("c", "c/hello.c"), ("cpp", "cpp/hello.cpp"), ("go", "go/hello/main.go"), ("js", "node/hello.mjs")];
    for (language, example) in shown {
        let block = readme.split(&format!("\n```{language}\n")).nth(1).and_then(|rest| rest.split("\n```").next());
        let block = block.unwrap_or_else(|| panic!("README.md has no block that begins with ```{language}"));
        let file = sdk::read(sdk::root().join("examples").join(example));
        assert!(format!("{block}\n") == file, "README.md's program is not examples/{example}");
    }
}
