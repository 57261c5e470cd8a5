//! Waiting for an execution, and following it.

use std::collections::VecDeque;
use std::time::Duration;

use workflow_core::id::ExecutionId;
use workflow_core::json::Json;
use workflow_core::status::Status;

use super::Engine;
use crate::feed::Subscription;
use crate::reading::{self, EMBEDDED_HISTORY_MAX};
use crate::{Error, ExecutionView, HistoryEntry};

/// Entries that a watcher reads at once.
const PAGE: usize = 256;
/// What it keeps of them, but for one that is longer: a client that reads slowly keeps it waiting, and there are many clients.
const KEPT_BYTES_MAX: usize = 64 << 10;

impl Engine {
    /// The execution once it has ended, or as it is when `timeout` runs out.
    pub async fn wait(&self, id: ExecutionId, timeout: Option<Duration>) -> Result<ExecutionView, Error> {
        let ended = self.wait_for_end(id);
        match timeout {
            None => ended.await,
            Some(timeout) => match tokio::time::timeout(timeout, ended).await {
                Ok(ended) => ended,
                Err(_) => self.view(id, EMBEDDED_HISTORY_MAX).await,
            },
        }
    }

    /// Waits until the execution has ended, for at most so long.
    pub async fn ended_within(&self, id: ExecutionId, timeout: Duration) -> Result<(), Error> {
        match tokio::time::timeout(timeout, self.ended(id)).await {
            Ok(ended) => ended.map(drop),
            Err(_) => Ok(()),
        }
    }

    /// Waits until the execution has ended, and reads nothing more of it than its head row.
    pub async fn ended(&self, id: ExecutionId) -> Result<Status, Error> {
        let subscription = self.shared().feed.subscribe(id);
        let status = self.shared().readers.run(move |store| reading::status(store, id)).await?;
        if status.has_ended() {
            return Ok(status);
        }
        self.end_of(subscription).await
    }

    /// The end of an execution that had not ended when it was subscribed to.
    async fn end_of(&self, mut subscription: Subscription) -> Result<Status, Error> {
        let mut closed = self.shared().when_closed();
        loop {
            tokio::select! {
                _ = subscription.changed() => {}
                _ = closed.wait_for(|closed| *closed) => return Err(Error::Closed),
            }
            if let Some(status) = subscription.seen().ended {
                return Ok(status);
            }
        }
    }

    async fn wait_for_end(&self, id: ExecutionId) -> Result<ExecutionView, Error> {
        loop {
            self.ended(id).await?;
            let view = self.view(id, EMBEDDED_HISTORY_MAX).await?;
            // It may have been retried in between.
            if view.status.has_ended() {
                return Ok(view);
            }
        }
    }

    /// Every durable entry after `after`, as it comes, without gaps, until the execution has ended.
    pub async fn watch(&self, id: ExecutionId, after: u64) -> Result<Watch, Error> {
        let subscription = self.shared().feed.subscribe(id);
        let mut watch = Watch {
            engine: self.clone(),
            id,
            subscription,
            after,
            newest: 0,
            entries: VecDeque::new(),
            page: PAGE,
            more: true,
            over: false,
        };
        // The entry that the watcher has seen last says whether there is anything to wait for.
        let seen = after.saturating_sub(1);
        let (page, ended) = self.history_page(id, seen, PAGE).await?;
        watch.newest = page.last;
        watch.take(page.entries, page.next.is_some(), ended);
        Ok(watch)
    }
}

/// The entries of one execution as they become durable.
#[derive(Debug)]
pub struct Watch {
    engine: Engine,
    id: ExecutionId,
    subscription: Subscription,
    after: u64,
    newest: u64,
    entries: VecDeque<HistoryEntry>,
    /// How many are read at once: fewer where they are long.
    page: usize,
    /// There is more to read at once.
    more: bool,
    /// The execution has ended with the last of `entries`.
    over: bool,
}

/// What an entry takes in memory, about.
fn weight(entry: &HistoryEntry) -> usize {
    let Some(data) = &entry.data else { return size_of::<HistoryEntry>() };
    let input = data.start.as_ref().and_then(|start| start.input.as_ref());
    let stack = data.error.as_ref().and_then(|error| error.stack.as_ref()).map_or(0, String::len);
    let texts = data.output.iter().chain(input).map(Json::len).sum::<usize>();
    size_of::<HistoryEntry>() + entry.message.as_ref().map_or(0, String::len) + stack + texts
}

impl Watch {
    /// The next entry; none once the execution has ended and every entry was given.
    pub async fn next(&mut self) -> Option<Result<HistoryEntry, Error>> {
        loop {
            if let Some(entry) = self.entries.pop_front() {
                return Some(Ok(entry));
            }
            if self.over {
                return None;
            }
            if !self.more
                && let Err(error) = self.wait_for_more().await
            {
                self.over = true;
                return Some(Err(error));
            }
            match self.engine.history_page(self.id, self.after, self.page).await {
                Ok((page, ended)) => self.take(page.entries, page.next.is_some(), ended),
                Err(error) => {
                    self.over = true;
                    return Some(Err(error));
                }
            }
        }
    }

    async fn wait_for_more(&mut self) -> Result<(), Error> {
        let mut closed = self.engine.shared().when_closed();
        tokio::select! {
            _ = self.subscription.changed() => {
                self.subscription.seen();
                Ok(())
            }
            _ = closed.wait_for(|closed| *closed) => Err(Error::Closed),
        }
    }

    fn take(&mut self, entries: Vec<HistoryEntry>, more: bool, ended: bool) {
        let (mut bytes, mut left) = (0, false);
        for entry in entries.into_iter().filter(|entry| entry.seq > self.after) {
            bytes += weight(&entry);
            left = bytes > KEPT_BYTES_MAX && !self.entries.is_empty();
            if left {
                break;
            }
            self.entries.push_back(entry);
        }
        if let Some(last) = self.entries.back() {
            self.after = last.seq;
        }
        self.page = if left { self.entries.len() } else { (2 * self.page).min(PAGE) };
        self.more = more || left;
        self.over = ended && !left;
    }

    /// The `seq` of the newest entry that there was when watching began.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// Whether the execution had ended when the last entry was read.
    pub fn is_over(&self) -> bool {
        self.over
    }
}
