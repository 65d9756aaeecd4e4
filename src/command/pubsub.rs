//! Publishing, and what is said of subscriptions. A message runs on the shard of its channel's slot
//! and is streamed, so that each channel has one order everywhere: the stream's. Subscribing itself
//! is the connection's business.

use super::context::Context;
use super::error::CommandError;
use super::flags::Flags;
use super::key_spec::{KeyFlags, KeySpec};
use super::publication::Topic;
use super::spec::{ClientVerb, CommandResult, Group, Handler, Scope, Spec};
use crate::resp::request::Args;

fn publish(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    publish_on(ctx, args, Topic::Channel)
}

fn spublish(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    publish_on(ctx, args, Topic::ShardChannel)
}

fn publish_on(ctx: &mut Context<'_>, args: Args<'_>, topic: Topic) -> CommandResult {
    let receivers = ctx.news.publish(topic, args.get(1), args.get(2));
    // It changes no data: no save point counts it.
    ctx.effects.push_args(ctx.db, args);
    ctx.reply.integer(i64::try_from(receivers).unwrap_or(i64::MAX));
    Ok(())
}

fn channels(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    list(ctx, args, Topic::Channel)
}

fn shard_channels(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    list(ctx, args, Topic::ShardChannel)
}

fn list(ctx: &mut Context<'_>, args: Args<'_>, topic: Topic) -> CommandResult {
    if args.len() > 3 {
        let before = "ERR unknown subcommand or wrong number of arguments for '";
        return Err(CommandError::quoting(before, args.get(1), "'. Try PUBSUB HELP."));
    }
    let names = ctx.environment.subscriptions.names(topic, args.at(2));
    ctx.reply.array(names.len());
    names.iter().for_each(|name| ctx.reply.bulk(name));
    Ok(())
}

fn numsub(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    count(ctx, args, Topic::Channel)
}

fn shard_numsub(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    count(ctx, args, Topic::ShardChannel)
}

fn count(ctx: &mut Context<'_>, args: Args<'_>, topic: Topic) -> CommandResult {
    ctx.reply.array(2 * (args.len() - 2));
    for name in args.iter().skip(2) {
        let receivers = ctx.environment.subscriptions.receivers(topic, name);
        ctx.reply.bulk(name);
        ctx.reply.integer(i64::try_from(receivers).unwrap_or(i64::MAX));
    }
    Ok(())
}

fn numpat(ctx: &mut Context<'_>, _args: Args<'_>) -> CommandResult {
    let patterns = ctx.environment.subscriptions.len(Topic::Pattern);
    ctx.reply.integer(i64::try_from(patterns).unwrap_or(i64::MAX));
    Ok(())
}

/// What may be asked while data is loaded or stale.
const ALWAYS: Flags = Flags::LOADING.with(Flags::STALE);
const ASKS: Flags = Flags::PUBSUB.with(ALWAYS);
const SUBSCRIBES: Flags = ASKS.with(Flags::NOSCRIPT);
const PUBLISHES: Flags = ASKS.with(Flags::FAST).with(Flags::MAY_REPLICATE);
const SHARD_CHANNELS: &[KeySpec] = &[KeySpec::range(1, -1, 1, KeyFlags::NOT_KEY)];

const fn row(name: &'static str, arity: i32, scope: Scope) -> Spec {
    Spec::new(name, arity, Group::Pubsub, scope)
}

const fn subscribing(name: &'static str, arity: i32, verb: ClientVerb) -> Spec {
    row(name, arity, Scope::Client(verb)).flags(SUBSCRIBES)
}

const fn asking(name: &'static str, arity: i32, handler: Handler) -> Spec {
    row(name, arity, Scope::Anywhere(handler)).flags(ASKS)
}

const SUBCOMMANDS: &[Spec] = &[
    asking("channels", -2, channels).doc(
        "2.8.0",
        "O(N) where N is the number of channels with subscribers.",
        "Names the channels with subscribers.",
    ),
    asking("numsub", -2, numsub).doc(
        "2.8.0",
        "O(N) where N is the number of channels asked for.",
        "Counts the subscribers of channels.",
    ),
    asking("numpat", 2, numpat).doc("2.8.0", "O(1)", "Counts the patterns subscribed to."),
    asking("shardchannels", -2, shard_channels).doc(
        "7.0.0",
        "O(N) where N is the number of shard channels with subscribers.",
        "Names the shard channels with subscribers.",
    ),
    asking("shardnumsub", -2, shard_numsub).doc(
        "7.0.0",
        "O(N) where N is the number of shard channels asked for.",
        "Counts the subscribers of shard channels.",
    ),
    row("help", 2, Scope::Anywhere(super::help::help)).flags(ALWAYS).doc(
        "6.2.0",
        "O(1)",
        "Tells how to use the subcommands.",
    ),
];

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("publish", 3, Scope::Shard(publish)).flags(PUBLISHES).routed_by(1).doc(
        "2.0.0",
        "O(N+M) where N is the number of the channel's subscribers and M the number of patterns.",
        "Sends a message to the subscribers of a channel.",
    ),
    row("spublish", 3, Scope::Shard(spublish))
        .flags(PUBLISHES)
        .keys(&[KeySpec::one(1, KeyFlags::NOT_KEY)])
        .doc(
            "7.0.0",
            "O(N) where N is the number of the shard channel's subscribers.",
            "Sends a message to the subscribers of a shard channel.",
        ),
    row("pubsub", -2, Scope::Container).subcommands(SUBCOMMANDS).doc(
        "2.8.0",
        "Depends on subcommand.",
        "Commands about subscriptions.",
    ),
    subscribing("subscribe", -2, ClientVerb::Subscribe).doc(
        "2.0.0",
        "O(N) where N is the number of channels.",
        "Listens to channels.",
    ),
    subscribing("unsubscribe", -1, ClientVerb::Unsubscribe).doc(
        "2.0.0",
        "O(N) where N is the number of channels.",
        "Listens to channels no longer.",
    ),
    subscribing("psubscribe", -2, ClientVerb::Psubscribe).doc(
        "2.0.0",
        "O(N) where N is the number of patterns.",
        "Listens to the channels that match patterns.",
    ),
    subscribing("punsubscribe", -1, ClientVerb::Punsubscribe).doc(
        "2.0.0",
        "O(N) where N is the number of patterns.",
        "Listens by patterns no longer.",
    ),
    subscribing("ssubscribe", -2, ClientVerb::Ssubscribe).keys(SHARD_CHANNELS).doc(
        "7.0.0",
        "O(N) where N is the number of shard channels.",
        "Listens to shard channels.",
    ),
    subscribing("sunsubscribe", -1, ClientVerb::Sunsubscribe).keys(SHARD_CHANNELS).doc(
        "7.0.0",
        "O(N) where N is the number of shard channels.",
        "Listens to shard channels no longer.",
    ),
];
