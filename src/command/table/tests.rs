use super::*;
use crate::base::stock::{Answer, SERVERS, Stock};
use crate::command::key_spec::{Begin, Find, KeySpec, legacy_range};
use crate::resp::inline;
use std::collections::BTreeSet;

/// What `COMMAND INFO` tells of a command, in words that compare.
#[derive(Debug, PartialEq, Eq)]
struct Facts {
    arity: i64,
    flags: BTreeSet<String>,
    first_last_step: (i64, i64, i64),
    categories: BTreeSet<String>,
    tips: Vec<String>,
    keys: Vec<String>,
}

fn names(answer: &Answer) -> Vec<String> {
    items(answer).iter().map(text).collect()
}

fn items(answer: &Answer) -> &[Answer] {
    let Answer::Array(items) = answer else { panic!("no array: {answer:?}") };
    items
}

fn text(answer: &Answer) -> String {
    let Answer::Text(text) = answer else { panic!("no text: {answer:?}") };
    String::from_utf8_lossy(text).into_owned()
}

fn integer(answer: &Answer) -> i64 {
    let Answer::Integer(number) = answer else { panic!("no integer: {answer:?}") };
    *number
}

/// The value of a field of a map that came as an array.
fn field<'a>(map: &'a Answer, name: &str) -> &'a Answer {
    optional_field(map, name).unwrap_or_else(|| panic!("no field {name} in {map:?}"))
}

fn optional_field<'a>(map: &'a Answer, name: &str) -> Option<&'a Answer> {
    items(map).chunks(2).find(|pair| text(&pair[0]) == name).map(|pair| &pair[1])
}

fn theirs(info: &[Answer]) -> Facts {
    Facts {
        arity: integer(&info[1]),
        flags: names(&info[2]).into_iter().collect(),
        first_last_step: (integer(&info[3]), integer(&info[4]), integer(&info[5])),
        categories: names(&info[6]).into_iter().collect(),
        tips: names(&info[7]),
        keys: items(&info[8]).iter().map(their_key_spec).collect(),
    }
}

fn their_key_spec(spec: &Answer) -> String {
    let mut flags = names(field(spec, "flags"));
    flags.sort();
    let part = |name: &str| {
        let part = field(spec, name);
        let values: Vec<String> = items(field(part, "spec"))
            .chunks(2)
            .map(|pair| match &pair[1] {
                Answer::Integer(number) => format!("{}={number}", text(&pair[0])),
                value => format!("{}={}", text(&pair[0]), text(value)),
            })
            .collect();
        format!("{} {}", text(field(part, "type")), values.join(" "))
    };
    format!("{flags:?} {} / {}", part("begin_search"), part("find_keys"))
}

fn ours(spec: &Spec) -> Facts {
    Facts {
        arity: i64::from(spec.arity),
        flags: spec.flags.names().map(str::to_owned).collect(),
        first_last_step: legacy_range(spec.keys),
        categories: spec.categories_all().names().map(|name| format!("@{name}")).collect(),
        tips: spec.tips.iter().map(|tip| (*tip).to_owned()).collect(),
        keys: spec.keys.iter().map(our_key_spec).collect(),
    }
}

fn our_key_spec(spec: &KeySpec) -> String {
    let mut flags: Vec<&str> = spec.flags.names().collect();
    flags.sort_unstable();
    let begin = match spec.begin {
        Begin::Index(index) => format!("index index={index}"),
        Begin::Keyword(word, from) => format!("keyword keyword={word} startfrom={from}"),
        Begin::SortStore | Begin::Unknown => "unknown ".to_owned(),
    };
    let find = match spec.find {
        Find::Range { last, step, limit } => {
            format!("range lastkey={last} keystep={step} limit={limit}")
        }
        Find::Count { count, first, step } => {
            format!("keynum keynumidx={count} firstkey={first} keystep={step}")
        }
        Find::Unknown => "unknown ".to_owned(),
    };
    format!("{flags:?} {begin} / {find}")
}

