//! Conducts a load on shard 0's loop: bytes from a file, or pushed by whoever has a socket, through
//! the loader to the shards' staging keyspaces, and those in the place of what was served. Clients
//! are answered meanwhile; who asks for keys gets -LOADING unless the data is loaded beside.

use super::core::Core;
use super::file_reader::{FileReader, Next};
use crate::base::clock;
use crate::base::ids::ReplId;
use crate::command::gate::Role;
use crate::persist::load::{self, Batches, Fed, LoadError, LoadOptions, Loader};
use crate::router::lease::Hand;
use crate::shard::load::{LoadBatch, Loaded};
use crate::shard::message::Message;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Instant;

/// What a load is for: who is told of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The data set of the start.
    Start,
    /// A full resynchronization from a master.
    Resync,
}

/// A load under way.
pub struct Loading {
    loader: Loader,
    source: Option<FileReader>,
    purpose: Purpose,
    began: Instant,
    /// `key-load-delay` holds it back until then.
    resume_at: Option<Instant>,
    /// The whole file is fed.
    ended: bool,
    /// The keyspaces are asked for.
    installing: bool,
    header_logged: bool,
}

impl Core {
    /// Loads the data set of the start, if there is a file; else the server is ready. On shard 0.
    pub(super) fn load_at_start(&mut self) {
        let status = &self.process.shared.environment.status;
        if !status.loading.load(SeqCst) {
            self.announce_ready();
            return;
        }
        let settings = &self.shard.tools.settings;
        let path = settings.resolve(&settings.rdb.dbfilename);
        self.open_load_of_file(path, Purpose::Start);
    }

    /// Begins a load whose bytes come by [`Core::feed_load`]. `total_bytes` is 0 where it is not
    /// known. A load under way is abandoned. The caller sets `Status::async_loading` if the
    /// old data is served meanwhile.
    pub fn open_load(&mut self, total_bytes: u64, purpose: Purpose) {
        self.abandon_load();
        let tools = &self.shard.tools;
        let settings = &tools.settings;
        self.controller.last_load += 1;
        let replica = tools.shared.environment.status.is_replica.load(Relaxed);
        let loader = Loader::new(LoadOptions {
            load: self.controller.last_load,
            conductor: tools.id,
            placement: tools.shared.placement,
            databases: settings.server.databases,
            checksum: settings.rdb.checksum,
            encoding: settings.encoding,
            drop_expired_at_ms: (!replica).then(clock::wall_ms),
            key_delay: settings.testing.key_load_delay,
        });
        let info = &self.process.persistence;
        info.loading_started_s.store(clock::wall().as_secs(), Relaxed);
        info.loading_total_bytes.store(total_bytes, Relaxed);
        info.loading_loaded_bytes.store(0, Relaxed);
        info.loading_rdb_used_bytes.store(0, Relaxed);
        tools.shared.environment.status.loading.store(true, SeqCst);
        self.controller.loading = Some(Loading {
            loader,
            source: None,
            purpose,
            began: Instant::now(),
            resume_at: None,
            ended: false,
            installing: false,
            header_logged: false,
        });
    }

    /// Begins a load of a file, read by this loop.
    pub fn open_load_of_file(&mut self, path: PathBuf, purpose: Purpose) {
        // A file that cannot be looked at cannot be read either, which the reader reports.
        let total = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        self.open_load(total, purpose);
        let slice = self.shard.tools.settings.testing.loading_process_events_interval_bytes;
        let slice = (slice as usize).clamp(SLICE_MIN, SLICE_MAX);
        let inbox = Arc::clone(self.shard.tools.shared.inbox(self.id()));
        if let Some(loading) = &mut self.controller.loading {
            loading.source = Some(FileReader::open(path, slice, inbox));
        }
    }

    /// Whether the load takes bytes now. Who feeds it stops reading its socket until it does.
    pub fn load_takes_bytes(&self) -> bool {
        let Some(loading) = &self.controller.loading else { return false };
        !loading.ended
            && !loading.loader.is_congested()
            && loading.resume_at.is_none_or(|at| at <= Instant::now())
    }

