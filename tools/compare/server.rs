//! One of the two servers: its digests, its databases, and what it holds at some keys.

use std::collections::BTreeMap;
use std::time::Duration;

use tributary::resp::value::Value;

use super::shared::address::Address;
use super::shared::connection::{Connection, ConnectionError};
use super::value::{self, Content, Held};

/// A connection that only reads.
#[derive(Debug)]
pub struct Server {
    connection: Connection,
}

/// Why the comparison could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A server could not be asked.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// A reply of a form that is not known.
    #[error("{address} answered {request} with something unexpected")]
    Reply { address: String, request: &'static str },
}

/// One step of SCAN: where it goes on, and the keys it found.
pub type Scanned = (Vec<u8>, Vec<Vec<u8>>);

impl Server {
    /// Connects.
    ///
    /// # Errors
    /// No connection, or a server that lets nobody in.
    pub fn open(address: &Address, timeout: Duration) -> Result<Server, CompareError> {
        let mut connection = Connection::open(address, timeout)?;
        connection.must(&["PING"], "PING")?;
        // Where it is known, reading leaves no trace in idle times and use counters.
        connection.ask(&["CLIENT", "NO-TOUCH", "ON"])?;
        Ok(Server { connection })
    }

    /// Its address, for messages.
    pub fn address(&self) -> &Address {
        self.connection.address()
    }

    /// `DEBUG DIGEST`; the error's text if it is refused.
    ///
    /// # Errors
    /// The connection broke.
    pub fn digest(&mut self) -> Result<Result<String, String>, CompareError> {
        let reply = self.connection.ask(&["DEBUG", "DIGEST"])?;
        Ok(match reply.bytes() {
            Some(digest) => Ok(text(digest)),
            None => Err(text(reply.error().unwrap_or(b"no digest"))),
        })
    }

    /// The databases that hold keys, and how many.
    ///
    /// # Errors
    /// The connection broke, or INFO is refused.
    pub fn databases(&mut self) -> Result<BTreeMap<u16, u64>, CompareError> {
        let reply = self.connection.must(&["INFO", "keyspace"], "INFO")?;
        Ok(databases(&text(reply.bytes().unwrap_or_default())))
    }

    /// Asks the following about this database.
    ///
    /// # Errors
    /// The connection broke, or there is no such database.
    pub fn select(&mut self, db: u16) -> Result<(), CompareError> {
        self.connection.must(&["SELECT", &db.to_string()], "SELECT")?;
        Ok(())
    }

    /// A step of SCAN.
    ///
    /// # Errors
    /// The connection broke, or SCAN is refused.
    pub fn scan(&mut self, cursor: &[u8]) -> Result<Scanned, CompareError> {
        let reply = self.connection.must(&[b"SCAN", cursor, b"COUNT", SCAN_COUNT], "SCAN")?;
        let Some([cursor, keys]) = reply.elements() else { return Err(self.unexpected("SCAN")) };
        let cursor = cursor.bytes().map(<[u8]>::to_vec);
        let keys = keys.elements().map(|keys| {
            keys.iter().filter_map(Value::bytes).map(<[u8]>::to_vec).collect::<Vec<_>>()
        });
        match (cursor, keys) {
            (Some(cursor), Some(keys)) => Ok((cursor, keys)),
            _ => Err(self.unexpected("SCAN")),
        }
    }

    /// `DEBUG DIGEST-VALUE` of the keys, all zeros for one that is not there; `None` if it is
    /// refused.
    ///
    /// # Errors
    /// The connection broke.
    pub fn digests(&mut self, keys: &[Vec<u8>]) -> Result<Option<Vec<Vec<u8>>>, CompareError> {
        let mut args: Vec<&[u8]> = vec![b"DEBUG", b"DIGEST-VALUE"];
        args.extend(keys.iter().map(Vec::as_slice));
        let reply = self.connection.ask(&args)?;
        let Some(values) = reply.elements() else { return Ok(None) };
        let digests: Vec<_> = values.iter().filter_map(Value::bytes).map(<[u8]>::to_vec).collect();
        Ok((digests.len() == keys.len()).then_some(digests))
    }

    /// What it holds at the keys, by type and value.
    ///
    /// # Errors
    /// The connection broke, or a key may not be read.
    pub fn held(&mut self, keys: &[Vec<u8>]) -> Result<Vec<Held>, CompareError> {
        let mut requests: Vec<Vec<&[u8]>> = Vec::with_capacity(keys.len() * 2);
        for key in keys {
            requests.push(vec![b"TYPE", key]);
            requests.push(vec![b"PTTL", key]);
        }
        let mut held = Vec::with_capacity(keys.len());
        let mut replies = self.connection.ask_all(&requests)?.into_iter();
        while let (Some(kind), Some(left)) = (replies.next(), replies.next()) {
            let Some(kind) = kind.bytes() else { return Err(self.unexpected("TYPE")) };
            let expires = left.integer().is_some_and(|left| left >= 0);
            held.push(Held { kind: text(kind), expires, content: Content::Unread });
        }
        let readable: Vec<usize> = (0..keys.len())
            .filter(|index| value::request(&held[*index].kind, &keys[*index]).is_some())
            .collect();
        let requests: Vec<_> = readable
            .iter()
            .filter_map(|index| value::request(&held[*index].kind, &keys[*index]))
            .collect();
        let replies = self.connection.ask_all(&requests)?;
        for (index, reply) in readable.into_iter().zip(replies) {
            let held = &mut held[index];
            // A key that changed in between is compared again later.
            held.content = value::content(&held.kind, reply).unwrap_or(Content::Unread);
        }
        Ok(held)
    }

    fn unexpected(&self, request: &'static str) -> CompareError {
        CompareError::Reply { address: self.address().to_string(), request }
    }
}

/// `dbN:keys=K,...` of INFO.
fn databases(info: &str) -> BTreeMap<u16, u64> {
    let line = |line: &str| {
        let (db, fields) = line.trim_end().strip_prefix("db")?.split_once(":keys=")?;
        let keys = fields.split(',').next()?;
        Some((db.parse().ok()?, keys.parse().ok()?))
    };
    info.lines().filter_map(line).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Keys asked of SCAN at once, and so of one pipeline: 500 requests are some 30 KiB.
const SCAN_COUNT: &[u8] = b"500";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_read_from_info() {
        let info =
            "# Keyspace\r\ndb0:keys=12,expires=1,avg_ttl=0\r\ndb11:keys=3,expires=0\r\nx\r\n";
        assert_eq!(databases(info), BTreeMap::from([(0, 12), (11, 3)]));
    }
}
