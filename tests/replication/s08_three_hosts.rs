//! Three hosts, each with its own address, in network namespaces that `tools/three-hosts` builds
//! from `conf/three-hosts`. Without the rights for that the scenario says so and passes: no run of
//! the tests depends on being root.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sched::{CloneFlags, setns};

use crate::support::client::Client;
use crate::support::info::Info;
use crate::support::server::Running;
use crate::support::stock::{Kind, note};
use crate::support::wait::{DEADLINE, wait_until};

tests_of! { scenario, &[(1, 0), (2, 0)];
    own1_own1_own1: [own(1), own(1), own(1)];
    own2_own2_own2: [own(2), own(2), own(2)];
    redis_own1_own2: [Redis, own(1), own(2)];
    own2_redis_valkey: [own(2), Redis, Valkey];
}

const HOSTS: [&str; 3] = ["master", "replica1", "replica2"];
const ADDRESSES: [&str; 3] = ["192.168.81.100", "192.168.81.101", "192.168.81.102"];
const PORT: u16 = 6379;
/// The port of the server that protects itself.
const PROTECTED_PORT: u16 = 7000;
/// How the script says that the rights or iproute2 are missing.
const CANNOT: i32 = 77;

fn scenario(cast: [Kind; 3]) {
    let Some(hosts) = Hosts::up(cast) else { return };
    for host in HOSTS {
        hosts.check_files(host);
    }
    hosts.wait_online();
    write(&hosts, "start", 200);
    hosts.wait_equal();
    hosts.cut_replica();
    hosts.cut_master();
    hosts.check_protected(cast[0]);
    let (instance, dir) = (hosts.instance.clone(), hosts.dir.clone());
    drop(hosts);
    let left = Command::new("ip").args(["netns", "list"]).output().expect("ip was there before");
    let left = String::from_utf8_lossy(&left.stdout).into_owned();
    assert!(!left.contains(&instance), "down left namespaces: {left}");
    assert!(!dir.exists(), "down left {}", dir.display());
}

/// The three hosts; removed with their owner.
struct Hosts {
    instance: String,
    dir: PathBuf,
    password: String,
}

impl Hosts {
    /// Builds them; `None` without the rights.
    fn up(cast: [Kind; 3]) -> Option<Hosts> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let instance = format!("test{}x{number}", std::process::id());
        let dir = std::env::temp_dir().join(format!("tributary-three-hosts-{instance}"));
        let mut args = vec!["up".to_owned()];
        for (host, kind) in HOSTS.iter().zip(cast) {
            let program = kind.program().expect("checked by `play`");
            args.push("--server".to_owned());
            args.push(format!("{host}={}", program.display()));
            if let Kind::Own { shards } = kind
                && kind.is_tributary()
            {
                args.push("--set".to_owned());
                args.push(format!("{host}=shards {shards}"));
            }
        }
        for line in [
            "save \"\"",
            "enable-debug-command yes",
            "repl-timeout 3",
            "repl-ping-replica-period 1",
            "repl-diskless-sync-delay 0",
        ] {
            args.extend(["--set".to_owned(), line.to_owned()]);
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let done = script(&instance, &args);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        if done.status.code() == Some(CANNOT) {
            note(&format!("SKIPPED three hosts in network namespaces: {}", said.trim_end()));
            return None;
        }
        assert!(done.status.success(), "three-hosts up: {said}");
        let config = fs::read_to_string(dir.join("master/server.conf")).expect("a configuration");
        let password = config.lines().find_map(|line| line.strip_prefix("requirepass "));
        let password = password.expect("a password").to_owned();
        Some(Hosts { instance, dir, password })
    }

