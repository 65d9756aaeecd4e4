//! Commands about connections that need more than the connection itself: HELLO, AUTH, CLIENT,
//! RESET, MONITOR, and those by which a client becomes a replica.

use super::core::Core;
use super::verbs::InTransaction;
use crate::command::error::CommandError;
use crate::command::spec::ClientVerb;
use crate::command::table::Command;
use crate::net::event::SocketId;
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use crate::shard::batch::Batch;

impl Core {
    /// Runs a command for a connection that is held until `answer` is called with its batch.
    pub(super) fn client_verb(
        &mut self,
        verb: ClientVerb,
        _socket: SocketId,
        mut batch: Box<Batch>,
    ) {
        let (_args, reply) = batch.args_and_reply(0);
        reply.error(&format!("ERR {verb:?} has no answer yet"));
        self.answer(batch);
    }
}

/// Runs a command of the connection inside a transaction.
pub fn in_transaction(
    _transaction: &mut InTransaction<'_>,
    _connection: SocketId,
    command: &'static Command,
    _args: Args<'_>,
    _reply: &mut Reply,
) -> Result<(), CommandError> {
    let name = command.full_name.as_str();
    Err(CommandError::owned(format!("ERR '{name}' has no answer yet in a transaction")))
}
