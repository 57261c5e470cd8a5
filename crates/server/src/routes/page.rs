//! The page at `/`, for a person who opens the address in a browser. It loads nothing from anywhere.

use axum::http::header;
use axum::response::{Html, IntoResponse, Response};

const PAGE: &str = include_str!("page.html");

/// What this is, for a person.
#[utoipa::path(
    get,
    path = "/",
    tag = "operation",
    responses((status = 200, description = "A page", content_type = "text/html", body = String))
)]
pub(crate) async fn page() -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let page = Html(PAGE.replace("{version}", env!("CARGO_PKG_VERSION")));
    ([(header::CONTENT_SECURITY_POLICY, policy)], page).into_response()
}
