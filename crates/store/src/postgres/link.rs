//! Connections. Each has a runtime of its own, which goes on only while somebody waits for an answer: the contract of a store
//! blocks, and an answer needs no other thread.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Condvar, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use super::address::{Address, Unconnected};
use super::error::{PostgresError, Trouble, message};

/// A statement that takes longer has no answer: the network is gone, or PostgreSQL stands still.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// However short the lease is, a commit may take so long.
const COMMIT_WITHIN_MIN: Duration = Duration::from_secs(10);
/// A connection is made, or not, in this time.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Statements whose plans a connection keeps.
const STATEMENTS_KEPT: usize = 64;

pub(super) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// What a statement has said.
type Said<T> = Result<T, tokio_postgres::Error>;
/// A statement on its way.
pub(super) type OnItsWay<'a> = Pin<Box<dyn Future<Output = Said<Vec<Row>>> + Send + 'a>>;

/// One connection.
pub(super) struct Link {
    client: Client,
    answer_within: Duration,
    statements: Mutex<Vec<(String, Statement)>>,
    /// What others have notified it of.
    told: UnboundedReceiver<String>,
    /// Taken when it is let go.
    runtime: Option<Runtime>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("closed", &self.client.is_closed()).finish_non_exhaustive()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // A store may be let go by a thread that must not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Link {
    /// A connection that is set up as ours are. `role` is what `pg_stat_activity` shows it as.
    pub fn connect(address: &Address, role: &str) -> Result<Link, PostgresError> {
        Link::connect_within(address, role, CONNECT_WITHIN, ANSWER_WITHIN)
    }

    /// The one that commits. A network that swallows what is sent is given up about when others would take over from an engine that is
    /// gone: what it owns would stand still for longer otherwise, since the lease is kept on another connection.
    pub fn for_commits(address: &Address, lease: Duration) -> Result<Link, PostgresError> {
        Link::connect_within(address, "commits", CONNECT_WITHIN.min(lease), ANSWER_WITHIN.min(lease.max(COMMIT_WITHIN_MIN)))
    }

    /// The same for who cannot wait that long for a connection, or for an answer on it.
    pub fn connect_within(
        address: &Address,
        role: &str,
        connect_within: Duration,
        answer_within: Duration,
    ) -> Result<Link, PostgresError> {
        let at = || address.shown().to_owned();
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| PostgresError::Other { at: at(), reason: error.to_string() })?;
        let unreachable = |reason: String| PostgresError::Unreachable { at: at(), reason };
        let (teller, told) = unbounded_channel();
        let connected = off_runtime(|| runtime.block_on(address.connect(role, teller, connect_within)));
        let client = connected.map_err(|Unconnected { refused, reason }| match refused {
            true => PostgresError::Refused { at: at(), reason },
            false => unreachable(reason),
        })?;
        let link = Link { client, answer_within, statements: Mutex::default(), told, runtime: Some(runtime) };
        let settings = format!("SET search_path = {}; {SETTINGS}", address.schema());
        let settled = link.run(|link| link.client.batch_execute(&settings));
        settled.map_err(|trouble| match trouble {
            Trouble::Postgres(error) => PostgresError::Refused { at: at(), reason: message(&error) },
            other => unreachable(other.during("connect").message),
        })?;
        Ok(link)
    }

    /// One that is told what engines of this schema notify each other of.
    pub fn listening(
        address: &Address,
        role: &str,
        connect_within: Duration,
        answer_within: Duration,
    ) -> Result<Link, PostgresError> {
        let link = Link::connect_within(address, role, connect_within, answer_within)?;
        let listen = format!("LISTEN \"workflow:{}\"", address.schema().trim_matches('"'));
        link.script(&listen).map_err(|trouble| {
            let reason = trouble.during("listen").message;
            PostgresError::Unreachable { at: address.shown().to_owned(), reason }
        })?;
        Ok(link)
    }

    /// Waits on this connection for what `until` says.
    pub fn wait<T>(&mut self, until: impl AsyncFnOnce(&mut UnboundedReceiver<String>) -> T) -> T {
        let runtime = self.runtime.as_ref().expect("it is there until it is let go");
        runtime.block_on(until(&mut self.told))
    }

    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Waits for what `work` is, but not for ever.
    fn run<'a, T: Send, F: Future<Output = Said<T>>>(&'a self, work: impl FnOnce(&'a Link) -> F + Send) -> Result<T, Trouble> {
        let runtime = self.runtime.as_ref().expect("it is there until it is let go");
        let answer = || runtime.block_on(async { tokio::time::timeout(self.answer_within, work(self)).await });
        match off_runtime(answer) {
            Ok(said) => Ok(said?),
            Err(_) => Err(Trouble::Silent(self.answer_within)),
        }
    }

    /// Several statements, without parameters.
    pub fn script(&self, sql: &str) -> Result<(), Trouble> {
        self.run(|link| link.client.batch_execute(sql))
    }

    pub fn query(&self, sql: &str, values: Values<'_>) -> Result<Vec<Row>, Trouble> {
        let statement = self.prepared(sql)?;
        self.run(|link| async move { link.client.query(&statement, values).await })
    }

    /// The only row.
    pub fn query_one(&self, sql: &str, values: Values<'_>) -> Result<Row, Trouble> {
        let mut rows = self.query(sql, values)?;
        match (rows.pop(), rows.is_empty()) {
            (Some(row), true) => Ok(row),
            _ => Err(Trouble::Corrupt(format!("expected one row of `{sql}`"))),
        }
    }

    /// A statement whose plan is known to this connection.
    pub fn prepared(&self, sql: &str) -> Result<Statement, Trouble> {
        let kept = |statements: &[(String, Statement)]| {
            statements.iter().find(|(text, _)| text == sql).map(|(_, statement)| statement.clone())
        };
        if let Some(statement) = kept(&self.statements.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(statement);
        }
        let statement = self.run(|link| link.client.prepare(sql))?;
        let mut statements = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        if statements.len() == STATEMENTS_KEPT {
            statements.remove(0);
        }
        statements.push((sql.to_owned(), statement.clone()));
        Ok(statement)
    }

    /// Reads of one moment: nothing that is committed meanwhile is seen. The lock is taken before that moment: what was moved out of a
    /// table is seen in its old place until then, so whoever drops that waits for those who look back.
    pub fn of_one_moment<T>(&self, read: impl FnOnce(&Link) -> Result<T, Trouble>) -> Result<T, Trouble> {
        self.script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; LOCK TABLE ONLY history_kept IN ACCESS SHARE MODE")?;
        let answer = read(self);
        match &answer {
            Err(trouble) if trouble.breaks_connection() => {}
            _ => self.script("COMMIT")?,
        }
        answer
    }

    /// Sends all statements at once, in their order, and waits for all their answers.
    pub fn pipeline(&self, statements: Vec<OnItsWay<'_>>) -> Result<Vec<Said<Vec<Row>>>, Trouble> {
        self.run(|_| async move { Ok(in_order(statements).await) })
    }

    /// One of a pipeline.
    pub fn statement<'a>(&'a self, statement: &'a Statement, values: Values<'a>) -> OnItsWay<'a> {
        Box::pin(self.client.query(statement, values))
    }

    /// A word like `BEGIN`, as one of a pipeline.
    pub fn word<'a>(&'a self, word: &'static str) -> OnItsWay<'a> {
        Box::pin(async move { self.client.batch_execute(word).await.map(|()| Vec::new()) })
    }
}

