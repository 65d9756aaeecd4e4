//! Commands by which a client becomes a replica: REPLCONF, PSYNC, SYNC. They run on the loop of the
//! client's shard, which keeps the link.

use super::core::{Core, Peer};
use super::mail::Mail;
use crate::base::ids::ShardId;
use crate::command::error::CommandError;
use crate::command::spec::ClientVerb;
use crate::master::full_resync::{self, Ask};
use crate::master::registry::ReplicaInfo;
use crate::master::replconf::{Announced, Said};
use crate::master::replica_link::{Beginning, ReplicaLink};
use crate::net::event::SocketId;
use crate::net::socket_options::{Address, peer_address};
use crate::replication::psync::{LogText, Reason, Request};
use crate::replication::stream::{Mode, Resync};
use crate::resp::request::Args;
use crate::shard::batch::Batch;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Core {
    /// Runs REPLCONF, PSYNC, SYNC, WAIT or WAITAOF for a connection held for it.
    pub(super) fn replica_verb(
        &mut self,
        verb: ClientVerb,
        socket: SocketId,
        mut batch: Box<Batch>,
    ) {
        let command = batch.command(0);
        let result = match verb {
            ClientVerb::Replconf => self.replconf(socket, &mut batch),
            ClientVerb::Wait | ClientVerb::WaitAof => match self.wait(verb, socket, batch) {
                Ok(()) => return self.shard.tools.count(command),
                Err((refused, error)) => {
                    batch = refused;
                    Err(error)
                }
            },
            _ if asks_to_take_over(batch.args(0)) => match self.replica_check(batch.args(0)) {
                // Back in `promoted`.
                Ok(()) => return self.process.post(ShardId(0), Mail::Promote(batch)),
                Err(error) => Err(error),
            },
            _ => match self.resync(socket, &batch) {
                Ok(()) => {
                    self.shard.tools.count(command);
                    return self.pool.give(batch);
                }
                Err(error) => Err(error),
            },
        };
        match result {
            Ok(()) => self.shard.tools.count(command),
            Err(error) => self.shard.tools.reject(command, &error, &mut batch.reply),
        }
        self.answer(batch);
    }

    fn replconf(&mut self, socket: SocketId, batch: &mut Batch) -> Result<(), CommandError> {
        let (args, reply) = batch.args_and_reply(0);
        let announced = self.links.announced.entry(socket).or_default();
        match announced.take(args)? {
            Said::Options => reply.ok(),
            // Only a link's acknowledgements mean something; there is no reply to them anywhere.
            Said::Ack { .. } | Said::GetAck => {}
        }
        Ok(())
    }

    /// SYNC and PSYNC: on success the connection is a link.
    fn resync(&mut self, socket: SocketId, batch: &Batch) -> Result<(), CommandError> {
        let status = &self.shard.tools.shared.environment.status;
        let is_replica = status.is_replica.load(Ordering::Relaxed);
        let ask = Ask::of(batch.args(0));
        if is_replica && !self.process.follow.is_up() {
            return Err(NO_MASTER_LINK);
        }
        let announced = self.links.announced.remove(&socket).unwrap_or_default();
        if let Err(error) = full_resync::check(&announced) {
            self.links.announced.insert(socket, announced);
            return Err(error);
        }
        let info = self.replica_info(socket, &announced, &ask);
        crate::notice!("Replica {info} asks for synchronization");
        let mut beginning = Beginning {
            out: Vec::new(),
            reader: None,
            greeting: ask.greeting(),
            form: full_resync::form(
                &announced,
                self.shard.tools.settings.replication.repl_diskless_sync,
            ),
            announced,
        };
        if let Ask::Psync { id, next_byte, .. } = ask {
            let Some(next_byte) = next_byte else {
                crate::warning!("Replica {info} asks for synchronization but with a wrong offset");
                self.links.announced.insert(socket, beginning.announced);
                return Err(CommandError::NotInteger);
            };
            if !self.try_partial(Request { id, next_byte }, &info, &mut beginning) {
                self.links.announced.insert(socket, beginning.announced);
                return Err(BEHIND);
            }
        }
        if beginning.reader.is_none() {
            let shard = usize::from(self.id().0);
            self.shard.tools.shared.environment.metrics[shard].sync_full.bump();
        }
        let drops = self.process.replicas.drops(&info);
        let info = Arc::new(info);
        let mut link = ReplicaLink::new(Arc::clone(&info), beginning, self.shard.tools.now_ms);
        if link.catching_up.is_none() {
            self.process.replicas.caught_up(&info);
        } else if drops > 0 {
            link.catching_up = Some(drops);
            crate::notice!(
                "Replica {info} was dropped {drops} times before it had caught up: more may wait \
                 for it this time"
            );
        }
        self.become_link(socket, Box::new(link));
        Ok(())
    }

    /// Whether this server may take over from the master that asks for it.
    pub(super) fn replica_check(&self, args: Args<'_>) -> Result<(), CommandError> {
        let Ask::Psync { id, .. } = Ask::of(args) else { return Err(FAILOVER_OTHER_ID) };
        let shared = &self.shard.tools.shared;
        if !shared.environment.status.is_replica.load(Ordering::SeqCst) {
            return Err(FAILOVER_TO_MASTER);
        }
        if !id.eq_ignore_ascii_case(&shared.stream.history().id.0) {
            return Err(FAILOVER_OTHER_ID);
        }
        Ok(())
    }

    /// This server has taken over, as the PSYNC in `batch` asked: its sender follows now.
    pub(super) fn promoted(&mut self, mut batch: Box<Batch>) {
        let (socket, command) = (batch.connection, batch.command(0));
        match self.row(socket) {
            Some(row) if !row.flow.ended => {}
            // It comes again.
            Some(_) => {
                self.close(socket);
                return self.pool.give(batch);
            }
            None => return self.pool.give(batch),
        }
        match self.resync(socket, &batch) {
            Ok(()) => {
                self.shard.tools.count(command);
                self.pool.give(batch);
            }
            Err(error) => {
                self.shard.tools.reject(command, &error, &mut batch.reply);
                self.answer(batch);
            }
        }
    }

    /// Lets a replica go on where it was, if the backlog still holds what follows. False if it
    /// must ask again later: it has more of the history that this server is still receiving.
    fn try_partial(
        &self,
        request: Request<'_>,
        info: &ReplicaInfo,
        beginning: &mut Beginning,
    ) -> bool {
        let shard = usize::from(self.id().0);
        let shared = &self.shard.tools.shared;
        let metrics = &shared.environment.metrics[shard];
        match shared.stream.resync(request) {
            Resync::Partial { reader, id, .. } => {
                metrics.sync_partial_ok.bump();
                crate::notice!(
                    "Partial resynchronization request from {info} accepted. Sending {} bytes of \
                     backlog starting from offset {}.",
                    reader.lag(),
                    request.next_byte
                );
                beginning.out = full_resync::continue_line(&beginning.announced, id);
                beginning.reader = Some(reader);
            }
            Resync::Full(Reason::Ahead { asked }) if shared.stream.mode() == Mode::Replica => {
                crate::notice!(
                    "Replica {info} asks for offset {asked}, which this server has yet to receive \
                     from its own master: it is told to ask again."
                );
                return false;
            }
            Resync::Full(reason) => {
                if reason != Reason::Requested {
                    metrics.sync_partial_err.bump();
                }
                let replica = info.to_string();
                crate::notice!("{}", LogText { reason: &reason, replica: &replica });
            }
        }
        true
    }

    fn replica_info(
        &mut self,
        socket: SocketId,
        announced: &Announced,
        ask: &Ask<'_>,
    ) -> ReplicaInfo {
        let peer = self.net.fd(socket).and_then(|fd| peer_address(&fd).ok());
        let own_ip = match peer {
            Some(Address::Ip(address)) => address.ip().to_canonical().to_string(),
            Some(path) => path.to_string(),
            None => String::new(),
        };
        let shard = self.id();
        let client = match self.row(socket).map(|row| &row.peer) {
            Some(Peer::Client(connection)) => connection.session.view.id,
            _ => Default::default(),
        };
        let mut info = ReplicaInfo::new(client, shard, socket);
        info.ip = announced.ip.clone().unwrap_or(own_ip);
        info.port = announced.listening_port;
        info.acknowledges = !matches!(ask, Ask::Sync);
        info
    }
}

/// Whether a PSYNC is a master's that hands its role over.
fn asks_to_take_over(args: Args<'_>) -> bool {
    let Ask::Psync { id, failover: true, .. } = Ask::of(args) else { return false };
    let id = String::from_utf8_lossy(&id[..id.len().min(40)]).into_owned();
    crate::warning!("Failover request received for replid {id}.");
    true
}

const NO_MASTER_LINK: CommandError =
    CommandError::text("NOMASTERLINK Can't SYNC while not connected with my master");
const BEHIND: CommandError =
    CommandError::text("NOMASTERLINK Can't SYNC while behind the replica in my master's stream");
const FAILOVER_TO_MASTER: CommandError =
    CommandError::text("ERR PSYNC FAILOVER can't be sent to a master.");
const FAILOVER_OTHER_ID: CommandError =
    CommandError::text("ERR PSYNC FAILOVER replid must match my replid.");
