//! Clients and targets. One client for each way of trusting and being trusted; it holds the connections.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, NoProxy, Proxy, Request, Url};

use crate::config::{Secret, TlsConfig, TransportConfig};
use crate::tls;

use super::exchange::{Exchange, Fault};
use super::resolver::Resolver;
use super::steps::Timed;

/// Idle connections are closed by us before servers and load balancers, which begin at 60 s, close theirs.
const POOL_IDLE: Duration = Duration::from_secs(30);
const USER_AGENT: &str = concat!("llmrouter/", env!("CARGO_PKG_VERSION"));

/// Makes targets; equal ones share a client. Opens no connection.
pub struct Clients<'a> {
    shared: &'a TransportConfig,
    connect_timeout: Duration,
    resolver: Arc<Resolver>,
    made: HashMap<(TlsConfig, bool), Client>,
    warnings: Vec<String>,
}

impl<'a> Clients<'a> {
    pub fn new(shared: &'a TransportConfig, connect_timeout: Duration) -> Self {
        Self { shared, connect_timeout, resolver: Arc::default(), made: HashMap::new(), warnings: Vec::new() }
    }

    /// Where requests go: this URL, with these headers on each. The error says what to change.
    pub fn target(&mut self, url: &str, headers: &[(String, Secret)], tls: &TlsConfig) -> Result<Target, String> {
        let url = Url::parse(url).map_err(|error| format!("the endpoint is no URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err("the endpoint must begin with http:// or https://".to_owned());
        }
        let mut map = HeaderMap::new();
        map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in headers {
            let (name, value) = header(name, value.expose())?;
            map.insert(name, value);
        }
        let client = self.client(tls, url.scheme() == "https")?;
        Ok(Target { client, url, headers: Arc::new(map) })
    }

    /// What a person should know of the targets made since the last time.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    fn client(&mut self, tls: &TlsConfig, secure: bool) -> Result<Client, String> {
        let profile = (tls.clone(), secure);
        if let Some(client) = self.made.get(&profile) {
            return Ok(client.clone());
        }
        // Reading the system's roots takes milliseconds, so only a client that needs them has them.
        let (tls, warning) = if secure {
            let (mut tls, warning) = tls::config(tls, self.shared.ssl_cert_file.as_deref())?;
            tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            (tls, warning)
        } else {
            (tls::without_roots()?, None)
        };
        self.warnings.extend(warning);
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::clone(&self.resolver))
            .connect_timeout(self.connect_timeout)
            .connector_layer(Timed)
            .pool_idle_timeout(POOL_IDLE)
            .tcp_nodelay(true)
            .user_agent(USER_AGENT)
            .referer(false)
            // A redirect would carry the key to whoever is named.
            .redirect(Policy::none())
            // Every request that goes out is an attempt of ours; nobody else repeats it.
            .retry(reqwest::retry::never())
            .no_proxy();
        if let Some(proxy) = self.proxy(secure)? {
            builder = builder.proxy(proxy);
        }
        let client = builder.build().map_err(|error| format!("can't make an HTTP client: {error}"))?;
        self.made.insert(profile, client.clone());
        Ok(client)
    }

    /// The proxy for targets of one scheme. The errors don't quote the URL, which may hold a password.
    fn proxy(&self, secure: bool) -> Result<Option<Proxy>, String> {
        let (url, variable) = match secure {
            true => (&self.shared.https_proxy, "HTTPS_PROXY (or ALL_PROXY)"),
            false => (&self.shared.http_proxy, "HTTP_PROXY (or ALL_PROXY)"),
        };
        let exceptions = self.shared.no_proxy.as_deref().unwrap_or_default();
        let Some(url) = url.as_deref().filter(|_| !exceptions.split(',').any(|name| name.trim() == "*")) else {
            return Ok(None);
        };
        let scheme = url.split_once("://").map_or("http", |(scheme, _)| scheme);
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(format!("the variable {variable} names a proxy that is neither http nor https"));
        }
        let proxy = if secure { Proxy::https(url) } else { Proxy::http(url) };
        let proxy = proxy.map_err(|_| format!("the variable {variable} holds no proxy URL"))?;
        Ok(Some(proxy.no_proxy(NoProxy::from_string(exceptions))))
    }
}

/// Where a deployment's requests go. Cheap to clone.
#[derive(Clone)]
pub struct Target {
    client: Client,
    url: Url,
    headers: Arc<HeaderMap>,
}

impl Target {
    /// Another place on the same server, with the same headers and connections.
    pub fn with_url(&self, url: &str) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|_| format!("\"{}\" is no URL", url.escape_debug()))?;
        if url.origin() != self.url.origin() {
            return Err("another server than the deployment's".to_owned());
        }
        Ok(Self { url, ..self.clone() })
    }

    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Sends one request and waits for the answer's headers.
    pub async fn post(&self, extra: &[(HeaderName, HeaderValue)], body: Bytes) -> Result<Exchange, Fault> {
        let mut request = Request::new(Method::POST, self.url.clone());
        let headers = request.headers_mut();
        headers.clone_from(&self.headers);
        for (name, value) in extra {
            headers.insert(name.clone(), value.clone());
        }
        *request.body_mut() = Some(body.into());
        let response = self.client.execute(request).await.map_err(Fault::from_sending)?;
        Ok(Exchange::open(response))
    }
}

/// A header from text; its value never shows in a debug print. The error does not hold the value.
pub fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let name: HeaderName = name.parse().map_err(|_| format!("\"{}\" is no header name", name.escape_debug()))?;
    let mut value: HeaderValue = value.parse().map_err(|_| format!("the value of header \"{name}\" can't be sent"))?;
    value.set_sensitive(true);
    Ok((name, value))
}
