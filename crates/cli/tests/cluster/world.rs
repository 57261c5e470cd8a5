//! PostgreSQL, engines, service, workers and callers of one test, and the verdict at its end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;
use workflow_core::status::Status;
use workflow_store::{Postgres, PostgresOptions};

use crate::client::Client;
use crate::engines::{Engine, Engines};
use crate::home::{Commits, Home};
use crate::load::{self, Caller, Shared};
use crate::proxy;
use crate::random::Random;
use crate::service::Service;
use crate::verdict::Histories;
use crate::{ENGINES, GOES_ON_WITHIN, LEASE};

const CALLERS: u64 = 12;
/// Clients start executions while fewer than this are in flight.
const IN_FLIGHT: u64 = 160;
/// The load has begun.
const IN_FLIGHT_MIN: u64 = 80;
const SLOTS: u32 = 48;
const DRAINED_WITHIN: Duration = Duration::from_secs(120);
/// How late a call may begin that was on its way when its attempt ended, on a machine that is busy with other tests.
const ON_ITS_WAY_MS: u64 = 1_500;
/// The same where a network swallows the answer to the commit that begins an attempt: its engine waits for that for 10 s, asks again until
/// it is heard, and has decided meanwhile that the attempt is out of time, or cancelled. It is handed out all the same, and told to stop
/// with the next commit.
const UNANSWERED_MS: u64 = 18_000;

/// Workers hear of a new engine when its fellows next ask the store who is there; what it owns of theirs waits for them.
const WORKERS_HEAR_WITHIN: Duration = Duration::from_secs(30);

pub struct World {
    pub runtime: tokio::runtime::Runtime,
    pub random: Random,
    directory: TempDir,
    // Before the PostgreSQL, so that they end first.
    pub engines: Engines,
    pub home: Home,
    http: reqwest::Client,
    service: Service,
    ledger: Shared,
    in_flight: watch::Receiver<u64>,
    stop: watch::Sender<bool>,
    callers: JoinSet<()>,
    on_its_way_ms: u64,
}

/// What there is before something goes wrong.
#[derive(Debug)]
pub struct Setup {
    pub engines: usize,
    /// Of PostgreSQL.
    pub settings: &'static [&'static str],
    /// Whether each engine has a network of its own between itself and PostgreSQL; with a standby, every other one.
    pub networks: bool,
    /// Whether PostgreSQL has one.
    pub standby: bool,
    /// Whether networks will swallow what PostgreSQL answers.
    pub swallows: bool,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup { engines: ENGINES, settings: &["fsync=off"], networks: false, standby: false, swallows: false }
    }
}

