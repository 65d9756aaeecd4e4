//! M1, M2, M3 and M6 in the replication stream, read raw beside concurrent clients: it holds each
//! key's effects in order, keeps what happened before what followed, keeps units together, and
//! folded from its start gives the data set.

use std::collections::HashMap;
use std::sync::Mutex;
use std::thread;

use crate::common::{RUN, rounds_for, words};
use crate::stream_model::{Data, Folded, fold};
use crate::support::client::Client;
use crate::support::fake_replica::FakeReplica;
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::own;
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, wait_until};

#[test]
fn the_stream_of_one_shard_is_what_happened() {
    stream_beside_clients(1);
}

#[test]
fn the_stream_of_two_shards_is_what_happened() {
    stream_beside_clients(2);
}

#[test]
fn the_stream_of_three_shards_is_what_happened() {
    stream_beside_clients(3);
}

/// Keys that are given a time to live.
const MORTALS: u8 = 10;
/// Clients, each in one of three databases.
const CLIENTS: usize = 6;

fn stream_beside_clients(shards: u16) {
    let seed = Seed::new();
    let master = Server::start(own(shards));
    let mut replica = FakeReplica::connect(master.port());
    replica.handshake(&["eof", "psync2"]);
    replica.full_resync();
    // The one who holds the lock writes the next link of the chain and has the reply before the
    // next one begins: each happened before the next.
    let chain = Mutex::new(0);
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (master, seed, chain) = (&master, &seed, &chain);
            scope.spawn(move || {
                let rng = fastrand::Rng::with_seed(seed.value() + number as u64);
                let mut client = master.client();
                assert!(client.cmd(&["SELECT", &(number % 3).to_string()]).is_ok());
                let mut writer = Writer { number, client, rng, units: 0 };
                rounds_for(RUN, |_| writer.step(chain));
            });
        }
    });
    let data = data_of(&master);
    let offset = master.info("replication").number("master_repl_offset");
    replica.read_to(offset as u64);
    let commands = replica.commands();
    let folded = fold(&commands);
    check_chain(&folded, chain.into_inner().expect("no client panicked"));
    check_counters(&folded);
    check_units(&folded);
    let differ = |(key, value): &(&(usize, String), &String)| data.get(key) != Some(value);
    let more: Vec<_> = folded.data.iter().filter(differ).collect();
    assert!(more.is_empty(), "the stream says {more:?}, which the data set does not");
    assert_eq!(folded.data.len(), data.len(), "the data set has keys that the stream has not");
}

struct Writer {
    number: usize,
    client: Client,
    rng: fastrand::Rng,
    units: u64,
}

impl Writer {
    fn step(&mut self, chain: &Mutex<u64>) {
        match self.rng.u8(0..10) {
            0..4 => self.hand_off(chain),
            4 | 5 => self.count(),
            6 | 7 => self.write_unit(),
            8 => self.write_relative(),
            _ => self.write_nothing(),
        }
    }

    /// Writes the chain's next link; its shard is another one than the last link's, mostly.
    fn hand_off(&mut self, chain: &Mutex<u64>) {
        let mut last = chain.lock().expect("no client panicked");
        let key = format!("chain{}", *last % 40);
        let next = (*last + 1).to_string();
        let reply = match self.rng.u8(0..3) {
            0 => self.client.cmd(&["SET", &key, &next]),
            1 => self.client.cmd(&["MSET", &key, &next, &format!("{key}b"), &next]),
            _ => {
                let commands = [
                    words(&["MULTI"]),
                    words(&["SET", &key, &next]),
                    words(&["SET", &format!("{key}b"), &next]),
                    words(&["EXEC"]),
                ];
                self.client.pipeline(&commands).swap_remove(0)
            }
        };
        assert!(reply.is_ok(), "{reply:?}");
        *last += 1;
    }

    /// Counts on keys of its own, in a pipeline over all shards.
    fn count(&mut self) {
        let names: Vec<String> =
            (0..8).map(|_| format!("count{}:{}", self.number, self.rng.u8(0..5))).collect();
        let commands: Vec<_> = names.iter().map(|name| words(&["INCR", name])).collect();
        for reply in self.client.pipeline(&commands) {
            assert!(matches!(reply, Value::Integer(_)), "{reply:?}");
        }
    }

    /// A transaction over all shards whose commands all bear one mark.
    fn write_unit(&mut self) {
        self.units += 1;
        let mark = format!("unit{}:{}", self.number, self.units);
        let sets = (0..4).map(|n| words(&["SET", &format!("shared{n}"), &mark]));
        let commands: Vec<_> =
            [words(&["MULTI"])].into_iter().chain(sets).chain([words(&["EXEC"])]).collect();
        let replies = self.client.pipeline(&commands);
        assert_eq!(replies[5].items().len(), 4, "{replies:?}");
    }

