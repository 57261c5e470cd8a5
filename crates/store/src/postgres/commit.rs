//! Writes a batch: one transaction, one message.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Statement;
use tokio_postgres::error::SqlState;
use workflow_core::id::ExecutionId;

use super::address::Address;
use super::error::Trouble;
use super::link::{Link, OnItsWay};
use super::member::{self, Member, Ownership};
use super::read;
use super::row::{self, get, stored};
use super::writes::{self, Ahead, Boxed, Known, Planned, Refusal, Writes};
use crate::seal::{HIDDEN, Seals, bound};
use crate::{Batch, Change, Claim, ClaimKind, Committed, Fault, FaultKind, Ranges, Taken};

/// Executions under way of which it is remembered what is stored; beyond, the memory starts anew.
const KNOWN_MAX: usize = 1 << 18;

/// Fails the transaction unless the engine's row is as it must be: what follows of it comes to nothing.
const FENCE: &str = "WITH fenced AS (UPDATE engine SET batch = $3 WHERE id = $1 AND epoch = $2 AND batch = $3::int8 - 1 RETURNING 1) \
    SELECT 1 / (SELECT count(*)::int4 FROM fenced)";
const CLAIM: &str = "INSERT INTO claim (kind, scope, key, executions, data, seal) VALUES ($1, $2, $3, $4, $5, $6)";
const CLAIM_IF_FREE: &str = "INSERT INTO claim (kind, scope, key, executions, data, seal) VALUES ($1, $2, $3, $4, $5, $6) \
    ON CONFLICT DO NOTHING RETURNING 1";

/// The one connection that commits, and what it need not read again. Only a commit changes either.
#[derive(Debug)]
pub(super) struct Writer {
    /// None once it has broken, until it is opened again.
    link: Option<Link>,
    seals: Arc<Seals>,
    member: Member,
    lease: Duration,
    ownership: Arc<Ownership>,
    known: HashMap<ExecutionId, Known>,
    ahead: Ahead,
}

impl Writer {
    pub fn new(
        link: Link,
        seals: Arc<Seals>,
        member: Member,
        lease: Duration,
        ownership: Arc<Ownership>,
    ) -> Result<Writer, Trouble> {
        let ahead = Ahead::read(&link)?;
        Ok(Writer { link: Some(link), seals, member, lease, ownership, known: HashMap::new(), ahead })
    }

    /// Of this life of the engine.
    pub fn id(&self) -> &str {
        &self.member.id
    }

    pub fn batch(&self) -> u64 {
        self.member.batch.cast_unsigned()
    }

    pub fn rest(&mut self) {
        self.known = HashMap::new();
    }

    /// A connection of which nothing is on its way, and the truth about the newest commit.
    pub fn reopen(&mut self, address: &Address) -> Result<(), Trouble> {
        self.known = HashMap::new();
        let link = match self.link.take().filter(|link| !link.is_closed()) {
            Some(link) => link,
            None => Link::for_commits(address, self.lease)?,
        };
        link.script("ROLLBACK")?;
        // A commit that is still on its way on another connection is waited for when it has come this far, and else finds another
        // epoch.
        let sql = "UPDATE engine SET epoch = epoch + 1 WHERE id = $1 RETURNING epoch, batch";
        let rows = link.query(sql, &[&self.member.id])?;
        let Some(row) = rows.first() else {
            self.link = Some(link);
            return Err(member::lost(&self.member.id, "open again").into());
        };
        (self.member.epoch, self.member.batch) = (get(row, "epoch")?, get(row, "batch")?);
        self.ahead = Ahead::read(&link)?;
        if self.ownership.is_in_doubt() {
            self.ownership.resolve(member::owned_by(&link, &self.member.id)?);
        }
        self.link = Some(link);
        Ok(())
    }

    /// The lease ends now.
    pub fn let_go(&mut self) -> Result<(), Trouble> {
        let Some(link) = self.link.take().filter(|link| !link.is_closed()) else { return Ok(()) };
        let sql = "WITH gone AS (UPDATE engine SET lease_until = '-infinity' WHERE id = $1 AND epoch = $2 RETURNING 1) \
            SELECT pg_notify('workflow:' || current_schema(), 'members') FROM gone";
        link.query(sql, &[&self.member.id, &self.member.epoch]).map(drop)
    }

