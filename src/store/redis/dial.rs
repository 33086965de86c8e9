//! How a server is reached: the socket, TLS, and who we say we are.

use std::fmt;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use once_cell::sync::OnceCell;
use redis::aio::{ConnectionLike, MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, RedisConnectionInfo, Value, cmd};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use crate::clock;
use crate::config::{RedisAddress, RedisConfig, RedisTls, Secret, TlsConfig};
use crate::tls;

use super::link::{MAX_IN_FLIGHT, Open};

/// What a connection runs over.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// How servers of one configuration are reached; their addresses are told at each time.
pub struct Dialer {
    username: Option<String>,
    password: Option<Secret>,
    db: u32,
    client_name: Option<String>,
    tls: Option<RedisTls>,
    /// Made at the first connection: it reads files.
    connector: OnceCell<TlsConnector>,
    /// For all steps of one connection together.
    patience: Duration,
}

impl Dialer {
    pub fn new(config: &RedisConfig) -> Self {
        Self {
            username: config.username.clone(),
            password: config.password.clone(),
            db: config.db,
            client_name: config.client_name.clone(),
            tls: config.tls.clone(),
            connector: OnceCell::new(),
            patience: config.connect_timeout,
        }
    }

    /// For sentinels, which have their own password and neither users' names nor numbered databases.
    pub fn of_sentinels(config: &RedisConfig, password: Option<Secret>) -> Self {
        Self { username: None, password, db: 0, ..Self::new(config) }
    }

    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// A connection that has answered once.
    pub async fn open(&self, address: &RedisAddress) -> Result<Open, String> {
        self.bounded(pin!(self.open_unbounded(address))).await
    }

    /// A connection for subscriptions alone.
    pub async fn subscriber(&self, address: &RedisAddress) -> Result<PubSub, String> {
        let opening = async {
            let stream = self.stream(address).await?;
            PubSub::new(&self.greeting(), stream).await.map_err(|error| told(&error))
        };
        self.bounded(pin!(opening)).await
    }

    async fn bounded<T>(
        &self,
        opening: Pin<&mut (impl Future<Output = Result<T, String>> + Send)>,
    ) -> Result<T, String> {
        let timed_out = || Err(format!("no connection within {} ms", self.patience.as_millis()));
        clock::within(self.patience, opening).await.unwrap_or_else(timed_out)
    }

    async fn open_unbounded(&self, address: &RedisAddress) -> Result<Open, String> {
        let stream = self.stream(address).await?;
        // Answers have their bounds from whoever waits; the queue is never shorter than what is let in.
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_pipeline_buffer_size(MAX_IN_FLIGHT);
        let (mut connection, driver) = MultiplexedConnection::new_with_config(&self.greeting(), stream, config)
            .await
            .map_err(|error| told(&error))?;
        let open = Open::new(connection.clone(), driver);
        // A server that stands still takes connections in, too: only one that answers is there.
        let mut first = cmd("PING");
        if let Some(name) = &self.client_name {
            first = cmd("CLIENT");
            first.arg("SETNAME").arg(name);
        }
        match connection.req_packed_command(&first).await {
            Ok(Value::ServerError(error)) => Err(refused(error.code(), error.details())),
            Ok(_) => Ok(open),
            Err(error) => Err(told(&error)),
        }
    }

    fn greeting(&self) -> RedisConnectionInfo {
        let mut greeting = RedisConnectionInfo::default().set_db(i64::from(self.db)).set_skip_set_lib_name();
        if let Some(username) = &self.username {
            greeting = greeting.set_username(username);
        }
        if let Some(password) = &self.password {
            greeting = greeting.set_password(password.expose());
        }
        greeting
    }

    async fn stream(&self, address: &RedisAddress) -> Result<Box<dyn Stream>, String> {
        let (host, port) = match address {
            RedisAddress::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(|error| plain(&error))?;
                return Ok(Box::new(stream));
            }
            RedisAddress::Tcp(host, port) => (host.as_str(), *port),
        };
        let stream = TcpStream::connect((host, port)).await.map_err(|error| plain(&error))?;
        // Questions are small, and each is waited for. Where this can't be set they are only slower.
        let _ = stream.set_nodelay(true);
        let Some(settings) = &self.tls else { return Ok(Box::new(stream)) };
        let connector = self.connector.get_or_try_init(|| connector(settings))?;
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| "no name that a certificate can have".to_owned())?;
        let stream = connector.connect(name, stream).await.map_err(|error| format!("no TLS: {}", plain(&error)))?;
        Ok(Box::new(stream))
    }
}

fn connector(settings: &RedisTls) -> Result<TlsConnector, String> {
    let text = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
    let settings = TlsConfig {
        verify: !settings.any,
        ca_file: text(&settings.ca),
        client_certificate: text(&settings.certificate),
        client_key: text(&settings.key),
    };
    let (config, _): (ClientConfig, _) = tls::config(&settings, None)?;
    Ok(TlsConnector::from(Arc::new(config)))
}

/// A fault of the system, without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// What the client says of a failure. Neither it nor a server repeats a password.
pub fn told(error: &redis::RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), detail) => refused(code, detail),
        (None, _) if error.is_connection_dropped() => "the connection broke".to_owned(),
        (None, Some(detail)) => format!("{}: {detail}", error.category()),
        (None, None) => error.category().to_owned(),
    }
}

/// What the server answered instead.
pub fn refused(code: &str, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("it answers {code} {detail}"),
        None => format!("it answers {code}"),
    }
}

/// An address as people read it.
pub struct Place<'a>(pub &'a RedisAddress);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            RedisAddress::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            RedisAddress::Tcp(host, port) => write!(f, "{host}:{port}"),
            RedisAddress::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}
