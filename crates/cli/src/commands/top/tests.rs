//! The screen over recorded answers of a server.

use anstream::adapter::strip_str;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};

use super::app::{Action, App, List};
use super::source::{News, Seen};
use super::view::{Looks, draw};
use crate::render::Clock;

/// 2026-11-23T14:02:00Z.
const NOW: i64 = 1_795_442_520_000;

fn clock() -> Clock {
    Clock { now: NOW, zone: jiff::tz::TimeZone::UTC }
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn row(n: u64, more: Value) -> Value {
    let mut row = json!({ "id": format!("exec_{n:032x}"), "workflowId": "order-processing", "workflowVersion": 7, "status": "running",
        "startedAt": NOW - 120_000, "stepCounts": { "total": 5, "completed": 2 }, "reasonCount": 1 });
    row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    row
}

fn seen() -> Seen {
    let retry = json!({ "kind": "retry", "stepId": "charge", "since": NOW - 2_000, "until": NOW + 38_000, "attempt": 3, "maxAttempts": 5, "failedAttempts": 2, "error": "Card network timeout" });
    let worker = json!({ "kind": "worker", "stepId": "limits", "action": "limits", "since": NOW - 540_000 });
    Seen {
        system: read(
            json!({ "version": "0.1.0", "uptimeMs": 7_380_000, "store": { "bytes": 12_900_000, "logBytes": 0, "diskFreeBytes": 46_000_000_000_u64, "executions": 1_204_331 },
            "queue": { "ready": 9, "running": 3, "oldestMs": 540_000 }, "rates": { "starts": 12.5, "ends": 12.0, "steps": 61.0, "commits": 80.0 }, "commitP99Ms": 3.5,
            "series": { "starts": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12], "steps": [60, 60, 61] } }),
        ),
        counts: read(
            json!({ "byStatus": { "running": 212, "waiting": 4031, "failed": 341, "completed": 1_204_331, "paused": 2 }, "attention": { "retrying": 18, "noWorker": 9, "overdue": 0 } }),
        ),
        attention: vec![
            read(row(1, json!({ "attention": "noWorker", "reasons": [worker], "reasonCount": 3 }))),
            read(row(2, json!({ "attention": "retrying", "status": "waiting", "reasons": [retry] }))),
            read(row(
                3,
                json!({ "status": "failed", "error": "Card 4242 declined", "errorStepId": "charge", "completedAt": NOW - 12_000 }),
            )),
        ],
        errors: Some(read(
            json!({ "failedNow": 341, "retryingNow": 18, "errors": [{ "fingerprint": "db92cbb4bc69bcba", "template": "Card <n> declined", "code": "declined",
            "sample": { "message": "Card 4242 declined", "executionId": "exec_00000000000000000000000000000003" }, "steps": [{ "workflowId": "order-processing", "stepId": "charge" }],
            "failedNow": 312, "retryingNow": 0, "total": 940, "firstSeen": NOW - 7_200_000, "lastSeen": NOW - 12_000, "buckets": [{ "count": 1 }, { "count": 9 }] }] }),
        )),
        workers: Some(read(
            json!({ "workers": [{ "name": "orders", "kind": "endpoint", "actions": ["charge", "reserve"], "running": 3, "slots": 64 },
            { "name": "mail", "kind": "endpoint", "actions": [], "running": 0, "slots": 4, "unreachable": "connection refused" }] }),
        )),
        actions: Some(read(
            json!({ "actions": [{ "action": "limits", "providers": [], "waiting": 9, "oldestSince": NOW - 540_000 }, { "action": "charge", "providers": ["orders"], "waiting": 2 }] }),
        )),
    }
}

fn app() -> App {
    let mut app = App::new("http://127.0.0.1:4747".to_owned());
    app.news(News::Seen(Box::new(seen())), &clock());
    app
}

fn press(app: &mut App, code: KeyCode) -> Action {
    app.key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn screen(app: &App, (width, height): (u16, u16), looks: Looks) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, app, &clock(), looks)).unwrap();
    terminal
}

const ALL: Looks = Looks { ascii: false, colours: true };

#[test]
fn a_busy_server() {
    insta::assert_snapshot!(screen(&app(), (120, 30), ALL).backend());
}

#[test]
fn a_small_terminal() {
    insta::assert_snapshot!(screen(&app(), (60, 16), ALL).backend());
}

