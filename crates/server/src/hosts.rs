//! Under which names the server answers, and to whose pages.
//!
//! A web page may let its own name point at 127.0.0.1 (DNS rebinding) and then talk to a server there as if it were its own; and
//! it may post to any address without asking. The first is seen in `Host`, the second in `Origin`. Whoever is no browser sends
//! no `Origin` and is not concerned.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderMap, header, uri::Authority};
use axum::response::{IntoResponse, Response};

use crate::body;
use crate::problem::{Kind, Problem};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hosts {
    Any,
    /// Loopback's own names and these, in lower case.
    Loopback(Vec<String>),
}

impl Hosts {
    pub fn loopback_and(allowed: &[String]) -> Hosts {
        if allowed.iter().any(|host| host == "*") {
            Hosts::Any
        } else {
            Hosts::Loopback(allowed.iter().map(|host| host.to_lowercase()).collect())
        }
    }

    /// For a server that listens on this address.
    pub fn of(address: IpAddr, allowed: &[String]) -> Hosts {
        if !address.is_loopback() && allowed.is_empty() { Hosts::Any } else { Hosts::loopback_and(allowed) }
    }

    fn contains(&self, host: &str) -> bool {
        match self {
            Hosts::Any => true,
            Hosts::Loopback(allowed) => is_loopback(host) || allowed.contains(&host.to_lowercase()),
        }
    }

    fn check(&self, headers: &HeaderMap, authority: Option<&Authority>) -> Result<(), Problem> {
        let named = authority.cloned().or_else(|| headers.get(header::HOST)?.to_str().ok()?.parse().ok());
        let Some(named) = named else {
            return Err(Problem::new(&Kind::INVALID_PARAMETER, "the request has no header `host`; HTTP/1.1 asks for one"));
        };
        if !self.contains(named.host()) {
            let detail = format!(
                "this server does not answer to the name `{}`; call it as `127.0.0.1` or `localhost`, or allow the name where \
                 it is started",
                named.host()
            );
            return Err(Problem::new(&Kind::HOST_NOT_ALLOWED, detail));
        }
        let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
        let page = origin.to_str().ok().and_then(|origin| origin.split_once("://")?.1.parse::<Authority>().ok());
        let allowed = page.is_some_and(|page| page == named || (*self != Hosts::Any && self.contains(page.host())));
        if allowed {
            return Ok(());
        }
        let detail = format!(
            "a page of `{}` called the server of `{named}`; only its own pages may",
            String::from_utf8_lossy(origin.as_bytes()).escape_debug()
        );
        Err(Problem::new(&Kind::ORIGIN_NOT_ALLOWED, detail))
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Refuses requests to names that are not ours, and from pages that are not.
#[expect(clippy::result_large_err, reason = "both are what becomes of a request")]
pub(crate) fn guard(hosts: &Hosts, request: Request) -> Result<Request, Response> {
    match hosts.check(request.headers(), request.uri().authority()) {
        Ok(()) => Ok(request),
        Err(problem) => {
            body::discard(request.into_body());
            Err(problem.into_response())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(hosts: &Hosts, host: &str, origin: Option<&str>) -> &'static str {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        hosts.check(&headers, None).map_or_else(|problem| problem.kind.code, |()| "ok")
    }

    #[test]
    fn a_server_on_loopback_answers_to_names_that_cannot_be_rebound() {
        let hosts = Hosts::of("127.0.0.1".parse().unwrap(), &["Flows.example.com".to_owned()]);
        for host in ["localhost", "LOCALHOST:4747", "127.0.0.1:4747", "127.3.2.1", "[::1]:9", "flows.example.com:80"] {
            assert_eq!(check(&hosts, host, None), "ok", "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:4747", "10.0.0.7", "[::2]", "127.0.0.1.evil.example"] {
            assert_eq!(check(&hosts, host, None), "host_not_allowed", "{host}");
        }
        assert_eq!(check(&hosts, "two words", None), "invalid_parameter");
        assert_eq!(hosts.check(&HeaderMap::new(), None).unwrap_err().kind.code, "invalid_parameter");
    }

    #[test]
    fn only_pages_of_the_server_itself_may_call_it() {
        let loopback = Hosts::of("::1".parse().unwrap(), &[]);
        for origin in ["http://localhost:4747", "http://127.0.0.1:5173"] {
            assert_eq!(check(&loopback, "localhost:4747", Some(origin)), "ok", "{origin}");
        }
        for origin in ["https://evil.example", "null", "file://", "http://localhost.evil.example"] {
            assert_eq!(check(&loopback, "localhost:4747", Some(origin)), "origin_not_allowed", "{origin}");
        }
        let open = Hosts::of("10.0.0.7".parse().unwrap(), &[]);
        assert_eq!(check(&open, "flows.lan:4747", None), "ok");
        assert_eq!(check(&open, "flows.lan:4747", Some("http://flows.lan:4747")), "ok");
        assert_eq!(check(&open, "flows.lan:4747", Some("http://evil.example")), "origin_not_allowed");
    }
}
