//! Keeps the lease, and hears what others do.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::Notify;

use super::address::Address;
use super::error::{PostgresError, Trouble};
use super::link::Link;
use super::member::{self, Member, Ownership, boot_time, lost, millis, of_slots};
use super::row::get;
use crate::{Lease, Notice, Ranges};

/// A beat that failed is tried again after this.
const BEAT_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// The lease is over for us so much before it is over for others: what is on its way arrives in time.
const MARGIN: Duration = Duration::from_secs(1);

/// Renews the lease, and reads in the same statement what an engine has to know of the others: it is all that an idle one asks.
const BEAT: &str = "WITH kept AS (UPDATE engine SET lease_until = clock_timestamp() + $2::float8 * INTERVAL '1 second' WHERE id = $1 \
    RETURNING 1) \
    SELECT (SELECT count(*) FROM kept) AS kept, \
    ARRAY(SELECT slot_from FROM range WHERE owner = $1) AS owned, \
    (SELECT count(*) FROM range r WHERE NOT EXISTS \
        (SELECT 1 FROM engine e WHERE e.id = r.owner AND (e.id = $1 OR e.lease_until > clock_timestamp()))) AS orphans, \
    (SELECT number FROM cluster WHERE name = 'catalog') AS catalog, \
    EXISTS (SELECT 1 FROM inbox i JOIN range r ON r.slot_from = (i.slot >> 6) << 6 WHERE r.owner = $1 AND i.answer IS NULL) AS asked, \
    ARRAY(SELECT id FROM engine e WHERE e.id <> $1 AND lease_until > clock_timestamp() ORDER BY id) AS others, \
    ARRAY(SELECT (SELECT count(*)::int4 FROM range r WHERE r.owner = e.id) FROM engine e \
        WHERE e.id <> $1 AND lease_until > clock_timestamp() ORDER BY id) AS their";

/// Keeps the lease.
#[derive(Debug)]
pub(super) struct Beat {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    id: String,
    ownership: Arc<Ownership>,
    /// Until when the lease lasts for us, in milliseconds of [`boot_time`]; 0 when it is lost.
    until: AtomicU64,
    stop: Notify,
    hearing: Mutex<Hearing>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("id", &self.id).field("until", &self.until).finish_non_exhaustive()
    }
}

/// Who wants to know, and what it has to be told once it does.
#[derive(Default)]
struct Hearing {
    lost: bool,
    hear: Option<Arc<dyn Fn(Notice) + Send + Sync>>,
}

impl Shared {
    fn tell(&self, notice: Notice) {
        let hear = {
            let mut hearing = self.hearing.lock().unwrap_or_else(PoisonError::into_inner);
            hearing.lost |= matches!(notice, Notice::Lost(_));
            hearing.hear.clone()
        };
        if let Some(hear) = hear {
            hear(notice);
        }
    }
}

