//! What people look at: `watch`, `graph`, `history` as a timeline and `top`, against `workflow serve`.

use std::path::Path;
use std::process::Stdio;

use crate::process::{finished, workflow};
use crate::served::{Served, directory};

/// A timer that is long enough to be seen and short enough to be waited for.
const NAP: &str = r#"{"id": "nap", "steps": [
  {"id": "lie-down", "action": "noop"},
  {"id": "sleep", "action": "noop", "wait": "1500ms", "dependsOn": ["lie-down"]},
  {"id": "get-up", "action": "noop", "dependsOn": ["sleep"]}
]}"#;

/// Two that can run, one that is not wanted, and one that nobody can run.
const REVIEW: &str = r#"{"id": "review", "steps": [
  {"id": "score", "action": "noop"},
  {"id": "manual", "action": "noop", "dependsOn": ["score"], "condition": "input.risk > 3"},
  {"id": "charge", "action": "chargeCard", "dependsOn": ["score"], "onError": "branch", "errorBranch": "refund"},
  {"id": "refund", "action": "noop"}
]}"#;

fn served(directory: &Path, arguments: &[&str]) -> Served {
    let served = Served::start(directory, arguments);
    for (name, text) in [("nap.json", NAP), ("review.json", REVIEW)] {
        let file = directory.join(name);
        std::fs::write(&file, text).unwrap();
        assert_eq!(served.run(&["register", file.to_str().unwrap()]).code, 0);
    }
    served
}

fn start(served: &Served, workflow: &str) -> String {
    served.run(&["start", workflow, "--json"]).json()["id"].as_str().unwrap().to_owned()
}

#[test]
fn watch_elsewhere_than_on_a_terminal_is_a_line_an_entry_and_ends_with_the_execution() {
    let directory = directory();
    let served = served(directory.path(), &["--db", ":memory:"]);
    let id = start(&served, "nap");
    let ran = served.run(&["watch", &id]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    let lines: Vec<&str> = ran.stdout.lines().filter(|line| !line.is_empty()).collect();
    assert!(lines[1].contains("▷ execution starts v1"), "{}", ran.stdout);
    let count = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
    assert_eq!(
        (count("`lie-down` completed"), count("`sleep` completed"), count("`get-up` completed")),
        (1, 1, 1),
        "{}",
        ran.stdout
    );
    assert!(lines.last().unwrap().starts_with("✓ Completed in "), "{}", ran.stdout);
    let whole = served.run(&["watch", &id, "--json"]).json();
    assert_eq!((whole["id"].as_str(), whole["status"].as_str()), (Some(id.as_str()), Some("completed")));
}

#[test]
fn the_exit_code_of_watch_says_how_it_ended() {
    let directory = directory();
    let served = served(directory.path(), &["--db", ":memory:"]);
    let id = start(&served, "review");
    served.run(&["cancel", &id]);
    let ran = served.run(&["watch", &id]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stdout.contains("⊘ Cancelled by `127.0.0.1` at "), "{}", ran.stdout);
    let missing = served.run(&["watch", "exec_00000000000000000000000000000000"]);
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.starts_with("error[execution_not_found]: "), "{}", missing.stderr);
}

/// A server that is killed in the middle and started again: each entry is told once, and the end is seen.
#[test]
fn watch_goes_on_when_the_server_is_started_again() {
    let directory = directory();
    let first = served(directory.path(), &["--db", "naps.db"]);
    let url = first.url.clone();
    let listen = url.trim_start_matches("http://").to_owned();
    let id = start(&first, "nap");
    let mut command = workflow(&["watch", &id]);
    let command = command.env("WORKFLOW_URL", &url).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut seen = String::new();
    while !seen.contains("`sleep` waits") {
        assert_ne!(std::io::BufRead::read_line(&mut out, &mut seen).unwrap(), 0, "{seen}");
    }
    drop(first);
    let _second = Served::start(directory.path(), &["--db", "naps.db", "--listen", &listen]);
    std::io::Read::read_to_string(&mut out, &mut seen).unwrap();
    let ran = finished(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 0, "{seen}\n{}", ran.stderr);
    let numbers: Vec<u64> = seen.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{seen}");
    assert!(seen.contains("✓ Completed in "), "{seen}");
}

