//! DEBUG: knobs for tests of servers and clients. An order: on shard 0's loop, with every keyspace
//! in hand where it looks at keys or stops them all. Off unless `enable-debug-command` says so.

use super::controller::Leased;
use super::core::Core;
use super::verbs::caller_of;
use crate::base::glob::{self, Case};
use crate::base::ids::{ReplId, ShardId};
use crate::base::number;
use crate::command::error::CommandError;
use crate::command::help;
use crate::config::choices::Permission;
use crate::config::live::Caller;
use crate::resp::reply::{Reply, RespVersion};
use crate::resp::request::Args;
use crate::shard::batch::Batch;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// What one subcommand needs.
enum Answer {
    /// It is answered.
    Done,
    /// Every keyspace.
    Lease,
    /// An error.
    Refused(CommandError),
}

impl Core {
    /// DEBUG.
    pub(super) fn debug_order(&mut self, mut batch: Box<Batch>) {
        let permission = self.shard.tools.settings.security.enable_debug_command;
        let caller = caller_of(&self.process, batch.view.id);
        let allowed = match permission {
            Permission::Yes => true,
            Permission::Local => caller == Caller::Local,
            Permission::No => false,
        };
        if !allowed {
            return self.refuse_order(batch, REFUSED);
        }
        let word = batch.args(0).get(1).to_ascii_lowercase();
        if word == b"reload" {
            return self.reload_order(batch);
        }
        match self.debug_at_once(&word, &mut batch) {
            Answer::Done => {
                self.count_order(&batch);
                self.answer(batch);
            }
            Answer::Lease => self.lease_all(Leased::Debug(batch)),
            Answer::Refused(error) => self.fail_order(batch, &error),
        }
    }

    /// Counts an order that was carried out just now.
    pub(super) fn count_order(&mut self, batch: &Batch) {
        let (command, client) = (batch.command(0), batch.view.id);
        self.shard.tools.count_call(command, batch.args(0), client);
    }

    fn debug_at_once(&mut self, word: &[u8], batch: &mut Batch) -> Answer {
        let (args, reply) = batch.args_and_reply(0);
        let status = &self.shard.tools.shared.environment.status;
        match (word, args.len()) {
            (b"digest" | b"change-repl-id", 2)
            | (b"sleep", 3)
            | (b"object", 3 | 4)
            | (b"htstats" | b"htstats-key", 3 | 4) => return Answer::Lease,
            (b"digest-value", _) | (b"replicate", 3..) => return Answer::Lease,
            (b"populate", 3..=5) => return populate_check(args),
            (b"help", 2) => help::write(reply, "DEBUG", HELP),
            (b"error", 3) => reply.error(&String::from_utf8_lossy(args.get(2))),
            (b"log", 3) => {
                crate::warning!("DEBUG LOG: {}", String::from_utf8_lossy(args.get(2)));
                reply.ok();
            }
            (b"protocol", 3) => return protocol(args.get(2), reply),
            (b"set-active-expire", 3) => {
                status.active_expire_off.store(!is_on(args.get(2)), Relaxed);
                reply.ok();
            }
            (b"pause-cron", 3) => {
                self.process.cron_paused.store(is_on(args.get(2)), Relaxed);
                reply.ok();
            }
            (b"stringmatch-len", 4) => {
                let matches = glob::matches(args.get(2), args.get(3), Case::Sensitive);
                reply.integer(matches.into());
            }
            // What these tune does not exist here, so every setting of it is in force.
            (
                b"quicklist-packed-threshold" | b"dict-resizing" | b"set-skip-checksum-validation",
                3,
            )
            | (b"replybuffer", 4) => reply.ok(),
            (b"segfault" | b"panic" | b"assert" | b"oom", 2) => {
                crate::warning!("DEBUG {} ends the process", String::from_utf8_lossy(word));
                std::process::abort();
            }
            _ => return Answer::Refused(unknown(args.get(1))),
        }
        Answer::Done
    }

    /// What DEBUG does while every keyspace is in hand and no command on keys runs.
    pub(super) fn debug_sleep(&mut self, batch: &mut Batch) {
        let (args, reply) = batch.args_and_reply(0);
        // What is no number is no time, as in stock.
        let seconds = number::parse_f64(args.get(2)).unwrap_or(0.0).clamp(0.0, SLEEP_SECONDS_MAX);
        std::thread::sleep(Duration::from_secs_f64(seconds));
        reply.ok();
    }

    /// DEBUG CHANGE-REPL-ID: replicas cannot continue any more.
    pub(super) fn debug_change_id(&mut self, batch: &mut Batch) {
        crate::notice!("Changing replication IDs after receiving DEBUG change-repl-id");
        let mut random = [0; 20];
        self.shard.tools.random.fill(&mut random);
        self.shard.tools.shared.stream.change_id(ReplId::from_random(random));
        batch.reply.ok();
    }

