//! Tells what is going on, on standard error: one line that is rewritten on a terminal, else a
//! line a measurement.

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

/// Progress of the whole run.
#[derive(Debug)]
pub struct Progress {
    terminal: bool,
    began: Instant,
    measurements: usize,
    current: usize,
    name: String,
}

impl Progress {
    /// Of a run of so many measurements.
    pub fn new(measurements: usize) -> Self {
        let terminal = io::stderr().is_terminal();
        let name = String::new();
        Self { terminal, began: Instant::now(), measurements, current: 0, name }
    }

    /// The next measurement begins.
    pub fn begin(&mut self, name: &str) {
        self.current += 1;
        self.name = name.to_owned();
        if !self.terminal {
            eprintln!("[{}/{}] {name}", self.current, self.measurements);
        }
    }

    /// Something within the measurement begins.
    pub fn step(&self, what: &str) {
        if self.terminal {
            let seconds = self.began.elapsed().as_secs();
            let (current, all) = (self.current, self.measurements);
            eprint!(
                "\r\x1b[K[{current}/{all}] {:02}:{:02} {}: {what}",
                seconds / 60,
                seconds % 60,
                self.name
            );
            let _ = io::stderr().flush();
        }
    }

    /// Clears the line before a table is printed.
    pub fn clear(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}
