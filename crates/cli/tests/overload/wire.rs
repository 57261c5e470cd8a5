//! One connection, and HTTP/1.1 on it as far as it is needed here: cheap enough for thousands of them.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Debug)]
pub struct Wire {
    pub stream: TcpStream,
    received: Vec<u8>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<u64>,
    pub content_type: String,
    pub body: Vec<u8>,
}

/// A request as it goes over the wire.
pub fn request(method: &str, path: &str, key: Option<&str>, body: &[u8]) -> Vec<u8> {
    let key = key.map_or(String::new(), |key| format!("idempotency-key: {key}\r\n"));
    let content = if body.is_empty() { String::new() } else { "content-type: application/json\r\n".to_owned() };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{key}{content}content-length: {length}\r\n\r\n",
        length = body.len()
    );
    [head.as_bytes(), body].concat()
}

impl Wire {
    pub async fn open(address: &str) -> io::Result<Wire> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Wire { stream, received: Vec::new() })
    }

    pub async fn ask(&mut self, method: &str, path: &str, key: Option<&str>, body: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(&request(method, path, key, body)).await?;
        self.answer().await
    }

    /// The next answer. One with a length, which all here have but streams.
    pub async fn answer(&mut self) -> io::Result<Answer> {
        let end = loop {
            if let Some(end) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&self.received[..end]).to_ascii_lowercase();
        let header =
            |name: &str| head.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim().to_owned()));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
        let length: usize = header("content-length").map_or(0, |length| length.parse().expect("a length"));
        while self.received.len() < end + length {
            self.more().await?;
        }
        let answer = Answer {
            status,
            retry_after: header("retry-after").map(|seconds| seconds.parse().expect("seconds")),
            content_type: header("content-type").unwrap_or_default(),
            body: self.received[end..end + length].to_vec(),
        };
        self.received.drain(..end + length);
        Ok(answer)
    }

    async fn more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
