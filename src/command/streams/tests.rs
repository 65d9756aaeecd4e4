use crate::command::fixture::Fixture;
use crate::command::mirror::Mirror;
use crate::command::twin::Twin;
use crate::resp::reply::RespVersion;
use fastrand::Rng;

/// Keys: few, so that they meet.
fn key(random: &mut Rng) -> Vec<u8> {
    pick(random, &["s", "s", "s", "t", "u"])
}

fn pick(random: &mut Rng, words: &[&str]) -> Vec<u8> {
    words[random.usize(..words.len())].as_bytes().to_vec()
}

fn group(random: &mut Rng) -> Vec<u8> {
    pick(random, &["g", "g", "g", "h"])
}

fn consumer(random: &mut Rng) -> Vec<u8> {
    pick(random, &["c", "d", "e"])
}

/// An id near those of the entries, seldom none at all.
fn id(random: &mut Rng) -> Vec<u8> {
    match random.u8(..40) {
        0 => {
            pick(random, &["x", "", "-", "+", "1-x", "1-", "(1", "01-+2", " 3-1", "1--1", "$", ">"])
        }
        1 => pick(random, &["18446744073709551615-18446744073709551615", "18446744073709551616"]),
        2..6 => random.u8(..40).to_string().into_bytes(),
        _ => format!("{}-{}", random.u8(..40), random.u8(..3)).into_bytes(),
    }
}

/// An end of a range.
fn end(random: &mut Rng) -> Vec<u8> {
    match random.u8(..6) {
        0 => b"-".to_vec(),
        1 => b"+".to_vec(),
        2 => [b"(".to_vec(), id(random)].concat(),
        _ => id(random),
    }
}

fn number(random: &mut Rng) -> Vec<u8> {
    match random.u8(..16) {
        0 => pick(random, &["x", "", "-1", "9223372036854775807", "-9223372036854775808", "1.5"]),
        _ => random.u8(..12).to_string().into_bytes(),
    }
}

fn value(random: &mut Rng) -> Vec<u8> {
    match random.u8(..4) {
        0 => random.i64(..).to_string().into_bytes(),
        1 => random.i16(..).to_string().into_bytes(),
        2 => vec![b'v'; random.usize(..150)],
        _ => (0..random.usize(..8)).map(|_| random.u8(..)).collect(),
    }
}

/// Words of a line: lower-case names of generators are replaced, the others stay.
fn words(random: &mut Rng, line: &str) -> Vec<Vec<u8>> {
    let word = |word: &str| match word {
        "key" => key(random),
        "group" => group(random),
        "consumer" => consumer(random),
        "id" => id(random),
        "end" => end(random),
        "number" => number(random),
        "value" => value(random),
        "name" => pick(random, &["a", "b", "12", ""]),
        word => word.as_bytes().to_vec(),
    };
    line.split(' ').map(word).collect()
}

/// Usages of commands on entries. An `*` at the end of an id needs no clock, one alone does.
const ENTRIES: &[&str] = &[
    "XADD key id a value",
    "XADD key id a value",
    "XADD key id a value b value",
    "XADD key 50-* a value",
    "XADD key 50-* a value",
    "XADD key 50-* name value name value",
    "XADD key 51-* name value name value",
    "XADD key 0-* a value",
    "XADD key id a",
    "XADD key NOMKSTREAM id a value",
    "XADD key MAXLEN number id a value",
    "XADD key MAXLEN ~ number 50-* a value",
    "XADD key MAXLEN = number 50-* a value",
    "XADD key MAXLEN ~ number LIMIT number 50-* a value",
    "XADD key MINID id 50-* a value",
    "XADD key MINID ~ id 50-* a value",
    "XADD key MINID ~ id LIMIT number NOMKSTREAM 50-* a value",
    "XADD key MAXLEN number MINID id 50-* a value",
    "XADD key LIMIT number 50-* a value",
    "XTRIM key MAXLEN number",
    "XTRIM key MAXLEN ~ number",
    "XTRIM key MAXLEN ~ number LIMIT number",
    "XTRIM key MINID id",
    "XTRIM key MINID ~ id",
    "XTRIM key MINID = id LIMIT number",
    "XTRIM key name number",
    "XDEL key id",
    "XDEL key id id id",
    "XDEL key id id id id id",
    "XLEN key",
    "XRANGE key end end",
    "XRANGE key end end COUNT number",
    "XRANGE key - +",
    "XREVRANGE key + -",
    "XREVRANGE key end end COUNT number",
    "XSETID key id",
    "XSETID key id ENTRIESADDED number MAXDELETEDID id",
    "XSETID key id MAXDELETEDID id",
    "XREAD STREAMS key id",
    "XREAD COUNT number STREAMS key key id id",
    "XREAD COUNT number STREAMS key key $ +",
    "XREAD STREAMS key key id",
    "XINFO STREAM key",
    "DEL key",
    "SET u x",
    "DUMP key",
    "DEBUG DIGEST-VALUE key",
];

