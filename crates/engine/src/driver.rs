//! Runs the ring: a few threads that take [turns](crate::inbox) at it, and what the ring wants done handed to whoever does it.
//!
//! What may take long is an errand: the thread that was at the ring lets others at it and does it itself, so that nobody has to be
//! woken for it. Larger batches have a thread of their own, so that the ring and the store stay where they are in the caches.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use workflow_core::task::Task;
use workflow_store::{Batch, Claim, Store};

use crate::Error;
use crate::clock::Now;
use crate::dispatch::{Dispatcher, Look};
use crate::engine::Shared;
use crate::feed::{Finished, Follower};
use crate::inbox::{Inbox, THREADS};
use crate::readers::Readers;
use crate::rest::Rest;
use crate::ring::Ring;
use crate::ring::message::{self, AttemptKey, Input, Output};
use crate::ring::slots::ProviderId;

/// The clock is looked at this often while a durable timer runs: somebody may have set it.
const LOOK_AT_CLOCK_EVERY: Duration = Duration::from_secs(60);
/// Attempts that wait for the lease are looked at this often.
const LOOK_AT_HELD_EVERY: Duration = Duration::from_millis(100);
/// Threads that read what the ring wants to know.
const LOADERS: usize = 2;
/// A batch of so many items is committed by the thread that decided it, unless more has come in.
const ITEMS_ALONE: usize = 2;

/// The ring, and what carries out what it wants done. Belongs to the thread that is at the ring.
pub struct Driver {
    ring: Ring,
    shared: Arc<Shared>,
    dispatcher: Dispatcher,
    loaders: Readers,
    store: Arc<dyn Store>,
    /// For batches that are not small.
    committer: Sender<Ask>,
    commit_thread: JoinHandle<()>,
    outputs: Vec<Output>,
    /// What this turn has for the store.
    ask: Option<Ask>,
    /// Attempts that are handed out once it is certain again that no other engine owns their executions.
    held: VecDeque<(AttemptKey, ProviderId, Box<Task>)>,
    /// Questions to the store, commits among them, whose answers have not come back.
    asked: usize,
    rest: Rest,
}

/// What is asked of the store, one at a time.
enum Ask {
    Commit(Arc<Batch>),
    Reopen { number: u64, claims: Vec<(usize, Claim)> },
}

/// What a thread does away from the ring.
enum Errand {
    Store(Arc<dyn Store>, Ask),
    Attempt(Look),
}

enum Turn {
    /// The ring has nothing to do before `wait` has passed.
    Over {
        errand: Option<Errand>,
        wait: Option<Duration>,
    },
    Closed,
}

/// Where the threads find the ring. With the last one that may touch it, or the store, the engine is closed.
struct Post {
    driver: Mutex<Option<Driver>>,
    inbox: Arc<Inbox>,
}

impl Driver {
    /// Begins to run. Ends when the engine is closed or the inbox is halted.
    pub fn start(ring: Ring, shared: Arc<Shared>, dispatcher: Dispatcher, store: &Arc<dyn Store>) -> Result<(), Error> {
        let loaders = Readers::new("workflow-loader", LOADERS, store)?;
        let (inbox, store, outputs) = (shared.inbox.clone(), store.clone(), Vec::new());
        let (committer, asks) = channel();
        let (its_store, its_inbox) = (store.clone(), inbox.clone());
        let commit = move || commit(&asks, its_store.as_ref(), &its_inbox);
        let commit_thread = thread::Builder::new().name("workflow-commit".to_owned()).spawn(commit);
        let commit_thread = commit_thread.map_err(|error| Error::no_thread(&error))?;
        let (ask, held, asked, rest) = (None, VecDeque::new(), 0, Rest::default());
        let driver =
            Driver { ring, shared, dispatcher, loaders, store, committer, commit_thread, outputs, ask, held, asked, rest };
        let post = Arc::new(Post { driver: Mutex::new(Some(driver)), inbox });
        for number in 0..THREADS {
            let own = post.clone();
            let spawned = thread::Builder::new().name(format!("workflow-ring-{number}")).spawn(move || own.attend(number));
            spawned.map_err(|error| {
                post.inbox.halt();
                Error::no_thread(&error)
            })?;
        }
        Ok(())
    }

