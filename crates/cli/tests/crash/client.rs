//! An HTTP client of a server that is killed again and again: asks until it is answered, as a careful client does.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

/// What a careful client asks again after, with the same key.
const AGAIN: &[&str] = &["store_unavailable", "outcome_unknown", "closed"];

/// Where the server is in its present life; none while it is dead.
pub type Life = Option<(usize, String)>;

#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    life: watch::Receiver<Life>,
    /// Whether the server may be without its store for a while, and stand still.
    patient: bool,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Client {
    pub fn new(life: watch::Receiver<Life>) -> Client {
        rustls::crypto::ring::default_provider().install_default().ok();
        // An answer that takes so long never comes: that fails the test, instead of hanging it.
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).no_proxy().build().unwrap();
        Client { http, life, patient: false }
    }

    /// One that asks again when the server has no store, or cannot be heard, or another one has taken its place.
    pub fn patient(life: watch::Receiver<Life>) -> Client {
        Client { patient: true, ..Client::new(life) }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, None, &Value::Null).await
    }

    pub async fn post(&mut self, path: &str, key: Option<&str>, body: &Value) -> Answer {
        self.ask("POST", path, key, body).await
    }

    /// The first answer of the server, in this life or a later one, that says what became of the request.
    pub async fn ask(&mut self, method: &str, path: &str, key: Option<&str>, body: &Value) -> Answer {
        let mut failed_in = None;
        loop {
            let (life, url) = self.life_after(failed_in).await;
            let url = format!("{url}{path}");
            let mut next = self.life.clone();
            let asked = tokio::select! {
                asked = self.try_once(method, &url, key, body) => asked,
                // Whoever stands still does not answer in this test's time.
                _ = next.wait_for(|now| now.as_ref().is_some_and(|(now, _)| *now != life)), if self.patient => continue,
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
        let life = self.life.wait_for(|life| life.as_ref().is_some_and(|(life, _)| Some(*life) != failed_in)).await;
        life.expect("the server outlives its clients").clone().expect("it was waited for")
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
