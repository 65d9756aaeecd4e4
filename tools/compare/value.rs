//! What a key holds, in a form that is equal when the data is: sets and hashes are sorted. Pure.

use tributary::resp::value::Value;

use super::shared::escape;

/// A key as one server shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// The reply of TYPE; `none` for a key that is not there.
    pub kind: String,
    /// Whether it expires.
    pub expires: bool,
    /// The value.
    pub content: Content,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// None, or of a type that cannot be read by commands.
    Unread,
    /// A string.
    Text(Vec<u8>),
    /// Elements in their order, those of sets sorted.
    Elements(Vec<Vec<u8>>),
    /// Members with scores in the order of a sorted set, fields with values sorted.
    Pairs(Vec<(Vec<u8>, Vec<u8>)>),
    /// What a stream's XRANGE says, entry by entry.
    Entries(Vec<Value>),
}

/// The command that reads a value of a type; `None` for a type that is not known.
pub fn request<'a>(kind: &str, key: &'a [u8]) -> Option<Vec<&'a [u8]>> {
    let words: (&'static [u8], &'static [&'static [u8]]) = match kind {
        "string" => (b"GET", &[]),
        "list" => (b"LRANGE", &[b"0", b"-1"]),
        "set" => (b"SMEMBERS", &[]),
        "zset" => (b"ZRANGE", &[b"0", b"-1", b"WITHSCORES"]),
        "hash" => (b"HGETALL", &[]),
        "stream" => (b"XRANGE", &[b"-", b"+"]),
        _ => return None,
    };
    let mut request = vec![words.0, key];
    request.extend_from_slice(words.1);
    Some(request)
}

/// The content that the reply to [`request`] shows; `None` if it is no such reply, because the
/// key changed in between.
pub fn content(kind: &str, reply: Value) -> Option<Content> {
    if let ("string", Value::Bulk(bytes)) = (kind, &reply) {
        return Some(Content::Text(bytes.clone()));
    }
    let Value::Array(values) = reply else { return None };
    if kind == "stream" {
        return Some(Content::Entries(values));
    }
    let mut elements = Vec::with_capacity(values.len());
    for value in values {
        let Value::Bulk(bytes) = value else { return None };
        elements.push(bytes);
    }
    match kind {
        "list" => Some(Content::Elements(elements)),
        "set" => {
            elements.sort_unstable();
            Some(Content::Elements(elements))
        }
        "zset" | "hash" => {
            let mut pairs = Vec::with_capacity(elements.len() / 2);
            let mut elements = elements.into_iter();
            while let (Some(name), Some(value)) = (elements.next(), elements.next()) {
                pairs.push((name, value));
            }
            if kind == "hash" {
                pairs.sort_unstable();
            }
            Some(Content::Pairs(pairs))
        }
        _ => None,
    }
}

/// In what two servers' ideas of a key differ; `None` if in nothing.
pub fn difference(first: &Held, second: &Held) -> Option<String> {
    if first.kind != second.kind {
        return Some(match (first.kind.as_str(), second.kind.as_str()) {
            ("none", kind) => format!("missing on the first, {kind} on the second"),
            (kind, "none") => format!("{kind} on the first, missing on the second"),
            (one, other) => format!("type {one} / {other}"),
        });
    }
    if let Some(found) = content_difference(&first.kind, &first.content, &second.content) {
        return Some(found);
    }
    let expiry = |held: &Held| if held.expires { "set" } else { "none" };
    (first.expires != second.expires)
        .then(|| format!("expiry {} / {}", expiry(first), expiry(second)))
}

fn content_difference(kind: &str, first: &Content, second: &Content) -> Option<String> {
    if first == second {
        return None;
    }
    Some(match (first, second) {
        (Content::Text(one), Content::Text(other)) => {
            format!("{kind} {} / {}", shown(one), shown(other))
        }
        (Content::Elements(one), Content::Elements(other)) if kind == "set" => {
            let only = |a: &[Vec<u8>], b: &[Vec<u8>]| {
                let member = a.iter().find(|member| b.binary_search(member).is_err())?;
                Some(shown(member))
            };
            let (here, there) = (only(one, other), only(other, one));
            let none = || "-".to_owned();
            let (here, there) = (here.unwrap_or_else(none), there.unwrap_or_else(none));
            format!("set of {} / {} members, {here} / {there}", one.len(), other.len())
        }
        (Content::Elements(one), Content::Elements(other)) => {
            let (at, one, other) = first_different(one, other, |element| shown(element));
            format!("{kind} element {at}: {one} / {other}")
        }
        (Content::Pairs(one), Content::Pairs(other)) => {
            let pair =
                |(name, value): &(Vec<u8>, Vec<u8>)| format!("{} {}", shown(name), shown(value));
            let (at, one, other) = first_different(one, other, pair);
            format!("{kind} pair {at}: {one} / {other}")
        }
        (Content::Entries(one), Content::Entries(other)) => {
            let (at, one, other) = first_different(one, other, entry);
            format!("{kind} entry {at}: {one} / {other}")
        }
        _ => format!("{kind}: changed while it was read"),
    })
}

