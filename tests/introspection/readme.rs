//! The README's list of commands that are missing or differ, made from the command tables of this
//! server and a stock one. With `TRIBUTARY_WRITE=1` the list is written instead of compared.

use std::collections::BTreeMap;
use std::fs;

use crate::pair;
use crate::support::client::Client;
use crate::support::value::Value;

const BEGIN: &str = "<!-- The lines up to the next mark are written by tests/introspection. -->\n";
const END: &str = "<!-- Up to here. -->\n";
const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

/// Every command and subcommand with the first seven fields of its row, and of later ones the
/// count of keys' descriptions.
fn rows(client: &mut Client) -> BTreeMap<String, String> {
    let mut rows = BTreeMap::new();
    for command in client.cmd(&["COMMAND"]).items() {
        add(command, &mut rows);
    }
    rows
}

fn add(command: &Value, rows: &mut BTreeMap<String, String>) {
    let fields = command.items();
    let sorted = |value: &Value| {
        let mut words: Vec<String> = value.items().iter().map(Value::text).collect();
        words.sort();
        words.join(" ")
    };
    let numbers: Vec<String> =
        [1, 3, 4, 5].iter().map(|at| fields[*at].integer().to_string()).collect();
    let row = format!("{} {} {}", numbers.join(" "), sorted(&fields[2]), sorted(&fields[6]));
    rows.insert(fields[0].text(), row);
    fields[9].items().iter().for_each(|subcommand| add(subcommand, rows));
}

/// Whether a command came with Redis 7.2 or before.
fn is_of_redis(client: &mut Client, name: &str) -> bool {
    let docs = client.cmd(&["COMMAND", "DOCS", name]);
    let fields = docs.items()[1].items();
    let since = fields.chunks_exact(2).find(|pair| pair[0].text() == "since");
    let since = since.map(|pair| pair[1].text()).unwrap_or_default();
    let mut parts = since.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next(), parts.next()) <= (Some(7), Some(2))
}

/// Names in code marks, subcommands behind their container's.
fn shown(names: &[&str]) -> String {
    let marked: Vec<String> =
        names.iter().map(|name| format!("`{}`", name.replace('|', " ").to_uppercase())).collect();
    match marked.is_empty() {
        true => "none".to_owned(),
        false => marked.join(", "),
    }
}

/// Breaks a paragraph into lines of at most 100 columns.
fn filled(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && line.len() + 1 + word.len() > 100 {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n") + "\n"
}

#[test]
fn the_list_of_missing_commands_is_true() {
    let Some((ours, theirs)) = pair(&[]) else { return };
    let [mut ours, mut theirs] = [ours.client(), theirs.client()];
    let (have, stock) = (rows(&mut ours), rows(&mut theirs));
    let of_redis: Vec<&String> =
        stock.keys().filter(|name| is_of_redis(&mut theirs, name)).collect();
    let lacks = |name: &str| !have.contains_key(name);
    let container = |name: &str| name.split_once('|').map(|(container, _)| container.to_owned());
    let missing: Vec<&str> = of_redis
        .iter()
        .filter(|name| lacks(name) && container(name).is_none_or(|container| !lacks(&container)))
        .map(|name| name.as_str())
        .collect();
    let differing: Vec<&str> = of_redis
        .iter()
        .filter(|name| have.get(**name).is_some_and(|row| *row != stock[**name]))
        .map(|name| name.as_str())
        .collect();
    let told = |heading: &str, names: &[&str]| {
        filled(&format!("{heading} ({}): {}.", names.len(), shown(names)))
    };
    let list = format!(
        "{}\n{}",
        told("**Commands of Redis 7.2 that are missing**", &missing),
        told("**Commands whose row in COMMAND differs**", &differing)
    );
    let readme = fs::read_to_string(README).expect("there is a README");
    let (before, rest) = readme.split_once(BEGIN).expect("the README has the first mark");
    let (written, after) = rest.split_once(END).expect("the README has the second mark");
    if std::env::var_os("TRIBUTARY_WRITE").is_some() {
        let readme = format!("{before}{BEGIN}\n{list}\n{END}{after}");
        fs::write(README, readme).expect("the README may be written");
        return;
    }
    assert_eq!(written.trim(), list.trim(), "TRIBUTARY_WRITE=1 writes the list anew");
}
