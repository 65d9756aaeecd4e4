//! What a client with a cache of its own reads is, byte for byte, what it would read of the stock
//! Valkey.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::stock::{Kind, installed, own};
use crate::support::wait::{DEADLINE, wait_until};

/// How long the stock server is given to say more.
const QUIET: Duration = Duration::from_millis(30);

/// Each command is sent by the client named in front of it; `$b` is the id of client b.
const SCRIPTS: &[&str] = &[
    "a TRACKING on;a TRACKINGINFO;a GET x;b SET x 1;a GET x;a GETREDIR;a TRACKING off;a HELLO 3;\
     a TRACKING on;a TRACKING on;a TRACKINGINFO;a GET x;a SET x 2;a GET x;b SET x 2;b SET x 3;\
     a GET nokey;b SET nokey 1;a MGET x y z;b MSET x 1 z 3 y 2;a GET x;b DEL x;a EXISTS x;\
     b SET x 1;a GET x;a MULTI;a SET x 5;a GET x;a EXEC;b SET x 1;a GET x;b FLUSHALL;b FLUSHDB;\
     b SELECT 3;b FLUSHDB;a GET x;b SET x 1;b SET x 2;a GET x;a GET y;a FLUSHALL;b SET x 1;\
     a GET x;a SELECT 4;b RENAME x y;a GET y;a RESET;b SET y 1;a TRACKINGINFO;a GETREDIR",
    "a TRACKING foo;a TRACKING on FOO;a TRACKING on REDIRECT;a TRACKING on REDIRECT abc;\
     a TRACKING on REDIRECT 99999;a TRACKING off REDIRECT 99999;a TRACKING on REDIRECT -1;\
     a TRACKING on REDIRECT 0;a TRACKINGINFO;a TRACKING on REDIRECT $b REDIRECT $b;\
     a TRACKING on REDIRECT $a;a TRACKINGINFO;a TRACKING off;a TRACKING on PREFIX a;\
     a TRACKING off PREFIX a;a TRACKING on BCAST OPTIN;a TRACKING on OPTIN OPTOUT;\
     a TRACKING on BCAST PREFIX;a TRACKING on BCAST PREFIX a PREFIX ab;\
     a TRACKING on BCAST PREFIX abc PREFIX a;a TRACKING on BCAST PREFIX b PREFIX a;\
     a TRACKINGINFO;a TRACKING on BCAST PREFIX ab;a TRACKING on BCAST PREFIX c;\
     a TRACKING on BCAST;a TRACKINGINFO;a TRACKING on;a TRACKING on OPTIN;\
     a TRACKING on PREFIX a OPTIN OPTOUT;a TRACKING on BCAST OPTOUT;a TRACKING off;\
     a TRACKING on OPTIN;a TRACKING on OPTOUT;a TRACKING on BCAST OPTIN;a TRACKING on;\
     a TRACKING on BCAST;a CACHING no;a CACHING foo;a CACHING yes;a TRACKING on OPTIN NOLOOP;\
     a TRACKINGINFO;a CACHING yes;a TRACKINGINFO;a TRACKINGINFO;a PING;a TRACKINGINFO;\
     a TRACKING off;a TRACKING on OPTOUT REDIRECT $b;a GETREDIR;a TRACKING on OPTOUT;a CACHING no;\
     a TRACKINGINFO;a MULTI;a TRACKINGINFO;a EXEC;a TRACKINGINFO;a TRACKING off;a CACHING yes;\
     a CACHING foo;a HELLO 3;a TRACKING on BCAST;a HELLO 2;a TRACKINGINFO",
    "a TRACKING on REDIRECT $b;b SUBSCRIBE __redis__:invalidate;a GET x;c SET x 1;a GET x;\
     c FLUSHALL;a GET x;a GET y;c DEL x y;a TRACKINGINFO;a GET x;b CLOSE;c SET x 2;a TRACKINGINFO;\
     a GETREDIR;a HELLO 3;a GET x;c SET x 3;a TRACKINGINFO;c FLUSHALL;a TRACKING on;\
     a TRACKINGINFO;c SET x 4;a GET x;c SET x 4",
    "a HELLO 3;b HELLO 3;a TRACKING on REDIRECT $b;a GET x;c SET x 1;b SUBSCRIBE foo;a GET x;\
     c SET x 1;a GET x;a SET x 1;b CLOSE;a GET x;c SET x 1",
    "a HELLO 3;a TRACKING on BCAST;b SET a 1;a SET a 1;a MSET c 1 b 2 a 3;b MULTI;b SET a 1;\
     b SET b 2;b SET a 3;b EXEC;b FLUSHALL;b DEL nokey;b SET a 1;b EXPIRE a 100;b PERSIST a;\
     b RENAME a b;b SELECT 4;b SET a 1;b LPUSH l 1;b LPOP l;b SADD s 1;b SADD s 1;b HSET h f 1;\
     b HSET h f 1;b SETNX h 1;b INCR n;b APPEND n 1;b GETEX n EX 10;b GETDEL n;b COPY s s2;\
     b MOVE s 0;b XADD st 1-1 a 1;b XGROUP CREATE st g $;b XREADGROUP GROUP g c STREAMS st >;\
     b ZADD z 1 a;b ZINCRBY z 1 a;b ZREM z nope;b PFADD hll a;b PFCOUNT hll;b SETBIT bits 1 1;\
     b BITOP NOT b2 bits;b SUNIONSTORE zz s2;b PUBLISH a b;b FLUSHDB",
    "a HELLO 3;a TRACKING on BCAST PREFIX foo PREFIX bar;b SET foo1 1;b SET baz 1;\
     b MSET foo1 1 bar1 2 foo2 3 baz 1;a MSET foo1 1 bar1 2 foo2 3 baz 1;b FLUSHALL;a TRACKING off;\
     a TRACKING on BCAST NOLOOP;a SET a 1;b SET a 1;a MULTI;a SET a 1;a EXEC;a TRACKING off;\
     a TRACKING on NOLOOP;a GET x;a SET x 1;b SET x 2;a GET x;b SET x 2",
    "a HELLO 3;a TRACKING on OPTIN;a GET x;b SET x 1;a CACHING yes;a GET x;b SET x 1;\
     a CACHING yes;a PING;a GET x;b SET x 1;a CACHING yes;a MULTI;a GET x;a GET y;a EXEC;\
     b MSET x 1 y 1;a MULTI;a CACHING yes;a GET x;a GET y;a EXEC;b MSET x 1 y 1;a GET x;b SET x 1;\
     a CACHING yes;a NOSUCH;a GET x;b SET x 1;a TRACKING off;a TRACKING on OPTOUT;a GET x;\
     b SET x 1;a CACHING no;a GET x;b SET x 1;a GET x;b SET x 1;a CACHING no;a MULTI;a GET x;\
     a EXEC;b SET x 1",
    "a HELLO 3;a TRACKING on;a LPUSH l 1;b LPUSH l 1;a LRANGE l 0 -1;b LPUSH l 1;a TTL l;\
     b LPUSH l 1;a TYPE l;b LPUSH l 1;a STRLEN l;b LPUSH l 1;a KEYS l;b LPUSH l 1;a DBSIZE;\
     b LPUSH l 1;a WATCH l;b LPUSH l 1;a GETEX s;b SET s 1;a INCR s;b SET s 1;a SINTER a b;\
     b SADD a 1;a XREAD STREAMS st 0;b XADD st 1-1 a 1;a XREAD BLOCK 30 STREAMS st $;\
     b XADD st 1-2 a 1;a PFCOUNT hh;b PFADD hh a;a GET s;b PEXPIREAT s 1;a TOUCH s;b SET s 1",
];

