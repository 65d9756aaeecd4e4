//! The digits of a double by the Grisu2 algorithm (Florian Loitsch, "Printing floating-point
//! numbers quickly and accurately with integers", 2010, section 6). Pure, any core.
//!
//! Stock servers since 7.2 print doubles by it, so replies agree with theirs digit for digit. It
//! always gives digits that read back as the same double; in three of a thousand cases not the
//! fewest or the closest ones, since it leaves out the borders of the interval they may lie in.

use std::sync::LazyLock;

use rustc_apfloat::Float;
use rustc_apfloat::ieee::X87DoubleExtended;

/// Significant digits and the power of ten of the last one: digits × 10^scale.
#[derive(Clone, Copy, Debug)]
pub struct Digits {
    bytes: [u8; DIGITS_MAX],
    count: usize,
    scale: i32,
}

impl Digits {
    /// The digits of `number`, whose sign is ignored.
    ///
    /// # Panics
    /// If it is 0, infinite or not a number.
    pub fn of(number: f64) -> Digits {
        assert!(number.is_finite() && number != 0.0, "only finite numbers but 0 have digits");
        let exact = Float64::of(number);
        let (lower, upper) = exact.borders();
        let (power, scale) = cached_power(upper.exponent);
        let middle = exact.normalized().times(power);
        let mut upper = upper.times(power);
        let mut lower = lower.times(power);
        // The products are off by at most one unit; inside these borders every number is right.
        upper.mantissa -= 1;
        lower.mantissa += 1;
        let mut digits = Digits { bytes: [0; DIGITS_MAX], count: 0, scale };
        digits.generate(middle, upper, upper.mantissa - lower.mantissa);
        digits
    }

    /// The digits as ASCII, the first and the last not `0`, except in a case the algorithm misses.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.count]
    }

    /// The power of ten of the last digit.
    pub fn scale(&self) -> i32 {
        self.scale
    }

    /// Writes digits of `upper` until what is left is inside the interval, whose size is `delta`.
    fn generate(&mut self, middle: Float64, upper: Float64, mut delta: u64) {
        let shift = upper.exponent.unsigned_abs();
        let one = 1_u64 << shift;
        let mut to_middle = upper.mantissa - middle.mantissa;
        let mut whole = upper.mantissa >> shift;
        let mut fraction = upper.mantissa & (one - 1);
        // At most 32 bits: ten digits.
        let mut unit = 1_000_000_000;
        for kappa in (0..10).rev() {
            self.push(whole / unit);
            whole %= unit;
            let rest = (whole << shift) + fraction;
            if rest <= delta {
                self.scale += kappa;
                return self.round(delta, rest, unit << shift, to_middle);
            }
            unit /= 10;
        }
        loop {
            fraction *= 10;
            delta *= 10;
            to_middle = to_middle.wrapping_mul(10);
            self.push(fraction >> shift);
            fraction &= one - 1;
            self.scale -= 1;
            if fraction < delta {
                return self.round(delta, fraction, one, to_middle);
            }
        }
    }

    fn push(&mut self, digit: u64) {
        if (digit != 0 || self.count > 0) && self.count < DIGITS_MAX {
            self.bytes[self.count] = b'0' + digit as u8;
            self.count += 1;
        }
    }

    /// Lowers the last digit while that comes closer to the number and stays in the interval.
    fn round(&mut self, delta: u64, mut rest: u64, unit: u64, to_middle: u64) {
        let closer = |rest: u64| {
            rest.saturating_add(unit) < to_middle || to_middle - rest > rest + unit - to_middle
        };
        while rest < to_middle && delta - rest >= unit && closer(rest) {
            self.bytes[self.count - 1] -= 1;
            rest += unit;
        }
    }
}

/// mantissa × 2^exponent, with all 64 bits of mantissa at work.
#[derive(Clone, Copy, Debug)]
struct Float64 {
    mantissa: u64,
    exponent: i32,
}

