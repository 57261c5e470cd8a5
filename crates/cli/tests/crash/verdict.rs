//! What must be true in the end, read from the closed store and held against what clients and service have seen.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;
use workflow_core::definition::Definition;
use workflow_core::event::{Event, ReadyCause, Recorded};
use workflow_core::failure::code;
use workflow_core::status::Status;
use workflow_core::view::history_entry;
use workflow_store::{Filter, Head, Store, Texts};

use crate::image::{self, Attempt};
use crate::legality::Reading;
use crate::load::Ledger;
use crate::service::{Answer, Call};
use crate::worker;

/// All histories of the store.
pub struct Histories {
    definitions: HashMap<String, Definition>,
    all: HashMap<String, (Head, Vec<Recorded>)>,
}

impl Histories {
    pub fn read(store: &dyn Store) -> Histories {
        let heads = store.executions(&Filter { limit: usize::MAX, ..Filter::default() }).unwrap().heads;
        let read = |head: Head| {
            let history = store.history(head.id, 0, usize::MAX, Texts::Read).unwrap().unwrap();
            assert!(!history.more);
            (head.id.to_string(), (head, history.events))
        };
        Histories { definitions: image::definitions(store), all: heads.into_iter().map(read).collect() }
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    fn of(&self, execution: &str) -> &(Head, Vec<Recorded>) {
        self.all.get(execution).unwrap_or_else(|| panic!("{execution} was acknowledged, and is not in the file"))
    }

    fn definition(&self, head: &Head) -> &Definition {
        &self.definitions[head.workflow.as_str()]
    }

    pub fn each_has_ended_and_is_legal(&self) {
        for (id, (head, events)) in &self.all {
            assert!(head.status.has_ended(), "{id} is {}", head.status);
            assert_eq!(head.wake_at, None, "{id} has ended");
            let mut reading = Reading::new(self.definition(head));
            reading.read(events).unwrap_or_else(|rule| panic!("{id}: {rule}\n{events:#?}"));
            let last = events.last().map(|recorded| &recorded.event);
            let expected = match head.status {
                Status::Completed => matches!(last, Some(Event::Completed)),
                Status::Failed => matches!(last, Some(Event::Failed { .. })),
                _ => matches!(last, Some(Event::Cancelled { .. })),
            };
            assert!(expected, "{id} is {}, and its history ends with {last:?}", head.status);
        }
    }

    pub fn each_key_has_one_execution(&self, ledger: &Ledger) {
        let mut by_key: BTreeMap<&str, &str> = BTreeMap::new();
        for (id, (_, events)) in &self.all {
            let Event::Started(started) = &events[0].event else { panic!("{id} does not begin with its start") };
            if let Some(key) = &started.key {
                assert_eq!(by_key.insert(key.as_str(), id), None, "{key} has two executions");
            }
        }
        for (key, start) in &ledger.starts {
            assert_eq!(by_key.get(key.as_str()), Some(&start.execution.as_str()), "the execution of {key}");
        }
        assert_eq!(by_key.len(), ledger.starts.len(), "every key was acknowledged in the end");
    }

    pub fn each_event_has_its_executions(&self, ledger: &Ledger) {
        let mut of_events = HashSet::new();
        for (id, event) in &ledger.events {
            for execution in &event.executions {
                let (head, events) = self.of(execution);
                assert_eq!((head.triggered_by.as_str(), head.trigger_source.as_deref()), ("event", event.body["event"].as_str()));
                let Event::Started(started) = &events[0].event else { panic!("{execution} does not begin with its start") };
                let input: Value = started.input.json().to().unwrap();
                assert_eq!(input, event.body["data"], "the input of {execution}");
                assert!(of_events.insert(execution), "{execution} was answered to {id} and to another event");
            }
        }
        let started = self.all.values().filter(|(head, _)| head.triggered_by == "event").count();
        assert_eq!(started, of_events.len(), "an event has started something that was never answered");
    }

    pub fn each_control_call_is_recorded_once(&self, ledger: &Ledger) {
        for control in &ledger.controls {
            let (_, events) = self.of(&control.execution);
            let is_it = |event: &Event| {
                let (call, key) = match event {
                    Event::Paused { key, .. } => ("pause", key),
                    Event::Resumed { key, .. } => ("resume", key),
                    Event::Cancelled { key, .. } => ("cancel", key),
                    Event::Retried { key, .. } => ("retry", key),
                    Event::StepReady { cause: ReadyCause::RunNow { key, .. }, .. } => ("steps/charge/run-now", key),
                    _ => return false,
                };
                call == control.call && key.as_ref().is_some_and(|key| key.as_str() == control.key)
            };
            let times = events.iter().filter(|recorded| is_it(&recorded.event)).count();
            assert_eq!(times, 1, "{control:?} was acknowledged: {events:#?}");
        }
    }

    /// What was shown was durable: every history that was read is the beginning of the one in the file.
    pub fn each_begins_as_it_was_seen(&self, seen: &HashMap<String, Vec<Value>>) {
        for (execution, entries) in seen {
            let (head, events) = self.of(execution);
            let stored = self.shown(head, &events[..entries.len().min(events.len())]);
            assert_eq!(&stored, entries, "{execution} was shown what is not in the file");
        }
    }

    /// The API shows what is in the file, and all of it.
    pub fn are(&self, over_http: &HashMap<String, Vec<Value>>) {
        for (id, (head, events)) in &self.all {
            assert_eq!(over_http.get(id), Some(&self.shown(head, events)), "the history of {id} over HTTP, and in the file");
        }
        assert_eq!(over_http.len(), self.all.len());
    }

    fn shown(&self, head: &Head, events: &[Recorded]) -> Vec<Value> {
        let definition = self.definition(head);
        events.iter().map(|recorded| serde_json::to_value(history_entry(definition, recorded)).unwrap()).collect()
    }

    /// What was in flight at a kill never has a result: it is recorded as interrupted or, where the execution was failing or
    /// is cancelled, the step as cancelled.
    pub fn each_is_interrupted(&self, attempts: &[Attempt]) -> usize {
        let mut interrupted = 0;
        for (id, step, attempt) in attempts {
            let (_, events) = self.of(&id.to_string());
            let is_start = |event: &Event| matches!(event, Event::StepStarted { attempt: number, .. } if number == attempt);
            let of_step = events.iter().map(|recorded| &recorded.event);
            let mut of_step = of_step.filter(|event| event.step().is_some_and(|index| index.get() == *step));
            assert!(of_step.any(is_start), "{id}: attempt {attempt} of step {step} was recorded before the kill");
            match of_step.next() {
                Some(Event::StepInterrupted { attempt: number, .. }) if number == attempt => interrupted += 1,
                Some(Event::StepCancelled { .. }) => {}
                other => {
                    panic!("{id}: attempt {attempt} of step {step} was in flight at a kill, and then {other:?}: {events:#?}")
                }
            }
        }
        interrupted
    }

    /// What the service and the workers have noted and the histories tell the same story. Gives how many calls of the service, and
    /// of workers, were for an attempt that was interrupted.
    pub fn agree_with(&self, by_service: &[Call], by_workers: &[Call]) -> (usize, usize) {
        let mut by_attempt: HashMap<(&str, &str, u64), &Call> = HashMap::new();
        for call in by_service.iter().chain(by_workers) {
            let before = by_attempt.insert((&call.execution, &call.step, call.attempt), call);
            assert!(before.is_none(), "one attempt was called twice: {call:?}");
        }
        let (mut started, mut of_service, mut of_workers) = (HashSet::new(), 0, 0);
        for (id, (head, events)) in &self.all {
            let definition = self.definition(head);
            for Recorded { event, .. } in events {
                let Some(index) = event.step() else { continue };
                let step = definition.step(index);
                if step.action.is_noop() {
                    continue;
                }
                let call = |attempt: u32| by_attempt.get(&(id.as_str(), step.id.as_str(), u64::from(attempt)));
                match event {
                    Event::StepStarted { attempt, .. } => {
                        started.insert((id.as_str(), step.id.as_str(), u64::from(*attempt)));
                    }
                    // The result is that of this very call, unchanged.
                    Event::StepCompleted { attempt, output, .. } => {
                        let output: Value = output.as_ref().expect("every action here gives something").json().to().unwrap();
                        let answer = call(*attempt).and_then(|call| call.answer.clone());
                        assert_eq!(answer, Some(Answer::Output(output)), "{id}: {}, attempt {attempt}", step.id);
                    }
                    // It was told to stop, and what came of it came too late; or it was lost on its way to a worker.
                    Event::StepFailed { failure, .. } if failure.code.as_deref() == Some(code::TIMEOUT) => {}
                    Event::StepFailed { attempt: Some(attempt), failure, .. } => {
                        let answer = call(*attempt).and_then(|call| call.answer.clone());
                        let message = failure.message.clone();
                        assert_eq!(answer, Some(Answer::Failure { message }), "{id}: {}, attempt {attempt}", step.id);
                    }
                    Event::StepInterrupted { attempt, .. } if call(*attempt).is_some() => {
                        let of_worker = worker::ACTIONS.contains(&step.action.as_str());
                        *(if of_worker { &mut of_workers } else { &mut of_service }) += 1;
                    }
                    _ => {}
                }
            }
        }
        // Together with the legality of each history: no attempt is started once there is a result, so none is called either.
        for attempt in by_attempt.keys() {
            assert!(started.contains(attempt), "{attempt:?} was called, and its start is not recorded");
        }
        (of_service, of_workers)
    }

    /// No attempt is handed out once its end is recorded, whoever recorded that: each call begins before, or so shortly after that it
    /// was on its way.
    pub fn none_is_called_after_its_end(&self, calls: &[Call], on_its_way_ms: u64) {
        let mut by_attempt: HashMap<(&str, &str, u64), &Call> = HashMap::new();
        for call in calls {
            by_attempt.insert((&call.execution, &call.step, call.attempt), call);
        }
        for (id, (head, events)) in &self.all {
            let definition = self.definition(head);
            let mut under_way: HashMap<usize, &Call> = HashMap::new();
            for Recorded { event, at, .. } in events {
                let Some(index) = event.step() else { continue };
                let step = &definition.step(index).id;
                let ended = match event {
                    Event::StepStarted { attempt, .. } => {
                        let call = by_attempt.get(&(id.as_str(), step.as_str(), u64::from(*attempt)));
                        call.and_then(|call| under_way.insert(index.get(), call))
                    }
                    _ => under_way.remove(&index.get()),
                };
                let Some(call) = ended else { continue };
                let ended_at = u64::try_from(at.millis()).unwrap();
                assert!(
                    call.begun_at <= ended_at + on_its_way_ms,
                    "{call:?} began {} ms after its attempt was recorded as ended: {events:#?}",
                    call.begun_at - ended_at
                );
            }
        }
    }

    pub fn count(&self, status: Status) -> usize {
        self.all.values().filter(|(head, _)| head.status == status).count()
    }
}