/// Usages of commands on groups.
const GROUPS: &[&str] = &[
    "XGROUP CREATE key group 0",
    "XGROUP CREATE key group id",
    "XGROUP CREATE key group $ MKSTREAM",
    "XGROUP CREATE key group id ENTRIESREAD number MKSTREAM",
    "XGROUP CREATE key group id name",
    "XGROUP SETID key group id",
    "XGROUP SETID key group 0",
    "XGROUP SETID key group $ ENTRIESREAD number",
    "XGROUP DESTROY key h",
    "XGROUP CREATECONSUMER key group consumer",
    "XGROUP DELCONSUMER key group consumer",
    "XREADGROUP GROUP group consumer COUNT number STREAMS key >",
    "XREADGROUP GROUP group consumer COUNT 3 STREAMS key >",
    "XREADGROUP GROUP group consumer COUNT 2 STREAMS key key > >",
    "XREADGROUP GROUP group consumer NOACK COUNT 2 STREAMS key key > >",
    "XREADGROUP GROUP group consumer NOACK STREAMS key >",
    "XREADGROUP GROUP group consumer STREAMS key id",
    "XACK key group id",
    "XACK key group id id id",
    "XCLAIM key group consumer 0 id id id",
    "XCLAIM key group consumer 99999999 id id",
    "XCLAIM key group consumer 0 id JUSTID",
    "XCLAIM key group consumer 0 id FORCE",
    "XCLAIM key group consumer 0 id id FORCE RETRYCOUNT number JUSTID",
    "XCLAIM key group consumer 0 id TIME 99 LASTID id",
    "XCLAIM key group consumer 0 id TIME number LASTID id FORCE",
    "XCLAIM key group consumer 0 id name",
    "XAUTOCLAIM key group consumer 0 end COUNT number",
    "XAUTOCLAIM key group consumer 0 0 JUSTID",
    "XAUTOCLAIM key group consumer 99999999 0 COUNT 1",
    "XAUTOCLAIM key group consumer 0 end",
    "XPENDING key group",
    "XPENDING key group IDLE 99999999 - + 10",
    "XPENDING key group end end 0",
    "XPENDING key group end",
    "XINFO GROUPS key",
    "XINFO STREAM key FULL name",
];

fn entry_command(random: &mut Rng) -> Vec<Vec<u8>> {
    let line = ENTRIES[random.usize(..ENTRIES.len())];
    damaged(random, line)
}

fn group_command(random: &mut Rng) -> Vec<Vec<u8>> {
    let lines = if random.bool() { GROUPS } else { &ENTRIES[..ENTRIES.len() - 2] };
    let line = lines[random.usize(..lines.len())];
    damaged(random, line)
}

/// The words of a line, seldom with one too few or too many.
fn damaged(random: &mut Rng, line: &str) -> Vec<Vec<u8>> {
    let mut words = words(random, line);
    match random.u8(..60) {
        0 if words.len() > 2 => drop(words.pop()),
        1 => words.push(number(random)),
        _ => {}
    }
    words
}

/// Small nodes, so that there are several.
fn twin() -> Option<Twin> {
    let mut twin = Twin::start()?;
    set_nodes(&mut twin, 4, 4096);
    Some(twin)
}

fn set_nodes(twin: &mut Twin, entries: i64, bytes: usize) {
    for (name, value) in
        [("stream-node-max-entries", entries as usize), ("stream-node-max-bytes", bytes)]
    {
        twin.stock.call(&["CONFIG", "SET", name, &value.to_string()]);
    }
    twin.fixture.settings.encoding.stream_node_max_entries = entries;
    twin.fixture.settings.encoding.stream_node_max_bytes = bytes;
}

