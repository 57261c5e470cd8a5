//! What a worker holds: the tasks that it has received and whose results the server has not recorded. Nothing here waits.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use workflow_core::json::Json;
use workflow_engine::{Abort, AbortReason, ActionError, ActionResult, Signal};
use workflow_server::protocol::{Frame, FromWorker};

#[derive(Debug)]
pub struct Ledger {
    held: BTreeMap<Arc<str>, Held>,
    /// Outputs that tasks of this connection may refer to.
    kept: BTreeMap<Arc<str>, Json>,
    /// Results that have not been sent on the connection of now.
    unsent: VecDeque<Arc<str>>,
    actions: Vec<String>,
    slots: usize,
    offered: bool,
    phase: Phase,
}

#[derive(Debug)]
enum Held {
    Running(Abort),
    /// Kept until it is recorded: the connection may break after it was sent.
    Finished(ActionResult),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Working,
    /// Nothing new is taken.
    Draining,
    /// The server is told so, and the connection ends.
    Leaving,
}

/// What is to be sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub frame: String,
    /// Nothing comes after it.
    pub last: bool,
}

impl Ledger {
    pub fn new(actions: Vec<String>, slots: usize) -> Ledger {
        let (held, kept, unsent) = (BTreeMap::new(), BTreeMap::new(), VecDeque::new());
        Ledger { held, kept, unsent, actions, slots, offered: false, phase: Phase::Working }
    }

    /// For the first message on a new connection. Everything that is not recorded is sent again.
    pub fn greet(&mut self) -> Vec<String> {
        self.offered = false;
        // What another connection was told to keep the server does not know any more.
        self.kept.clear();
        let finished = self.held.iter().filter(|(_, held)| matches!(held, Held::Finished(_)));
        self.unsent = finished.map(|(task, _)| task.clone()).collect();
        self.held.keys().map(|task| task.to_string()).collect()
    }

    pub fn offer(&mut self, actions: Vec<String>) {
        if self.actions != actions {
            self.actions = actions;
            self.offered = false;
        }
    }

    /// None when it is held already: a task is run once, however often it comes.
    pub fn take(&mut self, task: &Arc<str>) -> Option<Signal> {
        if self.held.contains_key(task) {
            return None;
        }
        let (abort, signal) = Signal::new();
        self.held.insert(task.clone(), Held::Running(abort));
        Some(signal)
    }

    /// False when nobody waits for the result any more.
    pub fn finish(&mut self, task: &Arc<str>, result: ActionResult) -> bool {
        match self.held.get_mut(task) {
            Some(held @ Held::Running(_)) => {
                *held = Held::Finished(result);
                self.unsent.push_back(task.clone());
                true
            }
            Some(Held::Finished(_)) | None => false,
        }
    }

    /// Its result is durable, or was dropped for good.
    pub fn record(&mut self, task: &str, keep: bool) {
        match self.held.remove_entry(task) {
            Some((_, Held::Running(abort))) => abort.abort(AbortReason::Lost),
            Some((task, Held::Finished(Ok(Some(output))))) if keep => drop(self.kept.insert(task, output)),
            Some((_, Held::Finished(_))) | None => {}
        }
    }

    /// Its result is not wanted any more; what still runs is told so.
    pub fn abort(&mut self, task: &str, why: AbortReason) {
        if let Some(Held::Running(abort)) = self.held.remove(task) {
            abort.abort(why);
        }
    }

    /// The output of this task, if it is kept.
    pub fn kept(&self, task: &str) -> Option<&Json> {
        self.kept.get(task)
    }

