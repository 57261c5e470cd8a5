//! The screen, drawn.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Borders, Clear, Paragraph};

use super::app::{App, List, Open, Provider};
use super::source::Seen;
use super::styled::line;
use crate::client::model::Summary;
use crate::client::overview::ErrorKind;
use crate::render::{
    self, Clock, ascii_of, bold, columns, cut_columns, cut_styled, dim, first_line, look, one_line, painted, ticking, wrap_styled,
};

/// Below so many columns only what matters most is shown.
const NARROW: usize = 90;

/// What the terminal can show.
#[derive(Debug, Clone, Copy)]
pub struct Looks {
    pub ascii: bool,
    pub colours: bool,
}

pub fn draw(frame: &mut Frame<'_>, app: &App, clock: &Clock, looks: Looks) {
    let area = frame.area();
    let [head, body, foot] = Layout::vertical([Constraint::Length(5), Constraint::Min(3), Constraint::Length(1)]).areas(area);
    draw_head(frame, head, app, clock);
    match &app.open {
        None => draw_lists(frame, body, app, clock),
        Some(Open::Execution { id, watched, why_not }) => {
            let lines = match (watched, why_not) {
                (Some(watched), _) => {
                    let width = usize::from(body.width).saturating_sub(1);
                    render::watch(watched, clock, width, usize::from(body.height) + 1, 0)
                }
                (None, Some(why)) => vec![painted(look("failed").style, &one_line(why))],
                (None, None) => vec![dim(&format!("{} ...", one_line(id)))],
            };
            put(frame, body, &lines);
        }
        Some(Open::Error(kind)) => put(frame, body, &error(kind, clock, usize::from(body.width))),
    }
    put(frame, foot, &[footer(app, usize::from(area.width))]);
    if app.shows_help {
        draw_help(frame, body);
    }
    if looks.ascii || !looks.colours {
        reduce(frame, looks);
    }
}

/// Cells that are not for this terminal.
fn reduce(frame: &mut Frame<'_>, looks: Looks) {
    for cell in &mut frame.buffer_mut().content {
        if looks.ascii && !cell.symbol().is_ascii() {
            let c = cell.symbol().chars().next().map_or(' ', ascii_of);
            cell.set_char(c);
        }
        if !looks.colours {
            cell.set_fg(Color::Reset).set_bg(Color::Reset);
        }
    }
}

fn put(frame: &mut Frame<'_>, area: Rect, lines: &[String]) {
    let lines: Vec<Line<'_>> = lines.iter().map(|text| line(text)).collect();
    frame.render_widget(Paragraph::new(lines), area);
}

fn draw_head(frame: &mut Frame<'_>, area: Rect, app: &App, clock: &Clock) {
    let width = usize::from(area.width);
    let Some(seen) = &app.seen else {
        put(frame, area, &[dim("looking ...")]);
        return;
    };
    let system = &seen.system;
    let state = match (&app.lost, app.is_held) {
        (Some((since, why)), _) => {
            let text = format!("connection lost {}: {}", clock.relative(*since), first_line(why));
            painted(look("retrying").style, &cut_columns(&text, width / 2))
        }
        (None, true) => painted(look("paused").style, "‖ held"),
        (None, false) => format!("{} live", painted(look("completed").style, "●")),
    };
    let left = format!(
        "{} {}",
        bold(&one_line(&app.address)),
        dim(&format!("{}, up {}", one_line(&system.version), ticking(system.uptime_ms)))
    );
    let room = width.saturating_sub(columns(&left) + columns(&state));
    put(
        frame,
        area,
        &[
            format!("{left}{}{state}", " ".repeat(room.max(1))),
            cut_styled(&counts(seen, width), width + 1),
            cut_styled(&rates(seen), width + 1),
            cut_styled(&queue(seen), width + 1),
        ],
    );
}

