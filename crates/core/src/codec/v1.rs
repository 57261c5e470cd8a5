//! Form 1: `[["start",{"workflow":"order",...},{...input}],["begin",0,1,"session"],["complete",0,1,{...output}],...]`.
//!
//! Each event is an array of its name and its fields in a fixed order; steps are numbers, absent fields at the end are left out.
//! A payload that has a row of its own is its length in bytes, and the event's name ends in `_stored`. Names and places are never
//! given another meaning.

use serde::{Deserialize, Serialize};

use super::{Encoded, Undecodable};
use crate::definition::StepIndex;
use crate::event::{
    AfterFailure, Event, InterruptCause, Payload, ReadyCause, Receipt, Recorded, SkipCause, Started, TriggeredBy,
};
use crate::failure::Failure;
use crate::id::{Caller, EventName, ExecutionId, IdempotencyKey, Version, WorkflowId};
use crate::json::Json;
use crate::time::Timestamp;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenStart {
    workflow: WorkflowId,
    version: Version,
    by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replay_of: Option<ExecutionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<ExecutionId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lineage: Vec<WorkflowId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<IdempotencyKey>,
    /// `by` was taken by the trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    caller: Option<Caller>,
}

#[derive(Serialize, Deserialize)]
struct WrittenReceipt {
    expression: String,
    /// `[path]` for `undefined`, `[path, value]` else.
    reads: Vec<Vec<Json>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    result: Option<Json>,
}

/// Puts one event's array together.
struct Line<'a> {
    text: &'a mut String,
}

impl<'a> Line<'a> {
    fn new(text: &'a mut String, name: &str) -> Line<'a> {
        text.push_str("[\"");
        text.push_str(name);
        text.push('"');
        Line { text }
    }

    fn raw(self, text: &str) -> Line<'a> {
        self.text.push(',');
        self.text.push_str(text);
        self
    }

    fn number(self, number: i64) -> Line<'a> {
        self.raw(&number.to_string())
    }

    fn step(self, step: StepIndex) -> Line<'a> {
        self.number(step.get() as i64)
    }

    fn field<T: Serialize + ?Sized>(self, value: &T) -> Line<'a> {
        let text = serde_json::to_string(value).expect("the written forms hold only what JSON can hold");
        self.raw(&text)
    }

    /// A field at the end that may be absent.
    fn optional<T: Serialize>(self, value: Option<&T>) -> Line<'a> {
        match value {
            Some(value) => self.field(value),
            None => self,
        }
    }

    /// A key and a caller at the end, of which either may be absent.
    fn asked(self, key: Option<&IdempotencyKey>, by: Option<&Caller>) -> Line<'a> {
        match by {
            Some(by) => self.field(&key).field(by),
            None => self.optional(key),
        }
    }

    fn end(self) {
        self.text.push(']');
    }
}

pub(super) fn encode(events: &[Recorded], inline_bytes_max: usize) -> Encoded {
    let mut text = String::with_capacity(64 * events.len());
    let mut payloads = Vec::new();
    text.push('[');
    for (place, recorded) in events.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        let apart = recorded.event.payload().filter(|payload| payload.bytes() > inline_bytes_max);
        if let Some(payload) = apart {
            payloads.push((recorded.seq, payload.json().clone()));
        }
        encode_event(&mut text, &recorded.event, apart.is_some());
    }
    text.push(']');
    Encoded { text, payloads }
}