    /// Whether cron does its work; DEBUG PAUSE-CRON stops it.
    pub(super) fn cron_is_paused(&self) -> bool {
        self.process.cron_paused.load(Relaxed)
    }

    /// What cron does here once in a while for all shards.
    pub(super) fn statistics_cron(&mut self) {
        if self.id() == ShardId(0) {
            let environment = &self.shard.tools.shared.environment;
            self.process.statistics.sample(self.shard.tools.now_ms, environment);
        }
    }
}

fn populate_check(args: Args<'_>) -> Answer {
    let positive = |index: usize| {
        args.len() <= index || number::parse_i64(args.get(index)).is_some_and(|number| number >= 0)
    };
    match positive(2) && positive(4) {
        true => Answer::Lease,
        false => Answer::Refused(CommandError::text("ERR value is out of range, must be positive")),
    }
}

/// Numbers that are not 0, as C reads them.
fn is_on(word: &[u8]) -> bool {
    number::parse_i64(word).is_some_and(|number| number != 0)
}

fn protocol(kind: &[u8], reply: &mut Reply) -> Answer {
    let resp3 = reply.version == RespVersion::V3;
    match kind.to_ascii_lowercase().as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.integer(12345),
        // 3.141, spelled so that nobody takes it for a careless pi.
        b"double" => reply.double(3141.0 / 1000.0),
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"map" => {
            reply.map(3);
            for number in 0..3 {
                reply.integer(number);
                reply.boolean(number == 1);
            }
        }
        b"attrib" => {
            if resp3 {
                reply.raw(b"|1\r\n");
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.integer(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" => {
            if !resp3 {
                return Answer::Refused(RESP2);
            }
            // Before the reply it would be taken for the reply by simple clients.
            reply.bulk(b"Some real reply following the push reply");
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.integer(42);
        }
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        _ => return Answer::Refused(CommandError::text(PROTOCOL_TYPES)),
    }
    Answer::Done
}

/// The error for what DEBUG does not know.
fn unknown(word: &[u8]) -> CommandError {
    let before = "ERR unknown subcommand or wrong number of arguments for '";
    CommandError::quoting(before, word, "'. Try DEBUG HELP.")
}

const RESP2: CommandError = CommandError::text("ERR RESP2 is not supported by this command");

const REFUSED: &str = "ERR DEBUG command not allowed. If the enable-debug-command option is \
     set to \"local\", you can run it from a local connection, otherwise you need to set this \
     option in the configuration file, and then restart the server.";
const PROTOCOL_TYPES: &str = "ERR Wrong protocol type name. Please use one of the following: \
     string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false";
/// A day; longer is a slip of the finger that would need a kill.
const SLEEP_SECONDS_MAX: f64 = 86_400.0;

const HELP: &[(&str, &str)] = &[
    ("ASSERT | OOM | PANIC | SEGFAULT", "End the process at once, as a crash would."),
    ("CHANGE-REPL-ID", "Take a new replication id: replicas need a full resynchronization."),
    ("DIGEST", "A hash of the whole data set, the same on every server with the same data."),
    ("DIGEST-VALUE <key> [<key> ...]", "The hashes of the values at some keys."),
    ("DICT-RESIZING <0|1>", "Accepted; tables of this server always resize."),
    ("ERROR <string>", "Answer with an error of this text."),
    ("HTSTATS <dbid>", "The sizes of the tables of a database."),
    ("HTSTATS-KEY <key>", "The sizes of the table at a key."),
    ("LOG <message>", "Write a line to the log."),
    ("OBJECT <key>", "How a key and its value are held."),
    ("PAUSE-CRON <0|1>", "Stop the periodic work, or go on with it."),
    (
        "POPULATE <count> [<prefix>] [<size>]",
        "Make keys <prefix>:<number>, key:<number> unless told, that are not there yet;\n\
         not sent to replicas.",
    ),
    (
        "PROTOCOL <type>",
        "Answer with a value of a type: string, integer, double, bignum, null, array, set, map,\n\
         attrib, push, verbatim, true, false.",
    ),
    ("QUICKLIST-PACKED-THRESHOLD <size>", "Accepted."),
    (
        "RELOAD [MERGE] [NOFLUSH] [NOSAVE]",
        "Save the data and load it again; without the saving, without emptying first,\n\
         replacing keys that are there.",
    ),
    ("REPLICATE <command> [<arg> ...]", "Send a command to the replicas without running it."),
    ("REPLYBUFFER <setting> <value>", "Accepted."),
    ("SET-ACTIVE-EXPIRE <0|1>", "Whether expired keys nobody asks for are removed."),
    ("SET-SKIP-CHECKSUM-VALIDATION <0|1>", "Accepted; sums are always looked at."),
    ("SLEEP <seconds>", "Stop every shard. Decimals allowed."),
    ("STRINGMATCH-LEN <pattern> <string>", "Whether a glob matches."),
];
