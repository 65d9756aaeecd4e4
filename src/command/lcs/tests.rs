use crate::command::fixture::Fixture;
use crate::command::strings::tests::{key, list, number, one_of};
use crate::command::twin::Twin;
use crate::resp::reply::RespVersion;
use fastrand::Rng;

#[test]
fn the_subsequence_its_length_and_its_places() {
    let mut fixture = Fixture::new();
    fixture.run_line("MSET a ohmytext b mynewtext");
    fixture.check("LCS a b", "$6\r\nmytext\r\n", &[]);
    fixture.check("LCS a b LEN", ":6\r\n", &[]);
    let places = "*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n";
    let reply = format!("*4\r\n$7\r\nmatches\r\n*1\r\n{places}$3\r\nlen\r\n:6\r\n");
    fixture.check("LCS a b IDX MINMATCHLEN 3", &reply, &[]);
    fixture.view.version = RespVersion::V3;
    fixture.check("LCS a b IDX MINMATCHLEN 3", &reply.replacen("*4", "%2", 1), &[]);
    let both = "-ERR If you want both the length and indexes, please just use IDX.\r\n";
    fixture.check("LCS a b LEN IDX", both, &[]);
    fixture.check("LCS a none", "$0\r\n\r\n", &[]);
}

#[test]
fn comparing_strings_too_long_is_refused() {
    let mut fixture = Fixture::new();
    fixture.settings.clients.proto_max_bulk_len = 4 * 4 * 5;
    fixture.run_line("MSET a aaa b aaaa");
    fixture.check("LCS a b LEN", ":3\r\n", &[]);
    fixture.run_line("APPEND a a");
    let error = "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len\r\n";
    fixture.check("LCS a b LEN", error, &[]);
}

#[test]
fn random_commands_answer_as_a_stock_server() {
    let Some(mut twin) = Twin::start() else { return };
    twin.shows = &["GET", "KEY"];
    twin.check_random(0..30, 200, command);
}

fn command(random: &mut Rng) -> Vec<Vec<u8>> {
    if let Some(words) = list(random) {
        return words;
    }
    if random.u8(..3) == 0 {
        let text = (0..random.usize(..150)).map(|_| random.u8(b'a'..b'e')).collect();
        return vec![b"SET".to_vec(), key(random), text];
    }
    let mut words = vec![b"LCS".to_vec(), key(random), key(random)];
    for _ in 0..random.usize(..4) {
        words.push(one_of(random, &["IDX", "LEN", "WITHMATCHLEN", "IDX", "idx", "bad"]));
        if random.u8(..3) == 0 {
            words.extend([b"MINMATCHLEN".to_vec(), number(random)]);
        }
    }
    words
}
