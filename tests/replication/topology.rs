//! Random walks through topologies while writes go on: links cut at any byte, other masters in
//! mid-life, promotions after which the old master returns, clean restarts of masters and replicas
//! with other numbers of shards. Each server needs one full resynchronization, its first, and at
//! the end all hold the same at the same offset.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::checks::{wait_link_up, write_sample};
use crate::support::client::Client;
use crate::support::proxy::Proxy;
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::Kind;
use crate::support::wait::{DEADLINE, holds_within, wait_until};

mod star {
    tests_of! { super::star, &[(1, 0), (2, 0)];
        own1_own2_own3: [own(1), own(2), own(3)];
        own2_own2_own2: [own(2), own(2), own(2)];
        own2_redis_valkey: [own(2), Redis, Valkey];
    }
}
mod chain {
    tests_of! { super::chain, &[(1, 0), (2, 1), (3, 2), (4, 3)];
        own_all: [own(1), own(2), own(3), own(2), own(1)];
        mixed: [own(2), Redis, own(3), Valkey, own(1)];
    }
}

/// A master and two replicas.
fn star(cast: [Kind; 3]) {
    walk(&cast, |_| 0);
}

/// Each follows the one before it, to begin with.
fn chain(cast: [Kind; 5]) {
    walk(&cast, |place| place - 1);
}

fn walk(cast: &[Kind], first_parent: fn(usize) -> usize) {
    const STEPS: usize = 12;
    let mut walk = Walk::new(cast, first_parent);
    let writer = Writer::default();
    std::thread::scope(|scope| {
        scope.spawn(|| writer.run());
        let end = EndOnDrop(&writer);
        writer.aim(Some(walk.nodes[0].server.port()));
        for _ in 0..STEPS {
            let writes = walk.seed.rng().usize(1..200);
            writer.wait_more(writes);
            walk.step(&writer);
        }
        writer.wait_more(50);
        writer.aim(None);
        drop(end);
    });
    // Keys that end meanwhile would make the data sets differ from one look to the next.
    wait_until(DEADLINE, "short lives have ended", || walk.volatile_keys() == LONG_LIVES);
    walk.wait_equal();
    walk.compare();
}

struct Walk {
    nodes: Vec<Node>,
    master: usize,
    seed: Seed,
    story: Vec<String>,
}

/// A server, and the way to it that can be cut.
struct Node {
    server: Server,
    proxy: Proxy,
    parent: Option<usize>,
}

impl Walk {
    fn new(cast: &[Kind], first_parent: fn(usize) -> usize) -> Walk {
        // The PINGs of an old master would make its history longer than its heir's.
        let directives =
            ["save 3600 1000000", "repl-backlog-size 64mb", "repl-ping-replica-period 3600"];
        let start = |kind: &Kind| {
            let server = Server::with(*kind, &directives);
            let proxy = Proxy::to(server.port());
            Node { server, proxy, parent: None }
        };
        let nodes: Vec<Node> = cast.iter().map(start).collect();
        let mut walk = Walk { nodes, master: 0, seed: Seed::new(), story: Vec::new() };
        write_sample(&walk.nodes[0].server);
        for place in 1..walk.nodes.len() {
            walk.follow(place, first_parent(place));
            wait_link_up(&walk.nodes[place].server);
        }
        walk
    }

    fn step(&mut self, writer: &Writer) {
        let last = self.nodes.len() - 1;
        let replicas: Vec<usize> = (0..=last).filter(|place| *place != self.master).collect();
        let replica = replicas[self.seed.rng().usize(..replicas.len())];
        match self.seed.rng().u8(..10) {
            0..3 => self.cut(replica),
            3..6 => self.reparent(replica, writer),
            6..8 => self.promote(replica, writer),
            8 => self.restart(replica, writer),
            _ => self.restart(self.master, writer),
        }
    }

    /// The link of a replica breaks: now, or after some bytes.
    fn cut(&mut self, replica: usize) {
        let Some(parent) = self.nodes[replica].parent else { return };
        let bytes = self.seed.rng().u64(..20_000);
        self.tell(format!("the links to {parent} are cut after {bytes} bytes"));
        self.nodes[parent].proxy.cut_after(bytes.max(1));
    }

