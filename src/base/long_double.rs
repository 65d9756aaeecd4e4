//! The 80-bit floating point of x87, which INCRBYFLOAT and HINCRBYFLOAT compute with: stock
//! servers use C's `long double`, and their replies and stored values show its digits. Software
//! arithmetic, so that every machine gives the same digits. Pure, any core.
//!
//! A value is `sign exponent(15) mantissa(64, the leading 1 included)`: mantissa × 2^(exponent −
//! 16383 − 63).

use rustc_apfloat::Float;
use rustc_apfloat::ieee::X87DoubleExtended;

use crate::base::number::FloatText;

/// One number. Never NaN; infinite only if the text said so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LongDouble(X87DoubleExtended);

impl LongDouble {
    /// Reads a number as an argument or a stored value: the forms of
    /// [`crate::base::number::parse_f64`], in at most [`TEXT_MAX`] bytes.
    pub fn parse(text: &[u8]) -> Option<LongDouble> {
        if text.len() > TEXT_MAX {
            return None;
        }
        let (number, zero) = match FloatText::scan(text)? {
            FloatText::Infinite { negative } => {
                let infinite = X87DoubleExtended::INFINITY;
                return Some(LongDouble(if negative { -infinite } else { infinite }));
            }
            FloatText::Decimal { text, zero } => (text.parse::<X87DoubleExtended>().ok()?, zero),
            FloatText::Hexadecimal { text, zero } => (text.parse().ok()?, zero),
        };
        (number.is_finite() && number.is_zero() == zero).then_some(LongDouble(number))
    }

    /// Whether it is infinite.
    pub fn is_infinite(self) -> bool {
        self.0.is_infinite()
    }

    /// An integer; every `i64` is exact.
    pub fn from_i64(number: i64) -> LongDouble {
        LongDouble(X87DoubleExtended::from_i128(i128::from(number)).value)
    }

    /// The sum, or `None` if it is infinite or not a number: "increment would produce NaN or
    /// Infinity".
    pub fn plus(self, other: LongDouble) -> Option<LongDouble> {
        let sum = (self.0 + other.0).value;
        sum.is_finite().then_some(LongDouble(sum))
    }

    /// Appends the number as the commands store and reply it: 17 places behind the point, rounded
    /// to the nearest (a tie to even), then without trailing zeros. At most 4952 bytes. `inf` and
    /// `-inf` are only printed if they were read.
    pub fn append_text(self, out: &mut Vec<u8>) {
        if self.0.is_infinite() {
            out.extend_from_slice(if self.0.is_negative() { b"-inf" } else { b"inf" });
            return;
        }
        let bits = self.0.to_bits();
        let mantissa = bits as u64;
        let exponent = (bits >> 64) as i32 & 0x7fff;
        // Denormals have exponent field 0 but the scale of field 1.
        let scale = exponent.max(1) - BIAS - 63;
        let (whole, mut places) = if scale >= 0 {
            (Whole::shifted(mantissa, scale as u32), 0)
        } else {
            split_at_point(mantissa, scale.unsigned_abs())
        };
        if self.0.is_negative() && (mantissa != 0) && !(whole.is_zero() && places == 0) {
            out.push(b'-');
        }
        whole.append(out);
        if places == 0 {
            return;
        }
        let mut width = PLACES;
        while places.is_multiple_of(10) {
            places /= 10;
            width -= 1;
        }
        out.extend_from_slice(format!(".{places:0width$}").as_bytes());
    }

    /// [`LongDouble::append_text`] as bytes of its own.
    pub fn text(self) -> Vec<u8> {
        let mut out = Vec::new();
        self.append_text(&mut out);
        out
    }
}

/// The most bytes of text that are read as a number; stock servers refuse longer ones.
pub const TEXT_MAX: usize = 5119;

/// mantissa × 2^-shift as its whole part and its first 17 decimal places, rounded.
fn split_at_point(mantissa: u64, shift: u32) -> (Whole, u64) {
    let (mut whole, fraction) = match shift {
        0..64 => (mantissa >> shift, mantissa & ((1 << shift) - 1)),
        _ => (0, mantissa),
    };
    // Below 2^64 × 10^17 < 2^121, so the product is exact; what is shifted by 128 or more is
    // below 2^-7 of the last place.
    let scaled = u128::from(fraction) * u128::from(UNIT);
    if shift >= 128 {
        return (Whole::small(whole), 0);
    }
    let (mut places, rest) = ((scaled >> shift) as u64, scaled & ((1 << shift) - 1));
    let half = 1_u128 << (shift - 1);
    if rest > half || (rest == half && places % 2 == 1) {
        places += 1;
    }
    if places == UNIT {
        whole += 1;
        places = 0;
    }
    (Whole::small(whole), places)
}

/// A whole number of up to 16384 bits, least significant limb first.
struct Whole(Vec<u32>);

impl Whole {
    fn small(number: u64) -> Whole {
        Whole::shifted(number, 0)
    }

    fn shifted(number: u64, shift: u32) -> Whole {
        let mut limbs = vec![0; (shift / 32) as usize];
        let mut moved = u128::from(number) << (shift % 32);
        while moved != 0 {
            limbs.push(moved as u32);
            moved >>= 32;
        }
        Whole(limbs)
    }

    fn is_zero(&self) -> bool {
        self.0.iter().all(|limb| *limb == 0)
    }

    fn append(mut self, out: &mut Vec<u8>) {
        if self.is_zero() {
            out.push(b'0');
            return;
        }
        // Groups of nine digits, the last group first.
        let mut groups = Vec::new();
        while !self.is_zero() {
            let mut rest = 0_u64;
            for limb in self.0.iter_mut().rev() {
                let number = rest << 32 | u64::from(*limb);
                *limb = (number / GROUP) as u32;
                rest = number % GROUP;
            }
            groups.push(rest);
            while self.0.last() == Some(&0) {
                self.0.pop();
            }
        }
        let mut width = 1;
        for group in groups.iter().rev() {
            out.extend_from_slice(format!("{group:0width$}").as_bytes());
            width = 9;
        }
    }
}

/// The exponent field of numbers from 1 up to 2.
const BIAS: i32 = 16383;
/// Decimal places printed.
const PLACES: usize = 17;
/// 10^[`PLACES`].
const UNIT: u64 = 100_000_000_000_000_000;
/// Nine decimal digits are what one 32-bit limb always holds.
const GROUP: u64 = 1_000_000_000;

#[cfg(test)]
mod tests;