fn encode_event(text: &mut String, event: &Event, apart: bool) {
    match event {
        Event::Started(started) => {
            let line = Line::new(text, if apart { "start_stored" } else { "start" }).field(&WrittenStart::from(&**started));
            payload(line, &started.input, apart).end();
        }
        Event::StepReady { step, cause } => match cause {
            ReadyCause::Condition(receipt) => {
                Line::new(text, "ready").step(*step).field("condition").field(&WrittenReceipt::from(receipt)).end();
            }
            ReadyCause::Timer => Line::new(text, "ready").step(*step).field("timer").end(),
            ReadyCause::Retry => Line::new(text, "ready").step(*step).field("retry").end(),
            ReadyCause::RunNow { key, by } => {
                Line::new(text, "ready").step(*step).field("run_now").asked(key.as_ref(), by.as_ref()).end();
            }
        },
        Event::StepStarted { step, attempt, session } => {
            Line::new(text, "begin").step(*step).number((*attempt).into()).optional(session.as_ref()).end();
        }
        Event::StepCompleted { step, attempt, output } => {
            let line = Line::new(text, if apart { "complete_stored" } else { "complete" });
            let line = line.step(*step).number((*attempt).into());
            match output {
                Some(output) => payload(line, output, apart).end(),
                None => line.end(),
            }
        }
        Event::StepFailed { step, attempt, failure, then } => encode_failure(text, *step, *attempt, failure, then),
        Event::StepSkipped { step, cause } => match cause {
            SkipCause::Dependencies => Line::new(text, "skip").step(*step).field("dependencies").end(),
            SkipCause::NotBranchedTo => Line::new(text, "skip").step(*step).field("not_branched_to").end(),
            SkipCause::Condition(receipt) => {
                Line::new(text, "skip").step(*step).field("condition").field(&WrittenReceipt::from(receipt)).end();
            }
        },
        Event::StepCancelled { step } => Line::new(text, "cancel_step").step(*step).end(),
        Event::StepInterrupted { step, attempt, cause } => {
            let cause = match cause {
                InterruptCause::Lost => "lost",
                InterruptCause::Shutdown => "shutdown",
            };
            Line::new(text, "interrupt").step(*step).number((*attempt).into()).field(cause).end();
        }
        Event::WaitBegan { step, until, receipt } => {
            let receipt = receipt.as_ref().map(WrittenReceipt::from);
            Line::new(text, "wait").step(*step).number(until.millis()).optional(receipt.as_ref()).end();
        }
        Event::Paused { key, by } => Line::new(text, "pause").asked(key.as_ref(), by.as_ref()).end(),
        Event::Resumed { key, by } => Line::new(text, "resume").asked(key.as_ref(), by.as_ref()).end(),
        Event::Retried { reset, deadline, key, by } => {
            let reset: Vec<usize> = reset.iter().map(|step| step.get()).collect();
            Line::new(text, "retry").field(&reset).field(deadline).asked(key.as_ref(), by.as_ref()).end();
        }
        Event::Completed => Line::new(text, "completed").end(),
        Event::Failed { failure } => Line::new(text, "failed").field(failure).end(),
        Event::Cancelled { key, by } => Line::new(text, "cancelled").asked(key.as_ref(), by.as_ref()).end(),
    }
}

fn encode_failure(text: &mut String, step: StepIndex, attempt: Option<u32>, failure: &Failure, then: &AfterFailure) {
    let line = Line::new(text, "fail").step(step).field(&attempt).field(failure);
    match then {
        AfterFailure::Retry { at } => line.field("retry").number(at.millis()).end(),
        AfterFailure::Fail => line.field("fail").end(),
        AfterFailure::Continue => line.field("continue").end(),
        AfterFailure::Branch => line.field("branch").end(),
        AfterFailure::StartHandler { workflow } => line.field("start_handler").field(workflow).end(),
    }
}

fn payload<'a>(line: Line<'a>, payload: &Payload, apart: bool) -> Line<'a> {
    if apart { line.number(payload.bytes() as i64) } else { line.raw(payload.json().text()) }
}

impl From<&Started> for WrittenStart {
    fn from(started: &Started) -> WrittenStart {
        let (by, source) = started.triggered_by.parts();
        WrittenStart {
            workflow: started.workflow.clone(),
            version: started.version,
            by: by.to_owned(),
            source,
            replay_of: started.replay_of,
            parent: started.parent,
            lineage: started.lineage.clone(),
            deadline: started.deadline,
            key: started.key.clone(),
            caller: started.by.clone(),
        }
    }
}

impl From<&Receipt> for WrittenReceipt {
    fn from(receipt: &Receipt) -> WrittenReceipt {
        let read = |(path, value): &(String, Option<Json>)| {
            let path = Json::from_serialize(path).expect("a string is JSON");
            std::iter::once(path).chain(value.clone()).collect()
        };
        WrittenReceipt {
            expression: receipt.expression.clone(),
            reads: receipt.reads.iter().map(read).collect(),
            result: receipt.result.clone(),
        }
    }
}

