//! When two replies to the same command count as equal. Byte for byte, but for what may rightly
//! differ between two servers; all of that is listed in [`rule`].

use crate::hashes_sets;
use crate::support::value::Value;
use crate::usage::Command;

/// How a command's replies are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Every byte.
    Exact,
    /// Integers may differ by so much: two servers read their clocks at two times.
    Within(i64),
    /// The same members in any order: the order of a hash table is nobody's promise.
    AnyOrder,
    /// The same pairs of name and value, in any order.
    Pairs,
    /// The same kind of reply: clocks, memory, ids, chance.
    SameKind,
    /// Descriptions of commands: subcommands in any order, without notes in a server's own words.
    Described,
    /// A map of what a server says of itself: the names must be the same.
    SameNames,
    /// A whole iteration must find the same keys; done by the lock step.
    Iteration,
}

/// The rule for a command.
pub fn rule(command: &Command) -> Rule {
    let word = |n: usize| command.get(n).map(|w| w.to_ascii_uppercase()).unwrap_or_default();
    if let Some(rule) = hashes_sets::rule(&word(0)) {
        return rule;
    }
    match (word(0).as_slice(), word(1).as_slice()) {
        // Every server explains itself in its own words.
        (_, b"HELP") | (b"COMMAND", b"DOCS") | (b"LOLWUT" | b"INFO", _) => Rule::SameKind,
        (b"LATENCY" | b"MEMORY", b"DOCTOR" | b"STATS" | b"MALLOC-STATS" | b"HISTOGRAM") => {
            Rule::SameKind
        }
        // How many replicas follow is the run's choice.
        (b"WAIT" | b"WAITAOF", _) => Rule::SameKind,
        (b"CLIENT", b"INFO" | b"LIST") | (b"SLOWLOG", b"GET") => Rule::SameKind,
        (b"ACL", b"GENPASS" | b"LOG") => Rule::SameKind,
        (b"ACL", b"CAT") => Rule::AnyOrder,
        (b"COMMAND", b"INFO") if command.len() > 2 => Rule::Described,
        (b"COMMAND", b"LIST") if command.len() > 2 => Rule::AnyOrder,
        // There are commands there that are not here.
        (b"COMMAND", b"" | b"COUNT" | b"INFO" | b"LIST") => Rule::SameKind,
        (b"TTL" | b"EXPIRETIME", _) => Rule::Within(1),
        (b"PTTL" | b"PEXPIRETIME", _) => Rule::Within(500),
        (b"KEYS", _) => Rule::AnyOrder,
        (b"CONFIG", b"GET") => Rule::Pairs,
        // From any other cursor on, what is left depends on the order of the hash table.
        (b"SCAN", b"0") => Rule::Iteration,
        (b"SCAN", _) => Rule::SameKind,
        (b"RANDOMKEY" | b"TIME" | b"LASTSAVE" | b"ROLE", _) => Rule::SameKind,
        // The payload carries the RDB's version; what it means is compared by @ROUNDTRIP.
        (b"DUMP", _) => Rule::SameKind,
        (b"OBJECT", b"IDLETIME" | b"FREQ" | b"REFCOUNT") => Rule::SameKind,
        (b"MEMORY", b"USAGE") | (b"SLOWLOG", b"LEN") => Rule::SameKind,
        (b"CLIENT", b"ID") => Rule::SameKind,
        (b"SORT" | b"SORT_RO", _) => sorts(command),
        // Chance, and the order of a hash table.
        (b"ZRANDMEMBER" | b"ZSCAN", _) => Rule::SameKind,

        // How long entries have been pending, and when consumers were met.
        (b"XPENDING", _) if command.len() > 3 => Rule::SameKind,
        (b"XINFO", b"CONSUMERS") => Rule::SameKind,
        (b"XINFO", b"STREAM") if command.len() > 3 => Rule::SameKind,

        (b"HELLO", _) => Rule::SameNames,
        _ => Rule::Exact,
    }
}

