//! One link to a replica, from its PSYNC to its end: what it is in the middle of, what its bytes
//! say, which bytes of the stream it gets next. Without I/O; owned by the shard of its socket.
//!
//! ```text
//! full:     Flushing -> Waiting -> Sending -> (AwaitingAck ->) Online
//! partial:                                                     Online
//! ```
//!
//! Always: while a snapshot is on its way (`Waiting`, `Sending`) the link writes nothing; a replica
//! acknowledges nothing that it was not sent.

use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use crate::base::ids::ReplOffset;
use crate::command::flags::Flags;
use crate::command::spec::{ClientVerb, Scope};
use crate::command::table::table;
use crate::master::registry::{ReplicaInfo, Stage};
use crate::master::replconf::{Announced, Said};
use crate::replication::ack::{Acked, BeyondSent};
use crate::replication::backlog::{BacklogReader, HistoryEnded};
use crate::resp::error::ProtocolError;
use crate::resp::parser::{Limits, RequestParser, Step};
use crate::resp::request::Args;
use crate::snapshot::wanted::{Form, Greeting};

/// What a link is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// What was answered before the PSYNC leaves first.
    Flushing,
    /// A snapshot is asked for.
    Waiting,
    /// The snapshot is being made and sent by others.
    Sending,
    /// The snapshot was sent as it was made: the replica's first acknowledgement says that it was
    /// read to its end.
    AwaitingAck,
    /// The stream flows.
    Online,
}

/// How a link begins.
pub struct Beginning {
    /// What was answered and not sent yet.
    pub out: Vec<u8>,
    /// What the client said of itself.
    pub announced: Announced,
    /// Where the stream goes on; none for a full resynchronization.
    pub reader: Option<BacklogReader>,
    /// What precedes a snapshot.
    pub greeting: Greeting,
    /// How a snapshot is framed.
    pub form: Form,
}

/// A link to a replica.
pub struct ReplicaLink {
    /// What others may know of it.
    pub info: Arc<ReplicaInfo>,
    /// What precedes the snapshot.
    pub greeting: Greeting,
    /// How the snapshot is framed.
    pub form: Form,
    /// What the client said of itself.
    pub announced: Announced,
    /// Bytes that leave before anything else.
    pub out: Vec<u8>,
    /// Its shard is woken for it when the stream goes on.
    pub woken: bool,
    /// While it has yet to catch up behind a full resynchronization: how often it was dropped in
    /// one before.
    pub catching_up: Option<u32>,
    /// Since when more waits than the soft limit allows, ms.
    pub over_soft_since_ms: Option<u64>,
    phase: Phase,
    parser: RequestParser,
    query: Vec<u8>,
    acked: Acked,
    reader: Option<BacklogReader>,
    /// While a snapshot is sent: the stream is kept from here on.
    held_from: Option<ReplOffset>,
    /// What it acknowledged before this loop heard that its snapshot was sent.
    early_ack: Option<ReplOffset>,
}

/// What a replica's bytes brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Heard {
    /// It acknowledged more than before, or a later state of its disk.
    pub news: bool,
    /// The stream may begin.
    pub begins: bool,
}

/// What follows when a snapshot was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The link follows the stream, at once or after an acknowledgement.
    Follows,
    /// The replica wanted no more.
    Ends,
}

