//! What a parameter may be, for the document: the checks themselves are where the parameters are read.
//!
//! By name and place and not beside each route: the same id stands in many paths.

use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, Object, Schema};
use utoipa::openapi::{Components, RefOr};

use crate::limits;

const NAME: &str = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$";
const STEP_ID: &str = "^[A-Za-z0-9_-]{1,128}$";
const EXECUTION_ID: &str = "^exec_[0-9a-f]{32}$";
const JOB_ID: &str = "^job_[0-9a-f]{32}$";
const FINGERPRINT: &str = "^[0-9a-f]{16}$";
const FIELDS: &str =
    "^ *(execution|input|output|state|stepResults|history) *(, *(execution|input|output|state|stepResults|history) *)*$";

/// Puts into the document what is known of this parameter of `path`.
pub(super) fn describe(path: &str, parameter: &mut Parameter) {
    let object = match &mut parameter.schema {
        Some(RefOr::T(Schema::Object(object))) => object,
        Some(RefOr::T(Schema::Array(array))) => {
            let ArrayItems::RefOrSchema(items) = &mut array.items else { return };
            let RefOr::T(Schema::Object(object)) = &mut **items else { return };
            object
        }
        _ => return,
    };
    match (&parameter.parameter_in, parameter.name.as_str()) {
        (ParameterIn::Path, "id") if path.starts_with("/api/v1/executions/") => pattern(object, EXECUTION_ID),
        (ParameterIn::Path, "id") if path.starts_with("/api/v1/jobs/") => pattern(object, JOB_ID),
        (ParameterIn::Path, "fingerprint") | (ParameterIn::Query, "errorFingerprint") => pattern(object, FINGERPRINT),
        (ParameterIn::Path, "id" | "name") | (ParameterIn::Query, "workflowId") => pattern(object, NAME),
        (ParameterIn::Path, "stepId") => pattern(object, STEP_ID),
        (ParameterIn::Query, "cursor") if path == "/api/v1/jobs" => pattern(object, JOB_ID),
        (ParameterIn::Query, "cursor") if path.ends_with("/items") => {}
        (ParameterIn::Query, "cursor") => pattern(object, EXECUTION_ID),
        (ParameterIn::Query, "include") if path == "/api/v1/executions" => pattern(object, FIELDS),
        (ParameterIn::Query, "include") => pattern(object, "^ *history *$"),
        (ParameterIn::Query, "version") => {
            object.minimum = Some(1.into());
            object.maximum = Some(limits::INT32_MAX.into());
        }
        (ParameterIn::Query, "maxValueBytes") => object.maximum = Some(limits::INT32_MAX.into()),
        (ParameterIn::Query, "startedAfter" | "startedBefore" | "after") => object.minimum = Some(0.into()),
        (ParameterIn::Query, "limit") => object.maximum = Some(limits::PAGE_MAX.into()),
        (ParameterIn::Header, "Idempotency-Key") => {
            object.min_length = Some(1);
            object.max_length = Some(workflow_core::limits::IDEMPOTENCY_KEY_CHARS_MAX);
        }
        _ => {}
    }
}

fn pattern(object: &mut Object, pattern: &str) {
    object.pattern = Some(pattern.to_owned());
}

/// Bodies in which a field that nobody knows is an error. Answers may have more fields one day, and say nothing of it.
const CLOSED: &[&str] =
    &["StartBody", "ReplayBody", "EventBody", "EndpointBody", "JobOfIds", "JobOfFilter", "JobFilter", "TokenBody"];

pub(super) fn close(components: &mut Components) {
    for name in CLOSED {
        if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(*name) {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
}
