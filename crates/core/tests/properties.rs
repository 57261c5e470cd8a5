//! Any workflow under any commands: waits, retries, conditions, params, timeouts, targets, `noop`, keys, late results, a clock
//! that leaps. What holds after each command is in `Home::advance`; that it can always be brought to its end in `Home::finish`.

#![allow(clippy::unwrap_used, reason = "a test that cannot run fails")]

mod legality;

use legality::Reading;
use proptest::prelude::*;
use proptest::sample::Index;
use workflow_core::apply::{apply, fold};
use workflow_core::codec;
use workflow_core::command::{Command, Outcome, Start};
use workflow_core::decide::{self, Surroundings};
use workflow_core::definition::{Definition, StepIndex};
use workflow_core::event::{InterruptCause, Recorded, TriggeredBy};
use workflow_core::execution::Execution;
use workflow_core::failure::Failure;
use workflow_core::id::{Caller, ExecutionId, IdempotencyKey, Slot, Version, WorkflowId};
use workflow_core::json::Json;
use workflow_core::limits::Limits;
use workflow_core::outstanding::{needs, outstanding, status};
use workflow_core::refusal::Refusal;
use workflow_core::status::Status;
use workflow_core::time::{Millis, Timestamp};
use workflow_core::view;

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_course_is_legal_and_comes_to_an_end(workflow in workflow(), moves in prop::collection::vec(a_move(), 0..40)) {
        let definition = workflow.definition();
        let mut home = Home::start(&definition, Limits::default());
        for next in &moves {
            home.take(next);
        }
        home.finish();
    }

    #[test]
    fn no_history_grows_beyond_its_limit(workflow in workflow(), room in 1_u64..40, moves in prop::collection::vec(a_move(), 0..60)) {
        let definition = workflow.definition();
        let history_entries_max = Limits::history_reserve(definition.steps.len()) + room;
        let mut home = Home::start(&definition, Limits { history_entries_max, ..Limits::default() });
        for next in &moves {
            home.take(next);
            assert!(home.execution.seq <= history_entries_max);
        }
    }
}

/// `PROPTEST_CASES` is for a soak.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

#[derive(Debug, Clone)]
struct Workflow {
    steps: Vec<Step>,
    timeout: Option<u32>,
    /// Whether the definition lists its steps backwards.
    backwards: bool,
}

#[derive(Debug, Clone)]
struct Step {
    depends_on: u8,
    condition: u8,
    params: u8,
    wait: Option<u32>,
    max_retries: u8,
    exponential: bool,
    on_error: u8,
    target: Index,
    is_noop: bool,
    /// Which of its dependencies its condition and params read.
    reads: Index,
}

#[derive(Debug, Clone)]
struct Move {
    kind: u8,
    step: Index,
    span: u32,
    number: u8,
    key: Option<u8>,
}

