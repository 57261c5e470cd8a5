//! What the store can take: the ceiling for everything above it.
//!
//! `cargo bench -p workflow-store --bench commit` prints transitions a second and the times of a commit with 1, 64 and 1,000 executions in
//! flight, each advancing by one transition a batch. The work is the order with five steps: six transitions an execution, a
//! head row at its start and its end. Batches are built on a thread of their own, as the engine decides one while another is
//! being synced. `--seconds N` (default 5) is how long each row takes, `--durability normal` shows what syncing costs,
//! `--directory DIR` tries another disk.

use std::io::Write;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use workflow_core::definition::StepIndex;
use workflow_core::event::{Event, Payload, Recorded, Started, TriggeredBy};
use workflow_core::id::{ExecutionId, SessionId, Slot, Version, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;
use workflow_store::{Batch, Change, Durability, Head, HeadChange, Item, Options, Sqlite, Store, Transition};

const STEPS: usize = 5;
const IN_FLIGHT: [usize; 3] = [1, 64, 1_000];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| arguments.iter().skip_while(|argument| *argument != name).nth(1).map(String::as_str);
    let seconds = value("--seconds").map_or(5.0, |text| text.parse().expect("`--seconds` is followed by a number"));
    let durability = match value("--durability") {
        None | Some("full") => Durability::Full,
        Some("normal") => Durability::UnsafeNormal,
        Some(other) => panic!("`--durability` is `full` or `normal`, found `{other}`"),
    };
    let directory = value("--directory").unwrap_or(env!("CARGO_TARGET_TMPDIR"));
    let directory = tempfile::tempdir_in(directory).expect("the directory can be written");
    let disk = sync_times(&directory.path().join("disk"));
    println!("this disk: 4 KiB appended and synced in {} us (p50), {} us (p99)\n", micros(&disk, 50), micros(&disk, 99));
    println!("| in flight | transitions/s | executions | commit p50, us | p99, us | max, ms | bytes/execution |");
    println!("| --------: | ------------: | ---------: | -------------: | ------: | ------: | --------------: |");
    for in_flight in IN_FLIGHT {
        let path = directory.path().join(format!("{in_flight}.db"));
        let row = measure(&path, in_flight, Duration::from_secs_f64(seconds), durability);
        println!("{row}");
    }
}

fn measure(path: &Path, in_flight: usize, wanted: Duration, durability: Durability) -> String {
    let store = Sqlite::open(path, Options { durability, ..Options::default() }).expect("a new file can be opened");
    let (sender, batches) = mpsc::sync_channel(4);
    let builder = std::thread::spawn(move || {
        let mut orders = Orders::new(in_flight);
        // Ends when nobody wants more.
        while sender.send(orders.batch()).is_ok() {}
    });
    let (mut times, mut transitions, mut finished) = (Vec::new(), 0, 0);
    let began = Instant::now();
    while began.elapsed() < wanted {
        let (batch, ended) = batches.recv().expect("the builder lives as long as it is listened to");
        let start = Instant::now();
        store.commit(&batch).expect("a batch is committed");
        times.push(start.elapsed());
        transitions += batch.items.len();
        finished += ended;
    }
    let took = began.elapsed();
    drop(batches);
    builder.join().expect("the builder ends");
    drop(store);
    times.sort();
    let bytes = std::fs::metadata(path).expect("the file is there").len();
    format!(
        "| {in_flight:9} | {:13.0} | {finished:10} | {:14} | {:7} | {:7.1} | {:15} |",
        transitions as f64 / took.as_secs_f64(),
        micros(&times, 50),
        micros(&times, 99),
        times[times.len() - 1].as_secs_f64() * 1e3,
        bytes / finished.max(1) as u64,
    )
}

/// The percentile of sorted times.
fn micros(sorted: &[Duration], percent: usize) -> u128 {
    sorted[(sorted.len() - 1) * percent / 100].as_micros()
}

/// How long this disk takes to make 4 KiB durable.
fn sync_times(path: &Path) -> Vec<Duration> {
    let mut file = std::fs::File::create(path).expect("the directory can be written");
    let once = |_| {
        let start = Instant::now();
        file.write_all(&[7; 4096]).and_then(|()| file.sync_data()).expect("the disk can be written");
        start.elapsed()
    };
    let mut times: Vec<Duration> = (0..500).map(once).collect();
    times.sort();
    times
}

/// Executions in flight, each at some transition of its six.
struct Orders {
    number: u64,
    started: u32,
    now_ms: i64,
    workflow: WorkflowId,
    session: SessionId,
    input: Json,
    output: Json,
    in_flight: Vec<Order>,
}

