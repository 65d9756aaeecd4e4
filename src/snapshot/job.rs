//! What a snapshot is to be: decided at the cut by the server, carried out by a child or, for SAVE,
//! on the spot. A plain value; whoever made it owns the descriptors in it.

use crate::base::ids::{DbIndex, ReplId, ReplOffset};
use crate::config::choices::MaxmemoryPolicy;
use crate::config::settings::Settings;
use crate::rdb::encode::EncodeOptions;
use crate::snapshot::wanted::{Form, Parts};
use bytes::Bytes;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Which point of which history the data set is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// The history.
    pub id: ReplId,
    /// The stream's bytes that are in the data set.
    pub offset: ReplOffset,
    /// The database that the stream has selected there; none if it selects one next.
    pub selected: Option<DbIndex>,
}

/// How the data set is written, whatever it is written to.
#[derive(Clone, Debug)]
pub struct Content {
    /// Version, compression, checksum.
    pub encode: EncodeOptions,
    /// Whether idle times or frequencies are worth noting.
    pub policy: MaxmemoryPolicy,
    /// `rdb-key-save-delay`: microseconds after each key; negative: one after each -N keys.
    pub key_delay: i32,
    /// Unix seconds: `ctime`.
    pub created_s: u64,
    /// Bytes in use: `used-mem`.
    pub used_bytes: u64,
    /// Where the stream is; none while there is none.
    pub label: Option<Label>,
    /// The sources of function libraries.
    pub functions: Arc<Vec<Bytes>>,
    /// Which parts of the data set are written.
    pub parts: Parts,
}

/// A file that a snapshot goes to.
#[derive(Clone, Debug)]
pub struct Target {
    /// The directory, absolute.
    pub dir: PathBuf,
    /// The file's name in it.
    pub name: String,
    /// `rdb-save-incremental-fsync`: hand it to the disk piece by piece.
    pub incremental_fsync: bool,
}

/// A replica's socket that a snapshot goes to.
#[derive(Debug)]
pub struct Receiver {
    /// The socket; shared with the link, to which the desk has promised that nobody else writes.
    pub fd: OwnedFd,
    /// How the RDB is framed.
    pub form: Form,
    /// What precedes the header, complete with its line end; may be empty.
    pub greeting: Vec<u8>,
}

/// A snapshot to be taken by a child.
#[derive(Debug)]
pub struct Job {
    /// How the data set is written.
    pub content: Content,
    /// The file, if one is wanted; there is one if a receiver's form is [`Form::Length`].
    pub target: Option<Target>,
    /// The sockets, if any.
    pub receivers: Vec<Receiver>,
    /// The mark of [`Form::EofMark`].
    pub mark: [u8; MARK_LENGTH],
    /// A socket that takes nothing for so long is given up (`repl-timeout`).
    pub patience: Duration,
}

impl Job {
    /// What the child does, as the log calls it.
    pub fn activity(&self) -> &'static str {
        if self.target.is_some() { "saving" } else { "RDB transfer" }
    }
}

impl Content {
    /// What `settings` say of files written now.
    pub fn new(settings: &Settings, used_bytes: u64, label: Option<Label>) -> Content {
        let rdb = &settings.rdb;
        let version = u16::try_from(rdb.version).expect("the directive's range is 9 to 11");
        Content {
            encode: EncodeOptions { version, compress: rdb.compression, checksum: rdb.checksum },
            policy: settings.memory.policy,
            key_delay: settings.testing.rdb_key_save_delay,
            created_s: crate::base::clock::wall().as_secs(),
            used_bytes,
            label,
            functions: Arc::default(),
            parts: Parts::All,
        }
    }
}

impl Target {
    /// The file that `settings` name.
    pub fn new(settings: &Settings) -> Target {
        Target {
            dir: settings.server.dir.clone(),
            name: settings.rdb.dbfilename.clone(),
            incremental_fsync: settings.rdb.save_incremental_fsync,
        }
    }

    /// The file's path.
    pub fn path(&self) -> PathBuf {
        self.dir.join(&self.name)
    }

    /// The name under which process `pid` writes it first, in the same directory.
    pub fn temporary_name(pid: u32) -> String {
        format!("temp-{pid}.rdb")
    }

    /// The path under which process `pid` writes it first.
    pub fn temporary_path(&self, pid: u32) -> PathBuf {
        self.dir.join(Target::temporary_name(pid))
    }
}

/// Characters of the mark that ends an RDB of unknown length on the wire.
pub const MARK_LENGTH: usize = 40;
