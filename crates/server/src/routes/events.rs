//! Events: our own form, and CloudEvents 1.0 in structured and binary mode.

use std::borrow::Cow;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use workflow_core::id::{EventName, IdempotencyKey};
use workflow_core::json::Json;
use workflow_engine::{EventRequest, ExecutionView, RefusedStart};

use crate::app::App;
use crate::body::{self, media_type};
use crate::caller::OnBehalf;
use crate::parameters::{FromQuery, Pairs, Query, header_text, idempotency_key, wrong_header};
use crate::problem::{Kind, Problem};
use crate::{limits, reply, schema};

const STRUCTURED: &str = "application/cloudevents+json";
const BATCHED: &str = "application/cloudevents-batch+json";
const HINT: &str = r#"send {"event": "Customer.created", "data": {...}} or a CloudEvent"#;

pub(crate) struct EventQuery {
    dry_run: bool,
}

impl FromQuery for EventQuery {
    const NAMES: &'static [&'static str] = &["dryRun"];

    fn read(pairs: &Pairs) -> Result<EventQuery, Problem> {
        pairs.flag("dryRun").map(|dry_run| EventQuery { dry_run })
    }
}

/// Starts one execution of every workflow with a trigger that matches.
#[utoipa::path(
    post,
    path = "/api/v1/events",
    operation_id = "sendEvent",
    tag = "events",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "The event's id, where the body has none"),
        ("dryRun" = Option<bool>, Query, description = "`true`: says what it would start, and starts nothing")
    ),
    request_body(content(
        (schema::EventBody = "application/json"),
        (schema::CloudEvent = "application/cloudevents+json")
    )),
    responses((status = 200, description = "What was started, also when that is nothing", body = schema::EventAnswer))
)]
pub(crate) async fn event(
    State(app): State<App>,
    OnBehalf(engine): OnBehalf,
    Query(EventQuery { dry_run }): Query<EventQuery>,
    request: Request,
) -> Result<Response, Problem> {
    #[derive(Serialize)]
    struct Answer {
        executions: Vec<ExecutionView>,
        refused: Vec<RefusedStart>,
    }
    let (parts, body) = request.into_parts();
    let headers = parts.headers;
    if media_type(&headers) == BATCHED {
        body::discard(body);
        return Err(Problem::new(&Kind::UNSUPPORTED_MEDIA_TYPE, "batches of CloudEvents are not read; send one event a request"));
    }
    let bytes_max = app.options.payload_bytes_max + limits::ENVELOPE_BYTES_MAX;
    let (received, _room) = body::receive(&headers, body, bytes_max, &app, body::is_json).await?;
    // What is no key is told of also where a CloudEvent's own id is the one that counts.
    idempotency_key(&headers)?;
    let request = if headers.contains_key("ce-specversion") || headers.contains_key("ce-type") {
        binary(&headers, &received)?
    } else if media_type(&headers) == STRUCTURED {
        structured(&received)?
    } else {
        plain(&headers, &received)?
    };
    if dry_run {
        return reply::ok(&engine.event_dry_run(request).await?);
    }
    let answer = engine.event(request).await?;
    reply::ok(&Answer { executions: answer.executions, refused: answer.refused })
}

fn plain(headers: &HeaderMap, bytes: &[u8]) -> Result<EventRequest, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Plain {
        event: EventName,
        /// `null` is data, none is not.
        #[serde(default, deserialize_with = "body::present")]
        data: Option<Json>,
        id: Option<IdempotencyKey>,
    }
    let body: Plain = body::parse(bytes, HINT)?;
    let key = idempotency_key(headers)?;
    let id = match (body.id, key) {
        (Some(id), Some(key)) if id != key => return Err(wrong_header("idempotency-key", &"the event has another id")),
        (id, key) => id.or(key),
    };
    Ok(EventRequest { event: body.event, data: body.data.unwrap_or_else(Json::empty_object), id, source: None })
}

/// The attributes that say something to us; all others are allowed.
struct Attributes {
    specversion: String,
    id: String,
    source: String,
    kind: String,
}

impl Attributes {
    fn request(self, data: Json) -> Result<EventRequest, Problem> {
        let wrong = |name: &str, why: &dyn std::fmt::Display| {
            Problem::new(&Kind::INVALID_PARAMETER, format!("attribute `{name}` of the CloudEvent: {why}"))
        };
        if self.specversion != "1.0" {
            return Err(wrong("specversion", &format!("`{}` is not read, `1.0` is", self.specversion.escape_debug())));
        }
        if self.source.is_empty() {
            return Err(wrong("source", &"it is empty; it says where the event happened"));
        }
        Ok(EventRequest {
            event: EventName::new(&self.kind).map_err(|error| wrong("type", &error))?,
            data,
            id: Some(IdempotencyKey::new(&self.id).map_err(|error| wrong("id", &error))?),
            source: Some(self.source),
        })
    }
}

fn structured(bytes: &[u8]) -> Result<EventRequest, Problem> {
    #[derive(Deserialize)]
    struct Structured {
        specversion: String,
        id: String,
        source: String,
        #[serde(rename = "type")]
        kind: String,
        data: Option<Json>,
        data_base64: Option<String>,
    }
    let Structured { specversion, id, source, kind, data, data_base64 } = body::parse(bytes, HINT)?;
    let data = match (data, data_base64) {
        (Some(_), Some(_)) => return Err(Problem::new(&Kind::INVALID_JSON, "the CloudEvent has both `data` and `data_base64`")),
        (Some(data), None) => data,
        (None, Some(encoded)) => decoded(&encoded)?,
        (None, None) => Json::empty_object(),
    };
    Attributes { specversion, id, source, kind }.request(data)
}

