//! Asks an endpoint which actions it has: `GET url` answers `{"actions": [...]}`.

use std::time::Duration;

use serde::Deserialize;
use workflow_core::id::ActionName;

use super::{Address, called, innermost};

const ANSWER_MAX: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The actions, or why they are not known.
pub async fn discover(client: &reqwest::Client, address: &Address) -> Result<Vec<ActionName>, String> {
    match tokio::time::timeout(ANSWER_MAX, ask(client, address)).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("`GET {}` was not answered within {} s", called(address.url()), ANSWER_MAX.as_secs())),
    }
}

async fn ask(client: &reqwest::Client, address: &Address) -> Result<Vec<ActionName>, String> {
    #[derive(Deserialize)]
    struct Answer {
        actions: Vec<String>,
    }
    let url = called(address.url());
    let failed = |error: reqwest::Error| format!("`GET {url}` failed: {}", innermost(&error));
    let mut response = client.get(address.url().clone()).send().await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(format!("`GET {url}` was answered {}", response.status()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES_MAX {
            return Err(format!("the answer to `GET {url}` is longer than {ANSWER_BYTES_MAX} bytes"));
        }
    }
    let expected = r#"expected {"actions": ["chargeCard", ...]}"#;
    let answer: Answer = serde_json::from_slice(&body)
        .map_err(|error| format!("the answer to `GET {url}` is not understood: {error}; {expected}"))?;
    let mut actions = Vec::with_capacity(answer.actions.len());
    for action in answer.actions {
        actions.push(ActionName::new(&action).map_err(|invalid| format!("the answer to `GET {url}`: {invalid}"))?);
    }
    actions.sort();
    actions.dedup();
    Ok(actions)
}
