//! `workflow serve`: picks the store, opens the engine on it, serves it, and stops it in order.

mod descriptors;
mod logging;
mod settings;
mod stop;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use workflow_engine::Engine;
use workflow_engine::clock::SystemClock;
use workflow_engine::token::Tokens;
use workflow_server::Tls;
use workflow_store::{Durability, Keys, Location, Postgres, PostgresError, PostgresOptions, Sqlite, Store};

use crate::args::Serve;
use crate::error::Error;
use crate::output;
use crate::program;
use crate::render::{bold, clean, dim, look, painted};
use settings::Settings;

pub use settings::configured_token;

pub fn run(serve: &Serve, json: bool) -> Result<(), Error> {
    let settings = Settings::new(serve)?;
    logging::start(&settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::failed("runtime", format!("cannot start: {error}")))?;
    let served = runtime.block_on(stop::until_second_signal(|first| serve_until_stopped(settings, json, first)));
    if matches!(served, Err(Error::Signal { .. })) {
        // Dropping it would wait for what is in the middle of something.
        runtime.shutdown_background();
    }
    served
}

async fn serve_until_stopped(settings: Settings, json: bool, first_signal: stop::FirstSignal) -> Result<(), Error> {
    let tls = settings.tls.as_ref().map(|files| Tls::load(&files.certificate, &files.key)).transpose();
    let tls = tls.map_err(|error| Error::failed("tls", error.to_string()))?;
    let mut first_signal = std::pin::pin!(first_signal.wait());
    let refused = |error: std::io::Error| cannot_listen(&settings.listen, &error);
    // The store first: while a predecessor lets go of the file, it also lets go of the port. But one that the system chooses no
    // predecessor has, and other engines are to know it.
    let early = match &settings.db {
        Location::Postgres(_) if settings.listen.ends_with(":0") => Some(listen(&settings.listen).await.map_err(refused)?),
        _ => None,
    };
    let url = match &early {
        Some(listener) => advertised(&settings, &listener.local_addr().map_err(refused)?.to_string()),
        None => advertised(&settings, &settings.listen),
    };
    let store = tokio::select! {
        store = open_store(&settings, url) => store?,
        // Nothing has begun that would have to be stopped.
        () = &mut first_signal => return Ok(()),
    };
    let listener = match early {
        Some(listener) => listener,
        None => listen(&settings.listen).await.map_err(refused)?,
    };
    let address = listener.local_addr().map_err(refused)?;
    let engine = workflow_engine::Options {
        endpoint_hosts: settings.endpoint_hosts.clone(),
        worker_grace: settings.worker_grace,
        retention: settings.retention,
        ..Default::default()
    };
    let options = workflow_server::Options {
        allowed_hosts: settings.allowed_hosts.clone(),
        admin_token: settings.admin_token.clone(),
        insecure: settings.insecure,
        payload_bytes_max: engine.limits.payload_bytes_max,
        tls,
        ..workflow_server::Options::default()
    };
    let options = descriptors::fitted(options);
    guarded(&settings, store.as_ref(), address, &options)?;
    let engine = Engine::open_on(store, engine, Arc::new(SystemClock::default())).await;
    let engine = engine.map_err(|error| Error::failed(error.code(), error.to_string()))?;
    ready(&settings, address, json)?;

    let mut told = false;
    let until = async {
        tokio::select! {
            () = &mut first_signal => told = true,
            () = engine.closed() => {}
        }
    };
    let served = workflow_server::serve(engine.clone(), listener, options, until).await;
    if !told {
        let message = "the engine has closed by itself; the log says why: start it again";
        return Err(Error::failed("closed", message));
    }
    let closed = stop::within(settings.stop_within, engine.shutdown(settings.stop_within)).await;
    served.map_err(|error| Error::failed("listener", format!("the server broke off: {error}")))?;
    closed
}

