//! What failures of one cause have in common: their message, with what differs from case to case taken out.
//!
//! A pure function of the message, and no learner: equal messages have one template for ever, in whatever order they come.
//! The template is for people and says what was taken out; its [`Fingerprint`] is a short name for it, in addresses and indexes.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// A template is cut there: what tells kinds of failures apart stands in the beginning of a message.
const TEMPLATE_CHARS_MAX: usize = 200;
/// And no more of a message is looked at.
const LOOKED_AT_CHARS_MAX: usize = 600;

/// The name of a template: 64 bits of a hash, no secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Of a template, as [`template`] gives it.
    pub fn of(template: &str) -> Fingerprint {
        // FNV-1a, and the end of SplitMix64, since FNV leaves the high bits of short texts alike.
        let mut hash = template
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Fingerprint(hash ^ (hash >> 31))
    }

    pub const fn from_u64(number: u64) -> Fingerprint {
        Fingerprint(number)
    }

    pub const fn to_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is no fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no fingerprint of an error; 16 hexadecimal digits were expected", .0.escape_debug())]
pub struct NoFingerprint(pub String);

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    fn from_str(text: &str) -> Result<Fingerprint, NoFingerprint> {
        let digits = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = if digits { u64::from_str_radix(text, 16).ok() } else { None };
        number.map(Fingerprint).ok_or_else(|| NoFingerprint(text.to_owned()))
    }
}

/// The message with numbers (`<n>`), ids and hashes (`<id>`), addresses (`<host>`, `<email>`) and times (`<time>`) taken out.
///
/// Codes such as `E11000` or `ORA-00942` stay: they are what tells causes apart.
pub fn template(message: &str) -> String {
    let end = message.char_indices().nth(LOOKED_AT_CHARS_MAX).map_or(message.len(), |(at, _)| at);
    let mut template = String::with_capacity(end.min(4 * TEMPLATE_CHARS_MAX));
    for word in message[..end].split_whitespace() {
        if !template.is_empty() {
            template.push(' ');
        }
        take_word(word, &mut template);
    }
    if let Some((end, _)) = template.char_indices().nth(TEMPLATE_CHARS_MAX) {
        template.truncate(end);
    }
    template
}

/// What is between these stands for itself.
fn is_separator(character: char) -> bool {
    matches!(
        character,
        '"' | '\''
            | '`'
            | '('
            | ')'
            | '['
            | ']'
            | '{'
            | '}'
            | '<'
            | '>'
            | ','
            | ';'
            | '='
            | '|'
            | '/'
            | '?'
            | '&'
            | '!'
            | '#'
            | '*'
    )
}

fn take_word(word: &str, template: &mut String) {
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        if is_separator(first) {
            template.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let end = rest.find(is_separator).unwrap_or(rest.len());
        take_part(&rest[..end], template);
        rest = &rest[end..];
    }
}

/// A part without separators, but for what ends a sentence and what stands between a name and a value.
fn take_part(part: &str, template: &mut String) {
    let body = part.trim_end_matches(['.', ':', '%']);
    let tail = &part[body.len()..];
    match stands_for(body) {
        Some(placeholder) => template.push_str(placeholder),
        None => match body.rsplit_once(':') {
            // `order:ord_123`
            Some((name, value)) if stands_for(value).is_some() || stands_for(name).is_some() => {
                take_part(name, template);
                template.push(':');
                take_part(value, template);
            }
            _ => match body.find(|character: char| !character.is_ascii_digit()) {
                // `3000ms`
                Some(unit) if unit > 0 && is_unit(&body[unit..]) => {
                    template.push_str("<n>");
                    template.push_str(&body[unit..]);
                }
                _ => template.push_str(body),
            },
        },
    }
    template.push_str(tail);
}

/// What is put in place of a text that differs from case to case; none for one that stays.
fn stands_for(text: &str) -> Option<&'static str> {
    if text.contains('@') && text.rsplit('@').next().is_some_and(|host| host.contains('.')) && !text.starts_with('@') {
        return Some("<email>");
    }
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if is_number(text) {
        return Some("<n>");
    }
    // Before times: `10.0.0.7:5432` has dots and a colon too.
    if is_host(text) {
        return Some("<host>");
    }
    if is_time(text) {
        return Some("<time>");
    }
    let unit = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    if unit > 0 && is_unit(&text[unit..]) || is_code(text) || text.contains(':') {
        return None;
    }
    Some("<id>")
}

fn is_number(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+', '$', '€', '£']);
    digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.chars().all(|character| character.is_ascii_digit() || matches!(character, '.' | '_'))
        && digits.matches('.').count() <= 1
}

