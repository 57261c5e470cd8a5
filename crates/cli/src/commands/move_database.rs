//! `workflow move`: everything of one database written to another, in this process.

use serde_json::json;
use workflow_core::status::Status;
use workflow_store::{Copied, CopyError, Location, copy};

use super::database::{Database, Refused};
use super::watch::interrupted;
use crate::args::Move;
use crate::error::Error;
use crate::keys;
use crate::output::{self, Live};
use crate::program;
use crate::render::{self, clean, code, counted, dim, look};

const BAR_COLUMNS: usize = 24;

pub fn run(arguments: &Move, json: bool) -> Result<(), Error> {
    let (from, to) = (Location::parse(&arguments.from), Location::parse(&arguments.to));
    expect_different(&from, &to)?;
    let keys = keys::given(arguments.keys.encryption_key_file.as_deref())?;
    let source =
        Database::open(&from, keys.clone()).map_err(|why| refused(why, "stop it first, so that nothing is written meanwhile"))?;
    let target = Database::open(&to, keys).map_err(|why| refused(why, "stop it, or choose an empty database"))?;
    let copied = copied(&source, &from, &target, json);
    let copied = copied.map_err(|error| not_copied(&error, (&source, &from), (&target, &to)))?;
    if json { output::json(&as_json(&from, &to, &copied)) } else { output::print(&told(&from, &to, &copied)) }
}

/// One of them must be there, and they must be two.
fn expect_different(from: &Location, to: &Location) -> Result<(), Error> {
    if let Location::Memory = from {
        return Err(Error::usage("a database in memory is gone when its server ends: FROM must be a file or postgres://..."));
    }
    if let Location::Memory = to {
        return Err(Error::usage("a database in memory is gone when the command ends: TO must be a file or postgres://..."));
    }
    if let Location::File(path) = from
        && !path.is_file()
    {
        return Err(Error::failed("store", format!("cannot open {from}: there is no such file")));
    }
    let same = match (from, to) {
        (Location::File(from), Location::File(to)) => to.exists() && from.canonicalize().ok() == to.canonicalize().ok(),
        (from, to) => from == to,
    };
    if same { Err(Error::usage(format!("FROM and TO are the same database, {from}"))) } else { Ok(()) }
}

fn refused(why: Refused, advice: &str) -> Error {
    match why {
        Refused::InUse(why) => Error::failed("in_use", format!("{why}; {advice}")),
        Refused::Other(why) => Error::failed("store", why),
    }
}

fn copied(source: &Database, from: &Location, target: &Database, json: bool) -> Result<Copied, CopyError> {
    let counts = source.store().counts().map_err(CopyError::Source)?;
    let all = counts.iter().map(|(_, _, count): &(String, Status, u64)| count).sum();
    let mut place = (!json && output::is_live()).then(|| {
        leave_terminal_on_signal();
        Live::new()
    });
    copy(source.store(), target.store(), &from.to_string(), &mut |copied| {
        if let Some(place) = &mut place {
            // A terminal that has gone does not end it.
            place.draw(&[render::cut_styled(&progress(copied, all), output::width().unwrap_or(80))]).ok();
        }
    })
}

/// Ctrl-C ends it as it ends everything, which the mark in the target is for; but the terminal is left as it was.
fn leave_terminal_on_signal() {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let wait = move || {
        runtime.block_on(interrupted());
        output::show_cursor();
        output::complain("broken off: no server opens what has been written; the same command again says how to go on");
        std::process::exit(Error::INTERRUPTED.into());
    };
    // Without it the terminal's cursor stays hidden, and nothing else.
    std::thread::Builder::new().name("workflow-signals".to_owned()).spawn(wait).ok();
}

fn progress(copied: &Copied, all: u64) -> String {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let bar = render::progress(number(copied.executions), number(all.max(copied.executions)), BAR_COLUMNS);
    format!("{bar} {} of {}  {}", copied.executions, executions(all), dim(&counted(number(copied.events), "event")))
}

fn executions(count: u64) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), "execution")
}

fn not_copied(error: &CopyError, (source, from): (&Database, &Location), (target, to): (&Database, &Location)) -> Error {
    let again = program::command(format_args!("move {from} {to}"));
    let left =
        || format!("{to} holds a part of it, which no server opens: {}, then `{again}` copies everything", target.emptied(to));
    let (code, message) = match error {
        CopyError::NotEmpty { holds } => (
            "not_empty",
            format!("{to} is not empty: it holds {}; choose an empty database, nothing was changed in it", holds.join(", ")),
        ),
        CopyError::SourceUnfinished { from: earlier } => (
            "unfinished_move",
            format!("{from} holds an unfinished move from {earlier}: move from there; {}", source.emptied(from)),
        ),
        CopyError::TargetUnfinished { from: earlier } => (
            "unfinished_move",
            format!("{to} holds an unfinished move from {earlier}: {}, then `{again}` copies everything", target.emptied(to)),
        ),
        CopyError::Source(fault) => ("store", format!("{from}: {fault}; {}", left())),
        CopyError::Target(fault) => ("store", format!("{to}: {fault}; {}", left())),
        CopyError::Differs(what) => ("store", format!("{what}; {}", left())),
    };
    Error::failed(code, message)
}

fn as_json(from: &Location, to: &Location, copied: &Copied) -> String {
    let Copied { definitions, endpoints, tokens, documents, executions, events, claims, miscounted } = copied;
    json!({
        "from": from.to_string(), "to": to.to_string(), "definitions": definitions, "endpoints": endpoints, "tokens": tokens,
        "documents": documents, "executions": executions, "events": events, "claims": claims, "miscounted": miscounted,
    })
    .to_string()
}

fn told(from: &Location, to: &Location, copied: &Copied) -> String {
    let parts = [
        (copied.executions, "execution"),
        (copied.events, "event"),
        (copied.definitions, "definition"),
        (copied.claims, "idempotency key or event id"),
        (copied.endpoints, "endpoint"),
        (copied.tokens, "token"),
    ];
    let part = |(count, one): (u64, &str)| match one.split_once(" or ") {
        Some((key, id)) if count != 1 => format!("{count} {key}s or {id}s"),
        _ => counted(usize::try_from(count).unwrap_or(usize::MAX), one),
    };
    let parts: Vec<String> = parts.into_iter().filter(|(count, _)| *count > 0).map(part).collect();
    let what = if parts.is_empty() { "nothing was in it".to_owned() } else { parts.join(", ") };
    let [from, to] = [from, to].map(|location| clean(&location.to_string()));
    let mut text = String::new();
    for miscounted in &copied.miscounted {
        text += &format!("warning: {from}: {}; what was found was moved\n", clean(miscounted));
    }
    let serve = code(&program::command(format_args!("serve --db {to}")));
    text += &format!("{} moved {from} to {to} {}\n", look("completed").painted_glyph(), dim(&format!("({what})")));
    text + &format!("{serve} goes on with it; {from} is as it was: never serve both, each would run the same steps\n")
}
