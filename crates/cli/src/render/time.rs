//! Instants and spans as people say them.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// What time it is, and where.
#[derive(Debug, Clone)]
pub struct Clock {
    /// Milliseconds since 1970.
    pub now: i64,
    pub zone: TimeZone,
}

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

impl Clock {
    /// This machine's.
    pub fn here() -> Clock {
        Clock { now: Timestamp::now().as_millisecond(), zone: TimeZone::system() }
    }

    fn zoned(&self, at: i64) -> Zoned {
        Timestamp::from_millisecond(at).unwrap_or_default().to_zoned(self.zone.clone())
    }

    /// `12 s ago`, `3 min ago`, `yesterday 14:02`, `3 Nov`; an instant to come is `in 38 s`. Never a negative age: the server's
    /// clock may be ahead.
    pub fn relative(&self, at: i64) -> String {
        let age = self.now.saturating_sub(at);
        match age {
            _ if age < -2 * SECOND => format!("in {}", span(age.unsigned_abs())),
            _ if age < 5 * SECOND => "just now".to_owned(),
            _ if age < MINUTE => format!("{} s ago", age / SECOND),
            _ if age < HOUR => format!("{} min ago", age / MINUTE),
            _ if age < DAY => format!("{} h ago", age / HOUR),
            _ => self.long_ago(at),
        }
    }

    fn long_ago(&self, at: i64) -> String {
        let (then, now) = (self.zoned(at), self.zoned(self.now));
        let days = now.date().since(then.date()).map_or(i64::MAX, |span| i64::from(span.get_days()));
        match days {
            ..=1 => then.strftime("yesterday %H:%M").to_string(),
            2..=6 => format!("{days} d ago"),
            _ if then.year() == now.year() => then.strftime("%-d %b").to_string(),
            _ => then.strftime("%-d %b %Y").to_string(),
        }
    }

    /// `2026-11-22 14:02:11`.
    pub fn exact(&self, at: i64) -> String {
        self.zoned(at).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// `14:02:11.204`.
    pub fn time_of_day(&self, at: i64) -> String {
        self.zoned(at).strftime("%H:%M:%S%.3f").to_string()
    }

    /// `Sunday 22 November 2026, UTC`.
    pub fn day(&self, at: i64) -> String {
        self.zoned(at).strftime("%A %-d %B %Y, %Z").to_string()
    }

    /// `in 38 s`, rounded up; what should have been is `now`.
    pub fn left(&self, at: i64) -> String {
        match at.saturating_sub(self.now) {
            ..=0 => "now".to_owned(),
            left => format!("in {}", ticking((left + 999).unsigned_abs())),
        }
    }

    /// How long something has lasted that goes on.
    pub fn ticking_since(&self, at: i64) -> String {
        ticking(self.now.saturating_sub(at).max(0).unsigned_abs())
    }

    /// `200 ms ago`, `5 m ago`: two units, where an exact age matters.
    pub fn precise_ago(&self, at: i64) -> String {
        let age = self.now.saturating_sub(at).max(0).unsigned_abs();
        format!("{} ago", if age < 1_000 { span(age) } else { ticking(age) })
    }

    /// The day where it is another one, and the hour where it is near: `14:02`, `tomorrow 14:02`, `Thu 14:02`, `3 Nov 14:02`.
    pub fn when(&self, at: i64) -> String {
        let (then, now) = (self.zoned(at), self.zoned(self.now));
        let days = then.date().since(now.date()).map_or(i64::MAX, |span| i64::from(span.get_days()));
        let format = match days {
            0 => "%H:%M",
            1 => "tomorrow %H:%M",
            -1 => "yesterday %H:%M",
            _ if (at - self.now).abs() < 7 * DAY => "%a %H:%M",
            _ if then.year() == now.year() => "%-d %b %H:%M",
            _ => "%-d %b %Y %H:%M",
        };
        then.strftime(format).to_string()
    }

    /// `in 38 s`, with the time of day, or the day when it is another one.
    pub fn until(&self, at: i64) -> String {
        if at <= self.now {
            return "any moment".to_owned();
        }
        let (then, now) = (self.zoned(at), self.zoned(self.now));
        let when = if then.date() == now.date() { "%H:%M:%S" } else { "%a %-d %b %H:%M" };
        format!("in {} ({})", span((at - self.now).unsigned_abs()), then.strftime(when))
    }
}

/// `120 ms`, `1.2 s`, `2 m 04 s`, `3 h 10 m`, `2 d 3 h`: two units at most.
pub fn span(ms: u64) -> String {
    const SECOND: u64 = 1_000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match ms {
        ..SECOND => format!("{ms} ms"),
        SECOND..MINUTE if ms < 10 * SECOND => format!("{}.{} s", ms / SECOND, ms % SECOND / 100),
        SECOND..MINUTE => format!("{} s", ms / SECOND),
        MINUTE..HOUR if ms % MINUTE < SECOND => format!("{} m", ms / MINUTE),
        MINUTE..HOUR => format!("{} m {:02} s", ms / MINUTE, ms % MINUTE / SECOND),
        HOUR..DAY if ms % HOUR < MINUTE => format!("{} h", ms / HOUR),
        HOUR..DAY => format!("{} h {:02} m", ms / HOUR, ms % HOUR / MINUTE),
        _ if ms % DAY < HOUR => format!("{} d", ms / DAY),
        _ => format!("{} d {} h", ms / DAY, ms % DAY / HOUR),
    }
}

/// A span of something that goes on: without tenths and milliseconds, which would only flicker.
pub fn ticking(ms: u64) -> String {
    if ms < 10_000 { format!("{} s", ms / 1_000) } else { span(ms) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22 14:02:11.204 UTC.
    const NOON: i64 = 1_795_356_131_204;

    fn clock() -> Clock {
        Clock { now: NOON, zone: TimeZone::UTC }
    }

    #[test]
    fn spans_have_two_units_at_most() {
        let texts: Vec<String> =
            [0, 120, 1_000, 1_260, 31_500, 60_000, 124_000, 3_600_000, 11_400_000, 86_400_000, 183_600_000].map(span).to_vec();
        let expected = ["0 ms", "120 ms", "1.0 s", "1.2 s", "31 s", "1 m", "2 m 04 s", "1 h", "3 h 10 m", "1 d", "2 d 3 h"];
        assert_eq!(texts, expected);
    }

    #[test]
    fn ages_get_coarser() {
        let ago = |ms: i64| clock().relative(NOON - ms);
        assert_eq!(ago(-1_000), "just now");
        assert_eq!(ago(12_345), "12 s ago");
        assert_eq!(ago(200_000), "3 min ago");
        assert_eq!(ago(2 * HOUR), "2 h ago");
        assert_eq!(ago(DAY + HOUR), "yesterday 13:02");
        assert_eq!(ago(3 * DAY), "3 d ago");
        assert_eq!(ago(19 * DAY), "3 Nov");
        assert_eq!(ago(400 * DAY), "18 Oct 2025");
        assert_eq!(ago(-38_000), "in 38 s");
    }

    #[test]
    fn the_future_has_its_time_of_day() {
        assert_eq!(clock().until(NOON + 38_000), "in 38 s (14:02:49)");
        assert_eq!(clock().until(NOON + 2 * DAY), "in 2 d (Tue 24 Nov 14:02)");
        assert_eq!(clock().until(NOON - 1), "any moment");
        assert_eq!(clock().time_of_day(NOON), "14:02:11.204");
        assert_eq!(clock().day(NOON), "Sunday 22 November 2026, UTC");
    }
}
