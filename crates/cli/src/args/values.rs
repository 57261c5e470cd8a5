//! Values of options that are more than a text.

use std::io::Read;
use std::str::FromStr;

use clap::builder::PossibleValuesParser;
use workflow_core::json::Json;
use workflow_core::status::Status;

use crate::error::Error;
use crate::render::Clock;

/// `JSON`, `@FILE` or `-` for standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonInput {
    Text(String),
    File(String),
    Stdin,
}

impl FromStr for JsonInput {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<JsonInput, Self::Err> {
        Ok(match text.strip_prefix('@') {
            Some(file) => JsonInput::File(file.to_owned()),
            None if text == "-" => JsonInput::Stdin,
            None => JsonInput::Text(text.to_owned()),
        })
    }
}

impl JsonInput {
    /// Reads it; `option` is named when it is no JSON.
    pub fn json(&self, option: &str) -> Result<Json, Error> {
        let (text, what) = match self {
            JsonInput::Text(text) => (text.clone(), option.to_owned()),
            JsonInput::File(file) => {
                let text = std::fs::read_to_string(file)
                    .map_err(|error| Error::usage(format!("{option}: cannot read `{file}`: {error}")))?;
                (text, format!("{option}: `{file}`"))
            }
            JsonInput::Stdin => {
                let mut text = String::new();
                let read = std::io::stdin().read_to_string(&mut text);
                read.map_err(|error| Error::usage(format!("{option}: cannot read standard input: {error}")))?;
                (text, format!("{option}: standard input"))
            }
        };
        Json::parse(text.trim().trim_start_matches('\u{feff}')).map_err(|error| {
            let found = if text.trim().is_empty() { "nothing".to_owned() } else { error.to_string() };
            Error::usage(format!("{what} must be JSON such as {{\"orderId\": \"ord_123\"}}: {found}"))
        })
    }
}

/// An age (`2h`) or a time (`2026-11-22`, `2026-11-22T14:00`, with or without a zone).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instant {
    Ago(u64),
    /// Milliseconds since 1970.
    At(i64),
}

impl Instant {
    pub fn millis(self, clock: &Clock) -> i64 {
        match self {
            Instant::Ago(ms) => clock.now.saturating_sub_unsigned(ms),
            Instant::At(at) => at,
        }
    }
}

impl FromStr for Instant {
    type Err = String;

    fn from_str(text: &str) -> Result<Instant, String> {
        if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
            return Ok(Instant::At(timestamp.as_millisecond()));
        }
        let civil = text.parse::<jiff::civil::DateTime>();
        if let Ok(zoned) = civil.and_then(|time| time.to_zoned(jiff::tz::TimeZone::system())) {
            return Ok(Instant::At(zoned.timestamp().as_millisecond()));
        }
        if let Ok(span) = workflow_core::duration::parse(text) {
            return Ok(Instant::Ago(span.get()));
        }
        Err("an age such as `2h` or `3d`, or a time such as `2026-11-22T14:00` was expected".to_owned())
    }
}

/// The statuses, for completions and for a clear refusal of any other word.
pub fn status() -> PossibleValuesParser {
    PossibleValuesParser::new(Status::ALL.map(Status::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_ages_or_times() {
        assert_eq!("2h".parse(), Ok(Instant::Ago(7_200_000)));
        assert_eq!("2026-11-22T14:02:11.204Z".parse(), Ok(Instant::At(1_795_356_131_204)));
        assert!("2026-11-22".parse::<Instant>().is_ok());
        assert!("yesterday-ish".parse::<Instant>().is_err());
    }

    #[test]
    fn an_input_is_text_a_file_or_standard_input() {
        assert_eq!("@a.json".parse(), Ok(JsonInput::File("a.json".to_owned())));
        assert_eq!("-".parse(), Ok(JsonInput::Stdin));
        assert_eq!("{}".parse(), Ok(JsonInput::Text("{}".to_owned())));
    }
}

/// A token, which is never shown.
#[derive(Clone)]
pub struct TokenText(pub String);

impl std::fmt::Debug for TokenText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenText")
    }
}

impl FromStr for TokenText {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<TokenText, Self::Err> {
        Ok(TokenText(text.trim().to_owned()))
    }
}
