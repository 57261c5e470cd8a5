//! This engine's place among those of the database: its row, and what it owns.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::PostgresOptions;
use super::error::{PostgresError, Trouble};
use super::link::Link;
use super::row::get;
use super::writes::SLOTS;
use crate::{Fault, FaultKind, Ranges};

/// How often it is asked whether who is in the way has gone.
const ASKED_EVERY: Duration = Duration::from_millis(500);

/// The row of an engine.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub id: String,
    pub seat: i32,
    pub epoch: i64,
    /// The number of its newest commit.
    pub batch: i64,
    /// What nobody owned when it came.
    pub owned: Ranges,
    /// When its lease was asked for.
    pub asked_at: Duration,
    /// The leases of several engines had run out when it came: it may be the database that was away, and not they. So it has taken
    /// nothing of theirs, and gives them time to come back.
    pub is_patient: bool,
}

impl Member {
    /// Becomes one of the engines, and takes what nobody owns. Waits for who is in the way: one that shares with nobody, or anybody for
    /// one that shares with nobody.
    pub fn join(link: &Link, at: &str, options: &PostgresOptions) -> Result<Member, Trouble> {
        let until = Instant::now() + options.wait;
        loop {
            // Without a lock: one who waits, and perhaps stands still meanwhile, must not be in the way of one who works.
            let holder = match Member::in_the_way(link, options.alone)? {
                Some(holder) => holder,
                None => {
                    link.script("BEGIN")?;
                    let joined = Member::enter(link, options);
                    link.script(if matches!(joined, Ok(Ok(_))) { "COMMIT" } else { "ROLLBACK" })?;
                    match joined? {
                        Ok(member) => return Ok(member),
                        Err(faster) => faster,
                    }
                }
            };
            if Instant::now() >= until {
                let lease_s = options.lease.as_secs();
                return Err(PostgresError::InUse { at: at.to_owned(), holder, lease_s }.into());
            }
            std::thread::sleep(ASKED_EVERY);
        }
    }

    fn in_the_way(link: &Link, alone: bool) -> Result<Option<String>, Trouble> {
        let sql = "SELECT id, name FROM engine WHERE lease_until > clock_timestamp() AND (alone OR $1) LIMIT 1";
        let rows = link.query(sql, &[&alone])?;
        let Some(row) = rows.first() else { return Ok(None) };
        let (id, name): (String, String) = (get(row, "id")?, get(row, "name")?);
        Ok(Some(format!("{id} ({name})")))
    }

    /// Or who was faster.
    fn enter(link: &Link, options: &PostgresOptions) -> Result<Result<Member, String>, Trouble> {
        link.query_one(LOCK, &[])?;
        let is_patient = !options.alone && count_lapsed(link)? > 1;
        let batch = remove_lapsed(link, "", is_patient)?;
        if let Some(holder) = Member::in_the_way(link, options.alone)? {
            return Ok(Err(holder));
        }
        let mut random = [0; 8];
        getrandom::fill(&mut random)
            .map_err(|error| Trouble::Corrupt(format!("the system gives no random numbers ({error})")))?;
        let (id, lease_s) = (format!("engine-{:016x}", u64::from_be_bytes(random)), options.lease.as_secs_f64());
        let asked_at = boot_time();
        let sql = "INSERT INTO engine (id, seat, name, url, alone, joined_at, lease_until, epoch, batch) \
            SELECT $1, (SELECT min(s) FROM generate_series(0, (SELECT count(*)::int4 FROM engine)) s \
            WHERE NOT EXISTS (SELECT 1 FROM engine WHERE seat = s)), \
            $2, $3, $4, clock_timestamp(), clock_timestamp() + $5::float8 * INTERVAL '1 second', 1, $6 RETURNING seat";
        let row = link.query_one(sql, &[&id, &options.name, &options.url, &options.alone, &lease_s, &batch])?;
        let owned = take_orphans(link, &id)?;
        Ok(Ok(Member { seat: get(&row, "seat")?, id, epoch: 1, batch, owned, asked_at, is_patient }))
    }
}

