//! A backup that is made under load, and what a server makes of it.

use std::process::Command;

use serde_json::Value;

use super::*;

fn workflow(arguments: &[&std::ffi::OsStr]) -> (bool, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_workflow")).arg("--json").args(arguments).output().unwrap();
    let (said, told) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let said = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}{told}"));
    (output.status.success(), said)
}

/// Of what is left by a crash as well as of a backup.
pub fn is_sound(file: &std::path::Path) -> Value {
    let (sound, said) = workflow(&["check".as_ref(), file.as_os_str()]);
    assert!(sound, "{said:#}");
    println!("{} is sound: {}", file.display(), said["checked"]);
    said
}

#[test]
fn a_backup_made_under_load_holds_all_that_was_acknowledged_before_and_goes_on_from_there() {
    let mut world = World::new(4);
    world.runtime.block_on(world.in_flight.wait_for(|count| *count >= 2 * IN_FLIGHT_MIN as u64)).unwrap();
    let backups = tempfile::tempdir().unwrap();
    let backup = backups.path().join("workflow.db");
    let mut checked = 0;
    let before = world.acknowledged_since(&mut checked);
    let (made, said) = workflow(&["backup".as_ref(), world.database().as_os_str(), backup.as_os_str()]);
    assert!(made && said["online"] == true, "{said}");
    // The server has gone on meanwhile, and does so still.
    let meanwhile = world.acknowledged_since(&mut checked).len();
    let target = world.ledger.lock().unwrap().started.len() + 50;
    while world.ledger.lock().unwrap().started.len() < target {
        world.runtime.block_on(world.in_flight.changed()).unwrap();
    }
    println!("{} executions acknowledged before, {meanwhile} meanwhile; {said}", before.len());
    world.stop.send_replace(true);
    let callers = std::mem::take(&mut world.callers);
    world.runtime.block_on(callers.join_all());
    world.server.kill();
    world.life.send_replace(Vec::new());
    is_sound(&world.database());
    let names: Vec<_> = std::fs::read_dir(backups.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, ["workflow.db"], "nothing else is left");
    assert!(is_sound(&backup)["checked"]["executions"].as_u64().unwrap() >= before.len() as u64);

    // Also what the load left paused or asleep is there; what moves comes to its end.
    let image = image::of(&backup, &before);
    println!("{} executions in flight in the backup, {} attempts", image.in_flight, image.attempts.len());
    assert!(image.in_flight >= IN_FLIGHT_MIN, "{}", image.in_flight);
    world.server = Server::spawn(serve(&backup), &backups.path().join("log"));
    world.life.send_replace(vec![(world.lives, world.server.ready())]);
    world.drain();
    assert!(world.server.stop().success(), "{}", world.server.newest_log());
    is_sound(&backup);
    let store = Sqlite::open(&backup, Options::default()).unwrap();
    let ended = store_ended(&store, &before);
    println!("{ended} of {} have ended", before.len());
}

fn store_ended(store: &Sqlite, ids: &[ExecutionId]) -> usize {
    use workflow_store::Store;
    let heads = store.load(ids).unwrap().into_iter().map(|stored| stored.expect("it was acknowledged before the backup").head);
    let (ended, open): (Vec<_>, Vec<_>) = heads.partition(|head| head.status.has_ended());
    assert!(open.iter().all(|head| head.status == Status::Paused), "nothing is stuck: {open:?}");
    ended.len()
}
