//! The parser by itself, under random bytes, and side by side with a stock server.

use super::fuzz::{Outcome, in_pieces};
use super::*;
use crate::resp::reply::Reply;
use crate::resp::value::{Value, ValueParser};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

fn parse(data: &[u8]) -> Outcome {
    in_pieces(data, &[], &Limits::default())
}

/// Requests are written `name arg|name arg`; an error ends the connection.
fn check(data: &[u8], requests: &str, error: Option<ProtocolError>) {
    fuzz_parser(data);
    let outcome = parse(data);
    let found: Vec<String> = outcome
        .requests
        .iter()
        .map(|args| String::from_utf8_lossy(&args.join(&b' ')).into_owned())
        .collect();
    let shown = String::from_utf8_lossy(data);
    assert_eq!((found.join("|").as_str(), outcome.error), (requests, error), "{shown:?}");
}

#[test]
fn multibulk_requests_are_read() {
    check(
        b"*3\r\n$3\r\nSET\r\n$16\r\n0123456789abcdef\r\n$0\r\n\r\n",
        "SET 0123456789abcdef ",
        None,
    );
    let long = "x".repeat(1234);
    check(
        format!("*2\r\n$4\r\nECHO\r\n$1234\r\n{long}\r\n").as_bytes(),
        &format!("ECHO {long}"),
        None,
    );
    check(&PING.repeat(3), "PING|PING|PING", None);
    check(&PING[..13], "", None);
    // What stands for a line end is not looked at.
    check(b"*1\rx$4\rxPINGxx*1\r\n$1\r\na\r\n", "PING|a", None);
}

#[test]
fn requests_of_nothing_have_no_arguments() {
    for empty in [&b"*0\r\n"[..], b"*-1\r\n", b"*-5\r\n", b"*-9223372036854775808\r\n", b"\r\n"] {
        check(&[empty, PING].concat(), "|PING", None);
    }
    check(b"\n \t\r\nPING\n", "||PING", None);
}

#[test]
fn typed_lines_are_read() {
    check(b"PING\r\n", "PING", None);
    check(b"  echo  \"a b\" 'c'\n", "echo a b c", None);
    check(b"PING\r", "", None);
    check(b"ECHO \"a\r\n", "", Some(ProtocolError::UnbalancedQuotes));
    // A NUL hides the line's end, and the line grows too long.
    check(b"ECHO a\0b\r\nPING\r\n", "", None);
    check(&[b"ECHO a\0b\r\n", &[b'a'; 65536][..]].concat(), "", Some(ProtocolError::TooBigInline));
}

#[test]
fn malformed_counts_and_lengths_are_refused() {
    for count in ["", " ", "a", "+1", "01", " 1", "1 ", "00", "-0", "-01", "2147483648", "1\n$"] {
        let data = format!("*{count}\r\n$4\r\nPING\r\n");
        check(data.as_bytes(), "", Some(ProtocolError::InvalidMultibulkLength));
    }
    check(b"*9223372036854775808\r\n", "", Some(ProtocolError::InvalidMultibulkLength));
    check(b"*2147483647\r\n", "", None);
    for len in ["", "a", "04", "+4", "-0", "-1", "-2", "536870913", "9223372036854775808"] {
        let data = format!("*1\r\n${len}\r\n");
        check(data.as_bytes(), "", Some(ProtocolError::InvalidBulkLength));
    }
    check(b"*1\r\n$536870912\r\n", "", None);
    for byte in [b':', b'P', b'\r', b'\n', 0xff, b'*', b'\''] {
        let data = [b"*1\r\n", &[byte][..], b"\r\n"].concat();
        check(&data, "", Some(ProtocolError::ExpectedBulk(byte)));
    }
    // The line must end before it is judged.
    check(b"*1\r\nx", "", None);
    check(b"*1\r\nx\r", "", None);
    check(b"*x\r", "", None);
}

