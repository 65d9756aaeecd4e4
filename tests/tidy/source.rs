//! Source files as the rules see them: lines as written, and lines of code only, with comments and
//! the insides of literals blanked out, columns kept.

use std::fs;
use std::path::Path;

/// A source file.
pub struct File {
    /// From the project's root, with `/`.
    pub path: String,
    /// The lines as they are.
    pub lines: Vec<String>,
    /// The same lines without comments and without the insides of literals.
    pub code: Vec<String>,
    /// The line from which on everything is tests: `#[cfg(test)]` with a `mod` behind it.
    pub tests_from: usize,
}

impl File {
    /// A file from its text.
    pub fn parse(path: &str, text: &str) -> File {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let code: Vec<String> = blank(text).lines().map(str::to_owned).collect();
        let inline_tests = (0..code.len()).find(|n| {
            let next = code.get(n + 1).map_or("", |line| line.trim());
            code[*n].trim() == "#[cfg(test)]" && next.starts_with("mod ") && next.ends_with('{')
        });
        let all_tests = path.ends_with("/tests.rs") || path.contains("/tests/");
        let tests_from = if all_tests { 0 } else { inline_tests.unwrap_or(lines.len()) };
        File { path: path.to_owned(), lines, code, tests_from }
    }

    /// Where, for a message: a line is counted from 0 here, from 1 there.
    pub fn at(&self, line: usize) -> String {
        format!("{}:{}", self.path, line + 1)
    }

    /// The lines of code that are no tests, with their numbers.
    pub fn production(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self.tests_from.min(self.code.len());
        self.code[..end].iter().map(String::as_str).enumerate()
    }
}

/// All Rust files under a folder of the project, sorted.
pub fn sources(folder: &str) -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    collect(&root.join(folder), &mut found);
    found.sort();
    found
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).expect("a source file");
            let path = path.strip_prefix(root).expect("it is under the root").display();
            File::parse(&path.to_string(), &text)
        })
        .collect()
}

fn collect(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.expect("a folder's entry").path()) {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// What the scanner is inside of.
enum Inside {
    Code,
    LineComment,
    BlockComment(usize),
    Text,
    RawText(usize),
}

/// The text with comments and the insides of literals made blank, line breaks kept.
fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let (mut out, mut inside, mut at) = (String::with_capacity(text.len()), Inside::Code, 0);
    while at < chars.len() {
        let (next, len) = step(&chars, at, &inside);
        for c in &chars[at..at + len] {
            let keep = *c == '\n' || matches!((&inside, &next), (Inside::Code, Inside::Code));
            out.push(if keep { *c } else { ' ' });
        }
        inside = next;
        at += len;
    }
    out
}

/// What the scanner is in after the token at `at`, and that token's length.
fn step(chars: &[char], at: usize, inside: &Inside) -> (Inside, usize) {
    let pair = (chars[at], chars.get(at + 1).copied().unwrap_or('\0'));
    match inside {
        Inside::Code => step_code(chars, at),
        Inside::LineComment if pair.0 == '\n' => (Inside::Code, 1),
        Inside::LineComment => (Inside::LineComment, 1),
        Inside::BlockComment(depth) => match pair {
            ('*', '/') if *depth == 1 => (Inside::Code, 2),
            ('*', '/') => (Inside::BlockComment(depth - 1), 2),
            ('/', '*') => (Inside::BlockComment(depth + 1), 2),
            _ => (Inside::BlockComment(*depth), 1),
        },
        Inside::Text => match pair.0 {
            '\\' => (Inside::Text, 2.min(chars.len() - at)),
            '"' => (Inside::Code, 1),
            _ => (Inside::Text, 1),
        },
        Inside::RawText(hashes) => {
            let end = chars[at + 1..].iter().take(*hashes).filter(|c| **c == '#').count();
            if pair.0 == '"' && end == *hashes {
                (Inside::Code, 1 + hashes)
            } else {
                (Inside::RawText(*hashes), 1)
            }
        }
    }
}

fn step_code(chars: &[char], at: usize) -> (Inside, usize) {
    let char_at = |n: usize| chars.get(at + n).copied().unwrap_or('\0');
    let after_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match (char_at(0), char_at(1)) {
        ('/', '/') => (Inside::LineComment, 2),
        ('/', '*') => (Inside::BlockComment(1), 2),
        ('"', _) => (Inside::Text, 1),
        ('r', '"' | '#') if !after_word || chars[at - 1] == 'b' => {
            let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
            match char_at(1 + hashes) {
                '"' => (Inside::RawText(hashes), 2 + hashes),
                _ => (Inside::Code, 1),
            }
        }
        // A character, not a lifetime.
        ('\'', '\\') => {
            let rest = &chars[(at + 3).min(chars.len())..];
            let len = rest.iter().position(|c| *c == '\'').unwrap_or(0);
            (Inside::Code, (4 + len).min(chars.len() - at))
        }
        ('\'', _) if char_at(2) == '\'' => (Inside::Code, 3),
        _ => (Inside::Code, 1),
    }
}

#[test]
fn comments_and_literals_are_blank() {
    let cases = [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        ("f(\"x // y\\\"\") z", "f(          ) z"),
        ("r#\"a \" b\"# c", "           c"),
        ("'\"' 'a x", "'\"' 'a x"),
        ("'\\'' \"\" x", "'\\''    x"),
    ];
    for (text, expected) in cases {
        assert_eq!(blank(text), expected, "{text}");
    }
}
