//! Answers of JSON.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};
use workflow_core::json::Json;
use workflow_engine::{ExecutionView, StartAnswer};

use crate::problem::{Kind, Problem};

/// Most answers are not longer, and so are written without moving what is there already.
const USUAL_BYTES: usize = 2 << 10;

/// An answer of JSON. Payloads in it are written as the text that they came in.
pub(crate) fn json<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Result<Response, Problem> {
    Ok(of_bytes(status, bytes(value)?))
}

fn of_bytes(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(crate) fn execution(status: StatusCode, execution: &ExecutionView) -> Response {
    of_bytes(status, written(execution))
}

/// The body of such an answer.
pub(crate) fn text(execution: &ExecutionView) -> String {
    String::from_utf8(written(execution)).expect("JSON is UTF-8")
}

/// A long one would be copied each time that its text grows: room for its payloads is made at once.
fn written(execution: &ExecutionView) -> Vec<u8> {
    let outputs = execution.step_results.values().filter_map(|result| result.output.as_ref());
    let payloads = execution.state.values().chain(outputs).chain(&execution.output);
    let bytes = execution.input.len() + payloads.map(Json::len).sum::<usize>();
    let mut body = Vec::with_capacity(USUAL_BYTES + bytes);
    serde_json::to_writer(&mut body, execution).expect("an execution is JSON, and memory takes whatever is written");
    body
}

fn bytes<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::with_capacity(USUAL_BYTES);
    serde_json::to_writer(&mut body, value)
        .map_err(|error| Problem::new(&Kind::INTERNAL, format!("the answer is no JSON: {error}")))?;
    Ok(body)
}

pub(crate) fn ok<T: Serialize + ?Sized>(value: &T) -> Result<Response, Problem> {
    json(StatusCode::OK, value)
}

/// An answer that a client may keep if it asks each time whether it is still so, and is told in a word (304) when it is.
///
/// Not `immutable`, though a version of a definition never changes: the same address leads to another store when one was deleted and
/// begun anew, which is what somebody does who tries things out, and then its first version is another one.
pub(crate) fn kept<T: Serialize + ?Sized>(value: &T, asked: &HeaderMap) -> Result<Response, Problem> {
    let body = bytes(value)?;
    let tag = tag(&body);
    let is_known = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|known| known.to_str().ok()).any(|known| {
        let mut tags = known.split(',').map(|tag| tag.trim().trim_start_matches("W/"));
        tags.any(|known| known == "*" || known == tag)
    });
    let mut response = if is_known { StatusCode::NOT_MODIFIED.into_response() } else { of_bytes(StatusCode::OK, body) };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, HeaderValue::try_from(tag).expect("hexadecimal digits in quotes are ASCII"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

/// The name of a body among all that this address ever answers with.
fn tag(body: &[u8]) -> String {
    use std::fmt::Write;
    let mut tag = String::from('"');
    for byte in &Sha256::digest(body)[..16] {
        write!(tag, "{byte:02x}").expect("a text takes whatever is written");
    }
    tag.push('"');
    tag
}

/// 201 with an execution that was started, 200 with one that its idempotency key had started before.
pub(crate) fn started_status(answer: &StartAnswer) -> StatusCode {
    if answer.existed { StatusCode::OK } else { StatusCode::CREATED }
}

pub(crate) fn started(answer: &StartAnswer) -> Result<Response, Problem> {
    let response = execution(started_status(answer), &answer.execution);
    Ok(located(response, &format!("/api/v1/executions/{}", answer.execution.id)))
}

/// With the address of what it tells of.
pub(crate) fn located(mut response: Response, address: &str) -> Response {
    let address = HeaderValue::try_from(address).expect("ids and names are ASCII");
    response.headers_mut().insert(header::LOCATION, address);
    response
}
