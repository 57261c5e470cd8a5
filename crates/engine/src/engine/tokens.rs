//! Tokens as the callers of an engine see them.

use std::sync::Arc;

use tokio::sync::watch;

use super::Engine;
use crate::Error;
use crate::ring::message::Input;
use crate::token::{self, Revocation, Secret, TokenRequest, TokenView, Tokens};

impl Engine {
    /// Makes a token. Its text is in this answer and nowhere else.
    pub async fn create_token(&self, request: TokenRequest) -> Result<(TokenView, Secret), Error> {
        let (token, secret) = token::make(&request, self.shared().clock.now().wall)?;
        let admin_elsewhere = request.admin_elsewhere;
        let create = || {
            let token = Box::new(token.clone());
            self.ask(move |reply| Input::CreateToken { token, admin_elsewhere, reply })
        };
        let view = self.unless_changed(create).await?;
        Ok((view, secret))
    }

    /// From the answer on nobody calls with it. None when there is no such token.
    pub async fn revoke_token(&self, revocation: Revocation) -> Result<Option<TokenView>, Error> {
        let revoke = || {
            let revocation = revocation.clone();
            self.ask(move |reply| Input::RevokeToken { revocation, reply })
        };
        let revoked = self.unless_changed(revoke).await?;
        // It may have been made elsewhere a moment ago.
        if revoked.is_some() || !self.may_know_more_now().await { Ok(revoked) } else { self.unless_changed(revoke).await }
    }

    /// The tokens as they are, and as they come to be.
    pub fn tokens(&self) -> watch::Receiver<Arc<Tokens>> {
        self.shared().tokens.subscribe()
    }
}
