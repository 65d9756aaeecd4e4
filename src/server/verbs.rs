//! Commands that belong to the connection's surroundings or to the server: dispatched here, each
//! group in a file of its own.

use super::core::{Core, Peer, Row};
use super::process::Process;
use crate::client::connection::State;
use crate::command::table::Command;
use crate::net::event::SocketId;
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use crate::shard::batch::Batch;
use crate::shard::execute::Beside;

/// Runs connection and server commands inside a transaction.
pub struct InTransaction<'a> {
    /// The process.
    pub process: &'a Process,
    /// The connections of the shard.
    pub rows: &'a mut Vec<Option<Row>>,
}

impl Beside for InTransaction<'_> {
    fn run(
        &mut self,
        _connection: SocketId,
        command: &'static Command,
        _args: Args<'_>,
        reply: &mut Reply,
    ) {
        reply.error(&format!("ERR '{}' is not supported in a transaction", command.full_name));
    }
}

impl Core {
    /// Runs a command of the server for a connection that is held until it is answered.
    pub(super) fn upper(&mut self, socket: SocketId, batch: Box<Batch>) {
        let command = batch.command(0);
        if let Some(row) = self.row(socket) {
            let Peer::Client(connection) = &mut row.peer;
            connection.reply.error(&format!("ERR unknown command '{}'", command.full_name));
            connection.state = State::Ready;
            self.ready.push_back(socket);
        }
        self.pool.give(batch);
    }
}
