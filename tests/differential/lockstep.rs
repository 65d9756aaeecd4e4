//! Two servers, the same commands, one after the other, each reply compared before the next goes.

use std::collections::VecDeque;
use std::time::Duration;

use crate::compare::{Rule, avoided_in_multi, equal, rule, sorted};
use crate::support::client::{Client, shown};
use crate::support::server::Server;
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, wait_until};
use crate::usage::Command;

/// How many commands a failure shows.
const SHOWN: usize = 30;

/// The pair of servers and the connections to both.
pub struct Lockstep<'a> {
    ours: &'a Server,
    theirs: &'a Server,
    pairs: Vec<Pair>,
    recent: VecDeque<String>,
}

/// The same connection to both servers.
struct Pair {
    ours: Client,
    theirs: Client,
    /// Whether a transaction is open.
    multi: bool,
    /// Commands waiting for EXEC.
    queued: Vec<Command>,
}

impl<'a> Lockstep<'a> {
    /// Opens `connections` connections to both, speaking that version of RESP.
    pub fn new(ours: &'a Server, theirs: &'a Server, connections: usize, resp: u8) -> Self {
        let pairs = (0..connections)
            .map(|_| {
                let mut pair = Pair::new(ours.client(), theirs.client());
                for client in [&mut pair.ours, &mut pair.theirs] {
                    let reply = client.cmd(&["HELLO", &resp.to_string()]);
                    assert!(!reply.is_error(""), "{reply:?}");
                }
                pair
            })
            .collect();
        Lockstep { ours, theirs, pairs, recent: VecDeque::new() }
    }

    /// Sends a command to both over one of the connections and compares.
    pub fn step(&mut self, connection: usize, command: &Command) {
        if self.recent.len() == SHOWN {
            self.recent.pop_front();
        }
        self.recent.push_back(format!("[{connection}] {}", shown(command)));
        if self.pairs[connection].multi && avoided_in_multi(command) {
            return;
        }
        match command[0].as_slice() {
            b"@ROUNDTRIP" => self.roundtrip(connection, command),
            b"@EXPIRE" => self.expire(connection, command),
            _ => {
                self.one(connection, command);
            }
        }
    }

    /// Compares the data sets; says which keys differ.
    pub fn compare_data(&mut self) {
        let (ours, theirs) = (self.ours.digest(), self.theirs.digest());
        if ours == theirs {
            return;
        }
        let mut differences = Vec::new();
        let mut clients = [self.ours.client(), self.theirs.client()];
        for db in 0..16 {
            let [ours, theirs] = clients.each_mut().map(|client| key_digests(client, db));
            let differing = ours.iter().filter(|entry| !theirs.contains(entry));
            differences.extend(differing.map(|entry| format!("db {db}: ours {entry:?}")));
            let differing = theirs.iter().filter(|entry| !ours.contains(entry));
            differences.extend(differing.map(|entry| format!("db {db}: theirs {entry:?}")));
        }
        self.fail(&format!("the data sets differ\n{}", differences.join("\n")));
    }

