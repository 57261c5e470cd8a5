//! Definitions: registered, read, deleted.

use indexmap::IndexMap;
use workflow_core::definition::{Checked, Definition, Diagnostic, Severity};
use workflow_core::id::Version;
use workflow_core::json::Json;
use workflow_core::time::Timestamp;

use super::Engine;
use crate::Error;
use crate::overview::Validated;
use crate::request::{DefinitionView, Registered};
use crate::ring::catalog::Registration;
use crate::ring::message::{Defined, Input};

impl Engine {
    /// Registers a definition: all of its problems at once, or the version it got.
    pub async fn register(&self, source: Json) -> Result<Registered, Error> {
        let limits = self.shared().limits.clone();
        // A long definition takes milliseconds, and other callers are on this thread.
        let check = move || Definition::check(&source, &limits).map(|checked| (checked.definition.to_stored(), checked));
        let checked = tokio::task::spawn_blocking(check).await.map_err(|_| Error::Closed)?;
        let (stored, Checked { definition, diagnostics }) = checked.map_err(Error::InvalidDefinition)?;
        let define = || {
            let (definition, stored) = (Box::new(definition.clone()), stored.clone());
            self.ask(move |reply| Input::Define { definition, stored, reply })
        };
        let Defined { registration, created } = self.unless_changed(define).await?;
        if created {
            warn(&registration, &diagnostics);
        }
        let first = self.shared().catalog().created_at(registration.definition.id.as_str());
        Ok(Registered { definition: view(&registration, first), created, diagnostics })
    }

    /// What [`register`](Engine::register) would say. Nothing is stored.
    pub async fn validate(&self, source: Json) -> Result<Validated, Error> {
        let limits = self.shared().limits.clone();
        let check = move || Definition::check(&source, &limits);
        match tokio::task::spawn_blocking(check).await.map_err(|_| Error::Closed)? {
            Err(diagnostics) => Ok(Validated { valid: false, diagnostics, version: None, unchanged: false }),
            Ok(Checked { definition, diagnostics }) => {
                let catalog = self.shared().catalog();
                let newest = catalog.newest(definition.id.as_str());
                let same = newest.filter(|newest| newest.definition.source.text() == definition.source.text());
                let version = same.map_or_else(|| catalog.next_version(definition.id.as_str()), |same| same.version);
                Ok(Validated { valid: true, diagnostics, version: Some(version), unchanged: same.is_some() })
            }
        }
    }

    /// The newest version, or the given one. None when there is none, or (without a version) when it was deleted.
    pub async fn definition(&self, workflow: &str, version: Option<Version>) -> Result<Option<DefinitionView>, Error> {
        let catalog = self.shared().catalog();
        let registration = match version {
            None => catalog.newest(workflow),
            Some(version) => catalog.version(workflow, version),
        };
        Ok(registration.map(|registration| view(registration, catalog.created_at(workflow))))
    }

    /// The newest versions of all that are not deleted, by id.
    pub async fn definitions(&self) -> Result<Vec<DefinitionView>, Error> {
        let catalog = self.shared().catalog();
        let views = catalog.all().map(|registration| {
            let first = catalog.created_at(registration.definition.id.as_str());
            view(registration, first)
        });
        Ok(views.collect())
    }

    /// Whether it existed. Executions go on, on the version they are pinned to.
    pub async fn delete_definition(&self, workflow: &str) -> Result<bool, Error> {
        let undefine = || {
            let workflow = workflow.to_owned();
            self.ask(move |reply| Input::Undefine { workflow, reply })
        };
        let existed = self.unless_changed(undefine).await?;
        // It may have been registered elsewhere a moment ago.
        if existed || !self.may_know_more_now().await { Ok(existed) } else { self.unless_changed(undefine).await }
    }
}

fn warn(registration: &Registration, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Warning) {
        tracing::warn!(workflow = %registration.definition.id, version = %registration.version, "{diagnostic}");
    }
}

fn view(registration: &Registration, first: Option<Timestamp>) -> DefinitionView {
    let Registration { version, definition, created_at, .. } = registration;
    let first = first.unwrap_or(*created_at);
    let mut fields: IndexMap<String, Json> = definition.source.fields().unwrap_or_default();
    for (name, value) in [("createdAt", first.millis()), ("updatedAt", created_at.millis()), ("version", version.0.into())] {
        fields.insert(name.to_owned(), Json::from_serialize(&value).expect("a number is JSON"));
    }
    DefinitionView {
        id: definition.id.clone(),
        version: *version,
        name: definition.name.clone(),
        steps: definition.steps.len(),
        created_at: first,
        updated_at: *created_at,
        json: Json::from_serialize(&fields).unwrap_or_else(|_| definition.source.clone()),
    }
}
