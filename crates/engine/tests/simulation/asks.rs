//! What people ask, and whether what they are answered is so: durable, and for ever.

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use workflow_core::id::{ExecutionId, IdempotencyKey, Version};
use workflow_core::json::Json;
use workflow_core::refusal::{Control, Refusal};
use workflow_engine::Error;
use workflow_engine::ring::message::{Defined, EventStarted, Started};

use crate::broken;
use crate::model::Model;

#[derive(Debug, Default)]
pub struct Asks {
    open: Vec<Ask>,
    /// Versions that were acknowledged.
    acknowledged: std::collections::BTreeMap<String, u32>,
    /// What the id of an event was answered.
    events: std::collections::BTreeMap<String, Vec<ExecutionId>>,
}

#[derive(Debug)]
pub enum Ask {
    Start {
        workflow: String,
        input: Json,
        key: Option<IdempotencyKey>,
        /// Nobody else has it: when the call is refused it never appears.
        alone: bool,
        /// Acknowledged before.
        newest: u32,
        answer: oneshot::Receiver<Result<Started, Error>>,
    },
    Control {
        id: ExecutionId,
        control: Control,
        key: IdempotencyKey,
        alone: bool,
        /// It has been obeyed before.
        repeated: bool,
        answer: oneshot::Receiver<Result<(), Error>>,
    },
    Event {
        id: Option<IdempotencyKey>,
        marker: String,
        alone: bool,
        answer: oneshot::Receiver<Result<EventStarted, Error>>,
    },
    Define {
        source: Json,
        answer: oneshot::Receiver<Result<Defined, Error>>,
    },
    Delete {
        answer: oneshot::Receiver<Result<bool, Error>>,
    },
}

impl Asks {
    pub fn push(&mut self, ask: Ask) {
        self.open.push(ask);
    }

    pub fn newest(&self, workflow: &str) -> u32 {
        self.acknowledged.get(workflow).copied().unwrap_or(0)
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.open.len()
    }

    /// The process is gone, and with it everybody's connection: they do not know.
    pub fn forget(&mut self) {
        self.open.clear();
    }

    /// Looks at every answer that has come.
    pub fn hear(&mut self, model: &mut Model<'_>) -> Vec<String> {
        let mut told = Vec::new();
        let mut open = std::mem::take(&mut self.open);
        open.retain_mut(|ask| match self.hear_one(ask, model) {
            None => true,
            Some(text) => {
                told.push(text);
                false
            }
        });
        self.open = open;
        told
    }

    fn hear_one(&mut self, ask: &mut Ask, model: &mut Model<'_>) -> Option<String> {
        match ask {
            Ask::Start { workflow, input, key, alone, newest, answer } => {
                let answer = come(answer)?;
                if let Ok(started) = &answer {
                    check_started(started, workflow, input, key.as_ref(), *newest, model);
                }
                let denied = key.as_ref().filter(|_| *alone).map(IdempotencyKey::as_str);
                Some(format!("start {workflow} {key:?}: {}", outcome(&answer, denied, model)))
            }
            Ask::Control { id, control, key, alone, repeated, answer } => {
                let answer = come(answer)?;
                if answer.is_ok() && !model.history(*id).has_obeyed(*control, key) {
                    broken("what is acknowledged is durable", format!("{control} {} with {key}", model.name(*id)));
                }
                if *repeated && matches!(answer, Err(Error::Refused(_))) {
                    broken("the same control key twice is the same call", format!("{control} {key}: {answer:?}"));
                }
                let text = outcome(&answer, alone.then(|| key.as_str()), model);
                Some(format!("{control} {} {key}: {text}", model.name(*id)))
            }
            Ask::Event { id, marker, alone, answer } => {
                let answer = come(answer)?;
                if let Ok(event) = &answer {
                    self.check_event(event, id.as_ref(), model);
                }
                Some(format!("event {marker}: {}", outcome(&answer, alone.then_some(marker.as_str()), model)))
            }
            Ask::Define { source, answer } => {
                let answer = come(answer)?;
                if let Ok(Defined { registration, .. }) = &answer {
                    let (workflow, version) = (registration.definition.id.clone(), registration.version);
                    let durable = model.registered.get(&(workflow.clone(), version));
                    if durable.is_none_or(|known| known.source.text() != source.text()) {
                        broken("what is acknowledged is durable", format!("{workflow} {version}"));
                    }
                    let newest = self.acknowledged.entry(workflow.to_string()).or_default();
                    *newest = version.0.max(*newest);
                }
                Some(format!("deploy: {}", outcome(&answer, None, model)))
            }
            Ask::Delete { answer } => {
                let answer = come(answer)?;
                Some(format!("delete: {}", outcome(&answer, None, model)))
            }
        }
    }

