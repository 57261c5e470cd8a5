//! What fuzzing has found worth keeping, once more with every test run: the targets of `fuzz/` that need only the core.

#[path = "../../../fuzz/src/codec.rs"]
mod codec;
#[path = "../../../fuzz/src/definition.rs"]
mod definition;
#[path = "../../../fuzz/src/duration.rs"]
mod duration;
#[path = "../../../fuzz/src/event_pattern.rs"]
mod event_pattern;
#[path = "../../../fuzz/src/expression.rs"]
mod expression;
#[path = "../../../fuzz/src/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn the_corpus_of_definitions() {
    replay("definition", definition::run);
}

#[test]
fn the_corpus_of_expressions() {
    replay("expression", expression::run);
}

#[test]
fn the_corpus_of_durations() {
    replay("duration", duration::run);
}

#[test]
fn the_corpus_of_stored_events() {
    replay("codec", codec::run);
}

#[test]
fn the_corpus_of_event_patterns() {
    replay("event_pattern", event_pattern::run);
}