    fn turn(&mut self, inputs: &mut Vec<Input>) -> Turn {
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
        let mut outputs = std::mem::take(&mut self.outputs);
        self.ring.turn(now, &mut outputs);
        for output in outputs.drain(..) {
            if matches!(output, Output::Closed) {
                self.dispatcher.lines.flush();
                return Turn::Closed;
            }
            self.carry_out(output);
        }
        self.outputs = outputs;
        self.hand_out_held();
        self.dispatcher.lines.flush();
        let errand = match self.ask.take() {
            Some(ask) => {
                self.dispatcher.hand_over();
                if ask.is_small() && self.shared.inbox.is_empty() {
                    Some(Errand::Store(self.store.clone(), ask))
                } else {
                    // It lives as long as the sender.
                    drop(self.committer.send(ask));
                    None
                }
            }
            None => self.dispatcher.hand_over_or_look().map(Errand::Attempt),
        };
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
        let held = (!self.held.is_empty()).then_some(LOOK_AT_HELD_EVERY);
        Turn::Over { errand, wait: idle_for.into_iter().chain(rest).chain(held).min() }
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
            Output::Commit(batch) => self.ask(Ask::Commit(batch)),
            Output::Reopen { number, claims } => self.ask(Ask::Reopen { number, claims }),
            Output::Read(read) => {
                let inbox = self.shared.inbox.clone();
                self.loaders.spawn(move |store| inbox.push(Input::Found(read.run(store))));
            }
            Output::Answer(answer) => answer.send(),
            Output::Dispatch { attempt, provider, task } => {
                if self.held.is_empty() && self.dispatcher.lease.lasts() {
                    self.dispatcher.dispatch(attempt, provider, task);
                } else {
                    self.held.push_back((attempt, provider, task));
                }
            }
            Output::Abort { attempt, provider, reason } => {
                let before = self.held.len();
                self.held.retain(|(held, ..)| *held != attempt);
                if self.held.len() == before {
                    self.dispatcher.abort(attempt, provider, reason);
                }
            }
            Output::Attach { provider, line } => self.dispatcher.lines.attach(provider, line),
            Output::Detach { provider } => {
                // As lost on the way: the ring finds out when the session joins again, or does not.
                self.held.retain(|(_, held, _)| *held != provider);
                self.dispatcher.lines.detach(provider);
                self.shared.unlist(provider);
            }
            Output::Provided(provider) => self.shared.list(provider),
            Output::Recorded { attempt, provider } => self.dispatcher.lines.recorded(attempt, provider),
            Output::Closing => self.dispatcher.lines.closing(),
            Output::Rejoin { provider } => self.dispatcher.lines.rejoin(provider),
            Output::Changed(changed) => self.shared.changed(*changed),
            Output::Given(ranges) => self.shared.given(ranges),
            Output::Durable { batch, taken } => self.shared.feed.publish(&batch, &taken),
            Output::Over(over) => self.tell(self.shared.feed.finish(over)),
            Output::Defined(registration) => self.shared.catalog_mut().insert(registration),
            Output::Undefined { workflow } => {
                self.shared.catalog_mut().delete(workflow.as_str());
            }
            Output::EndpointPut(endpoint) => self.shared.endpoint_put(*endpoint),
            Output::EndpointRemoved(name) => self.shared.endpoint_removed(&name),
            Output::Tokens(tokens) => drop(self.shared.tokens.send_replace(tokens)),
            Output::Ready(ready) => self.shared.set_ready(ready),
            Output::Closed => {}
        }
    }
}

