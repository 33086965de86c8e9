//! Certificates of a private authority, as files.

use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use crate::Folder;

pub struct Certificates {
    _folder: Folder,
    pub ca: PathBuf,
    pub server: (PathBuf, PathBuf),
    pub client: (PathBuf, PathBuf),
}

impl Certificates {
    pub fn new() -> Self {
        let folder = Folder::new();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        // Of the same name, what it signs would count as signed by itself.
        params.distinguished_name.push(DnType::CommonName, "a private authority");
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority");
        let sign = |file: &str, names: &[&str], usages: Vec<ExtendedKeyUsagePurpose>| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let mut params = CertificateParams::new(names).expect("names");
            params.extended_key_usages = usages;
            params.distinguished_name.push(DnType::CommonName, file);
            let key = KeyPair::generate().expect("a key");
            let certificate = params.signed_by(&key, &issuer).expect("a certificate");
            let certificate = folder.write(&format!("{file}.crt"), &certificate.pem());
            (certificate, folder.write(&format!("{file}.key"), &key.serialize_pem()))
        };
        // Servers of a cluster also call each other.
        let both = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let server = sign("server", &["localhost", "127.0.0.1"], both);
        let client = sign("client", &["client.example"], vec![ExtendedKeyUsagePurpose::ClientAuth]);
        let ca = folder.write("ca.crt", &issuer.pem());
        Self { _folder: folder, ca, server, client }
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}
