//! Who calls, and whether they may.
//!
//! As long as there is no token everybody may do everything, and the server listens on loopback only. With the first token every
//! request needs one. A token comes in the header `authorization` and nowhere else: an address ends up in logs and histories.
//!
//! What is *not* here: which operation needs which role (`rights`), how tokens are made (`workflow_engine::token`).

mod redact;
mod rights;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;
use workflow_core::id::{Caller, TokenId};
use workflow_engine::token::{self, Tokens};
use workflow_store::Role;

use crate::problem::{Kind, Problem};
use crate::routes::page;
use crate::{Options, body};

pub(crate) use redact::without_secrets;
pub(crate) use rights::Need;

/// Whoever has shown a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    /// The token's: who it was, for histories.
    pub name: Caller,
    pub role: Role,
    /// None: the token of the environment, which cannot be revoked.
    id: Option<TokenId>,
}

/// On what ground a request was let in: in its extensions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Standing {
    /// It was not asked, being this process.
    #[default]
    InProcess,
    /// There was no token at all.
    Open,
    Principal(Principal),
}

impl Standing {
    pub fn principal(&self) -> Option<&Principal> {
        match self {
            Standing::InProcess | Standing::Open => None,
            Standing::Principal(principal) => Some(principal),
        }
    }

    /// What whoever was let in may do, in a word.
    pub fn access(&self) -> &'static str {
        match self.principal().map(|principal| principal.role) {
            None | Some(Role::Admin) => "admin",
            Some(Role::Operator) => "write",
            Some(Role::Reader | Role::Worker) => "read",
        }
    }

    fn holds(&self, tokens: &Tokens) -> bool {
        match self {
            Standing::InProcess => true,
            Standing::Open => !tokens.any(),
            Standing::Principal(principal) => principal.id.as_ref().is_none_or(|id| tokens.is_live(id)),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Standing {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Standing, Self::Rejection> {
        Ok(parts.extensions.get::<Standing>().cloned().unwrap_or_default())
    }
}

/// An admin's token that is not stored: for a container, which has an environment before it has a database. Of its text only the
/// SHA-256 is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminToken([u8; 32]);

impl AdminToken {
    pub const CHARS_MIN: usize = 32;

    pub fn new(text: &str) -> Result<AdminToken, WeakToken> {
        let is_sendable = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.chars().count() < AdminToken::CHARS_MIN || !is_sendable {
            return Err(WeakToken);
        }
        Ok(AdminToken(token::fingerprint(text)))
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken")
    }
}

/// Not what a secret has to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an admin token of at least {} printable ASCII characters without spaces was expected, as from `openssl rand -hex 32`",
    AdminToken::CHARS_MIN
)]
pub struct WeakToken;

/// What becomes of callers who have no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strangers {
    /// None comes: whoever calls is in this process, and could do everything anyway.
    None,
    /// Let in while nobody has a token.
    Welcome,
    /// Never let in: other machines can call.
    Refused,
}

impl Strangers {
    pub fn at(address: IpAddr, options: &Options) -> Strangers {
        if address.is_loopback() || options.insecure { Strangers::Welcome } else { Strangers::Refused }
    }
}

/// The server would let everybody on the network do everything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{address} can be reached from other machines, and there is no token: whoever reaches it could do everything; make an admin \
     token, or set one in the options, or insist with the option `insecure`"
)]
pub struct Unguarded {
    address: IpAddr,
}

/// Whether a server may listen there.
pub fn may_listen(address: IpAddr, options: &Options, tokens: &Tokens) -> Result<(), Unguarded> {
    let is_guarded = tokens.any() || options.admin_token.is_some();
    if is_guarded || Strangers::at(address, options) == Strangers::Welcome { Ok(()) } else { Err(Unguarded { address }) }
}

#[derive(Debug)]
pub(crate) struct Access {
    tokens: watch::Receiver<Arc<Tokens>>,
    environment: Option<AdminToken>,
    strangers: Strangers,
}

impl Access {
    pub fn new(tokens: watch::Receiver<Arc<Tokens>>, options: &Options, strangers: Strangers) -> Access {
        Access { tokens, environment: options.admin_token.clone(), strangers }
    }

