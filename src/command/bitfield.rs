//! BITFIELD: strings as arrays of integers of any width. The command is parsed whole before
//! anything is read or changed; it is streamed as it came, unless it left everything as it was.
//!
//! Values are computed in 128 bits, where no sum of two fields overflows.

use super::bitmaps::{bit_offset, check_bit_offset};
use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::key_spec::{KeyFlags, KeySpec};
use super::notify::Class;
use super::spec::{CommandResult, Group, Scope, Spec};
use super::strings_ranges::{change_bytes, make_raw};
use crate::base::number;
use crate::resp::request::Args;

/// What happens to a result that does not fit its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overflow {
    Wrap,
    Saturate,
    Fail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Get,
    Set(i64),
    Add(i64),
}

/// A place in a string, and how its bits are read: up to 64 of them, 63 without a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    signed: bool,
    bits: u32,
    offset: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Operation {
    action: Action,
    field: Field,
    overflow: Overflow,
}

/// An operation's reply; `None` where an overflow made it fail.
type Outcome = Option<i64>;

fn bitfield(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let operations = parse(ctx, args)?;
    let outcomes = if operations.iter().all(Operation::is_read) {
        read(ctx, args.get(1), &operations)?
    } else {
        write(ctx, args, &operations)?
    };
    reply(ctx, &outcomes);
    Ok(())
}

