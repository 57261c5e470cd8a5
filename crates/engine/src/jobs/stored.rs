//! Jobs as documents: the job, the executions that it takes, what came of them, and which key made it.

use workflow_core::id::ExecutionId;
use workflow_core::json::Json;
use workflow_core::time::{Millis, Timestamp};
use workflow_store::{Change, Document, DocumentFilter, KeyRange, Order, Ranges, Store};

use super::{Job, JobItem, Wanted};
use crate::Error;
use crate::reading::unread;

const JOB: &str = "job";
const IDS: &str = "job_ids";
const ITEMS: &str = "job_items";
const KEY: &str = "job_key";
/// The key that a job was made with, by the id of the job: so that the key goes when the job does.
const KEY_OF: &str = "job_key_of";

/// Executions, and what came of them, that lie in one document: it is written anew while they are worked on.
pub const CHUNK: usize = 200;
/// How long a job is kept.
const KEPT: Millis = Millis::from_secs(30 * 24 * 3_600);
/// Keys that are read together.
const KEYS_AT_ONCE: usize = 1_000;
/// What somebody wants of a job who called an engine that does not run it.
const WANTED: &str = "job_wanted";
const ID_PREFIX: &str = "job_";

/// An id whose order is that of time.
pub fn new_id(now: Timestamp) -> String {
    let (seconds, ms) = (now.millis().div_euclid(1_000), now.millis().rem_euclid(1_000));
    let at = uuid::Timestamp::from_unix(
        uuid::NoContext,
        u64::try_from(seconds).unwrap_or(0),
        u32::try_from(ms * 1_000_000).expect("it is below a second"),
    );
    format!("{ID_PREFIX}{}", uuid::Uuid::new_v7(at).simple())
}

/// The range whose owner runs a job.
pub fn home(id: &str) -> u32 {
    let tail = id.get(id.len().saturating_sub(2)..).and_then(|tail| u32::from_str_radix(tail, 16).ok());
    tail.unwrap_or_default() % Ranges::COUNT
}

pub fn put_wanted(job: &str, wanted: Wanted) -> Change {
    put(WANTED, job.to_owned(), &(wanted == Wanted::Stop))
}

pub fn wanted(store: &dyn Store, job: &str) -> Result<Option<Wanted>, Error> {
    let stop: Option<bool> = one(store, WANTED, job)?;
    Ok(stop.map(|stop| if stop { Wanted::Stop } else { Wanted::GoOn }))
}

pub fn forget_wanted(job: &str) -> Change {
    Change::RemoveDocuments { kind: WANTED.to_owned(), keys: KeyRange::one(job) }
}

/// Whether a text has the form of an id.
pub fn is_id(text: &str) -> bool {
    let digits = text.strip_prefix(ID_PREFIX);
    digits.is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

fn put<T: serde::Serialize>(kind: &str, key: String, body: &T) -> Change {
    let body = Json::from_serialize(body).expect("a job is JSON");
    Change::PutDocument(Box::new(Document { kind: kind.to_owned(), key, body }))
}

pub fn put_job(job: &Job) -> Change {
    put(JOB, job.id.clone(), job)
}

pub fn put_key(key: &str, job: &str) -> [Change; 2] {
    [put(KEY, key.to_owned(), &job), put(KEY_OF, job.to_owned(), &key)]
}

pub fn put_ids(job: &str, chunk: usize, ids: &[ExecutionId]) -> Change {
    put(IDS, chunk_key(job, chunk), &ids)
}

pub fn put_items(job: &str, chunk: usize, items: &[JobItem]) -> Change {
    put(ITEMS, chunk_key(job, chunk), &items)
}

fn chunk_key(job: &str, chunk: usize) -> String {
    format!("{job}/{chunk:06}")
}

/// Jobs that are old go when another is made, with the keys that made them.
pub fn forget_old(store: &dyn Store, now: Timestamp) -> Result<Vec<Change>, Error> {
    let before = (now - KEPT).millis().max(0);
    let old = KeyRange { from: ID_PREFIX.to_owned(), to: format!("{ID_PREFIX}{before:012x}") };
    let remove = |kind: &str, keys: KeyRange| Change::RemoveDocuments { kind: kind.to_owned(), keys };
    let mut changes = Vec::new();
    let mut from = old.from.clone();
    loop {
        let keys = KeyRange { from, to: old.to.clone() };
        let filter = DocumentFilter { kind: KEY_OF.to_owned(), keys, order: Order::Ascending, limit: KEYS_AT_ONCE };
        let found = store.documents(&filter).map_err(unread)?;
        for document in &found {
            let key: String = read(document)?;
            // One that was made again meanwhile is that of another job.
            if made_by(store, &key)?.as_ref() == Some(&document.key) {
                changes.push(remove(KEY, KeyRange::one(&key)));
            }
        }
        match found.last().filter(|_| found.len() == KEYS_AT_ONCE) {
            Some(last) => from = KeyRange::one(&last.key).to,
            None => break,
        }
    }
    // The keys first: a crash in between leaves a job without its key, and no key without its job.
    changes.extend([KEY_OF, JOB, IDS, ITEMS, WANTED].map(|kind| remove(kind, old.clone())));
    Ok(changes)
}

fn one<T: serde::de::DeserializeOwned>(store: &dyn Store, kind: &str, key: &str) -> Result<Option<T>, Error> {
    let filter = DocumentFilter { kind: kind.to_owned(), keys: KeyRange::one(key), order: Order::Ascending, limit: 1 };
    let found = store.documents(&filter).map_err(unread)?.pop();
    found.map(|document| read(&document)).transpose()
}

fn read<T: serde::de::DeserializeOwned>(document: &Document) -> Result<T, Error> {
    let Document { kind, key, body } = document;
    body.to().map_err(|error| Error::Corrupt(format!("document `{key}` of kind `{kind}` cannot be read: {error}")))
}

pub fn job(store: &dyn Store, id: &str) -> Result<Option<Job>, Error> {
    one(store, JOB, id)
}

/// The job that a key has made.
pub fn made_by(store: &dyn Store, key: &str) -> Result<Option<String>, Error> {
    one(store, KEY, key)
}

pub fn ids(store: &dyn Store, job: &str, chunk: usize) -> Result<Vec<ExecutionId>, Error> {
    Ok(one(store, IDS, &chunk_key(job, chunk))?.unwrap_or_default())
}

pub fn items(store: &dyn Store, job: &str, chunk: usize) -> Result<Vec<JobItem>, Error> {
    Ok(one(store, ITEMS, &chunk_key(job, chunk))?.unwrap_or_default())
}

/// The newest first, older than `before`.
pub fn jobs(store: &dyn Store, before: Option<&str>, limit: usize) -> Result<Vec<Job>, Error> {
    let all = KeyRange::beginning(ID_PREFIX);
    let keys = KeyRange { to: before.map_or(all.to, str::to_owned), from: all.from };
    let filter = DocumentFilter { kind: JOB.to_owned(), keys, order: Order::Descending, limit };
    store.documents(&filter).map_err(unread)?.iter().map(read).collect()
}
