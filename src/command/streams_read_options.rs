//! The words of XREAD and XREADGROUP. Pure, any core.

use super::blocked::Block;
use super::error::CommandError;
use super::streams_access::count;
use crate::base::number;
use crate::keyspace::value::Kind;
use crate::resp::request::Args;

/// The options of XREAD and XREADGROUP.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions<'a> {
    /// Entries of each stream; 0 is no limit.
    pub count: u64,
    /// When to give up waiting, in Unix milliseconds, 0 never; `None` waits not at all.
    pub block_until_ms: Option<u64>,
    /// `NOACK`: what is delivered does not become pending.
    pub no_ack: bool,
    /// The group that reads, and the consumer.
    pub group: Option<(&'a [u8], &'a [u8])>,
    /// The keys' first argument.
    pub keys_at: usize,
    /// How many streams are read. Their ids stand behind the keys.
    pub streams: usize,
}

impl<'a> ReadOptions<'a> {
    /// Reads the words of either command; `in_group` tells which.
    ///
    /// # Errors
    /// What is wrong with the first word that does not fit.
    pub fn parse(
        args: Args<'a>,
        in_group: bool,
        now_ms: u64,
    ) -> Result<ReadOptions<'a>, CommandError> {
        let mut options = ReadOptions {
            count: 0,
            block_until_ms: None,
            no_ack: false,
            group: None,
            keys_at: 0,
            streams: 0,
        };
        let mut index = 1;
        while let Some(word) = args.at(index) {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            let more = args.len() - index - 1;
            if is("block") && more > 0 {
                index += 1;
                options.block_until_ms = Some(deadline(args.get(index), now_ms)?);
            } else if is("count") && more > 0 {
                index += 1;
                options.count = count(args.get(index))?;
            } else if is("streams") && more > 0 {
                options.keys_at = index + 1;
                if !more.is_multiple_of(2) {
                    return Err(unbalanced(in_group));
                }
                options.streams = more / 2;
                break;
            } else if is("group") && more > 1 {
                if !in_group {
                    return Err(GROUP_IN_XREAD);
                }
                options.group = Some((args.get(index + 1), args.get(index + 2)));
                index += 2;
            } else if is("noack") {
                if !in_group {
                    return Err(NOACK_IN_XREAD);
                }
                options.no_ack = true;
            } else {
                return Err(CommandError::Syntax);
            }
            index += 1;
        }
        if options.streams == 0 {
            return Err(CommandError::Syntax);
        }
        if in_group && options.group.is_none() {
            return Err(NO_GROUP);
        }
        Ok(options)
    }

    /// The argument that is the id of the stream with this index.
    pub fn id_at(&self, index: usize) -> usize {
        self.keys_at + self.streams + index
    }

    /// What the command waits for when there is nothing; `None` if it waits not at all.
    pub fn block(&self, settled: Vec<(usize, Vec<u8>)>) -> Option<Block> {
        let until_ms = self.block_until_ms?;
        Some(Block {
            keys: (self.keys_at..self.keys_at + self.streams).collect(),
            needs: Vec::new(),
            kind: Kind::Stream,
            // Whoever waits in a group is told that it is gone.
            wakes_on_removal: self.group.is_some(),
            deadline_ms: Some(until_ms).filter(|until_ms| *until_ms > 0),
            settled,
        })
    }

    /// The keys with their ids as they were given.
    pub fn pairs(&self, args: Args<'a>) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let (keys_at, streams) = (self.keys_at, self.streams);
        (keys_at..keys_at + streams).map(move |at| (args.get(at), args.get(at + streams)))
    }
}

/// The instant at which waiting ends; 0 if never.
fn deadline(text: &[u8], now_ms: u64) -> Result<u64, CommandError> {
    let timeout_ms = number::parse_i64(text).ok_or(BAD_TIMEOUT)?;
    if timeout_ms < 0 {
        return Err(NEGATIVE_TIMEOUT);
    }
    if timeout_ms == 0 {
        return Ok(0);
    }
    let until = timeout_ms.unsigned_abs().saturating_add(now_ms);
    if i64::try_from(until).is_err() { Err(LONG_TIMEOUT) } else { Ok(until) }
}

fn unbalanced(in_group: bool) -> CommandError {
    let (name, mark) = if in_group { ("xreadgroup", '>') } else { ("xread", '$') };
    CommandError::owned(format!(
        "ERR Unbalanced '{name}' list of streams: for each stream key an ID or '{mark}' must be \
         specified."
    ))
}

const BAD_TIMEOUT: CommandError =
    CommandError::text("ERR timeout is not an integer or out of range");
const NEGATIVE_TIMEOUT: CommandError = CommandError::text("ERR timeout is negative");
const LONG_TIMEOUT: CommandError = CommandError::text("ERR timeout is out of range");
const GROUP_IN_XREAD: CommandError = CommandError::text(
    "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
);
const NOACK_IN_XREAD: CommandError = CommandError::text(
    "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
);
const NO_GROUP: CommandError = CommandError::text("ERR Missing GROUP option for XREADGROUP");
