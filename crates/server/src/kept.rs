//! Long outputs that a worker keeps after it has given them, so that a later task may refer to them: what the server knows of
//! one connection. Of these it sends the name of the task that gave them, and says when the worker may forget them.
//!
//! Nothing depends on it: an output that is not here is sent.

use std::collections::{BTreeMap, VecDeque};

use workflow_core::id::ExecutionId;
use workflow_core::json::Json;
use workflow_engine::TaskId;

/// Shorter ones are sent each time: that costs less than to know of them.
const LONG_BYTES: usize = 16 << 10;
/// More than a worker may say that it keeps: each byte of it may be one here.
const BYTES_MAX: usize = 64 << 20;
/// Kept ones that are looked at for each result: two, so that there are never many that nobody needs.
const LOOKS: usize = 2;

#[derive(Debug)]
pub(crate) struct Kept {
    bytes_max: usize,
    bytes: usize,
    /// Given by the worker, and not recorded: no more bytes than are kept, for what another engine records is never recorded here.
    given: BTreeMap<TaskId, Json>,
    given_bytes: usize,
    /// The worker has been told to keep them, by execution.
    of: BTreeMap<ExecutionId, Vec<(TaskId, Json)>>,
    /// The same, in the order in which they are looked at.
    order: VecDeque<TaskId>,
    looks: usize,
}

impl Kept {
    /// Of a worker that keeps so many bytes.
    pub(crate) fn new(bytes_max: usize) -> Kept {
        let (given, of, order) = (BTreeMap::new(), BTreeMap::new(), VecDeque::new());
        Kept { bytes_max: bytes_max.min(BYTES_MAX), bytes: 0, given, given_bytes: 0, of, order, looks: 0 }
    }

    /// The worker has given this.
    pub(crate) fn give(&mut self, task: TaskId, output: &Json) {
        if !(LONG_BYTES..=self.bytes_max).contains(&output.len()) {
            return;
        }
        self.take_given(task);
        while self.given_bytes + output.len() > self.bytes_max {
            let Some((_, oldest)) = self.given.pop_first() else { break };
            self.given_bytes -= oldest.len();
        }
        self.given_bytes += output.len();
        self.given.insert(task, output.clone());
    }

    fn take_given(&mut self, task: TaskId) -> Option<Json> {
        let output = self.given.remove(&task)?;
        self.given_bytes -= output.len();
        Some(output)
    }

    /// It is recorded, and the worker is about to be told: true when it is to keep its output. What has to be forgotten for it
    /// is forgotten first.
    pub(crate) fn record(&mut self, task: TaskId) -> bool {
        self.looks = (self.looks + LOOKS).min(self.order.len() + LOOKS);
        let Some(output) = self.take_given(task) else { return false };
        self.bytes += output.len();
        self.of.entry(task.execution()).or_default().push((task, output));
        self.order.push_back(task);
        true
    }

    /// Nobody wants its output any more.
    pub(crate) fn abort(&mut self, task: TaskId) {
        self.take_given(task);
    }

    /// The task that gave this output.
    pub(crate) fn find(&self, execution: ExecutionId, output: &Json) -> Option<TaskId> {
        if output.len() < LONG_BYTES {
            return None;
        }
        let of = self.of.get(&execution)?;
        // One that was read from the store again has its text at another place.
        let found = of.iter().find(|(_, kept)| kept.is_clone_of(output)).or_else(|| of.iter().find(|(_, kept)| kept == output));
        found.map(|(task, _)| *task)
    }

    /// What the worker is told to forget: what nobody else has in memory, so that no task is about to need it, and the oldest
    /// when it keeps too much.
    pub(crate) fn forget(&mut self) -> Vec<TaskId> {
        let mut forgotten = Vec::new();
        while let Some(task) = self.order.pop_front_if(|_| self.looks > 0 || self.bytes > self.bytes_max) {
            self.looks = self.looks.saturating_sub(1);
            if self.bytes > self.bytes_max || !self.is_in_use(task) {
                self.remove(task);
                forgotten.push(task);
            } else {
                self.order.push_back(task);
            }
        }
        forgotten
    }

