//! Commands on keys of other types and with numbers at and beyond their edges: the replies are the
//! stock server's, the data afterwards is the same, and no number makes the server allocate.

use std::collections::BTreeSet;

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::stock::{Kind, installed, own};
use crate::support::value::Value;
use crate::usages::{DATA, KEYS, ON_ANY_TYPE, WITH_NUMBERS};

const INTEGERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "-0",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "4611686018427387904",
    "4294967296",
    "2147483648",
    "-2147483649",
    "1.5",
    "",
    " 1",
    "1 ",
    "+1",
    "00",
    "0x10",
    "1e3",
    "abc",
];

/// A count below zero asks for so many elements, repeated: those are not for a test.
const COUNTS: &[&str] = &[
    "0",
    "-3",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "4611686018427387904",
    "4294967296",
    "1.5",
    "",
    "abc",
];

/// Places beyond the largest string.
const PLACES: &[&str] =
    &["-1", "4294967296", "9223372036854775807", "-9223372036854775808", "#99999999999", "x"];

/// What is beyond 32 bits the stock server cuts off here; ours says that there is no such index.
const INDICES: &[&str] =
    &["0", "-1", "-3", "-4", "3", "2147483647", "-2147483648", "9223372036854775808", "1.5", ""];

/// Without those that only an extended double holds: ours takes them for no numbers.
const TIMES: &[&str] = &[
    "0", "-0", "0.1", "-1.5", "1e17", "1e308", "5e-324", "inf", "-inf", "Infinity", "nan", "0x1p3",
    "", " 1", "1 ", "1e", "1,5", "abc",
];

const FLOATS: &[&str] = &[
    "0",
    "-0",
    "0.1",
    "-1.5",
    "3.0000000000000004",
    "12345678901234567",
    "0.12345678901234567",
    "1e17",
    "1e308",
    "1.7976931348623157e308",
    "-1.7976931348623157e308",
    "1e400",
    "5e-324",
    "1e-400",
    "inf",
    "+inf",
    "-inf",
    "Infinity",
    "-infinity",
    "nan",
    "-nan",
    "NaN",
    "0x1p3",
    "",
    " 1",
    "1 ",
    "1e",
    "1,5",
    "abc",
];

/// How much memory all of it may take.
const GROWTH_MAX: u64 = 64 << 20;

/// The same commands to both servers, each on the same data.
struct Pair {
    ours: Client,
    theirs: Client,
    data: Vec<Vec<Vec<u8>>>,
    differences: Vec<String>,
}

impl Pair {
    fn new(ours: &Server, theirs: &Server) -> Pair {
        let words = |line: &&str| line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        let data = DATA.iter().map(words).collect();
        let (ours, theirs) = (ours.client(), theirs.client());
        let mut pair = Pair { ours, theirs, data, differences: Vec::new() };
        pair.refill();
        pair
    }

    /// Whether it is a command of ours: that it should be is another test's to say.
    fn knows(&mut self, name: &str) -> bool {
        self.ours
            .cmd(&["COMMAND", "INFO", name])
            .items()
            .iter()
            .all(|it| matches!(it, Value::Array(_)))
    }

    fn refill(&mut self) {
        for client in [&mut self.ours, &mut self.theirs] {
            client.cmd(&["SELECT", "0"]);
            client.cmd(&["UNWATCH"]);
            let replies = client.pipeline(&self.data);
            assert!(!replies.iter().any(|reply| reply.is_error("")), "{replies:?}");
        }
    }

    fn check(&mut self, words: &[&str], loosely: bool) {
        let (ours, theirs) = (self.ours.cmd(words), self.theirs.cmd(words));
        let failed = |reply: &Value| reply.is_error("");
        let equal = match loosely && !failed(&ours) {
            true => !failed(&theirs),
            false => ours == theirs,
        };
        if !equal {
            self.differences.push(format!("{words:?}: {ours:?}, Valkey: {theirs:?}"));
        }
        if failed(&ours) && failed(&theirs) {
            return;
        }
        if !loosely {
            let digest = ["DEBUG", "DIGEST"];
            if self.ours.cmd(&digest) != self.theirs.cmd(&digest) {
                self.differences.push(format!("{words:?}: the data differ"));
            }
        }
        self.refill();
    }

