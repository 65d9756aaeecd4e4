//! What becomes of a command that is not plainly for one shard: those of the connection itself run
//! here, the others become a batch for several shards or for the server. Runs on the connection's
//! shard.

use super::connection::{Connection, Outcome, State, Surroundings, Taken};
use super::session::Transaction;
use super::subscriptions::Order;
use crate::command::acl::check::Denied;
use crate::command::acl::log::Refusal;
use crate::command::error::CommandError;
use crate::command::flags::Flags;
use crate::command::gate::Role;
use crate::command::spec::{ClientVerb, Scope};
use crate::command::table::Command;
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use crate::router::route::{self, ShardSet};
use crate::shard::refuse;
use std::sync::atomic::Ordering;

impl Connection {
    /// Everything that is not plainly for one shard: transactions, commands over several shards,
    /// of the connection and of the server.
    pub(super) fn take_other(
        &mut self,
        command: &'static Command,
        args: Args<'_>,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        if !self.session.authenticated && !command.spec.flags.has(Flags::NO_AUTH) {
            return self.refuse(Some(command), &NOAUTH, around);
        }
        if self.session.restricted
            && !command.spec.flags.has(Flags::NO_AUTH)
            && let Err(denied) = self.session.user.check(command, args)
        {
            self.note_denied(denied, command, args, around);
            let error = denied.error(&self.session.user, command);
            return self.refuse(Some(command), &error, around);
        }
        if self.session.monitoring && command.spec.flags.any(KEYSPACE) {
            return self.refuse(Some(command), &MONITOR_ONLY, around);
        }
        if let Some(error) = self.refusal_of_listener(command) {
            return self.refuse(Some(command), &error, around);
        }
        if let Some(error) = self.refusal_now(command, around) {
            return self.refuse(Some(command), &error, around);
        }
        if self.session.transaction.is_some() && !runs_in_transaction(command) {
            return self.queue(command, args, around);
        }
        if matches!(command.spec.scope, Scope::Client(ClientVerb::Exec)) {
            self.commands += 1;
            self.last_command = command.index;
        } else {
            self.note(command, args, around);
        }
        match command.spec.scope {
            Scope::Container => {
                let error = CommandError::arity(&command.full_name);
                self.refuse(Some(command), &error, around)
            }
            Scope::Client(verb) => self.client_verb(verb, command, args, around),
            Scope::Server(_) => self.upper(command, args, around),
            Scope::Shard(_) | Scope::Cursor(_) | Scope::AllShards(_) | Scope::Anywhere(_) => {
                let mut set = ShardSet::default();
                route::add_to_set(command, args, around.shard.tools.shared.placement, &mut set);
                let mut batch = self.batch(around);
                batch.push(command, args);
                self.state = State::Submitted;
                Taken::Stop(Outcome::Submit(batch, set))
            }
        }
    }

    fn client_verb(
        &mut self,
        verb: ClientVerb,
        command: &'static Command,
        args: Args<'_>,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        match verb {
            ClientVerb::Multi => {
                let batch = self.batch(around);
                self.session.transaction = Some(Transaction::new(batch));
                self.reply.ok();
            }
            ClientVerb::Exec => return self.exec(command, args, around),
            ClientVerb::Discard => return self.discard(command, args, around),
            ClientVerb::Watch => return self.watch(command, args, around),
            ClientVerb::Unwatch => {
                self.reply.ok();
                return self.forget_watched(around);
            }
            ClientVerb::Select => {
                let databases = around.shard.tools.settings.server.databases;
                match crate::command::connection::database_index(args.get(1), databases) {
                    Ok(db) => {
                        self.session.view.db = db;
                        self.reply.ok();
                    }
                    Err(error) => return self.refuse(Some(command), &error, around),
                }
            }
            ClientVerb::Ping if self.session.only_listens() && args.len() <= 2 => {
                pong_to_listener(args, &mut self.reply);
            }
            ClientVerb::Ping => match args.len() {
                1 => self.reply.simple("PONG"),
                2 => self.reply.bulk(args.get(1)),
                _ => {
                    let error = CommandError::arity(&command.full_name);
                    return self.refuse(Some(command), &error, around);
                }
            },
            ClientVerb::Echo => self.reply.bulk(args.get(1)),
            ClientVerb::Quit => {
                self.reply.ok();
                return Taken::Stop(Outcome::Close);
            }
            _ => return self.upper(command, args, around),
        }
        around.shard.tools.ended_in_group(command, args, self.session.view.id);
        Taken::Next
    }

    fn upper(
        &mut self,
        command: &'static Command,
        args: Args<'_>,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        let mut batch = self.batch(around);
        batch.push(command, args);
        self.argument_bytes = batch.bytes();
        self.state = State::Held;
        Taken::Stop(Outcome::Upper(batch))
    }

    /// Counts a refusal and notes it in the ACL log.
    pub(super) fn note_denied(
        &self,
        denied: Denied,
        command: &Command,
        args: Args<'_>,
        around: &Surroundings<'_>,
    ) {
        let tools = &around.shard.tools;
        let metrics = tools.metrics();
        match denied {
            Denied::Command => metrics.acl_access_denied_cmd.bump(),
            Denied::Key(_) => metrics.acl_access_denied_key.bump(),
            Denied::Channel(_) => metrics.acl_access_denied_channel.bump(),
        }
        let refusal = Refusal {
            reason: denied.reason(),
            context: if self.session.transaction.is_some() { "multi" } else { "toplevel" },
            object: denied.object(command, args).to_vec(),
            username: self.session.user.name.to_vec(),
        };
        let max = usize::try_from(tools.settings.security.acllog_max_len).unwrap_or(usize::MAX);
        let line = self.info.line(tools.now_ms);
        tools.shared.environment.acl.note(refusal, line, tools.now_ms, max);
    }

    /// An error that also dooms the open transaction.
    pub(super) fn refuse(
        &mut self,
        command: Option<&Command>,
        error: &CommandError,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        if let Some(command) = command
            && matches!(command.spec.scope, Scope::Client(ClientVerb::Exec))
        {
            return self.abort(command, &error.aborting(), around);
        }
        if let Some(transaction) = &mut self.session.transaction {
            transaction.refused = true;
        }
        match command {
            Some(command) => around.shard.tools.reject(command, error, &mut self.reply),
            None => {
                around.shard.tools.count_error(error);
                self.reply.error_bytes(error.as_bytes());
            }
        }
        Taken::Next
    }

    /// An error of a command that failed by itself: an open transaction goes on.
    pub(super) fn refuse_only(
        &mut self,
        command: &Command,
        error: &CommandError,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        around.shard.tools.reject(command, error, &mut self.reply);
        Taken::Next
    }

    /// Why a client's subscriptions, or its lack of any, forbid a command.
    fn refusal_of_listener(&self, command: &Command) -> Option<CommandError> {
        let verb = match command.spec.scope {
            Scope::Client(verb) => Some(verb),
            _ => None,
        };
        let order = verb.and_then(Order::of);
        let name = &command.full_name;
        if order.is_some_and(|order| !order.begins) && self.session.subscriptions.is_none() {
            let text = format!("NOSUB '{name}' command executed not in subscribed mode");
            return Some(CommandError::owned(text));
        }
        let allowed = order.is_some()
            || matches!(verb, Some(ClientVerb::Ping | ClientVerb::Quit | ClientVerb::Reset));
        if allowed || !self.session.only_listens() {
            return None;
        }
        Some(CommandError::owned(format!(
            "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
             RESET are allowed in this context"
        )))
    }

    /// Why the server's state forbids a command that does not execute on a keyspace now.
    fn refusal_now(&self, command: &Command, around: &Surroundings<'_>) -> Option<CommandError> {
        let tools = &around.shard.tools;
        let status = &tools.shared.environment.status;
        let role =
            if status.is_replica.load(Ordering::Relaxed) { Role::Replica } else { Role::Master };
        let writes = command.spec.flags.has(Flags::WRITE);
        refuse::refusal(command.spec.flags, writes, role, &tools.settings, status)
    }
}

/// Answers a PING with RESP2 among messages: as if it were one.
pub fn pong_to_listener(args: Args<'_>, reply: &mut Reply) {
    reply.array(2);
    reply.bulk(b"pong");
    reply.bulk(args.at(1).unwrap_or_default());
}

/// Commands that run at once although a transaction is open.
fn runs_in_transaction(command: &Command) -> bool {
    matches!(
        command.spec.scope,
        Scope::Client(
            ClientVerb::Exec | ClientVerb::Discard | ClientVerb::Quit | ClientVerb::Reset
        )
    )
}

/// Commands on keys: a monitor, whose connection counts as a replica's, may not run them.
const KEYSPACE: Flags = Flags::READONLY.with(Flags::WRITE).with(Flags::MAY_REPLICATE);
const MONITOR_ONLY: CommandError =
    CommandError::text("ERR Replica can't interact with the keyspace");
const NOAUTH: CommandError = CommandError::text("NOAUTH Authentication required.");