impl World {
    /// Engines under load.
    pub fn new(setup: &Setup) -> World {
        let seed = crate::seed();
        let home = if setup.standby { Home::followed(setup.settings) } else { Home::open(setup.settings) };
        let (runtime, directory) = (World::runtime(), tempfile::tempdir().unwrap());
        let networks = setup.networks.then(|| runtime.handle().clone());
        let mut engines = Engines::open(directory.path(), &home, setup.engines, networks);
        home.watch();
        let (service, service_url) = runtime.block_on(Service::start(seed));
        let client = Client::patient(engines.lives.subscribe());
        runtime.block_on(load::register(client.clone(), &service_url, SLOTS));
        let balancer = runtime.block_on(proxy::start(engines.lives.subscribe()));
        engines.employ(seed, &balancer);

        let ledger = Shared::default();
        let (stop, stopped) = watch::channel(false);
        let (count, in_flight) = watch::channel(0);
        runtime.spawn(load::watch_in_flight(client.clone(), count));
        let mut callers = JoinSet::new();
        for number in 0..CALLERS {
            let (client, ledger) = (client.clone(), Arc::clone(&ledger));
            let (random, in_flight, stop) = (Random::new(seed, number), in_flight.clone(), stopped.clone());
            let caller = Caller { number, client, random, ledger, in_flight, in_flight_max: IN_FLIGHT, stop };
            callers.spawn_on(caller.run(), runtime.handle());
        }
        let random = Random::new(seed, u64::MAX);
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).no_proxy().build().unwrap();
        let on_its_way_ms = if setup.swallows { UNANSWERED_MS } else { ON_ITS_WAY_MS };
        let mut world =
            World { on_its_way_ms, runtime, random, directory, engines, home, http, service, ledger, in_flight, stop, callers };
        world.load_has_begun();
        world
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    }

    fn load_has_begun(&mut self) {
        self.runtime.block_on(self.in_flight.wait_for(|count| *count >= IN_FLIGHT_MIN)).unwrap();
    }

    /// Some time passes under load.
    pub fn goes_on_for(&mut self, ms: std::ops::Range<u64>) {
        std::thread::sleep(Duration::from_millis(self.random.within(ms)));
        if let Some(broken) = self.callers.try_join_next() {
            broken.unwrap();
        }
    }

    /// Any engine that owns something.
    pub fn any(&mut self) -> usize {
        self.engines.any(&self.home, &mut self.random)
    }

    /// What `/readyz` says.
    fn is_ready(&self, engine: &Engine) -> bool {
        let answer = self.runtime.block_on(async { self.http.get(format!("{}/readyz", engine.url())).send().await });
        answer.unwrap().status().is_success()
    }

    /// Waits until every engine says that it is ready, or that it is not.
    pub fn all_ready(&self, ready: bool) {
        let deadline = Instant::now() + GOES_ON_WITHIN;
        for engine in &self.engines.all {
            while self.is_ready(engine) != ready {
                assert!(Instant::now() < deadline, "readiness should be {ready}:\n{}", engine.server.newest_log());
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Stops the load, waits until everything has ended, and judges what is there. Gives how many engines there were in the end, too.
    pub fn verdict(mut self) -> (Commits, usize) {
        self.drain();
        self.events_are_answered_as_before();
        let over_http = self.histories_over_http();
        let (asked, unanswered) = self.home.questions();
        let count = self.engines.all.len();
        let by_workers = self.engines.stop();
        let commits = self.home.each_range_has_one_owner_at_a_time();
        for orphans in self.home.orphans() {
            println!("{orphans:?}");
            assert!(u128::from(orphans.max_ms) < (LEASE + WORKERS_HEAR_WITHIN + GOES_ON_WITHIN).as_millis(), "{orphans:?}");
        }
        println!("{} ranges changed hands; {asked} questions, {unanswered} unanswered", commits.given + commits.taken);
        assert_eq!(unanswered, 0, "every question has been answered");
        let store = Postgres::open(&self.home.url, PostgresOptions::default()).unwrap();
        let histories = Histories::read(&store);
        let ledger = self.ledger.lock().unwrap();
        histories.each_has_ended_and_is_legal();
        histories.each_key_has_one_execution(&ledger);
        histories.each_event_has_its_executions(&ledger);
        histories.each_control_call_is_recorded_once(&ledger);
        histories.each_begins_as_it_was_seen(&ledger.seen);
        histories.are(&over_http);
        let mut calls = self.service.calls();
        let (lost_calls, lost_by_workers) = histories.agree_with(&calls, &by_workers);
        calls.extend(by_workers);
        histories.none_is_called_after_its_end(&calls, self.on_its_way_ms);
        let log = self.engines.logs();
        assert!(!log.contains("panicked"), "{log}");
        let of = |status| histories.count(status);
        println!(
            "{} executions: {} completed, {} failed, {} cancelled; {} calls, of which {} were interrupted; {} events, {} control \
             calls, {} histories seen on the way; {commits:?}",
            histories.len(),
            of(Status::Completed),
            of(Status::Failed),
            of(Status::Cancelled),
            calls.len(),
            lost_calls + lost_by_workers,
            ledger.events.len(),
            ledger.controls.len(),
            ledger.seen.len(),
        );
        drop(ledger);
        (commits, count)
    }

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
        drained.unwrap_or_else(|_| panic!("executions are stuck:\n{}\n{}", self.home.under_way(), self.engines.newest_logs()));
    }

    fn client(&self) -> Client {
        Client::patient(self.engines.lives.subscribe())
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
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.directory.disable_cleanup(true);
            println!("kept: {}", self.directory.path().display());
        }
    }
}
