//! The power fails while a file is encrypted with another key: everything is still there, and what was left is done the next time.

use std::path::Path;

use workflow_store::{Inspection, Keys, OpenError, Options, Sqlite, reencrypt};

use super::medium::{FileName, Medium, Op, Style};
use super::play::{Player, directory, files, options, put};
use super::script::{Answers, Script};
use super::seed::{Random, seeds};
use super::vfs::Disk;

const OLD: &str = "old:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NEW: &str = "new:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

fn with(keys: &str) -> Options {
    Options { keys: if keys.is_empty() { Keys::default() } else { Keys::parse(keys).unwrap() }, ..options() }
}

fn compare(script: &Script, directory: &Path, keys: &str) -> Result<(), String> {
    let store = Sqlite::open(directory.join(FileName::Main.text()), with(keys)).map_err(|error| error.to_string())?;
    let difference = Answers::of(&store, &script.ids).difference(script.answers.last().unwrap());
    difference.map_or(Ok(()), |difference| Err(difference.what))
}

/// From `before` on, with keys for both, to `NEW`.
fn rotate(seed: u64, before: &str, cuts: usize) -> usize {
    let mut random = Random::new(seed);
    let both = if before.is_empty() { NEW.to_owned() } else { format!("{NEW},{before}") };
    let script = Script::new(seed, 30, 30_000);
    let directory = directory();
    let disk = Disk::watch(directory.path(), None);
    let played = Player::new(&script, &disk, directory.path(), with(before)).play();
    disk.forget();
    played.unwrap_or_else(|wrong| panic!("WORKFLOW_DISK_SEED={seed}: {wrong}"));
    let closed = files(directory.path());
    let disk = Disk::watch(directory.path(), None);
    let done = reencrypt(directory.path().join(FileName::Main.text()), with(&both)).unwrap();
    disk.forget();
    assert!(done.rewritten > 0 && done.unreadable == 0, "{done:?}");
    compare(&script, directory.path(), NEW).unwrap();
    let ops: Vec<Op> = disk.ops();
    for _ in 0..cuts {
        let (at, style) = (random.below(ops.len() + 1), Style::by(&mut random));
        let mut medium = Medium::new(Random::new(random.next()), style).with(&closed);
        ops[..at].iter().for_each(|op| medium.apply(op));
        let image = medium.cut();
        let copy = super::play::directory();
        let main = copy.path().join(FileName::Main.text());
        put(copy.path(), &image);
        let check = || {
            compare(&script, copy.path(), &both)?;
            let left = reencrypt(&main, with(&both)).map_err(|error| error.to_string())?;
            assert_eq!(left.unreadable, 0, "{left:?}");
            compare(&script, copy.path(), NEW)?;
            let protection = Inspection::open(&main, &Keys::parse(NEW).unwrap()).unwrap().protection().unwrap();
            assert_eq!((protection.plain, protection.encrypted.len()), (0, 1), "{protection:?}");
            Ok(())
        };
        check().unwrap_or_else(|wrong: String| {
            panic!("WORKFLOW_DISK_SEED={seed}: power cut after {at} of {} operations, {style:?}: {wrong}", ops.len())
        });
    }
    cuts
}

#[test]
fn the_power_may_fail_while_a_file_is_encrypted_with_another_key() {
    let mut images = 0;
    for seed in seeds(1, 1) {
        images += rotate(seed, OLD, 8) + rotate(seed, "", 8);
    }
    eprintln!("{images} images of a file that is encrypted with another key");
}

/// The key is asked for before anything else is looked at.
#[test]
fn a_file_that_a_crash_left_wants_its_key() {
    let script = Script::new(5, 8, 1_000);
    let directory = directory();
    let disk = Disk::watch(directory.path(), None);
    let mut player = Player::new(&script, &disk, directory.path(), with(OLD));
    player.play().unwrap();
    let left = std::mem::take(&mut player.end);
    drop(player);
    disk.forget();
    let copy = super::play::directory();
    put(copy.path(), &left);
    assert!(matches!(Sqlite::open(copy.path().join(FileName::Main.text()), with("")), Err(OpenError::Key { .. })));
    compare(&script, copy.path(), OLD).unwrap();
}
