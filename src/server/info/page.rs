//! What a section is printed on, and what it may look at.

use crate::base::clock;
use crate::command::environment::Environment;
use crate::config::settings::Settings;
use crate::metrics::counters::Totals;
use crate::server::process::Process;
use std::fmt::{Display, Write};
use std::sync::Arc;

/// The text of an INFO and what its sections look at: one moment for all of them.
pub struct Page<'a> {
    /// The process.
    pub process: &'a Process,
    /// The directives in force.
    pub settings: Arc<Settings>,
    /// All shards' counters since the last CONFIG RESETSTAT.
    pub totals: Totals,
    /// Wall-clock milliseconds.
    pub now_ms: u64,
    text: String,
}

impl<'a> Page<'a> {
    /// An empty page.
    pub fn new(process: &'a Process) -> Page<'a> {
        let environment = &process.shared.environment;
        Page {
            process,
            settings: environment.config.load(),
            totals: process.statistics.totals(environment),
            now_ms: clock::wall_ms(),
            text: String::new(),
        }
    }

    /// Counters and states of the process.
    pub fn environment(&self) -> &'a Environment {
        &self.process.shared.environment
    }

    /// Begins a section.
    pub fn title(&mut self, title: &str) {
        let blank = if self.text.is_empty() { "" } else { "\r\n" };
        self.write(format_args!("{blank}# {title}\r\n"));
    }

    /// One line.
    pub fn field(&mut self, name: &str, value: impl Display) {
        self.write(format_args!("{name}:{value}\r\n"));
    }

    /// A yes or no, as 1 or 0.
    pub fn flag(&mut self, name: &str, value: bool) {
        self.field(name, u8::from(value));
    }

    /// Lines that are always zero: what they count does not exist here.
    pub fn zeros(&mut self, names: &[&str]) {
        names.iter().for_each(|name| self.field(name, 0));
    }

    /// The text so far, for a section that writes by itself.
    pub fn text(&mut self) -> &mut String {
        &mut self.text
    }

    /// The text.
    pub fn finish(self) -> String {
        self.text
    }

    fn write(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(line);
    }
}
