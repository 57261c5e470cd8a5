//! The action service: takes a random while for each call, and keeps a log of every call it has seen.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::random::Random;

pub const ACTIONS: &[&str] =
    &["validatePayment", "reserveInventory", "chargeCard", "fulfillOrder", "sendConfirmation", "work", "riskyCall", "bigReport"];

#[derive(Debug, Clone)]
pub struct Call {
    pub execution: String,
    pub step: String,
    pub attempt: u64,
    /// In milliseconds since 1970.
    pub begun_at: u64,
    /// None while it is being answered, and for ever when the caller went away before.
    pub answer: Option<Answer>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Output(Value),
    Failure { message: String },
}

#[derive(Debug, Clone)]
pub struct Service {
    seed: u64,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Service {
    /// Serves until the runtime ends. The url is that of the endpoint to register.
    pub async fn start(seed: u64) -> (Service, String) {
        let service = Service { seed, calls: Arc::default() };
        let router = Router::new().route("/{action}", post(answer)).with_state(service.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (service, url)
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    fn begin(&self, context: &Value) -> usize {
        let text = |field: &str| context[field].as_str().unwrap().to_owned();
        let attempt = context["attempt"].as_u64().unwrap();
        let begun_at = now_ms();
        let call = Call { execution: text("executionId"), step: text("stepId"), attempt, begun_at, answer: None };
        let mut calls = self.calls.lock().unwrap();
        calls.push(call);
        calls.len() - 1
    }
}

/// By the clock of the machine, which histories have their times from.
pub fn now_ms() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64
}

async fn answer(State(service): State<Service>, Path(action): Path<String>, body: String) -> Response {
    let body: Value = serde_json::from_str(&body).unwrap();
    let number = service.begin(&body["context"]);
    let mut random = Random::new(service.seed, number as u64);
    let hold = if random.percent(2) { random.within(300..600) } else { random.within(5..120) };
    // What an action takes: dropped with the connection when the server is killed meanwhile.
    tokio::time::sleep(Duration::from_millis(hold)).await;
    let (status, answer) = outcome(&action, number, &mut random);
    service.calls.lock().unwrap()[number].answer = Some(answer.clone());
    let body = match answer {
        Answer::Output(output) => output,
        Answer::Failure { message } => json!({ "detail": message }),
    };
    (status, [("content-type", "application/json")], body.to_string()).into_response()
}

/// Outputs hold the number of the call, so that a history shows which call it has its result from.
fn outcome(action: &str, number: usize, random: &mut Random) -> (StatusCode, Answer) {
    let failure = |status, what: &str| (status, Answer::Failure { message: format!("{what} in call {number}") });
    match action {
        "chargeCard" if random.percent(10) => failure(StatusCode::SERVICE_UNAVAILABLE, "the bank is away"),
        "chargeCard" if random.percent(2) => failure(StatusCode::PAYMENT_REQUIRED, "card declined"),
        "riskyCall" if random.percent(40) => failure(StatusCode::UNPROCESSABLE_ENTITY, "too risky"),
        "bigReport" => (StatusCode::OK, Answer::Output(json!({ "call": number, "text": "long ".repeat(1_200) }))),
        _ => (StatusCode::OK, Answer::Output(json!({ "call": number }))),
    }
}
