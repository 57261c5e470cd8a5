//! The HTTP API as the command line speaks it.
//!
//! Answers stay text until something is shown to a person: `--json` prints them as the server sent them.

pub mod model;
pub mod overview;
mod problem;
mod stream;

use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

pub use problem::Problem;
pub use stream::Stream;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, Url};
use serde::de::DeserializeOwned;

use crate::args::TokenText;
use crate::error::Error;
use crate::program;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// The server answers anything but a wait at once; one that takes longer is stuck.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
}

/// What the server said, when it did not refuse.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub text: String,
}

/// A request, built up before it is sent.
#[derive(Debug)]
pub struct Request<'a> {
    client: &'a Client,
    method: Method,
    url: Result<Url, Error>,
    key: Option<&'a str>,
    body: Option<String>,
    within: Duration,
}

impl Answer {
    /// For people; fields that are not known are ignored.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.text).map_err(|error| {
            let message = format!("the server's answer is not understood ({error}); is this `workflow` as new as the server?");
            Error::failed("unexpected_answer", message)
        })
    }
}

impl Client {
    /// `ca`: a PEM file with roots to trust besides the system's.
    pub fn new(url: &str, token: Option<&TokenText>, ca: Option<&Path>) -> Result<Client, Error> {
        let base = Url::parse(url).map_err(|error| Error::usage(format!("--url: `{url}` is no URL: {error}")))?;
        if base.scheme() != "http" && base.scheme() != "https" {
            return Err(Error::usage(format!("--url: `{url}` must begin with http:// or https://")));
        }
        // One that is there already does as well.
        rustls::crypto::ring::default_provider().install_default().ok();
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .user_agent(concat!("workflow/", env!("CARGO_PKG_VERSION")));
        let builder = match token {
            Some(token) => builder.default_headers([(AUTHORIZATION, authorization(token)?)].into_iter().collect()),
            None => builder,
        };
        // A proxy is for the world outside; this machine's server is never behind it.
        let builder = if is_loopback(&base) { builder.no_proxy() } else { builder };
        let builder = match ca {
            Some(path) => builder.tls_certs_merge(roots(path)?),
            None => builder,
        };
        let http = builder.build().map_err(|error| Error::failed("client", format!("cannot set up HTTP: {error}")))?;
        Ok(Client { http, base })
    }

    pub fn get<'a>(&'a self, path: &[&str]) -> Request<'a> {
        self.request(Method::GET, path)
    }

    pub fn post<'a>(&'a self, path: &[&str]) -> Request<'a> {
        self.request(Method::POST, path)
    }

    pub fn put<'a>(&'a self, path: &[&str]) -> Request<'a> {
        self.request(Method::PUT, path)
    }

    pub fn delete<'a>(&'a self, path: &[&str]) -> Request<'a> {
        self.request(Method::DELETE, path)
    }

    /// The address, as it is shown.
    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    fn request<'a>(&'a self, method: Method, path: &[&str]) -> Request<'a> {
        Request { client: self, method, url: self.url(path), key: None, body: None, within: ANSWER_WITHIN }
    }

    fn url(&self, path: &[&str]) -> Result<Url, Error> {
        let mut url = self.base.clone();
        if let Some(name) = path.iter().find(|part| matches!(**part, "" | "." | "..")) {
            return Err(Error::usage(format!("`{name}` is no id")));
        }
        let mut segments = url.path_segments_mut().map_err(|()| Error::usage("--url: this URL cannot have a path"))?;
        segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        drop(segments);
        Ok(url)
    }

    fn unreachable(&self, error: &reqwest::Error, changes: bool) -> Error {
        let address = self.address();
        let unknown = if changes { "; whether it took place is not known" } else { "" };
        if error.is_connect() {
            let cause = innermost(error);
            if cause.contains("certificate") {
                let hint = "to trust a root of your own, name its file with --ca-file or WORKFLOW_CA_FILE";
                return Error::failed("not_trusted", format!("the server at {address} is not trusted: {cause}; {hint}"));
            }
            let hint = format!("is `{}` running? (set --url or WORKFLOW_URL)", program::command("serve"));
            return Error::failed("unreachable", format!("cannot reach the server at {address}: {cause}; {hint}"));
        }
        if error.is_timeout() {
            let seconds = ANSWER_WITHIN.as_secs();
            return Error::failed("timeout", format!("the server at {address} did not answer within {seconds} s{unknown}"));
        }
        let cause = innermost(error);
        Error::failed("connection_lost", format!("the connection to the server at {address} was lost: {cause}{unknown}"))
    }
}