impl Driver {
    /// What was decided is durable, and another engine that has taken over since would run it too: so it waits for the lease to be
    /// renewed, or for the commit that says that it is lost.
    fn hand_out_held(&mut self) {
        while !self.held.is_empty() && self.dispatcher.lease.lasts() {
            if let Some((attempt, provider, task)) = self.held.pop_front() {
                self.dispatcher.dispatch(attempt, provider, task);
            }
        }
    }

    fn ask(&mut self, ask: Ask) {
        assert!(self.ask.replace(ask).is_none(), "the ring waits for one answer of the store at a time");
    }

    /// Hands executions that have ended to who follows them. Many of them are handed over on the runtime, which wakes their tasks
    /// for less than this thread could.
    fn tell(&self, told: Vec<(Follower, Box<Finished>)>) {
        let few = told.len() <= 1;
        // Whoever has gone away does not want to know.
        let tell = move || told.into_iter().for_each(|(follower, finished)| drop(follower.send(finished)));
        if few { tell() } else { drop(self.dispatcher.runtime.spawn(async move { tell() })) }
    }
}

impl Post {
    /// What each thread does.
    fn attend(self: Arc<Post>, thread: usize) {
        let inbox = self.inbox.clone();
        // A bug in the ring, the core or the store must not leave callers waiting for ever.
        let ended = catch_unwind(AssertUnwindSafe(|| self.attend_until_halted(thread)));
        if ended.is_err() {
            tracing::error!("the ring panicked; the engine is closed, and what is durable is safe");
        }
        inbox.halt();
    }

    fn attend_until_halted(mut self: Arc<Post>, thread: usize) {
        let inbox = self.inbox.clone();
        let mut inputs = Vec::new();
        let mut there = inbox.begin(thread, &mut inputs);
        while there {
            let Turn::Over { errand, wait } = self.turn(&mut inputs) else { return inbox.halt() };
            there = match errand {
                None => inbox.next(thread, wait, &mut inputs),
                Some(Errand::Store(store, ask)) => {
                    inbox.leave(wait);
                    inbox.back(thread, Some(ask.put_to(store.as_ref())), &mut inputs)
                }
                Some(Errand::Attempt(look)) => {
                    inbox.leave(wait);
                    // An action that never returns does not keep the engine from being closed.
                    let way_back = Arc::downgrade(&self);
                    drop(self);
                    let (came, looking) = look.look();
                    let Some(post) = way_back.upgrade() else { return };
                    self = post;
                    // Not before: others who looked as well would leave nobody who holds the engine open.
                    drop(looking);
                    inbox.back(thread, came, &mut inputs)
                }
            };
        }
    }

    fn turn(&self, inputs: &mut Vec<Input>) -> Turn {
        let mut driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner);
        driver.as_mut().expect("it is there until all threads have gone").turn(inputs)
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        let driver = self.driver.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let Driver { shared, dispatcher, loaders, store, ring, committer, commit_thread, .. } =
            driver.expect("it is taken only here");
        // What still runs is told to stop, and the store is let go by everybody before anyone hears that it is closed.
        drop((ring, dispatcher, store, committer));
        loaders.close();
        // A panic over there has been reported.
        let _ = commit_thread.join();
        shared.closed();
    }
}

/// What the thread for larger batches does.
fn commit(asks: &Receiver<Ask>, store: &dyn Store, inbox: &Inbox) {
    let ended = catch_unwind(AssertUnwindSafe(|| asks.iter().for_each(|ask| inbox.push(ask.put_to(store)))));
    if ended.is_err() {
        tracing::error!("the store panicked; the engine is closed, and what is durable is safe");
        inbox.halt();
    }
}

impl Ask {
    fn is_small(&self) -> bool {
        match self {
            Ask::Commit(batch) => batch.items.len() <= ITEMS_ALONE,
            Ask::Reopen { .. } => false,
        }
    }

    fn put_to(self, store: &dyn Store) -> Input {
        match self {
            Ask::Commit(batch) => Input::Committed { number: batch.number, result: store.commit(&batch) },
            Ask::Reopen { number, claims } => Input::Reopened(message::reopen(store, number, &claims)),
        }
    }
}
