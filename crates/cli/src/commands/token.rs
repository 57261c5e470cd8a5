//! `workflow token create`, `list` and `revoke`.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::json;
use workflow_core::id::TokenName;
use workflow_core::time::Timestamp;
use workflow_engine::token::{Secret, TokenRequest, TokenView, add_to};
use workflow_store::{Location, Role, unfinished};

use super::Context;
use super::control::{Answered, each};
use super::database::{Database, Refused};
use super::definitions::{array, read_all};
use crate::args::TokenCreate;
use crate::client::body;
use crate::client::model::{DamagedToken, NewToken, Token, Tokens};
use crate::error::Error;
use crate::keys;
use crate::output;
use crate::program;
use crate::render::{self, Clock, clean, code, dim, look};

#[derive(Serialize)]
struct Body<'a> {
    name: &'a str,
    role: &'a str,
}

pub async fn create(context: &Context, create: &TokenCreate) -> Result<(), Error> {
    let request = Body { name: &create.name, role: &create.role };
    let answer = context.client.post(&["tokens"]).json(body(&request)).send().await?;
    if context.json {
        return output::json(&answer.text);
    }
    let NewToken { name, role, token } = answer.read()?;
    show(&name, &role, &token)
}

/// In a database that no server uses: for a server that is not to start without a token.
pub fn create_in(database: &Path, create: &TokenCreate, json: bool) -> Result<(), Error> {
    let location = Location::parse(database);
    if location == Location::Memory {
        return Err(Error::usage("--db: a database in memory is gone when the command ends; a file was expected"));
    }
    let name = TokenName::new(&create.name).map_err(|error| Error::usage(error.to_string()))?;
    let role: Role = create.role.parse().map_err(|error| Error::usage(format!("--role: {error}")))?;
    let database = Database::open(&location, keys::given(None)?).map_err(|why| refused(why, create))?;
    if let Some(from) = unfinished(database.store()).map_err(|fault| Error::failed("store", fault.to_string()))? {
        let message = format!("{location} holds an unfinished move from {from}: {}, and move again", database.emptied(&location));
        return Err(Error::failed("unfinished_move", message));
    }
    let request = TokenRequest { name, role, admin_elsewhere: false };
    let made = add_to(database.store(), &request, now()).map_err(|error| Error::failed(error.code(), error.to_string()));
    drop(database);
    let (view, secret) = made?;
    if json { output::json(&as_json(&view, &secret)) } else { show(view.name.as_str(), view.role.as_str(), secret.expose()) }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn refused(why: Refused, create: &TokenCreate) -> Error {
    match why {
        Refused::InUse(why) => {
            let over_http = program::command(format_args!("token create {} --role {}", create.name, create.role));
            let message = format!(
                "{why}; ask that server for the token, with the token of an admin if it has any: `{over_http}`; or stop it first"
            );
            Error::failed("in_use", message)
        }
        Refused::Other(why) => Error::failed("store", why),
    }
}

/// As the server answers it.
fn as_json(view: &TokenView, secret: &Secret) -> String {
    let (role, created_at) = (view.role.as_str(), view.created_at.millis());
    json!({ "id": view.id, "name": view.name, "role": role, "createdAt": created_at, "token": secret.expose() }).to_string()
}

fn show(name: &str, role: &str, token: &str) -> Result<(), Error> {
    let glyph = look("completed").painted_glyph();
    output::line(&format!("{glyph} made {} {}", code(&clean(name)), dim(&format!("({})", clean(role)))))?;
    output::line(&clean(token))?;
    output::line(&dim("it is shown this once; give it as WORKFLOW_TOKEN, or as `authorization: Bearer ...`"))
}

pub async fn list(context: &Context) -> Result<(), Error> {
    let answer = context.client.get(&["tokens"]).send().await?;
    let tokens: Tokens = answer.read()?;
    for DamagedToken { id, name, why } in &tokens.damaged {
        let revoke = program::command(format_args!("token revoke {}", clean(id)));
        output::complain(&format!(
            "{} {} is damaged ({}), and nobody is let in with it: make its holder another one, and {} revokes this one",
            look("failed").painted_glyph(),
            code(&clean(name)),
            clean(why),
            code(&revoke)
        ));
    }
    let texts = || tokens.tokens.iter().map(|token| token.get());
    if context.json {
        return output::json(&array(texts()));
    }
    if tokens.tokens.is_empty() && !tokens.damaged.is_empty() {
        return Ok(());
    }
    if tokens.tokens.is_empty() {
        let first = program::command("token create NAME --role admin");
        return output::line(&format!("no token: whoever reaches the server may do everything; `{first}` makes the first"));
    }
    output::print(&render::tokens(&read_all::<Token>(texts())?, &Clock::here(), output::width()))
}

pub async fn revoke(context: &Context, names: &[String]) -> Result<(), Error> {
    each(context, names, async |name| {
        let answer = context.client.delete(&["tokens", name]).send().await?;
        let token: Token = answer.read()?;
        let note = dim("(what streams or works with it has ended)");
        let line = format!("{} revoked {} {note}", look("completed").painted_glyph(), code(&clean(&token.name)));
        Ok(Answered { line, json: answer.text })
    })
    .await
}