#[test]
fn a_server_that_is_gone_and_an_error_that_is_open() {
    let mut app = app();
    app.news(News::Lost("connection refused".to_owned()), &clock());
    press(&mut app, KeyCode::Tab);
    press(&mut app, KeyCode::Enter);
    insta::assert_snapshot!(screen(&app, (100, 20), ALL).backend());
}

#[test]
fn without_colours_and_with_ascii_alone() {
    let terminal = screen(&app(), (100, 24), Looks { ascii: true, colours: false });
    let cells = &terminal.backend().buffer().content;
    assert!(cells.iter().all(|cell| cell.symbol().is_ascii()));
    assert!(cells.iter().all(|cell| cell.fg == ratatui::style::Color::Reset && cell.bg == ratatui::style::Color::Reset));
    // What is chosen can be seen without colours.
    assert!(cells.iter().any(|cell| cell.modifier.contains(ratatui::style::Modifier::REVERSED)));
}

#[test]
fn any_size_can_be_drawn() {
    for width in [1, 5, 20, 79, 300] {
        for height in [1, 3, 8, 25, 100] {
            screen(&app(), (width, height), ALL);
        }
    }
}

#[test]
fn keys_choose_open_and_go_back() {
    let mut app = app();
    press(&mut app, KeyCode::Down);
    press(&mut app, KeyCode::Enter);
    assert_eq!(app.opened(), Some("exec_00000000000000000000000000000002"));
    assert_eq!(press(&mut app, KeyCode::Char('q')), Action::None);
    assert_eq!((app.opened(), app.chosen[0]), (None, 1));
    press(&mut app, KeyCode::End);
    assert_eq!(app.chosen[0], 2);
    press(&mut app, KeyCode::Down);
    assert_eq!(app.chosen[0], 2);
    press(&mut app, KeyCode::Tab);
    assert_eq!(app.focus, List::Errors);
    press(&mut app, KeyCode::Enter);
    press(&mut app, KeyCode::Enter);
    assert_eq!(app.opened(), Some("exec_00000000000000000000000000000003"));
    press(&mut app, KeyCode::Esc);
    assert_eq!(press(&mut app, KeyCode::Char('q')), Action::Quit);
    assert_eq!(app.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Action::Quit);
}

#[test]
fn a_filter_is_typed_kept_and_dropped() {
    let mut app = app();
    for c in "/declined".chars() {
        press(&mut app, KeyCode::Char(c));
    }
    assert_eq!((app.attention().len(), app.errors().len()), (1, 1));
    // Keys are letters while it is typed.
    assert_eq!(press(&mut app, KeyCode::Char('q')), Action::None);
    assert_eq!(app.attention().len(), 0);
    press(&mut app, KeyCode::Backspace);
    press(&mut app, KeyCode::Enter);
    assert_eq!(app.attention().len(), 1);
    press(&mut app, KeyCode::Esc);
    assert_eq!(app.attention().len(), 3);
}

/// Rows come and go while one looks: the one that is chosen stays chosen.
#[test]
fn what_is_chosen_moves_with_its_row_and_a_held_picture_stays() {
    let mut app = app();
    press(&mut app, KeyCode::Down);
    let mut next = seen();
    next.attention.remove(0);
    app.news(News::Seen(Box::new(next)), &clock());
    assert_eq!(app.chosen[0], 0);
    assert_eq!(app.attention()[0].id, "exec_00000000000000000000000000000002");
    press(&mut app, KeyCode::Char('p'));
    app.news(News::Seen(Box::new(seen())), &clock());
    assert_eq!(app.attention().len(), 2);
}

#[test]
fn what_others_wrote_stays_text() {
    const EVIL: &str = "\u{1b}[2J\u{202e}\u{7}\r\n";
    let mut seen = seen();
    seen.attention[2].error = Some(EVIL.to_owned());
    seen.attention[2].workflow_id = EVIL.to_owned();
    let mut errors = seen.errors.take().unwrap();
    errors.errors[0].template = EVIL.to_owned();
    errors.errors[0].sample.message = EVIL.to_owned();
    seen.errors = Some(errors);
    let mut app = App::new(EVIL.to_owned());
    app.news(News::Seen(Box::new(seen)), &clock());
    app.news(News::Lost(EVIL.to_owned()), &clock());
    for open in [false, true] {
        if open {
            app.focus = List::Errors;
            press(&mut app, KeyCode::Enter);
        }
        let terminal = screen(&app, (120, 30), ALL);
        let text: String = terminal.backend().buffer().content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}");
        assert!(strip_str(&text).to_string().contains("\\u{1b}[2J"), "{text}");
    }
}
