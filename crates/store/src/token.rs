//! Tokens: who may call, and what for.
//!
//! What is *not* here: the secret. It has 256 random bits, so nobody finds it by trying, and its SHA-256 is as good as a slow hash
//! that is made for passwords.

use std::fmt;
use std::str::FromStr;

use workflow_core::id::{TokenId, TokenName};
use workflow_core::time::Timestamp;

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
