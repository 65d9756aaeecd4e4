//! Malformed requests, each sent to both servers on a connection of its own; what comes back until
//! the connection closes must be the same bytes.

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::stock::{Kind, installed, own};
use crate::support::value::Short;

/// Requests and what they are. After each the client says that it has nothing more to send.
const CASES: &[(&str, &[u8])] = &[
    ("nothing at all", b""),
    ("an empty line", b"\r\n"),
    ("empty lines, then a command", b"\r\n\r\n\r\nPING\r\n"),
    ("a bare newline ends a line too", b"PING\n"),
    ("an inline command", b"SET k v\r\nGET k\r\n"),
    ("inline with quotes", b"SET \"a b\" 'c d'\r\nGET \"a b\"\r\n"),
    ("inline with escapes", b"ECHO \"\\x41\\n\\\"\"\r\nECHO 'it\\'s'\r\n"),
    ("inline with many blanks", b"   PING    \r\n\tPING\r\n"),
    ("unbalanced quotes", b"SET \"a b\r\n"),
    ("a quote inside a word", b"SET a\"b\"c d\r\n"),
    ("no array of bulks", b"*1\r\n+PING\r\n"),
    ("an integer as an argument", b"*2\r\n$3\r\nGET\r\n:1\r\n"),
    ("an empty array", b"*0\r\nPING\r\n"),
    ("a negative array", b"*-1\r\nPING\r\n"),
    ("a very negative array", b"*-2147483648\r\nPING\r\n"),
    ("an array of a word", b"*word\r\nPING\r\n"),
    ("an array without a number", b"*\r\nPING\r\n"),
    ("the largest array", b"*2147483647\r\n$4\r\nPING\r\n"),
    ("more than the largest array", b"*2147483648\r\n$4\r\nPING\r\n"),
    ("an array of no number of this world", b"*99999999999999999999\r\n"),
    ("a million and one arguments", b"*1048577\r\n"),
    ("a number with a sign", b"*+1\r\n$4\r\nPING\r\n"),
    ("a number with zeros", b"*01\r\n$4\r\nPING\r\n"),
    ("a number with a blank", b"* 1\r\n$4\r\nPING\r\n"),
    ("a negative bulk", b"*1\r\n$-1\r\n"),
    ("a bulk of a word", b"*1\r\n$word\r\n"),
    ("a bulk without a number", b"*1\r\n$\r\n"),
    ("a bulk above the limit", b"*1\r\n$536870913\r\n"),
    ("a bulk of no number of this world", b"*1\r\n$99999999999999999999\r\n"),
    ("a bulk longer than said", b"*1\r\n$4\r\nPINGPING\r\nPING\r\n"),
    ("an empty bulk as the name", b"*1\r\n$0\r\n\r\n"),
    ("a name with a zero", b"*1\r\n$5\r\nPI\0NG\r\n"),
    ("an unknown command", b"*1\r\n$7\r\nunknown\r\n"),
    ("an unknown command with arguments", b"*3\r\n$7\r\nunknown\r\n$1\r\na\r\n$3\r\nb\r\n\r\n"),
    ("too few arguments", b"*1\r\n$3\r\nGET\r\n"),
    ("too many arguments", b"*3\r\n$3\r\nGET\r\n$1\r\na\r\n$1\r\nb\r\n"),
    ("too few arguments of a subcommand", b"*1\r\n$6\r\nCONFIG\r\n"),
    ("an unknown subcommand", b"*2\r\n$6\r\nCONFIG\r\n$4\r\nnope\r\n"),
    ("POST", b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET k v\r\n"),
    ("a Host header", b"Host: localhost\r\nPING\r\n"),
    ("GET as a browser says it", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    ("zeros", &[0; 64]),
    ("a good command, then a bad one", b"PING\r\n*1\r\n+PING\r\nPING\r\n"),
    ("RESP3 in a request", b"%1\r\n$1\r\na\r\n$1\r\nb\r\n"),
    ("a carriage return alone", b"PING\rPING\r\n"),
    ("commands after QUIT", b"QUIT\r\nPING\r\n"),
    ("an error must not carry a line break", b"*1\r\n$8\r\nx\r\n-ERR \r\nPING\r\n"),
];

macro_rules! for_shards {
    ($($name:ident: $check:ident, $shards:expr;)*) => {
        $(
            #[test]
            fn $name() {
                if installed(&[Kind::Valkey]) {
                    $check(own($shards));
                }
            }
        )*
    };
}

for_shards! {
    own1_cases: cases, 1;
    own2_cases: cases, 2;
    own3_cases: cases, 3;
    own1_before_authentication: before_authentication, 1;
    own3_before_authentication: before_authentication, 3;
    own1_cut_anywhere: cut_anywhere, 1;
    own3_cut_anywhere: cut_anywhere, 3;
    own1_long_lines: long_lines, 1;
}

fn cases(kind: Kind) {
    let (ours, theirs) = (Server::start(kind), Server::start(Kind::Valkey));
    for (what, bytes) in CASES {
        compare(&ours, &theirs, what, bytes);
    }
    assert_eq!(ours.digest(), theirs.digest());
}

/// Who has not authenticated may send ten arguments of 16 KiB, no more.
fn before_authentication(kind: Kind) {
    let password = ["requirepass secret"];
    let (ours, theirs) = (Server::with(kind, &password), Server::with(Kind::Valkey, &password));
    let long = |len: usize| format!("*1\r\n${len}\r\n").into_bytes();
    let cases = [
        ("ten arguments", [b"*10\r\n".as_slice(), &b"$1\r\na\r\n".repeat(10)].concat()),
        ("eleven arguments", b"*11\r\n".to_vec()),
        ("a bulk of 16384 bytes", [long(16384), vec![b'x'; 16384], b"\r\n".to_vec()].concat()),
        ("a bulk of 16385 bytes", long(16385)),
        ("a wrong password", b"AUTH wrong\r\nGET k\r\n".to_vec()),
        ("the right one", b"AUTH secret\r\nGET k\r\n".to_vec()),
        ("what is allowed before", b"PING\r\nQUIT\r\n".to_vec()),
        ("HELLO", b"HELLO 3\r\nHELLO 9\r\n".to_vec()),
        ("unknown", b"unknown\r\nGET\r\n".to_vec()),
    ];
    for (what, bytes) in cases {
        compare(&ours, &theirs, what, &bytes);
    }
}

/// A client that goes away in the midst of a command, at each place: nothing of it is executed.
fn cut_anywhere(kind: Kind) {
    let server = Server::start(kind);
    let command = b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n";
    for len in 0..command.len() {
        let mut client = server.client();
        client.send(&command[..len]).expect("the server reads");
        client.finish_sending();
        let answer = client.read_to_close().expect("the server closes");
        assert!(answer.is_empty(), "cut at {len}: {:?}", Short(&answer));
    }
    assert_eq!(server.ask(&["DBSIZE"]).integer(), 0);
    // The same command in two pieces, at each place, is whole.
    let mut client = server.client();
    for len in 1..command.len() {
        client.send(&command[..len]).expect("the server reads");
        server.ask(&["PING"]);
        client.send(&command[len..]).expect("the server reads");
        let reply = client.read_reply().expect("an answer");
        assert!(reply.is_ok(), "cut at {len}: {reply:?}");
    }
}

/// Lines without an end are not read for ever.
fn long_lines(kind: Kind) {
    let (ours, theirs) = (Server::start(kind), Server::start(Kind::Valkey));
    let long = |prefix: &str| [prefix.as_bytes(), &vec![b'1'; 70_000]].concat();
    for (what, prefix) in [("inline", "x"), ("array", "*"), ("bulk", "*1\r\n$")] {
        compare(&ours, &theirs, what, &long(prefix));
    }
}

fn compare(ours: &Server, theirs: &Server, what: &str, bytes: &[u8]) {
    let (ours, theirs) = (answer(ours, bytes), answer(theirs, bytes));
    assert_eq!(masked(&ours), masked(&theirs), "{what}: {:?}", Short(bytes));
}

/// All that a server says to these bytes until it closes.
fn answer(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut client = Client::connect(server.port()).expect("the server listens");
    // A server may close before it has read all.
    let _ = client.send(bytes);
    client.finish_sending();
    client.read_to_close().expect("the server closes")
}

/// Answers as text, without what names the server: HELLO's map after its first line.
fn masked(answer: &[u8]) -> String {
    let text = answer.escape_ascii().to_string();
    match text.split_once("$6\\r\\nserver") {
        Some((before, _)) => format!("{before}HELLO"),
        None => text,
    }
}
