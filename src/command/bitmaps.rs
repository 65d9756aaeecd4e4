//! Bits of strings: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP. Bit 0 is the most significant bit of
//! the first byte; beyond the string's end all bits are 0.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::key_spec::{KeyFlags, KeySpec};
use super::notify::Class;
use super::spec::{CommandResult, Group, Handler, Scope, Spec};
use super::strings_ranges::{change_bytes, clamp, is_backwards, make_raw};
use crate::base::number;
use crate::keyspace::value::Value;
use crate::resp::request::Args;
use std::ops::Range;

/// Reads the offset of a bit.
///
/// # Errors
/// No integer, negative, or in a byte that a string may not have.
pub fn bit_offset(ctx: &Context<'_>, text: &[u8]) -> Result<u64, CommandError> {
    check_bit_offset(ctx, number::parse_u64(text))
}

/// `offset` if a string may have that bit. What the master streams is not questioned.
///
/// # Errors
/// As [`bit_offset`].
pub fn check_bit_offset(ctx: &Context<'_>, offset: Option<u64>) -> Result<u64, CommandError> {
    let max = ctx.settings.clients.proto_max_bulk_len;
    offset
        .filter(|offset| i64::try_from(*offset).is_ok())
        .filter(|offset| offset / 8 < max || ctx.is_master_link())
        .ok_or(CommandError::text("ERR bit offset is not an integer or out of range"))
}

fn setbit(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    let offset = bit_offset(ctx, args.get(2))?;
    let bit = match number::parse_u64(args.get(3)) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(CommandError::text("ERR bit is not an integer or out of range")),
    };
    let byte = offset as usize / 8;
    let old = match ctx.look(key) {
        None => None,
        Some(entry) => {
            let mut digits = itoa::Buffer::new();
            let value = entry.value();
            let text = value.as_text(&mut digits).ok_or(CommandError::WrongType)?;
            (byte < text.len()).then(|| bit_at(text, offset))
        }
    };
    // `None`: the string must grow, which is a change whatever the bit.
    if old != Some(bit) {
        let mask = 0x80 >> (offset % 8);
        change_bytes(ctx, key, byte + 1, |bytes| {
            bytes[byte] = if bit { bytes[byte] | mask } else { bytes[byte] & !mask };
        });
        ctx.propagate(args);
        ctx.notify(Class::String, b"setbit", key);
    } else {
        make_raw(ctx, key);
    }
    ctx.reply.integer(i64::from(old.unwrap_or(false)));
    Ok(())
}

fn getbit(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let offset = bit_offset(ctx, args.get(2))?;
    let bit = with_text(ctx, args.get(1), |text| bit_at(text, offset))?;
    ctx.reply.integer(i64::from(bit.unwrap_or(false)));
    Ok(())
}

fn bitcount(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let part = Part::parse(args, 2)?;
    let count = with_text(ctx, args.get(1), |text| match part.bits(text.len()) {
        Some(bits) if !is_backwards(part.start, part.end) => count_ones(text, bits),
        _ => 0,
    })?;
    ctx.reply.integer(count.unwrap_or(0) as i64);
    Ok(())
}

fn bitpos(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let bit = match number::parse_i64(args.get(2)).ok_or(CommandError::NotInteger)? {
        0 => false,
        1 => true,
        _ => return Err(CommandError::text("ERR The bit argument must be 1 or 0.")),
    };
    let part = Part::parse(args, 3)?;
    let position = with_text(ctx, args.get(1), |text| {
        let bits = part.bits(text.len())?;
        let found = first_bit(text, bit, bits);
        // Without an end the zeros behind the string count too.
        found.or((!bit && !part.has_end).then_some(text.len() as u64 * 8))
    })?;
    let position = match position {
        // No key is an endless row of zeros.
        None => (!bit).then_some(0),
        Some(position) => position,
    };
    ctx.reply.integer(position.map_or(-1, |position| position as i64));
    Ok(())
}

