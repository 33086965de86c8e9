//! A provider behind TLS, with HTTP/1.1 and HTTP/2.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::certificates::{Authority, Identity};
use crate::wire::{Request, answer, completion, listen, read_request, serve_each};

/// What every answer says.
pub const TEXT: &str = "hello over tls";

/// A server that shows a certificate. It runs as long as its process.
pub struct SecureProvider {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

/// What the server has seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub connections: usize,
    /// Handshakes that came to an end.
    pub handshakes: usize,
    /// The peers' certificates, one for each handshake in which one was shown.
    pub certificates: Vec<Vec<u8>>,
    pub requests: Vec<Request>,
}

/// How a server is made.
pub struct Terms<'a> {
    pub identity: &'a Identity,
    /// Whose clients are let in; `None` lets everyone in and asks for no certificate.
    pub clients_of: Option<&'a Authority>,
    /// In the order of preference.
    pub protocols: &'a [&'a str],
}

impl SecureProvider {
    /// HTTP/1.1 for everyone.
    pub fn start(identity: &Identity) -> Self {
        Self::with(&Terms { identity, clients_of: None, protocols: &["http/1.1"] })
    }

    pub fn with(terms: &Terms<'_>) -> Self {
        let (listener, address) = listen();
        let acceptor = TlsAcceptor::from(Arc::new(server_config(terms)));
        let seen = Arc::<Mutex<Seen>>::default();
        let shared = Arc::clone(&seen);
        serve_each(listener, move |stream, connection| {
            let (acceptor, seen) = (acceptor.clone(), Arc::clone(&shared));
            async move {
                lock(&seen).connections += 1;
                let stream = acceptor.accept(stream).await?;
                let session = stream.get_ref().1;
                let shown = session.peer_certificates().and_then(|chain| chain.first()).map(|first| first.to_vec());
                let second = session.alpn_protocol() == Some(b"h2");
                lock(&seen).handshakes += 1;
                lock(&seen).certificates.extend(shown);
                if second { http2(stream, connection, &seen).await } else { http1(stream, connection, &seen).await }
            }
        });
        Self { address, seen }
    }

    /// `https://127.0.0.1:PORT/v1`, or with another host name.
    pub fn base(&self, host: &str) -> String {
        format!("https://{host}:{}/v1", self.address.port())
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }
}

fn server_config(terms: &Terms<'_>) -> ServerConfig {
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.expect("protocol versions");
    let builder = match terms.clients_of {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der()).expect("a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("a verifier"))
        }
    };
    let (chain, key) = (terms.identity.chain(), terms.identity.private_key());
    let mut config = builder.with_single_cert(chain, key).expect("a certificate that goes with its key");
    config.alpn_protocols = terms.protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config
}

async fn http1(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    connection: usize,
    seen: &Mutex<Seen>,
) -> io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer, connection).await? {
        lock(seen).requests.push(request);
        stream.write_all(&answer(TEXT)).await?;
    }
    Ok(())
}

async fn http2(stream: impl AsyncRead + AsyncWrite + Unpin, connection: usize, seen: &Mutex<Seen>) -> io::Result<()> {
    let mut streams = h2::server::handshake(stream).await.map_err(io::Error::other)?;
    while let Some(accepted) = streams.accept().await {
        let (request, mut respond) = accepted.map_err(io::Error::other)?;
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let line = format!("{} {} HTTP/2", request.method(), request.uri().path());
        lock(seen).requests.push(Request { connection, line, headers, body: Vec::new() });
        let head = http::Response::builder().header("content-type", "application/json").body(()).expect("a head");
        // The peer may have given the stream up; the others go on.
        if let Ok(mut body) = respond.send_response(head, false) {
            let _ = body.send_data(Bytes::from(completion(TEXT)), true);
        }
    }
    Ok(())
}

/// A connection's panic leaves the record as good as it was.
fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
