//! Definitions and endpoints change by commits like everything else.

use std::sync::Arc;

use workflow_core::definition::Definition;
use workflow_core::id::EndpointName;
use workflow_core::json::Json;
use workflow_store::{Change, DefinitionRow, Endpoint};

use super::Ring;
use super::batch::Effect;
use super::catalog::Registration;
use super::message::{Defined, Reply, answer};
use crate::clock::Now;

impl Ring {
    /// The newest version stays when the definition is the same; else it gets the next number.
    pub(super) fn define(&mut self, definition: Definition, stored: Json, reply: Reply<Defined>, now: Now) {
        let workflow = definition.id.clone();
        if let Some(newest) = self.catalog.newest(workflow.as_str())
            && newest.definition.same_as(&definition)
        {
            let defined = Defined { registration: newest.clone(), created: false };
            return self.answer_after(self.catalog_batch, answer(reply, Ok(defined)));
        }
        let version = self.catalog.next_version(workflow.as_str());
        let source = definition.source.clone();
        let row = DefinitionRow { workflow: workflow.clone(), version, stored, source, created_at: now.wall, deleted_at: None };
        let registration = Arc::new(Registration::new(version, definition, now.wall));
        self.open.effects.undo.push(self.catalog.before(&workflow));
        self.catalog.insert(registration.clone());
        self.catalog_batch = self.deciding();
        self.open.push(Change::Define(Box::new(row)));
        self.open.effects.outputs.push(Effect::Defined(registration.clone()));
        self.answer_after(self.catalog_batch, answer(reply, Ok(Defined { registration, created: true })));
    }

    pub(super) fn undefine(&mut self, workflow: &str, reply: Reply<bool>, now: Now) {
        let Some(newest) = self.catalog.newest(workflow) else {
            return self.answer_after(self.catalog_batch, answer(reply, Ok(false)));
        };
        let workflow = newest.definition.id.clone();
        self.open.effects.undo.push(self.catalog.before(&workflow));
        self.catalog.delete(workflow.as_str());
        self.catalog_batch = self.deciding();
        self.open.push(Change::Undefine { workflow: workflow.clone(), at: now.wall });
        self.open.effects.outputs.push(Effect::Undefined { workflow });
        self.answer_after(self.catalog_batch, answer(reply, Ok(true)));
    }

    pub(super) fn put_endpoint(&mut self, endpoint: Box<Endpoint>, reply: Reply<()>) {
        self.open.push(Change::PutEndpoint(endpoint.clone()));
        self.open.effects.outputs.push(Effect::EndpointPut(endpoint));
        self.answer_after(self.deciding(), answer(reply, Ok(())));
    }

    pub(super) fn remove_endpoint(&mut self, name: EndpointName, reply: Reply<()>) {
        self.open.push(Change::RemoveEndpoint(name.clone()));
        self.open.effects.outputs.push(Effect::EndpointRemoved(name));
        self.answer_after(self.deciding(), answer(reply, Ok(())));
    }
}
