//! Where the database is, and how it is reached.

use std::fmt;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{self, PostgresError};

/// A connection that is idle is asked for a sign of life after this; a network that is gone is noticed in three times that.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(10);
/// Of several servers, the next is asked as well when one has not answered for so long: a machine that is gone says nothing.
const NEXT_ASKED_AFTER: Duration = Duration::from_millis(300);

/// A database's address, read from a URL as `psql` takes it: one server, or several, of which one can be written. That one is looked for
/// by each connection, so all of ours lead to the same one, and to another one when that has taken its place.
#[derive(Clone)]
pub(super) struct Address {
    /// One each, in the order of the URL.
    servers: Vec<Config>,
    /// Which of them could be written when that was last asked.
    newest: Arc<AtomicUsize>,
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
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        config.ssl_mode(match trust {
            Trust::Disable => SslMode::Disable,
            Trust::Prefer => SslMode::Prefer,
            Trust::Require | Trust::VerifyFull => SslMode::Require,
        });
        let tls = match trust {
            Trust::Disable => None,
            _ => Some(MakeRustlsConnect::new(client_config(trust, root.as_deref())?)),
        };
        let servers = servers(&config).map_err(wrong)?;
        let names: Vec<String> = servers.iter().map(shown).collect();
        let shown = format!("{}/{}", names.join(","), config.get_dbname().unwrap_or_default());
        Ok(Address { servers, newest: Arc::default(), tls, schema, shown })
    }

    /// Hosts, ports and database, for people.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// A connection to the server that can be written, which goes on on the current runtime. `told` hears what others notify it of.
    /// Begins with the server that it was last; one that says nothing does not keep the others from being asked.
    pub async fn connect(&self, role: &str, told: UnboundedSender<String>, within: Duration) -> Result<Client, Unconnected> {
        let (count, first) = (self.servers.len(), self.newest.load(Ordering::Relaxed));
        let mut unasked = (0..count).map(|place| (first + place) % count);
        let mut asked = JoinSet::new();
        let mut said: Vec<Option<(bool, String)>> = vec![None; count];
        let over = tokio::time::sleep(within);
        tokio::pin!(over);
        loop {
            if let Some(place) = unasked.next() {
                let (mut config, tls, told) = (self.servers[place].clone(), self.tls.clone(), told.clone());
                if config.get_application_name().is_none() {
                    config.application_name(format!("workflow.do {role}"));
                }
                asked.spawn(async move { (place, connect_to(&config, tls, told).await) });
            }
            tokio::select! {
                Some(answer) = asked.join_next() => match answer.expect("nobody ends it, and it does not panic") {
                    (place, Ok(client)) => {
                        self.newest.store(place, Ordering::Relaxed);
                        return Ok(client);
                    }
                    (place, Err(error)) => {
                        said[place] = Some((error.as_db_error().is_some(), error::unconnected(&error)));
                        if said.iter().all(Option::is_some) {
                            return Err(self.unconnected(said, within));
                        }
                    }
                },
                () = tokio::time::sleep(NEXT_ASKED_AFTER), if unasked.len() > 0 => {}
                () = &mut over => return Err(self.unconnected(said, within)),
            }
        }
    }

    /// What each of them has said.
    fn unconnected(&self, said: Vec<Option<(bool, String)>>, within: Duration) -> Unconnected {
        let refused = said.iter().all(|said| said.as_ref().is_some_and(|(refused, _)| *refused));
        let silent = || format!("no answer within {} s", within.as_secs_f32());
        let reasons = said.into_iter().zip(&self.servers).map(|(said, server)| {
            let reason = said.map_or_else(silent, |(_, reason)| reason);
            if self.servers.len() == 1 { reason } else { format!("{}: {reason}", shown(server)) }
        });
        Unconnected { refused, reason: reasons.collect::<Vec<_>>().join("; ") }
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) struct Unconnected {
    /// PostgreSQL has said so.
    pub refused: bool,
    pub reason: String,
}

async fn connect_to(
    config: &Config,
    tls: Option<MakeRustlsConnect>,
    told: UnboundedSender<String>,
) -> Result<Client, tokio_postgres::Error> {
    match tls {
        None => {
            let (client, connection) = config.connect(NoTls).await?;
            tokio::spawn(go_on(connection, told));
            Ok(client)
        }
        Some(tls) => {
            let (client, connection) = config.connect(tls).await?;
            tokio::spawn(go_on(connection, told));
            Ok(client)
        }
    }
}

