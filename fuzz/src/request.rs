//! Requests: a first line `METHOD /path`, lines of headers, an empty line, a body. Each is answered, and what is refused is refused
//! with a problem that says what is wrong; nothing is the server's fault.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use axum::response::Response;
use tower::ServiceExt;

use super::home::at_home;

/// Who waits is not waited for.
const PATIENCE: Duration = Duration::from_millis(100);

pub fn run(data: &[u8]) {
    let Some(request) = request(data) else { return };
    let what = format!("{} {}", request.method(), request.uri());
    at_home(|home| {
        home.block_on(async {
            let answered = tokio::time::timeout(PATIENCE, home.router.clone().oneshot(request)).await;
            if let Ok(Ok(response)) = answered {
                check(&what, response).await;
            }
        });
    });
}

fn request(data: &[u8]) -> Option<Request<Body>> {
    let end = data.windows(2).position(|two| two == b"\n\n");
    let (head, body) = end.map_or((data, &[][..]), |end| (&data[..end], &data[end + 2..]));
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = std::str::from_utf8(lines.next()?).ok()?;
    let (method, path) = first.split_once(' ')?;
    let (method, uri): (Method, Uri) = (method.parse().ok()?, path.parse().ok()?);
    let is_quiet = body.windows(12).any(|part| part == b"\"actions\":[]");
    if method == Method::PUT && uri.path().contains("endpoints") && !is_quiet {
        // It would call out.
        return None;
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for line in lines {
        let at = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..at]).ok()?;
        let value = HeaderValue::from_bytes(line[at + 1..].trim_ascii()).ok()?;
        if name == header::HOST || name == header::CONTENT_TYPE {
            headers.insert(name, value);
        } else {
            headers.try_append(name, value).ok()?;
        }
    }
    let mut request = Request::new(Body::from(body.to_vec()));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Some(request)
}

async fn check(what: &str, response: Response) {
    let (parts, body) = response.into_parts();
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    assert!(parts.headers.contains_key("x-request-id"), "{what}");
    if kind == "text/event-stream" {
        return;
    }
    let Ok(Ok(bytes)) = tokio::time::timeout(PATIENCE, to_bytes(body, usize::MAX)).await else { return };
    let text = String::from_utf8_lossy(&bytes);
    let status = parts.status;
    assert!(!status.is_server_error() || status == StatusCode::SERVICE_UNAVAILABLE, "{what}: {status} {text}");
    if kind.ends_with("json") && !bytes.is_empty() {
        let answer: Result<std::collections::BTreeMap<String, Box<serde_json::value::RawValue>>, _> =
            serde_json::from_slice(&bytes);
        assert!(answer.is_ok(), "{what}: {status} {answer:?}: {text}");
    }
    if !status.is_success() && status != StatusCode::SWITCHING_PROTOCOLS {
        assert_eq!(kind, "application/problem+json", "{what}: {status} {text}");
    }
}
