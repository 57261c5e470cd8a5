//! Actions over HTTP, as any web server in any language would serve them.

use anyhow::Result;
use axum::Router;
use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::post;

use crate::workload;

/// Serves until it is killed.
pub fn run() -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}", listener.local_addr()?);
        Ok(axum::serve(listener, Router::new().route("/{action}", post(action))).await?)
    })
}

/// The body is read, and not looked at.
async fn action(Path(action): Path<String>, _body: axum::body::Bytes) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], workload::output(&action).to_string())
}
