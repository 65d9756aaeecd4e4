//! INFO's section on error replies, by their first word.

use super::page::Page;
use crate::metrics::error_stats::{ErrorStats, printable};

/// `# Errorstats`
pub fn errors(page: &mut Page<'_>) {
    page.title("Errorstats");
    for (code, count) in ErrorStats::totals(&page.environment().error_stats) {
        page.field(&format!("errorstat_{}", printable(&code)), format_args!("count={count}"));
    }
}