    /// Feeds the load under way. When the file is complete and all keys are in, the keyspaces are
    /// leased and `install_load` runs.
    ///
    /// # Errors
    /// What is wrong with the bytes; the load is abandoned.
    pub fn feed_load(&mut self, bytes: &[u8]) -> Result<Fed, LoadError> {
        let loading = self.controller.loading.as_mut().expect("who feeds has opened a load");
        let mut batches = Batches::new();
        let fed = match loading.loader.feed(bytes, &mut batches) {
            Ok(fed) => fed,
            Err(error) => {
                self.abandon_load();
                return Err(error);
            }
        };
        loading.ended = matches!(fed, Fed::End { .. });
        let debt = loading.loader.take_debt();
        loading.resume_at = (!debt.is_zero()).then(|| Instant::now() + debt);
        let info = &self.process.persistence;
        info.loading_loaded_bytes.store(loading.loader.offset(), Relaxed);
        if !loading.header_logged && (loading.loader.keys_loaded() > 0 || loading.ended) {
            loading.header_logged = true;
            let about = loading.loader.about();
            info.loading_rdb_used_bytes.store(about.used_bytes.unwrap_or(0), Relaxed);
            log_about(about);
        }
        for (shard, batch) in batches {
            self.shard.send(shard, Message::Load(batch));
        }
        self.install_if_settled();
        Ok(fed)
    }

    /// Gives up the load under way, if any. What was served stays; what came in is dropped with the
    /// next load.
    pub fn abandon_load(&mut self) {
        if self.controller.loading.take().is_some() {
            self.process.shared.environment.status.loading.store(false, SeqCst);
        }
    }

    /// Takes the next slices of the file. Returns whether something was done.
    pub(super) fn load_turn(&mut self) -> bool {
        let Some(loading) = &mut self.controller.loading else { return false };
        if loading.resume_at.take_if(|at| *at <= Instant::now()).is_some() {
            self.install_if_settled();
        }
        if !self.reads_file() || !self.load_takes_bytes() {
            return false;
        }
        let Some(loading) = &mut self.controller.loading else { return false };
        let (purpose, offset) = (loading.purpose, loading.loader.offset());
        let Some(source) = &mut loading.source else { return false };
        let result = match source.take() {
            Next::Later => return false,
            Next::Slice(slice) => self.feed_load(&slice).map(drop).map_err(|it| it.to_string()),
            Next::End => loading.loader.finish().map_err(|error| error.to_string()),
            Next::Failed(error) => Err(format!("Reading at byte {offset} failed: {error}")),
        };
        if let Err(reason) = result {
            self.load_failed(purpose, &reason);
        }
        true
    }

    /// Puts waiting batches into the staging keyspace while the shard's own is at home.
    pub(super) fn load_batches(&mut self) {
        while let Some(space) = self.shard.home.as_deref_mut() {
            let Some(batch) = self.waiting_loads.pop_front() else { return };
            let batch: LoadBatch = *batch;
            let conductor = batch.conductor;
            let loaded = space.load(batch);
            self.shard.send(conductor, Message::Loaded(loaded));
        }
    }

    /// A batch is in.
    pub(super) fn batch_loaded(&mut self, loaded: Loaded) {
        let Some(loading) = &mut self.controller.loading else { return };
        if loading.loader.load() != loaded.load {
            return;
        }
        match loading.loader.applied(loaded) {
            Ok(()) => self.install_if_settled(),
            Err(error) => {
                let purpose = loading.purpose;
                self.load_failed(purpose, &error.to_string());
            }
        }
    }

    /// When the load goes on, if `key-load-delay` holds it back.
    pub(super) fn load_resumes_at(&self) -> Option<Instant> {
        self.controller.loading.as_ref()?.resume_at
    }

    /// Whether a file is being read, which only glommio's ring delivers.
    pub(super) fn reads_file(&self) -> bool {
        let loading = self.controller.loading.as_ref();
        loading.is_some_and(|loading| loading.source.is_some() && !loading.ended)
    }

    fn install_if_settled(&mut self) {
        let Some(loading) = &mut self.controller.loading else { return };
        let rests = loading.resume_at.is_some();
        if loading.ended && loading.loader.is_settled() && !loading.installing && !rests {
            loading.installing = true;
            self.lease_all(super::controller::Leased::InstallLoad);
        }
    }

