//! TLS by rustls: the certificate and key are read once, at the start; what is wrong with them stops it.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::server::Server;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// The acceptor for the configured certificate, `None` where none is configured.
pub(in crate::surface) async fn acceptor(config: &Server) -> Result<Option<TlsAcceptor>, Fault> {
    let (certificate, key) = match (config.tls_certificate.as_str(), config.tls_key.as_str()) {
        ("", "") => return Ok(None),
        (_, "") => return Err(wrong("server.tls_certificate is set and server.tls_key is not")),
        ("", _) => return Err(wrong("server.tls_key is set and server.tls_certificate is not")),
        both => both,
    };
    let chain = CertificateDer::pem_slice_iter(&read(certificate).await?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| wrong(format!("'{certificate}' is no PEM file with certificates: {error}")))?;
    if chain.is_empty() {
        return Err(wrong(format!("'{certificate}' holds no certificate")));
    }
    let secret = PrivateKeyDer::from_pem_slice(&read(key).await?)
        .map_err(|error| wrong(format!("'{key}' is no PEM file with a private key: {error}")))?;
    let mut tls = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Fault::internal)?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| wrong(format!("the TLS certificate and key cannot be used: {error}")))?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(tls))))
}

async fn read(file: &str) -> Result<Vec<u8>, Fault> {
    tokio::fs::read(file).await.map_err(|error| wrong(format!("'{file}' cannot be read: {error}")))
}

fn wrong(say: impl Into<String>) -> Fault {
    Fault::new(&codes::NOT_CONFIGURED, say)
}
