//! `oom-score-adj`: how willing the kernel is to kill this process when memory runs out. Any core.

use crate::config::choices::OomScoreAdj;
use crate::config::settings::Settings;
use std::fs;
use std::io;
use std::sync::OnceLock;

const FILE: &str = "/proc/self/oom_score_adj";

/// The score before it was first touched: what `relative` counts from.
static AT_START: OnceLock<i32> = OnceLock::new();

/// Sets the score of a master or a replica.
///
/// # Errors
/// The kernel's; lowering a score needs privileges. Logged here.
pub fn adjust(settings: &Settings, replica: bool) -> io::Result<()> {
    let value = settings.server.oom_score_adj_values[usize::from(replica)];
    let score = match settings.server.oom_score_adj {
        OomScoreAdj::No => match AT_START.get() {
            Some(before) => *before,
            // Never touched: nothing to take back.
            None => return Ok(()),
        },
        OomScoreAdj::Absolute => {
            at_start();
            value
        }
        OomScoreAdj::Relative => at_start().saturating_add(value),
    };
    let written = fs::write(FILE, score.clamp(-1000, 1000).to_string());
    if let Err(error) = &written {
        crate::warning!("Unable to write oom_score_adj: {error}");
    }
    written
}

fn at_start() -> i32 {
    *AT_START.get_or_init(|| {
        let text = fs::read_to_string(FILE).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    })
}
