//! Over TLS, with certificates made here: an authority of the test's own issues one for localhost.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use workflow_server::{Options, Tls};

use crate::socket::{Server, read_answer};

/// A certificate authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// Where a certificate and its key are.
struct Files {
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for this machine, and its key: PEM.
    fn issue(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    /// A client that trusts this authority and no other.
    fn client(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.0.der().to_vec())).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsConnector::from(Arc::new(config))
    }

    async fn connect(&self, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await?;
        self.client().connect(ServerName::try_from("localhost").unwrap(), stream).await
    }
}

impl Files {
    fn new((certificate, key): (String, String)) -> Files {
        let files = Files { folder: tempfile::tempdir().unwrap() };
        files.write((certificate, key));
        files
    }

    fn write(&self, (certificate, key): (String, String)) {
        fs::write(self.certificate(), certificate).unwrap();
        fs::write(self.key(), key).unwrap();
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("server.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("server.key")
    }

    fn load(&self) -> Tls {
        Tls::load(self.certificate(), self.key()).unwrap()
    }

    /// What is said to whoever wants to serve with them.
    fn problem(&self) -> String {
        Tls::load(self.certificate(), self.key()).unwrap_err().to_string().replace(self.folder.path().to_str().unwrap(), "FOLDER")
    }
}

async fn ask(stream: &mut TlsStream<TcpStream>, method: &str, path: &str, body: &Value) -> Value {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let answer = read_answer(stream).await;
    assert!(answer.starts_with("HTTP/1.1 2"), "{method} {path}: {answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn requests_and_streams_go_through_tls() {
    let authority = Authority::new();
    let files = Files::new(authority.issue());
    let server = Server::new(Options { tls: Some(files.load()), ..Options::default() }).await;
    let mut stream = authority.connect(server.address).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
    let definition = json!({ "id": "order", "steps": [{ "id": "a", "action": "echo" }] });
    ask(&mut stream, "PUT", "/api/v1/workflows/order", &definition).await;
    let input = json!({ "input": { "big": "x".repeat(500_000) } });
    let ended = ask(&mut stream, "POST", "/api/v1/workflows/order/executions?wait=30s", &input).await;
    assert_eq!((&ended["status"], &ended["input"]), (&json!("completed"), &input["input"]));
    let id = ended["id"].as_str().unwrap();
    let history = ask(&mut stream, "GET", &format!("/api/v1/executions/{id}/history"), &Value::Null).await;
    assert_eq!(history["entries"][0]["by"], "127.0.0.1");

    // The same connection, as server-sent events to its end.
    let request = format!("GET /api/v1/executions/{id}/stream HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut events = String::new();
    stream.read_to_string(&mut events).await.unwrap();
    assert!(events.contains("content-type: text/event-stream") && events.contains("event: end"), "{events}");
}

#[tokio::test]
async fn who_speaks_plain_http_is_told_what_to_do() {
    let files = Files::new(Authority::new().issue());
    let server = Server::new(Options { tls: Some(files.load()), ..Options::default() }).await;
    for request in [
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "POST /api/v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{\"a\": 12}",
    ] {
        let mut stream = server.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 400 ") && answer.contains("\"code\":\"tls_expected\"") && answer.contains("https://"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_authority_gets_nothing() {
    let files = Files::new(Authority::new().issue());
    let server = Server::new(Options { tls: Some(files.load()), ..Options::default() }).await;
    let refused = Authority::new().connect(server.address).await.unwrap_err().to_string();
    assert!(refused.contains("invalid peer certificate"), "{refused}");
}

/// A client that connects and says nothing has a place among the connections, and loses it when its time for a handshake is up.
#[tokio::test]
async fn a_handshake_has_a_place_among_the_connections_and_an_end() {
    let authority = Authority::new();
    let files = Files::new(authority.issue());
    let options =
        Options { tls: Some(files.load()), connections_max: 1, header_timeout: Duration::from_secs(1), ..Options::default() };
    let server = Server::new(options).await;
    let mut silent = server.connect().await;
    // Waits until the first one has been cut.
    let mut stream = authority.connect(server.address).await.unwrap();
    assert_eq!(silent.read(&mut [0; 8]).await.unwrap_or(0), 0);
    assert_eq!(ask(&mut stream, "GET", "/healthz", &Value::Null).await["status"], "ok");
}

/// Clients that never finish their handshake do not keep others from theirs.
#[tokio::test]
async fn handshakes_do_not_wait_for_one_another() {
    let authority = Authority::new();
    let files = Files::new(authority.issue());
    let server = Server::new(Options { tls: Some(files.load()), ..Options::default() }).await;
    let mut stuck = Vec::new();
    for _ in 0..50 {
        let mut stream = server.connect().await;
        // A record that promises more than ever comes.
        stream.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
        stuck.push(stream);
    }
    let mut stream = authority.connect(server.address).await.unwrap();
    assert_eq!(ask(&mut stream, "GET", "/healthz", &Value::Null).await["status"], "ok");
    // A stop does not wait for them either.
    drop(stream);
    server.shutdown.send(()).unwrap();
    server.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_renewed_certificate_is_used_and_open_connections_go_on() {
    let (old, new) = (Authority::new(), Authority::new());
    let files = Files::new(old.issue());
    let tls = files.load();
    let server = Server::new(Options { tls: Some(tls.clone()), ..Options::default() }).await;
    let mut before = old.connect(server.address).await.unwrap();
    assert_eq!(ask(&mut before, "GET", "/healthz", &Value::Null).await["status"], "ok");
    assert!(!tls.renew().unwrap(), "nothing has changed");

    files.write(new.issue());
    assert!(tls.renew().unwrap());
    assert_eq!(ask(&mut before, "GET", "/healthz", &Value::Null).await["status"], "ok");
    let mut after = new.connect(server.address).await.unwrap();
    assert_eq!(ask(&mut after, "GET", "/healthz", &Value::Null).await["status"], "ok");
    assert!(old.connect(server.address).await.is_err());

    // Half of a renewal, and a broken one: what was good is used on, and each is complained of once.
    let (certificate, key) = new.issue();
    fs::write(files.certificate(), certificate).unwrap();
    assert!(tls.renew().unwrap_err().to_string().contains("is not that of the certificate"));
    assert!(!tls.renew().unwrap());
    new.connect(server.address).await.unwrap();
    fs::write(files.key(), "").unwrap();
    assert!(tls.renew().unwrap_err().to_string().contains("holds no private key"));
    new.connect(server.address).await.unwrap();
    fs::write(files.key(), key).unwrap();
    assert!(tls.renew().unwrap());
    new.connect(server.address).await.unwrap();
}

#[test]
fn files_that_cannot_be_used_say_which_and_why() {
    let authority = Authority::new();
    let files = Files::new(authority.issue());
    let (certificate, key) = (fs::read_to_string(files.certificate()).unwrap(), fs::read_to_string(files.key()).unwrap());

    fs::write(files.key(), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    assert_eq!(
        files.problem(),
        "the key in FOLDER/server.key is not that of the certificate in FOLDER/server.pem; the two files have to be from the same issue"
    );
    // The two files, one for the other.
    files.write((key.clone(), certificate.clone()));
    assert!(files.problem().starts_with("FOLDER/server.pem holds no certificate: a PEM file with"), "{}", files.problem());
    files.write((certificate, String::new()));
    assert!(files.problem().starts_with("FOLDER/server.key holds no private key: a PEM file with"), "{}", files.problem());
    fs::remove_file(files.key()).unwrap();
    assert!(files.problem().starts_with("cannot read the key FOLDER/server.key: "), "{}", files.problem());
    files.write(("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(), key));
    assert!(files.problem().starts_with("FOLDER/server.pem with FOLDER/server.key cannot be used: "), "{}", files.problem());
}