/// Nobody may do everything from another machine, unless somebody insists.
fn guarded(settings: &Settings, store: &dyn Store, address: SocketAddr, options: &workflow_server::Options) -> Result<(), Error> {
    let tokens = store.tokens().map_err(|fault| Error::failed("store", fault.to_string()))?;
    let tokens = Tokens::from_rows(tokens);
    if workflow_server::may_listen(address.ip(), options, &tokens).is_err() {
        let create = program::command(format_args!("token create NAME --role admin --db {}", settings.db));
        let message = format!(
            "{address} can be reached from other machines, and there is no token: whoever reaches it could do everything; make \
             one with `{create}`, or set WORKFLOW_ADMIN_TOKEN, or insist with --insecure"
        );
        return Err(Error::failed("unguarded", message));
    }
    let has_token = tokens.any() || options.admin_token.is_some();
    if address.ip().is_loopback() || (has_token && options.tls.is_some()) {
        return Ok(());
    }
    if has_token {
        tracing::warn!(%address, "other machines can reach this server, and what they say, tokens too, is not encrypted");
    } else {
        tracing::warn!(%address, "other machines can reach this server, and it asks nobody who they are");
    }
    Ok(())
}

/// Where others reach this engine, which listens at `listen`: nowhere if that is any address of this machine, or a port that is not
/// chosen yet, and nobody has said more.
fn advertised(settings: &Settings, listen: &str) -> Option<String> {
    if let Some(url) = &settings.advertise {
        return Some(url.clone());
    }
    let (host, port) = listen.rsplit_once(':')?;
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    if port == "0" || ip.is_ok_and(|ip| ip.is_unspecified()) {
        return None;
    }
    Some(format!("{}://{listen}", scheme(settings)))
}

fn scheme(settings: &Settings) -> &'static str {
    if settings.tls.is_some() { "https" } else { "http" }
}

/// Opening may wait for a predecessor and read a log: not on a thread that serves.
async fn open_store(settings: &Settings, url: Option<String>) -> Result<Arc<dyn Store>, Error> {
    if settings.unsafe_no_sync {
        tracing::warn!("--unsafe-no-sync: a crash of this machine can lose what was acknowledged");
    }
    let keys = crate::keys::given(settings.encryption_key_file.as_deref())?;
    let mut owner = None;
    loop {
        let (location, keys, url, no_sync) = (settings.db.clone(), keys.clone(), url.clone(), settings.unsafe_no_sync);
        let opened = tokio::task::spawn_blocking(move || open(&location, keys, url, no_sync)).await;
        let opened = opened.map_err(|error| Error::failed("store", format!("opening the database broke off: {error}")))?;
        match opened {
            Err(OpenFailed::OwnedBy(holder)) => {
                if owner.as_ref() != Some(&holder) {
                    tracing::info!(database = %settings.db, %holder, "waiting: somebody works on the whole database, and this engine joins when that has ended");
                    owner = Some(holder);
                }
            }
            // The database is restarted, or the network is away: who waits already waits for that too.
            Err(OpenFailed::Away(error)) if owner.is_some() => {
                tracing::warn!(error, "waiting: the database cannot be asked now");
                tokio::time::sleep(WAIT_FOR).await;
            }
            Err(OpenFailed::Away(error)) => return Err(Error::failed("store", error)),
            Err(OpenFailed::For(error)) => return Err(error),
            Ok(store) => return Ok(store),
        }
    }
}

enum OpenFailed {
    /// By somebody who shares with nobody.
    OwnedBy(String),
    Away(String),
    For(Error),
}

/// Who works on the whole database is waited for so long at once, so that a signal is obeyed.
const WAIT_FOR: Duration = Duration::from_secs(3);

fn open(location: &Location, keys: Keys, url: Option<String>, no_sync: bool) -> Result<Arc<dyn Store>, OpenFailed> {
    let refused = |error: &dyn std::fmt::Display| OpenFailed::For(Error::failed("store", error.to_string()));
    let durability = if no_sync { Durability::UnsafeNormal } else { Durability::Full };
    let options = workflow_store::Options { durability, keys: keys.clone(), ..Default::default() };
    Ok(match location {
        Location::Memory => Arc::new(Sqlite::open(":memory:", options).map_err(|error| refused(&error))?),
        Location::File(path) => Arc::new(Sqlite::open(path, options).map_err(|error| refused(&error))?),
        Location::Postgres(database) => {
            let options = PostgresOptions { keys, url, wait: WAIT_FOR, ..PostgresOptions::default() };
            match Postgres::open(database, options) {
                Ok(store) => Arc::new(store),
                Err(PostgresError::InUse { holder, .. }) => return Err(OpenFailed::OwnedBy(holder)),
                Err(
                    error @ (PostgresError::Unreachable { .. } | PostgresError::Refused { .. } | PostgresError::Other { .. }),
                ) => {
                    return Err(OpenFailed::Away(error.to_string()));
                }
                Err(error) => return Err(refused(&error)),
            }
        }
    })
}

