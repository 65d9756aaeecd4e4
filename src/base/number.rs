//! Numbers as text, by the rules stock servers apply to arguments and replies. Pure, any core.
//! Integers are strict: what is read is exactly what would be written, so a value that parses can
//! be stored as an integer and given back byte for byte. Floats are read as C's `strtod` reads
//! them, except that the whole text must be the number.

use rustc_apfloat::Float;
use rustc_apfloat::ieee::Double;

use crate::base::grisu::Digits;

/// Reads a signed integer in its one canonical spelling: no sign `+`, no leading zero, no `-0`,
/// no space. `None` for anything else, out-of-range included.
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', digits @ ..] => {
            let magnitude = parse_u64(digits)?;
            if magnitude == 0 {
                return None;
            }
            0_i64.checked_sub_unsigned(magnitude)
        }
        digits => i64::try_from(parse_u64(digits)?).ok(),
    }
}

/// Reads an unsigned integer in its canonical spelling, as [`parse_i64`].
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > U64_DIGITS || (text[0] == b'0' && text.len() > 1) {
        return None;
    }
    let mut number = 0_u64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(number)
}

/// Reads an unsigned integer in its canonical spelling, as [`parse_i64`].
pub fn parse_usize(text: &[u8]) -> Option<usize> {
    usize::try_from(parse_u64(text)?).ok()
}

/// Appends `number` in decimal.
pub fn append_i64(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends `number` in decimal.
pub fn append_u64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// How many bytes [`append_i64`] would append.
pub fn i64_length(number: i64) -> usize {
    itoa::Buffer::new().format(number).len()
}

/// Reads a float argument (a score, a factor). Decimal and `0x` hexadecimal forms, `inf` and
/// `infinity` in any case and with a sign are numbers. `None` for NaN, for spaces around it, and
/// for a number whose magnitude is above the largest double or rounds to zero without being it.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    if let Some(integer) = parse_i64(text) {
        // Rounded to the nearest, as the text would be.
        return Some(integer as f64);
    }
    match FloatText::scan(text)? {
        FloatText::Infinite { negative } => {
            Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY })
        }
        FloatText::Decimal { text, zero } => {
            let number: f64 = text.parse().ok()?;
            (number.is_finite() && (number != 0.0) != zero).then_some(number)
        }
        FloatText::Hexadecimal { text, zero } => {
            let number = text.parse::<Double>().ok()?;
            let fits = number.is_finite() && number.is_zero() == zero;
            fits.then(|| f64::from_bits(number.to_bits() as u64))
        }
    }
}

/// Reads a bound of a range of scores, about which stock servers are less strict than
/// [`parse_f64`]: blanks before it are passed over, no text at all is 0, it ends at a zero byte,
/// and what is too large or too small for a double is infinite or 0.
pub fn parse_lenient_f64(text: &[u8]) -> Option<f64> {
    let text = &text[..memchr::memchr(0, text).unwrap_or(text.len())];
    if text.is_empty() {
        return Some(0.0);
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_blank(byte))?;
    match FloatText::scan(&text[start..])? {
        FloatText::Infinite { negative: true } => Some(f64::NEG_INFINITY),
        FloatText::Infinite { negative: false } => Some(f64::INFINITY),
        FloatText::Decimal { text, .. } => text.parse().ok(),
        FloatText::Hexadecimal { text, .. } => {
            let number = text.parse::<Double>().ok()?;
            Some(f64::from_bits(number.to_bits() as u64))
        }
    }
}

/// Appends a double as C's `%.17g` does, which stock servers print in places: 17 digits, without
/// zeros at their end, and an exponent of two digits at least if it is below -4 or above 16.
pub fn append_f64_17(out: &mut Vec<u8>, number: f64) {
    if !number.is_finite() {
        return append_f64(out, number);
    }
    let text = format!("{:.16e}", number.abs());
    let (mantissa, exponent) = text.split_once('e').expect("the format has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a number");
    let digits: Vec<u8> = mantissa.bytes().filter(|byte| *byte != b'.').collect();
    let significant = digits.iter().rposition(|digit| *digit != b'0').map_or(1, |last| last + 1);
    let digits = &digits[..significant];
    if number.is_sign_negative() {
        out.push(b'-');
    }
    if !(-4..17).contains(&exponent) {
        append_pointed(out, digits, 1);
        out.extend_from_slice(format!("e{exponent:+03}").as_bytes());
    } else if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + exponent.unsigned_abs() as usize - 1, b'0');
        out.extend_from_slice(digits);
    } else {
        append_pointed(out, digits, exponent.unsigned_abs() as usize + 1);
    }
}

/// Writes digits of which the first `whole` stand before the point, zeros where there are too few.
fn append_pointed(out: &mut Vec<u8>, digits: &[u8], whole: usize) {
    if digits.len() > whole {
        out.extend_from_slice(&digits[..whole]);
        out.push(b'.');
        out.extend_from_slice(&digits[whole..]);
    } else {
        out.extend_from_slice(digits);
        out.resize(out.len() + whole - digits.len(), b'0');
    }
}

