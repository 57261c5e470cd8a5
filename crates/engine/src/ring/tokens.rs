//! Tokens change by commits like everything else: who asks next finds what was decided, who calls finds what is durable.

use std::sync::Arc;

use workflow_store::{Change, Token};

use super::Ring;
use super::batch::Effect;
use super::message::{Reply, answer};
use crate::clock::Now;
use crate::token::{Revocation, TokenView, Tokens};

impl Ring {
    pub(super) fn create_token(&mut self, token: Token, admin_elsewhere: bool, reply: Reply<TokenView>) {
        let view = TokenView::new(&token);
        match self.tokens.with(token.clone(), admin_elsewhere) {
            Ok(tokens) => {
                self.put_token(token, tokens);
                self.answer_after(self.tokens_batch, answer(reply, Ok(view)));
            }
            // What it was decided on may not be durable yet.
            Err(error) => self.answer_after(self.tokens_batch, answer(reply, Err(error))),
        }
    }

    pub(super) fn revoke_token(&mut self, revocation: &Revocation, reply: Reply<Option<TokenView>>, now: Now) {
        let Revocation { token, admin_elsewhere } = revocation;
        let answered = match self.tokens.without(token, now.wall, *admin_elsewhere) {
            Ok(None) => Ok(None),
            Ok(Some((tokens, revoked))) => {
                let view = TokenView::new(&revoked);
                if !self.tokens.holds(&revoked) {
                    self.put_token(revoked, tokens);
                }
                Ok(Some(view))
            }
            Err(error) => Err(error),
        };
        self.answer_after(self.tokens_batch, answer(reply, answered));
    }

    fn put_token(&mut self, token: Token, tokens: Tokens) {
        let tokens = Arc::new(tokens);
        let before = std::mem::replace(&mut self.tokens, tokens.clone());
        self.open.effects.tokens_before.get_or_insert(before);
        self.tokens_batch = self.deciding();
        self.open.push(Change::PutToken(Box::new(token)));
        self.open.effects.outputs.push(Effect::Tokens(tokens));
    }
}