    /// No task refers to the outputs of these any more.
    pub fn forget(&mut self, tasks: &[Cow<'_, str>]) {
        for task in tasks {
            self.kept.remove(&**task);
        }
    }

    /// The worker ends.
    pub fn forget_all(&mut self) {
        self.kept.clear();
        for held in std::mem::take(&mut self.held).into_values() {
            if let Held::Running(abort) = held {
                abort.abort(AbortReason::Lost);
            }
        }
    }

    pub fn held(&self) -> usize {
        self.held.len()
    }

    pub fn drain(&mut self) {
        if self.phase == Phase::Working {
            self.phase = Phase::Draining;
            self.offered = false;
        }
    }

    pub fn leave(&mut self) {
        self.phase = Phase::Leaving;
    }

    pub fn is_draining(&self) -> bool {
        self.phase != Phase::Working
    }

    pub fn is_leaving(&self) -> bool {
        self.phase == Phase::Leaving
    }

    /// As much of what is to be sent as goes into one frame.
    pub fn outgoing(&mut self) -> Option<Outgoing> {
        let mut frame = Frame::new();
        if !self.offered {
            self.offered = true;
            let slots = if self.is_draining() { 0 } else { self.slots };
            frame.push(&FromWorker::Offer {
                actions: self.actions.iter().map(|name| Cow::Borrowed(name.as_str())).collect(),
                slots,
            });
        }
        while !frame.is_full() {
            let Some(task) = self.unsent.pop_front() else { break };
            // It may have been aborted meanwhile.
            if let Some(Held::Finished(result)) = self.held.get(&task) {
                frame.expect(result.as_ref().map_or(0, |output| output.as_ref().map_or(0, Json::len)));
                frame.push(&message(&task, result));
            }
        }
        let last = self.is_leaving() && self.unsent.is_empty();
        if last {
            frame.push(&FromWorker::Leave);
        }
        if frame.is_empty() { None } else { Some(Outgoing { frame: frame.into_text(), last }) }
    }
}

fn message<'a>(task: &'a str, result: &ActionResult) -> FromWorker<'a> {
    let task = Cow::Borrowed(task);
    match result {
        Ok(output) => FromWorker::Completed { task, output: output.clone() },
        Err(ActionError { failure, retry_after }) => {
            let retry_after_ms = retry_after.map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
            FromWorker::Failed { task, error: failure.clone(), retry_after_ms }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Arc<str> {
        text.into()
    }

    fn sent(ledger: &mut Ledger) -> String {
        ledger.outgoing().map(|outgoing| outgoing.frame).unwrap_or_default()
    }

    #[test]
    fn a_result_is_kept_and_sent_again_until_it_is_recorded() {
        let mut ledger = Ledger::new(vec!["a".to_owned()], 2);
        assert_eq!(ledger.greet(), Vec::<String>::new());
        assert_eq!(sent(&mut ledger), r#"[{"type":"offer","actions":["a"],"slots":2}]"#);
        assert_eq!(ledger.outgoing(), None);

        assert!(ledger.take(&id("t1")).is_some());
        assert!(ledger.take(&id("t1")).is_none());
        assert!(ledger.finish(&id("t1"), Ok(None)));
        assert_eq!(sent(&mut ledger), r#"[{"type":"completed","task":"t1"}]"#);
        assert_eq!(ledger.outgoing(), None);

        // Another connection.
        assert_eq!(ledger.greet(), ["t1"]);
        assert!(sent(&mut ledger).ends_with(r#",{"type":"completed","task":"t1"}]"#));
        ledger.record("t1", false);
        assert_eq!(ledger.greet(), Vec::<String>::new());
        assert!(!ledger.finish(&id("t1"), Ok(None)));
    }

    #[test]
    fn an_output_is_kept_when_the_server_says_so_until_it_says_so_or_is_lost() {
        let mut ledger = Ledger::new(Vec::new(), 3);
        let output = Json::parse("[1]").unwrap();
        for (task, result) in [("a", Some(output.clone())), ("b", Some(output.clone())), ("c", None)] {
            let _ = ledger.take(&id(task));
            ledger.finish(&id(task), Ok(result));
        }
        assert_eq!(ledger.kept("a"), None);
        ledger.record("a", true);
        ledger.record("b", false);
        ledger.record("c", true);
        ledger.record("unknown", true);
        assert_eq!((ledger.kept("a"), ledger.kept("b"), ledger.kept("c")), (Some(&output), None, None));
        assert_eq!(ledger.held(), 0);
        ledger.forget(&["a".into(), "unknown".into()]);
        assert_eq!(ledger.kept("a"), None);

        let _ = ledger.take(&id("d"));
        ledger.finish(&id("d"), Ok(Some(output.clone())));
        ledger.record("d", true);
        assert_eq!(ledger.kept("d"), Some(&output));
        // Another connection.
        ledger.greet();
        assert_eq!(ledger.kept("d"), None);
    }

    #[test]
    fn what_is_aborted_is_told_so_and_its_result_is_not_sent() {
        let mut ledger = Ledger::new(Vec::new(), 1);
        let _ = ledger.outgoing();
        let signal = ledger.take(&id("t1")).unwrap();
        ledger.abort("t1", AbortReason::Timeout);
        assert_eq!(signal.reason(), Some(AbortReason::Timeout));
        assert!(!ledger.finish(&id("t1"), Ok(None)));

        let _ = ledger.take(&id("t2"));
        ledger.finish(&id("t2"), Ok(None));
        ledger.abort("t2", AbortReason::Lost);
        assert_eq!(ledger.outgoing(), None);
    }

    #[test]
    fn an_offer_is_made_when_it_has_changed_and_none_before_the_end() {
        let mut ledger = Ledger::new(vec!["a".to_owned()], 1);
        let _ = ledger.outgoing();
        ledger.offer(vec!["a".to_owned()]);
        assert_eq!(ledger.outgoing(), None);
        ledger.offer(vec!["b".to_owned()]);
        assert_eq!(sent(&mut ledger), r#"[{"type":"offer","actions":["b"],"slots":1}]"#);
        ledger.drain();
        assert_eq!(sent(&mut ledger), r#"[{"type":"offer","actions":["b"],"slots":0}]"#);
        ledger.leave();
        assert_eq!(ledger.outgoing(), Some(Outgoing { frame: r#"[{"type":"leave"}]"#.to_owned(), last: true }));
    }

    #[test]
    fn many_results_go_in_several_frames() {
        let mut ledger = Ledger::new(Vec::new(), 1_000);
        let _ = ledger.outgoing();
        for number in 0..100 {
            let task = id(&number.to_string());
            let _ = ledger.take(&task);
            ledger.finish(&task, Ok(None));
        }
        let mut counts = Vec::new();
        while let Some(outgoing) = ledger.outgoing() {
            counts.push(FromWorker::read(&outgoing.frame).unwrap().len());
        }
        assert_eq!(counts, [64, 36]);
    }
}
