//! Glob patterns as KEYS, SCAN MATCH, CONFIG GET and PSUBSCRIBE understand them. Pure, any core.
//! Time is at most pattern length times text length: only the last `*` is ever returned to, which
//! is enough, since what an earlier `*` could still give up, the later one can take as well.
//!
//! The documented forms are `?`, `*`, `[abc]`, `[^a]`, `[a-c]` and `\` before a byte taken as it
//! is. The undocumented corners are those of the stock servers: a class that is never closed ends
//! with the pattern, a reversed range is turned round, a `\` at the very end stands for itself,
//! after `[` or `[^` a `]` closes
//! the class at once, and nothing but `*` and the empty pattern matches the empty text.

/// Whether letters of different case are different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// `A` is not `a`.
    Sensitive,
    /// ASCII letters match in either case.
    Ignored,
}

/// Whether the whole of `text` matches `pattern`.
pub fn matches(pattern: &[u8], text: &[u8], case: Case) -> bool {
    if text.is_empty() {
        return pattern.is_empty() || pattern == b"*";
    }
    let (mut in_pattern, mut in_text) = (0, 0);
    // Where to go on when a byte fails: behind the last `*`, with one more byte given to it.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if pattern.get(in_pattern) == Some(&b'*') {
            while pattern.get(in_pattern) == Some(&b'*') {
                in_pattern += 1;
            }
            if in_pattern == pattern.len() {
                return true;
            }
            retry = Some((in_pattern, in_text));
            continue;
        }
        if in_text == text.len() {
            return in_pattern == pattern.len();
        }
        if let Some(length) = one(&pattern[in_pattern..], text[in_text], case) {
            in_pattern += length;
            in_text += 1;
            continue;
        }
        let Some((after_star, given)) = retry else { return false };
        retry = Some((after_star, given + 1));
        in_pattern = after_star;
        in_text = given + 1;
    }
}

/// Whether `pattern` holds no byte with a meaning of its own, so that it can only match itself.
pub fn is_literal(pattern: &[u8]) -> bool {
    !pattern.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\'))
}

/// Matches one byte against the pattern's next element: the element's length if it does.
fn one(pattern: &[u8], byte: u8, case: Case) -> Option<usize> {
    match *pattern.first()? {
        b'?' => Some(1),
        b'[' => class(pattern, byte, case),
        b'\\' if pattern.len() >= 2 => same(pattern[1], byte, case).then_some(2),
        literal => same(literal, byte, case).then_some(1),
    }
}

/// `pattern` begins with `[`. An unclosed class reaches to the pattern's end.
fn class(pattern: &[u8], byte: u8, case: Case) -> Option<usize> {
    let mut index = 1;
    let negated = pattern.get(index) == Some(&b'^');
    if negated {
        index += 1;
    }
    let mut found = false;
    loop {
        match pattern[index..] {
            [] => break,
            [b'\\', escaped, ..] => {
                found |= same(escaped, byte, case);
                index += 2;
            }
            [b']', ..] => {
                index += 1;
                break;
            }
            [first, b'-', last, ..] => {
                found |= in_range(first, last, byte, case);
                index += 3;
            }
            [literal, ..] => {
                found |= same(literal, byte, case);
                index += 1;
            }
        }
    }
    (found != negated).then_some(index)
}

fn in_range(first: u8, last: u8, byte: u8, case: Case) -> bool {
    let (low, high) = (first.min(last), first.max(last));
    match case {
        Case::Sensitive => (low..=high).contains(&byte),
        Case::Ignored => {
            let (low, high) = (low.to_ascii_lowercase(), high.to_ascii_lowercase());
            (low..=high).contains(&byte.to_ascii_lowercase())
        }
    }
}

fn same(one: u8, other: u8, case: Case) -> bool {
    one == other || case == Case::Ignored && one.eq_ignore_ascii_case(&other)
}

#[cfg(test)]
mod tests;
