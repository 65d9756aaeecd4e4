//! Saving on the spot, with every keyspace in hand: SAVE, the last save before the end, DEBUG
//! RELOAD. Blocks the core that does it, as these commands are meant to.

use crate::keyspace::keyspace::Keyspace;
use crate::snapshot::file::{FileError, RdbFile};
use crate::snapshot::job::{Content, Target};
use crate::snapshot::writer::{self, Sink};

/// Writes the data set to its file. Returns the keys written.
///
/// # Errors
/// What failed; the old file stays.
pub fn save(content: &Content, target: &Target, keyspaces: &[&Keyspace]) -> Result<u64, FileError> {
    let mut sink = FileSink(RdbFile::create(target)?);
    let keys = writer::write(content, keyspaces, &mut sink)?;
    sink.0.commit()?;
    Ok(keys)
}

struct FileSink(RdbFile);

impl Sink for FileSink {
    type Error = FileError;

    fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.0.write(bytes)
    }

    fn progress(&mut self, _keys: u64) {}
}
