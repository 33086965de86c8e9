//! Settings of the filters.

use std::time::Duration;

use regex_lite::Regex;

use super::model::{AffinityConfig, DeploymentConfig, FilterConfig};
use super::report::Report;
use super::sections::Read;

const TAGS: &str = "enable_tag_filtering";

pub fn read(read: &Read, deployments: &[DeploymentConfig], report: &mut Report) -> FilterConfig {
    let router = &read.sections.router;
    for deployment in deployments {
        for (place, expression) in deployment.settings.texts("tag_regex").enumerate() {
            if let Err(error) = Regex::new(expression) {
                let path = format!("{}.litellm_params.tag_regex[{place}]", deployment.path);
                report.error(&path, "no regular expression", error.to_string());
            }
        }
    }
    let says =
        |deployment: &DeploymentConfig| deployment.info.flag(TAGS).or_else(|| deployment.settings.flag(TAGS)).is_some();
    FilterConfig {
        tags: router.flag(TAGS).unwrap_or(false),
        has_tags: deployments.iter().any(says),
        match_any: router.flag("tag_filtering_match_any").unwrap_or(true),
        pre_call_checks: router.flag("enable_pre_call_checks").unwrap_or(false),
    }
}

const DEFAULT_AFFINITY: Duration = Duration::from_secs(3600);

pub fn affinity(read: &Read) -> AffinityConfig {
    let router = &read.sections.router;
    let asked = |name: &str| router.texts("optional_pre_call_checks").any(|check| check == name);
    AffinityConfig {
        sessions: asked("session_affinity"),
        tenants: asked("deployment_affinity"),
        prompts: asked("prompt_caching"),
        responses: asked("responses_api_deployment_check"),
        ttl: router.time("deployment_affinity_ttl_seconds").unwrap_or(DEFAULT_AFFINITY),
    }
}
