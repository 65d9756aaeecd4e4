//! What a full resynchronization brings: received into a file or straight into the loader, loaded
//! by all shards, put in the place of the old data set. On shard 0's loop; the file is written by a
//! thread of its own, so that a slow disk holds up the socket and nothing else.
//!
//! Always: a transfer that breaks, at any byte, leaves a replica that tries again; the old data set
//! goes only when the new one is whole in the file (or, loaded beside it, in memory).

use super::controller::Leased;
use super::core::Core;
use super::loading::Purpose;
use super::mail::Mail;
use super::master_link::Phase;
use super::process::Process;
use super::role::{self, RoleChange};
use crate::base::ids::{ReplId, ReplOffset, ShardId};
use crate::config::choices::DisklessLoad;
use crate::persist::load::{AboutFile, Fed};
use crate::replica::transfer::{Step, Transfer};
use crate::replication::follow_state::LinkState;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// What threads that work for the link have to tell.
pub enum LinkNews {
    /// The master's name was looked up.
    Resolved {
        /// For which attempt.
        attempt: u64,
        /// Its address, or why there is none.
        address: Result<SocketAddr, String>,
    },
    /// The file has taken bytes: there may be room for more.
    Drained,
    /// The file is whole and in its place, or why not.
    Written {
        /// Of which attempt.
        attempt: u64,
        /// Where it is.
        path: Result<PathBuf, String>,
    },
}

/// A full resynchronization under way.
pub struct Resync {
    /// The connection ended while the data set was loaded.
    pub lost: bool,
    transfer: Transfer,
    /// The history and the offset that the data set belongs to.
    id: ReplId,
    offset: ReplOffset,
    /// The master knows PSYNC: its history can be resumed and wants acknowledgements.
    knows_psync: bool,
    form: Form,
    /// Bytes of the stream that came behind the snapshot.
    early: Vec<u8>,
    received: bool,
    /// The old data is gone.
    emptied: bool,
    /// Where the snapshot stands.
    path: Option<PathBuf>,
    began: Instant,
    /// How long it took to receive the snapshot.
    transfer_time: Duration,
}

enum Form {
    /// The header has not come.
    Unknown,
    /// Into a file.
    File(SnapshotFile),
    /// Into the loader; whether the file's end was seen.
    Loader { ended: bool },
}

/// A file that a thread writes.
struct SnapshotFile {
    /// Bytes of the file; none says that it is whole.
    bytes: mpsc::Sender<Option<Vec<u8>>>,
    /// Bytes handed over and not written.
    waiting: Arc<AtomicU64>,
}

impl Resync {
    /// Whether bytes of the snapshot are still to come.
    pub fn is_receiving(&self) -> bool {
        !self.received
    }
}

impl Core {
    /// The master will send everything.
    pub(super) fn begin_resync(&mut self, id: Option<ReplId>, offset: ReplOffset, rest: &[u8]) {
        if self.link.resume.take().is_some() {
            crate::notice!("Discarding previously cached master state.");
        }
        let follow = &self.process.follow;
        follow.set_state(LinkState::Transfer);
        follow.transfer_total_bytes.store(-1, Ordering::Relaxed);
        follow.transfer_read_bytes.store(0, Ordering::Relaxed);
        follow.transfer_last_io_ms.store(self.shard.tools.now_ms, Ordering::Relaxed);
        self.link.phase = Phase::Resync(Box::new(Resync {
            lost: false,
            transfer: Transfer::new(),
            id: id.unwrap_or_else(role::new_id),
            offset,
            knows_psync: id.is_some(),
            form: Form::Unknown,
            early: Vec::new(),
            received: false,
            emptied: false,
            path: None,
            began: Instant::now(),
            transfer_time: Duration::ZERO,
        }));
        self.receive_transfer(rest);
    }

