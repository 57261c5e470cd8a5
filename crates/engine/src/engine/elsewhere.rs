//! Executions that another engine decides about: what is asked of them goes to it, and what comes of them is looked for in the store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use workflow_core::id::{ExecutionId, IdempotencyKey};
use workflow_core::refusal::{Control, Refusal};
use workflow_store::Ranges;

use super::Engine;
use crate::Error;
use crate::feed::Seen;
use crate::forward::{self, Forwarded};
use crate::reading;
use crate::ring::message::{ControlAsk, DeleteAsk, Input};

/// An engine that has not answered by then may be dead, and nobody may have taken its place yet.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);
/// Answers are told of, and looked for this often all the same.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What somebody watches is looked for this often.
const WATCH_EVERY: Duration = Duration::from_millis(250);
/// Executions that are looked for together.
const WATCHED_AT_ONCE: usize = 64;
/// A call that was refused because another engine changed a definition at that moment is made again so often.
const AGAIN_MAX: usize = 5;

impl Engine {
    /// A control call, wherever its execution is.
    pub(crate) async fn move_it(
        &self,
        id: ExecutionId,
        control: Control,
        step: Option<String>,
        key: Option<IdempotencyKey>,
    ) -> Result<(), Error> {
        let by = self.by.clone();
        let here = self.unless_changed(|| {
            let (step, key, by) = (step.clone(), key.clone(), by.clone());
            self.ask(move |reply| Input::Control(Box::new(ControlAsk { id, control, step, key, by, reply: reply.into() })))
        });
        match here.await {
            Err(Error::Elsewhere { .. }) => {
                // What is not answered in time can be asked again: with a key it is done once.
                let key = key.unwrap_or_else(new_key);
                let asked = Forwarded::Control { control, step, key: Some(key.clone()), by };
                self.ask_elsewhere(id, &asked, Some(&key)).await
            }
            here => here,
        }
    }

    pub(crate) async fn delete_it(&self, id: ExecutionId) -> Result<(), Error> {
        match self.ask(|reply| Input::Delete(DeleteAsk { id, reply: reply.into() })).await {
            Err(Error::Elsewhere { .. }) => self.ask_elsewhere(id, &Forwarded::Delete, None).await,
            here => here,
        }
    }

    async fn ask_elsewhere(&self, id: ExecutionId, asked: &Forwarded, key: Option<&IdempotencyKey>) -> Result<(), Error> {
        let (shared, command) = (self.shared(), forward::write(asked));
        let until = Instant::now() + ANSWERED_WITHIN;
        let seq = shared.readers.run(move |store| store.ask(id, &command).map_err(reading::unread)).await?;
        loop {
            let told = shared.answered.notified();
            if let Some(answer) = shared.readers.run(move |store| store.take_answer(seq).map_err(reading::unread)).await? {
                return forward::result(&answer);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let again = key.map_or(String::new(), |key| format!(": ask again with the idempotency key `{key}`"));
                let reason =
                    format!("the engine that decides about {id} has not answered for {} s{again}", ANSWERED_WITHIN.as_secs());
                return Err(Error::OutcomeUnknown { reason });
            }
            // Whoever is told in between looks a second later at the latest.
            let _ = tokio::time::timeout(left.min(LOOK_EVERY), told).await;
        }
    }

    /// Makes a call again that was decided by definitions which another engine had changed before; nothing of it was written.
    pub(crate) async fn unless_changed<T, F: Future<Output = Result<T, Error>>>(&self, call: impl Fn() -> F) -> Result<T, Error> {
        let mut tries = Tries::default();
        loop {
            match call().await {
                Err(error) if self.is_worth_again(&error, &mut tries).await => {}
                answer => return answer,
            }
        }
    }

    /// Whether a call that was refused may go well with what other engines have changed since.
    pub(crate) async fn is_worth_again(&self, error: &Error, tries: &mut Tries) -> bool {
        match error {
            Error::CatalogChanged => {
                tries.made += 1;
                tries.made < AGAIN_MAX
            }
            Error::Refused(Refusal::WorkflowNotFound { .. }) if !tries.asked => {
                tries.asked = true;
                self.may_know_more_now().await
            }
            _ => false,
        }
    }

    /// Waits until this engine knows what others have changed before the call; false where there are no others.
    pub(crate) async fn may_know_more_now(&self) -> bool {
        self.ask(|reply| Input::CatalogChanged { reply: Some(reply) }).await.unwrap_or(false)
    }

    /// Looks for what becomes durable elsewhere of executions that somebody watches here.
    pub(super) fn watch_elsewhere(&self, owned: Ranges) {
        let life = Arc::downgrade(&self.life);
        tokio::spawn(async move {
            let (mut after, mut owned_before) = (None, owned);
            let (mut looked_at, mut batches) = (Instant::now(), None);
            loop {
                tokio::time::sleep(WATCH_EVERY).await;
                let Some(life) = life.upgrade() else { return };
                let shared = life.shared.clone();
                let owned = shared.owned();
                let gained = owned.without(std::mem::replace(&mut owned_before, owned));
                if !gained.is_empty()
                    && let Err(error) = (Engine { life, by: None }).resume_jobs(gained).await
                {
                    tracing::warn!(%error, "jobs of an engine that is gone could not be looked for; they are tried again");
                    owned_before = owned_before.without(gained);
                }
                if owned == Ranges::ALL {
                    continue;
                }
                if !shared.feed.changes.are_watched() {
                    batches = None;
                } else if looked_at.elapsed() >= LOOK_EVERY {
                    looked_at = Instant::now();
                    let read = shared.readers.run(|store| store.members().map_err(reading::unread)).await;
                    let elsewhere = read.map(|members| {
                        members
                            .into_iter()
                            .filter(|member| !member.is_self)
                            .map(|member| (member.id, member.batch))
                            .collect::<Vec<_>>()
                    });
                    // Also at the first look: something may have changed since it has been watched.
                    if let Ok(elsewhere) = elsewhere
                        && batches.as_ref() != Some(&elsewhere)
                    {
                        batches = Some(elsewhere);
                        shared.feed.changes.missed();
                    }
                }
                let watched = shared.feed.watched_elsewhere(owned, after, WATCHED_AT_ONCE);
                after = watched.last().map(|(id, _)| *id).filter(|_| watched.len() == WATCHED_AT_ONCE);
                if watched.is_empty() {
                    continue;
                }
                let read = move |store: &dyn workflow_store::Store| {
                    let mut seen = Vec::new();
                    for (id, known) in watched {
                        if let Some(newer) = reading::newest(store, id)?.filter(|newer: &Seen| newer.seq > known) {
                            seen.push((id, newer));
                        }
                    }
                    Ok(seen)
                };
                match shared.readers.run(read).await {
                    Ok(seen) => seen.into_iter().for_each(|(id, seen)| shared.feed.tell(id, seen)),
                    Err(Error::Closed) => return,
                    // Looked for again soon.
                    Err(error) => tracing::debug!(%error, "what other engines have done could not be read"),
                }
            }
        });
    }
}

/// How often a call was made.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    made: usize,
    asked: bool,
}

fn new_key() -> IdempotencyKey {
    IdempotencyKey::new(&format!("auto-{}", uuid::Uuid::now_v7().simple())).expect("hex digits are a valid key")
}
