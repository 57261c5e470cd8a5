//! The PostgreSQL of a test, and what is seen in it: a log of all commits and of who owns what, kept by triggers of the test's own.
//!
//! Why the numbers of the log are the order of what it tells: every commit begins with the row of its engine, and holds the lock of
//! that row until it has ended; whoever takes over waits for the locks of the rows of those that it takes over from, and deletes them
//! before it takes what they owned. The trigger of a row takes its number while the lock is held. So of two transactions that touch one
//! row, the one with the smaller number has ended before the other takes its own. A range goes to another engine in a commit of the one
//! that owned it, or once that one's row is gone; its new owner knows of it, and writes, after that has been committed. What was rolled
//! back leaves no line.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::postgres::Server;

const RANGES: usize = 64;

pub struct Home {
    pub server: Server,
    /// What follows it.
    pub standby: Option<Server>,
    /// The way to it for psql, whatever stands between it and the engines.
    pub url: String,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    what: String,
    transaction: String,
    engine: String,
    epoch: i64,
    batch: i64,
    /// One bit each.
    ranges: u64,
}

/// What the log tells.
#[derive(Debug, Default, PartialEq)]
pub struct Commits {
    pub engines: usize,
    pub commits: usize,
    /// New epochs of engines that have opened their connection again.
    pub reopened: usize,
    /// Ranges that went to another engine by a commit of the one that owned them, and without.
    pub given: usize,
    pub taken: usize,
    /// Transactions that wrote histories.
    pub writes: usize,
}

/// How long executions stood still that had lost their engine.
#[derive(Debug, PartialEq)]
pub struct Orphans {
    pub what: String,
    pub count: usize,
    pub median_ms: u64,
    pub max_ms: u64,
}

/// An engine of this database.
#[derive(Debug, Clone, Copy)]
struct Place {
    epoch: i64,
    batch: i64,
    /// It has let go of its lease.
    left: bool,
}

const TRIGGERS: &str = "\
    CREATE SCHEMA seen; \
    CREATE TABLE seen.line (number BIGSERIAL PRIMARY KEY, what TEXT, tx XID8 DEFAULT pg_current_xact_id(), engine TEXT, epoch BIGINT, \
      batch BIGINT, ranges BIGINT DEFAULT 0); \
    CREATE TABLE seen.orphan (execution UUID, what TEXT, at BIGINT); \
    CREATE FUNCTION seen.note() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE what TEXT; it engine; BEGIN \
      IF TG_OP = 'DELETE' THEN it := OLD; ELSE it := NEW; END IF; \
      what := CASE WHEN TG_OP = 'DELETE' THEN 'gone' WHEN TG_OP = 'INSERT' THEN 'joined' WHEN NEW.batch <> OLD.batch THEN 'commit' \
        WHEN NEW.epoch <> OLD.epoch THEN 'reopened' WHEN NEW.lease_until = '-infinity' THEN 'left' END; \
      IF what IS NOT NULL THEN INSERT INTO seen.line (what, engine, epoch, batch) VALUES (what, it.id, it.epoch, it.batch); END IF; \
      RETURN NULL; END $$; \
    CREATE FUNCTION seen.moved() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
      INSERT INTO seen.line (what, engine, epoch, batch, ranges) VALUES ('moved', NEW.owner, NEW.epoch, 0, 1::int8 << (NEW.slot_from / 64)); \
      RETURN NULL; END $$; \
    CREATE FUNCTION seen.history() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
      INSERT INTO seen.line (what, engine, epoch, batch, ranges) SELECT 'write', '', 0, 0, \
        bit_or(1::int8 << (('x' || right(execution::text, 3))::bit(12)::int / 64)) FROM touched HAVING count(*) > 0; \
      RETURN NULL; END $$; \
    CREATE FUNCTION seen.head() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
      INSERT INTO seen.line (what, engine, epoch, batch, ranges) SELECT 'write', '', 0, 0, bit_or(1::int8 << (slot / 64)) FROM touched \
        HAVING count(*) > 0; \
      RETURN NULL; END $$; \
    CREATE TRIGGER seen AFTER INSERT OR UPDATE OR DELETE ON engine FOR EACH ROW EXECUTE FUNCTION seen.note(); \
    CREATE TRIGGER seen AFTER UPDATE ON range FOR EACH ROW EXECUTE FUNCTION seen.moved(); \
    CREATE TRIGGER seen_new AFTER INSERT ON history_dated REFERENCING NEW TABLE AS touched EXECUTE FUNCTION seen.history(); \
    CREATE TRIGGER seen_old AFTER DELETE ON history_dated REFERENCING OLD TABLE AS touched EXECUTE FUNCTION seen.history(); \
    CREATE TRIGGER seen_new AFTER INSERT ON execution REFERENCING NEW TABLE AS touched EXECUTE FUNCTION seen.head(); \
    CREATE TRIGGER seen_now AFTER UPDATE ON execution REFERENCING NEW TABLE AS touched EXECUTE FUNCTION seen.head(); \
    CREATE TRIGGER seen_old AFTER DELETE ON execution REFERENCING OLD TABLE AS touched EXECUTE FUNCTION seen.head(); \
    INSERT INTO seen.line (what, engine, epoch, batch) SELECT 'joined', id, epoch, batch FROM engine; \
    INSERT INTO seen.line (what, engine, epoch, batch, ranges) SELECT 'owned', owner, epoch, 0, 1::int8 << (slot_from / 64) FROM range";

