//! TLS: a certificate and its key from files, taken again when they are renewed, and the handshake of a connection.
//!
//! What is *not* here: certificates of clients, and getting certificates. Whoever renews them writes the same two files again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::problem::{Kind, Problem};
use crate::validity::Validity;

/// How often the files are read again. A renewal is days before the end, and both files together are a few kilobytes.
pub(crate) const RENEW_EVERY: Duration = Duration::from_secs(60);
/// The first byte of a TLS connection: a record that is a handshake.
const HANDSHAKE: u8 = 22;
/// A certificate chain of a few certificates has less than 20 KiB.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// What a client that speaks plain HTTP may send before it is answered, and how long that may take.
const PLAIN_BYTES_MAX: usize = 16 << 10;
const PLAIN_WITHIN: Duration = Duration::from_secs(1);

/// A certificate and its key, for [`Options::tls`](crate::Options::tls). Cloning it is cheap, and all clones are renewed together.
#[derive(Clone)]
pub struct Tls(Arc<Files>);

struct Files {
    certificate: PathBuf,
    key: PathBuf,
    state: Mutex<State>,
}

struct State {
    config: Arc<ServerConfig>,
    /// Both files as they were when they were looked at last, whatever came of it.
    seen: Pair,
}

#[derive(PartialEq, Eq)]
struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// Why a certificate and a key cannot be used together.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read the {what} {}: {error}", .path.display())]
    Unreadable { what: &'static str, path: PathBuf, error: std::io::Error },
    #[error("{} holds no certificate: a PEM file with `-----BEGIN CERTIFICATE-----` was expected, the server's own certificate first", .0.display())]
    NoCertificate(PathBuf),
    #[error("{} holds no private key: a PEM file with `-----BEGIN PRIVATE KEY-----` was expected, not encrypted", .0.display())]
    NoKey(PathBuf),
    #[error("the key in {} is not that of the certificate in {}; the two files have to be from the same issue", .key.display(), .certificate.display())]
    Mismatch { certificate: PathBuf, key: PathBuf },
    #[error("{} with {} cannot be used: {error}", .certificate.display(), .key.display())]
    Unusable { certificate: PathBuf, key: PathBuf, error: rustls::Error },
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("certificate", &self.0.certificate).field("key", &self.0.key).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads a certificate, with those that lead to its root after it, and its private key, both PEM. A certificate that is not
    /// valid now is taken and logged as a warning: whoever connects decides.
    pub fn load(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Tls, TlsError> {
        let (certificate, key) = (certificate.into(), key.into());
        let seen = Pair::read(&certificate, &key)?;
        let config = seen.config(&certificate, &key)?;
        seen.log_validity(&certificate);
        Ok(Tls(Arc::new(Files { certificate, key, state: Mutex::new(State { config, seen }) })))
    }

    /// Looks at the files, and takes them when they have changed: for connections that come from now on. A pair that cannot be
    /// used changes nothing. A server does so by itself about once a minute. Answers whether there was something new.
    pub fn renew(&self) -> Result<bool, TlsError> {
        let Files { certificate, key, .. } = &*self.0;
        let pair = Pair::read(certificate, key)?;
        // Other threads go on with the old one while the new one is being looked at.
        if self.state().seen == pair {
            return Ok(false);
        }
        let config = pair.config(certificate, key);
        if config.is_ok() {
            pair.log_validity(certificate);
        }
        let mut state = self.state();
        state.seen = pair;
        state.config = config?;
        Ok(true)
    }

    /// The same, said in the log.
    pub(crate) fn renew_and_log(&self) {
        match self.renew() {
            Ok(true) => {
                tracing::info!(certificate = %self.0.certificate.display(), "the renewed certificate is used from now on")
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the certificate was not renewed; the one before is used on"),
        }
    }

    /// Speaks TLS on a connection. None when the client did not, and has been told or is gone.
    pub(crate) async fn accept(&self, mut stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        match first_byte(&stream).await {
            Some(HANDSHAKE) => {}
            Some(first) if first.is_ascii_alphabetic() => {
                let told = timeout(PLAIN_WITHIN, refuse_plain(&mut stream)).await;
                tracing::debug!(told = told.is_ok_and(|told| told.is_ok()), "a client spoke plain HTTP to a port for TLS");
                return None;
            }
            // What it is the handshake says.
            Some(_) => {}
            None => return None,
        }
        let config = self.state().config.clone();
        match TlsAcceptor::from(config).accept(stream).await {
            Ok(stream) => Some(stream),
            Err(error) => {
                tracing::debug!(%error, "a TLS handshake failed");
                None
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pair {
    fn read(certificate: &Path, key: &Path) -> Result<Pair, TlsError> {
        Ok(Pair { certificate: read("certificate", certificate)?, key: read("key", key)? })
    }

    fn config(&self, certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.unwrap_or_default();
        if chain.is_empty() {
            return Err(TlsError::NoCertificate(certificate.to_owned()));
        }
        let private = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| TlsError::NoKey(key.to_owned()))?;
        let unusable = |error| match error {
            rustls::Error::InconsistentKeys(_) => TlsError::Mismatch { certificate: certificate.to_owned(), key: key.to_owned() },
            error => TlsError::Unusable { certificate: certificate.to_owned(), key: key.to_owned(), error },
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// Until when it is valid. Clients refuse what is not valid now, and their messages do not reach the operator.
    fn log_validity(&self, path: &Path) {
        let first = CertificateDer::pem_slice_iter(&self.certificate).next().and_then(Result::ok);
        let Some(validity) = first.and_then(|certificate| Validity::of(&certificate)) else { return };
        match validity.wrong_at(SystemTime::now()) {
            Some(wrong) => tracing::warn!(certificate = %path.display(), "the certificate {wrong}: clients will refuse it"),
            None => tracing::info!(certificate = %path.display(), until = %validity.until, "the certificate is valid"),
        }
    }
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable = |error| TlsError::Unreadable { what, path: path.to_owned(), error };
    let bytes = fs::metadata(path).map_err(unreadable)?.len();
    if bytes > FILE_BYTES_MAX {
        let message = format!("it has {bytes} bytes, at most {FILE_BYTES_MAX} were expected");
        return Err(unreadable(std::io::Error::other(message)));
    }
    fs::read(path).map_err(unreadable)
}

/// It stays where it is. None when the client says nothing and goes.
async fn first_byte(stream: &TcpStream) -> Option<u8> {
    let mut first = [0];
    match stream.peek(&mut first).await {
        Ok(1) => Some(first[0]),
        _ => None,
    }
}

/// Answers whoever does not know that this port speaks TLS, in the language they speak.
async fn refuse_plain(stream: &mut TcpStream) -> std::io::Result<()> {
    read_head(stream).await?;
    let problem = Problem::new(&Kind::TLS_EXPECTED, "this port speaks TLS: call it with https:// instead of http://");
    let body = problem.into_text();
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    stream.shutdown().await?;
    // Closed with something unread, the connection is reset, and the client may never see the answer.
    copy(&mut stream.take(PLAIN_BYTES_MAX as u64), &mut sink()).await?;
    Ok(())
}

/// Reads a request up to its empty line, or as much of it as is reasonable.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut part = [0; 1024];
    while head.len() < PLAIN_BYTES_MAX && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut part).await? {
            0 => break,
            count => head.extend_from_slice(&part[..count]),
        }
    }
    Ok(())
}
