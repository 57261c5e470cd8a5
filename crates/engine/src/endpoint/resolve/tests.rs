//! Names that lead inside, that change, that are many addresses, with a resolver of our own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::*;
use crate::endpoint::{check, client_with, discover, innermost};

#[path = "../../../tests/server/mod.rs"]
mod server;

use server::{Server, answer};

/// Names that somebody else decides about: each look-up of one gives what is next in its list, the last one for ever.
#[derive(Clone, Default)]
struct Zone(Arc<Mutex<BTreeMap<String, Vec<Vec<IpAddr>>>>>, Arc<AtomicUsize>);

impl Zone {
    fn with(self, name: &str, answers: &[&[&str]]) -> Zone {
        let answers = answers.iter().map(|ips| ips.iter().map(|ip| ip.parse().unwrap()).collect()).collect();
        self.0.lock().unwrap().insert(name.to_owned(), answers);
        self
    }

    fn asked(&self) -> usize {
        self.1.load(Ordering::SeqCst)
    }
}

impl Lookup for Zone {
    fn addresses(&self, name: &str) -> Found {
        self.1.fetch_add(1, Ordering::SeqCst);
        let mut zone = self.0.lock().unwrap();
        let found = zone.get_mut(name).map(|answers| if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() });
        Box::pin(async move { found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such name")) })
    }
}

fn allowed(hosts: &[&str]) -> Allowed {
    Allowed::new(&hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap()
}

async fn service() -> (Server, String) {
    let server = Server::start(|_| answer("200 OK", "", r#"{"actions":["a"]}"#)).await;
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    (server, port)
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_followed() {
    let (server, port) = service().await;
    for inside in
        ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0", "fd00:ec2::254", "64:ff9b::7f00:1"]
    {
        let zone = Zone::default().with("hooks.example.com", &[&[inside]]);
        for hosts in [&["hooks.example.com"][..], &["*"]] {
            let hosts = allowed(hosts);
            let client = client_with(&hosts, zone.clone()).unwrap();
            let address = check(&format!("http://hooks.example.com:{port}/"), &hosts).expect("the name is allowed");
            let why = discover(&client, &address).await.unwrap_err();
            assert!(
                why.contains(&format!("`hooks.example.com` leads to {inside}")) && why.contains("no public address"),
                "{why}"
            );
        }
    }
    assert!(server.requests.lock().unwrap().is_empty());
}

/// DNS rebinding: the first answer is harmless, the next one is not. Nothing is looked up for a check and then looked up again
/// for the connection, so that there is no moment between the two.
#[tokio::test]
async fn a_name_that_changes_between_check_and_connection_gains_nothing() {
    let (server, port) = service().await;
    // Here the service stands for a public one; what is reached inside would be the same port of another address.
    let hosts = allowed(&["hooks.example.com", "127.0.0.1"]);
    let zone = Zone::default().with("hooks.example.com", &[&["127.0.0.1"], &["127.0.0.2"], &["169.254.169.254"]]);
    let client = client_with(&hosts, zone.clone()).unwrap();
    let address = check(&format!("http://hooks.example.com:{port}/"), &hosts).unwrap();
    assert_eq!(zone.asked(), 0, "the check looks nothing up");
    assert_eq!(discover(&client, &address).await.unwrap().len(), 1);
    assert_eq!(zone.asked(), 1, "one connection, one look-up");
    for inside in ["127.0.0.2", "169.254.169.254"] {
        let why = discover(&client, &address).await.unwrap_err();
        assert!(why.contains(inside), "{why}");
    }
    assert_eq!((zone.asked(), server.requests.lock().unwrap().len()), (3, 1));
}

#[tokio::test]
async fn of_several_addresses_only_those_that_may_be_called_are() {
    let (server, port) = service().await;
    let hosts = allowed(&["hooks.example.com", "127.0.0.1"]);
    let zone = Zone::default().with("hooks.example.com", &[&["169.254.169.254", "10.0.0.1", "127.0.0.1"]]);
    let client = client_with(&hosts, zone).unwrap();
    let address = check(&format!("http://hooks.example.com:{port}/"), &hosts).unwrap();
    assert!(discover(&client, &address).await.is_ok());
    assert_eq!(server.requests.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn localhost_is_this_machine_whatever_is_said_of_it() {
    let (server, port) = service().await;
    let hosts = allowed(&["*", "10.0.0.0/8"]);
    let zone = Zone::default().with("localhost", &[&["1.1.1.1", "10.0.0.1"], &["127.0.0.1"]]);
    let client = client_with(&hosts, zone).unwrap();
    let address = check(&format!("http://localhost:{port}/"), &hosts).unwrap();
    assert!(discover(&client, &address).await.unwrap_err().contains("leads to 1.1.1.1"));
    assert!(discover(&client, &address).await.is_ok());
    assert_eq!(server.requests.lock().unwrap().len(), 1);
}

/// An endpoint that may be called sends the engine on to one that may not.
#[tokio::test]
async fn nobody_is_sent_elsewhere() {
    let (inside, _) = service().await;
    let elsewhere = format!("location: {}/\r\n", inside.url);
    for status in ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let elsewhere = elsewhere.clone();
        let server = Server::start(move |_| answer(status, &elsewhere, "")).await;
        let client = client_with(&allowed(&[]), Zone::default()).unwrap();
        let address = check(&server.url, &allowed(&[])).unwrap();
        assert!(discover(&client, &address).await.unwrap_err().contains(&status[..3]));
        let called = client.post(address.url().clone()).body("{}").send().await.map_err(|error| innermost(&error)).unwrap();
        assert_eq!(called.status().as_str(), &status[..3]);
        assert_eq!(server.requests.lock().unwrap().len(), 2);
    }
    assert!(inside.requests.lock().unwrap().is_empty());
}
