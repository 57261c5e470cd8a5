//! Against a server that follows a script: what is rare on a real one.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc};
use workflow_do::{AbortReason, ActionError, Context, Json, Worker, WorkerBuilder, WorkerState};
use workflow_engine::ActionError as RawError;

use crate::stage::{Stage, patiently, task, welcome};

/// With the actions `echo` and `held`, which waits for a permit of the gate.
pub fn worker(stage: &Stage) -> (WorkerBuilder, Arc<Semaphore>) {
    worker_at(&stage.url())
}

/// The same for other addresses.
pub fn worker_at(urls: &str) -> (WorkerBuilder, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let held = gate.clone();
    let builder = Worker::builder(urls).action("echo", async |params: Value, _| Ok(params)).action("held", move |_: Value, _| {
        let held = held.clone();
        async move {
            held.acquire().await?.forget();
            Ok("released")
        }
    });
    (builder, gate)
}

#[tokio::test]
async fn an_action_has_its_params_its_state_and_its_context() {
    let stage = Stage::new().await;
    let look = async |params: Value, context: Context| {
        let state: Value = context.state()?;
        Ok(json!([
            params,
            state,
            context.output("validate")?["total"],
            context.output("nothing")?,
            context.execution_id(),
            context.workflow_id(),
            context.workflow_version(),
            context.step_id(),
            context.action(),
            context.attempt(),
            context.retry_count(),
            context.idempotency_key(),
            context.signal().is_aborted(),
        ]))
    };
    let worker = Worker::builder(stage.url()).action("look", look).name("till 3").concurrency(7).connect().unwrap();
    let (mut line, hello) = stage.welcomed().await;
    assert_eq!(hello["holding"], json!([]));
    assert_eq!(hello["name"], "till 3");
    let session = hello["session"].as_str().unwrap();
    assert!(session.len() >= 16 && session.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{session}");
    assert_eq!(line.hear("offer").await, json!({ "type": "offer", "actions": ["look"], "slots": 7 }));

    line.say(&task("t1", "look", &json!({ "a": 1 }))).await;
    let id = "exec_018bcfe5687b7abcbffffffffffff123";
    let key = format!("{id}:charge");
    let output =
        json!([{ "a": 1 }, { "validate": { "total": 42 } }, 42, null, id, "order", 3, "charge", "look", 2, 1, key, false]);
    assert_eq!(line.hear("completed").await, json!({ "type": "completed", "task": "t1", "output": output }));
    assert_eq!(worker.state(), WorkerState::Connected { server_version: "9.9.9".to_owned() });
}

#[tokio::test]
async fn what_goes_wrong_in_an_action_is_its_failure() {
    let stage = Stage::new().await;
    let _worker = Worker::builder(stage.url())
        .action("declined", async |_: Value, _| {
            Err::<(), _>(ActionError::permanent("declined").with_code("card").retry_after(Duration::from_millis(1500)))
        })
        .action("panics", async |_: Value, _| if true { panic!("at the disco") } else { Ok(()) })
        .action("typed", async |_: Vec<u8>, _| Ok(()))
        .action("large", async |_: Value, _| Ok("x".repeat(100_000)))
        .action("none", async |_: Value, _| Ok(()))
        .connect()
        .unwrap();
    let (mut line, _) = stage.welcomed().await;
    line.hear("offer").await;
    let mut answer = async |action: &str| {
        line.say(&task(action, action, &json!({}))).await;
        line.next().await.unwrap()
    };
    assert_eq!(
        answer("declined").await,
        json!({ "type": "failed", "task": "declined", "error": { "message": "declined", "code": "card", "retryable": false }, "retryAfterMs": 1500 })
    );
    assert_eq!(answer("panics").await["error"], json!({ "message": "the action panicked: at the disco", "code": "panic" }));
    let typed = answer("typed").await["error"].clone();
    assert_eq!((&typed["code"], &typed["retryable"]), (&json!("type_mismatch"), &json!(false)), "{typed}");
    let large = "output of `charge` is 97.7 KiB, the limit is 97.7 KiB";
    assert_eq!(answer("large").await["error"], json!({ "message": large, "code": "payload_too_large", "retryable": false }));
    assert_eq!(answer("unheard-of").await["error"], json!({ "message": "this worker has no action `unheard-of`" }));
    assert_eq!(answer("none").await, json!({ "type": "completed", "task": "none" }));
}

#[tokio::test]
async fn an_output_that_is_kept_is_in_the_state_of_a_task_that_refers_to_it() {
    let stage = Stage::new().await;
    let look = async |_: Value, context: Context| {
        let state: Json = context.state()?;
        Ok(json!([state.text(), context.output("validate")?, context.output("z")?]))
    };
    let (builder, _) = worker(&stage);
    let _worker = builder.action("look", look).connect().unwrap();
    let (mut line, hello) = stage.welcomed().await;
    assert!(hello["keeps"].as_u64().is_some_and(|bytes| bytes >= 1 << 20), "{hello}");
    line.hear("offer").await;
    for kept in ["t1", "t2"] {
        line.say(&task(kept, "echo", &json!({ "from": kept }))).await;
        line.hear("completed").await;
        line.say(&json!({ "type": "recorded", "task": kept, "keep": kept == "t1" })).await;
    }
    let refers = |id: &str, to: &str| {
        let mut task = task(id, "look", &json!({}));
        task["state"] = json!({ "first": 1, "validate": null, "z": "here" });
        task["kept"] = json!({ "validate": to });
        task
    };
    line.say(&refers("t3", "t1")).await;
    let state = r#"{"first":1,"validate":{"from":"t1"},"z":"here"}"#;
    assert_eq!(line.hear("completed").await["output"], json!([state, { "from": "t1" }, "here"]));

    // It was told to keep the output of one of them only, and is told to forget that too.
    line.say(&json!({ "type": "forget", "tasks": ["t1", "never"] })).await;
    for gone in ["t1", "t2"] {
        line.say(&refers("t4", gone)).await;
        assert_eq!(line.next().await, None, "what it is given makes no sense");
        line = stage.welcomed().await.0;
        line.hear("offer").await;
        assert_eq!(line.hear("completed").await["task"], "t3");
    }
}

#[tokio::test]
async fn a_broken_connection_loses_no_result_and_runs_nothing_twice() {
    let stage = Stage::new().await;
    let (builder, gate) = worker(&stage);
    let worker = builder.connect().unwrap();
    let (mut line, hello) = stage.welcomed().await;
    line.hear("offer").await;
    line.say(&task("delivered", "echo", &json!(1))).await;
    line.hear("completed").await;
    line.say(&json!({ "type": "recorded", "task": "delivered" })).await;
    line.say(&task("unrecorded", "echo", &json!(2))).await;
    line.hear("completed").await;
    line.say(&task("running", "held", &json!({}))).await;
    line.say(&task("late", "echo", &json!(3))).await;
    line.hear("completed").await;
    drop(line);
    // It ends while there is no connection.
    gate.add_permits(1);

    let (mut line, again) = stage.welcomed().await;
    assert_eq!(again["session"], hello["session"]);
    let mut holding: Vec<&str> = again["holding"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    holding.sort_unstable();
    assert_eq!(holding, ["late", "running", "unrecorded"]);
    line.hear("offer").await;
    let mut outputs = Vec::new();
    for _ in 0..3 {
        let completed = line.hear("completed").await;
        outputs.push((completed["task"].as_str().unwrap().to_owned(), completed["output"].clone()));
    }
    outputs.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [("late", json!(3)), ("running", json!("released")), ("unrecorded", json!(2))];
    assert_eq!(outputs, expected.map(|(task, output)| (task.to_owned(), output)));

    // A task that comes again is not run again, nor is its result sent again.
    line.say(&task("late", "echo", &json!(4))).await;
    line.say(&task("new", "echo", &json!(5))).await;
    assert_eq!(line.hear("completed").await["task"], "new");
    drop(worker);
}

#[tokio::test]
async fn an_aborted_action_is_told_so_and_nobody_hears_of_its_result() {
    let stage = Stage::new().await;
    let (told, mut aborted) = mpsc::unbounded_channel();
    let _worker = Worker::builder(stage.url())
        .action("long", move |_: Value, context: Context| {
            let told = told.clone();
            async move {
                context.signal().aborted().await;
                told.send(context.signal().reason())?;
                Ok(())
            }
        })
        .action("echo", async |params: Value, _| Ok(params))
        .action("deaf", async |_: Value, _| {
            std::future::pending::<()>().await;
            Ok(())
        })
        .abort_grace(Duration::ZERO)
        .connect()
        .unwrap();
    let (mut line, _) = stage.welcomed().await;
    line.hear("offer").await;
    for action in ["long", "deaf"] {
        line.say(&task(action, action, &json!({}))).await;
        line.say(&json!({ "type": "abort", "task": action, "reason": "timeout" })).await;
    }
    assert_eq!(patiently(aborted.recv()).await.unwrap(), Some(AbortReason::Timeout));
    line.say(&task("next", "echo", &json!({}))).await;
    assert_eq!(line.hear("completed").await["task"], "next");
    drop(line);
    let (_, hello) = stage.welcomed().await;
    assert_eq!(hello["holding"], json!(["next"]));
}

#[tokio::test]
async fn who_cannot_connect_says_why_and_goes_on_trying() {
    let stage = Stage::new().await;
    let (url, address) = (stage.url(), stage.address);
    drop(stage);
    let worker = Worker::builder(&url).action("echo", async |params: Value, _| Ok(params)).connect().unwrap();
    let mut states = worker.states();
    let failed = patiently(states.wait_for(|state| matches!(state, WorkerState::Connecting { error: Some(_) }))).await.unwrap();
    let WorkerState::Connecting { error: Some(error) } = failed.clone() else { unreachable!() };
    drop(failed);
    assert!(
        error.starts_with(&format!("cannot reach {url}: Connection refused")) && error.ends_with("; still trying"),
        "{error}"
    );

    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let (mut stream, _) = patiently(listener.accept()).await.unwrap();
    let problem = r#"{"code":"overloaded","detail":"as many workers as there is room for"}"#;
    let answer = format!("HTTP/1.1 429 Too Many Requests\r\ncontent-length: {}\r\n\r\n{problem}", problem.len());
    stream.write_all(answer.as_bytes()).await.unwrap();
    let told = |text: &'static str| move |state: &WorkerState| matches!(state, WorkerState::Connecting { error: Some(error) } if error.contains(text));
    patiently(states.wait_for(told("it answered 429: as many workers as there is room for"))).await.unwrap();

    let (mut stream, _) = patiently(listener.accept()).await.unwrap();
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
    stream.write_all(answer.as_bytes()).await.unwrap();
    patiently(states.wait_for(told("it answered 200 OK; is it a workflow server"))).await.unwrap();

    let (mut stream, _) = patiently(listener.accept()).await.unwrap();
    let mut request = [0; 16];
    stream.read_exact(&mut request).await.unwrap();
    drop(stream);
    patiently(states.wait_for(told("cannot reach"))).await.unwrap();
    worker.close().await.unwrap();
    assert_eq!(worker.state(), WorkerState::Closed);
}

#[tokio::test]
async fn who_is_refused_or_not_understood_tries_again() {
    let stage = Stage::new().await;
    let (builder, _) = worker(&stage);
    let worker = builder.connect().unwrap();
    let mut states = worker.states();
    let mut line = stage.line().await;
    line.hear("hello").await;
    line.say(&json!({ "type": "refused", "code": "overloaded", "message": "no room" })).await;
    let refused = |state: &WorkerState| matches!(state, WorkerState::Connecting { error: Some(error) } if error.contains("it refused: no room"));
    patiently(states.wait_for(refused)).await.unwrap();

    for (frame, said) in [
        ("nonsense", "said what is not understood: the frame is not what was expected"),
        (r#"{"type":"task"}"#, "expected an array of messages"),
        (r#"[{"type":"task","task":"a"}]"#, "`task` has no `action`"),
        (r#"[{"type":"task","task":"a","action":"b","params":{},"state":{},"context":{"attempt":"x"}}]"#, "not understood"),
        (r#"[{"type":"refused","code":"replaced","message":"by another"}]"#, "refused: by another"),
        (r#"[{"type":"closing"}]"#, "is being stopped"),
    ] {
        let (mut line, _) = stage.welcomed().await;
        line.hear("offer").await;
        line.say_raw(frame).await;
        assert_eq!(line.next().await, None);
        let told = |state: &WorkerState| matches!(state, WorkerState::Reconnecting { error } if error.contains(said));
        patiently(states.wait_for(told)).await.unwrap_or_else(|_| panic!("{said}: {:?}", worker.state()));
    }
    let (mut line, _) = stage.welcomed().await;
    line.hear("offer").await;
    line.say(&json!({ "type": "weather", "is": "fine" })).await;
    line.say(&task("t1", "echo", &json!(1))).await;
    line.hear("completed").await;
}

#[tokio::test]
async fn a_server_that_is_silent_is_left_and_one_that_listens_hears_heartbeats() {
    let stage = Stage::new().await;
    let (builder, _) = worker(&stage);
    let worker = builder.connect().unwrap();
    let mut line = stage.line().await;
    line.hear("hello").await;
    line.say(&welcome(200)).await;
    line.hear("offer").await;
    for _ in 0..3 {
        line.hear_heartbeat().await;
        line.say_raw("[]").await;
    }
    // Now it says nothing any more: the worker goes.
    let heartbeats = line.frames_to_the_end().await;
    assert!(heartbeats <= 3, "{heartbeats}");

    // A server that never wants to hear anything is heard all the same.
    let mut line = stage.line().await;
    line.hear("hello").await;
    line.say(&welcome(u64::MAX)).await;
    line.hear("offer").await;
    line.say(&task("t1", "echo", &json!(1))).await;
    line.hear("completed").await;
    drop(worker);
}

#[tokio::test]
async fn closing_takes_nothing_more_delivers_what_runs_and_leaves() {
    let stage = Stage::new().await;
    let (builder, gate) = worker(&stage);
    let worker = builder.connect().unwrap();
    let (mut line, _) = stage.welcomed().await;
    line.hear("offer").await;
    line.say(&task("t1", "held", &json!({}))).await;
    line.say(&task("t2", "echo", &json!({}))).await;
    line.hear("completed").await;
    let closing = tokio::spawn({
        let worker = worker.clone();
        async move { worker.close().await }
    });
    assert_eq!(line.hear("offer").await["slots"], 0);
    gate.add_permits(1);
    assert_eq!(line.hear("completed").await["task"], "t1");
    // Only what is recorded is safe.
    line.say(&json!({ "type": "recorded", "task": "t1" })).await;
    line.say(&json!({ "type": "recorded", "task": "t2" })).await;
    line.hear("leave").await;
    assert_eq!(line.next().await, None);
    patiently(closing).await.unwrap().unwrap();
    assert_eq!(worker.state(), WorkerState::Closed);
    assert!(!worker.connected().await);
}

#[tokio::test]
async fn closing_does_not_wait_for_ever_and_says_what_was_not_delivered() {
    let stage = Stage::new().await;
    let (builder, _gate) = worker(&stage);
    let worker = builder.close_within(Duration::from_millis(20)).connect().unwrap();
    let (mut line, _) = stage.welcomed().await;
    line.hear("offer").await;
    line.say(&task("t1", "held", &json!({}))).await;
    line.say(&task("t2", "echo", &json!({}))).await;
    line.hear("completed").await;
    let error = worker.close().await.unwrap_err();
    assert_eq!(error.code(), "undelivered");
    assert_eq!(error.to_string(), "2 results could not be delivered (they did not end in time); their steps run again");
    line.hear("offer").await;
    line.hear("leave").await;
}

#[tokio::test]
async fn a_bridge_runs_all_actions_with_one_handler_and_changes_what_it_offers() {
    let stage = Stage::new().await;
    let worker = Worker::builder(stage.url())
        .handler(|task, signal| async move {
            assert_eq!((task.about.attempt, task.timeout, signal.is_aborted()), (2, Some(Duration::from_millis(200)), false));
            match task.action.as_str() {
                "raw" => Ok(Some(
                    Json::parse(format!("[{},{},{}]", task.params, task.state.whole(), task.context.is_object())).unwrap(),
                )),
                _ => Err(RawError::new("no")),
            }
        })
        .offer(["raw"])
        .connect()
        .unwrap();
    let (mut line, _) = stage.welcomed().await;
    assert_eq!(line.hear("offer").await["actions"], json!(["raw"]));
    worker.offer(["raw", "more"]).unwrap();
    assert_eq!(line.hear("offer").await["actions"], json!(["raw", "more"]));
    assert!(worker.offer(["noop"]).is_err() && worker.offer(["a b"]).is_err());

    let mut message = task("t1", "raw", &json!(0));
    message["timeoutMs"] = json!(200);
    // The text of a number survives.
    let frame = format!("[{message}]").replace(r#""params":0"#, r#""params":12345678901234567890.10"#);
    line.say_raw(&frame).await;
    let completed = line.hear("completed").await;
    assert_eq!(completed["task"], "t1");
    assert_eq!(completed["output"][1], json!({ "validate": { "total": 42 } }));
}

#[tokio::test]
async fn results_that_are_ready_together_go_in_one_frame() {
    let stage = Stage::new().await;
    let (builder, gate) = worker(&stage);
    let _worker = builder.connect().unwrap();
    let (mut line, _) = stage.welcomed().await;
    line.hear("offer").await;
    let tasks: Vec<Value> = (0..60).map(|number| task(&format!("t{number}"), "held", &json!({}))).collect();
    line.say_raw(&Value::Array(tasks).to_string()).await;
    // A thread at a time: all of them have ended before the connection has its turn.
    gate.add_permits(60);
    for _ in 0..60 {
        line.hear("completed").await;
    }
    assert!(line.frames <= 1 + 2, "{} frames", line.frames);
}
