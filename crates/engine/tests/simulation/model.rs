//! What is known to be durable, and whether it is what the semantics allow. Kept from the batches that were written, and from
//! nothing that the engine says.

use std::collections::{BTreeMap, BTreeSet};

use workflow_core::apply::{apply, fold};
use workflow_core::command::Outcome;
use workflow_core::definition::{Backoff, Definition, StepIndex};
use workflow_core::event::{AfterFailure, Event, InterruptCause, Recorded, TriggeredBy};
use workflow_core::execution::{Execution, StepState};
use workflow_core::failure::{Failure, code};
use workflow_core::id::{ActionName, ExecutionId, IdempotencyKey, SessionId, Version, WorkflowId};
use workflow_core::limits::{CONTROL_KEYS_REMEMBERED, RETRY_AFTER_MS_MAX};
use workflow_core::outstanding::{outstanding, status};
use workflow_core::refusal::Control;
use workflow_core::status::Status;
use workflow_core::task::{Task, task};
use workflow_core::time::{Millis, Timestamp};
use workflow_engine::clock::{Mono, Now};
use workflow_engine::ring::message::AttemptKey;
use workflow_store::{Batch, Change, DefinitionRow, Head, Transition};

use crate::broken;
use crate::legality::Reading;

/// Whether an attempt may be given up: what the world knows of those who run attempts.
pub trait Excuses {
    fn why_not_given_up(&self, attempt: AttemptKey, session: &SessionId, cause: InterruptCause) -> Option<String>;
}

#[derive(Default)]
pub struct Model<'a> {
    /// Every version that a plan may register.
    known: Vec<&'a Definition>,
    pub registered: BTreeMap<(WorkflowId, Version), &'a Definition>,
    pub histories: BTreeMap<ExecutionId, History<'a>>,
    /// What came of attempts, as the engine was told.
    pub results: BTreeMap<AttemptKey, Vec<Outcome>>,
    /// Wall clocks that were shown, and when.
    moments: BTreeMap<Timestamp, (Mono, Mono)>,
    /// Keys of calls that were answered with "nothing was changed".
    denied: BTreeSet<String>,
    /// Keys of starts, and ids of events by the place in which they were written.
    keys: BTreeMap<(WorkflowId, IdempotencyKey), ExecutionId>,
    events: BTreeMap<String, (u64, usize)>,
    /// The newest batch.
    pub batch: u64,
    /// When the engine was opened last.
    pub opened_at: Mono,
}

pub struct History<'a> {
    pub name: usize,
    pub definition: &'a Definition,
    reading: Reading<'a>,
    pub execution: Execution,
    pub events: Vec<Recorded>,
    /// Every status that it had after a transition.
    pub statuses: BTreeSet<Status>,
    pub head: Head,
    parked: Vec<ActionName>,
    /// Failed attempts of each step since the last `retry`.
    failures: Vec<u32>,
    pub attempts: BTreeMap<(StepIndex, u32), Attempt>,
}

pub struct Attempt {
    pub session: Option<SessionId>,
    /// What its worker sees: nothing that becomes durable after its beginning.
    pub task: Option<Task>,
    pub began: Timestamp,
    pub began_in: u64,
    pub ended_in: Option<u64>,
}

impl<'a> Model<'a> {
    pub fn new(known: Vec<&'a Definition>) -> Model<'a> {
        Model { known, ..Model::default() }
    }

    pub fn shown(&mut self, now: Now) {
        let (_, last) = self.moments.entry(now.wall).or_insert((now.mono, now.mono));
        *last = now.mono;
    }

    pub fn history(&self, id: ExecutionId) -> &History<'a> {
        match self.histories.get(&id) {
            Some(history) => history,
            None => broken("what is said of an execution is durable", format!("{id} is not in the store")),
        }
    }

    /// Short, for traces.
    pub fn name(&self, id: ExecutionId) -> String {
        self.histories.get(&id).map_or_else(|| "#?".to_owned(), |history| format!("#{}", history.name))
    }

    pub fn name_of(&self, attempt: AttemptKey) -> String {
        format!("{} step {} attempt {}", self.name(attempt.id), attempt.step.get(), attempt.attempt)
    }

