//! INFO's sections on commands: how often and how long, and how that is distributed.

use super::page::Page;
use crate::command::table::table;
use std::fmt::Write;

/// `# Commandstats`
pub fn calls(page: &mut Page<'_>) {
    page.title("Commandstats");
    for command in table().all() {
        let total = page.process.statistics.command(page.environment(), command.index);
        if !total.is_used() {
            continue;
        }
        page.field(
            &format!("cmdstat_{}", command.full_name),
            format_args!(
                "calls={},usec={},usec_per_call={:.2},rejected_calls={},failed_calls={}",
                total.calls,
                total.usec(),
                total.usec_per_call(),
                total.rejected,
                total.failed
            ),
        );
    }
}

/// `# Latencystats`
pub fn latencies(page: &mut Page<'_>) {
    page.title("Latencystats");
    if !page.settings.observe.latency_tracking {
        return;
    }
    let percentiles = page.settings.observe.latency_tracking_info_percentiles.clone();
    for command in table().all() {
        let total = page.process.statistics.command(page.environment(), command.index);
        let Some(histogram) = total.histogram.filter(|cells| cells.count() > 0) else { continue };
        let mut line = String::new();
        for percent in &percentiles {
            let comma = if line.is_empty() { "" } else { "," };
            let us = histogram.percentile(*percent) as f64 / 1000.0;
            // Writing to a string cannot fail.
            let _ = write!(line, "{comma}p{percent}={us:.3}");
        }
        page.field(&format!("latency_percentiles_usec_{}", command.full_name), line);
    }
}