/// Appends a double as replies and ZSCORE print it: a whole number below 2^62 in full, otherwise
/// the digits of [`crate::base::grisu`], with an exponent where the stock servers (7.2 and later)
/// use one. `inf`, `-inf`, `nan`, `-0`.
pub fn append_f64(out: &mut Vec<u8>, number: f64) {
    if number.is_nan() {
        out.extend_from_slice(b"nan");
    } else if number.is_infinite() {
        out.extend_from_slice(if number > 0.0 { b"inf" } else { b"-inf" });
    } else if number == 0.0 {
        out.extend_from_slice(if number.is_sign_negative() { b"-0" } else { b"0" });
    } else if number.abs() <= WHOLE_MAX && number.trunc() == number {
        append_i64(out, number as i64);
    } else {
        append_digits(out, number);
    }
}

/// Appends a double in its fewest digits, whole numbers too: digests have 1e17 as `1e+17`.
pub fn append_f64_shortest(out: &mut Vec<u8>, number: f64) {
    if number.is_finite() && number != 0.0 {
        append_digits(out, number);
    } else {
        append_f64(out, number);
    }
}

/// [`append_f64`] as text of its own.
pub fn f64_text(number: f64) -> String {
    let mut out = Vec::new();
    append_f64(&mut out, number);
    String::from_utf8(out).expect("only ASCII is written")
}

/// A float's text, sorted by form and known to be well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FloatText<'a> {
    /// `inf` or `infinity`.
    Infinite {
        /// It had a `-`.
        negative: bool,
    },
    /// Digits, at most one point, perhaps an exponent; a sign `-` or `+` perhaps.
    Decimal {
        /// The text as given.
        text: &'a str,
        /// All its digits are 0.
        zero: bool,
    },
    /// As Decimal after `0x`; a binary exponent `p…` is always there.
    Hexadecimal {
        /// The text, with `p0` added if it had no exponent.
        text: String,
        /// All its digits are 0.
        zero: bool,
    },
}

impl FloatText<'_> {
    /// Sorts `text`; `None` unless all of it is one number. NaN is refused.
    pub fn scan(text: &[u8]) -> Option<FloatText<'_>> {
        let text = std::str::from_utf8(text).ok()?;
        let negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        if unsigned.eq_ignore_ascii_case("inf") || unsigned.eq_ignore_ascii_case("infinity") {
            return Some(FloatText::Infinite { negative });
        }
        if let Some(rest) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
            let (mantissa, exponent) = split_exponent(rest, ['p', 'P']);
            let zero = mantissa_is_zero(mantissa, |byte| byte.is_ascii_hexdigit())?;
            check_exponent(exponent)?;
            let end = if exponent.is_none() { "p0" } else { "" };
            return Some(FloatText::Hexadecimal { text: format!("{text}{end}"), zero });
        }
        let (mantissa, exponent) = split_exponent(unsigned, ['e', 'E']);
        let zero = mantissa_is_zero(mantissa, |byte| byte.is_ascii_digit())?;
        check_exponent(exponent)?;
        Some(FloatText::Decimal { text, zero })
    }
}

fn split_exponent(text: &str, marks: [char; 2]) -> (&str, Option<&str>) {
    match text.split_once(marks) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    }
}

/// `None` unless there is a digit, nothing but digits and at most one point.
fn mantissa_is_zero(text: &str, is_digit: fn(&u8) -> bool) -> Option<bool> {
    let points = text.bytes().filter(|byte| *byte == b'.').count();
    let digits = text.bytes().filter(is_digit).count();
    let well_formed = points <= 1 && digits >= 1 && points + digits == text.len();
    well_formed.then(|| text.bytes().all(|byte| matches!(byte, b'0' | b'.')))
}

fn check_exponent(text: Option<&str>) -> Option<()> {
    let Some(text) = text else { return Some(()) };
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(())
}

/// Writes the digits of `number`, finite and not 0, with an exponent if it is large or small.
fn append_digits(out: &mut Vec<u8>, number: f64) {
    let digits = Digits::of(number);
    let (digits, scale) = (digits.as_bytes(), digits.scale());
    if number < 0.0 {
        out.push(b'-');
    }
    let count = digits.len() as i32;
    // The number is digits × 10^scale, or d.ddd × 10^exponent.
    let exponent = scale + count - 1;
    if scale >= 0 && exponent < count + 7 {
        out.extend_from_slice(digits);
        out.resize(out.len() + scale as usize, b'0');
    } else if scale < 0 && (scale > -7 || exponent.abs() < 4) {
        append_with_point(out, digits, scale);
    } else {
        out.push(digits[0]);
        if count > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        append_u64(out, u64::from(exponent.unsigned_abs()));
    }
}

/// Writes digits × 10^scale without an exponent; `scale` is negative.
fn append_with_point(out: &mut Vec<u8>, digits: &[u8], scale: i32) {
    let places = scale.unsigned_abs() as usize;
    if let Some(whole) = digits.len().checked_sub(places).filter(|whole| *whole > 0) {
        out.extend_from_slice(&digits[..whole]);
        out.push(b'.');
        out.extend_from_slice(&digits[whole..]);
    } else {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + places - digits.len(), b'0');
        out.extend_from_slice(digits);
    }
}

/// 18446744073709551615 has twenty digits.
const U64_DIGITS: usize = 20;

/// Up to here (2^62) whole numbers are printed as integers, every digit exact.
const WHOLE_MAX: f64 = 4_611_686_018_427_387_904.0;

#[cfg(test)]
mod tests;
