//! Every pushed element is popped exactly once, whoever waits where, while clients come and go; and
//! at each key who came first is served first.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{answer, waiting};
use crate::support::client::Client;
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::own;
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, wait_until};

const KEYS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const ELEMENTS: usize = 3000;
const CONSUMERS: usize = 12;

#[test]
fn own1_nothing_is_lost_or_doubled() {
    nothing_is_lost(1);
}

#[test]
fn own2_nothing_is_lost_or_doubled() {
    nothing_is_lost(2);
}

#[test]
fn own3_nothing_is_lost_or_doubled() {
    nothing_is_lost(3);
}

/// One turn of a consumer: what it took, if anything. Moves put elements elsewhere, they do not
/// take them.
fn consume(client: &mut Client, random: &mut fastrand::Rng) -> Vec<String> {
    let key = |random: &mut fastrand::Rng| KEYS[random.usize(..KEYS.len())];
    let timeout = ["0.001", "0.01", "0.05"][random.usize(..3)];
    let (one, two, three) = (key(random), key(random), key(random));
    match random.u8(..6) {
        0..3 => {
            let name = ["BLPOP", "BRPOP"][random.usize(..2)];
            let reply = client.cmd(&[name, one, two, three, timeout]);
            if reply == Value::NullArray { Vec::new() } else { vec![reply.items()[1].text()] }
        }
        3 => {
            let reply = client.cmd(&["BLMPOP", timeout, "2", one, two, "LEFT", "COUNT", "3"]);
            if reply == Value::NullArray {
                return Vec::new();
            }
            reply.items()[1].items().iter().map(Value::text).collect()
        }
        4 => {
            client.cmd(&["BLMOVE", one, two, "LEFT", "RIGHT", timeout]);
            Vec::new()
        }
        _ => {
            client.cmd(&["BRPOPLPUSH", one, two, timeout]);
            Vec::new()
        }
    }
}

fn nothing_is_lost(shards: u16) {
    let server = Server::start(own(shards));
    let mut seed = Seed::new();
    let (pushed, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let consumer = |seed: u64| {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut client = server.client();
        let mut all = Vec::new();
        while taken.load(Ordering::SeqCst) < ELEMENTS {
            let some = consume(&mut client, &mut random);
            taken.fetch_add(some.len(), Ordering::SeqCst);
            all.extend(some);
        }
        all
    };
    let producer = |seed: u64| {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut client = server.client();
        loop {
            let number = pushed.fetch_add(1, Ordering::SeqCst);
            if number >= ELEMENTS {
                break;
            }
            let key = KEYS[random.usize(..KEYS.len())];
            let name = ["LPUSH", "RPUSH"][random.usize(..2)];
            assert!(client.cmd(&[name, key, &number.to_string()]).integer() > 0);
        }
    };
    let seeds: Vec<u64> = (0..CONSUMERS + 2).map(|_| seed.rng().u64(..)).collect();
    let all: Vec<String> = std::thread::scope(|scope| {
        let consumers: Vec<_> =
            seeds[2..].iter().map(|seed| scope.spawn(|| consumer(*seed))).collect();
        seeds[..2].iter().for_each(|seed| drop(scope.spawn(|| producer(*seed))));
        let join = |thread: std::thread::ScopedJoinHandle<'_, Vec<String>>| {
            thread.join().expect("a consumer")
        };
        consumers.into_iter().flat_map(join).collect()
    });
    let distinct: BTreeSet<&String> = all.iter().collect();
    assert_eq!((all.len(), distinct.len()), (ELEMENTS, ELEMENTS));
    assert_eq!(server.ask(&["DBSIZE"]), Value::Integer(0));
    wait_until(DEADLINE, "nobody waits", || {
        server.info("clients").field("total_blocking_keys") == "0"
    });
}

#[test]
fn at_each_key_who_came_first_is_served_first() {
    for shards in [1, 2, 3] {
        let server = Server::start(own(shards));
        let mut seed = Seed::new();
        let random = seed.rng();
        let mut waiters: Vec<Client> = (0..8)
            .map(|_| {
                let other = KEYS[random.usize(1..KEYS.len())];
                waiting(&server, &["BLPOP", other, "a", "0"])
            })
            .collect();
        for (number, waiter) in waiters.iter_mut().enumerate() {
            server.ask(&["RPUSH", "a", &number.to_string()]);
            let pair = answer(waiter);
            let pair = pair.items();
            assert_eq!((pair[0].text(), pair[1].text()), ("a".to_owned(), number.to_string()));
        }
    }
}

/// Moves between shards take a lease: those that came later do not overtake them.
#[test]
fn moves_to_other_shards_keep_their_place() {
    for shards in [1, 2, 3] {
        let server = Server::start(own(shards));
        for to in ["b", "c", "d", "e", "f"] {
            let mut first = waiting(&server, &["BLMOVE", "a", to, "LEFT", "RIGHT", "0"]);
            let mut second = waiting(&server, &["BLPOP", "a", "0"]);
            server.ask(&["RPUSH", "a", "1", "2", "3"]);
            assert_eq!(answer(&mut first).text(), "1");
            assert_eq!(answer(&mut second).items()[1].text(), "2");
            assert_eq!(server.ask(&["LPOP", to]).text(), "1");
            assert_eq!(server.ask(&["LPOP", "a"]).text(), "3");
        }
    }
}
