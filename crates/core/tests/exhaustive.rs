//! All workflows of up to three steps, up to isomorphism of the DAG: each step completes, fails, or has a false condition; a
//! failure fails, continues, or branches to every possible target. Each is run in every order of completion, with a pause, a
//! cancel or a crash at every point.
//!
//! Each ends as the graph alone says, none is stuck, each history is legal, folding what was written gives the live execution,
//! and the same command again adds nothing. Of the workflows of four steps a sample is run; `EXHAUSTIVE=4` runs them all.

#![allow(clippy::unwrap_used, reason = "a test that cannot run fails")]

mod legality;

use std::collections::BTreeSet;
use std::rc::Rc;

use legality::Reading;
use workflow_core::apply::apply;
use workflow_core::codec;
use workflow_core::command::{Command, Outcome, Start};
use workflow_core::decide::{self, Surroundings};
use workflow_core::definition::{Definition, StepIndex};
use workflow_core::event::{InterruptCause, Recorded, TriggeredBy};
use workflow_core::execution::Execution;
use workflow_core::failure::Failure;
use workflow_core::id::{ExecutionId, Slot, Version, WorkflowId};
use workflow_core::json::Json;
use workflow_core::limits::Limits;
use workflow_core::outstanding::{outstanding, status};
use workflow_core::refusal::Refusal;
use workflow_core::status::Status;
use workflow_core::time::{Millis, Timestamp};

/// How much may happen in one course.
#[derive(Debug, Clone, Copy)]
struct Extent {
    /// Pauses, cancels and crashes.
    disturbances: u32,
    /// Attempts begin at any time, not only in the transition in which their step becomes ready.
    slots_come_free: bool,
}

const ONE_DISTURBANCE: Extent = Extent { disturbances: 1, slots_come_free: false };
const SLOTS_COME_FREE: Extent = Extent { disturbances: 1, slots_come_free: true };
const TWO_DISTURBANCES: Extent = Extent { disturbances: 2, slots_come_free: true };

#[test]
fn every_workflow_of_one_and_two_steps() {
    assert_eq!(run_all(1, TWO_DISTURBANCES), 4);
    assert_eq!(run_all(2, TWO_DISTURBANCES), 50);
}

#[test]
fn every_workflow_of_three_steps() {
    assert_eq!(run_all(3, ONE_DISTURBANCE), 1_576);
}

#[test]
fn workflows_of_four_steps() {
    if std::env::var("EXHAUSTIVE").is_ok_and(|steps| steps == "4") {
        run_all(3, SLOTS_COME_FREE);
        run_all(4, ONE_DISTURBANCE);
        return;
    }
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let (mut random, mut run, mut courses) = (seed, 0, 0);
    while run < 150 {
        let shape = Shape::random(4, &mut random);
        if !shape.has_cycle() {
            courses += shape.run(ONE_DISTURBANCE);
            run += 1;
        }
    }
    println!("4 steps: {run} workflows, {courses} courses (SEED={seed})");
}

/// How many workflows there are.
fn run_all(steps: usize, extent: Extent) -> usize {
    let (mut seen, mut courses) = (BTreeSet::new(), 0);
    for shape in Shape::all(steps) {
        if !shape.has_cycle() && seen.insert(shape.canonical()) {
            // How it is listed must not matter: every order gets its share.
            courses += shape.listed(seen.len()).run(extent);
        }
    }
    println!("{steps} steps, {extent:?}: {} workflows, {courses} courses", seen.len());
    seen.len()
}

/// A workflow as numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Shape(Vec<Node>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Node {
    /// Bit `n`: depends on step `n`.
    depends_on: u32,
    course: Course,
    on_error: OnError,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Course {
    Completes,
    Fails,
    ConditionIsFalse,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum OnError {
    Fail,
    Continue,
    Branch(usize),
}

/// What becomes of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Completed,
    Skipped,
    Continued,
    Branched,
    Unhandled,
    /// Something before it failed unhandled.
    Never,
}

impl Shape {
    /// Every shape whose steps depend only on earlier ones: each DAG is isomorphic to one of them.
    fn all(steps: usize) -> impl Iterator<Item = Shape> {
        let kinds: Vec<Vec<(Course, OnError)>> = (0..steps).map(|step| kinds(step, steps)).collect();
        let total: usize = kinds.iter().enumerate().map(|(step, kinds)| kinds.len() << step).product();
        (0..total).map(move |mut number| {
            let node = |(step, kinds): (usize, &Vec<(Course, OnError)>)| {
                let depends_on = (number % (1 << step)) as u32;
                number /= 1 << step;
                let (course, on_error) = kinds[number % kinds.len()];
                number /= kinds.len();
                Node { depends_on, course, on_error }
            };
            Shape(kinds.iter().enumerate().map(node).collect())
        })
    }

