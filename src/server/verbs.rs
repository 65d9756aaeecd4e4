//! Commands that a keyspace does not run: those of the connection's surroundings and those of the
//! server. Dispatched here; each group is in a file of its own. Three kinds: answered at once from
//! what is shared (`at_once`), answered by this loop because they concern its connections
//! (`client_verbs`), and orders to the controller on shard 0 (`orders`), answered by mail.

use super::core::{Core, Peer, Row};
use super::mail::Mail;
use super::process::Process;
use crate::base::ids::{ClientId, DbIndex, ShardId};
use crate::client::connection::State;
use crate::command::error::CommandError;
use crate::command::spec::{Scope, ServerVerb};
use crate::command::table::Command;
use crate::config::live::Caller;
use crate::net::event::SocketId;
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use crate::shard::batch::Batch;
use crate::shard::execute::{Beside, InUnit};
use crate::shard::subscribers::Subscribers;
use std::net::SocketAddr;

/// Where a command of the server is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answerer {
    /// At once, from what all cores share.
    AtOnce,
    /// By the controller on shard 0, when it is done.
    Controller,
}

/// Who answers a command of the server.
pub fn answerer(verb: ServerVerb) -> Answerer {
    match verb {
        ServerVerb::Acl
        | ServerVerb::Config
        | ServerVerb::DbSize
        | ServerVerb::Info
        | ServerVerb::LastSave
        | ServerVerb::Latency
        | ServerVerb::MemoryServer
        | ServerVerb::Module
        | ServerVerb::Role
        | ServerVerb::Slowlog => Answerer::AtOnce,
        ServerVerb::BgSave
        | ServerVerb::Debug
        | ServerVerb::Failover
        | ServerVerb::ReplicaOf
        | ServerVerb::Save
        | ServerVerb::Shutdown => Answerer::Controller,
    }
}

/// What a command answered at once may look at.
pub struct Asked<'a> {
    /// The process.
    pub process: &'a Process,
    /// The shard it is asked on.
    pub shard: ShardId,
    /// The client's database.
    pub db: DbIndex,
    /// The client.
    pub client: ClientId,
    /// The command.
    pub command: &'static Command,
    /// Its arguments.
    pub args: Args<'a>,
}

impl Asked<'_> {
    /// The error for a subcommand with more arguments than it takes.
    pub fn wrong_subcommand(&self) -> CommandError {
        let name = String::from_utf8_lossy(self.args.get(0)).to_ascii_uppercase();
        let before = "ERR unknown subcommand or wrong number of arguments for '";
        CommandError::quoting(before, self.args.get(1), &format!("'. Try {name} HELP."))
    }

    /// Where the client sits.
    pub fn caller(&self) -> Caller {
        caller_of(self.process, self.client)
    }
}

/// Where a client sits. One that is not known, or gone, is not trusted.
pub fn caller_of(process: &Process, client: ClientId) -> Caller {
    let info = process.shared.environment.clients.find(client);
    let loopback = |addr: &str| {
        addr.parse::<SocketAddr>().is_ok_and(|addr| addr.ip().to_canonical().is_loopback())
    };
    match info {
        Some(info) if info.unix || loopback(&info.addr) => Caller::Local,
        _ => Caller::Remote,
    }
}

/// Answers a command from what all cores share.
pub fn at_once(verb: ServerVerb, asked: &Asked<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    match verb {
        ServerVerb::Acl => super::acl::acl(asked, reply),
        ServerVerb::Config => super::config::config(asked, reply),
        ServerVerb::DbSize => super::dbsize::dbsize(asked, reply),
        ServerVerb::Info => super::info::sections::info(asked, reply),
        ServerVerb::Latency => super::latency::latency(asked, reply),
        ServerVerb::MemoryServer => super::memory::memory(asked, reply),
        ServerVerb::Module => super::module::module(asked, reply),
        ServerVerb::Slowlog => super::slowlog::slowlog(asked, reply),
        ServerVerb::Role => {
            super::info::role::role(asked.process, reply);
            Ok(())
        }
        ServerVerb::LastSave => super::saving::last_save(asked, reply),
        ServerVerb::BgSave
        | ServerVerb::Debug
        | ServerVerb::Failover
        | ServerVerb::ReplicaOf
        | ServerVerb::Save
        | ServerVerb::Shutdown => unreachable!("{verb:?} is an order to the controller"),
    }
}

