//! `TIME`: the wall clock, read when it is asked, not when the run began.

use super::context::Context;
use super::flags::Flags;
use super::spec::{CommandResult, Group, Scope, Spec};
use crate::base::clock;
use crate::resp::request::Args;

fn time(ctx: &mut Context<'_>, _args: Args<'_>) -> CommandResult {
    let now = clock::wall();
    ctx.reply.array(2);
    ctx.reply.bulk(now.as_secs().to_string().as_bytes());
    ctx.reply.bulk(now.subsec_micros().to_string().as_bytes());
    Ok(())
}

/// The row.
pub const ROWS: &[Spec] = &[Spec::new("time", 1, Group::Server, Scope::Anywhere(time))
    .flags(Flags::LOADING.with(Flags::STALE).with(Flags::FAST))
    .tips(&["nondeterministic_output"])
    .doc("2.6.0", "O(1)", "Returns the server's time.")];
