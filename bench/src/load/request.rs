//! A request that is made once: ids have one length, so that each request only writes its own id over the last one.

use anyhow::{Context, Result, bail};

/// What stands in URL and body where an id goes.
const MARK: &str = "@ID@";

#[derive(Debug)]
pub struct Url {
    /// Host and port.
    pub address: String,
    pub path: String,
}

#[derive(Debug, Clone)]
pub struct Request {
    bytes: Vec<u8>,
    /// Where the number goes within `bytes`.
    places: Vec<usize>,
}

/// So many digits of an id are the number of the request, with what makes it another one than those of other runs before them.
const DIGITS: usize = 9;

impl Url {
    pub fn parse(url: &str) -> Result<Url> {
        let Some(rest) = url.strip_prefix("http://") else { bail!("`{url}` is not a URL that begins with `http://`") };
        let (address, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        address.rsplit_once(':').with_context(|| format!("`{url}` names no port"))?;
        Ok(Url { address: address.to_owned(), path: if path.is_empty() { "/" } else { path }.to_owned() })
    }
}

impl Request {
    pub fn new(url: &Url, body: &str) -> Request {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Request::of_run(url, body, &format!("{:x}-", since_1970.as_micros()))
    }

    fn of_run(url: &Url, body: &str, run: &str) -> Request {
        let length = body.len() + body.matches(MARK).count() * (run.len() + DIGITS - MARK.len());
        let Url { address, path } = url;
        let text = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\naccept: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let (mut bytes, mut places) = (Vec::new(), Vec::new());
        for (index, piece) in text.split(MARK).enumerate() {
            if index > 0 {
                bytes.extend_from_slice(run.as_bytes());
                places.push(bytes.len());
                bytes.extend_from_slice(&[b'0'; DIGITS]);
            }
            bytes.extend_from_slice(piece.as_bytes());
        }
        Request { bytes, places }
    }

    pub fn with_id(&mut self, number: u64) -> &[u8] {
        for place in &self.places {
            let mut rest = number;
            for digit in self.bytes[*place..place + DIGITS].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_becomes_the_id_and_the_length_is_that_of_the_body() {
        let url = Url::parse("http://127.0.0.1:80/a/@ID@?b=@ID@").unwrap();
        let mut request = Request::of_run(&url, r#"{"id":"@ID@"}"#, "r-");
        request.with_id(7);
        let text = String::from_utf8(request.with_id(42).to_vec()).unwrap();
        assert!(text.starts_with("POST /a/r-000000042?b=r-000000042 HTTP/1.1\r\nhost: 127.0.0.1:80\r\n"));
        assert!(text.ends_with("content-length: 20\r\n\r\n{\"id\":\"r-000000042\"}"));
    }

    #[test]
    fn a_url_without_a_port_is_refused() {
        assert!(Url::parse("http://127.0.0.1/a").is_err());
        assert!(Url::parse("https://127.0.0.1:80/a").is_err());
        assert_eq!(Url::parse("http://localhost:80").unwrap().path, "/");
    }
}