    /// A replica gets another master, which need not have all that it has itself.
    fn reparent(&mut self, replica: usize, writer: &Writer) {
        let others = (0..self.nodes.len()).filter(|other| !self.is_below(*other, replica));
        let others: Vec<usize> = others.collect();
        let parent = others[self.seed.rng().usize(..others.len())];
        self.tell(format!("{replica} follows {parent}"));
        // A stock server sends everything to a replica that has more than it has itself.
        let quiet = !self.nodes[parent].server.kind().is_tributary();
        let held = quiet.then(|| writer.hold());
        if quiet {
            self.wait_equal();
        }
        self.follow(replica, parent);
        if quiet {
            wait_link_up(&self.nodes[replica].server);
        }
        drop(held);
    }

    /// A replica that has everything becomes the master, and the old one its replica.
    fn promote(&mut self, heir: usize, writer: &Writer) {
        self.tell(format!("{heir} is promoted, {} returns", self.master));
        let mut held = writer.hold();
        let old = self.master;
        self.nodes[old].server.ask_ok(&["CLIENT", "PAUSE", "60000", "WRITE"]);
        self.wait_equal();
        self.nodes[heir].server.ask_ok(&["REPLICAOF", "NO", "ONE"]);
        (self.nodes[heir].parent, self.master) = (None, heir);
        self.follow(old, heir);
        self.nodes[old].server.ask_ok(&["CLIENT", "UNPAUSE"]);
        self.wait_one_id();
        *held = Some(self.nodes[heir].server.port());
    }

    /// A clean end and a new start, perhaps with another number of shards. What the others have
    /// is at least what its file holds.
    fn restart(&mut self, place: usize, writer: &Writer) {
        self.tell(format!("{place} is restarted"));
        let mut held = writer.hold();
        self.wait_equal();
        let shards = self.seed.rng().u16(1..=3);
        let server = &mut self.nodes[place].server;
        server.ask_ok(&["CONFIG", "REWRITE"]);
        if server.kind().is_tributary() {
            server.add_config(&format!("shards {shards}"));
        }
        server.shutdown();
        if place != self.master {
            // The others go on meanwhile.
            drop(held);
            writer.wait_more(50);
            server.launch();
            return;
        }
        server.launch();
        *held = None;
        self.wait_one_id();
        *held = Some(self.nodes[place].server.port());
    }

    fn follow(&mut self, replica: usize, parent: usize) {
        let port = self.nodes[parent].proxy.port().to_string();
        let reply = self.nodes[replica].server.ask(&["REPLICAOF", "127.0.0.1", &port]);
        assert!(reply.text().starts_with("OK"), "{reply:?}");
        self.nodes[replica].parent = Some(parent);
    }

    /// Whether `place` is `top` or follows it, over whatever others.
    fn is_below(&self, place: usize, top: usize) -> bool {
        let parent = |place: &usize| self.nodes[*place].parent;
        std::iter::successors(Some(place), parent).any(|place| place == top)
    }

    /// Waits until all links are up and all offsets are the master's.
    fn wait_equal(&self) {
        self.wait_all("all offsets are equal", |walk| {
            let end = walk.nodes[walk.master].offset();
            walk.replicas().all(|node| node.is_up() && node.offset() == end)
        });
    }

    /// Waits until all are in the master's history: a second change of its name would be too much
    /// for who missed the first.
    fn wait_one_id(&self) {
        self.wait_all("all are in one history", |walk| {
            let id = walk.nodes[walk.master].id();
            walk.replicas().all(|node| node.is_up() && node.id() == id)
        });
    }

    fn wait_all(&self, what: &str, holds: impl Fn(&Walk) -> bool) {
        let held = holds_within(DEADLINE, || holds(self));
        let state = |node: &Node| (node.is_up(), node.offset(), node.id());
        let states: Vec<_> = self.nodes.iter().map(state).collect();
        assert!(held, "{what}: {states:#?}\n{:#?}", self.story);
    }

