//! Bodies of requests: read within bounds, parsed once, their payloads kept as text.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use workflow_core::json::Json;

use crate::app::App;
use crate::limits;
use crate::problem::{Kind, Problem};

/// A body of JSON that is one of these, with its room for as long as the call is not answered.
pub(crate) struct JsonBody<T>(pub T, pub Room);

/// A body's room among those in memory; given back when it is dropped. None for no body.
#[must_use]
#[derive(Debug, Default)]
pub(crate) struct Room(Option<OwnedSemaphorePermit>);

/// What a body of JSON can be.
pub(crate) trait FromBody: DeserializeOwned {
    /// What is read of it.
    fn bytes_max(app: &App) -> usize;

    /// What no body at all stands for; none where there has to be one.
    fn absent() -> Option<Self> {
        None
    }

    /// What to do about a body that does not fit.
    const HINT: &'static str;
}

/// The body of a call that takes none: nothing, or `{}`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

impl FromBody for Nothing {
    fn bytes_max(_: &App) -> usize {
        limits::SMALL_BODY_BYTES_MAX
    }

    fn absent() -> Option<Nothing> {
        Some(Nothing {})
    }

    const HINT: &'static str = "this call takes no body";
}

impl<T: FromBody> FromRequest<App> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<JsonBody<T>, Problem> {
        let (parts, body) = request.into_parts();
        let (received, room) = receive(&parts.headers, body, T::bytes_max(app), app, is_json).await?;
        if received.is_empty()
            && let Some(absent) = T::absent()
        {
            return Ok(JsonBody(absent, room));
        }
        parse(&received, T::HINT).map(|body| JsonBody(body, room))
    }
}