fn decoded(encoded: &str) -> Result<Json, Problem> {
    let invalid = |why: String| Problem::new(&Kind::INVALID_JSON, format!("`data_base64` of the CloudEvent: {why}"));
    let bytes = STANDARD.decode(encoded).map_err(|error| invalid(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| invalid("it is no text; events hold JSON".to_owned()))?;
    Json::parse(text).map_err(|error| invalid(error.to_string()))
}

fn binary(headers: &HeaderMap, bytes: &[u8]) -> Result<EventRequest, Problem> {
    let attribute = |name: &str| {
        let Some(text) = header_text(headers, name)? else {
            return Err(wrong_header(name, &"a CloudEvent in binary mode has it, and this one does not"));
        };
        percent_decode_str(text).decode_utf8().map(Cow::into_owned).map_err(|_| wrong_header(name, &"it is no UTF-8"))
    };
    let attributes = Attributes {
        specversion: attribute("ce-specversion")?,
        id: attribute("ce-id")?,
        source: attribute("ce-source")?,
        kind: attribute("ce-type")?,
    };
    let data = if bytes.is_empty() {
        Json::empty_object()
    } else {
        serde_json::from_slice(bytes)
            .map_err(|error| Problem::new(&Kind::INVALID_JSON, format!("the data of the CloudEvent is not JSON: {error}")))?
    };
    attributes.request(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (axum::http::HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn null_is_the_data_of_an_event_and_none_is_an_empty_object() {
        let data = |body: &str| plain(&HeaderMap::new(), body.as_bytes()).unwrap().data.text().to_owned();
        assert_eq!(data(r#"{"event":"A","data":null}"#), "null");
        assert_eq!(data(r#"{"event":"A"}"#), "{}");
    }

    #[test]
    fn the_data_of_an_event_is_kept_as_it_is_written() {
        let body = br#"{"data": {"b":1.10, "a":[12345678901234567890]}, "event":"Order.placed", "id":"e1"}"#;
        let request = plain(&HeaderMap::new(), body).unwrap();
        assert_eq!(request.data.text(), r#"{"b":1.10, "a":[12345678901234567890]}"#);
        assert_eq!((request.event.as_str(), request.id.unwrap().as_str(), request.source), ("Order.placed", "e1", None));
    }

    #[test]
    fn an_idempotency_key_is_the_id_of_an_event_that_has_none() {
        let key = headers(&[("idempotency-key", "k1")]);
        assert_eq!(plain(&key, br#"{"event":"A"}"#).unwrap().id.unwrap().as_str(), "k1");
        assert_eq!(plain(&key, br#"{"event":"A","id":"other"}"#).unwrap_err().kind.code, "invalid_parameter");
    }

    #[test]
    fn a_cloud_event_is_the_same_in_both_modes() {
        let body = br#"{"specversion":"1.0","id":"e 1","source":"/shop","type":"Order.placed","time":"2026-01-01T00:00:00Z","data":{"n":1.0}}"#;
        let one = structured(body).unwrap();
        let two = binary(
            &headers(&[("ce-specversion", "1.0"), ("ce-id", "e%201"), ("ce-source", "/shop"), ("ce-type", "Order.placed")]),
            br#"{"n":1.0}"#,
        )
        .unwrap();
        let three = structured(
            br#"{"specversion":"1.0","id":"e 1","source":"/shop","type":"Order.placed","data_base64":"eyJuIjoxLjB9"}"#,
        )
        .unwrap();
        for other in [&two, &three] {
            assert_eq!((&one.event, &one.data, &one.id, &one.source), (&other.event, &other.data, &other.id, &other.source));
        }
        assert_eq!(one.data.text(), r#"{"n":1.0}"#);
        assert_eq!(one.id.unwrap().as_str(), "e 1");
    }

    #[test]
    fn a_cloud_event_that_is_none_says_what_is_wrong() {
        let cases = [
            (
                r#"{"specversion":"0.3","id":"1","source":"s","type":"A"}"#,
                "attribute `specversion` of the CloudEvent: `0.3` is not read, `1.0` is",
            ),
            (
                r#"{"specversion":"1.0","id":"","source":"s","type":"A"}"#,
                "attribute `id` of the CloudEvent: `` is not a valid idempotency key (1 to 255 characters)",
            ),
            (
                r#"{"specversion":"1.0","id":"1","source":"","type":"A"}"#,
                "attribute `source` of the CloudEvent: it is empty; it says where the event happened",
            ),
            (
                r#"{"specversion":"1.0","id":"1","source":"s","type":"A","data_base64":"!"}"#,
                "`data_base64` of the CloudEvent: Invalid symbol 33, offset 0.",
            ),
        ];
        for (body, message) in cases {
            assert_eq!(structured(body.as_bytes()).unwrap_err().to_string(), message);
        }
        let missing = structured(br#"{"specversion":"1.0","source":"s","type":"A"}"#).unwrap_err().to_string();
        assert!(missing.contains("missing field `id`"), "{missing}");
        let missing = binary(&headers(&[("ce-specversion", "1.0")]), b"{}").unwrap_err().to_string();
        assert_eq!(missing, "header `ce-id`: a CloudEvent in binary mode has it, and this one does not");
    }
}
