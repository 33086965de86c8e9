//! `llmrouter_settings.error_rules`.

use super::{config, refused, warnings};
use crate::config::{Config, Phrase};

fn with(rules: &str) -> String {
    format!("model_list: []\nllmrouter_settings:\n  error_rules:\n{rules}")
}

fn phrases(phrases: &[Phrase]) -> Vec<Vec<&str>> {
    phrases.iter().map(|phrase| phrase.parts().iter().map(String::as_str).collect()).collect()
}

#[test]
fn the_documented_example_loads() {
    let text = include_str!("../../../docs/errors.md");
    let example = text.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let Config { error_rules, .. } = config(example);
    let [budget, long, shed] = error_rules.as_slice() else { panic!("three rules") };
    assert_eq!((budget.timed, budget.retryable, budget.wait), (Some(false), Some(false), Some(600.0)));
    assert_eq!((budget.scope.as_deref(), budget.class.as_deref()), (Some("key"), None));
    assert_eq!((budget.path.as_str(), budget.line), ("llmrouter_settings.error_rules[0]", 3));
    assert_eq!((long.provider.join(" "), long.status.as_slice()), ("ollama hosted_vllm".to_owned(), &[400, 500][..]));
    assert_eq!(phrases(&long.text), [vec!["input length exceeds"], vec!["too many tokens", "in the prompt"]]);
    assert_eq!(phrases(&long.not_text), [["rate limit"]]);
    let headers: Vec<_> = shed.header.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    assert_eq!(headers, [("server", Some("our-proxy")), ("x-shed", None)]);
}

#[test]
fn forms_of_values() {
    let loaded = config(&with(
        "  - {provider: zai, code: 1113, wait: '1e2', retryable: no}\n  -\n  - {code: [a, b], class: Timeout}",
    ));
    let [one, two] = loaded.error_rules.as_slice() else { panic!("an empty entry is no rule") };
    assert_eq!((one.provider.join(""), one.code.join("")), ("zai".to_owned(), "1113".to_owned()));
    assert_eq!((one.wait, one.retryable), (Some(100.0), Some(false)));
    assert_eq!((two.path.as_str(), two.line), ("llmrouter_settings.error_rules[2]", 6));
    assert!(!warnings(&loaded).contains("error_rules"), "in force");
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (rule, expected) in [
        ("{codes: x, scope: key}", "error_rules[0].codes: unknown key at line 4 column 6; did you mean code?"),
        ("{code: x, class: RateLimit}", "error_rules[0].class: unknown name RateLimit at line 4 column 15"),
        ("{code: x, scope: keys}", "error_rules[0].scope: unknown name keys at line 4 column 15"),
        ("{code: x, scope: keys}", "valid are request, key, deployment, host"),
        ("{status: [200], scope: key}", "error_rules[0].status[0]: expected a whole number from 400 to 599"),
        ("{status: 429, scope: key}", "error_rules[0].status: expected a list, found a number"),
        ("{text: [{a: b}], scope: key}", "error_rules[0].text[0]"),
        ("{header: [a], scope: key}", "error_rules[0].header: expected a map, found a list"),
        ("{header: {a: [b]}, scope: key}", "error_rules[0].header.a: expected text, found a list"),
        ("{code: x, wait: -1}", "error_rules[0].wait: expected seconds"),
        ("{code: x}", "error_rules[0]: a rule without effect"),
        ("{scope: key}", "error_rules[0]: a rule for every error"),
        ("{text: ['', b], scope: key}", "error_rules[0]: an empty phrase"),
        ("{code: x, not_text: [[]], scope: key}", "error_rules[0]: an empty phrase"),
        ("5", "error_rules[0]: expected a map, found a number"),
    ] {
        let message = refused(&with(&format!("  - {rule}")));
        assert!(message.contains(expected), "{rule}: {message}");
        assert!(message.contains("llmrouter_settings.error_rules[0]") && message.contains("at line 4"), "{message}");
    }
}
