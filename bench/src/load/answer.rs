//! Where an answer ends, and what it says.

use anyhow::{Context, Result, ensure};

#[derive(Debug, PartialEq)]
pub struct Answer<'a> {
    pub status: u16,
    /// As it came: chunked ones with the lengths of their chunks.
    pub body: &'a [u8],
}

#[derive(Debug, PartialEq)]
pub enum Read<'a> {
    Partial,
    Whole(Answer<'a>),
}

/// `received` begins with an answer, and holds nothing after it: no request is sent before the answer to the last one.
pub fn read(received: &[u8]) -> Result<Read<'_>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head_bytes) = head.parse(received).context("not an answer of HTTP")? else {
        return Ok(Read::Partial);
    };
    let status = head.code.context("an answer without a status")?;
    let body = &received[head_bytes..];
    let header =
        |name: &str| head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value);
    let whole = if let Some(length) = header("content-length") {
        let length: usize = std::str::from_utf8(length)?.trim().parse().context("a length that is no number")?;
        ensure!(body.len() <= length, "{} bytes after an answer of {length}", body.len() - length);
        body.len() == length
    } else if header("transfer-encoding").is_some_and(|encoding| encoding.eq_ignore_ascii_case(b"chunked")) {
        chunks_end(body)?
    } else {
        // Without either only answers that have no body end before the connection does.
        ensure!(matches!(status, 204 | 304), "an answer {status} with neither a length nor chunks");
        true
    };
    Ok(if whole { Read::Whole(Answer { status, body }) } else { Read::Partial })
}

/// Whether the last chunk, the one without bytes, is there.
fn chunks_end(mut body: &[u8]) -> Result<bool> {
    loop {
        let httparse::Status::Complete((start, length)) =
            httparse::parse_chunk_size(body).map_err(|_| anyhow::anyhow!("a chunk without a length"))?
        else {
            return Ok(false);
        };
        let Some(rest) = body.get(start + usize::try_from(length)?..) else { return Ok(false) };
        if length == 0 {
            return Ok(rest.ends_with(b"\r\n"));
        }
        let Some(next) = rest.get(2..) else { return Ok(false) };
        body = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_length_says() {
        let text = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(read(text).unwrap(), Read::Whole(Answer { status: 201, body: b"{}" }));
        for cut in 0..text.len() {
            assert_eq!(read(&text[..cut]).unwrap(), Read::Partial, "cut at {cut}");
        }
        assert!(read(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{}").is_err());
    }

    #[test]
    fn an_answer_ends_with_its_empty_chunk() {
        let text = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n1\r\n \r\n0\r\n\r\n";
        assert!(matches!(read(text).unwrap(), Read::Whole(Answer { status: 200, .. })));
        for cut in 0..text.len() {
            assert_eq!(read(&text[..cut]).unwrap(), Read::Partial, "cut at {cut}");
        }
    }
}
