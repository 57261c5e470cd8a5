//! Which events a command gives. One file for each kind of command; [`consider`] says which step runs when.
//!
//! Every command ends in `Transition::settle`, which takes all that follows from what is there now: steps that can be
//! considered, the end of a failing execution, its completion. So there is no state in which something should happen and nothing
//! does.

mod attempt;
pub(crate) mod consider;
mod control;
mod end;
mod start;
mod timers;

pub(crate) use start::Error;
pub use start::{Handler, handler_start, start};

use crate::apply::apply;
use crate::command::Command;
use crate::definition::Definition;
use crate::event::{Event, Recorded};
use crate::execution::Execution;
use crate::id::WorkflowId;
use crate::limits::Limits;
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// What a decision may depend on besides the execution itself.
pub struct Surroundings<'a> {
    pub limits: &'a Limits,
    /// Whether a workflow of that id could be started now: for an `errorBranch` that names a workflow.
    pub workflow_exists: &'a dyn Fn(&WorkflowId) -> bool,
}

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").field("limits", self.limits).finish_non_exhaustive()
    }
}

/// What `command` gives, applied to the execution: one transition. Empty when the command is a repetition or comes too late. A
/// refusal leaves the execution as it was.
///
/// # Panics
/// When a payload that [`needs`](crate::outstanding::needs) names has not been fetched.
pub fn advance(
    definition: &Definition,
    execution: &mut Execution,
    command: Command,
    now: Timestamp,
    surroundings: &Surroundings<'_>,
) -> Result<Vec<Recorded>, Refusal> {
    let mut transition = Transition { definition, execution, now, surroundings, events: Vec::new() };
    match command {
        Command::Begin { step, session } => transition.begin(step, session),
        Command::Finish { step, attempt, outcome } => transition.finish(step, attempt, outcome),
        Command::Interrupt { step, attempt, cause } => transition.interrupt(step, attempt, cause),
        Command::TimeOut { step, attempt } => transition.time_out(step, attempt),
        Command::Wake => transition.wake(),
        Command::Pause { key, by } => transition.pause(key, by)?,
        Command::Resume { key, by } => transition.resume(key, by)?,
        Command::Cancel { key, by } => transition.cancel(key, by)?,
        Command::Retry { key, by } => transition.retry(key, by)?,
        Command::RunNow { step, key, by } => transition.run_now(step, key, by)?,
    }
    Ok(transition.events)
}

/// The same without changing the execution.
pub fn decide(
    definition: &Definition,
    execution: &Execution,
    command: Command,
    now: Timestamp,
    surroundings: &Surroundings<'_>,
) -> Result<Vec<Recorded>, Refusal> {
    advance(definition, &mut execution.clone(), command, now, surroundings)
}

/// A decision in the making: each event is applied at once, so that the next one is decided on what it left.
struct Transition<'a> {
    definition: &'a Definition,
    execution: &'a mut Execution,
    now: Timestamp,
    surroundings: &'a Surroundings<'a>,
    events: Vec<Recorded>,
}

impl Transition<'_> {
    fn push(&mut self, event: Event) {
        let recorded = Recorded { seq: self.execution.seq + 1, at: self.now, event };
        if let Err(bug) = apply(self.execution, &recorded) {
            panic!("the core decided what it cannot apply: {bug}");
        }
        self.events.push(recorded);
    }
}

#[cfg(test)]
mod tests;