/// Takes the places of those whose lease has run out, and what nobody owns, for `id`.
pub(super) fn take_over(link: &Link, id: &str) -> Result<Ranges, Trouble> {
    link.script("BEGIN; SET LOCAL lock_timeout = '1s'")?;
    let taken = link.query_one(LOCK, &[]).and_then(|_| remove_lapsed(link, id, false)).and_then(|_| take_orphans(link, id));
    link.script(if taken.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    taken
}

/// Nobody comes or goes until the transaction has ended.
const LOCK: &str = "SELECT number FROM cluster WHERE name = 'members' FOR UPDATE";

/// Those that have not said that they go.
fn count_lapsed(link: &Link) -> Result<i64, Trouble> {
    let sql = "SELECT count(*) AS lapsed FROM engine WHERE lease_until <= clock_timestamp() AND lease_until > '-infinity'";
    get(&link.query_one(sql, &[])?, "lapsed")
}

/// Gives the highest number of a commit of theirs. A commit of theirs that is under way is waited for, and so is a beat: who was late
/// with it stays. So does `own`: who stands still before it comes here does not remove itself.
///
/// `only_left`: those that have said that they go.
fn remove_lapsed(link: &Link, own: &str, only_left: bool) -> Result<i64, Trouble> {
    let mut batch = 0;
    let sql = "DELETE FROM engine WHERE lease_until <= clock_timestamp() AND id <> $1 AND (NOT $2 OR lease_until = '-infinity') \
        RETURNING id, name, batch";
    for row in link.query(sql, &[&own, &only_left])? {
        let (id, name): (String, String) = (get(&row, "id")?, get(&row, "name")?);
        tracing::info!(engine = id, name, "the lease of this engine has run out: others take over what it owned");
        batch = batch.max(get(&row, "batch")?);
    }
    Ok(batch)
}

/// Gives what was taken.
fn take_orphans(link: &Link, id: &str) -> Result<Ranges, Trouble> {
    let sql = "UPDATE range SET owner = $1, epoch = epoch + 1 WHERE NOT EXISTS (SELECT 1 FROM engine e WHERE e.id = range.owner) \
        RETURNING slot_from";
    let taken = of_slots(link.query(sql, &[&id])?.iter().map(|row| get(row, "slot_from")).collect::<Result<_, _>>()?);
    link.query("SELECT pg_notify('workflow:' || current_schema(), 'members')", &[])?;
    Ok(taken)
}

/// What an engine owns.
pub(super) fn owned_by(link: &Link, id: &str) -> Result<Ranges, Trouble> {
    let rows = link.query("SELECT slot_from FROM range WHERE owner = $1", &[&id])?;
    Ok(of_slots(rows.iter().map(|row| get(row, "slot_from")).collect::<Result<_, _>>()?))
}

pub(super) fn of_slots(slots: Vec<i32>) -> Ranges {
    slots.into_iter().map(|slot| (slot / SLOTS).unsigned_abs()).collect()
}

/// What this engine owns, as it knows it. It loses something only by a commit of its own, or with its place; so what is read of it
/// counts only if no such commit was under way at any time between the question and the answer. Nobody waits for one: a beat that did would
/// come too late when the answer to a commit does.
#[derive(Debug)]
pub(super) struct Ownership {
    ranges: AtomicU64,
    giving: Mutex<Giving>,
}

#[derive(Debug, Default)]
struct Giving {
    /// How many such commits there were.
    count: u64,
    /// It is not known whether the newest one took place.
    is_open: bool,
}

/// That no commit was giving something away when a question was asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settled(u64);

impl Ownership {
    pub fn new(ranges: Ranges) -> Ownership {
        Ownership { ranges: AtomicU64::new(ranges.to_bits()), giving: Mutex::default() }
    }

    pub fn ranges(&self) -> Ranges {
        Ranges::from_bits(self.ranges.load(Ordering::SeqCst))
    }

    fn lock(&self) -> MutexGuard<'_, Giving> {
        self.giving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be asked for before what is owned is read.
    pub fn settled(&self) -> Option<Settled> {
        let giving = self.lock();
        (!giving.is_open).then_some(Settled(giving.count))
    }

    /// What has been read is owned, and `tell` is told if it is something else than before; unless a commit may have given something
    /// away since the question was asked: then it is read again by who knows better, or later.
    pub fn read(&self, settled: Option<Settled>, ranges: impl FnOnce(Ranges) -> Ranges, tell: impl FnOnce(Ranges)) {
        let giving = self.lock();
        if giving.is_open || settled.is_none_or(|settled| settled.0 != giving.count) {
            return;
        }
        let (before, now) = (self.ranges(), ranges(self.ranges()));
        if before != now {
            self.ranges.store(now.to_bits(), Ordering::SeqCst);
            // Before anything is given away again: whoever is told would think that it came back.
            tell(now);
        }
    }

    /// A commit begins that gives something away.
    pub fn give(&self) {
        let mut giving = self.lock();
        *giving = Giving { count: giving.count + 1, is_open: true };
    }

    /// Whether it took place is known.
    pub fn gave(&self, ranges: Ranges) {
        let mut giving = self.lock();
        giving.is_open = false;
        self.ranges.fetch_and(!ranges.to_bits(), Ordering::SeqCst);
    }

    pub fn is_in_doubt(&self) -> bool {
        self.lock().is_open
    }

    /// What is owned was read on the connection that commits, after what was in doubt.
    pub fn resolve(&self, ranges: Ranges) {
        let mut giving = self.lock();
        giving.is_open = false;
        self.ranges.store(ranges.to_bits(), Ordering::SeqCst);
    }
}

/// What an engine is told that has lost its place.
pub(super) fn lost(id: &str, operation: &'static str) -> Fault {
    let message = format!(
        "{id} has lost its place in the database: its lease ran out, and another engine has taken over what it owned; nothing was \
         written"
    );
    Fault::new(FaultKind::Fenced, operation, message)
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A clock that goes on while the process is stopped and while the machine sleeps.
#[cfg(target_os = "linux")]
pub(super) fn boot_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// The same, where a sleep of the machine is not counted: an engine then learns from its next commit that it has lost its place.
#[cfg(not(target_os = "linux"))]
pub(super) fn boot_time() -> Duration {
    static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed() + Duration::from_secs(3600)
}
