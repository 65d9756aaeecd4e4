//! What a snapshot's child tells its parent over their socket pair, as frames of one fixed head and
//! a short text. Pure; the child writes, shard 0's loop reads.
//!
//! ```text
//! kind(1) first(8) second(8) text length(2) text          all little-endian
//! ```
//!
//! What always holds: a frame is at most [`FRAME_MAX`] bytes, so the parent keeps no more than that
//! of an unfinished one; bytes that are no frame end the reading.

/// One thing a child tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// So many keys are written.
    Progress {
        /// Keys.
        keys: u64,
    },
    /// The file is on the disk under its name.
    FileSaved {
        /// Its length.
        bytes: u64,
    },
    /// The file was not written.
    FileFailed {
        /// Why.
        reason: String,
    },
    /// Everything is sent to a receiver.
    Sent {
        /// Its place in the job.
        receiver: usize,
        /// Bytes of RDB.
        bytes: u64,
    },
    /// A receiver was given up.
    NotSent {
        /// Its place in the job.
        receiver: usize,
        /// Why.
        reason: String,
    },
    /// The last word.
    End {
        /// Keys written.
        keys: u64,
        /// Bytes that the child and its parent no longer share.
        cow_bytes: u64,
    },
}

/// Bytes that are no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the child wrote what is no report")]
pub struct Garbled;

/// Frames as they arrive.
#[derive(Debug, Default)]
pub struct ReportReader {
    kept: Vec<u8>,
}

impl Report {
    /// The frame.
    pub fn encode(&self) -> Vec<u8> {
        let (kind, first, second, text) = match self {
            Report::Progress { keys } => (0, *keys, 0, ""),
            Report::FileSaved { bytes } => (1, *bytes, 0, ""),
            Report::FileFailed { reason } => (2, 0, 0, reason.as_str()),
            Report::Sent { receiver, bytes } => (3, *receiver as u64, *bytes, ""),
            Report::NotSent { receiver, reason } => (4, *receiver as u64, 0, reason.as_str()),
            Report::End { keys, cow_bytes } => (5, *keys, *cow_bytes, ""),
        };
        let text = &text.as_bytes()[..text.len().min(TEXT_MAX)];
        let mut frame = Vec::with_capacity(HEAD + text.len());
        frame.push(kind);
        frame.extend_from_slice(&first.to_le_bytes());
        frame.extend_from_slice(&second.to_le_bytes());
        frame.extend_from_slice(&(text.len() as u16).to_le_bytes());
        frame.extend_from_slice(text);
        frame
    }

    fn decode(head: &[u8; HEAD], text: &[u8]) -> Result<Report, Garbled> {
        let number = |at: usize| {
            u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes of the head"))
        };
        let (first, second) = (number(1), number(9));
        let receiver = usize::try_from(first).map_err(|_| Garbled);
        let reason = || String::from_utf8_lossy(text).into_owned();
        Ok(match head[0] {
            0 => Report::Progress { keys: first },
            1 => Report::FileSaved { bytes: first },
            2 => Report::FileFailed { reason: reason() },
            3 => Report::Sent { receiver: receiver?, bytes: second },
            4 => Report::NotSent { receiver: receiver?, reason: reason() },
            5 => Report::End { keys: first, cow_bytes: second },
            _ => return Err(Garbled),
        })
    }
}

impl ReportReader {
    /// Takes bytes and appends the reports they complete.
    ///
    /// # Errors
    /// [`Garbled`]; nothing that follows can be read.
    pub fn read(&mut self, bytes: &[u8], reports: &mut Vec<Report>) -> Result<(), Garbled> {
        self.kept.extend_from_slice(bytes);
        let mut start = 0;
        while let Some(head) = self.kept[start..].first_chunk::<HEAD>() {
            let length = usize::from(u16::from_le_bytes([head[17], head[18]]));
            if length > TEXT_MAX {
                return Err(Garbled);
            }
            let text = start + HEAD;
            let Some(text) = self.kept.get(text..text + length) else { break };
            reports.push(Report::decode(head, text)?);
            start += HEAD + length;
        }
        self.kept.drain(..start);
        Ok(())
    }
}

const HEAD: usize = 19;
/// A reason is a line of the log; a longer one is cut.
const TEXT_MAX: usize = 1024;
/// The longest frame.
pub const FRAME_MAX: usize = HEAD + TEXT_MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_come_back_whatever_the_parts() {
        let sent = [
            Report::Progress { keys: 7 },
            Report::FileSaved { bytes: u64::MAX },
            Report::FileFailed { reason: "No space left on device".to_owned() },
            Report::Sent { receiver: 2, bytes: 5 },
            Report::NotSent { receiver: 0, reason: String::new() },
            Report::End { keys: 1 << 40, cow_bytes: 9 },
        ];
        let bytes: Vec<u8> = sent.iter().flat_map(Report::encode).collect();
        for part in [1, 3, 19, bytes.len()] {
            let (mut reader, mut reports) = (ReportReader::default(), Vec::new());
            for bytes in bytes.chunks(part) {
                reader.read(bytes, &mut reports).unwrap();
                assert!(reader.kept.len() < FRAME_MAX);
            }
            assert_eq!(reports, sent, "in parts of {part}");
        }
    }

    #[test]
    fn what_is_no_report_is_refused() {
        let mut reports = Vec::new();
        assert_eq!(ReportReader::default().read(&[9; HEAD], &mut reports), Err(Garbled));
        let mut frame = Report::Progress { keys: 1 }.encode();
        frame[0] = 77;
        assert_eq!(ReportReader::default().read(&frame, &mut reports), Err(Garbled));
    }

    #[test]
    fn a_long_reason_is_cut() {
        let frame = Report::FileFailed { reason: "x".repeat(5000) }.encode();
        assert_eq!(frame.len(), FRAME_MAX);
    }
}
