//! What a kill left on disk, looked at in a copy, so that the server itself finds the file as it was left.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use workflow_core::apply::fold;
use workflow_core::definition::Definition;
use workflow_core::execution::{Execution, StepState};
use workflow_core::id::ExecutionId;
use workflow_core::status::Status;
use workflow_store::{Filter, Options, Sqlite, Store};

use crate::worker;

/// An attempt, by execution, step and number.
pub type Attempt = (ExecutionId, usize, u32);

#[derive(Debug)]
pub struct Image {
    /// Executions that move: neither ended nor paused.
    pub in_flight: usize,
    /// Attempts whose start is recorded, and whose end is not, of actions that die with the server.
    pub attempts: Vec<Attempt>,
}

/// The database at `path` after a kill. Each of `acknowledged` must be there.
pub fn of(path: &Path, acknowledged: &[ExecutionId]) -> Image {
    let copy = path.with_extension("image");
    std::fs::copy(path, &copy).unwrap();
    // A backup has no log.
    if with_end(path, "-wal").exists() {
        std::fs::copy(with_end(path, "-wal"), with_end(&copy, "-wal")).unwrap();
    }
    let store = Sqlite::open(&copy, Options::default()).unwrap();
    let definitions = definitions(&store);
    for (id, stored) in acknowledged.iter().zip(store.load(acknowledged).unwrap()) {
        assert!(stored.is_some(), "{id} was acknowledged before the kill, and is not in the file");
    }
    let moving = vec![Status::Pending, Status::Running, Status::Waiting];
    let count =
        |statuses: Vec<Status>| store.executions(&Filter { statuses, limit: usize::MAX, ..Filter::default() }).unwrap().heads;
    let in_flight = count(moving).len();
    let open = count(vec![Status::Pending, Status::Running, Status::Waiting, Status::Paused]);
    let ids: Vec<ExecutionId> = open.iter().map(|head| head.id).collect();
    let mut attempts = Vec::new();
    for stored in store.load(&ids).unwrap().into_iter().flatten() {
        let definition = &definitions[stored.head.workflow.as_str()];
        let execution = fold(stored.head.id, definition.steps.len(), stored.events).unwrap();
        attempts.extend(flying(definition, &execution));
    }
    Image { in_flight, attempts }
}

/// Those of workers go on without the server.
fn flying(definition: &Definition, execution: &Execution) -> Vec<Attempt> {
    let steps = execution.steps.iter().enumerate();
    let attempt = |(place, record): (usize, &workflow_core::execution::StepRecord)| match record.state {
        StepState::Running { attempt, .. } => Some((execution.id, place, attempt)),
        _ => None,
    };
    let of_worker = |(_, place, _): &Attempt| worker::ACTIONS.contains(&definition.steps[*place].action.as_str());
    steps.filter_map(attempt).filter(|attempt| !of_worker(attempt)).collect()
}

/// Each workflow of the load has one version.
pub fn definitions(store: &dyn Store) -> HashMap<String, Definition> {
    let rows = store.definitions().unwrap();
    rows.iter().map(|row| (row.workflow.to_string(), Definition::from_stored(&row.stored).unwrap())).collect()
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(end);
    PathBuf::from(path)
}
