//! The file a snapshot goes to: written under a temporary name in the same directory, brought to
//! the disk, and only then given its name, so a broken save never costs the old file. Blocking;
//! runs in a child, or on the core that holds all keyspaces for SAVE.

use crate::snapshot::job::Target;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use thiserror::Error;

/// Why a file was not written.
#[derive(Debug, Error)]
pub enum FileError {
    /// The temporary file cannot be made.
    #[error(
        "Failed opening the temp RDB file {name} (in server root dir {}) for saving: {error}",
        dir.display()
    )]
    Open {
        /// The temporary name.
        name: String,
        /// The directory.
        dir: PathBuf,
        /// The kernel's answer.
        error: io::Error,
    },
    /// It cannot be written or brought to the disk.
    #[error("Write error while saving DB to the disk({step}): {error}")]
    Write {
        /// What was being done.
        step: &'static str,
        /// The kernel's answer.
        error: io::Error,
    },
    /// It cannot be given its name.
    #[error(
        "Error moving temp DB file {from} on the final destination {to} \
         (in server root dir {}): {error}",
        dir.display()
    )]
    Rename {
        /// The temporary name.
        from: String,
        /// The name.
        to: String,
        /// The directory.
        dir: PathBuf,
        /// The kernel's answer.
        error: io::Error,
    },
}

/// A file in the making. Dropped before [`RdbFile::commit`], it is removed.
#[derive(Debug)]
pub struct RdbFile {
    file: File,
    target: Target,
    temporary: String,
    length: u64,
    unsynced: u64,
    committed: bool,
}

impl RdbFile {
    /// Opens the temporary file of this process.
    ///
    /// # Errors
    /// [`FileError::Open`].
    pub fn create(target: &Target) -> Result<RdbFile, FileError> {
        let temporary = Target::temporary_name(std::process::id());
        let made = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(target.dir.join(&temporary));
        match made {
            Ok(file) => Ok(RdbFile {
                file,
                target: target.clone(),
                temporary,
                length: 0,
                unsynced: 0,
                committed: false,
            }),
            Err(error) => Err(FileError::Open { name: temporary, dir: target.dir.clone(), error }),
        }
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        let failed = |step| move |error| FileError::Write { step, error };
        self.file.write_all(bytes).map_err(failed("rdbSaveRio"))?;
        self.length += bytes.len() as u64;
        self.unsynced += bytes.len() as u64;
        if self.target.incremental_fsync && self.unsynced >= FSYNC_BYTES {
            self.unsynced = 0;
            self.file.sync_data().map_err(failed("fsync"))?;
        }
        Ok(())
    }

    /// Brings the file to the disk and gives it its name. Returns it, at its first byte.
    ///
    /// # Errors
    /// [`FileError::Write`] and [`FileError::Rename`]; the old file stays.
    pub fn commit(mut self) -> Result<(File, u64), FileError> {
        let failed = |step| move |error| FileError::Write { step, error };
        self.file.sync_all().map_err(failed("fsync"))?;
        let (from, to) = (self.target.dir.join(&self.temporary), self.target.path());
        std::fs::rename(from, to).map_err(|error| FileError::Rename {
            from: self.temporary.clone(),
            to: self.target.name.clone(),
            dir: self.target.dir.clone(),
            error,
        })?;
        self.committed = true;
        // The name is on the disk when the directory is. Some file systems refuse that, and the
        // file is there all the same.
        let _ = File::open(&self.target.dir).and_then(|dir| dir.sync_all());
        let mut file = self.file.try_clone().map_err(failed("dup"))?;
        file.seek(SeekFrom::Start(0)).map_err(failed("lseek"))?;
        Ok((file, self.length))
    }
}

impl Drop for RdbFile {
    fn drop(&mut self) {
        if !self.committed {
            // It may be gone already; nothing depends on it.
            let _ = std::fs::remove_file(self.target.dir.join(&self.temporary));
        }
    }
}

/// Piecewise fsync: few enough bytes that the last fsync is short, as stock servers do it.
const FSYNC_BYTES: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn target(dir: &tempfile::TempDir) -> Target {
        Target { dir: dir.path().to_owned(), name: "dump.rdb".to_owned(), incremental_fsync: true }
    }

    #[test]
    fn the_old_file_stays_until_the_new_one_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let target = target(&dir);
        std::fs::write(target.path(), b"old").unwrap();
        let mut file = RdbFile::create(&target).unwrap();
        file.write(b"half").unwrap();
        assert_eq!(std::fs::read(target.path()).unwrap(), b"old");
        drop(file);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "the half is removed");
        let mut file = RdbFile::create(&target).unwrap();
        file.write(&vec![7; 5 << 20]).unwrap();
        let (_, length) = file.commit().unwrap();
        assert_eq!(length, 5 << 20);
        assert_eq!(std::fs::read(target.path()).unwrap().len(), 5 << 20);
    }

    #[test]
    fn errors_say_what_failed() {
        let dir = tempfile::tempdir().unwrap();
        let mut target = target(&dir);
        target.dir.push("missing");
        let error = RdbFile::create(&target).unwrap_err().to_string();
        assert!(error.starts_with("Failed opening the temp RDB file temp-"), "{error}");
        target.dir.pop();
        std::fs::create_dir(target.path()).unwrap();
        let error = RdbFile::create(&target).unwrap().commit().unwrap_err().to_string();
        assert!(error.starts_with("Error moving temp DB file temp-"), "{error}");
    }
}
