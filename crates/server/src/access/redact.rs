//! A token may turn up where none belongs, as in the path of a request. Logs and answers get it without its secret.

use std::borrow::Cow;

use workflow_engine::token::PREFIX;

/// The text with the secrets of all tokens in it left out: `wf_0123456789abcdef_…`.
pub(crate) fn without_secrets(text: &str) -> Cow<'_, str> {
    if !text.contains(PREFIX) {
        return Cow::Borrowed(text);
    }
    let (mut kept, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(PREFIX) {
        let (before, token) = rest.split_at(at + PREFIX.len());
        kept.push_str(before);
        let id = token.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(token.len());
        kept.push_str(&token[..id]);
        rest = &token[id..];
        if let Some(secret) = rest.strip_prefix('_') {
            kept.push_str("_…");
            rest = secret.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        }
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn only_the_secrets_are_left_out() {
        let cases = [
            ("/api/v1/tokens/ops", "/api/v1/tokens/ops"),
            ("/api/v1/tokens/wf_00ff_abc123", "/api/v1/tokens/wf_00ff_…"),
            ("wf_00ff_abc123/wf_11_22?x", "wf_00ff_…/wf_11_…?x"),
            ("wf_", "wf_"),
            ("/wf_orders/x_1", "/wf_orders/x_1"),
        ];
        for (text, expected) in cases {
            assert_eq!(without_secrets(text), expected);
        }
    }
}
