//! INFO's section on memory, and the same numbers for MEMORY STATS.

use super::human::{Human, ratio};
use super::page::Page;
use crate::base::lazy_free;
use crate::command::client_info::ClientKind;
use crate::config::directives;

/// Where memory goes, in bytes.
pub struct Uses {
    /// Allocated by the program.
    pub used: u64,
    /// The highest of that.
    pub peak: u64,
    /// Allocated before the first key.
    pub startup: u64,
    /// Keys and values with their tables.
    pub dataset: u64,
    /// Everything else.
    pub overhead: u64,
    /// The backlog.
    pub backlog: u64,
    /// Buffers of ordinary clients.
    pub clients: u64,
    /// Buffers of replicas, and what is kept for them beyond the backlog's size.
    pub replicas: u64,
}

impl Uses {
    /// Measured now.
    pub fn measure(page: &Page<'_>) -> Uses {
        let statistics = &page.process.statistics;
        statistics.measure();
        let environment = page.environment();
        let used = statistics.memory.used();
        let keys: u64 = environment.gauges.iter().map(|gauges| gauges.bytes()).sum();
        let dataset = keys.min(used);
        let backlog = page.process.shared.stream.backlog_info();
        let (mut clients, mut replicas) = (0, backlog.beyond_size);
        for info in environment.clients.all() {
            match info.kind() {
                ClientKind::Replica => replicas += info.memory(),
                _ => clients += info.memory(),
            }
        }
        let startup = statistics.startup_bytes();
        let peak = statistics.memory.peak();
        let overhead = used - dataset;
        let backlog = backlog.memory;
        Uses { used, peak, startup, dataset, overhead, backlog, clients, replicas }
    }

    /// The part of what came after the start that is data, in percent.
    pub fn dataset_percent(&self) -> f64 {
        100.0 * ratio(self.dataset, self.used.saturating_sub(self.startup)).min(1.0)
    }
}

/// `# Memory`
pub fn memory(page: &mut Page<'_>) {
    let uses = Uses::measure(page);
    let memory = &page.process.statistics.memory;
    page.title("Memory");
    page.field("used_memory", uses.used);
    page.field("used_memory_human", Human(uses.used));
    page.field("used_memory_rss", memory.rss());
    page.field("used_memory_rss_human", Human(memory.rss()));
    page.field("used_memory_peak", uses.peak);
    page.field("used_memory_peak_human", Human(uses.peak));
    let percent = 100.0 * ratio(uses.used, uses.peak);
    page.field("used_memory_peak_perc", format_args!("{percent:.2}%"));
    page.field("used_memory_overhead", uses.overhead);
    page.field("used_memory_startup", uses.startup);
    page.field("used_memory_dataset", uses.dataset);
    page.field("used_memory_dataset_perc", format_args!("{:.2}%", uses.dataset_percent()));
    page.field("allocator_allocated", uses.used);
    page.field("allocator_active", memory.active());
    page.field("allocator_resident", memory.resident());
    page.field("allocator_muzzy", 0);
    let system = page.process.statistics.system_bytes;
    page.field("total_system_memory", system);
    page.field("total_system_memory_human", Human(system));
    scripts(page);
    page.field("maxmemory", page.settings.memory.maxmemory);
    page.field("maxmemory_human", Human(page.settings.memory.maxmemory));
    let policy = directives::find("maxmemory-policy").map(|row| row.print(&page.settings));
    page.field("maxmemory_policy", policy.unwrap_or_default());
    fragmentation(page, uses.used);
    buffers(page, &uses);
    page.field("mem_allocator", "jemalloc-5.3.0");
    page.zeros(&["mem_overhead_db_hashtable_rehashing", "active_defrag_running"]);
    page.field("lazyfree_pending_objects", lazy_free::pending_objects());
    page.field("lazyfreed_objects", lazy_free::freed_objects());
}

/// There are no scripts: every number is zero.
fn scripts(page: &mut Page<'_>) {
    page.zeros(&["used_memory_lua", "used_memory_vm_eval"]);
    page.field("used_memory_lua_human", Human(0));
    page.zeros(&[
        "used_memory_scripts_eval",
        "number_of_cached_scripts",
        "number_of_functions",
        "number_of_libraries",
        "used_memory_vm_functions",
        "used_memory_vm_total",
    ]);
    page.field("used_memory_vm_total_human", Human(0));
    page.zeros(&["used_memory_functions", "used_memory_scripts"]);
    page.field("used_memory_scripts_human", Human(0));
}

fn fragmentation(page: &mut Page<'_>, used: u64) {
    let memory = &page.process.statistics.memory;
    let (active, resident, rss) = (memory.active(), memory.resident(), memory.rss());
    let mut pair = |name: &str, part: u64, whole: u64| {
        let (ratio_name, bytes_name) = (format!("{name}_ratio"), format!("{name}_bytes"));
        page.field(&ratio_name, format_args!("{:.2}", ratio(part, whole)));
        // What is used and what is resident are not measured at one moment, so one may be ahead.
        page.field(&bytes_name, part.wrapping_sub(whole).cast_signed());
    };
    pair("allocator_frag", active, used);
    pair("allocator_rss", resident, active);
    pair("rss_overhead", rss, resident);
    pair("mem_fragmentation", rss, used);
}

fn buffers(page: &mut Page<'_>, uses: &Uses) {
    page.field("mem_not_counted_for_evict", uses.replicas);
    page.field("mem_replication_backlog", uses.backlog);
    page.field("mem_total_replication_buffers", uses.backlog + uses.replicas);
    page.field("mem_clients_slaves", uses.replicas);
    page.field("mem_clients_normal", uses.clients);
    page.zeros(&["mem_cluster_links", "mem_aof_buffer"]);
}
