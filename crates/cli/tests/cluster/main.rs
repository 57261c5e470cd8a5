//! What a home of several engines promises: the real binary, a real PostgreSQL, workers in processes of their own, load on all
//! engines, and what goes wrong between machines: engines that are killed, stand still, come and go, a PostgreSQL that is restarted or
//! replaced by its standby, a network that cuts and swallows.
//!
//! The judge is that of `crash`: histories are legal and agree with what service, workers and callers have noted. Besides, triggers
//! of this test keep a log of all commits in the database itself, in which each engine's commits follow each other, and each history
//! is written by the engine that owns its range at that moment.
//!
//! `WORKFLOW_CLUSTER_SEED` repeats a run's choices, `WORKFLOW_CLUSTER_SECONDS` says how long each case goes on. What a run that fails
//! has left is kept, but for the PostgreSQL.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "what is outside the test functions is part of them")]

#[path = "../crash/client.rs"]
#[allow(dead_code, reason = "the crash test uses the rest")]
mod client;
mod cuts;
mod engines;
mod home;
#[path = "../crash/image.rs"]
#[allow(dead_code, reason = "the crash test uses the rest")]
mod image;
mod kills;
#[path = "../../../core/tests/legality/mod.rs"]
#[allow(dead_code, reason = "the core's own tests use the rest")]
mod legality;
#[path = "../crash/load.rs"]
#[allow(dead_code, reason = "the crash test uses the rest")]
mod load;
mod network;
mod pauses;
#[path = "../../../store/tests/server/mod.rs"]
#[allow(dead_code, reason = "the store's own tests use the rest")]
mod postgres;
#[path = "../crash/proxy.rs"]
mod proxy;
#[path = "../crash/random.rs"]
mod random;
mod rest;
mod restarts;
#[path = "../crash/server.rs"]
#[allow(dead_code, reason = "the crash test uses the rest")]
mod server;
#[path = "../crash/service.rs"]
mod service;
#[cfg(target_os = "linux")]
mod standby;
mod storm;
mod turns;
#[path = "../crash/verdict.rs"]
#[allow(dead_code, reason = "the crash test uses the rest")]
mod verdict;
#[path = "../crash/worker.rs"]
#[allow(dead_code, reason = "the tests of processes use the rest")]
mod worker;
mod world;

use std::time::Duration;

/// How many there are, unless a case says otherwise.
const ENGINES: usize = 3;
/// An engine that is not heard of for so long has lost its place (the default of `workflow serve`).
const LEASE: Duration = Duration::from_secs(10);
/// What comes after the lease has run out, on a machine that is busy with other tests: looking, loading, a first commit.
const GOES_ON_WITHIN: Duration = Duration::from_secs(15);
/// How long each case goes on unless it is told otherwise.
const SECONDS: u64 = 15;

fn from_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text}: a number was expected")))
}

fn seed() -> u64 {
    let by_clock = || std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let seed = from_environment("WORKFLOW_CLUSTER_SEED").unwrap_or_else(by_clock);
    println!("seed {seed} (WORKFLOW_CLUSTER_SEED={seed} makes the same choices)");
    seed
}

fn time() -> Duration {
    Duration::from_secs(from_environment("WORKFLOW_CLUSTER_SECONDS").unwrap_or(SECONDS))
}
