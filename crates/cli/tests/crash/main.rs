//! The real binary, a real file, workers in processes of their own, and SIGKILL at random moments under load: of the server, of a
//! worker, of both, and of a server that is reading what the last one left.
//!
//! Not shown here: what a crash of the machine leaves. A killed process loses nothing that it has written, synced or not; that
//! answers wait for the sync is shown by `sync`, with strace.
//!
//! `WORKFLOW_CRASH_SEED` repeats a run's choices, `WORKFLOW_CRASH_KILLS` makes it longer. What a run that fails has left is kept.

#![allow(clippy::unwrap_used, reason = "what is outside the test functions is part of them")]

mod backup;
#[allow(dead_code, reason = "the test of clusters uses the rest")]
mod client;
mod image;
#[path = "../../../core/tests/legality/mod.rs"]
#[allow(dead_code, reason = "the core's own tests use the rest")]
mod legality;
mod load;
mod proxy;
mod random;
#[allow(dead_code, reason = "the tests of processes use the rest")]
mod server;
#[allow(dead_code, reason = "the test of clusters uses the rest")]
mod service;
mod sync;
#[allow(dead_code, reason = "the test of clusters uses the rest")]
mod verdict;
#[allow(dead_code, reason = "the tests of processes use the rest")]
mod worker;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use workflow_core::id::ExecutionId;
use workflow_core::status::Status;
use workflow_store::{Options, Sqlite};

use client::{Client, Lives};
use image::Attempt;
use load::{Caller, Shared};
use random::Random;
use server::Server;
use service::{Call, Service};
use verdict::Histories;
use worker::{Role, Worker};

const KILLS: usize = 50;
/// Of 50.
const INTERRUPTING_MIN: usize = 40;
const IN_FLIGHT_MIN: usize = 200;
const CALLERS: u64 = 24;
const SLOTS: u32 = 96;
const WORKERS: usize = 2;
/// Of each worker.
const WORKER_SLOTS: usize = 48;
/// So that attempts of a worker that was killed run again within the test, and those of one that lives seldom do.
const WORKER_GRACE: &str = "1s";
/// How many of a hundred lives of the server see a worker die.
const WORKER_KILLS_PERCENT: u64 = 30;
/// How many of a hundred kills of the server take a worker with them.
const BOTH_PERCENT: u64 = 25;
/// After a start: what the server gets before it is killed.
const LIFE_MS: std::ops::Range<u64> = 0..1200;
/// One life in so many is cut from the moment the process exists: most of these end while it reads what the last one left.
const EARLY_EVERY: usize = 16;
/// What such a life gets. No client knows of it, so a longer one would do all the work that is left.
const EARLY_LIFE_MS: std::ops::Range<u64> = 0..200;
const DRAINED_WITHIN: Duration = Duration::from_secs(120);

fn from_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text}: a number was expected")))
}

#[test]
fn kills_at_random_moments_under_load_lose_nothing_and_repeat_nothing() {
    let by_clock = || std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let seed: u64 = from_environment("WORKFLOW_CRASH_SEED").unwrap_or_else(by_clock);
    let kills = from_environment("WORKFLOW_CRASH_KILLS").unwrap_or(KILLS);
    println!("seed {seed} (WORKFLOW_CRASH_SEED={seed} makes the same choices)");
    let mut world = World::new(seed);
    let report = world.kill_again_and_again(kills);
    world.drain();
    world.events_are_answered_as_before();
    let over_http = world.histories_over_http();
    let calls = world.workers.close();
    assert!(world.server.stop().success(), "{}", world.server.newest_log());
    world.judge(&report, &over_http, calls);
}

/// The service, the load, the server in its present life, and its file.
struct World {
    runtime: tokio::runtime::Runtime,
    random: Random,
    directory: tempfile::TempDir,
    server: Server,
    lives: usize,
    life: watch::Sender<Lives>,
    service: Service,
    workers: Workers,
    ledger: Shared,
    in_flight: watch::Receiver<u64>,
    stop: watch::Sender<bool>,
    callers: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Report {
    in_flight: Vec<usize>,
    /// At each kill: attempts that no kill before had interrupted.
    attempts: Vec<Vec<Attempt>>,
    workers_killed: usize,
}

/// The workers of now, and what those before them have said.
#[derive(Debug)]
struct Workers {
    url: String,
    seed: u64,
    spawned: usize,
    all: Vec<Worker>,
    calls: Vec<Call>,
}

impl Workers {
    fn new(url: String, seed: u64) -> Workers {
        let mut workers = Workers { url, seed, spawned: 0, all: Vec::new(), calls: Vec::new() };
        for _ in 0..WORKERS {
            workers.spawn();
        }
        workers
    }

