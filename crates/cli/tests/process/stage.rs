//! A server, its directory, an action service that can be held up, and what histories say.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};

use crate::client::Lives;
use crate::proxy;
use crate::server::{self, READY_WITHIN};
use crate::site::{Site, database};
use crate::worker::{Note, Role, Worker};

pub struct Stage {
    /// For what outlives a server: services, and the address that workers know.
    pub runtime: tokio::runtime::Runtime,
    pub directory: tempfile::TempDir,
    pub site: Site,
    life: watch::Sender<Lives>,
    address: String,
}

/// Actions over HTTP: `quick` answers at once, `held` when it is let go.
pub struct Held {
    pub calls: mpsc::UnboundedReceiver<()>,
    pub gate: Arc<Semaphore>,
}

/// `workflow serve` on the file in this directory, with these options.
pub fn serve(directory: &Path, options: &[&str]) -> Command {
    let mut serve = server::serve(&database(directory));
    serve.args(options);
    serve
}

impl Stage {
    pub fn open(options: &[&str]) -> Stage {
        let directory = tempfile::tempdir().unwrap();
        let serve = serve(directory.path(), options);
        Stage::run(directory, serve)
    }

    pub fn run(directory: tempfile::TempDir, serve: Command) -> Stage {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let site = Site::run(serve, directory.path());
        let (life, lives) = watch::channel(vec![(0, site.url.clone())]);
        let address = runtime.block_on(proxy::start(lives));
        Stage { runtime, directory, site, life, address }
    }

    /// The next server on the same file, after the last one has ended.
    pub fn reopen(&mut self, options: &[&str]) {
        let serve = serve(self.directory.path(), options);
        self.reopen_with(serve);
    }

    pub fn reopen_with(&mut self, serve: Command) {
        self.life.send_replace(Vec::new());
        self.site = Site::run(serve, self.directory.path());
        self.life.send_replace(vec![(0, self.site.url.clone())]);
    }

    pub fn database(&self) -> PathBuf {
        database(self.directory.path())
    }

    /// Registers an endpoint with the actions `quick` and `held`.
    pub fn endpoint(&self) -> Held {
        let (called, calls) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let held = |State((called, gate)): State<(mpsc::UnboundedSender<()>, Arc<Semaphore>)>| async move {
            called.send(()).ok();
            gate.acquire().await.unwrap().forget();
            axum::Json(json!({ "held": true }))
        };
        let quick = || async { axum::Json(json!({ "quick": true })) };
        let router =
            Router::new().route("/held", post(held)).route("/quick", post(quick)).with_state((called, Arc::clone(&gate)));
        let url = self.runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            tokio::spawn(async move { axum::serve(listener, router).await });
            url
        });
        let endpoint = json!({ "url": url, "actions": ["held", "quick"] });
        self.site.json("PUT", "/api/v1/endpoints/one", &[], &endpoint).ok();
        Held { calls, gate }
    }

    /// A call of `held` has begun.
    pub fn called(&self, held: &mut Held) {
        let call = self.runtime.block_on(async { tokio::time::timeout(READY_WITHIN, held.calls.recv()).await });
        call.expect("the action is called").unwrap();
    }

    pub fn worker(&self, name: &str) -> Worker {
        let worker = Worker::spawn(&self.role(name));
        worker.until("a connection", |notes| notes.contains(&Note::Connected));
        worker
    }

    pub fn role(&self, name: &str) -> Role {
        Role { url: self.address.clone(), name: name.to_owned(), seed: 1, slots: 4 }
    }

    pub fn start(&self, workflow: &str) -> String {
        let execution = self.site.post(&format!("/api/v1/workflows/{workflow}/executions"), &json!({})).ok();
        execution["id"].as_str().unwrap().to_owned()
    }

    /// The execution once it has ended.
    #[track_caller]
    pub fn ended(&self, id: &str) -> Value {
        let execution = self.site.get(&format!("/api/v1/executions/{id}?wait=60s")).ok();
        let status = execution["status"].as_str().unwrap();
        assert!(["completed", "failed", "cancelled"].contains(&status), "{execution:#}\n{}", self.site.server.newest_log());
        execution
    }

    #[track_caller]
    pub fn completes(&self, id: &str) -> Value {
        let execution = self.ended(id);
        assert_eq!(execution["status"], "completed", "{execution:#}");
        execution
    }

    /// The types of the entries of a history, with the numbers of their attempts.
    pub fn history(&self, id: &str) -> Vec<(String, Option<u64>)> {
        let page = self.site.get(&format!("/api/v1/executions/{id}/history")).ok();
        let entries = page["entries"].as_array().unwrap();
        let entry = |entry: &Value| (entry["type"].as_str().unwrap().to_owned(), entry["attempt"].as_u64());
        entries.iter().map(entry).collect()
    }

    pub fn count(&self, id: &str, kind: &str) -> usize {
        self.history(id).iter().filter(|(of, _)| of == kind).count()
    }

    /// Asks until the history is as it should be.
    #[track_caller]
    pub fn until(&self, id: &str, what: &str, is_so: impl Fn(&[(String, Option<u64>)]) -> bool) {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let history = self.history(id);
            if is_so(&history) {
                return;
            }
            assert!(Instant::now() < deadline, "{what} was expected of {id}: {history:?}\n{}", self.site.server.newest_log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// `workflow check` finds nothing. The server has ended.
    #[track_caller]
    pub fn is_sound(&self) {
        let check = Command::new(env!("CARGO_BIN_EXE_workflow")).arg("check").arg(self.database()).output().unwrap();
        assert!(check.status.success(), "{check:?}");
    }
}
