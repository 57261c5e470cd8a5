//! This engine's place among those of the database: its row, and the lease on it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::PostgresOptions;
use super::address::Address;
use super::error::{PostgresError, Trouble};
use super::link::Link;
use super::row::get;
use crate::{Fault, FaultKind, Lease};

/// How often it is asked whether the predecessor has let go.
const ASKED_EVERY: Duration = Duration::from_millis(500);
/// A beat that failed is tried again after this.
const BEAT_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// The lease is over for us so much before it is over for others: what is on its way arrives in time.
const MARGIN: Duration = Duration::from_secs(1);

/// The row of an engine.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub id: String,
    pub seat: i32,
    pub epoch: i64,
    /// The number of its newest commit.
    pub batch: i64,
    /// When its lease was asked for.
    asked_at: Duration,
}

impl Member {
    /// Takes the place of those whose lease has run out; waits for one that has not.
    pub fn join(link: &Link, at: &str, options: &PostgresOptions) -> Result<Member, Trouble> {
        let until = Instant::now() + options.wait;
        loop {
            // Without a lock: one who waits, and perhaps stands still meanwhile, must not be in the way of one who works.
            let holder = match Member::holder(link)? {
                Some(holder) => holder,
                None => {
                    link.script("BEGIN")?;
                    let taken = Member::take(link, options)?;
                    link.script(if taken.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
                    match taken {
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

    /// Who has a lease that lasts.
    fn holder(link: &Link) -> Result<Option<String>, Trouble> {
        let rows = link.query("SELECT id, name FROM engine WHERE lease_until > clock_timestamp()", &[])?;
        let Some(row) = rows.first() else { return Ok(None) };
        let (id, name): (String, String) = (get(row, "id")?, get(row, "name")?);
        Ok(Some(format!("{id} ({name})")))
    }

    /// Or who has it.
    fn take(link: &Link, options: &PostgresOptions) -> Result<Result<Member, String>, Trouble> {
        link.query_one("SELECT number FROM cluster WHERE name = 'members' FOR UPDATE", &[])?;
        // A commit that is under way is waited for, and so is a beat; who was late with it has it back.
        link.query("SELECT 1 FROM engine FOR UPDATE", &[])?;
        if let Some(holder) = Member::holder(link)? {
            return Ok(Err(holder));
        }
        let row = link.query_one("SELECT max(batch) AS batch FROM engine", &[])?;
        let batch = get::<Option<i64>>(&row, "batch")?.unwrap_or_default();
        link.query("DELETE FROM engine", &[])?;
        let mut random = [0; 8];
        getrandom::fill(&mut random)
            .map_err(|error| Trouble::Corrupt(format!("the system gives no random numbers ({error})")))?;
        let (id, lease_s) = (format!("engine-{:016x}", u64::from_be_bytes(random)), options.lease.as_secs_f64());
        let asked_at = boot_time();
        let sql = "INSERT INTO engine (id, seat, name, joined_at, lease_until, epoch, batch) VALUES \
            ($1, 0, $2, clock_timestamp(), clock_timestamp() + $3::float8 * INTERVAL '1 second', 1, $4)";
        link.query(sql, &[&id, &options.name, &lease_s, &batch])?;
        let sql = "INSERT INTO range (slot_from, slot_to, owner, epoch) VALUES (0, 4096, $1, 1) \
            ON CONFLICT (slot_from) DO UPDATE SET owner = excluded.owner, epoch = range.epoch + 1";
        link.query(sql, &[&id])?;
        Ok(Ok(Member { id, seat: 0, epoch: 1, batch, asked_at }))
    }
}

/// Keeps the lease.
#[derive(Debug)]
pub(super) struct Beat {
    id: String,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    /// Until when the lease lasts for us, in milliseconds of [`boot_time`]; 0 when it is lost.
    until: AtomicU64,
    stopped: Mutex<bool>,
    stop: Condvar,
    loss: Mutex<Loss>,
}

/// Whether the place is lost, and who wants to know.
#[derive(Default)]
struct Loss {
    lost: bool,
    tell: Option<Box<dyn FnOnce(Fault) + Send>>,
}

impl std::fmt::Debug for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Loss(lost: {})", self.lost)
    }
}

impl Beat {
    pub fn start(address: &Address, member: &Member, lease: Duration) -> Result<Beat, PostgresError> {
        let until = AtomicU64::new(millis(member.asked_at + lease.saturating_sub(MARGIN)));
        let shared = Arc::new(Shared { until, stopped: Mutex::new(false), stop: Condvar::new(), loss: Mutex::default() });
        let beating = Beating { address: address.clone(), id: member.id.clone(), lease, shared: Arc::clone(&shared) };
        let thread = std::thread::Builder::new().name("workflow-lease".to_owned()).spawn(move || beating.run());
        let thread =
            thread.map_err(|error| PostgresError::Other { at: address.shown().to_owned(), reason: error.to_string() })?;
        Ok(Beat { id: member.id.clone(), shared, thread: Mutex::new(Some(thread)) })
    }

    /// On a clock that counts while the process or the machine is stopped.
    pub fn lease(&self) -> Lease {
        let shared = Arc::clone(&self.shared);
        Lease::new(move || millis(boot_time()) < shared.until.load(Ordering::Relaxed))
    }

    pub fn on_loss(&self, tell: Box<dyn FnOnce(Fault) + Send>) {
        let mut loss = self.shared.loss.lock().unwrap_or_else(PoisonError::into_inner);
        if loss.lost { tell(lost(&self.id, "keep the lease")) } else { loss.tell = Some(tell) }
    }

    pub fn stop(&self) {
        *self.shared.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.stop.notify_all();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A panic in it was told of already.
            let _ = thread.join();
        }
    }
}

struct Beating {
    address: Address,
    id: String,
    lease: Duration,
    shared: Arc<Shared>,
}

impl Beating {
    fn run(self) {
        let mut link: Option<Link> = None;
        let mut pause = self.lease / 2;
        while self.sleep(pause) {
            let asked_at = boot_time();
            pause = match self.beat(&mut link) {
                Ok(true) => {
                    let until = asked_at + self.lease.saturating_sub(MARGIN);
                    self.shared.until.store(millis(until), Ordering::Relaxed);
                    self.lease / 2
                }
                Ok(false) => {
                    self.shared.until.store(0, Ordering::Relaxed);
                    tracing::error!(engine = self.id, "another engine has taken over; this one commits nothing any more");
                    let mut loss = self.shared.loss.lock().unwrap_or_else(PoisonError::into_inner);
                    loss.lost = true;
                    if let Some(tell) = loss.tell.take() {
                        tell(lost(&self.id, "keep the lease"));
                    }
                    return;
                }
                Err(trouble) => {
                    link = None;
                    let fault = trouble.during("keep the lease");
                    tracing::warn!(%fault, "the lease could not be renewed; trying again");
                    BEAT_AGAIN_AFTER.min(self.lease / 4)
                }
            };
        }
    }

    /// Whether the row is still there.
    fn beat(&self, link: &mut Option<Link>) -> Result<bool, Trouble> {
        let link = match link {
            Some(link) => link,
            // Of which two fit into what is left of the lease: the first may go into a network that swallows it.
            None => link.insert(Link::connect_within(&self.address, "lease", self.lease / 5, self.lease / 5)?),
        };
        let sql =
            "UPDATE engine SET lease_until = clock_timestamp() + $2::float8 * INTERVAL '1 second' WHERE id = $1 RETURNING 1";
        Ok(!link.query(sql, &[&self.id, &self.lease.as_secs_f64()])?.is_empty())
    }

    /// False when it is time to stop.
    fn sleep(&self, pause: Duration) -> bool {
        let stopped = self.shared.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.shared.stop.wait_timeout_while(stopped, pause, |stopped| !*stopped);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
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

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A clock that goes on while the process is stopped and while the machine sleeps.
#[cfg(target_os = "linux")]
fn boot_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// The same, where a sleep of the machine is not counted: an engine then learns from its next commit that it has lost its place.
#[cfg(not(target_os = "linux"))]
fn boot_time() -> Duration {
    static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed() + Duration::from_secs(3600)
}

/// What this machine is called.
pub(super) fn host() -> String {
    #[cfg(unix)]
    return rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "an unknown machine".to_owned())
}