#[derive(Clone)]
struct Order {
    head: Head,
    seq: u64,
    /// Steps that have completed.
    completed: usize,
}

impl Orders {
    fn new(in_flight: usize) -> Orders {
        let json = |text: &str| Json::parse(text).expect("it is JSON");
        let mut orders = Orders {
            number: 0,
            started: 0,
            now_ms: 1_700_000_000_000,
            workflow: WorkflowId::new("order-processing").expect("it is valid"),
            session: SessionId::new("018bcfe5687b7abc").expect("it is valid"),
            input: json(
                r#"{"orderId":"ord_1042","customer":{"id":"cus_77","email":"ada@example.com"},"items":[{"sku":"A-1","quantity":2,"price":19.99},{"sku":"B-2","quantity":1,"price":5}],"total":44.98}"#,
            ),
            output: json(r#"{"ok":true,"id":"res_8f3a61","amount":44.98,"at":"2026-01-31T12:00:00.000Z"}"#),
            in_flight: Vec::new(),
        };
        orders.in_flight = (0..in_flight).map(|_| orders.fresh()).collect();
        orders
    }

    /// One that has not started yet.
    fn fresh(&mut self) -> Order {
        self.started += 1;
        let at = Timestamp::from_millis(self.now_ms);
        // Rising also within a millisecond, as the engine makes them.
        let (sequence, random) = ((self.started % 4_096) as u16, u64::from(self.started).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        if sequence == 4_095 {
            self.now_ms += 1;
        }
        let head = Head {
            id: ExecutionId::from_parts(at, sequence, random, Slot::new(random as u16)),
            workflow: self.workflow.clone(),
            version: Version(1),
            status: Status::Running,
            wake_at: Some(Timestamp::from_millis(0)),
            started_at: at,
            completed_at: None,
            failed_step: None,
            error_code: None,
            error: None,
            error_fingerprint: None,
            triggered_by: "manual".to_owned(),
            trigger_source: None,
            replay_of: None,
            parent: None,
            steps_completed: None,
        };
        Order { head, seq: 0, completed: 0 }
    }

    /// The next transition of each, and how many ended with it.
    fn batch(&mut self) -> (Batch, usize) {
        self.number += 1;
        self.now_ms += 1;
        let (mut items, mut ended) = (Vec::with_capacity(self.in_flight.len()), 0);
        for place in 0..self.in_flight.len() {
            // At first they come one after the other, so that later they are spread over their transitions.
            if self.number <= STEPS as u64 && place % (STEPS + 1) > self.number as usize {
                continue;
            }
            let mut order = self.in_flight[place].clone();
            let change = Change::Transition(Box::new(self.advance(&mut order)));
            items.push(Item { claim: None, changes: vec![change] });
            if order.head.status.has_ended() {
                ended += 1;
                order = self.fresh();
            }
            self.in_flight[place] = order;
        }
        (Batch { number: self.number, items }, ended)
    }

    fn advance(&self, order: &mut Order) -> Transition {
        let at = Timestamp::from_millis(self.now_ms);
        let begun = |step| Event::StepStarted { step: StepIndex::new(step), attempt: 1, session: Some(self.session.clone()) };
        let completed = |step| {
            let output = Some(Payload::new(self.output.clone()));
            Event::StepCompleted { step: StepIndex::new(step), attempt: 1, output }
        };
        let status_before = (order.seq > 0).then_some(order.head.status);
        let mut writes_head = false;
        let events = if order.seq == 0 {
            writes_head = true;
            vec![self.start(), begun(0)]
        } else {
            order.completed += 1;
            if order.completed == STEPS {
                writes_head = true;
                let head = &mut order.head;
                (head.status, head.wake_at, head.completed_at) = (Status::Completed, None, Some(at));
                head.steps_completed = Some(STEPS as u32);
                vec![completed(STEPS - 1), Event::Completed]
            } else {
                vec![completed(order.completed - 1), begun(order.completed)]
            }
        };
        let events: Vec<Recorded> = (order.seq + 1..).zip(events).map(|(seq, event)| Recorded { seq, at, event }).collect();
        order.seq += events.len() as u64;
        let head = writes_head.then(|| HeadChange { head: order.head.clone(), status_before });
        Transition { id: order.head.id, events, head, parked: None, snapshot: None }
    }

    fn start(&self) -> Event {
        Event::Started(Box::new(Started {
            workflow: self.workflow.clone(),
            version: Version(1),
            input: Payload::new(self.input.clone()),
            triggered_by: TriggeredBy::Manual,
            replay_of: None,
            parent: None,
            lineage: Vec::new(),
            deadline: None,
            key: None,
        }))
    }
}
