//! Where the database is, and how it is reached.

use std::fmt;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::UnboundedSender;
use tokio_postgres::config::SslMode;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::PostgresError;

/// A connection that is idle is asked for a sign of life after this; a network that is gone is noticed in three times that.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(10);

/// A database's address, read from a URL as `psql` takes it.
#[derive(Clone)]
pub(super) struct Address {
    config: Config,
    /// None: the connection is plain.
    tls: Option<MakeRustlsConnect>,
    /// Where our tables are.
    schema: String,
    shown: String,
}

/// Where our tables are unless the address says otherwise: a database may hold others too.
const SCHEMA: &str = "workflow";

/// Without the password.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Address").field(&self.shown).finish()
    }
}

/// How far the other side is trusted, by the names that PostgreSQL's own clients use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    Disable,
    /// Encrypted where the server can, without asking who it is.
    Prefer,
    /// Encrypted, without asking who it is, unless a root is given.
    Require,
    /// Encrypted, and the certificate is that of the host.
    VerifyFull,
}

impl Address {
    pub fn parse(url: &str) -> Result<Address, PostgresError> {
        let wrong = |reason: String| PostgresError::Address { reason };
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(wrong("it does not begin with postgres://".to_owned()));
        }
        let Taken { rest, trust, root, schema } = take_ours(url)?;
        let mut config = Config::from_str(&rest).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            wrong(cause.unwrap_or_else(|| error.to_string()))
        })?;
        if config.get_dbname().is_none() {
            return Err(wrong("it names no database".to_owned()));
        }
        config.keepalives_idle(KEEPALIVE_AFTER).keepalives_interval(KEEPALIVE_AFTER).keepalives_retries(2);
        config.tcp_user_timeout(3 * KEEPALIVE_AFTER);
        config.ssl_mode(match trust {
            Trust::Disable => SslMode::Disable,
            Trust::Prefer => SslMode::Prefer,
            Trust::Require | Trust::VerifyFull => SslMode::Require,
        });
        let tls = match trust {
            Trust::Disable => None,
            _ => Some(MakeRustlsConnect::new(client_config(trust, root.as_deref())?)),
        };
        let shown = shown(&config);
        Ok(Address { config, tls, schema, shown })
    }

    /// Host, port and database, for people.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// A connection that goes on on the current runtime. `told` hears what others notify it of.
    pub async fn connect(&self, role: &str, told: Option<UnboundedSender<String>>) -> Result<Client, tokio_postgres::Error> {
        let mut config = self.config.clone();
        if config.get_application_name().is_none() {
            config.application_name(format!("workflow.do {role}"));
        }
        match &self.tls {
            None => {
                let (client, connection) = config.connect(NoTls).await?;
                tokio::spawn(go_on(connection, told));
                Ok(client)
            }
            Some(tls) => {
                let (client, connection) = config.connect(tls.clone()).await?;
                tokio::spawn(go_on(connection, told));
                Ok(client)
            }
        }
    }
}

/// Until the connection ends; then who has asked something on it is told.
async fn go_on<S, T>(mut connection: Connection<S, T>, told: Option<UnboundedSender<String>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if let (AsyncMessage::Notification(notification), Some(told)) = (message, &told) {
            // Nobody waits for it any more: so does nobody for the connection.
            let _ = told.send(notification.payload().to_owned());
        }
    }
}

fn shown(config: &Config) -> String {
    use tokio_postgres::config::Host;
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "localhost".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    format!("{host}:{port}/{}", config.get_dbname().unwrap_or_default())
}

/// What is ours in a URL, and the rest of it, which `tokio-postgres` knows.
#[derive(Debug, PartialEq)]
struct Taken {
    rest: String,
    trust: Trust,
    root: Option<PathBuf>,
    schema: String,
}