    /// Whether somebody is an admin without a token that is stored.
    pub fn has_other_admin(&self) -> bool {
        self.environment.is_some()
    }

    /// Ends when what let the request in does not hold any more.
    pub fn lost(&self, standing: &Standing) -> impl Future<Output = ()> + Send + 'static {
        let (mut tokens, standing) = (self.tokens.clone(), standing.clone());
        async move {
            if tokens.wait_for(|tokens| !standing.holds(tokens)).await.is_err() {
                // The engine is gone; its end is told elsewhere.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Lets a request in, with its [`Standing`], or answers it.
    #[expect(clippy::result_large_err, reason = "both are what becomes of a request")]
    pub fn guard(&self, mut request: Request) -> Result<(Request, Trail), Response> {
        let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        let need = Need::of(request.method(), route);
        let is_nowhere = route.is_none() && page::is_for_person(&request);
        if need == Need::Nothing || is_nowhere || self.strangers == Strangers::None {
            return Ok((request, Trail(None)));
        }
        let standing = match self.standing(request.headers()) {
            Ok(standing) => standing,
            Err(refused) => {
                body::discard(request.into_body());
                return Err(refused.into_response());
            }
        };
        let mut trail = Trail::new(need, &request, &standing);
        if let Some(principal) = standing.principal().filter(|principal| !need.is_met_by(principal.role)) {
            let response = forbidden(need, request.method(), route, principal).into_response();
            trail.write(&response);
            body::discard(request.into_body());
            return Err(response);
        }
        if let Some(principal) = standing.principal() {
            // Better than an address, for the histories.
            request.extensions_mut().insert(principal.name.clone());
        }
        request.extensions_mut().insert(standing);
        Ok((request, trail))
    }

    fn standing(&self, headers: &HeaderMap) -> Result<Standing, Unauthorized> {
        let tokens = self.tokens.borrow();
        if !tokens.any() && self.environment.is_none() {
            return match self.strangers {
                Strangers::None | Strangers::Welcome => Ok(Standing::Open),
                Strangers::Refused => Err(Unauthorized { detail: NO_TOKEN_LEFT, presented: false }),
            };
        }
        let Some(text) = bearer(headers)? else { return Err(Unauthorized { detail: TOKEN_EXPECTED, presented: false }) };
        if let Some(AdminToken(expected)) = &self.environment
            && token::is_same(expected, &token::fingerprint(text))
        {
            return Ok(Standing::Principal(Principal { name: named(token::ENVIRONMENT), role: Role::Admin, id: None }));
        }
        match tokens.holder(text) {
            Some(token) => {
                let principal = Principal { name: named(token.name.as_str()), role: token.role, id: Some(token.id) };
                Ok(Standing::Principal(principal))
            }
            None if tokens.is_damaged(text) => Err(Unauthorized { detail: TOKEN_DAMAGED, presented: true }),
            None => Err(Unauthorized { detail: TOKEN_UNKNOWN, presented: true }),
        }
    }
}

fn named(token: &str) -> Caller {
    Caller::new(token).expect("the name of a token is short and printable")
}

const TOKEN_EXPECTED: &str = "this server asks for a token, and the request has none: the header `authorization: Bearer wf_...` was \
                              expected";
const TOKEN_UNKNOWN: &str =
    "the token is not one of this server's: it was never made here, it was revoked, or a part of it is missing";
const TOKEN_DAMAGED: &str = "what the server has stored of this token is damaged; ask for another one (the server's log says which \
                             it is, and so does `workflow check`)";
const HEADER_MALFORMED: &str = "the header `authorization` was expected once, as `Bearer wf_...`";
const NO_TOKEN_LEFT: &str = "this server can be reached from other machines and has no token any more; stop it and make one with \
                             `workflow token create NAME --role admin --db FILE`";
const TOKEN_REVOKED: &str = "the token was revoked while the request waited";

/// The text of the token that was sent.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Unauthorized> {
    let malformed = Unauthorized { detail: HEADER_MALFORMED, presented: true };
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    let text = text.and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    text.map(|(_, token)| Some(token.trim())).ok_or(malformed)
}

/// Nobody knows who called.
struct Unauthorized {
    detail: &'static str,
    /// Something was shown.
    presented: bool,
}

impl IntoResponse for Unauthorized {
    fn into_response(self) -> Response {
        let mut response = Problem::new(&Kind::UNAUTHORIZED, self.detail).into_response();
        if !self.presented {
            // Nothing was wrong with it (RFC 6750, 3.1).
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer realm="workflow""#));
        }
        response
    }
}

/// What a request is answered that waited when its token was revoked.
pub(crate) fn revoked() -> Problem {
    Problem::new(&Kind::UNAUTHORIZED, TOKEN_REVOKED)
}

fn forbidden(need: Need, method: &Method, route: Option<&str>, principal: &Principal) -> Problem {
    let Principal { name, role, .. } = principal;
    let needed = need.role().unwrap_or(Role::Admin);
    let route = route.unwrap_or_default();
    Problem::new(
        &Kind::FORBIDDEN,
        format!("{method} {route} needs the role {needed}, and the token `{name}` has the role {role}"),
    )
}

/// What is told of a call that changes what no history holds: definitions, endpoints, tokens.
pub(crate) struct Trail(Option<Call>);

struct Call {
    who: Option<Principal>,
    /// Where from.
    address: Option<Caller>,
    method: Method,
    path: String,
}

impl Trail {
    fn new(need: Need, request: &Request, standing: &Standing) -> Trail {
        let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
        Trail((need == Need::Admin && changes).then(|| Call {
            who: standing.principal().cloned(),
            address: request.extensions().get::<Caller>().cloned(),
            method: request.method().clone(),
            path: without_secrets(request.uri().path()).into_owned(),
        }))
    }

