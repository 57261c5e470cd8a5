//! The PostgreSQL of a test, and what is seen in it: a log of all commits, kept by triggers of the test's own.
//!
//! Why the numbers of the log are the order of the commits: every commit updates the row of its engine, and holds the lock of that
//! row until it has ended; whoever takes over waits for the locks of all rows and deletes them in its own transaction. The trigger of
//! a row takes its number while the lock is held. So of two transactions that touch one row, the one with the smaller number has
//! ended before the other takes its own; and a commit of the new engine needs the row that the taking over has made. What was
//! rolled back leaves no line. That no transaction writes past its engine's row is looked at by itself: each that has written histories
//! or head rows must be in the log.

use std::time::{Duration, Instant};

use crate::postgres::Server;

pub struct Home {
    pub server: Server,
    /// The way to it for psql, whatever stands between it and the engines.
    pub url: String,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    what: String,
    engine: String,
    epoch: i64,
    batch: i64,
}

/// What the log tells.
#[derive(Debug, Default, PartialEq)]
pub struct Commits {
    pub engines: usize,
    pub commits: usize,
    /// New epochs of engines that have opened their connection again.
    pub reopened: usize,
}

const TRIGGERS: &str = "\
    CREATE SCHEMA seen; \
    CREATE TABLE seen.life (number BIGSERIAL PRIMARY KEY, what TEXT, engine TEXT, epoch BIGINT, batch BIGINT, tx XID8); \
    CREATE TABLE seen.write (tx XID8); \
    CREATE FUNCTION seen.note() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE what TEXT; it engine; BEGIN \
      IF TG_OP = 'DELETE' THEN it := OLD; ELSE it := NEW; END IF; \
      what := CASE WHEN TG_OP = 'DELETE' THEN 'gone' WHEN TG_OP = 'INSERT' THEN 'joined' WHEN NEW.batch <> OLD.batch THEN 'commit' \
        WHEN NEW.epoch <> OLD.epoch THEN 'reopened' END; \
      IF what IS NOT NULL THEN \
        INSERT INTO seen.life (what, engine, epoch, batch, tx) VALUES (what, it.id, it.epoch, it.batch, pg_current_xact_id()); \
      END IF; \
      RETURN NULL; END $$; \
    CREATE FUNCTION seen.wrote() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
      INSERT INTO seen.write VALUES (pg_current_xact_id()); RETURN NULL; END $$; \
    CREATE TRIGGER seen AFTER INSERT OR UPDATE OR DELETE ON engine FOR EACH ROW EXECUTE FUNCTION seen.note(); \
    CREATE TRIGGER seen AFTER INSERT OR UPDATE OR DELETE ON history_dated FOR EACH STATEMENT EXECUTE FUNCTION seen.wrote(); \
    CREATE TRIGGER seen AFTER INSERT OR UPDATE OR DELETE ON execution FOR EACH STATEMENT EXECUTE FUNCTION seen.wrote(); \
    INSERT INTO seen.life (what, engine, epoch, batch) SELECT 'joined', id, epoch, batch FROM engine";

impl Home {
    /// A PostgreSQL with these settings, and an empty database in it.
    pub fn open(settings: &[&str]) -> Home {
        let server = Server::with(settings);
        let url = server.database();
        Home { server, url }
    }

    /// Where the engines' tables are.
    pub fn psql(&self, sql: &str) -> String {
        self.server.psql(&self.url, &format!("SET search_path = workflow; {sql}"))
    }

    /// Begins the log. An engine has made the tables.
    pub fn watch(&self) {
        self.psql(&format!("BEGIN; LOCK TABLE engine; {TRIGGERS}; COMMIT"));
    }

    /// Whose commits count.
    pub fn owner(&self) -> String {
        self.psql("SELECT id FROM engine")
    }

    /// When something was first written after `then` for an execution that was started before it, both in milliseconds since 1970.
    pub fn first_progress(&self, then: u64, within: Duration) -> u64 {
        let deadline = Instant::now() + within;
        let sql = format!(
            "SELECT min(history.at) FROM execution JOIN history ON history.execution = execution.id \
             WHERE execution.started_at < {then} AND history.at > {then}"
        );
        loop {
            let at = self.psql(&sql);
            if let Ok(at) = at.parse() {
                return at;
            }
            assert!(Instant::now() < deadline, "nothing goes on");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// One engine after the other has committed, each batch follows the one before, and nothing was written besides.
    pub fn commits_are_of_one_engine_at_a_time(&self) -> Commits {
        let lines = self.psql("SELECT what, engine, epoch, batch FROM seen.life ORDER BY number");
        let lines: Vec<Line> = lines.lines().map(Line::parse).collect();
        let mut commits = Commits::default();
        let (mut owner, mut batch): (Option<Line>, Option<i64>) = (None, None);
        for line in &lines {
            let about = || format!("{line:?} after {owner:?} and batch {batch:?}, in {}", around(&lines, line));
            match (line.what.as_str(), &owner) {
                ("joined", None) => {
                    assert!(batch.is_none_or(|batch| batch == line.batch), "{}", about());
                    batch = Some(line.batch);
                    owner = Some(line.clone());
                    commits.engines += 1;
                }
                ("gone", Some(of)) if of.engine == line.engine => owner = None,
                ("commit", Some(of)) if (&of.engine, of.epoch) == (&line.engine, line.epoch) => {
                    assert_eq!(batch.map(|batch| batch + 1), Some(line.batch), "{}", about());
                    batch = Some(line.batch);
                    commits.commits += 1;
                }
                ("reopened", Some(of)) if (&of.engine, of.epoch + 1) == (&line.engine, line.epoch) => {
                    owner = Some(line.clone());
                    commits.reopened += 1;
                }
                _ => panic!("{}", about()),
            }
        }
        let besides = "SELECT count(*) FROM seen.write WHERE NOT EXISTS \
            (SELECT FROM seen.life WHERE life.tx = write.tx AND life.what = 'commit')";
        assert_eq!(self.psql(besides), "0", "transactions that have written without their engine's row");
        commits
    }
}

impl Line {
    fn parse(line: &str) -> Line {
        let [what, engine, epoch, batch] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
        let number = |text: &str| text.parse().unwrap();
        Line { what: what.to_owned(), engine: engine.to_owned(), epoch: number(epoch), batch: number(batch) }
    }
}

fn around(lines: &[Line], line: &Line) -> String {
    let place = lines.iter().position(|other| std::ptr::eq(other, line)).unwrap();
    format!("{:#?}", &lines[place.saturating_sub(5)..lines.len().min(place + 5)])
}
