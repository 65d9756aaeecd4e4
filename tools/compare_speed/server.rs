//! Starts servers, waits until they serve, and ends them.
//!
//! Owns each child process and its directory: both are gone when the `Server` is dropped. Always
//! holds: the server that answers on a `Server`'s port is the process that was started here.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use super::connection::{Connection, Reply};
use super::error::Error;
use super::procfs::{self, CpuTime};

/// A program that can be measured.
#[derive(Debug, Clone)]
pub struct Program {
    /// Name in tables.
    pub name: String,
    /// The executable.
    pub path: PathBuf,
    /// First line of its `--version`.
    pub version: String,
    /// Whether it knows `--shards`.
    pub has_shards: bool,
}

impl Program {
    /// Asks the executable for its version.
    pub fn find(name: &str, path: &Path) -> Result<Self, Error> {
        let start = |source| Error::Start { program: path.to_owned(), source };
        let output = Command::new(path).arg("--version").output().map_err(start)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text.lines().next().unwrap_or_default().trim().to_owned();
        let stock = version.starts_with("Redis server") || version.starts_with("Valkey server");
        Ok(Self { name: name.to_owned(), path: path.to_owned(), version, has_shards: !stock })
    }
}

/// How to start a server.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Shards, for a program that knows them.
    pub shards: usize,
    /// Cores the process may use.
    pub cores: Vec<usize>,
    /// Niceness, 0 = none.
    pub nice: u32,
    /// Port of the master to follow.
    pub replica_of: Option<u16>,
}

