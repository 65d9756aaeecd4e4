//! The server's log: lines as operators of Redis know them, `pid:role date level message`. Written
//! from any core under a lock; events a line describes are rare. To standard output or a file that
//! is opened anew for each line, so that rotation by renaming works.

use chrono::Local;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

/// How important a line is; the sign that stands in the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// `.`
    Debug = 0,
    /// `-`
    Verbose = 1,
    /// `*`
    Notice = 2,
    /// `#`
    Warning = 3,
    /// Nothing is logged at this level.
    Nothing = 4,
}

static LEVEL: AtomicU8 = AtomicU8::new(Level::Notice as u8);
static ROLE: AtomicU8 = AtomicU8::new(b'M');
static FILE: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Sets the least important level that is written.
pub fn set_level(level: Level) {
    LEVEL.store(level as u8, Ordering::Relaxed);
}

/// Sets the role's letter: M master, S replica, C child, X sentinel.
pub fn set_role(letter: u8) {
    ROLE.store(letter, Ordering::Relaxed);
}

/// Writes to this file from now on; to standard output with `None`.
pub fn set_file(path: Option<PathBuf>) {
    *FILE.lock().unwrap_or_else(PoisonError::into_inner) = path;
}

/// Whether lines of this level are written.
pub fn enabled(level: Level) -> bool {
    level as u8 >= LEVEL.load(Ordering::Relaxed)
}

/// Writes one line. A log that cannot be written must not stop the server: it is dropped.
pub fn write(level: Level, message: &str) {
    if !enabled(level) {
        return;
    }
    super::syslog::send(level, message);
    let sign = [b'.', b'-', b'*', b'#', b' '][level as usize];
    let now = Local::now().format("%d %b %Y %H:%M:%S%.3f");
    let role = char::from(ROLE.load(Ordering::Relaxed));
    let line = format!("{}:{role} {now} {} {message}\n", std::process::id(), char::from(sign));
    let file = FILE.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = match &*file {
        Some(path) => OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut file| file.write_all(line.as_bytes())),
        None => {
            let mut out = std::io::stdout().lock();
            out.write_all(line.as_bytes()).and_then(|()| out.flush())
        }
    };
}

/// Logs at `Level::Notice`.
#[macro_export]
macro_rules! notice {
    ($($arg:tt)*) => {
        $crate::base::log::write($crate::base::log::Level::Notice, &format!($($arg)*))
    };
}

/// Logs at `Level::Warning`.
#[macro_export]
macro_rules! warning {
    ($($arg:tt)*) => {
        $crate::base::log::write($crate::base::log::Level::Warning, &format!($($arg)*))
    };
}

/// Logs at `Level::Verbose`.
#[macro_export]
macro_rules! verbose {
    ($($arg:tt)*) => {
        $crate::base::log::write($crate::base::log::Level::Verbose, &format!($($arg)*))
    };
}

/// Logs at `Level::Debug`.
#[macro_export]
macro_rules! debug_line {
    ($($arg:tt)*) => {
        $crate::base::log::write($crate::base::log::Level::Debug, &format!($($arg)*))
    };
}
