//! The power fails at any moment: what was acknowledged is there, and of the rest all or nothing.

use std::collections::BTreeMap;
use std::path::Path;

use workflow_store::Sqlite;

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

#[test]
fn the_power_may_fail_at_any_moment() {
    let mut images = 0;
    for seed in seeds(1, 1) {
        let mut random = Random::new(seed);
        let script = Script::new(seed, 40, 30_000);
        let directory = directory();
        let disk = Disk::watch(directory.path(), None);
        let played = Player::new(&script, &disk, directory.path(), options()).play();
        disk.forget();
        played.unwrap_or_else(|wrong| panic!("WORKFLOW_DISK_SEED={seed}: {wrong}"));
        let ops = disk.ops();
        for _ in 0..25 {
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
