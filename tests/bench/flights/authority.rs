//! Authorities that live as long as a flight: one that this machine is told to trust, and one that only the cluster's own word names.

use std::{io, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// An authority's certificate, and a server that holds one under it.
pub(crate) struct Server {
    pub pem: String,
    pub acceptor: TlsAcceptor,
}

impl Server {
    /// For these names or addresses.
    pub(crate) fn new(authority: &str, names: &[&str]) -> io::Result<Server> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params.distinguished_name.push(DnType::CommonName, authority);
        let made = || -> Result<_, rcgen::Error> {
            let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
            let key = KeyPair::generate()?;
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let leaf = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
            Ok((issuer.pem(), leaf.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der())))
        };
        let (pem, leaf, key) = made().map_err(io::Error::other)?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![leaf], key.into()));
        let mut config = config.map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Server { pem, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }
}