/// Texts are not always compared byte by byte there, and a set that keeps its order has none.
fn sorts(command: &Command) -> Rule {
    let says = |name: &str| command.iter().any(|w| w.eq_ignore_ascii_case(name.as_bytes()));
    match () {
        () if says("LIMIT") => Rule::SameKind,
        () if says("ALPHA") || says("none") || says("#") => Rule::AnyOrder,
        () => Rule::Exact,
    }
}

/// What is not sent inside a transaction: the stock Valkey 8.0.1 leaves the reply of a refused AUTH
/// out of EXEC's array, so that its client waits for ever; and DEBUG, which here runs behind the
/// transaction, with `OK` in its place.
pub fn avoided_in_multi(command: &Command) -> bool {
    [&b"AUTH"[..], b"HELLO", b"DEBUG"].iter().any(|name| command[0].eq_ignore_ascii_case(name))
}

/// Whether two replies are equal under a rule.
pub fn equal(rule: Rule, ours: &Value, theirs: &Value) -> bool {
    if ours == theirs {
        return true;
    }
    // Errors and nulls are always compared whole.
    match rule {
        Rule::Within(slack) => match (ours, theirs) {
            (Value::Integer(a), Value::Integer(b)) => {
                *a >= 0 && *b >= 0 && a.abs_diff(*b) <= slack.unsigned_abs()
            }
            _ => false,
        },
        Rule::AnyOrder => match (ours, theirs) {
            (Value::Array(_), Value::Array(_)) | (Value::Set(_), Value::Set(_)) => {
                sorted(ours) == sorted(theirs)
            }
            _ => false,
        },
        Rule::Described => described(ours) == described(theirs),
        Rule::Pairs => kind(ours) == kind(theirs) && pairs(ours) == pairs(theirs),
        Rule::SameKind | Rule::Iteration => kind(ours) == kind(theirs) && !is_error(ours),
        Rule::SameNames => {
            kind(ours) == kind(theirs) && !is_error(ours) && names(ours) == names(theirs)
        }
        Rule::Exact => false,
    }
}

/// The members of an array as bytes, sorted.
pub fn sorted(value: &Value) -> Vec<Vec<u8>> {
    let mut members: Vec<_> = value
        .items()
        .iter()
        .map(|item| item.bytes().map(<[u8]>::to_vec).unwrap_or_default())
        .collect();
    members.sort();
    members
}

/// A description of commands in a form that can be compared.
fn described(value: &Value) -> Value {
    let all = |items: &[Value]| items.iter().map(described).collect::<Vec<_>>();
    match value {
        Value::Array(items) => {
            let mut items = all(without_notes(items));
            // What has a name is a subcommand.
            if items.iter().all(|item| name(item).is_some()) {
                items.sort_by(|a, b| name(a).cmp(&name(b)));
            }
            Value::Array(items)
        }
        Value::Map(items) => Value::Map(all(without_notes(items))),
        Value::Set(items) => Value::Set(all(items)),
        other => other.clone(),
    }
}

/// The name that a description begins with.
fn name(description: &Value) -> Option<&[u8]> {
    match description {
        Value::Array(items) => items.first()?.bytes(),
        _ => None,
    }
}

fn without_notes(items: &[Value]) -> &[Value] {
    match items.first() {
        Some(Value::Bulk(name)) if name == b"notes" => &items[2..],
        _ => items,
    }
}

fn pairs(value: &Value) -> Vec<Vec<&[u8]>> {
    if is_error(value) {
        return vec![vec![value.bytes().unwrap_or_default()]];
    }
    let mut pairs: Vec<Vec<&[u8]>> = value
        .items()
        .chunks(2)
        .map(|pair| pair.iter().filter_map(Value::bytes).collect())
        .collect();
    pairs.sort();
    pairs
}

fn names(value: &Value) -> Vec<&[u8]> {
    value.items().iter().step_by(2).filter_map(Value::bytes).collect()
}

fn kind(value: &Value) -> std::mem::Discriminant<Value> {
    std::mem::discriminant(value)
}

fn is_error(value: &Value) -> bool {
    matches!(value, Value::Error(_) | Value::BulkError(_))
}
