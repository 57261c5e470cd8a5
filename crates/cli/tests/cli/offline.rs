//! What needs no server: validate, eval, completions, help, usage errors.

use std::fs;

use insta::assert_snapshot;

use crate::process::{finished, run, run_in, run_with_input, workflow};

const BAD: &str = r#"{
  "id": "order-processing",
  "steps": [
    { "id": "validate", "action": "validatePayment", "timeout": "30 parsecs" },
    { "id": "reserve", "action": "reserveInventory", "dependsOn": ["validat"] },
    {
      "id": "charge",
      "action": "chargeCard",
      "dependOn": ["reserve"],
      "condition": "validate.total > 100 &&& reserve.ok"
    }
  ]
}
"#;

#[test]
fn every_problem_of_a_definition_is_drawn_in_its_place() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("order.json"), BAD).unwrap();
    let ran = run_in(directory.path(), &["validate", "order.json"]);
    assert_eq!(ran.code, 1);
    assert_snapshot!(ran.stdout);
}

#[test]
fn warnings_and_hints_are_shown_and_do_not_fail() {
    let directory = tempfile::tempdir().unwrap();
    let yaml = "\
id: resilient-workflow
steps:
  - id: risky-step
    action: callExternalApi
    onError: retry
  - id: fallback
    action: handleFailure
    onError: branch
    errorBranch: notify-admin
";
    fs::write(directory.path().join("seed.yaml"), yaml).unwrap();
    let ran = run_in(directory.path(), &["validate", "seed.yaml"]);
    assert_eq!(ran.code, 0);
    assert_snapshot!(ran.stdout);
}

#[test]
fn several_definitions_are_checked_from_documents_lists_and_standard_input() {
    let step = r#"{"id": "x", "action": "noop"}"#;
    let ran =
        run_with_input(&["validate", "-"], &format!(r#"[{{"id": "a", "steps": [{step}]}}, {{"id": "b", "steps": [{step}]}}]"#));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "✓ ok: a (1 step)\n✓ ok: b (1 step)\n"));
    let yaml = "id: a\nsteps: [{ id: x, action: noop }]\n---\nid: b\nsteps: []\n";
    let ran = run_with_input(&["validate", "-"], yaml);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.starts_with("✓ ok: a (1 step)\nerror[no_steps]"), "{}", ran.stdout);
}

#[test]
fn a_file_that_is_no_json_or_yaml_is_shown_where_it_breaks() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.json"), "{\n  \"id\": \"a\",\n  \"steps\": [}\n}\n").unwrap();
    fs::write(directory.path().join("b.yaml"), "id: a\nsteps: [\n").unwrap();
    let ran = run_in(directory.path(), &["validate", "a.json", "b.yaml"]);
    assert_eq!(ran.code, 1);
    assert_snapshot!(ran.stdout);
}

#[test]
fn validate_answers_programs_with_every_diagnostic() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("order.json"), BAD).unwrap();
    let ran = run_in(directory.path(), &["validate", "--json", "order.json"]);
    assert_eq!(ran.code, 1);
    let verdicts = ran.json();
    assert_eq!(verdicts[0]["id"], "order-processing");
    assert_eq!(verdicts[0]["ok"], false);
    let pointers: Vec<_> = verdicts[0]["diagnostics"].as_array().unwrap().iter().map(|found| found["pointer"].clone()).collect();
    assert!(pointers.contains(&"/steps/1/dependsOn/0".into()), "{pointers:?}");
}

