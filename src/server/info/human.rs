//! Numbers for people. Pure.

use std::fmt;

/// Bytes as INFO shows them to people: `929.59K`.
#[derive(Clone, Copy, Debug)]
pub struct Human(pub u64);

impl fmt::Display for Human {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1024 {
            return write!(out, "{}B", self.0);
        }
        let power = (self.0.ilog2() / 10).min(5);
        let unit = ["B", "K", "M", "G", "T", "P"][power as usize];
        write!(out, "{:.2}{unit}", self.0 as f64 / (1u64 << (10 * power)) as f64)
    }
}

/// `part` of `whole`; 0 of nothing.
pub fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_largest_unit_that_fits() {
        let check = |bytes: u64, text: &str| assert_eq!(Human(bytes).to_string(), text);
        check(0, "0B");
        check(1023, "1023B");
        check(951_904, "929.59K");
        check(12_783_616, "12.19M");
        check(25_276_502_016, "23.54G");
        check(u64::MAX, "16384.00P");
    }
}
