//! Bodies for what has none beside its parser: any bytes are read or refused, and what is found
//! does not depend on the pieces they come in. Also built by `fuzz/`, so only the crate's public
//! interface is used.

use std::path::Path;

use tributary::base::glob::{self, Case};
use tributary::base::ids::{DbIndex, ReplId, ReplOffset};
use tributary::base::log::{self, Level};
use tributary::config::arguments::Arguments;
use tributary::config::live::{Caller, Live};
use tributary::config::parse::{self, Loaded};
use tributary::config::values;
use tributary::keyspace::placement::Placement;
use tributary::replica::dispatch::Dispatcher;
use tributary::replica::handshake::{self, Handshake, HandshakeError, Introduction};
use tributary::replica::transfer::{self, Transfer};
use tributary::replica::units::UnitReader;
use tributary::replication::history::History;
use tributary::replication::psync::{self, Decision, Range, Request};
use tributary::resp::error::ProtocolError;

/// Any configuration is read or refused; one that is taken means the same with every word in
/// quotes, and CONFIG GET prints it. Inputs with an `include` are passed over: they would read
/// whatever file they name.
pub fn fuzz_config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let lines: Vec<&str> = text.split('\n').map(|line| line.trim_ascii()).collect();
    let words = lines.iter().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let words: Vec<_> = words.map(|line| values::split_line(line)).collect();
    let names = words.iter().flatten().filter_map(|words| words.first());
    if names.into_iter().any(|name| name.eq_ignore_ascii_case("include")) {
        return;
    }
    let Ok(loaded) = load(data) else { return };
    let quoted: Vec<String> = words.iter().flatten().map(|words| quoted(words)).collect();
    let again = load(quoted.join("\n").as_bytes()).expect("the same words are valid");
    assert!(again.settings == loaded.settings, "{}", text.escape_debug());
    let live = Live::new(loaded.settings);
    assert!(!live.matching(&[b"*"]).is_empty());
}

/// Any CONFIG SET is taken or refused: a line is a pair.
pub fn fuzz_config_set(data: &[u8]) {
    let live = Live::new(load(b"").expect("nothing is valid").settings);
    for line in data.split(|byte| *byte == b'\n') {
        let mut pair = line.splitn(2, |byte| *byte == b' ');
        let (name, value) = (pair.next().unwrap_or_default(), pair.next().unwrap_or_default());
        let before = live.version();
        let changed =
            live.set(&[(name, value)], Caller::Local).is_ok_and(|names| !names.is_empty());
        assert!(!changed || live.version() > before, "a change is seen: {}", line.escape_ascii());
        live.matching(&[name]);
    }
}

fn load(text: &[u8]) -> Result<Loaded, Box<tributary::config::error::LoadError>> {
    let arguments = Arguments { stdin: true, ..Arguments::default() };
    parse::load(&arguments, Path::new("/"), &mut &text[..]).map_err(Box::new)
}

fn quoted(words: &[String]) -> String {
    words.iter().map(|word| values::quote(word)).collect::<Vec<_>>().join(" ")
}

/// The pattern ends at the first line break, the text follows it.
pub fn fuzz_glob(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let (pattern, text) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let found = glob::matches(pattern, text, Case::Sensitive);
    glob::matches(pattern, text, Case::Ignored);
    if glob::is_literal(pattern) {
        assert_eq!(found, pattern == text, "{}", data.escape_ascii());
    }
    if text.is_empty() {
        return;
    }
    let escaped: Vec<u8> = text.iter().flat_map(|byte| [b'\\', *byte]).collect();
    assert!(glob::matches(&escaped, text, Case::Sensitive), "{}", text.escape_ascii());
    if found {
        let wider = [b"*", pattern].concat();
        assert!(glob::matches(&wider, text, Case::Sensitive), "{}", data.escape_ascii());
    }
}

/// A unit as its commands, and whether it is a transaction.
type FoundUnit = (Vec<Vec<Vec<u8>>>, bool);

/// A master's stream: the same units in whatever pieces, handed on byte by byte unchanged, and all
/// of them taken in by the dispatcher.
pub fn fuzz_units(data: &[u8]) {
    let whole = units(data, data.len().max(1));
    assert_eq!(whole, units(data, data.len() / 3 + 1), "{}", data.escape_ascii());
    if data.len() <= BYTEWISE_MAX {
        assert_eq!(whole, units(data, 1), "{}", data.escape_ascii());
    }
}

fn units(data: &[u8], piece: usize) -> (Vec<FoundUnit>, usize, Option<ProtocolError>) {
    let mut reader = UnitReader::new();
    let mut dispatcher = Dispatcher::new(Placement::new(3), 16, DbIndex(0));
    let (mut found, mut through, mut rejected) = (Vec::new(), 0, Vec::new());
    for bytes in data.chunks(piece) {
        reader.feed(bytes);
        let error = loop {
            match reader.next_unit() {
                Ok(None) => break None,
                Err(error) => break Some(error),
                Ok(Some(unit)) => {
                    through += unit.len;
                    dispatcher.add(&unit, ReplOffset(through as u64), &mut rejected);
                    let commands = unit.commands();
                    let commands = commands.map(|args| args.iter().map(<[u8]>::to_vec).collect());
                    found.push((commands.collect(), unit.is_transaction));
                }
            }
        };
        let start = through - reader.finished().len();
        assert_eq!(reader.finished(), &data[start..through], "handed on unchanged");
        reader.discard_finished();
        let (own, shared) = dispatcher.take();
        assert!(own.map(|(_, own)| own.through.0).max().unwrap_or(0) <= through as u64);
        drop(shared);
        if error.is_some() {
            return (found, through, error);
        }
    }
    assert!(through <= data.len());
    (found, through, None)
}