#[test]
fn eval_prints_as_javascript_does() {
    let eval = |expression: &str, scope: &str| run(&["eval", expression, "--scope", scope]).stdout;
    assert_eq!(eval("score.risk < 0.3", r#"{"score": {"risk": 0.2}}"#), "true\n");
    assert_eq!(eval("'total ' + (0.1 + 0.2)", "{}"), "total 0.30000000000000004\n");
    assert_eq!(eval("items.filter(i => i > 1)", r#"{"items": [1, 2, 3]}"#), "[2,3]\n");
    assert_eq!(eval("nothing", "{}"), "undefined\n");
    assert_eq!(eval("state['fraud-check'].ok", r#"{"fraud-check": {"ok": true}}"#), "true\n");
    assert_eq!(run(&["eval", "--json", "nothing"]).stdout, "null\n");
    assert_eq!(run(&["eval", "--json", "'a\"b'"]).stdout, "\"a\\\"b\"\n");
}

#[test]
fn an_expression_that_does_not_parse_has_a_caret_and_one_that_throws_a_reason() {
    let ran = run(&["eval", "score.risk < 0.3 &&& ok"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert_snapshot!(ran.stderr);
    let ran = run(&["eval", "scroe.risk"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("`scroe` is neither a step nor a field of input or context"), "{}", ran.stderr);
    assert_eq!(run(&["eval", "--json", "1 +"]).json()["column"], 4);
}

#[test]
fn usage_errors_exit_with_2() {
    for arguments in [
        &["nope"][..],
        &["status"],
        &["list", "--status", "fine"],
        &["list", "--limit", "0"],
        &["list", "--since", "yesterday-ish"],
        &["start", "order", "--input", "{"],
        &["start", "order", "--input", "@/there/is/no/such/file"],
        &["eval", "1", "--scope", "[]"],
        &["status", ".."],
        &["--url", "gopher://x", "list"],
        &["endpoint", "add", "a", "http://127.0.0.1:1", "--timeout", "soon"],
        &["endpoint", "add", "a", "http://127.0.0.1:1", "--secret-env", "NOT_SET"],
        &["validate", "/there/is/no/such/file"],
        &["serve", "--config", "/there/is/no/such/file"],
        &["serve", "--log", "workflow=louder"],
        &["serve", "--stop-within", "soon"],
    ] {
        let ran = run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        assert!(ran.stderr.starts_with("error: "), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn a_server_that_is_not_there_is_said_with_what_to_do() {
    let ran = run(&["--url", "http://127.0.0.1:9", "list"]);
    assert_eq!(ran.code, 1);
    let expected = "error: cannot reach the server at http://127.0.0.1:9: connection refused; is `workflow serve` running? \
                    (set --url or WORKFLOW_URL)\n";
    assert_eq!(ran.stderr, expected);
    assert_eq!(run(&["--url", "http://127.0.0.1:9", "list", "--json"]).json()["code"], "unreachable");
}

#[test]
fn the_overview_and_every_help_fit_their_reader() {
    let overview = run(&[]);
    assert_eq!(overview.code, 0);
    assert_snapshot!(overview.stdout);
    for command in [
        "serve",
        "register",
        "validate",
        "definitions",
        "delete",
        "start",
        "status",
        "history",
        "watch",
        "graph",
        "top",
        "man",
        "list",
        "pause",
        "resume",
        "cancel",
        "retry",
        "delete-execution",
        "replay",
        "event",
        "eval",
        "endpoint",
        "nodes",
        "reencrypt",
        "doctor",
        "completions",
    ] {
        let help = run(&[command, "--help"]).stdout;
        assert!(help.contains(&format!("workflow {command}")) && help.contains("Example"), "{help}");
        let widest = help.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 110, "{command}: {widest} columns\n{help}");
    }
}

/// The npm package runs the same command line under another name.
#[cfg(unix)]
#[test]
fn whatever_can_be_typed_names_the_program_as_it_was_typed() {
    use std::os::unix::process::CommandExt;
    let as_typed = |arguments: &[&str]| finished(workflow(arguments).arg0("npx workflow.do").output().unwrap());
    let help = as_typed(&["start", "--help"]).stdout;
    assert!(help.contains("Usage: npx workflow.do start [OPTIONS] <ID>"), "{help}");
    assert!(help.contains("| npx workflow.do start order-processing --input -"), "{help}");
    let overview = as_typed(&[]).stdout;
    assert!(
        overview.contains("  npx workflow.do serve  ") && overview.contains("`npx workflow.do COMMAND --help`"),
        "{overview}"
    );
    let usage = as_typed(&["status"]).stderr;
    assert!(usage.contains("Usage: npx workflow.do status"), "{usage}");
    let hint = as_typed(&["--url", "http://127.0.0.1:9", "list"]).stderr;
    assert!(hint.contains("is `npx workflow.do serve` running?"), "{hint}");
    assert_eq!(as_typed(&["--version"]).stdout, run(&["--version"]).stdout);
}

#[test]
fn completions_are_made_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = run(&["completions", shell]);
        assert_eq!(ran.code, 0);
        assert!(ran.stdout.contains("register") && ran.stdout.contains("idempotency-key"), "{shell}");
    }
}

#[test]
fn manual_pages_are_made_for_every_command() {
    let page = run(&["man"]);
    assert!(page.stdout.contains(".TH workflow 1") && page.stdout.contains("WORKFLOW_TOKEN"), "{}", page.stdout);
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("man1");
    assert_eq!(run(&["man", "--dir", folder.to_str().unwrap()]).code, 0);
    for name in ["workflow", "workflow-watch", "workflow-token-create"] {
        let text = fs::read_to_string(folder.join(format!("{name}.1"))).unwrap();
        assert!(text.contains(&format!(".TH {name} 1")), "{text}");
    }
    let watch = fs::read_to_string(folder.join("workflow-watch.1")).unwrap();
    assert!(watch.contains("3 cancelled") && watch.contains("exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b"), "{watch}");
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let coloured = |arguments: &[&str]| run(arguments).stderr.contains('\u{1b}');
    assert!(!coloured(&["eval", "1 +"]));
    assert!(coloured(&["--color", "always", "eval", "1 +"]));
    let forced = workflow(&["--color", "never", "eval", "1 +"]).env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(!finished(forced).stderr.contains('\u{1b}'));
}
