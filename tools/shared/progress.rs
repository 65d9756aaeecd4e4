//! A line of progress on standard error, rewritten in place; nothing unless that is a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// The line.
#[derive(Debug)]
pub struct Progress {
    terminal: bool,
    shown: Option<Instant>,
}

impl Progress {
    /// A line that is not shown yet.
    pub fn new() -> Progress {
        Progress { terminal: io::stderr().is_terminal(), shown: None }
    }

    /// Shows a text, at most ten times a second; it is made only when it is shown.
    pub fn show(&mut self, text: impl FnOnce() -> String) {
        let due = self.shown.is_none_or(|shown| shown.elapsed() >= PERIOD);
        if self.terminal && due {
            self.shown = Some(Instant::now());
            eprint!("\r\x1b[K{}", text());
            // A terminal that is gone takes nothing any more.
            let _ = io::stderr().flush();
        }
    }

    /// Takes the line away, before anything else is printed and at the end.
    pub fn clear(&mut self) {
        if self.shown.take().is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

/// `[####----]  50 %` of something; all of nothing is everything.
pub fn bar(done: u64, all: u64) -> String {
    let part = if all == 0 { 1.0 } else { (done as f64 / all as f64).min(1.0) };
    let filled = (part * BAR_WIDTH as f64) as usize;
    let (full, empty) = ("#".repeat(filled), "-".repeat(BAR_WIDTH - filled));
    format!("[{full}{empty}] {:3.0} %", part * 100.0)
}

/// A size with a binary unit.
pub fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut units = ["KiB", "MiB", "GiB", "TiB"].iter();
    let mut unit = "B";
    while value >= 1024.0
        && let Some(larger) = units.next()
    {
        value /= 1024.0;
        unit = larger;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

const PERIOD: Duration = Duration::from_millis(100);

/// Characters between the brackets.
const BAR_WIDTH: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_and_sizes() {
        assert_eq!(bar(1, 2), format!("[{}{}]  50 %", "#".repeat(15), "-".repeat(15)));
        assert_eq!(bar(3, 2), format!("[{}] 100 %", "#".repeat(30)));
        assert_eq!(bar(0, 0), format!("[{}] 100 %", "#".repeat(30)));
        assert_eq!((size(1023), size(1536)), ("1023 B".to_owned(), "1.5 KiB".to_owned()));
    }
}
