//! Whom we trust, and how we show who we are.
//!
//! Roots are the system's; where there are none (a container without a bundle), Mozilla's, which are built in.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::config::TlsConfig;

type Builder = ConfigBuilder<ClientConfig, rustls::WantsVerifier>;

/// A client's TLS, and what a person should know of it. `bundle` is the file that stands for the system's roots, if one
/// is named. Which protocols it offers inside is the caller's to add.
pub fn config(tls: &TlsConfig, bundle: Option<&str>) -> Result<(ClientConfig, Option<String>), String> {
    let provider = Arc::new(ring::default_provider());
    let builder = builder(&provider)?;
    let mut warning = None;
    let builder = if tls.verify {
        let (roots, passed_over) = roots(tls.ca_file.as_deref().or(bundle))?;
        warning = passed_over;
        builder.with_root_certificates(roots)
    } else {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyServer { provider }))
    };
    let config = match &tls.client_certificate {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let chain = certificates(path)?;
            let key_path = tls.client_key.as_deref().unwrap_or(path);
            let key = PrivateKeyDer::from_pem_file(key_path)
                .map_err(|error| format!("no private key in {key_path}: {error}"))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| format!("can't use the certificate {path}: {error}"))?
        }
    };
    Ok((config, warning))
}

/// For clients of plain http, which must have some TLS configuration and never use it.
pub fn without_roots() -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    Ok(builder(&provider)?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

fn builder(provider: &Arc<CryptoProvider>) -> Result<Builder, String> {
    ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("can't set up TLS: {error}"))
}

fn roots(file: Option<&str>) -> Result<(RootCertStore, Option<String>), String> {
    let mut store = RootCertStore::empty();
    if let Some(path) = file {
        return match store.add_parsable_certificates(certificates(path)?) {
            (0, _) => Err(format!("no certificate in {path} can be trusted")),
            (_, 0) => Ok((store, None)),
            (_, bad) => {
                Ok((store, Some(format!("{bad} of the certificates in {path} can't be read and are not trusted"))))
            }
        };
    }
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    Ok((store, None))
}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = |path: &str| CertificateDer::pem_file_iter(Path::new(path))?.collect::<Result<Vec<_>, _>>();
    match read(path) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(format!("no certificate in {path}")),
        Err(error) => Err(format!("can't read certificates from {path}: {error}")),
    }
}

/// `ssl_verify: false`: whoever answers is believed; only the signatures of the handshake are checked.
#[derive(Debug)]
struct AnyServer {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
