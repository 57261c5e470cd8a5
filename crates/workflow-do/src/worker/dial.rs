//! Opens the connection: an HTTP request that is upgraded to a WebSocket.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::{
    AUTHORIZATION, CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use reqwest::{Response, StatusCode, Upgraded, Url};
use serde::Deserialize;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use workflow_engine::innermost;
use workflow_server::protocol::{self, Link};

use super::roster::{self, Address};
use crate::Error;

/// More than the engines of a cluster.
const KNOWN_MAX: usize = 512;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// How any server is reached.
#[derive(Debug)]
pub struct Dialers {
    token: Option<String>,
    ca: Option<PathBuf>,
    known: Mutex<BTreeMap<Address, Dialer>>,
}

impl Dialers {
    /// With the addresses that `urls` holds, one or several with commas between them.
    pub fn new(urls: &str, token: Option<String>, ca: Option<PathBuf>) -> Result<(Dialers, Vec<Address>), Error> {
        let dialers = Dialers { token, ca, known: Mutex::default() };
        let mut addresses: Vec<Address> = Vec::new();
        for url in urls.split(',').map(str::trim) {
            let address = roster::address(url);
            dialers.known().insert(address.clone(), dialers.make(url)?);
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        Ok((dialers, addresses))
    }

    pub fn at(&self, address: &Address) -> Result<Dialer, Error> {
        if let Some(dialer) = self.known().get(address) {
            return Ok(dialer.clone());
        }
        let dialer = self.make(address)?;
        let mut known = self.known();
        // Engines come and go, each with an address of its own perhaps; it is made again when it is needed again.
        if known.len() >= KNOWN_MAX {
            known.pop_first();
        }
        known.insert(address.clone(), dialer.clone());
        Ok(dialer)
    }

    fn make(&self, url: &str) -> Result<Dialer, Error> {
        Dialer::new(url, self.token.as_deref(), self.ca.as_deref())
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Address, Dialer>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a server is reached.
#[derive(Debug, Clone)]
pub struct Dialer {
    http: reqwest::Client,
    url: Url,
}

/// What a server answers instead of a connection.
#[derive(Debug, Default, Deserialize)]
struct Problem {
    detail: Option<String>,
}

impl Dialer {
    /// `ca`: a PEM file with roots to trust besides the system's.
    pub fn new(base: &str, token: Option<&str>, ca: Option<&Path>) -> Result<Dialer, Error> {
        let wrong = |why: &str| {
            Error::Invalid(format!("`{base}` {why}; the address of a server such as http://127.0.0.1:4747 was expected"))
        };
        let mut url = Url::parse(base).map_err(|error| wrong(&format!("is no URL ({error})")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("begins neither with http:// nor with https://"));
        }
        let path = format!("{}{}", url.path().trim_end_matches('/'), protocol::PATH);
        url.set_path(&path);
        url.set_query(None);
        // Whoever has this worker in its process may have chosen one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let is_plain = url.scheme() == "http";
        let builder = reqwest::Client::builder()
            .user_agent(concat!("workflow.do/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .http1_only()
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT_WITHIN);
        let builder = match token {
            Some(token) => builder.default_headers([(AUTHORIZATION, authorization(token)?)].into_iter().collect()),
            None => builder,
        };
        // A proxy does not let a WebSocket through, unless it cannot see that it is one.
        let builder = if is_plain { builder.no_proxy() } else { builder };
        let builder = match ca {
            Some(path) => builder.tls_certs_merge(roots(path)?),
            None => builder,
        };
        let http = builder.build().map_err(|error| Error::Invalid(format!("no HTTP client could be made: {error}")))?;
        Ok(Dialer { http, url })
    }

    /// A fresh connection, on which nothing has been said. Why not, as the rest of "cannot reach ...: ".
    pub async fn dial(&self) -> Result<Link<Upgraded>, String> {
        let key = generate_key();
        let request = self
            .http
            .get(self.url.clone())
            .header(CONNECTION, "upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key)
            .header(SEC_WEBSOCKET_PROTOCOL, protocol::SUBPROTOCOL);
        let response = request.send().await.map_err(|error| why_not(&error))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(refusal(response).await);
        }
        let header = |name| response.headers().get(name).map(HeaderValue::as_bytes);
        let is_ours = header(SEC_WEBSOCKET_ACCEPT) == Some(derive_accept_key(key.as_bytes()).as_bytes())
            && header(SEC_WEBSOCKET_PROTOCOL) == Some(protocol::SUBPROTOCOL.as_bytes());
        if !is_ours {
            return Err(format!("what answers there does not speak `{}`", protocol::SUBPROTOCOL));
        }
        let upgraded = response.upgrade().await.map_err(|error| innermost(&error))?;
        Ok(Link::new(upgraded, Role::Client, protocol::SERVER_FRAME_BYTES_MAX, protocol::HEARTBEAT).await)
    }
}

/// Marked, so that nothing that shows headers shows it.
fn authorization(token: &str) -> Result<HeaderValue, Error> {
    let value = HeaderValue::try_from(format!("Bearer {}", token.trim()));
    let mut value = value.map_err(|_| Error::Invalid("the token has line breaks or control characters".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// What a PEM file holds.
fn roots(path: &Path) -> Result<Vec<reqwest::Certificate>, Error> {
    let shown = path.display();
    let text = std::fs::read(path).map_err(|error| Error::Invalid(format!("the CA file {shown} cannot be read: {error}")))?;
    match reqwest::Certificate::from_pem_bundle(&text) {
        Ok(roots) if !roots.is_empty() => Ok(roots),
        _ => Err(Error::Invalid(format!("the CA file {shown} holds no certificate; a PEM file was expected"))),
    }
}

fn why_not(error: &reqwest::Error) -> String {
    let why = innermost(error);
    if why.contains("certificate") { format!("{why}; a root of your own is trusted with `ca_file`") } else { why }
}

async fn refusal(response: Response) -> String {
    let status = response.status();
    let problem: Problem = match response.bytes().await {
        Ok(body) => serde_json::from_slice(&body).unwrap_or_default(),
        Err(_) => Problem::default(),
    };
    match problem.detail {
        Some(detail) => format!("it answered {}: {detail}", status.as_u16()),
        None => format!("it answered {status}; is it a workflow server, and as new as this worker?"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_that_of_a_server() {
        let url =
            |base: &str| Dialer::new(base, None, None).map(|dialer| dialer.url.to_string()).map_err(|error| error.to_string());
        assert_eq!(url("http://127.0.0.1:4747"), Ok("http://127.0.0.1:4747/api/v1/worker".to_owned()));
        assert_eq!(url("https://example.com/flows/"), Ok("https://example.com/flows/api/v1/worker".to_owned()));
        assert!(url("127.0.0.1:4747").is_err());
        let wrong = url("ws://127.0.0.1:4747").unwrap_err();
        assert!(
            Dialer::new("http://127.0.0.1:4747", Some("two\nlines"), None).is_err_and(|error| !error.to_string().contains("two"))
        );
        assert!(wrong.contains("neither with http:// nor with https://"), "{wrong}");
    }
}
