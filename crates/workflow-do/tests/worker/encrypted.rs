//! A worker over TLS, against the real server with a certificate of an authority that only this test knows.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use workflow_do::{Engine, ServerOptions, Status, Step, Tls, Worker, WorkerState, Workflow};

use crate::stage::patiently;

/// Writes `NAME.pem`, and the certificate and key that it has issued for this machine.
fn authority(folder: &Path, name: &str) -> Tls {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    fs::write(folder.join(format!("{name}.pem")), authority.pem()).unwrap();
    let (certificate, key) = (folder.join(format!("{name}-server.pem")), folder.join(format!("{name}-server.key")));
    let pair = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    fs::write(&certificate, params.signed_by(&pair, &authority).unwrap().pem()).unwrap();
    fs::write(&key, pair.serialize_pem()).unwrap();
    Tls::load(certificate, key).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_works_over_tls_for_a_server_that_it_trusts_and_for_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let tls = authority(folder.path(), "ours");
    authority(folder.path(), "other");
    let engine = Engine::builder().in_memory().open().await.unwrap();
    engine.register(Workflow::new("order").step(Step::new("charge", "chargeCard"))).await.unwrap();
    let options = ServerOptions { tls: Some(tls), ..ServerOptions::default() };
    let address = engine.serve_with("127.0.0.1:0", options).await.unwrap();
    let worker = |root: &str| {
        Worker::builder(format!("https://{address}"))
            .ca_file(folder.path().join(root))
            .action("chargeCard", async |order: Value, _| Ok(json!({ "charged": order["total"] })))
    };

    let distrustful = worker("other.pem").connect().unwrap();
    let mut states = distrustful.states();
    let refused = |state: &WorkerState| matches!(state, WorkerState::Connecting { error: Some(_) });
    let state = patiently(states.wait_for(refused)).await.unwrap().clone();
    let WorkerState::Connecting { error: Some(error) } = state else { unreachable!("it was waited for") };
    assert!(error.contains("invalid peer certificate") && error.contains("`ca_file`"), "{error}");
    patiently(distrustful.close()).await.unwrap();

    let trustful = worker("ours.pem").connect().unwrap();
    assert!(patiently(trustful.connected()).await);
    for total in 0..50 {
        let id = engine.start("order", json!({ "total": total, "note": "x".repeat(20_000) })).await.unwrap().id;
        let execution = patiently(engine.wait(id)).await.unwrap();
        assert_eq!(
            (execution.status, execution.output.unwrap().text()),
            (Status::Completed, format!("{{\"charged\":{total}}}").as_str())
        );
    }
    patiently(trustful.close()).await.unwrap();
    engine.close().await.unwrap();

    for (file, why) in [("none.pem", "cannot be read"), ("ours-server.key", "holds no certificate")] {
        let error = worker(file).connect().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}
