//! A remote worker in a process of its own: this test binary again. It says on its standard output what it runs and what came of
//! it, before the server hears of it, so that its last words are there also when it is killed. It ends with its standard input,
//! so it never outlives the test.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use workflow_do::{Json, ReceivedTask, Signal, WorkerState};
use workflow_engine::{ActionError, ActionResult};

use crate::random::Random;
use crate::server::READY_WITHIN;
use crate::service::{Answer, Call, now_ms};

const ASKED: &str = "CRASH_TEST_WORKER";
const NOTE: &str = "note: ";

/// What the process is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Role {
    pub url: String,
    /// No other worker of the test has it.
    pub name: String,
    pub seed: u64,
    pub slots: usize,
}

/// `hold` runs until it is let go, whatever it is told; `grow` until it has no memory left; the others take a while.
pub const ACTIONS: &[&str] = &["pick", "pack", "riskyShip", "slow", "hold", "grow"];

/// What it says, a line each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Note {
    Connected,
    /// The connection.
    Lost,
    Begun {
        call: String,
        execution: String,
        step: String,
        attempt: u64,
        /// In milliseconds since 1970.
        at: u64,
    },
    Output {
        call: String,
        output: Value,
    },
    Failure {
        call: String,
        message: String,
    },
    Aborted {
        call: String,
        reason: String,
    },
}

#[derive(Debug)]
pub struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    heard: Arc<Heard>,
    hearing: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Heard {
    notes: Mutex<Vec<Note>>,
    more: Condvar,
}

impl Worker {
    pub fn spawn(role: &Role) -> Worker {
        Worker::run(role, Command::new(std::env::current_exe().unwrap()))
    }

    /// `command` runs this test binary, with whatever is around it.
    pub fn run(role: &Role, mut command: Command) -> Worker {
        command.args(["--exact", "worker::is_a_worker_when_it_is_asked_to_be_one", "--nocapture"]);
        command.env(ASKED, serde_json::to_string(role).unwrap()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let heard = Arc::new(Heard::default());
        let hear = Arc::clone(&heard);
        let hearing = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let Some((_, note)) = line.split_once(NOTE) else { continue };
                // The last line of one that was killed may be cut: nothing came of what it says.
                let Ok(note) = serde_json::from_str(note) else { continue };
                hear.notes.lock().unwrap().push(note);
                hear.more.notify_all();
            }
        });
        Worker { input: child.stdin.take(), child, heard, hearing: Some(hearing) }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn notes(&self) -> Vec<Note> {
        self.heard.notes.lock().unwrap().clone()
    }

    /// Waits until what it has said is as it should be.
    #[track_caller]
    pub fn until(&self, what: &str, is_so: impl Fn(&[Note]) -> bool) {
        let notes = self.heard.notes.lock().unwrap();
        let waited = self.heard.more.wait_timeout_while(notes, READY_WITHIN, |notes| !is_so(notes)).unwrap();
        assert!(!waited.1.timed_out(), "{what} was expected of the worker, and it has said {:#?}", *waited.0);
    }

    /// Lets one call of `hold` end.
    pub fn let_go(&mut self) {
        self.input.as_mut().unwrap().write_all(b"go\n").unwrap();
    }

    /// SIGKILL; then all that it has said is known.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.ended();
    }

    /// Ends it in order.
    pub fn close(&mut self) -> ExitStatus {
        self.input = None;
        self.ended()
    }

    pub fn ended(&mut self) -> ExitStatus {
        let ended = self.child.wait().unwrap();
        if let Some(hearing) = self.hearing.take() {
            hearing.join().unwrap();
        }
        ended
    }

    /// As the service notes its calls.
    pub fn calls(&self) -> Vec<Call> {
        let mut calls: Vec<Call> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for note in self.notes() {
            match note {
                Note::Begun { call, execution, step, attempt, at } => {
                    places.insert(call, calls.len());
                    calls.push(Call { execution, step, attempt, begun_at: at, answer: None });
                }
                Note::Output { call, output } => calls[places[&call]].answer = Some(Answer::Output(output)),
                Note::Failure { call, message } => calls[places[&call]].answer = Some(Answer::Failure { message }),
                Note::Connected | Note::Lost | Note::Aborted { .. } => {}
            }
        }
        calls
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Both fail when it has ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn say(note: &Note) {
    let line = format!("{NOTE}{}\n", serde_json::to_string(note).unwrap());
    let mut out = std::io::stdout().lock();
    // In one piece, and gone at once.
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).unwrap();
}

