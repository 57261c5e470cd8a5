//! A command meets its execution: now, or when it has been loaded, or when what it reads has been fetched.

use workflow_core::command::Command;
use workflow_core::decide::{Surroundings, advance};
use workflow_core::event::Recorded;
use workflow_core::id::{ExecutionId, SessionId, WorkflowId};
use workflow_core::refusal::{Control, Refusal};

use super::Ring;
use super::attempts::note_late;
use super::batch::Effects;
use super::message::{AttemptKey, ControlAsk, Read, ReplyTo};
use super::resident::{Origin, Queued, Work};
use crate::Error;
use crate::clock::Now;

impl Ring {
    pub(super) fn command(&mut self, id: ExecutionId, queued: Queued, now: Now) {
        if !self.owns(id) {
            return self.answer_elsewhere(id, queued);
        }
        if self.corrupt.contains(&id) {
            return self.answer_queued(
                id,
                queued,
                Err(Error::Corrupt(format!("what is stored of execution {id} makes no sense"))),
            );
        }
        if let Some(batch) = self.deleting.get(&id).copied() {
            return self.answer_deleted(id, batch, queued);
        }
        match self.residents.get_mut(id) {
            Some(resident) if resident.is_blocked() => resident.queue.push_back(queued),
            Some(_) => {
                self.decide(id, queued, now);
                self.leave_if_at_rest(id, now);
            }
            None => {
                self.want_loaded(id);
                self.loading.entry(id).or_default().push(queued);
            }
        }
    }

    pub(super) fn decide(&mut self, id: ExecutionId, queued: Queued, now: Now) {
        let (command, reply) = match queued.work {
            Work::Command(command) => (command, None),
            Work::Hold(attempt) => {
                if let Origin::Session(session) = &queued.origin {
                    self.hold(attempt, session, now);
                }
                return;
            }
            Work::Delete(reply) => return self.delete_resident(id, reply, now),
            Work::Control(ask) => match self.control_command(&ask) {
                Ok(command) => {
                    if self.must_fetch(id, &command) {
                        return self.put_back(id, Queued::control(ask));
                    }
                    (command, Some(ask.reply))
                }
                Err(refusal) => return self.answer_control(id, ask.reply, Err(refusal.into())),
            },
        };
        if reply.is_none() && self.must_fetch(id, &command) {
            return self.put_back(id, Queued { work: Work::Command(command), origin: queued.origin });
        }
        if let Origin::Session(session) = queued.origin {
            return self.decide_delivered(id, command, session, now);
        }
        let again = matches!(queued.origin, Origin::Attempt).then(|| command.clone());
        match self.advance(id, command, now) {
            Ok(events) => {
                // Also one that gave nothing, if what it came too late for may be taken back.
                let effects = if events.is_empty() { self.rests_on(id) } else { Some(&mut self.open.effects) };
                if let (Some(command), Some(effects)) = (again, effects) {
                    effects.again.push((id, Queued::attempt(command)));
                }
                let changes = self.carry(id, events, now);
                for change in changes {
                    self.open.push(change);
                }
                if let Some(reply) = reply {
                    self.answer_control(id, reply, Ok(()));
                }
            }
            Err(refusal) => {
                if let Some(reply) = reply {
                    self.answer_control(id, reply, Err(refusal.into()));
                }
            }
        }
    }

    /// A result from a worker: the core decides about it if it is of the session in which the attempt runs.
    fn decide_delivered(&mut self, id: ExecutionId, command: Command, session: SessionId, now: Now) {
        let Command::Finish { step, attempt, outcome } = &command else { return };
        let key = AttemptKey { id, step: *step, attempt: *attempt };
        if self.runs_in(&key, &session) {
            self.stopped(&key, outcome, now);
            let events = self.advance(id, command.clone(), now).unwrap_or_default();
            for change in self.carry(id, events, now) {
                self.open.push(change);
            }
        } else {
            note_late(&key);
        }
        self.report(session, key, command);
    }

    /// The batch that an execution rests on as it is in memory; none when that is durable.
    pub(super) fn rests_on(&mut self, id: ExecutionId) -> Option<&mut Effects> {
        let batch = self.residents.get(id)?.batch;
        match &mut self.in_store {
            _ if batch <= self.durable => None,
            Some(sealed) if sealed.batch.number == batch => Some(&mut sealed.effects),
            _ => Some(&mut self.open.effects),
        }
    }

