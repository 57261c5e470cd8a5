//! Encryption at rest from the command line: keys from the environment and from a file, a change of key, and what is said of it.

use std::fs;
use std::path::Path;

use crate::process::{Ran, finished, workflow};
use crate::served::{Served, directory};

const OLD: &str = "old:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NEW: &str = "new:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
const CANARY: &str = "canary-51ce";

fn with_keys(directory: &Path, arguments: &[&str], keys: &[&str]) -> Ran {
    let mut command = workflow(arguments);
    if !keys.is_empty() {
        command.env("WORKFLOW_ENCRYPTION_KEY", keys.join(","));
    }
    finished(command.current_dir(directory).output().unwrap())
}

fn served(directory: &Path, keys: &[&str]) -> Served {
    Served::start_with(directory, &["--db", "orders.db"], &[("WORKFLOW_ENCRYPTION_KEY", &keys.join(","))])
}

fn holds_canary(directory: &Path) -> bool {
    let files = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.to_string_lossy().contains(".db")).any(|file| {
        let bytes = fs::read(file).unwrap();
        bytes.windows(CANARY.len()).any(|found| found == CANARY.as_bytes())
    })
}

#[test]
fn a_key_comes_from_the_environment_is_changed_and_is_told_to_nobody() {
    let directory = directory();
    let path = directory.path();
    let first = served(path, &[OLD]);
    assert_eq!(first.run(&["register", path.join("onboarding.yaml").to_str().unwrap()]).code, 0);
    let started = first.run(&["start", "onboarding", "--wait", "--json", "-i", &format!("{{\"secret\": \"{CANARY}\"}}")]).json();
    let id = started["id"].as_str().unwrap().to_owned();
    assert_eq!(with_keys(path, &["backup", "orders.db", "copy.db"], &[]).code, 0, "a backup needs no key");
    assert!(!holds_canary(path), "the database, its log, and the backup");
    let mut said = first.stop().1;

    for arguments in
        [&["serve", "--db", "orders.db"][..], &["check", "orders.db"], &["check", "copy.db"], &["reencrypt", "copy.db"]]
    {
        for keys in [&[][..], &[NEW]] {
            let refused = with_keys(path, arguments, keys);
            assert_eq!(refused.code, 1, "{arguments:?} with {keys:?}: {refused:?}");
            let named = refused.stderr.contains("`old`")
                || (arguments[0] == "reencrypt" && refused.stderr.contains("a key to encrypt with"));
            assert!(named, "{refused:?}");
            said += &refused.stderr;
        }
    }
    let checked = with_keys(path, &["check", "copy.db"], &[OLD]);
    assert_eq!(checked.code, 0, "{checked:?}");
    assert!(checked.stdout.contains("encrypted with key `old`") && !checked.stdout.contains("plain text"), "{checked:?}");

    // The new one in front; what was written before is read with the old one.
    let second = served(path, &[NEW, OLD]);
    assert_eq!(second.run(&["status", &id, "--json"]).json()["input"]["secret"], CANARY);
    assert_eq!(second.run(&["start", "onboarding", "--wait", "-i", &format!("{{\"secret\": \"{CANARY}\"}}")]).code, 0);
    said += &second.stop().1;
    let checked = with_keys(path, &["check", "orders.db"], &[NEW, OLD]);
    assert!(
        checked.stdout.contains("encrypted with key `new`") && checked.stdout.contains("encrypted with key `old`"),
        "{checked:?}"
    );
    let done = with_keys(path, &["reencrypt", "orders.db"], &[NEW, OLD]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(
        done.stdout.contains("orders.db is encrypted with key `new`") && done.stdout.contains("key `old` is not needed"),
        "{done:?}"
    );
    let checked = with_keys(path, &["check", "orders.db", "--json"], &[NEW]).json();
    assert_eq!(
        (&checked["ok"], &checked["plain"], checked["encrypted"]["old"].as_u64()),
        (&true.into(), &0.into(), None),
        "{checked}"
    );
    assert!(checked["encrypted"]["new"].as_u64().unwrap() > 4, "{checked}");
    let third = served(path, &[NEW]);
    assert_eq!(third.run(&["status", &id, "--json"]).json()["input"]["secret"], CANARY);
    said += &third.stop().1;
    for ran in [checked.to_string(), done.stdout, done.stderr] {
        said += &ran;
    }
    for key in [OLD, NEW] {
        let (_, bytes) = key.split_once(':').unwrap();
        assert!(!said.contains(bytes), "a key was told: {said}");
    }
    assert!(!holds_canary(path));
}

#[test]
fn keys_may_be_in_a_file_and_mistakes_with_them_are_told() {
    let directory = directory();
    let path = directory.path();
    fs::write(path.join("keys"), format!("{NEW}\n{OLD}\n")).unwrap();
    let server = Served::start_with(path, &["--db", "orders.db"], &[("WORKFLOW_ENCRYPTION_KEY_FILE", "keys")]);
    assert_eq!(server.run(&["register", path.join("order.json").to_str().unwrap()]).code, 0);
    server.stop();
    let checked = with_keys(path, &["check", "orders.db", "--encryption-key-file", "keys"], &[]);
    assert!(checked.stdout.contains("encrypted with key `new`"), "{checked:?}");
    let twice = with_keys(path, &["check", "orders.db", "--encryption-key-file", "keys"], &[OLD]);
    assert_eq!(twice.code, 2, "{twice:?}");
    assert!(twice.stderr.contains("encryption keys are given twice"), "{twice:?}");
    for (keys, says) in [
        (&["no-colon"][..], "expected encryption key 1 as `name:base64`"),
        (&["short:AAAA"], "found 3 bytes"),
        (&[""], "found none"),
        (&[OLD, OLD], "`old` twice"),
    ] {
        let wrong = finished(
            workflow(&["check", "orders.db"]).env("WORKFLOW_ENCRYPTION_KEY", keys.join(",")).current_dir(path).output().unwrap(),
        );
        assert_eq!(wrong.code, 2, "{wrong:?}");
        assert!(wrong.stderr.contains(says), "{wrong:?}");
    }
    let absent = with_keys(path, &["check", "orders.db", "--encryption-key-file", "nothing"], &[]);
    assert!(absent.code == 2 && absent.stderr.contains("cannot read the encryption keys in nothing"), "{absent:?}");
}