    /// One line, once it is known what came of it.
    pub fn write(&mut self, response: &Response) {
        let Some(Call { who, address, method, path }) = self.0.take() else { return };
        let (who, role) = who.as_ref().map_or(("anyone", "none"), |who| (who.name.as_str(), who.role.as_str()));
        let address = address.as_ref().map_or("", Caller::as_str);
        let status = response.status();
        let outcome = if status.is_success() { "done" } else { "refused" };
        tracing::info!(target: "audit", who, role, address, %method, path, outcome, status = status.as_u16(), "{method} {path}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_from_one_header_of_the_right_scheme() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            bearer(&headers).map(|text| text.map(str::to_owned)).map_err(|unauthorized| unauthorized.detail)
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["Bearer wf_a_b"]), Ok(Some("wf_a_b".to_owned())));
        assert_eq!(read(&["bEARER   wf_a_b "]), Ok(Some("wf_a_b".to_owned())));
        for wrong in [&["wf_a_b"][..], &["Basic d2Y6"], &["Bearer wf_a_b", "Bearer wf_a_b"], &["Bearer \u{fc}"], &[""]] {
            assert_eq!(read(wrong), Err(HEADER_MALFORMED), "{wrong:?}");
        }
    }

    #[test]
    fn an_admin_token_of_the_environment_is_long_and_can_be_sent() {
        assert!(AdminToken::new(&"a".repeat(32)).is_ok());
        for weak in ["", "secret", &"a".repeat(31), &format!("{} b", "a".repeat(32)), &"\u{fc}".repeat(40)] {
            assert_eq!(AdminToken::new(weak), Err(WeakToken));
        }
        assert_eq!(format!("{:?}", AdminToken::new(&"a".repeat(32))), "Ok(AdminToken)");
    }

    #[test]
    fn a_server_that_others_can_reach_is_guarded_or_does_not_listen() {
        let (here, there): (IpAddr, IpAddr) = ("127.0.0.1".parse().unwrap(), "0.0.0.0".parse().unwrap());
        let none = Tokens::default();
        assert!(may_listen(here, &Options::default(), &none).is_ok());
        assert!(may_listen(there, &Options::default(), &none).is_err());
        assert!(may_listen(there, &Options { insecure: true, ..Options::default() }, &none).is_ok());
        let admin_token = AdminToken::new(&"a".repeat(32)).ok();
        assert!(may_listen(there, &Options { admin_token, ..Options::default() }, &none).is_ok());
    }
}