    fn check_event(&mut self, event: &EventStarted, id: Option<&IdempotencyKey>, model: &Model<'_>) {
        let mut ids: Vec<ExecutionId> = event.started.iter().map(id_of).collect();
        for id in &ids {
            model.history(*id);
        }
        ids.sort_unstable();
        if let Some(id) = id {
            let before = self.events.entry(id.as_str().to_owned()).or_insert_with(|| ids.clone());
            if *before != ids {
                broken("the same event id has the same answer", format!("{id}: {before:?}, {ids:?}"));
            }
        }
    }
}

/// An answer that has come. A caller whose engine is gone does not know.
fn come<T>(answer: &mut oneshot::Receiver<Result<T, Error>>) -> Option<Result<T, Error>> {
    match answer.try_recv() {
        Ok(answer) => Some(answer),
        Err(TryRecvError::Empty) => None,
        Err(TryRecvError::Closed) => broken("every call is answered", "an answer was dropped".to_owned()),
    }
}

fn id_of(started: &Started) -> ExecutionId {
    match started {
        Started::New(snapshot) => snapshot.execution.id,
        Started::Existing(id) | Started::Followed(id) => *id,
    }
}

fn check_started(started: &Started, workflow: &str, input: &Json, key: Option<&IdempotencyKey>, newest: u32, model: &Model<'_>) {
    let id = id_of(started);
    let history = model.history(id);
    let execution = &history.execution;
    if execution.workflow.as_str() != workflow || execution.input.json().text() != input.text() {
        broken("a start starts what was asked for", format!("{workflow} {}", input.text()));
    }
    if let Some(key) = key
        && model.started_by(workflow, key) != Some(id)
    {
        broken("a key gives the execution that it started", format!("{workflow} {key:?}"));
    }
    if let Started::New(snapshot) = started {
        if snapshot.events != history.events[..snapshot.events.len()] {
            broken("what is shown is durable", format!("{:?}", snapshot.events));
        }
        if execution.version < Version(newest) {
            broken("a start gets the newest version", format!("{workflow} {}, {newest} is acknowledged", execution.version));
        }
    }
}

/// What a refusal says is so, and what it says was not done is never done.
fn outcome<T>(answer: &Result<T, Error>, denied: Option<&str>, model: &mut Model<'_>) -> String {
    let error = match answer {
        Ok(_) => return "ok".to_owned(),
        Err(error) => error,
    };
    match error {
        Error::Refused(refusal) => check_refusal(refusal, model),
        Error::Corrupt(what) => broken("nothing stored makes no sense", what.clone()),
        _ => {}
    }
    let nothing_changed = matches!(error, Error::Refused(_) | Error::StoreUnavailable { .. } | Error::Overloaded { .. });
    if let Some(key) = denied.filter(|_| nothing_changed) {
        model.deny(key);
    }
    error.code().to_owned()
}

fn check_refusal(refusal: &Refusal, model: &Model<'_>) {
    match refusal {
        Refusal::InvalidState { execution, status, .. } if !model.history(*execution).statuses.contains(status) => {
            broken("what is shown is durable", refusal.to_string());
        }
        Refusal::IdempotencyKeyReused { key, execution } => {
            let history = model.history(*execution);
            if history.execution.key.as_ref() != Some(key) {
                broken("a refusal is true", refusal.to_string());
            }
        }
        Refusal::ExecutionNotFound { execution } => broken("what is durable is found", execution.clone()),
        _ => {}
    }
}
