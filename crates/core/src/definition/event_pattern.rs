//! Patterns of event names: exact words, `*` for one word, `**` for any number.

use crate::id::EventName;
use crate::limits;

/// `Customer.created`, `Customer.*` (one word), `Customer.**` (any number of words, none included).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPattern(pub(crate) String);

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EventPatternError {
    pub message: String,
}

impl EventPattern {
    pub fn parse(text: &str) -> Result<EventPattern, EventPatternError> {
        let error = |message: String| Err(EventPatternError { message });
        if text.chars().count() > limits::EVENT_CHARS_MAX {
            return error(format!(
                "an event pattern has at most {} characters, found {}",
                limits::EVENT_CHARS_MAX,
                text.chars().count()
            ));
        }
        let shown = text.escape_debug();
        for word in text.split('.') {
            if word.is_empty() || word.chars().any(|c| c.is_whitespace() || c.is_control()) {
                return error(format!(
                    "`{shown}` is no event pattern: expected words without spaces joined by dots, such as `Customer.created` or `Customer.*`"
                ));
            }
            if word.contains('*') && word != "*" && word != "**" {
                return error(format!(
                    "`{shown}` is no event pattern: `*` stands for one whole word and `**` for any number, so `{word}` cannot match a part of one"
                ));
            }
        }
        Ok(EventPattern(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it matches the whole name, case-sensitive.
    pub fn matches(&self, event: &EventName) -> bool {
        let pattern: Vec<&str> = self.0.split('.').collect();
        let words: Vec<&str> = event.as_str().split('.').collect();
        let (mut p, mut w) = (0, 0);
        // Where to go on when what follows the last `**` does not match: that one takes one more word. An earlier `**` need not
        // be tried again, because whatever it could take, the later one can.
        let mut again: Option<(usize, usize)> = None;
        while w < words.len() {
            if pattern.get(p) == Some(&"**") {
                again = Some((p, w));
                p += 1;
            } else if pattern.get(p).is_some_and(|&wanted| wanted == "*" || wanted == words[w]) {
                (p, w) = (p + 1, w + 1);
            } else if let Some((star, taken)) = again {
                again = Some((star, taken + 1));
                (p, w) = (star + 1, taken + 1);
            } else {
                return false;
            }
        }
        pattern[p..].iter().all(|&rest| rest == "**")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, event: &str) -> bool {
        EventPattern::parse(pattern).unwrap().matches(&EventName::new(event).unwrap())
    }

    #[test]
    fn without_a_star_the_whole_name_has_to_be_the_same() {
        assert!(matches("Customer.created", "Customer.created"));
        assert!(!matches("Customer.created", "Customer.Created"));
        assert!(!matches("Customer", "Customer.created"));
        assert!(!matches("Customer.created", "Customer"));
    }

    #[test]
    fn one_star_is_one_word() {
        assert!(matches("Customer.*", "Customer.created"));
        assert!(!matches("Customer.*", "Customer"));
        assert!(!matches("Customer.*", "Customer.address.changed"));
        assert!(matches("*.created", "Order.created"));
        assert!(matches("*", "Order"));
    }

    #[test]
    fn two_stars_are_any_number_of_words() {
        for event in ["Customer", "Customer.created", "Customer.address.changed"] {
            assert!(matches("Customer.**", event), "{event}");
            assert!(matches("**", event), "{event}");
        }
        assert!(!matches("Customer.**", "Customers"));
        assert!(matches("**.changed", "changed"));
        assert!(matches("a.**.b.**.c", "a.b.c"));
        assert!(matches("a.**.b.*.c", "a.b.x.b.y.c"));
        assert!(!matches("a.**.b.*.c", "a.b.c"));
    }

    #[test]
    fn many_stars_take_no_long_time() {
        let pattern = format!("{}x", "**.".repeat(80));
        assert!(!matches(&pattern, &["a"; 120].join(".")));
    }

    #[test]
    fn a_star_inside_a_word_is_refused() {
        let message = EventPattern::parse("Customer.cre*").unwrap_err().message;
        assert!(message.contains("`cre*` cannot match a part of one"), "{message}");
        for bad in ["", "a..b", "a b", "a.***", ".a", &"x".repeat(257)] {
            assert!(EventPattern::parse(bad).is_err(), "{bad}");
        }
    }
}
