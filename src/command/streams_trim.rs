//! The words of XADD and XTRIM: what to keep, how exactly, under which id to add. Pure, any core.

use super::context::Context;
use super::error::CommandError;
use super::streams_access::integer;
use super::streams_ids::{self, NewId};
use crate::keyspace::types::stream::Stream;
use crate::keyspace::types::stream::entries::{Keep, NodeLimits, Trim};
use crate::keyspace::types::stream::id::StreamId;
use crate::resp::request::Args;

/// The options of XADD and XTRIM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrimOptions {
    /// `NOMKSTREAM`: do not make the stream.
    pub no_make: bool,
    /// How to trim, if that is wanted.
    pub trim: Option<Trim>,
    /// The arguments with `~` and with the threshold, if trimming is approximate.
    pub approximate_at: Option<(usize, usize)>,
    /// XADD's id, and the argument that it is.
    pub id: Option<(NewId, usize)>,
}

/// Options on the way.
#[derive(Default)]
struct Parse {
    options: TrimOptions,
    keep: Option<Keep>,
    approximate: bool,
    operator_at: usize,
    limit: Option<u64>,
}

impl TrimOptions {
    /// Reads the words behind `XTRIM key`, or with `adds` those behind `XADD key` up to the id.
    ///
    /// # Errors
    /// What is wrong with the first word that does not fit.
    pub fn parse(
        ctx: &Context<'_>,
        args: Args<'_>,
        adds: bool,
    ) -> Result<TrimOptions, CommandError> {
        let mut parse = Parse::default();
        let mut index = 2;
        while let Some(word) = args.at(index) {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            let more = index + 1 < args.len();
            if adds && word == b"*" {
                parse.options.id = Some((NewId::Now, index));
                break;
            } else if more && (is("maxlen") || is("minid")) {
                index = parse.threshold(args, index, is("maxlen"))?;
            } else if more && is("limit") {
                index += 1;
                let limit = integer(args.get(index))?;
                parse.limit = Some(u64::try_from(limit).map_err(|_| BAD_LIMIT)?);
            } else if adds && is("nomkstream") {
                parse.options.no_make = true;
            } else if adds {
                parse.options.id = Some((streams_ids::parse_new(word)?, index));
                break;
            } else {
                return Err(CommandError::Syntax);
            }
            index += 1;
        }
        parse.finish(ctx, adds)
    }

    /// The words of a command with an approximate threshold made exact: what was kept is what the
    /// stream has now.
    pub fn exact_words<'a>(
        &self,
        args: Args<'a>,
        threshold: &'a [u8],
        id: Option<&'a [u8]>,
    ) -> Vec<&'a [u8]> {
        let mut words: Vec<&[u8]> = args.iter().collect();
        if let Some((operator_at, threshold_at)) = self.approximate_at {
            words[operator_at] = b"=";
            words[threshold_at] = threshold;
        }
        if let (Some(id), Some((_, id_at))) = (id, self.id) {
            words[id_at] = id;
        }
        words
    }

    /// The exact threshold that keeps what a stream has.
    pub fn exact_threshold(&self, stream: &Stream) -> Vec<u8> {
        let entries = &stream.entries;
        match self.trim.map(|trim| trim.keep) {
            Some(Keep::From(_)) => {
                // The first place that is kept, be its entry deleted or not.
                let first = entries.nodes().keys().next().copied().unwrap_or(StreamId::MAX);
                first.text().as_bytes().to_vec()
            }
            _ => itoa::Buffer::new().format(entries.len()).as_bytes().to_vec(),
        }
    }
}

impl Parse {
    /// Reads a threshold with its operator; the argument it ends with.
    fn threshold(
        &mut self,
        args: Args<'_>,
        at: usize,
        by_length: bool,
    ) -> Result<usize, CommandError> {
        if self.keep.is_some_and(|keep| matches!(keep, Keep::Newest(_)) != by_length) {
            return Err(BOTH);
        }
        let mut index = at + 1;
        self.approximate = false;
        if index + 1 < args.len() && matches!(args.get(index), b"~" | b"=") {
            self.approximate = args.get(index) == b"~";
            self.operator_at = index;
            index += 1;
        }
        self.keep = Some(if by_length {
            let length = integer(args.get(index))?;
            Keep::Newest(u64::try_from(length).map_err(|_| BAD_LENGTH)?)
        } else {
            Keep::From(streams_ids::parse(args.get(index))?)
        });
        self.options.approximate_at = self.approximate.then_some((self.operator_at, index));
        Ok(index)
    }

    fn finish(self, ctx: &Context<'_>, adds: bool) -> Result<TrimOptions, CommandError> {
        let Parse { mut options, keep, approximate, limit, .. } = self;
        if keep.is_none() && limit.is_some_and(|limit| limit > 0) {
            return Err(LIMIT_ALONE);
        }
        if keep.is_none() && !adds {
            return Err(NO_STRATEGY);
        }
        // What the master streams is exact, and tells its own limit all the same.
        let limit = match limit {
            _ if ctx.is_master_link() => 0,
            Some(_) if !approximate => return Err(LIMIT_EXACT),
            Some(limit) => limit,
            None if approximate => default_limit(ctx),
            None => 0,
        };
        options.trim = keep.map(|keep| Trim { keep, approximate, limit });
        Ok(options)
    }
}

/// How large nodes grow by the directives in force.
pub fn node_limits(ctx: &Context<'_>) -> NodeLimits {
    let encoding = &ctx.settings.encoding;
    NodeLimits { bytes: encoding.stream_node_max_bytes, entries: encoding.stream_node_max_entries }
}

/// As many entries as a hundred nodes hold.
fn default_limit(ctx: &Context<'_>) -> u64 {
    match ctx.settings.encoding.stream_node_max_entries.saturating_mul(100) {
        ..=0 => 10_000,
        limit => limit.min(1_000_000).unsigned_abs(),
    }
}

const BAD_LENGTH: CommandError = CommandError::text("ERR The MAXLEN argument must be >= 0.");
const BAD_LIMIT: CommandError = CommandError::text("ERR The LIMIT argument must be >= 0.");
const BOTH: CommandError = CommandError::text(
    "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
);
const LIMIT_ALONE: CommandError = CommandError::text(
    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
);
const LIMIT_EXACT: CommandError =
    CommandError::text("ERR syntax error, LIMIT cannot be used without the special ~ option");
const NO_STRATEGY: CommandError =
    CommandError::text("ERR syntax error, XTRIM must be called with a trimming strategy");