#[test]
fn lines_that_do_not_end_are_refused() {
    let ones = |count| "1".repeat(count);
    check(ones(65536).as_bytes(), "", None);
    check(ones(65537).as_bytes(), "", Some(ProtocolError::TooBigInline));
    check(format!("{}\n", ones(65537)).as_bytes(), "", Some(ProtocolError::TooBigInline));
    check(format!("*{}", ones(65535)).as_bytes(), "", None);
    let too_big = Some(ProtocolError::TooBigMultibulkCount);
    check(format!("*{}", ones(65536)).as_bytes(), "", too_big);
    check(format!("*1\r\n${}", ones(65535)).as_bytes(), "", None);
    check(format!("*1\r\n${}", ones(65536)).as_bytes(), "", Some(ProtocolError::TooBigBulkCount));
}

#[test]
fn http_closes_without_a_reply() {
    for line in ["POST / HTTP/1.1\r\n", "Host: x\r\n", "post\r\n", "*1\r\n$5\r\nhost:\r\n"] {
        check(line.as_bytes(), "", Some(ProtocolError::CrossProtocol));
    }
    check(b"POSTX\r\nHost\r\n", "POSTX|Host", None);
}

#[test]
fn a_client_that_has_not_authenticated_has_narrow_limits() {
    let check = |data: &[u8], expected| {
        let limits = Limits { authenticated: false, ..Limits::default() };
        assert_eq!(in_pieces(data, &[], &limits).error, expected, "{data:?}");
    };
    check(b"*10\r\n", None);
    check(b"*11\r\n", Some(ProtocolError::UnauthenticatedMultibulkLength));
    check(b"*2147483648\r\n", Some(ProtocolError::InvalidMultibulkLength));
    check(b"*1\r\n$16384\r\n", None);
    check(b"*1\r\n$16385\r\n", Some(ProtocolError::UnauthenticatedBulkLength));
    check(b"*1\r\n$-1\r\n", Some(ProtocolError::InvalidBulkLength));
    check(b"*-1\r\n", None);
}

#[test]
fn a_big_bulk_is_received_out_of_line() {
    let value = vec![b'v'; BIG_BULK_BYTES];
    let mut parser = RequestParser::new();
    let limits = Limits::default();
    let mut buf = b"*3\r\n$3\r\nSET\r\n$32768\r\nvvv".to_vec();
    let need = Ok(Step::NeedBulk { len: BIG_BULK_BYTES });
    assert_eq!(parser.step(&buf, &limits), need);
    assert_eq!(parser.step(&buf, &limits), need, "asked twice");
    assert_eq!(&buf[parser.bulk_start()..], b"vvv");
    buf.truncate(parser.bulk_start());
    parser.bulk_received(Bytes::from(value.clone()));
    for byte in b"\r\n$1\r\nx\r" {
        assert_eq!(parser.step(&buf, &limits), Ok(Step::Incomplete));
        assert!(parser.in_request());
        buf.push(*byte);
    }
    assert_eq!(parser.step(&buf, &limits), Ok(Step::Incomplete));
    buf.push(b'\n');
    assert_eq!(parser.step(&buf, &limits), Ok(Step::Command { consumed: buf.len() }));
    let args = parser.args(&buf);
    assert_eq!((args.get(0), args.get(1), args.get(2)), (&b"SET"[..], &value[..], &b"x"[..]));
    assert_eq!(args.shared(1).map(Bytes::len), Some(BIG_BULK_BYTES));
    assert!(!parser.in_request());
    let (spans, big) = parser.take_parts();
    assert_eq!(Args::new(&buf, &spans, &big).get(1), &value[..]);
}

#[test]
fn big_bulks_parse_the_same_in_place_and_out_of_line() {
    let value = "v".repeat(BIG_BULK_BYTES + 3);
    let set = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{value}\r\n", value.len());
    let twice = format!("{set}{set}");
    for at in [0, 1, 10, 30, 31, 32, 100, 32_000, set.len() - 2, set.len() - 1, set.len() + 40] {
        let cut = in_pieces(twice.as_bytes(), &[at], &Limits::default());
        assert_eq!(cut.requests.len(), 2, "cut at {at}");
        assert_eq!(parse(twice.as_bytes()), cut, "cut at {at}");
    }
    fuzz_parser(twice.as_bytes());
}

