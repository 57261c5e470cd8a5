//! The answer to "what is going on with it?" in one or two sentences: what happened, what it waits for, what is done and what comes
//! next. The page says the same: both are held against `testdata/answers`.

use super::facts::{Facts, Failure, Handled};
use super::{Clock, code, one_line, span};
use crate::client::model::Reason;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What happened, or what it waits for.
    pub lead: String,
    /// What is done and what comes next; may be empty.
    pub rest: String,
    /// Reasons that were not said.
    pub more: usize,
}

/// So many names at most are listed in a sentence.
const NAMES_MAX: usize = 3;
const ERROR_CHARACTERS_MAX: usize = 160;

impl Answer {
    fn new(lead: String, rest: String) -> Answer {
        Answer { lead, rest, more: 0 }
    }

    /// Both on one line, with how much was left out.
    pub fn line(&self) -> String {
        let more = if self.more > 0 { format!("And {} more.", self.more) } else { String::new() };
        [self.lead.as_str(), self.rest.as_str(), more.as_str()]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

pub fn answer(facts: &Facts, clock: &Clock) -> Answer {
    match facts.status.as_str() {
        "completed" => Answer::new(completed(facts), also_handled(facts)),
        "failed" => Answer::new(failed(facts), did_not_run(facts)),
        "cancelled" => cancelled(facts, clock),
        "paused" => paused(facts, clock),
        "pending" if !facts.reasons.iter().any(|reason| matches!(reason.kind.as_str(), "worker" | "limit")) => {
            let lead = format!("Accepted {}. Nothing has begun yet.", clock.precise_ago(facts.started_at));
            Answer::new(lead, String::new())
        }
        _ => under_way(facts, clock),
    }
}

/// The message of an error within a sentence.
fn quoted(text: &str) -> String {
    let line = text.lines().next().unwrap_or("").trim();
    super::cut(&one_line(line), ERROR_CHARACTERS_MAX)
}

/// The message of an error as the end of a sentence: with one full stop.
fn ended(text: &str) -> String {
    let text = quoted(text);
    if text.ends_with(['.', '!', '?', '…']) { text } else { format!("{text}.") }
}

fn name(id: &str) -> String {
    code(&one_line(id))
}

/// `a`, `b` and 3 more.
fn names<'a>(ids: impl IntoIterator<Item = &'a String>) -> String {
    let ids: Vec<&String> = ids.into_iter().collect();
    let more = ids.len().saturating_sub(NAMES_MAX);
    let shown: Vec<String> = ids.iter().take(if more > 1 { NAMES_MAX } else { usize::MAX }).map(|id| name(id)).collect();
    if more > 1 {
        return format!("{} and {more} more", shown.join(", "));
    }
    match shown.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}

fn is_are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

fn steps(count: usize) -> String {
    super::counted(count, "step")
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}

fn completed(facts: &Facts) -> String {
    if let Some((handled, target)) = branched(facts) {
        let (step, error, target) = (name(&handled.step_id), quoted(&handled.error), name(target));
        return format!("Completed by its error branch: {step} failed ({error}), {target} ran.");
    }
    let took = facts.ended_at.unwrap_or(facts.started_at).saturating_sub(facts.started_at).max(0).unsigned_abs();
    let took = format!("Completed in {}.", span(took));
    let ran = facts.completed.len();
    // Handlers that nothing branched to are no news.
    let skipped: Vec<_> = facts.skipped.iter().filter(|skipped| skipped.cause != "notBranchedTo").collect();
    match skipped.as_slice() {
        [] if ran == facts.total && ran == 1 => format!("{took} Its step ran."),
        [] if ran == facts.total => format!("{took} All {} ran.", steps(ran)),
        [] => format!("{took} {} ran.", steps(ran)),
        [only] => {
            let because = only.expression.as_ref().map(|expression| format!(" because {} was false", name(expression)));
            format!("{took} {} ran, {} was skipped{}.", steps(ran), name(&only.step_id), because.unwrap_or_default())
        }
        many => format!("{took} {} ran; {} were skipped.", steps(ran), names(many.iter().map(|skipped| &skipped.step_id))),
    }
}

fn branched(facts: &Facts) -> Option<(&Handled, &String)> {
    facts.handled.iter().find_map(|handled| handled.target.as_ref().map(|target| (handled, target)))
}

/// What else failed and was handled; the branch that is in the lead is not said twice.
fn also_handled(facts: &Facts) -> String {
    const SAID_MAX: usize = 2;
    let in_lead = branched(facts).map(|(handled, _)| &handled.step_id);
    let others = facts.handled.iter().filter(|handled| Some(&handled.step_id) != in_lead);
    let sentence = |handled: &Handled| {
        let step = name(&handled.step_id);
        match &handled.workflow {
            _ if handled.continued => format!("{step} failed and it went on: {}", ended(&handled.error)),
            Some(workflow) => format!("{step} failed ({}), which started {}.", quoted(&handled.error), name(workflow)),
            None => format!("{step} failed as well: {}", ended(&handled.error)),
        }
    };
    others.take(SAID_MAX).map(sentence).collect::<Vec<_>>().join(" ")
}

fn failed(facts: &Facts) -> String {
    match &facts.failure {
        None => "It failed.".to_owned(),
        Some(Failure { step_id: None, error, .. }) => format!("It failed: {}", ended(error)),
        Some(Failure { step_id: Some(step), error, attempts }) => {
            let attempts = if *attempts > 1 { format!(" after {attempts} attempts") } else { String::new() };
            format!("{} failed{attempts}: {}", name(step), ended(error))
        }
    }
}

fn did_not_run(facts: &Facts) -> String {
    match names(facts.cancelled.iter().chain(&facts.not_yet)) {
        none if none.is_empty() => none,
        left => format!("{left} did not run."),
    }
}

fn cancelled(facts: &Facts, clock: &Clock) -> Answer {
    let by = facts.cancelled_by.as_ref().map(|by| format!(" by {}", name(by))).unwrap_or_default();
    let lead = format!("Cancelled{by} at {}.", clock.when(facts.ended_at.unwrap_or(facts.started_at)));
    let rest = match facts.cancelled.len() {
        0 => String::new(),
        1 => format!("{} was told to stop; a late result will be ignored.", names(&facts.cancelled)),
        _ => format!("{} were told to stop; late results will be ignored.", names(&facts.cancelled)),
    };
    Answer::new(lead, rest)
}

/// The steps that run.
fn running(facts: &Facts) -> Vec<String> {
    facts.reasons.iter().filter(|reason| reason.kind == "running").filter_map(|reason| reason.step_id.clone()).collect()
}

fn paused(facts: &Facts, clock: &Clock) -> Answer {
    let running = running(facts);
    if !running.is_empty() {
        let are = is_are(running.len());
        let lead = format!("Pausing. {} {are} still running and {are} allowed to finish.", names(&running));
        return Answer::new(lead, String::new());
    }
    let reason = facts.reasons.iter().find(|reason| reason.kind == "paused");
    let by = reason.and_then(|reason| reason.by.as_ref()).map(|by| format!(" by {}", name(by))).unwrap_or_default();
    let since = reason.map(|reason| format!(" {}", clock.precise_ago(reason.since))).unwrap_or_default();
    let rest = match facts.next.len() {
        0 => "Timers keep their due time.".to_owned(),
        count => format!("{} {} next after Resume; timers keep their due time.", names(&facts.next), is_are(count)),
    };
    Answer::new(format!("Paused{by}{since}."), rest)
}

fn under_way(facts: &Facts, clock: &Clock) -> Answer {
    if let Some(failure) = &facts.failure {
        return failing(facts, failure);
    }
    let Some((first, others)) = facts.reasons.split_first() else {
        return Answer::new(format!("{} of {} are done.", steps(facts.completed.len()), facts.total), String::new());
    };
    let is_plain = |reason: &&Reason| reason.kind == "running" && !reason.slow;
    let alike = if is_plain(&first) && !first.interrupted { others.iter().filter(is_plain).count() } else { 0 };
    let lead = if alike > 0 {
        let together = std::iter::once(first).chain(others.iter().filter(is_plain)).filter_map(|reason| reason.step_id.as_ref());
        format!("{} are running.", names(together))
    } else {
        sentence(first, clock)
    };
    Answer { lead, rest: progress(facts, first), more: others.len() - alike }
}

fn failing(facts: &Facts, failure: &Failure) -> Answer {
    let running = running(facts);
    let rest = match running.len() {
        0 => String::new(),
        1 => format!("The execution fails as soon as {} has ended.", names(&running)),
        _ => format!("The execution fails as soon as {} have ended.", names(&running)),
    };
    let who = failure.step_id.as_ref().map_or("It failed: ".to_owned(), |step| format!("{} failed: ", name(step)));
    Answer::new(format!("{who}{}", ended(&failure.error)), rest)
}

/// One reason, as a sentence of its own.
pub fn sentence(reason: &Reason, clock: &Clock) -> String {
    let who = reason.step_id.as_deref().map_or("It".to_owned(), name);
    let action = || name(reason.action.as_deref().unwrap_or("?"));
    let lasts = clock.ticking_since(reason.since);
    let until = reason.until.unwrap_or(clock.now);
    match reason.kind.as_str() {
        "retry" => {
            let next = reason.attempt.unwrap_or(2);
            let failed = times(reason.failed_attempts.unwrap_or(next.saturating_sub(1).max(1)));
            let of = reason.max_attempts.map(|max| format!(" of {max}")).unwrap_or_default();
            format!("{who} failed {failed}{} and is tried again {}, attempt {next}{of}.", because(reason), clock.left(until))
        }
        "timer" => format!("{who} holds until {}, {}.", clock.when(until), clock.left(until)),
        "worker" => format!("No worker provides {}. {who} has been waiting for one for {lasts}.", action()),
        "limit" => format!("All workers for {} are busy. {who} has been waiting for a free one for {lasts}.", action()),
        "ready" => format!("{who} waits for a free worker for {}, for {lasts} so far.", action()),
        "running" => runs(reason, &who, &lasts),
        "paused" => "It is paused.".to_owned(),
        _ => format!("{who} waits."),
    }
}

fn because(reason: &Reason) -> String {
    reason.error.as_deref().map(|error| format!(" (“{}”)", quoted(error))).unwrap_or_default()
}

fn runs(reason: &Reason, who: &str, lasts: &str) -> String {
    match (reason.p95_ms, reason.failed_attempts.unwrap_or(0)) {
        _ if reason.interrupted => {
            format!("The worker running {who} was lost. It is running again; this does not count as a retry.")
        }
        (Some(p95), _) if reason.slow => {
            format!("{who} has been running for {lasts}; 95 of 100 take less than {}.", span(p95))
        }
        (_, 0) => format!("{who} has been running for {lasts}."),
        (_, failed) => {
            let of = reason.max_attempts.map(|max| format!(" of {max}")).unwrap_or_default();
            let (error, times) = (because(reason), times(failed));
            format!("{who} failed {times}{error} and is being tried again: attempt {}{of}, for {lasts}.", failed + 1)
        }
    }
}

/// What is done, and what waits for the step of the lead.
fn progress(facts: &Facts, first: &Reason) -> String {
    let done = &facts.completed;
    let left = match done.len() {
        0 => None,
        count @ 1..=NAMES_MAX => Some(format!("{} {} done", names(done), is_are(count))),
        count => Some(format!("{count} of {} steps are done", facts.total)),
    };
    let waits = &facts.waiting_for_first;
    let right = first.step_id.as_deref().and_then(|step| match waits.len() {
        0 => None,
        1 => Some(format!("{} waits for {}", names(waits), name(step))),
        2..=NAMES_MAX => Some(format!("{} wait for {}", names(waits), name(step))),
        count => Some(format!("{} wait for {}", steps(count), name(step))),
    });
    match [left, right].into_iter().flatten().collect::<Vec<_>>() {
        parts if parts.is_empty() => String::new(),
        parts => format!("{}.", parts.join("; ")),
    }
}

#[cfg(test)]
mod tests;
