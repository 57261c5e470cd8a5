//! `workflow serve`, and the whole command line against it.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::process::{Ran, finished, workflow};

/// A server in a directory of its own. Killed when a test ends without having stopped it.
pub struct Served {
    child: Child,
    pub url: String,
}

impl Served {
    pub fn start(directory: &Path, arguments: &[&str]) -> Served {
        Served::start_with(directory, arguments, &[])
    }

    pub fn start_with(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Served {
        let mut command = workflow(&[&["serve", "--json"], arguments].concat());
        command.env("WORKFLOW_LISTEN", "127.0.0.1:0").envs(variables.iter().copied());
        let mut child = command.current_dir(directory).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.is_empty() {
            panic!("the server did not start: {:?}", finished(child.wait_with_output().unwrap()));
        }
        let ready: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(ready["pid"], child.id());
        Served { child, url: ready["url"].as_str().unwrap().to_owned() }
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        finished(workflow(arguments).env("WORKFLOW_URL", &self.url).output().unwrap())
    }

    fn signal(&self, name: &str) {
        let sent = std::process::Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Stops it in order, and answers its exit code with what it logged.
    pub fn stop(mut self) -> (Option<i32>, String) {
        self.signal("TERM");
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

const ONBOARDING: &str = "\
id: onboarding
triggers: [{ event: Customer.created }]
steps:
  - { id: welcome, action: noop }
  - { id: tips, action: noop, wait: 20ms, dependsOn: [welcome] }
";

const ORDER: &str = r#"{"id": "order", "steps": [{"id": "charge", "action": "chargeCard"}]}"#;

pub fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("onboarding.yaml"), ONBOARDING).unwrap();
    std::fs::write(directory.path().join("order.json"), ORDER).unwrap();
    directory
}

#[test]
fn an_execution_runs_from_register_to_its_history() {
    let directory = directory();
    let served = Served::start(directory.path(), &["--db", ":memory:"]);
    let file = |name: &str| directory.path().join(name).display().to_string();
    assert_eq!(served.run(&["register", &file("onboarding.yaml")]).stdout, "✓ registered `onboarding` v1 (2 steps)\n");
    assert_eq!(served.run(&["register", &file("onboarding.yaml")]).stdout, "✓ unchanged `onboarding` v1 (2 steps)\n");
    let waited = served.run(&["start", "onboarding", "--input", r#"{"customerId": "cus_1"}"#, "--wait"]);
    assert_eq!(waited.code, 0, "{waited:?}");
    assert!(waited.stdout.contains("✓ tips completed"), "{}", waited.stdout);
    let waited = served.run(&["start", "onboarding", "--wait", "--json", "-k", "once"]).json();
    let again = served.run(&["start", "onboarding", "-k", "once"]).stdout;
    assert_eq!(again, format!("✓ was there already: {} (onboarding v1)\n", waited["id"].as_str().unwrap()));
    assert!(served.run(&["event", "Customer.created"]).stdout.starts_with("✓ started exec_"));
    let id = waited["id"].as_str().unwrap();
    let status = served.run(&["status", id]).stdout;
    assert!(status.starts_with("✓ completed  onboarding v1\n  Completed in"), "{status}");
    let history = served.run(&["history", id, "--json"]).json();
    assert_eq!(history[0]["type"], "start");
    assert_eq!(history.as_array().unwrap().last().unwrap()["type"], "complete");
    let listed = served.run(&["list", "--workflow", "onboarding", "--json"]).json();
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert!(served.run(&["definitions"]).stdout.contains("Customer.created"));
    assert_eq!(served.run(&["delete", "onboarding"]).code, 0);
    assert!(served.run(&["start", "onboarding"]).stderr.starts_with("error[workflow_not_found]: "));
    assert_eq!(served.stop().0, Some(0));
}

#[test]
fn a_step_that_nobody_can_run_says_so_and_control_calls_are_obeyed_in_their_states() {
    let directory = directory();
    let served = Served::start(directory.path(), &["--db", ":memory:"]);
    served.run(&["register", directory.path().join("order.json").to_str().unwrap()]);
    let execution = served.run(&["start", "order", "--json"]).json();
    let id = execution["id"].as_str().unwrap();
    let status = served.run(&["status", id]).stdout;
    assert!(status.contains("no worker provides `chargeCard`"), "{status}");
    assert_eq!(served.run(&["pause", id]).code, 0);
    let refused = served.run(&["pause", id]);
    assert_eq!(refused.code, 1);
    assert_eq!(refused.stderr, format!("error[invalid_state]: cannot pause execution {id}: it is paused\n"));
    assert_eq!(served.run(&["resume", id]).code, 0);
    assert_eq!(served.run(&["cancel", id]).code, 0);
    assert!(served.run(&["history", id]).stdout.contains("execution cancelled"));
    let replayed = served.run(&["replay", id, "--json"]).json();
    assert_eq!(replayed["replayOf"], id);
}

#[test]
fn what_was_started_is_there_after_a_crash_and_after_an_orderly_stop() {
    let directory = directory();
    let served = Served::start(directory.path(), &["--db", "orders.db"]);
    served.run(&["register", directory.path().join("order.json").to_str().unwrap()]);
    let first = served.run(&["start", "order", "--json"]).json();
    served.signal("KILL");
    drop(served);
    let served = Served::start(directory.path(), &["--db", "orders.db"]);
    assert_eq!(served.run(&["status", first["id"].as_str().unwrap(), "--json"]).json()["id"], first["id"]);
    served.run(&["start", "order"]);
    let (code, log) = served.stop();
    assert_eq!(code, Some(0), "{log}");
    let served = Served::start(directory.path(), &["--db", "orders.db"]);
    assert_eq!(served.run(&["list", "--json"]).json().as_array().unwrap().len(), 2);
}

/// A server whose one execution is in the middle of its step, the endpoint that never answers, and the execution's id.
fn served_in_the_middle(directory: &Path, arguments: &[&str]) -> (Served, Silent, String) {
    let served = Served::start(directory, &[&["--db", "orders.db"], arguments].concat());
    let mut silent = Silent::new();
    assert_eq!(served.run(&["endpoint", "add", "orders", &silent.url, "--action", "chargeCard"]).code, 0);
    served.run(&["register", directory.join("order.json").to_str().unwrap()]);
    let id = served.run(&["start", "order", "--json"]).json()["id"].as_str().unwrap().to_owned();
    silent.called();
    (served, silent, id)
}

/// An endpoint that takes calls and never answers them.
struct Silent {
    listener: TcpListener,
    url: String,
    calls: Vec<TcpStream>,
}

impl Silent {
    fn new() -> Silent {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Silent { listener, url, calls: Vec::new() }
    }

    /// Waits until the next call has come: its step is in flight.
    fn called(&mut self) {
        self.calls.push(self.listener.accept().unwrap().0);
    }
}

#[test]
fn a_stop_waits_for_steps_within_its_bound_and_they_run_again_afterwards() {
    let directory = directory();
    let (served, mut silent, id) = served_in_the_middle(directory.path(), &["--stop-within", "50ms"]);
    let (code, log) = served.stop();
    assert_eq!(code, Some(0), "{log}");
    let served = Served::start(directory.path(), &["--db", "orders.db"]);
    silent.called();
    let history = served.run(&["history", &id]).stdout;
    assert!(history.contains("interrupted: the engine was stopped; the step runs again"), "{history}");
}

#[test]
fn a_second_signal_stops_at_once() {
    let directory = directory();
    let (mut served, _silent, _) = served_in_the_middle(directory.path(), &["--stop-within", "10m"]);
    served.signal("TERM");
    let mut log = BufReader::new(served.child.stderr.take().unwrap()).lines();
    log.find(|line| line.as_ref().unwrap().contains("stopping")).unwrap().unwrap();
    served.signal("INT");
    assert_eq!(served.child.wait().unwrap().code(), Some(130));
}

#[test]
fn wait_outlives_a_crash_of_the_server() {
    let directory = directory();
    let slow = directory.path().join("slow.yaml");
    std::fs::write(&slow, "id: slow\nsteps: [{ id: nap, action: noop, wait: 1500ms }]\n").unwrap();
    let served = Served::start(directory.path(), &["--db", "orders.db"]);
    let listen = served.url.strip_prefix("http://").unwrap().to_owned();
    served.run(&["register", slow.to_str().unwrap()]);
    let mut command = workflow(&["start", "slow", "--wait"]);
    let mut waiting = command.env("WORKFLOW_URL", &served.url).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(waiting.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|line| line.contains("nap waiting")).unwrap();
    served.signal("KILL");
    drop(served);
    lines.find(|line| line.contains("does not answer")).unwrap();
    let _served = Served::start(directory.path(), &["--db", "orders.db", "--listen", &listen]);
    lines.find(|line| line.contains("✓ nap completed")).unwrap();
    assert_eq!(waiting.wait().unwrap().code(), Some(0));
}

#[test]
fn a_file_gives_the_settings_that_the_command_line_does_not() {
    let directory = directory();
    std::fs::write(directory.path().join("workflow.toml"), "db = 'from-file.db'\nlisten = '127.0.0.1:1'\nlog-format = 'json'\n")
        .unwrap();
    let served = Served::start(directory.path(), &[]);
    assert!(directory.path().join("from-file.db").exists());
    let (code, log) = served.stop();
    assert_eq!(code, Some(0));
    let stopping = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("each line of the log is JSON"));
    assert!(stopping.into_iter().any(|line| line["signal"] == "SIGTERM"), "{log}");
    std::fs::write(directory.path().join("workflow.toml"), "databse = 'a'\n").unwrap();
    let ran = finished(workflow(&["serve"]).current_dir(directory.path()).output().unwrap());
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("unknown field `databse`"), "{}", ran.stderr);
}

#[test]
fn a_port_or_a_database_that_is_taken_is_said() {
    let directory = directory();
    let served = Served::start(directory.path(), &["--db", "orders.db"]);
    let listen = served.url.strip_prefix("http://").unwrap();
    let ran = finished(workflow(&["serve", "--db", ":memory:", "--listen", listen]).output().unwrap());
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("another program listens there"), "{}", ran.stderr);
}