/// Until the connection ends; then who has asked something on it is told.
async fn go_on<S, T>(mut connection: Connection<S, T>, told: UnboundedSender<String>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notification(notification) = message {
            // Nobody waits for it any more: so does nobody for the connection.
            let _ = told.send(notification.payload().to_owned());
        }
    }
}

/// Host and port of the first server.
fn shown(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        None => config.get_hostaddrs().first().map_or_else(|| "localhost".to_owned(), ToString::to_string),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    format!("{host}:{port}")
}

/// One for each server of an address.
fn servers(config: &Config) -> Result<Vec<Config>, String> {
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let count = hosts.len().max(addresses.len());
    let fits = |given: usize| given == 0 || given == count;
    if !fits(hosts.len()) || !fits(addresses.len()) || !(fits(ports.len()) || ports.len() == 1) {
        return Err(format!("it has {} hosts, {} addresses of hosts and {} ports", hosts.len(), addresses.len(), ports.len()));
    }
    if count <= 1 {
        return Ok(vec![config.clone()]);
    }
    let only = |place: usize| {
        let mut server = without_hosts(config);
        match hosts.get(place) {
            Some(Host::Tcp(host)) => drop(server.host(host)),
            #[cfg(unix)]
            Some(Host::Unix(path)) => drop(server.host_path(path)),
            None => {}
        }
        if let Some(address) = addresses.get(place) {
            server.hostaddr(*address);
        }
        if let Some(port) = ports.get(place).or(ports.first()) {
            server.port(*port);
        }
        server
    };
    Ok((0..count).map(only).collect())
}

/// A configuration takes hosts, and does not give them back.
fn without_hosts(of: &Config) -> Config {
    let mut config = Config::new();
    if let Some(user) = of.get_user() {
        config.user(user);
    }
    if let Some(password) = of.get_password() {
        config.password(password);
    }
    if let Some(name) = of.get_dbname() {
        config.dbname(name);
    }
    if let Some(options) = of.get_options() {
        config.options(options);
    }
    if let Some(name) = of.get_application_name() {
        config.application_name(name);
    }
    if let Some(timeout) = of.get_connect_timeout() {
        config.connect_timeout(*timeout);
    }
    if let Some(timeout) = of.get_tcp_user_timeout() {
        config.tcp_user_timeout(*timeout);
    }
    if let Some(interval) = of.get_keepalives_interval() {
        config.keepalives_interval(interval);
    }
    if let Some(retries) = of.get_keepalives_retries() {
        config.keepalives_retries(retries);
    }
    config.keepalives(of.get_keepalives()).keepalives_idle(of.get_keepalives_idle());
    config.ssl_mode(of.get_ssl_mode()).ssl_negotiation(of.get_ssl_negotiation());
    config.channel_binding(of.get_channel_binding());
    config.target_session_attrs(of.get_target_session_attrs());
    config.load_balance_hosts(of.get_load_balance_hosts());
    config
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
            // Every connection of ours is to be able to write, also where an address has one server.
            Some(("target_session_attrs", attributes)) => {
                if !matches!(attributes, "any" | "read-write" | "primary") {
                    return Err(wrong(format!(
                        "`target_session_attrs` is `{attributes}`: known are `read-write`, `primary` and `any`"
                    )));
                }
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
            ("postgres://x:s3cret@h,g/d?target_session_attrs=standby", "known are `read-write`"),
            ("postgres://x:s3cret@h,g/d?hostaddr=127.0.0.1", "it has 2 hosts, 1 addresses"),
            ("postgres://x:s3cret@h/d?sslmode=verify-full&sslrootcert=%2Fno%2Fsuch.pem", "/no/such.pem"),
        ] {
            let said = Address::parse(url).unwrap_err().to_string();
            assert!(said.contains(expected) && !said.contains("s3cret"), "{url}: {said}");
        }
    }

    /// Each by itself is what all of them are, but for where it is.
    #[test]
    fn several_servers_are_asked_one_by_one() {
        let query = "sslmode=require&target_session_attrs=primary&application_name=x&options=-c%20a%3Db&connect_timeout=3\
            &channel_binding=disable";
        let address = Address::parse(&format!("postgres://shop:s3cret@a:1,b,[::1]:3/orders?{query}")).unwrap();
        assert_eq!(address.shown(), "a:1,b:5432,::1:3/orders");
        let alone =
            |host: &str| Address::parse(&format!("postgres://shop:s3cret@{host}/orders?{query}")).unwrap().servers.remove(0);
        assert_eq!(address.servers, [alone("a:1"), alone("b:5432"), alone("[::1]:3")]);
        assert_eq!(address.servers[0].get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
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
