//! COMMAND: what is told of every command that both servers have is the same.

use crate::pair;
use crate::support::client::Client;
use crate::support::value::Value;

/// Commands and subcommands of the stock server that are its own.
const THEIRS: [&str; 1] = ["client|capa"];

/// Prose in COMMAND DOCS, where each server speaks for itself.
const PROSE: [&str; 4] = ["summary", "complexity", "history", "replaced_by"];

fn names(client: &mut Client) -> Vec<String> {
    client.cmd(&["COMMAND", "LIST"]).items().iter().map(Value::text).collect()
}

/// A row without its subcommands and without the notes of key specifications, its sets sorted.
fn row(client: &mut Client, name: &str) -> Vec<String> {
    let reply = client.cmd(&["COMMAND", "INFO", name]);
    reply.items()[0].items()[..9].iter().map(plain).collect()
}

/// Everything but prose, as text; pairs and members in the order of their text.
fn plain(value: &Value) -> String {
    let Value::Array(items) = value else { return format!("{value:?}") };
    let name = |value: &Value| value.bytes().map(|_| value.text()).unwrap_or_default();
    let mut parts = Vec::new();
    let mut index = 0;
    while index < items.len() {
        let word = name(&items[index]);
        if word == "notes" || PROSE.contains(&word.as_str()) && items.len() > index + 1 {
            index += 2;
            continue;
        }
        parts.push(plain(&items[index]));
        index += 1;
    }
    parts.sort();
    format!("[{}]", parts.join(" "))
}

#[test]
fn rows_are_those_of_stock() {
    let Some((ours, theirs)) = pair(&[]) else { return };
    let [mut ours, mut theirs] = [ours.client(), theirs.client()];
    let known = names(&mut theirs);
    for name in names(&mut ours).iter().filter(|name| known.contains(name)) {
        assert_eq!(row(&mut ours, name), row(&mut theirs, name), "{name}");
    }
}

#[test]
fn no_subcommand_is_missing() {
    let Some((ours, theirs)) = pair(&[]) else { return };
    let [mut ours, mut theirs] = [ours.client(), theirs.client()];
    let have = names(&mut ours);
    for name in names(&mut theirs) {
        let Some((parent, _)) = name.split_once('|') else { continue };
        let wanted = have.iter().any(|known| known == parent) && !THEIRS.contains(&name.as_str());
        assert!(!wanted || have.contains(&name), "{name}");
    }
}

#[test]
fn arguments_are_those_of_stock() {
    let Some((ours, theirs)) = pair(&[]) else { return };
    let [mut ours, mut theirs] = [ours.client(), theirs.client()];
    let known = names(&mut theirs);
    let docs = |client: &mut Client, name: &str| {
        let reply = client.cmd(&["COMMAND", "DOCS", name]);
        let fields = reply.items()[1].items();
        let pairs = fields.chunks_exact(2);
        // A container's subcommands are asked for by name.
        let kept = pairs.filter(|pair| {
            let field = pair[0].text();
            field != "subcommands" && !PROSE.contains(&field.as_str())
        });
        let mut kept: Vec<String> =
            kept.map(|pair| format!("{} {:?}", pair[0].text(), pair[1])).collect();
        kept.sort();
        kept
    };
    for name in names(&mut ours).iter().filter(|name| known.contains(name)) {
        assert_eq!(docs(&mut ours, name), docs(&mut theirs, name), "{name}");
    }
}
