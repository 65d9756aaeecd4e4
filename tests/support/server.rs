//! A server as a child process: its own directory, its own port on the loopback address, a
//! generated config file. It dies with its `Server`, and with the test process whatever happens.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::client::Client;
use super::info::Info;
use super::stock::Kind;
use super::value::Value;
use super::wait::{DEADLINE, holds_within, wait_until};

/// A running (or stopped) server.
pub struct Server {
    kind: Kind,
    port: u16,
    dir: TempDir,
    password: Option<String>,
    child: Option<Child>,
    asker: Mutex<Option<Client>>,
}

impl Server {
    /// Starts a server and waits until it answers.
    pub fn start(kind: Kind) -> Server {
        Server::with(kind, &[])
    }

    /// Starts a server with further directives and waits until it answers.
    pub fn with(kind: Kind, directives: &[&str]) -> Server {
        Server::on_port(kind, free_port(), directives)
    }

    /// The same on a given port.
    pub fn on_port(kind: Kind, port: u16, directives: &[&str]) -> Server {
        let mut server = Server::prepared(kind, port, directives);
        server.launch();
        server
    }

    /// Everything but the process: the directory and the config file, to be changed before
    /// [`Server::launch`].
    pub fn prepared(kind: Kind, port: u16, directives: &[&str]) -> Server {
        let dir = tempfile::Builder::new().prefix("tributary-").tempdir().expect("a directory");
        let password = directives
            .iter()
            .find_map(|line| line.strip_prefix("requirepass "))
            .map(|password| password.trim_matches('"').to_owned());
        let server = Server { kind, port, dir, password, child: None, asker: Mutex::new(None) };
        let mut config = base_config(kind, port, server.dir.path());
        for line in directives {
            config.push_str(line);
            config.push('\n');
        }
        fs::write(server.config_file(), config).expect("the config file is written");
        server
    }

    /// Starts the process and waits until it answers. For a port that a killed process has not
    /// left yet, it tries again.
    pub fn launch(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let ready = holds_within(DEADLINE, || {
            if self.child.is_none() {
                self.child = Some(self.spawn());
            }
            let exited = self.child.as_mut().is_some_and(|c| matches!(c.try_wait(), Ok(Some(_))));
            if exited {
                self.child = None;
                assert!(
                    self.log().contains("Address already in use"),
                    "the server ended at its start"
                );
            }
            self.child.is_some() && self.answers()
        });
        assert!(ready, "port {} does not answer", self.port);
    }

    /// A new connection, authenticated when the config asks for a password.
    pub fn client(&self) -> Client {
        let mut client = Client::connect(self.port)
            .unwrap_or_else(|error| panic!("{:?} on port {}: {error}", self.kind, self.port));
        if let Some(password) = &self.password {
            assert!(client.cmd(&["AUTH", password]).is_ok(), "the password is right");
        }
        client
    }

    /// Sends a command over a connection kept for this purpose.
    pub fn ask<A: AsRef<[u8]>>(&self, args: &[A]) -> Value {
        let mut kept = self.asker.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(client) = kept.as_mut()
            && let Ok(value) = client.try_cmd(args)
        {
            return value;
        }
        let mut client = self.client();
        let value = client.cmd(args);
        *kept = Some(client);
        value
    }

    /// Sends a command that must be answered with `OK`.
    pub fn ask_ok<A: AsRef<[u8]>>(&self, args: &[A]) {
        let reply = self.ask(args);
        assert!(reply.is_ok(), "{}: {reply:?}", super::client::shown(args));
    }

    /// A section of INFO.
    pub fn info(&self, section: &str) -> Info {
        Info::parse(&self.ask(&["INFO", section]).text())
    }

    /// `DEBUG DIGEST`.
    pub fn digest(&self) -> String {
        self.ask(&["DEBUG", "DIGEST"]).text()
    }

    /// A string's value; `None` when the key is absent.
    pub fn value_of(&self, key: &str) -> Option<String> {
        match self.ask(&["GET", key]) {
            Value::NullBulk => None,
            value => Some(value.text()),
        }
    }

    /// SHUTDOWN, and its end.
    pub fn shutdown(&mut self) {
        let mut client = self.client();
        // The reply is the closing of the connection.
        let reply = client.try_cmd(&["SHUTDOWN"]);
        assert!(reply.is_err(), "SHUTDOWN answered {reply:?}");
        self.wait_end();
    }

