//! HyperLogLog: how many different elements were seen, in a string of at most 12 KiB. Pure, any
//! core.
//!
//! ```text
//! "HYLL"  form(1)  0 0 0  cardinality(8, little-endian; its highest bit: not computed)  registers
//!
//! dense(0):  16384 registers of 6 bits, one behind the other from the lowest bit on
//! sparse(1): runs of registers
//!            00xxxxxx            xxxxxx + 1 zeros
//!            01xxxxxx xxxxxxxx   x + 1 zeros
//!            1vvvvvxx            xx + 1 registers of vvvvv + 1
//! ```
//!
//! The layout is that of stock servers, and so is every change of it: two servers given the same
//! elements hold the same bytes. The estimator is Ertl's (arXiv:1702.01284), the hash is
//! MurmurHash64A.

use crate::keyspace::encoding::error::Invalid;

/// A register's highest value and index come from here: 14 bits choose one of 16384.
pub const REGISTERS: usize = 1 << INDEX_BITS;

/// All registers, a byte each.
pub type Registers = [u8; REGISTERS];

/// The bytes of an HyperLogLog that has seen nothing.
pub fn new() -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    bytes[..4].copy_from_slice(MAGIC);
    bytes[FORM_AT] = SPARSE;
    push_zeros(&mut bytes, REGISTERS);
    bytes
}

/// Whether a string may be an HyperLogLog, by its header and length.
pub fn is_one(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER
        && bytes.starts_with(MAGIC)
        && match bytes[FORM_AT] {
            DENSE => bytes.len() == DENSE_LEN,
            form => form == SPARSE,
        }
}

/// Whether the registers stand one by one.
pub fn is_dense(bytes: &[u8]) -> bool {
    bytes[FORM_AT] == DENSE
}

/// The cardinality that was computed last, if nothing was added since.
pub fn cached(bytes: &[u8]) -> Option<u64> {
    let cardinality = u64::from_le_bytes(*bytes[CARDINALITY_AT..].first_chunk()?);
    (cardinality & STALE == 0).then_some(cardinality)
}

/// Keeps a cardinality that was computed.
pub fn cache(bytes: &mut [u8], cardinality: u64) {
    bytes[CARDINALITY_AT..HEADER].copy_from_slice(&cardinality.to_le_bytes());
}

/// Says that the cardinality kept is no longer right.
pub fn invalidate(bytes: &mut [u8]) {
    bytes[HEADER - 1] |= 0x80;
}

/// The register an element belongs to, and the value it asks for there.
pub fn place_of(element: &[u8]) -> (usize, u8) {
    let hash = murmur(element);
    let index = (hash % REGISTERS as u64) as usize;
    // The highest bit set ends the run of zeros in any case.
    let rest = hash >> INDEX_BITS | 1 << VALUE_BITS;
    (index, rest.trailing_zeros() as u8 + 1)
}

/// Raises a register of a dense one; whether it was lower.
pub fn raise_dense(bytes: &mut [u8], (index, value): (usize, u8)) -> bool {
    let old = dense_register(&bytes[HEADER..], index);
    if old >= value {
        return false;
    }
    set_dense(&mut bytes[HEADER..], index, value);
    true
}

/// Raises a register of any; whether it was lower. A sparse one that would pass `sparse_max` bytes
/// becomes dense.
///
/// # Errors
/// A sparse one whose runs are broken.
pub fn raise(bytes: &mut Vec<u8>, place: (usize, u8), sparse_max: usize) -> Result<bool, Invalid> {
    if is_dense(bytes) {
        return Ok(raise_dense(bytes, place));
    }
    let (index, value) = place;
    if value > RUN_VALUE_MAX {
        return promote(bytes, place);
    }
    let found = find(bytes, index)?;
    let Found { at, before, run, first } = found;
    let last = first + run.len - 1;
    if run.value >= value {
        return Ok(false);
    }
    let mut runs = Vec::with_capacity(5);
    push_run(&mut runs, run.value, index - first);
    push_run(&mut runs, value, 1);
    push_run(&mut runs, run.value, last - index);
    if runs.len() > run.bytes && bytes.len() + runs.len() - run.bytes > sparse_max {
        return promote(bytes, place);
    }
    bytes.splice(at..at + run.bytes, runs);
    join(bytes, before.unwrap_or(HEADER));
    Ok(true)
}

/// Makes a sparse one dense.
///
/// # Errors
/// Broken runs.
pub fn to_dense(bytes: &mut Vec<u8>) -> Result<(), Invalid> {
    if is_dense(bytes) {
        return Ok(());
    }
    let mut registers = [0; REGISTERS];
    raise_to(bytes, &mut registers)?;
    bytes.resize(HEADER, 0);
    bytes.resize(DENSE_LEN, 0);
    bytes[FORM_AT] = DENSE;
    for (index, value) in registers.into_iter().enumerate() {
        set_dense(&mut bytes[HEADER..], index, value);
    }
    Ok(())
}

