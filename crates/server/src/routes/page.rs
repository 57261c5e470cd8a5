//! The page for a person who opens the address in a browser: what `ui/` was built to, in this binary; else a page that says how to
//! build it. Neither loads anything from anywhere else.
//!
//! The browser chooses among the page's own routes, so each of them answers with the same document. Whoever does not ask for a
//! document at one of them meant the API.

use std::sync::LazyLock;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest, Sha256};
use utoipa_axum::router::OpenApiRouter;

use crate::app::{App, no_such_route};

/// Built with `npm run build` in `ui/`. It need not be there.
#[derive(RustEmbed)]
#[folder = "../../ui/dist"]
#[allow_missing = true]
struct Built;

const PLAIN: &str = include_str!("page.html");
const INDEX: &str = "index.html";
const PLAIN_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Its routes, as `ui/` has them; and where its files lie.
pub(crate) const PATHS: [&str; 14] = [
    "/executions",
    "/executions/{id}",
    "/workflows",
    "/workflows/{id}",
    "/workflows/{id}/start",
    "/errors",
    "/errors/{fingerprint}",
    "/events",
    "/jobs",
    "/jobs/{id}",
    "/system",
    "/assets/{*file}",
    "/favicon.svg",
    "/favicon.ico",
];

/// Adds them: they are no part of the API, nor of its document.
pub(crate) fn add(router: OpenApiRouter<App>) -> OpenApiRouter<App> {
    PATHS.iter().fold(router, |router, path| router.route(path, get(file_or_document)))
}

/// What this is, for a person.
#[utoipa::path(
    get,
    path = "/",
    tag = "operation",
    responses((status = 200, description = "A page", content_type = "text/html", body = String))
)]
pub(crate) async fn page(headers: HeaderMap) -> Response {
    document(&headers)
}

async fn file_or_document(uri: Uri, request: Request) -> Response {
    let name = uri.path().trim_start_matches('/');
    if let Some(response) = file(name, request.headers()) {
        return response;
    }
    if is_for_person(&request) { document(request.headers()) } else { no_such_route(request).await.into_response() }
}

/// Where there is no route: a browser gets the page, which says so and where to go on; everybody else a problem.
pub(crate) async fn nowhere(request: Request) -> Response {
    if !is_for_person(&request) {
        return no_such_route(request).await.into_response();
    }
    let mut response = document(request.headers());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// Whether somebody has opened an address of the page in a browser. What is answered says nothing of what is stored.
pub(crate) fn is_for_person(request: &Request) -> bool {
    let path = request.uri().path();
    let is_document = !["/api/", "/assets/"].iter().any(|files| path.starts_with(files));
    let accepts = request.headers().get_all(header::ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    let accepts_document = accepts.into_iter().any(|accept| accept.contains("text/html"));
    matches!(*request.method(), Method::GET | Method::HEAD) && is_document && accepts_document
}

fn document(headers: &HeaderMap) -> Response {
    match file(INDEX, headers) {
        Some(mut response) => {
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
            // Asked for each time: it names the files of this build.
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            response
        }
        None => {
            let page = Html(PLAIN.replace("{version}", env!("CARGO_PKG_VERSION")));
            ([(header::CONTENT_SECURITY_POLICY, PLAIN_POLICY)], page).into_response()
        }
    }
}

/// A file of the page, compressed as it was when it was built, if the browser takes that.
fn file(name: &str, headers: &HeaderMap) -> Option<Response> {
    let accepts = |encoding: &str| {
        let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|part| {
            let mut parts = part.trim().split(';');
            parts.next() == Some(encoding) && parts.all(|weight| weight.trim() != "q=0")
        })
    };
    let compressed = [("br", ".br"), ("gzip", ".gz")].into_iter().find_map(|(encoding, end)| {
        let found = accepts(encoding).then(|| Built::get(&format!("{name}{end}"))).flatten();
        Some((found?, encoding))
    });
    let (found, encoding) = match compressed {
        Some((found, encoding)) => (found, Some(encoding)),
        None => (Built::get(name)?, None),
    };
    let EmbeddedFile { data, .. } = found;
    let mut response = data.into_owned().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // The names of these hold a hash of what is in them.
    let caching = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Some(response)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The page runs its own scripts and speaks with this server, and nothing else. Scripts within the document are known by hash.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let index = Built::get(INDEX).map(|index| index.data.into_owned()).unwrap_or_default();
    let policy = policy(&String::from_utf8_lossy(&index));
    HeaderValue::try_from(policy).expect("hashes are ASCII")
});

fn policy(document: &str) -> String {
    let hashes: String =
        scripts_within(document).map(|script| format!(" 'sha256-{}'", STANDARD.encode(Sha256::digest(script)))).collect();
    format!(
        "default-src 'none'; script-src 'self'{hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// The texts of scripts that are written in the document itself.
fn scripts_within(document: &str) -> impl Iterator<Item = &str> {
    document.split("<script").skip(1).filter_map(|rest| {
        let (attributes, rest) = rest.split_once('>')?;
        let (script, _) = rest.split_once("</script>")?;
        (!attributes.contains("src=")).then_some(script)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_in_the_document_are_allowed_by_hash_and_no_others() {
        let document = r#"<head><script>document.title</script><script type="module" src="/assets/a.js"></script></head>"#;
        let hash = STANDARD.encode(Sha256::digest("document.title"));
        let policy = policy(document);
        assert!(policy.contains(&format!("script-src 'self' 'sha256-{hash}';")), "{policy}");
        assert!(!policy.contains("script-src 'self' 'unsafe-inline'") && !policy.contains("unsafe-eval"));
    }

    #[test]
    fn files_have_the_types_that_browsers_insist_on() {
        let types = ["assets/index-1a2b.js", "assets/index.css", "favicon.svg", "index.html", "x"].map(content_type);
        let expected = [
            "text/javascript; charset=utf-8",
            "text/css; charset=utf-8",
            "image/svg+xml",
            "text/html; charset=utf-8",
            "application/octet-stream",
        ];
        assert_eq!(types, expected);
    }
}