    /// What must not be streamed as it was asked for, since time goes on.
    fn write_relative(&mut self) {
        let key = format!("mortal{}", self.rng.u8(0..MORTALS));
        let commands = [
            words(&["SET", &key, "v", "EX", "1000"]),
            words(&["EXPIRE", &key, "2000"]),
            words(&["SETEX", &key, "3000", "w"]),
            words(&["GETEX", &key, "PX", "4000000"]),
            words(&["SET", &format!("{key}:short"), "v", "PX", "1"]),
            words(&["GETDEL", &format!("{key}:none")]),
            words(&["SET", &format!("{key}:float"), "1"]),
            words(&["INCRBYFLOAT", &format!("{key}:float"), "0.5"]),
        ];
        for reply in self.client.pipeline(&commands) {
            assert!(!matches!(reply, Value::Error(_)), "{reply:?}");
        }
    }

    /// What changes nothing and so must not be streamed.
    fn write_nothing(&mut self) {
        let word = format!("word{}", self.number);
        let commands = [
            words(&["SET", &word, "x"]),
            words(&["SETNX", &word, "y"]),
            words(&["SET", &word, "y", "NX"]),
            words(&["INCR", &word]),
            words(&["DEL", "none", "nothing"]),
            words(&["MSETNX", &word, "y", "nothing", "y"]),
            words(&["PERSIST", &word]),
            words(&["MULTI"]),
            words(&["GET", &word]),
            words(&["DEL", "none"]),
            words(&["EXEC"]),
        ];
        let replies = self.client.pipeline(&commands);
        assert!(replies[3].is_error("ERR"), "{replies:?}");
        assert_eq!(replies[5], Value::Integer(0), "{replies:?}");
    }
}

/// M2: the links stand in the stream in the order in which they were written.
fn check_chain(folded: &Folded, links: u64) {
    let mut last = 0;
    for (_, command) in &folded.effects {
        let is_link = command[1].starts_with("chain") && !command[1].ends_with('b');
        if is_link && matches!(command[0].to_ascii_uppercase().as_str(), "SET" | "MSET") {
            let link: u64 = command[2].parse().expect("a link's number");
            assert_eq!(link, last + 1, "{command:?} follows link {last}");
            last = link;
        }
    }
    assert_eq!(last, links, "every link stands in the stream");
    assert!(links > 20, "only {links} hand-offs");
}

/// M1: each counter's INCRs are all there; their number is checked by the data set's value.
fn check_counters(folded: &Folded) {
    let mut counts: HashMap<(usize, &str), u64> = HashMap::new();
    for (db, command) in &folded.effects {
        if command[0].eq_ignore_ascii_case("INCR") {
            *counts.entry((*db, command[1].as_str())).or_default() += 1;
        }
    }
    for ((db, key), count) in counts {
        let value = &folded.data[&(db, key.to_owned())];
        assert_eq!(*value, count.to_string(), "{key} in database {db}");
    }
}

/// M3: what bears one mark stands in one unit, and nothing else with it.
fn check_units(folded: &Folded) {
    let marked = |effect: &(usize, Vec<String>)| effect.1[1].starts_with("shared");
    let mut in_units = 0;
    for (begin, end) in &folded.units {
        let unit = &folded.effects[*begin..*end];
        if unit.iter().any(marked) {
            in_units += unit.len();
            let one = unit.iter().all(|(db, command)| {
                (*db, command.get(2)) == (unit[0].0, unit[0].1.get(2)) && marked(&unit[0])
            });
            assert!(one && unit.len() == 4, "a unit holds {unit:?}");
        }
    }
    assert_eq!(in_units, folded.effects.iter().filter(|effect| marked(effect)).count());
}

fn data_of(server: &Server) -> Data {
    let mut client = server.client();
    let mut data = Data::new();
    for db in 0..3 {
        assert!(client.cmd(&["SELECT", &db.to_string()]).is_ok());
        // What has expired is gone, and streamed as deleted, when somebody has asked for it.
        for n in 0..MORTALS {
            wait_until(DEADLINE, "short lives end", || {
                client.cmd(&["GET", &format!("mortal{n}:short")]) == Value::NullBulk
            });
        }
        for key in client.cmd(&["KEYS", "*"]).items() {
            let key = key.text();
            let value = client.cmd(&["GET", &key]).text();
            data.insert((db, key), value);
        }
    }
    data
}
