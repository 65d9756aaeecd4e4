//! How a floating point number is spelled in replies. Pure, any core.
//!
//! Recorded from Valkey 8.0.1: whole numbers up to 2^62 are spelled as integers; others with the
//! fewest digits that read back as the same number, plain while short and with an exponent beyond.
//! Where several spellings are that short ours is the nearest; stock's, in three of a thousand
//! random numbers, is another one, or has more digits. They read back as the same number.

/// A number's spelling, kept on the stack.
pub struct DoubleText {
    bytes: [u8; TEXT_BYTES_MAX],
    len: usize,
}

impl DoubleText {
    /// Spells `value`.
    pub fn new(value: f64) -> DoubleText {
        let mut text = DoubleText { bytes: [0; TEXT_BYTES_MAX], len: 0 };
        if value.is_nan() {
            text.push(b"nan");
        } else if value.is_infinite() {
            text.push(if value > 0.0 { b"inf" } else { b"-inf" });
        } else if value.abs() <= WHOLE_MAX && value.trunc() == value {
            // Exact: whole and within ±2^62. Minus zero becomes "0", as stock spells it.
            text.push(itoa::Buffer::new().format(value as i64).as_bytes());
        } else {
            text.spell(value);
        }
        text
    }

    /// The spelling; ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn push_zeros(&mut self, count: usize) {
        self.push(&[b'0'; TEXT_BYTES_MAX][..count]);
    }

    /// Spells a finite number, not zero. `value` = ± digits × 10^`power`.
    fn spell(&mut self, value: f64) {
        if value < 0.0 {
            self.push(b"-");
        }
        let (digits, count, power) = shortest_digits(value.abs());
        let digits = &digits[..count];
        // The decimal exponent if written with one digit before the point.
        let count_signed = i32::try_from(count).expect("at most 17 digits");
        let exponent = power + count_signed - 1;
        if power >= 0 && exponent < count_signed + 7 {
            self.push(digits);
            self.push_zeros(power.unsigned_abs() as usize);
        } else if power < 0 && (power > -7 || exponent.abs() < 4) {
            let point = count_signed + power;
            if let Ok(point @ 1..) = usize::try_from(point) {
                self.push(&digits[..point]);
                self.push(b".");
                self.push(&digits[point..]);
            } else {
                self.push(b"0.");
                self.push_zeros(point.unsigned_abs() as usize);
                self.push(digits);
            }
        } else {
            self.push(&digits[..1]);
            if count > 1 {
                self.push(b".");
                self.push(&digits[1..]);
            }
            self.push(if exponent < 0 { b"e-" } else { b"e+" });
            self.push(itoa::Buffer::new().format(exponent.unsigned_abs()).as_bytes());
        }
    }
}

/// The fewest decimal digits of a positive finite number, how many, and the power of ten they are
/// multiplied by.
fn shortest_digits(value: f64) -> ([u8; 17], usize, i32) {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(value).as_bytes();
    let (mut digits, mut count) = ([0; 17], 0);
    // Zeros are held back until a digit follows, so that neither leading nor trailing ones stay.
    let (mut zeros, mut fraction, mut behind_point) = (0, 0, false);
    let mut exponent = 0;
    for (index, &byte) in text.iter().enumerate() {
        match byte {
            b'.' => {
                behind_point = true;
                continue;
            }
            b'e' => {
                exponent = small_number(&text[index + 1..]);
                break;
            }
            b'0' => zeros += usize::from(count > 0),
            _ => {
                digits[count..count + zeros].fill(b'0');
                digits[count + zeros] = byte;
                count += zeros + 1;
                zeros = 0;
            }
        }
        fraction += i32::from(behind_point);
    }
    let zeros = i32::try_from(zeros).expect("fewer than thirty characters");
    (digits, count, exponent + zeros - fraction)
}

/// The exponent that the formatter wrote.
fn small_number(text: &[u8]) -> i32 {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        digits => (1, digits),
    };
    sign * digits.iter().fold(0, |number, digit| number * 10 + i32::from(digit - b'0'))
}

/// Sign, 17 digits, point, 7 zeros or an exponent of 5 bytes: 32 leaves room.
const TEXT_BYTES_MAX: usize = 32;

/// Whole numbers up to here are spelled digit by digit: 2^62.
const WHOLE_MAX: f64 = 4_611_686_018_427_387_904.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: f64, expected: &str) {
        let text = DoubleText::new(value);
        assert_eq!(std::str::from_utf8(text.as_bytes()), Ok(expected), "{value:?}");
    }

    #[test]
    fn spelled_as_stock_spells() {
        let transcript = "0 3 -3 0.1 1000000 10000000000000000 123456789012345680 1e+19 1e+20 \
            1e+21 1.5e+20 123456789.123 0.001 0.0001 0.00001 0.000001 1e-7 0.000015 1.5e-6 1.5e-8 \
            1.234e-5 1e-100 1.7976931348623157e+308 5e-324 2.2250738585072014e-308 \
            3.14159265358979 0.30000000000000004 12345678901234567000 0.0012345678901234567 \
            1.2345678901234567e-4 4611686018427387904 9223372036854776000 -4611686018427387904 \
            123456789012345680000 1.2345e-4 1.2e-7 inf -inf -0.5 10.25 100.5";
        for text in transcript.split_whitespace() {
            check(text.parse().unwrap(), text);
        }
        check(-0.0, "0");
    }

    #[test]
    fn reads_back_as_the_same_number() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..100_000 {
            let value = f64::from_bits(random.u64(..));
            if value.is_finite() {
                let text = DoubleText::new(value);
                let text = std::str::from_utf8(text.as_bytes()).unwrap().to_owned();
                assert_eq!(text.parse(), Ok(value), "seed 7, {text}");
            }
        }
    }
}