    /// Every keyspace is in hand, and every key of the file in a staging one.
    pub(super) fn install_load(&mut self, hand: &mut Hand) {
        // A lease asked for by a load that was abandoned meanwhile is of no use to the next one.
        let complete = self.controller.loading.take_if(|loading| loading.installing);
        let Some(loading) = complete else { return };
        let loader = &loading.loader;
        let taken = load::install(loader.load(), hand.spaces());
        if !taken.is_empty() {
            // Freed aside: it may be large, and nobody waits for it.
            std::thread::spawn(move || drop(taken));
        }
        let (loaded, expired) = (loader.keys_loaded(), loader.keys_expired());
        let info = &self.process.persistence;
        info.last_load_keys_loaded.store(loaded, Relaxed);
        info.last_load_keys_expired.store(expired, Relaxed);
        info.changes_at_last_save.store(self.changes(), Relaxed);
        crate::notice!("Done loading RDB, keys loaded: {loaded}, keys expired: {expired}.");
        warn_of_fields(loader.expiring_fields());
        self.keep_functions(loader.about());
        match loading.purpose {
            Purpose::Start => self.start_loaded(&loading, hand),
            Purpose::Resync => self.resync_installed(loading.loader.about()),
        }
        self.process.shared.environment.status.loading.store(false, SeqCst);
    }

    /// The functions of a file that was loaded take the place of those there were.
    pub(super) fn keep_functions(&self, about: &load::AboutFile) {
        let functions = about.functions.clone();
        if !functions.is_empty() {
            crate::notice!("Keeping {} function libraries of the RDB", functions.len());
        }
        self.process.shared.environment.functions.store(Arc::new(functions));
    }

    fn start_loaded(&mut self, loading: &Loading, hand: &mut Hand) {
        let seconds = loading.began.elapsed().as_secs_f64();
        crate::notice!("DB loaded from disk: {seconds:.3} seconds");
        let about = loading.loader.about();
        let shared = &self.shard.tools.shared;
        let replica = shared.environment.status.is_replica.load(Relaxed);
        match about.label() {
            Some(label) if replica => self.history_loaded(label),
            Some(label) => {
                // Replicas that were at this offset of the old history may go on with this one.
                shared.stream.restore(label.id, label.offset, new_id());
                for space in hand.spaces().iter_mut().flatten() {
                    space.gate.streaming = space.gate.role == Role::Master;
                }
            }
            None => {}
        }
        self.announce_ready();
    }

    fn load_failed(&mut self, purpose: Purpose, reason: &str) {
        self.abandon_load();
        match purpose {
            Purpose::Start => {
                crate::warning!("{reason}");
                crate::warning!("Fatal error loading the DB, check server logs. Exiting.");
                self.remove_files();
                std::process::exit(1);
            }
            Purpose::Resync => self.resync_failed(Some(reason)),
        }
    }
}

/// Says that fields of hashes will stay that would have expired where the file was written.
pub(super) fn warn_of_fields(count: u64) {
    if count > 0 {
        crate::warning!(
            "Fields of hashes in the RDB with an expiry of their own: {count}. That is not \
             supported: they were loaded without it and will not expire"
        );
    }
}

/// Logs what a file says about itself.
pub(super) fn log_about(about: &load::AboutFile) {
    if let Some(writer) = &about.writer {
        crate::notice!("Loading RDB produced by {writer}");
    }
    if let Some(created_s) = about.created_s {
        let age = clock::wall().as_secs().saturating_sub(created_s);
        crate::notice!("RDB age {age} seconds");
    }
    if let Some(bytes) = about.used_bytes {
        let megabytes = bytes as f64 / f64::from(1 << 20);
        crate::notice!("RDB memory usage when created {megabytes:.2} Mb");
    }
}

/// A replication id that no other history bears.
pub(super) fn new_id() -> ReplId {
    let mut random = [0; 20];
    fastrand::fill(&mut random);
    ReplId::from_random(random)
}

/// A slice is decoded in one turn: between a fraction of a millisecond and a few of them.
const SLICE_MIN: usize = 16 * 1024;
/// As above.
const SLICE_MAX: usize = 256 * 1024;
