//! The same events on ours and on a stock server: every answer compared, in scenes written out and
//! in random ones.

use fastrand::Rng;

use crate::common::{answer, blocked, waiting, words};
use crate::support::client::Client;
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::{Kind, installed, own};
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, wait_until};

/// A scene: lines that begin with `+` are sent by a client of their own that must come to wait,
/// others by one and the same. At the end every client that is still waiting is let go. What needs
/// a further shard is served a moment after what made it possible, and until then the element is
/// ordinary: so after each line as many clients must come to wait as `stock` names for that line.
/// Returns what was seen, and how many waited after each line.
fn play(server: &Server, scene: &str, stock: Option<&[i64]>) -> (Vec<Value>, Vec<i64>) {
    server.ask_ok(&["FLUSHALL"]);
    let mut actor = server.client();
    let mut waiters: Vec<Client> = Vec::new();
    let (mut seen, mut waited) = (Vec::new(), Vec::new());
    let lines = scene.lines().map(str::trim).filter(|line| !line.is_empty());
    for (at, line) in lines.enumerate() {
        match line.strip_prefix("+ ") {
            Some(line) => waiters.push(waiting(server, &words(line))),
            None => seen.push(actor.cmd(&words(line))),
        }
        if let Some(left) = stock.map(|stock| stock[at]) {
            let what = format!("{left} wait after {line:?} of\n{scene}");
            wait_until(DEADLINE, &what, || blocked(server) == left);
        }
        waited.push(blocked(server));
    }
    for waiter in &mut waiters {
        seen.push(let_go(server, waiter));
    }
    for key in ["k1", "k2", "k3", "other"] {
        seen.push(actor.cmd(&["TYPE", key]));
        seen.push(actor.cmd(&["LRANGE", key, "0", "-1"]));
    }
    seen.push(actor.cmd(&["DEBUG", "DIGEST"]));
    (seen, waited)
}

/// What a client was answered, or that it was not: then its wait is ended.
fn let_go(server: &Server, waiter: &mut Client) -> Value {
    // PING stands behind the command that waits, whoever ends that.
    waiter.send(b"CLIENT ID\r\n").expect("the server reads");
    let ids = || {
        let list = server.ask(&["CLIENT", "LIST"]).text();
        let port = waiter.stream().local_addr().expect("it is connected").port();
        let line = list.lines().find(|line| line.contains(&format!(":{port} ")));
        line.map(|line| {
            let field = |name: &str| {
                let found = line.split(' ').find_map(|field| field.strip_prefix(name));
                found.unwrap_or_default().to_owned()
            };
            (field("id="), field("flags="))
        })
    };
    let (id, flags) = ids().expect("it is connected");
    if flags.contains('b') {
        assert_eq!(server.ask(&["CLIENT", "UNBLOCK", &id, "ERROR"]), Value::Integer(1));
    }
    let reply = answer(waiter);
    assert_eq!(answer(waiter), Value::Integer(id.parse().expect("a number")));
    reply
}