    /// A call was answered with "nothing was changed".
    pub fn deny(&mut self, key: &str) {
        let in_history = |event: &Event| key_of(event).is_some_and(|(used, _)| used.as_str() == key);
        let histories = self.histories.values();
        let found = histories.flat_map(|history| &history.events).find(|recorded| in_history(&recorded.event));
        if let Some(found) = found {
            broken("what was refused was not written", format!("{key}: {found:?}"));
        }
        if self.events.contains_key(key) {
            broken("what was refused was not written", format!("event {key}"));
        }
        self.denied.insert(key.to_owned());
    }

    /// A batch was written. `now`: when the engine gave it to the store, or later.
    pub fn take_batch(&mut self, batch: &Batch, taken: &[usize], excuses: &dyn Excuses) -> Vec<String> {
        if batch.number != self.batch + 1 {
            broken("batches follow each other", format!("{} was written after {}", batch.number, self.batch));
        }
        self.batch = batch.number;
        let (mut told, mut touched) = (Vec::new(), BTreeSet::new());
        for (place, item) in batch.items.iter().enumerate().filter(|(place, _)| !taken.contains(place)) {
            let mut handlers = Vec::new();
            for change in &item.changes {
                match change {
                    Change::Transition(transition) => {
                        touched.insert(transition.id);
                        told.push(self.take(transition, place, &mut handlers, excuses));
                    }
                    Change::Define(row) => told.push(self.define(row)),
                    Change::Undefine { workflow, .. } => told.push(format!("delete {workflow}")),
                    Change::Delete(deletion) => broken("only what ended long ago is deleted", deletion.id.to_string()),
                    Change::PutEndpoint(_)
                    | Change::RemoveEndpoint(_)
                    | Change::PutToken(_)
                    | Change::PutDocument(_)
                    | Change::RemoveDocuments { .. } => {}
                    Change::Require { .. } | Change::Give { .. } | Change::Answer { .. } => {
                        broken("an engine that is alone talks to no other", format!("{change:?}"));
                    }
                }
            }
            if !handlers.is_empty() {
                broken("a handler is started in the commit of the failure", format!("{handlers:?}"));
            }
        }
        for id in touched {
            self.check_head(id);
        }
        told
    }

    fn define(&mut self, row: &DefinitionRow) -> String {
        let known = self.known.iter().find(|known| known.id == row.workflow && known.source.text() == row.source.text());
        let Some(known) = known else { broken("a definition is kept as it was registered", row.source.text()) };
        let newest = self.registered.keys().filter(|(id, _)| *id == row.workflow).map(|(_, version)| version.0).max();
        if row.version.0 != newest.unwrap_or(0) + 1 {
            broken("versions are counted up", format!("{} {} follows {newest:?}", row.workflow, row.version));
        }
        self.registered.insert((row.workflow.clone(), row.version), known);
        format!("define {} {}", row.workflow, row.version)
    }

    /// Reads what one transition adds.
    fn take(
        &mut self,
        transition: &Transition,
        place: usize,
        handlers: &mut Vec<(ExecutionId, WorkflowId)>,
        excuses: &dyn Excuses,
    ) -> String {
        let id = transition.id;
        if let Some(Recorded { event: Event::Started(_), .. }) = transition.events.first() {
            self.begin(transition, place, handlers);
        }
        let batch = self.batch;
        for recorded in &transition.events {
            self.check_event(id, recorded, excuses);
            let Some(history) = self.histories.get_mut(&id) else {
                broken("an execution begins with its start", format!("{transition:?}"));
            };
            history.add(id, recorded, batch);
            if let Event::StepFailed { then: AfterFailure::StartHandler { workflow }, .. } = &recorded.event {
                handlers.push((id, workflow.clone()));
            }
        }
        let history = self.histories.get_mut(&id).expect("it was there for its events, or has no new ones");
        if let Err(rule) = history.reading.read(&transition.events) {
            broken("the history is legal", format!("#{}: {rule}\n{}", history.name, history.definition.source.text()));
        }
        if let Some(change) = &transition.head {
            history.head = change.head.clone();
        }
        if let Some(parked) = &transition.parked {
            history.parked = parked.clone();
        }
        history.statuses.insert(status(history.definition, &history.execution));
        history.tell(transition)
    }