impl Home {
    /// A PostgreSQL with these settings, and an empty database in it.
    pub fn open(settings: &[&str]) -> Home {
        let server = Server::with(settings);
        let url = server.database();
        Home { server, standby: None, url }
    }

    /// The same with a standby.
    pub fn followed(settings: &[&str]) -> Home {
        let home = Home::open(settings);
        Home { standby: Some(home.server.standby(None)), ..home }
    }

    /// The address for engines that go to PostgreSQL themselves: all of its servers.
    pub fn address(&self) -> String {
        let Some(standby) = &self.standby else { return self.url.clone() };
        // In one order, whichever of them is the primary now.
        let mut ports = [self.server.port(), standby.port()];
        ports.sort_unstable();
        let all = ports.map(|port| format!("127.0.0.1:{port}")).join(",");
        format!("{}?target_session_attrs=read-write", self.at(&all))
    }

    /// The address for those that reach it there.
    pub fn at(&self, host: &str) -> String {
        let url = self.url.replace(&format!("127.0.0.1:{}", self.server.port()), host);
        assert!(url.contains(host));
        url
    }

    /// What follows takes the place of the primary, which is dead; nobody follows it.
    pub fn promote(&mut self) {
        let standby = self.standby.take().expect("it has a standby");
        standby.promote();
        self.url = self.at(&format!("127.0.0.1:{}", standby.port()));
        self.server = standby;
    }

    /// Where the engines' tables are.
    pub fn psql(&self, sql: &str) -> String {
        self.server.psql(&self.url, &format!("SET search_path = workflow; {sql}"))
    }

    /// Begins the log. An engine has made the tables.
    pub fn watch(&self) {
        self.psql(&format!("BEGIN; LOCK TABLE engine, range; {TRIGGERS}; COMMIT"));
    }

    /// What the engine of this process is called here.
    pub fn engine_of(&self, pid: u32) -> String {
        let id = self.psql(&format!("SELECT id FROM engine WHERE name LIKE 'process {pid} on %'"));
        assert!(!id.is_empty(), "process {pid} is ready, and not among the engines");
        id
    }

    pub fn is_there(&self, id: &str) -> bool {
        !self.psql(&format!("SELECT 1 FROM engine WHERE id = '{id}'")).is_empty()
    }

    /// How many ranges whom belong to.
    pub fn owned(&self) -> HashMap<String, usize> {
        let said = self.psql("SELECT owner, count(*) FROM range GROUP BY owner");
        said.lines()
            .map(|line| {
                let (owner, count) = line.split_once('|').unwrap();
                (owner.to_owned(), count.parse().unwrap())
            })
            .collect()
    }