const SCENES: &[&str] = &[
    "+ BLPOP k1 0
     + BRPOP k1 0
     + BLPOP k1 0
     RPUSH k1 1 2 3 4",
    "+ BLPOP k1 k2 0
     RPUSH k2 b",
    "+ BLPOP k1 k2 0
     MULTI
     RPUSH k2 b
     RPUSH k1 a
     EXEC",
    "+ BLPOP k1 0
     MULTI
     RPUSH k1 a
     DEL k1
     EXEC
     LPUSH k1 b",
    "+ BLMOVE k1 k2 LEFT RIGHT 0
     + BLPOP k2 0
     + BLPOP k1 0
     RPUSH k1 1 2 3",
    "+ BRPOPLPUSH k1 k1 0
     + BLPOP k1 0
     RPUSH k1 1 2 3",
    "+ BLMOVE k1 k2 LEFT LEFT 0
     + BLMOVE k2 k3 LEFT LEFT 0
     + BLMOVE k3 other LEFT LEFT 0
     RPUSH k1 1",
    "SET k2 x
     + BLMOVE k1 k2 LEFT RIGHT 0
     + BLPOP k1 0
     RPUSH k1 1",
    "+ BLMPOP 0 3 k1 k2 k3 RIGHT COUNT 2
     + BLMPOP 0 3 k3 k2 k1 LEFT COUNT 9
     RPUSH k2 1 2 3",
    "+ BLPOP k1 0
     SET k1 x
     DEL k1
     RPUSH k1 1",
    "RPUSH other 1 2
     + BLPOP k1 0
     + BLPOP k1 0
     RENAME other k1",
    "RPUSH other 1 2
     + BLPOP k1 0
     COPY other k1
     LPOP k1
     + BLPOP k1 k1 0
     COPY other k1 REPLACE",
    "SELECT 1
     RPUSH k1 1 2
     SELECT 0
     + BLPOP k1 0
     SWAPDB 0 1",
    "SELECT 1
     RPUSH k1 1 2
     SELECT 0
     + BLPOP k1 0
     SELECT 1
     MOVE k1 0
     SELECT 0",
    "+ BLPOP k1 0
     FLUSHALL
     RPUSH k1 1",
    "+ BLPOP k1 k2 k3 0
     + BLPOP k2 k3 k1 0
     + BLPOP k3 k1 k2 0
     MULTI
     RPUSH k3 1
     RPUSH k2 2
     RPUSH k1 3
     EXEC",
    "+ BLPOP k1 0
     MULTI
     BLPOP k2 0
     BLMOVE k1 k2 LEFT LEFT 0
     BRPOPLPUSH k1 k2 0
     BLMPOP 0 1 k1 LEFT
     RPUSH k1 a
     BLPOP k1 0
     EXEC",
    "+ BLMOVE k1 k2 LEFT RIGHT 0
     + BLMOVE k1 k3 LEFT RIGHT 0
     + BLMOVE k1 other LEFT RIGHT 0
     LPUSHX k1 x
     RPUSH k1 1 2 3 4",
    "+ XREAD BLOCK 0 STREAMS k1 $
     + XREAD COUNT 1 BLOCK 0 STREAMS k1 0
     XADD k1 1-1 a 1",
    "XADD k1 1-1 a 1
     + XREAD BLOCK 0 STREAMS k1 k2 $ 0-0
     + XREAD BLOCK 0 STREAMS k2 k1 7 $
     XADD k1 1-2 a 2
     XADD k2 5-1 b 1",
    "+ XREAD BLOCK 0 STREAMS k1 $
     SET k1 x
     DEL k1
     LPUSH k1 a
     DEL k1
     XADD k1 1-1 a 1",
    "+ XREAD BLOCK 0 STREAMS k1 0
     MULTI
     XADD k1 1-1 a 1
     XDEL k1 1-1
     XREAD BLOCK 0 STREAMS k1 $
     EXEC
     XADD k1 1-2 a 2",
    "XGROUP CREATE k1 g $ MKSTREAM
     + XREADGROUP GROUP g c BLOCK 0 STREAMS k1 >
     + XREADGROUP GROUP g d BLOCK 0 NOACK STREAMS k1 >
     XADD k1 1-1 a 1
     XADD k1 1-2 a 2
     XPENDING k1 g
     XINFO GROUPS k1",
    "XGROUP CREATE k1 g $ MKSTREAM
     XGROUP CREATE k1 h $
     + XREADGROUP GROUP g c BLOCK 0 STREAMS k1 >
     + XREADGROUP GROUP h c BLOCK 0 STREAMS k1 >
     XGROUP DESTROY k1 g
     XADD k1 1-1 a 1",
    "XGROUP CREATE k1 g $ MKSTREAM
     + XREADGROUP GROUP g c BLOCK 0 STREAMS k1 >
     + XREAD BLOCK 0 STREAMS k1 $
     DEL k1",
    "XGROUP CREATE k1 g $ MKSTREAM
     + XREADGROUP GROUP g c BLOCK 0 STREAMS k1 >
     SET k1 x",
    "+ BZPOPMIN k1 0
     + BZPOPMAX k1 0
     + BZPOPMIN k1 0
     ZADD k1 1 a 2.5 b 3 c inf d",
    "+ BZPOPMAX k1 k2 0
     + BLPOP k2 0
     ZADD k2 1 a 2 b
     ZRANGE k2 0 -1 WITHSCORES
     DEL k2
     RPUSH k2 a",
    "+ BZMPOP 0 3 k1 k2 k3 MAX COUNT 2
     + BZMPOP 0 3 k3 k2 k1 MIN COUNT 9
     ZADD k2 1 a 2 b 3 c",
    "+ BZPOPMIN k1 k2 0
     SADD other a b
     ZUNIONSTORE k2 1 other",
    "+ BZPOPMIN k1 0
     MULTI
     BZPOPMIN k2 0
     BZMPOP 0 1 k1 MIN
     ZADD k1 1 a
     BZPOPMAX k1 k2 0
     ZADD k1 1 b
     DEL k1
     EXEC
     SET k1 x
     DEL k1
     GEOADD k1 13 38 a
     ZADD k1 1 z
     BZMPOP 0 2 k2 k1 MIN COUNT 5",
];

