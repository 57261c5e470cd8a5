//! Reading: from the store, which holds what is durable.

use workflow_core::id::ExecutionId;
use workflow_core::refusal::Refusal;

use super::Engine;
use crate::reading::{self, EMBEDDED_HISTORY_MAX};
use crate::request::{Count, HistoryPage, ListRequest, Page};
use crate::{Error, ExecutionView};

const HISTORY_LIMIT: usize = 1_000;

impl Engine {
    /// None when there is no such execution. At most the newest 1,000 entries of its history.
    pub async fn status(&self, id: ExecutionId) -> Result<Option<ExecutionView>, Error> {
        let shared = self.shared().clone();
        self.shared().readers.run(move |store| reading::execution(store, &shared, id, EMBEDDED_HISTORY_MAX)).await
    }

    /// Entries with `seq` above `after`, at most `limit` (none: 1,000), fewer when the page passes 4 MiB.
    pub async fn history(&self, id: ExecutionId, after: u64, limit: Option<usize>) -> Result<HistoryPage, Error> {
        let limit = limit.unwrap_or(HISTORY_LIMIT);
        if !(1..=HISTORY_LIMIT).contains(&limit) {
            return Err(Error::InvalidRequest(format!("limit is {limit}, expected 1 to {HISTORY_LIMIT}")));
        }
        Ok(self.history_page(id, after, limit).await?.0)
    }

    /// A page, and whether the execution has ended with the last entry of it.
    pub(super) async fn history_page(&self, id: ExecutionId, after: u64, limit: usize) -> Result<(HistoryPage, bool), Error> {
        let shared = self.shared().clone();
        let page = self.shared().readers.run(move |store| reading::history(store, &shared, id, after, limit)).await?;
        page.ok_or_else(|| not_found(id))
    }

    pub async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let shared = self.shared().clone();
        self.shared().readers.run(move |store| reading::list(store, &shared, request)).await
    }

    pub async fn counts(&self) -> Result<Vec<Count>, Error> {
        let counts = self.shared().readers.run(|store| store.counts().map_err(reading::unread)).await?;
        Ok(counts.into_iter().map(|(workflow_id, status, count)| Count { workflow_id, status, count }).collect())
    }

    /// An execution that is known to exist.
    pub(super) async fn view(&self, id: ExecutionId, history_max: usize) -> Result<ExecutionView, Error> {
        let shared = self.shared().clone();
        let view = self.shared().readers.run(move |store| reading::execution(store, &shared, id, history_max)).await?;
        view.ok_or_else(|| not_found(id))
    }
}

fn not_found(id: ExecutionId) -> Error {
    Refusal::ExecutionNotFound { execution: id.to_string() }.into()
}
