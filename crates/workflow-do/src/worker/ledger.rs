//! What a worker holds: the tasks that it has received and whose results no server has recorded, and what each of its connections is
//! yet to hear of. Nothing here waits.
//!
//! A result goes to the engine that gave the task, and to those that were told of it when they were greeted; when the connection that
//! gave it is gone, to all: one of them has taken its execution over, and those that have not pay no attention.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::Notify;
use workflow_core::json::Json;
use workflow_engine::{Abort, AbortReason, ActionError, ActionResult, Signal};
use workflow_server::protocol::{Frame, FromWorker};

/// A connection; later ones have higher numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineNumber(u64);

#[cfg(test)]
impl LineNumber {
    pub fn of(number: u64) -> LineNumber {
        LineNumber(number)
    }
}

#[derive(Debug)]
pub struct Ledger {
    held: BTreeMap<Arc<str>, Held>,
    lines: BTreeMap<LineNumber, Line>,
    /// The last that was greeted.
    newest: LineNumber,
    actions: Vec<String>,
    slots: usize,
    /// What runs and no engine takes into account: its giver is gone, and nobody was told of it.
    strays: usize,
    phase: Phase,
}

/// One connection.
#[derive(Debug, Default)]
struct Line {
    /// The worker has been made welcome.
    is_open: bool,
    /// Outputs that tasks of this connection may refer to.
    kept: BTreeMap<Arc<str>, Json>,
    /// Results that have not been sent on it.
    unsent: VecDeque<Arc<str>>,
    /// Tasks that came over it and run.
    running: usize,
    /// The slots that were offered; none when it has heard of no offer, or of one with other actions.
    offered: Option<usize>,
    /// There may be something to send.
    wake: Arc<Notify>,
}