fn workflow() -> impl Strategy<Value = Workflow> {
    let timeout = prop_oneof![3 => Just(None), 1 => (0_u32..10_000).prop_map(Some)];
    (prop::collection::vec(step(), 1..7), timeout, any::<bool>()).prop_map(|(steps, timeout, backwards)| Workflow {
        steps,
        timeout,
        backwards,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let wait = prop_oneof![3 => Just(None), 1 => (0_u32..5_000).prop_map(Some)];
    let graph = (any::<u8>(), any::<Index>(), any::<Index>());
    (graph, 0_u8..12, 0_u8..12, wait, 0_u8..3, any::<bool>(), 0_u8..6, prop::bool::weighted(0.1)).prop_map(
        |((depends_on, target, reads), condition, params, wait, max_retries, exponential, on_error, is_noop)| Step {
            depends_on,
            condition,
            params,
            wait,
            max_retries,
            exponential,
            on_error,
            target,
            is_noop,
            reads,
        },
    )
}

fn a_move() -> impl Strategy<Value = Move> {
    (0_u8..24, any::<Index>(), 0_u32..4_000, any::<u8>(), prop::option::weighted(0.3, 0_u8..3))
        .prop_map(|(kind, step, span, number, key)| Move { kind, step, span, number, key })
}

impl Workflow {
    fn definition(&self) -> Definition {
        let mut steps: Vec<String> =
            self.steps.iter().enumerate().map(|(index, step)| step.json(index, self.steps.len())).collect();
        if self.backwards {
            steps.reverse();
        }
        let timeout = self.timeout.map(|ms| format!(r#","timeout":"{ms}ms""#)).unwrap_or_default();
        let source = format!(r#"{{"id":"w","context":{{"c":1}}{timeout},"steps":[{}]}}"#, steps.join(","));
        let checked = Definition::check(&Json::parse(source.clone()).unwrap(), &Limits::default());
        checked.unwrap_or_else(|diagnostics| panic!("{source}: {diagnostics:?}")).definition
    }
}

impl Step {
    fn json(&self, index: usize, steps: usize) -> String {
        let before: Vec<usize> = (0..index).filter(|n| self.depends_on & 1 << n != 0).collect();
        let read = (!before.is_empty()).then(|| before[self.reads.index(before.len())]);
        let ids: Vec<String> = before.iter().map(|n| format!(r#""s{n}""#)).collect();
        let mut json = format!(
            r#"{{"id":"s{index}","action":"{}","dependsOn":[{}],"maxRetries":{}"#,
            if self.is_noop { "noop" } else { "act" },
            ids.join(","),
            self.max_retries,
        );
        let condition = match (self.condition, read) {
            (0, _) => Some("false".to_owned()),
            (1, _) => Some("input.x > 1".to_owned()),
            (2, Some(read)) => Some(format!("s{read}?.n > 100")),
            (3, Some(read)) => Some(format!("s{read}.n >= 0")),
            _ => None,
        };
        json.extend(condition.map(|condition| format!(r#","condition":"{condition}""#)));
        let params = match (self.params, read) {
            (0, Some(read)) => Some(format!("$.s{read}.n")),
            (1, Some(read)) => Some(format!("$.s{read}.n?")),
            (2, Some(read)) => Some(format!("n is ${{s{read}.n}}")),
            (3, _) => Some("$.input.x".to_owned()),
            _ => None,
        };
        json.extend(params.map(|text| format!(r#","params":{{"p":["{text}"]}}"#)));
        json.extend(self.wait.map(|ms| format!(r#","wait":"{ms}ms""#)));
        if self.exponential {
            json.push_str(r#","backoff":"exponential","maxRetryDelay":"3s""#);
        }
        // A branch goes to a later step, so that there is no cycle, or to a workflow.
        json.push_str(&match self.on_error {
            0 => r#","onError":"continue""#.to_owned(),
            1 | 2 if index + 1 < steps => {
                let target = index + 1 + self.target.index(steps - index - 1);
                format!(r#","onError":"branch","errorBranch":"s{target}""#)
            }
            3 => r#","onError":"branch","errorBranch":"handler""#.to_owned(),
            _ => String::new(),
        });
        json.push('}');
        json
    }
}

struct Home<'a> {
    definition: &'a Definition,
    limits: Limits,
    execution: Execution,
    history: Vec<Recorded>,
    /// None when the history may come to its limit, which it does not know of.
    reading: Option<Reading<'a>>,
    now: Timestamp,
}

impl<'a> Home<'a> {
    fn start(definition: &'a Definition, limits: Limits) -> Home<'a> {
        let start = Start {
            id: ExecutionId::from_parts(Timestamp::from_millis(0), 0, 7, Slot::new(0)),
            workflow: WorkflowId::new("w").unwrap(),
            version: Version(1),
            input: Json::parse(r#"{"x":2}"#).unwrap(),
            triggered_by: TriggeredBy::Manual,
            replay_of: None,
            parent: None,
            lineage: Vec::new(),
            key: None,
            by: None,
        };
        let now = Timestamp::from_millis(1_000_000);
        let (execution, history) = decide::start(definition, start, now, &surroundings(&limits)).unwrap();
        let reading = (limits == Limits::default()).then(|| Reading::new(definition));
        let mut home = Home { definition, limits, execution, history, reading, now };
        home.check(0);
        home
    }

    fn take(&mut self, next: &Move) {
        let step = StepIndex::new(next.step.index(self.definition.steps.len()));
        let work = outstanding(self.definition, &self.execution);
        let key = next.key.map(|key| IdempotencyKey::new(&format!("k{key}")).unwrap());
        let by = next.number.is_multiple_of(2).then(|| Caller::new("ann").unwrap());
        let flight = (!work.in_flight.is_empty()).then(|| &work.in_flight[next.step.index(work.in_flight.len())]);
        let (flying, attempt) = flight.map_or((step, u32::from(next.number % 4)), |flight| (flight.step, flight.attempt));
        let failed = |retryable| Outcome::Failed {
            failure: Failure { retryable, ..Failure::with_code("E", "boom") },
            retry_after: (next.number > 200).then(|| Millis::new(u64::from(next.span))),
        };
        let output = || (!next.number.is_multiple_of(8)).then(|| Json::parse(format!(r#"{{"n":{}}}"#, next.number)).unwrap());
        let command = match next.kind {
            0..=5 => {
                let Some(&ready) = work.ready.get(next.step.index(work.ready.len().max(1))) else { return };
                Command::Begin { step: ready, session: None }
            }
            6..=9 => Command::Finish { step: flying, attempt, outcome: Outcome::Completed(output()) },
            10 | 11 => Command::Finish { step: flying, attempt, outcome: failed(true) },
            12 => Command::Finish { step: flying, attempt, outcome: failed(false) },
            13 => Command::TimeOut { step: flying, attempt },
            14 => Command::Interrupt { step: flying, attempt, cause: InterruptCause::Lost },
            15 => Command::Interrupt { step: flying, attempt, cause: InterruptCause::Shutdown },
            16 => {
                self.now = work.wake_at.unwrap_or(self.now).max(self.now);
                Command::Wake
            }
            17 => {
                self.now = self.now + Millis::new(u64::from(next.span));
                Command::Wake
            }
            18 => Command::Pause { key, by },
            19 => Command::Resume { key, by },
            20 if next.number < 60 => Command::Cancel { key, by },
            20 | 21 => Command::Retry { key, by },
            22 => Command::RunNow { step, key, by },
            _ => {
                // A clock that goes back.
                self.now = self.now - Millis::new(u64::from(next.span));
                Command::Finish { step, attempt: u32::from(next.number % 4), outcome: Outcome::Completed(None) }
            }
        };
        self.advance(command);
    }

    /// Brings it to its end: whatever is ready succeeds, time passes, a pause is over.
    fn finish(&mut self) {
        for _ in 0..200 {
            let work = outstanding(self.definition, &self.execution);
            let command = match status(self.definition, &self.execution) {
                Status::Completed | Status::Failed | Status::Cancelled => return,
                Status::Paused => Command::Resume { key: None, by: None },
                Status::Pending | Status::Running | Status::Waiting => {
                    match (work.in_flight.first(), work.ready.first(), work.wake_at) {
                        (Some(flight), ..) => {
                            let outcome = Outcome::Completed(Some(Json::parse(r#"{"n":1}"#).unwrap()));
                            Command::Finish { step: flight.step, attempt: flight.attempt, outcome }
                        }
                        (None, Some(&step), _) => Command::Begin { step, session: None },
                        (None, None, Some(wake_at)) => {
                            self.now = self.now.max(wake_at);
                            Command::Wake
                        }
                        (None, None, None) => panic!("{}", self.story("it is stuck")),
                    }
                }
            };
            let before = self.execution.seq;
            self.advance(command);
            assert!(self.execution.seq > before, "{}", self.story("what is outstanding gives nothing"));
        }
        panic!("{}", self.story("it does not come to an end"));
    }

    fn advance(&mut self, command: Command) {
        let (before, length) = (self.execution.clone(), self.history.len());
        let decided =
            decide::advance(self.definition, &mut self.execution, command.clone(), self.now, &surroundings(&self.limits));
        match decided {
            Err(refusal) => {
                assert_eq!(self.execution, before, "{}", self.story("a refusal changed it"));
                self.check_refusal(&command, &refusal);
                return;
            }
            Ok(events) => {
                assert_eq!(
                    self.decided_from_the_store(&before, &command),
                    events,
                    "{}",
                    self.story("from the store it is decided otherwise")
                );
                self.history.extend(events);
            }
        }
        self.check(length);
        let again = decide::decide(self.definition, &self.execution, command.clone(), self.now, &surroundings(&self.limits));
        // A retry that failed at once may be repeated: it has no key that says that it is the same.
        let failed_again = matches!(command, Command::Retry { key: None, .. }) && self.execution.has_ended();
        let nothing = again.as_ref().map_or(true, Vec::is_empty);
        assert!(nothing || failed_again, "{}", self.story(&format!("{command:?} again gives {again:?}")));
    }

    /// What holds after every transition. `length`: of the history before.
    fn check(&mut self, length: usize) {
        let folded = fold(self.execution.id, self.definition.steps.len(), self.history.iter().cloned());
        assert_eq!(folded.as_ref(), Ok(&self.execution), "{}", self.story("the fold is another execution"));
        let transition = &self.history[length..];
        let Some(first) = transition.first() else { return };
        let encoded = codec::encode(transition, 8);
        let mut read = codec::decode(codec::VERSION, &encoded.text, first.seq, first.at).unwrap();
        for (seq, json) in encoded.payloads {
            read.iter_mut().find(|recorded| recorded.seq == seq).unwrap().event.payload_mut().unwrap().fetch(json);
        }
        assert_eq!(read, transition, "{}", self.story("it is read otherwise than it was written"));
        if let Some(mut reading) = self.reading.take() {
            if let Err(rule) = reading.read(transition) {
                panic!("{}", self.story(&rule));
            }
            let ready = outstanding(self.definition, &self.execution).ready;
            assert_eq!(ready, reading.ready(), "{}", self.story("other steps are ready"));
            self.reading = Some(reading);
        }
        self.check_view();
    }

    fn check_view(&self) {
        let view = view::execution(self.definition, &self.execution, &|_| None);
        assert_eq!(view.completed_at.is_some(), view.status.has_ended());
        assert_eq!(view.error.is_some(), self.execution.failure().is_some());
        assert!(view.output.is_none() || view.status == Status::Completed);
        assert_eq!(view.completed_steps.len(), self.execution.completed.len());
        let waits = view.step_results.values().any(|result| result.waiting_for.is_some());
        let work = outstanding(self.definition, &self.execution);
        if view.status == Status::Waiting {
            assert!(
                waits && work.in_flight.is_empty() && work.ready.is_empty() && work.wake_at.is_some(),
                "{}",
                self.story("it waits for nothing")
            );
        }
        serde_json::to_string(&view).unwrap();
        for flight in work.in_flight {
            let task = workflow_core::task::task(self.definition, &self.execution, flight.step, flight.attempt);
            assert!(task.params().is_object() && task.state().is_object());
        }
    }

    fn check_refusal(&self, command: &Command, refusal: &Refusal) {
        let (paused, ended) = (self.execution.is_paused(), self.execution.has_ended());
        let status = status(self.definition, &self.execution);
        let right = match (command, refusal) {
            (Command::Pause { .. }, Refusal::InvalidState { status: named, .. }) => *named == status && (paused || ended),
            (Command::Resume { .. }, Refusal::InvalidState { status: named, .. }) => *named == status && !paused,
            (Command::Cancel { .. }, Refusal::InvalidState { status: named, .. }) => *named == status && ended,
            (Command::Retry { .. }, Refusal::InvalidState { status: named, .. }) => *named == status && status != Status::Failed,
            (Command::Retry { .. }, Refusal::HistoryFull { .. }) => self.reading.is_none() && status == Status::Failed,
            (Command::RunNow { .. }, Refusal::InvalidState { .. }) => paused || ended,
            (Command::RunNow { .. }, Refusal::NotWaitingForRetry { .. }) => !paused && !ended,
            _ => false,
        };
        assert!(right, "{}", self.story(&format!("{command:?} is refused: {refusal}")));
    }

    /// The same decision with no payload in memory but those that the command needs.
    fn decided_from_the_store(&self, before: &Execution, command: &Command) -> Vec<Recorded> {
        let mut execution = before.clone();
        execution.release_payloads(0);
        for seq in needs(self.definition, &execution, command) {
            let recorded = self.history.iter().find(|recorded| recorded.seq == seq).unwrap();
            execution.fetch_payload(seq, recorded.event.payload().unwrap().json().clone());
        }
        decide::advance(self.definition, &mut execution, command.clone(), self.now, &surroundings(&self.limits)).unwrap()
    }

    fn story(&self, problem: &str) -> String {
        let entries: Vec<String> =
            self.history.iter().map(|recorded| format!("{:?} {:?}", recorded.at, recorded.event)).collect();
        format!("{problem}\n{}\n{}", self.definition.source, entries.join("\n"))
    }
}

fn surroundings(limits: &Limits) -> Surroundings<'_> {
    Surroundings { limits, workflow_exists: &|_| true }
}

/// An event that no core decides is refused, and leaves the execution as it was.
#[test]
fn what_cannot_follow_is_corrupt() {
    let source = r#"{"id":"w","steps":[{"id":"a","action":"a"},{"id":"b","action":"b","wait":"1s"}]}"#;
    let definition = Definition::check(&Json::parse(source).unwrap(), &Limits::default()).unwrap().definition;
    let mut home = Home::start(&definition, Limits::default());
    home.advance(Command::Begin { step: StepIndex::new(0), session: None });
    let (a, b, at) = (StepIndex::new(0), StepIndex::new(1), home.now);
    use workflow_core::event::Event;
    let wrong = [
        Event::StepStarted { step: a, attempt: 2, session: None },
        Event::StepStarted { step: b, attempt: 1, session: None },
        Event::StepCompleted { step: a, attempt: 2, output: None },
        Event::StepCompleted { step: b, attempt: 1, output: None },
        Event::StepInterrupted { step: StepIndex::new(7), attempt: 1, cause: InterruptCause::Lost },
        Event::Resumed { key: None, by: None },
        Event::Retried { reset: vec![a], deadline: None, key: None, by: None },
    ];
    for event in wrong {
        let mut execution = home.execution.clone();
        let recorded = Recorded { seq: execution.seq + 1, at, event };
        let corrupt = apply(&mut execution, &recorded).unwrap_err();
        assert_eq!((corrupt.seq, execution), (recorded.seq, home.execution.clone()), "{recorded:?}");
    }
    let gap = Recorded { seq: home.execution.seq + 2, at, event: Event::Paused { key: None, by: None } };
    assert!(apply(&mut home.execution.clone(), &gap).is_err());
}

/// One transition can be long: the limit holds inside it too.
#[test]
fn a_long_chain_of_noops_stops_at_the_limit() {
    let step = |n: usize| {
        let after = if n == 0 { String::new() } else { format!(r#""s{}""#, n - 1) };
        format!(r#"{{"id":"s{n}","action":"noop","wait":"0s","condition":"true","dependsOn":[{after}]}}"#)
    };
    let source = format!(r#"{{"id":"w","steps":[{}]}}"#, (0..300).map(step).collect::<Vec<_>>().join(","));
    let definition = Definition::check(&Json::parse(source).unwrap(), &Limits::default()).unwrap().definition;
    let history_entries_max = Limits::history_reserve(definition.steps.len()) + 20;
    let home = Home::start(&definition, Limits { history_entries_max, ..Limits::default() });
    assert_eq!(status(&definition, &home.execution), Status::Failed);
    assert!(home.execution.seq <= history_entries_max);
}
