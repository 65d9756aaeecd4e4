//! The configuration in force, shared by all shards: read without a lock, replaced as a whole. Any
//! core may read; CONFIG SET, REPLICAOF and the like replace it under one short lock. What always
//! holds: a reader sees all pairs of a CONFIG SET or none, and a version it has seen never names
//! two different configurations.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::base::glob::{self, Case};
use crate::config::choices::Permission;
use crate::config::directives;
use crate::config::error::{ConfigSetError, Reason, Refusal, RewriteError};
use crate::config::kinds::{Directive, Kind};
use crate::config::rewrite;
use crate::config::settings::Settings;
use crate::config::values::Mode;

/// The configuration in force.
pub struct Live {
    current: ArcSwap<Settings>,
    version: AtomicU64,
    writing: Mutex<()>,
}

/// Where a client sits, for directives that only local ones may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// On a loopback address or the unix socket.
    Local,
    /// Anywhere else.
    Remote,
}

/// A configuration that a CONFIG SET would bring about, shown to the server before it counts.
pub struct Proposal<'a> {
    /// In force until now.
    pub before: &'a Settings,
    /// In force if the server agrees.
    pub after: &'a Settings,
    /// Directives whose value differs between the two.
    pub changed: &'a [&'static str],
}

impl Live {
    /// Puts `settings` in force, as version 1.
    pub fn new(settings: Settings) -> Live {
        let current = ArcSwap::from_pointee(settings);
        Live { current, version: AtomicU64::new(1), writing: Mutex::new(()) }
    }

    /// The configuration in force. Keep it for one turn of a loop, not longer.
    pub fn load(&self) -> Arc<Settings> {
        self.current.load_full()
    }

    /// Rises with each change. Read it before [`Live::load`]: the copy is then at least that new.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// CONFIG SET. All pairs or none; returns the directives whose value changed.
    pub fn set(
        &self,
        pairs: &[(&[u8], &[u8])],
        caller: Caller,
    ) -> Result<Vec<&'static str>, ConfigSetError> {
        self.set_if(pairs, caller, |_| Ok(()))
    }

    /// CONFIG SET with a last word: `agree` does what may fail (opening ports, resizing limits) and
    /// answers with the directive that failed and why. Other writers wait meanwhile.
    pub fn set_if(
        &self,
        pairs: &[(&[u8], &[u8])],
        caller: Caller,
        agree: impl FnOnce(&Proposal<'_>) -> Result<(), (&'static str, Reason)>,
    ) -> Result<Vec<&'static str>, ConfigSetError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.load();
        let rows = settable(pairs, &before, caller)?;
        let mut after = Settings::clone(&before);
        for (row, (name, value)) in rows.iter().zip(pairs) {
            let set = set_one(row, &mut after, value);
            set.map_err(|reason| failed(name, Refusal::Value(reason)))?;
        }
        let changed: Vec<&'static str> = directives::all()
            .filter(|row| rows.iter().any(|set| std::ptr::eq(*set, *row)))
            .filter(|row| row.print(&before) != row.print(&after))
            .map(|row| row.name)
            .collect();
        let proposal = Proposal { before: &before, after: &after, changed: &changed };
        agree(&proposal).map_err(|(name, reason)| {
            let spelled = rows.iter().position(|row| row.name == name).map(|index| pairs[index].0);
            failed(spelled.unwrap_or(name.as_bytes()), Refusal::Value(reason))
        })?;
        self.replace(after);
        Ok(changed)
    }

    /// A change that is not a CONFIG SET: REPLICAOF, ACL users, a port chosen by the system.
    pub fn update(&self, change: impl FnOnce(&mut Settings)) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut settings = Settings::clone(&self.load());
        change(&mut settings);
        self.replace(settings);
    }

    /// CONFIG GET: names (in the client's spelling when it is exact) and values, each name once.
    pub fn matching(&self, patterns: &[&[u8]]) -> Vec<(String, String)> {
        let settings = self.load();
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        for pattern in patterns {
            if let Some(row) = std::str::from_utf8(pattern).ok().and_then(directives::find) {
                let name = String::from_utf8_lossy(pattern).into_owned();
                if seen.insert(name.to_ascii_lowercase()) {
                    found.push((name, row.print(&settings)));
                }
                continue;
            }
            for row in directives::all().filter(|row| !row.hidden) {
                for name in row.names() {
                    let matches = glob::matches(pattern, name.as_bytes(), Case::Ignored);
                    if matches && seen.insert(name.to_owned()) {
                        found.push((name.to_owned(), row.print(&settings)));
                    }
                }
            }
        }
        found
    }

    /// CONFIG REWRITE: brings the configuration file up to what is in force. Blocks on the disk.
    pub fn rewrite(&self) -> Result<(), RewriteError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        rewrite::rewrite(&self.load())
    }

    fn replace(&self, settings: Settings) {
        self.current.store(Arc::new(settings));
        self.version.fetch_add(1, Ordering::Release);
    }
}

/// Whether a directive's values must not be shown: passwords.
pub fn is_sensitive(name: &[u8]) -> bool {
    let name = std::str::from_utf8(name).ok();
    name.and_then(directives::find).is_some_and(|row| row.sensitive)
}

/// The rows of all pairs, none twice, all of them allowed to this caller.
fn settable(
    pairs: &[(&[u8], &[u8])],
    settings: &Settings,
    caller: Caller,
) -> Result<Vec<&'static Directive>, ConfigSetError> {
    let mut rows: Vec<&'static Directive> = Vec::with_capacity(pairs.len());
    let mut refused = None;
    for (name, _) in pairs {
        let row = std::str::from_utf8(name).ok().and_then(directives::find);
        let unknown = || ConfigSetError::Unknown(String::from_utf8_lossy(name).into_owned());
        let row = row.ok_or_else(unknown)?;
        let refusal = if row.immutable {
            Some(Refusal::Immutable)
        } else if row.protected && !allowed(settings.security.enable_protected_configs, caller) {
            Some(Refusal::Protected)
        } else if rows.iter().any(|other| std::ptr::eq(*other, row)) {
            Some(Refusal::Duplicate)
        } else {
            None
        };
        if let (Some(refusal), None) = (refusal, &refused) {
            refused = Some(failed(name, refusal));
        }
        rows.push(row);
    }
    // An unknown name anywhere is reported before a refusal.
    refused.map_or(Ok(rows), Err)
}

fn allowed(permission: Permission, caller: Caller) -> bool {
    match permission {
        Permission::Yes => true,
        Permission::Local => caller == Caller::Local,
        Permission::No => false,
    }
}

fn set_one(row: &Directive, settings: &mut Settings, value: &[u8]) -> Result<(), Reason> {
    // Numbers and words refuse strange bytes by themselves; only free text must be looked at.
    let free = matches!(row.kind, Kind::Text(..) | Kind::Special(_) | Kind::Kept(_));
    if free && (std::str::from_utf8(value).is_err() || value.contains(&0)) {
        return Err(Reason::NotText);
    }
    row.set(settings, &row.words(&String::from_utf8_lossy(value)), Mode::Replace)
}

fn failed(name: &[u8], refusal: Refusal) -> ConfigSetError {
    ConfigSetError::Failed { name: String::from_utf8_lossy(name).into_owned(), refusal }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod stock;
