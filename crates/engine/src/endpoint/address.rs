//! Which addresses the engine may call: this machine, and hosts that the operator allowed. Whoever may register an endpoint must
//! not be able to reach what only this machine can.

use reqwest::Url;
use workflow_core::id::ActionName;

use crate::Error;

/// The address of an endpoint that may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// Where an action is called: `url/action`.
    pub fn of(&self, action: &ActionName) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(action.as_str());
        }
        url
    }

    pub fn url(&self) -> &Url {
        &self.0
    }
}

pub fn check(url: &str, allowed_hosts: &[String]) -> Result<Address, Error> {
    let invalid = |what: &str| Error::InvalidRequest(format!("`{url}` {what}"));
    let parsed = Url::parse(url).map_err(|error| invalid(&format!("is no URL: {error}")))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(invalid("is no address of an endpoint: expected http:// or https://"));
    }
    let Some(host) = parsed.host_str() else { return Err(invalid("names no host")) };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let is_allowed = allowed_hosts.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(bare));
    if !is_loopback && !is_allowed {
        return Err(invalid(&format!(
            "is not on this machine; endpoints on other hosts have to be allowed in the configuration (host `{bare}`)"
        )));
    }
    Ok(Address(parsed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_and_allowed_hosts_are_called() {
        let none: &[String] = &[];
        for url in ["http://127.0.0.1:4000/actions", "http://localhost:4000", "http://[::1]:4000", "http://127.8.0.1"] {
            assert!(check(url, none).is_ok(), "{url}");
        }
        for url in [
            "http://10.0.0.1/",
            "http://169.254.169.254/latest",
            "http://example.com",
            "http://localhost.example.com",
            "http://0.0.0.0:1",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "127.0.0.1:4000",
            "",
        ] {
            assert!(check(url, none).is_err(), "{url}");
        }
        let allowed = ["Hooks.example.com".to_owned()];
        assert!(check("https://hooks.example.com/a", &allowed).is_ok());
        assert!(check("https://other.example.com/a", &allowed).is_err());
        assert!(check("https://other.example.com/a", &["*".to_owned()]).is_ok());
    }

    #[test]
    fn an_action_is_a_segment_after_the_path() {
        let url = |base: &str| check(base, &[]).unwrap().of(&ActionName::new("Email.send").unwrap()).to_string();
        assert_eq!(url("http://127.0.0.1:4000"), "http://127.0.0.1:4000/Email.send");
        assert_eq!(url("http://127.0.0.1:4000/do/"), "http://127.0.0.1:4000/do/Email.send");
        assert_eq!(url("http://127.0.0.1:4000/do?key=1"), "http://127.0.0.1:4000/do/Email.send?key=1");
    }
}
