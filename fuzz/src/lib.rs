//! What is fuzzed. Each target is a function of bytes that panics when something is wrong; `crates/{core,server}/tests/corpora.rs`
//! include the same files and run them over the corpora with every test run.

pub mod codec;
pub mod definition;
pub mod duration;
pub mod event_pattern;
pub mod expression;
pub mod frames;
pub mod home;
pub mod link;
pub mod request;
pub mod worker;
