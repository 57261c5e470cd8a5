//! A listener, its connections, and their orderly end.

use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep, timeout};
use tower::ServiceExt;
use workflow_core::id::Caller;
use workflow_engine::Engine;

use crate::access::{Strangers, may_listen};
use crate::hosts::Hosts;
use crate::taken::Taken;
use crate::tls::{RENEW_EVERY, Tls};
use crate::{Options, app, caller, limits, metrics};

/// What the system could not give (file descriptors, memory) it may give again in a moment.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Serves the API until `shutdown` ends, then answers what has been asked, for at most [`Options::shutdown_grace`]. Whoever only
/// waits (`?wait=`, streams) is answered at once with what there is, and workers are told to come back. The engine goes on: it is the caller's to shut down.
///
/// Returns early only when the listener does not know its own address, or when other machines can reach it and nobody needs a
/// token ([`may_listen`](crate::may_listen)).
pub async fn serve(
    engine: Engine,
    listener: TcpListener,
    options: Options,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    may_listen(address.ip(), &options, &engine.tokens().borrow())
        .map_err(|unguarded| io::Error::new(io::ErrorKind::PermissionDenied, unguarded))?;
    let strangers = Strangers::at(address.ip(), &options);
    let hosts = Hosts::of(address.ip(), &options.allowed_hosts);
    let (close, closing) = watch::channel(false);
    let (connections_max, grace) = (options.connections_max, options.shutdown_grace);
    let (header_timeout, write_timeout) = (options.header_timeout, options.write_timeout);
    let tls = options.tls.clone();
    let (router, app) = app::build(engine, options, hosts, strangers, closing.clone());
    tracing::info!(%address, tls = tls.is_some(), "serving the HTTP API");
    let common = Connections { router, tls: tls.clone(), closing, header_timeout, write_timeout };

    let mut connections = JoinSet::new();
    let mut upkeep = tokio::time::interval(metrics::UPKEEP_EVERY);
    let collected = metrics::collected();
    let mut renewal = tokio::time::interval_at(Instant::now() + RENEW_EVERY, RENEW_EVERY);
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept(), if connections.len() < connections_max => match accepted {
                Ok((stream, address)) => {
                    connections.spawn(common.clone().run(stream, caller::at(address.ip())));
                }
                Err(error) => refused(&error).await,
            },
            _ = upkeep.tick(), if collected.is_some() => {
                if let Some(handle) = &collected { handle.run_upkeep() }
            }
            _ = renewal.tick(), if tls.is_some() => {
                if let Some(tls) = tls.clone() { drop(spawn_blocking(move || tls.renew_and_log())) }
            }
        }
    }
    drop(listener);
    close.send_replace(true);
    let all = async {
        while connections.join_next().await.is_some() {}
        app.admission.no_workers().await;
    };
    let ended = timeout(grace, all).await;
    if ended.is_err() {
        tracing::warn!(connections = connections.len(), "connections are cut: they did not end in time");
        connections.shutdown().await;
    }
    Ok(())
}

/// What all connections of a listener have in common.
#[derive(Clone)]
struct Connections {
    router: Router,
    tls: Option<Tls>,
    closing: watch::Receiver<bool>,
    header_timeout: Duration,
    write_timeout: Duration,
}

impl Connections {
    /// One connection, to its end.
    async fn run(mut self, stream: TcpStream, caller: Caller) {
        // An answer is small and someone waits for it.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection broke before its first request");
            return;
        }
        let Some(tls) = self.tls.take() else { return self.exchange(stream, caller).await };
        let shaken = tokio::select! {
            shaken = timeout(self.header_timeout, tls.accept(stream)) => shaken,
            () = until_closing(&mut self.closing) => return,
        };
        match shaken {
            Ok(Some(stream)) => self.exchange(stream, caller).await,
            Ok(None) => {}
            Err(_) => tracing::debug!("a client took too long for its TLS handshake"),
        }
    }

    /// Its requests and their answers.
    async fn exchange(mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, caller: Caller) {
        let router = self.router.map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(caller.clone());
            request
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .max_headers(limits::HEADERS_MAX)
            .max_buf_size(limits::HEADER_BYTES_MAX)
            .serve_connection(TokioIo::new(Taken::new(stream, self.write_timeout)), TowerToHyperService::new(router))
            .with_upgrades();
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = until_closing(&mut self.closing) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error = &error as &dyn std::error::Error, "a connection broke");
        }
    }
}

async fn until_closing(closing: &mut watch::Receiver<bool>) {
    // Whoever would say so is gone only when the server is.
    let _ = closing.wait_for(|closing| *closing).await;
}

async fn refused(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        return;
    }
    tracing::warn!(%error, "a connection could not be accepted");
    sleep(ACCEPT_AGAIN_AFTER).await;
}