fn bitfield_ro(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let operations = parse(ctx, args)?;
    if !operations.iter().all(Operation::is_read) {
        return Err(CommandError::text("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    let outcomes = read(ctx, args.get(1), &operations)?;
    reply(ctx, &outcomes);
    Ok(())
}

fn reply(ctx: &mut Context<'_>, outcomes: &[Outcome]) {
    ctx.reply.array(outcomes.len());
    for outcome in outcomes {
        match outcome {
            Some(number) => ctx.reply.integer(*number),
            None => ctx.reply.null(),
        }
    }
}

fn parse(ctx: &Context<'_>, args: Args<'_>) -> Result<Vec<Operation>, CommandError> {
    let mut operations = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut index = 2;
    while let Some(word) = args.at(index) {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let left = args.len() - index - 1;
        if is("overflow") && left >= 1 {
            overflow = Overflow::parse(args.get(index + 1))?;
            index += 2;
        } else if is("get") && left >= 2 {
            let field = Field::parse(ctx, args.get(index + 1), args.get(index + 2))?;
            operations.push(Operation { action: Action::Get, field, overflow });
            index += 3;
        } else if (is("set") || is("incrby")) && left >= 3 {
            let field = Field::parse(ctx, args.get(index + 1), args.get(index + 2))?;
            let number = number::parse_i64(args.get(index + 3)).ok_or(CommandError::NotInteger)?;
            let action = if is("set") { Action::Set(number) } else { Action::Add(number) };
            operations.push(Operation { action, field, overflow });
            index += 4;
        } else {
            return Err(CommandError::Syntax);
        }
    }
    Ok(operations)
}

/// Runs operations that only read.
fn read(
    ctx: &mut Context<'_>,
    key: &[u8],
    operations: &[Operation],
) -> Result<Vec<Outcome>, CommandError> {
    let mut digits = itoa::Buffer::new();
    let value = ctx.find(key).map(|entry| entry.value());
    let text: &[u8] = match &value {
        None => b"",
        Some(value) => value.as_text(&mut digits).ok_or(CommandError::WrongType)?,
    };
    let mut outcomes = Vec::with_capacity(operations.len());
    run_unchanging(operations, text, &mut outcomes);
    Ok(outcomes)
}

/// Runs operations of which some write. The string grows to hold every field written, also where
/// an overflow then leaves the field alone.
fn write(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    operations: &[Operation],
) -> Result<Vec<Outcome>, CommandError> {
    let key = args.get(1);
    let mut outcomes = Vec::with_capacity(operations.len());
    let writes = operations.iter().filter(|operation| !operation.is_read());
    let len_min = writes.map(|operation| operation.field.bytes_end()).max().unwrap_or(0);
    let (len, done) = {
        let mut digits = itoa::Buffer::new();
        let value = ctx.look(key).map(|entry| entry.value());
        let text: &[u8] = match &value {
            None => b"",
            Some(value) => value.as_text(&mut digits).ok_or(CommandError::WrongType)?,
        };
        (text.len(), run_unchanging(operations, text, &mut outcomes))
    };
    let rest = &operations[done..];
    if !rest.is_empty() || len < len_min {
        change_bytes(ctx, key, len_min, |bytes| {
            outcomes.extend(rest.iter().map(|operation| operation.run(bytes)));
        });
        ctx.propagate(args);
        let written = |(operation, outcome): (&Operation, &Outcome)| {
            !operation.is_read() && outcome.is_some()
        };
        if operations.iter().zip(&outcomes).any(written) {
            ctx.notify(Class::String, b"setbit", key);
        }
    } else {
        make_raw(ctx, key);
    }
    Ok(outcomes)
}

/// Runs operations up to the first that would change `text`; how many that are.
fn run_unchanging(operations: &[Operation], text: &[u8], outcomes: &mut Vec<Outcome>) -> usize {
    for (index, operation) in operations.iter().enumerate() {
        let old = operation.field.read(text);
        let new = operation.result(old);
        if new.is_some_and(|new| new != old) {
            return index;
        }
        outcomes.push(operation.outcome(old, new));
    }
    operations.len()
}

impl Overflow {
    fn parse(word: &[u8]) -> Result<Overflow, CommandError> {
        match word.to_ascii_lowercase().as_slice() {
            b"wrap" => Ok(Overflow::Wrap),
            b"sat" => Ok(Overflow::Saturate),
            b"fail" => Ok(Overflow::Fail),
            _ => Err(CommandError::text("ERR Invalid OVERFLOW type specified")),
        }
    }
}

impl Operation {
    fn is_read(&self) -> bool {
        self.action == Action::Get
    }

    fn is_set(&self) -> bool {
        matches!(self.action, Action::Set(_))
    }

    /// The field's new value; `None` if an overflow forbids it.
    fn result(&self, old: i128) -> Option<i128> {
        let field = &self.field;
        let wanted = match self.action {
            Action::Get => old,
            Action::Set(number) if field.signed => i128::from(number),
            // As stock servers do: a negative number is a large one to a field without a sign.
            Action::Set(number) => i128::from(number as u64),
            Action::Add(number) => old + i128::from(number),
        };
        let (min, max) = field.limits();
        match self.overflow {
            _ if (min..=max).contains(&wanted) => Some(wanted),
            Overflow::Wrap => Some(field.extend(wanted as u128 & field.mask())),
            // A stock server's check overflows itself here and takes the number for too large. What
            // is streamed is the command, so masters and replicas of either kind must agree.
            Overflow::Saturate if self.is_set() && max - wanted > i128::from(i64::MAX) => Some(max),
            Overflow::Saturate => Some(wanted.clamp(min, max)),
            Overflow::Fail => None,
        }
    }

    fn outcome(&self, old: i128, new: Option<i128>) -> Outcome {
        let shown = if let Action::Add(_) = self.action { new? } else { new.and(Some(old))? };
        Some(i64::try_from(shown).expect("a field has at most 64 bits, 63 without a sign"))
    }

    fn run(&self, bytes: &mut [u8]) -> Outcome {
        let old = self.field.read(bytes);
        let new = self.result(old);
        if let Some(new) = new.filter(|_| !self.is_read()) {
            self.field.write(bytes, new);
        }
        self.outcome(old, new)
    }
}

impl Field {
    fn parse(ctx: &Context<'_>, kind: &[u8], place: &[u8]) -> Result<Field, CommandError> {
        let (signed, bits) = match kind {
            [b'i', bits @ ..] => (true, number::parse_u64(bits).filter(|bits| *bits <= 64)),
            [b'u', bits @ ..] => (false, number::parse_u64(bits).filter(|bits| *bits <= 63)),
            _ => (false, None),
        };
        let bits = bits.filter(|bits| *bits >= 1).ok_or(CommandError::text(
            "ERR Invalid bitfield type. Use something like i16 u8. \
             Note that u64 is not supported but i64 is.",
        ))?;
        let offset = match place {
            // `#3` is the fourth field of this width.
            [b'#', index @ ..] => {
                let offset = number::parse_u64(index).and_then(|index| index.checked_mul(bits));
                check_bit_offset(ctx, offset)?
            }
            place => bit_offset(ctx, place)?,
        };
        Ok(Field { signed, bits: bits as u32, offset })
    }

    /// The least and the greatest value.
    fn limits(&self) -> (i128, i128) {
        let values = 1_i128 << self.bits;
        if self.signed { (-values / 2, values / 2 - 1) } else { (0, values - 1) }
    }

    fn mask(&self) -> u128 {
        (1 << self.bits) - 1
    }

    /// The value that the field's bits mean.
    fn extend(&self, bits: u128) -> i128 {
        let value = bits as i128;
        let (_, max) = self.limits();
        if value > max { value - (1 << self.bits) } else { value }
    }

    /// The length of a string that just holds the field.
    fn bytes_end(&self) -> usize {
        (self.offset + u64::from(self.bits)).div_ceil(8) as usize
    }

    /// The first byte with bits of the field, and how many bits of the last one are behind it.
    fn place(&self) -> (usize, u32) {
        let first = self.offset as usize / 8;
        (first, (self.bytes_end() * 8 - self.offset as usize) as u32 - self.bits)
    }

    fn read(&self, bytes: &[u8]) -> i128 {
        let (first, behind) = self.place();
        // At most nine bytes.
        let whole = (first..self.bytes_end()).fold(0_u128, |whole, index| {
            whole << 8 | u128::from(bytes.get(index).copied().unwrap_or(0))
        });
        self.extend(whole >> behind & self.mask())
    }

    fn write(&self, bytes: &mut [u8], value: i128) {
        let (first, behind) = self.place();
        let bits = (value as u128 & self.mask()) << behind;
        let mask = self.mask() << behind;
        for (shift, index) in (first..self.bytes_end()).rev().enumerate() {
            let (bits, mask) = ((bits >> (8 * shift)) as u8, (mask >> (8 * shift)) as u8);
            bytes[index] = bytes[index] & !mask | bits;
        }
    }
}

const CHANGES: KeyFlags = KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE);

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    Spec::new("bitfield", -2, Group::Bitmap, Scope::Shard(bitfield))
        .flags(Flags::WRITE.with(Flags::DENYOOM))
        .categories(Categories::BITMAP)
        .keys(&[KeySpec::one(1, CHANGES.with(KeyFlags::VARIABLE))])
        .doc(
            "3.2.0",
            "O(1) for each subcommand specified",
            "Reads and changes integers of any width within a string.",
        ),
    Spec::new("bitfield_ro", -2, Group::Bitmap, Scope::Shard(bitfield_ro))
        .flags(Flags::READONLY.with(Flags::FAST))
        .categories(Categories::BITMAP)
        .keys(&[KeySpec::one(1, KeyFlags::READ)])
        .doc(
            "6.0.0",
            "O(1) for each subcommand specified",
            "Reads integers of any width within a string.",
        ),
];

#[cfg(test)]
mod tests;