/// `● Running 212   ⧗ Waiting 4,031 ...`; what is 0 is faint, what needs nobody too.
fn counts(seen: &Seen, width: usize) -> String {
    let of = |status: &str| seen.counts.by_status.get(status).copied().unwrap_or(0);
    let attention = &seen.counts.attention;
    let all = [
        ("running", "running", of("running") + of("pending")),
        ("waiting", "waiting", of("waiting")),
        ("retrying", "retrying", attention.retrying),
        ("noWorker", "no worker", attention.no_worker),
        ("overdue", "overdue", attention.overdue),
        ("paused", "paused", of("paused")),
        ("failed", "failed", of("failed")),
        ("completed", "completed", of("completed")),
        ("cancelled", "cancelled", of("cancelled")),
    ];
    let shown = |(status, word, count): (&str, &str, u64)| match count {
        0 => dim(&format!("{} {word} 0", look(status).glyph)),
        count => format!("{} {}", look(status).with(word), bold(&grouped(count))),
    };
    let line =
        |wanted: &dyn Fn(u64) -> bool| all.into_iter().filter(|of| wanted(of.2)).map(shown).collect::<Vec<_>>().join("   ");
    let whole = line(&|_| true);
    // Where it is narrow, what is not there is not said.
    if columns(&whole) <= width { whole } else { line(&|count| count > 0) }
}

/// `1,204,331`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn rates(seen: &Seen) -> String {
    let system = &seen.system;
    let rate =
        |name: &str, rate: f64, series: &[f64]| format!("{} {} {}", dim(name), spark(series, 12), bold(&format!("{rate:.1}/s")));
    let p99 =
        system.commit_p99_ms.map(|ms| format!("   {} {}", dim("commit p99"), bold(&format!("{ms:.1} ms")))).unwrap_or_default();
    let steps = rate("steps", system.rates.steps, &system.series.steps);
    format!("{}   {steps}{p99}", rate("starts", system.rates.starts, &system.series.starts))
}

fn queue(seen: &Seen) -> String {
    let system = &seen.system;
    let queue = &system.queue;
    let oldest = queue.oldest_ms.filter(|_| queue.ready > 0).map(|ms| format!(", oldest {}", ticking(ms))).unwrap_or_default();
    let free = system.store.disk_free_bytes.map(|free| format!(", {} free", render::bytes(free))).unwrap_or_default();
    let store = render::bytes(system.store.bytes + system.store.log_bytes);
    format!("{} {} ready, {} running{oldest}   {} {store}{free}", dim("queue"), queue.ready, queue.running, dim("store"))
}

/// The newest values, each as high as it is beside the highest.
fn spark(values: &[f64], columns: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let newest = &values[values.len().saturating_sub(columns)..];
    let most = newest.iter().copied().fold(0.0, f64::max);
    // Between 0 and 7: a share of the highest.
    let bar = |value: &f64| if most > 0.0 { BARS[((value / most) * 7.0).round() as usize % 8] } else { BARS[0] };
    painted(look("running").style, &newest.iter().map(bar).collect::<String>())
}

fn draw_lists(frame: &mut Frame<'_>, area: Rect, app: &App, clock: &Clock) {
    let (errors, providers) = (app.errors(), app.providers());
    // Each list gets what it needs, up to its share.
    let share = |rows: usize, most: u16| (u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2)).clamp(3, most.max(3));
    let lower = [share(errors.len(), area.height / 3), share(providers.len(), area.height / 4)];
    let parts = [Constraint::Min(3), Constraint::Length(lower[0]), Constraint::Length(lower[1])];
    let [first, second, third] = Layout::vertical(parts).areas(area);
    let width = usize::from(area.width).saturating_sub(4);
    let rows: Vec<String> = app.attention().into_iter().map(|row| execution(row, clock, width)).collect();
    let title = format!("Needs somebody{}", shown(rows.len(), app));
    list(frame, first, app, List::Attention, &title, &rows, "Nothing needs anybody.");
    let rows: Vec<String> = errors.into_iter().map(|kind| error_row(kind, clock, width)).collect();
    let totals = app.seen.as_ref().and_then(|seen| seen.errors.as_ref());
    let title = match totals {
        Some(errors) => {
            format!("Errors of 24 h: {} failed now, {} retrying", grouped(errors.failed_now), grouped(errors.retrying_now))
        }
        None => "Errors".to_owned(),
    };
    let empty = if totals.is_some() { "Nothing failed in the last 24 hours." } else { "The server does not say." };
    list(frame, second, app, List::Errors, &title, &rows, empty);
    let rows: Vec<String> = providers.into_iter().map(|provider| provided(provider, clock)).collect();
    let is_told = app.seen.as_ref().is_some_and(|seen| seen.workers.is_some());
    let empty =
        if is_told { "No worker is connected; actions in the server's process need none." } else { "The server does not say." };
    list(frame, third, app, List::Workers, "Workers", &rows, empty);
}