    /// Runs a command of the script that must not fail.
    fn run(&self, args: &[&str]) {
        let done = script(&self.instance, args);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "three-hosts {args:?}: {said}");
    }

    /// A connection from one host to another one's port.
    fn connect(&self, from: usize, to: &str, port: u16) -> Option<Client> {
        let place = format!("/run/netns/tributary-{}-{}", self.instance, HOSTS[from]);
        let namespace = File::open(place).expect("the host is there");
        let to = (to.to_owned(), port);
        // A socket stays in the namespace it was made in; only this thread goes there.
        let connected = std::thread::spawn(move || {
            setns(namespace, CloneFlags::CLONE_NEWNET).expect("the rights were there before");
            TcpStream::connect(to)
        });
        let stream = connected.join().expect("it does not panic").ok()?;
        Client::over(stream).ok()
    }

    /// A connection to a host's server from the host itself, cut off or not.
    fn client(&self, host: usize) -> Client {
        let mut client = self.connect(host, ADDRESSES[host], PORT).expect("the server listens");
        assert!(client.cmd(&["AUTH", &self.password]).is_ok(), "the password is right");
        client
    }

    fn info(&self, host: usize, section: &str) -> Info {
        Info::of(&mut self.client(host), section)
    }

    fn stat(&self, name: &str) -> i64 {
        self.info(0, "stats").number(name)
    }

    /// `daemonize`, `pidfile` and `logfile` of the host's configuration were followed.
    fn check_files(&self, host: &str) {
        let read = |name: &str| fs::read_to_string(self.dir.join(host).join(name));
        let log = read("server.log").expect("a log file");
        assert!(log.contains("Ready to accept connections"), "{host}: {log}");
        let pid = read("server.pid").expect("a pid file");
        let pid: u32 = pid.trim().parse().expect("a process id");
        assert!(Path::new(&format!("/proc/{pid}")).exists(), "{host} runs as {pid}");
    }

    /// Waits until the master knows both replicas by their own addresses.
    fn wait_online(&self) {
        wait_until(DEADLINE, "both replicas are online, by their own addresses", || {
            let info = self.info(0, "replication");
            let slaves = ["slave0", "slave1"];
            let mut ips = slaves.map(|slave| info.part(slave, "ip").to_owned());
            ips.sort();
            let well = |slave: &&str| {
                info.part(slave, "state") == "online"
                    && info.part(slave, "port") == PORT.to_string()
            };
            ips == ADDRESSES[1..] && slaves.iter().all(well)
        });
    }

    /// Waits until all offsets are equal, then compares the data sets.
    fn wait_equal(&self) {
        self.wait_online();
        wait_until(DEADLINE, "the replicas have the master's offset", || {
            let offset = self.info(0, "replication").number("master_repl_offset");
            (1..3).all(|host| {
                let info = self.info(host, "replication");
                info.field("master_link_status") == "up"
                    && info.number("slave_repl_offset") == offset
            })
        });
        let digest = |host: usize| self.client(host).cmd(&["DEBUG", "DIGEST"]).text();
        let expected = digest(0);
        for (host, name) in HOSTS.iter().enumerate().skip(1) {
            assert_eq!(digest(host), expected, "{name}");
        }
    }

    fn cut_replica(&self) {
        let (full, partial) = (self.stat("sync_full"), self.stat("sync_partial_ok"));
        self.run(&["cut", HOSTS[1]]);
        wait_until(DEADLINE, "the master gives the replica up", || {
            self.info(0, "replication").field("connected_slaves") == "1"
        });
        write(self, "replica-away", 100);
        assert_eq!(self.info(2, "replication").field("master_link_status"), "up");
        self.run(&["heal", HOSTS[1]]);
        self.wait_equal();
        assert_eq!(self.stat("sync_full"), full, "the backlog held the gap");
        assert_eq!(self.stat("sync_partial_ok"), partial + 1);
    }

    fn cut_master(&self) {
        let (full, partial) = (self.stat("sync_full"), self.stat("sync_partial_ok"));
        self.run(&["cut", HOSTS[0]]);
        wait_until(DEADLINE, "the replicas know that the master is away", || {
            (1..3).all(|host| self.info(host, "replication").field("master_link_status") == "down")
        });
        for host in 1..3 {
            assert_eq!(self.info(host, "replication").field("role"), "slave");
            assert_eq!(self.client(host).cmd(&["GET", "start:0"]).text(), "0");
        }
        wait_until(DEADLINE, "the master gives the replicas up", || {
            self.info(0, "replication").field("connected_slaves") == "0"
        });
        write(self, "master-away", 100);
        self.run(&["heal", HOSTS[0]]);
        self.wait_equal();
        assert_eq!(self.stat("sync_full"), full, "the backlog held the gap");
        assert_eq!(self.stat("sync_partial_ok"), partial + 2);
    }

    /// Without password and bind a server answers its own host only.
    fn check_protected(&self, kind: Kind) {
        let program = kind.program().expect("checked by `play`");
        let child = Command::new(root().join("tools/three-hosts"))
            .args(["--instance", &self.instance, "run", HOSTS[0]])
            .arg(program)
            .args(["--port", &PROTECTED_PORT.to_string(), "--protected-mode", "yes"])
            .args(["--save", "", "--dir"])
            .arg(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the script is there");
        let _child = Running(child);
        wait_until(DEADLINE, "its own host is served", || {
            self.connect(0, "127.0.0.1", PROTECTED_PORT)
                .and_then(|mut client| client.try_cmd(&["PING"]).ok())
                .is_some_and(|reply| reply.text() == "PONG")
        });
        let mut stranger = self.connect(1, ADDRESSES[0], PROTECTED_PORT).expect("it listens");
        let said = stranger.read_to_close().expect("it says why it closes");
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(said.starts_with("-DENIED "), "{said:?}");
        // The stock servers begin this sentence differently.
        let reason = "in protected mode because protected mode is enabled and no password is set \
                      for the default user";
        assert!(said.contains(reason), "{said:?}");
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for host in HOSTS {
                let log = fs::read_to_string(self.dir.join(host).join("server.log"));
                eprintln!("--- log of {host}\n{}---", log.unwrap_or_default());
            }
        }
        let done = script(&self.instance, &["down"]);
        if !done.status.success() {
            note(&format!("three-hosts down: {}", String::from_utf8_lossy(&done.stderr)));
        }
    }
}

/// Writes that many keys on the master.
fn write(hosts: &Hosts, prefix: &str, count: usize) {
    let mut client = hosts.client(0);
    for n in 0..count {
        assert!(client.cmd(&["SET", &format!("{prefix}:{n}"), &n.to_string()]).is_ok());
    }
}

fn script(instance: &str, args: &[&str]) -> Output {
    Command::new(root().join("tools/three-hosts"))
        .args(["--instance", instance])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("the script is there")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
