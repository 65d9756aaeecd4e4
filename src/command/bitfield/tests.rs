use crate::command::fixture::Fixture;
use crate::command::mirror::Mirror;
use crate::command::strings::tests::{key, list, number, one_of, value};
use crate::command::twin::Twin;
use crate::resp::reply::RespVersion;
use fastrand::Rng;

#[test]
fn fields_are_written_in_order_and_streamed_if_they_changed() {
    let mut fixture = Fixture::new();
    let line = "BITFIELD b SET u8 #1 255 GET u8 8 INCRBY i4 4 -1";
    fixture.check(line, "*3\r\n:0\r\n:255\r\n:-1\r\n", &[line]);
    fixture.check("BITFIELD b SET u8 #1 255", "*1\r\n:255\r\n", &[]);
    fixture.check("BITFIELD b GET u12 4", "*1\r\n:4095\r\n", &[]);
    fixture.check("BITFIELD none GET i5 100", "*1\r\n:0\r\n", &[]);
    fixture.check("BITFIELD none", "*0\r\n", &[]);
    fixture.check("GET none", "$-1\r\n", &[]);
}

#[test]
fn an_overflow_wraps_saturates_or_fails() {
    let mut fixture = Fixture::new();
    let check = |fixture: &mut Fixture, line: &str, reply| {
        assert_eq!(fixture.run_line(line).escape_ascii().to_string(), reply, "{line}");
    };
    check(&mut fixture, "BITFIELD b SET u8 0 300 GET u8 0", r"*2\r\n:0\r\n:44\r\n");
    check(&mut fixture, "BITFIELD b OVERFLOW SAT INCRBY u8 0 300", r"*1\r\n:255\r\n");
    check(&mut fixture, "BITFIELD b OVERFLOW SAT INCRBY u8 0 -300", r"*1\r\n:0\r\n");
    check(&mut fixture, "BITFIELD b OVERFLOW FAIL INCRBY u8 0 -1", r"*1\r\n$-1\r\n");
    check(&mut fixture, "BITFIELD b INCRBY u8 0 -1", r"*1\r\n:255\r\n");
    check(
        &mut fixture,
        "BITFIELD b OVERFLOW SAT SET i8 0 -300 GET i8 0",
        r"*2\r\n:-1\r\n:-128\r\n",
    );
    fixture.view.version = RespVersion::V3;
    check(&mut fixture, "BITFIELD b OVERFLOW FAIL SET i8 0 128", r"*1\r\n_\r\n");
}

/// Stock servers create the string here and tell no replica; what exists must exist on both.
#[test]
fn a_string_that_grew_is_streamed_though_nothing_was_written() {
    let mut fixture = Fixture::new();
    let line = "BITFIELD b OVERFLOW FAIL INCRBY u2 102 100";
    fixture.check(line, "*1\r\n$-1\r\n", &[line]);
    fixture.check("STRLEN b", ":13\r\n", &[]);
    fixture.check(line, "*1\r\n$-1\r\n", &[]);
}

#[test]
fn the_whole_command_is_checked_before_it_runs() {
    let mut fixture = Fixture::new();
    let kind = "-ERR Invalid bitfield type. Use something like i16 u8. \
                Note that u64 is not supported but i64 is.\r\n";
    let offset = "-ERR bit offset is not an integer or out of range\r\n";
    fixture.check("BITFIELD b SET u8 0 1 GET u64 0", kind, &[]);
    fixture.check("BITFIELD b SET u8 0 1 GET u8 4294967296", offset, &[]);
    fixture.check("BITFIELD b SET u8 0 1 GET u8 #536870912", offset, &[]);
    let overflow = "-ERR Invalid OVERFLOW type specified\r\n";
    fixture.check("BITFIELD b SET u8 0 1 OVERFLOW never", overflow, &[]);
    fixture.check("BITFIELD b SET u8 0 1 GET u8", "-ERR syntax error\r\n", &[]);
    let read_only = "-ERR BITFIELD_RO only supports the GET subcommand\r\n";
    fixture.check("BITFIELD_RO b GET u8 0 SET u8 0 1", read_only, &[]);
    fixture.check("GET b", "$-1\r\n", &[]);
}

#[test]
fn random_commands_answer_as_a_stock_server() {
    let Some(mut twin) = Twin::start() else { return };
    twin.shows = &["GET", "KEY"];
    twin.check_random(0..40, 300, command);
}

#[test]
fn random_commands_stream_what_a_stock_server_streams() {
    let Some(mut twin) = Twin::start() else { return };
    // They do not stream a string that grew for nothing: see above.
    let never_failing = |random: &mut Rng| {
        let mut words = command(random);
        words.iter_mut().filter(|word| *word == b"FAIL").for_each(|word| *word = b"SAT".to_vec());
        words
    };
    twin.check_random_streams(0..10, 300, never_failing);
}

#[test]
fn a_replica_of_random_commands_holds_the_same() {
    Mirror::check_random(0..30, 300, command);
}

fn command(random: &mut Rng) -> Vec<Vec<u8>> {
    if let Some(words) = list(random) {
        return words;
    }
    let names = ["SET", "GET", "BITFIELD", "BITFIELD", "BITFIELD", "BITFIELD", "BITFIELD_RO"];
    let name = names[random.usize(..names.len())];
    let mut words = vec![name.as_bytes().to_vec(), key(random)];
    if name == "SET" {
        words.push(value(random));
    } else if name != "GET" {
        (0..random.usize(..4)).for_each(|_| operation(random, &mut words));
    }
    words
}

fn operation(random: &mut Rng, words: &mut Vec<Vec<u8>>) {
    if random.u8(..3) == 0 {
        words.extend([b"OVERFLOW".to_vec(), one_of(random, &["WRAP", "sat", "FAIL", "FAIL"])]);
    }
    let action = one_of(random, &["GET", "set", "INCRBY", "SET", "INCRBY"]);
    let writes = action != b"GET";
    words.push(action);
    words.push(match random.u8(..20) {
        0 => one_of(random, &["u64", "i65", "u0", "x8", "u", "u08", ""]),
        1..8 => one_of(random, &["i64", "u63", "i63", "i1", "u1"]),
        _ => format!("{}{}", ["i", "u"][random.usize(..2)], random.u8(1..64)).into_bytes(),
    });
    words.push(match random.u8(..20) {
        0 => one_of(random, &["-1", "#-1", "x", "#", "4294967296"]),
        1..6 => format!("#{}", random.u8(..5)).into_bytes(),
        _ => random.u8(..200).to_string().into_bytes(),
    });
    if writes {
        words.push(match random.u8(..3) {
            0 => random.i64(..).to_string().into_bytes(),
            _ => number(random),
        });
    }
}
