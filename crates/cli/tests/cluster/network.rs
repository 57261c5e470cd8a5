//! The network between engines and PostgreSQL: passes everything on until it is told to do harm.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What PostgreSQL answers when a commit has taken place.
const COMMITTED: &[u8] = b"C\0\0\0\x0bCOMMIT\0";
/// What an engine's connection that commits calls itself.
const COMMITS: &[u8] = b"workflow.do commits";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    ToPostgres,
    ToEngine,
}

/// What befalls the connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// All are cut.
    All,
    /// The next that has passed so many bytes more this way is cut, in the middle of whatever that is.
    After(Direction, usize),
    /// The next that commits is cut when PostgreSQL says that it has: the engine does not hear it.
    Committed,
}

#[derive(Debug)]
pub struct Network {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    postgres: AtomicU16,
    /// Waits for the connection that it befalls.
    harm: Mutex<Option<Harm>>,
    /// One more cuts all connections.
    cuts: watch::Sender<usize>,
    /// Nothing arrives, and nobody is told.
    swallows: watch::Sender<bool>,
}

impl Network {
    /// Leads to PostgreSQL on this port, until the runtime ends.
    pub async fn start(postgres: u16) -> Network {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cuts, swallows) = (watch::Sender::new(0), watch::Sender::new(false));
        let shared = Arc::new(Shared { postgres: postgres.into(), harm: Mutex::default(), cuts, swallows });
        let pass = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&pass).pass_on(near));
            }
        });
        Network { address, shared }
    }

    /// Does it now, or when a connection comes that it is for.
    pub fn harm(&self, harm: Harm) {
        match harm {
            Harm::All => self.shared.cuts.send_modify(|cuts| *cuts += 1),
            _ => *self.shared.harm.lock().unwrap() = Some(harm),
        }
    }

    /// New connections lead to PostgreSQL on this port, as an address does that moves to another machine.
    pub fn lead_to(&self, postgres: u16) {
        self.shared.postgres.store(postgres, Ordering::SeqCst);
    }

    /// Whether what was asked for has happened.
    pub fn is_done(&self) -> bool {
        self.shared.harm.lock().unwrap().is_none()
    }

    /// From now on everything that is sent is lost, or nothing any more; connections stay.
    pub fn swallow(&self, swallows: bool) {
        self.shared.swallows.send_replace(swallows);
    }
}

impl Shared {
    async fn pass_on(self: Arc<Shared>, near: TcpStream) {
        let mut cuts = self.cuts.subscribe();
        let Ok(far) = TcpStream::connect(("127.0.0.1", self.postgres.load(Ordering::SeqCst))).await else { return };
        near.set_nodelay(true).unwrap();
        far.set_nodelay(true).unwrap();
        let ((from_engine, to_engine), (from_postgres, to_postgres)) = (near.into_split(), far.into_split());
        let (named, name) = watch::channel(false);
        // With either end all of it ends.
        tokio::select! {
            () = self.pump(from_engine, to_postgres, Direction::ToPostgres, Some(named), name.clone()) => {}
            () = self.pump(from_postgres, to_engine, Direction::ToEngine, None, name) => {}
            _ = cuts.changed() => {}
        }
    }

    /// `name`: whether this is the connection that commits, which its first message tells.
    async fn pump(
        &self,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        direction: Direction,
        named: Option<watch::Sender<bool>>,
        name: watch::Receiver<bool>,
    ) {
        let mut bytes = vec![0; 64 << 10];
        loop {
            let Ok(count @ 1..) = from.read(&mut bytes).await else { return };
            if let Some(named) = &named
                && contains(&bytes[..count], COMMITS).is_some()
            {
                named.send_replace(true);
            }
            if *self.swallows.borrow() {
                continue;
            }
            let passed = self.passed(&bytes[..count], direction, *name.borrow());
            let written = to.write_all(&bytes[..passed.unwrap_or(count)]).await;
            if passed.is_some() || written.is_err() {
                return;
            }
        }
    }

    /// How much of this still passes before the connection is cut; none when it is not.
    fn passed(&self, bytes: &[u8], direction: Direction, commits: bool) -> Option<usize> {
        let mut harm = self.harm.lock().unwrap();
        let passed = match *harm {
            Some(Harm::After(this_way, left)) if this_way == direction => {
                if left > bytes.len() {
                    *harm = Some(Harm::After(this_way, left - bytes.len()));
                    return None;
                }
                Some(left)
            }
            Some(Harm::Committed) if direction == Direction::ToEngine && commits => contains(bytes, COMMITTED),
            _ => None,
        };
        if passed.is_some() {
            *harm = None;
        }
        passed
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