impl TryFrom<WrittenReceipt> for Receipt {
    type Error = serde_json::Error;

    fn try_from(written: WrittenReceipt) -> Result<Receipt, serde_json::Error> {
        let read = |read: Vec<Json>| {
            let mut read = read.into_iter();
            let path = read.next().unwrap_or_else(Json::null).to()?;
            Ok((path, read.next()))
        };
        let reads = written.reads.into_iter().map(read).collect::<Result<_, serde_json::Error>>()?;
        Ok(Receipt { expression: written.expression, reads, result: written.result })
    }
}

/// The fields of one event's array, read in order.
struct Fields<'a> {
    name: &'a str,
    fields: std::slice::Iter<'a, Json>,
}

impl Fields<'_> {
    fn error(&self, what: impl std::fmt::Display) -> Undecodable {
        Undecodable(format!("`{}`: {what}", self.name))
    }

    fn next_json(&mut self) -> Option<&Json> {
        self.fields.next()
    }

    fn next<T: for<'de> Deserialize<'de>>(&mut self) -> Result<T, Undecodable> {
        let field = self.fields.next().ok_or_else(|| self.error("a field is missing"))?;
        field.to().map_err(|error| self.error(error))
    }

    fn optional<T: for<'de> Deserialize<'de>>(&mut self) -> Result<Option<T>, Undecodable> {
        match self.fields.next() {
            Some(field) => field.to().map(Some).map_err(|error| self.error(error)),
            None => Ok(None),
        }
    }

    /// What [`Line::asked`] wrote: an absent key before a caller is `null`.
    fn asked(&mut self) -> Result<(Option<IdempotencyKey>, Option<Caller>), Undecodable> {
        Ok((self.optional::<Option<IdempotencyKey>>()?.flatten(), self.optional()?))
    }

    fn step(&mut self) -> Result<StepIndex, Undecodable> {
        self.next::<u16>().map(|index| StepIndex::new(index.into()))
    }

    fn receipt(&mut self) -> Result<Receipt, Undecodable> {
        self.optional_receipt()?.ok_or_else(|| self.error("a field is missing"))
    }

    fn optional_receipt(&mut self) -> Result<Option<Receipt>, Undecodable> {
        let Some(written) = self.optional::<WrittenReceipt>()? else { return Ok(None) };
        Receipt::try_from(written).map(Some).map_err(|error| self.error(error))
    }
}

pub(super) fn decode(text: &str, seq: u64, at: Timestamp) -> Result<Vec<Recorded>, Undecodable> {
    let lines: Vec<Vec<Json>> = serde_json::from_str(text).map_err(|error| Undecodable(error.to_string()))?;
    let recorded = |(place, line): (usize, Vec<Json>)| Ok(Recorded { seq: seq + place as u64, at, event: decode_event(&line)? });
    lines.into_iter().enumerate().map(recorded).collect()
}

