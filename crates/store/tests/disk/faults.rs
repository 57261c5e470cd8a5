//! Every call that changes the disk fails once, or for a while: the store goes on from what was acknowledged.

use workflow_store::{Batch, Sqlite, Store};

use super::medium::{FileName, Medium, Op, Style};
use super::play::{Player, directory, files, options, put};
use super::power;
use super::script::{Script, Step};
use super::seed::{Random, is_soak, seeds};
use super::vfs::{Disk, How, Plan};

/// A script long enough for every kind of operation, short enough that each of its calls can fail in turn.
const COMMITS: u64 = 6;

/// Plays a script with a fault, then lets the power fail at some moments after it.
fn play(script: &Script, plan: Option<Plan>, cuts: usize, random: &mut Random) -> Result<(u64, u64), String> {
    let directory = directory();
    let disk = Disk::watch(directory.path(), plan);
    let mut player = Player::new(script, &disk, directory.path(), options());
    let outcome = player.play();
    let faults = player.faults;
    drop(player);
    disk.forget();
    outcome.map_err(|wrong| format!("{wrong}\n  failed on purpose: {:?}", disk.failed()))?;
    let ops = disk.ops();
    for _ in 0..cuts {
        let (at, style) = (random.below(ops.len() + 1), Style::by(random));
        let medium = Medium::new(Random::new(random.next()), style);
        power::check(script, medium, &ops[..at], None).map_err(|wrong| {
            format!(
                "power cut after {at} of {} operations, {style:?}: {wrong}\n  failed on purpose: {:?}",
                ops.len(),
                disk.failed()
            )
        })?;
    }
    Ok((disk.calls(), faults))
}

#[test]
fn any_call_may_fail() {
    let (mut runs, mut seen, mut images) = (0, 0, 0);
    for seed in seeds(1, 1) {
        let mut random = Random::new(seed);
        let script = Script::new(seed, COMMITS, 20_000);
        let (calls, _) = play(&script, None, 0, &mut random)
            .unwrap_or_else(|wrong| panic!("WORKFLOW_DISK_SEED={seed}, without a fault: {wrong}"));
        // Every call of the first script fails once, in one way or another; of a fresh one some, but in a soak all.
        let step = if seed == 1 || is_soak() { 1 } else { 12 };
        for from in (random.next() % step..calls).step_by(usize::try_from(step).unwrap()) {
            let how = [How::Error, How::Full, How::Torn(4), How::Torn(8), How::TornFull(3)][random.below(5)];
            let plan = Plan { from, calls: [1, 1, 2, 7][random.below(4)], how };
            let (_, faults) = play(&script, Some(plan), 1, &mut random)
                .unwrap_or_else(|wrong| panic!("WORKFLOW_DISK_SEED={seed}, {plan:?}: {wrong}"));
            (runs, seen, images) = (runs + 1, seen + faults, images + 1);
        }
    }
    eprintln!("{runs} runs with calls that failed, {seen} faults that the store told of, {images} power cuts after them");
    assert!(seen > 0);
}

/// Opening a file counts up who owns it, by a statement that gave the new count back: its row came before its commit, and nobody
/// heard that the commit failed. So a store that was opened on a full disk was open, and refused each commit for ever, since
/// "another engine writes to this store".
#[test]
fn a_file_that_could_not_be_taken_over_is_not_open() {
    let script = commits_only(Script::new(7, 2, 1_000));
    let closed = {
        let directory = directory();
        let store = Sqlite::open(directory.path().join(FileName::Main.text()), options()).unwrap();
        store.commit(batch(&script, 0)).unwrap();
        drop(store);
        files(directory.path())
    };
    let mut refused = 0;
    for from in 0.. {
        let directory = directory();
        put(directory.path(), &closed);
        let disk = Disk::watch(directory.path(), Some(Plan { from, calls: 1, how: How::Full }));
        let opened = Sqlite::open(directory.path().join(FileName::Main.text()), options());
        let failed = disk.failed();
        disk.heal();
        match opened {
            Ok(store) => drop(store.commit(batch(&script, 1)).unwrap_or_else(|fault| panic!("{failed:?}: {fault}"))),
            Err(_) => refused += 1,
        }
        disk.forget();
        if failed.is_empty() {
            break;
        }
    }
    assert!(refused > 2, "{refused}");
}

/// A sync of the log failed, the process ended, and the next one synced the log again and went on from what it read: but that was
/// not on disk, the kernel had taken it for done. All that was committed after it was lost when the power failed, and so was
/// everything when it was the first page of the file that was not there.
///
/// And a new file whose switch to a write-ahead log had failed was written with a rollback journal, without a word, since the
/// switch gives its row before its commit: there a commit is undone when the name of its journal comes back.
#[test]
fn what_a_failed_sync_left_behind_is_written_again() {
    let script = commits_only(Script::new(7, 6, 1_000));
    let none = Style { early: 0, late: 0, torn: 0, failed_sync: 0 };
    let mut syncs = 0;
    for from in 0.. {
        let directory = directory();
        let path = directory.path().join(FileName::Main.text());
        let disk = Disk::watch(directory.path(), Some(Plan { from, calls: 1, how: How::Error }));
        let mut store = Sqlite::open(&path, options()).ok();
        let mut number = 0;
        while number < script.steps.len() {
            disk.note(Op::Begun { batch: number as u64 + 1 });
            let done = store.as_ref().is_some_and(|store| store.commit(batch(&script, number)).is_ok());
            if !done {
                // Another process, as `workflow serve` is started again.
                drop(store.take());
                let opened = Sqlite::open(&path, options()).unwrap();
                number = usize::try_from(opened.batch().unwrap()).unwrap();
                disk.note(Op::Acknowledged { batch: number as u64 });
                store = Some(opened);
                continue;
            }
            number += 1;
            disk.note(Op::Acknowledged { batch: number as u64 });
        }
        let (ops, failed) = (disk.ops(), disk.failed());
        disk.forget();
        power::check(&script, Medium::new(Random::new(from), none), &ops, None)
            .unwrap_or_else(|wrong| panic!("{failed:?}: {wrong}"));
        match failed.first() {
            Some(failed) => syncs += usize::from(failed.starts_with("sync")),
            None => break,
        }
    }
    assert!(syncs > 8, "{syncs}");
}

fn commits_only(mut script: Script) -> Script {
    script.steps.retain(|step| matches!(step, Step::Commit(_)));
    script
}

fn batch(script: &Script, place: usize) -> &Batch {
    let Step::Commit(batch) = &script.steps[place] else { panic!("there are only commits") };
    batch
}
