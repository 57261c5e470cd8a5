//! Tokens: who may call, and what for.
//!
//! What is *not* here: the secret. It has 256 random bits, so nobody finds it by trying, and its SHA-256 is as good as a slow hash
//! that is made for passwords.

use std::fmt;
use std::str::FromStr;

use workflow_core::id::{TokenId, TokenName};
use workflow_core::time::Timestamp;

use crate::{Fault, FaultKind};

/// Kept when it is revoked too: the audit trail names it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    pub id: TokenId,
    /// Unique among those that are not revoked.
    pub name: TokenName,
    pub role: Role,
    /// Of the whole text that its holder has.
    pub sha256: [u8; 32],
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

impl Token {
    pub fn is_live(&self) -> bool {
        self.revoked_at.is_none()
    }
}

/// Without the hash: this ends up in logs.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("role", &self.role)
            .field("created_at", &self.created_at)
            .field("revoked_at", &self.revoked_at)
            .finish_non_exhaustive()
    }
}

/// All tokens of a store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenRows {
    pub sound: Vec<Token>,
    pub damaged: Vec<DamagedToken>,
    /// Why there may be rows that are not found.
    pub lost: Option<String>,
}

impl TokenRows {
    /// How many are found.
    pub fn count(&self) -> usize {
        self.sound.len() + self.damaged.len()
    }

    /// What is wrong, and what to do about it.
    pub fn wrongs(&self) -> impl Iterator<Item = String> {
        let lost = self.lost.iter().map(|why| {
            format!("there may be tokens that are not found: {why}; restore a backup, or make their holders other ones")
        });
        self.damaged.iter().map(|damaged| format!("{damaged}; nobody is let in with it: {}", damaged.advice())).chain(lost)
    }

    /// All of them, or a fault: for who must not go on without one.
    pub fn whole(self) -> Result<Vec<Token>, Fault> {
        let wrong = self.wrongs().next();
        match wrong {
            None => Ok(self.sound),
            Some(wrong) => Err(Fault::new(FaultKind::Corrupt, "read tokens", wrong)),
        }
    }
}

/// A row that is not what was written. Nothing that it says can be relied on, also not that it was revoked, and nobody calls with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedToken {
    /// As it is found, and so is the name: either may be what is damaged.
    pub id: String,
    pub name: String,
    /// None where it is no role.
    pub role: Option<Role>,
    /// None where it is no time.
    pub created_at: Option<Timestamp>,
    pub why: String,
}

impl DamagedToken {
    /// What to write in its place: as much of it as can be read, revoked. None when its id is none, so that no token can have it.
    pub fn revoked(&self, at: Timestamp) -> Option<Token> {
        Some(Token {
            id: TokenId::new(&self.id).ok()?,
            name: TokenName::new(&self.name).unwrap_or_else(|_| TokenName::new("damaged").expect("it is a valid name")),
            // The least, where it cannot be read.
            role: self.role.unwrap_or(Role::Worker),
            // Nobody has a text with this one.
            sha256: [0; 32],
            created_at: self.created_at.unwrap_or(at),
            revoked_at: Some(at),
        })
    }

    /// What to do about it.
    pub fn advice(&self) -> String {
        match TokenId::new(&self.id) {
            Ok(id) => format!("make its holder another one, and revoke this one by its id: `workflow token revoke {id}`"),
            Err(_) => "make its holder another one, and delete its row from the table `token`".to_owned(),
        }
    }
}

impl fmt::Display for DamagedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "token `{}` with the id `{}` is damaged: {}", self.name.escape_debug(), self.id.escape_debug(), self.why)
    }
}

/// What the holder of a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Read everything.
    Reader,
    /// That, start and control executions, and send events.
    Operator,
    /// Everything.
    Admin,
    /// Run actions, and nothing else.
    Worker,
}

impl Role {
    pub const ALL: [Role; 4] = [Role::Reader, Role::Operator, Role::Admin, Role::Worker];

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Reader => "reader",
            Role::Operator => "operator",
            Role::Admin => "admin",
            Role::Worker => "worker",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no role; reader, operator, admin or worker was expected", text = .0.escape_debug())]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Role, UnknownRole> {
        Role::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}
