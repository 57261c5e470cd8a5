//! Every version of every definition, read once.

use std::collections::BTreeMap;
use std::sync::Arc;

use workflow_core::definition::Definition;
use workflow_core::id::{ActionName, Version, WorkflowId};
use workflow_core::time::Timestamp;
use workflow_store::DefinitionRow;

/// One version of a definition.
#[derive(Debug)]
pub struct Registration {
    pub version: Version,
    pub definition: Definition,
    pub created_at: Timestamp,
    /// What a worker has to provide for it: each action once, by name, without `noop`.
    pub actions: Vec<ActionName>,
}

impl Registration {
    pub fn new(version: Version, definition: Definition, created_at: Timestamp) -> Registration {
        let mut actions: Vec<_> =
            definition.steps.iter().map(|step| &step.action).filter(|action| !action.is_noop()).cloned().collect();
        actions.sort();
        actions.dedup();
        Registration { version, definition, created_at, actions }
    }
}

/// The versions of one workflow, ascending.
#[derive(Debug, Default, Clone)]
struct Versions {
    all: BTreeMap<Version, Arc<Registration>>,
    /// Whether the newest version may be started.
    deleted: bool,
    /// The highest number that was ever given, also to a definition that cannot be read.
    newest: u32,
    /// When the first version was registered.
    created_at: Option<Timestamp>,
}

#[derive(Debug, Default, Clone)]
pub struct Catalog {
    workflows: BTreeMap<WorkflowId, Versions>,
}

impl Catalog {
    /// Takes what is stored. What cannot be read is reported and left out: its executions are left alone.
    pub fn from_rows(rows: Vec<DefinitionRow>) -> Catalog {
        let mut catalog = Catalog::default();
        for row in rows {
            let deleted = row.deleted_at.is_some();
            let versions = catalog.workflows.entry(row.workflow.clone()).or_default();
            versions.created_at = Some(versions.created_at.map_or(row.created_at, |first| first.min(row.created_at)));
            if row.version.0 >= versions.newest {
                versions.newest = row.version.0;
                versions.deleted = deleted;
            }
            match Definition::from_stored(&row.stored) {
                Ok(definition) => {
                    let registration = Registration::new(row.version, definition, row.created_at);
                    versions.all.insert(row.version, Arc::new(registration));
                }
                Err(error) => {
                    tracing::error!(workflow = %row.workflow, version = %row.version, %error, "a stored definition cannot be read");
                }
            }
        }
        catalog
    }

    /// The version that a start gets.
    pub fn newest(&self, workflow: &str) -> Option<&Arc<Registration>> {
        let versions = self.workflows.get(workflow).filter(|versions| !versions.deleted)?;
        versions.all.get(&Version(versions.newest))
    }

    /// All versions, also of workflows that were deleted.
    pub fn every(&self) -> impl Iterator<Item = &Arc<Registration>> {
        self.workflows.values().flat_map(|versions| versions.all.values())
    }

    /// Every workflow that was ever registered.
    pub fn workflows(&self) -> impl Iterator<Item = &WorkflowId> {
        self.workflows.keys()
    }

    /// A version, also of a workflow that was deleted.
    pub fn version(&self, workflow: &str, version: Version) -> Option<&Arc<Registration>> {
        self.workflows.get(workflow)?.all.get(&version)
    }

    /// The newest versions of all that are not deleted, by id.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Registration>> {
        let started = self.workflows.values().filter(|versions| !versions.deleted);
        started.filter_map(|versions| versions.all.get(&Version(versions.newest)))
    }

    /// When its first version was registered.
    pub fn created_at(&self, workflow: &str) -> Option<Timestamp> {
        self.workflows.get(workflow)?.created_at
    }

    pub fn next_version(&self, workflow: &str) -> Version {
        Version(self.workflows.get(workflow).map_or(0, |versions| versions.newest) + 1)
    }

    pub fn insert(&mut self, registration: Arc<Registration>) {
        let versions = self.workflows.entry(registration.definition.id.clone()).or_default();
        versions.created_at.get_or_insert(registration.created_at);
        if registration.version.0 >= versions.newest {
            versions.newest = registration.version.0;
            versions.deleted = false;
        }
        versions.all.insert(registration.version, registration);
    }

    /// Whether there was anything to delete.
    pub fn delete(&mut self, workflow: &str) -> bool {
        match self.workflows.get_mut(workflow) {
            Some(versions) if !versions.deleted => {
                versions.deleted = true;
                true
            }
            _ => false,
        }
    }

    /// What there is of one workflow, to put it back with [`Catalog::restore`].
    pub fn before(&self, workflow: &WorkflowId) -> Before {
        Before { workflow: workflow.clone(), versions: self.workflows.get(workflow).cloned() }
    }

    /// Takes back what was never written.
    pub fn restore(&mut self, before: Before) {
        match before.versions {
            Some(versions) => self.workflows.insert(before.workflow, versions),
            None => self.workflows.remove(&before.workflow),
        };
    }
}

/// The versions of one workflow as they were.
#[derive(Debug)]
pub struct Before {
    workflow: WorkflowId,
    versions: Option<Versions>,
}