#[derive(Debug)]
struct Held {
    /// Over which it came last.
    giver: LineNumber,
    /// The newest connection when it first came: later ones were told of it.
    taken: LineNumber,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Running(Abort),
    /// Kept until it is recorded: the connection may break after it was sent.
    Finished(ActionResult),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Working,
    /// Nothing new is taken.
    Draining,
    /// The servers are told so, and the connections end.
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
        let (held, lines) = (BTreeMap::new(), BTreeMap::new());
        Ledger { held, lines, newest: LineNumber(0), actions, slots, strays: 0, phase: Phase::Working }
    }

    /// A new connection, with what its first message names. Everything that is not recorded is sent on it.
    pub fn greet(&mut self) -> (LineNumber, Vec<String>) {
        let number = LineNumber(self.newest.0 + 1);
        self.newest = number;
        let finished = self.held.iter().filter(|(_, held)| matches!(held.stage, Stage::Finished(_)));
        let unsent = finished.map(|(task, _)| task.clone()).collect();
        self.lines.insert(number, Line { unsent, ..Line::default() });
        self.recount();
        (number, self.held.keys().map(|task| task.to_string()).collect())
    }

    /// The worker is welcome: it offers its share here, and less to the others. What wakes it when there is something to send.
    pub fn open(&mut self, number: LineNumber) -> Arc<Notify> {
        let Some(line) = self.lines.get_mut(&number) else { return Arc::default() };
        line.is_open = true;
        let wake = line.wake.clone();
        self.wake_all();
        wake
    }

    /// A connection is gone, and what it was told to keep with it. What it gave the others hear of.
    pub fn lose(&mut self, number: LineNumber) {
        let Some(lost) = self.lines.remove(&number) else { return };
        for (task, held) in self.held.iter().filter(|(_, held)| held.giver == number) {
            if matches!(held.stage, Stage::Finished(_)) {
                // Those that came later have it already.
                self.lines.range_mut(..=held.taken).for_each(|(_, line)| line.unsent.push_back(task.clone()));
            }
        }
        self.recount();
        self.wake_all();
        lost.wake.notify_one();
    }

    pub fn is_lost(&self, number: LineNumber) -> bool {
        !self.lines.contains_key(&number)
    }

    /// Connections on which the worker is welcome.
    pub fn open_lines(&self) -> usize {
        self.lines.values().filter(|line| line.is_open).count()
    }

    pub fn offer(&mut self, actions: Vec<String>) {
        if self.actions != actions {
            self.actions = actions;
            self.lines.values_mut().for_each(|line| line.offered = None);
            self.wake_all();
        }
    }

    /// None when it is held already: a task is run once, however often it comes.
    pub fn take(&mut self, number: LineNumber, task: &Arc<str>) -> Option<Signal> {
        if let Some(held) = self.held.get_mut(task) {
            if held.giver != number {
                let is_told = held.taken < number || !self.lines.contains_key(&held.giver);
                held.giver = number;
                if let (Stage::Finished(_), false, Some(line)) = (&held.stage, is_told, self.lines.get_mut(&number)) {
                    line.unsent.push_back(task.clone());
                    line.wake.notify_one();
                }
                self.recount();
            }
            return None;
        }
        let (abort, signal) = Signal::new();
        self.held.insert(task.clone(), Held { giver: number, taken: self.newest, stage: Stage::Running(abort) });
        if let Some(line) = self.lines.get_mut(&number) {
            line.running += 1;
        }
        Some(signal)
    }

    /// Nothing happens when nobody waits for the result any more.
    pub fn finish(&mut self, task: &Arc<str>, result: ActionResult) {
        let Some(held) = self.held.get_mut(task).filter(|held| matches!(held.stage, Stage::Running(_))) else { return };
        held.stage = Stage::Finished(result);
        let (giver, taken) = (held.giver, held.taken);
        let is_orphan = !self.lines.contains_key(&giver);
        for (number, line) in &mut self.lines {
            if is_orphan || *number == giver || *number > taken {
                line.unsent.push_back(task.clone());
                line.wake.notify_one();
            }
        }
        self.stopped(giver, taken);
    }

    /// Its result is durable, or was dropped for good.
    pub fn record(&mut self, number: LineNumber, task: &str, keep: bool) {
        let Some((task, Held { giver, taken, stage })) = self.held.remove_entry(task) else { return };
        match stage {
            Stage::Running(abort) => {
                abort.abort(AbortReason::Lost);
                self.stopped(giver, taken);
            }
            Stage::Finished(Ok(Some(output))) if keep => {
                if let Some(line) = self.lines.get_mut(&number) {
                    line.kept.insert(task, output);
                }
            }
            Stage::Finished(_) => {}
        }
    }

    /// Its result is not wanted any more; what still runs is told so.
    pub fn abort(&mut self, task: &str, why: AbortReason) {
        if let Some(Held { giver, taken, stage: Stage::Running(abort) }) = self.held.remove(task) {
            abort.abort(why);
            self.stopped(giver, taken);
        }
    }

    /// The output of this task, if it is kept for what comes over this connection.
    pub fn kept(&self, number: LineNumber, task: &str) -> Option<&Json> {
        self.lines.get(&number)?.kept.get(task)
    }

    /// No task of this connection refers to the outputs of these any more.
    pub fn forget(&mut self, number: LineNumber, tasks: &[Cow<'_, str>]) {
        let Some(line) = self.lines.get_mut(&number) else { return };
        for task in tasks {
            line.kept.remove(&**task);
        }
    }

    /// The worker ends.
    pub fn forget_all(&mut self) {
        self.lines.values_mut().for_each(|line| line.kept.clear());
        for held in std::mem::take(&mut self.held).into_values() {
            if let Stage::Running(abort) = held.stage {
                abort.abort(AbortReason::Lost);
            }
        }
        self.recount();
    }

    pub fn held(&self) -> usize {
        self.held.len()
    }

    pub fn drain(&mut self) {
        if self.phase == Phase::Working {
            self.phase = Phase::Draining;
            self.wake_all();
        }
    }

    pub fn leave(&mut self) {
        self.phase = Phase::Leaving;
        self.wake_all();
    }

    pub fn is_draining(&self) -> bool {
        self.phase != Phase::Working
    }

    pub fn is_leaving(&self) -> bool {
        self.phase == Phase::Leaving
    }

    /// As much of what is to be sent on a connection as goes into one frame.
    pub fn outgoing(&mut self, number: LineNumber) -> Option<Outgoing> {
        let slots = if self.is_draining() { 0 } else { self.share(number) };
        let is_leaving = self.is_leaving();
        let line = self.lines.get_mut(&number)?;
        let mut frame = Frame::new();
        if line.offered != Some(slots) {
            line.offered = Some(slots);
            let actions = self.actions.iter().map(|name| Cow::Borrowed(name.as_str())).collect();
            frame.push(&FromWorker::Offer { actions, slots });
        }
        while !frame.is_full() {
            let Some(task) = line.unsent.pop_front() else { break };
            // It may have been aborted meanwhile, or another engine has recorded it.
            if let Some(Held { stage: Stage::Finished(result), .. }) = self.held.get(&task) {
                frame.expect(result.as_ref().map_or(0, |output| output.as_ref().map_or(0, Json::len)));
                frame.push(&message(&task, result));
            }
        }
        let last = is_leaving && line.unsent.is_empty();
        if last {
            frame.push(&FromWorker::Leave);
        }
        if frame.is_empty() { None } else { Some(Outgoing { frame: frame.into_text(), last }) }
    }

    /// The slots of a connection: an equal part, but not those that others are still to give up; one at least.
    fn share(&self, number: LineNumber) -> usize {
        let parts = self.parts();
        let mut over = self.over(&parts);
        // The newest waits for the slots that the others give up.
        for (other, line, part) in parts.into_iter().rev() {
            let cut = over.min(part - line.running.clamp(1, part));
            if other == number {
                return part - cut;
            }
            over -= cut;
        }
        self.slots
    }

    /// What each connection would have if nothing ran.
    fn parts(&self) -> Vec<(LineNumber, &Line, usize)> {
        let open: Vec<_> = self.lines.iter().filter(|(_, line)| line.is_open).collect();
        let count = open.len().max(1);
        let (each, more) = (self.slots / count, self.slots % count);
        let part =
            |(place, (number, line)): (usize, (&LineNumber, _))| (*number, line, (each + usize::from(place < more)).max(1));
        open.into_iter().enumerate().map(part).collect()
    }

    /// Tasks that run beyond what the parts would allow.
    fn over(&self, parts: &[(LineNumber, &Line, usize)]) -> usize {
        self.strays + parts.iter().map(|(_, line, part)| line.running.saturating_sub(*part)).sum::<usize>()
    }

    /// A task has stopped running: when too many did, others have a slot more.
    fn stopped(&mut self, giver: LineNumber, taken: LineNumber) {
        let was_over = self.lines.len() > 1 && self.over(&self.parts()) > 0;
        let had_strays = self.strays > 0;
        let is_stray = self.is_told_to_nobody(taken);
        match self.lines.get_mut(&giver) {
            Some(line) => line.running -= 1,
            None => self.strays -= usize::from(is_stray),
        }
        if was_over || had_strays {
            self.wake_all();
        }
    }

    /// Of one whose giver is gone.
    fn is_told_to_nobody(&self, taken: LineNumber) -> bool {
        self.lines.last_key_value().is_none_or(|(newest, _)| *newest <= taken)
    }

    fn recount(&mut self) {
        self.lines.values_mut().for_each(|line| line.running = 0);
        self.strays = 0;
        for held in self.held.values().filter(|held| matches!(held.stage, Stage::Running(_))) {
            let is_stray = self.lines.last_key_value().is_none_or(|(newest, _)| *newest <= held.taken);
            match self.lines.get_mut(&held.giver) {
                Some(line) => line.running += 1,
                None => self.strays += usize::from(is_stray),
            }
        }
    }

    fn wake_all(&self) {
        self.lines.values().for_each(|line| line.wake.notify_one());
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

    /// A connection on which the worker is welcome, and what it named there.
    fn greeted(ledger: &mut Ledger) -> (LineNumber, Vec<String>) {
        let (line, holding) = ledger.greet();
        ledger.open(line);
        (line, holding)
    }

    fn working(actions: &[&str], slots: usize) -> (Ledger, LineNumber) {
        let mut ledger = Ledger::new(actions.iter().map(ToString::to_string).collect(), slots);
        let (line, _) = greeted(&mut ledger);
        (ledger, line)
    }

    fn sent(ledger: &mut Ledger, line: LineNumber) -> String {
        ledger.outgoing(line).map(|outgoing| outgoing.frame).unwrap_or_default()
    }

    #[test]
    fn a_result_is_kept_and_sent_again_until_it_is_recorded() {
        let mut ledger = Ledger::new(vec!["a".to_owned()], 2);
        let (line, holding) = greeted(&mut ledger);
        assert_eq!(holding, Vec::<String>::new());
        assert_eq!(sent(&mut ledger, line), r#"[{"type":"offer","actions":["a"],"slots":2}]"#);
        assert_eq!(ledger.outgoing(line), None);

        assert!(ledger.take(line, &id("t1")).is_some());
        assert!(ledger.take(line, &id("t1")).is_none());
        ledger.finish(&id("t1"), Ok(None));
        assert_eq!(sent(&mut ledger, line), r#"[{"type":"completed","task":"t1"}]"#);
        assert_eq!(ledger.outgoing(line), None);

        // Another connection.
        ledger.lose(line);
        let (line, holding) = greeted(&mut ledger);
        assert_eq!(holding, ["t1"]);
        assert_eq!(sent(&mut ledger, line), r#"[{"type":"offer","actions":["a"],"slots":2},{"type":"completed","task":"t1"}]"#);
        ledger.record(line, "t1", false);
        assert_eq!(ledger.greet().1, Vec::<String>::new());
        ledger.finish(&id("t1"), Ok(None));
        assert_eq!((ledger.held(), ledger.outgoing(line)), (0, None));
    }

    #[test]
    fn an_output_is_kept_when_the_server_says_so_until_it_says_so_or_is_lost() {
        let (mut ledger, line) = working(&[], 3);
        let output = Json::parse("[1]").unwrap();
        for (task, result) in [("a", Some(output.clone())), ("b", Some(output.clone())), ("c", None)] {
            let _ = ledger.take(line, &id(task));
            ledger.finish(&id(task), Ok(result));
        }
        assert_eq!(ledger.kept(line, "a"), None);
        ledger.record(line, "a", true);
        ledger.record(line, "b", false);
        ledger.record(line, "c", true);
        ledger.record(line, "unknown", true);
        assert_eq!((ledger.kept(line, "a"), ledger.kept(line, "b"), ledger.kept(line, "c")), (Some(&output), None, None));
        assert_eq!(ledger.held(), 0);
        ledger.forget(line, &["a".into(), "unknown".into()]);
        assert_eq!(ledger.kept(line, "a"), None);

        let _ = ledger.take(line, &id("d"));
        ledger.finish(&id("d"), Ok(Some(output.clone())));
        ledger.record(line, "d", true);
        assert_eq!(ledger.kept(line, "d"), Some(&output));
        ledger.lose(line);
        let (line, _) = greeted(&mut ledger);
        assert_eq!(ledger.kept(line, "d"), None);
    }

    #[test]
    fn what_is_aborted_is_told_so_and_its_result_is_not_sent() {
        let (mut ledger, line) = working(&[], 1);
        let _ = ledger.outgoing(line);
        let signal = ledger.take(line, &id("t1")).unwrap();
        ledger.abort("t1", AbortReason::Timeout);
        assert_eq!(signal.reason(), Some(AbortReason::Timeout));
        ledger.finish(&id("t1"), Ok(None));
        assert_eq!(ledger.outgoing(line), None);

        let _ = ledger.take(line, &id("t2"));
        ledger.finish(&id("t2"), Ok(None));
        ledger.abort("t2", AbortReason::Lost);
        assert_eq!(ledger.outgoing(line), None);
    }

    #[test]
    fn an_offer_is_made_when_it_has_changed_and_none_before_the_end() {
        let (mut ledger, line) = working(&["a"], 1);
        let _ = ledger.outgoing(line);
        ledger.offer(vec!["a".to_owned()]);
        assert_eq!(ledger.outgoing(line), None);
        ledger.offer(vec!["b".to_owned()]);
        assert_eq!(sent(&mut ledger, line), r#"[{"type":"offer","actions":["b"],"slots":1}]"#);
        ledger.drain();
        assert_eq!(sent(&mut ledger, line), r#"[{"type":"offer","actions":["b"],"slots":0}]"#);
        ledger.leave();
        assert_eq!(ledger.outgoing(line), Some(Outgoing { frame: r#"[{"type":"leave"}]"#.to_owned(), last: true }));
    }

    fn slots(ledger: &mut Ledger, line: LineNumber) -> Option<usize> {
        let frame = ledger.outgoing(line)?.frame;
        match FromWorker::read(&frame).unwrap().first() {
            Some(FromWorker::Offer { slots, .. }) => Some(*slots),
            _ => None,
        }
    }

    #[test]
    fn slots_are_divided_among_connections_and_none_is_offered_twice() {
        let (mut ledger, a) = working(&[], 8);
        assert_eq!(slots(&mut ledger, a), Some(8));
        let tasks: Vec<_> = (0..6).map(|number| id(&format!("t{number}"))).collect();
        for task in &tasks {
            let _ = ledger.take(a, task);
        }
        let (b, _) = greeted(&mut ledger);
        assert_eq!((slots(&mut ledger, a), slots(&mut ledger, b)), (Some(4), Some(2)), "two of its slots are still in use");
        ledger.finish(&tasks[0], Ok(None));
        assert_eq!((slots(&mut ledger, a), slots(&mut ledger, b)), (None, Some(3)));
        ledger.abort("t1", AbortReason::Cancelled);
        assert_eq!((slots(&mut ledger, a), slots(&mut ledger, b)), (None, Some(4)));
        ledger.finish(&tasks[2], Ok(None));
        assert_eq!((slots(&mut ledger, a), slots(&mut ledger, b)), (None, None));

        // It is gone with four that run. Of one the other was not told: it is nobody's, and has its slot all the same.
        let _ = ledger.take(a, &id("t6"));
        ledger.lose(a);
        assert_eq!(slots(&mut ledger, b), Some(7));
        ledger.finish(&id("t6"), Ok(None));
        assert_eq!(slots(&mut ledger, b), Some(8));
        let (c, holding) = greeted(&mut ledger);
        assert_eq!(holding, ["t0", "t2", "t3", "t4", "t5", "t6"]);
        assert_eq!((slots(&mut ledger, b), slots(&mut ledger, c)), (Some(4), Some(4)));
    }

    #[test]
    fn each_connection_has_a_slot_however_few_there_are() {
        let (mut ledger, a) = working(&[], 2);
        let (b, _) = greeted(&mut ledger);
        let (c, _) = greeted(&mut ledger);
        assert_eq!([a, b, c].map(|line| slots(&mut ledger, line)), [Some(1); 3]);
        ledger.lose(b);
        ledger.lose(c);
        assert_eq!(slots(&mut ledger, a), Some(2));
    }

    #[test]
    fn a_result_goes_to_its_giver_to_those_who_were_told_of_it_and_to_all_when_that_is_gone() {
        let (mut ledger, a) = working(&[], 8);
        let (b, _) = greeted(&mut ledger);
        for task in ["t1", "t2", "t3"] {
            let _ = ledger.take(a, &id(task));
        }
        let [_, _] = [a, b].map(|line| sent(&mut ledger, line));
        ledger.finish(&id("t1"), Ok(None));
        let first = r#"[{"type":"completed","task":"t1"}]"#;
        assert_eq!([a, b].map(|line| sent(&mut ledger, line)), [first, ""]);

        let (c, holding) = greeted(&mut ledger);
        assert_eq!(holding, ["t1", "t2", "t3"]);
        let [_, _, rest] = [a, b, c].map(|line| sent(&mut ledger, line));
        assert!(rest.ends_with(r#",{"type":"completed","task":"t1"}]"#), "{rest}");
        ledger.finish(&id("t2"), Ok(None));
        let second = r#"[{"type":"completed","task":"t2"}]"#;
        assert_eq!([a, b, c].map(|line| sent(&mut ledger, line)), [second, "", second]);

        ledger.lose(a);
        let rest = sent(&mut ledger, b);
        assert!(rest.ends_with(r#"{"type":"completed","task":"t1"},{"type":"completed","task":"t2"}]"#), "{rest}");
        let _ = sent(&mut ledger, c);
        ledger.finish(&id("t3"), Ok(None));
        ledger.record(c, "t1", false);
        let third = r#"[{"type":"completed","task":"t3"}]"#;
        assert_eq!([b, c].map(|line| sent(&mut ledger, line)), [third, third]);
        ledger.record(b, "t3", false);
        ledger.record(b, "t2", false);
        assert_eq!(ledger.held(), 0);
    }

    #[test]
    fn a_task_that_another_engine_gives_again_is_its_from_then_on() {
        let (mut ledger, a) = working(&[], 8);
        let (b, _) = greeted(&mut ledger);
        let _ = ledger.take(a, &id("t1"));
        let _ = ledger.take(a, &id("t2"));
        ledger.finish(&id("t1"), Ok(None));
        let [_, _] = [a, b].map(|line| sent(&mut ledger, line));
        assert!(ledger.take(b, &id("t1")).is_none() && ledger.take(b, &id("t2")).is_none());
        assert_eq!([a, b].map(|line| sent(&mut ledger, line)), ["", r#"[{"type":"completed","task":"t1"}]"#]);
        ledger.finish(&id("t2"), Ok(None));
        assert_eq!([a, b].map(|line| sent(&mut ledger, line)), ["", r#"[{"type":"completed","task":"t2"}]"#]);
    }

    #[test]
    fn many_results_go_in_several_frames() {
        let (mut ledger, line) = working(&[], 1_000);
        let _ = ledger.outgoing(line);
        for number in 0..100 {
            let task = id(&number.to_string());
            let _ = ledger.take(line, &task);
            ledger.finish(&task, Ok(None));
        }
        let mut counts = Vec::new();
        while let Some(outgoing) = ledger.outgoing(line) {
            counts.push(FromWorker::read(&outgoing.frame).unwrap().len());
        }
        assert_eq!(counts, [64, 36]);
    }
}
