//! The HTTP requests besides the load: to register.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::load::answer::{Read, read};
use crate::load::request::Url;

const ANSWER_WITHIN: Duration = Duration::from_secs(60);

pub fn put(url: &str, body: &str) -> Result<()> {
    let Url { address, path } = Url::parse(url)?;
    let mut connection = TcpStream::connect(&address).with_context(|| format!("cannot connect to {address}"))?;
    connection.set_read_timeout(Some(ANSWER_WITHIN))?;
    let length = body.len();
    let head =
        format!("PUT {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    connection.write_all(head.as_bytes())?;
    connection.write_all(body.as_bytes())?;
    let (mut received, mut part) = (Vec::new(), [0; 16 << 10]);
    loop {
        let count = connection.read(&mut part).with_context(|| format!("PUT {url}"))?;
        ensure!(count > 0, "PUT {url}: the connection was closed in the middle of the answer");
        received.extend_from_slice(&part[..count]);
        if let Read::Whole(answer) = read(&received)? {
            if !(200..300).contains(&answer.status) {
                bail!("PUT {url} was answered {}: {}", answer.status, String::from_utf8_lossy(answer.body));
            }
            return Ok(());
        }
    }
}
