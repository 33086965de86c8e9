//! `default_litellm_params`: what holds for every deployment whose entry does not say otherwise.

use serde_json::Map;

use super::report::Report;
use super::sections::Read;
use super::settings::Settings;

const NAME: &str = "default_litellm_params";

/// The last in the order of timeouts, so they are not a deployment's own (see [`super::TimeoutConfig`]).
const TIMES: [&str; 3] = ["timeout", "request_timeout", "stream_timeout"];

/// A default, and the names of which any in an entry says the same thing.
const SAID_BY: [(&str, &[&str]); 9] = [
    ("api_base", &["base_url"]),
    ("base_url", &["api_base"]),
    // A key beats a token, so it may not come from farther away.
    ("api_key", &["azure_ad_token", "client_secret"]),
    ("max_tokens", &["max_completion_tokens"]),
    ("max_completion_tokens", &["max_tokens"]),
    ("reasoning_effort", &["thinking"]),
    ("thinking", &["reasoning_effort"]),
    ("mock_delay", &["mock_delay_ms"]),
    ("mock_delay_ms", &["mock_delay"]),
];

/// Maps of which an entry and the defaults each have their members.
const MERGED: [&str; 3] = ["extra_headers", "headers", "extra_body"];

/// The defaults that become part of the deployments.
pub fn read(read: &Read, report: &mut Report) -> Settings {
    let mut defaults = read.sections.router.section(NAME).into_map();
    for name in TIMES {
        defaults.shift_remove(name);
    }
    if defaults.shift_remove("model").is_some() {
        let path = format!("{}.model", read.router_path(NAME));
        report.warn(&path, "without effect: each entry names its own model");
    }
    Settings::new(defaults)
}

/// The entry's parameters, and behind them the defaults that it does not speak of.
pub fn behind(own: &Settings, defaults: &Settings) -> Settings {
    let mut all: Map<_, _> = own.clone().into_map();
    for (name, value) in defaults.iter() {
        let said_by = SAID_BY.iter().find(|(default, _)| *default == name).map_or(&[][..], |(_, names)| names);
        if MERGED.contains(&name) {
            let members = merged(name, own, defaults);
            all.insert(name.to_owned(), members.into_map().into());
        } else if own.get(name).is_none() && said_by.iter().all(|other| own.get(other).is_none()) {
            all.insert(name.to_owned(), value.clone());
        }
    }
    Settings::new(all)
}

/// The members of both; the entry's come first and win. Names of headers know no case.
fn merged(name: &str, own: &Settings, defaults: &Settings) -> Settings {
    let mut members = own.section(name).into_map();
    for (member, value) in defaults.section(name).iter() {
        // What the entry says as a parameter of its own is not overridden from an extra body that is not its own.
        let said = match name {
            "extra_body" => members.contains_key(member) || own.get(member).is_some(),
            _ => ["extra_headers", "headers"]
                .iter()
                .any(|section| own.section(section).iter().any(|(known, _)| known.eq_ignore_ascii_case(member))),
        };
        if !said {
            members.insert(member.to_owned(), value.clone());
        }
    }
    Settings::new(members)
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::super::model::{Config, DeploymentConfig};

    fn config(defaults: &str, own: &str) -> Config {
        let text = format!(
            "model_list: [{{model_name: g, litellm_params: {{model: openai/m{own}}}}}]\n\
             router_settings: {{default_litellm_params: {{{defaults}}}}}"
        );
        load(&text, |name| (name == "KEY").then(|| "k-of-the-environment".to_owned())).map_err(|e| e.message).unwrap()
    }

    fn deployment(defaults: &str, own: &str) -> DeploymentConfig {
        config(defaults, own).deployments.remove(0)
    }

    fn params(deployment: &DeploymentConfig) -> String {
        deployment.params.iter().map(|(name, value)| format!("{name}={value} ")).collect()
    }

    #[test]
    fn an_entry_beats_them() {
        let one = deployment("temperature: 0.5, seed: 7, drop_params: 'yes'", ", temperature: 1");
        assert_eq!(params(&one), "temperature=1 seed=7 ");
        assert_eq!(one.settings.flag("drop_params"), Some(true));
        let two = deployment("max_tokens: 5, reasoning_effort: low", ", max_completion_tokens: 9, thinking: {type: x}");
        assert_eq!(params(&two), r#"max_completion_tokens=9 thinking={"type":"x"} "#);
        let three = deployment("extra_body: {a: 1, seed: 2}", ", extra_body: {b: 3}, seed: 4");
        assert_eq!(params(&three), "seed=4 b=3 a=1 ");
    }

    #[test]
    fn credentials_serve_entries_that_have_none() {
        let key = |own: &str| {
            let one = deployment("api_key: os.environ/KEY, api_base: 'http://default'", own);
            (one.api_key.map(|key| key.expose().to_owned()), one.api_base)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(key(""), (some("k-of-the-environment"), some("http://default")));
        assert_eq!(key(", api_key: own, base_url: 'http://own'"), (some("own"), some("http://own")));
        assert_eq!(key(", azure_ad_token: t").0, None);
    }

    #[test]
    fn headers_are_added() {
        let one = deployment("extra_headers: {X-A: default, X-B: default}", ", headers: {x-a: own}");
        let headers: Vec<_> =
            one.extra_headers.iter().map(|(name, value)| format!("{name}: {}", value.expose())).collect();
        assert_eq!(headers, ["X-B: default", "x-a: own"]);
    }

    #[test]
    fn they_are_no_part_of_an_id_and_their_time_is_the_last() {
        let (with, without) = (config("timeout: 3, seed: 1", ""), config("", ""));
        assert_eq!(with.deployments[0].id, without.deployments[0].id);
        assert_eq!(with.deployments[0].timeout, None);
        assert_eq!(with.timeouts.default.map(|time| time.as_secs()), Some(3));
        let warned = config("model: openai/x, metadata: {}", "");
        let warnings: String = warned.warnings.iter().map(|warning| format!("{warning}\n")).collect();
        assert!(
            warnings.contains("default_litellm_params.model") && warnings.contains("default_litellm_params.metadata")
        );
        let bad = "model_list: []\nrouter_settings: {default_litellm_params: {temperature: hot}}";
        let error = load(bad, |_| None).err().unwrap();
        assert!(error.message.contains("router_settings.default_litellm_params.temperature"), "{error}");
    }
}
