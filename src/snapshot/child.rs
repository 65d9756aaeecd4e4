//! What runs in a snapshot's child: one walk over the frozen keyspaces that feeds the file and all
//! sockets, and reports to the parent. It owns its job; a sink that fails is left out, and the rest
//! goes on as long as one is left.

use crate::keyspace::keyspace::Keyspace;
use crate::snapshot::file::{FileError, RdbFile};
use crate::snapshot::job::Job;
use crate::snapshot::report::Report;
use crate::snapshot::sockets::{self, Outlet};
use crate::snapshot::wanted::Form;
use crate::snapshot::writer::{self, Sink};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// Carries out a job. The code with which the child ends: 0 if the file was written or,
/// where none was wanted, a receiver has everything.
pub fn run(job: &Job, keyspaces: &[&Keyspace], control: BorrowedFd<'_>) -> i32 {
    let mut child = Child::new(job, control);
    child.greet();
    let written = writer::write(&job.content, keyspaces, &mut child);
    let complete = match written {
        Ok(_) => child.complete(),
        Err(NothingLeft) => false,
    };
    child.report(&Report::End { keys: child.keys, cow_bytes: unshared_bytes() });
    i32::from(!complete)
}

/// Every sink has failed.
struct NothingLeft;

struct Child<'a> {
    job: &'a Job,
    control: BorrowedFd<'a>,
    file: Option<RdbFile>,
    outlets: Vec<Outlet<'a>>,
    /// Receivers whose failure was reported.
    told: Vec<bool>,
    keys: u64,
    bytes: u64,
    next_look: u64,
    last_report: Instant,
    last_nudge: Instant,
}

impl<'a> Child<'a> {
    fn new(job: &'a Job, control: BorrowedFd<'a>) -> Child<'a> {
        let outlets: Vec<Outlet<'a>> =
            job.receivers.iter().map(|receiver| Outlet::new(receiver.fd.as_fd())).collect();
        let now = Instant::now();
        let mut child = Child {
            job,
            control,
            file: None,
            told: vec![false; outlets.len()],
            outlets,
            keys: 0,
            bytes: 0,
            next_look: 0,
            last_report: now,
            last_nudge: now,
        };
        if let Some(target) = &job.target {
            match RdbFile::create(target) {
                Ok(file) => child.file = Some(file),
                Err(error) => child.file_failed(&error),
            }
        }
        child
    }

    fn greet(&mut self) {
        for (outlet, receiver) in self.outlets.iter_mut().zip(&self.job.receivers) {
            let mut head = receiver.greeting.clone();
            if receiver.form == Form::EofMark {
                head.extend_from_slice(b"$EOF:");
                head.extend_from_slice(&self.job.mark);
                head.extend_from_slice(b"\r\n");
            }
            outlet.write(&head, self.job.patience);
        }
        self.tell_failures();
    }

    /// Everything is encoded: ends the marked form, then the file, then sends the file.
    fn complete(&mut self) -> bool {
        for index in self.of_form(Form::EofMark) {
            self.outlets[index].write(&self.job.mark, self.job.patience);
            self.finish_receiver(index, self.bytes);
        }
        if self.job.target.is_none() {
            return self.told.contains(&false);
        }
        match self.file.take().map(RdbFile::commit) {
            Some(Ok((file, length))) => {
                self.report(&Report::FileSaved { bytes: length });
                self.send_file(&file, length);
                true
            }
            Some(Err(error)) => {
                self.file_failed(&error);
                false
            }
            None => false,
        }
    }

    fn send_file(&mut self, file: &File, length: u64) {
        let waiting = self.of_form(Form::Length);
        let head = format!("${length}\r\n");
        for index in &waiting {
            self.outlets[*index].write(head.as_bytes(), self.job.patience);
        }
        let mut reader = io::BufReader::with_capacity(FILE_PIECE_BYTES, file.take(length));
        let mut left = length;
        while left > 0 && waiting.iter().any(|index| !self.outlets[*index].is_failed()) {
            let piece = match io::BufRead::fill_buf(&mut reader) {
                Ok(piece) if !piece.is_empty() => piece,
                _ => break,
            };
            let taken = piece.len();
            for index in &waiting {
                self.outlets[*index].write(piece, self.job.patience);
            }
            io::BufRead::consume(&mut reader, taken);
            left -= taken as u64;
            self.tell_failures();
        }
        for index in waiting {
            if left == 0 {
                self.finish_receiver(index, length);
            } else {
                self.give_up(index, "the file cannot be read back");
            }
        }
    }

    fn finish_receiver(&mut self, index: usize, bytes: u64) {
        if self.outlets[index].is_failed() {
            self.tell_failures();
        } else if !self.told[index] {
            self.report(&Report::Sent { receiver: index, bytes });
        }
    }

    /// The file is lost, and with it what was to be sent from it.
    fn file_failed(&mut self, error: &FileError) {
        self.file = None;
        self.report(&Report::FileFailed { reason: error.to_string() });
        for index in self.of_form(Form::Length) {
            self.give_up(index, "the RDB file was not written");
        }
    }

    fn give_up(&mut self, index: usize, reason: &str) {
        if !std::mem::replace(&mut self.told[index], true) {
            self.report(&Report::NotSent { receiver: index, reason: reason.to_owned() });
        }
    }

    fn tell_failures(&mut self) {
        for index in 0..self.outlets.len() {
            if let Some(error) = self.outlets[index].error() {
                let reason = error.to_string();
                self.give_up(index, &reason);
            }
        }
    }

    fn of_form(&self, form: Form) -> Vec<usize> {
        let receivers = self.job.receivers.iter().enumerate();
        receivers.filter(|(_, receiver)| receiver.form == form).map(|(index, _)| index).collect()
    }

    /// The parent reads its end soon; if it is gone, so is this child before long.
    fn report(&self, report: &Report) {
        let _ = sockets::write_all(self.control, &report.encode(), CONTROL_PATIENCE);
    }

    fn look_at_the_clock(&mut self) {
        let now = Instant::now();
        if now.duration_since(self.last_report) >= REPORT_PERIOD {
            self.last_report = now;
            self.report(&Report::Progress { keys: self.keys });
        }
        if now.duration_since(self.last_nudge) >= NUDGE_PERIOD {
            self.last_nudge = now;
            for index in self.of_form(Form::Length) {
                self.outlets[index].nudge();
            }
            self.tell_failures();
        }
    }
}