impl Float64 {
    fn of(number: f64) -> Float64 {
        let bits = number.to_bits();
        let (fraction, field) = (bits & (HIDDEN_BIT - 1), (bits >> 52) as i32 & 0x7ff);
        let hidden = if field == 0 { 0 } else { HIDDEN_BIT };
        Float64 { mantissa: fraction | hidden, exponent: field.max(1) - 1075 }
    }

    fn normalized(self) -> Float64 {
        let shift = self.mantissa.leading_zeros();
        Float64 { mantissa: self.mantissa << shift, exponent: self.exponent - shift as i32 }
    }

    /// Halfway to the neighbours, both with the exponent of the upper one.
    fn borders(self) -> (Float64, Float64) {
        let upper = Float64 { mantissa: 2 * self.mantissa + 1, exponent: self.exponent - 1 };
        let upper = upper.normalized();
        // Below a power of two the doubles lie twice as close.
        let closer = if self.mantissa == HIDDEN_BIT { 2 } else { 1 };
        let lower = (self.mantissa << closer) - 1;
        let shift = self.exponent - closer - upper.exponent;
        let lower = Float64 { mantissa: lower << shift, exponent: upper.exponent };
        (lower, upper)
    }

    /// The product, rounded to 64 bits.
    fn times(self, other: Float64) -> Float64 {
        let product = u128::from(self.mantissa) * u128::from(other.mantissa) + (1 << 63);
        let mantissa = (product >> 64) as u64;
        Float64 { mantissa, exponent: self.exponent + other.exponent + 64 }
    }
}

/// The power of ten that brings a number of this exponent to one in `EXPONENTS`, and the power of
/// ten that takes it back.
fn cached_power(exponent: i32) -> (Float64, i32) {
    let first_fit = POWERS.partition_point(|it| exponent + it.exponent + 64 < EXPONENTS_MIN);
    let scale = -(POWER_FIRST + POWER_STEP * first_fit as i32);
    (POWERS[first_fit], scale)
}

/// Every eighth power of ten from 10^-348 on, rounded to 64 bits, as the x87 format holds them.
static POWERS: LazyLock<[Float64; 87]> = LazyLock::new(|| {
    std::array::from_fn(|index| {
        let power = POWER_FIRST + POWER_STEP * index as i32;
        let text = format!("1e{power}");
        let number: X87DoubleExtended = text.parse().expect("well formed and in range");
        let bits = number.to_bits();
        let exponent = (bits >> 64) as i32 & 0x7fff;
        Float64 { mantissa: bits as u64, exponent: exponent - 16383 - 63 }
    })
});

const POWER_FIRST: i32 = -348;
const POWER_STEP: i32 = 8;
/// Between 2^-60 and 2^-32: the whole part has 4 to 32 bits, and a fraction times ten fits.
const EXPONENTS_MIN: i32 = -60;
const HIDDEN_BIT: u64 = 1 << 52;
/// Seventeen digits tell all doubles apart.
const DIGITS_MAX: usize = 18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_read_back_as_the_same_double() {
        let mut random = fastrand::Rng::with_seed(71);
        let edges = [f64::MAX, f64::MIN_POSITIVE, 5e-324, 1.0, 0.1, 2_f64.powi(60), 1e23];
        let bits = std::iter::repeat_with(|| f64::from_bits(random.u64(..)));
        for number in bits.take(100_000).chain(edges) {
            if !number.is_finite() || number == 0.0 {
                continue;
            }
            let digits = Digits::of(number);
            let text = String::from_utf8_lossy(digits.as_bytes());
            let read: f64 = format!("{text}e{}", digits.scale()).parse().expect("a number");
            assert_eq!(read, number.abs(), "{number:e}: {digits:?}");
        }
    }

    #[test]
    fn powers_cover_every_exponent() {
        for exponent in -1140..=961 {
            let (power, _) = cached_power(exponent);
            let reached = exponent + power.exponent + 64;
            assert!((-60..=-32).contains(&reached), "{exponent}: {reached}");
        }
    }
}
