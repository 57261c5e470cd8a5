//! An event starts one execution of every definition with a matching trigger, in one commit (SPEC §6).

use std::sync::Arc;

use workflow_core::command::Start;
use workflow_core::event::TriggeredBy;
use workflow_core::json::Json;
use workflow_core::refusal::Refusal;
use workflow_core::trigger;
use workflow_store::{Change, ClaimKind};

use super::Ring;
use super::batch::{ClaimAnswer, Waiter};
use super::catalog::Registration;
use super::message::{ClaimKey, EventAsk, EventStarted, Started, answer};
use crate::clock::Now;
use crate::request::RefusedStart;

/// Executions that one event may start: they are one commit.
const EXECUTIONS_MAX: usize = 1_000;

impl Ring {
    pub(super) fn event(&mut self, ask: EventAsk, now: Now) {
        let key = ask.id.as_ref().map(|id| ClaimKey {
            kind: ClaimKind::EventId,
            scope: ask.source.clone().unwrap_or_default(),
            key: id.as_str().to_owned(),
        });
        if let Some(waiters) = key.as_ref().and_then(|key| self.claims.get_mut(key)) {
            return waiters.push(Waiter::Event { reply: ask.reply });
        }
        let mut changes = Vec::new();
        let started = self.start_triggered(&ask, &mut changes, now);
        let Some(key) = key else {
            let batch = if changes.is_empty() { self.catalog_batch } else { self.deciding() };
            for change in changes {
                self.open.push(change);
            }
            return self.answer_after(batch, answer(ask.reply, Ok(started)));
        };
        let executions = started.started.iter().filter_map(|started| match started {
            Started::New(snapshot) => Some(snapshot.execution.id),
            Started::Existing(_) | Started::Followed(_) => None,
        });
        let executions = executions.collect();
        let data = Json::from_serialize(&started.refused).expect("a list of texts is JSON");
        self.claim(key, executions, data, changes, ClaimAnswer::Event { reply: ask.reply, started });
    }

    fn start_triggered(&mut self, ask: &EventAsk, changes: &mut Vec<Change>, now: Now) -> EventStarted {
        let mut event = EventStarted { started: Vec::new(), refused: Vec::new() };
        let input = trigger::input(&ask.data);
        for registration in self.triggered(ask) {
            let workflow_id = registration.definition.id.clone();
            if event.started.len() >= EXECUTIONS_MAX {
                let message = format!("an event starts at most {EXECUTIONS_MAX} executions; start this one by hand");
                event.refused.push(RefusedStart { workflow_id, code: "event_limit".to_owned(), message });
                continue;
            }
            match self.start_one(registration, ask, input.clone(), now) {
                Ok((started, more)) => {
                    event.started.push(started);
                    changes.extend(more);
                }
                Err(refusal) => {
                    let (code, message) = (refusal.code().to_owned(), refusal.to_string());
                    event.refused.push(RefusedStart { workflow_id, code, message });
                }
            }
        }
        event
    }

    fn triggered(&self, ask: &EventAsk) -> Vec<Arc<Registration>> {
        let matching = self.catalog.all().filter(|registration| {
            let (matches, errors) = trigger::matches(&registration.definition, &ask.event, &ask.data);
            for error in errors {
                let workflow = registration.definition.id.as_str();
                tracing::warn!(workflow, event = %ask.event, %error, "the condition of a trigger threw, so it did not match");
                metrics::counter!("workflow_trigger_errors_total", "workflow" => workflow.to_owned()).increment(1);
            }
            matches
        });
        matching.cloned().collect()
    }

    fn start_one(
        &mut self,
        registration: Arc<Registration>,
        ask: &EventAsk,
        input: Json,
        now: Now,
    ) -> Result<(Started, Vec<Change>), Refusal> {
        self.require_actions(&registration)?;
        let start = Start {
            id: self.ids.next(now.wall, self.ownership.open()),
            workflow: registration.definition.id.clone(),
            version: registration.version,
            input,
            triggered_by: TriggeredBy::Event(ask.event.clone()),
            replay_of: None,
            parent: None,
            lineage: Vec::new(),
            key: None,
            by: ask.by.clone(),
        };
        let (id, changes) = self.begin_execution(registration, start, now)?;
        Ok((Started::New(Box::new(self.snapshot(id, &changes))), changes))
    }
}
