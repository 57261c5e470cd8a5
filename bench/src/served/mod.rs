//! The engine in a process of its own (`workflow serve`), what runs the actions in another, and this one as the load: one request
//! an order, which is answered when the order has completed.

mod call;
pub mod endpoint;
mod server;
pub mod worker;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::folder;
use crate::in_process;
use crate::load;
use crate::process::Processes;
use crate::record::Record;
use crate::workload::{self, Workload};
pub use call::put;
pub use server::{Child, READY, serve};

/// What runs the actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handler {
    RustWorker,
    NodeWorker,
    Endpoint,
}

impl Handler {
    pub fn way(self) -> &'static str {
        match self {
            Handler::RustWorker => "server-rust-worker",
            Handler::NodeWorker => "server-node-worker",
            Handler::Endpoint => "server-endpoint",
        }
    }

    /// What its process is called in the parts of a record.
    fn process(self) -> &'static str {
        match self {
            Handler::RustWorker | Handler::NodeWorker => "worker",
            Handler::Endpoint => "endpoint",
        }
    }

    fn start(self, url: &str) -> Result<Child> {
        match self {
            Handler::RustWorker => Child::of_this_program(&["worker", "--url", url]),
            Handler::NodeWorker => Child::spawn(Path::new("node"), &["bench/node/worker.mjs", url]),
            Handler::Endpoint => {
                let child = Child::of_this_program(&["endpoint"])?;
                let body = serde_json::json!({ "url": child.ready, "actions": workload::ACTIONS, "concurrency": 1_024 });
                put(&format!("{url}/api/v1/endpoints/bench"), &body.to_string())?;
                Ok(child)
            }
        }
    }
}

/// The binary that was built with this one.
pub fn binary(given: Option<PathBuf>) -> Result<PathBuf> {
    let binary = match given {
        Some(binary) => binary,
        None => std::env::current_exe()?.with_file_name("workflow"),
    };
    ensure!(binary.is_file(), "there is no {}: run `cargo build --release -p workflow-cli`", binary.display());
    Ok(binary)
}

/// A server, what runs the actions, and the workflow of a workload.
struct Running {
    server: Child,
    worker: Child,
    processes: Processes,
    /// Where an execution is started and waited for.
    url: String,
    /// What the answer contains when the execution, not only one of its steps, has completed.
    completed: String,
}

impl Running {
    fn start(workload: Workload, handler: Handler, binary: &Path, file: &Path) -> Result<Running> {
        let server = serve(binary, file)?;
        let worker = handler.start(&server.ready)?;
        let (id, definition) = (workload.workflow(), serde_json::to_string(&workload.definition())?);
        put(&format!("{}/api/v1/workflows/{id}", server.ready), &definition)?;
        let processes = Processes(vec![("server", server.pid()), (handler.process(), worker.pid())]);
        let url = format!("{}/api/v1/workflows/{id}/executions?wait=60s", server.ready);
        let completed = format!(r#""workflowId":"{id}","workflowVersion":1,"status":"completed""#);
        Ok(Running { server, worker, processes, url, completed })
    }

    fn load(&self, in_flight: usize) -> load::Plan {
        load::Plan {
            url: self.url.clone(),
            body: format!(r#"{{"input":{}}}"#, workload::input_text()),
            in_flight,
            warm: 0.0,
            seconds: 60.0,
            count: None,
            expect: Some(self.completed.clone()),
        }
    }

    /// Fills in what the processes hold now.
    fn put_memory(&self, record: &mut Record) -> Result<()> {
        let resident = self.processes.resident_mib()?;
        record.rss_mib = Some(resident.iter().map(|(_, mib)| mib).sum());
        record.rss_parts = resident.into_iter().map(|(name, mib)| (name.to_owned(), (mib * 10.0).round() / 10.0)).collect();
        Ok(())
    }

    fn stop(self) -> Result<()> {
        self.worker.stop()?;
        self.server.stop()
    }
}

pub fn run(workload: Workload, handler: Handler, binary: &Path, plan: in_process::Plan) -> Result<Record> {
    let folder = folder::of_run("served")?;
    let file = folder.path().join("workflow.db");
    let running = Running::start(workload, handler, binary, &file)?;
    let (warm, seconds) = (plan.warm.as_secs_f64(), plan.window.as_secs_f64());
    let load = load::Plan { warm, seconds, ..running.load(plan.in_flight) };
    let driven = load::drive(&load, &running.processes)?;
    let mut record = Record::ours(workload.name(), handler.way());
    driven.put(&mut record, &load);
    driven.used.put(&mut record, driven.micros.len() as u64);
    running.put_memory(&mut record)?;
    running.stop()?;
    record.disk_bytes = Some(folder::bytes(&file)? as f64 / driven.answered as f64);
    Ok(record)
}

/// From no process of it to the first order that has completed.
pub fn first(handler: Handler, binary: &Path) -> Result<Record> {
    let folder = folder::of_run("start")?;
    let since = Instant::now();
    let running = Running::start(Workload::Order, handler, binary, &folder.path().join("workflow.db"))?;
    load::drive(&load::Plan { count: Some(1), ..running.load(1) }, &running.processes)?;
    let mut record = Record::ours("start", handler.way());
    record.seconds = Some(since.elapsed().as_secs_f64());
    record.in_flight = Some(1);
    record.completed = Some(1);
    running.put_memory(&mut record)?;
    running.stop()?;
    Ok(record)
}
