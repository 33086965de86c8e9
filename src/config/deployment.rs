//! `model_list`: each entry to the deployments it describes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::defaults;
use super::identity::{self, Ids};
use super::keys::{LITELLM_PARAMS, State};
use super::model::{DeploymentConfig, MockConfig};
use super::policies;
use super::report::Report;
use super::scalar;
use super::secret::Secret;
use super::settings::Settings;
use super::tls::TlsConfig;
use crate::policy::ByClass;

/// An entry of `model_list` while it is read.
struct Entry<'a> {
    path: String,
    /// What stands beside `model_name`.
    own: Settings,
    /// `litellm_params`, and behind them the defaults of all entries.
    params: Settings,
    info: Settings,
    /// `litellm_params` as written, with references replaced: what the id is made of.
    written: &'a Map<String, Value>,
}

/// Reads all entries: `checked` is the list after its check, `written` before it.
pub fn read(
    checked: &[Value],
    written: &[Value],
    defaults: &Settings,
    litellm: &Settings,
    report: &mut Report,
) -> Vec<DeploymentConfig> {
    let entries: Vec<Entry> = (checked.iter().zip(written).enumerate())
        .filter_map(|(index, (checked, written))| Entry::read(index, checked, written, defaults, report))
        .collect();
    let mut ids = reserve(&entries, report);
    let mut deployments = Vec::new();
    for entry in &entries {
        for organization in entry.organizations() {
            deployments.extend(entry.deployment(organization, litellm, &mut ids, report));
        }
    }
    deployments
}

/// Explicit ids come first, so that no made-up id takes one of them.
fn reserve(entries: &[Entry], report: &mut Report) -> Ids {
    let mut ids = Ids::default();
    for entry in entries {
        let Some(id) = entry.info.text("id") else { continue };
        let path = format!("{}.model_info.id", entry.path);
        if let Err(owner) = ids.reserve(id, &path) {
            let place = report.place(&owner);
            report.error(&path, "repeated id", format!("{owner}{place} has the same; ids are unique"));
        }
    }
    ids
}

impl<'a> Entry<'a> {
    fn read(
        index: usize,
        checked: &Value,
        written: &'a Value,
        defaults: &Settings,
        report: &mut Report,
    ) -> Option<Self> {
        let path = format!("model_list[{index}]");
        if written.is_null() {
            report.error(&path, "an empty entry", "an entry needs model_name and litellm_params");
        }
        let (Value::Object(own), Value::Object(written)) = (checked, written) else {
            // Anything else that is no map was reported by its check.
            return None;
        };
        let own = Settings::new(own.clone());
        let written_params = written.get("litellm_params").and_then(Value::as_object);
        if own.text("model_name").is_none_or(str::is_empty) && written.get("model_name").is_none_or(is_unset) {
            report.error(&path, "an entry without model_name", "");
        }
        let Some(written_params) = written_params else {
            if written.get("litellm_params").is_none_or(Value::is_null) {
                report.error(&path, "an entry without litellm_params", "");
            }
            return None;
        };
        if written_params.get("model").is_none_or(is_unset) {
            report.error(&format!("{path}.litellm_params"), "litellm_params without model", "");
        }
        let (params, info) = (defaults::behind(&own.section("litellm_params"), defaults), own.section("model_info"));
        Some(Self { path, own, params, info, written: written_params })
    }

    /// One deployment for each organization; without any, one deployment.
    fn organizations(&self) -> Vec<Option<String>> {
        match self.params.get("organization") {
            Some(Value::Array(list)) if !list.is_empty() => {
                list.iter().map(|one| one.as_str().map(str::to_owned)).collect()
            }
            Some(Value::String(one)) => vec![Some(one.clone())],
            _ => vec![None],
        }
    }

    fn deployment(
        &self,
        organization: Option<String>,
        litellm: &Settings,
        ids: &mut Ids,
        report: &mut Report,
    ) -> Option<DeploymentConfig> {
        let group = self.own.text("model_name")?.to_owned();
        let model = self.params.text("model")?.to_owned();
        let owned = |name: &str| self.params.text(name).map(str::to_owned);
        let (rpm, tpm) = (self.limit("rpm", report), self.limit("tpm", report));
        Some(DeploymentConfig {
            id: self.id(&group, ids, report),
            custom_llm_provider: owned("custom_llm_provider"),
            api_key: self.params.text("api_key").map(Secret::new),
            api_base: self.api_base(report),
            api_version: owned("api_version"),
            organization,
            weight: self.limit("weight", report),
            rpm,
            tpm,
            itpm: self.limit("itpm", report).or(self.info.number("itpm")),
            otpm: self.limit("otpm", report).or(self.info.number("otpm")),
            max_parallel: self.max_parallel(rpm, tpm),
            timeout: self.params.time("timeout"),
            request_timeout: self.params.time("request_timeout"),
            timeout_by_service_tier: self.timeouts("timeout_by_service_tier"),
            stream_timeout: self.params.time("stream_timeout"),
            stream_timeout_by_service_tier: self.timeouts("stream_timeout_by_service_tier"),
            num_retries: self.params.count("num_retries"),
            order: [&self.params, &self.info].into_iter().find_map(|section| section.get("order")?.as_i64()),
            blocked: [&self.own, &self.info].into_iter().any(|section| section.flag("blocked") == Some(true)),
            cooldown_time: self.info.time("cooldown_time").or_else(|| self.params.time("cooldown_time")),
            allowed_fails: self.info.count("allowed_fails"),
            allowed_fails_policy: self.allowed_fails_policy(report),
            extra_headers: self.headers(),
            tls: self.tls(litellm),
            mock: self.mock(),
            params: self.forwarded(),
            settings: self.params.clone(),
            info: self.info.clone(),
            path: self.path.clone(),
            line: report.line(&self.path),
            group,
            model,
        })
    }

