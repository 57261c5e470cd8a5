//! An answer of the server that is no: `application/problem+json`.

use serde::Deserialize;

use crate::diagnostics::Finding;

#[derive(Debug, Clone)]
pub struct Problem {
    pub status: u16,
    pub code: Option<String>,
    pub detail: String,
    /// Of a definition that was refused.
    pub diagnostics: Vec<Finding>,
    text: String,
}

#[derive(Deserialize)]
struct Body {
    code: Option<String>,
    title: Option<String>,
    detail: Option<String>,
    #[serde(default)]
    diagnostics: Vec<Finding>,
}

impl Problem {
    /// Makes the best of what came: a proxy in between sends JSON of its own.
    pub fn new(status: u16, text: String) -> Problem {
        let body: Option<Body> = serde_json::from_str(&text).ok();
        let (code, title, detail, diagnostics) = match body {
            Some(body) => (body.code, body.title, body.detail, body.diagnostics),
            None => (None, None, None, Vec::new()),
        };
        let detail = detail.or(title).unwrap_or_else(|| format!("the server answered {status}: {}", beginning(&text)));
        Problem { status, code, detail, diagnostics, text }
    }

    /// One that was found without asking.
    pub fn local(code: &str, detail: &str) -> Problem {
        Problem::new(422, serde_json::json!({ "status": 422, "code": code, "detail": detail }).to_string())
    }

    /// As the server sent it, when that is JSON.
    pub fn json(&self) -> String {
        if serde_json::from_str::<serde::de::IgnoredAny>(&self.text).is_ok() {
            return self.text.clone();
        }
        serde_json::json!({ "status": self.status, "detail": self.detail }).to_string()
    }
}

fn beginning(text: &str) -> String {
    const CHARACTERS_MAX: usize = 200;
    text.chars().take(CHARACTERS_MAX).collect()
}
