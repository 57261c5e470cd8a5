//! A disk that forgets: bits of a closed file, or of a log that is left behind, are not what was written.
//!
//! Every stored text has a seal, and so has what counts and leads to it. SQLite's pages have none: a bit that makes an entry of an index
//! or a whole row of a table unfindable is not noticed by whoever asks for it (`workflow check` finds it). This test insists on it that
//! nothing else passes, that nothing panics or hangs, and that who is told is told that something is damaged.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use workflow_store::conformance::sample::{commit_changes, token};
use workflow_store::{Change, Inspection, Keys, OpenError, Options, Sqlite, Store, Token};

use super::medium::FileName;
use super::play::{Player, directory, files, options, put};
use super::script::{Answers, Difference, Lie, Script, Step};
use super::seed::{Random, seeds};
use super::vfs::Disk;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Every answer is right.
    Harmless,
    /// It does not open.
    Refused,
    /// What is damaged is answered with a fault, all else is right.
    Told,
    /// A row is not found that nobody misses: the end of a history that no head row tells of yet, or a snapshot.
    Missed,
    /// Something else is answered.
    Silent,
}

/// How often each outcome was, by the kind of place.
type Tally = BTreeMap<(String, Outcome), u64>;

fn look(script: &Script, directory: &Path) -> (Outcome, String) {
    let store = match Sqlite::open(directory.join(FileName::Main.text()), options()) {
        Ok(store) => store,
        Err(
            error @ (OpenError::Damaged { .. } | OpenError::NotOurs { .. } | OpenError::Newer { .. } | OpenError::Other { .. }),
        ) => {
            return (Outcome::Refused, error.to_string());
        }
        Err(error) => panic!("a damaged file is refused as something else: {error}"),
    };
    match Answers::of(&store, &script.ids).difference(script.answers.last().unwrap()) {
        None => (Outcome::Harmless, String::new()),
        Some(Difference { lie, what }) => (
            match lie {
                Lie::Told => Outcome::Told,
                Lie::Missed => Outcome::Missed,
                Lie::Silent => Outcome::Silent,
            },
            what,
        ),
    }
}

/// What each page of the file belongs to: a table, an index, or nothing.
fn places(file: &Path) -> Vec<String> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let pages: u32 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let mut places = vec!["free pages".to_owned(); pages as usize];
    let mut statement = connection.prepare("SELECT pageno, name FROM dbstat").unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        places[row.get::<_, u32>(0).unwrap() as usize - 1] = row.get(1).unwrap();
    }
    places
}

/// That `workflow check` would name something: the part of it that needs no engine.
fn is_found_by_check(directory: &Path) -> bool {
    let Ok(file) = Inspection::open(directory.join(FileName::Main.text()), &Keys::default()) else { return true };
    let (mut claims_sound, mut heads) = (true, 0);
    let claims = file.each_claim(|claim| claims_sound &= claim.executions.is_ok());
    let executions = file.each_execution(|examined| heads += u64::from(examined.head.is_ok() && examined.events.is_ok()));
    let counted = file.counts().map(|counts| counts.into_iter().map(|(_, _, count)| count).sum::<u64>());
    !file.damages(1).is_empty() || claims.is_err() || executions.is_err() || !claims_sound || counted != Ok(heads)
}

/// Damages a copy of the files `times` times, each time in one place of `name`.
fn damage(
    script: &Script,
    files: &BTreeMap<FileName, Vec<u8>>,
    name: FileName,
    times: usize,
    random: &mut Random,
    mut place_of: impl FnMut(usize) -> String,
    tally: &mut Tally,
) {
    for _ in 0..times {
        let mut damaged = files.clone();
        let bytes = damaged.get_mut(&name).unwrap();
        let at = random.below(bytes.len());
        match random.below(4) {
            // A sector that was never written.
            0 => bytes[at / 512 * 512..].iter_mut().take(512).for_each(|byte| *byte = 0),
            _ => bytes[at] ^= 1 << random.below(8),
        }
        let outcome = if damaged == *files {
            continue;
        } else {
            let directory = directory();
            put(directory.path(), &damaged);
            let outcome = look(script, directory.path());
            if outcome.0 >= Outcome::Missed && name == FileName::Main {
                put(directory.path(), &damaged);
                assert!(is_found_by_check(directory.path()), "{} at {at}: {}", place_of(at), outcome.1);
            }
            outcome
        };
        let place = place_of(at);
        if std::env::var_os("WORKFLOW_DISK_SHOW").is_some() && outcome.0 >= Outcome::Missed {
            eprintln!("{name:?} at {at} ({place}): {}", outcome.1);
        }
        *tally.entry((place, outcome.0)).or_default() += 1;
    }
}

/// What only leads to something, or is looked up by its own words: nobody misses a row that is not found.
const NOT_MISSED: [&str; 12] = [
    "claim",
    "counter",
    "definition",
    "endpoint",
    "execution_list",
    "execution_wake",
    "parked",
    "parked_execution",
    "sqlite_autoindex_definition_1",
    "sqlite_autoindex_execution_1",
    "sqlite_autoindex_workflow_1",
    "workflow",
];

fn print(what: &str, tally: &Tally) {
    let of = |outcome| tally.iter().filter(|((_, had), _)| *had == outcome).map(|(_, count)| count).sum::<u64>();
    let outcomes = [Outcome::Harmless, Outcome::Refused, Outcome::Told, Outcome::Missed, Outcome::Silent];
    let [harmless, refused, told, missed, silent] = outcomes.map(of);
    eprintln!("{what}: {harmless} harmless, {refused} refused, {told} told, {missed} missed, {silent} silent");
    for ((place, outcome), count) in tally.iter().filter(|((_, outcome), _)| *outcome >= Outcome::Missed) {
        eprintln!("  {outcome:?} in {place}: {count}");
    }
}

