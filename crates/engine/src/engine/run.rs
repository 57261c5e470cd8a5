//! Starting an execution and waiting for its end, as one call. The ring hands the execution over when it has ended, so nothing is
//! read from the store.

use std::pin::pin;
use std::sync::Arc;

use tokio::sync::oneshot;
use workflow_core::event::TriggeredBy;
use workflow_core::id::ExecutionId;
use workflow_core::json::Json;
use workflow_core::status::Status;

use super::Engine;
use super::elsewhere::Tries;
use crate::Error;
use crate::feed::{Feed, Finished};
use crate::reading;
use crate::request::{StartAnswer, StartRequest};
use crate::ring::message::{Input, StartAsk, StartReply, Started};

/// A start that has been asked for, and the end of what it starts.
struct Following {
    feed: Arc<Feed>,
    started: oneshot::Receiver<Result<Started, Error>>,
    end: oneshot::Receiver<Box<Finished>>,
    /// Once it is known, until it has ended.
    id: Option<ExecutionId>,
}

impl Engine {
    /// Starts and waits until the execution has ended.
    pub async fn run(&self, request: StartRequest) -> Result<(ExecutionId, Status), Error> {
        let mut tries = Tries::default();
        let (finished, (id, existed)) = loop {
            let mut following = self.follow(request.clone());
            let finished = (&mut following.end).await;
            match following.started().await {
                Err(error) if self.is_worth_again(&error, &mut tries).await => {}
                started => break (finished, started?),
            }
        };
        let status = match finished {
            Ok(finished) => finished.status(),
            Err(_) => self.ended(id).await.map_err(|error| if existed { error } else { after_start(error) })?,
        };
        Ok((id, status))
    }

    /// Starts and waits until the execution has ended, or until `enough` ends, and answers with it as it is then, with at most
    /// `history` of the newest entries of its history.
    pub async fn start_and_wait(
        &self,
        request: StartRequest,
        history: usize,
        enough: impl Future<Output = ()>,
    ) -> Result<StartAnswer, Error> {
        let (mut tries, mut enough) = (Tries::default(), pin!(enough));
        let (finished, mut waits, (id, existed)) = loop {
            let mut following = self.follow(request.clone());
            let (finished, waits) = tokio::select! {
                finished = &mut following.end => (finished.ok(), true),
                () = enough.as_mut() => (None, false),
            };
            match following.started().await {
                Err(error) if waits && self.is_worth_again(&error, &mut tries).await => {}
                started => break (finished, waits, started?),
            }
        };
        if let Some(finished) = finished {
            if history == 0 {
                return Ok(StartAnswer { execution: reading::finished(self.shared(), &finished), existed });
            }
            waits = false;
        }
        let read = async {
            if waits {
                tokio::select! {
                    ended = self.ended(id) => drop(ended?),
                    () = enough => {}
                }
            }
            self.view(id, history).await
        };
        let execution = read.await.map_err(|error| if existed { error } else { after_start(error) })?;
        Ok(StartAnswer { execution, existed })
    }

    fn follow(&self, request: StartRequest) -> Following {
        let StartRequest { workflow, input, key } = request;
        let input = input.unwrap_or_else(Json::empty_object);
        let feed = self.shared().feed.clone();
        let ((reply, started), (follower, end)) = (oneshot::channel(), oneshot::channel());
        let reply = StartReply { reply, follow: Some((feed.clone(), follower)) };
        let by = self.by.clone();
        let ask = StartAsk { workflow, input, key, by, triggered_by: TriggeredBy::Manual, replay_of: None, reply };
        self.shared().inbox.push(Input::Start(Box::new(ask)));
        Following { feed, started, end, id: None }
    }
}

impl Following {
    /// The execution, and whether the idempotency key had started it.
    async fn started(&mut self) -> Result<(ExecutionId, bool), Error> {
        Ok(match (&mut self.started).await.unwrap_or(Err(Error::Closed))? {
            Started::Followed(id) => {
                self.id = Some(id);
                (id, false)
            }
            Started::New(snapshot) => (snapshot.execution.id, false),
            Started::Existing(id) => (id, true),
        })
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        // An answer that comes after this finds nobody, and whoever gives it unfollows.
        self.started.close();
        if let Ok(Ok(Started::Followed(id))) = self.started.try_recv() {
            self.id = Some(id);
        }
        if let Some(id) = self.id {
            self.feed.unfollow(id);
        }
    }
}

/// What goes wrong from then on does not undo the start.
fn after_start(error: Error) -> Error {
    match error {
        Error::StoreUnavailable { reason } => Error::OutcomeUnknown { reason },
        Error::Closed => Error::OutcomeUnknown { reason: "the engine was closed while the execution ran".to_owned() },
        error => error,
    }
}
