//! A PostgreSQL server for tests: that of `DATABASE_URL`, or one of its own in a temporary folder, on a socket and a port of loopback.

use std::fs::{File, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Who a server runs as that root has started: PostgreSQL refuses to be root.
const NOBODY: u32 = 65_534;

/// What it says, in its folder.
const LOG: &str = "log";
/// After a crash it makes all of its files durable first, on a disk that others use too.
const ANSWERS_WITHIN: Duration = Duration::from_secs(180);

/// What it runs with unless a test wants something else.
const QUICK: &[&str] = &["fsync=off"];

/// How a server that is to come back is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "not every test stops its server")]
pub enum Stop {
    /// As an administrator does: transactions are broken off, everything is written.
    Fast,
    /// As a crash of the machine but for what the system has not written: the next start recovers from the log.
    Immediate,
}

/// Killed with its folder when it is dropped.
pub struct Server {
    /// Without a database.
    address: String,
    own: Option<Own>,
    databases: AtomicU32,
}

struct Own {
    programs: PathBuf,
    directory: TempDir,
    port: u16,
    settings: Vec<String>,
    process: Child,
}

impl Server {
    /// # Panics
    /// When there is no PostgreSQL.
    #[allow(dead_code, reason = "some tests have settings of their own")]
    pub fn start() -> Server {
        let databases = AtomicU32::new(0);
        if let Ok(url) = std::env::var("DATABASE_URL") {
            let address = url.rsplit_once('/').expect("DATABASE_URL ends with a database").0.to_owned();
            return Server { address, own: None, databases };
        }
        Server::with(QUICK)
    }

    /// One of its own, whatever `DATABASE_URL` says, with these settings.
    pub fn with(settings: &[&str]) -> Server {
        let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let (programs, directory) = (programs(), directory());
        let data = directory.path().join("data");
        let made = as_nobody(&mut Command::new(programs.join("initdb")))
            .args(["--username=test", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "--pgdata"])
            .arg(&data)
            .current_dir(directory.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        Server::begin(programs, directory, settings, None)
    }

    /// With what is in this directory.
    fn begin(programs: PathBuf, directory: TempDir, settings: Vec<String>, port: Option<u16>) -> Server {
        let at = |port| {
            Some((port, answers(&programs, directory.path(), port, launch(&programs, directory.path(), port, &settings))?))
        };
        // Taken from those that are free now; a server that finds it taken ends, and another one is tried.
        let free = || TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let (port, process) = (0..10).find_map(|_| at(port.unwrap_or_else(free))).expect("a server starts");
        let own = Own { programs, directory, port, settings, process };
        Server { address: format!("postgres://test@127.0.0.1:{port}"), own: Some(own), databases: AtomicU32::new(0) }
    }

    /// Ends it; nothing answers until [`Server::start_again`].
    #[allow(dead_code, reason = "not every test stops its server")]
    pub fn stop(&mut self, how: Stop) {
        let own = self.own.as_mut().expect("a server of its own");
        let signal = match how {
            Stop::Fast => Signal::INT,
            Stop::Immediate => Signal::QUIT,
        };
        kill_process(Pid::from_child(&own.process), signal).unwrap();
        own.process.wait().unwrap();
    }

    /// The same data at the same port.
    #[allow(dead_code, reason = "not every test stops its server")]
    pub fn start_again(&mut self) {
        let own = self.own.as_mut().expect("a server of its own");
        let started = launch(&own.programs, own.directory.path(), own.port, &own.settings);
        own.process = answers(&own.programs, own.directory.path(), own.port, started).expect("its port is still free");
    }

    /// Ends it as a machine does that loses its power: none of its processes does anything more.
    #[cfg(target_os = "linux")]
    #[allow(dead_code, reason = "not every test kills its server")]
    pub fn kill(&mut self) {
        let own = self.own.as_mut().expect("a server of its own");
        let postmaster = Pid::from_child(&own.process);
        // While it stands still it has no more children.
        kill_process(postmaster, Signal::STOP).unwrap();
        let children = children(own.process.id());
        assert!(!children.is_empty(), "a server has processes besides the first one");
        for child in &children {
            // Or it has ended by itself.
            let _ = kill_process(Pid::from_raw(*child).unwrap(), Signal::KILL);
        }
        kill_process(postmaster, Signal::KILL).unwrap();
        own.process.wait().unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        while children.iter().any(|child| state_and_parent(*child).is_some_and(|(state, _)| state != "Z")) {
            assert!(Instant::now() < until, "processes of PostgreSQL live on");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A copy of it that follows it, at any port or at this one. From then on no commit is answered before the copy has it.
    #[allow(dead_code, reason = "not every test has a standby")]
    pub fn standby(&self, port: Option<u16>) -> Server {
        let own = self.own.as_ref().expect("a server of its own");
        let directory = directory();
        let copied = as_nobody(&mut Command::new(own.programs.join("pg_basebackup")))
            .args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync", "--pgdata"])
            .arg(directory.path().join("data"))
            .args(["--host=127.0.0.1", "--username=test", &format!("--port={}", own.port)])
            .current_dir(directory.path())
            .output()
            .unwrap();
        assert!(copied.status.success(), "pg_basebackup: {}", String::from_utf8_lossy(&copied.stderr));
        let standby = Server::begin(own.programs.clone(), directory, own.settings.clone(), port);
        let administration = format!("{}/postgres", self.address);
        // In a file of this one alone: what is promoted has nobody to wait for.
        self.psql(&administration, "ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.psql(&administration, "SELECT pg_reload_conf()");
        let until = Instant::now() + Duration::from_secs(60);
        while self.psql(&administration, "SELECT sync_state FROM pg_stat_replication") != "sync" {
            assert!(Instant::now() < until, "nobody follows");
            std::thread::sleep(Duration::from_millis(20));
        }
        standby
    }

    /// What follows another one takes its place.
    #[allow(dead_code, reason = "not every test has a standby")]
    pub fn promote(&self) {
        let own = self.own.as_ref().expect("a server of its own");
        let promoted = as_nobody(&mut Command::new(own.programs.join("pg_ctl")))
            .args(["promote", "--silent", "--wait", "--pgdata"])
            .arg(own.directory.path().join("data"))
            .current_dir(own.directory.path())
            .output()
            .unwrap();
        assert!(promoted.status.success(), "pg_ctl promote: {}", String::from_utf8_lossy(&promoted.stderr));
    }

    /// Where it listens.
    #[allow(dead_code, reason = "not every test has its own way there")]
    pub fn port(&self) -> u16 {
        self.own.as_ref().expect("a server of its own").port
    }

    /// Of which `data` is where its data are.
    #[allow(dead_code, reason = "not every test looks into it")]
    pub fn directory(&self) -> &Path {
        self.own.as_ref().expect("a server of its own").directory.path()
    }

    /// The address of a new, empty database.
    pub fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("workflow_test_{}_{number}", std::process::id());
        let (administration, url) = (format!("{}/postgres", self.address), format!("{}/{name}", self.address));
        self.psql(&administration, &format!("DROP DATABASE IF EXISTS {name}"));
        self.psql(&administration, &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"));
        url
    }

    /// What a person types.
    pub fn psql(&self, url: &str, sql: &str) -> String {
        let programs = self.own.as_ref().map_or_else(programs, |own| own.programs.clone());
        let asked = Command::new(programs.join("psql"))
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--command"])
            .arg(sql)
            .arg(url)
            .output()
            .unwrap();
        assert!(asked.status.success(), "{sql}: {}", String::from_utf8_lossy(&asked.stderr));
        String::from_utf8(asked.stdout).unwrap().trim_end().to_owned()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // A fast end: its children go with it.
        if matches!(self.process.try_wait(), Ok(None)) {
            let _ = kill_process(Pid::from_child(&self.process), Signal::QUIT);
            let _ = self.process.wait();
        }
    }
}

/// That of whom a server runs as.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    if is_root() {
        chown(directory.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    std::fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    directory
}

/// Of a process.
#[cfg(target_os = "linux")]
fn children(parent: u32) -> Vec<i32> {
    let all = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<i32>().ok());
    all.filter(|process| state_and_parent(*process).is_some_and(|(_, of)| of == parent)).collect()
}

/// None: it is gone.
#[cfg(target_os = "linux")]
fn state_and_parent(process: i32) -> Option<(String, u32)> {
    let told = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Behind its name, in which anything may be.
    let mut words = told.rsplit_once(')')?.1.split_whitespace();
    Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
}

fn launch(programs: &Path, directory: &Path, port: u16, settings: &[String]) -> Child {
    as_nobody(&mut Command::new(programs.join("postgres")))
        .arg("-D")
        .arg(directory.join("data"))
        .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"])
        .args(["-c", "shared_buffers=32MB", "-c", "log_min_messages=fatal"])
        .args(settings.iter().flat_map(|setting| ["-c", setting]))
        .arg("-c")
        .arg(format!("unix_socket_directories={}", directory.display()))
        .current_dir(directory)
        .stdout(Stdio::null())
        // Into a file: a pipe that nobody reads is full at some time, and whoever writes to it then stands still.
        .stderr(File::create(directory.join(LOG)).unwrap())
        .spawn()
        .unwrap()
}

/// The server once it answers, or none when its port was taken meanwhile.
fn answers(programs: &Path, directory: &Path, port: u16, mut process: Child) -> Option<Child> {
    let until = Instant::now() + ANSWERS_WITHIN;
    loop {
        if let Some(status) = process.try_wait().unwrap() {
            let said = std::fs::read_to_string(directory.join(LOG)).unwrap();
            assert!(said.contains("in use"), "the server ended with {status}: {said}");
            return None;
        }
        let ready = Command::new(programs.join("pg_isready")).args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).status();
        if ready.unwrap().success() {
            return Some(process);
        }
        let said = || std::fs::read_to_string(directory.join(LOG)).unwrap();
        assert!(Instant::now() < until, "the server does not answer: {}", said());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn as_nobody(command: &mut Command) -> &mut Command {
    if is_root() { command.uid(NOBODY).gid(NOBODY) } else { command }
}

/// Where PostgreSQL's programs are: the newest that Debian has, or those of the path.
fn programs() -> PathBuf {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = installed.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).max();
    if let Some(newest) = newest {
        return PathBuf::from(format!("/usr/lib/postgresql/{newest}/bin"));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&path).find(|directory| directory.join("initdb").exists());
    there.expect("there is no PostgreSQL: install it (`apt-get install postgresql`), or set DATABASE_URL to a server's")
}
