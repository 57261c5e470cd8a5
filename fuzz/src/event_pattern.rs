//! Patterns of events: a first line that is a pattern, a second that is an event's name.

use workflow_core::definition::EventPattern;
use workflow_core::id::EventName;

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (pattern, name) = text.split_once('\n').unwrap_or((text, "Order.placed"));
    let (Ok(pattern), Ok(name)) = (EventPattern::parse(pattern), EventName::new(name)) else { return };
    let words = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    let expected = fits(&words(pattern.as_str()), &words(name.as_str()));
    assert_eq!(pattern.matches(&name), expected, "{} and {name}", pattern.as_str());
}

/// What the semantics say, one place after the other: which beginnings of the pattern fit the words so far.
fn fits(pattern: &[String], words: &[String]) -> bool {
    let skip = |mut fitting: Vec<bool>| {
        for at in 0..pattern.len() {
            if fitting[at] && pattern[at] == "**" {
                fitting[at + 1] = true;
            }
        }
        fitting
    };
    let mut start = vec![false; pattern.len() + 1];
    start[0] = true;
    let mut fitting = skip(start);
    for word in words {
        let mut next = vec![false; pattern.len() + 1];
        for at in (0..pattern.len()).filter(|at| fitting[*at]) {
            match pattern[at].as_str() {
                "**" => next[at] = true,
                "*" => next[at + 1] = true,
                exact => next[at + 1] |= exact == word,
            }
        }
        fitting = skip(next);
    }
    fitting[pattern.len()]
}
