//! Which programs the tests start: the server under test and the stock servers beside it.

use std::io::Write;
use std::path::{Path, PathBuf};

/// Who plays a role in a test.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The server under test.
    Own {
        /// How many shards it is started with.
        shards: u16,
    },
    /// The stock `redis-server`.
    Redis,
    /// The stock `valkey-server`.
    Valkey,
}

/// The server under test with that many shards.
pub const fn own(shards: u16) -> Kind {
    Kind::Own { shards }
}

/// Names a stock server that plays the part of the server under test while the tests themselves
/// are being tested.
const STAND_IN: &str = "TRIBUTARY_SERVER_UNDER_TEST";

impl Kind {
    /// The program; `None` when that stock server is not installed.
    pub fn program(self) -> Option<PathBuf> {
        match self {
            Kind::Own { .. } => Some(stand_in().unwrap_or_else(built)),
            Kind::Redis => on_path("redis-server"),
            Kind::Valkey => on_path("valkey-server"),
        }
    }

    /// Whether it is ours and not a stand-in.
    pub fn is_tributary(self) -> bool {
        matches!(self, Kind::Own { .. }) && stand_in().is_none()
    }

    /// Whether it reads the RDB that `master` sends. The one pair that cannot is of the stock
    /// servers among themselves: Valkey writes RDB 11, which Redis 7.0 refuses.
    pub fn can_follow(self, master: Kind) -> bool {
        !(self.brand_is("redis") && master.brand_is("valkey"))
    }

    /// Whether the program that plays this kind is a stock one of that brand.
    pub fn brand_is(self, brand: &str) -> bool {
        match self {
            Kind::Own { .. } => stand_in().is_some_and(|path| {
                path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(brand))
            }),
            Kind::Redis => brand == "redis",
            Kind::Valkey => brand == "valkey",
        }
    }
}

/// Whether the servers are installed. When not: under CI a failure, elsewhere a loud skip.
pub fn installed(kinds: &[Kind]) -> bool {
    let missing: Vec<_> = kinds.iter().filter(|kind| kind.program().is_none()).collect();
    if missing.is_empty() {
        return true;
    }
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    skip(&format!("{test}: {missing:?} not installed; tools/test installs it"));
    false
}

/// A tool of the stock servers, such as `redis-benchmark`; skips as [`installed`] does.
pub fn tool(name: &str) -> Option<PathBuf> {
    let found = on_path(name);
    if found.is_none() {
        skip(&format!("{name} not installed; tools/test installs it"));
    }
    found
}

/// Says that a test is skipped, past the capturing of output; under CI that is a failure.
pub fn skip(why: &str) {
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "under CI nothing is skipped: {why}"
    );
    note(&format!("SKIPPED {why}"));
}

/// Prints a line past the capturing of output.
pub fn note(line: &str) {
    // A closed stderr is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn stand_in() -> Option<PathBuf> {
    std::env::var_os(STAND_IN).filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn built() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_tributary-server"))
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .chain([Path::new("/usr/bin").to_owned(), Path::new("/usr/local/bin").to_owned()])
        .map(|dir| dir.join(name))
        .find(|program| program.is_file())
}
