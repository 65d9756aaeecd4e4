//! Glob patterns as KEYS, PSUBSCRIBE and CONFIG GET take them. A pure function, any core.

/// Whether `text` matches `pattern`: `*`, `?`, `[a-c]`, `[^a]`, `\` to escape.
pub fn matches(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    let same = |a: u8, b: u8| a == b || nocase && a.eq_ignore_ascii_case(&b);
    match pattern {
        [] => text.is_empty(),
        [b'*', rest @ ..] => (0..=text.len()).any(|skip| matches(rest, &text[skip..], nocase)),
        [b'?', rest @ ..] => !text.is_empty() && matches(rest, &text[1..], nocase),
        [first, rest @ ..] => match text {
            [letter, tail @ ..] => same(*first, *letter) && matches(rest, tail, nocase),
            [] => false,
        },
    }
}
