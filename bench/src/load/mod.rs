//! A closed loop over HTTP/1.1: one connection for each workflow in flight, each of which sends its next request when the last one
//! has been answered. It drives everything that speaks HTTP, ours and the peers, so it must be cheap: one thread, requests that are
//! made once and only get a new id, answers that are not parsed beyond their length.
//!
//! Any answer but a 2xx ends the run with an error, so that a figure is never made of failures.

pub mod answer;
pub mod request;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::process::{Processes, Used};
use crate::record::{Percentiles, Record};
use answer::{Answer, Read};
use request::{Request, Url};

/// No workflow of this harness takes longer, unless it is stuck.
const ANSWER_MAX: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Where to; `@ID@` in it becomes an id of its own in each request
    #[arg(long)]
    url: String,
    /// The JSON that is sent; `@ID@` as in the URL
    #[arg(long, default_value = "{}")]
    body: String,
    /// Connections, with one request at a time each
    #[arg(long, value_name = "N")]
    in_flight: usize,
    /// Before anything is counted
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    warm: f64,
    /// The window in which completions count
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    seconds: f64,
    /// Exactly so many requests instead, all of them counted; `--seconds` is then how long they may take
    #[arg(long, value_name = "K")]
    count: Option<u64>,
    /// What each answer must contain
    #[arg(long, value_name = "TEXT")]
    expect: Option<String>,
    /// Goes into the record
    #[arg(long)]
    workload: Option<String>,
    /// Goes into the record
    #[arg(long)]
    way: Option<String>,
}

/// What is sent, and for how long.
#[derive(Debug, Clone)]
pub struct Plan {
    pub url: String,
    pub body: String,
    pub in_flight: usize,
    pub warm: f64,
    pub seconds: f64,
    pub count: Option<u64>,
    pub expect: Option<String>,
}

/// What came of it.
#[derive(Debug)]
pub struct Driven {
    /// From request to answer, of the answers inside the window.
    pub micros: Vec<u32>,
    /// All of them.
    pub answered: u64,
    pub used: Used,
}

/// What all connections share.
#[derive(Debug)]
struct Load {
    request: Request,
    expect: Option<Vec<u8>>,
    count: Option<u64>,
    window: Window,
    sent: Cell<u64>,
    answered: Cell<u64>,
    last: Cell<Instant>,
    /// Of the answers inside the window.
    micros: RefCell<Vec<u32>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    begin: Instant,
    end: Instant,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let plan = Plan {
        url: arguments.url.clone(),
        body: arguments.body.clone(),
        in_flight: arguments.in_flight,
        warm: if arguments.count.is_some() { 0.0 } else { arguments.warm },
        seconds: arguments.seconds,
        count: arguments.count,
        expect: arguments.expect.clone(),
    };
    let driven = drive(&plan, &Processes::default())?;
    let mut record = Record { workload: arguments.workload.clone(), way: arguments.way.clone(), ..Record::default() };
    driven.put(&mut record, &plan);
    // Which processes are the system, this one does not know.
    let load_cpu = driven.used.system_cpu.as_secs_f64();
    record.load_cpu_us = Some(load_cpu * 1e6 / driven.micros.len() as f64);
    record.with("answered", driven.answered as f64).with("load_cores", load_cpu / driven.used.seconds).print()
}

/// Drives it, and measures meanwhile what these processes use.
pub fn drive(plan: &Plan, system: &Processes) -> Result<Driven> {
    ensure!(plan.in_flight > 0, "`--in-flight` is 1 at least");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, driven(plan, system))
}