/// The first place where two sequences differ, and what is there.
fn first_different<T: PartialEq>(
    first: &[T],
    second: &[T],
    show: impl Fn(&T) -> String,
) -> (usize, String, String) {
    let same = first.iter().zip(second).take_while(|(one, other)| one == other).count();
    let at = |elements: &[T]| elements.get(same).map_or("-".to_owned(), &show);
    (same, at(first), at(second))
}

fn entry(value: &Value) -> String {
    match value {
        Value::Array(values) => values.iter().map(entry).collect::<Vec<_>>().join(" "),
        other => other.bytes().map_or("-".to_owned(), shown),
    }
}

fn shown(bytes: &[u8]) -> String {
    escape::quoted_cut(bytes, SHOWN_MAX)
}

/// Bytes of a value that a report shows.
const SHOWN_MAX: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn bulks(texts: &[&str]) -> Value {
        Value::Array(texts.iter().map(|text| Value::Bulk(text.as_bytes().to_vec())).collect())
    }

    fn check(kind: &str, first: Value, second: Value, expected: Option<&str>) {
        let held = |reply| Held {
            kind: kind.to_owned(),
            expires: false,
            content: content(kind, reply).expect("a reply of the type"),
        };
        let found = difference(&held(first), &held(second));
        assert_eq!(found.as_deref(), expected, "{kind}");
    }

    #[test]
    fn order_counts_where_it_is_data() {
        let (one, other) = (bulks(&["a", "1", "b", "2"]), bulks(&["b", "2", "a", "1"]));
        check("hash", one.clone(), other.clone(), None);
        check("set", one.clone(), other.clone(), None);
        check("list", one.clone(), other.clone(), Some(r#"list element 0: "a" / "b""#));
        check("zset", one, other, Some(r#"zset pair 0: "a" "1" / "b" "2""#));
    }

    #[test]
    fn the_first_difference_is_named() {
        let text = |text: &str| Value::Bulk(text.as_bytes().to_vec());
        check("string", text("a"), text("a"), None);
        check("string", text("a"), text("b"), Some(r#"string "a" / "b""#));
        let set = r#"set of 2 / 1 members, "b" / -"#;
        check("set", bulks(&["a", "b"]), bulks(&["a"]), Some(set));
        check("list", bulks(&["a"]), bulks(&["a", "b"]), Some(r#"list element 1: - / "b""#));
        let hash = r#"hash pair 0: "f" "1" / "f" "2""#;
        check("hash", bulks(&["f", "1"]), bulks(&["f", "2"]), Some(hash));
        let entry = |id: &str| Value::Array(vec![text(id), bulks(&["f", "v"])]);
        let one = Value::Array(vec![entry("1-0")]);
        let other = Value::Array(vec![entry("2-0")]);
        check("stream", one.clone(), one.clone(), None);
        let stream = r#"stream entry 0: "1-0" "f" "v" / "2-0" "f" "v""#;
        check("stream", one, other, Some(stream));
    }

    #[test]
    fn types_and_expiry_differ() {
        let held =
            |kind: &str, expires| Held { kind: kind.to_owned(), expires, content: Content::Unread };
        let check = |first: Held, second: Held, expected: Option<&str>| {
            assert_eq!(difference(&first, &second).as_deref(), expected);
        };
        check(held("none", false), held("none", false), None);
        let missing = "missing on the first, set on the second";
        check(held("none", false), held("set", false), Some(missing));
        check(held("list", false), held("set", false), Some("type list / set"));
        check(held("set", true), held("set", false), Some("expiry set / none"));
    }

    #[test]
    fn replies_of_a_changed_key_are_not_taken() {
        assert_eq!(content("string", Value::Null), None);
        assert_eq!(content("list", Value::Error(b"WRONGTYPE".to_vec())), None);
        assert_eq!(content("list", Value::Array(vec![Value::Integer(1)])), None);
        assert_eq!(request("module", b"k"), None);
    }
}
