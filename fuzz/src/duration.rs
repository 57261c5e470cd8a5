//! Durations: what is read can be written, and is read again as the same.

use workflow_core::duration;
use workflow_core::limits;

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match duration::parse(text) {
        Ok(span) => {
            let millis = i64::try_from(span.to_std().as_millis()).expect("a duration fits into its bound");
            assert!(millis <= limits::DURATION_MS_MAX, "{text:?} is {millis} ms");
            let written = span.to_string();
            assert_eq!(duration::parse(&written), Ok(span), "{text:?} was written as {written:?}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
