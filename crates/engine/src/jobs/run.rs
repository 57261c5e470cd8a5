//! Making jobs, running them, and watching over them.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use workflow_core::id::{ExecutionId, IdempotencyKey};
use workflow_core::refusal::{Control, Refusal};
use workflow_store::{Change, Ranges};

use super::stored::{self, CHUNK};
use super::{
    Job, JobAction, JobAnswer, JobItem, JobItemPage, JobOutcome, JobPage, JobPreview, JobRequest, JobStatus, Live, SAMPLE,
    Wanted, select,
};
use crate::engine::{Engine, Life};
use crate::reading::summaries;
use crate::ring::message::Input;
use crate::{Error, Jobs};

/// Calls of one job at the same time: what the engine answers in one commit.
const AT_ONCE: usize = 64;
/// How often what was done is written.
const WRITTEN_EVERY: Duration = Duration::from_secs(1);
/// A call that the engine has no room for is made again after this, so often.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
const AGAIN_MAX: usize = 60;
/// Documents written together.
const DOCUMENTS_AT_ONCE: usize = 50;
/// Jobs that were under way when the engine stopped are looked for among so many of the newest.
const LOOKED_AT_MAX: usize = 1_000;
/// What others want of a job, or write of it, is looked for this often.
const LOOKED_FOR_EVERY: Duration = Duration::from_secs(1);
/// An engine that runs a job obeys in this time, or is gone.
const ELSEWHERE_WITHIN: Duration = Duration::from_secs(15);
const PAGE: usize = 50;
const PAGE_MAX: usize = 1_000;

impl Engine {
    /// What a job would take.
    pub async fn preview_job(&self, request: JobRequest) -> Result<JobPreview, Error> {
        self.read_now(move |store, now| {
            let as_of = request.as_of.unwrap_or(now.now);
            let heads = select::select(store, now, request.action, &request.which, as_of)?;
            let matched = heads.len();
            let sample = summaries::of_heads(store, now, heads.into_iter().take(SAMPLE).collect())?;
            Ok(JobPreview { matched, sample })
        })
        .await
    }

    /// Makes a job, and begins with it. It goes on when its caller goes away, and when the engine is opened again.
    pub async fn start_job(&self, request: JobRequest) -> Result<JobAnswer, Error> {
        // A task of its own: a caller that goes away in between must not leave a job that is stored and that nobody runs.
        let engine = self.clone();
        tokio::spawn(async move { engine.make_job(request).await }).await.map_err(|_| Error::Closed)?
    }

    async fn make_job(&self, request: JobRequest) -> Result<JobAnswer, Error> {
        let _one_at_a_time = self.shared().jobs.making.lock().await;
        if let Some(key) = request.key.clone() {
            let made = self.shared().readers.run(move |store| stored::made_by(store, key.as_str())).await?;
            if let Some(job) = match made {
                Some(id) => self.job(&id).await?,
                None => None,
            } {
                return Ok(JobAnswer { job, existed: true });
            }
        }
        let JobRequest { action, which, as_of, canary, key, shown } = request;
        let (now, as_of) = (self.now(), as_of.unwrap_or_else(|| self.now()));
        let selected = self.read_now(move |store, now| select::select(store, now, action, &which, as_of)).await?;
        let ids: Vec<ExecutionId> = selected.into_iter().map(|head| head.id).collect();
        // Whoever owns its range runs it: now and when this engine is gone.
        let owned = self.shared().owned();
        let mut id = stored::new_id(now);
        while !owned.is_empty() && !owned.contains(stored::home(&id)) {
            id = stored::new_id(now);
        }
        let job = Job {
            id,
            action,
            created_at: now,
            by: self.by.clone(),
            as_of,
            filter: shown,
            status: JobStatus::Running,
            matched: ids.len(),
            done: 0,
            failed: 0,
            skipped: 0,
            finished_at: None,
            canary_first: canary,
            canary: None,
            rate: None,
        };
        let mut changes = self.shared().readers.run(move |store| stored::forget_old(store, now)).await?;
        changes.extend(ids.chunks(CHUNK).enumerate().map(|(chunk, ids)| stored::put_ids(&job.id, chunk, ids)));
        // The job itself comes last: one that was not selected whole is none.
        changes.extend(key.iter().flat_map(|key| stored::put_key(key.as_str(), &job.id)));
        changes.push(stored::put_job(&job));
        let mut rest = changes;
        while !rest.is_empty() {
            let more = rest.split_off(rest.len().min(DOCUMENTS_AT_ONCE));
            self.keep(std::mem::replace(&mut rest, more)).await?;
        }
        self.run_job(job.clone());
        Ok(JobAnswer { job, existed: false })
    }

