//! What a replica says before the stream flows: PING, AUTH, REPLCONF, PSYNC, and SYNC to a master
//! that has no PSYNC. Shard 0 runs it for the link. Without I/O: lines in, requests out.

use crate::base::ids::{ReplId, ReplOffset};
use crate::base::number;
use crate::resp::encode;
use thiserror::Error;

/// What the replica has to say of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Introduction {
    /// `masteruser`; empty for the default user.
    pub user: String,
    /// `masterauth`; empty for none.
    pub password: String,
    /// The port that clients of this server know.
    pub listening_port: u16,
    /// `replica-announce-ip`; empty for none.
    pub announce_ip: String,
    /// The history this server is in, and how much of it it has; none asks for everything.
    pub resume: Option<(ReplId, ReplOffset)>,
    /// This server was the master and asks its replica to take over.
    pub hand_over: Option<HandOver>,
}

/// A master's request to its replica to take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandOver {
    /// For the first time.
    Ask,
    /// It was asked before and its answer was lost, so it may be the master already.
    AskAgain,
}

/// The conversation.
#[derive(Debug)]
pub struct Handshake {
    introduction: Introduction,
    stage: Stage,
    line: Vec<u8>,
}

/// How far the conversation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The master's answer is awaited.
    Waiting,
    /// Everything is going to be sent: a transfer follows, of this history's state at `offset`.
    FullResync {
        /// The master's replication id; `None` from a master that knows only SYNC.
        id: Option<ReplId>,
        /// The bytes of that history that the transfer covers.
        offset: ReplOffset,
    },
    /// The stream goes on where this server is.
    Continue {
        /// The id it goes on under, if the master says so.
        id: Option<ReplId>,
    },
}

/// Why the conversation ended without a result; it is begun anew later.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HandshakeError {
    /// The first answer was an error that nothing explains.
    #[error("Error reply to PING from master: '{0}'")]
    Ping(String),
    /// The password or the user was not taken.
    #[error("Unable to AUTH to MASTER: {0}")]
    Auth(String),
    /// The master cannot serve replicas now.
    #[error("Master is currently unable to PSYNC but should be in the future: {0}")]
    NotNow(String),
    /// An answer that makes no sense.
    #[error("Unexpected reply to PSYNC from master: {0}")]
    Psync(String),
    /// The replica that was asked to take over does not.
    #[error("Failover target rejected psync request: {0}")]
    NoHandOver(String),
    /// A line longer than any answer.
    #[error("The master's answer has no end")]
    EndlessLine,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Ping,
    Auth,
    ListeningPort,
    IpAddress,
    Capabilities,
    Psync,
    /// PSYNC without FAILOVER, to a server that is no replica any more.
    PlainPsync,
    Done,
}

impl Handshake {
    /// Begins; appends the first request to `out`.
    pub fn begin(introduction: Introduction, out: &mut Vec<u8>) -> Handshake {
        encode::command(out, &[b"PING"]);
        Handshake { introduction, stage: Stage::Ping, line: Vec::new() }
    }

