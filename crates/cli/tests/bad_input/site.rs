//! A server in a directory of its own, and a client of it; and a server that does not come up.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{self, Server};

pub struct Site {
    pub runtime: tokio::runtime::Runtime,
    pub http: reqwest::Client,
    pub server: Server,
    pub url: String,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<u64>,
    pub content_type: String,
    pub body: Value,
}

impl Answer {
    /// What the problem with this status and code says.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> &str {
        assert_eq!((self.status, self.content_type.as_str()), (status, "application/problem+json"), "{self:?}");
        assert_eq!(self.body["code"], code, "{self:?}");
        self.body["detail"].as_str().unwrap()
    }

    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(matches!(self.status, 200 | 201), "{self:?}");
        self.body
    }
}

impl Site {
    pub fn open(directory: &Path) -> Site {
        Site::run(server::serve(&database(directory)), directory)
    }

    pub fn run(command: Command, directory: &Path) -> Site {
        let mut server = Server::spawn(command, &directory.join("log"));
        let url = server.ready();
        Site::of(server, url)
    }

    pub fn of(server: Server, url: String) -> Site {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).no_proxy().build().unwrap();
        Site { runtime, http, server, url }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], Vec::new())
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.json("POST", path, &[], body)
    }

    pub fn json(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        self.ask(method, path, headers, body.to_string().into_bytes())
    }

    /// A body is JSON unless the headers say something else.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let mut request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.url));
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.runtime.block_on(async {
            let response = request.body(body).send().await.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
            let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            let (status, content_type) = (response.status().as_u16(), header("content-type").unwrap_or_default());
            let retry_after = header("retry-after").map(|seconds| seconds.parse().unwrap());
            let text = response.text().await.unwrap();
            let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
            Answer { status, retry_after, content_type, body }
        })
    }

    /// The body of an answer as it came.
    pub fn text(&self, path: &str) -> String {
        let response = self.http.get(format!("{}{path}", self.url));
        self.runtime.block_on(async { response.send().await.unwrap().text().await.unwrap() })
    }

    /// Registers a workflow with these steps.
    pub fn register(&self, id: &str, steps: Value) {
        self.json("PUT", &format!("/api/v1/workflows/{id}"), &[], &json!({ "id": id, "steps": steps })).ok();
    }

    #[track_caller]
    pub fn is_alive(&mut self) {
        assert!(self.server.is_alive(), "{}", self.server.newest_log());
        self.get("/healthz").ok();
    }

    /// Asks until the answer is as it should be.
    pub fn until(&self, path: &str, expected: u16) -> Answer {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let answer = self.get(path);
            if answer.status == expected {
                return answer;
            }
            assert!(Instant::now() < deadline, "{path} is still {answer:?}\n{}", self.server.newest_log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks until so many executions have this status.
    pub fn until_counted(&self, status: &str, count: u64) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.get("/api/v1/executions/counts").ok()["byStatus"][status].as_u64().unwrap() < count {
            assert!(Instant::now() < deadline, "there are no {count} {status} executions\n{}", self.server.newest_log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Looks until the log says this.
    #[track_caller]
    pub fn until_log(&self, said: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.server.newest_log().contains(said) {
            assert!(Instant::now() < deadline, "`{said}` is not in the log:\n{}", self.server.newest_log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn stop(mut self) {
        assert!(self.server.stop().success(), "{}", self.server.newest_log());
    }
}

pub fn database(directory: &Path) -> PathBuf {
    directory.join("workflow.db")
}

/// What a server that does not come up says: its exit code, and standard error.
pub fn refused(mut command: Command) -> (i32, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + server::READY_WITHIN;
    while child.try_wait().unwrap().is_none() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    // It has come up, or hangs.
    child.kill().ok();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let (said, told) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert!(!said.contains("\"url\""), "it has come up: {said}");
    assert!(!told.contains("panicked"), "{told}");
    (status.code().unwrap_or_else(|| panic!("{status}: {told}")), told)
}

/// That it ends with this code, and says all of this.
#[track_caller]
pub fn says(command: Command, code: i32, expected: &[&str]) {
    let (found, told) = refused(command);
    assert_eq!(found, code, "{told}");
    for part in expected {
        assert!(told.contains(part), "expected `{part}` in: {told}");
    }
}
