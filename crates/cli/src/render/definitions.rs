//! `workflow definitions`, `workflow endpoint list` and `workflow token list`.

use crate::client::model::{Definition, Endpoint, Token};

use super::look::{RED, painted};
use super::table::{Overflow, table};
use super::{Clock, dim, first_line, one_line};

pub fn definitions(definitions: &[Definition], clock: &Clock, width: Option<usize>) -> String {
    let row = |definition: &Definition| {
        let events: Vec<&str> = definition.triggers.iter().map(|trigger| trigger.event.as_str()).collect();
        vec![
            one_line(&definition.id),
            format!("v{}", definition.version),
            definition.steps.len().to_string(),
            definition.updated_at.map(|at| clock.relative(at)).unwrap_or_default(),
            one_line(&events.join(", ")),
            dim(&definition.name.as_deref().map(one_line).unwrap_or_default()),
        ]
    };
    let rows = definitions.iter().map(row).collect();
    table(&["WORKFLOW", "VERSION", "STEPS", "REGISTERED", "TRIGGERS", ""], rows, &[2], Overflow::Cut, width)
}

pub fn endpoints(endpoints: &[Endpoint], width: Option<usize>) -> String {
    let row = |endpoint: &Endpoint| {
        let actions = match (&endpoint.unreachable, endpoint.actions.as_slice()) {
            (Some(why), _) => painted(RED, &format!("unreachable: {}", first_line(why))),
            (None, []) => dim("none"),
            (None, actions) => one_line(&actions.join(", ")),
        };
        vec![
            one_line(&endpoint.name),
            one_line(&endpoint.url),
            endpoint.timeout.as_deref().map(one_line).unwrap_or_default(),
            endpoint.concurrency.map(|calls| calls.to_string()).unwrap_or_default(),
            if endpoint.has_secret { "signed".to_owned() } else { dim("no") },
            actions,
        ]
    };
    let rows = endpoints.iter().map(row).collect();
    table(&["ENDPOINT", "URL", "TIMEOUT", "CALLS", "SECRET", "ACTIONS"], rows, &[3], Overflow::Wrap, width)
}

pub fn tokens(tokens: &[Token], clock: &Clock, width: Option<usize>) -> String {
    let row = |token: &Token| {
        let state = match token.revoked_at {
            Some(at) => dim(&format!("revoked {}", clock.relative(at))),
            None => "live".to_owned(),
        };
        vec![one_line(&token.name), one_line(&token.role), one_line(&token.id), clock.relative(token.created_at), state]
    };
    let rows = tokens.iter().map(row).collect();
    table(&["TOKEN", "ROLE", "ID", "MADE", ""], rows, &[], Overflow::Cut, width)
}
