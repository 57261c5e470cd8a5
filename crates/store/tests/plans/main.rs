//! Every statement that the store sends to PostgreSQL, with the plan that it is run by: so that whoever changes one sees what becomes of
//! it, and none reads a table whole that grows with what runs.
//!
//! A store does all that it can do, on tables of some thousands of rows. The server writes down what it is asked and how it runs it
//! (`log`): the plans are those that were run, with what they have read, on the connections as the store sets them up. What the source
//! holds and was not asked is missed (`source`). Plans are judged whatever the server is (`plan`); the snapshot is that of one version.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "what is outside the test functions is part of them")]

mod log;
mod plan;
#[path = "../server/mod.rs"]
mod server;
mod source;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use log::{Asked, Log};
use plan::{Indexes, faults, settled, shown};
use server::Server;

/// Of which the plans are kept: another one may show, or choose, others.
const VERSION: u32 = 15;

/// What the planner knows of the tables. A plan must not depend on it: a table grows for a while before anybody looks at it again, and
/// what is rare today was not there when somebody did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    All,
    /// Executions that are all alike; the others came later.
    Alike,
    Nothing,
}

#[test]
fn every_statement_is_answered_from_indexes() {
    let server = Server::with(log::SETTINGS);
    let mut sent = of_an_empty_one(&server);
    let seen = std::thread::scope(|scope| {
        let server = &server;
        let each = [Known::All, Known::Alike, Known::Nothing].map(|known| scope.spawn(move || seen(server, known)));
        each.map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    sent.extend(seen.iter().flat_map(|seen| seen.sent.iter().cloned()));

    let forgotten: Vec<String> = source::statements(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/postgres"))
        .iter()
        .filter(|statement| !sent.iter().any(|sent| statement.is(sent)))
        .map(|statement| format!("{}: {}", statement.at, statement.text))
        .collect();
    assert!(
        forgotten.is_empty(),
        "nothing here makes the store send these, so nobody knows their plans:\n{}",
        forgotten.join("\n")
    );

    let faults: BTreeSet<&str> = seen.iter().flat_map(|seen| &seen.faults).map(String::as_str).collect();
    assert!(faults.is_empty(), "{}", faults.into_iter().collect::<Vec<_>>().join("\n"));

    let version = server.psql(&server.database(), "SELECT current_setting('server_version_num')::int / 10000");
    if version == VERSION.to_string() {
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("statements", Statements::of(seen.iter().flat_map(|seen| &seen.asked)).to_string());
        });
    } else {
        // Past what the test runner keeps to itself.
        writeln!(std::io::stderr(), "PLANS ARE NOT COMPARED: they are kept for PostgreSQL {VERSION}, and this is {version}")
            .unwrap();
    }
}

/// What a database was asked.
struct Seen {
    asked: Vec<Asked>,
    /// The same and what was asked once before.
    sent: BTreeSet<String>,
    /// What is wrong with it.
    faults: BTreeSet<String>,
}

fn seen(server: &Server, known: Known) -> Seen {
    let url = server.database();
    let mut log = Log::new(server, &url);
    let store = work::open(&url);
    if known == Known::Alike {
        work::fill_alike(&store);
        server.psql(&url, "VACUUM ANALYZE");
    }
    work::fill(&store);
    drop(store);
    if known == Known::All {
        server.psql(&url, "VACUUM ANALYZE");
    }
    let mut sent: BTreeSet<String> = log.asked().into_iter().map(|asked| asked.sql).collect();
    let before = indexes(server, &url);
    work::do_everything(server, &url);
    let asked = log.asked();
    sent.extend(asked.iter().map(|asked| asked.sql.clone()));
    let indexes = indexes(server, &url).into_iter().chain(before).collect();
    let told = |fault: &str, sql: &str| format!("{}, where the planner knows {known:?}\n    {sql}", settled(fault));
    let faults = asked
        .iter()
        .filter_map(|asked| Some((settled(&asked.sql), asked.plan.as_ref()?)))
        .flat_map(|(sql, plan)| faults(&sql, plan, &indexes).into_iter().map(move |fault| told(&fault, &sql)))
        .collect();
    Seen { asked, sent, faults }
}

fn of_an_empty_one(server: &Server) -> BTreeSet<String> {
    let url = server.database();
    work::do_what_an_empty_one_needs(&url);
    Log::new(server, &url).asked().into_iter().map(|asked| asked.sql).collect()
}

fn indexes(server: &Server, url: &str) -> Indexes {
    let sql = "SELECT i.relname, t.relname, pg_get_indexdef(i.oid, 1, true) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid \
        JOIN pg_class t ON t.oid = x.indrelid";
    let line = |line: &str| {
        let [index, table, first] = line.split('|').collect::<Vec<_>>()[..] else { panic!("{line}") };
        (index.to_owned(), (table.to_owned(), first.to_owned()))
    };
    server.psql(url, sql).lines().map(line).collect()
}

/// Statements by what their connections are there for, each with its plans.
struct Statements(BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>);

impl Statements {
    fn of<'a>(asked: impl Iterator<Item = &'a Asked>) -> Statements {
        let mut statements: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
        for Asked { role, sql, plan } in asked {
            let (roles, plans) = statements.entry(settled(sql)).or_default();
            roles.insert(role.clone());
            plans.extend(plan.as_ref().map(shown));
        }
        Statements(statements)
    }
}

impl std::fmt::Display for Statements {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (sql, (roles, plans)) in &self.0 {
            writeln!(f, "{sql}\n  for {}", roles.iter().map(String::as_str).collect::<Vec<_>>().join(", "))?;
            for (place, plan) in plans.iter().enumerate() {
                writeln!(f, "{}", if place > 0 { "  or" } else { "" })?;
                plan.lines().try_for_each(|line| writeln!(f, "  {line}"))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
