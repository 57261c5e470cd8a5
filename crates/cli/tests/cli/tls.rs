//! `workflow serve` with a certificate, and the command line against it.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};

use crate::process::{finished, workflow};
use crate::served::{Served, directory};

/// Writes `ca.pem`, and `server.pem` and `server.key` that it has issued, valid until this year.
fn issue(folder: &Path, until: i32) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.not_after = date_time_ymd(until, 2, 3);
    fs::write(folder.join("server.pem"), params.signed_by(&key, &authority).unwrap().pem()).unwrap();
    fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
}

const TLS: [&str; 6] = ["--db", ":memory:", "--tls-cert", "server.pem", "--tls-key", "server.key"];

#[test]
fn the_command_line_speaks_tls_with_a_server_whose_root_it_is_given() {
    let directory = directory();
    issue(directory.path(), 2090);
    let served = Served::start(directory.path(), &TLS);
    assert!(served.url.starts_with("https://127.0.0.1:"), "{}", served.url);
    let file = |name: &str| directory.path().join(name).display().to_string();
    let (root, definition) = (file("ca.pem"), file("onboarding.yaml"));
    assert_eq!(served.run(&["register", &definition, "--ca-file", &root]).stdout, "✓ registered `onboarding` v1 (2 steps)\n");
    let by_environment = workflow(&["start", "onboarding", "--wait"])
        .env("WORKFLOW_URL", &served.url)
        .env("WORKFLOW_CA_FILE", &root)
        .output()
        .unwrap();
    assert_eq!(finished(by_environment).code, 0);

    let refused = served.run(&["definitions"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("is not trusted: invalid peer certificate") && refused.stderr.contains("--ca-file"),
        "{}",
        refused.stderr
    );
    let no_root = served.run(&["definitions", "--ca-file", &file("server.key")]);
    assert_eq!(no_root.code, 2);
    assert!(no_root.stderr.contains("holds no certificate"), "{}", no_root.stderr);
    let plain = workflow(&["definitions"]).env("WORKFLOW_URL", served.url.replace("https", "http")).output().unwrap();
    let plain = finished(plain);
    assert!(plain.stderr.contains("this port speaks TLS"), "{}", plain.stderr);

    let (code, log) = served.stop();
    assert_eq!(code, Some(0));
    assert!(log.contains("the certificate is valid") && log.contains("2090-02-03"), "{log}");
}

#[test]
fn a_certificate_that_expired_is_complained_of_at_the_start() {
    let directory = directory();
    issue(directory.path(), 2020);
    let (_, log) = Served::start(directory.path(), &TLS).stop();
    let complaint = log.lines().find(|line| line.contains("WARN")).unwrap_or_default();
    assert!(complaint.contains("server.pem") && complaint.contains("expired on 2020-02-03"), "{log}");
}

#[test]
fn a_server_does_not_start_without_the_certificate_that_it_was_told_to_use() {
    let directory = directory();
    let serve = |arguments: &[&str]| {
        finished(workflow(&[&["serve", "--db", "never.db"], arguments].concat()).current_dir(directory.path()).output().unwrap())
    };
    let missing = serve(&["--tls-cert", "server.pem", "--tls-key", "server.key"]);
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("cannot read the certificate server.pem"), "{}", missing.stderr);
    let alone = serve(&["--tls-cert", "server.pem"]);
    assert_eq!(alone.code, 2);
    assert!(alone.stderr.contains("tls-cert is given without tls-key"), "{}", alone.stderr);
    assert!(!directory.path().join("never.db").exists());
}
