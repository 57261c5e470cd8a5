//! Tokens: made, found again, and the rules about them. Pure, but for the random bits of a secret.
//!
//! What is *not* here: what a role may do (the server's), and the secrets, which only their holders have.
//!
//! Invariants: of the live tokens no two have a name; and while any is live somebody is an admin, so that nobody is locked out. Of a
//! token whose row is damaged or lost nobody knows whether it is live: nobody calls with it, and nobody without one.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use workflow_core::id::{TokenId, TokenName};
use workflow_core::time::Timestamp;
use workflow_store::{Batch, Change, DamagedToken, Item, Role, Store, Token, TokenRows};

use crate::Error;

/// What every token begins with, so that people and scanners of repositories recognise one.
pub const PREFIX: &str = "wf_";
/// The admin that `serve` is given in its environment; no stored token has this name.
pub const ENVIRONMENT: &str = "environment";

const ID_BYTES: usize = 8;
/// 256 bits: nobody finds one by trying, so that a fast hash is enough.
const SECRET_BYTES: usize = 32;

/// A token that is to be.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    pub name: TokenName,
    pub role: Role,
    /// Somebody is an admin without a token that is stored.
    pub admin_elsewhere: bool,
}

/// A token that is to be no more.
#[derive(Debug, Clone)]
pub struct Revocation {
    /// Its name or its id.
    pub token: String,
    /// Somebody is an admin without a token that is stored.
    pub admin_elsewhere: bool,
}

/// What may be known of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenView {
    pub id: TokenId,
    pub name: TokenName,
    pub role: Role,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

impl TokenView {
    pub(crate) fn new(token: &Token) -> TokenView {
        let Token { id, name, role, created_at, revoked_at, .. } = token.clone();
        TokenView { id, name, role, created_at, revoked_at }
    }
}

/// The whole text of a token, for its holder alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// For the one answer in which it is shown.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What is stored instead of a token's text.
pub fn fingerprint(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Takes as long for every pair.
pub fn is_same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.ct_eq(other).into()
}

/// All tokens, those that were revoked included.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    by_id: BTreeMap<TokenId, Token>,
    damaged: Vec<DamagedToken>,
    /// There may be others, which are not found.
    are_some_lost: bool,
}

impl Tokens {
    pub fn from_rows(rows: TokenRows) -> Tokens {
        let by_id = rows.sound.into_iter().map(|token| (token.id.clone(), token)).collect();
        Tokens { by_id, damaged: rows.damaged, are_some_lost: rows.lost.is_some() }
    }

    /// Whether any is live, or may have been: then nobody calls without one.
    pub fn any(&self) -> bool {
        self.live().next().is_some() || !self.damaged.is_empty() || self.are_some_lost
    }

    /// Those whose rows are not what was written.
    pub fn damaged(&self) -> &[DamagedToken] {
        &self.damaged
    }

    /// Whether this is the text of one of those, as far as its id tells.
    pub fn is_damaged(&self, text: &str) -> bool {
        id_of(text).is_some_and(|id| self.damaged.iter().any(|damaged| damaged.id == id))
    }

    fn live(&self) -> impl Iterator<Item = &Token> {
        self.by_id.values().filter(|token| token.is_live())
    }

    /// The oldest first.
    pub fn views(&self) -> Vec<TokenView> {
        let mut views: Vec<_> = self.by_id.values().map(TokenView::new).collect();
        views.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        views
    }

    /// By its name, when it is live, or by its id.
    pub fn view(&self, token: &str) -> Option<TokenView> {
        self.find(token).map(TokenView::new)
    }

    fn find(&self, token: &str) -> Option<&Token> {
        self.live().find(|live| live.name.as_str() == token).or_else(|| self.by_id.get(token))
    }

    /// The live token that this is the text of.
    pub fn holder(&self, text: &str) -> Option<TokenView> {
        let token = self.by_id.get(id_of(text)?)?;
        (is_same(&token.sha256, &fingerprint(text)) && token.is_live()).then(|| TokenView::new(token))
    }

    /// Whether this is its row.
    pub(crate) fn holds(&self, token: &Token) -> bool {
        self.by_id.get(&token.id) == Some(token)
    }

