//! Three stock Sentinels, a master and its replicas.

use std::fs;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::client::Client;
use crate::support::proxy::Proxy;
use crate::support::server::{Running, Server, free_port, run_program};
use crate::support::stock::{Kind, installed, tool};
use crate::support::wait::{holds_within, wait_until};

/// After so long without an answer a Sentinel takes a server for down.
pub const DOWN_AFTER: Duration = Duration::from_secs(1);

/// A replica is the new master so long after that at the latest.
pub const PROMOTION: Duration = Duration::from_secs(5);

/// Sentinels ask for INFO every ten seconds, and wait eight before they make a master that came
/// back a replica.
pub const SETTLED: Duration = Duration::from_secs(240);

/// What the Sentinels call the servers they watch.
pub const NAME: &str = "watched";

/// Servers under watch. The first one began as the master; it is reached through the proxy.
pub struct Watched {
    pub servers: Vec<Server>,
    pub proxy: Proxy,
    pub sentinels: Vec<Sentinel>,
}

/// One Sentinel.
pub struct Sentinel {
    pub port: u16,
    _process: Running,
    _dir: TempDir,
}

impl Watched {
    /// A master, its replicas and three Sentinels that know them all; `None`, said loudly, where a
    /// program is missing.
    pub fn start(cast: &[Kind]) -> Option<Watched> {
        let program = tool("redis-sentinel")?;
        if !installed(cast) {
            return None;
        }
        let port = free_port();
        let proxy = Proxy::to(port);
        let (seen, fast) = (proxy.port(), "repl-timeout 5");
        let mut servers = Vec::new();
        for (place, kind) in cast.iter().enumerate() {
            servers.push(match place {
                0 => {
                    let announced = format!("replica-announce-port {seen}");
                    Server::on_port(*kind, port, &[&announced, fast])
                }
                _ => Server::with(*kind, &[&format!("replicaof 127.0.0.1 {seen}"), fast]),
            });
        }
        wait_until(SETTLED, "the replicas are online", || {
            servers[1..].iter().all(|replica| follows(replica, seen))
        });
        let sentinels = (0..3).map(|_| Sentinel::start(&program, seen)).collect();
        let watched = Watched { servers, proxy, sentinels };
        let replicas = (cast.len() - 1).to_string();
        wait_until(SETTLED, "the Sentinels know all servers and each other", || {
            watched.sentinels.iter().all(|sentinel| {
                let known = sentinel.client().cmd(&["SENTINEL", "MASTER", NAME]);
                let field = |name: &str| {
                    let at = known.items().iter().position(|item| item.text() == name);
                    at.map(|at| known.items()[at + 1].text()).unwrap_or_default()
                };
                field("num-slaves") == replicas
                    && field("num-other-sentinels") == "2"
                    && field("flags") == "master"
            })
        });
        Some(watched)
    }

    /// The port at which clients find a server.
    pub fn port_of(&self, place: usize) -> u16 {
        if place == 0 { self.proxy.port() } else { self.servers[place].port() }
    }

    /// Waits until all Sentinels name a new master, in time; which server that is.
    pub fn wait_promotion(&self, failed_at: Instant) -> usize {
        let names_new = |sentinel: &Sentinel| sentinel.master() != self.port_of(0);
        let in_time = holds_within(DOWN_AFTER + PROMOTION, || self.sentinels.iter().all(names_new));
        assert!(in_time, "no new master {:?} after the old one failed", failed_at.elapsed());
        let port = self.sentinels[0].master();
        let heir = (1..self.servers.len()).find(|place| self.port_of(*place) == port);
        let heir = heir.expect("one of the replicas");
        wait_until(SETTLED, "it takes writes", || {
            self.servers[heir].ask(&["SET", "after", "failover"]).is_ok()
        });
        heir
    }

    /// Waits until `place` follows `heir` and holds what it holds.
    pub fn wait_follows(&self, place: usize, heir: usize) {
        let (server, master) = (&self.servers[place], &self.servers[heir]);
        let told = format!("{:?} at place {place} follows {:?}", server.kind(), master.kind());
        wait_until(SETTLED, &told, || {
            follows(server, self.port_of(heir)) && server.digest() == master.digest()
        });
    }
}

impl Sentinel {
    fn start(program: &std::path::Path, master: u16) -> Sentinel {
        let dir = tempfile::Builder::new().prefix("tributary-").tempdir().expect("a directory");
        let port = free_port();
        let config = dir.path().join("sentinel.conf");
        let lines = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor {NAME} 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds {NAME} {}\nsentinel failover-timeout {NAME} 4000\n\
             sentinel parallel-syncs {NAME} 3\n",
            dir.path().display(),
            DOWN_AFTER.as_millis(),
        );
        fs::write(&config, lines).expect("the config file is written");
        let path = config.display().to_string();
        let process = Running(run_program(program, dir.path(), &[&path]));
        let sentinel = Sentinel { port, _process: process, _dir: dir };
        wait_until(SETTLED, "a Sentinel answers", || {
            Client::connect(port).is_ok_and(|mut client| client.try_cmd(&["PING"]).is_ok())
        });
        sentinel
    }

    /// A connection to it.
    pub fn client(&self) -> Client {
        Client::connect(self.port).expect("it listens")
    }

    /// The port of the master it names.
    pub fn master(&self) -> u16 {
        let address = self.client().cmd(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]);
        address.items()[1].text().parse().expect("a port")
    }
}

fn follows(server: &Server, port: u16) -> bool {
    let info = server.info("replication");
    info.field("role") == "slave"
        && info.field("master_port") == port.to_string()
        && info.field("master_link_status") == "up"
}