    fn random(steps: usize, random: &mut u64) -> Shape {
        let mut pick = |of: usize| {
            // SplitMix64.
            *random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (*random ^ (*random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((mixed ^ (mixed >> 31)) % of as u64) as usize
        };
        let node = |step: usize| {
            let kinds = kinds(step, steps);
            let (course, on_error) = kinds[pick(kinds.len())];
            Node { depends_on: pick(1 << step) as u32, course, on_error }
        };
        Shape((0..steps).map(node).collect::<Vec<_>>())
    }

    /// The least of all the ways to number its steps.
    fn canonical(&self) -> Shape {
        permutations(self.0.len()).map(|places| self.renumbered(&places)).min().unwrap()
    }

    /// The same workflow, its steps listed in the `n`-th order.
    fn listed(&self, n: usize) -> Shape {
        let orders: Vec<Vec<usize>> = permutations(self.0.len()).collect();
        self.renumbered(&orders[n % orders.len()])
    }

    /// `places[n]`: the new number of step `n`.
    fn renumbered(&self, places: &[usize]) -> Shape {
        let mut nodes = self.0.clone();
        for (step, node) in self.0.iter().enumerate() {
            let depends_on = (0..places.len()).filter(|&before| node.depends_on & 1 << before != 0);
            nodes[places[step]] = Node {
                depends_on: depends_on.fold(0, |all, before| all | 1 << places[before]),
                course: node.course,
                on_error: match node.on_error {
                    OnError::Branch(target) => OnError::Branch(places[target]),
                    other => other,
                },
            };
        }
        Shape(nodes)
    }

    /// Over dependencies and error branches together.
    fn has_cycle(&self) -> bool {
        self.in_order().len() < self.0.len()
    }

    /// Steps, each after those before it over either kind of edge.
    fn in_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = Vec::new();
        loop {
            let comes_after = |before: usize, step: usize| {
                self.0[step].depends_on & 1 << before != 0 || self.0[before].on_error == OnError::Branch(step)
            };
            let steps = 0..self.0.len();
            let free = |&step: &usize| {
                !order.contains(&step) && steps.clone().all(|before| order.contains(&before) || !comes_after(before, step))
            };
            match steps.clone().find(free) {
                Some(step) => order.push(step),
                None => return order,
            }
        }
    }

    /// What becomes of each step when nobody interferes: from the graph alone.
    fn fates(&self) -> Vec<Fate> {
        let mut fates = vec![Fate::Never; self.0.len()];
        for step in self.in_order() {
            let node = &self.0[step];
            let before: Vec<Fate> =
                (0..step.max(self.0.len())).filter(|n| node.depends_on & 1 << n != 0).map(|n| fates[n]).collect();
            let namers: Vec<Fate> = self
                .0
                .iter()
                .zip(&fates)
                .filter(|(namer, _)| namer.on_error == OnError::Branch(step))
                .map(|(_, fate)| *fate)
                .collect();
            let over = |fates: &[Fate]| fates.iter().all(|fate| !matches!(fate, Fate::Unhandled | Fate::Never));
            fates[step] = if !namers.is_empty() && !namers.contains(&Fate::Branched) {
                if over(&namers) && over(&before) { Fate::Skipped } else { Fate::Never }
            } else if !over(&before) {
                Fate::Never
            } else if namers.is_empty()
                && !before.is_empty()
                && before.iter().all(|fate| matches!(fate, Fate::Skipped | Fate::Branched))
            {
                Fate::Skipped
            } else {
                match (node.course, node.on_error) {
                    (Course::Completes, _) => Fate::Completed,
                    (Course::ConditionIsFalse, _) => Fate::Skipped,
                    (Course::Fails, OnError::Fail) => Fate::Unhandled,
                    (Course::Fails, OnError::Continue) => Fate::Continued,
                    (Course::Fails, OnError::Branch(_)) => Fate::Branched,
                }
            };
        }
        fates
    }

    fn definition(&self) -> Definition {
        let steps = self.0.iter().enumerate().map(|(index, node)| {
            let ids: Vec<String> =
                (0..self.0.len()).filter(|n| node.depends_on & 1 << n != 0).map(|n| format!("\"s{n}\"")).collect();
            let condition = if node.course == Course::ConditionIsFalse { r#","condition":"false""# } else { "" };
            let on_error = match node.on_error {
                OnError::Fail => String::new(),
                OnError::Continue => r#","onError":"continue""#.to_owned(),
                OnError::Branch(target) => format!(r#","onError":"branch","errorBranch":"s{target}""#),
            };
            format!(r#"{{"id":"s{index}","action":"a","dependsOn":[{}]{condition}{on_error}}}"#, ids.join(","))
        });
        let source = format!(r#"{{"id":"w","steps":[{}]}}"#, steps.collect::<Vec<_>>().join(","));
        let checked = Definition::check(&Json::parse(source.clone()).unwrap(), &Limits::default());
        checked.unwrap_or_else(|diagnostics| panic!("{source}: {diagnostics:?}")).definition
    }

    /// The same workflow without the failures that nobody handles.
    fn mended(&self) -> Shape {
        let mend = |node: &Node| match (node.course, node.on_error) {
            (Course::Fails, OnError::Fail) => Node { course: Course::Completes, ..node.clone() },
            _ => node.clone(),
        };
        Shape(self.0.iter().map(mend).collect())
    }

    /// Runs it in every way. How many ways there are.
    fn run(&self, extent: Extent) -> u64 {
        let (definition, limits) = (self.definition(), Limits::default());
        let mut explorer =
            Explorer { shape: self, mended: self.mended(), definition: &definition, limits: &limits, extent, courses: 0 };
        let mut way = explorer.start();
        explorer.begin_ready(&mut way);
        explorer.explore(way);
        explorer.courses
    }
}

/// What a step may be like. A step that does not fail has no use for `continue`.
fn kinds(step: usize, steps: usize) -> Vec<(Course, OnError)> {
    let branches = (0..steps).filter(|&target| target != step).map(OnError::Branch);
    let on_errors: Vec<OnError> = [OnError::Fail, OnError::Continue].into_iter().chain(branches).collect();
    let courses = [Course::Completes, Course::Fails, Course::ConditionIsFalse];
    let all = courses.iter().flat_map(|&course| on_errors.iter().map(move |&on_error| (course, on_error)));
    all.filter(|(course, on_error)| *course == Course::Fails || *on_error != OnError::Continue).collect()
}

fn permutations(n: usize) -> Box<dyn Iterator<Item = Vec<usize>>> {
    if n == 0 {
        return Box::new(std::iter::once(Vec::new()));
    }
    let insert = move |rest: Vec<usize>| {
        (0..n).map(move |at| {
            let mut all = rest.clone();
            all.insert(at, n - 1);
            all
        })
    };
    Box::new(permutations(n - 1).flat_map(insert))
}

struct Explorer<'a> {
    shape: &'a Shape,
    /// The same when what fails unhandled has been put right.
    mended: Shape,
    definition: &'a Definition,
    limits: &'a Limits,
    extent: Extent,
    courses: u64,
}

/// One course of an execution so far.
#[derive(Clone)]
struct Way<'a> {
    execution: Execution,
    /// The fold of what was written and read back.
    folded: Execution,
    reading: Reading<'a>,
    now: Timestamp,
    /// How many more of a pause, a cancel, a crash there may be.
    disturbances: u32,
    /// After `retry` no step fails unhandled any more.
    mended: bool,
    said: Option<Rc<Said>>,
}

/// What happened last, and before.
struct Said {
    before: Option<Rc<Said>>,
    command: Option<Command>,
    events: Vec<Recorded>,
}

impl<'a> Explorer<'a> {
    fn start(&self) -> Way<'a> {
        let start = Start {
            id: ExecutionId::from_parts(Timestamp::from_millis(0), 0, 0, Slot::new(0)),
            workflow: WorkflowId::new("w").unwrap(),
            version: Version(1),
            input: Json::empty_object(),
            triggered_by: TriggeredBy::Manual,
            replay_of: None,
            parent: None,
            lineage: Vec::new(),
            key: None,
            by: None,
        };
        let now = Timestamp::from_millis(0);
        let (execution, events) = decide::start(self.definition, start, now, &self.surroundings()).unwrap();
        let read = written(&events);
        let folded = workflow_core::apply::fold(execution.id, self.definition.steps.len(), read).unwrap();
        let reading = Reading::new(self.definition);
        let disturbances = self.extent.disturbances;
        let mut way = Way { execution, folded, reading, now, disturbances, mended: false, said: None };
        self.check(&mut way, None, events);
        way
    }

    fn surroundings(&self) -> Surroundings<'a> {
        Surroundings { limits: self.limits, workflow_exists: &|_| false }
    }

    /// Every way to go on from here.
    fn explore(&mut self, way: Way<'a>) {
        self.every_call_is_answered(&way);
        if way.execution.has_ended() {
            return self.end(way);
        }
        let outstanding = outstanding(self.definition, &way.execution);
        let (in_flight, ready) = (outstanding.in_flight, outstanding.ready);
        let stuck = in_flight.is_empty() && ready.is_empty() && !way.execution.is_paused();
        assert!(!stuck, "{}", self.story(&way, "it is stuck"));
        for flight in &in_flight {
            let shape = if way.mended { &self.mended } else { self.shape };
            let fails = shape.0[flight.step.get()].course == Course::Fails;
            let outcome = match fails {
                true => Outcome::Failed { failure: Failure::new("boom"), retry_after: None },
                false => Outcome::Completed(None),
            };
            self.step(&way, Command::Finish { step: flight.step, attempt: flight.attempt, outcome });
        }
        if way.execution.is_paused() {
            self.step(&way, Command::Resume { key: None, by: None });
        }
        if self.extent.slots_come_free {
            for step in ready {
                self.step(&way, Command::Begin { step, session: None });
            }
        }
        if way.disturbances > 0 {
            let way = Way { disturbances: way.disturbances - 1, ..way };
            if !way.execution.is_paused() {
                self.step(&way, Command::Pause { key: None, by: None });
            }
            self.step(&way, Command::Cancel { key: None, by: None });
            if !in_flight.is_empty() {
                self.crash(way);
            }
        }
    }

    /// One command from here, and every way to go on after it.
    fn step(&mut self, way: &Way<'a>, command: Command) {
        let mut way = way.clone();
        self.advance(&mut way, command);
        self.begin_ready(&mut way);
        self.explore(way);
    }

    /// The process dies: what was written is read, and no attempt is in flight any more.
    fn crash(&mut self, mut way: Way<'a>) {
        way.execution = way.folded.clone();
        for flight in outstanding(self.definition, &way.execution).in_flight {
            self.advance(
                &mut way,
                Command::Interrupt { step: flight.step, attempt: flight.attempt, cause: InterruptCause::Lost },
            );
        }
        self.begin_ready(&mut way);
        self.explore(way);
    }

    fn begin_ready(&self, way: &mut Way<'a>) {
        while !self.extent.slots_come_free
            && let Some(&step) = outstanding(self.definition, &way.execution).ready.first()
        {
            self.advance(way, Command::Begin { step, session: None });
        }
    }

    fn advance(&self, way: &mut Way<'a>, command: Command) {
        way.now = way.now + Millis::new(1);
        let decided = decide::advance(self.definition, &mut way.execution, command.clone(), way.now, &self.surroundings());
        let events = decided.unwrap_or_else(|refusal| panic!("{}", self.story(way, &refusal.to_string())));
        assert!(!events.is_empty(), "{}", self.story(way, "it gave nothing"));
        for recorded in written(&events) {
            apply(&mut way.folded, &recorded).unwrap_or_else(|corrupt| panic!("{}", self.story(way, &corrupt.to_string())));
        }
        self.check(way, Some(command.clone()), events);
        let again = decide::decide(self.definition, &way.execution, command, way.now, &self.surroundings());
        assert!(again.as_ref().map_or(true, Vec::is_empty), "{}", self.story(way, &format!("again it gives {again:?}")));
    }

    fn check(&self, way: &mut Way<'a>, command: Option<Command>, events: Vec<Recorded>) {
        let read = way.reading.read(&events);
        way.said = Some(Rc::new(Said { before: way.said.take(), command, events }));
        if let Err(rule) = read {
            panic!("{}", self.story(way, &rule));
        }
        assert_eq!(way.folded, way.execution, "{}", self.story(way, "the fold is another execution"));
        let ready = outstanding(self.definition, &way.execution).ready;
        assert_eq!(ready, way.reading.ready(), "{}", self.story(way, "other steps are ready"));
    }

    fn end(&mut self, mut way: Way<'a>) {
        self.courses += 1;
        match status(self.definition, &way.execution) {
            Status::Cancelled => {}
            Status::Completed => {
                let fates = if way.mended { self.mended.fates() } else { self.shape.fates() };
                self.check_fates(&way, &fates);
            }
            Status::Failed => {
                assert!(
                    self.shape.fates().contains(&Fate::Unhandled),
                    "{}",
                    self.story(&way, "no step fails unhandled, and it is failed")
                );
                assert!(!way.mended, "{}", self.story(&way, "what was mended fails"));
                (way.mended, way.disturbances) = (true, 0);
                self.advance(&mut way, Command::Retry { key: None, by: None });
                self.begin_ready(&mut way);
                self.explore(way);
            }
            other => panic!("{}", self.story(&way, &format!("it has ended as {other}"))),
        }
    }

    fn check_fates(&self, way: &Way<'a>, fates: &[Fate]) {
        let view = workflow_core::view::execution(self.definition, &way.execution, &|_| None);
        for (step, fate) in self.definition.steps.iter().zip(fates) {
            let expected = match fate {
                Fate::Completed => "completed",
                Fate::Skipped => "skipped",
                Fate::Continued | Fate::Branched | Fate::Unhandled => "failed",
                Fate::Never => "absent",
            };
            let found = view
                .step_results
                .get(&step.id)
                .map_or("absent".to_owned(), |result| format!("{:?}", result.status).to_lowercase());
            assert_eq!(found, expected, "{}", self.story(way, &format!("step {}", step.id)));
        }
    }

    /// Each call is obeyed or refused as the table of §5 says, whatever the status is; a refusal changes nothing.
    fn every_call_is_answered(&self, way: &Way<'a>) {
        use Status::{Cancelled, Completed, Failed, Paused, Pending, Running, Waiting};
        let status = status(self.definition, &way.execution);
        let first = StepIndex::new(0);
        let calls: [(Command, &[Status]); 5] = [
            (Command::Pause { key: None, by: None }, &[Pending, Running, Waiting]),
            (Command::Resume { key: None, by: None }, &[Paused]),
            (Command::Cancel { key: None, by: None }, &[Pending, Running, Waiting, Paused]),
            (Command::Retry { key: None, by: None }, &[Failed]),
            (Command::RunNow { step: first, key: None, by: None }, &[]),
        ];
        for (command, allowed) in calls {
            let answer = decide::decide(self.definition, &way.execution, command.clone(), way.now, &self.surroundings());
            match answer {
                Ok(events) => assert!(
                    allowed.contains(&status) && !events.is_empty(),
                    "{}",
                    self.story(way, &format!("{command:?} is obeyed"))
                ),
                Err(Refusal::InvalidState { .. } | Refusal::NotWaitingForRetry { .. }) => {
                    assert!(!allowed.contains(&status), "{}", self.story(way, &format!("{command:?} is refused")));
                }
                Err(other) => panic!("{}", self.story(way, &other.to_string())),
            }
        }
        let outcome = || Outcome::Completed(None);
        let late = [
            Command::Finish { step: first, attempt: 9, outcome: outcome() },
            Command::TimeOut { step: first, attempt: 9 },
            Command::Interrupt { step: first, attempt: 9, cause: InterruptCause::Lost },
            Command::Wake,
        ];
        let in_flight = outstanding(self.definition, &way.execution).in_flight;
        let over = self.definition.indices().filter(|step| !in_flight.iter().any(|flight| flight.step == *step));
        let of_none = over.map(|step| Command::Finish { step, attempt: way.execution.step(step).attempts, outcome: outcome() });
        for command in late.into_iter().chain(of_none) {
            let answer = decide::decide(self.definition, &way.execution, command.clone(), way.now, &self.surroundings());
            assert!(answer.as_ref().is_ok_and(Vec::is_empty), "{}", self.story(way, &format!("{command:?} gives {answer:?}")));
        }
        assert!(!matches!(status, Completed | Cancelled) || outstanding(self.definition, &way.execution).ready.is_empty());
    }

    fn story(&self, way: &Way<'a>, problem: &str) -> String {
        let (mut lines, mut said) = (Vec::new(), &way.said);
        while let Some(last) = said {
            lines.extend(last.events.iter().rev().map(|recorded| format!("    {:?}", recorded.event)));
            lines.push(format!("{:?}", last.command));
            said = &last.before;
        }
        lines.reverse();
        format!("{problem}\n{}\n{}", self.definition.source, lines.join("\n"))
    }
}

/// Written and read back.
fn written(events: &[Recorded]) -> Vec<Recorded> {
    let first = &events[0];
    codec::decode(codec::VERSION, &codec::encode(events, 4_096).text, first.seq, first.at).unwrap()
}
