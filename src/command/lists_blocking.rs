//! Lists: the commands that wait for an element. Each is its non-blocking sister, tried again when
//! a key changes; what is streamed is what the sister streams.

use super::blocked::Block;
use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::key_spec::KeySpec;
use super::lists::{list_mut, pop_into, popped};
use super::lists_move::{MOVED, Move, POPPED, PopMany, end_of, move_element, pop_many, pop_name};
use super::spec::{CommandResult, Group, Handler, Scope, Spec};
use crate::base::number;
use crate::keyspace::types::list::End;
use crate::keyspace::value::Kind;
use crate::resp::request::Args;

/// Until when a command waits, Unix milliseconds; `None` for ever. `text` is in seconds.
///
/// # Errors
/// The texts of stock servers.
pub fn deadline_ms(text: &[u8], now_ms: u64) -> Result<Option<u64>, CommandError> {
    let seconds = number::parse_f64(text).ok_or(NOT_FLOAT)?;
    let timeout_ms = (seconds * 1000.0).ceil();
    if timeout_ms >= i64::MAX as f64 {
        return Err(TOO_FAR);
    }
    if timeout_ms < 0.0 {
        return Err(NEGATIVE);
    }
    if timeout_ms == 0.0 {
        return Ok(None);
    }
    let deadline = now_ms.checked_add(timeout_ms as u64).filter(|at| i64::try_from(*at).is_ok());
    deadline.map(Some).ok_or(TOO_FAR)
}

fn block(keys: Vec<usize>, needs: Vec<usize>, deadline_ms: Option<u64>) -> Block {
    let (kind, settled) = (Kind::List, Vec::new());
    Block { keys, needs, kind, wakes_on_removal: false, deadline_ms, settled }
}

fn blpop(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    pop_waiting(ctx, args, End::Left)
}

fn brpop(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    pop_waiting(ctx, args, End::Right)
}

fn pop_waiting(ctx: &mut Context<'_>, args: Args<'_>, end: End) -> CommandResult {
    let last = args.len() - 1;
    let deadline = deadline_ms(args.get(last), ctx.now_ms)?;
    for key in (1..last).map(|index| args.get(index)) {
        if ctx.in_hand(key) && pop_one(ctx, key, end)? {
            return Ok(());
        }
    }
    if !ctx.wait_for(block((1..last).collect(), Vec::new(), deadline)) {
        ctx.reply.null_array();
    }
    Ok(())
}

/// Takes an element, replies it behind its key and streams that; `false` if there is none.
fn pop_one(ctx: &mut Context<'_>, key: &[u8], end: End) -> Result<bool, CommandError> {
    let is_empty = match ctx.find_mut_with_reply(key) {
        (None, _) => return Ok(false),
        (Some(mut entry), reply) => {
            let list = list_mut(&mut entry)?;
            reply.array(2);
            reply.bulk(key);
            pop_into(list, end, 1, reply);
            list.is_empty()
        }
    };
    popped(ctx, key, end, is_empty);
    ctx.propagate_as(&[pop_name(end), key]);
    Ok(true)
}

fn blmove(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (from_end, to_end) = (end_of(args.get(3))?, end_of(args.get(4))?);
    let asked = Move { from: args.get(1), from_end, to: args.get(2), to_end };
    let words: [&[u8]; 5] = [b"LMOVE", asked.from, asked.to, args.get(3), args.get(4)];
    move_waiting(ctx, asked, args.get(5), &words)
}

fn brpoplpush(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let asked =
        Move { from: args.get(1), from_end: End::Right, to: args.get(2), to_end: End::Left };
    move_waiting(ctx, asked, args.get(3), &[b"RPOPLPUSH", asked.from, asked.to])
}

fn move_waiting(
    ctx: &mut Context<'_>,
    asked: Move<'_>,
    timeout: &[u8],
    words: &[&[u8]],
) -> CommandResult {
    let deadline = deadline_ms(timeout, ctx.now_ms)?;
    if move_element(ctx, asked)? {
        ctx.propagate_as(words);
    } else if !ctx.wait_for(block(vec![1], vec![1, 2], deadline)) {
        ctx.reply.null();
    }
    Ok(())
}

fn blmpop(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let deadline = deadline_ms(args.get(1), ctx.now_ms);
    let asked = PopMany::parse(args, 2)?;
    let deadline = deadline?;
    for index in asked.keys.clone() {
        let key = args.get(index);
        if ctx.in_hand(key) && pop_many(ctx, key, &asked)? {
            return Ok(());
        }
    }
    if !ctx.wait_for(block(asked.keys.collect(), Vec::new(), deadline)) {
        ctx.reply.null_array();
    }
    Ok(())
}

const NOT_FLOAT: CommandError = CommandError::text("ERR timeout is not a float or out of range");
const NEGATIVE: CommandError = CommandError::text("ERR timeout is negative");
const TOO_FAR: CommandError = CommandError::text("ERR timeout is out of range");

const fn row(name: &'static str, arity: i32, handler: Handler) -> Spec {
    Spec::new(name, arity, Group::List, Scope::Shard(handler)).categories(Categories::LIST)
}

const POPS: Flags = Flags::WRITE.with(Flags::BLOCKING);
const MOVES: Flags = POPS.with(Flags::DENYOOM);
const KEYS: &[KeySpec] = &[KeySpec::range(1, -2, 1, POPPED)];

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("blpop", -3, blpop).flags(POPS).keys(KEYS).doc(
        "2.0.0",
        "O(N) where N is the number of keys.",
        "Takes the head of the first of several lists that is not empty, waiting for one.",
    ),
    row("brpop", -3, brpop).flags(POPS).keys(KEYS).doc(
        "2.0.0",
        "O(N) where N is the number of keys.",
        "Takes the tail of the first of several lists that is not empty, waiting for one.",
    ),
    row("blmove", 6, blmove).flags(MOVES).keys(MOVED).doc(
        "6.2.0",
        "O(1)",
        "Takes an element from a list and adds it to another, waiting for one.",
    ),
    row("brpoplpush", 4, brpoplpush).flags(MOVES).keys(MOVED).doc(
        "2.2.0",
        "O(1)",
        "Takes the tail of a list and adds it at the head of another, waiting for one.",
    ),
    row("blmpop", -5, blmpop)
        .flags(POPS.with(Flags::MOVABLEKEYS))
        .keys(&[KeySpec::counted(2, POPPED)])
        .doc(
            "7.0.0",
            "O(N+M) where N is the number of keys and M the number of elements taken.",
            "Takes elements from the first of several lists that is not empty, waiting for one.",
        ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_in_seconds_and_rounded_up() {
        let check = |text: &str, expected: Result<Option<u64>, CommandError>| {
            assert_eq!(deadline_ms(text.as_bytes(), 1000), expected, "{text}");
        };
        check("0", Ok(None));
        check("-0", Ok(None));
        check("1", Ok(Some(2000)));
        check("0.0001", Ok(Some(1001)));
        check("0x1p-1", Ok(Some(1500)));
        check("-0.1", Err(NEGATIVE));
        check("x", Err(NOT_FLOAT));
        check("nan", Err(NOT_FLOAT));
        check("inf", Err(TOO_FAR));
        check("9223372036854775", Err(TOO_FAR));
    }
}
