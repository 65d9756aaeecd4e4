//! MEMORY, but for USAGE: the memory of the whole process, told in numbers and in words. From any
//! shard.

use super::info::human::{Human, ratio};
use super::info::memory::Uses;
use super::info::page::Page;
use super::verbs::Asked;
use crate::base::ids::DbIndex;
use crate::command::error::CommandError;
use crate::resp::reply::Reply;
use tikv_jemalloc_ctl::stats_print::{self, Options};

/// `MEMORY DOCTOR | MALLOC-STATS | PURGE | STATS`
pub fn memory(asked: &Asked<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    match asked.command.spec.name {
        "stats" => stats(asked, reply),
        "doctor" => reply.verbatim("txt", doctor(asked).as_bytes()),
        "malloc-stats" => {
            let mut text = Vec::new();
            let printed = stats_print::stats_print(&mut text, Options::default());
            printed.map_err(|error| CommandError::owned(format!("ERR {error}")))?;
            reply.verbatim("txt", &text);
        }
        // The allocator gives unused pages back by itself, some seconds after they were last used.
        _ => reply.ok(),
    }
    Ok(())
}

/// Counts fields as they are written.
struct Fields<'a> {
    reply: &'a mut Reply,
    count: usize,
}

impl Fields<'_> {
    fn number(&mut self, name: &str, number: u64) {
        self.signed(name, i64::try_from(number).unwrap_or(i64::MAX));
    }

    fn signed(&mut self, name: &str, number: i64) {
        self.count += 1;
        self.reply.bulk(name.as_bytes());
        self.reply.integer(number);
    }

    fn fraction(&mut self, name: &str, number: f64) {
        self.count += 1;
        self.reply.bulk(name.as_bytes());
        self.reply.double(number);
    }
}

fn stats(asked: &Asked<'_>, reply: &mut Reply) {
    let page = Page::new(asked.process);
    let uses = Uses::measure(&page);
    let slot = reply.open_array();
    let mut fields = Fields { reply, count: 0 };
    fields.number("peak.allocated", uses.peak);
    fields.number("total.allocated", uses.used);
    fields.number("startup.allocated", uses.startup);
    fields.number("replication.backlog", uses.backlog);
    fields.number("clients.slaves", uses.replicas);
    fields.number("clients.normal", uses.clients);
    for name in ["cluster.links", "aof.buffer", "lua.caches", "functions.caches"] {
        fields.number(name, 0);
    }
    let keys = databases(&page, &mut fields);
    fields.number("overhead.db.hashtable.lut", 0);
    fields.number("overhead.db.hashtable.rehashing", 0);
    fields.number("overhead.total", uses.overhead);
    fields.number("db.dict.rehashing.count", 0);
    fields.number("keys.count", keys);
    let after_start = uses.used.saturating_sub(uses.startup);
    fields.number("keys.bytes-per-key", after_start.checked_div(keys).unwrap_or(0));
    fields.number("dataset.bytes", uses.dataset);
    fields.fraction("dataset.percentage", uses.dataset_percent());
    fields.fraction("peak.percentage", 100.0 * ratio(uses.used, uses.peak));
    allocator(&page, uses.used, &mut fields);
    let count = fields.count;
    reply.close_map(slot, count);
}

/// A map for each database with keys; the keys of all. Tables are counted with the data.
fn databases(page: &Page<'_>, fields: &mut Fields<'_>) -> u64 {
    let mut all = 0;
    for db in (0..page.settings.server.databases).map(DbIndex) {
        let keys: u64 = page.environment().gauges.iter().map(|shard| shard.keys(db)).sum();
        if keys == 0 {
            continue;
        }
        all += keys;
        fields.count += 1;
        fields.reply.bulk(format!("db.{}", db.0).as_bytes());
        fields.reply.map(2);
        for name in ["overhead.hashtable.main", "overhead.hashtable.expires"] {
            fields.reply.bulk(name.as_bytes());
            fields.reply.integer(0);
        }
    }
    all
}

fn allocator(page: &Page<'_>, used: u64, fields: &mut Fields<'_>) {
    let memory = &page.process.statistics.memory;
    let (active, resident, rss) = (memory.active(), memory.resident(), memory.rss());
    fields.number("allocator.allocated", used);
    fields.number("allocator.active", active);
    fields.number("allocator.resident", resident);
    fields.number("allocator.muzzy", 0);
    let pairs = [
        ("allocator-fragmentation", active, used),
        ("allocator-rss", resident, active),
        ("rss-overhead", rss, resident),
    ];
    for (name, part, whole) in pairs {
        fields.fraction(&format!("{name}.ratio"), ratio(part, whole));
        fields.signed(&format!("{name}.bytes"), part.wrapping_sub(whole).cast_signed());
    }
    fields.fraction("fragmentation", ratio(rss, used));
    fields.signed("fragmentation.bytes", rss.wrapping_sub(used).cast_signed());
}

/// What an operator should look at.
fn doctor(asked: &Asked<'_>) -> String {
    let page = Page::new(asked.process);
    let uses = Uses::measure(&page);
    let memory = &page.process.statistics.memory;
    if uses.used < SMALL_BYTES {
        return "Little memory is in use: nothing can be said of it yet.\n".to_owned();
    }
    let limit = page.settings.memory.maxmemory;
    let findings = [
        (
            ratio(uses.peak, uses.used) > 1.5,
            format!(
                "The peak was {}, much more than the {} in use now: pages it left behind may keep \
                 the process large for a while.",
                Human(uses.peak),
                Human(uses.used)
            ),
        ),
        (
            ratio(memory.active(), uses.used) > 1.1,
            "More than a tenth of the allocator's pages are gaps between values.".to_owned(),
        ),
        (
            ratio(memory.rss(), memory.resident()) > 1.1,
            "The process holds much memory beside the allocator's.".to_owned(),
        ),
        (
            uses.clients + uses.replicas > uses.used / 5,
            "Buffers of clients and replicas take more than a fifth: CLIENT LIST shows whose."
                .to_owned(),
        ),
        (
            limit != 0 && uses.used > limit / 10 * 9,
            "Less than a tenth of maxmemory is left.".to_owned(),
        ),
    ];
    let lines: Vec<String> = findings
        .into_iter()
        .filter(|(found, _)| *found)
        .map(|(_, line)| format!("* {line}\n"))
        .collect();
    match lines.is_empty() {
        true => "Nothing about the memory in use is remarkable.\n".to_owned(),
        false => format!("Worth a look:\n\n{}", lines.concat()),
    }
}

/// Below this, what the program itself needs outweighs the data.
const SMALL_BYTES: u64 = 16 * 1024 * 1024;
