//! The WebSocket below the worker protocol: bytes that a peer might send, a first one that says which side they come from. It ends,
//! and what it took for frames is text within the limit.

use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::protocol::Role;
use workflow_server::protocol::{HEARTBEAT, Heard, Link};

const FRAME_BYTES_MAX: usize = 4_096;

pub fn run(data: &[u8]) {
    let Some((side, bytes)) = data.split_first() else { return };
    let role = if side % 2 == 0 { Role::Server } else { Role::Client };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        // All that comes and all that goes out fits, so that neither waits for the other.
        let (ours, mut theirs) = tokio::io::duplex(bytes.len() * 4 + (64 << 10));
        theirs.write_all(bytes).await.expect("it fits");
        let mut link = Link::new(ours, role, FRAME_BYTES_MAX, HEARTBEAT).await;
        theirs.shutdown().await.expect("nobody has closed it");
        loop {
            match link.next().await {
                Ok(Heard::Frame(text)) => assert!(text.len() <= FRAME_BYTES_MAX, "a frame of {} bytes", text.len()),
                Ok(Heard::Sent | Heard::Heartbeat) => {}
                Ok(Heard::Closed) | Err(_) => break,
            }
        }
    });
}
