//! Files that cannot be served.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::server::{self, serve};
use crate::site::{Site, database, says};

/// A closed database with executions that have ended.
fn written(directory: &Path) -> PathBuf {
    let site = Site::open(directory);
    site.register("nothing", json!([{ "id": "only", "action": "noop" }]));
    for number in 0..100 {
        let input = json!({ "input": { "number": number, "text": "x".repeat(3_000) } });
        let execution = site.post("/api/v1/workflows/nothing/executions", &input).ok();
        assert_eq!(execution["status"], "completed");
    }
    site.stop();
    database(directory)
}

#[test]
fn a_file_that_another_process_has_open_names_that_process_which_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = Site::open(directory.path());
    let holder = format!("is in use by process {} since 20", site.server.pid());
    says(
        serve(&database(directory.path())),
        1,
        &[&holder, "run `workflow serve` and connect with `url`, or give each process its own file"],
    );
    site.is_alive();
    site.register("nothing", json!([{ "id": "only", "action": "noop" }]));
    site.stop();
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = written(directory.path());
    let mut bytes = fs::read(&path).unwrap();
    // SQLite's header: the number of the schema.
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    fs::write(&path, &bytes).unwrap();
    let expected = ["was written by a newer version of workflow.do (its schema is 9999", "run that version, or a newer one"];
    says(serve(&path), 1, &expected);
    assert!(fs::read(&path).unwrap() == bytes, "nothing was changed in it");
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = database(directory.path());
    let text = "these are my notes\n".repeat(1_000);
    fs::write(&path, &text).unwrap();
    says(serve(&path), 1, &["is not a workflow.do database", "nothing was changed in it: choose another file"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_directory_instead_of_a_file_is_said() {
    let directory = tempfile::tempdir().unwrap();
    says(serve(&directory.path().join("no/such/workflow.db")), 1, &["no/such; create it, or choose another file"]);
    let path = database(directory.path());
    fs::create_dir(&path).unwrap();
    says(serve(&path), 1, &["workflow.db", "is a directory"]);
}

/// The process used to end while the store was still being closed: the log was left as long as it was, and whoever copied or
/// looked at the file alone after a stop in order missed what lay in the log.
#[test]
fn a_stop_in_order_leaves_everything_in_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = written(directory.path());
    let log = fs::metadata(directory.path().join("workflow.db-wal")).map_or(0, |log| log.len());
    assert_eq!(log, 0, "the log is empty");
    let other = tempfile::tempdir().unwrap();
    fs::copy(&path, database(other.path())).unwrap();
    let site = Site::open(other.path());
    assert_eq!(site.get("/api/v1/executions/counts").ok()["byStatus"]["completed"], 100);
    site.stop();
}

/// `workflow serve` by someone whom permissions stop: not by root.
fn serve_as_nobody(directory: &Path, path: &Path) -> Command {
    let serve = serve(path);
    if fs::metadata("/proc/self").map(|own| std::os::unix::fs::MetadataExt::uid(&own)).unwrap() != 0 {
        return serve;
    }
    // The build's own directory may be closed to others.
    let binary = directory.join("workflow");
    if !binary.exists() {
        fs::copy(serve.get_program(), &binary).unwrap();
    }
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&binary).args(serve.get_args());
    server::in_its_own_world(&mut nobody, directory);
    nobody
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

const MAKE_WRITABLE: &str = "make file and directory writable for the user it runs as";

#[test]
fn a_file_that_may_not_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = written(directory.path());
    set_mode(&path, 0o444);
    // Everything else may be written.
    set_mode(directory.path(), 0o777);
    for beside in ["workflow.db.lock", "workflow.db-wal", "workflow.db-shm"].map(|name| directory.path().join(name)) {
        if beside.exists() {
            chown(&beside, Some(65_534), None).ok();
        }
    }
    says(serve_as_nobody(directory.path(), &path), 1, &["workflow.db cannot be written", MAKE_WRITABLE]);
    set_mode(&path, 0o644);
    Site::open(directory.path()).stop();
}

#[test]
fn a_directory_that_may_not_be_written_is_said_for_a_new_file_and_for_one_that_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("inner");
    fs::create_dir(&inner).unwrap();
    set_mode(directory.path(), 0o755);
    set_mode(&inner, 0o555);
    says(serve_as_nobody(directory.path(), &database(&inner)), 1, &["cannot be written", MAKE_WRITABLE]);
    set_mode(&inner, 0o755);
    let path = written(&inner);
    for file in fs::read_dir(&inner).unwrap() {
        set_mode(&file.unwrap().path(), 0o666);
    }
    fs::remove_file(inner.join("workflow.db.lock")).unwrap();
    set_mode(&inner, 0o555);
    says(serve_as_nobody(directory.path(), &path), 1, &["cannot be written", MAKE_WRITABLE]);
    set_mode(&inner, 0o755);
}

#[test]
fn a_file_that_lacks_its_second_half_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let path = written(directory.path());
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    says(serve(&path), 1, &["is damaged", "copy it aside", "restore a backup", ".recover"]);
}

/// Only what lies on the damaged pages is lost; the rest is served, and the process lives.
#[test]
fn damage_in_the_middle_is_said_at_the_start_or_to_whoever_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = written(directory.path());
    let mut bytes = fs::read(&path).unwrap();
    const PAGE_BYTES: usize = 16 << 10;
    let pages = bytes.len() / PAGE_BYTES;
    assert!(pages > 20, "{pages} pages");
    for page in [pages / 2, pages / 2 + 1, pages - 2] {
        bytes[page * PAGE_BYTES..(page + 1) * PAGE_BYTES].fill(0xa5);
    }
    fs::write(&path, &bytes).unwrap();
    let ids = listed(directory.path());
    let mut site = Site::open(directory.path());
    let (mut whole, mut damaged) = (0, 0);
    for id in ids {
        let answer = site.get(&format!("/api/v1/executions/{id}"));
        if answer.status == 200 {
            whole += 1;
            continue;
        }
        let detail = answer.problem(500, "corrupt");
        assert!(detail.contains("damaged") && detail.contains(".recover"), "{detail}");
        damaged += 1;
    }
    println!("{whole} executions can be read, {damaged} cannot");
    assert!(whole > 0 && damaged > 0);
    site.is_alive();
}

/// The ids of a copy without the damage would be cheating: they come from what the list still shows.
fn listed(directory: &Path) -> Vec<String> {
    let site = Site::open(directory);
    let list = site.get("/api/v1/executions?limit=100").ok();
    let ids = list["executions"].as_array().unwrap().iter().map(|row: &Value| row["id"].as_str().unwrap().to_owned());
    let ids = ids.collect();
    site.stop();
    ids
}