#[test]
fn clients_with_caches_read_what_the_stock_server_writes() {
    if !installed(&[Kind::Valkey]) {
        return;
    }
    let stock = Server::start(Kind::Valkey);
    let servers = [1, 2, 3].map(|shards| (shards, Server::start(own(shards))));
    for script in SCRIPTS {
        let mut scene = Scene::new(&stock);
        let expected: Vec<_> = steps(script).map(|(who, what)| scene.spoken(who, what)).collect();
        for (shards, server) in &servers {
            let mut own = Scene::new(server);
            for ((who, what), expected) in steps(script).zip(&expected) {
                own.compare((who, what), expected, &scene.ids, *shards);
            }
        }
    }
}

fn steps(script: &str) -> impl Iterator<Item = (&str, &str)> {
    script.split(';').map(|step| step.trim().split_once(' ').expect("who and what"))
}

/// The clients of one server.
struct Scene {
    clients: BTreeMap<String, Client>,
    ids: BTreeMap<String, String>,
}

/// What each client read.
type Said = BTreeMap<String, Vec<u8>>;

impl Scene {
    fn new(server: &Server) -> Scene {
        server.ask(&["FLUSHALL"]);
        let (mut clients, mut ids) = (BTreeMap::new(), BTreeMap::new());
        for name in ["a", "b", "c"] {
            let mut client = server.client();
            ids.insert(name.to_owned(), client.cmd(&["CLIENT", "ID"]).integer().to_string());
            clients.insert(name.to_owned(), client);
        }
        Scene { clients, ids }
    }