/// The part of a string that BITCOUNT and BITPOS look at.
struct Part {
    start: i64,
    end: i64,
    has_end: bool,
    in_bits: bool,
}

impl Part {
    /// Reads `[start [end [BYTE | BIT]]]`, from argument `first` on.
    fn parse(args: Args<'_>, first: usize) -> Result<Part, CommandError> {
        if args.len() > first + 3 {
            return Err(CommandError::Syntax);
        }
        let position = |index: usize| {
            args.at(index)
                .map(|text| number::parse_i64(text).ok_or(CommandError::NotInteger))
                .transpose()
        };
        let start = position(first)?.unwrap_or(0);
        let in_bits = match args.at(first + 2) {
            None => false,
            Some(word) if word.eq_ignore_ascii_case(b"bit") => true,
            Some(word) if word.eq_ignore_ascii_case(b"byte") => false,
            Some(_) => return Err(CommandError::Syntax),
        };
        let end = position(first + 1)?;
        Ok(Part { start, end: end.unwrap_or(-1), has_end: end.is_some(), in_bits })
    }

    /// The bits meant of a string of `len` bytes; `None` for none.
    fn bits(&self, len: usize) -> Option<Range<u64>> {
        let len = len as u64;
        if self.in_bits {
            return clamp(self.start, self.end, len * 8);
        }
        clamp(self.start, self.end, len).map(|bytes| bytes.start * 8..bytes.end * 8)
    }
}

/// Calls `see` with the string at `key`; `None` without one. Counts as a read.
fn with_text<R>(
    ctx: &mut Context<'_>,
    key: &[u8],
    see: impl FnOnce(&[u8]) -> R,
) -> Result<Option<R>, CommandError> {
    let Some(entry) = ctx.find(key) else { return Ok(None) };
    let mut digits = itoa::Buffer::new();
    let value = entry.value();
    Ok(Some(see(value.as_text(&mut digits).ok_or(CommandError::WrongType)?)))
}

fn bit_at(text: &[u8], offset: u64) -> bool {
    let byte = usize::try_from(offset / 8).ok().and_then(|byte| text.get(byte));
    byte.is_some_and(|byte| byte & (0x80 >> (offset % 8)) != 0)
}

/// The bytes that hold `bits`, not empty, and the masks of those bits in the first and last byte.
fn split(text: &[u8], bits: Range<u64>) -> (&[u8], u8, u8) {
    let last = bits.end - 1;
    let bytes = &text[bits.start as usize / 8..=last as usize / 8];
    (bytes, 0xff >> (bits.start % 8), 0xff << (7 - last % 8))
}

fn count_ones(text: &[u8], bits: Range<u64>) -> u64 {
    let (bytes, first_mask, last_mask) = split(text, bits);
    let (words, rest) = bytes.as_chunks::<8>();
    let whole: u64 =
        words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum();
    let rest: u64 = rest.iter().map(|byte| u64::from(byte.count_ones())).sum();
    let outside =
        (bytes[0] & !first_mask).count_ones() + (bytes[bytes.len() - 1] & !last_mask).count_ones();
    whole + rest - u64::from(outside)
}

/// The position in `text` of the first bit that is `bit`, among `bits`.
fn first_bit(text: &[u8], bit: bool, bits: Range<u64>) -> Option<u64> {
    let base = bits.start / 8 * 8;
    let (bytes, first_mask, last_mask) = split(text, bits);
    let last = bytes.len() - 1;
    // As ones, the bits looked for in a byte.
    let wanted = |index: usize| {
        let byte = if bit { bytes[index] } else { !bytes[index] };
        let first = if index == 0 { first_mask } else { 0xff };
        byte & first & if index == last { last_mask } else { 0xff }
    };
    let found = |index: usize| {
        let byte = wanted(index);
        (byte != 0).then(|| base + index as u64 * 8 + u64::from(byte.leading_zeros()))
    };
    if let Some(position) = found(0) {
        return Some(position);
    }
    let dull = if bit { [0x00; 8] } else { [0xff; 8] };
    let mut index = 1;
    while index + 8 <= last && bytes[index..index + 8] == dull {
        index += 8;
    }
    (index..=last).find_map(found)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    And,
    Or,
    Xor,
    Not,
}

