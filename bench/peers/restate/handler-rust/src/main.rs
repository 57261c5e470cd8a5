//! The handlers of Restate's services in Rust: what `handler.mjs` serves in JavaScript, for one that is compiled.
//!
//! Prints the port of the loopback on which it serves, and ends on SIGTERM.

use std::time::Duration;

use restate_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

const ORDER_STEPS: [&str; 5] = ["validate", "reserve", "charge", "fulfill", "notify"];
const PARTS: [&str; 10] = ["part0", "part1", "part2", "part3", "part4", "part5", "part6", "part7", "part8", "part9"];
const SLEEP: Duration = Duration::from_secs(3_600);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    order_id: String,
    customer_id: String,
    total: u32,
    currency: String,
}

/// What each step answers: about 100 bytes, the same for all peers (`driver/order.mjs`).
#[derive(Debug, Serialize, Deserialize)]
struct Output {
    status: String,
    reference: String,
    amount: u32,
    currency: String,
}

fn output(step: &str) -> Output {
    let reference = format!("ref_{step}_{}", &"0123456789abcdef0123456789abcdef"[step.len() + 1..]);
    Output { status: "ok".into(), reference, amount: 4_200, currency: "EUR".into() }
}

struct Bench;

#[service]
impl Bench {
    #[handler]
    async fn order(&self, context: Context<'_>, _order: Json<Order>) -> Result<Json<Output>, TerminalError> {
        let [first @ .., last] = ORDER_STEPS;
        for step in first {
            run(&context, step).await?;
        }
        run(&context, last).await
    }

    #[handler]
    async fn fanout(&self, context: Context<'_>, _order: Json<Order>) -> Result<Json<Output>, TerminalError> {
        run(&context, "split").await?;
        let client = context.service_client::<BenchClient>();
        let mut parts: DurableFuturesUnordered<_> = PARTS.iter().map(|part| client.part((*part).to_owned()).call()).collect();
        while let Some((_, part)) = parts.next().await? {
            part?;
        }
        run(&context, "join").await
    }

    /// One of the ten that run at once. A handler of its own: this SDK can join calls but no `run`s, because only the first of the
    /// `run`s that wait sees what comes in (its sources point to restatedev/sdk-rust, issue 72); at 64 in flight a join of them hangs.
    #[handler]
    async fn part(&self, _context: Context<'_>, part: String) -> Result<Json<Output>, TerminalError> {
        Ok(Json(output(&part)))
    }

    #[handler]
    async fn sleeper(&self, context: Context<'_>, _order: Json<Order>) -> Result<Json<Output>, TerminalError> {
        context.sleep(SLEEP).await?;
        Ok(Json(output("woke")))
    }
}

/// One step: its output is recorded before this answers.
async fn run(context: &Context<'_>, step: &'static str) -> Result<Json<Output>, TerminalError> {
    context.run(move || async move { Ok(Json(output(step))) }).name(step).await
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    let mut stop = signal(SignalKind::terminate())?;
    HttpServer::new(Endpoint::builder().bind(Bench).build()).serve_with_cancel(listener, stop.recv()).await;
    Ok(())
}