    fn begin(&mut self, transition: &Transition, place: usize, handlers: &mut Vec<(ExecutionId, WorkflowId)>) {
        let id = transition.id;
        let Some(Recorded { event: Event::Started(started), .. }) = transition.events.first() else { return };
        let pinned = (started.workflow.clone(), started.version);
        let Some(&definition) = self.registered.get(&pinned) else {
            broken("an execution is pinned to a version that is registered", format!("{pinned:?}"));
        };
        if let Some(key) = &started.key
            && let Some(before) = self.keys.insert((started.workflow.clone(), key.clone()), id)
        {
            broken("an idempotency key starts one execution", format!("{key:?} started {before} and {id}"));
        }
        if matches!(started.triggered_by, TriggeredBy::Event(_))
            && let Some(event) = started.input.json().fields().and_then(|fields| fields.get("event").cloned())
        {
            let event = event.text().trim_matches('"').to_owned();
            if self.denied.contains(&event) {
                broken("what was refused was not written", format!("event {event}"));
            }
            let placed = (self.batch, place);
            if *self.events.entry(event.clone()).or_insert(placed) != placed && !event.starts_with("any") {
                broken("the id of an event starts executions once", event);
            }
        }
        if let TriggeredBy::Error(parent) = &started.triggered_by {
            let wanted = handlers.iter().position(|(of, workflow)| of == parent && *workflow == started.workflow);
            let Some(wanted) = wanted else { broken("a handler is started by a failure", format!("{started:?}")) };
            handlers.remove(wanted);
        }
        let Some(head) = &transition.head else { broken("an execution has a head row", format!("{id}")) };
        let first = transition.events[..1].to_vec();
        let execution = match fold(id, definition.steps.len(), first) {
            Ok(execution) => execution,
            Err(corrupt) => broken("the history folds", corrupt.to_string()),
        };
        let history = History {
            name: self.histories.len(),
            definition,
            reading: Reading::new(definition),
            execution,
            events: Vec::new(),
            statuses: BTreeSet::new(),
            head: head.head.clone(),
            parked: Vec::new(),
            failures: vec![0; definition.steps.len()],
            attempts: BTreeMap::new(),
        };
        if self.histories.insert(id, history).is_some() {
            broken("ids are used once", id.to_string());
        }
    }

    /// What is only known here of an event: results, keys, clocks, who ran it.
    fn check_event(&self, id: ExecutionId, recorded: &Recorded, excuses: &dyn Excuses) {
        let Some(history) = self.histories.get(&id) else { return };
        let Some(&(_, last)) = self.moments.get(&recorded.at) else {
            broken("timestamps are the wall clock as it was", format!("{recorded:?}"));
        };
        if let Some((key, _)) = key_of(&recorded.event)
            && self.denied.contains(key.as_str())
        {
            broken("what was refused was not written", format!("{recorded:?}"));
        }
        match &recorded.event {
            Event::StepCompleted { step, attempt, output } => {
                let given = |outcome: &Outcome| match (outcome, output) {
                    (Outcome::Completed(Some(given)), Some(output)) => output.json().text() == given.text(),
                    (Outcome::Completed(None), None) => true,
                    _ => false,
                };
                let results = self.results.get(&AttemptKey { id, step: *step, attempt: *attempt });
                let is_noop = history.definition.step(*step).action.is_noop();
                if !is_noop && !results.is_some_and(|results| results.first().is_some_and(given)) {
                    broken("what is recorded is what the action gave", format!("{recorded:?}, it gave {results:?}"));
                }
            }
            Event::StepFailed { step, attempt: Some(attempt), failure, then } => {
                let key = AttemptKey { id, step: *step, attempt: *attempt };
                let asked = self.check_failure(history, key, failure, last);
                if let AfterFailure::Retry { at } = then {
                    history.check_retry(*step, at.since(recorded.at), *at >= recorded.at, asked);
                }
            }
            Event::StepInterrupted { step, attempt, cause } => {
                let key = AttemptKey { id, step: *step, attempt: *attempt };
                let session = history.attempts.get(&(*step, *attempt)).and_then(|attempt| attempt.session.as_ref());
                let Some(session) = session else { broken("only an attempt is interrupted", format!("{recorded:?}")) };
                if let Some(why) = excuses.why_not_given_up(key, session, *cause) {
                    broken("an attempt is given up when nobody runs it", format!("{}: {why}", self.name_of(key)));
                }
            }
            _ => {}
        }
    }

