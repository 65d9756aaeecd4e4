//! INFO's section on clients.

use super::page::Page;
use crate::command::client_info::{ClientFlags, ClientInfo, ClientKind};
use crate::metrics::counters::Totals;
use std::sync::Arc;

/// Held back by a command of its own or by a pause.
const WAITS: ClientFlags = ClientFlags::BLOCKED.with(ClientFlags::PAUSED);

/// `# Clients`
pub fn clients(page: &mut Page<'_>) {
    let all = page.environment().clients.all();
    let count = |test: fn(&ClientInfo) -> bool| all.iter().filter(|info| test(info)).count();
    let biggest = |of: fn(&ClientInfo) -> u64| all.iter().map(|info| of(info)).max().unwrap_or(0);
    let replicas = count(|info| info.kind() == ClientKind::Replica);
    page.title("Clients");
    page.field("connected_clients", connected(page, &all).saturating_sub(replicas));
    page.field("cluster_connections", 0);
    page.field("maxclients", page.settings.clients.maxclients);
    page.field("client_recent_max_input_buffer", biggest(|info| info.numbers.qbuf.read()));
    page.field("client_recent_max_output_buffer", biggest(|info| info.numbers.omem.read()));
    page.field("blocked_clients", count(|info| info.flags().any(WAITS)));
    page.field("tracking_clients", count(|info| info.flags().any(ClientFlags::TRACKING)));
    page.field("pubsub_clients", count(|info| info.flags().any(ClientFlags::PUBSUB)));
    page.field("watching_clients", count(|info| info.numbers.watch.read() > 0));
    page.field("clients_in_timeout_table", 0);
    let watched: u64 = all.iter().map(|info| info.numbers.watch.read()).sum();
    page.field("total_watched_keys", watched);
    let shards = Totals::sum(&page.environment().metrics);
    page.field("total_blocking_keys", shards.blocking_keys);
    page.field("total_blocking_keys_on_nokey", shards.blocking_keys_on_removal);
}

/// Connections; those that are being closed still count.
fn connected(page: &Page<'_>, registered: &[Arc<ClientInfo>]) -> usize {
    let open = page.process.clients.load(std::sync::atomic::Ordering::Relaxed);
    usize::try_from(open).unwrap_or(usize::MAX).max(registered.len())
}