    /// Remembers the executions under way that this engine decides about, and gives how many those are.
    pub fn orphan(&self, id: &str, what: &str) -> usize {
        let sql = format!(
            "WITH new AS (INSERT INTO seen.orphan (execution, what) SELECT e.id, '{what}' FROM execution e \
             JOIN range r ON r.slot_from = e.slot / 64 * 64 WHERE r.owner = '{id}' AND e.status IN ('pending', 'running', 'waiting') \
             RETURNING 1) SELECT count(*) FROM new"
        );
        self.psql(&sql).parse().unwrap()
    }

    /// They have been alone since then, in milliseconds since 1970. Waits until one of them goes on, if there are any; gives after how
    /// many milliseconds that was.
    pub fn first_progress_of_orphans(&self, since: u64, within: Duration) -> Option<u64> {
        let sql = format!(
            "WITH since AS (UPDATE seen.orphan SET at = {since} WHERE at IS NULL RETURNING 1) SELECT count(*) FROM since"
        );
        if self.psql(&sql) == "0" {
            return None;
        }
        let of = format!(
            "SELECT min(h.at) FROM seen.orphan o JOIN history h USING (execution) WHERE o.at = {since} AND h.at > {since}"
        );
        Some(self.once(&of, within) - since)
    }

    /// When something was first written after `then` for an execution that was started before it, both in milliseconds since 1970.
    pub fn first_progress(&self, then: u64, within: Duration) -> u64 {
        let sql = format!(
            "SELECT min(history.at) FROM execution JOIN history ON history.execution = execution.id \
             WHERE execution.started_at < {then} AND history.at > {then}"
        );
        self.once(&sql, within)
    }

    /// The newest line of the log.
    pub fn newest_line(&self) -> u64 {
        self.psql("SELECT max(number) FROM seen.line").parse().unwrap()
    }

    /// Waits until this engine has committed after this line.
    pub fn commits_after(&self, line: u64, id: &str, within: Duration) {
        self.once(
            &format!("SELECT min(number) FROM seen.line WHERE number > {line} AND what = 'commit' AND engine = '{id}'"),
            within,
        );
    }

    /// The number that this gives once it gives one.
    fn once(&self, sql: &str, within: Duration) -> u64 {
        let deadline = Instant::now() + within;
        loop {
            if let Ok(number) = self.psql(sql).parse() {
                return number;
            }
            assert!(Instant::now() < deadline, "nothing goes on: {sql}\n{}", self.under_way());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What has not ended, and those that were orphans, for people.
    pub fn under_way(&self) -> String {
        let sql = "SELECT e.id, e.workflow, e.status, e.wake_at, e.slot / 64 AS range, r.owner, o.what, o.at, h.seq, h.at AS newest, h.events \
            FROM execution e JOIN range r ON r.slot_from = e.slot / 64 * 64 LEFT JOIN seen.orphan o ON o.execution = e.id \
            JOIN LATERAL (SELECT * FROM history h WHERE h.execution = e.id ORDER BY seq DESC LIMIT 1) h ON true \
            WHERE e.completed_at IS NULL OR o.what IS NOT NULL ORDER BY newest LIMIT 40";
        format!("{}\n{:?}", self.psql(sql), self.owned())
    }

    /// By what has befallen their engines.
    pub fn orphans(&self) -> Vec<Orphans> {
        let sql = "SELECT what, count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY ms), max(ms) FROM (SELECT o.what, \
            (SELECT min(h.at) FROM history h WHERE h.execution = o.execution AND h.at > o.at) - o.at AS ms FROM seen.orphan o) of \
            WHERE ms IS NOT NULL GROUP BY what";
        let of = |line: &str| {
            let [what, count, median, max] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
            let number = |text: &str| text.parse().unwrap();
            Orphans { what: what.to_owned(), count: number(count) as usize, median_ms: number(median), max_ms: number(max) }
        };
        self.psql(sql).lines().map(of).collect()
    }

    /// What engines have asked of each other, and how much of that nobody has answered.
    pub fn questions(&self) -> (u64, u64) {
        let sql = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END, (SELECT count(*) FROM inbox WHERE answer IS NULL) \
            FROM inbox_seq_seq";
        let said = self.psql(sql);
        let (asked, open) = said.split_once('|').unwrap();
        (asked.parse().unwrap(), open.parse().unwrap())
    }

    /// Each engine's commits follow each other while it has its place, none comes after, and every history was written by whoever
    /// owned its range.
    pub fn each_range_has_one_owner_at_a_time(&self) -> Commits {
        let lines = self.psql("SELECT what, tx, engine, epoch, batch, ranges FROM seen.line ORDER BY number");
        Judge::of(&lines.lines().map(Line::parse).collect::<Vec<_>>())
    }
}

#[derive(Debug, Default)]
struct Judge<'l> {
    members: HashMap<&'l str, Place>,
    /// Who owns which range, since which transaction, and who did before; and how often it has changed hands.
    owners: HashMap<usize, Owner<'l>>,
    /// Transactions that are commits, and whose.
    by: HashMap<&'l str, &'l str>,
    wrote: HashSet<&'l str>,
}

#[derive(Debug, Clone, Copy)]
struct Owner<'l> {
    now: &'l str,
    since: &'l str,
    before: &'l str,
    epoch: i64,
}

