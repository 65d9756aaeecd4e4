//! Goes through the keys of both servers and collects those that differ.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use super::options::Options;
use super::server::{CompareError, Server};
use super::shared::escape;
use super::shared::progress::{self, Progress};
use super::value;

/// A key that differs.
#[derive(Debug)]
pub struct Finding {
    /// Its database.
    pub db: u16,
    /// The key.
    pub key: Vec<u8>,
    /// In what.
    pub what: String,
}

/// What a walk came to.
#[derive(Debug)]
pub struct Walked {
    /// Keys that differ, at most as many as were asked for.
    pub findings: Vec<Finding>,
    /// Whether all keys were looked at.
    pub complete: bool,
    /// Keys of the first server that were looked at.
    pub keys: u64,
}

/// The walk through both servers.
pub struct Walk<'a> {
    options: &'a Options,
    servers: [Server; 2],
    progress: Progress,
    db: u16,
    /// Keys by the servers' own account, and those looked at. Keys come up once on each server.
    expected: u64,
    seen: u64,
    seen_on_first: u64,
    known: HashSet<Vec<u8>>,
    findings: Vec<Finding>,
}

impl Walk<'_> {
    /// A walk that has not begun.
    pub fn new(options: &Options, servers: [Server; 2]) -> Walk<'_> {
        Walk {
            options,
            servers,
            progress: Progress::new(),
            db: 0,
            expected: 0,
            seen: 0,
            seen_on_first: 0,
            known: HashSet::new(),
            findings: Vec::new(),
        }
    }

    /// Walks until all is compared or enough keys are found.
    ///
    /// # Errors
    /// A server cannot be asked any more.
    pub fn run(&mut self) -> Result<Walked, CompareError> {
        let [first, second] = &mut self.servers;
        let (first, second) = (first.databases()?, second.databases()?);
        self.expected = first.values().chain(second.values()).sum();
        let dbs: BTreeSet<u16> = first.keys().chain(second.keys()).copied().collect();
        for db in dbs {
            self.db = db;
            self.known.clear();
            for server in 0..2 {
                let own = if server == 0 { &first } else { &second };
                if !own.contains_key(&db) {
                    continue;
                }
                for server in &mut self.servers {
                    server.select(db)?;
                }
                if !self.walk_one(server)? {
                    return Ok(self.ended(false));
                }
            }
        }
        Ok(self.ended(true))
    }

    /// `DEBUG DIGEST` of both again; `None` if refused.
    ///
    /// # Errors
    /// A server cannot be asked any more.
    pub fn digests_equal(&mut self) -> Result<Option<bool>, CompareError> {
        let [first, second] = &mut self.servers;
        Ok(match (first.digest()?, second.digest()?) {
            (Ok(first), Ok(second)) => Some(first == second),
            _ => None,
        })
    }

    fn ended(&mut self, complete: bool) -> Walked {
        self.progress.clear();
        Walked { findings: std::mem::take(&mut self.findings), complete, keys: self.seen_on_first }
    }

    /// Compares the keys that one server has; `false` when enough was found.
    fn walk_one(&mut self, server: usize) -> Result<bool, CompareError> {
        let mut cursor = b"0".to_vec();
        loop {
            let (next, keys) = self.servers[server].scan(&cursor)?;
            self.seen += keys.len() as u64;
            if server == 0 {
                self.seen_on_first += keys.len() as u64;
            }
            let differ = self.differing(&keys)?;
            for (key, what) in self.settled(differ)? {
                if self.known.insert(key.clone()) {
                    self.findings.push(Finding { db: self.db, key, what });
                }
                if self.findings.len() as u64 >= self.options.keys {
                    return Ok(false);
                }
            }
            let (db, seen, expected) = (self.db, self.seen, self.expected);
            let found = self.findings.len();
            self.progress.show(|| {
                format!("{} database {db}, {found} keys differ", progress::bar(seen, expected))
            });
            if next == b"0" {
                return Ok(true);
            }
            cursor = next;
        }
    }

    /// The keys among these that differ at this moment.
    fn differing(&mut self, keys: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, CompareError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let [first, second] = &mut self.servers;
        let unequal = |equal: &mut dyn Iterator<Item = bool>| {
            let differ = keys.iter().zip(equal).filter(|(_, equal)| !equal);
            differ.map(|(key, _)| key.clone()).collect()
        };
        if !self.options.values
            && let (Some(one), Some(other)) = (first.digests(keys)?, second.digests(keys)?)
        {
            return Ok(unequal(&mut one.iter().zip(&other).map(|(one, other)| one == other)));
        }
        let (one, other) = (first.held(keys)?, second.held(keys)?);
        Ok(unequal(&mut one.iter().zip(&other).map(|(one, other)| one == other)))
    }

    /// Those keys that stay different, and in what.
    fn settled(&mut self, mut keys: Vec<Vec<u8>>) -> Result<Vec<(Vec<u8>, String)>, CompareError> {
        let rounds = self.options.settle.div_ceil(SETTLE_STEP_MS);
        for _ in 0..rounds {
            if keys.is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(SETTLE_STEP_MS));
            keys = self.differing(&keys)?;
        }
        let wanted = usize::try_from(self.options.keys).unwrap_or(usize::MAX);
        keys.truncate(wanted);
        let [first, second] = &mut self.servers;
        let (one, other) = (first.held(&keys)?, second.held(&keys)?);
        let what = one.iter().zip(&other).map(|(one, other)| {
            // Groups of a stream, say, or fields that expire.
            let unseen = || format!("{}: digests differ, what commands read is equal", one.kind);
            value::difference(one, other).unwrap_or_else(unseen)
        });
        let what: Vec<String> = what.collect();
        Ok(keys.into_iter().zip(what).collect())
    }
}

impl Finding {
    /// One line.
    pub fn line(&self) -> String {
        format!("db{} {}: {}", self.db, escape::quoted_cut(&self.key, KEY_SHOWN_MAX), self.what)
    }
}

/// A key that differs is looked at again after so many milliseconds, until its time to settle is
/// over.
const SETTLE_STEP_MS: u64 = 200;

/// Bytes of a key that a report shows.
const KEY_SHOWN_MAX: usize = 200;