    /// A job; none when there is none of this id.
    pub async fn job(&self, id: &str) -> Result<Option<Job>, Error> {
        if let Some(live) = self.shared().jobs.live().get(id) {
            return Ok(Some(live.job.borrow().clone()));
        }
        let id = id.to_owned();
        self.shared().readers.run(move |store| stored::job(store, &id)).await
    }

    /// Jobs, the newest first.
    pub async fn jobs(&self, cursor: Option<String>, limit: Option<usize>) -> Result<JobPage, Error> {
        let limit = limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
        let read = move |store: &dyn workflow_store::Store| stored::jobs(store, cursor.as_deref(), limit + 1);
        let mut jobs = self.shared().readers.run(read).await?;
        let more = jobs.len() > limit;
        jobs.truncate(limit);
        let live = self.shared().jobs.live();
        for job in &mut jobs {
            if let Some(live) = live.get(&job.id) {
                *job = live.job.borrow().clone();
            }
        }
        let next_cursor = if more { jobs.last().map(|job| job.id.clone()) } else { None };
        Ok(JobPage { jobs, next_cursor })
    }

    /// What came of the executions of a job, in the order in which it took them; none when there is no such job. What was done in
    /// the last second may not be there yet.
    pub async fn job_items(
        &self,
        id: &str,
        outcome: Option<JobOutcome>,
        cursor: Option<u64>,
        limit: Option<usize>,
    ) -> Result<Option<JobItemPage>, Error> {
        let Some(job) = self.job(id).await? else { return Ok(None) };
        let limit = limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
        let read = move |store: &dyn workflow_store::Store| {
            let mut page = JobItemPage { items: Vec::new(), next_cursor: None };
            let first = usize::try_from(cursor.unwrap_or(0)).unwrap_or(usize::MAX);
            let mut place = first;
            while place < job.matched {
                let items = stored::items(store, &job.id, place / CHUNK)?;
                for item in items.into_iter().skip(place % CHUNK) {
                    if page.items.len() == limit {
                        page.next_cursor = Some(place.to_string());
                        return Ok(page);
                    }
                    place += 1;
                    if outcome.is_none_or(|outcome| item.outcome == outcome) {
                        page.items.push(item);
                    }
                }
                // What is not there yet, of this part or the next, is asked for again.
                let next = (place / CHUNK + 1) * CHUNK;
                if !place.is_multiple_of(CHUNK) || place == first {
                    if place < job.matched && job.status.is_over() {
                        place = next;
                        continue;
                    }
                    break;
                }
            }
            Ok(page)
        };
        self.shared().readers.run(read).await.map(Some)
    }

    /// Stops a job: what has been done stays done. None when there is no such job.
    pub async fn stop_job(&self, id: &str) -> Result<Option<Job>, Error> {
        self.tell_job(id, Wanted::Stop).await
    }

    /// Goes on with a job that waits after its first execution. None when there is no such job.
    pub async fn continue_job(&self, id: &str) -> Result<Option<Job>, Error> {
        self.tell_job(id, Wanted::GoOn).await
    }

    async fn tell_job(&self, id: &str, wanted: Wanted) -> Result<Option<Job>, Error> {
        let watched = self.shared().jobs.live().get(id).map(|live| {
            // Whoever says so before it waits does not know what came of the first one.
            if wanted == Wanted::Stop || live.job.borrow().status == JobStatus::Waiting {
                live.wanted.send_replace(wanted);
            }
            live.job.subscribe()
        });
        let told = move |job: &Job| match wanted {
            Wanted::Stop => job.status.is_over(),
            Wanted::GoOn | Wanted::LetGo => job.status != JobStatus::Waiting,
        };
        if let Some(mut job) = watched {
            // It ends with the engine.
            return Ok(Some(job.wait_for(told).await.map_err(|_| Error::Closed)?.clone()));
        }
        // Another engine runs it, which looks for what is wanted of it.
        let Some(job) = self.job(id).await?.filter(|job| !job.status.is_over()) else { return self.job(id).await };
        if wanted == Wanted::Stop || job.status == JobStatus::Waiting {
            self.keep(vec![stored::put_wanted(id, wanted)]).await?;
        }
        let mut followed = self.follow_elsewhere(job);
        match tokio::time::timeout(ELSEWHERE_WITHIN, followed.wait_for(told)).await {
            Ok(job) => Ok(Some(job.map_err(|_| Error::Closed)?.clone())),
            Err(_) => {
                let reason =
                    format!("the engine that runs job {id} has not obeyed within {} s; ask again", ELSEWHERE_WITHIN.as_secs());
                Err(Error::OutcomeUnknown { reason })
            }
        }
    }

