//! `rdb-inspect`: says what is in an RDB file and whether it is whole.
//!
//! One thread; the file is read once, from front to back, and never held in memory.

mod options;
mod scan;
#[path = "../shared/mod.rs"]
mod shared;
mod summary;

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use options::Options;
use scan::{Scan, ScanError, Sum};
use shared::progress::{self, Progress};
use summary::Summary;
use tributary::rdb::error::RdbError;
use tributary::rdb::record::Record;

fn main() -> ExitCode {
    let options = Options::parse();
    let (source, length) = match open(&options.file) {
        Ok(opened) => opened,
        Err(error) => {
            eprintln!("rdb-inspect: cannot open {}: {error}", options.file.display());
            return ExitCode::from(2);
        }
    };
    match inspect(&options, source, length) {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody reads any more.
        Err(ScanError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rdb-inspect: {}: {error}", options.file.display());
            let unable = matches!(
                error,
                ScanError::Io(_)
                    | ScanError::Rdb(RdbError::UnsupportedType { .. } | RdbError::Version { .. })
            );
            ExitCode::from(if unable { 2 } else { 1 })
        }
    }
}

/// The file and its length, 0 if that is not known.
fn open(path: &Path) -> io::Result<(Box<dyn Read>, u64)> {
    if path.as_os_str() == "-" {
        return Ok((Box::new(io::stdin().lock()), 0));
    }
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    Ok((Box::new(file), length))
}

fn inspect(options: &Options, source: Box<dyn Read>, length: u64) -> Result<(), ScanError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let mut summary = Summary::new(now_ms, options.top);
    let mut scan = Scan::new(source, !options.no_checksum);
    let mut out = BufWriter::new(io::stdout().lock());
    let ended = read(options, &mut scan, length, |item| {
        summary.add(item);
        match &item.record {
            Record::Key(key) if options.keys => {
                writeln!(out, "{}", summary::key_line(key, item))
            }
            _ => Ok(()),
        }
    });
    // What was read before an error is of use, too.
    if !options.keys {
        let (version, valkey) = scan.version();
        let brand = if valkey { "VALKEY" } else { "REDIS" };
        writeln!(out, "version      {version} ({brand})")?;
        write!(out, "{}", summary.render())?;
        writeln!(out, "\n{} keys, {}", summary.keys(), progress::size(scan.offset()))?;
    }
    out.flush()?;
    ended?;
    let checked = if options.no_checksum { "not checked" } else { "right" };
    let sum = match scan.sum() {
        Sum::None => "none in this version".to_owned(),
        Sum::NotMade => "not made by the writer (0)".to_owned(),
        Sum::Made(sum) => format!("{checked} ({sum:016x})"),
    };
    let rest = scan.remaining()?;
    if !options.keys {
        writeln!(out, "checksum     {sum}")?;
        if rest > 0 {
            writeln!(out, "{rest} bytes follow the end")?;
        }
    }
    out.flush()?;
    Ok(())
}

/// Reads all records; shows how far it is.
fn read(
    options: &Options,
    scan: &mut Scan<Box<dyn Read>>,
    length: u64,
    mut each: impl FnMut(&scan::Item) -> io::Result<()>,
) -> Result<(), ScanError> {
    let mut progress = Progress::new();
    let name = options.file.display();
    let ended = loop {
        match scan.next() {
            Ok(Some(item)) => each(&item)?,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
        let offset = scan.offset();
        progress.show(|| match length {
            0 => format!("{name}: {}", progress::size(offset)),
            _ => format!("{name}: {}", progress::bar(offset, length)),
        });
    };
    progress.clear();
    ended
}
