//! ZADD and ZINCRBY. Both are streamed as they came: sums of doubles are the same everywhere.

use crate::base::number;
use crate::command::context::Context;
use crate::command::error::CommandError;
use crate::command::flags::Flags;
use crate::command::key_spec::{KeyFlags, KeySpec};
use crate::command::notify::Class;
use crate::command::sorted_sets::access::{self, row};
use crate::command::spec::{CommandResult, Spec};
use crate::config::settings_groups::Encoding;
use crate::keyspace::types::sorted_set::SortedSet;
use crate::resp::request::Args;

/// What ZADD is asked besides its pairs.
#[derive(Clone, Copy, Default)]
pub struct AddOptions {
    /// NX: members that are there are left alone.
    pub only_new: bool,
    /// XX: members that are not there are left out.
    pub only_old: bool,
    /// GT: only to a higher score.
    pub only_up: bool,
    /// LT: only to a lower score.
    pub only_down: bool,
    /// CH: changed members count too.
    pub count_changed: bool,
    /// INCR: the score is added to the one there.
    pub increment: bool,
}

/// What became of one pair.
struct Added {
    /// The member's score; `None` if an option kept the pair out.
    score: Option<f64>,
    is_new: bool,
    is_changed: bool,
}

/// What became of all pairs.
#[derive(Clone, Copy, Default)]
struct Summary {
    new: u64,
    changed: u64,
    last_score: Option<f64>,
}

impl AddOptions {
    /// Reads the options from argument 2 on, and says where the pairs begin.
    fn parse(args: Args<'_>) -> Result<(AddOptions, usize), CommandError> {
        let mut options = AddOptions::default();
        let mut index = 2;
        while let Some(word) = args.at(index) {
            let flag = match word.len() {
                2 if word.eq_ignore_ascii_case(b"nx") => &mut options.only_new,
                2 if word.eq_ignore_ascii_case(b"xx") => &mut options.only_old,
                2 if word.eq_ignore_ascii_case(b"gt") => &mut options.only_up,
                2 if word.eq_ignore_ascii_case(b"lt") => &mut options.only_down,
                2 if word.eq_ignore_ascii_case(b"ch") => &mut options.count_changed,
                4 if word.eq_ignore_ascii_case(b"incr") => &mut options.increment,
                _ => break,
            };
            *flag = true;
            index += 1;
        }
        let words = args.len() - index;
        if words == 0 || !words.is_multiple_of(2) {
            return Err(CommandError::Syntax);
        }
        options.check()?;
        if options.increment && words > 2 {
            let text = "ERR INCR option supports a single increment-element pair";
            return Err(CommandError::text(text));
        }
        Ok((options, index))
    }

    /// Refuses options that contradict each other.
    ///
    /// # Errors
    /// NX with XX, GT or LT, and GT with LT.
    pub fn check(&self) -> CommandResult {
        if self.only_new && self.only_old {
            let text = "ERR XX and NX options at the same time are not compatible";
            return Err(CommandError::text(text));
        }
        let ways = [self.only_new, self.only_up, self.only_down];
        if ways.iter().filter(|way| **way).count() > 1 {
            let text = "ERR GT, LT, and/or NX options at the same time are not compatible";
            return Err(CommandError::text(text));
        }
        Ok(())
    }

    fn apply(
        &self,
        set: &mut SortedSet,
        member: &[u8],
        score: f64,
        limits: &Encoding,
    ) -> Result<Added, CommandError> {
        let kept_out = Added { score: None, is_new: false, is_changed: false };
        let is_plain = !(self.only_new || self.only_up || self.only_down || self.increment);
        if is_plain && !self.only_old {
            let old = set.add(member, score, limits);
            let is_changed = old.is_some_and(|old| old != score);
            return Ok(Added { score: Some(score), is_new: old.is_none(), is_changed });
        }
        let Some(old) = set.score(member) else {
            if self.only_old {
                return Ok(kept_out);
            }
            set.add(member, score, limits);
            return Ok(Added { score: Some(score), is_new: true, is_changed: false });
        };
        if self.only_new {
            return Ok(kept_out);
        }
        let score = if self.increment { old + score } else { score };
        if score.is_nan() {
            return Err(CommandError::text("ERR resulting score is not a number (NaN)"));
        }
        if (self.only_up && score <= old) || (self.only_down && score >= old) {
            return Ok(kept_out);
        }
        let is_changed = score != old;
        if is_changed {
            set.add(member, score, limits);
        }
        Ok(Added { score: Some(score), is_new: false, is_changed })
    }
}

