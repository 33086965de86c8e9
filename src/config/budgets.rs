//! Budgets: so many dollars in so long, of a provider, a deployment or a tag.

use std::collections::BTreeMap;
use std::time::Duration;

use super::model::{BudgetConfig, BudgetsConfig, DeploymentConfig};
use super::report::Report;
use super::sections::Read;
use super::settings::Settings;

const DAY: u64 = 86_400;
/// Units of a duration and their seconds, the longer name first.
const UNITS: [(&str, u64); 6] = [("mo", 30 * DAY), ("s", 1), ("m", 60), ("h", 3600), ("d", DAY), ("w", 7 * DAY)];

pub fn read(read: &Read, deployments: &[DeploymentConfig], report: &mut Report) -> BudgetsConfig {
    let mut section = |settings: &Settings, name: &str, path: &str| {
        let all = settings.section(name);
        let entry = |(key, _): (&str, _)| {
            let path = format!("{path}.{key}");
            Some((key.to_owned(), budget(&all.section(key), &path, report)?))
        };
        all.iter().filter_map(entry).collect::<BTreeMap<_, _>>()
    };
    let providers =
        section(&read.sections.router, "provider_budget_config", &read.router_path("provider_budget_config"));
    let tags = section(&read.sections.litellm, "tag_budget_config", "litellm_settings.tag_budget_config");
    let of_deployment = |deployment: &DeploymentConfig| {
        let params = &deployment.settings;
        let (limit, period) = (params.number("max_budget"), params.text("budget_duration"));
        let path = format!("{}.litellm_params", deployment.path);
        match (limit, period) {
            (None, None) => None,
            (Some(_), Some(_)) => Some((deployment.id.clone(), budget(params, &path, report)?)),
            // LiteLLM needs both and says nothing.
            _ => {
                report.warn(&path, "max_budget and budget_duration are in force only together");
                None
            }
        }
    };
    BudgetsConfig { providers, tags, deployments: deployments.iter().filter_map(of_deployment).collect() }
}

fn budget(settings: &Settings, path: &str, report: &mut Report) -> Option<BudgetConfig> {
    let limit = settings.number("budget_limit").or_else(|| settings.number("max_budget"));
    let period = settings.text("time_period").or_else(|| settings.text("budget_duration"));
    let Some(limit) = limit else {
        report.error(path, "a budget without budget_limit", "");
        return None;
    };
    let Some(period) = period.and_then(duration) else {
        report.error(path, "a budget without a time", "time_period is a number and s, m, h, d, w or mo, such as 1d");
        return None;
    };
    Some(BudgetConfig { limit, period })
}

/// `30s`, `5m`, `1h`, `7d`, `2w`, `1mo`.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (count, seconds) = UNITS.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))?;
    let count: u64 = count.trim().parse().ok().filter(|count| *count > 0)?;
    Some(Duration::from_secs(count.checked_mul(*seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_litellms() {
        let seconds = |text: &str| duration(text).map(|time| time.as_secs());
        assert_eq!(
            ["30s", "5m", "1h", "7d", "2w", "1mo"].map(seconds),
            [30, 300, 3600, 604_800, 1_209_600, 2_592_000].map(Some)
        );
        assert_eq!(["", "1", "d", "0d", "1y", "-1d"].map(seconds), [None; 6]);
    }
}