impl<'l> Judge<'l> {
    fn of(lines: &'l [Line]) -> Commits {
        let (mut judge, mut commits) = (Judge::default(), Commits::default());
        for (place, line) in lines.iter().enumerate() {
            if let Err(why) = judge.line(line, &mut commits) {
                let around = &lines[place.saturating_sub(20)..lines.len().min(place + 5)];
                panic!("{why}: {line:#?} of {:#?} and {:#?}, in {around:#?}", judge.members, judge.owners);
            }
        }
        assert_eq!(judge.owners.len(), RANGES);
        commits.writes = judge.wrote.len();
        commits
    }

    fn line(&mut self, line: &'l Line, commits: &mut Commits) -> Result<(), String> {
        let Line { transaction, engine, epoch, batch, .. } = line;
        let right = |is_so: bool, why: &str| if is_so { Ok(()) } else { Err(why.to_owned()) };
        match line.what.as_str() {
            "joined" => {
                commits.engines += 1;
                let place = Place { epoch: *epoch, batch: *batch, left: false };
                right(self.members.insert(engine, place).is_none(), "it is among them already")
            }
            "gone" => right(self.members.remove(engine.as_str()).is_some(), "it was not among them"),
            "left" => {
                let place = self.members.get_mut(engine.as_str()).ok_or("it has no place")?;
                place.left = true;
                Ok(())
            }
            "reopened" => {
                commits.reopened += 1;
                let place = self.members.get_mut(engine.as_str()).ok_or("it has no place")?;
                let follows = (place.epoch + 1, place.batch) == (*epoch, *batch);
                place.epoch = *epoch;
                right(follows && !place.left, "the epoch after the last one was expected")
            }
            "commit" => {
                commits.commits += 1;
                let place = self.members.get_mut(engine.as_str()).ok_or("it commits without its place")?;
                let follows = (place.epoch, place.batch + 1) == (*epoch, *batch);
                place.batch = *batch;
                self.by.insert(transaction, engine);
                right(follows && !place.left, "the batch after the last one was expected")
            }
            "owned" => {
                let owner = Owner { now: engine, since: "", before: "", epoch: *epoch };
                right(self.owners.insert(line.range(), owner).is_none(), "it is owned twice")
            }
            "moved" => {
                let owner = self.owners.get_mut(&line.range()).ok_or("there is no such range")?;
                let (gives, is_gone) = (self.by.get(transaction.as_str()), !self.members.contains_key(owner.now));
                *(if is_gone { &mut commits.taken } else { &mut commits.given }) += 1;
                let may_go = is_gone || gives == Some(&owner.now);
                let follows = owner.epoch + 1 == *epoch && owner.since != transaction;
                *owner = Owner { now: engine, since: transaction, before: owner.now, epoch: *epoch };
                right(may_go && follows, "it goes to another engine, and the one that owns it does not give it")
            }
            "write" => {
                let by = *self.by.get(transaction.as_str()).ok_or("a history was written without its engine's row")?;
                self.wrote.insert(transaction);
                for range in (0..RANGES).filter(|range| line.ranges >> range & 1 == 1) {
                    let owner = &self.owners[&range];
                    // What is given away with a commit belongs to who gives it until then.
                    let owns = if owner.since == transaction { owner.before } else { owner.now };
                    right(owns == by, &format!("{by} wrote histories of range {range}, which is of {owns}"))?;
                }
                Ok(())
            }
            other => Err(format!("`{other}` is not expected")),
        }
    }
}