    /// Follows a job that runs or waits, wherever. None when it is over, or there is no such job.
    pub async fn watch_job(&self, id: &str) -> Result<Option<watch::Receiver<Job>>, Error> {
        if let Some(live) = self.shared().jobs.live().get(id) {
            return Ok(Some(live.job.subscribe()));
        }
        let job = self.job(id).await?.filter(|job| !job.status.is_over());
        Ok(job.map(|job| self.follow_elsewhere(job)))
    }

    /// Looks for what another engine writes of a job, until that is over or nobody wants to know any more.
    fn follow_elsewhere(&self, job: Job) -> watch::Receiver<Job> {
        let (sender, receiver) = watch::channel(job);
        let life = Arc::downgrade(&self.life);
        tokio::spawn(async move {
            while !sender.is_closed() && !sender.borrow().status.is_over() {
                tokio::time::sleep(LOOKED_FOR_EVERY).await;
                let Some(life) = life.upgrade() else { return };
                let id = sender.borrow().id.clone();
                if let Ok(Some(job)) = (Engine { life, by: None }).job(&id).await {
                    sender.send_if_modified(|known| std::mem::replace(known, job.clone()) != job);
                }
            }
        });
        receiver
    }

    /// Goes on with the jobs of these ranges that were under way when an engine stopped.
    pub(crate) async fn resume_jobs(&self, ranges: Ranges) -> Result<(), Error> {
        let jobs = self.shared().readers.run(|store| stored::jobs(store, None, LOOKED_AT_MAX)).await?;
        for job in jobs.into_iter().filter(|job| !job.status.is_over() && ranges.contains(stored::home(&job.id))) {
            if !self.shared().jobs.live().contains_key(&job.id) {
                self.run_job(job);
            }
        }
        Ok(())
    }

    fn run_job(&self, job: Job) {
        let (sender, wanted) = (watch::Sender::new(job.clone()), watch::Sender::new(Wanted::GoOn));
        let asked = wanted.subscribe();
        let live = Live { job: sender.clone(), wanted };
        self.shared().jobs.live().insert(job.id.clone(), live);
        let by = job.by.clone();
        let running =
            Running { engine: Arc::downgrade(&self.life), by, told: sender, asked, job, written_at: Instant::now(), since: None };
        tokio::spawn(running.run());
    }

    pub(crate) async fn keep(&self, changes: Vec<Change>) -> Result<(), Error> {
        self.ask(|reply| Input::Keep { changes, reply }).await
    }
}

struct Running {
    /// It does not keep the engine open.
    engine: Weak<Life>,
    by: Option<workflow_core::id::Caller>,
    told: watch::Sender<Job>,
    asked: watch::Receiver<Wanted>,
    job: Job,
    written_at: Instant,
    /// When it began, or went on, and how much had been done then.
    since: Option<(Instant, usize)>,
}

impl Running {
    /// An engine for a moment; none when it is gone.
    fn engine(&self) -> Option<Engine> {
        self.engine.upgrade().map(|life| Engine { life, by: self.by.clone() })
    }

    async fn run(mut self) {
        let id = self.job.id.clone();
        match self.go().await {
            Ok(()) => {}
            // It goes on when the engine is opened again.
            Err(Error::Closed) => return,
            Err(error) => tracing::error!(job = id, %error, "a job broke off; it goes on when the engine is opened again"),
        }
        if let Some(engine) = self.engine() {
            engine.shared().jobs.live().remove(&id);
        }
    }

    /// What is wanted of it, here or through another engine.
    async fn wanted(&self) -> Result<Wanted, Error> {
        let (engine, id) = (self.engine().ok_or(Error::Closed)?, self.job.id.clone());
        let here = *self.asked.borrow();
        if here != Wanted::GoOn || engine.shared().owned() == Ranges::ALL {
            return Ok(here);
        }
        let elsewhere = engine.shared().readers.run(move |store| stored::wanted(store, &id)).await?;
        Ok(elsewhere.unwrap_or(here))
    }