    /// Asks the core, and applies what it decides.
    pub(super) fn advance(&mut self, id: ExecutionId, command: Command, now: Now) -> Result<Vec<Recorded>, Refusal> {
        let catalog = &self.catalog;
        let workflow_exists = |workflow: &WorkflowId| catalog.newest(workflow.as_str()).is_some();
        let surroundings = Surroundings { limits: &self.options.limits, workflow_exists: &workflow_exists };
        let resident = self.residents.get_mut(id).expect("commands are decided on executions in memory");
        let registration = resident.registration.clone();
        advance(&registration.definition, &mut resident.execution, command, now.wall, &surroundings)
    }

    /// Whether texts of payloads have to be fetched before a command can be decided; they are on their way then.
    pub(super) fn must_fetch(&mut self, id: ExecutionId, command: &Command) -> bool {
        let Some(resident) = self.residents.get_mut(id).filter(|resident| resident.absent) else { return false };
        let (definition, execution) = (&resident.registration.definition, &resident.execution);
        let mut seqs = workflow_core::outstanding::needs(definition, execution, command);
        if matches!(command, Command::Begin { .. }) {
            // Params that cannot be resolved fail the step, and then others are considered.
            seqs.extend(workflow_core::outstanding::needs(definition, execution, &Command::Wake));
            seqs.sort_unstable();
            seqs.dedup();
        }
        if seqs.is_empty() {
            return false;
        }
        resident.fetching = true;
        self.read(Read::Payloads { id, seqs });
        true
    }

    fn put_back(&mut self, id: ExecutionId, queued: Queued) {
        if let Some(resident) = self.residents.get_mut(id) {
            resident.queue.push_front(queued);
        }
    }

    fn control_command(&self, ask: &ControlAsk) -> Result<Command, Refusal> {
        let (key, by) = (ask.key.clone(), ask.by.clone());
        Ok(match ask.control {
            Control::Pause => Command::Pause { key, by },
            Control::Resume => Command::Resume { key, by },
            Control::Cancel => Command::Cancel { key, by },
            Control::Retry => {
                let resident = self.residents.get(ask.id).expect("commands are decided on executions in memory");
                self.require_actions(&resident.registration)?;
                Command::Retry { key, by }
            }
            Control::RunNow => {
                let resident = self.residents.get(ask.id).expect("commands are decided on executions in memory");
                let definition = &resident.registration.definition;
                let name = ask.step.as_deref().unwrap_or_default();
                let not_found = || Refusal::StepNotFound { workflow: definition.id.clone(), step: name.to_owned() };
                Command::RunNow { step: definition.index_of(name).ok_or_else(not_found)?, key, by }
            }
        })
    }

    /// Answers a control call once everything that it may have seen is durable.
    pub(super) fn answer_control(&mut self, id: ExecutionId, reply: ReplyTo, result: Result<(), Error>) {
        let batch = self.residents.get(id).map_or(0, |resident| resident.batch);
        self.reply(batch, reply, result);
    }

    /// Answers the caller of a command that was not decided, if it has one.
    pub(super) fn answer_queued(&mut self, id: ExecutionId, queued: Queued, result: Result<(), Error>) {
        match queued {
            // There is nothing to record it in: nobody needs it any more.
            Queued { work: Work::Command(Command::Finish { step, attempt, .. }), origin: Origin::Session(session) } => {
                self.recorded(&session, AttemptKey { id, step, attempt });
            }
            Queued { work: Work::Hold(attempt), origin: Origin::Session(session) } => self.abort_held(attempt, &session),
            queued => {
                if let Some(reply) = queued.into_reply() {
                    self.reply_now(reply, result);
                }
            }
        }
    }

    /// Goes on with the commands that had to wait for an execution, and with its ready steps.
    pub(super) fn unblock(&mut self, id: ExecutionId, now: Now) {
        while let Some(resident) = self.residents.get_mut(id) {
            if resident.is_blocked() {
                return;
            }
            match resident.queue.pop_front() {
                Some(queued) => self.decide(id, queued, now),
                None => break,
            }
        }
        self.go_on(id, now);
    }

    /// Does what an execution needs without a command: its ready steps begin, its head row says when it must be here.
    pub(super) fn go_on(&mut self, id: ExecutionId, now: Now) {
        if !self.residents.contains(id) {
            return;
        }
        for change in self.carry(id, Vec::new(), now) {
            self.open.push(change);
        }
        self.leave_if_at_rest(id, now);
    }
}
