//! From settings to a running process: listeners, shards, threads, signals.

use super::core::Core;
use super::listeners::{self, Door};
use super::process::Process;
use crate::base::ids::{ReplId, ShardId};
use crate::command::environment::Environment;
use crate::command::spaces::Space;
use crate::config::live::Live;
use crate::config::settings::Settings;
use crate::keyspace::keyspace::Keyspace;
use crate::keyspace::placement::Placement;
use crate::net::error::NetError;
use crate::net::options::NetOptions;
use crate::net::sockets::Net;
use crate::replication::stream::Stream;
use crate::shard::shared::Shared;
use crate::shard::state::Shard;
use glommio::{LocalExecutorBuilder, Placement as CorePlacement};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use thiserror::Error;

/// Why the server did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// io_uring is not to be had.
    #[error(transparent)]
    Ring(#[from] NetError),
    /// What the configuration names cannot be listened on.
    #[error("Failed listening on port {port} (TCP), aborting.")]
    Listen {
        /// The port.
        port: u16,
    },
    /// The users named in the configuration or its file are wrong.
    #[error("{0}")]
    Users(String),
    /// There is no room for clients' descriptors.
    #[error("{0}")]
    Descriptors(String),
    /// A thread of a shard cannot be started.
    #[error("Failed starting shard {shard}: {reason}")]
    Shard {
        /// Which.
        shard: u16,
        /// Why.
        reason: String,
    },
}

/// A server whose shards run.
pub struct Started {
    /// The process.
    pub process: Arc<Process>,
    threads: Vec<glommio::ExecutorJoinHandle<()>>,
}

/// Serves until the process is told to stop.
///
/// # Errors
/// What keeps it from starting.
pub fn serve(settings: Settings) -> Result<(), StartError> {
    start(settings)?.wait();
    Ok(())
}

/// Opens the doors and starts the shards.
///
/// # Errors
/// What keeps the server from starting.
pub fn start(mut settings: Settings) -> Result<Started, StartError> {
    crate::net::probe::probe()?;
    super::admission::make_room(&mut settings).map_err(StartError::Descriptors)?;
    let port = settings.network.port;
    let doors = listeners::open(&settings).map_err(|error| {
        crate::warning!("Warning: {error}");
        StartError::Listen { port }
    })?;
    let shards = settings.shard_count() as u16;
    crate::snapshot::fork::remember_origin();
    let file = settings.resolve(&settings.rdb.dbfilename);
    let process = Arc::new(build(settings, shards));
    super::acl::load_at_start(&process).map_err(StartError::Users)?;
    process.listeners.remember(&doors);
    crate::notice!("Server initialized");
    if file.try_exists().unwrap_or(true) {
        // Set before the first client can come in.
        process.shared.environment.status.loading.store(true, Ordering::SeqCst);
    }
    let mut doors = Some(doors);
    crate::base::lazy_free::start();
    let mut threads = Vec::new();
    for shard in 0..shards {
        let doors = doors.take().unwrap_or_default();
        threads.push(start_shard(Arc::clone(&process), ShardId(shard), doors)?);
    }
    Ok(Started { process, threads })
}

impl Started {
    /// Waits until every shard has stopped.
    pub fn wait(self) {
        for thread in self.threads {
            // A shard that panicked has aborted the process.
            let _ = thread.join();
        }
    }
}

/// Everything that exists before the first shard runs.
fn build(settings: Settings, shards: u16) -> Process {
    let placement = Placement::new(shards);
    let databases = settings.server.databases;
    let backlog_bytes = settings.replication.repl_backlog_size;
    let config = Arc::new(Live::new(settings));
    let environment = Environment::new(config, shards, databases);
    let mut random = [0; 20];
    fastrand::fill(&mut random);
    let stream = Stream::new(shards, backlog_bytes, ReplId::from_random(random));
    Process::new(Arc::new(Shared::new(Arc::new(environment), placement, stream)))
}

fn start_shard(
    process: Arc<Process>,
    id: ShardId,
    doors: Vec<Door>,
) -> Result<glommio::ExecutorJoinHandle<()>, StartError> {
    let failed = |reason: String| StartError::Shard { shard: id.0, reason };
    LocalExecutorBuilder::new(core_of(id))
        .name(&format!("shard-{}", id.0))
        .io_memory(IO_MEMORY_BYTES)
        .preempt_timer(PREEMPT_TIMER)
        .spawn(move || async move {
            if let Err(error) = run_shard(process, id, doors).await {
                crate::warning!("Shard {} stopped: {error}", id.0);
                std::process::exit(1);
            }
        })
        .map_err(|error| failed(error.to_string()))
}

async fn run_shard(process: Arc<Process>, id: ShardId, doors: Vec<Door>) -> std::io::Result<()> {
    let net = Net::new(NetOptions::default()).map_err(std::io::Error::other)?;
    let shared = Arc::clone(&process.shared);
    shared.inbox(id).set_waker(net.waker());
    let gauges = Arc::clone(&shared.environment.gauges[usize::from(id.0)]);
    let slots = shared.placement.slots_of(id);
    let keys = Keyspace::new(id, slots.start..=slots.end - 1, gauges, fastrand::u64(..));
    let mut space = Box::new(Space::new(keys));
    space.gate = super::role::gate_at_start(&process);
    let shard = Shard::new(id, shared, space);
    let mut core = Core::new(process, shard, net);
    core.listen(doors);
    if id == ShardId(0) {
        core.watch_signals()?;
        core.load_at_start();
    }
    core.run().await
}

/// The core that a shard runs on: the usable ones in turn.
fn core_of(id: ShardId) -> CorePlacement {
    core_number(id.0).map_or(CorePlacement::Unbound, CorePlacement::Fixed)
}

/// The number of the core that a shard runs on; `None` if the kernel does not say which there are.
pub fn core_number(shard: u16) -> Option<usize> {
    let usable = usable_cores();
    usable.get(usize::from(shard) % usable.len().max(1)).copied()
}

/// The cores this process may run on, ascending; empty if the kernel does not say.
fn usable_cores() -> Vec<usize> {
    let Ok(set) = nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0)) else {
        return Vec::new();
    };
    (0..nix::sched::CpuSet::count()).filter(|core| set.is_set(*core).unwrap_or(false)).collect()
}

/// glommio's own buffers: the default of 10 MiB exceeds the usual limit of locked memory, and only
/// file I/O goes through them.
const IO_MEMORY_BYTES: usize = 1 << 20;
/// glommio's executor takes a timer that fires just before it looks at its tasks for their absence,
/// and sleeps for ever: a thread that is kept from running at that place for as long as this timer
/// takes never runs its loop again. The loop lets others through by its own clock instead.
const PREEMPT_TIMER: Duration = Duration::from_secs(24 * 3600);
