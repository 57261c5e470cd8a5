//! Starts, replays and events.

use workflow_core::event::TriggeredBy;
use workflow_core::id::{ExecutionId, IdempotencyKey};
use workflow_core::json::Json;
use workflow_core::refusal::Refusal;
use workflow_core::status::Status;

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

    /// Starts and waits until the execution has ended. Reads nothing from the store, unless the key was used before.
    pub async fn run(&self, request: StartRequest) -> Result<(ExecutionId, Status), Error> {
        match self.start_followed(request).await? {
            Started::Existing(id) => Ok((id, self.ended(id).await?)),
            Started::New(snapshot) => {
                let (id, status) = (snapshot.execution.id, snapshot.status());
                let status = match snapshot.subscription {
                    Some(subscription) if !status.has_ended() => self.end_of(subscription).await?,
                    _ => status,
                };
                Ok((id, status))
            }
        }
    }

    /// Starts and waits until the execution has ended, or until `enough` ends, and answers with it as it is then, with at most
    /// `history` of the newest entries of its history.
    pub async fn start_and_wait(
        &self,
        request: StartRequest,
        history: usize,
        enough: impl Future<Output = ()>,
    ) -> Result<StartAnswer, Error> {
        let started = self.start_followed(request).await?;
        let existed = matches!(started, Started::Existing(_));
        // What goes wrong from here on does not undo the start: the caller gets what is known of the execution.
        let (id, snapshot) = match started {
            Started::Existing(id) => {
                tokio::select! {
                    ended = self.ended(id) => drop(ended?),
                    () = enough => {}
                }
                (id, None)
            }
            Started::New(mut snapshot) => {
                if let Some(subscription) = snapshot.subscription.take().filter(|_| !snapshot.status().has_ended()) {
                    tokio::select! {
                        _ = self.end_of(subscription) => {}
                        () = enough => {}
                    }
                }
                (snapshot.execution.id, Some(snapshot))
            }
        };
        let execution = match (self.view(id, history).await, snapshot) {
            (Err(_), Some(snapshot)) => reading::snapshot(self.shared(), &snapshot),
            (view, _) => view?,
        };
        Ok(StartAnswer { execution, existed })
    }

    /// A new execution with the same input, or the one given, on the newest version.
    pub async fn replay(&self, id: ExecutionId, input: Option<Json>, key: Option<IdempotencyKey>) -> Result<StartAnswer, Error> {
        let not_found = || Refusal::ExecutionNotFound { execution: id.to_string() };
        let shared = self.shared().clone();
        let found = self.shared().readers.run(move |store| reading::execution(store, &shared, id, 0));
        let replayed = found.await?.ok_or_else(not_found)?;
        let input = input.unwrap_or(replayed.input);
        self.begin(replayed.workflow_id.to_string(), input, key, TriggeredBy::Replay(id), Some(id)).await
    }

    /// Starts one execution of every definition with a matching trigger, in one commit.
    pub async fn event(&self, request: EventRequest) -> Result<EventAnswer, Error> {
        let limit = self.shared().limits.payload_bytes_max;
        if request.data.len() > limit {
            let (what, size) = ("the data of the event".to_owned(), format!("{} bytes", request.data.len()));
            return Err(Refusal::PayloadTooLarge { what, size, limit: format!("{limit} bytes") }.into());
        }
        let EventRequest { event, data, id, source } = request;
        let ask = |reply| Input::Event(Box::new(EventAsk { event, data, id, source, reply }));
        let EventStarted { started, refused } = self.ask(ask).await?;
        let mut executions = Vec::with_capacity(started.len());
        for started in started {
            executions.push(self.started(started).await?);
        }
        Ok(EventAnswer { executions, refused })
    }

    async fn start_followed(&self, request: StartRequest) -> Result<Started, Error> {
        let StartRequest { workflow, input, key } = request;
        let input = input.unwrap_or_else(Json::empty_object);
        let follow = Some(self.shared().feed.clone());
        self.ask(|reply| {
            let (reply, triggered_by) = (StartReply { reply, follow }, TriggeredBy::Manual);
            Input::Start(Box::new(StartAsk { workflow, input, key, triggered_by, replay_of: None, reply }))
        })
        .await
    }

    async fn begin(
        &self,
        workflow: String,
        input: Json,
        key: Option<IdempotencyKey>,
        triggered_by: TriggeredBy,
        replay_of: Option<ExecutionId>,
    ) -> Result<StartAnswer, Error> {
        let follow = None;
        let ask = |reply| {
            let reply = StartReply { reply, follow };
            Input::Start(Box::new(StartAsk { workflow, input, key, triggered_by, replay_of, reply }))
        };
        let started = self.ask(ask).await?;
        let existed = matches!(started, Started::Existing(_));
        Ok(StartAnswer { execution: self.started(started).await?, existed })
    }

    async fn started(&self, started: Started) -> Result<ExecutionView, Error> {
        match started {
            Started::New(snapshot) => Ok(reading::snapshot(self.shared(), &snapshot)),
            Started::Existing(id) => self.view(id, EMBEDDED_HISTORY_MAX).await,
        }
    }
}
