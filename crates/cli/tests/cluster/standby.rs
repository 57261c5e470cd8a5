//! The primary is killed and its synchronous standby takes its place, as a machine fails and is replaced: engines find the new one by
//! themselves, where their address names both servers, or are led there by their network, and nothing that was acknowledged is missing.

use std::time::Instant;

use crate::GOES_ON_WITHIN;
use crate::service::now_ms;
use crate::world::{Setup, World};

/// At least: each way once.
const PROMOTED_MIN: usize = 2;
/// For how long nothing can be written before the standby is promoted, in milliseconds: less than a lease lasts, and more, when all engines
/// are late and none may take over from the others.
const SHORT_MS: std::ops::Range<u64> = 0..2_000;
const LONG_MS: std::ops::Range<u64> = 11_000..13_000;

#[test]
fn engines_go_on_with_the_standby_of_a_primary_that_is_killed() {
    let mut world = World::new(&Setup { networks: true, standby: true, settings: &["fsync=on"], ..Setup::default() });
    let (began, mut promoted) = (Instant::now(), 0);
    while promoted < PROMOTED_MIN || began.elapsed() < crate::time() {
        world.goes_on_for(500..3_000);
        let port = world.home.server.port();
        world.home.server.kill();
        let killed_at = now_ms();
        world.all_ready(false);
        // Whoever comes there meanwhile finds that it cannot be written.
        world.engines.lead_to(world.home.standby.as_ref().unwrap().port());
        world.goes_on_for(if promoted % 2 == 0 { SHORT_MS } else { LONG_MS });
        world.all_ready(false);
        let (asked, asked_ms) = (Instant::now(), now_ms() - killed_at);
        world.home.promote();
        let (took, line) = (asked.elapsed(), world.home.newest_line());
        let ready = Instant::now();
        world.all_ready(true);
        let ready_ms = ready.elapsed().as_millis();
        let progress_ms = world.home.first_progress(killed_at, GOES_ON_WITHIN) - killed_at;
        for engine in &world.engines.all {
            world.home.commits_after(line, &engine.id, GOES_ON_WITHIN);
        }
        promoted += 1;
        println!(
            "primary {promoted}: its standby is promoted {asked_ms} ms after its end, within {} ms; all ready {ready_ms} ms later; the \
             first goes on {progress_ms} ms after the end",
            took.as_millis()
        );
        // What was the primary comes back as a standby, and is the next one.
        world.home.standby = Some(world.home.server.standby(Some(port)));
    }
    let (commits, engines) = world.verdict();
    assert_eq!(commits.engines, engines, "each has kept its place");
    assert!(commits.reopened >= promoted * engines, "{commits:?}");
}
