//! Sizes, words, `unsafe`, `unwrap`: one test a rule.

use crate::exceptions::{ALLOWED_IDENTIFIERS, EXCEPTIONS};
use crate::source::{File, sources};

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 60;
const PARAMETERS_MAX: usize = 5;
const COLUMNS_MAX: usize = 100;

/// The folders whose files are held to the rules of size.
const FOLDERS: [&str; 4] = ["src", "tests", "benches", "tools"];

/// Words with a better one, and that one.
const BANNED_WORDS: [(&str, &str); 8] = [
    ("primary", "master"),
    ("leader", "master"),
    ("follower", "replica"),
    ("journal", "local stream"),
    ("oplog", "replication stream"),
    ("utils", "what it is about"),
    ("helper", "what it does"),
    ("manager", "what it owns"),
];

/// Where `unsafe` may stand: the ring's memory, the packed entries, and the fork of a snapshot.
const UNSAFE_PLACES: [&str; 3] = ["src/net/", "src/keyspace/entry.rs", "src/snapshot/fork.rs"];

/// A rule broken: its name, where, and what is wrong.
pub type Finding = (&'static str, String, String);

/// Fails with all findings that no exception covers.
pub fn report(findings: Vec<Finding>) {
    let left: Vec<_> =
        findings.iter().map(|(rule, at, what)| format!("{at}: {rule}: {what}")).collect();
    assert!(left.is_empty(), "\n{}\n", left.join("\n"));
}

fn excepted(rule: &str, file: &File, line: usize) -> bool {
    EXCEPTIONS.iter().any(|exception| {
        exception.rule == rule
            && exception.file == file.path
            && (exception.line.is_empty() || file.lines[line].contains(exception.line))
    })
}

/// Checks every file of some folders with a function that finds `(line, what is wrong)`.
fn check(rule: &'static str, folders: &[&str], find: impl Fn(&File) -> Vec<(usize, String)>) {
    let mut findings = Vec::new();
    for file in folders.iter().flat_map(|folder| sources(folder)) {
        for (line, what) in find(&file) {
            if !excepted(rule, &file, line) {
                findings.push((rule, file.at(line), what));
            }
        }
    }
    report(findings);
}

/// A check of each line of code outside tests.
fn check_lines(rule: &'static str, find: impl Fn(&File, &str) -> Option<String>) {
    check(rule, &["src"], |file| {
        file.production()
            .filter_map(|(line, code)| find(file, code).map(|what| (line, what)))
            .collect()
    });
}

#[test]
fn files_open_with_their_purpose() {
    check("opening", &FOLDERS, |file| {
        let opens = file.lines.first().is_some_and(|line| line.starts_with("//!"));
        // Unit tests in a file of their own belong to the file above them.
        if opens || file.path.starts_with("src/") && file.path.ends_with("/tests.rs") {
            Vec::new()
        } else {
            vec![(0, "the first line is no `//!`".to_owned())]
        }
    });
}

#[test]
fn files_are_short() {
    check("file size", &FOLDERS, |file| {
        let lines = if file.tests_from == 0 { 0 } else { file.tests_from };
        let whole = if file.path.starts_with("src/") { lines } else { file.lines.len() };
        match whole > FILE_LINES_MAX {
            true => vec![(0, format!("{whole} lines, more than {FILE_LINES_MAX}"))],
            false => Vec::new(),
        }
    });
}

#[test]
fn lines_are_short() {
    check("columns", &FOLDERS, |file| {
        let columns = file.lines.iter().map(|line| line.chars().count()).enumerate();
        columns
            .filter(|(_, columns)| *columns > COLUMNS_MAX)
            .map(|(line, columns)| (line, format!("{columns} columns")))
            .collect()
    });
}

#[test]
fn functions_are_short() {
    check("function size", &FOLDERS, |file| {
        functions(file)
            .into_iter()
            .filter(|function| function.lines > FUNCTION_LINES_MAX)
            .filter(|function| !file.path.starts_with("src/") || function.line < file.tests_from)
            .map(|function| (function.line, format!("{} lines", function.lines)))
            .collect()
    });
}

#[test]
fn functions_have_few_parameters() {
    check("parameters", &FOLDERS, |file| {
        functions(file)
            .into_iter()
            .filter(|function| function.parameters > PARAMETERS_MAX)
            .map(|function| (function.line, format!("{} parameters", function.parameters)))
            .collect()
    });
}

#[test]
fn modules_hold_docs_and_mods_only() {
    check("mod.rs", &["src", "tests"], |file| {
        if !file.path.ends_with("/mod.rs") && file.path != "src/lib.rs" {
            return Vec::new();
        }
        let allowed = |code: &str| {
            code.is_empty()
                || code.starts_with("#[")
                || code.starts_with("#![")
                || (code.ends_with(';')
                    && ["mod ", "pub mod ", "pub(crate) mod "].iter().any(|m| code.starts_with(m)))
        };
        let lines = file.code.iter().map(|code| code.trim()).enumerate();
        lines
            .filter(|(_, code)| !allowed(code))
            .map(|(line, code)| (line, format!("only docs and mods here: {code}")))
            .collect()
    });
}

#[test]
fn nothing_is_unwrapped() {
    check_lines("unwrap", |_, code| {
        let found = code.contains(".unwrap()") || code.contains("::unwrap)");
        found.then(|| "`expect` with the reason why it cannot fail".to_owned())
    });
}

#[test]
fn nothing_is_left_to_do() {
    // Spelled apart, that this file may be checked too.
    let marks = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"]].map(|parts| parts.concat());
    check("unfinished", &FOLDERS, |file| {
        let found = |line: &str| {
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            let found = words.any(|word| marks.iter().any(|mark| mark == word));
            found
                || line.contains(concat!("todo", "!("))
                || line.contains(concat!("unimplemented", "!("))
        };
        let lines = file.lines.iter().enumerate();
        lines.filter(|(_, l)| found(l)).map(|(n, l)| (n, l.trim().to_owned())).collect()
    });
}

#[test]
fn words_are_the_domains() {
    check_lines("words", |_, code| {
        let identifiers = code.split(|c: char| !c.is_alphanumeric() && c != '_');
        identifiers
            .filter(|name| ALLOWED_IDENTIFIERS.iter().all(|(allowed, _)| allowed != name))
            .find_map(|name| {
                let lower = name.to_lowercase();
                let (word, better) = BANNED_WORDS.iter().find(|(w, _)| lower.contains(w))?;
                Some(format!("{name}: not {word}, say {better}"))
            })
    });
}

#[test]
fn getters_have_no_prefix() {
    check_lines("get_", |_, code| {
        let name = code.split("fn get_").nth(1)?;
        Some(format!("fn get_{}", name.split('(').next().unwrap_or_default()))
    });
}

#[test]
fn unsafe_is_where_it_may_be() {
    check_lines("unsafe", |file, code| {
        let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
        let found = words.any(|word| word == "unsafe");
        let allowed = UNSAFE_PLACES.iter().any(|place| file.path.starts_with(place));
        (found && !allowed)
            .then(|| "unsafe outside net, keyspace/entry.rs, snapshot/fork.rs".to_owned())
    });
}

/// A block proves itself above; the comment may be followed by attributes and the statement's
/// first lines.
#[test]
fn unsafe_blocks_prove_themselves() {
    check("safety", &["src", "tests", "tools"], |file| {
        let blocks = file.code.iter().enumerate().filter(|(_, code)| code.contains("unsafe {"));
        blocks
            .filter(|(line, _)| {
                let above = &file.lines[line.saturating_sub(8)..=*line];
                !above.iter().any(|line| line.contains("SAFETY:"))
            })
            .map(|(line, _)| (line, "no `// SAFETY:` above".to_owned()))
            .collect()
    });
}

#[test]
fn exceptions_are_needed() {
    for exception in EXCEPTIONS {
        let top = exception.file.split('/').next().unwrap_or_default();
        let used = sources(top).iter().any(|file| {
            file.path == exception.file
                && (exception.line.is_empty()
                    || file.lines.iter().any(|line| line.contains(exception.line)))
        });
        assert!(used, "no longer needed: {}: {}", exception.rule, exception.file);
        assert!(!exception.reason.is_empty(), "a reason for {}", exception.file);
    }
    for (name, reason) in ALLOWED_IDENTIFIERS {
        assert!(!reason.is_empty(), "a reason for {name}");
    }
}

/// A function's place and size.
struct Function {
    line: usize,
    lines: usize,
    /// Without `self`.
    parameters: usize,
}

/// The functions of a file with a body, found by their brackets.
fn functions(file: &File) -> Vec<Function> {
    let text: Vec<char> = file.code.join("\n").chars().collect();
    let mut found = Vec::new();
    for at in 0..text.len() {
        let starts = text[at..].starts_with(&['f', 'n', ' '])
            && (at == 0 || !text[at - 1].is_alphanumeric() && text[at - 1] != '_');
        if !starts {
            continue;
        }
        let Some(function) = function(&text, at) else { continue };
        found.push(function);
    }
    found
}

/// The function whose `fn` is at `start`; `None` for a type or a declaration without a body.
fn function(text: &[char], start: usize) -> Option<Function> {
    let open = (start..text.len()).find(|at| matches!(text[*at], '(' | ';' | '{'))?;
    let named = text[start + 3..open].iter().any(|c| c.is_alphabetic());
    if text[open] != '(' || !named {
        return None;
    }
    let close = closing(text, open)?;
    let body = (close..text.len()).find(|at| matches!(text[*at], '{' | ';'))?;
    if text[body] == ';' {
        return None;
    }
    let end = closing(text, body)?;
    let breaks = |range: &[char]| range.iter().filter(|c| **c == '\n').count();
    Some(Function {
        line: breaks(&text[..start]),
        lines: breaks(&text[start..end]) + 1,
        parameters: parameters(&text[open + 1..close]),
    })
}

/// The bracket that closes the one at `open`.
fn closing(text: &[char], open: usize) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.iter().enumerate().skip(open) {
        // Brackets as characters are left in the code; two quotes stand around them.
        let quoted = at > 0 && text[at - 1] == '\'' && text.get(at + 1) == Some(&'\'');
        match c {
            _ if quoted => {}
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// How many parameters a list has, `self` left out.
fn parameters(list: &[char]) -> usize {
    let (mut depth, mut parts, mut before) = (0, vec![String::new()], ' ');
    for c in list {
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            '>' if before == '-' || before == '=' => {}
            ')' | ']' | '}' | '>' => depth -= 1,
            _ => {}
        }
        match parts.last_mut() {
            Some(part) if *c != ',' || depth > 0 => part.push(*c),
            _ => parts.push(String::new()),
        }
        before = *c;
    }
    let is_self = |part: &str| {
        let name = part.split(':').next().unwrap_or_default();
        name.split([' ', '&', '\n']).next_back() == Some("self")
    };
    parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty() && !is_self(part)).count()
}

#[test]
fn functions_are_found() {
    let text = "impl A {\n\
        fn a(&mut self, b: (u8, u8), c: &dyn Fn(u8, u8) -> u8, d: M<u8, u8>) {\n\
        x('{');\n}\n}\ntrait B { fn b(); }\n";
    let found = functions(&File::parse("src/x/y.rs", text));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].line, found[0].lines, found[0].parameters), (1, 3, 3));
}