/// Reads a body that is `expected`, and at most so many bytes of it.
pub(crate) async fn receive(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
    app: &App,
    expected: fn(&str) -> bool,
) -> Result<(Bytes, Room), Problem> {
    // A call without a body, as `curl -X POST` makes it, has no type either.
    if body.is_end_stream() {
        return Ok((Bytes::new(), Room::default()));
    }
    if let Err(problem) = check_type(headers, expected) {
        discard(body);
        return Err(problem);
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if let Some(announced) = announced
        && announced > bytes_max as u64
    {
        // Who asked first (`Expect: 100-continue`, as curl does) has not sent it, and will not.
        if !headers.contains_key(header::EXPECT) {
            discard(body);
        }
        return Err(too_large(announced, bytes_max));
    }
    timeout(app.options.body_timeout, collect(body, bytes_max, app)).await.unwrap_or_else(|_| {
        let detail = format!("the body did not arrive within {}", crate::app::seconds(app.options.body_timeout));
        Err(Problem::new(&Kind::REQUEST_TIMEOUT, detail))
    })
}

async fn collect(mut body: Body, bytes_max: usize, app: &App) -> Result<(Bytes, Room), Problem> {
    let mut first: Option<Bytes> = None;
    let mut all = BytesMut::new();
    let mut room = Room::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Problem::new(&Kind::INVALID_REQUEST, format!("the body broke off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        let length = first.as_ref().map_or(all.len(), Bytes::len) + data.len();
        let taken = if length > bytes_max { Err(too_large(length as u64, bytes_max)) } else { room.hold(length, app) };
        if let Err(problem) = taken {
            discard(body);
            return Err(problem);
        }
        // Nearly every body is one piece: it is not copied.
        if first.is_none() && all.is_empty() {
            first = Some(data);
        } else {
            if let Some(first) = first.take() {
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&data);
        }
    }
    Ok((first.unwrap_or_else(|| all.freeze()), room))
}

impl Room {
    /// Takes more of it when so much has come.
    fn hold(&mut self, bytes: usize, app: &App) -> Result<(), Problem> {
        let held = self.0.as_ref().map_or(0, |room| room.num_permits() << 10);
        if bytes <= held {
            return Ok(());
        }
        let (more, instead) = app.admission.receiving(bytes, held)?;
        match &mut self.0 {
            Some(room) if !instead => room.merge(more),
            room => *room = Some(more),
        }
        Ok(())
    }
}

fn too_large(bytes: u64, bytes_max: usize) -> Problem {
    let detail = format!("the body is {} or more, the limit is {}", size(bytes), size(bytes_max as u64));
    Problem::new(&Kind::PAYLOAD_TOO_LARGE, detail)
}

fn size(bytes: u64) -> String {
    if bytes < 1 << 20 { format!("{:.1} KiB", bytes as f64 / 1_024.0) } else { format!("{:.1} MiB", bytes as f64 / 1_048_576.0) }
}

/// Reads and drops what is left of a body whose answer does not depend on it, so that a client that writes all before it reads
/// sees the answer instead of a broken connection.
pub(crate) fn discard(mut body: Body) {
    if body.is_end_stream() {
        return;
    }
    tokio::spawn(timeout(limits::DROPPING_MAX, async move {
        let mut dropped = 0;
        while let Some(Ok(frame)) = body.frame().await {
            dropped += frame.data_ref().map_or(0, Bytes::len);
            if dropped > limits::DROPPED_BYTES_MAX {
                break;
            }
        }
    }));
}

/// What is longer is seen to when a request is refused before anybody has looked at it; hyper reads what is shorter by itself.
const SHORT_BYTES: u64 = 4 << 10;

/// A request whose body is discarded when it is refused for its path, its query or a header: whoever does that has no body.
pub(crate) fn seen_to(request: Request) -> Request {
    let headers = request.headers();
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let is_short = announced.map_or(request.body().is_end_stream(), |length| length <= SHORT_BYTES);
    if is_short || headers.contains_key(header::EXPECT) {
        request
    } else {
        request.map(|body| Body::new(Unread { body, read: false }))
    }
}

/// A body that nobody may ever read.
struct Unread {
    body: Body,
    /// Somebody has begun to.
    read: bool,
}

impl HttpBody for Unread {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        this.read = true;
        Pin::new(&mut this.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        // A runtime that ends drops everything, and takes nothing new.
        if !self.read && tokio::runtime::Handle::try_current().is_ok() {
            discard(std::mem::take(&mut self.body));
        }
    }
}

/// `application/json`, and types that say that they are JSON.
pub(crate) fn is_json(essence: &str) -> bool {
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// The media type without its parameters, in lower case; empty when there is none.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn check_type(headers: &HeaderMap, expected: fn(&str) -> bool) -> Result<(), Problem> {
    let unsupported = |detail: String| Err(Problem::new(&Kind::UNSUPPORTED_MEDIA_TYPE, detail));
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
        return unsupported(format!("bodies with content-encoding {encoding:?} are not read; send it as it is"));
    }
    match media_type(headers) {
        essence if expected(&essence) => Ok(()),
        essence if essence.is_empty() => {
            unsupported("the body has no type; send the header `content-type: application/json`".to_owned())
        }
        essence => unsupported(format!(
            "the body is said to be `{}`; send JSON with the header `content-type: application/json`",
            essence.escape_debug()
        )),
    }
}

/// A body that is there already.
pub(crate) fn parse_bounded<T: FromBody>(bytes: &[u8], app: &App) -> Result<T, Problem> {
    let bytes_max = T::bytes_max(app);
    if bytes.len() > bytes_max {
        return Err(too_large(bytes.len() as u64, bytes_max));
    }
    parse(bytes, T::HINT)
}

/// Reads JSON into `T`. The message says where it does not fit.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8], hint: &str) -> Result<T, Problem> {
    let invalid = |detail: String| Problem::new(&Kind::INVALID_JSON, format!("{detail}; {hint}"));
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        None => Err(invalid("the body is empty".to_owned())),
        // serde would read an array into a struct.
        Some(b'[') => Err(invalid("the body is an array, an object was expected".to_owned())),
        Some(_) => serde_json::from_slice(bytes).map_err(|error| invalid(format!("the body is not what was expected: {error}"))),
    }
}

/// A whole body as it is: a definition.
impl FromBody for Json {
    fn bytes_max(_: &App) -> usize {
        limits::DEFINITION_BYTES_MAX
    }

    const HINT: &'static str = "send a workflow definition";
}

/// A field that is there, also when it is `null`.
pub(crate) fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<T: FromBody + std::fmt::Debug>(body: &str) -> String {
        parse::<T>(body.as_bytes(), T::HINT).unwrap_err().to_string()
    }

    #[test]
    fn messages_say_where_the_body_does_not_fit() {
        assert_eq!(message::<Nothing>(""), "the body is empty; this call takes no body");
        assert_eq!(
            message::<Nothing>(r#"{"a":1}"#),
            "the body is not what was expected: unknown field `a`, there are no fields at line 1 column 4; this call takes no body"
        );
        assert_eq!(message::<Nothing>(" []"), "the body is an array, an object was expected; this call takes no body");
        assert_eq!(
            message::<Json>("{\"a\": nul}"),
            "the body is not what was expected: expected ident at line 1 column 10; send a workflow definition"
        );
        assert_eq!(
            message::<Json>("{}}"),
            "the body is not what was expected: trailing characters at line 1 column 3; send a workflow definition"
        );
    }
}