    /// Takes lines from the front of `input` and appends requests to `out`. Anything but `Waiting`
    /// ends it; what is left of `input` follows.
    ///
    /// # Errors
    /// The link is to be ended; the log was not told.
    pub fn receive(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Step, HandshakeError> {
        while let Some(end) = memchr::memchr(b'\n', input) {
            self.line.extend_from_slice(&input[..end]);
            *input = &input[end + 1..];
            let line = std::mem::take(&mut self.line);
            let line = line.trim_ascii();
            // An empty line says that the master is there and needs time.
            if line.is_empty() {
                continue;
            }
            let step = self.answer(line, out)?;
            if step != Step::Waiting {
                return Ok(step);
            }
        }
        self.line.extend_from_slice(input);
        *input = &[];
        if self.line.len() > LINE_MAX {
            return Err(HandshakeError::EndlessLine);
        }
        Ok(Step::Waiting)
    }

    fn answer(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<Step, HandshakeError> {
        let refused = line[0] == b'-';
        match self.stage {
            Stage::Ping => {
                let excused = [&b"-NOAUTH"[..], b"-NOPERM", b"-ERR operation not permitted"];
                if refused && !excused.iter().any(|text| line.starts_with(text)) {
                    return Err(HandshakeError::Ping(shown(line)));
                }
                crate::notice!("Master replied to PING, replication can continue...");
                self.introduce(out);
            }
            Stage::Auth if refused => return Err(HandshakeError::Auth(shown(line))),
            Stage::Auth => {}
            Stage::ListeningPort if refused => not_understood("listening-port", line),
            Stage::IpAddress if refused => not_understood("ip-address", line),
            Stage::Capabilities if refused => not_understood("capa", line),
            Stage::ListeningPort | Stage::IpAddress | Stage::Capabilities => {}
            Stage::Psync | Stage::PlainPsync => return self.resync(line, out),
            Stage::Done => return Ok(Step::Waiting),
        }
        self.stage = self.next_stage();
        if self.stage == Stage::Psync {
            self.ask(out);
        }
        Ok(Step::Waiting)
    }

    fn next_stage(&self) -> Stage {
        match self.stage {
            Stage::Ping if !self.introduction.password.is_empty() => Stage::Auth,
            Stage::Ping | Stage::Auth => Stage::ListeningPort,
            Stage::ListeningPort if !self.introduction.announce_ip.is_empty() => Stage::IpAddress,
            Stage::ListeningPort | Stage::IpAddress => Stage::Capabilities,
            Stage::Capabilities | Stage::Psync => Stage::Psync,
            Stage::PlainPsync => Stage::PlainPsync,
            Stage::Done => Stage::Done,
        }
    }

    /// Everything that needs no answer before the next, in one packet.
    fn introduce(&self, out: &mut Vec<u8>) {
        let Introduction { user, password, listening_port, announce_ip, .. } = &self.introduction;
        if !password.is_empty() {
            if user.is_empty() {
                encode::command(out, &[b"AUTH", password.as_bytes()]);
            } else {
                encode::command(out, &[b"AUTH", user.as_bytes(), password.as_bytes()]);
            }
        }
        let port = listening_port.to_string();
        encode::command(out, &[b"REPLCONF", b"listening-port", port.as_bytes()]);
        if !announce_ip.is_empty() {
            encode::command(out, &[b"REPLCONF", b"ip-address", announce_ip.as_bytes()]);
        }
        encode::command(out, &[b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"]);
    }

    fn ask(&self, out: &mut Vec<u8>) {
        match self.introduction.resume {
            Some((id, offset)) => {
                let next = (offset.0 + 1).to_string();
                crate::notice!("Trying a partial resynchronization (request {id}:{next}).");
                let words: [&[u8]; 4] = [b"PSYNC", &id.0, next.as_bytes(), b"FAILOVER"];
                let hands_over =
                    self.stage == Stage::Psync && self.introduction.hand_over.is_some();
                encode::command(out, &words[..3 + usize::from(hands_over)]);
            }
            None => {
                crate::notice!("Partial resynchronization not possible (no cached master)");
                encode::command(out, &[b"PSYNC", b"?", b"-1"]);
            }
        }
    }

    fn resync(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<Step, HandshakeError> {
        let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        match words[0] {
            b"+FULLRESYNC" if self.stage == Stage::PlainPsync => {
                // Another master than the one that this server's replica may have become.
                Err(HandshakeError::NoHandOver(shown(line)))
            }
            b"+FULLRESYNC" => {
                let id = words.get(1).and_then(|word| ReplId::parse(word));
                let offset = words.get(2).and_then(|word| number::parse_u64(word));
                let offset = offset.filter(|offset| *offset <= OFFSET_MAX);
                let (Some(id), Some(offset)) = (id, offset) else {
                    return Err(HandshakeError::Psync(shown(line)));
                };
                self.stage = Stage::Done;
                crate::notice!("Full resync from master: {id}:{offset}");
                Ok(Step::FullResync { id: Some(id), offset: ReplOffset(offset) })
            }
            b"+CONTINUE" => {
                if self.introduction.resume.is_none() {
                    return Err(HandshakeError::Psync(shown(line)));
                }
                self.stage = Stage::Done;
                crate::notice!("Successful partial resynchronization with master.");
                Ok(Step::Continue { id: words.get(1).and_then(|word| ReplId::parse(word)) })
            }
            _ if self.introduction.hand_over.is_some() => self.rejected(line, out),
            b"-NOMASTERLINK" | b"-LOADING" | b"-MASTERDOWN" => {
                Err(HandshakeError::NotNow(shown(line)))
            }
            word => {
                if word == b"-ERR" {
                    let shown = shown(line);
                    crate::notice!(
                        "Master does not support PSYNC or is in error state (reply: {shown})"
                    );
                } else {
                    crate::warning!("Unexpected reply to PSYNC from master: {}", shown(line));
                }
                crate::notice!("Retrying with SYNC...");
                self.stage = Stage::Done;
                encode::command(out, &[b"SYNC"]);
                Ok(Step::FullResync { id: None, offset: ReplOffset(0) })
            }
        }
    }
}

impl Handshake {
    /// Whether the request for the stream has left.
    pub fn has_asked(&self) -> bool {
        !matches!(
            self.stage,
            Stage::Ping
                | Stage::Auth
                | Stage::ListeningPort
                | Stage::IpAddress
                | Stage::Capabilities
        )
    }

    /// The replica that was asked to take over answers with an error. One that did so when it was
    /// asked before follows nobody: its stream is this server's history and goes on from there.
    fn rejected(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<Step, HandshakeError> {
        let shown = shown(line);
        crate::notice!("Master does not support PSYNC or is in error state (reply: {shown})");
        let again = self.introduction.hand_over == Some(HandOver::AskAgain);
        if self.stage == Stage::Psync && again && line.starts_with(IS_MASTER) {
            self.stage = Stage::PlainPsync;
            self.ask(out);
            return Ok(Step::Waiting);
        }
        Err(HandshakeError::NoHandOver(shown))
    }
}

fn not_understood(what: &str, line: &[u8]) {
    crate::notice!("(Non critical) Master does not understand REPLCONF {what}: {}", shown(line));
}

/// A peer's line as it may stand in the log.
fn shown(line: &[u8]) -> String {
    let cut = &line[..line.len().min(SHOWN_MAX)];
    String::from_utf8_lossy(cut).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// How a server that follows nobody answers a request to take over.
const IS_MASTER: &[u8] = b"-ERR PSYNC FAILOVER can't be sent to a master";
/// An answer is a line of some tens of bytes; error texts are longer.
const LINE_MAX: usize = 16 * 1024;
/// Bytes of a peer's line that the log shows.
const SHOWN_MAX: usize = 256;
/// No stream gets this far: 2^62 bytes are 146 years of a gigabyte a second. What claims to would
/// make later sums overflow.
const OFFSET_MAX: u64 = 1 << 62;

#[cfg(test)]
mod tests {
    use super::*;

    fn introduction() -> Introduction {
        Introduction { listening_port: 6380, ..Introduction::default() }
    }

    /// Holds a conversation with the master's lines fed in pieces of `piece` bytes; what was sent.
    fn talk(
        introduction: Introduction,
        answers: &[u8],
        piece: usize,
    ) -> (Result<Step, HandshakeError>, String) {
        let mut out = Vec::new();
        let mut handshake = Handshake::begin(introduction, &mut out);
        let mut step = Ok(Step::Waiting);
        for mut input in answers.chunks(piece) {
            step = handshake.receive(&mut input, &mut out);
            if step != Ok(Step::Waiting) {
                break;
            }
        }
        let words: Vec<String> = String::from_utf8_lossy(&out)
            .split("\r\n")
            .filter(|line| !line.starts_with('$'))
            .map(str::to_owned)
            .collect();
        (step, words.join(" "))
    }

    const ID: ReplId = ReplId([b'a'; 40]);

    #[test]
    fn a_first_synchronization_asks_for_everything() {
        let answers = format!("+PONG\r\n+OK\r\n+OK\r\n\n\n+FULLRESYNC {} 77\r\n", ID.as_str());
        for piece in 1..answers.len() {
            let (step, sent) = talk(introduction(), answers.as_bytes(), piece);
            assert_eq!(step, Ok(Step::FullResync { id: Some(ID), offset: ReplOffset(77) }));
            assert_eq!(
                sent,
                "*1 PING *3 REPLCONF listening-port 6380 *5 REPLCONF capa eof capa psync2 \
                 *3 PSYNC ? -1 "
            );
        }
    }

    #[test]
    fn a_known_history_is_continued_and_may_have_a_new_name() {
        let with = Introduction {
            user: "repl".to_owned(),
            password: "secret".to_owned(),
            announce_ip: "10.0.0.9".to_owned(),
            resume: Some((ReplId([b'b'; 40]), ReplOffset(41))),
            ..introduction()
        };
        let refused = "-NOAUTH x\r\n+OK\r\n-ERR a\r\n-ERR b\r\n-ERR c\r\n";
        let answers = format!("{refused}+CONTINUE {}\r\n", ID.as_str());
        let (step, sent) = talk(with.clone(), answers.as_bytes(), 1000);
        assert_eq!(step, Ok(Step::Continue { id: Some(ID) }));
        assert!(sent.contains("AUTH repl secret"), "{sent}");
        assert!(sent.contains("ip-address 10.0.0.9"), "{sent}");
        assert!(sent.ends_with(&format!("PSYNC {} 42 ", "b".repeat(40))), "{sent}");
        let (step, _) = talk(with, format!("{refused}+CONTINUE\r\n").as_bytes(), 1000);
        assert_eq!(step, Ok(Step::Continue { id: None }));
    }

    #[test]
    fn a_replica_is_asked_to_take_over() {
        let resume = Some((ID, ReplOffset(41)));
        let with =
            |hand_over| Introduction { resume, hand_over: Some(hand_over), ..introduction() };
        let new = "b".repeat(40);
        let refused = "-ERR PSYNC FAILOVER can't be sent to a master.";
        let told = |answer: &str| format!("+PONG\r\n+OK\r\n+OK\r\n{answer}\r\n");
        let went_on = Ok(Step::Continue { id: ReplId::parse(new.as_bytes()) });
        let check = |hand_over, answer: &str, step, last: &str| {
            let (found, sent) = talk(with(hand_over), told(answer).as_bytes(), 1000);
            assert_eq!(found, step, "{answer}");
            assert!(sent.ends_with(last), "{sent}");
        };
        let asked = format!("*4 PSYNC {} 42 FAILOVER ", ID.as_str());
        let plain = format!("*3 PSYNC {} 42 ", ID.as_str());
        let rejected = |line: &str| Err(HandshakeError::NoHandOver(line.to_owned()));
        check(HandOver::Ask, &format!("+CONTINUE {new}"), went_on.clone(), &asked);
        check(HandOver::Ask, refused, rejected(refused), &asked);
        check(HandOver::Ask, "-LOADING wait", rejected("-LOADING wait"), &asked);
        let again = format!("{refused}\r\n+CONTINUE {new}");
        check(HandOver::AskAgain, &again, went_on, &plain);
        let full = format!("+FULLRESYNC {new} 7");
        let again = format!("{refused}\r\n{full}");
        check(HandOver::AskAgain, &again, rejected(&full), &plain);
    }

    #[test]
    fn a_master_without_psync_is_asked_with_sync() {
        let answers = b"+PONG\r\n+OK\r\n+OK\r\n-ERR unknown command 'PSYNC'\r\n";
        let (step, sent) = talk(introduction(), answers, 1000);
        assert_eq!(step, Ok(Step::FullResync { id: None, offset: ReplOffset(0) }));
        assert!(sent.ends_with("*1 SYNC "), "{sent}");
    }

    #[test]
    fn errors_end_the_conversation_with_their_reason() {
        let check = |answers: &str, expected: &str| {
            let password = "x".to_owned();
            let (step, _) =
                talk(Introduction { password, ..introduction() }, answers.as_bytes(), 1000);
            assert_eq!(step.unwrap_err().to_string(), expected);
        };
        check("-DENIED no\r\n", "Error reply to PING from master: '-DENIED no'");
        check("+PONG\r\n-WRONGPASS bad\r\n", "Unable to AUTH to MASTER: -WRONGPASS bad");
        check(
            "+PONG\r\n+OK\r\n+OK\r\n+OK\r\n-LOADING wait\r\n",
            "Master is currently unable to PSYNC but should be in the future: -LOADING wait",
        );
        check(
            "+PONG\r\n+OK\r\n+OK\r\n+OK\r\n+FULLRESYNC short 1\r\n",
            "Unexpected reply to PSYNC from master: +FULLRESYNC short 1",
        );
    }

    #[test]
    fn no_bytes_break_it() {
        for seed in 0..2000 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut answers = b"+PONG\r\n+OK\r\n+OK\r\n+CONTINUE abc\r\n$12\r\n".to_vec();
            for _ in 0..rng.usize(1..8) {
                let at = rng.usize(..answers.len());
                answers[at] = rng.u8(..);
            }
            let piece = rng.usize(1..answers.len());
            let (step, _) = talk(introduction(), &answers, piece);
            let (whole, _) = talk(introduction(), &answers, answers.len());
            assert_eq!(step, whole, "seed {seed}");
        }
    }
}