/// A replica's fault, for which its link is closed. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// A command that has a reply, which would stand in the middle of the stream.
    #[error("Replica generated a reply to command '{command}', disconnecting it")]
    Reply {
        /// The command.
        command: String,
        /// The reply if it is an error, without its prefix.
        error: Option<String>,
    },
    /// Bytes that are no request.
    #[error("Protocol error ({0}) from replica, disconnecting it")]
    Protocol(#[from] ProtocolError),
    /// An acknowledgement of what it cannot have.
    #[error("Replica {0}, disconnecting it")]
    Ack(#[from] BeyondSent),
    /// A request that is longer than any a replica has reason to send.
    #[error("Replica sends a request of more than {QUERY_BYTES_MAX} bytes, disconnecting it")]
    TooLong,
}

impl ReplicaLink {
    /// A link that begins at `now_ms`.
    pub fn new(info: Arc<ReplicaInfo>, beginning: Beginning, now_ms: u64) -> ReplicaLink {
        let Beginning { out, announced, reader, greeting, form } = beginning;
        let follows = reader.is_some();
        let phase = if follows { Phase::Online } else { Phase::Flushing };
        info.touch(now_ms);
        info.set_stage(if follows { Stage::Online } else { Stage::WaitSnapshot });
        ReplicaLink {
            info,
            greeting,
            form,
            announced,
            out,
            woken: false,
            catching_up: (!follows).then_some(0),
            over_soft_since_ms: None,
            phase,
            parser: RequestParser::new(),
            query: Vec::new(),
            acked: Acked::default(),
            reader,
            held_from: None,
            early_ack: None,
        }
    }

    /// What it is in the middle of.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether the snapshot desk knows of it.
    pub fn wants_snapshot(&self) -> bool {
        matches!(self.phase, Phase::Waiting | Phase::Sending)
    }

    /// Everything answered before has left and a snapshot is asked for.
    pub fn asked(&mut self) {
        assert!(
            self.phase == Phase::Flushing && self.out.is_empty(),
            "asked once, with clean hands"
        );
        self.phase = Phase::Waiting;
    }

    /// The cut was made at `offset`: from now on others write to the socket.
    pub fn started(&mut self, offset: ReplOffset) {
        assert!(self.wants_snapshot(), "a snapshot is for those who asked");
        self.phase = Phase::Sending;
        self.held_from = Some(offset);
        if self.form == Form::Length {
            self.info.set_stage(Stage::SendSnapshot);
        }
    }

    /// The snapshot of `offset` was sent; the stream goes on at `reader`.
    pub fn sent(&mut self, offset: ReplOffset, reader: BacklogReader, now_ms: u64) -> After {
        assert!(self.wants_snapshot(), "a snapshot is for those who asked");
        assert_eq!(offset, reader.position(), "the stream goes on where the snapshot ends");
        self.held_from = None;
        if self.announced.rdb_only {
            // Dropped with its reader.
            self.phase = Phase::AwaitingAck;
            return After::Ends;
        }
        self.reader = Some(reader);
        self.phase = match self.form {
            Form::EofMark => Phase::AwaitingAck,
            Form::Length => Phase::Online,
        };
        self.info.touch(now_ms);
        self.info.set_stage(Stage::Online);
        if self.early_ack.take() == Some(offset) {
            // It was quicker than the news of the child's end.
            self.acked = Acked::at(offset);
            self.info.set_acked(offset, now_ms);
            self.phase = Phase::Online;
        }
        After::Follows
    }

    /// Whether the stream has something for it.
    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Online && self.reader.as_ref().is_some_and(BacklogReader::is_ready)
    }

    /// The next bytes of the stream, at most `max`.
    ///
    /// # Errors
    /// The history it follows has ended: it must ask again.
    pub fn take(&mut self, max: usize) -> Result<Vec<Bytes>, HistoryEnded> {
        match &mut self.reader {
            Some(reader) if self.phase == Phase::Online => reader.take(max),
            _ => Ok(Vec::new()),
        }
    }

    /// Bytes of the stream kept for it, in a stream that ends at `end`.
    pub fn lag(&self, end: ReplOffset) -> u64 {
        match (&self.reader, self.held_from) {
            (Some(reader), _) => reader.lag(),
            (None, Some(from)) => end.0.saturating_sub(from.0),
            (None, None) => 0,
        }
    }

    /// Takes bytes from the replica.
    ///
    /// # Errors
    /// Why the link is to be closed.
    pub fn receive(&mut self, data: &[u8], now_ms: u64) -> Result<Heard, Fault> {
        let mut query = std::mem::take(&mut self.query);
        query.extend_from_slice(data);
        let mut parser = std::mem::take(&mut self.parser);
        let mut heard = Heard::default();
        let mut start = 0;
        while start < query.len() {
            match parser.step(&query[start..], &Limits::default())? {
                Step::Command { consumed } => {
                    let args = parser.args(&query[start..]);
                    if !args.is_empty() {
                        let one = self.hear(args, now_ms)?;
                        heard.news |= one.news;
                        heard.begins |= one.begins;
                    }
                    start += consumed;
                }
                Step::Incomplete if query.len() - start <= QUERY_BYTES_MAX => break,
                Step::Incomplete | Step::NeedBulk { .. } => return Err(Fault::TooLong),
            }
        }
        query.drain(..start);
        self.query = query;
        self.parser = parser;
        Ok(heard)
    }

    fn hear(&mut self, args: Args<'_>, now_ms: u64) -> Result<Heard, Fault> {
        let reply = |command: &str, error: Option<String>| {
            Err(Fault::Reply { command: command.to_owned(), error })
        };
        let command = match table().resolve(args) {
            Ok(command) => command,
            Err(error) => {
                let name = table().find(args.get(0)).map_or("<unknown>", |known| known.spec.name);
                return reply(name, Some(without_prefix(&error.to_string())));
            }
        };
        match command.spec.scope {
            Scope::Client(ClientVerb::Psync | ClientVerb::Sync) => Ok(Heard::default()),
            Scope::Client(ClientVerb::Replconf) => match self.announced.take(args) {
                Ok(Said::Ack { offset, synced }) => self.acknowledged(offset, synced, now_ms),
                Ok(Said::GetAck) => Ok(Heard::default()),
                Ok(Said::Options) => reply("replconf", None),
                Err(error) => reply("replconf", Some(without_prefix(&error.to_string()))),
            },
            _ if command.spec.flags.any(Flags::READONLY | Flags::WRITE) => {
                reply(&command.full_name, Some("Replica can't interact with the keyspace".into()))
            }
            _ => reply(&command.full_name, None),
        }
    }

    fn acknowledged(
        &mut self,
        offset: Option<i64>,
        synced: Option<i64>,
        now_ms: u64,
    ) -> Result<Heard, Fault> {
        let mut heard = Heard::default();
        // What is no number is no acknowledgement, as stock takes it.
        let Some(offset) = offset else { return Ok(heard) };
        let offset = ReplOffset(u64::try_from(offset).unwrap_or(0));
        let Some(reader) = &self.reader else {
            // Before it has a data set this is a sign of life only.
            self.info.touch(now_ms);
            self.early_ack = Some(offset);
            return Ok(heard);
        };
        heard.news = self.acked.advance(offset, reader.position())?;
        if let Some(synced) = synced.filter(|synced| *synced > self.info.synced()) {
            let synced_offset = ReplOffset(u64::try_from(synced).unwrap_or(0));
            if synced_offset > reader.position() {
                return Err(BeyondSent { acked: synced_offset, sent: reader.position() }.into());
            }
            self.info.set_synced(synced);
            heard.news = true;
        }
        self.info.set_acked(self.acked.offset(), now_ms);
        if self.phase == Phase::AwaitingAck {
            self.phase = Phase::Online;
            heard.begins = true;
        }
        Ok(heard)
    }
}

/// An error reply as the log shows it.
fn without_prefix(text: &str) -> String {
    text.strip_prefix("ERR ").unwrap_or(text).to_owned()
}

/// A replica's requests have some forty bytes.
const QUERY_BYTES_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests;
