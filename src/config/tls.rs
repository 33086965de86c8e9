//! TLS of a client: whom it trusts, and how it shows who it is.

/// How a server is trusted and how we show ourselves to it. Equal values share connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TlsConfig {
    /// False only with `ssl_verify: false`.
    pub verify: bool,
    /// `ssl_verify: <path>`: a PEM bundle used instead of the system's roots.
    pub ca_file: Option<String>,
    /// `ssl_certificate`: a PEM file with our chain, and our key unless `ssl_key` names another.
    pub client_certificate: Option<String>,
    pub client_key: Option<String>,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self { verify: true, ca_file: None, client_certificate: None, client_key: None }
    }
}
