//! Clients of one shard that wait for replicas: WAIT and WAITAOF. Looked at after each run is
//! sealed and merged, since only then the offset behind a client's writes is known.

use super::core::{Core, Peer};
use super::mail::Mail;
use super::process::Process;
use super::verbs::InTransaction;
use crate::base::ids::{ReplOffset, Ticket};
use crate::command::client_info::ClientFlags;
use crate::command::error::CommandError;
use crate::command::spec::ClientVerb;
use crate::master::acks::{Question, Standing};
use crate::net::event::SocketId;
use crate::replication::stream::Stream;
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use crate::shard::batch::Batch;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// A client that waits.
pub struct Wait {
    socket: SocketId,
    batch: Box<Batch>,
    question: Question,
    deadline: Option<Instant>,
    target: Target,
}

/// What a wait waits for.
#[derive(Clone, Copy)]
enum Target {
    /// The client's writes, the last of which may be in the open run.
    OpenRun,
    /// Everything through this ticket.
    Ticket(Ticket),
    /// Everything through this offset.
    Offset(ReplOffset),
}

impl Core {
    /// Begins to wait for a client that is held until it is answered.
    ///
    /// # Errors
    /// The batch back, with what is wrong.
    pub(super) fn wait(
        &mut self,
        verb: ClientVerb,
        socket: SocketId,
        batch: Box<Batch>,
    ) -> Result<(), (Box<Batch>, CommandError)> {
        let standing = standing(&self.process);
        let question = match Question::read(verb, batch.args(0), standing) {
            Ok(question) => question,
            Err(error) => return Err((batch, error)),
        };
        let target = match self.row(socket).map(|row| &row.peer) {
            Some(Peer::Client(connection)) if !connection.session.wrote => {
                Target::Offset(connection.session.covered)
            }
            _ => Target::OpenRun,
        };
        let deadline =
            question.timeout.and_then(|timeout| self.shard.tools.clock.checked_add(timeout));
        self.mark_blocked(socket, true);
        self.waits.push(Wait { socket, batch, question, deadline, target });
        let shard = self.id();
        self.process.replicas.wait_began(shard);
        // Woken when the end moves, and so when a ticket is merged.
        self.shard.tools.shared.stream.link_added(shard);
        self.shard.tools.shared.environment.metrics[usize::from(shard.0)].blocked_clients.add(1);
        Ok(())
    }

    /// Answers the clients whose wait is over. After the run was sealed and merged.
    pub(super) fn settle_waits(&mut self) {
        let mut index = 0;
        while index < self.waits.len() {
            if self.settle_wait(index) {
                let wait = self.waits.swap_remove(index);
                self.wait_over(wait);
            } else {
                index += 1;
            }
        }
    }

    /// Looks at one wait; whether it is answered.
    fn settle_wait(&mut self, index: usize) -> bool {
        let now = self.shard.tools.clock;
        let stream = &self.shard.tools.shared.stream;
        let replicas = &self.process.replicas;
        let wait = &mut self.waits[index];
        wait.target = wait.target.known(stream);
        let overdue = wait.deadline.is_some_and(|deadline| deadline <= now);
        let Target::Offset(offset) = wait.target else {
            if !overdue {
                return false;
            }
            let tally = wait.question.wanted.tally(replicas, stream.end());
            tally.write(&mut wait.batch.reply);
            return true;
        };
        if standing(&self.process).is_replica {
            wait.batch.reply.error(UNBLOCKED);
            let socket = wait.socket;
            if let Some(Peer::Client(connection)) = self.row(socket).map(|row| &mut row.peer) {
                connection.session.closing = true;
            }
            return true;
        }
        let tally = wait.question.wanted.tally(replicas, offset);
        if wait.question.wanted.is_met(tally) || overdue {
            tally.write(&mut wait.batch.reply);
            return true;
        }
        if replicas.has_online() && replicas.must_ask(offset, stream.end()) {
            // Not while this server is a replica; then nobody waits.
            let _ = stream.append_control(GETACK);
        }
        false
    }

    fn wait_over(&mut self, wait: Wait) {
        self.wait_uncounted();
        self.mark_blocked(wait.socket, false);
        if let (Target::Offset(offset), Some(row)) = (wait.target, self.row(wait.socket))
            && let Peer::Client(connection) = &mut row.peer
        {
            connection.session.wrote = false;
            connection.session.covered = offset;
        }
        self.answer(wait.batch);
    }

