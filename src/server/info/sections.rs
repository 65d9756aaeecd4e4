//! INFO itself: which sections are printed, in which order.

use super::page::Page;
use super::{clients, commands, cpu, errors, keyspace, memory, persistence, server, shards, stats};
use crate::command::error::CommandError;
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use crate::server::process::Process;
use crate::server::verbs::Asked;

/// One section.
struct Section {
    /// The name in the command.
    name: &'static str,
    /// When it is printed.
    shown: Shown,
    print: fn(&mut Page<'_>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Without arguments too.
    ByDefault,
    /// With `all` and `everything`, and by its name.
    WithAll,
    /// By its name alone.
    WhenNamed,
}

/// `INFO [section ...]`
pub fn info(asked: &Asked<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    reply.verbatim("txt", text(asked.process, asked.args).as_bytes());
    Ok(())
}

/// The sections that the words behind the command's name ask for. Unknown ones are passed over.
fn text(process: &Process, args: Args<'_>) -> String {
    let mut page = Page::new(process);
    for section in SECTIONS.iter().filter(|section| is_wanted(section, args)) {
        (section.print)(&mut page);
    }
    page.finish()
}

fn is_wanted(section: &Section, args: Args<'_>) -> bool {
    if args.len() == 1 {
        return section.shown == Shown::ByDefault;
    }
    args.iter().skip(1).any(|word| {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        is(section.name)
            || is("default") && section.shown == Shown::ByDefault
            || (is("all") || is("everything")) && section.shown != Shown::WhenNamed
    })
}

const fn section(name: &'static str, shown: Shown, print: fn(&mut Page<'_>)) -> Section {
    Section { name, shown, print }
}

const SECTIONS: &[Section] = &[
    section("server", Shown::ByDefault, server::server),
    section("clients", Shown::ByDefault, clients::clients),
    section("memory", Shown::ByDefault, memory::memory),
    section("persistence", Shown::ByDefault, persistence::persistence),
    section("stats", Shown::ByDefault, stats::stats),
    section("replication", Shown::ByDefault, replication),
    section("cpu", Shown::ByDefault, cpu::cpu),
    section("modules", Shown::ByDefault, modules),
    section("commandstats", Shown::WithAll, commands::calls),
    section("errorstats", Shown::ByDefault, errors::errors),
    section("latencystats", Shown::WithAll, commands::latencies),
    section("cluster", Shown::ByDefault, cluster),
    section("shards", Shown::ByDefault, shards::shards),
    section("keyspace", Shown::ByDefault, keyspace::keyspace),
    section("debug", Shown::WhenNamed, stats::debug),
];

fn replication(page: &mut Page<'_>) {
    page.title("Replication");
    let (process, now_ms) = (page.process, page.now_ms);
    super::replication::replication(process, now_ms, page.text());
}

fn modules(page: &mut Page<'_>) {
    page.title("Modules");
}

fn cluster(page: &mut Page<'_>) {
    page.title("Cluster");
    page.field("cluster_enabled", 0);
}