#[test]
fn commands_on_entries_answer_as_a_stock_server() {
    let Some(mut twin) = twin() else { return };
    // Nodes as they are, with their gaps. How well they are packed is not compared.
    twin.shows = &["DUMP", "KEY"];
    twin.fixture.settings.rdb.version = 11;
    twin.fixture.settings.rdb.compression = false;
    twin.stock.call(&["CONFIG", "SET", "rdbcompression", "no"]);
    for (entries, bytes) in [(4, 4096), (100, 60), (0, 0), (1, 500)] {
        set_nodes(&mut twin, entries, bytes);
        twin.check_random(0..6, 400, |random| {
            loop {
                let words = entry_command(random);
                if words[0] != b"DEBUG" {
                    return words;
                }
            }
        });
    }
}

/// Replies without what tells the time: instants, and how long ago they were.
fn timeless(words: &[Vec<u8>], reply: &[u8]) -> String {
    let text = reply.escape_ascii().to_string();
    let mut out = String::new();
    for (index, part) in text.split("\\r\\n").enumerate() {
        let instant = part.starts_with(":1") && part.len() > 12;
        let idle = words[0] == b"XPENDING" && words.len() > 3 && index > 1 && part.starts_with(':');
        out.push_str(if instant || idle { ":time" } else { part });
        out.push('\n');
    }
    out
}

#[track_caller]
fn check(twin: &mut Twin, words: &[Vec<u8>], told: &str) {
    let theirs = timeless(words, &twin.stock.call_bytes(words));
    let ours = timeless(words, &twin.fixture.run(words));
    let words: Vec<_> = words.iter().map(|word| word.escape_ascii().to_string()).collect();
    assert_eq!(ours, theirs, "{told}: {}", words.join(" "));
}

#[test]
fn commands_on_groups_answer_as_a_stock_server() {
    let Some(mut twin) = twin() else { return };
    for seed in 0..30 {
        twin.flush();
        set_nodes(&mut twin, 4, 4096);
        twin.speak([RespVersion::V2, RespVersion::V3][seed as usize % 2]);
        let mut random = Rng::with_seed(seed);
        for step in 0..400 {
            let words = group_command(&mut random);
            if words[0] == b"DUMP" {
                continue;
            }
            let told = format!("seed {seed}, step {step}");
            check(&mut twin, &words, &told);
            let told = format!("behind {told}: {words:?}");
            for key in ["s", "t", "u"] {
                let look = ["XINFO", "STREAM", key, "FULL", "COUNT", "0"];
                check(&mut twin, &look.map(|word| word.as_bytes().to_vec()), &told);
            }
        }
        twin.fixture.invariants();
    }
}

/// An effect without instants.
fn timeless_effect(words: &[Vec<u8>]) -> Option<String> {
    let name = words[0].to_ascii_uppercase();
    if matches!(name.as_slice(), b"SELECT" | b"PING" | b"REPLCONF" | b"FLUSHALL") {
        return None;
    }
    let mut shown: Vec<_> = words.iter().map(|word| word.escape_ascii().to_string()).collect();
    if name == b"XCLAIM" && words.len() == 14 && words[7].len() > 12 {
        shown[7] = "instant".to_owned();
    }
    Some(shown.join(" "))
}

#[test]
fn commands_stream_what_a_stock_server_streams() {
    let Some(mut twin) = twin() else { return };
    let mut link = twin.stock.replica_link();
    for seed in 100..120 {
        twin.flush();
        set_nodes(&mut twin, 4, 4096);
        let mut random = Rng::with_seed(seed);
        for step in 0..300 {
            let words = group_command(&mut random);
            twin.stock.call_bytes(&words);
            twin.fixture.run(&words);
            let mark = format!("{seed} {step}");
            twin.stock.call_bytes(&["SET", "mark", &mark]);
            let theirs = link.effects_until(&["SET", "mark", &mark]);
            let shown = |effects: Vec<Vec<Vec<u8>>>| -> Vec<String> {
                effects.iter().filter_map(|words| timeless_effect(words)).collect()
            };
            let (ours, theirs) = (shown(twin.fixture.effect_words()), shown(theirs));
            let words: Vec<_> = words.iter().map(|word| word.escape_ascii().to_string()).collect();
            assert_eq!(ours, theirs, "seed {seed}, step {step}: {}", words.join(" "));
        }
    }
}

