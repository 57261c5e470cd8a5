//! Durations as people write them in definitions: `500ms`, `1h 30m`, `3d`, ISO 8601's `P3D`.
//!
//! `m` is minutes and a day has 24 hours. What has no fixed length (months, years) is no duration here.

use crate::limits;
use crate::time::Millis;

/// Why a text is no duration, and what one looks like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DurationError {
    pub message: String,
}

const SECOND: u128 = 1_000;
const MINUTE: u128 = 60 * SECOND;
const HOUR: u128 = 60 * MINUTE;
const DAY: u128 = 24 * HOUR;
const WEEK: u128 = 7 * DAY;

/// From the longest to the shortest, the order in which they are written.
const UNITS: [(&str, u128); 6] = [("w", WEEK), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", 1)];
const ISO_DATE_UNITS: [(&str, u128); 2] = [("W", WEEK), ("D", DAY)];
const ISO_TIME_UNITS: [(&str, u128); 3] = [("H", HOUR), ("M", MINUTE), ("S", SECOND)];

/// More digits than any duration within the bound has; they could overflow the arithmetic.
const DIGITS_MAX: usize = 18;

/// Reads a duration. Only its last number may have a fraction (`1.5s`, `PT0.25S`), and none is finer than a millisecond.
pub fn parse(text: &str) -> Result<Millis, DurationError> {
    if text.trim().is_empty() {
        return Err(error("a duration is empty", EXAMPLES));
    }
    if text.starts_with(['-', '\u{2212}']) {
        return Err(error(&format!("{} is negative", quoted(text)), "a duration is zero or more, such as `30s`"));
    }
    let ms = match text.strip_prefix('P') {
        Some(rest) => parse_iso(text, rest)?,
        None => parse_units(text)?,
    };
    if ms > limits::DURATION_MS_MAX.unsigned_abs().into() {
        return Err(too_long(text));
    }
    u64::try_from(ms).map(Millis::new).map_err(|_| too_long(text))
}

const EXAMPLES: &str = "expected one such as `500ms`, `30s`, `1h 30m`, `3d` or `P3D`";

fn parse_units(text: &str) -> Result<u128, DurationError> {
    let mut total = Sum::new(text, &UNITS);
    let mut rest = text;
    while !rest.is_empty() {
        let number = take(&mut rest, |c| c.is_ascii_digit() || c == '.');
        let unit = take(&mut rest, char::is_alphabetic);
        if number.is_empty() {
            return Err(error(&format!("{} is no duration", quoted(text)), EXAMPLES));
        }
        if unit.is_empty() {
            let word = take(&mut rest.trim_start(), char::is_alphabetic);
            if !word.is_empty() {
                return Err(total.unknown_unit(number, word));
            }
            return Err(error(
                &format!("{} has no unit after {number}", quoted(text)),
                &format!("write `{number}s` or `{number}ms`"),
            ));
        }
        total.add(number, unit)?;
        // One space may stand between two components, none at the end.
        if let Some(next) = rest.strip_prefix(' ').filter(|next| !next.is_empty()) {
            rest = next;
        }
    }
    Ok(total.ms)
}

fn parse_iso(text: &str, rest: &str) -> Result<u128, DurationError> {
    let (date, time) = match rest.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (rest, None),
    };
    if (date.is_empty() && time.is_none()) || time == Some("") {
        return Err(error(&format!("{} has no number", quoted(text)), "expected one such as `P3D` or `PT1M`"));
    }
    let date_ms = parse_iso_part(text, date, &ISO_DATE_UNITS)?;
    if time.is_some() && date.contains('.') {
        return Err(error(&format!("{} has a fraction before its last number", quoted(text)), "write `P1DT12H` for `P1.5D`"));
    }
    Ok(date_ms + parse_iso_part(text, time.unwrap_or_default(), &ISO_TIME_UNITS)?)
}

fn parse_iso_part(text: &str, mut rest: &str, units: &'static [(&'static str, u128)]) -> Result<u128, DurationError> {
    let mut total = Sum::new(text, units);
    while !rest.is_empty() {
        let number = take(&mut rest, |c| c.is_ascii_digit() || c == '.');
        let Some(unit) = rest.chars().next() else {
            return Err(error(&format!("{} has no unit after {number}", quoted(text)), "expected one such as `P3D` or `PT1M`"));
        };
        let (unit, after) = rest.split_at(unit.len_utf8());
        if number.is_empty() {
            return Err(error(
                &format!("{} has no number before {}", quoted(text), quoted(unit)),
                "expected one such as `P3D` or `PT1M`",
            ));
        }
        rest = after;
        total.add(number, unit)?;
    }
    Ok(total.ms)
}

