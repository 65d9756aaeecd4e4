//! Choosing elements of a collection at random: how many, and which. Pure, any core.

use super::error::CommandError;
use crate::base::number;
use fastrand::Rng;
use std::collections::HashSet;

/// What a count asks for: HRANDFIELD's, SRANDMEMBER's, ZRANDMEMBER's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Up to so many different elements.
    Different(usize),
    /// Exactly so many, perhaps the same several times.
    Any(usize),
}

impl Wanted {
    /// Reads a count: negative ones allow the same element several times.
    ///
    /// # Errors
    /// No number, or one too far from zero.
    pub fn parse(text: &[u8]) -> Result<Wanted, CommandError> {
        let count = number::parse_i64(text).ok_or(CommandError::NotInteger)?;
        let number = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        match count {
            i64::MIN => Err(CommandError::text(
                "ERR value is out of range, value must between -9223372036854775807 and \
                 9223372036854775807",
            )),
            0.. => Ok(Wanted::Different(number)),
            _ if number > ANY_MAX => Err(TOO_MANY),
            _ => Ok(Wanted::Any(number)),
        }
    }

    /// As [`Wanted::parse`], each element being replied with a second value.
    ///
    /// # Errors
    /// As there; and a number whose double is none.
    pub fn parse_pairs(text: &[u8]) -> Result<Wanted, CommandError> {
        let count = number::parse_i64(text).ok_or(CommandError::NotInteger)?;
        if count != i64::MIN && count.unsigned_abs() > i64::MAX as u64 / 2 {
            return Err(TOO_MANY);
        }
        Wanted::parse(text)
    }
}

/// `count` different indices below `len`, which is more, in ascending order, all choices being
/// equally likely.
pub fn different(len: usize, count: usize, rng: &mut Rng) -> Vec<usize> {
    let mut chosen = Vec::with_capacity(count);
    if count > len / 4 {
        // Each index in turn, as likely as those still wanted are among those still left.
        for index in 0..len {
            if rng.usize(..len - index) < count - chosen.len() {
                chosen.push(index);
            }
        }
        return chosen;
    }
    let mut seen = HashSet::with_capacity_and_hasher(count, ahash::RandomState::new());
    while chosen.len() < count {
        let index = rng.usize(..len);
        if seen.insert(index) {
            chosen.push(index);
        }
    }
    chosen.sort_unstable();
    chosen
}

const TOO_MANY: CommandError = CommandError::text("ERR value is out of range");

/// With repetitions a reply's size does not depend on the data: this many elements of a hundred
/// bytes are what a server can be asked for at once without harm.
const ANY_MAX: usize = 1 << 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_with_their_limits() {
        assert_eq!(Wanted::parse(b"3"), Ok(Wanted::Different(3)));
        assert_eq!(Wanted::parse(b"-3"), Ok(Wanted::Any(3)));
        assert_eq!(Wanted::parse(b"x"), Err(CommandError::NotInteger));
        assert_eq!(Wanted::parse(b"-9223372036854775807"), Err(TOO_MANY));
        assert_eq!(Wanted::parse_pairs(b"4611686018427387904"), Err(TOO_MANY));
    }

    #[test]
    fn every_index_is_chosen_equally_often() {
        let mut rng = Rng::with_seed(1);
        for (len, count) in [(20, 2), (20, 15), (20, 19)] {
            let mut times = vec![0; len];
            for _ in 0..20_000 {
                let chosen = different(len, count, &mut rng);
                assert_eq!(chosen.len(), count);
                assert!(chosen.is_sorted_by(|left, right| left < right));
                chosen.iter().for_each(|index| times[*index] += 1);
            }
            let expected = 20_000 * count / len;
            assert!(times.iter().all(|times| expected.abs_diff(*times) < 300), "{times:?}");
        }
    }
}
