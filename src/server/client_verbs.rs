//! Commands about connections that need more than the connection itself: HELLO, AUTH, CLIENT,
//! RESET, MONITOR, and those by which a client becomes a replica.

use super::core::Core;
use super::verbs::InTransaction;
use crate::command::error::CommandError;
use crate::command::spec::{ClientVerb, Scope};
use crate::command::table::Command;
use crate::master::replconf::Announced;
use crate::net::event::SocketId;
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use crate::shard::batch::Batch;

impl Core {
    /// Runs a command for a connection that is held until `answer` is called with its batch.
    pub(super) fn client_verb(
        &mut self,
        verb: ClientVerb,
        socket: SocketId,
        mut batch: Box<Batch>,
    ) {
        if let ClientVerb::Psync
        | ClientVerb::Sync
        | ClientVerb::Replconf
        | ClientVerb::Wait
        | ClientVerb::WaitAof = verb
        {
            return self.replica_verb(verb, socket, batch);
        }
        let (_args, reply) = batch.args_and_reply(0);
        reply.error(&format!("ERR {verb:?} has no answer yet"));
        self.answer(batch);
    }
}

/// Runs a command of the connection inside a transaction.
pub fn in_transaction(
    transaction: &mut InTransaction<'_>,
    connection: SocketId,
    command: &'static Command,
    args: Args<'_>,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    if let Scope::Client(verb @ (ClientVerb::Wait | ClientVerb::WaitAof)) = command.spec.scope {
        return super::waits::in_transaction(transaction, connection, verb, args, reply);
    }
    if matches!(command.spec.scope, Scope::Client(ClientVerb::Replconf)) {
        // A replica introduces itself outside of transactions; what it says inside counts for
        // nothing.
        Announced::default().take(args)?;
        reply.ok();
        return Ok(());
    }
    let name = command.full_name.as_str();
    Err(CommandError::owned(format!("ERR '{name}' has no answer yet in a transaction")))
}
