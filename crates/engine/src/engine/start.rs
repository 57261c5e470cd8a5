//! Starts, replays and events.

use workflow_core::event::TriggeredBy;
use workflow_core::id::{ExecutionId, IdempotencyKey};
use workflow_core::json::Json;
use workflow_core::refusal::Refusal;

use super::Engine;
use crate::reading::{self, EMBEDDED_HISTORY_MAX};
use crate::request::{EventAnswer, EventRequest, StartAnswer, StartRequest};
use crate::ring::message::{EventAsk, EventStarted, Input, StartAsk, StartReply, Started};
use crate::{Error, ExecutionView};

impl Engine {
    pub async fn start(&self, request: StartRequest) -> Result<StartAnswer, Error> {
        let StartRequest { workflow, input, key } = request;
        let input = input.unwrap_or_else(Json::empty_object);
        self.begin(workflow, input, key, TriggeredBy::Manual, None).await
    }

    /// A new execution with the same input, or the one given, on the newest version.
    pub async fn replay(&self, id: ExecutionId, input: Option<Json>, key: Option<IdempotencyKey>) -> Result<StartAnswer, Error> {
        let not_found = || Refusal::ExecutionNotFound { execution: id.to_string() };
        let found = self.shared().readers.run(move |store| reading::start_of(store, id));
        let (workflow, given) = found.await?.ok_or_else(not_found)?;
        let input = input.unwrap_or(given);
        self.begin(workflow.to_string(), input, key, TriggeredBy::Replay(id), Some(id)).await
    }

    /// Starts one execution of every definition with a matching trigger, in one commit.
    pub async fn event(&self, request: EventRequest) -> Result<EventAnswer, Error> {
        let limit = self.shared().limits.payload_bytes_max;
        if request.data.len() > limit {
            let (what, size) = ("the data of the event".to_owned(), format!("{} bytes", request.data.len()));
            return Err(Refusal::PayloadTooLarge { what, size, limit: format!("{limit} bytes") }.into());
        }
        let by = self.by.clone();
        let EventRequest { event, data, id, source } = request;
        let call = || {
            let (event, data, id, source, by) = (event.clone(), data.clone(), id.clone(), source.clone(), by.clone());
            self.ask(move |reply| Input::Event(Box::new(EventAsk { event, data, id, source, by, reply })))
        };
        let mut answer = self.unless_changed(call).await?;
        // A definition that it triggers may have been registered elsewhere a moment ago; one that started something was checked.
        if answer.started.is_empty() && answer.refused.is_empty() && self.may_know_more_now().await {
            answer = self.unless_changed(call).await?;
        }
        let EventStarted { started, refused } = answer;
        let mut executions = Vec::with_capacity(started.len());
        for started in started {
            match self.started(started).await {
                // One of those that an earlier event of this id started has been deleted since.
                Err(Error::Refused(Refusal::ExecutionNotFound { .. })) => {}
                started => executions.push(started?),
            }
        }
        Ok(EventAnswer { executions, refused })
    }

    async fn begin(
        &self,
        workflow: String,
        input: Json,
        key: Option<IdempotencyKey>,
        triggered_by: TriggeredBy,
        replay_of: Option<ExecutionId>,
    ) -> Result<StartAnswer, Error> {
        let by = self.by.clone();
        let call = || {
            let (workflow, input, key, by) = (workflow.clone(), input.clone(), key.clone(), by.clone());
            let triggered_by = triggered_by.clone();
            self.ask(move |reply| {
                let reply = StartReply { reply, follow: None };
                Input::Start(Box::new(StartAsk { workflow, input, key, by, triggered_by, replay_of, reply }))
            })
        };
        let started = self.unless_changed(call).await?;
        let existed = matches!(started, Started::Existing(_));
        Ok(StartAnswer { execution: self.started(started).await?, existed })
    }

    async fn started(&self, started: Started) -> Result<ExecutionView, Error> {
        match started {
            Started::New(snapshot) => Ok(reading::snapshot(self.shared(), &snapshot)),
            Started::Existing(id) | Started::Followed(id) => self.view(id, EMBEDDED_HISTORY_MAX).await,
        }
    }
}