/// Notes what differs between our row and theirs, a line a fact.
fn compare(command: &Command, info: &[Answer], differences: &mut Vec<String>) {
    let (ours, theirs) = (ours(command.spec), theirs(info));
    let mut note = |fact: &str, ours: String, theirs: String| {
        if ours != theirs {
            let name = &command.full_name;
            differences.push(format!("{name}: {fact}\n    ours   {ours}\n    theirs {theirs}"));
        }
    };
    let flags = |facts: &Facts| format!("{:?}", facts.flags);
    note("name", command.full_name.clone(), text(&info[0]));
    note("arity", ours.arity.to_string(), theirs.arity.to_string());
    note("flags", flags(&ours), flags(&theirs));
    let range = |facts: &Facts| format!("{:?}", facts.first_last_step);
    note("first, last, step", range(&ours), range(&theirs));
    let categories = |facts: &Facts| format!("{:?}", facts.categories);
    note("categories", categories(&ours), categories(&theirs));
    note("tips", format!("{:?}", ours.tips), format!("{:?}", theirs.tips));
    note("key specifications", format!("{:?}", ours.keys), format!("{:?}", theirs.keys));
    for subcommand in &command.subcommands {
        let found =
            items(&info[9]).iter().map(items).find(|info| text(&info[0]) == subcommand.full_name);
        match found {
            Some(info) => compare(subcommand, info, differences),
            None => differences.push(format!("{}: unknown to them", subcommand.full_name)),
        }
    }
}

#[test]
fn every_row_says_what_a_stock_server_says() {
    let Some(mut stock) = Stock::start(SERVERS[0], &[]) else { return };
    let mut differences = Vec::new();
    for command in table().top_level() {
        let Answer::Array(infos) = stock.call(&["COMMAND", "INFO", command.spec.name]) else {
            panic!("COMMAND INFO answers an array")
        };
        match &infos[0] {
            Answer::Array(info) => compare(command, info, &mut differences),
            _ => differences.push(format!("{}: unknown to them", command.full_name)),
        }
    }
    differences.sort();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// The first `O(…)` of a cost: the words around it are each server's own.
fn first_term(cost: &str) -> &str {
    let Some(start) = cost.find("O(") else { return "" };
    let end = cost[start..].find(')').map_or(cost.len(), |length| start + length + 1);
    &cost[start..end]
}

#[test]
fn group_version_and_cost_are_those_of_a_stock_server() {
    let Some(mut stock) = Stock::start(SERVERS[0], &[]) else { return };
    let mut differences = Vec::new();
    for command in table().top_level() {
        let docs = stock.call(&["COMMAND", "DOCS", command.spec.name]);
        let [_, docs] = items(&docs) else { continue };
        let group = format!("{:?}", command.spec.group).to_ascii_lowercase();
        let their_group = text(field(docs, "group")).replace(['-', '_'], "");
        let their_cost = optional_field(docs, "complexity").map(text).unwrap_or_default();
        for (fact, ours, theirs) in [
            ("since", command.spec.since, text(field(docs, "since"))),
            ("group", group.as_str(), their_group),
            ("cost", first_term(command.spec.complexity), first_term(&their_cost).to_owned()),
        ] {
            if ours != theirs {
                let name = &command.full_name;
                differences.push(format!("{name}: {fact} is {ours} here, {theirs} there"));
            }
        }
    }
    differences.sort();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// XGROUP and `create` have six letters, PUBSUB and `numsub` too: a subcommand is not what its
/// command's name means from then on.
#[test]
fn subcommands_are_not_remembered_for_their_commands() {
    let mut recent = Recent::default();
    for (line, expected) in [
        ("XGROUP CREATE key group 0", "xgroup|create"),
        ("XGROUP CREATECONSUMER key group one", "xgroup|createconsumer"),
        ("PUBSUB NUMSUB", "pubsub|numsub"),
        ("PUBSUB CHANNELS", "pubsub|channels"),
        ("GET key", "get"),
        ("GET key", "get"),
    ] {
        let (mut spans, mut big) = (Vec::new(), Vec::new());
        inline::split(line.as_bytes(), 0, &mut spans, &mut big).expect("it has no quotes");
        let command = recent.resolve(Args::new(line.as_bytes(), &spans, &big));
        assert_eq!(command.map(|command| command.full_name.as_str()), Ok(expected));
    }
}
