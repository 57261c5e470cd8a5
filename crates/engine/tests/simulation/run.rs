//! One simulation from its plan to its verdict, many of them on all cores, and the story of one that failed.

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, Once};
use std::time::Instant;

use workflow_core::definition::Definition;
use workflow_core::limits::Limits;

use crate::moves::parse;
use crate::plan::Plan;
use crate::trace::{Mode, Trace};
use crate::workflows::probe;
use crate::world::World;

/// Lines of a trace that are told: its end.
const LINES_TOLD: usize = 120;

#[derive(Debug, Clone)]
pub struct Broken {
    pub rule: String,
    pub found: String,
}

#[derive(Debug)]
pub enum Verdict {
    Held(Ran),
    Broken(Broken, Vec<String>),
    /// A plan that makes no sense any more, after something was left out.
    Void,
}

/// What there was of it.
#[derive(Debug, Default)]
pub struct Ran {
    pub hash: u64,
    pub batches: u64,
    pub executions: u64,
    pub lives: u64,
}

pub fn run(plan: &Plan, mode: Mode) -> Verdict {
    let sources = plan.workflows.iter().map(crate::workflows::Workflow::json).chain([probe()]);
    let mut definitions = Vec::new();
    for source in sources {
        match Definition::check(&parse(&source), &Limits::default()) {
            Ok(checked) => definitions.push(checked.definition),
            Err(_) => return Verdict::Void,
        }
    }
    let mut world = World::new(plan, &definitions, Trace::new(mode));
    let ended = caught(|| {
        for next in &plan.moves {
            world.take(*next);
        }
        world.come_to_rest();
    });
    match ended {
        Ok(()) => Verdict::Held(Ran {
            hash: world.trace.hash(),
            batches: world.model.batch,
            executions: world.model.histories.len() as u64,
            lives: world.life,
        }),
        Err(broken) => Verdict::Broken(broken, std::mem::take(&mut world.trace.lines)),
    }
}

thread_local! {
    /// A panic in this thread is a verdict, and is told when its seed is.
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static WHERE: Cell<Option<String>> = const { Cell::new(None) };
}

/// A panic of ours is a rule that is broken; so is any other, of the engine or the core.
fn caught(simulate: impl FnOnce()) -> Result<(), Broken> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if QUIET.get() {
                WHERE.set(info.location().map(ToString::to_string));
            } else {
                loud(info);
            }
        }));
    });
    QUIET.set(true);
    let ended = catch_unwind(AssertUnwindSafe(simulate));
    QUIET.set(false);
    ended.map_err(|payload| match payload.downcast::<Broken>() {
        Ok(broken) => *broken,
        Err(other) => {
            let text = other.downcast_ref::<String>().cloned();
            let text = text.or_else(|| other.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let place = WHERE.take().unwrap_or_default();
            Broken { rule: format!("nothing panics at {place}"), found: text.unwrap_or_default() }
        }
    })
}

/// What many seeds were.
#[derive(Debug, Default)]
pub struct Total {
    pub seeds: u64,
    pub batches: u64,
    pub executions: u64,
    pub lives: u64,
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Total { seeds, batches, executions, lives } = self;
        write!(f, "{seeds} seeds, {lives} lives of the engine, {executions} executions, {batches} commits: every rule held")
    }
}

/// Runs seeds on all cores, until one fails, all have run, or the time is up.
pub fn run_all(first: u64, count: u64, until: Option<Instant>) -> Total {
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let (total, failed) = (Mutex::new(Total::default()), Mutex::new(None::<u64>));
    let work = || {
        let mut sum = Total::default();
        while !stop.load(Ordering::Relaxed) && until.is_none_or(|until| Instant::now() < until) {
            let place = next.fetch_add(1, Ordering::Relaxed);
            if place >= count {
                break;
            }
            match run(&Plan::of_seed(first + place), Mode::Off) {
                Verdict::Held(ran) => {
                    sum.seeds += 1;
                    sum.batches += ran.batches;
                    sum.executions += ran.executions;
                    sum.lives += ran.lives;
                }
                Verdict::Broken(..) | Verdict::Void => {
                    stop.store(true, Ordering::Relaxed);
                    let mut failed = failed.lock().unwrap();
                    *failed = Some(failed.map_or(first + place, |before| before.min(first + place)));
                }
            }
        }
        let mut total = total.lock().unwrap();
        total.seeds += sum.seeds;
        total.batches += sum.batches;
        total.executions += sum.executions;
        total.lives += sum.lives;
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    if let Some(seed) = failed.into_inner().unwrap() {
        tell(seed);
    }
    total.into_inner().unwrap()
}

/// Runs one seed; when it fails, tells why with as little as it takes to fail so.
pub fn tell(seed: u64) {
    let plan = Plan::of_seed(seed);
    let (broken, lines) = match run(&plan, Mode::Lines) {
        Verdict::Held(ran) => return println!("seed {seed} holds: {ran:?}"),
        Verdict::Broken(broken, lines) => (broken, lines),
        Verdict::Void => panic!("seed {seed} gives a definition that cannot be registered: {plan:?}"),
    };
    println!("seed {seed} breaks a rule: {}\n  {}\n  ({} lines of trace)", broken.rule, broken.found, lines.len());
    let same = |plan: &Plan| matches!(run(plan, Mode::Off), Verdict::Broken(other, _) if other.rule == broken.rule);
    let shrunk = plan.shrunk(same);
    let Verdict::Broken(broken, lines) = run(&shrunk, Mode::Lines) else { unreachable!("it failed a moment ago") };
    println!("\nwith {} moves left of its plan:\n{:?}", shrunk.moves.len(), shrunk.setting);
    for workflow in &shrunk.workflows {
        println!("{}", workflow.json());
    }
    println!();
    for line in &lines[lines.len().saturating_sub(LINES_TOLD)..] {
        println!("  {line}");
    }
    panic!(
        "{}: {}\nrun it again with\n  SIMULATION_SEED={seed} cargo test -p workflow-engine --test simulation whatever -- --nocapture",
        broken.rule, broken.found
    );
}
