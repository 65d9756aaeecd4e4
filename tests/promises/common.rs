//! What several promises are tested with: a writer that updates keys in a known order, and the
//! bookkeeping of a reader that must never see that order broken.

use std::time::{Duration, Instant};

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, wait_until};

/// A command's arguments.
pub type Command = Vec<Vec<u8>>;

/// How many keys a writer updates in order; their slots are spread over all shards.
pub const KEYS: usize = 20;

/// How long concurrent work goes on.
pub const RUN: Duration = Duration::from_millis(1500);

/// The key that a round updates as its `n`th.
pub fn key(n: usize) -> String {
    format!("k{n}")
}

/// A command from words.
pub fn words<A: AsRef<[u8]>>(args: &[A]) -> Command {
    args.iter().map(|arg| arg.as_ref().to_vec()).collect()
}

/// `SET key value`.
pub fn set(key: &str, value: u64) -> Command {
    words(&["SET", key, &value.to_string()])
}

/// Runs `one_round` with rising numbers from 1 until `time` is over; returns the last number.
pub fn rounds_for(time: Duration, mut one_round: impl FnMut(u64)) -> u64 {
    let end = Instant::now() + time;
    let mut round = 0;
    while Instant::now() < end {
        round += 1;
        one_round(round);
    }
    round
}

/// `REPLICAOF`, then waits until the link is up.
pub fn attach(replica: &Server, master: &Server) {
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &master.port_text()]);
    wait_until(DEADLINE, "master_link_status:up", || {
        replica.info("replication").field("master_link_status") == "up"
    });
}

/// Sets all keys to 0, so that every read finds a number.
pub fn set_all_to_zero(server: &Server) {
    let commands: Vec<Command> = (0..KEYS).map(|n| set(&key(n), 0)).collect();
    for reply in server.client().pipeline(&commands) {
        assert!(reply.is_ok(), "{reply:?}");
    }
}

/// Sets `k0` … `k19` to `round`, in that order, in one of the ways a client can.
pub fn write_round(client: &mut Client, round: u64, rng: &mut fastrand::Rng) {
    let commands: Vec<Command> = match rng.u8(0..4) {
        0 => {
            for n in 0..KEYS {
                assert!(client.cmd(&set(&key(n), round)).is_ok());
            }
            return;
        }
        1 => (0..KEYS).map(|n| set(&key(n), round)).collect(),
        2 => chunks(rng)
            .into_iter()
            .flat_map(|keys| {
                let sets = keys.map(|n| set(&key(n), round));
                [words(&["MULTI"])].into_iter().chain(sets).chain([words(&["EXEC"])])
            })
            .collect(),
        _ => chunks(rng)
            .into_iter()
            .map(|keys| {
                let pairs = keys.flat_map(|n| [key(n).into_bytes(), round.to_string().into()]);
                [b"MSET".to_vec()].into_iter().chain(pairs).collect()
            })
            .collect(),
    };
    for reply in client.pipeline(&commands) {
        assert!(!matches!(reply, Value::Error(_)), "{reply:?}");
    }
}

/// The keys cut into consecutive pieces.
fn chunks(rng: &mut fastrand::Rng) -> Vec<std::ops::Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(|| {
        let to = (from + rng.usize(1..=8)).min(KEYS);
        let chunk = from..to;
        from = to;
        (!chunk.is_empty()).then_some(chunk)
    })
    .collect()
}

/// What a reader may still see, after all it has seen: no key may show less.
pub struct Floor {
    least: [u64; KEYS],
}

impl Floor {
    /// Nothing was seen.
    pub fn new() -> Floor {
        Floor { least: [0; KEYS] }
    }

    /// A read came back. Whoever sees round `v` in a key sees at least `v` in those written
    /// before it, and at least the round before in those written after it.
    pub fn saw(&mut self, n: usize, value: u64, story: &dyn Fn() -> String) {
        assert!(
            value >= self.least[n],
            "k{n} shows {value}, but the connection has seen that it is {} at least; {}",
            self.least[n],
            story()
        );
        for (other, least) in self.least.iter_mut().enumerate() {
            let implied = if other <= n { value } else { value.saturating_sub(1) };
            *least = (*least).max(implied);
        }
    }
}

/// Reads all keys once, in one of the ways a client can, and checks what is seen.
pub fn read_round(client: &mut Client, floor: &mut Floor, rng: &mut fastrand::Rng) {
    let mut order: Vec<usize> = (0..KEYS).rev().collect();
    match rng.u8(0..8) {
        0 | 1 => return read_at_once(client, floor, rng.bool()),
        2 | 3 => rng.shuffle(&mut order),
        4 => return read_one_by_one(client, floor, &order),
        _ => {}
    }
    let commands: Vec<Command> = order.iter().map(|n| words(&["GET", &key(*n)])).collect();
    let replies = client.pipeline(&commands);
    let values: Vec<u64> = replies.iter().map(number).collect();
    for (n, value) in order.iter().zip(&values) {
        floor.saw(*n, *value, &|| format!("read in the order {order:?}: {values:?}"));
    }
}

/// A GET each, the next one sent when the last is answered.
fn read_one_by_one(client: &mut Client, floor: &mut Floor, order: &[usize]) {
    for n in order {
        let value = number(&client.cmd(&["GET", &key(*n)]));
        floor.saw(*n, value, &|| format!("read one by one in the order {order:?}"));
    }
}

/// One MGET or one transaction, which shows one instant.
fn read_at_once(client: &mut Client, floor: &mut Floor, in_one_command: bool) {
    let replies = if in_one_command {
        let keys = (0..KEYS).map(key);
        let command: Vec<String> = ["MGET".to_owned()].into_iter().chain(keys).collect();
        client.cmd(&command)
    } else {
        let gets = (0..KEYS).map(|n| words(&["GET", &key(n)]));
        let commands: Vec<Command> =
            [words(&["MULTI"])].into_iter().chain(gets).chain([words(&["EXEC"])]).collect();
        client.pipeline(&commands).swap_remove(KEYS + 1)
    };
    let values: Vec<u64> = replies.items().iter().map(number).collect();
    let first = values[0];
    let falls = values.windows(2).all(|pair| pair[0] >= pair[1]);
    assert!(falls && values[KEYS - 1] + 1 >= first, "one command shows no instant: {values:?}");
    for (n, value) in values.iter().enumerate() {
        floor.saw(n, *value, &|| format!("read at once: {values:?}"));
    }
}

/// A reply that is a number as a string.
pub fn number(reply: &Value) -> u64 {
    match reply {
        Value::Bulk(text) => std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()),
        _ => None,
    }
    .unwrap_or_else(|| panic!("a number expected, got {reply:?}"))
}