/// `2026-11-22`, `2026-11-22T14:02:11.204Z`, `14:02:11`.
fn is_time(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = text.splitn(3, '-');
    if let (Some(year), Some(month), Some(day)) = (parts.next(), parts.next(), parts.next())
        && (year.len(), month.len()) == (4, 2)
        && digits(year)
        && digits(month)
        && day.get(..2).is_some_and(digits)
        && day[2..]
            .chars()
            .all(|character| character.is_ascii_digit() || matches!(character, 'T' | 't' | 'Z' | 'z' | ':' | '.' | '+' | '-'))
    {
        return true;
    }
    let parts: Vec<&str> = text.trim_end_matches(['Z', 'z']).split([':', '.']).collect();
    text.matches(':').count() >= 1 && parts.len() >= 2 && parts[0].len() <= 2 && parts.iter().all(|part| digits(part))
}

/// An address, or a name with a port.
fn is_host(text: &str) -> bool {
    if text.parse::<SocketAddr>().is_ok() || text.contains(['.', ':']) && text.parse::<IpAddr>().is_ok() {
        return true;
    }
    let Some((name, port)) = text.rsplit_once(':') else { return false };
    let named = name == "localhost" || name.contains('.');
    named
        && port.parse::<u16>().is_ok()
        && name.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_'))
}

/// `ms`, `s`, `GiB`, `th`.
fn is_unit(text: &str) -> bool {
    (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// `E11000`, `ORA-00942`, `P2002`, `HTTP2`: capitals and few digits.
fn is_code(text: &str) -> bool {
    let letters = text.bytes().take_while(|byte| byte.is_ascii_uppercase() || *byte == b'_').count();
    let digits = text[letters..].trim_start_matches('-');
    (1..=12).contains(&letters) && (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_case_to_case_is_taken_out() {
        let cases = [
            ("card 4711 of cus_12 was declined", "card <n> of <id> was declined"),
            ("Card declined (code 51)", "Card declined (code <n>)"),
            ("connect ECONNREFUSED 10.0.0.7:5432", "connect ECONNREFUSED <host>"),
            ("connect ECONNREFUSED ::1", "connect ECONNREFUSED <host>"),
            ("getaddrinfo ENOTFOUND db-3.internal:5432.", "getaddrinfo ENOTFOUND <host>."),
            ("timed out after 3000ms at 2026-11-22T14:02:11.204Z", "timed out after <n>ms at <time>"),
            ("order:ord_123 is in state 7, expected 8", "order:<id> is in state <n>, expected <n>"),
            ("no row 01975f3c-7a1b-7c32-b1f0-a5d2e4c6b812 in `orders`", "no row <id> in `orders`"),
            ("GET /orders/12345/items?page=3 gave 503", "GET /orders/<n>/items?page=<n> gave <n>"),
            ("ORA-00942: table or view does not exist", "ORA-00942: table or view does not exist"),
            ("E11000 duplicate key: { mail: \"anna@example.com\" }", "E11000 duplicate key: { mail: \"<email>\" }"),
            ("Cannot read properties of undefined (reading 'id')", "Cannot read properties of undefined (reading 'id')"),
            ("100% of 1.4 MiB, since 14:02:11", "<n>% of <n> MiB, since <time>"),
            ("", ""),
        ];
        for (message, expected) in cases {
            assert_eq!(template(message), expected, "{message}");
        }
    }

    #[test]
    fn equal_errors_have_one_fingerprint() {
        let of = |message| Fingerprint::of(&template(message));
        assert_eq!(of("card 4712 of cus_99  was declined"), of("card 4711 of cus_12 was declined"));
        assert_ne!(of("E11000 duplicate key"), of("E11001 duplicate key"));
    }

    #[test]
    fn a_fingerprint_is_read_as_it_is_written() {
        let fingerprint = Fingerprint::of("Card declined");
        assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
        for wrong in ["", "12", "0123456789ABCDEF", "0123456789abcdeg", "+123456789abcdef"] {
            assert_eq!(wrong.parse::<Fingerprint>(), Err(NoFingerprint(wrong.to_owned())));
        }
    }

    #[test]
    fn hostile_messages_give_short_templates() {
        let long = "x1 ".repeat(100_000);
        assert!(template(&long).chars().count() <= TEMPLATE_CHARS_MAX);
        for message in
            ["::::1", "1:2:3:4:5:6:7:8:9", "@@@.", "-", "+1-2", "é1é", "\u{202e}12", ":1:", "1:", "=1=2=", "2026-11-é2"]
        {
            template(message);
        }
    }
}