fn bitop(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let operator = match args.get(1).to_ascii_lowercase().as_slice() {
        b"and" => Operator::And,
        b"or" => Operator::Or,
        b"xor" => Operator::Xor,
        b"not" => Operator::Not,
        _ => return Err(CommandError::Syntax),
    };
    if operator == Operator::Not && args.len() != 4 {
        return Err(CommandError::text("ERR BITOP NOT must be called with a single source key."));
    }
    let mut sum = with_text(ctx, args.get(3), <[u8]>::to_vec)?.unwrap_or_default();
    if operator == Operator::Not {
        sum.iter_mut().for_each(|byte| *byte = !*byte);
    }
    for key in args.iter().skip(4) {
        if with_text(ctx, key, |text| operator.combine(&mut sum, text))?.is_none() {
            operator.combine(&mut sum, b"");
        }
    }
    let (target, len) = (args.get(2), sum.len());
    let changed = if sum.is_empty() {
        ctx.remove(target)
    } else {
        ctx.insert(target, Value::Buffer(sum), None);
        make_raw(ctx, target);
        true
    };
    if changed {
        ctx.propagate(args);
        match len {
            0 => ctx.notify(Class::Generic, b"del", target),
            _ => ctx.notify(Class::String, b"set", target),
        }
    }
    ctx.reply.integer(len as i64);
    Ok(())
}

impl Operator {
    /// Makes `sum` the result of itself and `text`; the shorter one goes on with zeros.
    fn combine(self, sum: &mut Vec<u8>, text: &[u8]) {
        if text.len() > sum.len() {
            sum.resize(text.len(), 0);
        }
        let (both, tail) = sum.split_at_mut(text.len());
        let pairs = both.iter_mut().zip(text);
        match self {
            Operator::And => {
                pairs.for_each(|(byte, other)| *byte &= other);
                tail.fill(0);
            }
            Operator::Or => pairs.for_each(|(byte, other)| *byte |= other),
            Operator::Xor => pairs.for_each(|(byte, other)| *byte ^= other),
            Operator::Not => {}
        }
    }
}

const fn row(name: &'static str, arity: i32, handler: Handler) -> Spec {
    Spec::new(name, arity, Group::Bitmap, Scope::Shard(handler)).categories(Categories::BITMAP)
}

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("setbit", 4, setbit)
        .flags(Flags::WRITE.with(Flags::DENYOOM))
        .keys(&[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE))])
        .doc("2.2.0", "O(1)", "Sets or clears a bit of the string at a key."),
    row("getbit", 3, getbit)
        .flags(Flags::READONLY.with(Flags::FAST))
        .keys(&[KeySpec::one(1, KeyFlags::READ)])
        .doc("2.2.0", "O(1)", "Returns a bit of the string at a key."),
    row("bitcount", -2, bitcount)
        .flags(Flags::READONLY)
        .keys(&[KeySpec::one(1, KeyFlags::READ)])
        .doc("2.6.0", "O(N)", "Counts the bits that are 1 in a string or a part of it."),
    row("bitpos", -3, bitpos).flags(Flags::READONLY).keys(&[KeySpec::one(1, KeyFlags::READ)]).doc(
        "2.8.7",
        "O(N)",
        "Finds the first bit that is 1, or 0, in a string.",
    ),
    row("bitop", -4, bitop)
        .flags(Flags::WRITE.with(Flags::DENYOOM))
        .keys(&[
            KeySpec::one(2, KeyFlags::OW.with(KeyFlags::UPDATE)),
            KeySpec::range(3, -1, 1, KeyFlags::READ),
        ])
        .doc("2.6.0", "O(N)", "Combines strings bit by bit and stores the result."),
];

#[cfg(test)]
mod tests;
