//! An HTTP client of servers that are killed again and again: asks until it is answered, as a careful client does.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

/// What a careful client asks again after, with the same key.
const AGAIN: &[&str] = &["store_unavailable", "outcome_unknown", "closed"];

/// The servers that are alive, each of which answers for all: the number of its life, and where it is.
pub type Lives = Vec<(usize, String)>;

#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    lives: watch::Receiver<Lives>,
    /// Whose turn it is.
    turn: usize,
    /// Whether a server may be without its store for a while, and stand still.
    patient: bool,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Client {
    pub fn new(lives: watch::Receiver<Lives>) -> Client {
        rustls::crypto::ring::default_provider().install_default().ok();
        // An answer that takes so long never comes: that fails the test, instead of hanging it.
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).no_proxy().build().unwrap();
        Client { http, lives, turn: 0, patient: false }
    }

    /// One that asks again, and another one if there is one, when a server has no store, or cannot be heard, or has ended.
    pub fn patient(lives: watch::Receiver<Lives>) -> Client {
        Client { patient: true, ..Client::new(lives) }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, None, &Value::Null).await
    }

    pub async fn post(&mut self, path: &str, key: Option<&str>, body: &Value) -> Answer {
        self.ask("POST", path, key, body).await
    }

    /// The first answer of a server, in this life or a later one, that says what became of the request. They are asked in turn.
    pub async fn ask(&mut self, method: &str, path: &str, key: Option<&str>, body: &Value) -> Answer {
        let mut failed_in = None;
        loop {
            let (life, url) = self.life_after(failed_in).await;
            let url = format!("{url}{path}");
            let mut next = self.lives.clone();
            let asked = tokio::select! {
                asked = self.try_once(method, &url, key, body) => asked,
                // Whoever stands still does not answer in this test's time.
                _ = next.wait_for(|now| now.iter().all(|(now, _)| *now != life)), if self.patient => continue,
            };
            match asked {
                Ok(answer) if answer.status == 429 => {
                    // The server has asked for it.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Ok(answer) if self.patient && answer.status == 503 => {
                    let code = answer.body["code"].as_str().unwrap_or_default();
                    assert!(AGAIN.contains(&code), "{method} {path} {body}: {answer:?}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Ok(answer) => {
                    assert!(answer.status < 500, "{method} {path} {body}: {answer:?}");
                    return answer;
                }
                Err(_) if self.patient => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(error) => {
                    assert!(!error.is_timeout(), "{method} {path} was never answered");
                    failed_in = Some(life);
                }
            }
        }
    }

    async fn life_after(&mut self, failed_in: Option<usize>) -> (usize, String) {
        let other = |life: &&(usize, String)| Some(life.0) != failed_in;
        let lives = self.lives.wait_for(|lives| lives.iter().any(|life| other(&life))).await;
        let lives = lives.expect("the servers outlive their clients");
        self.turn += 1;
        let turn = self.turn % lives.iter().filter(other).count();
        lives.iter().filter(other).nth(turn).expect("it was waited for").clone()
    }

    async fn try_once(&self, method: &str, url: &str, key: Option<&str>, body: &Value) -> reqwest::Result<Answer> {
        let mut request = self.http.request(method.parse().unwrap(), url);
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        Ok(Answer { status, body })
    }
}
