//! The engines of a database: the one that owns it, and one that stands by.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::client::Life;
use crate::server::{self, Server};
use crate::{GOES_ON_WITHIN, LEASE};

/// So that attempts of a worker that has lost its engine run again within the test.
const WORKER_GRACE: &str = "1s";

pub struct Engines {
    directory: PathBuf,
    /// Of the database.
    url: String,
    pub owner: Server,
    standby: Option<Server>,
    lives: usize,
    pub life: watch::Sender<Life>,
}

impl Engines {
    /// One that owns it.
    pub fn open(directory: &Path, url: &str) -> Engines {
        let mut owner = launch(directory, url);
        let (life, _) = watch::channel(Some((0, owner.ready())));
        Engines { directory: directory.to_owned(), url: url.to_owned(), owner, standby: None, lives: 0, life }
    }

    /// There is one that waits for its turn, also when an earlier one has given up waiting.
    pub fn stand_by(&mut self) {
        if self.standby.as_mut().is_none_or(|standby| !standby.is_alive()) {
            self.standby = Some(launch(&self.directory, &self.url));
        }
    }

    /// Waits for the one that stands by to own the database; gives the one before.
    pub fn succeed(&mut self) -> Server {
        let deadline = Instant::now() + LEASE + GOES_ON_WITHIN;
        loop {
            self.stand_by();
            let standby = self.standby.as_mut().expect("it stands by");
            if let Some(url) = standby.ready_within(Duration::from_millis(100)) {
                self.lives += 1;
                self.life.send_replace(Some((self.lives, url)));
                let owner = self.standby.take().expect("it is ready");
                return std::mem::replace(&mut self.owner, owner);
            }
            assert!(Instant::now() < deadline, "nobody has taken over:\n{}", standby.newest_log());
        }
    }

    /// Orderly, those that wait first.
    pub fn stop(&mut self) {
        drop(self.standby.take());
        assert!(self.owner.stop().success(), "{}", self.owner.newest_log());
    }

    /// What all of them have said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap()
    }
}

fn launch(directory: &Path, url: &str) -> Server {
    let mut serve = server::serve_in(directory, OsStr::new(url));
    serve.args(["--worker-grace", WORKER_GRACE]);
    Server::spawn(serve, &directory.join("log"))
}