    /// A failure is that of the action, or a timeout that has passed. Gives the `Retry-After` that came with it.
    fn check_failure(&self, history: &History<'_>, key: AttemptKey, failure: &Failure, last: Mono) -> Millis {
        let given = self.results.get(&key).and_then(|results| results.first());
        if failure.code.as_deref() == Some(code::TIMEOUT) {
            let began = history.attempts[&(key.step, key.attempt)].began;
            let (first, _) = self.moments[&began];
            let timeout = history.definition.step(key.step).timeout.map_or(Millis::ZERO, |timeout| timeout);
            // Of one that outlived the engine the time before is known by the wall clock alone, and that may have been set.
            if first > self.opened_at && last.since(first) < timeout.to_std() {
                broken("an attempt has its whole timeout", format!("{}: {failure:?}", self.name_of(key)));
            }
            return Millis::ZERO;
        }
        match given {
            Some(Outcome::Failed { failure: given, retry_after })
                if failure.message.starts_with(&given.message) && failure.retryable == given.retryable =>
            {
                retry_after.unwrap_or(Millis::ZERO)
            }
            given => broken("what is recorded is what the action gave", format!("{failure:?}, it gave {given:?}")),
        }
    }

    /// The head row says what the history gives, and wakes the execution no later than it must.
    fn check_head(&self, id: ExecutionId) {
        let history = &self.histories[&id];
        let work = outstanding(history.definition, &history.execution);
        if work.ready != history.reading.ready() {
            broken("a step is ready when the history says so", format!("#{} {:?}", history.name, work.ready));
        }
        let status = status(history.definition, &history.execution);
        if history.head.status != status {
            broken(
                "the head row has the status of the history",
                format!("#{} {:?}, {status:?}", history.name, history.head.status),
            );
        }
        let mut wanted: Vec<ActionName> = work.ready.iter().map(|&step| history.definition.step(step).action.clone()).collect();
        wanted.sort();
        wanted.dedup();
        if !history.parked.is_empty() && history.parked != wanted {
            let (parked, name) = (&history.parked, history.name);
            broken("parked rows say what an execution wants", format!("#{name}: {parked:?}, it wants {wanted:?}"));
        }
        let here = !work.in_flight.is_empty() || !work.ready.is_empty() && history.parked.is_empty();
        let needed = if here { Some(Timestamp::from_millis(0)) } else { work.wake_at };
        if let Some(needed) = needed
            && history.head.wake_at.is_none_or(|at| at > needed)
        {
            let (wake_at, name) = (history.head.wake_at, history.name);
            broken("an execution is woken in time", format!("#{name} at {wake_at:?}, it has to be here at {needed:?}"));
        }
    }

    /// Whether an attempt is in flight, as far as is durable.
    pub fn is_in_flight(&self, key: AttemptKey) -> bool {
        let Some(history) = self.histories.get(&key.id) else { return false };
        let state = &history.execution.step(key.step).state;
        !history.execution.has_ended() && matches!(state, StepState::Running { attempt, .. } if *attempt == key.attempt)
    }

    pub fn active(&self) -> impl Iterator<Item = (ExecutionId, &History<'a>)> {
        self.histories.iter().filter(|(_, history)| !history.execution.has_ended()).map(|(id, history)| (*id, history))
    }

    pub fn started_by(&self, workflow: &str, key: &IdempotencyKey) -> Option<ExecutionId> {
        let workflow = WorkflowId::new(workflow).expect("the plan names workflows");
        self.keys.get(&(workflow, key.clone())).copied()
    }

    /// When an attempt began on the clock that never goes back: at the latest.
    pub fn began(&self, began: Timestamp) -> Mono {
        self.moments[&began].1
    }
}

