//! How much is logged: LiteLLM's switches, of which any makes a router tell single requests.

use super::env::Environment;
use super::report::Report;
use super::sections::Read;

/// LiteLLM's variable.
const VARIABLE: &str = "LITELLM_LOG";

/// Python's names of levels, as LiteLLM takes them.
const LEVELS: [&str; 5] = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];

/// Whether the router logs at debug level: by `set_verbose`, `debug_level` or the variable. All else leaves it at info.
pub fn is_verbose(read: &Read, environment: &Environment, report: &mut Report) -> bool {
    let (router, litellm) = (&read.sections.router, &read.sections.litellm);
    let is_debug = |name: &str, place: &str, report: &mut Report| {
        let name = name.trim();
        let known = LEVELS.iter().find(|level| level.eq_ignore_ascii_case(name));
        if known.is_none() && !name.is_empty() {
            report.warn(place, format!("no level of a log, and without effect; there are {}", LEVELS.join(", ")));
        }
        known.map(|level| *level == "DEBUG")
    };
    let level = router.text("debug_level");
    let by_level = level.and_then(|level| is_debug(level, &read.router_path("debug_level"), report));
    // As with LiteLLM, a level that is named decides what the router's own switch means.
    let by_router = by_level.unwrap_or_else(|| router.flag("set_verbose").unwrap_or(false));
    let by_variable = environment.get(VARIABLE).and_then(|level| is_debug(&level, VARIABLE, report)).unwrap_or(false);
    by_router || litellm.flag("set_verbose").unwrap_or(false) || by_variable
}

#[cfg(test)]
mod tests {
    use super::super::{Config, load};

    fn loaded(text: &str, variable: &'static str) -> Config {
        let lookup = move |name: &str| (name == "LITELLM_LOG" && !variable.is_empty()).then(|| variable.to_owned());
        load(&format!("model_list: []\n{text}"), lookup).map_err(|error| error.message).unwrap()
    }

    #[test]
    fn any_switch_raises_a_router() {
        let verbose = |text: &str, variable| loaded(text, variable).verbose;
        assert!(!verbose("", ""));
        for text in [
            "set_verbose: true",
            "router_settings: {set_verbose: 'yes'}",
            "litellm_settings: {set_verbose: true}",
            "debug_level: DEBUG",
            "router_settings: {set_verbose: true, debug_level: debug}",
            "environment_variables: {LITELLM_LOG: debug}",
            "environment_variables: {LITELLM_LOG: INFO}\nlitellm_settings: {set_verbose: true}",
        ] {
            assert!(verbose(text, ""), "{text}");
        }
        assert!(verbose("", "DEBUG") && verbose("set_verbose: false", "DEBUG"));
    }

    #[test]
    fn everything_else_leaves_it_at_info() {
        for (text, variable) in [
            ("set_verbose: false", ""),
            ("router_settings: {set_verbose: true, debug_level: INFO}", ""),
            ("", "INFO"),
            ("", "WARNING"),
            ("", "ERROR"),
            ("environment_variables: {LITELLM_LOG: ''}", "DEBUG"),
            ("environment_variables: {LITELLM_LOG: ERROR}", "DEBUG"),
        ] {
            let config = loaded(text, variable);
            assert!(!config.verbose, "{text} {variable}");
            let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
            assert!(warnings.iter().all(|warning| !warning.contains("level")), "{warnings:?}");
        }
    }

    #[test]
    fn a_level_that_nobody_knows_is_a_warning() {
        let config = loaded("debug_level: chatty", "loud");
        assert!(!config.verbose);
        let warnings: String = config.warnings.iter().map(|warning| format!("{warning}\n")).collect();
        assert!(warnings.contains("debug_level at line 2") && warnings.contains("LITELLM_LOG: no level"), "{warnings}");
    }
}