    async fn go(&mut self) -> Result<(), Error> {
        let mut place = self.job.done + self.job.failed + self.job.skipped;
        // What was done in the last second before a crash is done again, with the same key, and that does nothing.
        while place < self.job.matched {
            if self.job.canary_first && place >= 1 {
                self.wait().await?;
            }
            match self.wanted().await? {
                Wanted::GoOn => {}
                Wanted::Stop => return self.end(JobStatus::Stopped).await,
                Wanted::LetGo => return Ok(()),
            }
            self.since.get_or_insert((Instant::now(), place));
            let chunk = place / CHUNK;
            place = self.chunk(chunk).await?;
        }
        self.end(JobStatus::Completed).await
    }

    /// Until somebody says that it goes on, or stops.
    async fn wait(&mut self) -> Result<(), Error> {
        self.job.status = JobStatus::Waiting;
        self.write(Vec::new()).await?;
        while *self.asked.borrow() == Wanted::GoOn {
            match tokio::time::timeout(LOOKED_FOR_EVERY, self.asked.changed()).await {
                Ok(changed) => {
                    changed.map_err(|_| Error::Closed)?;
                    break;
                }
                Err(_) => {
                    let (engine, id) = (self.engine().ok_or(Error::Closed)?, self.job.id.clone());
                    // Of one that is alone nobody asks elsewhere.
                    if engine.shared().owned() != Ranges::ALL
                        && engine.shared().readers.run(move |store| stored::wanted(store, &id)).await?.is_some()
                    {
                        break;
                    }
                }
            }
        }
        if *self.asked.borrow() == Wanted::LetGo {
            return Ok(());
        }
        self.job.canary_first = false;
        self.job.status = JobStatus::Running;
        self.told.send_replace(self.job.clone());
        Ok(())
    }

    /// Works on the rest of a part; gives the place after what was done.
    async fn chunk(&mut self, chunk: usize) -> Result<usize, Error> {
        let (ids, mut items) = self.read(chunk).await?;
        // What is not in the job's numbers was not done as far as anybody knows.
        items.truncate((self.job.done + self.job.failed + self.job.skipped).saturating_sub(chunk * CHUNK));
        while items.len() < ids.len() {
            if *self.asked.borrow() != Wanted::GoOn {
                break;
            }
            let first = self.job.canary_first && chunk == 0 && items.is_empty();
            let count = if first { 1 } else { AT_ONCE };
            let end = ids.len().min(items.len() + count);
            for item in self.moved(&ids[items.len()..end]).await? {
                match item.outcome {
                    JobOutcome::Done => self.job.done += 1,
                    JobOutcome::Failed => self.job.failed += 1,
                    JobOutcome::Skipped => self.job.skipped += 1,
                }
                items.push(item);
            }
            if first {
                self.job.canary = items.first().cloned();
                break;
            }
            self.rate();
            if self.written_at.elapsed() >= WRITTEN_EVERY && items.len() < ids.len() {
                self.write(vec![stored::put_items(&self.job.id, chunk, &items)]).await?;
            } else {
                self.told.send_replace(self.job.clone());
            }
        }
        self.write(vec![stored::put_items(&self.job.id, chunk, &items)]).await?;
        Ok(chunk * CHUNK + items.len())
    }

    fn rate(&mut self) {
        let Some((since, before)) = self.since else { return };
        let count = self.job.done + self.job.failed + self.job.skipped - before;
        let seconds = since.elapsed().as_secs_f64();
        self.job.rate = (seconds > 0.0).then(|| (count as f64 / seconds * 10.0).round() / 10.0);
    }

    async fn read(&self, chunk: usize) -> Result<(Vec<ExecutionId>, Vec<JobItem>), Error> {
        let (engine, id) = (self.engine().ok_or(Error::Closed)?, self.job.id.clone());
        engine.shared().readers.run(move |store| Ok((stored::ids(store, &id, chunk)?, stored::items(store, &id, chunk)?))).await
    }