    fn replicas(&self) -> impl Iterator<Item = &Node> {
        let places = self.nodes.iter().enumerate();
        places.filter(|(place, _)| *place != self.master).map(|(_, node)| node)
    }

    fn volatile_keys(&self) -> u64 {
        let info = self.nodes[self.master].server.info("keyspace");
        let number = |db: &str| info.part(db, "expires").parse::<u64>().expect("a number");
        info.names().iter().map(|db| number(db)).sum()
    }

    fn compare(&self) {
        let (seed, story) = (self.seed.value(), &self.story);
        let digest = self.nodes[self.master].server.digest();
        for (place, node) in self.nodes.iter().enumerate() {
            let log = node.server.log();
            let texts = ["Full resync from master", "Full resync from primary"];
            let full: usize = texts.iter().map(|text| log.matches(text).count()).sum();
            assert_eq!(full, usize::from(place > 0), "server {place}, seed {seed}: {story:#?}");
            assert_eq!(node.server.digest(), digest, "server {place}, seed {seed}: {story:#?}");
        }
    }

    fn tell(&mut self, what: String) {
        self.story.push(what);
    }
}

impl Node {
    fn is_up(&self) -> bool {
        self.server.info("replication").field("master_link_status") == "up"
    }

    fn offset(&self) -> i64 {
        self.server.info("replication").number("master_repl_offset")
    }

    fn id(&self) -> String {
        self.server.info("replication").field("master_replid").to_owned()
    }
}

/// A client that writes to the master there is, one command after the other.
#[derive(Default)]
struct Writer {
    /// The master's port; none while nobody may be written to.
    target: Mutex<Option<u16>>,
    written: AtomicUsize,
    ended: AtomicBool,
}

/// Ends the writer even when the test fails, else its thread would never be joined.
struct EndOnDrop<'a>(&'a Writer);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::SeqCst);
    }
}

impl Writer {
    fn run(&self) {
        let mut client: Option<(u16, Client)> = None;
        let mut rng = fastrand::Rng::with_seed(7);
        while !self.ended.load(Ordering::SeqCst) {
            // Held for the whole command: who holds it knows that none is under way.
            let target = self.hold();
            let Some(port) = *target else {
                drop(target);
                std::thread::yield_now();
                continue;
            };
            let known = client.take().filter(|(known, _)| *known == port);
            let (_, mut to) =
                known.unwrap_or_else(|| (port, Client::connect(port).expect("it listens")));
            match to.try_cmd(&command(&mut rng)) {
                Ok(reply) => {
                    assert!(!reply.is_error(""), "{reply:?}");
                    self.written.fetch_add(1, Ordering::SeqCst);
                    client = Some((port, to));
                }
                // It was restarted since.
                Err(_) => client = None,
            }
        }
    }

    fn aim(&self, target: Option<u16>) {
        *self.hold() = target;
    }

    /// Nothing is written while this is held.
    fn hold(&self) -> MutexGuard<'_, Option<u16>> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_more(&self, count: usize) {
        let goal = self.written.load(Ordering::SeqCst) + count;
        wait_until(DEADLINE, "writes go on", || self.written.load(Ordering::SeqCst) >= goal);
    }
}

/// Keys of the sample that live longer than the test.
const LONG_LIVES: u64 = 2;

/// A random write: most of one key, some of several, some that end by themselves.
fn command(rng: &mut fastrand::Rng) -> Vec<Vec<u8>> {
    let key = |rng: &mut fastrand::Rng| format!("k:{}", rng.u8(..));
    let number = rng.u32(..);
    let words = match rng.u8(..8) {
        0 => format!("INCR count:{}", rng.u8(..8)),
        1 => format!("DEL {} {}", key(rng), key(rng)),
        2 => format!("MSET {} {number} {} {number}", key(rng), key(rng)),
        3 => format!("SET {} {number} PX {}", key(rng), rng.u16(1..500)),
        4 => format!("SELECT {}", rng.u8(..3)),
        5 => format!("APPEND {} {}", key(rng), "x".repeat(usize::from(rng.u8(..100)))),
        _ => format!("SET {} {number}", key(rng)),
    };
    words.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}