    /// Bytes of a full resynchronization.
    pub(super) fn receive_transfer(&mut self, data: &[u8]) {
        let now_ms = self.shard.tools.now_ms;
        self.process.follow.transfer_last_io_ms.store(now_ms, Ordering::Relaxed);
        let mut input = data;
        loop {
            let Phase::Resync(resync) = &mut self.link.phase else { return };
            if resync.received {
                resync.early.extend_from_slice(input);
                return;
            }
            let done = match resync.transfer.step(&mut input) {
                Ok(Step::Incomplete) => return,
                Ok(Step::KeepAlive) => Ok(()),
                Ok(Step::Begin { length }) => self.open_transfer(length),
                Ok(Step::Bytes(bytes)) => self.take_snapshot(bytes),
                Ok(Step::Held(bytes)) => self.take_snapshot(&bytes),
                Ok(Step::End) => self.end_transfer(),
                Err(error) => Err(error.to_string()),
            };
            if let Err(reason) = done {
                return self.resync_failed(Some(&reason));
            }
        }
    }

    /// The snapshot begins.
    fn open_transfer(&mut self, length: Option<u64>) -> Result<(), String> {
        let total = length.map_or(-1, |length| i64::try_from(length).unwrap_or(i64::MAX));
        self.process.follow.transfer_total_bytes.store(total, Ordering::Relaxed);
        let mode = self.shard.tools.settings.replication.repl_diskless_load;
        let diskless = match mode {
            DisklessLoad::Disabled => false,
            DisklessLoad::OnEmptyDb => self.holds_nothing(),
            DisklessLoad::SwapDb => true,
        };
        let to = if diskless { "parser" } else { "disk" };
        match length {
            Some(length) => crate::notice!(
                "MASTER <-> REPLICA sync: receiving {length} bytes from master to {to}"
            ),
            None => crate::notice!(
                "MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to {to}"
            ),
        }
        let attempt = self.link.attempt;
        let form = if diskless {
            self.open_diskless(length.unwrap_or(0), mode);
            Form::Loader { ended: false }
        } else {
            Form::File(SnapshotFile::create(&self.process, attempt)?)
        };
        if let Phase::Resync(resync) = &mut self.link.phase {
            resync.form = form;
        }
        Ok(())
    }

    /// Loads from the socket. The old data set is served meanwhile if the new one is a later state
    /// of the same history.
    fn open_diskless(&mut self, total_bytes: u64, mode: DisklessLoad) {
        let Phase::Resync(resync) = &self.link.phase else { return };
        let status = &self.process.shared.environment.status;
        let same_history = self.process.shared.stream.history().id == resync.id;
        let beside = mode == DisklessLoad::SwapDb && same_history;
        status.async_loading.store(beside, Ordering::SeqCst);
        crate::notice!("MASTER <-> REPLICA sync: Loading DB in memory");
        self.open_load(total_bytes, Purpose::Resync);
    }

    fn take_snapshot(&mut self, bytes: &[u8]) -> Result<(), String> {
        let read = &self.process.follow.transfer_read_bytes;
        read.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let Phase::Resync(resync) = &mut self.link.phase else { return Ok(()) };
        match &mut resync.form {
            Form::Unknown => {}
            Form::File(file) => {
                // A thread that is gone has posted why.
                if !bytes.is_empty() && file.bytes.send(Some(bytes.to_vec())).is_ok() {
                    let waiting = file.waiting.fetch_add(bytes.len() as u64, Ordering::SeqCst);
                    if waiting > WAITING_BYTES_MAX {
                        self.pause_link();
                    }
                }
            }
            Form::Loader { ended } if !*ended => {
                let fed = self.feed_load(bytes).map_err(|error| error.to_string())?;
                if let Phase::Resync(resync) = &mut self.link.phase
                    && matches!(fed, Fed::End { .. })
                {
                    resync.form = Form::Loader { ended: true };
                } else if !self.load_takes_bytes() {
                    self.pause_link();
                }
            }
            Form::Loader { .. } => {}
        }
        Ok(())
    }

    fn end_transfer(&mut self) -> Result<(), String> {
        let Phase::Resync(resync) = &mut self.link.phase else { return Ok(()) };
        match &resync.form {
            Form::Loader { ended: false } => {
                return Err("Short read or OOM loading DB. Unrecoverable error".to_owned());
            }
            Form::File(file) => {
                // A thread that is gone has posted why.
                let _ = file.bytes.send(None);
            }
            Form::Unknown | Form::Loader { .. } => {}
        }
        resync.received = true;
        resync.transfer_time = resync.began.elapsed();
        // What follows waits in the kernel until the data set is in.
        self.pause_link();
        Ok(())
    }

