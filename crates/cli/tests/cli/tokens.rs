//! Who may do what, as the command line has it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::process::{Ran, finished, run_in, workflow};
use crate::served::{Served, directory};

/// What `token create --json` answers.
fn text(made: &Ran) -> String {
    assert_eq!(made.code, 0, "{made:?}");
    made.json()["token"].as_str().unwrap().to_owned()
}

impl Served {
    fn with_token(&self, token: &str, arguments: &[&str]) -> Ran {
        finished(workflow(arguments).env("WORKFLOW_URL", &self.url).env("WORKFLOW_TOKEN", token).output().unwrap())
    }
}

#[test]
fn the_first_token_shuts_the_door_and_each_role_has_its_own_key() {
    let directory = directory();
    let served = Served::start(directory.path(), &["--db", ":memory:"]);
    assert_eq!(
        served.run(&["token", "list"]).stdout,
        "no token: whoever reaches the server may do everything; `workflow token create NAME --role admin` makes the first\n"
    );
    let refused = served.run(&["token", "create", "deploy", "--role", "operator"]);
    assert!(refused.code == 1 && refused.stderr.starts_with("error[admin_required]: `deploy` would be"), "{refused:?}");
    let made = served.run(&["token", "create", "ops", "--role", "admin"]);
    let admin = made.stdout.lines().nth(1).unwrap().to_owned();
    assert!(made.stdout.starts_with("✓ made `ops` (admin)\nwf_") && made.stdout.contains("shown this once"), "{made:?}");

    let refused = served.run(&["list"]);
    assert!(refused.code == 1 && refused.stderr.starts_with("error[unauthorized]: this server asks for a token"), "{refused:?}");
    let reader = text(&served.with_token(&admin, &["token", "create", "grafana", "--role", "reader", "--json"]));
    assert_eq!(served.with_token(&reader, &["list"]).code, 0);
    let file = directory.path().join("onboarding.yaml").display().to_string();
    let refused = served.with_token(&reader, &["register", &file]);
    assert_eq!(
        refused.stderr,
        "✕ `onboarding` was not registered: PUT /api/v1/workflows/{id} needs the role admin, and the token `grafana` has the role \
         reader\n"
    );
    assert_eq!(served.run(&["register", &file, "--token", &admin]).code, 0, "as an argument");
    fs::write(directory.path().join("workflow.toml"), format!("token = '{admin}'\n")).unwrap();
    let from_file =
        finished(workflow(&["definitions"]).env("WORKFLOW_URL", &served.url).current_dir(directory.path()).output().unwrap());
    assert_eq!(from_file.code, 0, "from the file: {from_file:?}");

    let listed = served.with_token(&admin, &["token", "list"]).stdout;
    let rows: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        (rows[0][0], rows[1][0], rows[1][1], rows[2][0], rows[2][1]),
        ("TOKEN", "ops", "admin", "grafana", "reader"),
        "{listed}"
    );
    assert!(served.with_token(&admin, &["token", "revoke", "grafana"]).stdout.starts_with("✓ revoked `grafana`"));
    let refused = served.with_token(&reader, &["list"]);
    assert!(refused.stderr.starts_with("error[unauthorized]: the token is not one of this server's"), "{refused:?}");
    let listed = served.with_token(&admin, &["token", "list", "--json"]).json();
    assert!(listed[1]["revokedAt"].is_i64() && listed[1].get("token").is_none(), "{listed}");
    assert_eq!(served.with_token(&admin, &["token", "revoke", "nobody"]).code, 1);
}

#[test]
fn a_token_is_made_in_a_file_that_no_server_has_and_counts_when_one_has_it() {
    let directory = directory();
    let create =
        |name: &str, role: &str| run_in(directory.path(), &["token", "create", name, "--role", role, "--db", "w.db", "--json"]);
    let refused = create("deploy", "operator");
    assert!(refused.code == 1 && refused.stderr.contains("the first has to be an admin's"), "{refused:?}");
    let admin = text(&create("ops", "admin"));
    let operator = text(&create("deploy", "operator"));
    assert!(create("deploy", "reader").stderr.contains("there is a token `deploy` already"));
    let served = Served::start(directory.path(), &["--db", "w.db"]);
    let refused = create("late", "admin");
    assert!(refused.code == 1 && refused.stderr.contains("w.db is in use by process"), "{refused:?}");
    assert!(refused.stderr.contains("`workflow token create late --role admin`"), "{refused:?}");
    assert_eq!(served.run(&["list"]).code, 1);
    assert_eq!(served.with_token(&operator, &["list"]).code, 0);
    assert_eq!(served.with_token(&admin, &["token", "revoke", "deploy"]).code, 0);
    assert_eq!(served.stop().0, Some(0));
    let served = Served::start(directory.path(), &["--db", "w.db"]);
    assert_eq!(served.with_token(&operator, &["list"]).code, 1, "revoked is revoked after a restart");
    assert_eq!(served.with_token(&admin, &["list"]).code, 0);
    drop(served);
    let checked = run_in(directory.path(), &["check", "w.db", "--json"]);
    assert_eq!(checked.json()["ok"], true, "{checked:?}");
}

