//! Tokens: who may call. The secret of one is in the answer that makes it and in no other.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use workflow_core::id::{TokenId, TokenName};
use workflow_engine::token::{PREFIX, Revocation, TokenRequest, TokenView};
use workflow_store::{DamagedToken, Role};

use crate::access::without_secrets;
use crate::app::App;
use crate::body::{FromBody, JsonBody};
use crate::parameters::{NoQuery, Query, Segments};
use crate::problem::{Kind, Problem};
use crate::{limits, reply, schema};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Token<'a> {
    id: &'a TokenId,
    name: &'a TokenName,
    role: &'static str,
    created_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<i64>,
    /// The whole text, once.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

impl<'a> Token<'a> {
    fn new(view: &'a TokenView) -> Token<'a> {
        Token {
            id: &view.id,
            name: &view.name,
            role: view.role.as_str(),
            created_at: view.created_at.millis(),
            revoked_at: view.revoked_at.map(|at| at.millis()),
            token: None,
        }
    }
}

/// All tokens, those that were revoked included, the oldest first; apart from them those that are damaged.
#[utoipa::path(
    get,
    path = "/api/v1/tokens",
    operation_id = "listTokens",
    tag = "tokens",
    responses((status = 200, description = "All of them, without their secrets", body = schema::TokenList))
)]
pub(crate) async fn tokens(State(app): State<App>, Query(NoQuery): Query<NoQuery>) -> Result<Response, Problem> {
    #[derive(Serialize)]
    struct List<'a> {
        tokens: Vec<Token<'a>>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        damaged: Vec<Damaged<'a>>,
    }
    #[derive(Serialize)]
    struct Damaged<'a> {
        id: &'a str,
        name: &'a str,
        why: &'a str,
    }
    let tokens = app.engine.tokens().borrow().clone();
    let views = tokens.views();
    let damaged = tokens.damaged().iter().map(|DamagedToken { id, name, why, .. }| Damaged { id, name, why });
    reply::ok(&List { tokens: views.iter().map(Token::new).collect(), damaged: damaged.collect() })
}

/// One token.
#[utoipa::path(
    get,
    path = "/api/v1/tokens/{token}",
    operation_id = "getToken",
    tag = "tokens",
    params(("token" = String, Path, description = "The token's name, or its id")),
    responses((status = 200, description = "The token, without its secret", body = schema::Token))
)]
pub(crate) async fn token(
    State(app): State<App>,
    Segments(token): Segments<String>,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    let view = app.engine.tokens().borrow().view(&token);
    reply::ok(&Token::new(&view.ok_or_else(|| not_found(&token))?))
}

fn not_found(token: &str) -> Problem {
    let token = without_secrets(token);
    let detail =
        format!("there is no token `{}`; `GET /api/v1/tokens` lists those that there are, by name and id", token.escape_debug());
    Problem::new(&Kind::TOKEN_NOT_FOUND, detail)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenBody {
    name: String,
    role: String,
}

impl FromBody for TokenBody {
    fn bytes_max(_: &App) -> usize {
        limits::SMALL_BODY_BYTES_MAX
    }

    const HINT: &'static str = r#"send {"name": "deploy", "role": "operator"}"#;
}

/// Makes a token. Once there is one, every request needs one; so the first is an admin's.
///
/// The answer has the token's text in `token`. It is shown this once: only its SHA-256 is stored.
#[utoipa::path(
    post,
    path = "/api/v1/tokens",
    operation_id = "createToken",
    tag = "tokens",
    request_body(content = schema::TokenBody),
    responses((status = 201, description = "The token, with its secret", body = schema::NewToken))
)]
pub(crate) async fn create_token(
    State(app): State<App>,
    Query(NoQuery): Query<NoQuery>,
    JsonBody(TokenBody { name, role }, _room): JsonBody<TokenBody>,
) -> Result<Response, Problem> {
    let wrong = |why: String| Problem::new(&Kind::INVALID_REQUEST, why);
    if name.starts_with(PREFIX) {
        // Not said again: it may be a token.
        return Err(wrong(format!("`name`: the text begins with `{PREFIX}`, as tokens do; {} was expected", TokenName::RULE)));
    }
    let name = TokenName::new(&name).map_err(|error| wrong(format!("`name`: {error}")))?;
    let role: Role = role.parse().map_err(|error| wrong(format!("`role`: {error}")))?;
    let admin_elsewhere = app.access.has_other_admin();
    let (view, secret) = app.engine.create_token(TokenRequest { name, role, admin_elsewhere }).await?;
    let response = reply::json(StatusCode::CREATED, &Token { token: Some(secret.expose()), ..Token::new(&view) })?;
    Ok(reply::located(response, &format!("/api/v1/tokens/{}", view.id)))
}

/// Revokes a token: from the answer on nobody calls with it, and what waits or streams with it ends.
#[utoipa::path(
    delete,
    path = "/api/v1/tokens/{token}",
    operation_id = "revokeToken",
    tag = "tokens",
    params(("token" = String, Path, description = "The token's name, or its id")),
    responses((status = 200, description = "It is revoked", body = schema::Token))
)]
pub(crate) async fn revoke_token(
    State(app): State<App>,
    Segments(token): Segments<String>,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    let admin_elsewhere = app.access.has_other_admin();
    let revoked = app.engine.revoke_token(Revocation { token: token.clone(), admin_elsewhere }).await?;
    reply::ok(&Token::new(&revoked.ok_or_else(|| not_found(&token))?))
}