    /// Sends a command; `false` if that was the end of the client.
    fn send(&mut self, who: &str, what: &str) -> bool {
        if what == "CLOSE" {
            let mut client = self.clients.remove(who).expect("it is connected");
            client.send(b"QUIT\r\n").expect("the server reads");
            client.read_to_close().expect("it is closed");
            return false;
        }
        let mut words = what.to_owned();
        for (name, id) in &self.ids {
            words = words.replace(&format!("${name}"), id);
        }
        if ["TRACKING", "CACHING", "GETREDIR"].iter().any(|word| what.starts_with(word)) {
            words.insert_str(0, "CLIENT ");
        }
        let client = self.clients.get_mut(who).expect("it is connected");
        client.send(format!("{words}\r\n").as_bytes()).expect("the server reads");
        true
    }

    fn spoken(&mut self, who: &str, what: &str) -> Said {
        let mut said = Said::new();
        if self.send(who, what) {
            let client = self.clients.get_mut(who).expect("it is connected");
            let bytes = said.entry(who.to_owned()).or_default();
            while bytes.is_empty() {
                bytes.extend(client.read_some(DEADLINE).expect("it is connected"));
            }
        }
        for (name, client) in &mut self.clients {
            let bytes = said.entry(name.clone()).or_default();
            loop {
                match client.read_some(QUIET).expect("it is connected") {
                    more if more.is_empty() => break,
                    more => bytes.extend(more),
                }
            }
        }
        said
    }

    fn compare(
        &mut self,
        (who, what): (&str, &str),
        expected: &Said,
        ids: &BTreeMap<String, String>,
        shards: u16,
    ) {
        if !self.send(who, what) {
            return;
        }
        if what.starts_with("HELLO") {
            self.clients.get_mut(who).expect("it is connected").read_any().expect("who it is");
            return;
        }
        for (name, client) in &mut self.clients {
            let mut text = String::from_utf8(expected[name].clone()).expect("ASCII");
            if text.contains("redir") || what == "GETREDIR" {
                for (name, id) in ids {
                    let own = format!(":{}\r\n", self.ids[name]);
                    text = text.replace(&format!(":{id}\r\n"), &own);
                }
            }
            let said = client.read_raw(text.len()).expect("it is connected");
            let said = String::from_utf8_lossy(&said).into_owned();
            assert_eq!(said, text, "{name} after {who}'s {what} with {shards} shards");
        }
    }
}

#[test]
fn clients_and_info_tell_of_tracking() {
    let server = Server::with(own(2), &["tracking-table-max-keys 20"]);
    let (mut reader, mut other) = (server.client(), server.client());
    reader.cmd(&["HELLO", "3"]);
    reader.cmd(&["CLIENT", "TRACKING", "on"]);
    let other_id = other.cmd(&["CLIENT", "ID"]).integer().to_string();
    let prefixes = ["CLIENT", "TRACKING", "on", "BCAST", "PREFIX", "a", "PREFIX", "b"];
    other.cmd(&prefixes);
    assert!(reader.cmd(&["CLIENT", "INFO"]).text().contains(" flags=t "));
    assert!(other.cmd(&["CLIENT", "INFO"]).text().contains(" flags=tB "));
    assert!(other.cmd(&["CLIENT", "INFO"]).text().contains(" redir=0 "));
    for n in 0..100 {
        reader.cmd(&["GET", &format!("k{n}")]);
    }
    let told = (0..80).filter(|_| reader.read_any().is_ok()).count();
    assert_eq!(told, 80, "those that no longer fit are given up");
    let stats = server.info("stats");
    let fields = ["tracking_total_keys", "tracking_total_items", "tracking_total_prefixes"];
    assert_eq!(fields.map(|name| stats.number(name)), [20, 20, 2]);
    assert_eq!(server.info("clients").number("tracking_clients"), 2);
    reader.cmd(&["CLIENT", "TRACKING", "on", "REDIRECT", &other_id]);
    assert!(reader.cmd(&["CLIENT", "INFO"]).text().contains(&format!(" redir={other_id} ")));
    drop((reader, other));
    wait_until(DEADLINE, "nobody tracks", || {
        server.info("clients").number("tracking_clients") == 0
            && server.info("stats").number("tracking_total_prefixes") == 0
    });
}