    pub fn commit(&mut self, batch: &Batch) -> Result<Committed, Fault> {
        if batch.number != self.batch() + 1 {
            return Err(Fault::fenced("commit", batch.number, self.batch()));
        }
        let Some(link) = self.link.take() else {
            return Err(Fault::new(FaultKind::Unavailable, "commit", "the connection to PostgreSQL was closed after a fault"));
        };
        let given = given(batch);
        if !given.is_empty() {
            self.ownership.give();
        }
        let written = self.write(&link, batch);
        match written {
            Ok((committed, done)) => {
                if !given.is_empty() {
                    self.ownership.gave(given);
                    // Another one writes them now.
                    self.known.retain(|id, _| !given.hold(*id));
                }
                self.link = Some(link);
                self.member.batch = batch.number.cast_signed();
                self.remember(done);
                Ok(committed)
            }
            Err(Failed { trouble, sent }) => {
                self.known = HashMap::new();
                let broken = trouble.breaks_connection();
                let fault = if sent { trouble.during_commit() } else { trouble.during("commit") };
                if !given.is_empty() && fault.kind != FaultKind::Unknown {
                    self.ownership.gave(Ranges::NONE);
                }
                // What is left of a transaction ends with its connection, if not before.
                if !broken && link.script("ROLLBACK").is_ok() {
                    self.link = Some(link);
                }
                Err(fault)
            }
        }
    }

    fn remember(&mut self, done: Done) {
        for (id, known) in done.known {
            match known {
                Some(known) => drop(self.known.insert(id, known)),
                None => drop(self.known.remove(&id)),
            }
        }
        if self.known.len() > KNOWN_MAX {
            self.known = HashMap::new();
        }
        self.ahead = done.ahead;
    }

    /// First as if no claim were taken, in one message; when one is, in two.
    fn write(&self, link: &Link, batch: &Batch) -> Result<(Committed, Done), Failed> {
        let repeated = repeated(batch);
        let claims: Vec<(usize, &Claim)> = claims(batch).filter(|(place, _)| !repeated.contains_key(place)).collect();
        if claims.is_empty() {
            return self.write_rest(link, batch, Committed::default(), true);
        }
        // What makes no sense may be in an item that is left out.
        let planned = if repeated.is_empty() { self.plan(link, batch, &Committed::default()).ok() } else { None };
        let Some(writes) = planned else { return self.write_settled(link, batch, &claims, &repeated) };
        let mut planned = vec![self.fence(batch.number)];
        planned.extend(claims.iter().map(|(_, claim)| self.claim(claim, CLAIM)));
        let last_claim = planned.len() - 1;
        let (done, rest) = writes.finish();
        planned.extend(rest);
        match self.send(link, &planned, &["BEGIN"], &["COMMIT"]) {
            Ok(_) => Ok((Committed::default(), done)),
            Err(Refused { trouble, place: Some(place), .. })
                if trouble.is(&SqlState::UNIQUE_VIOLATION) && (1..=last_claim).contains(&place) =>
            {
                link.script("ROLLBACK").map_err(Failed::before)?;
                self.write_settled(link, batch, &claims, &repeated)
            }
            Err(refused) => Err(self.failed(refused, batch.number)),
        }
    }

    /// Claims first; what they leave out is known before the rest is written.
    fn write_settled(
        &self,
        link: &Link,
        batch: &Batch,
        claims: &[(usize, &Claim)],
        repeated: &HashMap<usize, usize>,
    ) -> Result<(Committed, Done), Failed> {
        let mut planned = vec![self.fence(batch.number)];
        planned.extend(claims.iter().map(|(_, claim)| self.claim(claim, CLAIM_IF_FREE)));
        let said = self.send(link, &planned, &["BEGIN"], &[]).map_err(|refused| self.failed(refused, batch.number))?;
        let mut held = HashMap::new();
        for ((place, claim), rows) in claims.iter().zip(&said[1..]) {
            if rows.is_empty() {
                let holder = read::claim(link, &self.seals, claim.kind, &claim.scope, &claim.key).map_err(Failed::before)?;
                let gone = || Failed::before(Trouble::Corrupt("a claim is taken and not there".to_owned()));
                held.insert(*place, holder.ok_or_else(gone)?);
            }
        }
        let taken = self.taken_by_first(batch, repeated, &held);
        self.write_rest(link, batch, Committed { taken }, false)
    }