    fn id(&self, group: &str, ids: &mut Ids, report: &mut Report) -> String {
        let explicit = self.info.text("id").map(str::to_owned);
        let of_its_own = format!("{}.model_info.id", self.path);
        let id = explicit.clone().unwrap_or_else(|| identity::hash(group, self.written));
        if explicit.is_some() && ids.claim(&id, &of_its_own, &self.path) {
            return id;
        }
        let (taken, owner) = ids.take(&id, &self.path);
        if let Some(owner) = owner.filter(|owner| *owner != self.path) {
            let place = report.place(&owner);
            let twin = format!("the same group and parameters as {owner}{place}; its id ends in a number");
            report.warn(&self.path, twin);
        }
        taken
    }

    fn api_base(&self, report: &mut Report) -> Option<String> {
        let (api_base, base_url) = (self.params.text("api_base"), self.params.text("base_url"));
        if api_base.is_some() && base_url.is_some() && api_base != base_url {
            let path = format!("{}.litellm_params.base_url", self.path);
            report.warn(&path, "overridden by api_base of the same entry");
        }
        api_base.or(base_url).map(str::to_owned)
    }

    fn timeouts(&self, name: &str) -> BTreeMap<String, Duration> {
        let section = self.params.section(name);
        section.iter().filter_map(|(tier, _)| Some((tier.to_owned(), section.time(tier)?))).collect()
    }

    fn allowed_fails_policy(&self, report: &mut Report) -> Option<ByClass> {
        let path = format!("{}.model_info.allowed_fails_policy", self.path);
        policies::allowed_fails(&self.info, &path, report)
    }

    /// LiteLLM's: the number itself, else `rpm`, else six calls a thousand tokens of `tpm`; 0 is no limit.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn max_parallel(&self, rpm: Option<f64>, tpm: Option<f64>) -> Option<u32> {
        let by_rpm = || rpm.map(|rpm| rpm as u32);
        let by_tpm = || tpm.map(|tpm| (((tpm / 1000.0) * 6.0) as u32).max(1));
        let count = self.params.count("max_parallel_requests").or_else(by_rpm).or_else(by_tpm);
        count.filter(|count| *count > 0)
    }

    /// `weight`, `rpm` and `tpm` may also stand beside `model_name`.
    fn limit(&self, name: &str, report: &mut Report) -> Option<f64> {
        let (inside, beside) = (self.params.number(name), self.own.number(name));
        if inside.is_some() && beside.is_some() && inside != beside {
            report.warn(&format!("{}.{name}", self.path), format!("overridden by litellm_params.{name}"));
        }
        inside.or(beside)
    }

    /// `extra_headers` and `headers` together; the former win. Header names know no case.
    fn headers(&self) -> Vec<(String, Secret)> {
        let mut headers: Vec<(String, Secret)> = Vec::new();
        for source in ["extra_headers", "headers"] {
            for (name, value) in self.params.section(source).iter() {
                let known = headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
                if let Some(value) = value.as_str().filter(|_| !known) {
                    headers.push((name.to_owned(), Secret::new(value)));
                }
            }
        }
        headers
    }

    fn tls(&self, litellm: &Settings) -> TlsConfig {
        let ssl_verify = self.params.get("ssl_verify").or_else(|| litellm.get("ssl_verify"));
        let certificate = self.params.text("ssl_certificate").or_else(|| litellm.text("ssl_certificate"));
        TlsConfig {
            verify: ssl_verify != Some(&Value::Bool(false)),
            ca_file: ssl_verify.and_then(Value::as_str).map(str::to_owned),
            client_certificate: certificate.map(str::to_owned),
            client_key: self.params.text("ssl_key").map(str::to_owned),
        }
    }

    fn mock(&self) -> Option<MockConfig> {
        let milliseconds = self.params.number("mock_delay_ms").map(|ms| ms / 1000.0);
        let delay = milliseconds.or_else(|| self.params.number("mock_delay"));
        let delay = delay.map(|seconds| seconds.min(scalar::MAX_SECONDS));
        let (response, error) = (self.params.get("mock_response"), self.params.get("mock_error"));
        let tool_calls =
            self.params.get("mock_tool_calls").filter(|calls| calls.as_array().is_some_and(|c| !c.is_empty()));
        let timeout = self.params.flag("mock_timeout").unwrap_or(false);
        if response.is_none() && error.is_none() && tool_calls.is_none() && !timeout && delay.is_none() {
            return None;
        }
        let delay = delay.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or_default();
        Some(MockConfig {
            response: response.cloned(),
            error: error.cloned(),
            tool_calls: tool_calls.cloned(),
            timeout,
            delay,
        })
    }

    /// What goes into every request: OpenAI's parameters and unknown ones, over which `extra_body` wins.
    fn forwarded(&self) -> Vec<(String, Value)> {
        let mut params = Map::new();
        for (name, value) in self.params.iter() {
            if LITELLM_PARAMS.find(name).is_none_or(|key| key.state == State::Forwarded) {
                params.insert(name.to_owned(), value.clone());
            }
        }
        for (name, value) in self.params.section("extra_body").iter() {
            params.insert(name.to_owned(), value.clone());
        }
        params.into_iter().collect()
    }
}

fn is_unset(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}