impl Request<'_> {
    #[must_use]
    pub fn query(mut self, name: &str, value: impl AsRef<str>) -> Self {
        if let Ok(url) = &mut self.url {
            url.query_pairs_mut().append_pair(name, value.as_ref());
        }
        self
    }

    #[must_use]
    pub fn query_maybe(self, name: &str, value: Option<impl AsRef<str>>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    #[must_use]
    pub fn json(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// The server may take this much longer: it was asked to wait.
    #[must_use]
    pub fn waiting(mut self, wait: Duration) -> Self {
        self.within += wait;
        self
    }

    pub async fn send(self) -> Result<Answer, Error> {
        let (client, changes) = (self.client, self.method != Method::GET);
        let within = self.within;
        let request = self.build()?.timeout(within);
        let response = request.send().await.map_err(|error| client.unreachable(&error, changes))?;
        answer(client, response, changes).await
    }

    /// Reads the answer as a stream of events.
    pub async fn stream(self) -> Result<Stream, Error> {
        let client = self.client;
        let request = self.build()?.header("accept", "text/event-stream");
        let response = request.send().await.map_err(|error| client.unreachable(&error, false))?;
        if !response.status().is_success() {
            return Err(answer(client, response, false).await.err().unwrap_or(Error::failed("unexpected_answer", "no stream")));
        }
        Ok(Stream::new(response))
    }

    fn build(self) -> Result<reqwest::RequestBuilder, Error> {
        let mut request = self.client.http.request(self.method, self.url?);
        if let Some(key) = self.key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = self.body {
            request = request.header("content-type", "application/json").body(body);
        }
        Ok(request)
    }
}

impl<'a> Request<'a> {
    /// Makes a repeated call the same call.
    #[must_use]
    pub fn key(mut self, key: Option<&'a str>) -> Self {
        self.key = key;
        self
    }
}

/// A body as JSON text; the JSON that it carries stays as it was typed.
pub fn body(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("a body is made of texts, numbers and JSON")
}

async fn answer(client: &Client, response: reqwest::Response, changes: bool) -> Result<Answer, Error> {
    let status = response.status();
    let media_type = response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
    let text = response.text().await.map_err(|error| client.unreachable(&error, changes))?;
    if !media_type.contains("json") {
        let what = if media_type.is_empty() { "no content type" } else { &media_type };
        let message =
            format!("{} answered {} with {what}, not JSON; is it a workflow server?", client.address(), status.as_u16());
        return Err(Error::failed("unexpected_answer", message));
    }
    if status.is_success() {
        return Ok(Answer { status: status.as_u16(), text });
    }
    Err(Error::Refused(Box::new(Problem::new(status.as_u16(), text))))
}

/// Marked, so that nothing that shows headers shows it.
fn authorization(token: &TokenText) -> Result<HeaderValue, Error> {
    let value = HeaderValue::try_from(format!("Bearer {}", token.0));
    let mut value = value.map_err(|_| Error::usage("--token: a token has no line breaks or control characters"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// What a PEM file holds.
fn roots(path: &Path) -> Result<Vec<reqwest::Certificate>, Error> {
    let shown = path.display();
    let text = std::fs::read(path).map_err(|error| Error::usage(format!("--ca-file: cannot read {shown}: {error}")))?;
    match reqwest::Certificate::from_pem_bundle(&text) {
        Ok(roots) if !roots.is_empty() => Ok(roots),
        _ => Err(Error::usage(format!("--ca-file: {shown} holds no certificate; a PEM file was expected"))),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or("").trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The cause of all the wrapping: "connection refused", not "error sending request".
fn innermost(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(|cause| cause.source()) {
        cause = Some(deeper);
    }
    let text = match cause {
        Some(cause) => match cause.downcast_ref::<std::io::Error>() {
            Some(io) if io.kind() == std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
            _ => cause.to_string(),
        },
        None => error.to_string(),
    };
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_cannot_leave_their_place_in_the_path() {
        let client = Client::new("http://127.0.0.1:4747/base/", None, None).unwrap();
        let url = |id: &str| client.url(&["executions", id]).map(String::from).ok();
        assert_eq!(url("a/b?c#d").as_deref(), Some("http://127.0.0.1:4747/base/api/v1/executions/a%2Fb%3Fc%23d"));
        assert_eq!(url(".."), None);
        assert_eq!(url(""), None);
    }

    #[test]
    fn a_server_on_this_machine_is_never_behind_a_proxy() {
        let is_here = |url: &str| is_loopback(&Url::parse(url).unwrap());
        assert!(is_here("http://localhost:1") && is_here("http://127.0.0.9") && is_here("http://[::1]:4747"));
        assert!(!is_here("http://10.0.0.7") && !is_here("http://localhost.example.com"));
    }
}
