//! The terms on which a connection is made: whom we believe about the other side, what we show it, and by whose hands it is carried.
//!
//! Nearly every client takes the machine's authorities and the environment's proxy. A cluster may have an authority of its own, answer under
//! another name than its address's, want a certificate of ours, and be reached by a proxy that nothing else goes through.

use std::sync::Arc;

use reqwest::{ClientBuilder, Proxy, Url};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};

use super::{connections::unsupported, proxy};
use crate::domain::{
    fault::{Fault, FaultKind},
    secret::Secret,
};

#[derive(Debug, Clone)]
pub(in crate::adapter) struct Terms {
    pub trust: Trust,
    /// What the certificate has to be for, if not for the address. Only authorities that are named can be believed so.
    pub called: Option<ServerName<'static>>,
    /// What we show.
    pub identity: Option<Identity>,
    /// As [`proxy::of_its_own`] has taken it; nothing of the environment's holds beside it. It may hold a password.
    pub proxy: Option<Secret>,
}

/// Whose signature under a server's certificate is believed.
#[derive(Debug, Clone)]
pub(in crate::adapter) enum Trust {
    /// One of these authorities, each in DER; without any, no server is believed, and only plain HTTP can be spoken.
    Only(Vec<Vec<u8>>),
    /// Those that this machine trusts.
    Machine,
}

/// A certificate with its chain, and the key to it; both in PEM.
#[derive(Debug, Clone)]
pub(in crate::adapter) struct Identity {
    pub certificate: String,
    pub key: Secret,
}

impl From<Trust> for Terms {
    fn from(trust: Trust) -> Terms {
        Terms { trust, called: None, identity: None, proxy: None }
    }
}

/// `builder` on these terms, for connections to `url`.
/// # Errors
/// [`FaultKind::Unsupported`] if something of them can't be read or done.
pub(super) fn agreed(builder: ClientBuilder, url: &Url, terms: &Terms) -> Result<ClientBuilder, Fault> {
    let Terms { trust, called, identity, proxy: own } = terms;
    let builder = match own {
        Some(own) => builder.proxy(Proxy::all(own.expose()).map_err(|_| unread("the address of the proxy"))?),
        None => proxy::routed(builder, url),
    };
    match (trust, called) {
        (Trust::Only(authorities), Some(name)) => {
            Ok(builder.tls_backend_preconfigured(by_name(authorities, name.clone(), identity.as_ref())?))
        }
        (Trust::Machine, Some(_)) => Err(Fault::new(
            FaultKind::Unsupported,
            "a server that answers under another name than its address's needs an authority of its own; nothing was sent",
        )),
        (Trust::Only(authorities), None) => {
            let read = |der: &Vec<u8>| reqwest::Certificate::from_der(der).map_err(|error| unsupported(&error));
            shown(builder.tls_certs_only(authorities.iter().map(read).collect::<Result<Vec<_>, Fault>>()?), identity.as_ref())
        }
        (Trust::Machine, None) => shown(builder, identity.as_ref()),
    }
}

fn shown(builder: ClientBuilder, identity: Option<&Identity>) -> Result<ClientBuilder, Fault> {
    let Some(Identity { certificate, key }) = identity else { return Ok(builder) };
    let pem = Secret::new(format!("{certificate}\n{}\n", key.expose()));
    let both = reqwest::Identity::from_pem(pem.expose().as_bytes()).map_err(|_| unread("the client certificate, or its key,"))?;
    Ok(builder.identity(both))
}

/// A client of TLS for a server that has to be of this name.
fn by_name(authorities: &[Vec<u8>], name: ServerName<'static>, identity: Option<&Identity>) -> Result<ClientConfig, Fault> {
    let failed = |error: &dyn std::fmt::Display| Fault::new(FaultKind::Unsupported, format!("no TLS client could be built: {error}"));
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    for der in authorities {
        roots.add(CertificateDer::from(der.clone())).map_err(|error| failed(&error))?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
    let named = Named { name, verifier: verifier.map_err(|error| failed(&error))? };
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(|error| failed(&error))?;
    // It verifies all that the usual one does, and the name that was asked for.
    let config = config.dangerous().with_custom_certificate_verifier(Arc::new(named));
    let Some(Identity { certificate, key }) = identity else { return Ok(config.with_no_client_auth()) };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect();
    let (chain, key) = (chain, PrivateKeyDer::from_pem_slice(key.expose().as_bytes()));
    let (Ok(chain), Ok(key)) = (chain, key) else { return Err(unread("the client certificate, or its key,")) };
    config.with_client_auth_cert(chain, key).map_err(|error| failed(&error))
}

/// Whatever was wrong may quote a key, so nothing of it is said.
fn unread(what: &str) -> Fault {
    Fault::new(FaultKind::Unsupported, format!("{what} can't be read; nothing was sent"))
}

/// Believes what its authorities have signed for one name, whatever the address is called.
#[derive(Debug)]
struct Named {
    name: ServerName<'static>,
    verifier: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _address: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.verifier.verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now)
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