#[expect(clippy::too_many_lines, reason = "one arm for each kind of event")]
pub(super) fn decode_event(line: &[Json]) -> Result<Event, Undecodable> {
    let (name, fields) = line.split_first().ok_or_else(|| Undecodable("an event without a name".to_owned()))?;
    let name: String = name.to().map_err(|error| Undecodable(error.to_string()))?;
    let mut fields = Fields { name: &name, fields: fields.iter() };
    let event = match name.as_str() {
        "start" | "start_stored" => {
            let written: WrittenStart = fields.next()?;
            let input = if name == "start" { Payload::new(fields.next()?) } else { Payload::stored(fields.next()?) };
            let triggered_by =
                TriggeredBy::from_parts(&written.by, written.source).ok_or_else(|| fields.error("unknown trigger"))?;
            Event::Started(Box::new(Started {
                workflow: written.workflow,
                version: written.version,
                input,
                triggered_by,
                replay_of: written.replay_of,
                parent: written.parent,
                lineage: written.lineage,
                deadline: written.deadline,
                key: written.key,
                by: written.caller,
            }))
        }
        "ready" => {
            let step = fields.step()?;
            let cause = match fields.next::<String>()?.as_str() {
                "condition" => ReadyCause::Condition(fields.receipt()?),
                "timer" => ReadyCause::Timer,
                "retry" => ReadyCause::Retry,
                "run_now" => {
                    let (key, by) = fields.asked()?;
                    ReadyCause::RunNow { key, by }
                }
                other => return Err(fields.error(format_args!("unknown cause `{other}`"))),
            };
            Event::StepReady { step, cause }
        }
        "begin" => Event::StepStarted { step: fields.step()?, attempt: fields.next()?, session: fields.optional()? },
        "complete" => Event::StepCompleted {
            step: fields.step()?,
            attempt: fields.next()?,
            output: fields.next_json().cloned().map(Payload::new),
        },
        "complete_stored" => {
            Event::StepCompleted { step: fields.step()?, attempt: fields.next()?, output: Some(Payload::stored(fields.next()?)) }
        }
        "fail" => {
            let (step, attempt, failure) = (fields.step()?, fields.next()?, fields.next()?);
            let then = match fields.next::<String>()?.as_str() {
                "retry" => AfterFailure::Retry { at: fields.next()? },
                "fail" => AfterFailure::Fail,
                "continue" => AfterFailure::Continue,
                "branch" => AfterFailure::Branch,
                "start_handler" => AfterFailure::StartHandler { workflow: fields.next()? },
                other => return Err(fields.error(format_args!("unknown consequence `{other}`"))),
            };
            Event::StepFailed { step, attempt, failure, then }
        }
        "skip" => {
            let step = fields.step()?;
            let cause = match fields.next::<String>()?.as_str() {
                "dependencies" => SkipCause::Dependencies,
                "not_branched_to" => SkipCause::NotBranchedTo,
                "condition" => SkipCause::Condition(fields.receipt()?),
                other => return Err(fields.error(format_args!("unknown cause `{other}`"))),
            };
            Event::StepSkipped { step, cause }
        }
        "cancel_step" => Event::StepCancelled { step: fields.step()? },
        "interrupt" => {
            let (step, attempt) = (fields.step()?, fields.next()?);
            let cause = match fields.next::<String>()?.as_str() {
                "lost" => InterruptCause::Lost,
                "shutdown" => InterruptCause::Shutdown,
                other => return Err(fields.error(format_args!("unknown cause `{other}`"))),
            };
            Event::StepInterrupted { step, attempt, cause }
        }
        "wait" => Event::WaitBegan { step: fields.step()?, until: fields.next()?, receipt: fields.optional_receipt()? },
        "pause" => {
            let (key, by) = fields.asked()?;
            Event::Paused { key, by }
        }
        "resume" => {
            let (key, by) = fields.asked()?;
            Event::Resumed { key, by }
        }
        "retry" => {
            let reset = fields.next::<Vec<u16>>()?.into_iter().map(|index| StepIndex::new(index.into())).collect();
            let deadline = fields.next()?;
            let (key, by) = fields.asked()?;
            Event::Retried { reset, deadline, key, by }
        }
        "completed" => Event::Completed,
        "failed" => Event::Failed { failure: fields.next()? },
        "cancelled" => {
            let (key, by) = fields.asked()?;
            Event::Cancelled { key, by }
        }
        _ => return Err(fields.error("no event of that name is known to this version; open it with the version that wrote it")),
    };
    Ok(event)
}

impl TriggeredBy {
    /// Its name and its source, as they are written and shown.
    pub fn parts(&self) -> (&'static str, Option<String>) {
        match self {
            TriggeredBy::Manual => ("manual", None),
            TriggeredBy::Event(event) => ("event", Some(event.to_string())),
            TriggeredBy::Schedule(schedule) => ("schedule", Some(schedule.clone())),
            TriggeredBy::Replay(of) => ("replay", Some(of.to_string())),
            TriggeredBy::Error(of) => ("error", Some(of.to_string())),
        }
    }

    fn from_parts(name: &str, source: Option<String>) -> Option<TriggeredBy> {
        let id = |source: Option<String>| ExecutionId::parse(&source?).ok();
        Some(match name {
            "manual" => TriggeredBy::Manual,
            "event" => TriggeredBy::Event(EventName::new(&source?).ok()?),
            "schedule" => TriggeredBy::Schedule(source?),
            "replay" => TriggeredBy::Replay(id(source)?),
            "error" => TriggeredBy::Error(id(source)?),
            _ => return None,
        })
    }
}