impl Sink for Child<'_> {
    type Error = NothingLeft;

    fn write(&mut self, bytes: &[u8]) -> Result<(), NothingLeft> {
        self.bytes += bytes.len() as u64;
        if let Some(file) = &mut self.file
            && let Err(error) = file.write(bytes)
        {
            self.file_failed(&error);
        }
        for index in self.of_form(Form::EofMark) {
            self.outlets[index].write(bytes, self.job.patience);
        }
        self.tell_failures();
        self.look_at_the_clock();
        if self.file.is_some() || self.told.contains(&false) { Ok(()) } else { Err(NothingLeft) }
    }

    fn progress(&mut self, keys: u64) {
        self.keys = keys;
        if keys >= self.next_look {
            // Slow keys, by `rdb-key-save-delay`, are looked at one by one.
            self.next_look = keys + if self.job.content.key_delay > 0 { 1 } else { LOOK_KEYS };
            self.look_at_the_clock();
        }
    }
}

/// Memory that this process alone holds, bytes: what was copied because the parent or the child
/// wrote to it, and the child's own. 0 if the kernel does not say.
fn unshared_bytes() -> u64 {
    let mut text = String::new();
    let read = File::open("/proc/self/smaps_rollup").and_then(|file| {
        // The kernel's text is well below this.
        file.take(1 << 16).read_to_string(&mut text)
    });
    if read.is_err() {
        return 0;
    }
    let line = text.lines().find_map(|line| line.strip_prefix("Private_Dirty:"));
    let number = line.and_then(|line| line.split_ascii_whitespace().next());
    number.and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Keys between two looks at the clock.
const LOOK_KEYS: u64 = 1024;
/// How often the parent hears of progress.
const REPORT_PERIOD: Duration = Duration::from_millis(100);
/// How often a replica that waits for a file hears that its master lives.
const NUDGE_PERIOD: Duration = Duration::from_secs(1);
/// The parent reads within this or is not going to.
const CONTROL_PATIENCE: Duration = Duration::from_secs(60);
/// The file is sent in pieces of this size.
const FILE_PIECE_BYTES: usize = 256 * 1024;