#[test]
fn a_parser_gives_large_memory_back() {
    let mut parser = RequestParser::new();
    let mut many = b"*5000\r\n".to_vec();
    many.extend(b"$1\r\na\r\n".repeat(5000));
    assert!(matches!(parser.step(&many, &Limits::default()), Ok(Step::Command { .. })));
    assert_eq!(parser.args(&many).len(), 5000);
    assert!(matches!(parser.step(PING, &Limits::default()), Ok(Step::Command { .. })));
    assert!(parser.spans.capacity() <= SPANS_KEPT_MAX);
}

/// Bytes that are nearly requests: pieces of valid ones, then some bytes changed.
fn nearly_requests(random: &mut fastrand::Rng) -> Vec<u8> {
    const PIECES: [&[u8]; 26] = [
        b"*1\r\n",
        b"*2\r\n",
        b"*0\r\n",
        b"*-1\r\n",
        b"$4\r\n",
        b"$0\r\n",
        b"$-1\r\n",
        b"PING",
        b"\r\n",
        b"ECHO",
        b"*1\r\n$4\r\nPING\r\n",
        b"*2\r\n$4\r\nECHO\r\n$1\r\na\r\n",
        b"PING\r\n",
        b"ECHO a\r\n",
        b"ECHO \"a\\x41 b\"\r\n",
        b"ECHO 'it\\'s'\r\n",
        b"$10\r\n",
        b"*10\r\n",
        b"$100\r\n",
        b"\n",
        b"\"",
        b"'",
        b" ",
        b"\\",
        b"\0",
        b"*2\r\n$4\r\nECHO\r\n$13\r\n0123456789abc\r\n",
    ];
    let mut data = Vec::new();
    for _ in 0..random.usize(1..8) {
        // Mostly whole requests, so that something precedes the error.
        let piece = if random.bool() { random.usize(10..16) } else { random.usize(..PIECES.len()) };
        data.extend_from_slice(PIECES[piece]);
    }
    for _ in 0..random.usize(..3) {
        if data.is_empty() {
            break;
        }
        let at = random.usize(..data.len());
        match random.u8(..4) {
            0 => data[at] = b"*$\r\n 019-+\"'\\x\0"[random.usize(..15)],
            1 => drop(data.remove(at)),
            2 => data.insert(at, random.u8(..)),
            _ => data.truncate(at + 1),
        }
    }
    data
}

#[test]
fn random_bytes_parse_the_same_in_all_pieces() {
    for seed in 0..3000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let data = nearly_requests(&mut random);
        let caught = std::panic::catch_unwind(|| fuzz_parser(&data));
        assert!(caught.is_ok(), "seed {seed}");
    }
}

/// A running stock server that wants a password, and whose end is ours.
struct Stock {
    process: Child,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Stock {
    /// `None` where no stock server is installed.
    fn start() -> Option<Stock> {
        let dir = tempfile::tempdir().expect("a directory can be made");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        let mut process = Command::new("valkey-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--requirepass", "secret", "--daemonize", "no"])
            .current_dir(dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let log = BufReader::new(process.stdout.take().expect("it is piped"));
        let stock = Stock { process, port, _dir: dir };
        let mut lines = log.lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("Ready to accept connections")), "did not start");
        Some(stock)
    }

    /// What the server sends for `data` until it closes.
    fn replies(&self, data: &[u8]) -> Vec<Value> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        // Either may fail when the server has closed by then; its replies are what counts.
        let _ = socket.write_all(data);
        let _ = socket.shutdown(Shutdown::Write);
        let mut bytes = Vec::new();
        let _ = socket.read_to_end(&mut bytes);
        let mut parser = ValueParser::new(1 << 30);
        let (mut values, mut rest) = (Vec::new(), &bytes[..]);
        while let Some((value, consumed)) = parser.step(rest).expect("replies are RESP") {
            values.push(value);
            rest = &rest[consumed..];
        }
        values
    }
}