#[test]
fn graph_shows_what_became_of_each_step() {
    let directory = directory();
    let served = served(directory.path(), &["--db", ":memory:"]);
    let id = start(&served, "review");
    let drawn = served.run(&["graph", &id]).stdout;
    for part in
        ["✓ score", "– manual", "condition false", "◌ charge", "no worker", "↯", "refund", "No worker provides `chargeCard`."]
    {
        assert!(drawn.contains(part), "no {part}:\n{drawn}");
    }
    let mermaid = served.run(&["graph", "review", "--format", "mermaid"]).stdout;
    let expected = "\
---
title: \"review v1\"
---
flowchart LR
  s0[\"score\"]:::step
  s1[\"manual<br/>if input.risk #62; 3\"]:::step
  s2[\"charge\"]:::step
  s3[\"refund\"]:::step
  s0 --> s1
  s0 --> s2
  s2 -.->|when it fails| s3
  classDef step fill:#FFFFFF,stroke:#8B8C84,color:#1C1D1A
";
    assert_eq!(mermaid, expected);
    assert!(served.run(&["graph", "nothing"]).stderr.starts_with("error[workflow_not_found]"));
}

#[test]
fn history_is_a_list_for_programs_and_a_timeline_when_it_is_asked_for() {
    let directory = directory();
    let served = served(directory.path(), &["--db", ":memory:"]);
    let id = start(&served, "nap");
    assert_eq!(served.run(&["watch", &id]).code, 0);
    let list = served.run(&["history", &id]).stdout;
    assert_eq!(served.run(&["history", "--list", &id]).stdout, list);
    assert!(list.contains("▷ execution starts") && !list.contains('╞'), "{list}");
    let drawn = served.run(&["history", "--timeline", &id]).stdout;
    assert!(drawn.contains("✓ sleep") && drawn.contains('╞'), "{drawn}");
    assert!(drawn.lines().all(|line| line.chars().count() <= 100), "{drawn}");
}

#[test]
fn many_are_cancelled_at_once_after_a_look() {
    let directory = directory();
    let served = served(directory.path(), &["--db", ":memory:"]);
    for _ in 0..3 {
        start(&served, "review");
    }
    let looked = served.run(&["cancel", "--workflow", "review", "--dry-run"]);
    assert_eq!(looked.code, 0, "{looked:?}");
    assert!(looked.stdout.starts_with("3 executions that have not ended of review\n"), "{}", looked.stdout);
    assert!(looked.stdout.ends_with("nothing was done: --dry-run\n"), "{}", looked.stdout);
    let asked = served.run(&["cancel", "--workflow", "review"]);
    assert_eq!(asked.code, 2);
    assert!(asked.stderr.contains("--yes is needed to cancel 3 executions where nobody can be asked"), "{}", asked.stderr);
    let done = served.run(&["cancel", "--workflow", "review", "--yes"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.stdout.contains("✓ 3 cancelled (job_"), "{}", done.stdout);
    assert!(served.run(&["cancel", "--workflow", "review", "--yes"]).stdout.ends_with("nothing to do\n"));
    let again = served.run(&["replay", "--workflow", "review", "--yes", "--json"]).json();
    assert_eq!((again["action"].as_str(), again["done"].as_u64()), (Some("replay"), Some(3)));
}

#[test]
fn ids_or_filters_have_to_be_given_and_not_both() {
    for (arguments, expected) in [
        (&["retry"][..], "which executions? give ids, or filters"),
        (&["retry", "exec_a", "--all"], "give ids or filters, not both"),
        (&["retry", "exec_a", "--dry-run"], "--dry-run and --one-first are for filters"),
        (&["replay", "--all", "--wait"], "--input and --wait are for one execution"),
        (&["replay", "exec_a", "exec_b"], "one execution is replayed at a time"),
    ] {
        let ran = crate::process::run(arguments);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(expected), "{arguments:?}: {}", ran.stderr);
    }
}

#[cfg(target_os = "linux")]
mod on_a_terminal {
    use super::{directory, served, start};
    use crate::served::Served;
    use crate::terminal::Terminal;

    #[test]
    fn watch_moves_in_place_and_leaves_the_terminal_as_it_was() {
        let directory = directory();
        let served = served(directory.path(), &["--db", ":memory:"]);
        let id = start(&served, "nap");
        let terminal = Terminal::run((30, 100), &served.url, &["watch", &id], &[]);
        terminal.shows("Completed in ");
        let left = terminal.left();
        assert_eq!((left.code, left.is_cursor_hidden, left.is_alternate), (0, false, false), "{}", left.screen);
        assert!(left.screen.contains("▕████████████████████████▏ 3 of 3 steps"), "{}", left.screen);
        // Drawn over and over in the same place, not below each other.
        assert_eq!(left.screen.matches("steps").count(), 2, "{}", left.screen);
        assert!(left.raw.matches("\u{1b}[?2026h").count() > 3, "{:?}", left.raw);
    }

    #[test]
    fn watch_is_left_by_ctrl_c_and_the_execution_goes_on() {
        let directory = directory();
        let served = served(directory.path(), &["--db", ":memory:"]);
        let id = start(&served, "review");
        let mut terminal = Terminal::run((24, 80), &served.url, &["watch", &id], &[("NO_COLOR", "1")]);
        terminal.shows("No worker provides `chargeCard`.");
        terminal.press("\u{3}");
        let left = terminal.left();
        assert_eq!((left.code, left.is_cursor_hidden), (130, false), "{}", left.screen);
        assert!(left.screen.contains("goes on without you"), "{}", left.screen);
        assert!(!left.raw.contains("\u{1b}[3"), "colours in spite of NO_COLOR: {:?}", left.raw);
        assert_eq!(served.run(&["status", &id, "--json"]).json()["status"], "running");
    }

    #[test]
    fn history_on_a_terminal_is_a_timeline() {
        let directory = directory();
        let served = served(directory.path(), &["--db", ":memory:"]);
        let id = start(&served, "nap");
        assert_eq!(served.run(&["watch", &id]).code, 0);
        let left = Terminal::run((24, 90), &served.url, &["history", &id], &[]).left();
        assert!(left.screen.contains("✓ sleep") && left.screen.contains('╞'), "{}", left.screen);
    }

    /// A terminal of another encoding gets ASCII, in place.
    #[test]
    fn another_locale_gets_ascii() {
        let directory = directory();
        let served = served(directory.path(), &["--db", ":memory:"]);
        let id = start(&served, "review");
        for arguments in [&["top"][..], &["watch", &id]] {
            let mut terminal = Terminal::run((30, 110), &served.url, arguments, &[("LC_ALL", "C")]);
            terminal.shows("No worker provides `chargeCard`.");
            terminal.press(if arguments == ["top"] { "q" } else { "\u{3}" });
            let left = terminal.left();
            assert!(left.raw.is_ascii(), "{:?}", left.raw.chars().find(|c| !c.is_ascii()));
        }
    }

    #[test]
    fn top_shows_what_needs_somebody_opens_it_and_gives_the_terminal_back() {
        let directory = directory();
        let served = served(directory.path(), &["--db", ":memory:"]);
        let id = start(&served, "review");
        let mut terminal = Terminal::run((34, 120), &served.url, &["top"], &[]);
        terminal.shows("No worker provides `chargeCard`.");
        terminal.shows(&format!("…{}", &id[id.len() - 8..]));
        terminal.shows("nobody provides chargeCard: 1 wait");
        terminal.shows("● live");
        terminal.press("\r");
        terminal.shows("2 of 4 steps");
        // What happens while it is open is seen.
        served.run(&["cancel", &id]);
        terminal.shows("Cancelled by `127.0.0.1`");
        terminal.press("\u{1b}");
        terminal.shows("Nothing needs anybody.");
        terminal.press("?");
        terminal.shows("hold the picture");
        terminal.press("x");
        terminal.becomes("closes its help", |screen| !screen.contains("hold the picture"));
        terminal.press("q");
        let left = terminal.left();
        assert_eq!((left.code, left.is_cursor_hidden, left.is_alternate), (0, false, false), "{}", left.screen);
    }

    #[test]
    fn top_filters_and_survives_its_server() {
        let directory = directory();
        let first = served(directory.path(), &["--db", "top.db"]);
        let url = first.url.clone();
        let (one, _) = (start(&first, "review"), start(&first, "nap"));
        let mut terminal = Terminal::run((34, 120), &url, &["top"], &[]);
        let row = format!("…{}", &one[one.len() - 8..]);
        terminal.shows(&row);
        terminal.press("/nothing-of-that-name\r");
        terminal.becomes("hides the row", |screen| !screen.contains(&row));
        terminal.press("\u{1b}");
        terminal.shows(&row);
        drop(first);
        terminal.shows("connection lost");
        let _second = Served::start(directory.path(), &["--db", "top.db", "--listen", url.trim_start_matches("http://")]);
        terminal.shows("● live");
        terminal.press("\u{3}");
        let left = terminal.left();
        assert_eq!((left.code, left.is_cursor_hidden, left.is_alternate), (0, false, false), "{}", left.screen);
    }

    #[test]
    fn many_are_asked_about_and_left_alone_without_a_yes() {
        let directory = directory();
        let served = served(directory.path(), &["--db", ":memory:"]);
        let id = start(&served, "review");
        let mut terminal = Terminal::run((24, 100), &served.url, &["cancel", "--all"], &[]);
        terminal.shows("Cancel 1? [y/N]");
        terminal.press("\n");
        let left = terminal.left();
        assert_eq!(left.code, 1);
        assert!(left.screen.contains("nothing was done"), "{}", left.screen);
        assert_eq!(served.run(&["status", &id, "--json"]).json()["status"], "running");
        let mut terminal = Terminal::run((24, 100), &served.url, &["cancel", "--all"], &[]);
        terminal.shows("Cancel 1? [y/N]");
        terminal.press("y\n");
        let left = terminal.left();
        assert_eq!((left.code, left.is_cursor_hidden), (0, false), "{}", left.screen);
        assert!(left.screen.contains("1 of 1  1 cancelled") && left.screen.contains("✓ 1 cancelled"), "{}", left.screen);
    }
}
