//! The end of a simulation: nothing fails any more, everybody works, and everything comes to its end.

use workflow_core::command::Outcome;
use workflow_core::id::{ActionName, ExecutionId, IdempotencyKey};
use workflow_core::outstanding::outstanding;
use workflow_core::refusal::Control;
use workflow_core::status::Status;
use workflow_engine::ring::message::Input;
use workflow_store::{Filter, Store, Texts};

use crate::broken;
use crate::moves::parse;
use crate::random::Random;
use crate::workflows::{EITHER, HERE, THERE, probe};
use crate::world::World;

impl World<'_> {
    pub fn come_to_rest(&mut self) {
        let random = &mut Random::new(self.plan.seed ^ 0xe4d);
        self.trace.say(|| "faults stop".to_owned());
        self.disk.fates.clear();
        (self.disk.reopen_fails, self.disk.reads_fail) = (0, 0);
        if self.seats.is_closing() {
            self.reopen();
        }
        for round in 0.. {
            if round == 3_000 {
                broken("everything comes to its end", self.what_is_open());
            }
            self.settle();
            if self.closed {
                self.reopen();
                continue;
            }
            self.everybody_is_there(random);
            self.settle();
            if self.closed {
                continue;
            }
            if self.everybody_works() {
                continue;
            }
            if !self.ring.is_ready() {
                self.next_thing();
                continue;
            }
            let active: Vec<(ExecutionId, bool)> =
                self.model.active().map(|(id, history)| (id, history.execution.is_paused())).collect();
            if active.is_empty() && self.asks.waiting() == 0 && self.workers.iter().all(|worker| worker.holding.is_empty()) {
                break;
            }
            let asked = self.asks.waiting() > 0;
            let paused: Vec<ExecutionId> = active.iter().filter(|(_, paused)| *paused && !asked).map(|(id, _)| *id).collect();
            for &id in &paused {
                let key = IdempotencyKey::new(&format!("rest-{round}")).expect("it is short");
                self.control_with(id, Control::Resume, key, false, random);
            }
            if paused.is_empty() && !self.next_thing() {
                broken("nothing is stuck", self.what_is_open());
            }
        }
        self.must_be_at_rest();
        self.all_slots_are_free();
    }

    fn everybody_is_there(&mut self, random: &mut Random) {
        for connection in std::mem::take(&mut self.broken_links) {
            self.input(Input::Lost(connection));
        }
        for action in [HERE, EITHER] {
            if !self.here.values().any(|(of, limit)| *of == action && *limit > 0) {
                self.provide(action, 1);
            }
        }
        if self.workers.is_empty() {
            self.hire(random);
        }
        for worker in 0..self.workers.len() {
            if self.workers[worker].slots == 0 {
                self.workers[worker].offer(1);
            }
            if self.workers[worker].link.is_none() {
                self.connect_worker(worker);
            }
        }
    }

    /// Whether anything was done.
    fn everybody_works(&mut self) -> bool {
        let mut worked = false;
        for worker in 0..self.workers.len() {
            worked |= self.hear_worker(worker, usize::MAX);
            let holding: Vec<_> = self.workers[worker].holding.iter().filter(|(_, result)| result.is_none()).collect();
            let unfinished: Vec<_> = holding.into_iter().map(|(attempt, _)| *attempt).collect();
            for attempt in unfinished {
                self.workers[worker].finish(attempt, done());
            }
            worked |= self.say_worker(worker, usize::MAX);
        }
        let running: Vec<_> = self.running.keys().copied().collect();
        for attempt in running {
            worked = true;
            self.finish_attempt(attempt, done());
        }
        worked
    }

    fn what_is_open(&self) -> String {
        let open = self.model.active().map(|(_, history)| {
            let work = outstanding(history.definition, &history.execution);
            format!("#{} {:?} head {:?} {work:?}", history.name, history.execution.phase, history.head.wake_at)
        });
        format!("{} calls wait, {:?}, {}", self.asks.waiting(), self.ring.gauges(), open.collect::<Vec<_>>().join("; "))
    }

    /// Nothing is held that nobody will ever give back, and the store says what the histories say.
    fn must_be_at_rest(&self) {
        let gauges = self.ring.gauges();
        let held = (gauges.attempts_in_flight, gauges.queued_commands, gauges.queued_bytes);
        if held != (0, 0, 0) || gauges.resident_executions != 0 || gauges.resident_bytes != 0 {
            broken("nothing stays in memory that has nothing to do", format!("{gauges:?}"));
        }
        let memory = &self.disk.memory;
        for action in [HERE, THERE, EITHER] {
            let action = ActionName::new(action).expect("the plan names actions");
            let parked = memory.parked(&action, None, 10).expect("this store can always be read");
            if !parked.is_empty() {
                broken("parked rows say what an execution wants", format!("{action}: {parked:?}"));
            }
        }
        let all = Filter { limit: 10_000, ..Filter::default() };
        let heads = memory.executions(&all).expect("this store can always be read").heads;
        if heads.len() != self.model.histories.len() {
            broken("nothing that is durable is lost", format!("{} of {}", heads.len(), self.model.histories.len()));
        }
        for head in &heads {
            let history = self.model.history(head.id);
            let stored = memory.history(head.id, 0, 100_000, Texts::Read).expect("this store can always be read");
            if !stored.is_some_and(|stored| stored.events == history.events) || *head != history.head {
                broken("nothing that is durable is lost", format!("#{}", history.name));
            }
        }
        let counted: u64 = memory.counts().expect("this store can always be read").iter().map(|(.., count)| count).sum();
        let ended = heads.iter().filter(|head| matches!(head.status, Status::Completed | Status::Failed | Status::Cancelled));
        if counted != heads.len() as u64 || ended.count() != heads.len() {
            broken("everything comes to its end", self.what_is_open());
        }
    }

    /// Whoever runs actions gets as much as it offers, and no more.
    fn all_slots_are_free(&mut self) {
        self.register(&probe());
        self.settle();
        let here: usize = self.here.values().filter(|(action, _)| *action == HERE).map(|(_, limit)| limit).sum();
        let here = here.min(self.plan.setting.in_process_max);
        let there: usize = self.workers.iter().map(|worker| worker.slots).sum();
        for _ in 0..here.max(there) + 2 {
            self.start_one("probe", parse("{}"));
        }
        self.settle();
        for worker in 0..self.workers.len() {
            self.hear_worker(worker, usize::MAX);
        }
        let running_there: usize = self.workers.iter().map(|worker| worker.holding.len()).sum();
        if (self.running.len(), running_there) != (here, there) {
            let found = format!("{} here and {running_there} there, {here} and {there} are offered", self.running.len());
            broken("every slot comes back", found);
        }
    }
}

fn done() -> Outcome {
    Outcome::Completed(Some(parse(r#"{"n":60}"#)))
}