    fn end(self) {
        let (count, text) = (self.differences.len(), self.differences.join("\n"));
        assert_eq!(count, 0, "{count} differences:\n{text}");
    }
}

/// A usage without its mark, and whether it has one.
fn words_of(usage: &'static str) -> (Vec<&'static str>, bool) {
    let (usage, loosely) = usage.strip_prefix('~').map_or((usage, false), |usage| (usage, true));
    (usage.split(' ').collect(), loosely)
}

macro_rules! for_shards {
    ($($name:ident: $check:ident, $shards:expr;)*) => {
        $( #[test] fn $name() { $check(own($shards)); } )*
    };
}

for_shards! {
    own1_wrong_types: wrong_types, 1;
    own3_wrong_types: wrong_types, 3;
    own1_edges_of_numbers: edges_of_numbers, 1;
    own3_edges_of_numbers: edges_of_numbers, 3;
}

fn wrong_types(kind: Kind) {
    if !installed(&[Kind::Valkey]) {
        return;
    }
    let (ours, theirs) = (Server::start(kind), Server::start(Kind::Valkey));
    let mut pair = Pair::new(&ours, &theirs);
    for usage in ON_ANY_TYPE {
        let (words, loosely) = words_of(usage);
        if !pair.knows(words[0]) {
            continue;
        }
        for key in KEYS {
            let words: Vec<String> = words.iter().map(|word| word.replace("key", key)).collect();
            pair.check(&words.iter().map(String::as_str).collect::<Vec<_>>(), loosely);
        }
    }
    pair.end();
}

fn edges_of_numbers(kind: Kind) {
    if !installed(&[Kind::Valkey]) {
        return;
    }
    let (ours, theirs) = (Server::start(kind), Server::start(Kind::Valkey));
    let mut pair = Pair::new(&ours, &theirs);
    let before = ours.resident_bytes();
    for usage in WITH_NUMBERS {
        let (words, loosely) = words_of(usage);
        if !pair.knows(words[0]) {
            continue;
        }
        for (at, word) in words.iter().enumerate() {
            for edge in edges(word) {
                let mut words = words.clone();
                // The other numbers are harmless ones.
                words.iter_mut().filter(|word| !edges(word).is_empty()).for_each(|w| *w = "1");
                let exclusive = format!("({edge}");
                words[at] = if word.starts_with('(') { &exclusive } else { edge };
                pair.check(&words, loosely);
            }
        }
    }
    let grown = ours.resident_bytes().saturating_sub(before);
    assert!(grown < GROWTH_MAX, "numbers took {grown} bytes");
    pair.end();
}

fn edges(word: &str) -> &'static [&'static str] {
    match word {
        "n" => INTEGERS,
        "p" => COUNTS,
        "o" => PLACES,
        "i" => INDICES,
        "f" | "(f" => FLOATS,
        "t" => TIMES,
        _ => &[],
    }
}

/// Commands with keys that stand in no list, and why.
const ELSEWHERE: &[(&str, &str)] = &[
    ("debug|object", "says what differs between servers"),
    ("migrate", "needs a second server"),
    ("spublish", "its key is a channel"),
    ("ssubscribe", "its key is a channel"),
    ("sunsubscribe", "its key is a channel"),
];

#[test]
fn every_command_with_keys_is_used() {
    let server = Server::start(own(1));
    let mut used = BTreeSet::new();
    for usage in ON_ANY_TYPE {
        let words: Vec<_> = words_of(usage).0.iter().map(|word| word.to_lowercase()).collect();
        used.insert(words[0].clone());
        used.extend(words.get(1).map(|second| format!("{}|{second}", words[0])));
    }
    used.extend(ELSEWHERE.iter().map(|(name, _)| (*name).to_owned()));
    let commands = server.ask(&["COMMAND"]);
    let with_subcommands = commands
        .items()
        .iter()
        .flat_map(|command| std::iter::once(command).chain(command.items()[9].items()));
    let missing: Vec<String> = with_subcommands
        .filter(|command| !command.items()[8].items().is_empty())
        .map(|command| command.items()[0].text())
        .filter(|name| !used.contains(name) && !name.starts_with("eval"))
        .filter(|name| !name.starts_with("fcall"))
        .collect();
    assert!(missing.is_empty(), "never used on a key of another type: {missing:?}");
}
