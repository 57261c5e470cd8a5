//! What the server has written down of what it was asked: every statement (`log_statement`), and the plan that each was run by, with
//! what it has read (`auto_explain`).

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::Server;

/// So that nothing is asked that is not written down, and statistics are as the test leaves them.
pub const SETTINGS: &[&str] = &[
    "fsync=off",
    "autovacuum=off",
    "logging_collector=on",
    "log_destination=csvlog",
    "log_directory=log",
    "log_filename=all.log",
    "log_min_messages=log",
    "log_statement=all",
    "session_preload_libraries=auto_explain",
    "auto_explain.log_min_duration=0",
    "auto_explain.log_analyze=on",
    "auto_explain.log_buffers=on",
    "auto_explain.log_timing=off",
    "auto_explain.log_format=json",
];

/// Columns of a line of `csvlog`.
const DATABASE: usize = 2;
const MESSAGE: usize = 13;
const APPLICATION: usize = 22;
/// What our connections are called, with their role behind.
const OURS: &str = "workflow.do";

/// The log of a server of its own.
pub struct Log<'a> {
    server: &'a Server,
    url: &'a str,
    path: PathBuf,
    read: usize,
}

/// Something that the store has asked.
#[derive(Debug)]
pub struct Asked {
    /// What the connection is there for.
    pub role: String,
    pub sql: String,
    /// How it was run; none: what is written down is that it was asked.
    pub plan: Option<Value>,
}

impl<'a> Log<'a> {
    pub fn new(server: &'a Server, url: &'a str) -> Log<'a> {
        let path = server.directory().join("data/log/all.csv");
        Log { server, url, path, read: 0 }
    }

    /// What the store has asked of this database since the last time, once its connections are closed: they write until then.
    pub fn asked(&mut self) -> Vec<Asked> {
        let left =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'workflow.do%'";
        while self.server.psql(self.url, left) != "0" {
            std::thread::sleep(Duration::from_millis(10));
        }
        // It is written by a process of its own, in the order in which that hears of it.
        let mark = format!("SELECT 'the log is read from byte {} on'", self.read);
        self.server.psql(self.url, &mark);
        let until = Instant::now() + Duration::from_secs(60);
        let log = loop {
            let log = std::fs::read_to_string(&self.path).unwrap_or_default();
            if log.get(self.read..).is_some_and(|new| new.contains(&mark) && new.ends_with('\n')) {
                break log;
            }
            assert!(Instant::now() < until, "the log does not come to {mark}");
            std::thread::sleep(Duration::from_millis(10));
        };
        let database = self.url.rsplit_once('/').unwrap().1;
        let asked = lines(&log[self.read..]).into_iter().filter(|line| line[DATABASE] == database).filter_map(asked).collect();
        self.read = log.len();
        asked
    }
}

fn asked(line: Vec<String>) -> Option<Asked> {
    let role = line[APPLICATION].strip_prefix(OURS)?.trim().to_owned();
    let message = &line[MESSAGE];
    if let Some((_, plan)) = message.split_once("plan:\n") {
        let mut plan: Value = serde_json::from_str(plan).unwrap();
        let sql = plan["Query Text"].as_str().unwrap().to_owned();
        return Some(Asked { role, sql, plan: Some(plan["Plan"].take()) });
    }
    let (kind, sql) = message.split_once(": ")?;
    (kind == "statement" || kind.starts_with("execute")).then(|| Asked { role, sql: sql.to_owned(), plan: None })
}

/// The fields of each line. Quoted ones may hold line breaks.
fn lines(csv: &str) -> Vec<Vec<String>> {
    let (mut lines, mut line, mut field, mut is_quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut characters = csv.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => field.extend(characters.next()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => line.push(std::mem::take(&mut field)),
            '\n' if !is_quoted => {
                line.push(std::mem::take(&mut field));
                lines.push(std::mem::take(&mut line));
            }
            other => field.push(other),
        }
    }
    lines
}
