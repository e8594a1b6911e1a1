//! The simulated cluster's own certificate authority, so that it is found and trusted exactly as a real one is.
//!
//! GKE names a cluster's authority in its API, and clients trust that and nothing else. The keys live in this process and die with it. The
//! cluster's address speaks plain HTTP as well, told apart by the first byte: a hand-typed `kubectl --server http://…` needs no files.

use std::{io, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivatePkcs8KeyDer};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// First byte of a TLS connection: a handshake record. No HTTP method begins with it.
const HANDSHAKE: u8 = 0x16;

/// Signs the cluster's certificate, and holds both.
#[derive(Clone)]
pub struct Authority {
    pem: Arc<str>,
    acceptor: TlsAcceptor,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

/// A connection whose first byte has been seen.
pub enum Greeted {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

impl Authority {
    /// A new authority, and under it a certificate for this machine's loopback addresses.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn new() -> io::Result<Self> {
        Self::named("simulated cluster", &["127.0.0.1", "localhost", "kubernetes.default.svc"])
    }

    /// A new authority of this name, and under it a certificate for these names or addresses.
    ///
    /// # Errors
    /// If the system gives no randomness, or a name is none.
    pub fn named(authority: &str, names: &[&str]) -> io::Result<Self> {
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
        Ok(Self { pem: pem.into(), acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// The authority's certificate, as GKE shows it (there once more in base64).
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Speaks TLS with the certificate.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// Waits for the peer's first byte and goes on in the protocol that it begins.
    ///
    /// # Errors
    /// If the peer goes away or can't agree on a secure connection.
    pub async fn greet(&self, stream: TcpStream) -> io::Result<Greeted> {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first == [HANDSHAKE] {
            return Ok(Greeted::Secure(Box::new(self.acceptor.accept(stream).await?)));
        }
        Ok(Greeted::Plain(stream))
    }
}