#[test]
fn a_replica_of_random_commands_holds_the_same() {
    Mirror::check_random(0..40, 300, |random| {
        loop {
            let words = group_command(random);
            // Reading again what is pending is counted, and stock servers do not stream that.
            let again = words[0] == b"XREADGROUP" && words.last().is_none_or(|id| id != b">");
            if !again && words[0] != b"DUMP" {
                return words;
            }
        }
    });
}

/// Ids made of the time.
#[test]
fn ids_are_made_of_the_clock_and_go_on_when_it_stands_still() {
    let mut fixture = Fixture::new();
    let made = ["1700000000000-0", "1700000000000-1", "1700000000000-2"];
    for id in made {
        let effect = format!("XADD s {id} a 1");
        fixture.check("XADD s * a 1", &format!("$15\r\n{id}\r\n"), &[&effect]);
    }
    fixture.check(
        "XADD s 1800000000000-5 a 1",
        "$15\r\n1800000000000-5\r\n",
        &["XADD s 1800000000000-5 a 1"],
    );
    fixture.check("XADD s * a 1", "$15\r\n1800000000000-6\r\n", &["XADD s 1800000000000-6 a 1"]);
}

/// The events of one command, as `event key`.
fn events(messages: &[Vec<u8>]) -> Vec<String> {
    let text = |message: &Vec<u8>| String::from_utf8_lossy(message).into_owned();
    let message = |text: String| -> Option<String> {
        let mut words = text.split("\r\n").filter(|word| !word.starts_with(['$', '*']));
        let event = words.find_map(|word| word.strip_prefix("__keyevent@0__:"))?.to_owned();
        Some(format!("{event} {}", words.next()?))
    };
    messages.iter().map(text).filter_map(message).collect()
}

/// Recorded from the events of valkey-server 8.0.1.
#[test]
fn events_are_those_of_a_stock_server() {
    let mut fixture = Fixture::new();
    fixture.hear("KEAn");
    let mut check = |line: &str, expected: &[&str]| {
        fixture.run_line(line);
        assert_eq!(events(&fixture.heard()), expected, "{line}");
    };
    check("XADD s 1-1 a 1", &["new s", "xadd s"]);
    check("XADD s MAXLEN 1 1-2 a 1", &["xadd s", "xtrim s"]);
    check("XADD s MAXLEN 5 1-4 a 1", &["xadd s"]);
    check("XGROUP CREATE s g 0", &["xgroup-create s"]);
    check("XGROUP CREATECONSUMER s g x", &["xgroup-createconsumer s"]);
    check("XGROUP CREATECONSUMER s g x", &[]);
    check("XREADGROUP GROUP g x COUNT 1 STREAMS s >", &[]);
    check("XREADGROUP GROUP g y STREAMS s 0", &["xgroup-createconsumer s"]);
    check("XREADGROUP GROUP g p COUNT 1 STREAMS s >", &["xgroup-createconsumer s"]);
    check("XCLAIM s g x 0 1-2", &[]);
    check("XCLAIM s g z 0 9-9", &["xgroup-createconsumer s"]);
    check("XAUTOCLAIM s g q 100000 0", &["xgroup-createconsumer s"]);
    check("XACK s g 1-2", &[]);
    check("XGROUP DELCONSUMER s g n", &[]);
    check("XGROUP DELCONSUMER s g x", &["xgroup-delconsumer s"]);
    check("XGROUP SETID s g 0", &["xgroup-setid s"]);
    check("XGROUP DESTROY s g", &["xgroup-destroy s"]);
    check("XDEL s 1-2 1-2", &["xdel s"]);
    check("XDEL s 1-2", &[]);
    check("XTRIM s MAXLEN 5", &[]);
    check("XTRIM s MAXLEN 0", &["xtrim s"]);
    check("XSETID s 9-9", &["xsetid s"]);
    check("XGROUP CREATE n g $ MKSTREAM", &["new n", "xgroup-create n"]);
}
