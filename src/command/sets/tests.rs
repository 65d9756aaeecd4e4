use crate::base::stock::Answer;
use crate::command::fixture::Fixture;
use crate::command::mirror::Mirror;
use crate::command::strings::tests::{key, one_of, value};
use crate::command::twin::Twin;
use fastrand::Rng;

/// A member: few, so that they meet; some runs have integers only.
fn member(random: &mut Rng) -> Vec<u8> {
    match random.u8(..30) {
        0 => value(random),
        1 => one_of(random, &["9223372036854775807", "-9223372036854775808", "-0", "007", ""]),
        2 => format!("m{}", random.u8(..9)).into_bytes(),
        3 => one_of(random, &["70000", "-40000", "5000000000"]),
        _ => random.i64(-6..6).to_string().into_bytes(),
    }
}

/// A random command whose reply nothing but the data decides, in any order.
fn command(random: &mut Rng) -> Vec<Vec<u8>> {
    if random.u8(..40) == 0 {
        return vec![b"SET".to_vec(), key(random), b"x".to_vec()];
    }
    let names = [
        "SADD",
        "SADD",
        "SADD",
        "SADD",
        "SREM",
        "SREM",
        "SISMEMBER",
        "SMISMEMBER",
        "SCARD",
        "SMOVE",
        "SMOVE",
        "SINTERSTORE",
        "SUNIONSTORE",
        "SDIFFSTORE",
        "SINTERCARD",
        "DEL",
    ];
    let name = names[random.usize(..names.len())];
    let mut words = vec![name.as_bytes().to_vec(), key(random)];
    match name {
        "SADD" | "SREM" | "SMISMEMBER" => {
            words.extend((0..random.usize(1..6)).map(|_| member(random)));
        }
        "SISMEMBER" => words.push(member(random)),
        "SMOVE" => words.extend([key(random), member(random)]),
        "SINTERSTORE" | "SUNIONSTORE" | "SDIFFSTORE" => {
            words.extend((0..random.usize(1..4)).map(|_| key(random)));
        }
        "SINTERCARD" => {
            words[1] = one_of(random, &["1", "2", "2", "0", "x", "-1", "9"]);
            words.extend((0..random.usize(1..4)).map(|_| key(random)));
            if random.bool() {
                words.push(one_of(random, &["LIMIT", "limit", "x"]));
                words.push(one_of(random, &["0", "1", "2", "-1", "x"]));
            }
        }
        _ => {}
    }
    if random.u8(..40) == 0 {
        words.pop();
    }
    words
}

/// Commands with an order or a choice, on sets that leave none: of one member.
fn chosen(random: &mut Rng) -> Vec<Vec<u8>> {
    let names = [
        "SADD",
        "SADD",
        "SREM",
        "SPOP",
        "SRANDMEMBER",
        "SMEMBERS",
        "SSCAN",
        "SINTER",
        "SUNION",
        "SDIFF",
        "SET",
    ];
    let name = names[random.usize(..names.len())];
    let mut words = vec![name.as_bytes().to_vec(), key(random)];
    match name {
        "SADD" | "SREM" => {
            let member = words[1].last().copied().into_iter().collect();
            words.push(member);
        }
        "SET" if random.u8(..4) > 0 => words[0] = b"DEL".to_vec(),
        "SET" => words.push(b"x".to_vec()),
        "SPOP" | "SRANDMEMBER" if random.bool() => {
            words.push(one_of(random, &["0", "1", "2", "-1", "x", "9223372036854775808"]));
        }
        "SSCAN" => {
            words.push(one_of(random, &["0", "0", "x"]));
            if random.bool() {
                words.push(one_of(random, &["MATCH", "COUNT", "TYPE", "NOVALUES"]));
                words.push(one_of(random, &["1", "*", "x"]));
            }
        }
        "SINTER" | "SUNION" | "SDIFF" if random.bool() => words.push(words[1].clone()),
        _ => {}
    }
    if words[0] != b"SADD" && random.u8(..40) == 0 {
        words.push(b"x".to_vec());
    }
    words
}

#[test]
fn random_commands_answer_as_a_stock_server() {
    let Some(mut twin) = Twin::start() else { return };
    twin.shows = &["SCARD", "KEY"];
    twin.check_random(0..20, 300, command);
    twin.shows = &[];
    twin.check_random(0..20, 300, chosen);
}

