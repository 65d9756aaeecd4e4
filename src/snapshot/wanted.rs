//! Who wants a snapshot: what the link to a replica asks of the snapshot desk, and what it is told.
//! Plain values that travel by mail between the link's shard and shard 0.

use crate::base::ids::{ReplId, ReplOffset, ShardId};
use crate::net::event::SocketId;
use crate::replication::backlog::BacklogReader;
use std::os::fd::OwnedFd;

/// A link to a replica: its shard, and its row there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkAddress {
    /// The shard that serves the link.
    pub shard: ShardId,
    /// The link's socket on that shard.
    pub socket: SocketId,
}

/// How the RDB is framed on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `$EOF:` and a mark, the bytes as they are made, the mark again (`repl-diskless-sync` and a
    /// replica with `capa eof`).
    EofMark,
    /// `$length` and the bytes: by way of a file in `dir`.
    Length,
}

/// The line that precedes the RDB's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// `+FULLRESYNC id offset`, the answer to `PSYNC`.
    FullResync,
    /// None, as `SYNC` is answered.
    Nothing,
}

/// Which parts of the data set are wanted (`REPLCONF rdb-filter-only`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parts {
    /// Everything.
    #[default]
    All,
    /// Function libraries, without keys.
    Functions,
    /// Neither: header, fields about the file, checksum.
    Nothing,
}

/// A link that wants a full resynchronization. From the moment it asks until it is told
/// [`News::Sent`] or [`News::Failed`], the link's shard must have nothing in flight on the socket
/// and, once told [`News::Started`], write nothing to it: the child does.
#[derive(Debug)]
pub struct Wanted {
    /// Who.
    pub link: LinkAddress,
    /// A duplicate of the link's socket. The desk and the child own it.
    pub fd: OwnedFd,
    /// How the RDB is framed.
    pub form: Form,
    /// What precedes it.
    pub greeting: Greeting,
    /// The newest RDB version that the replica reads; 10 unless it announced more.
    pub version: u16,
    /// Which parts of the data set it wants.
    pub parts: Parts,
    /// It wants the file only (`REPLCONF rdb-only 1`): the desk makes no difference, the link ends
    /// when it is sent.
    pub rdb_only: bool,
}

/// What the desk tells a link.
#[derive(Debug)]
pub enum News {
    /// The cut was made. From now on the child alone writes to the socket. The bytes behind
    /// `offset` are kept for the link until it is told the rest.
    Started {
        /// The id of the history.
        id: ReplId,
        /// The stream's offset at the cut, as the greeting tells it.
        offset: ReplOffset,
    },
    /// All is sent. The socket is the link's again; what follows is behind `reader`.
    Sent {
        /// The stream's offset at the cut.
        offset: ReplOffset,
        /// Stands at that offset.
        reader: BacklogReader,
    },
    /// No snapshot for this link: the link is to be closed. The reason is logged already.
    Failed,
}