impl History<'_> {
    fn add(&mut self, id: ExecutionId, recorded: &Recorded, batch: u64) {
        if recorded.seq > 1
            && let Err(corrupt) = apply(&mut self.execution, recorded)
        {
            broken("the history folds", corrupt.to_string());
        }
        match &recorded.event {
            Event::StepStarted { step, attempt, session } => {
                let task = session.is_some().then(|| task(self.definition, &self.execution, *step, *attempt));
                let begun = Attempt { session: session.clone(), task, began: recorded.at, began_in: batch, ended_in: None };
                if self.attempts.insert((*step, *attempt), begun).is_some() {
                    broken("an attempt begins once", format!("{id} {recorded:?}"));
                }
            }
            Event::StepFailed { step, attempt: Some(_), .. } => self.failures[step.get()] += 1,
            Event::Retried { reset, .. } => reset.iter().for_each(|step| self.failures[step.get()] = 0),
            _ => {}
        }
        let execution = &self.execution;
        for ((step, number), attempt) in self.attempts.iter_mut().filter(|(_, attempt)| attempt.ended_in.is_none()) {
            let state = &execution.step(*step).state;
            let runs = matches!(state, StepState::Running { attempt, .. } if attempt == number);
            if !runs || execution.has_ended() {
                attempt.ended_in = Some(batch);
            }
        }
        self.events.push(recorded.clone());
    }

    /// The number of the retry and its delay, as the semantics say (§4).
    fn check_retry(&self, step: StepIndex, delay: Millis, is_later: bool, asked: Millis) {
        let definition = self.definition.step(step);
        let n = self.failures[step.get()] + 1;
        if n > definition.max_retries {
            broken("a step has its retries and no more", format!("#{} retry {n} of {}", self.name, definition.max_retries));
        }
        let (least, most) = match definition.backoff {
            Backoff::Fixed { delay } => (delay.get(), delay.get()),
            Backoff::Exponential { delay, delay_max } => {
                let most = delay.get().saturating_mul(1 << (n - 1)).min(delay_max.get());
                (most / 2, most)
            }
        };
        let asked = asked.get().min(RETRY_AFTER_MS_MAX.unsigned_abs());
        let (least, most) = (least.max(asked), most.max(asked));
        if !is_later || delay.get() < least || delay.get() > most {
            let (name, id) = (self.name, &definition.id);
            broken("a retry has its delay", format!("#{name} `{id}` retry {n}: {delay:?}, expected {least} to {most} ms"));
        }
    }

    /// Whether a control call with this key has been obeyed.
    pub fn has_obeyed(&self, control: Control, key: &IdempotencyKey) -> bool {
        self.events.iter().any(|recorded| key_of(&recorded.event) == Some((key, Some(control))))
    }

    /// The last control calls with a key that have been obeyed: as many as an execution remembers.
    pub fn obeyed(&self) -> Vec<(IdempotencyKey, Control)> {
        let with_key = |recorded: &Recorded| match key_of(&recorded.event) {
            Some((key, Some(control))) => Some((key.clone(), control)),
            _ => None,
        };
        self.events.iter().rev().filter_map(with_key).take(CONTROL_KEYS_REMEMBERED).collect()
    }

    fn tell(&self, transition: &Transition) -> String {
        let entries = transition.events.iter().map(|recorded| match &recorded.event {
            Event::StepFailed { step, attempt, then, .. } => format!("StepFailed {} {attempt:?} {then:?}", step.get()),
            Event::Started(started) => format!("Started {} {}", started.workflow, started.version),
            event => {
                let text = format!("{event:?}");
                let kind = text.split([' ', '(']).next().unwrap_or_default().to_owned();
                let step = event.step().map_or(String::new(), |step| format!(" {}", step.get()));
                let more = match event {
                    Event::StepStarted { attempt, session, .. } => {
                        format!(" attempt {attempt} in {}", session.as_ref().map_or("nobody", |session| session.as_str()))
                    }
                    Event::StepInterrupted { cause, .. } => format!(" {cause:?}"),
                    Event::WaitBegan { until, .. } => format!(" until {until:?}"),
                    _ => String::new(),
                };
                format!("{kind}{step}{more}")
            }
        });
        let head = transition
            .head
            .as_ref()
            .map_or(String::new(), |change| format!(" [{} wake {:?}]", change.head.status, change.head.wake_at));
        let parked = transition.parked.as_ref().map_or(String::new(), |parked| format!(" parked {parked:?}"));
        format!("#{}: {}{head}{parked}", self.name, entries.collect::<Vec<_>>().join(", "))
    }
}

/// The key that an event carries, and the call that it was given to; none is a start.
fn key_of(event: &Event) -> Option<(&IdempotencyKey, Option<Control>)> {
    use workflow_core::event::ReadyCause;
    let (key, control) = match event {
        Event::Started(started) => (started.key.as_ref(), None),
        Event::Paused { key, .. } => (key.as_ref(), Some(Control::Pause)),
        Event::Resumed { key, .. } => (key.as_ref(), Some(Control::Resume)),
        Event::Cancelled { key, .. } => (key.as_ref(), Some(Control::Cancel)),
        Event::Retried { key, .. } => (key.as_ref(), Some(Control::Retry)),
        Event::StepReady { cause: ReadyCause::RunNow { key, .. }, .. } => (key.as_ref(), Some(Control::RunNow)),
        _ => return None,
    };
    key.map(|key| (key, control))
}
