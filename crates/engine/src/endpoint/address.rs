//! The address of an endpoint, and how it is shown: without the credentials in it.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;
use workflow_core::id::ActionName;

use super::Allowed;
use crate::Error;

/// Stands for credentials that are not shown.
const HIDDEN: &str = "***";

/// The address of an endpoint that may be called.
#[derive(Clone, PartialEq, Eq)]
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

/// This ends up in logs.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&called(&self.0))
    }
}

/// As it stands in messages and histories: without credentials and query, which may be a key.
pub fn called(url: &Url) -> String {
    let mut url = without_credentials(url.clone());
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// As it is given back to whoever asks for the endpoint.
pub fn shown(url: &str) -> String {
    let Ok(parsed) = Url::parse(url) else { return HIDDEN.to_owned() };
    if parsed.username().is_empty() && parsed.password().is_none() {
        return url.to_owned();
    }
    let mut hidden = without_credentials(parsed);
    // A url that may be called has a host, so that it takes a name.
    let _ = hidden.set_username(HIDDEN);
    hidden.into()
}

fn without_credentials(mut url: Url) -> Url {
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

pub fn check(url: &str, allowed: &Allowed) -> Result<Address, Error> {
    let refused = |what: &str| Err(Error::InvalidRequest(what.to_owned()));
    let parsed = match Url::parse(url) {
        Ok(parsed) => parsed,
        Err(error) if url.contains('@') => return refused(&format!("the url of the endpoint is none: {error}")),
        Err(error) => return refused(&format!("`{}` is no URL: {error}", url.escape_debug())),
    };
    let named = called(&parsed);
    if !matches!(parsed.scheme(), "http" | "https") {
        return refused(&format!("`{named}` is no address of an endpoint: expected http:// or https://"));
    }
    if parsed.username() == HIDDEN {
        return refused(&format!("the credentials for `{named}` are hidden, as they were shown; give them again"));
    }
    let Some(host) = parsed.host_str() else { return refused(&format!("`{named}` names no host")) };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    // The parser has made 127.0.0.1 of 0x7f.1, 2130706433 and the like.
    let address = bare.parse::<IpAddr>().ok();
    if address.map_or_else(|| allowed.name(bare), |address| allowed.address(address)) {
        return Ok(Address(parsed));
    }
    refused(&format!(
        "`{named}` is not on this machine; endpoints on other hosts have to be allowed in the configuration (host `{bare}`)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(hosts: &[&str]) -> Allowed {
        Allowed::new(&hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    /// Forms of this machine's address, and of others that may not be called, in every way of writing them.
    #[test]
    fn only_this_machine_and_allowed_hosts_are_called() {
        let none = allowed(&[]);
        for url in [
            "http://127.0.0.1:4000/actions",
            "http://localhost:4000",
            "http://LocalHost:4000",
            "http://[::1]:4000",
            "http://127.8.0.1",
            "http://0x7f.1",
            "http://2130706433/",
            "http://0177.0.0.1/",
            "http://[::ffff:127.0.0.1]/",
            "http://user:pass@127.0.0.1/",
            "http://127.0.0.1#@evil.example:99999/",
        ] {
            assert!(check(url, &none).is_ok(), "{url}");
        }
        for url in [
            "http://10.0.0.1/",
            "http://169.254.169.254/latest",
            "http://0xa9fea9fe/latest",
            "http://0xA9.0xFE.0xA9.0xFE/",
            "http://2852039166/latest",
            "http://025177524776/latest",
            "http://169.254.43518/",
            "http://[::ffff:169.254.169.254]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[fd00:ec2::254]/",
            "http://[fe80::1]/",
            "http://[::]/",
            "http://0/",
            "http://127.0.0.1@169.254.169.254/",
            "http://localhost:80@evil.example/",
            "http://evil.example\\@127.0.0.1/",
            "http://１６９.254.169.254/",
            "http://127.0.0.1.evil.example/",
            "http://example.com",
            "http://localhost.example.com",
            "http://localhost./",
            "http://0.0.0.0:1",
            "http://metadata.google.internal/",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "gopher://127.0.0.1:6379/_x",
            "127.0.0.1:4000",
            "",
        ] {
            assert!(check(url, &none).is_err(), "{url}");
        }
        let hooks = allowed(&["Hooks.example.com"]);
        assert!(check("https://hooks.example.com/a", &hooks).is_ok());
        assert!(check("https://other.example.com/a", &hooks).is_err());
        assert!(check("https://hooks.example.com@other.example.com/a", &hooks).is_err());
        assert!(check("https://other.example.com/a", &allowed(&["*"])).is_ok());
        assert!(check("https://169.254.169.254/a", &allowed(&["*"])).is_err());
        assert!(check("https://10.1.2.3/a", &allowed(&["10.0.0.0/8"])).is_ok());
    }

    #[test]
    fn credentials_are_shown_nowhere() {
        let none = allowed(&[]);
        let url = "http://ada:hush@127.0.0.1:4000/do?key=hush#hush";
        let address = check(url, &none).unwrap();
        assert_eq!(format!("{address:?}"), "http://127.0.0.1:4000/do");
        assert_eq!(shown("http://ada:hush@127.0.0.1:4000/do"), "http://***@127.0.0.1:4000/do");
        assert_eq!(shown("http://127.0.0.1:4000"), "http://127.0.0.1:4000", "as it was given");
        assert!(check("http://***@127.0.0.1/", &none).unwrap_err().to_string().contains("give them again"));
        for wrong in
            ["ftp://ada:hush@127.0.0.1", "http://ada:hush@evil.example/", "http://ada:hush@127.0.0.1:99999", "http://ada:hush@"]
        {
            let message = check(wrong, &none).unwrap_err().to_string();
            assert!(!message.contains("hush") && !message.contains("ada"), "{message}");
        }
    }

    #[test]
    fn an_action_is_a_segment_after_the_path() {
        let url = |base: &str| check(base, &allowed(&[])).unwrap().of(&ActionName::new("Email.send").unwrap()).to_string();
        assert_eq!(url("http://127.0.0.1:4000"), "http://127.0.0.1:4000/Email.send");
        assert_eq!(url("http://127.0.0.1:4000/do/"), "http://127.0.0.1:4000/do/Email.send");
        assert_eq!(url("http://127.0.0.1:4000/do?key=1"), "http://127.0.0.1:4000/do/Email.send?key=1");
    }
}