/// Connections that wait to be accepted. The usual 128 overflow when a thousand clients come at once, as they do when a server is
/// started again, and then the system drops some and resets others; it allows no more than `net.core.somaxconn`.
const BACKLOG: u32 = 4_096;

/// On the first of the addresses of this name that can be listened on.
async fn listen(listen: &str) -> std::io::Result<TcpListener> {
    let mut last = None;
    for address in tokio::net::lookup_host(listen).await? {
        let listener = || {
            let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            // As every server does: its predecessor's connections may still be there. On Windows it means something else.
            #[cfg(unix)]
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            socket.listen(BACKLOG)
        };
        match listener() {
            Ok(listener) => return Ok(listener),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| std::io::ErrorKind::InvalidInput.into()))
}

fn cannot_listen(listen: &str, error: &std::io::Error) -> Error {
    let reason = match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "another program listens there; stop it, or choose another port with --listen".to_owned()
        }
        std::io::ErrorKind::InvalidInput => "an address and a port such as 127.0.0.1:4747 were expected".to_owned(),
        std::io::ErrorKind::PermissionDenied => "this user may not; ports below 1024 are the system's".to_owned(),
        _ => error.to_string(),
    };
    Error::failed("listen", format!("cannot listen on {listen}: {reason}"))
}

/// One line, once everything can be asked: for a person, or for the program that waits for it.
fn ready(settings: &Settings, address: SocketAddr, json: bool) -> Result<(), Error> {
    let url = format!("{}://{address}", scheme(settings));
    let openapi = format!("{url}/openapi.json");
    let database = database(&settings.db);
    if json {
        let pid = std::process::id();
        return output::line(
            &serde_json::json!({ "url": url, "openapi": openapi, "database": database, "pid": pid }).to_string(),
        );
    }
    let glyph = painted(look("completed").style, "✓");
    let rest = format!("API described at {openapi}, database {}, process {}", clean(&database), std::process::id());
    output::line(&format!("{glyph} workflow is ready on {} {}", bold(&url), dim(&format!("({rest})"))))
}

fn database(location: &Location) -> String {
    match location {
        Location::Memory => ":memory:, forgotten at the end".to_owned(),
        _ => location.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_reached_where_it_listens_unless_somebody_says_otherwise() {
        let settings = |serve: Serve| Settings::new(&serve).unwrap();
        let plain = settings(Serve::default());
        let url = |listen: &str| advertised(&plain, listen);
        assert_eq!(url("127.0.0.1:4747").as_deref(), Some("http://127.0.0.1:4747"));
        assert_eq!(url("flows.internal:80").as_deref(), Some("http://flows.internal:80"));
        assert_eq!(url("[::1]:4747").as_deref(), Some("http://[::1]:4747"));
        assert_eq!([url("0.0.0.0:4747"), url("[::]:4747"), url("127.0.0.1:0"), url("nonsense")], [None, None, None, None]);
        let (cert, key) = (Some("server.pem".into()), Some("server.key".into()));
        let encrypted = settings(Serve { tls_cert: cert, tls_key: key, ..Serve::default() });
        assert_eq!(advertised(&encrypted, "10.0.0.7:1").as_deref(), Some("https://10.0.0.7:1"));
        let said = settings(Serve { advertise: Some("https://flows.example/".to_owned()), ..Serve::default() });
        assert_eq!(advertised(&said, "0.0.0.0:4747").as_deref(), Some("https://flows.example"));
    }
}