/// The other side.
#[test]
fn is_a_worker_when_it_is_asked_to_be_one() {
    let Ok(role) = std::env::var(ASKED) else { return };
    let role: Role = serde_json::from_str(&role).unwrap();
    rustls::crypto::ring::default_provider().install_default().ok();
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(work(role));
}

async fn work(role: Role) {
    let (gate, count) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (shared, open) = (Arc::new(role.clone()), Arc::clone(&gate));
    let builder = workflow_do::Worker::builder(&role.url).name(&role.name).concurrency(role.slots).offer(ACTIONS.iter().copied());
    let builder =
        builder.handler(move |task, signal| run(Arc::clone(&shared), Arc::clone(&count), Arc::clone(&open), task, signal));
    let worker = builder.connect().unwrap();
    let mut states = worker.states();
    tokio::spawn(async move {
        // Also the first, which may be there already.
        states.mark_changed();
        while states.changed().await.is_ok() {
            match &*states.borrow_and_update() {
                WorkerState::Connected { .. } => say(&Note::Connected),
                WorkerState::Reconnecting { .. } => say(&Note::Lost),
                WorkerState::Connecting { .. } | WorkerState::Closed => {}
            }
        }
    });
    let (ended, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            assert_eq!(line, "go");
            gate.add_permits(1);
        }
        ended.send(()).ok();
    });
    end.await.ok();
    worker.close().await.unwrap();
}

async fn run(role: Arc<Role>, count: Arc<AtomicUsize>, gate: Arc<Semaphore>, task: ReceivedTask, signal: Signal) -> ActionResult {
    let number = count.fetch_add(1, Ordering::Relaxed);
    let call = format!("{}-{number}", role.name);
    let about = &task.about;
    let (execution, step, attempt) = (about.execution_id.to_string(), about.step_id.to_string(), u64::from(about.attempt));
    say(&Note::Begun { call: call.clone(), execution, step, attempt, at: now_ms() });
    let mut random = Random::new(role.seed, number as u64);
    let hold_ms = match &*task.action {
        "slow" => random.within(50..500),
        _ if random.percent(2) => random.within(300..600),
        _ => random.within(5..120),
    };
    match &*task.action {
        "hold" => {
            tokio::select! {
                () = signal.aborted() => {
                    let reason = signal.reason().map_or("", |reason| reason.as_str()).to_owned();
                    say(&Note::Aborted { call: call.clone(), reason });
                    return Err(ActionError::new("it was told to stop"));
                }
                permit = gate.acquire() => permit.unwrap().forget(),
            }
        }
        "grow" => grow(),
        _ => tokio::select! {
            () = signal.aborted() => return Err(ActionError::new("it was told to stop")),
            () = tokio::time::sleep(Duration::from_millis(hold_ms)) => {}
        },
    }
    if task.action == "riskyShip" && random.percent(25) {
        let message = format!("the van broke down in call {call}");
        say(&Note::Failure { call, message: message.clone() });
        return Err(ActionError::new(message));
    }
    let output = json!({ "call": call });
    say(&Note::Output { call, output: output.clone() });
    Ok(Some(Json::parse(output.to_string()).unwrap()))
}

/// Until the system says no: with a limit, allocating fails, and the process is ended for it.
fn grow() {
    let mut all: Vec<Vec<u8>> = Vec::new();
    loop {
        all.push(vec![1; 16 << 20]);
    }
}
