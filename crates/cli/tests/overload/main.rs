//! More load than the server can carry, from thousands of connections at once: clients that send and read a byte at a time or not at
//! all, inputs of 1 MiB, watchers and a worker that do not read. It refuses what it cannot take, says when to come back, loses nothing
//! that it has acknowledged, stays within its memory, lets control calls and results through, and is itself again afterwards.
//!
//! `WORKFLOW_OVERLOAD_SECONDS` and `WORKFLOW_OVERLOAD_CONNECTIONS` make it longer and larger, `WORKFLOW_OVERLOAD_BINARY` drives
//! another build of the server. It prints what was offered, taken and refused; it judges no times.

#![allow(clippy::unwrap_used, reason = "what is outside the test functions is part of them")]

mod clients;
mod judge;
#[path = "../crash/server.rs"]
#[allow(dead_code, reason = "the crash test uses the rest")]
mod server;
mod wire;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use workflow_do::{Worker, json as output};

use clients::{Ledger, Load};
use server::Server;
use wire::Wire;

const SECONDS: u64 = 6;
const CONNECTIONS: usize = 5_000;
/// Of small inputs at the same time, for comparison: what the server takes when nobody else is there.
const QUIET_CALLERS: usize = 32;
const QUIET_SECONDS: u64 = 2;
const LARGE_BYTES: usize = 1_000_000;
/// So many of each.
const LARGE: usize = 200;
const SLOW_SENDERS: usize = 150;
/// Enough to fill all room for long bodies.
const STALLED_SENDERS: usize = 70;
const SLOW_READERS: usize = 150;
const HANDFULS: usize = LARGE + SLOW_READERS + SLOW_SENDERS + STALLED_SENDERS + NO_READERS + DEAF_WATCHERS;
const NO_READERS: usize = 100;
const DEAF_WATCHERS: usize = 100;
/// The load goes on until so many were refused, and so many taken.
const REFUSED_MIN: u64 = 200;
const TAKEN_MIN: u64 = 500;
/// Executions that are started one after the other afterwards, none of which may be refused.
const AFTERWARDS: usize = 200;
const DRAINED_WITHIN: Duration = Duration::from_secs(300);

fn from_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text}: a number was expected")))
}

#[test]
fn more_than_it_can_carry_is_refused_and_nothing_is_lost() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("workflow.db");
    let mut serve = server::serve(&database);
    if let Some(binary) = std::env::var_os("WORKFLOW_OVERLOAD_BINARY") {
        let mut other = Command::new(binary);
        other.args(serve.get_args());
        server::in_its_own_world(&mut other, directory.path());
        serve = other;
    }
    let mut server = Server::spawn(serve, &directory.path().join("log"));
    let url = server.ready();
    let address = url.trim_start_matches("http://").to_owned();
    let ledger = Arc::new(Ledger::default());
    let pid = server.pid();
    runtime.block_on(async {
        let worker = worker(&url).await;
        register(&address).await;
        let alone_rate = quiet(&address, &ledger, "alone", 1).await;
        let quiet_rate = quiet(&address, &ledger, "quiet", QUIET_CALLERS).await;
        println!("quiet: {alone_rate:.0} executions started a second by one caller, {quiet_rate:.0} by {QUIET_CALLERS}");
        let quiet_mib = judge::resident(pid, "VmRSS");
        overload(&address, pid, &ledger, alone_rate / quiet_rate, quiet_mib).await;
        recovers(&address, &ledger, quiet_rate).await;
        drained(&address).await;
        worker.close().await.unwrap();
    });
    assert!(server.stop().success(), "{}", server.newest_log());
    judge::nothing_is_lost(&database, &ledger);
}

/// One that works: it gives what each step asks for at once.
async fn worker(url: &str) -> Worker {
    let done = async |_: Value, _| Ok(output!({ "done": true }));
    let worker = Worker::builder(url).concurrency(256).action("quick", done).connect().unwrap();
    assert!(worker.connected().await);
    worker
}