fn take_ours(url: &str) -> Result<Taken, PostgresError> {
    let wrong = |reason: String| PostgresError::Address { reason };
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut trust, mut root, mut schema, mut rest) = (None, None, SCHEMA.to_owned(), Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", mode)) => {
                trust = Some(match mode {
                    "disable" => Trust::Disable,
                    "prefer" | "allow" => Trust::Prefer,
                    "require" => Trust::Require,
                    "verify-full" => Trust::VerifyFull,
                    other => {
                        let known = "`disable`, `prefer`, `require` and `verify-full`";
                        return Err(wrong(format!("`sslmode` is `{other}`: known are {known}")));
                    }
                });
            }
            Some(("sslrootcert", file)) => root = Some(PathBuf::from(decoded(file))),
            Some(("schema", name)) => {
                let is_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
                if name.is_empty() || name.len() > 63 || !name.bytes().all(is_name) || name.as_bytes()[0].is_ascii_digit() {
                    return Err(wrong(format!("`schema` is `{name}`: expected lower-case letters, digits and `_`")));
                }
                schema = name.to_owned();
            }
            _ => rest.push(pair),
        }
    }
    // As PostgreSQL's own clients have it: whoever gives a root means it.
    let trust = match (trust, &root) {
        (Some(Trust::Require), Some(_)) => Trust::VerifyFull,
        (trust, _) => trust.unwrap_or(Trust::Prefer),
    };
    let rest = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    Ok(Taken { rest, trust, root, schema })
}

/// `%2F` and its like.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| after.get(..2)).flatten();
        let escaped = escaped.and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn client_config(trust: Trust, root: Option<&Path>) -> Result<ClientConfig, PostgresError> {
    let wrong = |reason: String| PostgresError::Address { reason };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| wrong(error.to_string()))?;
    if trust != Trust::VerifyFull {
        let anyone = Arc::new(Anyone(provider));
        return Ok(builder.dangerous().with_custom_certificate_verifier(anyone).with_no_client_auth());
    }
    let mut roots = RootCertStore::empty();
    match root {
        Some(path) => {
            let shown = path.display();
            let read = CertificateDer::pem_file_iter(path).map_err(|error| wrong(format!("`sslrootcert` {shown}: {error}")))?;
            let certificates: Vec<_> = read.filter_map(Result::ok).collect();
            roots.add_parsable_certificates(certificates);
            if roots.is_empty() {
                return Err(wrong(format!("`sslrootcert` {shown} holds no certificate: expected a PEM file")));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Takes every certificate, as `sslmode=require` and `prefer` do everywhere: they keep those out who only listen.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
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
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_has_no_password() {
        let address = Address::parse("postgres://shop:s3cret@db.example:6432/orders?sslmode=disable").unwrap();
        assert_eq!(address.shown(), "db.example:6432/orders");
        assert!(!format!("{address:?}").contains("s3cret"));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (url, expected) in [
            ("mysql://x:s3cret@h/d", "does not begin with postgres://"),
            ("postgres://x:s3cret@h:port/d", "invalid"),
            ("postgres://x:s3cret@h", "names no database"),
            ("postgres://x:s3cret@h/d?sslmode=verify-ca", "known are `disable`"),
            ("postgres://x:s3cret@h/d?schema=a;b", "expected lower-case letters"),
            ("postgres://x:s3cret@h/d?sslmode=verify-full&sslrootcert=%2Fno%2Fsuch.pem", "/no/such.pem"),
        ] {
            let said = Address::parse(url).unwrap_err().to_string();
            assert!(said.contains(expected) && !said.contains("s3cret"), "{url}: {said}");
        }
    }

    #[test]
    fn a_root_that_is_given_is_asked_for() {
        let taken = |query: &str| take_ours(&format!("postgres://h/d?{query}")).unwrap();
        assert_eq!(taken("sslmode=require").trust, Trust::Require);
        let root = taken("sslmode=require&sslrootcert=a%20b.pem");
        assert_eq!((root.trust, root.root), (Trust::VerifyFull, Some(PathBuf::from("a b.pem"))));
        let others = taken("application_name=x&sslmode=disable&schema=orders_2");
        assert_eq!((others.rest.as_str(), others.schema.as_str()), ("postgres://h/d?application_name=x", "orders_2"));
        assert_eq!((taken("").rest.as_str(), taken("").schema.as_str()), ("postgres://h/d", SCHEMA));
    }
}
