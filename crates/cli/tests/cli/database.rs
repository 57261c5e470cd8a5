//! `workflow check` and `workflow backup`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use insta::assert_snapshot;

use crate::process::{Ran, run_in};
use crate::served::{Served, directory};

/// A server with some executions.
fn served(directory: &Path) -> Served {
    let served = Served::start(directory, &["--db", "orders.db"]);
    for file in ["onboarding.yaml", "order.json"] {
        assert_eq!(served.run(&["register", directory.join(file).to_str().unwrap()]).code, 0);
    }
    assert_eq!(served.run(&["start", "onboarding", "--wait", "-k", "once"]).code, 0);
    assert_eq!(served.run(&["start", "order"]).code, 0);
    served
}

/// Compares with what differs from run to run taken out.
fn filtered(ran: &Ran, check: impl FnOnce(String)) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter("exec_[0-9a-f]{32}", "exec_...");
    settings.add_filter(r"process \d+ since [0-9TZ:.-]+", "process 42 since 2026-01-31T12:00:00Z");
    settings.add_filter(r"[0-9.]+ KiB", "... KiB");
    settings.add_filter(r"\b\d{13}\b", "1700000000000");
    settings.bind(|| check(format!("{}{}", ran.stdout, ran.stderr)));
}

#[test]
fn a_backup_of_a_file_in_use_is_sound_and_can_be_served() {
    let directory = directory();
    let served = served(directory.path());
    let in_use = run_in(directory.path(), &["check", "orders.db"]);
    assert_eq!(in_use.code, 1);
    filtered(&in_use, |text| assert_snapshot!("check_of_a_file_in_use", text));
    let made = run_in(directory.path(), &["backup", "orders.db", "copy.db"]);
    assert_eq!(made.code, 0, "{made:?}");
    filtered(&made, |text| assert_snapshot!("backup", text));
    let sound = run_in(directory.path(), &["check", "copy.db"]);
    assert_eq!(sound.code, 0, "{sound:?}");
    filtered(&sound, |text| assert_snapshot!("check_of_a_sound_file", text));
    assert!(!directory.path().join("copy.db-wal").exists() && !directory.path().join("copy.db-shm").exists());
    assert_eq!(served.stop().0, Some(0));
    let restored = Served::start(directory.path(), &["--db", "copy.db"]);
    assert_eq!(restored.run(&["list", "--json"]).json().as_array().unwrap().len(), 2);
    assert!(restored.run(&["start", "onboarding", "-k", "once"]).stdout.contains("was there already"));
}

#[test]
fn a_backup_overwrites_nothing_and_keeps_who_may_read_it() {
    let directory = directory();
    served(directory.path()).stop();
    fs::set_permissions(directory.path().join("orders.db"), fs::Permissions::from_mode(0o600)).unwrap();
    let backup = |to: &str| run_in(directory.path(), &["backup", "orders.db", to]);
    assert_eq!(backup("copy.db").code, 0);
    assert_eq!(fs::metadata(directory.path().join("copy.db")).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read(directory.path().join("copy.db")).unwrap();
    for (to, says) in [
        ("copy.db", "copy.db is there already, and nothing is overwritten"),
        ("orders.db", "orders.db is there already"),
        (".", "it is a directory; give the name of a file in it"),
        ("no/such/copy.db", "no/such; create it, or choose another name"),
    ] {
        let refused = backup(to);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.stderr.contains(says), "{refused:?}");
    }
    fs::write(directory.path().join("new.db-wal"), "of another file").unwrap();
    assert!(backup("new.db").stderr.contains("new.db-wal is there already"));
    assert_eq!(fs::read(directory.path().join("copy.db")).unwrap(), before);
    let again = run_in(directory.path(), &["--json", "backup", "orders.db", "again.db"]).json();
    assert_eq!((&again["online"], &again["bytes"]), (&false.into(), &before.len().into()));
    let left: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("partial")), "{left:?}");
}

#[test]
fn findings_are_told_with_what_to_do() {
    let directory = directory();
    served(directory.path()).stop();
    let path = directory.path().join("orders.db");
    let person = rusqlite::Connection::open(&path).unwrap();
    // As an earlier version wrote them: otherwise their checksums tell, and nothing else.
    person.execute_batch("UPDATE execution SET seal = NULL, last = NULL").unwrap();
    person.execute_batch("UPDATE execution SET status = 'failed', completed_at = 7 WHERE status = 'completed'").unwrap();
    person.execute_batch("UPDATE execution SET wake_at = NULL; DELETE FROM claim").unwrap();
    drop(person);
    let ran = run_in(directory.path(), &["check", "orders.db"]);
    assert_eq!(ran.code, 1);
    filtered(&ran, |text| assert_snapshot!("check_of_a_damaged_file", text));
    let some = run_in(directory.path(), &["check", "orders.db", "--limit", "2"]);
    assert!(some.stdout.contains("4 more; --limit shows them"), "{}", some.stdout);
    let json = run_in(directory.path(), &["check", "orders.db", "--json"]);
    assert_eq!((json.code, &json.json()["ok"]), (1, &false.into()));
    let findings = json.json()["findings"].clone();
    let codes: Vec<_> = findings.as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"claim_broken") && codes.contains(&"parked_differs"), "{codes:?}");
    assert!(findings[0]["execution"].as_str().unwrap().starts_with("exec_"));
}

#[test]
fn what_is_no_database_of_ours_is_said() {
    let directory = directory();
    let check = |file: &str| run_in(directory.path(), &["check", file]);
    for (file, says) in
        [("no.db", "no.db: there is no such file"), ("order.json", "is not a workflow.do database"), (".", "is a directory")]
    {
        let refused = check(file);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.stderr.contains(says), "{refused:?}");
    }
    assert!(!directory.path().join("no.db").exists());
    assert_eq!(run_in(directory.path(), &["check"]).code, 2);
}