/// A full resynchronization's frame: it ends, gives out no byte that did not come, and in the form
/// with a length does not depend on the pieces. The first byte sets their size.
pub fn fuzz_transfer(data: &[u8]) {
    let Some((&piece, data)) = data.split_first() else { return };
    let whole = frame(data, data.len().max(1));
    let parts = frame(data, usize::from(piece).max(1));
    for (found, _) in [&whole, &parts] {
        assert!(found.len() <= data.len());
        assert!(found.is_empty() || memchr::memmem::find(data, found).is_some());
    }
    if memchr::memmem::find(data, b"$EOF:").is_none() && data.len() < LINE_BYTES_MAX {
        assert_eq!(whole, parts, "{}", data.escape_ascii());
    }
}

/// The RDB's bytes; whether it was complete, or why it is refused.
fn frame(data: &[u8], piece: usize) -> (Vec<u8>, Result<bool, String>) {
    let (mut transfer, mut rdb) = (Transfer::new(), Vec::new());
    for mut input in data.chunks(piece) {
        loop {
            match transfer.step(&mut input) {
                Ok(transfer::Step::Incomplete) => break,
                Ok(transfer::Step::KeepAlive | transfer::Step::Begin { .. }) => {}
                Ok(transfer::Step::Bytes(bytes)) => rdb.extend_from_slice(bytes),
                Ok(transfer::Step::Held(bytes)) => rdb.extend_from_slice(&bytes),
                Ok(transfer::Step::End) => return (rdb, Ok(true)),
                Err(error) => return (rdb, Err(error.to_string())),
            }
        }
    }
    (rdb, Ok(false))
}

/// A master's answers: the same requests and the same result, whatever the pieces.
pub fn fuzz_handshake(data: &[u8]) {
    log::set_level(Level::Nothing);
    let whole = talk(data, data.len().max(1));
    let parts = talk(data, 1);
    let endless = |result: &Result<_, _>| matches!(result, Err(HandshakeError::EndlessLine));
    // How long a line may get before its end is asked for depends on the pieces.
    if !endless(&whole.0) && !endless(&parts.0) {
        assert_eq!(whole, parts, "{}", data.escape_ascii());
    }
}

fn talk(data: &[u8], piece: usize) -> (Result<handshake::Step, HandshakeError>, Vec<u8>) {
    let mut out = Vec::new();
    let introduction = Introduction {
        password: "secret".to_owned(),
        announce_ip: "10.0.0.1".to_owned(),
        listening_port: 6379,
        resume: Some((ReplId([b'a'; 40]), ReplOffset(1000))),
        ..Introduction::default()
    };
    let mut handshake = Handshake::begin(introduction, &mut out);
    for mut input in data.chunks(piece) {
        match handshake.receive(&mut input, &mut out) {
            Ok(handshake::Step::Waiting) => assert!(input.is_empty()),
            result => return (result, out),
        }
    }
    (Ok(handshake::Step::Waiting), out)
}

/// PSYNC's decision: who may continue does so inside of what is kept, under an id that is known.
/// Eight bytes of an offset, two of the kept range, then the id.
pub fn fuzz_psync(data: &[u8]) {
    let Some((next_byte, rest)) = data.split_first_chunk::<8>() else { return };
    let Some(([start, len], id)) = rest.split_first_chunk::<2>() else { return };
    let (start, end) = (u64::from(*start), u64::from(*start) + u64::from(*len));
    let range = Range { start: ReplOffset(start), end: ReplOffset(end) };
    let old = History::new(ReplId([b'a'; 40]));
    let history = old.shift(ReplId([b'b'; 40]), ReplOffset(u64::midpoint(start, end)));
    for next_byte in [i64::from_le_bytes(*next_byte), i64::from(next_byte[0])] {
        let request = Request { id, next_byte };
        assert!(matches!(psync::decide(request, &history, None), Decision::Full(_)));
        match psync::decide(request, &history, Some(range)) {
            Decision::Full(reason) => {
                drop(psync::LogText { reason: &reason, replica: "" }.to_string())
            }
            Decision::Continue { from, id_changed } => {
                assert!((start..=end).contains(&from.0) && from.0 as i64 + 1 == next_byte);
                let known = if id_changed { [b'a'; 40] } else { [b'b'; 40] };
                assert!(id.eq_ignore_ascii_case(&known), "{}", id.escape_ascii());
            }
        }
    }
}

/// Up to this many bytes are also fed one by one.
const BYTEWISE_MAX: usize = 2048;

/// A header line above it is refused as soon as that is seen, which depends on the pieces.
const LINE_BYTES_MAX: usize = 1024;