/// A member and the score it is given.
pub type Pair<'a> = (&'a [u8], f64);

fn zadd(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (options, first) = AddOptions::parse(args)?;
    let mut pairs = Vec::with_capacity((args.len() - first) / 2);
    for index in (first..args.len()).step_by(2) {
        let score = number::parse_f64(args.get(index)).ok_or(CommandError::NotFloat)?;
        pairs.push((args.get(index + 1), score));
    }
    if add(ctx, args.get(1), options, &pairs)? > 0 {
        ctx.propagate(args);
    }
    Ok(())
}

fn zincrby(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let by = number::parse_f64(args.get(2)).ok_or(CommandError::NotFloat)?;
    let options = AddOptions { increment: true, ..AddOptions::default() };
    if add(ctx, args.get(1), options, &[(args.get(3), by)])? > 0 {
        ctx.propagate(args);
    }
    Ok(())
}

/// Adds pairs to the set at a key and replies; how many members are new or changed. If any, the
/// caller streams one command.
///
/// # Errors
/// `WrongType`; a sum that is no number.
pub fn add(
    ctx: &mut Context<'_>,
    key: &[u8],
    options: AddOptions,
    pairs: &[Pair<'_>],
) -> Result<u64, CommandError> {
    let limits = ctx.settings.encoding;
    let longest = pairs.iter().map(|(member, _)| member.len()).max().unwrap_or(0);
    let mut summary = Summary::default();
    if let Some(mut entry) = ctx.find_mut(key) {
        let set = access::sorted_set_mut(&mut entry)?;
        set.expect(&limits, pairs.len(), longest);
        let outcome = add_all(set, &options, pairs, &limits);
        if let Ok(done) = &outcome {
            summary = *done;
        }
        if summary.new + summary.changed == 0 {
            entry.unchanged();
        }
        outcome?;
    } else if !options.only_old {
        let mut set = SortedSet::for_members(&limits, pairs.len(), longest);
        summary = add_all(&mut set, &options, pairs, &limits)?;
        access::insert(ctx, key, set);
    }
    let done = summary.new + summary.changed;
    if done > 0 {
        ctx.effects.changed(done - 1);
        let event: &[u8] = if options.increment { b"zincr" } else { b"zadd" };
        ctx.notify(Class::SortedSet, event, key);
    }
    match summary.last_score {
        Some(score) if options.increment => ctx.reply.double(score),
        None if options.increment => ctx.reply.null(),
        _ if options.count_changed => ctx.reply.integer(done as i64),
        _ => ctx.reply.integer(summary.new as i64),
    }
    Ok(done)
}

fn add_all(
    set: &mut SortedSet,
    options: &AddOptions,
    pairs: &[Pair<'_>],
    limits: &Encoding,
) -> Result<Summary, CommandError> {
    let mut summary = Summary::default();
    for (member, score) in pairs {
        let added = options.apply(set, member, *score, limits)?;
        summary.new += u64::from(added.is_new);
        summary.changed += u64::from(added.is_changed);
        summary.last_score = added.score;
    }
    Ok(summary)
}

const WRITES: Flags = Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST);

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("zadd", -4, WRITES, &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::UPDATE))], zadd).doc(
        "1.2.0",
        "O(log(N)) for each member where N is the number of members of the set.",
        "Gives members of a sorted set their scores.",
    ),
    row(
        "zincrby",
        4,
        WRITES,
        &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE))],
        zincrby,
    )
    .doc(
        "1.2.0",
        "O(log(N)) where N is the number of members of the set.",
        "Adds to the score of a member.",
    ),
];
