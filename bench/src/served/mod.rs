//! The engine in a process of its own (`workflow serve`), what runs the actions in another, and this one as the load: one request
//! an order, which is answered when the order has completed.

mod call;
pub mod endpoint;
mod server;
pub mod worker;

use std::path::{Path, PathBuf};

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

pub fn run(workload: Workload, handler: Handler, binary: &Path, plan: in_process::Plan) -> Result<Record> {
    let folder = folder::of_run("served")?;
    let file = folder.path().join("workflow.db");
    let server = serve(binary, &file)?;
    let worker = handler.start(&server.ready)?;
    let definition = serde_json::to_string(&workload.definition())?;
    put(&format!("{}/api/v1/workflows/{}", server.ready, workload.workflow()), &definition)?;
    let processes = Processes(vec![("server", server.pid()), (handler.process(), worker.pid())]);
    let plan = load::Plan {
        url: format!("{}/api/v1/workflows/{}/executions?wait=60s", server.ready, workload.workflow()),
        body: format!(r#"{{"input":{}}}"#, workload::input_text()),
        in_flight: plan.in_flight,
        warm: plan.warm.as_secs_f64(),
        seconds: plan.window.as_secs_f64(),
        count: None,
        // Of the execution, not of one of its steps.
        expect: Some(format!(r#""workflowId":"{}","workflowVersion":1,"status":"completed""#, workload.workflow())),
    };
    let driven = load::drive(&plan, &processes)?;
    let mut record = Record::ours(workload.name(), handler.way());
    driven.put(&mut record, &plan);
    driven.used.put(&mut record, driven.micros.len() as u64);
    let resident = processes.resident_mib()?;
    record.rss_mib = Some(resident.iter().map(|(_, mib)| mib).sum());
    record.rss_parts = resident.into_iter().map(|(name, mib)| (name.to_owned(), mib.round())).collect();
    worker.stop()?;
    server.stop()?;
    record.disk_bytes = Some(folder::bytes(&file)? as f64 / driven.answered as f64);
    Ok(record)
}
