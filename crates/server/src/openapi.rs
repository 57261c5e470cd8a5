//! The OpenAPI 3.1 document, made from the routes themselves: a route cannot be left out of it.

mod bounds;
mod links;
mod unions;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::{extract::State, http::Method, http::header};
use bytes::Bytes;
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{Schema, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, OpenApi as Document, PathItem, Ref, RefOr, Response as Described, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;

use crate::access::Need;
use crate::app::App;
use crate::parameters::{NoQuery, Query};
use crate::problem::Problem;
use crate::schema;

/// What the document calls a token.
const TOKEN: &str = "token";
const SCHEME: &str = "Made with `POST /api/v1/tokens` or `workflow token create`; needed as soon as there is one";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "workflow.do",
        description = "Durable workflow orchestration. Times are epoch milliseconds, ids are strings, and every error is \
                       `application/problem+json` with a stable `code`.",
        license(name = "MIT", identifier = "MIT")
    ),
    tags(
        (name = "workflows", description = "Definitions: what can be run"),
        (name = "executions", description = "Runs of a workflow"),
        (name = "jobs", description = "The same control call for many executions"),
        (name = "events", description = "Start whatever is triggered by an event"),
        (name = "endpoints", description = "Where actions are called over HTTP"),
        (name = "tokens", description = "Who may do what; once there is one, every request needs one"),
        (name = "workers", description = "Whoever runs actions, connected"),
        (name = "operation", description = "For whoever runs the server")
    ),
    components(schemas(
        schema::ProblemDocument,
        schema::Attention,
        schema::ExecutionInclude,
        schema::HistoryOrder,
        schema::HistoryPayloads,
        schema::JobOutcome,
        schema::ListFields,
        schema::Window,
        schema::WorkflowInclude,
    ))
)]
struct Api;

/// The routes, and the document about them.
pub(crate) fn describe(routes: OpenApiRouter<App>) -> (Router<App>, Bytes) {
    let (router, described) = OpenApiRouter::with_openapi(Api::openapi()).merge(routes).split_for_parts();
    let document = completed(described);
    let text = serde_json::to_vec_pretty(&document).expect("a document of strings serializes");
    (router, text.into())
}

/// Every operation of the API can answer with a problem; and what may be left out is not therefore `null`.
fn completed(mut document: Document) -> Document {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            let need = Need::of(&method, Some(path));
            if need != Need::Nothing {
                operation.responses.responses.insert("default".to_owned(), problem().into());
            }
            // The least role, as OpenAPI 3.1 lets one say it.
            operation.security = need.role().map(|role| vec![SecurityRequirement::new(TOKEN, [role.as_str()])]);
            let parameters = operation.parameters.iter_mut().flatten().filter_map(here);
            for parameter in parameters {
                parameter.schema.iter_mut().for_each(never_null);
                bounds::describe(path, parameter);
            }
            let contents = operation.request_body.iter_mut().filter_map(here).flat_map(|body| body.content.values_mut());
            contents.filter_map(here).filter_map(|content| content.schema.as_mut()).for_each(never_null);
        }
    }
    let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(SCHEME)).build());
    document.components.get_or_insert_default().add_security_scheme(TOKEN, scheme);
    links::add(&mut document);
    document.components.iter_mut().for_each(unions::write_out);
    document.components.iter_mut().for_each(bounds::close);
    document
}

/// What is written where it is used.
fn here<T>(described: &mut RefOr<T>) -> Option<&mut T> {
    match described {
        RefOr::T(described) => Some(described),
        RefOr::Ref(_) => None,
    }
}

/// Takes `null` out of what `Option` is described as.
fn never_null(schema: &mut RefOr<Schema>) {
    let never = match schema {
        RefOr::T(Schema::Object(object)) => {
            if let SchemaType::Array(types) = &object.schema_type
                && let [one, Type::Null] = types.as_slice()
            {
                object.schema_type = SchemaType::Type(one.clone());
            }
            return;
        }
        RefOr::T(Schema::OneOf(either)) => either.items.iter().find(|one| matches!(one, RefOr::Ref(_))).cloned(),
        _ => None,
    };
    if let Some(never) = never {
        *schema = never;
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let PathItem { get, put, post, delete, .. } = item;
    let all = [(Method::GET, get), (Method::PUT, put), (Method::POST, post), (Method::DELETE, delete)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn problem() -> Described {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new().description("What is wrong (RFC 9457)").content("application/problem+json", content).build()
}

/// The document itself.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi",
    tag = "operation",
    responses((status = 200, description = "This document", content_type = "application/json", body = schema::AnyJson))
)]
pub(crate) async fn document(State(app): State<App>, Query(NoQuery): Query<NoQuery>) -> Result<Response, Problem> {
    Ok(([(header::CONTENT_TYPE, "application/json")], app.openapi.clone()).into_response())
}