    pub fn is_live(&self, id: &TokenId) -> bool {
        self.by_id.get(id).is_some_and(Token::is_live)
    }

    /// With one more.
    pub(crate) fn with(&self, token: Token, admin_elsewhere: bool) -> Result<Tokens, Error> {
        if token.name.as_str() == ENVIRONMENT {
            let why = format!("the name `{ENVIRONMENT}` is that of the admin token in the server's environment; choose another");
            return Err(Error::InvalidRequest(why));
        }
        if self.live().any(|live| live.name == token.name) {
            return Err(Error::TokenExists { name: token.name });
        }
        if token.role != Role::Admin && !admin_elsewhere && !self.live().any(|live| live.role == Role::Admin) {
            let why = format!(
                "`{}` would be a token with the role {}, and there is no admin token yet: once there is a token nobody calls \
                 without one, so that the first has to be an admin's",
                token.name, token.role
            );
            return Err(Error::AdminRequired(why));
        }
        let mut tokens = self.clone();
        tokens.by_id.insert(token.id.clone(), token);
        Ok(tokens)
    }

    /// With this one revoked; none when there is no such token. One that was revoked before stays as it is.
    pub(crate) fn without(&self, token: &str, at: Timestamp, admin_elsewhere: bool) -> Result<Option<(Tokens, Token)>, Error> {
        let Some(found) = self.find(token) else { return self.without_damaged(token, at) };
        let mut revoked = found.clone();
        revoked.revoked_at.get_or_insert(at);
        let others = || self.live().filter(|live| live.id != revoked.id);
        let is_last_admin = found.is_live() && found.role == Role::Admin && !others().any(|live| live.role == Role::Admin);
        let other = others().next().map(|other| other.name.as_str());
        let other = other.or_else(|| self.damaged.first().map(|damaged| damaged.id.as_str()));
        if is_last_admin
            && !admin_elsewhere
            && let Some(other) = other
        {
            let why = format!(
                "`{}` is the last admin token, and without it nobody could revoke `{}`; revoke the others first, or make \
                 another admin token",
                revoked.name,
                other.escape_debug()
            );
            return Err(Error::AdminRequired(why));
        }
        let mut tokens = self.clone();
        tokens.by_id.insert(revoked.id.clone(), revoked.clone());
        Ok(Some((tokens, revoked)))
    }

    /// The same of one whose row is damaged, by its id as it is found, or its name: the row is written anew.
    fn without_damaged(&self, token: &str, at: Timestamp) -> Result<Option<(Tokens, Token)>, Error> {
        let by = |of: fn(&DamagedToken) -> &str| self.damaged.iter().find(|damaged| of(damaged) == token);
        let Some(found) = by(|damaged| &damaged.id).or_else(|| by(|damaged| &damaged.name)) else { return Ok(None) };
        let Some(revoked) = found.revoked(at) else {
            return Err(Error::Corrupt(format!("{found}; {}", found.advice())));
        };
        let mut tokens = self.clone();
        tokens.damaged.retain(|damaged| damaged.id != found.id);
        tokens.by_id.insert(revoked.id.clone(), revoked.clone());
        Ok(Some((tokens, revoked)))
    }
}

/// The part of a token's text that is its id.
fn id_of(text: &str) -> Option<&str> {
    text.strip_prefix(PREFIX)?.split_once('_').map(|(id, _)| id)
}