/// The row of a reader came to say that it is an admin's: the server was reached with it, as an admin.
#[test]
fn a_token_whose_row_was_changed_lets_nobody_in_and_is_named_until_it_is_revoked() {
    let directory = directory();
    let create =
        |name: &str, role: &str| run_in(directory.path(), &["token", "create", name, "--role", role, "--db", "w.db", "--json"]);
    let admin = text(&create("ops", "admin"));
    let made = create("grafana", "reader");
    let (reader, id) = (text(&made), made.json()["id"].as_str().unwrap().to_owned());
    let person = rusqlite::Connection::open(directory.path().join("w.db")).unwrap();
    person.execute("UPDATE token SET role = 'admin' WHERE name = 'grafana'", []).unwrap();
    drop(person);
    let checked = run_in(directory.path(), &["check", "w.db"]);
    assert_eq!(checked.code, 1);
    let named = format!("token `grafana` with the id `{id}` is damaged: it is not what was written: its checksum differs");
    assert!(checked.stdout.contains(&named) && checked.stdout.contains("revoke this one by its id"), "{checked:?}");

    let served = Served::start(directory.path(), &["--db", "w.db"]);
    let refused = served.with_token(&reader, &["list"]);
    assert!(
        refused.stderr.starts_with("error[unauthorized]: what the server has stored of this token is damaged"),
        "{refused:?}"
    );
    let listed = served.with_token(&admin, &["token", "list"]);
    assert!(listed.code == 0 && listed.stdout.contains("ops") && !listed.stdout.contains("grafana"), "{listed:?}");
    assert!(listed.stderr.starts_with("✕ `grafana` is damaged (it is not what was written"), "{listed:?}");
    assert!(listed.stderr.contains(&format!("`workflow token revoke {id}`")), "{listed:?}");
    let fresh = text(&served.with_token(&admin, &["token", "create", "grafana", "--role", "reader", "--json"]));
    let revoked = served.with_token(&admin, &["token", "revoke", &id]);
    assert!(revoked.stdout.starts_with("✓ revoked `grafana`"), "{revoked:?}");
    assert_eq!(served.with_token(&admin, &["token", "list"]).stderr, "");
    assert_eq!(served.with_token(&fresh, &["list"]).code, 0, "the new one has its name");
    assert_eq!(served.with_token(&reader, &["list"]).code, 1);
    assert_eq!(served.stop().0, Some(0));
    let checked = run_in(directory.path(), &["check", "w.db", "--json"]);
    assert_eq!(checked.json()["ok"], true, "{checked:?}");
}

/// A database without any token it is not: strangers stay outside.
#[test]
fn a_server_whose_only_token_is_damaged_lets_nobody_in_until_there_is_another_admin() {
    let directory = directory();
    let create =
        |name: &str, role: &str| run_in(directory.path(), &["token", "create", name, "--role", role, "--db", "w.db", "--json"]);
    let lost = text(&create("ops", "admin"));
    let person = rusqlite::Connection::open(directory.path().join("w.db")).unwrap();
    person.execute("UPDATE token SET revoked_at = 1", []).unwrap();
    drop(person);
    let served = Served::start(directory.path(), &["--db", "w.db"]);
    assert!(served.run(&["list"]).stderr.starts_with("error[unauthorized]: this server asks for a token"));
    assert_eq!(served.with_token(&lost, &["list"]).code, 1);
    assert_eq!(served.stop().0, Some(0));
    let admin = text(&create("ops", "admin"));
    let served = Served::start(directory.path(), &["--db", "w.db"]);
    assert_eq!(served.with_token(&admin, &["list"]).code, 0);
}

#[test]
fn a_server_does_not_listen_to_other_machines_without_a_token() {
    let directory = directory();
    let listen = ["serve", "--db", "w.db", "--listen", "0.0.0.0:0"];
    let refused = run_in(directory.path(), &listen);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("can be reached from other machines, and there is no token"), "{refused:?}");
    for way in ["`workflow token create NAME --role admin --db w.db`", "WORKFLOW_ADMIN_TOKEN", "--insecure"] {
        assert!(refused.stderr.contains(way), "{way}: {refused:?}");
    }
    let weak = finished(workflow(&listen).current_dir(directory.path()).env("WORKFLOW_ADMIN_TOKEN", "hunter2").output().unwrap());
    assert!(weak.code == 2 && weak.stderr.contains("WORKFLOW_ADMIN_TOKEN: an admin token of at least 32"), "{weak:?}");
    assert!(!weak.stderr.contains("hunter2"));
}

