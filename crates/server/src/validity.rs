//! From when to when a certificate is valid, read from its DER.
//!
//! What is *not* here: no trust is decided with it. It is for a warning to the operator, so whatever is not understood is no
//! validity.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Validity {
    from: Instant,
    pub until: Instant,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instant {
    at: SystemTime,
    /// For people.
    text: String,
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const EXPLICIT_0: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

impl Validity {
    /// RFC 5280, 4.1: `Certificate { TBSCertificate { [0] version, serialNumber, signature, issuer, validity, ... } ... }`.
    pub fn of(certificate: &[u8]) -> Option<Validity> {
        let (_, certificate, _) = element(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
        let (_, signed, _) = element(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
        let (tag, _, rest) = element(signed)?;
        let rest = if tag == EXPLICIT_0 { element(rest).filter(|(tag, ..)| *tag == INTEGER)?.2 } else { rest };
        let (_, _signature, rest) = element(rest)?;
        let (_, _issuer, rest) = element(rest)?;
        let (_, validity, _) = element(rest).filter(|(tag, ..)| *tag == SEQUENCE)?;
        let (tag, from, rest) = element(validity)?;
        let from = instant(tag, from)?;
        let (tag, until, _) = element(rest)?;
        Some(Validity { from, until: instant(tag, until)? })
    }

    /// What is wrong with it at this time, as the rest of a sentence about the certificate.
    pub fn wrong_at(&self, now: SystemTime) -> Option<String> {
        if now < self.from.at {
            return Some(format!("is not valid before {}", self.from));
        }
        (now > self.until.at).then(|| format!("expired on {}", self.until))
    }
}

/// The first element: its tag, what is in it, and what comes after it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ` of 1950 to 2049, or `YYYYMMDDHHMMSSZ`.
fn instant(tag: u8, text: &[u8]) -> Option<Instant> {
    let text = text.strip_suffix(b"Z")?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year = number(year)?;
            (if year < 50 { 2_000 + year } else { 1_900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (number(year)?, rest)
        }
        _ => return None,
    };
    if rest.len() != 10 {
        return None;
    }
    let mut parts = rest.chunks(2).map(number);
    let mut part = || parts.next().flatten();
    let (month, day) = (part()?, part()?);
    let (hour, minute, second) = (part()?, part()?, part()?);
    let days = days_since_1970(year, month, day)?;
    let seconds = u64::try_from(days * 86_400 + hour * 3_600 + minute * 60 + second).ok()?;
    let at = UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    Some(Instant { at, text: format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC") })
}

fn number(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

/// Of the Gregorian calendar, counted from March so that a leap day is the last of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    Some(365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(tag: u8, text: &str) -> Option<(u64, String)> {
        let instant = instant(tag, text.as_bytes())?;
        Some((instant.at.duration_since(UNIX_EPOCH).ok()?.as_secs(), instant.text))
    }

    #[test]
    fn both_ways_to_write_a_time_are_read() {
        let leap_day = Some((1_709_210_096, "2024-02-29 12:34:56 UTC".to_owned()));
        assert_eq!(at(UTC_TIME, "240229123456Z"), leap_day);
        assert_eq!(at(GENERALIZED_TIME, "20240229123456Z"), leap_day);
        assert_eq!(at(UTC_TIME, "700101000000Z"), Some((0, "1970-01-01 00:00:00 UTC".to_owned())));
        assert_eq!(at(GENERALIZED_TIME, "99991231235959Z").unwrap().0, 253_402_300_799);
        for bad in ["", "Z", "2402291234Z", "241301000000Z", "24022912345xZ", "240229123456", "240229123456+0100"] {
            assert_eq!(at(UTC_TIME, bad), None, "{bad}");
        }
    }

    #[test]
    fn a_certificate_is_valid_from_and_until_what_it_says() {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 2);
        params.not_after = rcgen::date_time_ymd(2060, 3, 4);
        let certificate = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let validity = Validity::of(certificate.der()).unwrap();
        let (from, until) = (validity.from.at, validity.until.at);
        let second = Duration::from_secs(1);
        assert_eq!(validity.wrong_at(from - second).unwrap(), "is not valid before 2020-01-02 00:00:00 UTC");
        assert_eq!((validity.wrong_at(from), validity.wrong_at(until)), (None, None));
        assert_eq!(validity.wrong_at(until + second).unwrap(), "expired on 2060-03-04 00:00:00 UTC");
    }

    /// Whatever a file holds, looking at it does no harm.
    #[test]
    fn what_is_no_certificate_has_no_validity() {
        let cases: [&[u8]; 6] = [
            b"",
            b"\x30",
            b"\x30\x84\xff\xff\xff\xff",
            b"\x30\x89\x01\x01\x01\x01\x01\x01\x01\x01\x01",
            b"\x30\x02\x30\x00",
            b"\x30\x80",
        ];
        for der in cases {
            assert_eq!(Validity::of(der), None, "{der:x?}");
        }
    }
}
