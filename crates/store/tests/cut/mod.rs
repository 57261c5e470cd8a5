//! Stands between a store and PostgreSQL, and cuts the connection that puts partitions in order after as many statements as it is told.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use workflow_store::{Fault, Tidied};

/// What that connection says of itself.
const NAME: &[u8] = b"workflow.do partitions";
/// None is cut.
const NEVER: i64 = i64::MAX;

pub struct Cut {
    /// The way through.
    pub url: String,
    left: Arc<AtomicI64>,
}

impl Cut {
    /// In front of the database at this address.
    pub fn before(url: &str) -> Cut {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let (user, rest) = url.split_once('@').unwrap();
        let (server, database) = rest.split_once('/').unwrap();
        let through = format!("{user}@{}/{database}?sslmode=disable", listener.local_addr().unwrap());
        let (server, left) = (server.to_owned(), Arc::new(AtomicI64::new(NEVER)));
        let counted = Arc::clone(&left);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (there, left) = (TcpStream::connect(&server).unwrap(), Arc::clone(&counted));
                client.set_nodelay(true).unwrap();
                there.set_nodelay(true).unwrap();
                let (mut from, mut to) = (there.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
                std::thread::spawn(move || {
                    // Whoever ends, ends both.
                    let _ = pass(&client, &there, &left);
                    let _ = there.shutdown(Shutdown::Both);
                    let _ = client.shutdown(Shutdown::Both);
                });
            }
        });
        Cut { url: through, left }
    }

    /// Whether it was cut: after its `statements`th statement was handed over, before the answer.
    pub fn after(&self, statements: i64, work: impl FnOnce() -> Result<Tidied, Fault>) -> bool {
        self.left.store(statements, Ordering::SeqCst);
        let outcome = work();
        let was_cut = self.left.swap(NEVER, Ordering::SeqCst) <= 0;
        assert!(was_cut || outcome.is_ok(), "{outcome:?}");
        was_cut
    }
}

/// Hands over message by message.
fn pass(mut from: &TcpStream, mut to: &TcpStream, left: &AtomicI64) -> std::io::Result<()> {
    let first = message(&mut from, Vec::new())?;
    to.write_all(&first)?;
    let counts = first.windows(NAME.len()).any(|part| part == NAME);
    loop {
        let mut kind = vec![0];
        from.read_exact(&mut kind)?;
        // A script, or what ends a statement.
        let is_statement = matches!(kind[0], b'Q' | b'S');
        let message = message(&mut from, kind)?;
        to.write_all(&message)?;
        if counts && is_statement && left.load(Ordering::SeqCst) != NEVER && left.fetch_sub(1, Ordering::SeqCst) == 1 {
            return Ok(());
        }
    }
}

/// The rest of a message, which begins with its length.
fn message(from: &mut &TcpStream, mut message: Vec<u8>) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    message.extend_from_slice(&length);
    let rest = usize::try_from(u32::from_be_bytes(length)).unwrap() - 4;
    let read = message.len();
    message.resize(read + rest, 0);
    from.read_exact(&mut message[read..])?;
    Ok(message)
}