impl Drop for Stock {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the server should send for what our parser finds; `None` where nothing can be said.
fn expected_replies(data: &[u8], authenticated: bool) -> Option<Vec<Option<Value>>> {
    let limits = Limits { authenticated, ..Limits::default() };
    let outcome = in_pieces(data, &[], &limits);
    let mut replies = Vec::new();
    for args in outcome.requests.iter().filter(|args| !args.is_empty()) {
        let name = args[0].to_ascii_lowercase();
        replies.push(match (&name[..], &args[1..]) {
            _ if !authenticated => None,
            (b"ping", []) => Some(Value::Simple(b"PONG".to_vec())),
            (b"ping" | b"echo", [text]) => Some(Value::Bulk(text.clone())),
            _ => None,
        });
    }
    match outcome.error {
        // It may close before earlier replies are out.
        Some(ProtocolError::CrossProtocol) => return None,
        Some(error) => {
            let mut reply = Reply::default();
            error.reply(&mut reply);
            let text = reply.buf[1..].trim_ascii_end().to_vec();
            replies.push(Some(Value::Error(text)));
        }
        None => {}
    }
    Some(replies)
}

fn compare(stock: &Stock, data: &[u8], authenticated: bool) {
    let Some(expected) = expected_replies(data, authenticated) else { return };
    let auth: &[u8] = if authenticated { b"AUTH secret\r\n" } else { b"" };
    let mut found = stock.replies(&[auth, data].concat());
    if authenticated {
        assert_eq!(found.remove(0), Value::Simple(b"OK".to_vec()));
    }
    let shown = String::from_utf8_lossy(&data[..data.len().min(200)]);
    assert_eq!(found.len(), expected.len(), "{shown:?}: {found:?}, not {expected:?}");
    for (found, expected) in found.iter().zip(&expected) {
        match expected {
            Some(expected) => assert_eq!(found, expected, "{shown:?}"),
            None => {
                let error = found.error().unwrap_or_else(|| panic!("{shown:?}: {found:?}"));
                assert!(!error.starts_with(b"ERR Protocol"), "{shown:?}: {found:?}");
            }
        }
    }
}

/// Valkey 8.0.1 takes the request behind a line of nothing but blanks for a typed one, whatever it
/// is; 7.0 does not, and neither do we.
fn has_blank_line(data: &[u8]) -> bool {
    let blank = |line: &[u8]| !matches!(line, b"" | b"\r") && line.trim_ascii().is_empty();
    let blank = |line: &[u8]| blank(line) || line.iter().all(|&byte| byte == 0x0b);
    data.split(|&byte| byte == b'\n').any(|line| !line.is_empty() && blank(line))
}

#[test]
fn agrees_with_a_stock_server() {
    let Some(stock) = Stock::start() else { return };
    let mut cases: Vec<Vec<u8>> = Vec::new();
    for first in ["*1048576", "*1048577", "*1000000000000", "*-5", "*0", "*", "*1\r\n$1\r", "*+1"] {
        cases.push([first.as_bytes(), b"\r\n", PING].concat());
    }
    for len in ["536870913", "-1", "016", "a", "16384", "16385"] {
        cases.push(format!("*1\r\n${len}\r\n").into_bytes());
    }
    for prefix in ["", "*", "*1\r\n$", "*1\r\n", "ECHO \""] {
        cases.push([prefix.as_bytes(), &[b'1'; 65537]].concat());
    }
    for line in ["\"a\"b", "a\"b c\"", "'a\\'b'", "\"\\x4g\\n\"", "\x0ba\x0c", "\"a\"\x0b", "a\\nb"]
    {
        cases.push(format!("ECHO {line}\r\n").into_bytes());
    }
    for count in [10, 11] {
        cases.push(format!("*{count}\r\n").into_bytes());
    }
    for data in &cases {
        compare(&stock, data, true);
        compare(&stock, data, false);
    }
    for seed in 0..400 {
        let data = nearly_requests(&mut fastrand::Rng::with_seed(seed));
        if !has_blank_line(&data) {
            println!("seed {seed}");
            compare(&stock, &data, seed % 4 != 0);
        }
    }
}