#[test]
fn encodings_change_where_a_stock_server_changes_them() {
    let Some(mut twin) = Twin::start() else { return };
    twin.shows = &["OBJECT", "ENCODING", "KEY"];
    for (ints, entries, bytes) in [(512, 128, 64), (4, 6, 10), (6, 4, 3)] {
        twin.fixture.settings.encoding.set_max_intset_entries = ints;
        twin.fixture.settings.encoding.set_max_listpack_entries = entries;
        twin.fixture.settings.encoding.set_max_listpack_value = bytes;
        let set = |stock: &mut crate::base::stock::Stock, name, value: usize| {
            let value = value.to_string();
            assert_eq!(stock.call(&["CONFIG", "SET", name, &value]), Answer::Text(b"OK".to_vec()));
        };
        set(&mut twin.stock, "set-max-intset-entries", ints);
        set(&mut twin.stock, "set-max-listpack-entries", entries);
        set(&mut twin.stock, "set-max-listpack-value", bytes);
        twin.check_random(0..12, 150, command);
    }
}

#[test]
fn random_commands_stream_what_a_stock_server_streams() {
    let Some(mut twin) = Twin::start() else { return };
    twin.check_random_streams(0..6, 300, command);
    twin.check_random_streams(0..6, 300, chosen);
}

#[test]
fn a_replica_of_random_commands_holds_the_same() {
    Mirror::check_random(0..20, 300, command);
    Mirror::check_random(0..20, 300, |random| match random.u8(..6) {
        0 => vec![b"SPOP".to_vec(), key(random)],
        1 => vec![b"SPOP".to_vec(), key(random), random.u8(..5).to_string().into_bytes()],
        _ => command(random),
    });
}

#[test]
fn popped_members_are_streamed_by_name() {
    let mut fixture = Fixture::new();
    let members: Vec<String> = (0..3000).map(|index| format!("m{index}")).collect();
    fixture.run(&[vec!["SADD".to_owned(), "s".to_owned()], members].concat());
    let reply = fixture.run_line("SPOP s 2500");
    assert!(reply.starts_with(b"*2500\r\n"));
    let effects = fixture.effect_words();
    let lens: Vec<usize> = effects.iter().map(Vec::len).collect();
    assert_eq!(lens, [1, 1026, 1026, 454, 1]);
    fixture.check("SCARD s", ":500\r\n", &[]);
    let reply = fixture.run_line("SRANDMEMBER s -600");
    assert!(reply.starts_with(b"*600\r\n"));
    let reply = fixture.run_line("SRANDMEMBER s 20");
    assert!(reply.starts_with(b"*20\r\n"));
    assert!(fixture.run_line("SPOP s 500").starts_with(b"*500\r\n"));
    assert_eq!(fixture.effects(), ["DEL s"]);
    fixture.check("EXISTS s", ":0\r\n", &[]);
}

#[test]
fn combining_reads_sets_of_all_shards() {
    let mut fixture = Fixture::new();
    fixture.run_line("SADD a 1 2 3 x");
    fixture.run_line("SADD b 2 3 y");
    fixture.run_line("SADD c 3");
    fixture.check("SINTER a b c", "*1\r\n$1\r\n3\r\n", &[]);
    fixture.check("SINTERCARD 2 a b", ":2\r\n", &[]);
    fixture.check("SINTERCARD 2 a b LIMIT 1", ":1\r\n", &[]);
    fixture.check("SDIFF c a", "*0\r\n", &[]);
    fixture.check("SUNIONSTORE d a b c", ":5\r\n", &["SUNIONSTORE d a b c"]);
    fixture.check("SDIFFSTORE d a b", ":2\r\n", &["SDIFFSTORE d a b"]);
    fixture.check("SINTERSTORE d a nokey", ":0\r\n", &["SINTERSTORE d a nokey"]);
    fixture.check("SINTERSTORE d a nokey", ":0\r\n", &[]);
    fixture.check("SUNIONSTORE a a b", ":5\r\n", &["SUNIONSTORE a a b"]);
    fixture.check("SMOVE a b 1", ":1\r\n", &["SMOVE a b 1"]);
    fixture.check("SMOVE c d 3", ":1\r\n", &["SMOVE c d 3"]);
    fixture.check("EXISTS c", ":0\r\n", &[]);
}