/// Raises `registers` to those of an HyperLogLog where they are lower.
///
/// # Errors
/// Broken runs.
pub fn raise_to(bytes: &[u8], registers: &mut Registers) -> Result<(), Invalid> {
    raise_all(bytes, registers, false)
}

/// As [`raise_to`], for several together. As with stock servers, a run of values behind the last
/// register is then passed over with all that follows it.
///
/// # Errors
/// Broken runs.
pub fn raise_together(bytes: &[u8], registers: &mut Registers) -> Result<(), Invalid> {
    raise_all(bytes, registers, true)
}

fn raise_all(bytes: &[u8], registers: &mut Registers, lenient: bool) -> Result<(), Invalid> {
    if is_dense(bytes) {
        for (index, register) in registers.iter_mut().enumerate() {
            *register = (*register).max(dense_register(&bytes[HEADER..], index));
        }
        return Ok(());
    }
    let mut rest = &mut registers[..];
    for run in runs(bytes) {
        let run = run?;
        if lenient && run.value > 0 && run.len > rest.len() {
            break;
        }
        let (these, after) = rest.split_at_mut_checked(run.len).ok_or(BROKEN)?;
        these.iter_mut().for_each(|register| *register = (*register).max(run.value));
        rest = after;
    }
    if rest.is_empty() { Ok(()) } else { Err(BROKEN) }
}

/// How many different elements these registers have probably seen.
pub fn estimate(registers: &Registers) -> u64 {
    let mut histogram = [0_u32; 64];
    registers.iter().for_each(|value| histogram[usize::from(value & 63)] += 1);
    let m = REGISTERS as f64;
    let share = |value: usize| f64::from(histogram[value]);
    let mut sum = m * tau((m - share(VALUE_MAX)) / m);
    for value in (1..VALUE_MAX).rev() {
        sum = (sum + share(value)) * 0.5;
    }
    sum += m * sigma(share(0) / m);
    (ALPHA * m * m / sum).round() as u64
}

/// The runs of a sparse one, as PFDEBUG DECODE tells them.
///
/// # Errors
/// Broken runs.
pub fn describe(bytes: &[u8]) -> Result<Vec<u8>, Invalid> {
    let mut text = Vec::new();
    for run in runs(bytes) {
        let run = run?;
        let word = match run {
            Run { value: 0, bytes: 1, len } => format!("z:{len} "),
            Run { value: 0, len, .. } => format!("Z:{len} "),
            Run { value, len, .. } => format!("v:{value},{len} "),
        };
        text.extend_from_slice(word.as_bytes());
    }
    text.pop();
    Ok(text)
}

/// A run of registers with one value.
#[derive(Clone, Copy)]
struct Run {
    value: u8,
    len: usize,
    bytes: usize,
}

/// The run that a register is in.
struct Found {
    at: usize,
    /// Where the run before it is.
    before: Option<usize>,
    run: Run,
    /// Its first register.
    first: usize,
}

fn run_at(bytes: &[u8]) -> Option<Run> {
    Some(match *bytes {
        [first @ 0..=0x3f, ..] => Run { value: 0, len: usize::from(first) + 1, bytes: 1 },
        [first @ 0x40..=0x7f, second, ..] => {
            let len = usize::from(first & 0x3f) << 8 | usize::from(second);
            Run { value: 0, len: len + 1, bytes: 2 }
        }
        [first @ 0x80..=0xff, ..] => {
            Run { value: (first >> 2 & 0x1f) + 1, len: usize::from(first & 3) + 1, bytes: 1 }
        }
        _ => return None,
    })
}

fn runs(bytes: &[u8]) -> impl Iterator<Item = Result<Run, Invalid>> {
    let mut rest = &bytes[HEADER..];
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let run = run_at(rest).ok_or(BROKEN);
        rest = run.map_or(&[][..], |run| &rest[run.bytes..]);
        Some(run)
    })
}

fn find(bytes: &[u8], index: usize) -> Result<Found, Invalid> {
    let (mut at, mut before, mut first) = (HEADER, None, 0);
    while at < bytes.len() {
        let run = run_at(&bytes[at..]).ok_or(BROKEN)?;
        if index < first + run.len {
            return Ok(Found { at, before, run, first });
        }
        before = Some(at);
        at += run.bytes;
        first += run.len;
    }
    Err(BROKEN)
}

/// Joins neighbouring runs of one value, where a change may have made some.
fn join(bytes: &mut Vec<u8>, from: usize) {
    let mut at = from;
    for _ in 0..JOINED_AT_ONCE {
        let Some(run) = bytes.get(at..).and_then(run_at) else { return };
        let next = at + run.bytes;
        match bytes.get(next..).and_then(run_at) {
            Some(other)
                if run.value > 0
                    && run.value == other.value
                    && run.len + other.len <= RUN_LEN_MAX =>
            {
                bytes[next] = value_run(run.value, run.len + other.len);
                bytes.remove(at);
            }
            _ => at = next,
        }
    }
}

fn promote(bytes: &mut Vec<u8>, place: (usize, u8)) -> Result<bool, Invalid> {
    to_dense(bytes)?;
    Ok(raise_dense(bytes, place))
}