    fn is_in_use(&self, task: TaskId) -> bool {
        let of = self.of.get(&task.execution());
        of.is_some_and(|of| of.iter().any(|(kept, output)| *kept == task && output.is_shared()))
    }

    fn remove(&mut self, task: TaskId) {
        let Some(of) = self.of.get_mut(&task.execution()) else { return };
        if let Some(place) = of.iter().position(|(kept, _)| *kept == task) {
            self.bytes -= of.swap_remove(place).1.len();
        }
        if of.is_empty() {
            self.of.remove(&task.execution());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(number: u32) -> TaskId {
        format!("exec_0198c6f0a1b27c3d8e4f5a6b7c8d9123.{number}.1").parse().unwrap()
    }

    fn long(letter: &str) -> Json {
        Json::parse(format!("\"{}\"", letter.repeat(LONG_BYTES))).unwrap()
    }

    #[test]
    fn what_is_recorded_is_found_for_as_long_as_somebody_has_it() {
        let mut kept = Kept::new(1 << 20);
        let (execution, output) = (task(0).execution(), long("a"));
        kept.give(task(0), &output);
        assert_eq!(kept.find(execution, &output), None, "it is not recorded");
        assert!(kept.record(task(0)));
        assert!(!kept.record(task(0)), "once is enough");
        assert_eq!(kept.find(execution, &output), Some(task(0)));
        assert_eq!(kept.find(execution, &long("a")), Some(task(0)), "the same text, read from somewhere else");
        assert_eq!(kept.find(execution, &long("b")), None);
        assert_eq!(kept.forget(), [], "somebody has it");
        drop(output);
        kept.give(task(1), &long("c"));
        assert!(kept.record(task(1)));
        assert_eq!(kept.forget(), [task(0), task(1)]);
        assert!(!kept.record(task(2)), "it had none");
        assert_eq!(kept.forget(), []);
        assert_eq!((kept.find(execution, &long("a")), kept.bytes), (None, 0));
    }

    #[test]
    fn the_oldest_are_forgotten_when_there_are_too_many() {
        let mut kept = Kept::new(3 * LONG_BYTES);
        let outputs: Vec<Json> = ["a", "b", "c", "d"].into_iter().map(long).collect();
        for (number, output) in (0..).zip(&outputs) {
            kept.give(task(number), output);
            assert!(kept.record(task(number)));
        }
        assert_eq!(kept.forget(), [task(0), task(1)]);
        let execution = task(0).execution();
        let found: Vec<_> = outputs.iter().map(|output| kept.find(execution, output)).collect();
        assert_eq!(found, [None, None, Some(task(2)), Some(task(3))]);
        assert_eq!(kept.forget(), []);
    }

    #[test]
    fn what_is_given_and_never_recorded_does_not_pile_up() {
        let mut kept = Kept::new(2 * LONG_BYTES + 4);
        for number in 0..10 {
            kept.give(task(number), &long("a"));
            kept.give(task(number), &long("b"));
        }
        let recorded: Vec<u32> = (0..10).filter(|number| kept.record(task(*number))).collect();
        assert_eq!((recorded, kept.given_bytes), (vec![8, 9], 0));
    }

    #[test]
    fn what_is_short_or_aborted_or_longer_than_all_that_is_kept_is_not() {
        let mut kept = Kept::new(LONG_BYTES);
        kept.give(task(0), &Json::null());
        kept.give(task(1), &long("a"));
        assert!(!kept.record(task(0)));
        assert!(!kept.record(task(1)), "its quotation marks make it longer");
        let mut kept = Kept::new(1 << 20);
        kept.give(task(0), &long("a"));
        kept.abort(task(0));
        assert!(!kept.record(task(0)));
    }
}
