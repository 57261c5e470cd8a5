//! A connection whose other side has to take what it is sent: not at once, but some of it now and then. What it leaves lies in
//! this process, and a client that reads nothing would keep it there for as long as it likes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::limits;

#[derive(Debug)]
pub(crate) struct Taken<S> {
    stream: S,
    timeout: Duration,
    /// Since the other side has left something: until when it has to take more, and how much it has taken since it was set.
    waiting: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<S> Taken<S> {
    pub fn new(stream: S, timeout: Duration) -> Taken<S> {
        Taken { stream, timeout, waiting: None }
    }

    /// What came of a write.
    fn look(&mut self, written: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(bytes)) => {
                if let Some((until, taken)) = &mut self.waiting {
                    *taken += bytes;
                    if *taken >= limits::WRITTEN_BYTES_MIN {
                        *taken = 0;
                        until.as_mut().reset(Instant::now() + self.timeout);
                    }
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => return self.wait(context).map(Err),
        }
        written
    }

    /// The other side has left something: why it is not waited for any longer.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let timeout = self.timeout;
        let (until, _) = self.waiting.get_or_insert_with(|| (Box::pin(sleep(timeout)), 0));
        let too_long = || io::Error::new(io::ErrorKind::TimedOut, "the client did not take what it was sent");
        until.as_mut().poll(context).map(|()| too_long())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Taken<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Taken<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.look(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.look(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Whoever flushes has nothing left to write; what is encrypted may lie below.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Ready(flushed) => {
                self.waiting = None;
                Poll::Ready(flushed)
            }
            Poll::Pending => self.wait(context).map(Err),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_cut_off_and_who_takes_a_little_now_and_then_is_not() {
        let (near, mut far) = duplex(1 << 10);
        let mut near = Taken::new(near, TIMEOUT);
        let answer = vec![0; 4 * limits::WRITTEN_BYTES_MIN];
        let began = Instant::now();
        let error = near.write_all(&answer).await.unwrap_err();
        assert_eq!((error.kind(), began.elapsed()), (io::ErrorKind::TimedOut, TIMEOUT));

        let (near, slow) = duplex(1 << 10);
        let mut near = Taken::new(near, TIMEOUT);
        let reads = tokio::spawn(async move {
            let (mut slow, mut read) = (slow, 0);
            while read < 4 * limits::WRITTEN_BYTES_MIN {
                sleep(TIMEOUT * 9 / 10).await;
                let mut piece = vec![0; limits::WRITTEN_BYTES_MIN + (1 << 10)];
                let bytes = piece.len().min(4 * limits::WRITTEN_BYTES_MIN - read);
                read += slow.read_exact(&mut piece[..bytes]).await.unwrap();
            }
            slow
        });
        near.write_all(&answer).await.unwrap();
        near.flush().await.unwrap();
        let _slow = reads.await.unwrap();
        // Nothing is left: it may be silent for as long as it likes.
        sleep(10 * TIMEOUT).await;
        near.write_all(b"more").await.unwrap();
        assert_eq!(far.read(&mut [0; 1]).await.unwrap(), 1, "what it was sent before it was cut off is still there");
    }
}
