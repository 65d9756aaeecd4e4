//! Clients keep what they read until they are told that it changed, while others write, expire,
//! rename, swap and flush: nobody is left with something stale.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::client::{Client, encode};
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::own;
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, wait_until};

const KEYS: u8 = 25;
const WRITERS: usize = 3;
const ROUNDS: usize = 400;
const MODES: &[&str] = &["on", "on NOLOOP", "on BCAST", "on BCAST PREFIX k1 NOLOOP", "on OPTIN"];

#[test]
fn own1_no_cache_stays_stale() {
    no_cache_stays_stale(1);
}

#[test]
fn own2_no_cache_stays_stale() {
    no_cache_stays_stale(2);
}

#[test]
fn own3_no_cache_stays_stale() {
    no_cache_stays_stale(3);
}

fn no_cache_stays_stale(shards: u16) {
    let server = Server::start(own(shards));
    let mut seed = Seed::new();
    let mut next = || seed.rng().u64(..);
    let writing = AtomicUsize::new(WRITERS);
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            let (client, seed, writing) = (server.client(), next(), &writing);
            scope.spawn(move || {
                write(client, seed);
                writing.fetch_sub(1, Ordering::SeqCst);
            });
        }
        for mode in MODES {
            let (client, checker) = (server.client(), server.client());
            let (seed, writing) = (next(), &writing);
            scope.spawn(move || Cached::new(client, mode, seed).live(writing, checker));
        }
    });
}

fn key(random: &mut fastrand::Rng) -> String {
    format!("k{}", random.u8(..KEYS))
}

fn write(mut client: Client, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    for round in 0..ROUNDS {
        let count = random.usize(1..10);
        let commands: Vec<Vec<Vec<u8>>> = (0..count)
            .map(|_| {
                let (a, b, value) = (key(&mut random), key(&mut random), random.u32(..));
                let text = match random.u16(..1000) {
                    0..10 => "FLUSHALL".to_owned(),
                    10..20 => "SWAPDB 0 1".to_owned(),
                    20..150 => format!("DEL {a} {b}"),
                    150..300 => format!("MSET {a} {value} {b} {round}"),
                    300..400 => format!("RENAME {a} {b}"),
                    400..500 => format!("PEXPIRE {a} {}", random.u8(..4)),
                    500..600 => format!("APPEND {a} x"),
                    _ => format!("SET {a} {value}"),
                };
                text.split(' ').map(|word| word.as_bytes().to_vec()).collect()
            })
            .collect();
        client.pipeline(&commands);
    }
}

/// What the reply to a command means to the cache.
enum Expected {
    Nothing,
    Read(Vec<String>),
    Unit(Vec<String>),
    Wrote(String),
}

/// A client with a cache.
struct Cached {
    client: Client,
    random: fastrand::Rng,
    opt_in: bool,
    /// What it may keep begins like this.
    prefix: &'static str,
    cache: HashMap<String, Option<Vec<u8>>>,
    expected: VecDeque<Expected>,
}

impl Cached {
    fn new(mut client: Client, mode: &str, seed: u64) -> Cached {
        client.cmd(&["HELLO", "3"]);
        let words: Vec<&str> = ["CLIENT", "TRACKING"].into_iter().chain(mode.split(' ')).collect();
        assert!(client.cmd(&words).is_ok(), "{mode}");
        let prefix = if mode.contains("PREFIX") { "k1" } else { "" };
        let random = fastrand::Rng::with_seed(seed);
        let opt_in = mode.contains("OPTIN");
        let (cache, expected) = (HashMap::new(), VecDeque::new());
        Cached { client, random, opt_in, prefix, cache, expected }
    }

    fn live(&mut self, writing: &AtomicUsize, mut checker: Client) {
        while writing.load(Ordering::SeqCst) > 0 {
            let mut bytes = Vec::new();
            for _ in 0..self.random.usize(1..8) {
                self.command(&mut bytes);
            }
            self.send(&bytes);
        }
        wait_until(DEADLINE, "every stale value is taken back", || {
            self.expected.push_back(Expected::Nothing);
            self.send(&encode(&["PING"]));
            let mut kept = self.cache.iter();
            kept.all(|(key, value)| checker.cmd(&["GET", key]).bytes() == value.as_deref())
        });
    }

    /// Adds a random command.
    fn command(&mut self, bytes: &mut Vec<u8>) {
        let (a, b) = (key(&mut self.random), key(&mut self.random));
        let kept = if self.opt_in { self.random.bool() } else { true };
        if self.opt_in && kept {
            bytes.extend(encode(&["CLIENT", "CACHING", "yes"]));
            self.expected.push_back(Expected::Nothing);
        }
        let read = |keys: Vec<String>| if kept { keys } else { Vec::new() };
        match self.random.u8(..10) {
            0 => {
                bytes.extend(encode(&["SET", &a, "own"]));
                self.expected.push_back(Expected::Wrote(a));
            }
            1 | 2 => {
                bytes.extend(encode(&["MGET", &a, &b]));
                self.expected.push_back(Expected::Unit(read(vec![a, b])));
            }
            3 => {
                bytes.extend(b"MULTI\r\n");
                bytes.extend(encode(&["GET", &a]));
                bytes.extend(encode(&["GET", &b]));
                bytes.extend(b"EXEC\r\n");
                let nothing = [Expected::Nothing, Expected::Nothing, Expected::Nothing];
                self.expected.extend(nothing);
                self.expected.push_back(Expected::Unit(read(vec![a, b])));
            }
            _ => {
                bytes.extend(encode(&["GET", &a]));
                self.expected.push_back(Expected::Read(read(vec![a])));
            }
        }
    }

    /// Sends commands and takes what the server says, in its order.
    fn send(&mut self, bytes: &[u8]) {
        self.client.send(bytes).expect("the server reads");
        while !self.expected.is_empty() {
            let value = self.client.read_any().expect("replies and news");
            if let Value::Push(items) = value {
                match &items[1] {
                    Value::Null => self.cache.clear(),
                    keys => keys.items().iter().for_each(|k| drop(self.cache.remove(&k.text()))),
                }
                continue;
            }
            match self.expected.pop_front().expect("a command was sent") {
                Expected::Nothing => {}
                Expected::Wrote(key) => drop(self.cache.remove(&key)),
                Expected::Read(keys) => {
                    keys.into_iter().for_each(|key| self.keep(key, &value));
                }
                Expected::Unit(keys) => {
                    let values = value.items();
                    keys.into_iter().zip(values).for_each(|(key, value)| self.keep(key, value));
                }
            }
        }
    }

    fn keep(&mut self, key: String, value: &Value) {
        if key.starts_with(self.prefix) {
            self.cache.insert(key, value.bytes().map(<[u8]>::to_vec));
        }
    }
}
