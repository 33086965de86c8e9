//! Texts as a whole: YAML's and JSON's odd sides, aliases and fallbacks, included files, and texts that are no
//! configuration.

use std::fs;

use proptest::prelude::*;

use super::{config, environment, refused, warnings};
use crate::config::{AliasTarget, load, load_file, load_text};

#[test]
fn what_is_no_configuration() {
    for (text, message) in [
        ("", "empty config"),
        ("  \n# nothing\n---\n", "empty config"),
        ("null", "empty config"),
        ("- a", "is not a map of settings"),
        ("just text", "is not a map of settings"),
        ("a: 1\n---\nb: 2", "more than one document"),
        ("model_list: []\nmodel_list: []", "repeated key model_list at line 2 column 1"),
        (r#"{"model_list": [], "model_list": []}"#, "repeated key model_list"),
        (r#"{"model_list": []} x"#, "invalid JSON: trailing characters at line 1 column 20"),
        ("model_list: [", "invalid YAML"),
        ("model_list: *gone", "unknown anchor"),
        ("\tmodel_list: []", "invalid YAML"),
        ("model_list: !!int sk-secret", "does not fit its tag or place at line 1 column 13"),
        ("{[1]: 2}", "invalid JSON"),
        ("? [1]\n: 2", "does not fit its tag or place"),
        ("environment_variables: [a]", "environment_variables: expected a map of names to values at line 1 column 1"),
        ("environment_variables: {A: [b]}", "environment_variables.A: expected text at line 1 column 25"),
        ("a: {<<: 5}", "<< takes a map or a list of maps"),
    ] {
        let error = refused(text);
        assert!(error.contains(message), "{text:?}: {error}");
        assert!(!error.contains("sk-secret"), "{error}");
    }
}

#[test]
fn bounds() {
    let bomb = (1..12).fold("x0: &x0 [a, a, a, a, a, a, a, a, a]\n".to_owned(), |text, i| {
        let alias = format!("*x{}", i - 1);
        text + &format!("x{i}: &x{i} [{}]\n", vec![alias; 9].join(", "))
    });
    let error = refused(&bomb);
    assert!(error.contains("repetition limit") || error.contains("more than 1000000 values"), "{error}");
    let deep = format!("a: {}{}", "[".repeat(5000), "]".repeat(5000));
    assert!(refused(&deep).contains("recursion limit"), "{}", refused(&deep));
    let deep = format!("{{\"a\": {}{}}}", "[".repeat(5000), "]".repeat(5000));
    assert!(refused(&deep).contains("recursion limit"), "{}", refused(&deep));
    assert!(refused(&"x".repeat((16 << 20) + 1)).contains("at most 16777216 are read"));
}

#[test]
fn json_is_read_too() {
    let config = config(
        "\n {\"model_list\": [{\"model_name\": \"g\",\n\"litellm_params\": {\"model\": \"m\", \"user\": \"\\ud83d\\ude00\"}}]}",
    );
    assert_eq!(config.deployments[0].params[0].1, "\u{1f600}");
}

#[test]
fn anchors_and_merge_keys() {
    let config = config(
        "x-base: &base {api_key: k, rpm: 1}
x-more: &more {<<: *base, tpm: 2}
model_list:
  - model_name: g
    litellm_params: {model: m, <<: *more, rpm: 3}
  - model_name: h
    litellm_params: {<<: [*base, {rpm: 9, timeout: 4}], model: m}
",
    );
    let [one, two] = config.deployments.as_slice() else { panic!("two deployments") };
    assert_eq!((one.rpm, one.tpm, one.api_key.is_some()), (Some(3.0), Some(2.0), true));
    assert_eq!((two.rpm, two.timeout.is_some()), (Some(1.0), true));
}

#[test]
fn one_name_in_both_places() {
    let error = refused("num_retries: 1\nrouter_settings:\n  num_retries: 2\n");
    assert!(
        error.contains("num_retries: set twice at line 1 column 1; router_settings.num_retries at line 3 column 3"),
        "{error}"
    );
    assert_eq!(config("num_retries: 1\nrouter_settings: {num_retries: 1.0}").retry.num_retries, 1);
}

const GROUPS: &str = "model_list:
- {model_name: a, litellm_params: {model: m}}
- {model_name: b, litellm_params: {model: n}}
- {model_name: 'w/*', litellm_params: {model: o}}
";

#[test]
fn aliases() {
    let config = config(&format!(
        "{GROUPS}model_group_alias:
  x: a
  y: x
  a: a
  b: a
  hidden: {{model: b, hidden: yes}}
  wild: w/1
  lost: nowhere
  lost-too: lost
"
    ));
    let target = |name: &str| match &config.aliases[name].target {
        AliasTarget::Group(group) => group.clone(),
        AliasTarget::Missing(name) => format!("missing {name}"),
    };
    let seen: Vec<_> = config.aliases.keys().map(|name| format!("{name}={}", target(name))).collect();
    let expected =
        ["a=a", "b=a", "hidden=b", "lost=missing nowhere", "lost-too=missing nowhere", "wild=w/1", "x=a", "y=a"];
    assert_eq!(seen, expected);
    assert!(config.aliases["hidden"].hidden && !config.aliases["x"].hidden);
    let warnings = warnings(&config);
    assert!(
        warnings.contains("model_group_alias.b at line 9 column 3: hides the model group b; a answers"),
        "{warnings}"
    );
    assert!(
        warnings.contains("there is no model group nowhere; a call through this alias is a bad request"),
        "{warnings}"
    );
}

#[test]
fn aliases_in_a_circle() {
    let error = refused("model_group_alias: {p: q, q: r, r: p}");
    assert!(
        error.contains("model_group_alias.p: aliases in a circle: p -> q -> r -> p at line 1 column 21"),
        "{error}"
    );
    assert!(refused("model_group_alias: {p: {hidden: true}}").contains("an alias without a target"));
}

#[test]
fn fallbacks() {
    let config = config(&format!(
        "{GROUPS}litellm_settings:
  default_fallbacks: [b]
router_settings:
  max_fallbacks: 2
  fallbacks:
    - a: b
    - w/1: [a, {{model: b, temperature: 1}}, gone]
    - nobody: [a]
    - '*': [a]
"
    ));
    let fallback = &config.fallback;
    assert_eq!(fallback.max_fallbacks, 2);
    let names = |key: &str| -> Vec<&str> {
        fallback.generic.get(key).unwrap().iter().map(|target| target.group.as_str()).collect()
    };
    assert_eq!(names("a"), ["b"]);
    assert_eq!(names("w/1"), ["a", "b", "gone"]);
    assert_eq!(names("nobody"), ["a"]);
    assert_eq!(names("*"), ["b"]);
    assert_eq!(fallback.generic.get("w/1").unwrap()[1].changes["temperature"], 1);
    let warnings = warnings(&config);
    for part in [
        "router_settings.fallbacks[1].w/1[2] at line 11 column 44: there is no model group gone; it is skipped",
        "router_settings.fallbacks[1].w/1 at line 11 column 7: 3 fallbacks, of which a call visits 2 at most",
        "router_settings.fallbacks[2].nobody at line 12 column 7: there is no model group nobody; these fallbacks",
        "litellm_settings.default_fallbacks at line 6 column 3: overrides the fallbacks for *",
    ] {
        assert!(warnings.contains(part), "{part}\n{warnings}");
    }
}

#[test]
fn forms_of_fallbacks() {
    let map = config("fallbacks: {a: [b], c: d}");
    assert_eq!(
        (map.fallback.generic.get("a").unwrap().len(), map.fallback.generic.get("c").unwrap()[0].group.as_str()),
        (1, "d")
    );
    assert!(
        warnings(&map).contains("fallbacks.c at line 1 column 21: there is no model group c"),
        "{}",
        warnings(&map)
    );
    for (text, message) in [
        ("fallbacks: [a]", "fallbacks[0]: item is not a dictionary at line 1 column 13"),
        ("fallbacks: [{a: [b], c: [d]}]", "fallbacks[0]: item must have exactly one key, but has 2 keys"),
        ("fallbacks: [{}]", "but has 0 keys"),
        ("fallbacks: 5", "fallbacks: expected a list of maps, found a number"),
        ("fallbacks: [{a: [{temperature: 1}]}]", "fallbacks[0].a[0]: a fallback without a model group"),
        ("context_window_fallbacks: [a]", "item is not a dictionary"),
    ] {
        let error = refused(text);
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn include_joins_files() {
    let folder = std::env::temp_dir().join(format!("llmrouter-include-{}", std::process::id()));
    fs::create_dir_all(folder.join("sub")).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    let entry = |name: &str| format!("model_list: [{{model_name: {name}, litellm_params: {{model: m}}}}]\n");
    write("main.yaml", &format!("include: [sub/models.yaml]\n{}num_retries: 1\n", entry("a")));
    write("sub/models.yaml", &format!("include: more.yaml\n{}router_settings: {{allowed_fails: 1}}\n", entry("b")));
    write("sub/more.yaml", &format!("{}include: [models.yaml]\n", entry("c")));
    let config = load_file(&folder.join("main.yaml")).unwrap_or_else(|error| panic!("{error}"));
    let names: Vec<_> = config.deployments.iter().map(|it| (it.group.as_str(), it.line)).collect();
    assert_eq!(names, [("a", 2), ("b", 2), ("c", 1)]);

    write("sub/more.yaml", "num_retries: 2\n");
    let error = load_file(&folder.join("main.yaml")).err().unwrap().message;
    assert!(
        error.contains("num_retries: set twice at line 3 column 1") && error.contains("more.yaml has another"),
        "{error}"
    );
    write("sub/more.yaml", "num_retires: 2\n");
    let error = load_file(&folder.join("main.yaml")).err().unwrap().message;
    assert!(error.contains("unknown key at line 1 column 1 of") && error.contains("more.yaml; did you"), "{error}");
    write("sub/more.yaml", "");
    let error = load_file(&folder.join("main.yaml")).err().unwrap().message;
    assert!(error.contains("more.yaml: empty config"), "{error}");
    fs::remove_file(folder.join("sub/more.yaml")).unwrap();
    assert!(load_file(&folder.join("main.yaml")).err().unwrap().message.contains("more.yaml"));
    fs::remove_dir_all(&folder).unwrap();

    let error = load_text("include: [a.yaml]").err().unwrap().message;
    assert!(error.contains("include: include works for files only at line 1 column 1"), "{error}");
}

#[test]
fn a_message_stays_short_whatever_the_key() {
    let with_key = |key: &str| refused(&format!("router_settings: {{\"{key}\": 1}}"));
    let error = with_key(&format!("a\\n{}", "b".repeat(1000)));
    assert!(error.contains("unknown key") && error.len() < 400 && !error.contains('\n'), "{error}");
    assert!(with_key(&"b".repeat(1025)).contains("a key of more than 1024 bytes"));
}

#[test]
fn a_configuration_can_cross_threads() {
    fn crosses<T: Send + Sync>(_: &T) {}
    crosses(&config("model_list: []"));
}

#[test]
fn secrets_are_in_no_message() {
    let text = "model_list:
- model_name: g
  litellm_params: {model: m, api_key: sk-topsecret, timeout: sk-topsecret, num_retries: sk-topsecret, stream: sk-topsecret}
  rpm: sk-topsecret
router_settings: {redis_port: sk-topsecret, retry_policy: sk-topsecret, fallbacks: [sk-topsecret]}
litellm_settings: sk-topsecret";
    let error = refused(text);
    assert_eq!(error.lines().count(), 8, "{error}");
    assert!(!error.contains("topsecret"), "{error}");
}

const EXAMPLE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/config/documented/complete-production-example.yaml"));

const JSON: &str = r#"{"model_list": [{"model_name": "g", "litellm_params": {"model": "m", "rpm": 1e3, "stop": [null]}}],
"fallbacks": [{"g": ["h", {"model": "i"}]}], "model_group_alias": {"a": {"model": "g"}}, "litellm_settings": {"cache": true}}"#;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        let _ = load(&text, |_| None);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = load(&String::from_utf8_lossy(&bytes), |_| None);
    }

    #[test]
    fn no_json_panics(at in 0..JSON.len(), new in "[\\[\\]{}:,\" 0-9a-z.]{0,4}") {
        let _ = load(&format!("{}{new}{}", &JSON[..at], &JSON[at..]), environment);
    }

    #[test]
    fn no_change_of_an_example_panics(at in 0..EXAMPLE.len(), length in 0..40_usize, new in "[\\[\\]{}:,&*!?\\-\"' \n0-9a-z<#|>]{0,6}") {
        let text = EXAMPLE.get(..at).zip(EXAMPLE.get((at + length).min(EXAMPLE.len())..));
        if let Some((before, after)) = text {
            let _ = load(&format!("{before}{new}{after}"), environment);
        }
    }
}