#[test]
fn a_bit_that_is_not_what_was_written_is_told_of_or_known_to_be_silent() {
    let (mut of_file, mut of_log) = (Tally::new(), Tally::new());
    for seed in seeds(1, 1) {
        let mut random = Random::new(seed);
        let mut script = Script::new(seed, 60, 30_000);
        script.steps.retain(|step| matches!(step, Step::Commit(_)));
        let directory = directory();
        let disk = Disk::watch(directory.path(), None);
        let mut player = Player::new(&script, &disk, directory.path(), options());
        player.play().unwrap_or_else(|wrong| panic!("WORKFLOW_DISK_SEED={seed}: {wrong}"));
        let with_log = std::mem::take(&mut player.end);
        drop(player);
        disk.forget();
        let closed = files(directory.path());
        let places = places(&directory.path().join(FileName::Main.text()));
        let page_bytes = closed[&FileName::Main].len() / places.len();
        let place = |at: usize| places[at / page_bytes].clone();
        damage(&script, &closed, FileName::Main, 40, &mut random, place, &mut of_file);
        if !with_log[&FileName::Log].is_empty() {
            damage(&script, &with_log, FileName::Log, 15, &mut random, |_| "the log".to_owned(), &mut of_log);
        }
    }
    print("places of a closed file damaged", &of_file);
    let silent = of_file.iter().filter(|((_, outcome), _)| *outcome == Outcome::Silent);
    let passed: Vec<_> = silent.filter(|((place, _), _)| !NOT_MISSED.contains(&place.as_str())).collect();
    assert!(passed.is_empty(), "answered as if it had been written: {passed:?}");
    print("places of a log damaged", &of_log);
}

/// Each byte of the page that holds the tokens: a row that is not what was written is said to be damaged, and none is missed without a
/// word.
#[test]
fn no_byte_of_the_tokens_changes_or_hides_one() {
    let directory = directory();
    let store = Sqlite::open(directory.path().join(FileName::Main.text()), options()).unwrap();
    let expected: Vec<Token> = (1..=4).map(|number| token(number, number == 2)).collect();
    commit_changes(&store, expected.iter().map(|token| Change::PutToken(Box::new(token.clone()))).collect());
    drop(store);
    let closed = files(directory.path());
    let places = places(&directory.path().join(FileName::Main.text()));
    let page_bytes = closed[&FileName::Main].len() / places.len();
    let page = places.iter().position(|place| place == "token").unwrap() * page_bytes;
    let bytes = closed[&FileName::Main][page..][..page_bytes].to_vec();
    let (mut told, mut with_the_others) = (0, 0);
    // What no row lies in is not looked at: it is zero, and most of the page.
    for at in (0..page_bytes).filter(|at| *at < 16 || bytes[*at] != 0) {
        for bit in 0..8 {
            let mut damaged = closed.clone();
            damaged.get_mut(&FileName::Main).unwrap()[page + at] ^= 1 << bit;
            put(directory.path(), &damaged);
            let answer = Sqlite::open(directory.path().join(FileName::Main.text()), options()).map(|store| store.tokens());
            match answer {
                Err(_) | Ok(Err(_)) => told += 1,
                Ok(Ok(rows)) => {
                    assert!(rows.sound.iter().all(|token| expected.contains(token)), "byte {at}, bit {bit}: {rows:?}");
                    match rows.clone().whole() {
                        Ok(whole) => assert_eq!(whole, expected, "byte {at}, bit {bit}"),
                        Err(_) => told += 1,
                    }
                    with_the_others += u32::from(!rows.sound.is_empty() && rows.sound != expected);
                }
            }
        }
    }
    assert!(told > 2_000 && with_the_others > 1_000, "{told} told, {with_the_others} with those that are sound");
}

/// A log that a crash had left, and of which the disk had changed one byte, was a shorter log: every commit from there on was gone,
/// and nobody was told. Only for the last commit there is nothing that shows that it was ever there.
#[test]
fn a_log_that_was_damaged_before_its_last_commit_is_refused() {
    let script = Script::new(3, 8, 1_000);
    let directory = directory();
    let path = directory.path().join(FileName::Main.text());
    let store = Sqlite::open(&path, Options { log_bytes: 64 << 20, log_bytes_max: 64 << 20, ..options() }).unwrap();
    let mut log_bytes = Vec::new();
    for step in &script.steps {
        if let Step::Commit(batch) = step {
            store.commit(batch).unwrap();
            log_bytes.push(files(directory.path())[&FileName::Log].len());
        }
    }
    let whole = files(directory.path());
    drop(store);
    let last_commit = log_bytes[log_bytes.len() - 2];
    let (mut refused, mut lost) = (0, 0);
    for at in (3..whole[&FileName::Log].len()).step_by(4_099) {
        let mut damaged = whole.clone();
        damaged.get_mut(&FileName::Log).unwrap()[at] ^= 1;
        let copy = super::play::directory();
        put(copy.path(), &damaged);
        match Sqlite::open(copy.path().join(FileName::Main.text()), options()) {
            Err(OpenError::Damaged { .. }) => refused += 1,
            Err(error) => panic!("byte {at}: {error}"),
            Ok(store) => {
                assert!(at >= last_commit, "byte {at} of {last_commit}: batch {:?}", store.batch());
                assert_eq!(store.batch(), Ok(7));
                lost += 1;
            }
        }
    }
    assert!(refused > 100 && lost > 0, "{refused} refused, {lost} without the last commit");
}
