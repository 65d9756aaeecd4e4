//! A data set with every type in every encoding, and what is compared of two servers that should
//! hold the same. Only commands that Redis 7.0 knows.

use super::support::client::Client;
use super::support::server::Server;
use super::support::value::Value;

/// Databases that [`fill_all_types`] writes to.
pub const DATABASES: [&str; 3] = ["0", "1", "9"];

/// What a server is started with, so that lists have compressed nodes.
pub const DIRECTIVES: &[&str] = &["list-compress-depth 1"];

/// Keys of every type: small and large, thresholds just kept and just crossed, with and without
/// expiry, in several databases. With `digits`, there are scores whose digits DEBUG DIGEST of
/// Redis 7.0 has otherwise than later servers.
pub fn fill_all_types(server: &Server, digits: bool) {
    let mut client = server.client();
    for (db, sizes) in [("0", &[1, 3, 127, 128, 129, 513][..]), ("1", &[2, 511, 512]), ("9", &[5])]
    {
        must(&mut client, &format!("SELECT {db}"));
        strings(&mut client);
        if digits {
            let scores = ["0.1", "1e300", "0.3333333333333333", "1e17", "12345678901234567890"];
            for (index, score) in scores.iter().enumerate() {
                must(&mut client, &format!("ZADD zset:digits {score} {index}"));
            }
        }
        for size in sizes {
            collections(&mut client, *size);
        }
        lists_of_large_elements(&mut client);
        streams(&mut client);
        for key in ["hash:text:3", "set:int:3", "zset:3", "list:3", "stream:groups", "str:int"] {
            client.cmd(&["PEXPIREAT", key, "99999999999999"]);
        }
    }
}

fn must(client: &mut Client, line: &str) {
    let reply = client.cmd(&line.split(' ').collect::<Vec<_>>());
    assert!(!reply.is_error(""), "{line}: {reply:?}");
}

fn run(client: &mut Client, commands: Vec<Vec<Vec<u8>>>) {
    for (command, reply) in commands.iter().zip(client.pipeline(&commands)) {
        let name = command[0].escape_ascii();
        assert!(!reply.is_error(""), "{name} {}: {reply:?}", command[1].escape_ascii());
    }
}

/// One command whose arguments are any bytes.
fn command(name: &str, key: &str, rest: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    [name.as_bytes().to_vec(), key.as_bytes().to_vec()].into_iter().chain(rest).collect()
}

fn strings(client: &mut Client) {
    let mut values: Vec<(&str, Vec<u8>)> = vec![
        ("str:empty", Vec::new()),
        ("str:int", b"12345".to_vec()),
        ("str:min", b"-9223372036854775808".to_vec()),
        ("str:padded", b"007".to_vec()),
        ("str:embedded", vec![b'e'; 44]),
        ("str:raw", (0..45).collect()),
        ("str:packed", vec![b'x'; 20_000]),
        ("str:bytes", (0..=255).cycle().take(70_000).collect()),
    ];
    let set = values.drain(..).map(|(key, value)| command("SET", key, vec![value]));
    run(client, set.collect());
    must(client, "PFADD hll:sparse a b c");
    let many = (0..5000).map(|number: u32| number.to_string().into_bytes()).collect();
    run(client, vec![command("PFADD", "hll:dense", many)]);
    must(client, "SETBIT bits 100000 1");
}

/// Numbers around the bounds of every width a flat form has, and texts around its lengths.
fn edge(index: usize) -> Vec<u8> {
    let width = [6, 7, 8, 12, 15, 16, 23, 24, 31, 32, 62, 63][index / 4 % 12];
    let bound = (1_i128 << width) - 1;
    match index % 4 {
        0 => (bound - index as i128).to_string().into_bytes(),
        1 => (-bound - 1 + index as i128).to_string().into_bytes(),
        2 => vec![b'a' + (index % 26) as u8; index % 64 + 1],
        _ => format!("\u{0}\r\n{index}").into_bytes(),
    }
}

fn collections(client: &mut Client, size: usize) {
    let numbered = |index: usize| format!("member:{index}").into_bytes();
    let number = |index: usize| (index * 7919).to_string().into_bytes();
    let pairs = |value: &dyn Fn(usize) -> Vec<u8>| -> Vec<Vec<u8>> {
        (0..size).flat_map(|index| [numbered(index), value(index)]).collect()
    };
    let elements = |element: &dyn Fn(usize) -> Vec<u8>| (0..size).map(element).collect::<Vec<_>>();
    let score = |index: usize| {
        let special = ["inf", "-inf", "-0", "3.0000000000000004", "17", "-1e-300"];
        let score = special.get(index).map_or((index as f64 / 8.0).to_string(), |s| s.to_string());
        score.into_bytes()
    };
    let scored = (0..size).flat_map(|index| [score(index), edge_once(index)]).collect();
    let key = |name: &str| format!("{name}:{size}");
    run(
        client,
        vec![
            command("HSET", &key("hash:text"), pairs(&edge)),
            command("HSET", &key("hash:number"), pairs(&number)),
            command("HSET", &key("hash:long"), pairs(&|_| vec![b'v'; 65])),
            command("SADD", &key("set:int"), elements(&number)),
            command("SADD", &key("set:text"), elements(&edge_once)),
            command("SADD", &key("set:long"), elements(&|i| [vec![b'm'; 65], number(i)].concat())),
            command("ZADD", &key("zset"), scored),
            command("ZADD", &key("zset:long"), vec![b"1.5".to_vec(), vec![b'z'; 65]]),
            command("RPUSH", &key("list"), elements(&edge)),
            command("RPUSH", &key("list:shrunk"), elements(&|_| vec![b'l'; 100])),
            command("LTRIM", &key("list:shrunk"), vec![b"-2".to_vec(), b"-1".to_vec()]),
            command("SADD", &key("set:shrunk"), elements(&numbered)),
            command("SPOP", &key("set:shrunk"), vec![(size - 1).to_string().into_bytes()]),
        ],
    );
}