impl Beat {
    pub fn start(address: &Address, member: &Member, ownership: &Arc<Ownership>, lease: Duration) -> Result<Beat, PostgresError> {
        let failed = |error: std::io::Error| PostgresError::Other { at: address.shown().to_owned(), reason: error.to_string() };
        let shared = Arc::new(Shared {
            id: member.id.clone(),
            ownership: Arc::clone(ownership),
            until: AtomicU64::new(millis(member.asked_at + lease.saturating_sub(MARGIN))),
            stop: Notify::new(),
            hearing: Mutex::default(),
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(failed)?;
        let beating = Beating {
            address: address.clone(),
            lease,
            shared: Arc::clone(&shared),
            runtime,
            catalog: None,
            others: Vec::new(),
            patient_until: if member.is_patient { member.asked_at + lease / 2 } else { Duration::ZERO },
        };
        let thread =
            std::thread::Builder::new().name("workflow-lease".to_owned()).spawn(move || beating.run()).map_err(failed)?;
        Ok(Beat { shared, thread: Mutex::new(Some(thread)) })
    }

    /// On a clock that counts while the process or the machine is stopped.
    pub fn lease(&self) -> Lease {
        let shared = Arc::clone(&self.shared);
        Lease::new(move || millis(boot_time()) < shared.until.load(Ordering::Relaxed))
    }

    /// Whatever came before is told at once.
    pub fn attend(&self, hear: Box<dyn Fn(Notice) + Send + Sync>) {
        let hear: Arc<dyn Fn(Notice) + Send + Sync> = Arc::from(hear);
        let lost = {
            let mut hearing = self.shared.hearing.lock().unwrap_or_else(PoisonError::into_inner);
            hearing.hear = Some(Arc::clone(&hear));
            hearing.lost
        };
        if lost {
            return hear(Notice::Lost(member::lost(&self.shared.id, "keep the lease")));
        }
        hear(Notice::Owns(self.shared.ownership.ranges()));
        hear(Notice::Catalog);
        hear(Notice::Asked);
    }

    pub fn stop(&self) {
        self.shared.stop.notify_one();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A panic in it was told of already.
            let _ = thread.join();
        }
    }
}

struct Beating {
    address: Address,
    lease: Duration,
    shared: Arc<Shared>,
    /// Where it waits while there is no connection.
    runtime: tokio::runtime::Runtime,
    catalog: Option<i64>,
    /// The others that lived at the last beat.
    others: Vec<String>,
    /// When it has not reached the database it may be that nobody has, and the leases of all have run out: until then the others have
    /// time to come back, and nobody is taken over.
    patient_until: Duration,
}

/// Why a wait is over.
enum Woken {
    Stop,
    Time,
    Told(String),
}

/// What a beat has found.
enum Found {
    Lost,
    Kept,
}

impl Beating {
    fn run(mut self) {
        let mut link: Option<Link> = None;
        let (mut pause, mut was_away) = (self.lease / 2, false);
        loop {
            if !self.wait(&mut link, pause) {
                return;
            }
            let asked_at = boot_time();
            if was_away {
                // Unless this one fails, the next beat comes when that is over.
                self.patient_until = asked_at + self.lease / 2;
            }
            pause = match self.beat(&mut link) {
                Ok(Found::Kept) => {
                    was_away = false;
                    let until = asked_at + self.lease.saturating_sub(MARGIN);
                    self.shared.until.store(millis(until), Ordering::Relaxed);
                    self.lease / 2
                }
                Ok(Found::Lost) => {
                    self.shared.until.store(0, Ordering::Relaxed);
                    tracing::error!(engine = self.shared.id, "another engine has taken over; this one commits nothing any more");
                    return self.shared.tell(Notice::Lost(lost(&self.shared.id, "keep the lease")));
                }
                Err(trouble) => {
                    (link, was_away) = (None, true);
                    let fault = trouble.during("keep the lease");
                    tracing::warn!(%fault, "the lease could not be renewed; trying again");
                    BEAT_AGAIN_AFTER.min(self.lease / 4)
                }
            };
        }
    }

    /// Until it is time for a beat, also because somebody else has come or gone. False when it is time to stop.
    fn wait(&self, link: &mut Option<Link>, pause: Duration) -> bool {
        let until = boot_time() + pause;
        loop {
            let left = until.saturating_sub(boot_time());
            let stop = self.shared.stop.notified();
            let woken = match link {
                None => self.runtime.block_on(async {
                    tokio::select! {
                        () = stop => Woken::Stop,
                        () = tokio::time::sleep(left) => Woken::Time,
                    }
                }),
                Some(link) => link.wait(async |told| {
                    tokio::select! {
                        () = stop => Woken::Stop,
                        () = tokio::time::sleep(left) => Woken::Time,
                        told = told.recv() => told.map_or(Woken::Time, Woken::Told),
                    }
                }),
            };
            match woken {
                Woken::Stop => return false,
                Woken::Time => return true,
                Woken::Told(what) => match what.as_str() {
                    "members" => return true,
                    "asked" => self.shared.tell(Notice::Asked),
                    "answered" => self.shared.tell(Notice::Answered),
                    "catalog" => self.shared.tell(Notice::Catalog),
                    _ => {}
                },
            }
        }
    }

