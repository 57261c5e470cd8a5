//! Runs the ring: one thread that decides, one that commits, and what the ring wants done handed to whoever does it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use workflow_store::{Batch, Claim, Store};

use crate::Error;
use crate::clock::Now;
use crate::dispatch::Dispatcher;
use crate::engine::Shared;
use crate::feed::{Finished, Follower};
use crate::readers::Readers;
use crate::rest::Rest;
use crate::ring::Ring;
use crate::ring::message::{self, Input, Output};

/// The clock is looked at this often while a durable timer runs: somebody may have set it.
const LOOK_AT_CLOCK_EVERY: Duration = Duration::from_secs(60);
/// Threads that read what the ring wants to know.
const LOADERS: usize = 2;

pub struct Driver {
    ring: Ring,
    shared: Arc<Shared>,
    dispatcher: Dispatcher,
    loaders: Readers,
    committer: Sender<Job>,
    commit_thread: JoinHandle<()>,
    /// Questions to the store, commits among them, whose answers have not come back.
    asked: usize,
    rest: Rest,
}

enum Job {
    Commit(Arc<Batch>),
    Reopen { number: u64, claims: Vec<(usize, Claim)> },
}

impl Driver {
    /// Begins to run. Ends when the engine is closed or the inbox is halted.
    pub fn start(ring: Ring, shared: Arc<Shared>, dispatcher: Dispatcher, store: &Arc<dyn Store>) -> Result<(), Error> {
        let loaders = Readers::new("workflow-loader", LOADERS, store)?;
        let (committer, jobs) = channel();
        let (store, inbox) = (store.clone(), shared.inbox.clone());
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().name(name.to_owned()).spawn(run).map_err(|error| Error::no_thread(&error))
        };
        let commit_thread = spawn("workflow-commit", Box::new(move || commit(&jobs, store.as_ref(), &inbox)))?;
        let driver = Driver { ring, shared, dispatcher, loaders, committer, commit_thread, asked: 0, rest: Rest::default() };
        spawn("workflow-ring", Box::new(move || driver.run()))?;
        Ok(())
    }

    fn run(mut self) {
        // A bug in the ring or the core must not leave callers waiting for ever.
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.turn_until_closed()));
        if ended.is_err() {
            tracing::error!("the ring panicked; the engine is closed, and what is durable is safe");
        }
        let Driver { shared, dispatcher, loaders, committer, commit_thread, ring, .. } = self;
        shared.inbox.halt();
        // What still runs is told to stop, and the store is let go by everybody before anyone hears that it is closed.
        drop((ring, dispatcher, committer));
        loaders.close();
        let _ = commit_thread.join();
        shared.closed();
    }

    fn turn_until_closed(&mut self) {
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        let mut wait = Some(Duration::ZERO);
        while self.shared.inbox.take(&mut inputs, wait) {
            let now = self.shared.clock.now();
            for input in inputs.drain(..) {
                match &input {
                    Input::Finished { attempt, .. } => self.dispatcher.forget(attempt),
                    Input::Committed { .. } => {
                        self.asked -= 1;
                        self.rest.put_off(now.mono);
                    }
                    Input::Reopened(_) | Input::Found(_) => self.asked -= 1,
                    _ => {}
                }
                self.ring.handle(input, now);
            }
            self.ring.turn(now, &mut outputs);
            for output in outputs.drain(..) {
                if matches!(output, Output::Closed) {
                    return self.dispatcher.lines.flush();
                }
                self.carry_out(output);
            }
            self.dispatcher.lines.flush();
            self.dispatcher.hand_over();
            self.shared.look_at(&mut self.ring);
            self.rest_if_due(now);
            let now = self.shared.clock.now();
            let idle_for = self.ring.idle_for(now);
            if self.asked == 0 && idle_for != Some(Duration::ZERO) && self.ring.gauges().queued_commands == 0 {
                self.shared.tell_quiet();
            }
            // Of a clock that is set by hand nobody waits for a time: only what has fallen due is done.
            let passes = self.shared.clock.passes();
            let rest = self.rest.due_in(now.mono).filter(|_| passes);
            let idle_for = idle_for.filter(|idle| passes || idle.is_zero()).map(|idle| idle.min(LOOK_AT_CLOCK_EVERY));
            wait = idle_for.into_iter().chain(rest).min();
        }
    }

    fn rest_if_due(&mut self, now: Now) {
        if !self.rest.take_due(now.mono) {
            return;
        }
        if self.asked > 0 {
            return self.rest.put_off(now.mono);
        }
        self.ring.rest();
        // A commit that comes meanwhile waits in the store.
        self.loaders.spawn(|store| {
            if let Err(fault) = store.rest() {
                tracing::warn!(%fault, "the store could not tidy up; the next commit shows what is wrong with it");
            }
        });
    }

    fn carry_out(&mut self, output: Output) {
        if matches!(output, Output::Commit(_) | Output::Reopen { .. } | Output::Read(_)) {
            self.asked += 1;
        }
        match output {
            // The committer lives as long as the sender.
            Output::Commit(batch) => drop(self.committer.send(Job::Commit(batch))),
            Output::Reopen { number, claims } => drop(self.committer.send(Job::Reopen { number, claims })),
            Output::Read(read) => {
                let inbox = self.shared.inbox.clone();
                self.loaders.spawn(move |store| inbox.push(Input::Found(read.run(store))));
            }
            Output::Answer(answer) => answer.send(),
            Output::Dispatch { attempt, provider, task } => self.dispatcher.dispatch(attempt, provider, task),
            Output::Abort { attempt, provider, reason } => self.dispatcher.abort(attempt, provider, reason),
            Output::Attach { provider, line } => self.dispatcher.lines.attach(provider, line),
            Output::Detach { provider } => {
                self.dispatcher.lines.detach(provider);
                self.shared.unlist(provider);
            }
            Output::Provided(provider) => self.shared.list(provider),
            Output::Recorded { attempt, provider } => self.dispatcher.lines.recorded(attempt, provider),
            Output::Closing => self.dispatcher.lines.closing(),
            Output::Durable { batch, taken } => self.shared.feed.publish(&batch, &taken),
            Output::Over(over) => self.tell(self.shared.feed.finish(over)),
            Output::Defined(registration) => self.shared.catalog_mut().insert(registration),
            Output::Undefined { workflow } => {
                self.shared.catalog_mut().delete(workflow.as_str());
            }
            Output::EndpointPut(endpoint) => self.shared.endpoint_put(*endpoint),
            Output::EndpointRemoved(name) => self.shared.endpoint_removed(&name),
            Output::Ready(ready) => self.shared.set_ready(ready),
            Output::Closed => {}
        }
    }
}

impl Driver {
    /// Hands executions that have ended to who follows them. Many of them are handed over on the runtime, which wakes their tasks
    /// for less than this thread could.
    fn tell(&self, told: Vec<(Follower, Box<Finished>)>) {
        let few = told.len() <= 1;
        // Whoever has gone away does not want to know.
        let tell = move || told.into_iter().for_each(|(follower, finished)| drop(follower.send(finished)));
        if few { tell() } else { drop(self.dispatcher.runtime.spawn(async move { tell() })) }
    }
}

fn commit(jobs: &Receiver<Job>, store: &dyn Store, inbox: &crate::inbox::Inbox) {
    while let Ok(job) = jobs.recv() {
        inbox.push(match job {
            Job::Commit(batch) => Input::Committed { number: batch.number, result: store.commit(&batch) },
            Job::Reopen { number, claims } => Input::Reopened(message::reopen(store, number, &claims)),
        });
    }
}
