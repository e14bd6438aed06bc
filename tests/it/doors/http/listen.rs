//! Where it listens, and TLS.

use convoke::config::server::Server;
use convoke::surface::http::server::Listening;
use http::Method;
use reqwest::Client;

use crate::doors::served::{Served, crypto};
use crate::support::app::config;

fn server(alter: impl FnOnce(&mut Server)) -> Server {
    let mut server = Server { listen: "127.0.0.1:0".to_owned(), ..config().server };
    alter(&mut server);
    server
}

async fn refused(alter: impl FnOnce(&mut Server)) -> String {
    let fault = Listening::bind(&server(alter)).await.err().unwrap();
    format!("{fault}")
}

#[tokio::test]
async fn clear_text_stays_on_this_machine_unless_told_otherwise() {
    let say = refused(|server| server.listen = "0.0.0.0:0".to_owned()).await;
    assert!(say.starts_with("not_configured") && say.contains("server.insecure"), "{say}");
    let open = server(|server| {
        server.listen = "0.0.0.0:0".to_owned();
        server.insecure = true;
    });
    let listening = Listening::bind(&open).await.unwrap();
    assert_ne!(listening.address().port(), 0);
    assert_eq!(listening.url(), format!("http://127.0.0.1:{}", listening.address().port()));
}

#[tokio::test]
async fn what_is_wrong_stops_the_start_and_is_named() {
    assert!(refused(|server| server.listen = "nonsense".to_owned()).await.contains("nonsense"));
    assert!(refused(|server| server.tls_key = "key.pem".to_owned()).await.contains("server.tls_certificate"));
    assert!(refused(|server| server.trusted_proxies = vec!["proxy".to_owned()]).await.contains("'proxy'"));
    let gone = refused(|server| {
        server.tls_certificate = "/nowhere/certificate.pem".to_owned();
        server.tls_key = "/nowhere/key.pem".to_owned();
    });
    assert!(gone.await.contains("/nowhere/certificate.pem"));
    let held = Listening::bind(&server(|_| {})).await.unwrap();
    let taken = refused(|server| server.listen = held.address().to_string()).await;
    assert!(taken.starts_with("unavailable"), "{taken}");
}

#[tokio::test]
async fn speaks_tls_with_a_certificate() {
    crypto();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let served = Served::start_with(|settings| {
        settings.config.server.tls_certificate = certificate.display().to_string();
        settings.config.server.tls_key = key.display().to_string();
    })
    .await;
    assert!(served.url.starts_with("https://"));
    let trusted = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let client = Client::builder().tls_certs_only([trusted]).build().unwrap();
    let url = format!("https://localhost:{}/health", served.address.port());
    let answer = client.request(Method::GET, url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let plain = format!("http://localhost:{}/health", served.address.port());
    assert!(client.get(plain).send().await.is_err());
}