fn compare(own_server: &Server, stock: &Server, scene: &str) {
    let (theirs, waited) = play(stock, scene, None);
    let (ours, _) = play(own_server, scene, Some(&waited));
    assert_eq!(ours, theirs, "{:?}:\n{scene}", own_server.kind());
}

#[test]
fn scenes_end_as_with_a_stock_server() {
    if !installed(&[Kind::Valkey]) {
        return;
    }
    let stock = Server::start(Kind::Valkey);
    for shards in [1, 2, 3] {
        let server = Server::start(own(shards));
        SCENES.iter().for_each(|scene| compare(&server, &stock, scene));
    }
}

/// A random scene. Waits begin before anything is there for them.
fn random_scene(random: &mut Rng) -> String {
    let key = |random: &mut Rng| ["k1", "k2", "k3"][random.usize(..3)];
    let end = |random: &mut Rng| ["LEFT", "RIGHT"][random.usize(..2)];
    let mut scene = String::new();
    for _ in 0..random.usize(1..6) {
        let (one, two) = (key(random), key(random));
        scene += &match random.u8(..6) {
            0 => format!("+ BLPOP {one} {two} 0\n"),
            1 => format!("+ BRPOP {one} 0\n"),
            2 => format!("+ BLMOVE {one} {two} {} {} 0\n", end(random), end(random)),
            3 => format!("+ BRPOPLPUSH {one} {two} 0\n"),
            4 => format!("+ BLMPOP 0 2 {one} {two} {} COUNT 2\n", end(random)),
            _ => format!("+ BLPOP {one} 0\n"),
        };
    }
    let in_unit = random.bool();
    if in_unit {
        scene += "MULTI\n";
    }
    for number in 0..random.usize(1..5) {
        let (one, two) = (key(random), key(random));
        scene += &match random.u8(..8) {
            0..4 => format!("RPUSH {one} a{number} b{number}\n"),
            4 => format!("LPUSH {one} c{number}\n"),
            5 => format!("LMOVE {one} {two} LEFT RIGHT\n"),
            6 => format!("DEL {one}\n"),
            _ => format!("LPOP {one}\n"),
        };
    }
    if in_unit {
        scene += "EXEC\n";
    }
    scene
}

/// On one shard every answer is the same. With several, a move to another shard's key may come a
/// moment later than what stands behind it in the same unit: written scenes compare those.
#[test]
fn random_scenes_end_as_with_a_stock_server() {
    if !installed(&[Kind::Valkey]) {
        return;
    }
    let (stock, server) = (Server::start(Kind::Valkey), Server::start(own(1)));
    let mut seed = Seed::new();
    for _ in 0..60 {
        let scene = random_scene(seed.rng());
        compare(&server, &stock, &scene);
    }
    wait_until(DEADLINE, "nobody is left waiting", || blocked(&server) == 0);
    assert_eq!(server.info("clients").field("total_blocking_keys"), "0");
}