/// [`edge`], made different for every index.
fn edge_once(index: usize) -> Vec<u8> {
    match index {
        0..48 => [edge(index), b"'".repeat(index % 4 % 3)].concat(),
        _ => format!("{}", index * 1_000_003).into_bytes(),
    }
}

/// Several nodes, those inside compressed; elements of a node of their own.
fn lists_of_large_elements(client: &mut Client) {
    let elements: Vec<Vec<u8>> = (0..600).map(|i: usize| vec![b'a' + (i % 7) as u8; 100]).collect();
    run(client, vec![command("RPUSH", "list:nodes", elements)]);
    must(client, "DEBUG QUICKLIST-PACKED-THRESHOLD 1000b");
    let plain = [10, 3000, 20, 1500, 999].map(|len| vec![b'p'; len]).to_vec();
    run(client, vec![command("RPUSH", "list:plain", plain)]);
    must(client, "DEBUG QUICKLIST-PACKED-THRESHOLD 0");
    let large =
        [9000, 10, 20_000].map(|len| (0..len).map(|i: usize| (i * i % 251) as u8).collect());
    run(client, vec![command("RPUSH", "list:large", large.to_vec())]);
}

fn streams(client: &mut Client) {
    let fields = |id: usize| {
        let mut words = vec![format!("{}-{}", id / 3 + 1, id % 3).into_bytes()];
        let names = if id % 10 == 9 { ["other", "number"] } else { ["name", "value"] };
        for name in names {
            words.extend([name.as_bytes().to_vec(), edge(id)]);
        }
        words
    };
    for (key, count) in [("stream:small", 3), ("stream:large", 350), ("stream:groups", 120)] {
        run(client, (1..count).map(|id| command("XADD", key, fields(id))).collect());
    }
    let big = command("XADD", "stream:large", vec![b"*".to_vec(), b"f".to_vec(), vec![b'b'; 5000]]);
    run(client, vec![big]);
    for line in [
        "XDEL stream:large 3-0 3-1 3-2 50-1 100-0",
        "XTRIM stream:large MINID 2-1",
        "XADD stream:emptied 5-5 f v",
        "XDEL stream:emptied 5-5",
        "XGROUP CREATE stream:new g $ MKSTREAM",
        "XGROUP CREATE stream:groups one 0",
        "XGROUP CREATE stream:groups two 10-0 ENTRIESREAD 5",
        "XGROUP CREATE stream:groups idle $",
        "XGROUP CREATECONSUMER stream:groups one nobody",
        "XREADGROUP GROUP one alice COUNT 20 STREAMS stream:groups >",
        "XREADGROUP GROUP one bob COUNT 5 STREAMS stream:groups >",
        "XREADGROUP GROUP two carol COUNT 3 NOACK STREAMS stream:groups >",
        "XREADGROUP GROUP two carol COUNT 3 STREAMS stream:groups >",
        "XACK stream:groups one 1-0 2-1",
        "XCLAIM stream:groups one bob 0 3-0 3-1 RETRYCOUNT 7",
        "XDEL stream:groups 3-1 4-0 15-0",
        "XSETID stream:small 77-7 ENTRIESADDED 100 MAXDELETEDID 50-1",
    ] {
        must(client, line);
    }
}

/// All keys of a database, sorted.
pub fn keys_of(client: &mut Client, db: &str) -> Vec<Vec<u8>> {
    must(client, &format!("SELECT {db}"));
    let reply = client.cmd(&["KEYS", "*"]);
    let mut keys: Vec<_> = reply.items().iter().filter_map(Value::bytes).map(Vec::from).collect();
    keys.sort();
    keys
}

/// Every key with the name of its encoding.
pub fn encodings(server: &Server) -> Vec<String> {
    let mut client = server.client();
    let mut found = Vec::new();
    for db in DATABASES {
        for key in keys_of(&mut client, db) {
            let name = client.cmd(&[b"OBJECT", &b"ENCODING"[..], &key]).text();
            found.push(format!("{db} {} {name}", key.escape_ascii()));
        }
    }
    found
}

/// What DEBUG DIGEST does not see: times to live, pending entries, and what a stream remembers, as
/// far as RDB version `version` tells it.
pub fn details(server: &Server, version: u16) -> Vec<String> {
    let mut client = server.client();
    let mut found = Vec::new();
    for db in DATABASES {
        for key in keys_of(&mut client, db) {
            let ends = client.cmd(&[&b"PEXPIRETIME"[..], &key]);
            let digest = client.cmd(&[b"DEBUG", &b"DIGEST-VALUE"[..], &key]);
            found.push(format!("{db} {} {digest:?} {ends:?}", key.escape_ascii()));
            if key.starts_with(b"stream") {
                stream_details(&mut client, &key, version, &mut found);
            }
        }
    }
    found
}

fn stream_details(client: &mut Client, key: &[u8], version: u16, found: &mut Vec<String>) {
    let mut ask = |words: &[&[u8]]| found.push(format!("{:?}", client.cmd(words)));
    for group in ["one", "two", "idle", "g"] {
        ask(&[b"XPENDING", key, group.as_bytes()]);
    }
    if version >= 10 {
        ask(&[b"XINFO", b"STREAM", key]);
        ask(&[b"XINFO", b"GROUPS", key]);
    }
    if version >= 11 {
        ask(&[b"XINFO", b"STREAM", key, b"FULL"]);
    }
}