impl Line {
    fn parse(line: &str) -> Line {
        let [what, transaction, engine, epoch, batch, ranges] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
        let number = |text: &str| text.parse::<i64>().unwrap();
        Line {
            what: what.to_owned(),
            transaction: transaction.to_owned(),
            engine: engine.to_owned(),
            epoch: number(epoch),
            batch: number(batch),
            ranges: number(ranges).cast_unsigned(),
        }
    }

    /// The only one of it.
    fn range(&self) -> usize {
        assert_eq!(self.ranges.count_ones(), 1, "{self:?}");
        self.ranges.trailing_zeros() as usize
    }
}

/// The judge finds what it is there for.
#[test]
fn a_log_in_which_two_engines_own_one_range_is_found_out() {
    let owned = (0..RANGES).map(|range| format!("owned|0|one|1|0|{}", (1_u64 << range).cast_signed()));
    let begin: Vec<String> = ["joined|0|one|1|0|0", "joined|0|two|1|0|0"].into_iter().map(str::to_owned).chain(owned).collect();
    let judge = |more: &[&str]| {
        let lines: Vec<Line> = begin.iter().map(String::as_str).chain(more.iter().copied()).map(Line::parse).collect();
        let (mut judge, mut commits) = (Judge::default(), Commits::default());
        lines.iter().try_for_each(|line| judge.line(line, &mut commits)).map(|()| commits.writes + judge.wrote.len())
    };
    let given = "moved|1|two|2|0|4";
    assert_eq!(judge(&["commit|1|one|1|1|0", given, "write|1||0|0|4", "commit|2|two|1|1|0", "write|2||0|0|4"]), Ok(2));
    assert_eq!(judge(&["gone|1|one|1|0|0", given, "commit|2|two|1|1|0", "write|2||0|0|4"]), Ok(1));
    let found_out = |lines: &[&str], why: &str| {
        let said = judge(lines).unwrap_err();
        assert!(said.contains(why), "{said}");
    };
    found_out(&["commit|2|two|1|1|0", "write|2||0|0|4"], "two wrote histories of range 2, which is of one");
    found_out(&["commit|1|one|1|1|0", given, "commit|2|one|1|2|0", "write|2||0|0|4"], "one wrote histories of range 2");
    found_out(&["commit|1|one|1|1|0", given, "write|1||0|0|5", "commit|2|one|1|2|0", "write|2||0|0|6"], "of range 2");
    found_out(&[given], "does not give it");
    found_out(&["commit|1|two|1|1|0", given], "does not give it");
    found_out(&["write|1||0|0|4"], "without its engine's row");
    found_out(&["gone|1|one|1|0|0", "commit|2|one|1|1|0"], "without its place");
    found_out(&["commit|1|one|1|2|0"], "the batch after the last one");
    found_out(&["commit|1|one|2|1|0"], "the batch after the last one");
    found_out(&["left|1|one|1|0|0", "commit|2|one|1|1|0"], "the batch after the last one");
}
