//! Addresses and configurations.

use std::net::TcpListener;
use std::process::Command;

use crate::server;
use crate::site::{database, says};

fn serve(directory: &tempfile::TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_workflow"));
    command.args(["serve", "--db"]).arg(database(directory.path())).args(arguments);
    server::in_its_own_world(&mut command, directory.path());
    command
}

#[test]
fn an_address_that_is_taken_is_named_with_the_option_that_changes_it() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let expected =
        format!("cannot listen on {address}: another program listens there; stop it, or choose another port with --listen");
    says(serve(&directory, &["--listen", &address]), 1, &[&expected]);
}

#[test]
fn an_address_that_is_none_is_said_with_an_example() {
    let directory = tempfile::tempdir().unwrap();
    for listen in ["nonsense", "127.0.0.1", "127.0.0.1:99999"] {
        says(serve(&directory, &["--listen", listen]), 1, &[&format!("cannot listen on {listen}: "), "such as 127.0.0.1:4747"]);
    }
}

#[test]
fn a_mistake_in_the_configuration_is_named_with_its_place() {
    for (text, expected) in [
        ("databse = 'a.db'", vec!["unknown field `databse`", "expected one of", "line 1, column 1"]),
        ("listen = ", vec!["line 1, column"]),
        ("listen = 4747", vec!["invalid type", "expected a string"]),
        ("log-format = 'xml'", vec!["unknown variant `xml`", "`text` or `json`"]),
        ("stop-within = 'soon'", vec!["stop-within: ", "soon"]),
        ("log = 'info,=x=y'", vec!["log: ", "`info`", "was expected"]),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("workflow.toml");
        std::fs::write(&file, text).unwrap();
        says(serve(&directory, &["--listen", "127.0.0.1:0"]), 2, &expected);
        assert!(!database(directory.path()).exists(), "nothing was made for {text}");
    }
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    says(serve(&directory, &["--config", "no/such.toml"]), 2, &["cannot read the configuration no/such.toml", "No such file"]);
}
