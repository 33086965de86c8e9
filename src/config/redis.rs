//! Where Redis is, and how one gets in: LiteLLM's settings, arguments of Redis clients, and variables.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::env::Environment;
use super::report::Report;
use super::scalar;
use super::secret::Secret;
use super::sections::Read;
use super::settings::Settings;

const DEFAULT_PORT: u16 = 6379;
const DEFAULT_SENTINEL_PORT: u16 = 26379;
const DEFAULT_SERVICE: &str = "mymaster";
/// As LiteLLM's.
const DEFAULT_TIMEOUT: Duration = Duration::from_millis(100);
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A Redis or Valkey: one server, a cluster, or one that sentinels know.
#[derive(Clone, Debug, PartialEq)]
pub struct RedisConfig {
    pub nodes: RedisNodes,
    pub username: Option<String>,
    pub password: Option<Secret>,
    pub db: u32,
    pub tls: Option<RedisTls>,
    pub client_name: Option<String>,
    pub connect_timeout: Duration,
    /// For an answer in the background; the way of a request has less patience.
    pub timeout: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisNodes {
    One(RedisAddress),
    Cluster(Vec<RedisAddress>),
    Sentinel { nodes: Vec<RedisAddress>, service: String, password: Option<Secret> },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RedisAddress {
    Tcp(String, u16),
    Unix(PathBuf),
}

/// How a server is known to be the right one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedisTls {
    /// Any certificate will do: `ssl_cert_reqs: none`.
    pub any: bool,
    /// Files: the authority's certificate, our own and its key.
    pub ca: Option<PathBuf>,
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

/// The Redis that state is shared through: the router's own settings, else that of the cache.
pub fn of_router(read: &Read, environment: &Environment, report: &mut Report) -> Option<RedisConfig> {
    let router = &read.sections.router;
    if router.text("redis_url").is_some() || router.text("redis_host").is_some() {
        return router_redis(read, environment, report);
    }
    of_cache(read, environment, report)
}

fn router_redis(read: &Read, environment: &Environment, report: &mut Report) -> Option<RedisConfig> {
    let router = &read.sections.router;
    let mut plain = serde_json::Map::new();
    for (name, ours) in [
        ("redis_url", "url"),
        ("redis_host", "host"),
        ("redis_port", "port"),
        ("redis_password", "password"),
        ("redis_db", "db"),
        ("redis_ssl", "ssl"),
        ("redis_username", "username"),
    ] {
        if let Some(value) = router.get(name) {
            plain.insert(ours.to_owned(), value.clone());
        }
    }
    // What else a Redis client is told stands in `cache_kwargs`.
    let kwargs = router.section("cache_kwargs");
    for (name, value) in kwargs.iter() {
        plain.entry(name.to_owned()).or_insert_with(|| value.clone());
    }
    let written = if plain.contains_key("url") { "redis_url" } else { "redis_host" };
    redis(&Settings::new(plain), &read.router_path(written), environment, report)
}

/// The Redis of the response cache: `cache_params`, `cache_kwargs`, else the router's, else what variables say.
pub fn of_cache(read: &Read, environment: &Environment, report: &mut Report) -> Option<RedisConfig> {
    let (router, litellm) = (&read.sections.router, &read.sections.litellm);
    let params = litellm.section("cache_params");
    let kwargs = router.section("cache_kwargs");
    let on = litellm.flag("cache") == Some(true) || litellm.flag("caching") == Some(true);
    let responses = router.flag("cache_responses") == Some(true);
    if on && params.text("type").is_none_or(|kind| kind == "redis") && is_somewhere(&params) {
        return redis(&params, "litellm_settings.cache_params", environment, report);
    }
    if responses && kwargs.text("type").is_none_or(|kind| kind == "redis") && is_somewhere(&kwargs) {
        return redis(&kwargs, &read.router_path("cache_kwargs"), environment, report);
    }
    let wanted = (on && params.text("type") == Some("redis")) || (responses && kwargs.text("type") == Some("redis"));
    let is_local = (on && params.text("type") == Some("local")) || (responses && kwargs.text("type") == Some("local"));
    if !is_local && (router.text("redis_url").is_some() || router.text("redis_host").is_some()) && (on || responses) {
        return router_redis(read, environment, report);
    }
    wanted.then(|| redis(&params, "litellm_settings.cache_params", environment, report)).flatten()
}

/// Whether a section says where a Redis is.
fn is_somewhere(section: &Settings) -> bool {
    ["url", "host", "startup_nodes", "redis_startup_nodes", "sentinel_nodes"]
        .iter()
        .any(|name| section.get(name).is_some())
}

fn redis(section: &Settings, path: &str, environment: &Environment, report: &mut Report) -> Option<RedisConfig> {
    let variable = |name: &str| environment.get(name).filter(|value| !value.trim().is_empty());
    let text = |name: &str, its: &str| section.text(name).map(str::to_owned).or_else(|| variable(its));
    // A section that says where it is does not follow the variables elsewhere.
    let from_variables = !is_somewhere(section);
    let mut config = RedisConfig {
        nodes: RedisNodes::One(RedisAddress::Tcp("127.0.0.1".to_owned(), DEFAULT_PORT)),
        username: text("username", "REDIS_USERNAME"),
        password: text("password", "REDIS_PASSWORD").map(Secret::new),
        db: section.count("db").or_else(|| variable("REDIS_DB")?.parse().ok()).unwrap_or(0),
        tls: tls(section, variable("REDIS_SSL").as_deref()),
        client_name: section.text("client_name").map(str::to_owned),
        connect_timeout: section.time("socket_connect_timeout").unwrap_or(DEFAULT_CONNECT_TIMEOUT),
        timeout: section
            .time("socket_timeout")
            .or_else(|| Duration::try_from_secs_f64(variable("REDIS_SOCKET_TIMEOUT")?.parse().ok()?).ok())
            .filter(|time| !time.is_zero())
            .unwrap_or(DEFAULT_TIMEOUT),
    };
    let nodes = |name: &str, its: &str| {
        let written = section.get(name).cloned();
        written.or_else(|| serde_json::from_str(&variable(its).filter(|_| from_variables)?).ok())
    };
    let cluster = nodes("startup_nodes", "REDIS_CLUSTER_NODES").or_else(|| section.get("redis_startup_nodes").cloned());
    if let Some(written) = cluster {
        config.nodes = RedisNodes::Cluster(addresses(&written, DEFAULT_PORT, &format!("{path}.startup_nodes"), report));
        return Some(config);
    }
    if let Some(written) = nodes("sentinel_nodes", "REDIS_SENTINEL_NODES") {
        config.nodes = RedisNodes::Sentinel {
            nodes: addresses(&written, DEFAULT_SENTINEL_PORT, &format!("{path}.sentinel_nodes"), report),
            service: text("service_name", "REDIS_SERVICE_NAME").unwrap_or_else(|| DEFAULT_SERVICE.to_owned()),
            password: text("sentinel_password", "REDIS_SENTINEL_PASSWORD").map(Secret::new),
        };
        return Some(config);
    }
    let url = section.text("url").map(str::to_owned).or_else(|| variable("REDIS_URL").filter(|_| from_variables));
    if let Some(url) = url {
        if !take_url(&mut config, &url) {
            // The text is not repeated: a password may stand in it.
            let hint = "write redis://user:password@host:port/db, rediss:// for TLS, or unix:///path";
            report.error(path, "no address of a Redis", hint);
            return None;
        }
        return Some(config);
    }
    let host = section.text("host").map(str::to_owned).or_else(|| variable("REDIS_HOST").filter(|_| from_variables));
    let Some(host) = host else {
        report.error(path, "a Redis without an address", "set host, url, startup_nodes or sentinel_nodes");
        return None;
    };
    let port = section.get("port").and_then(port).or_else(|| variable("REDIS_PORT")?.parse().ok());
    config.nodes = RedisNodes::One(RedisAddress::Tcp(host, port.unwrap_or(DEFAULT_PORT)));
    Some(config)
}

fn tls(section: &Settings, variable: Option<&str>) -> Option<RedisTls> {
    let from_variable = || variable.and_then(|text| scalar::boolean(&Value::from(text)));
    let on = section.flag("ssl").or_else(from_variable).unwrap_or(false);
    on.then(|| certificates(section))
}

fn certificates(section: &Settings) -> RedisTls {
    let file = |name: &str| section.text(name).map(PathBuf::from);
    RedisTls {
        any: section.text("ssl_cert_reqs").is_some_and(|word| word.eq_ignore_ascii_case("none")),
        ca: file("ssl_ca_certs"),
        certificate: file("ssl_certfile"),
        key: file("ssl_keyfile"),
    }
}

/// Takes the parts of a URL in. Whether it is one.
fn take_url(config: &mut RedisConfig, text: &str) -> bool {
    let Ok(url) = url::Url::parse(text) else { return false };
    let decoded =
        |part: &str| percent_encoding::percent_decode_str(part).decode_utf8().ok().map(|text| text.into_owned());
    if !url.username().is_empty() {
        config.username = decoded(url.username());
    }
    if let Some(password) = url.password() {
        config.password = decoded(password).map(Secret::new);
    }
    match url.scheme() {
        "redis" | "valkey" => {}
        "rediss" | "valkeys" => config.tls = Some(config.tls.take().unwrap_or_default()),
        "unix" | "redis+unix" => {
            let db = url.query_pairs().find(|(name, _)| name == "db").and_then(|(_, db)| db.parse().ok());
            config.db = db.unwrap_or(config.db);
            config.nodes = RedisNodes::One(RedisAddress::Unix(PathBuf::from(url.path())));
            return !url.path().is_empty();
        }
        _ => return false,
    }
    let db = url.path().trim_matches('/');
    if !db.is_empty() {
        let Ok(db) = db.parse() else { return false };
        config.db = db;
    }
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else { return false };
    // An IPv6 address stands in brackets in a URL and nowhere else.
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    config.nodes = RedisNodes::One(RedisAddress::Tcp(host, url.port().unwrap_or(DEFAULT_PORT)));
    true
}

/// `[{host, port}]`, `[[host, port]]` or `["host:port"]`.
fn addresses(written: &Value, default_port: u16, path: &str, report: &mut Report) -> Vec<RedisAddress> {
    let address = |entry: &Value| {
        let (host, port_value) = match entry {
            Value::Object(map) => (map.get("host")?.as_str()?.to_owned(), map.get("port").cloned()),
            Value::Array(pair) => (pair.first()?.as_str()?.to_owned(), pair.get(1).cloned()),
            Value::String(text) => match text.rsplit_once(':') {
                Some((host, port)) => (host.to_owned(), Some(Value::from(port))),
                None => (text.clone(), None),
            },
            _ => return None,
        };
        let port = match port_value {
            Some(value) => port(&value)?,
            None => default_port,
        };
        (!host.is_empty()).then_some(RedisAddress::Tcp(host, port))
    };
    let all: Option<Vec<_>> = written.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(address).collect();
    let all = all.unwrap_or_default();
    if all.is_empty() {
        report.error(path, "no list of nodes", "write [{host: 10.0.0.1, port: 6379}], or host:port");
    }
    all
}

fn port(value: &Value) -> Option<u16> {
    scalar::integer(value).and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use super::super::{Engine, load};
    use super::*;

    fn shared(yaml: &str) -> Result<Engine, String> {
        load(&format!("model_list: []\n{yaml}"), |_| None)
            .map(|config| config.store.engine)
            .map_err(|error| error.message)
    }

    fn redis(yaml: &str) -> RedisConfig {
        match shared(yaml) {
            Ok(Engine::Redis(redis)) => *redis,
            other => panic!("{yaml}: {other:?}"),
        }
    }

    fn tcp(host: &str, port: u16) -> RedisNodes {
        RedisNodes::One(RedisAddress::Tcp(host.to_owned(), port))
    }

    #[test]
    fn every_way_to_say_where_it_is() {
        let plain = redis("router_settings: {redis_host: localhost, redis_port: 6380, redis_password: pw}");
        assert_eq!((plain.nodes, plain.password), (tcp("localhost", 6380), Some(Secret::new("pw"))));
        let flat = redis("redis_host: localhost\nredis_port: '6379'");
        assert_eq!(flat.nodes, tcp("localhost", 6379));
        let url = redis("router_settings: {redis_url: 'rediss://us%40er:p%2Fw@[::1]:7000/3'}");
        assert_eq!((url.nodes, url.db, url.tls.is_some()), (tcp("::1", 7000), 3, true));
        assert_eq!((url.username.as_deref(), url.password), (Some("us@er"), Some(Secret::new("p/w"))));
        let unix = redis("router_settings: {redis_url: 'unix:///run/redis.sock?db=2'}");
        assert_eq!((unix.nodes, unix.db), (RedisNodes::One(RedisAddress::Unix("/run/redis.sock".into())), 2));
        let cache = redis(
            "litellm_settings: {cache: true, cache_params: {type: redis, host: h, ssl: true, ssl_cert_reqs: none}}",
        );
        assert_eq!((cache.nodes, cache.tls.map(|tls| tls.any)), (tcp("h", 6379), Some(true)));
        let cluster = redis(
            "litellm_settings: {cache: true, cache_params: {type: redis, startup_nodes: [{host: a, port: 1}, [b, 2], 'c:3']}}",
        );
        let nodes = ["a", "b", "c"].into_iter().zip(1..).map(|(host, port)| RedisAddress::Tcp(host.to_owned(), port));
        assert_eq!(cluster.nodes, RedisNodes::Cluster(nodes.collect()));
        let sentinel = redis(
            "cache_responses: true\ncache_kwargs: {sentinel_nodes: [[a, 26379]], service_name: mine, sentinel_password: s}",
        );
        assert!(matches!(sentinel.nodes, RedisNodes::Sentinel { service, .. } if service == "mine"));
    }

    #[test]
    fn what_is_not_said_is_not_shared() {
        for yaml in ["", "cache_responses: true", "litellm_settings: {cache: true, cache_params: {type: local}}"] {
            assert_eq!(shared(yaml), Ok(Engine::Alone), "{yaml}");
        }
        assert_eq!(shared("redis_host: a\nllmrouter_settings: {shared_state: none}"), Ok(Engine::Alone));
        assert_eq!(shared("llmrouter_settings: {shared_state: {file: /tmp/x}}"), Ok(Engine::File("/tmp/x".into())));
    }

    #[test]
    fn variables_fill_in_what_the_file_leaves_out() {
        let lookup = |name: &str| match name {
            "REDIS_HOST" => Some("fromvar".to_owned()),
            "REDIS_PASSWORD" => Some("secret".to_owned()),
            _ => None,
        };
        let yaml = "litellm_settings: {cache: true, cache_params: {type: redis}}";
        let Engine::Redis(redis) = load(yaml, lookup).unwrap().store.engine else { panic!("no redis") };
        assert_eq!((redis.nodes, redis.password), (tcp("fromvar", 6379), Some(Secret::new("secret"))));
    }

    #[test]
    fn a_wrong_address_is_told_without_its_password() {
        let error = shared("redis_url: 'http://user:hunter2@host'").unwrap_err();
        assert!(error.contains("redis_url: no address of a Redis") && !error.contains("hunter2"), "{error}");
        let error = shared("litellm_settings: {cache: true, cache_params: {type: redis}}").unwrap_err();
        assert!(error.contains("a Redis without an address"), "{error}");
        let error = shared("redis_host: a\nllmrouter_settings: {shared_state: file}").unwrap_err();
        assert!(error.contains("a file beside Redis"), "{error}");
        assert!(shared("llmrouter_settings: {shared_state: 7}").unwrap_err().contains("no way to share"));
    }
}
