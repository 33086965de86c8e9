//! Sentry: where the DSN points to, and what is said of this process.

use url::Url;

use super::Sources;

/// As LiteLLM's.
const DEFAULT_ENVIRONMENT: &str = "production";

/// The callback `sentry`.
#[derive(Clone, Debug, PartialEq)]
pub struct SentryConfig {
    /// Where envelopes go: `https://host/api/ID/envelope/`.
    pub endpoint: String,
    /// `SENTRY_DSN` without a secret part.
    pub dsn: String,
    pub public_key: String,
    /// `SENTRY_API_SAMPLE_RATE`: the share of failures that are told, from 0 to 1.
    pub sample_rate: f64,
    pub environment: String,
    pub release: Option<String>,
    /// `SENTRY_SEND_DEFAULT_PII`: who the user is may be told. Prompts and answers never are.
    pub send_default_pii: bool,
}

pub fn read(sources: &Sources) -> Result<SentryConfig, String> {
    let variables = &sources.variables;
    let [dsn] = variables.all(["SENTRY_DSN"])?;
    let Some((endpoint, dsn, public_key)) = parts(&dsn) else {
        return Err("SENTRY_DSN is none (https://PUBLIC_KEY@HOST/PROJECT_ID)".to_owned());
    };
    Ok(SentryConfig {
        endpoint,
        dsn,
        public_key,
        sample_rate: variables.number("SENTRY_API_SAMPLE_RATE", 0.0..=1.0)?.unwrap_or(1.0),
        environment: variables.text("SENTRY_ENVIRONMENT").unwrap_or_else(|| DEFAULT_ENVIRONMENT.to_owned()),
        release: variables.text("SENTRY_RELEASE"),
        send_default_pii: variables.flag("SENTRY_SEND_DEFAULT_PII")?.unwrap_or(false),
    })
}

/// Endpoint, DSN and public key of `scheme://PUBLIC[:SECRET]@host[:port][/prefix]/PROJECT_ID`.
fn parts(dsn: &str) -> Option<(String, String, String)> {
    let mut url = Url::parse(dsn).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty());
    if !is_web || url.username().is_empty() || url.query().is_some() || url.fragment().is_some() {
        return None;
    }
    url.set_password(None).ok()?;
    let path = url.path().trim_end_matches('/').to_owned();
    let (prefix, project) = path.rsplit_once('/')?;
    if project.is_empty() || !project.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    url.set_path(&path);
    let (dsn, public_key) = (url.to_string(), url.username().to_owned());
    url.set_username("").ok()?;
    url.set_path(&format!("{prefix}/api/{project}/envelope/"));
    Some((url.to_string(), dsn, public_key))
}
