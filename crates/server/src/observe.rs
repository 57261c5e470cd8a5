//! A request id, a line in the log and two metrics for every request.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::Response;
use tokio::time::Instant;
use tracing::Instrument;

use crate::access::without_secrets;
use crate::{limits, metrics};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(crate) async fn observe(request: Request, answer: impl AsyncFnOnce(Request) -> Response) -> Response {
    let began = Instant::now();
    let id = request.headers().get(&REQUEST_ID).filter(|id| is_usable(id)).cloned().unwrap_or_else(new_id);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let path = tracing::enabled!(tracing::Level::DEBUG).then(|| without_secrets(request.uri().path()).into_owned());
    // At this level it is there for warnings and errors too, whatever else the log shows.
    let span = tracing::error_span!("request", id = id.to_str().unwrap_or_default());
    let mut response = answer(request).instrument(span).await;
    let took = began.elapsed();
    if let Some(path) = path {
        let status = response.status().as_u16();
        tracing::debug!(%method, path, status, took_us = took.as_micros(), id = ?id, "answered");
    }
    metrics::request(name(&method), route.as_ref().map_or("none", MatchedPath::as_str), response.status(), took);
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    harden(headers);
    response
}

/// What is said to browsers. An answer is data and no page: nothing in it runs, loads or is framed. What a route has said is kept.
fn harden(headers: &mut HeaderMap) {
    const POLICY: HeaderValue =
        HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(POLICY);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Clients choose the method: only those that are ours become a label.
fn name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" | "HEAD" => "GET",
        "PUT" => "PUT",
        "POST" => "POST",
        "DELETE" => "DELETE",
        _ => "other",
    }
}

/// Short and printable, so that it can stand in a log line.
fn is_usable(id: &HeaderValue) -> bool {
    (1..=limits::REQUEST_ID_CHARS_MAX).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

/// Unique in this process, and most likely among all.
fn new_id() -> HeaderValue {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| {
        use std::hash::{BuildHasher, RandomState};
        RandomState::new().hash_one("request id")
    });
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    HeaderValue::try_from(format!("{:08x}-{number}", *PROCESS as u32)).expect("hex digits and a dash")
}
