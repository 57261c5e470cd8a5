//! What engines ask of each other, as it lies in the store.

use serde::{Deserialize, Serialize};
use workflow_core::id::{Caller, ExecutionId, IdempotencyKey, StepId, WorkflowId};
use workflow_core::json::Json;
use workflow_core::refusal::{Control, Refusal};
use workflow_core::status::Status;

use crate::Error;

/// A question about an execution.
#[derive(Debug, Clone, PartialEq)]
pub enum Forwarded {
    Control { control: Control, step: Option<String>, key: Option<IdempotencyKey>, by: Option<Caller> },
    Delete,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Words {
    command: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

const CONTROLS: [Control; 5] = [Control::Pause, Control::Resume, Control::Cancel, Control::Retry, Control::RunNow];
const DELETE: &str = "delete";

pub fn write(forwarded: &Forwarded) -> Json {
    let words = match forwarded {
        Forwarded::Control { control, step, key, by } => Words {
            command: control.as_str().to_owned(),
            step: step.clone(),
            key: key.as_ref().map(|key| key.as_str().to_owned()),
            by: by.as_ref().map(|by| by.as_str().to_owned()),
        },
        Forwarded::Delete => Words { command: DELETE.to_owned(), step: None, key: None, by: None },
    };
    Json::from_serialize(&words).expect("texts are JSON")
}

pub fn read(command: &Json) -> Result<Forwarded, Error> {
    let unknown = |what: &dyn std::fmt::Display| {
        Error::InvalidRequest(format!("an engine of another version asked for something that this one does not know ({what})"))
    };
    let Words { command, step, key, by } = command.to().map_err(|error| unknown(&error))?;
    if command == DELETE {
        return Ok(Forwarded::Delete);
    }
    let control = CONTROLS.into_iter().find(|control| control.as_str() == command).ok_or_else(|| unknown(&command))?;
    let key = key.map(|key| IdempotencyKey::new(&key)).transpose().map_err(|error| unknown(&error))?;
    let by = by.map(|by| Caller::new(&by)).transpose().map_err(|error| unknown(&error))?;
    Ok(Forwarded::Control { control, step, key, by })
}

/// What came of it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "outcome")]
enum Answer {
    Done,
    ExecutionNotFound { execution: String },
    StepNotFound { workflow: WorkflowId, step: String },
    InvalidState { action: String, execution: ExecutionId, status: Status },
    NotEnded { execution: ExecutionId, status: Status },
    NotWaitingForRetry { execution: ExecutionId, step: StepId },
    HistoryFull { execution: ExecutionId },
    ActionsMissing { actions: Vec<String> },
    InvalidRequest { message: String },
    Corrupt { message: String },
}

/// None where it has to be asked again.
pub fn answer(result: Result<(), Error>) -> Option<Json> {
    let answer = match result {
        Ok(()) => Answer::Done,
        Err(Error::Refused(refusal)) => match refusal {
            Refusal::ExecutionNotFound { execution } => Answer::ExecutionNotFound { execution },
            Refusal::StepNotFound { workflow, step } => Answer::StepNotFound { workflow, step },
            Refusal::InvalidState { action, execution, status } => {
                Answer::InvalidState { action: action.as_str().to_owned(), execution, status }
            }
            Refusal::NotEnded { execution, status } => Answer::NotEnded { execution, status },
            Refusal::NotWaitingForRetry { execution, step } => Answer::NotWaitingForRetry { execution, step },
            Refusal::HistoryFull { execution } => Answer::HistoryFull { execution },
            Refusal::ActionsMissing { actions } => Answer::ActionsMissing { actions },
            other => Answer::InvalidRequest { message: other.to_string() },
        },
        Err(Error::Corrupt(message)) => Answer::Corrupt { message },
        Err(Error::InvalidRequest(message)) => Answer::InvalidRequest { message },
        Err(_) => return None,
    };
    Json::from_serialize(&answer).ok()
}

/// What the other engine has answered.
pub fn result(answer: &Json) -> Result<(), Error> {
    let unknown =
        |error: &dyn std::fmt::Display| Error::Corrupt(format!("the answer of another engine makes no sense ({error})"));
    let refusal = match answer.to().map_err(|error| unknown(&error))? {
        Answer::Done => return Ok(()),
        Answer::ExecutionNotFound { execution } => Refusal::ExecutionNotFound { execution },
        Answer::StepNotFound { workflow, step } => Refusal::StepNotFound { workflow, step },
        Answer::InvalidState { action, execution, status } => {
            let action = CONTROLS.into_iter().find(|control| control.as_str() == action).ok_or_else(|| unknown(&action))?;
            Refusal::InvalidState { action, execution, status }
        }
        Answer::NotEnded { execution, status } => Refusal::NotEnded { execution, status },
        Answer::NotWaitingForRetry { execution, step } => Refusal::NotWaitingForRetry { execution, step },
        Answer::HistoryFull { execution } => Refusal::HistoryFull { execution },
        Answer::ActionsMissing { actions } => Refusal::ActionsMissing { actions },
        Answer::InvalidRequest { message } => return Err(Error::InvalidRequest(message)),
        Answer::Corrupt { message } => return Err(Error::Corrupt(message)),
    };
    Err(refusal.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_and_answers_come_through_as_they_are() {
        let key = Some(IdempotencyKey::new("k-1").unwrap());
        for control in CONTROLS {
            let asked = Forwarded::Control { control, step: Some("ship".to_owned()), key: key.clone(), by: None };
            assert_eq!(read(&write(&asked)), Ok(asked));
        }
        assert_eq!(read(&write(&Forwarded::Delete)), Ok(Forwarded::Delete));
        assert!(read(&Json::parse(r#"{"command":"explode"}"#).unwrap()).unwrap_err().to_string().contains("another version"));

        let id = ExecutionId::from_bytes([7; 16]);
        let refusals = [
            Refusal::ExecutionNotFound { execution: id.to_string() },
            Refusal::StepNotFound { workflow: WorkflowId::new("order").unwrap(), step: "x y".to_owned() },
            Refusal::InvalidState { action: Control::RunNow, execution: id, status: Status::Completed },
            Refusal::NotEnded { execution: id, status: Status::Running },
            Refusal::NotWaitingForRetry { execution: id, step: StepId::new("ship").unwrap() },
            Refusal::HistoryFull { execution: id },
            Refusal::ActionsMissing { actions: vec!["charge".to_owned()] },
        ];
        for refusal in refusals {
            let told = Err(Error::Refused(refusal));
            assert_eq!(result(&answer(told.clone()).unwrap()), told);
        }
        assert_eq!(result(&answer(Ok(())).unwrap()), Ok(()));
        assert_eq!(answer(Err(Error::Closed)), None, "whoever owns it next answers");
    }
}
