//! An action that takes more memory than there is, and its process with it.

use std::process::Command;

use serde_json::json;

use crate::stage::Stage;
use crate::worker::{Note, Worker};

/// Of address space, which is what a process can be held to without the rights of root.
const MEMORY: &str = "--as=1073741824";
/// After so many losses in a row a step is not tried again (`INTERRUPTIONS_IN_A_ROW_MAX`).
const LOSSES: u64 = 10;

fn limited(stage: &Stage, life: u64) -> Worker {
    let mut command = Command::new("prlimit");
    command.arg(MEMORY).arg(std::env::current_exe().unwrap());
    let worker = Worker::run(&stage.role(&format!("w{life}")), command);
    // Or what it was given: a worker may be gone before it has noted the connection itself.
    worker.until("a connection", |notes| notes.iter().any(|note| matches!(note, Note::Connected | Note::Begun { .. })));
    worker
}

#[test]
fn an_action_that_takes_its_worker_down_fails_its_step_after_ten_times_and_nothing_else() {
    let mut stage = Stage::open(&["--worker-grace", "100ms"]);
    stage.site.register(
        "greedy",
        json!([
            { "id": "grow", "action": "grow", "onError": "branch", "errorBranch": "rescue", "maxRetries": 5 },
            { "id": "rescue", "action": "noop" }
        ]),
    );
    stage.site.register("modest", json!([{ "id": "pick", "action": "pick" }]));
    let greedy = stage.start("greedy");
    let mut modest = Vec::new();
    for life in 0..LOSSES {
        let mut worker = limited(&stage, life);
        // Beside it others run, and are lost with it.
        modest.push(stage.start("modest"));
        let ended = worker.ended();
        assert!(!ended.success(), "it had memory enough: {:#?}", worker.notes());
        let lost = usize::try_from(life).unwrap() + 1;
        stage.until(&greedy, "an interruption", |history| {
            history.iter().filter(|(kind, _)| kind == "step_interrupted").count() == lost
        });
    }
    let view = stage.completes(&greedy);
    assert_eq!(view["stepResults"]["grow"]["error"], "its worker was lost 10 times", "{view:#}");
    assert_eq!(view["stepResults"]["rescue"]["status"], "completed", "it is handled like any failure");
    assert_eq!(stage.count(&greedy, "step_start"), 11, "ten attempts, and the rescue");

    // The next worker has nothing that takes it down.
    let mut worker = limited(&stage, LOSSES);
    for id in &modest {
        stage.completes(id);
    }
    assert!(worker.close().success());
    assert!(stage.site.server.stop().success());
    stage.is_sound();
}