fn push_run(out: &mut Vec<u8>, value: u8, len: usize) {
    match (value, len) {
        (_, 0) => {}
        (0, _) => push_zeros(out, len),
        _ => out.push(value_run(value, len)),
    }
}

fn push_zeros(out: &mut Vec<u8>, len: usize) {
    if len <= 64 {
        out.push(len as u8 - 1);
    } else {
        out.extend_from_slice(&[0x40 | ((len - 1) >> 8) as u8, (len - 1) as u8]);
    }
}

fn value_run(value: u8, len: usize) -> u8 {
    0x80 | (value - 1) << 2 | (len as u8 - 1)
}

fn dense_register(registers: &[u8], index: usize) -> u8 {
    let (at, shift) = (index * 6 / 8, index * 6 % 8);
    let high = registers.get(at + 1).copied().unwrap_or(0);
    let bits = u16::from(registers[at]) | u16::from(high) << 8;
    (bits >> shift & 0x3f) as u8
}

fn set_dense(registers: &mut [u8], index: usize, value: u8) {
    let (at, shift) = (index * 6 / 8, index * 6 % 8);
    let (mask, bits) = (0x3f_u16 << shift, u16::from(value) << shift);
    registers[at] = registers[at] & !(mask as u8) | bits as u8;
    if let Some(high) = registers.get_mut(at + 1) {
        *high = *high & !((mask >> 8) as u8) | (bits >> 8) as u8;
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if before == z {
            return z / 3.0;
        }
    }
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if before == z {
            return z;
        }
    }
}

/// MurmurHash64A, by its public description.
fn murmur(bytes: &[u8]) -> u64 {
    let mut hash = MURMUR_SEED ^ (bytes.len() as u64).wrapping_mul(MURMUR_M);
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        let mut word = u64::from_le_bytes(*word).wrapping_mul(MURMUR_M);
        word ^= word >> 47;
        hash = (hash ^ word.wrapping_mul(MURMUR_M)).wrapping_mul(MURMUR_M);
    }
    if !tail.is_empty() {
        let word = tail.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        hash = (hash ^ word).wrapping_mul(MURMUR_M);
    }
    hash ^= hash >> 47;
    hash = hash.wrapping_mul(MURMUR_M);
    hash ^ hash >> 47
}

const BROKEN: Invalid = Invalid("a HyperLogLog with broken runs");
const MAGIC: &[u8] = b"HYLL";
const FORM_AT: usize = 4;
const CARDINALITY_AT: usize = 8;
const HEADER: usize = 16;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
const DENSE_LEN: usize = HEADER + REGISTERS * 6 / 8;
const STALE: u64 = 1 << 63;
const INDEX_BITS: u32 = 14;
const VALUE_BITS: u32 = u64::BITS - INDEX_BITS;
/// The highest value of a register.
const VALUE_MAX: usize = VALUE_BITS as usize + 1;
/// The highest value, and the most registers, of a run of values.
const RUN_VALUE_MAX: u8 = 32;
const RUN_LEN_MAX: usize = 4;
/// Runs looked at behind a change.
const JOINED_AT_ONCE: usize = 5;
/// 0.5 / ln 2.
const ALPHA: f64 = 0.721_347_520_444_481_7;
const MURMUR_SEED: u64 = 0xadc8_3b19;
const MURMUR_M: u64 = 0xc6a4_a793_5bd1_e995;

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(elements: u32, sparse_max: usize) -> Vec<u8> {
        let mut bytes = new();
        for element in 0..elements {
            let place = place_of(&element.to_le_bytes());
            raise(&mut bytes, place, sparse_max).expect("it was made here");
        }
        assert!(is_one(&bytes));
        bytes
    }

    fn count(bytes: &[u8]) -> u64 {
        let mut registers = [0; REGISTERS];
        raise_to(bytes, &mut registers).expect("it was made here");
        estimate(&registers)
    }

    #[test]
    fn both_forms_hold_the_same() {
        for elements in [0, 1, 100, 1000, 20_000] {
            let (sparse, dense) = (filled(elements, usize::MAX), filled(elements, 0));
            assert_eq!(is_dense(&dense), elements > 0);
            let mut made_dense = sparse.clone();
            to_dense(&mut made_dense).expect("it was made here");
            assert!(elements == 0 || made_dense == dense);
            assert_eq!(count(&sparse), count(&dense));
            let error = count(&sparse).abs_diff(u64::from(elements));
            assert!(error * 50 <= u64::from(elements), "{error} of {elements}");
        }
    }

    #[test]
    fn broken_runs_are_told() {
        let good = filled(50, usize::MAX);
        for at in HEADER..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                let mut registers = [0; REGISTERS];
                let broken = raise_to(&bytes, &mut registers).is_err();
                assert_eq!(to_dense(&mut bytes.clone()).is_err(), broken);
                for index in [0, 77, REGISTERS - 1] {
                    let _refused_or_raised = raise(&mut bytes.clone(), (index, 9), 3000).is_err();
                }
                let _refused_or_described = describe(&bytes).is_err();
            }
        }
    }
}