    fn beat(&mut self, link: &mut Option<Link>) -> Result<Found, Trouble> {
        let is_new = link.is_none();
        let link = match link {
            Some(link) => link,
            // Of which two fit into what is left of the lease: the first may go into a network that swallows it.
            None => {
                let made = Link::listening(&self.address, "lease", self.lease / 5, self.lease / 5)?;
                link.insert(made)
            }
        };
        let id = self.shared.id.as_str();
        let ownership = &self.shared.ownership;
        let settled = ownership.settled();
        let row = link.query_one(BEAT, &[&id, &self.lease.as_secs_f64()])?;
        if get::<i64>(&row, "kept")? == 0 {
            return Ok(Found::Lost);
        }
        let mut owned = of_slots(get(&row, "owned")?);
        ownership.read(settled, |_| owned, |owned| self.shared.tell(Notice::Owns(owned)));
        if get::<i64>(&row, "orphans")? > 0 && boot_time() >= self.patient_until {
            let settled = ownership.settled();
            let taken = member::take_over(link, id)?;
            if !taken.is_empty() {
                tracing::info!(engine = id, ranges = taken.len(), "took over what an engine that has ended or died owned");
            }
            owned = owned.with(taken);
            ownership.read(settled, |known| known.with(taken), |owned| self.shared.tell(Notice::Owns(owned)));
        }
        let catalog = get::<i64>(&row, "catalog")?;
        if self.catalog.replace(catalog) != Some(catalog) {
            self.shared.tell(Notice::Catalog);
        }
        if is_new {
            self.shared.tell(Notice::Answered);
        }
        if is_new || get(&row, "asked")? {
            self.shared.tell(Notice::Asked);
        }
        let others: Vec<String> = get(&row, "others")?;
        if self.others != others {
            self.others.clone_from(&others);
            self.shared.tell(Notice::Members);
        }
        if let Some((count, to)) = share(owned.len(), &others, &get::<Vec<i32>>(&row, "their")?) {
            self.shared.tell(Notice::Share { count, to });
        }
        Ok(Found::Kept)
    }
}

/// How much of what an engine owns another one should have, and which: as much as is above a fair share here, and below it there.
fn share(own: usize, others: &[String], their: &[i32]) -> Option<(usize, String)> {
    let fair = Ranges::COUNT as usize / (others.len() + 1);
    let counts = others.iter().zip(their).map(|(id, count)| (usize::try_from(*count).unwrap_or_default(), id));
    let (least, id) = counts.min()?;
    // First everybody has its share, then what is left over is divided too.
    let goal = if least < fair { fair } else { fair + 1 };
    let count = own.saturating_sub(goal).min(goal.saturating_sub(least));
    (count > 0).then(|| (count, id.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever has more than its share gives in turn until nobody has less than it.
    #[test]
    fn ranges_are_divided_evenly_in_a_few_rounds() {
        for engines in 2..=64 {
            let ids: Vec<String> = (0..engines).map(|n| format!("e{n:02}")).collect();
            let mut counts = vec![0; engines];
            counts[0] = 64;
            let mut rounds = 0;
            loop {
                let before = counts.clone();
                for giver in 0..engines {
                    let others: Vec<String> =
                        ids.iter().enumerate().filter(|(n, _)| *n != giver).map(|(_, id)| id.clone()).collect();
                    let their: Vec<i32> =
                        before.iter().enumerate().filter(|(n, _)| *n != giver).map(|(_, count)| *count as i32).collect();
                    if let Some((count, to)) = share(before[giver], &others, &their) {
                        counts[giver] -= count;
                        counts[ids.iter().position(|id| *id == to).unwrap()] += count;
                    }
                }
                if counts == before {
                    break;
                }
                rounds += 1;
            }
            let fair = 64 / engines;
            assert!(counts.iter().all(|count| (fair..=fair + 1).contains(count)), "{engines}: {counts:?}");
            assert!(rounds < 2 * engines, "{engines} in {rounds}: {counts:?}");
        }
    }
}
