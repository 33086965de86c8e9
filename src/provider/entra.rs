//! Tokens of Microsoft Entra for Azure: fetched when first needed, kept until shortly before they end.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Deserialize;

use crate::clock;
use crate::config::{DeploymentConfig, Environment, Secret};
use crate::transport::{Clients, Fault, HeaderName, HeaderValue, Target, header};

use super::escape::escaped;

const DEFAULT_AUTHORITY: &str = "https://login.microsoftonline.com";
const DEFAULT_SCOPE: &str = "https://cognitiveservices.azure.com/.default";
/// A token is renewed this long before its end, so that none ends on its way.
const MARGIN: Duration = Duration::from_secs(300);
/// For answers that do not say how long the token lives.
const DEFAULT_LIFE: u64 = 3600;

/// The client credentials of one deployment and the token that they last gave.
pub struct Entra {
    target: Target,
    form: Secret,
    client_secret: Secret,
    /// Held while a token is fetched: those who come meanwhile wait for the same one.
    fetching: tokio::sync::Mutex<()>,
    current: Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    value: Secret,
    good_until: Instant,
}

/// Why there is no token.
pub enum NoToken {
    Fault(Fault),
    /// The authority's status and reason.
    Refused(u16, String),
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: String,
    error_description: String,
}

impl Entra {
    /// From `tenant_id`, `client_id` and `client_secret`, or the variables `AZURE_TENANT_ID` and so on; `None` if one is missing.
    pub fn new(
        config: &DeploymentConfig,
        environment: &Environment,
        clients: &mut Clients<'_>,
    ) -> Option<Result<Self, String>> {
        let setting = |name: &str, variable: &str| {
            let own = config.settings.text(name).map(str::to_owned);
            own.or_else(|| environment.get(variable)).filter(|value| !value.is_empty())
        };
        let tenant = setting("tenant_id", "AZURE_TENANT_ID")?;
        let client = setting("client_id", "AZURE_CLIENT_ID")?;
        let secret = setting("client_secret", "AZURE_CLIENT_SECRET")?;
        let scope = setting("azure_scope", "AZURE_SCOPE").unwrap_or_else(|| DEFAULT_SCOPE.to_owned());
        let authority = environment.get("AZURE_AUTHORITY_HOST").unwrap_or_else(|| DEFAULT_AUTHORITY.to_owned());
        let url = format!("{}/{}/oauth2/v2.0/token", authority.trim_end_matches('/'), escaped(&tenant));
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={}",
            escaped(&client),
            escaped(&secret),
            escaped(&scope)
        );
        let headers = [("content-type".to_owned(), Secret::new("application/x-www-form-urlencoded".to_owned()))];
        let target = clients.target(&url, &headers, &config.tls);
        Some(target.map(|target| Self {
            target,
            form: Secret::new(form),
            client_secret: Secret::new(secret),
            fetching: tokio::sync::Mutex::new(()),
            current: Mutex::new(None),
        }))
    }

    /// The header that carries the token; fetched anew if there is none or it ends soon.
    pub async fn bearer(&self) -> Result<(HeaderName, HeaderValue), NoToken> {
        if let Some(token) = self.current() {
            return bearer(&token);
        }
        let _fetching = self.fetching.lock().await;
        if let Some(token) = self.current() {
            return bearer(&token);
        }
        let token = self.fetch().await?;
        let header = bearer(&token.value)?;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
        Ok(header)
    }

    /// The token that is good now, which must not be shown either.
    pub fn current(&self) -> Option<Secret> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|token| token.good_until > clock::now()).map(|token| token.value.clone())
    }

    pub fn client_secret(&self) -> &str {
        self.client_secret.expose()
    }

    /// Forgets a token that was refused.
    pub fn forget(&self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn fetch(&self) -> Result<Token, NoToken> {
        let form = Bytes::from(self.form.expose().to_owned());
        let mut exchange = self.target.post(&[], form).await.map_err(NoToken::Fault)?;
        let status = exchange.status;
        let body = exchange.read().await.map_err(NoToken::Fault)?;
        match serde_json::from_slice::<Granted>(&body) {
            Ok(granted) if (200..300).contains(&status) => Ok(Token {
                good_until: clock::now() + useful(life(&granted)),
                value: Secret::new(granted.access_token),
            }),
            _ => {
                let refusal: Refusal = serde_json::from_slice(&body).unwrap_or_default();
                let reason =
                    if refusal.error_description.is_empty() { refusal.error } else { refusal.error_description };
                Err(NoToken::Refused(status, reason))
            }
        }
    }
}

/// How long a token of this life is used. A short one is used for half of it rather than not at all.
fn useful(life: Duration) -> Duration {
    life - MARGIN.min(life / 2)
}

/// Seconds, as a number or, from older authorities, as text.
fn life(granted: &Granted) -> Duration {
    let seconds = granted.expires_in.as_ref().and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
    Duration::from_secs(seconds.unwrap_or(DEFAULT_LIFE))
}

fn bearer(token: &Secret) -> Result<(HeaderName, HeaderValue), NoToken> {
    let refused = |_| NoToken::Refused(200, "the token can't be sent in a header".to_owned());
    header("authorization", &format!("Bearer {}", token.expose())).map_err(refused)
}
