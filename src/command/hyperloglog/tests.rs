use crate::base::stock::Answer;
use crate::command::mirror::Mirror;
use crate::command::strings::tests::{key, one_of, value};
use crate::command::twin::Twin;
use fastrand::Rng;

fn command(random: &mut Rng) -> Vec<Vec<u8>> {
    let names = [
        "PFADD", "PFADD", "PFADD", "PFADD", "PFCOUNT", "PFCOUNT", "PFMERGE", "PFDEBUG", "SET",
        "DEL",
    ];
    let name = names[random.usize(..names.len())];
    let mut words = vec![name.as_bytes().to_vec(), key(random)];
    match name {
        "PFADD" => words.extend((0..random.usize(..30)).map(|_| {
            if random.bool() { random.u32(..).to_string().into_bytes() } else { value(random) }
        })),
        "PFCOUNT" | "PFMERGE" => words.extend((0..random.usize(..3)).map(|_| key(random))),
        "PFDEBUG" => {
            let verbs = ["DECODE", "ENCODING", "decode", "GETREG", "TODENSE", "x"];
            words.insert(1, one_of(random, &verbs));
        }
        // Seldom, since it ends what grew.
        "SET" | "DEL" if random.u8(..4) > 0 => words = vec![b"PFCOUNT".to_vec(), key(random)],
        "SET" => words.push(value(random)),
        _ => {}
    }
    words
}

#[test]
fn random_commands_answer_and_hold_what_a_stock_server_does() {
    let Some(mut twin) = Twin::start() else { return };
    twin.shows = &["GET", "KEY"];
    for sparse_max in ["3000", "200", "0", "40"] {
        let set = ["CONFIG", "SET", "hll-sparse-max-bytes", sparse_max];
        assert_eq!(twin.stock.call(&set), Answer::Text(b"OK".to_vec()));
        let bytes = sparse_max.parse().expect("a number");
        twin.fixture.settings.encoding.hll_sparse_max_bytes = bytes;
        twin.check_random(0..6, 200, command);
    }
}

#[test]
fn random_commands_stream_what_a_stock_server_streams() {
    let Some(mut twin) = Twin::start() else { return };
    twin.check_random_streams(0..5, 200, command);
}

#[test]
fn a_replica_of_random_commands_holds_the_same() {
    Mirror::check_random(0..8, 200, command);
}

/// A stock server keeps what an element changed before it met the damage; here nothing changes.
#[test]
fn damage_is_told_as_a_stock_server_tells_it() {
    let Some(mut twin) = Twin::start() else { return };
    let mut random = Rng::with_seed(4);
    for round in 0..300 {
        let told = format!("round {round}");
        twin.check(&["DEL", "h", "t"], &told);
        twin.check(&["PFADD", "h", "a", "b", "c", "d", "e", "f"], &told);
        let (at, byte) = (random.usize(..32).to_string().into_bytes(), vec![random.u8(..)]);
        twin.check(&[b"SETRANGE".to_vec(), b"h".to_vec(), at, byte], &told);
        twin.check(&["PFCOUNT", "h", "x"], &told);
        twin.check(&["PFCOUNT", "h"], &told);
        twin.check(&["PFMERGE", "t", "h"], &told);
        twin.check(&["PFDEBUG", "ENCODING", "h"], &told);
        twin.check(&["PFADD", "h", "one more"], &told);
    }
}
