//! Which executions a job takes, fixed when it is made.

use workflow_core::id::ExecutionId;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;
use workflow_store::{Head, Store};

use super::{JobAction, MATCHED_MAX, NAMED_MAX, Which};
use crate::Error;
use crate::overview::ExecutionFilter;
use crate::reading::summaries::{self, Now};
use crate::reading::unread;

/// Those that are meant and can be moved so, the newest first.
pub fn select(store: &dyn Store, now: &Now<'_>, action: JobAction, which: &Which, as_of: Timestamp) -> Result<Vec<Head>, Error> {
    let heads = match which {
        Which::These(ids) => named(store, ids)?,
        Which::Filter(filter) => {
            let statuses: Vec<Status> = action
                .allowed()
                .iter()
                .copied()
                .filter(|status| filter.statuses.is_empty() || filter.statuses.contains(status))
                .collect();
            if statuses.is_empty() {
                return Ok(Vec::new());
            }
            let filter = ExecutionFilter { statuses, text: None, ..(**filter).clone() };
            summaries::all(store, now, &filter, MATCHED_MAX + 1)?
        }
    };
    let there = |head: &Head| head.started_at <= as_of && head.completed_at.is_none_or(|ended| ended <= as_of);
    let heads: Vec<Head> = heads.into_iter().filter(|head| action.allowed().contains(&head.status) && there(head)).collect();
    if heads.len() > MATCHED_MAX {
        return Err(Error::InvalidRequest(format!(
            "more than {MATCHED_MAX} executions are meant; narrow the filter, in time for example"
        )));
    }
    Ok(heads)
}

fn named(store: &dyn Store, ids: &[ExecutionId]) -> Result<Vec<Head>, Error> {
    if ids.len() > NAMED_MAX {
        return Err(Error::InvalidRequest(format!("`ids` names {} executions, at most {NAMED_MAX} were expected", ids.len())));
    }
    let mut ids = ids.to_vec();
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids.dedup();
    let mut heads = Vec::with_capacity(ids.len());
    for page in ids.chunks(64) {
        heads.extend(store.load(page).map_err(unread)?.into_iter().flatten().map(|stored| stored.head));
    }
    Ok(heads)
}