async fn driven(plan: &Plan, system: &Processes) -> Result<Driven> {
    let url = Url::parse(&plan.url)?;
    let mut connections = Vec::with_capacity(plan.in_flight);
    for _ in 0..plan.in_flight {
        let connection = TcpStream::connect(&url.address).await.with_context(|| format!("cannot connect to {}", url.address))?;
        connection.set_nodelay(true)?;
        connections.push(connection);
    }
    let now = Instant::now();
    let begin = now + Duration::from_secs_f64(plan.warm);
    let load = Rc::new(Load {
        request: Request::new(&url, &plan.body),
        expect: plan.expect.clone().map(String::into_bytes),
        count: plan.count,
        window: Window { begin, end: begin + Duration::from_secs_f64(plan.seconds) },
        sent: Cell::new(0),
        answered: Cell::new(0),
        last: Cell::new(now),
        micros: RefCell::new(Vec::new()),
    });
    let clients: Vec<_> =
        connections.into_iter().map(|connection| tokio::task::spawn_local(client(load.clone(), connection))).collect();
    tokio::time::sleep_until(begin.into()).await;
    let before = system.sample()?;
    let mut used = None;
    if load.count.is_none() {
        tokio::time::sleep_until(load.window.end.into()).await;
        used = Some(system.sample()?.since(&before));
    }
    for client in clients {
        client.await??;
    }
    let used = match used {
        Some(used) => used,
        None => {
            let used = system.sample()?.since(&before);
            Used { seconds: (load.last.get() - begin).as_secs_f64(), ..used }
        }
    };
    if let Some(count) = load.count {
        ensure!(load.answered.get() == count, "{} of {count} requests were answered in time", load.answered.get());
    }
    let micros = load.micros.take();
    ensure!(!micros.is_empty(), "nothing was answered within the window");
    Ok(Driven { micros, answered: load.answered.get(), used })
}

impl Driven {
    pub fn put(&self, record: &mut Record, plan: &Plan) {
        let completed = self.micros.len() as u64;
        record.in_flight = Some(plan.in_flight);
        record.seconds = Some(self.used.seconds);
        record.completed = Some(completed);
        record.per_second = Some(completed as f64 / self.used.seconds);
        record.latency = Percentiles::of(self.micros.clone());
        record.other_cores = Some(self.used.other_cores);
    }
}

impl Load {
    /// The number of the next request; None when it is enough.
    fn next(&self) -> Option<u64> {
        let number = self.sent.get();
        let enough = self.count.is_some_and(|count| number >= count) || Instant::now() >= self.window.end;
        self.sent.set(number + u64::from(!enough));
        (!enough).then_some(number)
    }

    fn completed(&self, since: Instant) {
        let now = Instant::now();
        self.answered.set(self.answered.get() + 1);
        self.last.set(now);
        if now >= self.window.begin && (now <= self.window.end || self.count.is_some()) {
            let micros = (now - since).as_micros();
            self.micros.borrow_mut().push(u32::try_from(micros).unwrap_or(u32::MAX));
        }
    }

    fn check(&self, answer: &Answer<'_>) -> Result<()> {
        let text = || String::from_utf8_lossy(&answer.body[..answer.body.len().min(500)]);
        ensure!((200..300).contains(&answer.status), "answered {}: {}", answer.status, text());
        if let Some(expected) = &self.expect {
            let found = answer.body.windows(expected.len().max(1)).any(|window| window == expected);
            ensure!(found, "an answer without `{}`: {}", String::from_utf8_lossy(expected), text());
        }
        Ok(())
    }
}

async fn client(load: Rc<Load>, mut connection: TcpStream) -> Result<()> {
    let mut request = load.request.clone();
    let mut received = Vec::with_capacity(16 << 10);
    while let Some(number) = load.next() {
        let since = Instant::now();
        let answered = tokio::time::timeout(ANSWER_MAX, exchange(&load, &mut connection, request.with_id(number), &mut received));
        answered.await.with_context(|| format!("no answer within {ANSWER_MAX:?}"))??;
        load.completed(since);
    }
    Ok(())
}

/// Sends one request and reads its answer; nothing is left in `received` after it.
async fn exchange(load: &Load, connection: &mut TcpStream, request: &[u8], received: &mut Vec<u8>) -> Result<()> {
    connection.write_all(request).await.context("the connection broke")?;
    received.clear();
    loop {
        if connection.read_buf(received).await.context("the connection broke")? == 0 {
            bail!("the connection was closed in the middle of an answer");
        }
        if let Read::Whole(answer) = answer::read(received)? {
            return load.check(&answer);
        }
    }
}