async fn register(address: &str) {
    let mut wire = Wire::open(address).await.unwrap();
    for definition in clients::definitions() {
        let path = format!("/api/v1/workflows/{}", definition["id"].as_str().unwrap());
        let answer = wire.ask("PUT", &path, None, definition.to_string().as_bytes()).await.unwrap();
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

/// How many small executions are taken in a second when a few callers ask, one at a time each.
async fn quiet(address: &str, ledger: &Arc<Ledger>, name: &str, callers: usize) -> f64 {
    let load = Load::new(address, ledger);
    let (began, before) = (Instant::now(), ledger.acknowledged());
    let mut all = JoinSet::new();
    for number in 0..callers {
        all.spawn(clients::starts(load.clone(), format!("{name}-{number}"), Arc::from(&b"{}"[..])));
    }
    tokio::time::sleep(Duration::from_secs(QUIET_SECONDS)).await;
    load.stop();
    all.join_all().await;
    assert_eq!(ledger.refused.load(Ordering::Relaxed), 0, "a few callers are never refused");
    (ledger.acknowledged() - before) as f64 / began.elapsed().as_secs_f64()
}

/// `share`: of what the server can take, what one client of these would start if it were alone.
async fn overload(address: &str, pid: u32, ledger: &Arc<Ledger>, share: f64, quiet_mib: f64) {
    let seconds = from_environment("WORKFLOW_OVERLOAD_SECONDS").unwrap_or(SECONDS);
    let connections = from_environment("WORKFLOW_OVERLOAD_CONNECTIONS").unwrap_or(CONNECTIONS);
    let load = Load::new(address, ledger);
    let large = clients::large_execution(&load, LARGE_BYTES).await;
    let fair = clients::moves(load.clone(), clients::waiting_execution(&load).await);
    let clients_before = ledger.connected.load(Ordering::Relaxed);
    let mut all = JoinSet::new();
    // First those that hold on to what they have been given.
    all.spawn(clients::worker_that_never_reads(load.clone(), LARGE_BYTES));
    while !ledger.has(clients::LAST_UNREAD) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for _ in 0..DEAF_WATCHERS {
        all.spawn(clients::asks_and_never_reads(load.clone(), format!("/api/v1/executions/{large}/stream")));
    }
    for _ in 0..NO_READERS {
        all.spawn(clients::asks_and_never_reads(load.clone(), format!("/api/v1/executions/{large}")));
    }
    for _ in 0..SLOW_READERS {
        all.spawn(clients::reads_slowly(load.clone(), format!("/api/v1/executions/{large}")));
    }
    for number in 0..SLOW_SENDERS {
        all.spawn(clients::sends_slowly(load.clone(), number, LARGE_BYTES));
    }
    for number in 0..STALLED_SENDERS {
        all.spawn(clients::sends_all_but_the_end(load.clone(), number, LARGE_BYTES));
    }
    let input: Arc<[u8]> = Arc::from(json!({ "input": { "text": "x".repeat(LARGE_BYTES) } }).to_string().into_bytes());
    for number in 0..LARGE {
        all.spawn(clients::starts(load.clone(), format!("large-{number}"), Arc::clone(&input)));
    }
    for number in 0..connections {
        all.spawn(clients::starts(load.clone(), format!("small-{number}"), Arc::from(&b"{}"[..])));
    }
    while ledger.connected.load(Ordering::Relaxed) < (connections + LARGE) as u64 + clients_before {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (began, before) = (Instant::now(), ledger.acknowledged());
    let refused_before = ledger.refused.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    while ledger.refused.load(Ordering::Relaxed) < REFUSED_MIN || ledger.acknowledged() - before < TAKEN_MIN {
        assert!(began.elapsed() < DRAINED_WITHIN, "it takes nothing, or refuses nothing: {:?}", ledger.refusals());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = began.elapsed().as_secs_f64();
    let (taken, refused) = (ledger.acknowledged() - before, ledger.refused.load(Ordering::Relaxed) - refused_before);
    load.stop();
    let moved = tokio::task::spawn_blocking(|| fair.join().unwrap()).await.unwrap();
    all.join_all().await;

    let peak_mib = judge::resident(pid, "VmHWM");
    println!(
        "overload: {} connections for {took:.1} s; {:.0} requests a second, {:.0} of them taken; alone these clients would ask for \
         {:.0} times what it can take; \
         {refused} refused; {moved} control calls and probes, none refused",
        connections + HANDFULS,
        (taken + refused) as f64 / took,
        taken as f64 / took,
        share * (connections + LARGE) as f64,
    );
    println!("memory: {quiet_mib:.0} MiB before, {peak_mib:.0} MiB at most");
    println!("refusals: {:#?}; {} connections were broken", ledger.refusals(), ledger.broken.load(Ordering::Relaxed));
    assert!(moved > 0, "control calls get through");
    assert!(share * (connections + LARGE) as f64 >= 10.0, "it was asked for less than ten times what it can take");
    let bound = judge::memory_bound_mib(connections + HANDFULS);
    assert!(peak_mib <= bound, "it took {peak_mib:.0} MiB, and the bound is {bound:.0} MiB");
}

/// Whoever comes when the load has gone is served as before.
async fn recovers(address: &str, ledger: &Arc<Ledger>, quiet_rate: f64) {
    let began = Instant::now();
    let load = Load::new(address, ledger);
    let mut wire = Wire::open(address).await.unwrap();
    let mut first_refusals = 0;
    for number in 0..AFTERWARDS {
        while !clients::start(&load, &mut wire, &format!("after-{number}"), b"{}").await {
            first_refusals += 1;
            assert!(began.elapsed() < DRAINED_WITHIN, "it goes on refusing");
            tokio::task::yield_now().await;
        }
    }
    let took = began.elapsed().as_secs_f64();
    println!(
        "afterwards: {AFTERWARDS} executions one after the other in {took:.2} s, {first_refusals} refused before the first was taken"
    );
    // At the old rate, by as many callers.
    let (before, refused) = (ledger.acknowledged(), ledger.refused.load(Ordering::Relaxed));
    let mut callers = JoinSet::new();
    for number in 0..QUIET_CALLERS {
        callers.spawn(clients::starts(load.clone(), format!("again-{number}"), Arc::from(&b"{}"[..])));
    }
    let began = Instant::now();
    while ledger.acknowledged() - before < AFTERWARDS as u64 * 5 {
        assert!(began.elapsed() < DRAINED_WITHIN, "it is not what it was");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let rate = (ledger.acknowledged() - before) as f64 / began.elapsed().as_secs_f64();
    load.stop();
    callers.join_all().await;
    println!("afterwards: {rate:.0} executions started a second by {QUIET_CALLERS} callers, {quiet_rate:.0} before");
    assert_eq!(ledger.refused.load(Ordering::Relaxed), refused, "a few callers are not refused");
}

/// Everything that was taken comes to its end.
async fn drained(address: &str) {
    let began = Instant::now();
    loop {
        let counts = clients::counts(address).await;
        let open: u64 = ["pending", "running", "waiting"].iter().map(|status| counts[status].as_u64().unwrap()).sum();
        if open == 0 {
            println!("drained in {:.1} s: {counts}", began.elapsed().as_secs_f64());
            return;
        }
        assert!(began.elapsed() < DRAINED_WITHIN, "executions are stuck: {counts}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
