//! What engines cost their PostgreSQL when there is nothing to do.

use std::time::Duration;

use crate::ENGINES;
use crate::engines::Engines;
use crate::home::Home;

const SETTLED_AFTER: Duration = Duration::from_secs(8);
const WATCHED_FOR: Duration = Duration::from_secs(30);
/// What is promised, an engine and minute.
const STATEMENTS_A_MINUTE_MAX: u64 = 12;

#[test]
fn engines_with_nothing_to_do_ask_postgresql_seldom() {
    let home = Home::open(&["fsync=off", "shared_preload_libraries=pg_stat_statements"]);
    let directory = tempfile::tempdir().unwrap();
    let mut engines = Engines::open(directory.path(), &home, ENGINES, None);
    home.psql("CREATE EXTENSION pg_stat_statements");
    // They read what is there, tidy up, and renew their leases for the first time.
    std::thread::sleep(SETTLED_AFTER);
    home.psql("SELECT pg_stat_statements_reset()");
    std::thread::sleep(WATCHED_FOR);
    let sql = "SELECT calls, regexp_replace(query, '\\s+', ' ', 'g') FROM pg_stat_statements \
        WHERE query !~ 'pg_stat_statements|search_path' ORDER BY calls DESC";
    let said = home.psql(sql);
    let calls: u64 = said.lines().map(|line| line.split('|').next().unwrap().parse::<u64>().unwrap()).sum();
    println!("{calls} statements of {ENGINES} engines in {} s:\n{said}", WATCHED_FOR.as_secs());
    engines.stop();
    // One more of each may fall into the time that was looked at.
    let most = (STATEMENTS_A_MINUTE_MAX * WATCHED_FOR.as_secs() / 60 + 1) * ENGINES as u64;
    assert!(calls <= most, "{calls} statements in {} s, of at most {most}", WATCHED_FOR.as_secs());
}
