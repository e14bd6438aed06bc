//! Connections on which nothing happens, and too many of them.

use std::sync::Arc;

use convoke::surface::http::server::Drained;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::TlsConnector;

use crate::doors::served::{Served, crypto, head, sent, until_closed};

const ASK: &[u8] = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
/// The preface of HTTP/2 and empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A server that speaks TLS, and a client that trusts it.
async fn with_tls() -> (Served, TlsConnector, TempDir) {
    crypto();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let served = Served::start_with(|settings| {
        settings.config.server.tls_certificate = certificate.display().to_string();
        settings.config.server.tls_key = key.display().to_string();
        settings.config.server.head_seconds = 1;
    })
    .await;
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    (served, TlsConnector::from(Arc::new(config)), folder)
}

#[tokio::test]
async fn silent_and_half_begun_connections_are_closed() {
    let served = Served::start_with(|settings| settings.config.server.head_seconds = 1).await;
    let begun = [b"", &b"P"[..], b"PRI * HTT", PREFACE, b"GET /hea", b"GET /health HTTP/1.1\r\nHost: loc"];
    let closed = begun.map(|bytes| async move { until_closed(sent(served.address, bytes).await).await });
    for said in futures::future::join_all(closed).await {
        assert!(!said.contains(" 200 "), "{said}");
    }
}

#[tokio::test]
async fn silent_connections_are_closed_before_and_after_the_handshake() {
    let (served, client, _folder) = with_tls().await;
    let before = async { until_closed(sent(served.address, b"").await).await };
    let amid = async { until_closed(sent(served.address, b"\x16\x03\x01\x02\0").await).await };
    let after = |bytes: &'static [u8]| {
        let (client, address) = (client.clone(), served.address);
        async move {
            let socket = sent(address, b"").await;
            let mut secured = client.connect(ServerName::try_from("localhost").unwrap(), socket).await.unwrap();
            secured.write_all(bytes).await.unwrap();
            until_closed(secured).await
        }
    };
    let said = tokio::join!(before, amid, after(b""), after(b"PRI"), after(b"GET /health HTTP/1.1\r\n"));
    assert_eq!((said.0.as_str(), said.2.as_str()), ("", ""));
    assert!(![said.1, said.3, said.4].iter().any(|said| said.contains(" 200 ")));
}

#[tokio::test]
async fn a_handshake_does_not_hold_up_the_end() {
    let (served, _, _folder) = with_tls().await;
    let silent = sent(served.address, b"\x16").await;
    served.shutdown.cancel();
    assert_eq!(until_closed(silent).await, "");
    assert_eq!(served.task.await.unwrap(), Drained::Whole);
}

#[tokio::test]
async fn a_connection_is_kept_between_requests_for_its_time() {
    let served = Served::start_with(|settings| settings.config.server.idle_seconds = 1).await;
    let mut kept = sent(served.address, ASK).await;
    assert!(head(&mut kept).await.starts_with("HTTP/1.1 200 "));
    kept.write_all(ASK).await.unwrap();
    let rest = until_closed(kept).await;
    assert!(rest.contains("HTTP/1.1 200 "), "{rest}");
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_no_more() {
    let served = Served::start_with(|settings| settings.config.server.connections_per_address = 2).await;
    let mut first = sent(served.address, ASK).await;
    let mut second = sent(served.address, ASK).await;
    assert!(head(&mut first).await.starts_with("HTTP/1.1 200 "));
    assert!(head(&mut second).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(until_closed(sent(served.address, b"").await).await, "");
    drop(first);
    // The server learns of the end when it reads it.
    let answered = async {
        loop {
            let mut socket = tokio::net::TcpStream::connect(served.address).await.unwrap();
            let mut answer = [0; 12];
            let asked = socket.write_all(ASK).await;
            if asked.is_ok() && tokio::io::AsyncReadExt::read_exact(&mut socket, &mut answer).await.is_ok() {
                break answer;
            }
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(&tokio::time::timeout(std::time::Duration::from_secs(20), answered).await.unwrap(), b"HTTP/1.1 200");
}