    /// A client is gone: it waits no more.
    pub(super) fn forget_wait(&mut self, socket: SocketId) {
        if let Some(index) = self.waits.iter().position(|wait| wait.socket == socket) {
            let wait = self.waits.swap_remove(index);
            self.wait_uncounted();
            self.pool.give(wait.batch);
        }
    }

    /// Ends a client's wait with what there is now, or with the error of `CLIENT UNBLOCK id ERROR`.
    pub(super) fn unblock_wait(&mut self, socket: SocketId, with_error: bool) {
        let Some(index) = self.waits.iter().position(|wait| wait.socket == socket) else {
            return;
        };
        let mut wait = self.waits.swap_remove(index);
        if with_error {
            wait.batch.reply.error("UNBLOCKED client unblocked via CLIENT UNBLOCK");
        } else {
            let offset = match wait.target {
                Target::Offset(offset) => offset,
                _ => self.shard.tools.shared.stream.end(),
            };
            let tally = wait.question.wanted.tally(&self.process.replicas, offset);
            tally.write(&mut wait.batch.reply);
        }
        self.wait_over(wait);
    }

    /// Shows in CLIENT LIST, and lets the end of the peer end the wait.
    pub(super) fn mark_blocked(&mut self, socket: SocketId, blocked: bool) {
        if let Some(Peer::Client(connection)) = self.row(socket).map(|row| &row.peer) {
            connection.info.set_flag(ClientFlags::BLOCKED, blocked);
        }
    }

    fn wait_uncounted(&mut self) {
        let shard = self.id();
        self.process.replicas.wait_ended(shard);
        self.shard.tools.shared.stream.link_removed(shard);
        self.shard.tools.shared.environment.metrics[usize::from(shard.0)].blocked_clients.sub(1);
    }

    /// A replica acknowledged something: shards whose clients wait look at it.
    pub(super) fn acknowledged(&mut self) {
        let own = self.id();
        for shard in self.process.replicas.waiting_shards().filter(|shard| *shard != own) {
            self.process.post(shard, Mail::Acknowledged);
        }
    }

    /// How long the loop may park for the clients that wait.
    pub(super) fn until_wait_ends(&self, now: Instant) -> Duration {
        let deadlines = self.waits.iter().filter_map(|wait| wait.deadline);
        let next = deadlines.min().map(|deadline| deadline.saturating_duration_since(now));
        next.unwrap_or(Duration::MAX)
    }
}

impl Target {
    /// As near to an offset as is known.
    fn known(self, stream: &Stream) -> Target {
        let ticket = match self {
            Target::OpenRun => stream.last_ticket(),
            Target::Ticket(ticket) => ticket,
            Target::Offset(_) => return self,
        };
        if stream.merged_through() < ticket {
            return Target::Ticket(ticket);
        }
        Target::Offset(stream.offset_after(ticket).unwrap_or_else(|| end_behind_writes(stream)))
    }
}

/// Answers WAIT and WAITAOF inside a transaction, where nothing waits.
pub(super) fn in_transaction(
    transaction: &InTransaction<'_>,
    connection: SocketId,
    verb: ClientVerb,
    args: Args<'_>,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let question = Question::read(verb, args, standing(transaction.process))?;
    let row = transaction.rows.get(connection.index()).and_then(Option::as_ref);
    let offset = match row.filter(|row| row.socket == connection).map(|row| &row.peer) {
        Some(Peer::Client(connection)) if !connection.session.wrote => connection.session.covered,
        // Stricter than needed, which is the safe side.
        _ => end_behind_writes(&transaction.process.shared.stream),
    };
    question.wanted.tally(&transaction.process.replicas, offset).write(reply);
    Ok(())
}

/// An offset that covers every write there was, those before the stream began included: these are
/// in the snapshot that it begins with. Never 0, which a replica has before it has anything.
fn end_behind_writes(stream: &Stream) -> ReplOffset {
    stream.end().max(ReplOffset(1))
}

fn standing(process: &Process) -> Standing {
    let environment = &process.shared.environment;
    Standing {
        is_replica: environment.status.is_replica.load(Ordering::Relaxed),
        appendonly: environment.config.load().aof.enabled,
    }
}

/// Asks every replica for an acknowledgement, at its place in the stream.
pub(super) const GETACK: &[u8] = b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";

/// What a blocked client is told when the role changes.
pub(super) const UNBLOCKED: &str =
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";