    async fn write(&mut self, mut changes: Vec<Change>) -> Result<(), Error> {
        changes.push(stored::put_job(&self.job));
        loop {
            // One for each try: between them the engine may go.
            let engine = self.engine().ok_or(Error::Closed)?;
            match engine.keep(changes.clone()).await {
                Ok(()) => break,
                // However long the store is away: nobody else would go on with the job.
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
            drop(engine);
            tokio::time::sleep(AGAIN_AFTER).await;
        }
        self.written_at = Instant::now();
        self.told.send_replace(self.job.clone());
        Ok(())
    }

    async fn end(&mut self, status: JobStatus) -> Result<(), Error> {
        let engine = self.engine().ok_or(Error::Closed)?;
        (self.job.status, self.job.finished_at, self.job.rate) = (status, Some(engine.now()), None);
        let shared = engine.shared().owned() != Ranges::ALL;
        drop(engine);
        self.write(if shared { vec![stored::forget_wanted(&self.job.id)] } else { Vec::new() }).await
    }

    /// Makes the call for each of these, and says what came of it, in their order.
    async fn moved(&self, ids: &[ExecutionId]) -> Result<Vec<JobItem>, Error> {
        let mut calls = JoinSet::new();
        for (place, id) in ids.iter().copied().enumerate() {
            let (engine, action, job) = (self.engine().ok_or(Error::Closed)?, self.job.action, self.job.id.clone());
            calls.spawn(async move { (place, one(&engine, action, &job, id).await) });
        }
        let mut items = Vec::with_capacity(ids.len());
        while let Some(joined) = calls.join_next().await {
            let (place, item) = joined.map_err(|_| Error::Closed)?;
            items.push((place, item?));
        }
        items.sort_by_key(|(place, _)| *place);
        Ok(items.into_iter().map(|(_, item)| item).collect())
    }
}

/// The call for one execution.
async fn one(engine: &Engine, action: JobAction, job: &str, id: ExecutionId) -> Result<JobItem, Error> {
    // The same when it is made again, and another for each job and, for replays, for each execution.
    let key = match action {
        JobAction::Replay => format!("{job}/{id}"),
        _ => job.to_owned(),
    };
    let key = Some(IdempotencyKey::new(&key).expect("ids are short"));
    let mut tries = 0;
    let answer = loop {
        let answer = match action {
            JobAction::Replay => engine.replay(id, None, key.clone()).await.map(|answer| Some(answer.execution.id)),
            JobAction::Retry => engine.move_only(id, Control::Retry, key.clone()).await.map(|()| None),
            JobAction::Cancel => engine.move_only(id, Control::Cancel, key.clone()).await.map(|()| None),
            JobAction::Pause => engine.move_only(id, Control::Pause, key.clone()).await.map(|()| None),
            JobAction::Resume => engine.move_only(id, Control::Resume, key.clone()).await.map(|()| None),
        };
        match &answer {
            Err(error) if is_passing(error) && tries < AGAIN_MAX => tries += 1,
            _ => break answer,
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    };
    let item =
        |outcome| JobItem { execution_id: id, outcome, code: None, detail: None, new_execution_id: None, at: engine.now() };
    match answer {
        Ok(new_execution_id) => Ok(JobItem { new_execution_id, ..item(JobOutcome::Done) }),
        Err(Error::Closed) => Err(Error::Closed),
        Err(error) => {
            let gone = matches!(&error, Error::Refused(Refusal::InvalidState { .. } | Refusal::ExecutionNotFound { .. }));
            let outcome = if gone { JobOutcome::Skipped } else { JobOutcome::Failed };
            Ok(JobItem { code: Some(error.code().to_owned()), detail: Some(error.to_string()), ..item(outcome) })
        }
    }
}

/// Whether the same call may go well in a moment.
fn is_passing(error: &Error) -> bool {
    matches!(error, Error::Overloaded { .. } | Error::StoreUnavailable { .. } | Error::OutcomeUnknown { .. })
}

impl Engine {
    /// A control call whose caller does not want to know what the execution is like then.
    async fn move_only(&self, id: ExecutionId, control: Control, key: Option<IdempotencyKey>) -> Result<(), Error> {
        self.move_it(id, control, None, key).await
    }
}

impl Jobs {
    /// Other engines run what belongs to these ranges.
    pub(crate) fn let_go(&self, ranges: Ranges) {
        for (id, live) in self.live().iter() {
            if ranges.contains(stored::home(id)) {
                live.wanted.send_replace(Wanted::LetGo);
            }
        }
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        // Who watches a job is told that nobody works on it any more.
        self.live().clear();
    }
}