    fn spawn(&mut self) {
        let (name, seed) = (format!("w{}", self.spawned), self.seed ^ self.spawned as u64);
        self.all.push(Worker::spawn(&Role { url: self.url.clone(), name, seed, slots: WORKER_SLOTS }));
        self.spawned += 1;
    }

    /// The oldest is killed, and another one takes its place.
    fn kill_one(&mut self) {
        let mut worker = self.all.remove(0);
        worker.kill();
        self.calls.extend(worker.calls());
        self.spawn();
    }

    /// All calls of all of them, once they have ended in order.
    fn close(&mut self) -> Vec<Call> {
        for mut worker in std::mem::take(&mut self.all) {
            assert!(worker.close().success(), "{:#?}", worker.notes());
            self.calls.extend(worker.calls());
        }
        std::mem::take(&mut self.calls)
    }
}

impl World {
    fn new(seed: u64) -> World {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (service, url) = runtime.block_on(Service::start(seed));
        let mut server = launch(&directory);
        let (life, lives) = watch::channel(vec![(0, server.ready())]);
        let client = Client::new(lives);
        runtime.block_on(load::register(client.clone(), &url, SLOTS));
        let workers = Workers::new(runtime.block_on(proxy::start(life.subscribe())), seed);

        let ledger = Shared::default();
        let (stop, stopped) = watch::channel(false);
        let (count, in_flight) = watch::channel(0);
        runtime.spawn(load::watch_in_flight(client.clone(), count));
        let mut callers = JoinSet::new();
        for number in 0..CALLERS {
            let (client, ledger) = (client.clone(), Arc::clone(&ledger));
            let (random, in_flight, stop) = (Random::new(seed, number), in_flight.clone(), stopped.clone());
            let in_flight_max = load::IN_FLIGHT;
            let caller = Caller { number, client, random, ledger, in_flight, in_flight_max, stop };
            callers.spawn_on(caller.run(), runtime.handle());
        }
        let random = Random::new(seed, u64::MAX);
        World { runtime, random, directory, server, lives: 1, life, service, workers, ledger, in_flight, stop, callers }
    }

    fn database(&self) -> PathBuf {
        self.directory.path().join("workflow.db")
    }

    fn kill_again_and_again(&mut self, kills: usize) -> Report {
        self.runtime.block_on(self.in_flight.wait_for(|count| *count >= 2 * IN_FLIGHT_MIN as u64)).unwrap();
        let (mut report, mut known, mut checked) = (Report::default(), HashSet::new(), 0);
        let mut is_early = false;
        for kill in 1..=kills {
            // The moment is what is random here.
            let life_ms = if is_early { EARLY_LIFE_MS } else { LIFE_MS };
            std::thread::sleep(Duration::from_millis(self.random.within(life_ms.clone())));
            if self.random.percent(WORKER_KILLS_PERCENT) {
                self.kill_a_worker(&mut report);
                std::thread::sleep(Duration::from_millis(self.random.within(life_ms)));
            }
            if let Some(broken) = self.callers.try_join_next() {
                broken.unwrap();
            }
            let acknowledged = self.acknowledged_since(&mut checked);
            self.server.kill();
            self.life.send_replace(Vec::new());
            if self.random.percent(BOTH_PERCENT) {
                self.kill_a_worker(&mut report);
            }
            let image = image::of(&self.database(), &acknowledged);
            let fresh: Vec<Attempt> = image.attempts.iter().filter(|attempt| known.insert(**attempt)).copied().collect();
            println!("kill {kill}: {} executions in flight, {} attempts interrupted", image.in_flight, fresh.len());
            report.in_flight.push(image.in_flight);
            report.attempts.push(fresh);
            self.server = launch(&self.directory);
            is_early = kill % EARLY_EVERY == 0 && kill != kills;
            if !is_early {
                self.life.send_replace(vec![(self.lives, self.server.ready())]);
            }
            self.lives += 1;
        }
        report
    }

    fn kill_a_worker(&mut self, report: &mut Report) {
        self.workers.kill_one();
        report.workers_killed += 1;
    }

    /// Executions whose start was answered since the last look.
    fn acknowledged_since(&self, checked: &mut usize) -> Vec<ExecutionId> {
        let ledger = self.ledger.lock().unwrap();
        let new = &ledger.started[*checked..];
        *checked = ledger.started.len();
        new.iter().map(|id| ExecutionId::parse(id).unwrap()).collect()
    }