/// Components read so far: each unit at most once, the longer ones first.
struct Sum<'a> {
    text: &'a str,
    units: &'static [(&'static str, u128)],
    ms: u128,
    /// Units before this place in `units` can no longer come.
    next: usize,
    fraction: bool,
}

impl<'a> Sum<'a> {
    fn new(text: &'a str, units: &'static [(&'static str, u128)]) -> Sum<'a> {
        Sum { text, units, ms: 0, next: 0, fraction: false }
    }

    fn add(&mut self, number: &str, unit: &str) -> Result<(), DurationError> {
        let text = quoted(self.text);
        if self.fraction {
            return Err(error(&format!("{text} has a fraction before its last number"), "write `1h 30m` for `1.5h`"));
        }
        let Some(place) = self.units.iter().position(|&(name, _)| name == unit) else {
            return Err(self.unknown_unit(number, unit));
        };
        if place < self.next {
            return Err(error(
                &format!("{text} has `{unit}` in the wrong place"),
                "units go from long to short, each once, such as `1h 30m`",
            ));
        }
        self.next = place + 1;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || (number.contains('.') && !digits(fraction)) {
            return Err(error(&format!("{text} has {} in place of a number", quoted(number)), EXAMPLES));
        }
        if whole.trim_start_matches('0').len() > DIGITS_MAX {
            return Err(too_long(self.text));
        }
        let length = self.units[place].1;
        let whole: u128 = whole.parse().map_err(|_| too_long(self.text))?;
        self.ms += whole * length + fraction_ms(fraction, length).ok_or_else(|| finer_than_a_millisecond(self.text))?;
        self.fraction = !fraction.is_empty();
        Ok(())
    }

    fn unknown_unit(&self, number: &str, unit: &str) -> DurationError {
        let text = quoted(self.text);
        if self.text.starts_with('P') && matches!(unit, "Y" | "M") {
            return error(&format!("{text} has years or months, which have no fixed length"), "write days, such as `P30D`");
        }
        let meant = match unit.to_lowercase().as_str() {
            "ms" | "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" => "ms",
            "s" | "sec" | "secs" | "second" | "seconds" => "s",
            "m" | "min" | "mins" | "minute" | "minutes" => "m",
            "h" | "hr" | "hrs" | "hour" | "hours" => "h",
            "d" | "day" | "days" => "d",
            "w" | "wk" | "week" | "weeks" => "w",
            _ => {
                return error(
                    &format!("{text} has the unknown unit {}", quoted(unit)),
                    "units are `w`, `d`, `h`, `m` (minutes), `s`, `ms`",
                );
            }
        };
        if meant == unit {
            return error(&format!("{text} has a space before its unit"), &format!("write `{number}{unit}`"));
        }
        let meant =
            if self.text.starts_with('P') { format!("such as `PT{number}M`") } else { format!("write `{number}{meant}`") };
        error(&format!("{text} has the unknown unit {}", quoted(unit)), &meant)
    }
}

/// `None` when it is no whole number of milliseconds.
fn fraction_ms(fraction: &str, unit: u128) -> Option<u128> {
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        return Some(0);
    }
    // The longest unit has 604,800,000 = 2^10 * 3^3 * 5^5 * 7 ms: more than ten decimals never give a whole number.
    if fraction.len() > 10 {
        return None;
    }
    let scaled = fraction.parse::<u128>().ok()? * unit;
    let scale = 10u128.pow(u32::try_from(fraction.len()).ok()?);
    scaled.is_multiple_of(scale).then(|| scaled / scale)
}

/// Cuts off the beginning of `rest` as far as `belongs` is true.
fn take<'a>(rest: &mut &'a str, belongs: impl Fn(char) -> bool) -> &'a str {
    let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
    let (taken, after) = rest.split_at(end);
    *rest = after;
    taken
}

fn error(problem: &str, expected: &str) -> DurationError {
    DurationError { message: format!("{problem}: {expected}") }
}

fn too_long(text: &str) -> DurationError {
    error(&format!("{} is too long", quoted(text)), "a duration is at most 1,000 years (`366000d`)")
}

fn finer_than_a_millisecond(text: &str) -> DurationError {
    error(&format!("{} is finer than a millisecond", quoted(text)), "the shortest step is `1ms`")
}

