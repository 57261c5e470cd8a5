//! Numbers as JavaScript reads, prints and converts them.

/// White space and line ends as JavaScript's `trim` knows them, which differ from Unicode's by U+FEFF and U+0085.
pub(super) fn is_space(c: char) -> bool {
    c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}')
}

/// As `String(number)`.
pub(super) fn to_text(number: f64) -> String {
    ryu_js::Buffer::new().format(number).to_owned()
}

/// As `Number(text)`.
pub(super) fn from_text(text: &str) -> f64 {
    let text = text.trim_matches(is_space);
    if text.is_empty() {
        return 0.0;
    }
    let radix = match text.get(..2) {
        Some("0x" | "0X") => Some(16),
        Some("0o" | "0O") => Some(8),
        Some("0b" | "0B") => Some(2),
        _ => None,
    };
    if let Some(radix) = radix {
        let digits = &text[2..];
        return if !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix)) { whole(digits, radix) } else { f64::NAN };
    }
    match decimal_prefix(text) {
        Some((number, "")) => number,
        _ => f64::NAN,
    }
}

/// As `parseFloat(text)`.
pub(super) fn parse_float(text: &str) -> f64 {
    decimal_prefix(text.trim_start_matches(is_space)).map_or(f64::NAN, |(number, _)| number)
}

/// As `parseInt(text, radix)`; `radix` is what `ToInt32` gave.
pub(super) fn parse_int(text: &str, radix: i32) -> f64 {
    let text = text.trim_start_matches(is_space);
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, text) = match (radix, text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))) {
        (0 | 16, Some(rest)) => (16, rest),
        (0, None) => (10, text),
        (2..=36, _) => (radix as u32, text),
        _ => return f64::NAN,
    };
    let end = text.find(|c: char| !c.is_digit(radix)).unwrap_or(text.len());
    if end == 0 { f64::NAN } else { sign * whole(&text[..end], radix) }
}

/// Digits that are known to be of `radix`.
fn whole(digits: &str, radix: u32) -> f64 {
    if radix == 10 {
        return digits.parse().expect("decimal digits are a number");
    }
    let digits = digits.trim_start_matches('0');
    if radix.is_power_of_two() {
        return exact_power_of_two(digits, radix);
    }
    digits.chars().fold(0.0, |sum, c| sum * f64::from(radix) + f64::from(c.to_digit(radix).expect("checked to be a digit")))
}

/// Rounds once, to the nearest even double: adding digit by digit would round many times.
fn exact_power_of_two(digits: &str, radix: u32) -> f64 {
    let width = radix.trailing_zeros();
    let bits = digits.chars().flat_map(|c| {
        let digit = c.to_digit(radix).expect("checked to be a digit");
        (0..width).rev().map(move |bit| digit >> bit & 1)
    });
    let (mut mantissa, mut dropped, mut sticky) = (0u64, 0i32, false);
    for bit in bits {
        if mantissa < 1 << 62 {
            mantissa = mantissa << 1 | u64::from(bit);
        } else {
            dropped = dropped.saturating_add(1);
            sticky |= bit == 1;
        }
    }
    // The lowest of 63 bits is far below the rounding position, so it can stand for everything that was dropped.
    libm::scalbn((mantissa | u64::from(sticky)) as f64, dropped)
}

/// The longest decimal literal at the beginning, with its sign, and what follows it.
fn decimal_prefix(text: &str) -> Option<(f64, &str)> {
    let bytes = text.as_bytes();
    let digits_from = |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let start = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    if text[start..].starts_with("Infinity") {
        let number = if bytes[0] == b'-' { f64::NEG_INFINITY } else { f64::INFINITY };
        return Some((number, &text[start + "Infinity".len()..]));
    }
    let mut end = digits_from(start);
    let mut digits = end - start;
    if bytes.get(end) == Some(&b'.') {
        let fraction = digits_from(end + 1);
        digits += fraction - end - 1;
        if digits > 0 {
            end = fraction;
        }
    }
    if digits == 0 {
        return None;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let exponent = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent_end = if exponent <= bytes.len() { digits_from(exponent) } else { exponent };
        if exponent_end > exponent {
            end = exponent_end;
        }
    }
    Some((text[..end].parse().expect("Rust reads every decimal literal of JavaScript"), &text[end..]))
}

/// `ToIntegerOrInfinity`.
pub(super) fn to_integer(number: f64) -> f64 {
    // Adding zero turns -0 into 0.
    if number.is_nan() { 0.0 } else { number.trunc() + 0.0 }
}

/// `ToUint32`.
pub(super) fn to_uint32(number: f64) -> u32 {
    if !number.is_finite() {
        return 0;
    }
    number.trunc().rem_euclid(4_294_967_296.0) as u32
}

/// `ToInt32`.
pub(super) fn to_int32(number: f64) -> i32 {
    to_uint32(number) as i32
}

/// `number ** exponent`, which differs from IEEE's `pow` where a base of 1 or -1 meets an infinite or NaN exponent.
pub(super) fn power(number: f64, exponent: f64) -> f64 {
    if exponent.is_nan() || (exponent.is_infinite() && number.abs() == 1.0) { f64::NAN } else { libm::pow(number, exponent) }
}

/// As `number.toString(radix)` for a whole number; `None` when it has a fraction.
pub(super) fn whole_in_radix(number: f64, radix: u32) -> Option<String> {
    if number.is_nan() || number.is_infinite() {
        return Some(to_text(number));
    }
    // Above 2^53 V8 prints digits that the double does not have.
    if number.fract() != 0.0 || number.abs() > 9_007_199_254_740_991.0 {
        return None;
    }
    let mut rest = number.abs() as u64;
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit((rest % u64::from(radix)) as u32, radix).expect("a remainder is a digit"));
        rest /= u64::from(radix);
        if rest == 0 {
            break;
        }
    }
    if number < 0.0 {
        digits.push('-');
    }
    Some(digits.into_iter().rev().collect())
}

/// As `number.toFixed(digits)`, `digits` at most 100.
pub(super) fn to_fixed(number: f64, digits: u8) -> String {
    if !number.is_finite() || number.abs() >= 1e21 {
        return to_text(number);
    }
    ryu_js::Buffer::new().format_to_fixed(number, digits).to_owned()
}