/// Where a runtime is under way nothing may wait, but on another thread: who opens, or closes, may be there. Those that the engine reads
/// and commits on are not.
fn off_runtime<T: Send>(wait: impl FnOnce() -> T + Send) -> T {
    if tokio::runtime::Handle::try_current().is_err() {
        return wait();
    }
    std::thread::scope(|scope| scope.spawn(wait).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}

/// A statement is sent when its future is polled for the first time: so they are polled in their order.
async fn in_order(mut statements: Vec<OnItsWay<'_>>) -> Vec<Said<Vec<Row>>> {
    let mut said: Vec<Option<Said<Vec<Row>>>> = statements.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (statement, said) in statements.iter_mut().zip(&mut said) {
            if said.is_none()
                && let Poll::Ready(answer) = statement.as_mut().poll(context)
            {
                *said = Some(answer);
            }
        }
        if said.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    said.into_iter().flatten().collect()
}

/// What every connection needs. A commit survives a crash whatever the database's default is; a stopped process holds no locks for
/// long; and statements have one plan, over indexes and in their order, however small or young a table is: what a bitmap finds, or what is
/// sorted, would have to be read whole before the first row is there.
const SETTINGS: &str = "\
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local'); \
    SET idle_in_transaction_session_timeout = '5s'; \
    SET lock_timeout = '20s'; \
    SET plan_cache_mode = force_generic_plan; \
    SET enable_seqscan = off; \
    SET enable_bitmapscan = off; \
    SET enable_incremental_sort = off; \
    SET enable_hashjoin = off; \
    SET enable_mergejoin = off; \
    SET enable_material = off; \
    SET enable_memoize = off; \
    SET jit = off; \
    SET client_min_messages = 'error'; \
    SET TimeZone = 'UTC'";

/// Connections for those who read: as many as needed, up to a limit.
#[derive(Debug)]
pub(super) struct Pool {
    address: Address,
    max: usize,
    state: Mutex<Pooled>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Pooled {
    idle: Vec<Link>,
    lent: usize,
}

impl Pool {
    pub fn new(address: Address, max: usize) -> Pool {
        Pool { address, max: max.max(1), state: Mutex::default(), freed: Condvar::new() }
    }

    /// Reads on a connection of its own. One that was idle may have been closed behind our back: then another is made, and asked
    /// again.
    pub fn with<T>(&self, read: impl Fn(&Link) -> Result<T, Trouble>) -> Result<T, Trouble> {
        let mut lent = self.lend()?;
        loop {
            let was_idle = lent.was_idle;
            let answer = read(lent.link());
            match &answer {
                Err(trouble) if trouble.breaks_connection() => {
                    lent.link = None;
                    if !was_idle {
                        return answer;
                    }
                    lent.link = Some(Link::connect(&self.address, READER)?);
                    lent.was_idle = false;
                }
                _ => return answer,
            }
        }
    }

    fn lend(&self) -> Result<Lent<'_>, Trouble> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.lent >= self.max {
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.lent += 1;
        let idle = state.idle.pop();
        drop(state);
        let mut lent = Lent { pool: self, was_idle: idle.is_some(), link: idle };
        if lent.link.is_none() {
            lent.link = Some(Link::connect(&self.address, READER)?);
        }
        Ok(lent)
    }

    /// Closes those that nobody uses.
    pub fn rest(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).idle.clear();
    }
}

const READER: &str = "reads";

/// A connection that goes back when it is dropped.
struct Lent<'a> {
    pool: &'a Pool,
    was_idle: bool,
    link: Option<Link>,
}

impl Lent<'_> {
    fn link(&self) -> &Link {
        self.link.as_ref().expect("it is lent")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.lent -= 1;
        // After a panic it may be in a transaction.
        if let Some(link) = self.link.take().filter(|link| !link.is_closed() && !std::thread::panicking()) {
            state.idle.push(link);
        }
        drop(state);
        self.pool.freed.notify_one();
    }
}