    /// A thread has something to say.
    pub(super) fn link_news(&mut self, news: LinkNews) {
        match news {
            LinkNews::Resolved { attempt, address } => {
                if attempt != self.link.attempt || !matches!(self.link.phase, Phase::Resolving) {
                    return;
                }
                match address {
                    Ok(address) => self.connect_to(address),
                    Err(error) => {
                        crate::warning!("Unable to connect to MASTER: {error}");
                        self.retry_link();
                    }
                }
            }
            LinkNews::Drained => self.resume_transfer(),
            LinkNews::Written { attempt, path } => {
                if attempt != self.link.attempt {
                    return;
                }
                let Phase::Resync(resync) = &mut self.link.phase else { return };
                match path {
                    Ok(path) if resync.received => {
                        resync.path = Some(path);
                        self.lease_all(Leased::Role(RoleChange::Empty(attempt)));
                    }
                    Ok(_) => {}
                    Err(reason) => self.resync_failed(Some(&reason)),
                }
            }
        }
    }

    /// Reads on if there is room again.
    pub(super) fn resume_transfer(&mut self) {
        let Phase::Resync(resync) = &self.link.phase else { return };
        let room = match &resync.form {
            _ if resync.received => false,
            Form::File(file) => file.waiting.load(Ordering::SeqCst) <= WAITING_BYTES_MAX / 2,
            Form::Loader { .. } => self.load_takes_bytes(),
            Form::Unknown => true,
        };
        if room {
            self.resume_link();
        }
    }

    /// Whether the file of this attempt is still to be loaded.
    pub(super) fn is_loading_attempt(&self, attempt: u64) -> bool {
        let waits = matches!(&self.link.phase, Phase::Resync(resync) if resync.path.is_some());
        waits && attempt == self.link.attempt
    }

    /// The old data is gone; with every keyspace in hand.
    pub(super) fn load_received_file(&mut self) {
        let Phase::Resync(resync) = &mut self.link.phase else { return };
        let Some(path) = resync.path.clone() else { return };
        resync.emptied = true;
        // Nobody may ask for the old history any more: its data is not here.
        let (id, offset) = (resync.id, resync.offset);
        self.adopt_history(id, offset);
        crate::notice!("MASTER <-> REPLICA sync: Loading DB in memory");
        self.open_load_of_file(path, Purpose::Resync);
    }

    /// The new data set is in its place; with every keyspace in hand.
    pub(super) fn resync_installed(&mut self, about: &AboutFile) {
        let status = &self.process.shared.environment.status;
        status.async_loading.store(false, Ordering::SeqCst);
        let phase = std::mem::replace(&mut self.link.phase, Phase::Down);
        let Phase::Resync(resync) = phase else {
            self.link.phase = phase;
            return;
        };
        if !resync.emptied {
            self.adopt_history(resync.id, resync.offset);
        }
        let db = about.stream_db.unwrap_or_default();
        if about.stream_db.is_some()
            && let Some(writer) = &self.link.writer
        {
            self.shard.tools.shared.stream.note_selected(writer, db);
        }
        self.wake_links();
        self.delete_received_file(resync.path.as_deref());
        crate::notice!("MASTER <-> REPLICA sync: Finished with success");
        crate::notice!(
            "MASTER <-> REPLICA sync: {} bytes received in {:.3} seconds, in place after {:.3}",
            self.process.follow.transfer_read_bytes.load(Ordering::Relaxed),
            resync.transfer_time.as_secs_f64(),
            resync.began.elapsed().as_secs_f64()
        );
        self.begin_stream(db, resync.knows_psync, &resync.early);
        if resync.lost {
            self.link_lost();
        }
    }

    /// Ends a full resynchronization that went wrong and tries again in a second.
    pub(super) fn resync_failed(&mut self, reason: Option<&str>) {
        if let Some(reason) = reason {
            crate::warning!("{reason}");
        }
        if let Phase::Resync(resync) = &self.link.phase {
            let from = match (&resync.form, &resync.path) {
                (Form::Loader { .. }, _) => Some("socket"),
                (_, Some(_)) => Some("disk"),
                _ => None,
            };
            if let Some(from) = from {
                crate::warning!(
                    "Failed trying to load the MASTER synchronization DB from {from}, check server \
                     logs."
                );
            }
        }
        self.retry_link();
    }