    fn one(&mut self, connection: usize, command: &Command) -> (Value, Value) {
        let pair = &mut self.pairs[connection];
        let (ours, theirs) = (pair.ours.try_cmd(command), pair.theirs.try_cmd(command));
        let (ours, theirs) = match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => (ours, theirs),
            (ours, theirs) => {
                let queued: Vec<_> =
                    self.pairs[connection].queued.iter().map(|q| shown(q)).collect();
                self.fail(&format!("ours {ours:?}\ntheirs {theirs:?}\nqueued {queued:#?}"))
            }
        };
        let same = self.pairs[connection].same(command, &ours, &theirs);
        if !same {
            self.fail(&format!("ours   {ours:?}\ntheirs {theirs:?}"));
        }
        let outside = !self.pairs[connection].multi;
        if rule(command) == Rule::Iteration && outside && matches!(ours, Value::Array(_)) {
            self.iterate(connection, command, [ours.clone(), theirs.clone()]);
        }
        (ours, theirs)
    }

    /// Carries both iterations to their ends and compares what they found.
    fn iterate(&mut self, connection: usize, command: &Command, first: [Value; 2]) {
        let pair = &mut self.pairs[connection];
        let clients = [&mut pair.ours, &mut pair.theirs];
        let mut found = Vec::new();
        for (client, first) in clients.into_iter().zip(first) {
            let (mut page, mut keys, mut pages) = (first, Vec::new(), 0);
            loop {
                keys.extend(sorted(&page.items()[1]));
                let cursor = page.items()[0].text();
                pages += 1;
                if cursor == "0" {
                    break;
                }
                assert!(pages < 1_000_000, "an iteration ends");
                let mut next = command.clone();
                next[1] = cursor.into_bytes();
                page = client.cmd(&next);
            }
            keys.sort();
            keys.dedup();
            found.push(keys);
        }
        if found[0] != found[1] {
            let [ours, theirs] = [&found[0], &found[1]].map(|keys| shown(keys));
            self.fail(&format!("iterations found\nours   {ours}\ntheirs {theirs}"));
        }
    }

    /// `@ROUNDTRIP from to`: each server restores what it dumped itself.
    fn roundtrip(&mut self, connection: usize, command: &Command) {
        let dump = vec![b"DUMP".to_vec(), command[1].clone()];
        let (ours, theirs) = self.one(connection, &dump);
        let (Value::Bulk(ours), Value::Bulk(theirs)) = (ours, theirs) else { return };
        let restore = |payload| {
            vec![
                b"RESTORE".to_vec(),
                command[2].clone(),
                b"0".to_vec(),
                payload,
                b"REPLACE".to_vec(),
            ]
        };
        let pair = &mut self.pairs[connection];
        let ours = pair.ours.cmd(&restore(ours));
        let theirs = pair.theirs.cmd(&restore(theirs));
        if ours != theirs {
            self.fail(&format!("RESTORE\nours   {ours:?}\ntheirs {theirs:?}"));
        }
    }

    /// `@EXPIRE key value`: a key whose time is over is gone on both. Outside transactions only.
    fn expire(&mut self, connection: usize, command: &Command) {
        if self.pairs[connection].multi {
            return;
        }
        let set = [b"SET".as_slice(), &command[1], &command[2], b"PX", b"3"].map(<[u8]>::to_vec);
        let (reply, _) = self.one(connection, &set.to_vec());
        if !reply.is_ok() {
            return;
        }
        let exists = [b"EXISTS".as_slice(), &command[1]];
        let pair = &mut self.pairs[connection];
        for client in [&mut pair.ours, &mut pair.theirs] {
            wait_until(DEADLINE.min(Duration::from_secs(5)), "a key's time is over", || {
                client.cmd(&exists) == Value::Integer(0)
            });
        }
    }

    fn fail(&self, what: &str) -> ! {
        let recent: Vec<_> = self.recent.iter().map(String::as_str).collect();
        panic!("{what}\nafter, the last being the one:\n{}", recent.join("\n"));
    }
}

impl Pair {
    fn new(ours: Client, theirs: Client) -> Pair {
        Pair { ours, theirs, multi: false, queued: Vec::new() }
    }

    /// Compares two replies and keeps account of what waits for EXEC.
    fn same(&mut self, command: &Command, ours: &Value, theirs: &Value) -> bool {
        let queued = Value::Simple(b"QUEUED".to_vec());
        if *theirs == queued {
            self.queued.push(command.clone());
            return *ours == queued;
        }
        let name = command[0].to_ascii_uppercase();
        let pending = match name.as_slice() {
            // EXEC and DISCARD with an argument too many leave the transaction open.
            b"EXEC" | b"DISCARD" | b"RESET" if !theirs.is_error("ERR wrong number") => {
                self.multi = false;
                std::mem::take(&mut self.queued)
            }
            b"MULTI" => {
                self.multi |= theirs.is_ok();
                Vec::new()
            }
            _ => Vec::new(),
        };
        match (ours, theirs) {
            (Value::Array(ours), Value::Array(theirs)) if name == b"EXEC" => {
                ours.len() == theirs.len()
                    && theirs.len() == pending.len()
                    && pending
                        .iter()
                        .zip(ours.iter().zip(theirs))
                        .all(|(command, (ours, theirs))| equal(rule(command), ours, theirs))
            }
            _ => equal(rule(command), ours, theirs),
        }
    }
}

/// Each key of a database with its digest.
fn key_digests(client: &mut Client, db: u8) -> Vec<(String, String)> {
    client.cmd(&["SELECT", &db.to_string()]);
    let keys = sorted(&client.cmd(&["KEYS", "*"]));
    keys.into_iter()
        .map(|key| {
            let digest = client.cmd(&[b"DEBUG".as_slice(), b"DIGEST-VALUE", &key]);
            let expires = client.cmd(&[b"PEXPIRETIME".as_slice(), &key]).integer() >= 0;
            let digest = format!("{digest:?} expires={expires} {}", content(client, &key));
            (key.escape_ascii().to_string(), digest)
        })
        .collect()
}

/// The beginning of what is at a key, for who reads of a difference.
fn content(client: &mut Client, key: &[u8]) -> String {
    let kind = client.cmd(&[b"TYPE".as_slice(), key]).text();
    let command: &[&[u8]] = match kind.as_str() {
        "list" => &[b"LRANGE", key, b"0", b"20"],
        "zset" => &[b"ZRANGE", key, b"0", b"20", b"WITHSCORES"],
        "stream" => &[b"XINFO", b"STREAM", key],
        // No order that could be compared.
        _ => return kind,
    };
    let content = format!("{kind} {:?}", client.cmd(command));
    content.chars().take(600).collect()
}
