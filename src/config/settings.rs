//! Every directive as a typed value: the one structure the whole server reads its configuration
//! from. A plain value; [`crate::config::live::Live`] hands out one immutable copy at a time. The
//! defaults stand in the directive tables alone: [`Settings::default`] is those texts, parsed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use crate::base::ids::SHARDS_MAX;
use crate::config::directives;
use crate::config::settings_groups as groups;
use crate::config::values::Mode;

/// The configuration of a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Listening, connections, sockets.
    pub network: groups::Network,
    /// The process: daemon, pid file, databases, shards.
    pub server: groups::Server,
    /// Where lines of the log go.
    pub log: groups::Log,
    /// Being a master and being a replica.
    pub replication: groups::Replication,
    /// Memory limits and eviction.
    pub memory: groups::Memory,
    /// RDB files and snapshots.
    pub rdb: groups::Rdb,
    /// The append-only file.
    pub aof: groups::Aof,
    /// What one client may use.
    pub clients: groups::Clients,
    /// Where compact encodings end.
    pub encoding: groups::Encoding,
    /// Slow log, latency, events.
    pub observe: groups::Observe,
    /// Passwords, ACL, dangerous commands.
    pub security: groups::Security,
    /// Stopping.
    pub shutdown: groups::Shutdown,
    /// Knobs for tests of servers and clients.
    pub testing: groups::Testing,
    /// Directives that have no effect here, by name, where they differ from their default.
    pub kept: BTreeMap<&'static str, String>,
    /// The file that was read and that CONFIG REWRITE writes; absolute.
    pub config_file: Option<PathBuf>,
    /// The directory the process was started in, absolute; relative names in the configuration are
    /// below it.
    pub start_dir: PathBuf,
}

static DEFAULTS: LazyLock<Settings> = LazyLock::new(|| {
    let mut settings = Settings::blank();
    // `dir` begins as the directory the process was started in, which may even be gone.
    for row in directives::all().filter(|row| row.name != "dir") {
        let set = row.set(&mut settings, &row.words(row.default), Mode::Replace);
        set.expect("a default in the table is valid");
    }
    settings
});

impl Default for Settings {
    fn default() -> Settings {
        DEFAULTS.clone()
    }
}

impl Settings {
    /// All zero and empty; only the seed that the tables' defaults are applied to.
    fn blank() -> Settings {
        Settings {
            network: groups::Network::default(),
            server: groups::Server { dir: start_dir(), ..groups::Server::default() },
            log: groups::Log::default(),
            replication: groups::Replication::default(),
            memory: groups::Memory::default(),
            rdb: groups::Rdb::default(),
            aof: groups::Aof::default(),
            clients: groups::Clients::default(),
            encoding: groups::Encoding::default(),
            observe: groups::Observe::default(),
            security: groups::Security::default(),
            shutdown: groups::Shutdown::default(),
            testing: groups::Testing::default(),
            kept: BTreeMap::new(),
            config_file: None,
            start_dir: start_dir(),
        }
    }

    /// A reference to the settings of an empty configuration, without copying them.
    pub fn defaults() -> &'static Settings {
        &DEFAULTS
    }

    /// The number of shards asked for; zero in the configuration means one a usable core.
    pub fn shard_count(&self) -> usize {
        match self.server.shards {
            0 => {
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                cores.min(usize::from(SHARDS_MAX))
            }
            count => usize::from(count),
        }
    }

    /// A path of the configuration as the server must open it: relative ones are below `dir`.
    pub fn resolve(&self, path: &str) -> PathBuf {
        self.server.dir.join(path)
    }
}

/// The directory the process runs in; the root if that was removed.
fn start_dir() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))
}
