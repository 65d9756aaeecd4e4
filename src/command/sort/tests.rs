use crate::command::fixture::Fixture;
use crate::command::mirror::Mirror;
use crate::command::strings::tests::one_of;
use crate::command::twin::Twin;
use fastrand::Rng;

type Words = Vec<Vec<u8>>;

const TEMPLATES: &[&str] = &[
    "RPUSH list element element",
    "RPUSH list element element",
    "SADD set element element element",
    "ZADD zset 1 element 2 element 3 element",
    "LPOP list",
    "DEL any",
    "SET weight element",
    "HSET record f element",
    "SORT any ?ALPHA ?DESC ?LIMIT,number,number",
    "SORT list ?BY,pattern ?ALPHA",
    "SORT any BY w_* ?GET,pattern ?GET,pattern ?DESC ?LIMIT,number,number",
    "SORT zset BY none ?DESC ?LIMIT,number,number ?GET,pattern",
    "SORT list BY none ?LIMIT,number,number",
    "SORT any ?BY,h_*->f GET pattern STORE stored",
    "SORT any ALPHA STORE stored",
    "SORT set BY none STORE stored",
    "SORT_RO any ?ALPHA ?STORE,stored ?GET,pattern",
    "SORT any LIMIT number ?DESC",
    "LRANGE stored 0 -1",
];

/// No number too large for a double: a stock server that met one may refuse the next ones too.
fn word(random: &mut Rng, name: &str) -> Vec<u8> {
    match name {
        "element" => match random.u8(..12) {
            0 => one_of(random, &["x", "", "inf", " 3", "nan", "0x1f"]),
            _ => random.u8(..9).to_string().into_bytes(),
        },
        "any" => one_of(random, &["list", "set", "zset", "list", "zset", "stored", "w_1"]),
        "weight" => format!("w_{}", random.u8(..9)).into_bytes(),
        "record" => format!("h_{}", random.u8(..9)).into_bytes(),
        "pattern" => one_of(random, &["w_*", "#", "h_*->f", "h_*->", "none", "w_*->f", "*"]),
        "number" => one_of(random, &["0", "1", "2", "-1", "100", "x"]),
        name => name.as_bytes().to_vec(),
    }
}

fn command(random: &mut Rng) -> Words {
    let template = TEMPLATES[random.usize(..TEMPLATES.len())];
    let mut words = Words::new();
    for part in template.split_whitespace() {
        let optional = part.strip_prefix('?');
        if optional.is_some() && random.bool() {
            continue;
        }
        for name in optional.unwrap_or(part).split(',') {
            words.push(word(random, name));
        }
    }
    words
}

#[test]
fn replies_are_those_of_a_stock_server() {
    let Some(mut twin) = Twin::start() else { return };
    twin.check_random(0..40, 300, |random| {
        let mut words = command(random);
        // Among equal texts the order is anyone's.
        let alpha = words.iter().position(|word| word == b"ALPHA");
        if let Some(alpha) = alpha.filter(|_| words.iter().any(|word| word == b"BY")) {
            words.remove(alpha);
        }
        words
    });
}

#[test]
fn streams_are_those_of_a_stock_server() {
    let Some(mut twin) = Twin::start() else { return };
    twin.check_random_streams(100..103, 300, command);
}

/// Recorded from valkey-server 8.0.1.
#[test]
fn who_may_not_read_every_key_has_no_patterns() {
    let mut fixture = Fixture::new();
    fixture.run_line("RPUSH l 2 1");
    fixture.view.any_key.sort = false;
    let by = "-ERR BY option of SORT denied due to insufficient ACL permissions.\r\n";
    let get = "-ERR GET option of SORT denied due to insufficient ACL permissions.\r\n";
    fixture.check("SORT l BY w_* LIMIT x x", by, &[]);
    fixture.check("SORT l GET #", get, &[]);
    let no_number = "-ERR value is not an integer or out of range\r\n";
    fixture.check("SORT l LIMIT x x BY w_*", no_number, &[]);
    fixture.check("SORT l BY none", "*2\r\n$1\r\n2\r\n$1\r\n1\r\n", &[]);
    fixture.check("SORT_RO l BY w_*", "*2\r\n$1\r\n1\r\n$1\r\n2\r\n", &[]);
}

#[test]
fn a_replica_becomes_what_its_master_is() {
    Mirror::check_random(0..10, 300, command);
}

#[test]
fn what_is_stored_is_streamed_as_it_came() {
    let mut fixture = Fixture::new();
    fixture.run_line("RPUSH l 3 1 2");
    fixture.check("SORT l STORE d", ":3\r\n", &["SORT l STORE d"]);
    let again = "SORT l DESC LIMIT 0 2 STORE d";
    fixture.check(again, ":2\r\n", &[again]);
    fixture.check("LRANGE d 0 -1", "*2\r\n$1\r\n3\r\n$1\r\n2\r\n", &[]);
    fixture.check("SORT none STORE d", ":0\r\n", &["SORT none STORE d"]);
    fixture.check("SORT none STORE d", ":0\r\n", &[]);
}

#[test]
fn weights_may_be_on_any_shard() {
    let mut fixture = Fixture::new();
    fixture.run_line("RPUSH l a b c");
    for (key, weight) in [("w_a", 3), ("w_b", 2), ("w_c", 1)] {
        fixture.run_line(&format!("SET {key} {weight}"));
    }
    let reply = "*6\r\n$1\r\nc\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n$1\r\na\r\n$1\r\n3\r\n";
    fixture.check("SORT l BY w_* GET # GET w_*", reply, &[]);
}