    /// What is left of a full resynchronization that ends here is undone.
    pub(super) fn give_up_resync(&mut self, resync: Resync) {
        self.abandon_load();
        let status = &self.process.shared.environment.status;
        status.async_loading.store(false, Ordering::SeqCst);
        self.delete_received_file(resync.path.as_deref());
        if resync.emptied {
            // No history's state is here any more.
            self.adopt_history(role::new_id(), ReplOffset(0));
            self.wake_links();
        }
    }

    /// `rdb-del-sync-files`: nothing of a server without persistence stays on disk.
    fn delete_received_file(&self, path: Option<&Path>) {
        let settings = &self.shard.tools.settings;
        let persists = !settings.rdb.save.is_empty() || settings.aof.enabled;
        if let Some(path) = path
            && settings.replication.rdb_del_sync_files
            && !persists
        {
            crate::notice!("Removing the RDB file obtained from the master");
            // It is gone already, or stays: neither harms.
            let _ = std::fs::remove_file(path);
        }
    }

    fn holds_nothing(&self) -> bool {
        let databases = self.shard.tools.settings.server.databases;
        let gauges = &self.process.shared.environment.gauges;
        let keys = |db| gauges.iter().map(move |gauges| gauges.keys(db)).sum::<u64>();
        (0..databases).map(crate::base::ids::DbIndex).all(|db| keys(db) == 0)
    }
}

impl SnapshotFile {
    /// A temporary file in `dir`, and the thread that writes it and renames it when it is whole.
    fn create(process: &Arc<Process>, attempt: u64) -> Result<SnapshotFile, String> {
        let settings = process.shared.environment.config.load();
        let name = format!("temp-{attempt}.{}.rdb", std::process::id());
        let temporary = settings.server.dir.join(name);
        let path = settings.server.dir.join(&settings.rdb.dbfilename);
        let file = OpenOptions::new().create(true).write(true).truncate(true).open(&temporary);
        let file = file.map_err(|error| {
            let name = temporary.display();
            format!(
                "Opening the temp file needed for MASTER <-> REPLICA synchronization: \
                 {error} ({name})"
            )
        })?;
        let (bytes, received) = mpsc::channel();
        let waiting = Arc::new(AtomicU64::new(0));
        let (process, counted) = (Arc::clone(process), Arc::clone(&waiting));
        std::thread::spawn(move || {
            let written = write_all(file, &received, &counted, &process)
                .and_then(|()| std::fs::rename(&temporary, &path));
            let path = match written {
                Ok(()) => Ok(path),
                Err(error) => {
                    // Half a file is of no use to anybody.
                    let _ = std::fs::remove_file(&temporary);
                    Err(format!(
                        "Write error or short write writing to the DB dump file needed for \
                         MASTER <-> REPLICA synchronization: {error}"
                    ))
                }
            };
            process.post(ShardId(0), Mail::Link(LinkNews::Written { attempt, path }));
        });
        Ok(SnapshotFile { bytes, waiting })
    }
}

fn write_all(
    mut file: File,
    received: &mpsc::Receiver<Option<Vec<u8>>>,
    waiting: &AtomicU64,
    process: &Process,
) -> io::Result<()> {
    loop {
        let ended = || io::Error::new(io::ErrorKind::UnexpectedEof, "the transfer broke");
        let Some(bytes) = received.recv().map_err(|_| ended())? else { break };
        file.write_all(&bytes)?;
        let length = bytes.len() as u64;
        let before = waiting.fetch_sub(length, Ordering::SeqCst);
        if before > WAITING_BYTES_MAX / 2 && before - length <= WAITING_BYTES_MAX / 2 {
            process.post(ShardId(0), Mail::Link(LinkNews::Drained));
        }
    }
    file.sync_all()
}

/// Bytes that may wait for the disk before the socket does.
const WAITING_BYTES_MAX: u64 = 8 << 20;