/// Runs connection and server commands inside a transaction.
pub struct InTransaction<'a> {
    /// The process.
    pub process: &'a Process,
    /// The shard.
    pub shard: ShardId,
    /// The connections of the shard.
    pub rows: &'a mut Vec<Option<Row>>,
    /// Who of them listens to what.
    pub subscribers: &'a mut Subscribers,
}

impl Beside for InTransaction<'_> {
    fn run(&mut self, asked: InUnit<'_>, reply: &mut Reply) {
        let InUnit { command, args, .. } = asked;
        let answered = match command.spec.scope {
            Scope::Server(verb) if answerer(verb) == Answerer::AtOnce => {
                let (db, client) = (asked.view.db, asked.view.id);
                let (process, shard) = (self.process, self.shard);
                let asked = Asked { process, shard, db, client, command, args };
                at_once(verb, &asked, reply)
            }
            Scope::Server(ServerVerb::ReplicaOf)
                if let Err(error) = super::role::announce(self.process, args) =>
            {
                Err(error)
            }
            Scope::Server(ServerVerb::Failover)
                if let Err(error) = super::failover::announce(self.process, args) =>
            {
                Err(error)
            }
            Scope::Server(_) => {
                // The order is carried out when the transaction has given the keyspaces back.
                let mut batch = Box::new(Batch::new());
                batch.origin = self.shard;
                batch.connection = SocketId::NONE;
                batch.push(command, args);
                self.process.post(ShardId(0), Mail::Order(batch));
                reply.ok();
                Ok(())
            }
            _ => super::client_verbs::in_transaction(self, asked, reply),
        };
        if let Err(error) = answered {
            reply.error_bytes(error.as_bytes());
        }
    }
}

impl Core {
    /// Runs a command that no keyspace runs, for a connection held until it is answered.
    pub(super) fn upper(&mut self, socket: SocketId, mut batch: Box<Batch>) {
        let command = batch.command(0);
        match command.spec.scope {
            Scope::Client(verb) => self.client_verb(verb, socket, batch),
            Scope::Server(verb) if answerer(verb) == Answerer::AtOnce => {
                let (process, shard) = (&self.process, self.shard.tools.id);
                let (db, client) = (batch.view.db, batch.view.id);
                let (args, reply) = batch.args_and_reply(0);
                let asked = Asked { process, shard, db, client, command, args };
                let mark = reply.mark();
                match at_once(verb, &asked, reply) {
                    Ok(()) => self.shard.tools.count_call(command, args, client),
                    Err(error) => {
                        reply.truncate(mark);
                        self.shard.tools.fail(command, args, &error, reply);
                    }
                }
                self.answer(batch);
            }
            Scope::Server(_) => {
                if self.id() == ShardId(0) {
                    self.order(batch);
                } else {
                    self.process.post(ShardId(0), Mail::Order(batch));
                }
            }
            _ => unreachable!("'{}' runs on keyspaces", command.full_name),
        }
    }

    /// Sends an answered command back to the shard of its connection, or delivers it here.
    pub fn answer(&mut self, batch: Box<Batch>) {
        if batch.origin == self.id() {
            self.answered(batch);
        } else {
            self.process.post(batch.origin, Mail::Answered(batch));
        }
    }

    /// Delivers the answer of a command to the connection that is held for it.
    pub(super) fn answered(&mut self, mut batch: Box<Batch>) {
        let socket = batch.connection;
        if let Some(row) = self.row(socket)
            && let Peer::Client(connection) = &mut row.peer
        {
            debug_assert_eq!(connection.state, State::Held);
            connection.answered(&mut batch);
            self.go_on(socket);
        }
        self.pool.give(batch);
    }
}