    /// SIGTERM, and its end.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal(libc::SIGTERM);
        self.wait_end()
    }

    /// SIGKILL, and its end.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // An error means that it is gone, which is what is wanted.
            let _ = child.kill();
            let _ = child.wait();
        }
        self.forget_connection();
    }

    /// Stops the process with SIGSTOP.
    pub fn pause(&self) {
        self.signal(libc::SIGSTOP);
    }

    /// Lets a paused process go on.
    pub fn resume(&self) {
        self.signal(libc::SIGCONT);
    }

    /// Waits until the process ends by itself.
    pub fn wait_end(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        self.forget_connection();
        wait_exit(&mut child)
    }

    /// Whether the process runs.
    pub fn runs(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Adds a line to the config file, for the next start.
    pub fn add_config(&self, line: &str) {
        let mut file =
            OpenOptions::new().append(true).open(self.config_file()).expect("it is there");
        writeln!(file, "{line}").expect("the config file is written");
    }

    /// What it has logged since it was made.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.dir.path().join("server.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until the log holds one of the texts.
    pub fn wait_log(&self, texts: &[&str]) {
        wait_until(DEADLINE, &format!("the log says one of {texts:?}"), || {
            let log = self.log();
            texts.iter().any(|text| log.contains(text))
        });
    }

    /// Who it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its port as text.
    pub fn port_text(&self) -> String {
        self.port.to_string()
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Its config file.
    pub fn config_file(&self) -> PathBuf {
        self.dir.path().join("server.conf")
    }

    /// Its process id; panics when it does not run.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.pid())).expect("it runs");
        let pages: u64 = statm.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("statm");
        pages * 4096
    }

    /// The number of descriptors the process holds.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("it runs").count()
    }

    fn spawn(&self) -> Child {
        let program = self.kind.program().expect("checked by `installed`");
        let args = [self.config_file().into_os_string()];
        spawn(&program, &args, &self.dir.path().join("server.log"))
    }

    fn answers(&self) -> bool {
        let Ok(mut client) = Client::connect(self.port) else { return false };
        match client.try_cmd(&["PING"]) {
            Ok(Value::Simple(text)) => text == b"PONG",
            Ok(value) => value.is_error("NOAUTH") || value.is_error("DENIED"),
            Err(_) => false,
        }
    }

    fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.pid()).expect("a process id");
        // SAFETY: kill(2) touches no memory; the child is not yet waited for, so the id is its.
        let result = unsafe { libc::kill(pid, signal) };
        assert_eq!(result, 0, "the process is there");
    }

    fn forget_connection(&self) {
        *self.asker.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(40)..].join("\n");
            eprintln!("--- log of {:?} on port {}\n{tail}\n---", self.kind, self.port);
        }
    }
}

/// A program run to its end with these arguments in an empty directory.
pub struct Ended {
    /// Its exit status; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed on both streams.
    pub output: String,
}

/// Runs the program of `kind` to its end. Panics when it has not ended by the deadline.
pub fn run_to_end(kind: Kind, dir: &Path, args: &[&str]) -> Ended {
    let mut child = run(kind, dir, args);
    let status = wait_exit(&mut child);
    let output = fs::read(dir.join("output")).unwrap_or_default();
    Ended { code: status.code(), output: String::from_utf8_lossy(&output).into_owned() }
}

/// Starts the program of `kind`; its output goes to `dir/output`. Killed by [`Running`]'s drop.
pub fn run(kind: Kind, dir: &Path, args: &[&str]) -> Child {
    let program = kind.program().expect("checked by `installed`");
    run_program(&program, dir, args)
}

/// Starts any program; its output goes to `dir/output`. Killed by [`Running`]'s drop.
pub fn run_program(program: &Path, dir: &Path, args: &[&str]) -> Child {
    let args: Vec<OsString> = args.iter().map(OsString::from).collect();
    spawn(program, &args, &dir.join("output"))
}

/// A child process that is killed with its owner.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that it is gone, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port nobody listens on, below the range from which outgoing connections get theirs.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test binaries that run at the same time start at different places.
    let _ =
        NEXT.compare_exchange(0, fastrand::u16(10_000..30_000), Ordering::SeqCst, Ordering::SeqCst);
    for _ in 0..20_000 {
        let port = 10_000 + NEXT.fetch_add(1, Ordering::SeqCst) % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port");
}

fn spawn(program: &Path, args: &[OsString], output: &Path) -> Child {
    let log: File =
        OpenOptions::new().create(true).append(true).open(output).expect("a file for the log");
    let errors = log.try_clone().expect("a file can be cloned");
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(log).stderr(errors);
    command.current_dir(output.parent().expect("a file is in a directory"));
    // SAFETY: prctl(2) is async-signal-safe and touches no memory of the parent's.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
    command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

fn wait_exit(child: &mut Child) -> ExitStatus {
    let mut status = None;
    let ended = holds_within(DEADLINE + Duration::from_secs(10), || {
        status = child.try_wait().expect("it is our child");
        status.is_some()
    });
    if !ended {
        // It must not outlive the test.
        let _ = child.kill();
        let _ = child.wait();
    }
    status.expect("the process ends by the deadline")
}

/// What every server of the tests is started with: no RDB unless asked for, and the periods of
/// replication as short as they can be, so that tests take milliseconds.
fn base_config(kind: Kind, port: u16, dir: &Path) -> String {
    let mut config = format!(
        "port {port}\nbind 127.0.0.1\ndir {}\nsave \"\"\nenable-debug-command yes\n\
         repl-diskless-sync-delay 0\nrepl-ping-replica-period 1\n",
        dir.display()
    );
    match kind {
        Kind::Own { shards } if kind.is_tributary() => {
            config.push_str(&format!("shards {shards}\n"))
        }
        // The stock servers notice the end of a child process only at a tick of their clock.
        _ => config.push_str("hz 100\n"),
    }
    config
}
