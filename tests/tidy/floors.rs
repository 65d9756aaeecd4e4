//! The floors of `src`. A folder imports only from lower floors; peers never import each other.

use crate::rules::report;
use crate::source::{File, sources};

/// Each folder with its floor, from the ground up.
const FLOORS: &[(&str, u8)] = &[
    ("base", 0),
    ("resp", 1),
    ("config", 1),
    ("metrics", 1),
    ("keyspace", 2),
    ("replication", 2),
    ("net", 2),
    ("rdb", 3),
    ("sentinel", 3),
    ("command", 4),
    ("shard", 5),
    ("router", 6),
    ("client", 7),
    ("snapshot", 7),
    ("replica", 7),
    ("master", 8),
    ("persist", 8),
    ("server", 9),
];

/// What every higher floor may import, and no rule of peers forbids to the floor they are on.
const OPEN_TO_ALL: &[&str] = &["base", "config", "metrics"];

#[test]
fn imports_point_downward() {
    let mut found = Vec::new();
    for file in sources("src") {
        let Some(folder) = folder_of(&file.path) else { continue };
        let Some(own) = floor(folder) else {
            found.push(("floors", file.at(0), format!("{folder} has no floor in tests/tidy")));
            continue;
        };
        for (number, imported) in imports(&file) {
            let problem = match floor(&imported) {
                _ if imported == folder => continue,
                None => format!("{imported} is no folder with a floor"),
                Some(floor) if floor < own => continue,
                Some(_) if OPEN_TO_ALL.contains(&imported.as_str()) && folder != "base" => continue,
                Some(floor) if floor == own => format!("{folder} imports its peer {imported}"),
                Some(_) => format!("{folder} imports {imported}, which is above it"),
            };
            found.push(("floors", file.at(number), problem));
        }
    }
    report(found);
}

/// The folders that a file's code names by `crate::folder`, braces after `crate::` included.
fn imports(file: &File) -> Vec<(usize, String)> {
    let text = file.code.join("\n");
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let number = text[..at].matches('\n').count();
        let rest = &text[at + "crate::".len()..];
        // `$crate::` and `a_crate::` are other words.
        if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        match rest.strip_prefix('{') {
            Some(inside) => found.extend(group(inside).into_iter().map(|name| (number, name))),
            // A macro stands at the crate's root wherever it is written.
            None if rest[word(rest).len()..].starts_with('!') => {}
            None => found.push((number, word(rest))),
        }
    }
    found
}

/// The first names in a group of imports, whatever is nested in them left out.
fn group(inside: &str) -> Vec<String> {
    let (mut depth, mut names, mut start) = (0, Vec::new(), true);
    for (at, c) in inside.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            c if c.is_alphabetic() && start && depth == 0 => {
                names.push(word(&inside[at..]));
                start = false;
            }
            _ => {}
        }
    }
    names
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn folder_of(path: &str) -> Option<&str> {
    path.strip_prefix("src/")?.split_once('/').map(|(folder, _)| folder)
}

fn floor(folder: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == folder).map(|(_, floor)| *floor)
}

#[test]
fn groups_of_imports_are_read() {
    let file =
        File::parse("src/x/y.rs", "use crate::{base::ids::{Slot, Ticket}, net, shard::*};\n");
    let names: Vec<_> = imports(&file).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["base", "net", "shard"]);
}