    /// Who holds what is taken, by place: those in `held`, and who repeats an earlier item of the batch.
    fn taken_by_first(
        &self,
        batch: &Batch,
        repeated: &HashMap<usize, usize>,
        held: &HashMap<usize, Taken>,
    ) -> Vec<(usize, Taken)> {
        let mut taken: Vec<(usize, Taken)> = held.iter().map(|(place, taken)| (*place, taken.clone())).collect();
        for (place, first) in repeated {
            let of_first = || {
                let claim = batch.items[*first].claim.as_ref().expect("it has the same claim");
                Taken { executions: claim.executions.clone(), data: claim.data.clone() }
            };
            taken.push((*place, held.get(first).cloned().unwrap_or_else(of_first)));
        }
        taken.sort_by_key(|(place, _)| *place);
        taken
    }

    fn write_rest(&self, link: &Link, batch: &Batch, committed: Committed, begins: bool) -> Result<(Committed, Done), Failed> {
        let writes = self.plan(link, batch, &committed)?;
        let (done, rest) = writes.finish();
        let mut planned = Vec::with_capacity(rest.len() + 1);
        if begins {
            planned.push(self.fence(batch.number));
        }
        planned.extend(rest);
        let first: &[&'static str] = if begins { &["BEGIN"] } else { &[] };
        self.send(link, &planned, first, &["COMMIT"]).map_err(|refused| self.failed(refused, batch.number))?;
        Ok((committed, done))
    }

    fn plan<'b>(&self, link: &Link, batch: &'b Batch, committed: &Committed) -> Result<Writes<'b>, Failed> {
        let writes = Writes::new(link, Arc::clone(&self.seals), &self.member, &self.known, self.ahead, batch, committed);
        writes.map_err(Failed::before)
    }

    fn fence(&self, number: u64) -> Planned<'_> {
        let values: Boxed<'_> = vec![Box::new(&self.member.id), Box::new(self.member.epoch), Box::new(number.cast_signed())];
        Planned::refusing(FENCE, values, Refusal::Fenced)
    }

    fn claim<'b>(&self, claim: &'b Claim, sql: &'static str) -> Planned<'b> {
        let kind = row::kind(claim.kind);
        let executions = row::uuids(&claim.executions);
        let bound = bound::claim(kind, &claim.scope, &claim.key, &read::names(&claim.executions));
        let data = self.seals.seal(&bound, claim.data.text(), HIDDEN);
        let (text, seal) = (data.text.to_owned(), row::seal_bytes(data.seal));
        let values: Boxed<'b> = vec![
            Box::new(kind),
            Box::new(stored(&claim.scope)),
            Box::new(stored(&claim.key)),
            Box::new(executions),
            Box::new(text),
            Box::new(seal),
        ];
        Planned::new(sql, values)
    }

    /// Sends statements between words as one message; what each has said.
    fn send(
        &self,
        link: &Link,
        planned: &[Planned<'_>],
        before: &[&'static str],
        after: &[&'static str],
    ) -> Result<Vec<Vec<tokio_postgres::Row>>, Refused> {
        let unsent = |trouble| Refused { trouble, place: None, refusal: None, sent: false };
        let mut statements: Vec<Statement> = Vec::with_capacity(planned.len());
        for planned in planned {
            statements.push(link.prepared(planned.sql).map_err(unsent)?);
        }
        let values: Vec<Vec<_>> = planned.iter().map(Planned::values).collect();
        let words = |words: &[&'static str]| words.iter().map(|word| link.word(word)).collect::<Vec<_>>();
        let mut on_their_way: Vec<OnItsWay<'_>> = words(before);
        on_their_way.extend(statements.iter().zip(&values).map(|(statement, values)| link.statement(statement, values)));
        on_their_way.extend(words(after));
        let lost = |trouble| Refused { trouble, place: None, refusal: None, sent: true };
        let said = link.pipeline(on_their_way).map_err(lost)?;
        let mut rows = Vec::with_capacity(planned.len());
        for (place, said) in said.into_iter().enumerate() {
            match said {
                Ok(said) => rows.push(said),
                Err(error) => {
                    let place = place.checked_sub(before.len());
                    let refusal = place.and_then(|place| planned.get(place)?.refuses);
                    return Err(Refused { trouble: error.into(), place, refusal, sent: true });
                }
            }
        }
        Ok(rows.drain(before.len()..before.len() + planned.len()).collect())
    }

    fn failed(&self, Refused { trouble, refusal, sent, .. }: Refused, number: u64) -> Failed {
        let Some(refusal) = refusal.filter(|_| trouble.is(&SqlState::DIVISION_BY_ZERO)) else { return Failed { trouble, sent } };
        let fault = match refusal {
            Refusal::Fenced => {
                // Or a reopening that was given up has come through late: the next one finds out.
                tracing::warn!(engine = self.member.id, batch = number, "the row of this engine is not as it left it");
                let message = format!("the row of {} is not as this engine left it; nothing was written", self.member.id);
                Fault::new(FaultKind::Unknown, "commit", message)
            }
            Refusal::Stale => writes::stale(),
            Refusal::NoTaker => {
                let message = "the engine that was to own some of the executions is gone; nothing was written";
                Fault::new(FaultKind::Unavailable, "commit", message)
            }
        };
        Failed { trouble: fault.into(), sent: false }
    }
}

/// Why not all of a message was done.
struct Refused {
    trouble: Trouble,
    /// Which statement it was, where it was one.
    place: Option<usize>,
    /// What it means if that has divided by zero.
    refusal: Option<Refusal>,
    /// It is on its way, or was.
    sent: bool,
}

/// Why a batch was not committed, or may not have been.
struct Failed {
    trouble: Trouble,
    /// COMMIT was on its way.
    sent: bool,
}

impl Failed {
    fn before(trouble: Trouble) -> Failed {
        Failed { trouble, sent: false }
    }
}

/// What is known once a batch is committed.
pub(super) struct Done {
    pub known: HashMap<ExecutionId, Option<Known>>,
    pub ahead: Ahead,
}

/// What a batch gives away.
fn given(batch: &Batch) -> Ranges {
    let changes = batch.items.iter().flat_map(|item| &item.changes);
    changes.fold(Ranges::NONE, |all, change| if let Change::Give { ranges, .. } = change { all.with(*ranges) } else { all })
}

/// In the order of their keys, so that two engines never wait for each other.
fn claims(batch: &Batch) -> impl Iterator<Item = (usize, &Claim)> {
    let mut claims: Vec<(usize, &Claim)> =
        batch.items.iter().enumerate().filter_map(|(place, item)| Some((place, item.claim.as_ref()?))).collect();
    claims.sort_by(|(_, a), (_, b)| (a.kind, &a.scope, &a.key).cmp(&(b.kind, &b.scope, &b.key)));
    claims.into_iter()
}

/// Items with the claim of an earlier one, and which that is.
fn repeated(batch: &Batch) -> HashMap<usize, usize> {
    let mut first: HashMap<(ClaimKind, &str, &str), usize> = HashMap::new();
    let mut repeated = HashMap::new();
    for (place, item) in batch.items.iter().enumerate() {
        let Some(claim) = &item.claim else { continue };
        match first.get(&(claim.kind, claim.scope.as_str(), claim.key.as_str())) {
            Some(earlier) => drop(repeated.insert(place, *earlier)),
            None => drop(first.insert((claim.kind, &claim.scope, &claim.key), place)),
        }
    }
    repeated
}