/// A new token, and what its holder is given.
pub fn make(request: &TokenRequest, created_at: Timestamp) -> Result<(Token, Secret), Error> {
    let mut random = [0; ID_BYTES + SECRET_BYTES];
    getrandom::fill(&mut random).map_err(|error| Error::System(format!("the system gives no random numbers: {error}")))?;
    let (id, secret) = random.split_at(ID_BYTES);
    let (id, secret) = (hex(id), hex(secret));
    let text = format!("{PREFIX}{id}_{secret}");
    let token = Token {
        id: TokenId::new(&id).expect("hex digits are a valid id"),
        name: request.name.clone(),
        role: request.role,
        sha256: fingerprint(&text),
        created_at,
        revoked_at: None,
    };
    Ok((token, Secret(text)))
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

/// Adds a token to a store that no engine has open, by the same rules. It is durable when this returns.
pub fn add_to(store: &dyn Store, request: &TokenRequest, at: Timestamp) -> Result<(TokenView, Secret), Error> {
    let tokens = Tokens::from_rows(store.tokens().map_err(crate::reading::unread)?);
    let (token, secret) = make(request, at)?;
    let view = TokenView::new(&token);
    tokens.with(token.clone(), request.admin_elsewhere)?;
    let number = store.batch().map_err(crate::reading::unread)? + 1;
    let item = Item { claim: None, changes: vec![Change::PutToken(Box::new(token))] };
    let unwritten = |fault: workflow_store::Fault| Error::StoreUnavailable { reason: fault.to_string() };
    store.commit(&Batch { number, items: vec![item] }).map_err(unwritten)?;
    Ok((view, secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: &str, role: Role) -> TokenRequest {
        TokenRequest { name: TokenName::new(name).unwrap(), role, admin_elsewhere: false }
    }

    fn made(name: &str, role: Role) -> (Token, Secret) {
        make(&request(name, role), Timestamp::from_millis(1)).unwrap()
    }

    fn tokens(all: &[(&str, Role)]) -> Tokens {
        all.iter().fold(Tokens::default(), |tokens, (name, role)| tokens.with(made(name, *role).0, false).unwrap())
    }

    #[test]
    fn a_token_is_found_by_its_whole_text_and_by_nothing_else() {
        let (token, secret) = made("ops", Role::Admin);
        let text = secret.expose();
        assert_eq!(text.len(), 3 + 16 + 1 + 64);
        let tokens = Tokens::default().with(token.clone(), false).unwrap();
        assert_eq!(tokens.holder(text), Some(TokenView::new(&token)));
        let last = if text.ends_with('0') { "1" } else { "0" };
        let wrong = [
            format!("{}{last}", &text[..text.len() - 1]),
            text[..text.len() - 1].to_owned(),
            format!("{text}0"),
            text.to_uppercase(),
        ];
        for wrong in wrong.iter().map(String::as_str).chain(["", "wf_", "wf__", token.id.as_str()]) {
            assert_eq!(tokens.holder(wrong), None, "{wrong}");
        }
        let (revoked, _) = tokens.without("ops", Timestamp::from_millis(2), false).unwrap().unwrap();
        assert_eq!(revoked.holder(text), None);
        assert!(!revoked.any());
    }

    #[test]
    fn no_two_secrets_are_the_same_and_none_is_shown_by_mistake() {
        let (token, secret) = made("ops", Role::Admin);
        assert_ne!(secret, made("ops", Role::Admin).1);
        let shown = format!("{token:?} {secret:?} {:?}", TokenView::new(&token));
        assert!(!shown.contains(&secret.expose()[20..]) && !shown.contains("sha256"), "{shown}");
    }

    #[test]
    fn the_first_token_is_an_admins() {
        for role in [Role::Reader, Role::Operator, Role::Worker] {
            let refused = Tokens::default().with(made("first", role).0, false).unwrap_err();
            assert_eq!(refused.code(), "admin_required", "{refused}");
            assert!(Tokens::default().with(made("first", role).0, true).is_ok(), "an admin is in the environment");
        }
    }

    #[test]
    fn the_last_admin_goes_last() {
        let tokens = tokens(&[("ops", Role::Admin), ("deploy", Role::Operator)]);
        let at = Timestamp::from_millis(2);
        assert_eq!(tokens.without("ops", at, false).unwrap_err().code(), "admin_required");
        assert!(tokens.without("ops", at, true).is_ok());
        let (alone, _) = tokens.without("deploy", at, false).unwrap().unwrap();
        let (none, revoked) = alone.without("ops", at, false).unwrap().unwrap();
        assert!(!none.any());
        let later = none.without(revoked.id.as_str(), Timestamp::from_millis(9), false).unwrap().unwrap();
        assert_eq!(later.1.revoked_at, Some(at), "it was revoked when it was revoked first");
        assert!(none.without("ops", at, false).unwrap().is_none(), "its name is free");
    }

    /// Of these, those with the names are damaged.
    fn damaged(tokens: &Tokens, names: &[&str]) -> Tokens {
        let (mut rows, why) = (TokenRows::default(), "its checksum differs".to_owned());
        for token in tokens.by_id.values() {
            if names.contains(&token.name.as_str()) {
                let (id, name) = (token.id.to_string(), token.name.to_string());
                let (role, created_at, why) = (Some(token.role), Some(token.created_at), why.clone());
                rows.damaged.push(DamagedToken { id, name, role, created_at, why });
            } else {
                rows.sound.push(token.clone());
            }
        }
        Tokens::from_rows(rows)
    }

    #[test]
    fn nobody_calls_with_a_damaged_token_nor_without_one_and_it_can_be_revoked_and_made_anew() {
        let (admin, admins) = made("ops", Role::Admin);
        let (deploy, secret) = made("deploy", Role::Operator);
        let tokens = Tokens::default().with(admin, false).unwrap().with(deploy.clone(), false).unwrap();
        let tokens = damaged(&tokens, &["deploy"]);
        assert!(tokens.holder(admins.expose()).is_some());
        assert!(tokens.holder(secret.expose()).is_none() && tokens.is_damaged(secret.expose()));
        assert!(!tokens.is_damaged(admins.expose()) && !tokens.is_live(&deploy.id));
        // Its name is free at once; whoever says it means the new one.
        let (anew, fresh) = made("deploy", Role::Operator);
        let tokens = tokens.with(anew.clone(), false).unwrap();
        assert!(tokens.holder(fresh.expose()).is_some());
        let at = Timestamp::from_millis(9);
        let (_, revoked) = tokens.without("deploy", at, false).unwrap().unwrap();
        assert_eq!(revoked.id, anew.id);
        let (tokens, revoked) = tokens.without(deploy.id.as_str(), at, false).unwrap().unwrap();
        assert_eq!((&revoked.id, revoked.revoked_at, revoked.created_at), (&deploy.id, Some(at), deploy.created_at));
        assert!(tokens.damaged().is_empty() && tokens.holds(&revoked));
        assert!(tokens.holder(secret.expose()).is_none() && !tokens.is_damaged(secret.expose()));
    }

    #[test]
    fn a_damaged_admin_is_none_and_keeps_the_last_one_from_going() {
        let both = tokens(&[("ops", Role::Admin), ("boss", Role::Admin)]);
        let one = damaged(&both, &["boss"]);
        let at = Timestamp::from_millis(9);
        assert_eq!(one.without("ops", at, false).unwrap_err().code(), "admin_required", "nobody could revoke the damaged one");
        let (one, _) = one.without("boss", at, false).unwrap().unwrap();
        assert!(one.without("ops", at, false).is_ok());
        let none = damaged(&both, &["ops", "boss"]);
        assert!(none.any(), "nobody calls without a token");
        assert_eq!(none.with(made("deploy", Role::Operator).0, false).unwrap_err().code(), "admin_required");
        assert!(none.with(made("ops", Role::Admin).0, false).is_ok());
    }

    #[test]
    fn a_damaged_token_without_an_id_is_revoked_by_a_person() {
        let found = DamagedToken {
            id: "?".to_owned(),
            name: "x".to_owned(),
            role: None,
            created_at: None,
            why: "it is empty".to_owned(),
        };
        let tokens = Tokens::from_rows(TokenRows { damaged: vec![found], ..TokenRows::default() });
        let said = tokens.without("x", Timestamp::from_millis(9), true).unwrap_err();
        assert_eq!(said.code(), "corrupt");
        assert!(said.to_string().contains("delete its row from the table `token`"), "{said}");
    }

    #[test]
    fn a_name_is_one_live_tokens_and_free_again_when_it_is_revoked() {
        let tokens = tokens(&[("ops", Role::Admin), ("deploy", Role::Operator)]);
        assert_eq!(tokens.with(made("deploy", Role::Reader).0, false).unwrap_err().code(), "token_exists");
        let (tokens, _) = tokens.without("deploy", Timestamp::from_millis(2), false).unwrap().unwrap();
        let tokens = tokens.with(made("deploy", Role::Reader).0, false).unwrap();
        assert_eq!(tokens.view("deploy").unwrap().role, Role::Reader);
        assert_eq!(tokens.views().len(), 3);
        assert_eq!(tokens.with(made(ENVIRONMENT, Role::Reader).0, false).unwrap_err().code(), "invalid_request");
    }
}