impl Setup {
    /// One shard on `core`.
    pub fn on(core: usize) -> Self {
        Self { shards: 1, cores: vec![core], nice: 0, replica_of: None }
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// Name in tables.
    pub name: String,
    /// Shards it was started with (1 for a program without).
    pub shards: usize,
    child: Child,
    port: u16,
    directory: PathBuf,
}

impl Server {
    /// Starts `program` and waits until it answers.
    ///
    /// # Errors
    /// When it cannot be started, ends, or does not answer within ten seconds.
    pub fn start(program: &Program, setup: &Setup) -> Result<Self, Error> {
        let port = free_port()?;
        let directory =
            std::env::temp_dir().join(format!("compare-speed-{}-{port}", std::process::id()));
        fs::create_dir_all(&directory)?;
        let child = spawn(program, setup, port, &directory);
        let child = child.inspect_err(|_| {
            let _ = fs::remove_dir_all(&directory);
        })?;
        let shards = if program.has_shards { setup.shards.max(1) } else { 1 };
        let mut server = Self { name: program.name.clone(), shards, child, port, directory };
        server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_until_ready(&mut self) -> Result<(), Error> {
        let deadline = Instant::now() + START_TIMEOUT;
        let mut reason = "no answer to PING".to_owned();
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                reason = format!("it ended, {status}");
                break;
            }
            let connection = Connection::open(self.address(), Duration::from_secs(2));
            match connection.and_then(|mut connection| connection.info("server", "process_id")) {
                Ok(Some(pid)) if pid == self.pid().to_string() => return Ok(()),
                Ok(Some(pid)) => {
                    reason = format!("process {pid} answers on port {}", self.port);
                    break;
                }
                Ok(None) => reason = "INFO has no process_id".to_owned(),
                Err(_) => {}
            }
            thread::sleep(POLL);
        }
        Err(Error::NotReady { name: self.name.clone(), reason, log: self.log_tail() })
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        let log = fs::read(self.directory.join(LOG)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// CPU time it has used up to now.
    pub fn cpu_time(&self) -> Result<CpuTime, Error> {
        CpuTime::now(self.pid())
    }

    /// A new connection to it.
    pub fn connect(&self) -> Result<Connection, Error> {
        Ok(Connection::open(self.address(), Duration::from_secs(60))?)
    }

    /// One number of its INFO; 0 if the field is missing.
    pub fn info_number(&self, section: &str, field: &str) -> Result<u64, Error> {
        let text = self.connect()?.info(section, field)?;
        Ok(text.and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    /// Sends a command whose answer must not be an error.
    pub fn ask(&self, arguments: &[&str]) -> Result<Reply, Error> {
        match self.connect()?.ask(arguments)? {
            Reply::Error(answer) => Err(Error::Answer {
                server: self.name.clone(),
                request: arguments.join(" "),
                answer,
            }),
            reply => Ok(reply),
        }
    }

    /// Says which cores its threads may use if it is not what `cores` allows.
    pub fn misplaced(&self, cores: &[usize]) -> Result<Option<String>, Error> {
        let allowed = |list: &String| {
            list.split([',', '-'])
                .all(|core| core.parse::<usize>().is_ok_and(|core| cores.contains(&core)))
        };
        let lists = procfs::allowed_cores(self.pid())?;
        let wrong: Vec<_> = lists.into_iter().filter(|list| !allowed(list)).collect();
        Ok((!wrong.is_empty())
            .then(|| format!("{} has threads on cores {}", self.name, wrong.join(" and "))))
    }

    /// Waits until this replica follows its master and has all of `master`'s bytes.
    pub fn wait_caught_up(&self, master: &Server, timeout: Duration) -> Result<(), Error> {
        let what = format!("{} replica caught up with its master", self.name);
        wait_until(&what, timeout, || {
            let mut replica = self.connect()?;
            if replica.info("replication", "master_link_status")?.as_deref() != Some("up") {
                return Ok(false);
            }
            let end = master.info_number("replication", "master_repl_offset")?;
            let online = match master.connect()?.ask(&["INFO", "replication"])? {
                Reply::Text(text) => text.contains("state=online"),
                _ => false,
            };
            let offset = replica.info("replication", "slave_repl_offset")?;
            Ok(online && offset.and_then(|text| text.parse::<u64>().ok()) >= Some(end))
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing of it is needed: no reason to wait for an orderly end.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Asks `condition` every few milliseconds until it holds.
///
/// # Errors
/// `Error::Timeout` when it does not hold in time, and what `condition` itself returns.
pub fn wait_until(
    what: &str,
    timeout: Duration,
    mut condition: impl FnMut() -> Result<bool, Error>,
) -> Result<(), Error> {
    let deadline = Instant::now() + timeout;
    while !condition()? {
        if Instant::now() > deadline {
            return Err(Error::Timeout { what: what.to_owned(), seconds: timeout.as_secs() });
        }
        thread::sleep(POLL);
    }
    Ok(())
}

/// Keeps the calling thread, and those it starts, on `cores`.
///
/// # Errors
/// When the operating system refuses, for example because a core does not exist.
pub fn pin(cores: &[usize]) -> Result<(), Error> {
    let core = cores.first().copied().unwrap_or(0);
    let refused = |source| Error::Pin { core, source };
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core).map_err(refused)?;
    }
    sched_setaffinity(Pid::from_raw(0), &set).map_err(refused)
}

/// Starts the process on its cores: a child inherits the cores of the thread that starts it.
fn spawn(program: &Program, setup: &Setup, port: u16, directory: &Path) -> Result<Child, Error> {
    let log = File::create(directory.join(LOG))?;
    let mut command = if setup.nice > 0 {
        let mut command = Command::new("nice");
        command.arg("-n").arg(setup.nice.to_string()).arg(&program.path);
        command
    } else {
        Command::new(&program.path)
    };
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--appendonly", "no", "--daemonize", "no", "--repl-diskless-sync-delay", "0"]);
    command.arg("--dir").arg(directory);
    if program.has_shards {
        command.args(["--shards", &setup.shards.max(1).to_string()]);
    }
    if let Some(master) = setup.replica_of {
        command.args(["--replicaof", "127.0.0.1", &master.to_string()]);
    }
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let this_thread = Pid::from_raw(0);
    let before = sched_getaffinity(this_thread);
    pin(&setup.cores)?;
    let child = command.spawn();
    if let Ok(before) = before {
        let core = setup.cores.first().copied().unwrap_or(0);
        sched_setaffinity(this_thread, &before).map_err(|source| Error::Pin { core, source })?;
    }
    child.map_err(|source| Error::Start { program: program.path.clone(), source })
}

/// A port nobody listens on right now. Somebody may take it before the server does; then the
/// server does not get ready and says so.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

const LOG: &str = "log";
const START_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);