/// In backticks, cut when nobody would read it to its end.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let shown: String = text.chars().take(SHOWN).collect();
    let cut = if text.chars().count() > SHOWN { "…" } else { "" };
    format!("`{}{cut}`", shown.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> u64 {
        parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).get()
    }

    fn message(text: &str) -> String {
        parse(text).expect_err(text).message
    }

    #[test]
    fn a_number_and_a_unit() {
        let cases = [
            ("500ms", 500),
            ("30s", 30_000),
            ("1m", 60_000),
            ("48h", 172_800_000),
            ("3d", 259_200_000),
            ("2w", 1_209_600_000),
            ("0s", 0),
            ("007s", 7_000),
        ];
        for (text, expected) in cases {
            assert_eq!(ms(text), expected, "{text}");
        }
    }

    #[test]
    fn compounds_with_and_without_a_space() {
        assert_eq!(ms("1h30m"), 5_400_000);
        assert_eq!(ms("1h 30m"), 5_400_000);
        assert_eq!(ms("1w 2d 3h 4m 5s 6ms"), 788_645_006);
        assert_eq!(ms("1m500ms"), 60_500);
    }

    #[test]
    fn iso_8601_with_m_as_months_before_and_minutes_after_the_t() {
        assert_eq!(ms("P3D"), 259_200_000);
        assert_eq!(ms("PT1M"), 60_000);
        assert_eq!(ms("P1W"), 604_800_000);
        assert_eq!(ms("P1DT2H3M4.5S"), 93_784_500);
        assert_eq!(ms("PT0S"), 0);
        assert!(message("P1M").contains("no fixed length"), "{}", message("P1M"));
        assert!(message("P1Y").contains("no fixed length"));
    }

    #[test]
    fn only_the_last_number_may_have_a_fraction() {
        assert_eq!(ms("1.5h"), 5_400_000);
        assert_eq!(ms("1m 0.25s"), 60_250);
        assert_eq!(ms("0.5w"), 302_400_000);
        for bad in ["1.5h 30m", "0.5ms", "P1.5DT1H", "1.s", ".5s", "1.2.3s"] {
            message(bad);
        }
    }

    #[test]
    fn what_is_shown_to_people_can_be_read_again() {
        for span in [0, 1, 999, 1_500, 59_999, 60_000, 3_600_000, 90_061_000, 604_800_000] {
            assert_eq!(parse(&Millis::new(span).to_string()), Ok(Millis::new(span)));
        }
    }

    #[test]
    fn a_bad_one_says_what_is_wrong_and_shows_a_good_one() {
        let cases = [
            ("", "a duration is empty: expected one such as `500ms`, `30s`, `1h 30m`, `3d` or `P3D`"),
            ("-5m", "`-5m` is negative: a duration is zero or more, such as `30s`"),
            ("-P3D", "`-P3D` is negative: a duration is zero or more, such as `30s`"),
            ("30", "`30` has no unit after 30: write `30s` or `30ms`"),
            ("5min", "`5min` has the unknown unit `min`: write `5m`"),
            ("5H", "`5H` has the unknown unit `H`: write `5h`"),
            ("3 days", "`3 days` has the unknown unit `days`: write `3d`"),
            ("30 s", "`30 s` has a space before its unit: write `30s`"),
            ("1y", "`1y` has the unknown unit `y`: units are `w`, `d`, `h`, `m` (minutes), `s`, `ms`"),
            ("30m1h", "`30m1h` has `h` in the wrong place: units go from long to short, each once, such as `1h 30m`"),
            ("1h1h", "`1h1h` has `h` in the wrong place: units go from long to short, each once, such as `1h 30m`"),
            ("soon", "`soon` is no duration: expected one such as `500ms`, `30s`, `1h 30m`, `3d` or `P3D`"),
            ("P", "`P` has no number: expected one such as `P3D` or `PT1M`"),
            ("PT", "`PT` has no number: expected one such as `P3D` or `PT1M`"),
            ("P3", "`P3` has no unit after 3: expected one such as `P3D` or `PT1M`"),
            ("PD", "`PD` has no number before `D`: expected one such as `P3D` or `PT1M`"),
            ("0.0001s", "`0.0001s` is finer than a millisecond: the shortest step is `1ms`"),
        ];
        for (text, expected) in cases {
            assert_eq!(message(text), expected);
        }
    }

    #[test]
    fn the_longest_is_a_thousand_years() {
        assert_eq!(ms("366000d"), limits::DURATION_MS_MAX.unsigned_abs());
        let huge = "9".repeat(400);
        for text in ["366000d 1ms", "18446744073709551616ms", "999999999999999999w", &format!("{huge}s"), &format!("P{huge}D")] {
            assert!(message(text).contains("too long"), "{}", message(text));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = parse(&text);
        }

        #[test]
        fn nearly_a_duration_never_panics(text in "P?T?([0-9.]{0,25}(ms|[wdhmsWDHMSY])? ?){0,5}") {
            let _ = parse(&text);
        }
    }
}