/// A server that logs everything it can into a file.
struct Talkative {
    child: Child,
    url: String,
}

const ENVIRONMENT: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0-environment";

impl Talkative {
    fn start(directory: &Path) -> Talkative {
        let log = File::create(directory.join("server.log")).unwrap();
        let mut command = workflow(&["serve", "--json", "--db", "w.db", "--listen", "127.0.0.1:0", "--log", "trace"]);
        command.current_dir(directory).env("WORKFLOW_ADMIN_TOKEN", ENVIRONMENT).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        Talkative { child, url: ready["url"].as_str().unwrap().to_owned() }
    }

    /// A request as it is written here, and all of the answer.
    fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.url.strip_prefix("http://").unwrap()).unwrap();
        stream.write_all(format!("{request}host: 127.0.0.1\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn run(&self, token: &str, arguments: &[&str]) -> Ran {
        finished(workflow(arguments).env("WORKFLOW_URL", &self.url).env("WORKFLOW_TOKEN", token).output().unwrap())
    }
}

impl Drop for Talkative {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn no_secret_is_in_a_log_an_answer_a_history_or_the_file() {
    let directory = directory();
    let served = Talkative::start(directory.path());
    let token = |role: &str| text(&served.run(ENVIRONMENT, &["token", "create", role, "--role", role, "--json"]));
    let tokens: Vec<String> = ["admin", "operator", "reader", "worker"].map(token).into();
    let mut said = String::new();
    let file = directory.path().join("onboarding.yaml").display().to_string();
    for token in tokens.iter().map(String::as_str).chain([ENVIRONMENT]) {
        let wrong = format!("{token}0");
        for token in [token, &wrong] {
            for arguments in [
                &["register", &file][..],
                &["definitions"],
                &["start", "onboarding", "--wait"],
                &["event", "Customer.created"],
                &["list", "--json"],
                &["endpoint", "add", "shop", "http://127.0.0.1:1", "--action", "ship"],
                &["endpoint", "remove", "shop"],
                &["token", "list", "--json"],
                &["delete", "nothing"],
            ] {
                let ran = served.run(token, arguments);
                said += &format!("{}{}", ran.stdout, ran.stderr);
            }
            if token.starts_with("wf_") {
                // Where none belongs. (What the environment has could be anybody's name.)
                for arguments in [&["token", "revoke", token][..], &["token", "create", token, "--role", "reader"]] {
                    let ran = served.run(&tokens[0], arguments);
                    said += &format!("{}{}", ran.stdout, ran.stderr);
                }
                said += &served.raw(&format!("GET /api/v1/tokens/{token} HTTP/1.1\r\nauthorization: Bearer {}\r\n", tokens[0]));
            }
            let authorized = format!("authorization: Bearer {token}\r\n");
            for request in [
                format!("GET /metrics HTTP/1.1\r\n{authorized}"),
                format!("GET /api/v1/worker HTTP/1.1\r\n{authorized}connection: upgrade\r\nupgrade: websocket\r\n"),
                format!("GET /api/v1/executions HTTP/1.1\r\n{authorized}{authorized}"),
                format!("GET /api/v1/executions HTTP/1.1\r\nauthorization: Basic {token}\r\n"),
            ] {
                said += &served.raw(&request);
            }
        }
    }
    let executions = served.run(&tokens[2], &["list", "--all", "--json"]).json();
    assert!(!executions.as_array().unwrap().is_empty());
    for execution in executions.as_array().unwrap() {
        said += &served.run(&tokens[2], &["history", execution["id"].as_str().unwrap(), "--json"]).stdout;
    }
    drop(served);
    let log = fs::read_to_string(directory.path().join("server.log")).unwrap();
    assert!(log.contains("DEBUG") && log.contains("audit"), "it logs what it can");
    for who in ["admin", "operator", "environment"] {
        assert!(log.contains(&format!("who=\"{who}\"")), "{who} is in the audit trail");
    }
    let files = ["w.db", "w.db-wal"].map(|name| fs::read(directory.path().join(name)).unwrap_or_default()).concat();
    let is_in = |bytes: &[u8], secret: &str| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
    for token in tokens.iter().map(String::as_str).chain([ENVIRONMENT]) {
        // A third of it would be too much.
        let secret = token.rsplit('_').next().unwrap();
        let secret = &secret[..20];
        assert!(!is_in(log.as_bytes(), secret), "the log: {:?}", log.lines().find(|line| line.contains(secret)));
        assert!(!is_in(&files, secret), "the file");
        assert!(!is_in(said.as_bytes(), secret), "the answers: {:?}", said.lines().find(|line| line.contains(secret)));
    }
    assert!(is_in(&files, tokens[0].split('_').nth(1).unwrap()), "the id is in the file: it was looked at");
}
