//! The engines of a database, each with a network of its own if the test wants to harm that, and workers that serve all of them.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::client::Lives;
use crate::home::Home;
use crate::network::Network;
use crate::random::Random;
use crate::server::{self, Server};
use crate::service::Call;
use crate::worker::{Role, Worker};
use crate::{GOES_ON_WITHIN, LEASE};

/// So that attempts of a worker that has lost its engine run again within the test.
const WORKER_GRACE: &str = "1s";
const WORKERS: usize = 2;
/// Of each worker.
const WORKER_SLOTS: usize = 24;
/// How long whoever has more than its share may take to give it to others: what runs comes to its end before.
const SHARED_WITHIN: Duration = Duration::from_secs(45);

pub struct Engines {
    directory: PathBuf,
    pub all: Vec<Engine>,
    born: usize,
    /// Where callers find those that answer.
    pub lives: watch::Sender<Lives>,
    workers: Vec<Worker>,
    /// Where the networks between engines and PostgreSQL run; none: there are none.
    networks: Option<tokio::runtime::Handle>,
}

pub struct Engine {
    pub server: Server,
    /// What it is called in the database.
    pub id: String,
    number: usize,
    url: String,
    log: PathBuf,
    network: Option<Network>,
}

impl Engine {
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    pub fn network(&self) -> &Network {
        self.network.as_ref().expect("this test has networks")
    }

    /// Where it answers.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// It has ended by itself, because others have taken over what it owned.
    pub fn has_lost_its_place(&mut self) {
        let ended = self.server.ended();
        let told = std::fs::read_to_string(&self.log).unwrap();
        assert!(!ended.success(), "{} ended with {ended}:\n{}", self.id, self.server.newest_log());
        let says = |line: &str| line.contains(&self.id) && line.contains("has taken over");
        assert!(told.lines().any(says), "{} ended without a word of why:\n{told}", self.id);
    }
}

impl Engines {
    /// So many, each of which owns its share.
    pub fn open(directory: &Path, home: &Home, count: usize, networks: Option<tokio::runtime::Handle>) -> Engines {
        let mut engines = Engines {
            directory: directory.to_owned(),
            all: Vec::new(),
            born: 0,
            lives: watch::channel(Vec::new()).0,
            workers: Vec::new(),
            networks,
        };
        for _ in 0..count {
            engines.add(home);
        }
        engines.each_has_its_share(home);
        engines
    }

    /// Workers, each of which is told of one engine, and hears of the others from it. When all that it has heard of are gone before it
    /// hears of new ones, there is `balancer` left, which leads to any of those that live.
    pub fn employ(&mut self, seed: u64, balancer: &str) {
        let worker = |number: usize| {
            let url = format!("{},{balancer}", self.all[number % self.all.len()].url);
            let (name, seed) = (format!("w{number}"), seed ^ number as u64);
            Worker::spawn(&Role { url, name, seed, slots: WORKER_SLOTS })
        };
        self.workers = (0..WORKERS).map(worker).collect();
    }

    /// One more, which others give its share.
    pub fn add(&mut self, home: &Home) {
        let (number, log) = (self.born, self.directory.join(format!("engine-{}", self.born)));
        self.born += 1;
        // Where there is a standby, every other one finds the primary by itself.
        let has_network = home.standby.is_none() || number % 2 == 1;
        let runtime = self.networks.as_ref().filter(|_| has_network);
        let network = runtime.map(|runtime| runtime.block_on(Network::start(home.server.port())));
        let database = network.as_ref().map_or_else(|| home.address(), |network| home.at(&network.address.to_string()));
        let mut serve = server::serve_in(&self.directory, OsStr::new(&database));
        serve.args(["--worker-grace", WORKER_GRACE]);
        let mut server = Server::spawn(serve, &log);
        let url = server.ready();
        let id = home.engine_of(server.pid());
        self.lives.send_modify(|lives| lives.push((number, url.clone())));
        self.all.push(Engine { server, id, number, url, log, network });
    }

    /// Their networks lead to PostgreSQL at another port.
    pub fn lead_to(&self, postgres: u16) {
        for network in self.all.iter().filter_map(|engine| engine.network.as_ref()) {
            network.lead_to(postgres);
        }
    }

    /// Any of those that own something.
    pub fn any(&self, home: &Home, random: &mut Random) -> usize {
        let owned = home.owned();
        let owners: Vec<usize> = (0..self.all.len()).filter(|place| owned.contains_key(&self.all[*place].id)).collect();
        owners[random.within(0..owners.len() as u64) as usize]
    }

    /// Callers ask others from now on.
    pub fn hide(&self, place: usize) {
        let number = self.all[place].number;
        self.lives.send_modify(|lives| lives.retain(|(other, _)| *other != number));
    }

    /// Callers ask it again.
    pub fn show(&self, place: usize) {
        let Engine { number, url, .. } = &self.all[place];
        self.lives.send_modify(|lives| lives.push((*number, url.clone())));
    }

    /// It has ended, or will.
    pub fn take(&mut self, place: usize) -> Engine {
        self.hide(place);
        self.all.remove(place)
    }

    /// Those that have lost their place are replaced; gives how many.
    pub fn replace_the_lost(&mut self, home: &Home) -> usize {
        let lost: Vec<usize> = (0..self.all.len()).rev().filter(|place| !self.all[*place].server.is_alive()).collect();
        for place in &lost {
            let mut engine = self.take(*place);
            engine.has_lost_its_place();
            self.add(home);
        }
        lost.len()
    }

    /// Waits until nobody has less than a fair share of the ranges; gives how long that has taken.
    pub fn each_has_its_share(&self, home: &Home) -> Duration {
        let (began, fair) = (Instant::now(), 64 / self.all.len());
        loop {
            let owned: HashMap<String, usize> = home.owned();
            if self.all.iter().all(|engine| owned.get(&engine.id).is_some_and(|count| *count >= fair)) {
                return began.elapsed();
            }
            assert!(began.elapsed() < SHARED_WITHIN, "not shared: {owned:?}\n{}", self.newest_logs());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until this one is not among the engines any more.
    pub fn is_missed(&self, home: &Home, id: &str) {
        let deadline = Instant::now() + LEASE + GOES_ON_WITHIN;
        while home.is_there(id) {
            assert!(Instant::now() < deadline, "nobody takes over from {id}:\n{}", self.newest_logs());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Orderly, and the workers before them. Gives what those have noted.
    pub fn stop(&mut self) -> Vec<Call> {
        let mut calls = Vec::new();
        for mut worker in self.workers.drain(..) {
            let ended = worker.close();
            let open: Vec<Call> = worker.calls().into_iter().filter(|call| call.answer.is_none()).collect();
            assert!(ended.success(), "a worker ended with {ended}; what it ran, and nothing came of: {open:#?}");
            calls.extend(worker.calls());
        }
        for mut engine in self.all.drain(..) {
            if engine.server.is_alive() {
                assert!(engine.server.stop().success(), "{}", engine.server.newest_log());
            } else {
                engine.has_lost_its_place();
            }
        }
        calls
    }

    pub fn newest_logs(&self) -> String {
        self.all.iter().map(|engine| format!("{}:\n{}\n", engine.id, engine.server.newest_log())).collect()
    }

    /// What all of them have said, those that are gone too.
    pub fn logs(&self) -> String {
        (0..self.born).map(|number| std::fs::read_to_string(self.directory.join(format!("engine-{number}"))).unwrap()).collect()
    }
}
