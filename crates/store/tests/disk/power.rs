//! The power fails at any moment: what was acknowledged is there, and of the rest all or nothing.

use std::collections::BTreeMap;
use std::path::Path;

use workflow_store::{Durability, Options, Sqlite};

use super::medium::{FileName, Medium, Op, Style};
use super::play::{Player, Wrong, directory, options, put};
use super::script::{Answers, Script};
use super::seed::{Random, seeds};
use super::vfs::Disk;

/// Makes the image that a power cut leaves after `ops`, opens it and compares. When `again` says so the power fails once more
/// while it is opened.
pub fn check(script: &Script, mut medium: Medium, ops: &[Op], again: Option<&mut Random>) -> Result<(), Wrong> {
    let (mut begun, mut acknowledged) = (0, 0);
    for op in ops {
        medium.apply(op);
        match op {
            Op::Begun { batch } => begun = *batch,
            Op::Acknowledged { batch } => acknowledged = *batch,
            _ => {}
        }
    }
    let image = medium.cut();
    let opening = open(script, &image, begun, acknowledged)?;
    let Some(random) = again else { return Ok(()) };
    let (at, style) = (random.below(opening.len() + 1), Style::by(random));
    let mut medium = Medium::new(Random::new(random.next()), style).with(&image);
    opening[..at].iter().for_each(|op| medium.apply(op));
    let opened = open(script, &medium.cut(), begun, acknowledged);
    let cut = format!("and again after {at} of the {} operations of opening it, {style:?}", opening.len());
    opened.map(drop).map_err(|wrong| format!("{cut}: {wrong}"))
}

/// What it took to open and close the image.
fn open(script: &Script, image: &BTreeMap<FileName, Vec<u8>>, begun: u64, acknowledged: u64) -> Result<Vec<Op>, Wrong> {
    let directory = directory();
    put(directory.path(), image);
    let disk = Disk::watch(directory.path(), None);
    let outcome = look(script, directory.path(), begun, acknowledged);
    disk.forget();
    if outcome.is_err() && std::env::var_os("WORKFLOW_DISK_KEEP").is_some() {
        put(directory.path(), image);
        eprintln!("the image is kept in {}", directory.keep().display());
    }
    outcome.map(|()| disk.ops())
}

fn look(script: &Script, directory: &Path, begun: u64, acknowledged: u64) -> Result<(), Wrong> {
    let store = Sqlite::open(directory.join(FileName::Main.text()), options()).map_err(|error| error.to_string())?;
    let found = Answers::of(&store, &script.ids);
    let batch = found.batch.clone().map_err(|fault| fault.to_string())?;
    if !(acknowledged..=begun).contains(&batch) {
        return Err(format!("batch {acknowledged} was acknowledged, {begun} begun, and {batch} is there"));
    }
    let difference = found.difference(&script.answers[usize::try_from(batch).unwrap()]);
    difference.map_or(Ok(()), |difference| Err(format!("batch {batch}: {}", difference.what)))
}

/// Plays the script of a seed; what was done to the disk.
fn play(seed: u64, commits: u64, options: Options) -> (Script, Vec<Op>) {
    let script = Script::new(seed, commits, 30_000);
    let directory = directory();
    let disk = Disk::watch(directory.path(), None);
    let played = Player::new(&script, &disk, directory.path(), options).play();
    disk.forget();
    played.unwrap_or_else(|wrong| panic!("WORKFLOW_DISK_SEED={seed}: {wrong}"));
    let ops = disk.ops();
    (script, ops)
}

#[test]
fn the_power_may_fail_at_any_moment() {
    let mut images = 0;
    for seed in seeds(1, 1) {
        let mut random = Random::new(seed);
        let (script, ops) = play(seed, 40, options());
        for _ in 0..20 {
            let (at, style) = (random.below(ops.len() + 1), Style::by(&mut random));
            let medium = Medium::new(Random::new(random.next()), style);
            check(&script, medium, &ops[..at], Some(&mut random)).unwrap_or_else(|wrong| {
                panic!("WORKFLOW_DISK_SEED={seed}: power cut after {at} of {} operations, {style:?}: {wrong}", ops.len())
            });
            images += 2;
        }
    }
    eprintln!("{images} images opened");
}

/// What would be noticed is noticed: commits that nobody syncs are lost.
#[test]
fn a_store_that_does_not_sync_is_caught() {
    let (script, ops) = play(1, 12, Options { durability: Durability::UnsafeNormal, ..options() });
    let none = Style { early: 0, late: 0, torn: 0, failed_sync: 0 };
    let acknowledged = (1..=ops.len()).filter(|at| matches!(ops[at - 1], Op::Acknowledged { .. }));
    let lost = acknowledged.filter(|at| check(&script, Medium::new(Random::new(1), none), &ops[..*at], None).is_err());
    assert!(lost.count() > 6);
}
