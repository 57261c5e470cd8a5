//! A WebSocket with heartbeats: each side sends something now and then, and who is silent for too long is gone.
//!
//! Nothing is queued here. A frame is taken when the one before it has left ([`Link::is_idle`]), so whoever sends collects what is
//! ready meanwhile, and a peer that does not read holds nothing up but itself.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};

use super::SILENT_HEARTBEATS;

/// Frames are taken from the socket in pieces of this size.
const READ_BYTES: usize = 32 << 10;
/// A farewell is short; who does not take it in this time has gone.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct Link<S> {
    socket: WebSocketStream<S>,
    heartbeat: Duration,
    /// A frame has been handed over and has not left.
    sending: bool,
    last_sent: Instant,
    last_heard: Instant,
    /// Looks at the times above; late is no harm, so it is not moved with every frame.
    alarm: Pin<Box<Sleep>>,
}

/// What happened on a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    Frame(Utf8Bytes),
    /// The other side is there, and has nothing to say.
    Heartbeat,
    /// The frame has left: there may be another one.
    Sent,
    /// The other side has closed the connection.
    Closed,
}

/// Why a link is of no use any more.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    #[error("nothing was heard for {} s", .0.as_secs_f64())]
    Silent(Duration),
    #[error("a frame was not taken within {} s", .0.as_secs_f64())]
    Stuck(Duration),
    #[error("a binary frame came; frames of this protocol are text")]
    Binary,
    #[error("a frame of {bytes} bytes came, the limit is {limit}")]
    TooLarge { bytes: usize, limit: usize },
    #[error(transparent)]
    Socket(#[from] tungstenite::Error),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    /// On a connection that has been upgraded; larger frames than `frame_bytes_max` are not taken.
    pub async fn new(upgraded: S, role: Role, frame_bytes_max: usize, heartbeat: Duration) -> Link<S> {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .max_message_size(Some(frame_bytes_max))
            .max_frame_size(Some(frame_bytes_max));
        let socket = WebSocketStream::from_raw_socket(upgraded, role, Some(config)).await;
        let now = Instant::now();
        let alarm = Box::pin(sleep_until(now + heartbeat));
        Link { socket, heartbeat, sending: false, last_sent: now, last_heard: now, alarm }
    }

    /// From now on with these.
    pub fn set_heartbeat(&mut self, heartbeat: Duration) {
        self.heartbeat = heartbeat;
        self.alarm.as_mut().reset(Instant::now());
    }

    /// Whether the next frame can be sent.
    pub fn is_idle(&self) -> bool {
        !self.sending
    }

    /// Begins to send a frame; [`Link::next`] sends it. For when the link is idle: a heartbeat may still be leaving.
    pub fn send(&mut self, frame: String) -> Result<(), Broken> {
        Pin::new(&mut self.socket).start_send(Message::text(frame))?;
        self.sending = true;
        self.last_sent = Instant::now();
        Ok(())
    }

    /// Waits for what happens next, and keeps the connection alive meanwhile. Cancel-safe.
    pub async fn next(&mut self) -> Result<Heard, Broken> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Heard, Broken>> {
        loop {
            if self.sending && Pin::new(&mut self.socket).poll_flush(context)?.is_ready() {
                self.sending = false;
                return Poll::Ready(Ok(Heard::Sent));
            }
            match Pin::new(&mut self.socket).poll_next(context) {
                Poll::Ready(Some(Ok(message))) => {
                    self.last_heard = Instant::now();
                    match message {
                        Message::Text(text) if text.as_str() == "[]" => return Poll::Ready(Ok(Heard::Heartbeat)),
                        Message::Text(text) => return Poll::Ready(Ok(Heard::Frame(text))),
                        Message::Binary(_) => return Poll::Ready(Err(Broken::Binary)),
                        Message::Close(_) => return Poll::Ready(Ok(Heard::Closed)),
                        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
                    }
                    continue;
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(broken(error))),
                Poll::Ready(None) => return Poll::Ready(Ok(Heard::Closed)),
                Poll::Pending => {}
            }
            if self.alarm.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.look_at_times()?;
        }
    }

    fn look_at_times(&mut self) -> Result<(), Broken> {
        let (now, patience) = (Instant::now(), self.heartbeat * SILENT_HEARTBEATS);
        if now >= self.last_heard + patience {
            return Err(Broken::Silent(patience));
        }
        if self.sending && now >= self.last_sent + patience {
            return Err(Broken::Stuck(patience));
        }
        if !self.sending && now >= self.last_sent + self.heartbeat {
            self.send("[]".to_owned())?;
        }
        let to_send = if self.sending { self.last_sent + patience } else { self.last_sent + self.heartbeat };
        self.alarm.as_mut().reset(to_send.min(self.last_heard + patience));
        Ok(())
    }

    /// Sends a last frame, when there is one, and says goodbye; a peer that does not listen is left.
    pub async fn close(mut self, last: Option<String>) {
        let socket = &mut self.socket;
        let farewell = async {
            use futures_util::SinkExt;
            if let Some(frame) = last {
                socket.send(Message::text(frame)).await?;
            }
            socket.close(None).await?;
            // The other side closes too when it has read everything; a socket that is closed earlier may take that away from it.
            while poll_fn(|context| Pin::new(&mut *socket).poll_next(context)).await.is_some_and(|heard| heard.is_ok()) {}
            Ok::<(), tungstenite::Error>(())
        };
        // It is gone, or it will be: there is nothing to be done about it.
        drop(timeout(CLOSE_WITHIN, farewell).await);
    }
}

fn broken(error: tungstenite::Error) -> Broken {
    match error {
        tungstenite::Error::Capacity(tungstenite::error::CapacityError::MessageTooLong { size, max_size }) => {
            Broken::TooLarge { bytes: size, limit: max_size }
        }
        error => Broken::Socket(error),
    }
}
