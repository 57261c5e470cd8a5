//! The course of an execution: what its history says of each step, attempt by attempt, folded from entries as they come.
//!
//! It is for showing only. Statuses are the server's; here is when what ran, how often it was tried and what it waited for.
//! Entries of a newer server that are not known are passed over.

use std::collections::HashMap;

use crate::client::model::Entry;

#[derive(Debug, Clone, Default)]
pub struct Course {
    /// In the order in which they first did something.
    pub steps: Vec<StepCourse>,
    by_id: HashMap<String, usize>,
    pub started: Option<i64>,
    pub ended: Option<End>,
    /// The last of them may go on.
    pub pauses: Vec<Pause>,
    /// When it was retried by hand.
    pub retries: Vec<i64>,
    pub last_seq: u64,
    /// When the newest entry was made.
    pub last_at: i64,
}

#[derive(Debug, Clone)]
pub struct End {
    pub at: i64,
    /// `complete`, `fail`, `cancel`.
    pub kind: String,
    pub by: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Pause {
    pub from: i64,
    pub to: Option<i64>,
}

#[derive(Debug, Clone, Default)]
pub struct StepCourse {
    pub id: String,
    pub attempts: Vec<Attempt>,
    pub waits: Vec<Wait>,
    pub skipped: Option<Skip>,
    /// What became of its failure: `continue`, `branch`, `startHandler`; `fail` is none.
    pub handling: Option<String>,
    /// The workflow that its failure started.
    pub handler: Option<String>,
    /// The message of its newest failure.
    pub error: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Attempt {
    pub from: i64,
    /// None while it runs.
    pub to: Option<i64>,
    pub outcome: Outcome,
    pub error: Option<String>,
    /// When the next one was to begin.
    pub retry_at: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Running,
    Completed,
    Failed,
    Interrupted,
    Cancelled,
}

#[derive(Debug, Clone)]
pub struct Wait {
    pub from: i64,
    pub until: Option<i64>,
    /// None while it goes on.
    pub to: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct Skip {
    pub at: i64,
    /// `condition`, `dependencies`, `notBranchedTo`.
    pub cause: String,
    pub expression: Option<String>,
}

impl Course {
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Course {
        let mut course = Course::default();
        entries.into_iter().for_each(|entry| course.add(entry));
        course
    }

    /// The next entry. One that has been seen is passed over: a stream that was opened again may repeat it.
    pub fn add(&mut self, entry: &Entry) {
        if entry.seq <= self.last_seq {
            return;
        }
        (self.last_seq, self.last_at) = (entry.seq, entry.timestamp);
        let at = entry.timestamp;
        match (entry.kind.as_str(), entry.step_id.as_deref()) {
            ("start", _) => self.started = Some(at),
            ("pause", _) => self.pauses.push(Pause { from: at, to: None }),
            ("resume", _) => self.go_on(at),
            ("retry", _) => {
                self.ended = None;
                self.retries.push(at);
                for id in entry.data.reset.iter().flatten() {
                    self.step(id).handling = None;
                }
            }
            ("complete" | "fail" | "cancel", _) => self.end(entry),
            (_, Some(id)) => {
                let id = id.to_owned();
                self.step(&id).add(entry);
            }
            _ => {}
        }
    }

    fn go_on(&mut self, at: i64) {
        if let Some(pause) = self.pauses.last_mut().filter(|pause| pause.to.is_none()) {
            pause.to = Some(at);
        }
    }

    fn end(&mut self, entry: &Entry) {
        let at = entry.timestamp;
        self.go_on(at);
        self.ended = Some(End { at, kind: entry.kind.clone(), by: entry.by.clone() });
        for step in &mut self.steps {
            step.stop_waiting(at);
            step.end_attempt(at, Outcome::Cancelled);
        }
    }

    pub fn get(&self, id: &str) -> Option<&StepCourse> {
        self.by_id.get(id).map(|&index| &self.steps[index])
    }

    fn step(&mut self, id: &str) -> &mut StepCourse {
        let next = self.steps.len();
        let index = *self.by_id.entry(id.to_owned()).or_insert(next);
        if index == next {
            self.steps.push(StepCourse { id: id.to_owned(), ..StepCourse::default() });
        }
        &mut self.steps[index]
    }
}

impl StepCourse {
    fn add(&mut self, entry: &Entry) {
        let at = entry.timestamp;
        let error = entry.data.error.as_ref().map(|error| error.message.clone()).or_else(|| entry.message.clone());
        match entry.kind.as_str() {
            "wait" => self.waits.push(Wait { from: at, until: entry.data.until, to: None }),
            "step_ready" => self.stop_waiting(at),
            "step_start" => {
                self.stop_waiting(at);
                let outcome = Outcome::Running;
                self.attempts.push(Attempt { from: at, to: None, outcome, error: None, retry_at: None });
            }
            "step_complete" => self.end_attempt(at, Outcome::Completed),
            "step_interrupted" => self.end_attempt(at, Outcome::Interrupted),
            "step_cancel" => {
                self.stop_waiting(at);
                self.end_attempt(at, Outcome::Cancelled);
            }
            "step_fail" => {
                self.end_attempt(at, Outcome::Failed);
                if let Some(last) = self.attempts.last_mut() {
                    (last.error, last.retry_at) = (error.clone(), entry.data.retry_at);
                }
                self.error = error;
                self.handling = entry.data.then.clone().filter(|then| then != "fail");
                self.handler.clone_from(&entry.data.handler);
            }
            "step_skip" => {
                self.stop_waiting(at);
                let expression = entry.data.receipt.as_ref().map(|receipt| receipt.expression.clone());
                self.skipped = Some(Skip { at, cause: entry.data.cause.clone().unwrap_or_default(), expression });
            }
            _ => {}
        }
    }

    fn stop_waiting(&mut self, at: i64) {
        if let Some(wait) = self.waits.last_mut().filter(|wait| wait.to.is_none()) {
            wait.to = Some(at);
        }
    }

    fn end_attempt(&mut self, at: i64, outcome: Outcome) {
        if let Some(attempt) = self.attempts.last_mut().filter(|attempt| attempt.to.is_none()) {
            (attempt.to, attempt.outcome) = (Some(at), outcome);
        }
    }

    /// Attempts that failed.
    pub fn failed(&self) -> u64 {
        self.attempts.iter().filter(|attempt| attempt.outcome == Outcome::Failed).count() as u64
    }

    /// Whether what runs now runs because its worker was lost.
    pub fn is_interrupted(&self) -> bool {
        self.attempts.iter().rev().nth(1).is_some_and(|before| before.outcome == Outcome::Interrupted)
    }
}