    /// Stops the load, and waits until everything has ended.
    fn drain(&mut self) {
        self.stop.send_replace(true);
        let callers = std::mem::take(&mut self.callers);
        let all = async {
            callers.join_all().await;
            self.in_flight.mark_unchanged();
            // The second answer from now was asked for after now.
            for _ in 0..2 {
                self.in_flight.changed().await.unwrap();
            }
            self.in_flight.wait_for(|count| *count == 0).await.unwrap();
        };
        let drained = self.runtime.block_on(async { tokio::time::timeout(DRAINED_WITHIN, all).await });
        drained.unwrap_or_else(|_| panic!("executions are stuck:\n{}", self.server.newest_log()));
    }

    fn client(&self) -> Client {
        Client::new(self.life.subscribe())
    }

    /// The same id, the same answer, whatever has happened since.
    fn events_are_answered_as_before(&self) {
        let mut client = self.client();
        let events = self.ledger.lock().unwrap().events.clone();
        self.runtime.block_on(async {
            for (id, event) in events {
                let executions = load::ask_event(&mut client, &event.body).await;
                assert_eq!(executions, event.executions, "{id} was answered with other executions");
            }
        });
    }

    /// Every history as the API shows it.
    fn histories_over_http(&self) -> HashMap<String, Vec<Value>> {
        let mut client = self.client();
        let ids = self.ledger.lock().unwrap().started.clone();
        self.runtime.block_on(async {
            let mut all = HashMap::new();
            for id in ids {
                let entries = load::history(&mut client, &id).await;
                all.insert(id, entries);
            }
            all
        })
    }

    fn judge(&self, report: &Report, over_http: &HashMap<String, Vec<Value>>, by_workers: Vec<Call>) {
        backup::is_sound(&self.database());
        let store = Sqlite::open(self.database(), Options::default()).unwrap();
        let histories = Histories::read(&store);
        let ledger = self.ledger.lock().unwrap();
        histories.each_has_ended_and_is_legal();
        histories.each_key_has_one_execution(&ledger);
        histories.each_event_has_its_executions(&ledger);
        histories.each_control_call_is_recorded_once(&ledger);
        histories.each_begins_as_it_was_seen(&ledger.seen);
        histories.are(over_http);
        let by_service = self.service.calls();
        let (lost_calls, lost_by_workers) = histories.agree_with(&by_service, &by_workers);
        let interrupted: usize = report.attempts.iter().map(|attempts| histories.each_is_interrupted(attempts)).sum();
        let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap();
        assert!(!log.contains("panicked"), "{}", self.server.newest_log());

        let kills = report.in_flight.len();
        let interrupting = report.attempts.iter().filter(|attempts| !attempts.is_empty()).count();
        let least = report.in_flight.iter().min().unwrap();
        let of = |status| histories.count(status);
        println!("{kills} kills, each with at least {least} executions in flight; {interrupting} interrupted attempts");
        println!("{interrupted} attempts were recorded as interrupted; the service had been called for {lost_calls} of them");
        println!(
            "{} workers were killed; {lost_by_workers} of {} calls that they ran were lost with them",
            report.workers_killed,
            by_workers.len()
        );
        println!(
            "{} executions: {} completed, {} failed, {} cancelled; {} calls, {} events, {} control calls, {} histories seen on the way",
            histories.len(),
            of(Status::Completed),
            of(Status::Failed),
            of(Status::Cancelled),
            by_service.len() + by_workers.len(),
            ledger.events.len(),
            ledger.controls.len(),
            ledger.seen.len(),
        );
        assert!(*least >= IN_FLIGHT_MIN, "executions in flight at each kill: {:?}", report.in_flight);
        assert!(interrupting * KILLS >= INTERRUPTING_MIN * kills, "{interrupting} of {kills} kills interrupted an attempt");
        assert!(lost_calls > 0, "no call was in flight at a kill");
        assert!(lost_by_workers > 0, "no worker was killed in the middle of a call");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.directory.disable_cleanup(true);
            println!("kept: {}", self.directory.path().display());
        }
    }
}

fn launch(directory: &tempfile::TempDir) -> Server {
    Server::spawn(serve(&directory.path().join("workflow.db")), &directory.path().join("log"))
}

fn serve(db: &std::path::Path) -> std::process::Command {
    let mut serve = server::serve(db);
    serve.args(["--worker-grace", WORKER_GRACE]);
    serve
}