fn shown(rows: usize, app: &App) -> String {
    if app.filter.is_empty() { String::new() } else { format!(" ({rows} with “{}”)", one_line(&app.filter)) }
}

fn list(frame: &mut Frame<'_>, area: Rect, app: &App, list: List, title: &str, rows: &[String], empty: &str) {
    let has_focus = app.focus == list;
    let border = if has_focus { Style::new().fg(Color::Cyan) } else { Style::new().add_modifier(Modifier::DIM) };
    let title =
        Span::styled(format!(" {title} "), Style::new().add_modifier(if has_focus { Modifier::BOLD } else { Modifier::empty() }));
    let block = Block::new().borders(Borders::ALL).border_type(BorderType::Rounded).border_style(border).title(title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if rows.is_empty() {
        put(frame, inner, &[dim(&format!(" {empty}"))]);
        return;
    }
    let height = usize::from(inner.height);
    let chosen = app.chosen[list as usize];
    let top = chosen.saturating_sub(height.saturating_sub(1));
    for (place, row) in rows.iter().enumerate().skip(top).take(height) {
        let offset = u16::try_from(place - top).unwrap_or(u16::MAX);
        let area = Rect { y: inner.y + offset, height: 1, ..inner };
        put(frame, area, &[format!(" {}", cut_styled(row, usize::from(inner.width)))]);
        if place == chosen && has_focus {
            frame.buffer_mut().set_style(area, Style::new().add_modifier(Modifier::REVERSED));
        }
    }
}

fn execution(row: &Summary, clock: &Clock, width: usize) -> String {
    let status = row.attention.as_deref().unwrap_or(&row.status);
    let why = match row.reasons.first() {
        Some(reason) => render::sentence(reason, clock),
        None => {
            let step = row.error_step_id.as_deref().map(|step| format!("{}: ", one_line(step))).unwrap_or_default();
            format!("{step}{}", row.error.as_deref().map(first_line).unwrap_or_default())
        }
    };
    let more = if row.reason_count > 1 { dim(&format!(" +{}", row.reason_count - 1)) } else { String::new() };
    let at = row.completed_at.unwrap_or(row.started_at);
    // The end of an id is what tells it from others.
    let short: String = row.id.chars().rev().take(8).collect::<Vec<_>>().into_iter().rev().collect();
    let is_narrow = width < NARROW;
    let name_width = if is_narrow { width / 4 } else { 28 };
    let name = cut_columns(&format!("{} v{}", one_line(&row.workflow_id), row.workflow_version), name_width);
    let steps = pad(&format!("{}/{}", row.step_counts.completed, row.step_counts.total), 7);
    let when = pad(&clock.relative(at), 13);
    let details = if is_narrow { String::new() } else { dim(&format!("{steps} {when} ")) };
    let head = format!(
        "{} {} {} {details}",
        look(status).painted_glyph(),
        pad(&name, name_width),
        dim(&format!("…{}", one_line(&short)))
    );
    let left = width.saturating_sub(columns(&head) + columns(&more));
    format!("{head}{}{more}", cut_styled(&why, left))
}

fn error_row(kind: &ErrorKind, clock: &Clock, width: usize) -> String {
    let count = |count: u64, word: &str, status: &str| match count {
        0 => dim(&pad(&format!("0 {word}"), 12)),
        count => painted(look(status).style, &pad(&format!("{} {word}", grouped(count)), 12)),
    };
    let history: Vec<f64> = kind.buckets.iter().map(|bucket| bucket.count as f64).collect();
    let mut tail = count(kind.failed_now, "failed", "failed");
    if width >= NARROW {
        let retrying = count(kind.retrying_now, "retrying", "retrying");
        let last = pad(&dim(&format!("last {}", clock.relative(kind.last_seen))), 18);
        tail += &format!(" {retrying} {} {last}", pad(&spark(&history, 12), 12));
    }
    let room = width.saturating_sub(columns(&tail) + 2);
    let place = kind.steps.first().map(place).unwrap_or_default();
    let name = cut_columns(&format!("{}  {}", first_line(&kind.template), place), room);
    format!("{}  {tail}", pad(&name, room))
}

fn place(step: &crate::client::overview::ErrorStep) -> String {
    let id = step.step_id.as_deref().map(|id| format!(".{}", one_line(id))).unwrap_or_default();
    format!("{}{id}", one_line(&step.workflow_id))
}

fn provided(provider: Provider<'_>, clock: &Clock) -> String {
    match provider {
        Provider::Wanted(action) => {
            let since =
                action.oldest_since.map(|since| format!(", the first for {}", clock.ticking_since(since))).unwrap_or_default();
            let text = format!("nobody provides {}: {} wait{since}", one_line(&action.action), grouped(action.waiting));
            look("noWorker").with(&painted(look("noWorker").style, &text))
        }
        Provider::Worker(worker) => {
            let glyph = look(if worker.unreachable.is_some() { "failed" } else { "completed" }).painted_glyph();
            let busy = format!("{} of {} busy", worker.running, worker.slots);
            let what = match &worker.unreachable {
                Some(why) => painted(look("failed").style, &format!("unreachable: {}", first_line(why))),
                None => dim(&one_line(&worker.actions.join(", "))),
            };
            let kind = dim(&pad(&one_line(&worker.kind), 10));
            format!("{glyph} {} {kind} {}  {what}", pad(&cut_columns(&one_line(&worker.name), 24), 24), pad(&busy, 16))
        }
    }
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

fn error(kind: &ErrorKind, clock: &Clock, width: usize) -> Vec<String> {
    let mut lines = vec![format!("{} {}", look("failed").painted_glyph(), bold(&first_line(&kind.template))), String::new()];
    let now = format!(
        "{} failed now, {} retrying; {} attempts failed in 24 h",
        grouped(kind.failed_now),
        grouped(kind.retrying_now),
        grouped(kind.total)
    );
    lines.push(format!("  {now}, first {}, last {}", clock.relative(kind.first_seen), clock.relative(kind.last_seen)));
    lines.push(format!("  {} {}", dim("at"), kind.steps.iter().map(place).collect::<Vec<_>>().join(", ")));
    lines.push(String::new());
    lines.push(format!("  {}", dim("an example")));
    lines.extend(
        wrap_styled(&one_line(&kind.sample.message), width.saturating_sub(4)).into_iter().take(8).map(|line| format!("  {line}")),
    );
    lines.push(String::new());
    let retry = crate::program::command(format_args!("retry --error {} --one-first", one_line(&kind.fingerprint)));
    lines.push(format!("  {}  {}", render::code(&retry), dim("tries one, then the others")));
    lines.push(format!("  {}", dim("Enter shows the newest execution that failed so")));
    lines
}

fn footer(app: &App, width: usize) -> String {
    if app.is_typing {
        return format!("/{}█  {}", one_line(&app.filter), dim("Enter keeps it, Esc drops it"));
    }
    let keys: &[(&str, &str)] = match app.open {
        Some(_) => &[("Esc", "back"), ("p", "hold"), ("?", "help"), ("Ctrl-C", "end")],
        None => &[
            ("↑↓", "choose"),
            ("Enter", "open"),
            ("Tab", "next list"),
            ("/", "filter"),
            ("p", "hold"),
            ("?", "help"),
            ("q", "end"),
        ],
    };
    let keys = keys.iter().map(|(key, what)| format!("{} {}", bold(key), dim(what))).collect::<Vec<_>>().join("   ");
    cut_styled(&keys, width + 1)
}

fn draw_help(frame: &mut Frame<'_>, body: Rect) {
    const LINES: [&str; 11] = [
        "↑ ↓  j k        choose a row",
        "PgUp PgDn g G   far",
        "Tab             the next list",
        "Enter  →        open: the graph, why it waits, what happened",
        "Esc  ←          back; without anything open: no filter",
        "/               only rows with a text",
        "p               hold the picture, and let it go on",
        "q               end",
        "",
        "Each row says why it is here. To act on what you see:",
        "workflow retry, cancel, pause, resume, replay",
    ];
    let width = body.width.min(66);
    let height = body.height.min(13);
    let area = Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 2, width, height };
    frame.render_widget(Clear, area);
    let block = Block::new().borders(Borders::ALL).border_type(BorderType::Rounded).title(" Keys ");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    put(frame, inner, &LINES.map(|text| format!(" {text}")));
}
