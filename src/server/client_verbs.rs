//! Commands about connections that need more than the connection itself: HELLO, AUTH, CLIENT,
//! RESET, MONITOR. Answered on the loop of the connection's shard, also inside a transaction; what
//! concerns other shards leaves as mail.

use super::core::{Core, Row};
use super::mail::Mail;
use super::pause::{Change, Purpose};
use super::process::Process;
use super::subscriptions::Listener;
use super::verbs::InTransaction;
use crate::base::ids::{ClientId, ShardId};
use crate::base::number;
use crate::client::commands::pong_to_listener;
use crate::client::connection::Connection;
use crate::client::filter::Filter;
use crate::client::session::ReplyMode;
use crate::client::subscriptions::Order;
use crate::client::tracking;
use crate::command::acl::user::DEFAULT_USER;
use crate::command::client_info::{ClientFlags, ClientInfo, is_name};
use crate::command::clients::HELP;
use crate::command::error::CommandError;
use crate::command::gate::Pause;
use crate::command::spec::{ClientVerb, Scope};
use crate::master::replconf::Announced;
use crate::net::event::SocketId;
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use crate::shard::batch::Batch;
use crate::shard::execute::InUnit;

/// What is left to do after a command about its connection.
pub(super) enum After {
    /// Nothing: it is answered.
    Nothing,
    /// Change the pause; the answer comes when that is done.
    Pause(Option<(Pause, u64)>),
    /// Send it every command from now on.
    Monitor,
    /// Begin the session anew.
    Reset,
}

/// The connection that asks, and what it may look at.
pub(super) struct Asker<'a> {
    /// The process.
    pub process: &'a Process,
    /// The connection's shard.
    pub shard: ShardId,
    /// The connection.
    pub connection: &'a mut Connection,
    /// Inside a transaction.
    pub in_transaction: bool,
}

type Answered = Result<After, CommandError>;

impl Core {
    /// Runs a command for a connection that is held until `answer` is called with its batch.
    pub(super) fn client_verb(
        &mut self,
        verb: ClientVerb,
        socket: SocketId,
        mut batch: Box<Batch>,
    ) {
        if let ClientVerb::Psync
        | ClientVerb::Sync
        | ClientVerb::Replconf
        | ClientVerb::Wait
        | ClientVerb::WaitAof = verb
        {
            return self.replica_verb(verb, socket, batch);
        }
        if let Some(order) = Order::of(verb) {
            return self.subscription_verb(order, socket, batch);
        }
        let command = batch.command(0);
        let shard = self.id();
        let found = self.rows.get_mut(socket.index()).and_then(Option::as_mut);
        let row = found.filter(|row| row.socket == socket);
        let Some(connection) = row.and_then(Row::connection) else {
            return self.pool.give(batch);
        };
        let client = connection.info.id;
        let process = &self.process;
        let mut asker = Asker { process, shard, connection, in_transaction: false };
        let (args, reply) = batch.args_and_reply(0);
        let answered = asker.run(verb, args, reply);
        match &answered {
            Ok(_) => self.shard.tools.count_call(command, args, client),
            Err(error) => self.shard.tools.fail(command, args, error, reply),
        }
        match answered {
            Ok(After::Pause(pause)) => {
                let change = Change { purpose: Purpose::Client, pause, asker: Some(batch) };
                return self.process.post(ShardId(0), Mail::Pause(change));
            }
            Ok(After::Monitor) => self.monitor(socket),
            Ok(After::Reset) => self.reset(socket),
            Ok(After::Nothing) | Err(_) => {}
        }
        self.answer(batch);
    }

    /// Takes a connection back to how it began.
    fn reset(&mut self, socket: SocketId) {
        self.stop_listening(socket);
        let Some(row) = self.row(socket) else { return };
        let Some(connection) = row.connection() else { return };
        let monitoring = connection.session.monitoring;
        connection.info.set_name(b"");
        connection.info.set_user(DEFAULT_USER);
        connection.info.set_flag(ClientFlags::NO_EVICT, false);
        if let Some(transaction) = connection.session.transaction.take() {
            self.pool.give(transaction.batch);
        }
        if monitoring {
            self.stop_monitoring(socket);
        }
        let (shard, pool) = (&mut self.shard, &mut self.pool);
        let environment = &self.process.shared.environment;
        let found = self.rows.get_mut(socket.index()).and_then(Option::as_mut);
        let Some(connection) = found.and_then(Row::connection) else { return };
        tracking::end(connection, environment);
        connection.session.reset(&environment.acl);
        connection.set_version(connection.session.version());
        let mut around = crate::client::connection::Surroundings { shard, pool };
        if let Some((batch, set)) = connection.abandon(&mut around) {
            self.submit(batch, set);
        }
    }
}

/// Runs a command of the connection inside a transaction.
pub fn in_transaction(
    transaction: &mut InTransaction<'_>,
    asked: InUnit<'_>,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let Scope::Client(verb) = asked.command.spec.scope else {
        return Err(CommandError::arity(&asked.command.full_name));
    };
    if let ClientVerb::Wait | ClientVerb::WaitAof = verb {
        let InUnit { connection, args, .. } = asked;
        return super::waits::in_transaction(transaction, connection, verb, args, reply);
    }
    if verb == ClientVerb::Replconf {
        // A replica introduces itself outside of transactions; what it says inside counts for
        // nothing.
        Announced::default().take(asked.args)?;
        reply.ok();
        return Ok(());
    }
    let found = transaction.rows.get_mut(asked.connection.index()).and_then(Option::as_mut);
    let row = found.filter(|row| row.socket == asked.connection);
    // Nobody reads the reply of a client that is gone.
    let Some(connection) = row.and_then(Row::connection) else { return Ok(()) };
    let (process, shard) = (transaction.process, transaction.shard);
    if let Some(order) = Order::of(verb) {
        let directory = &process.shared.environment.subscriptions;
        let subscribers = &mut *transaction.subscribers;
        let mut listener = Listener { directory, shard, subscribers, connection };
        return super::subscriptions::in_transaction(&mut listener, order, asked.args, reply);
    }
    let mut asker = Asker { process, shard, connection, in_transaction: true };
    let after = asker.run(verb, asked.args, reply)?;
    asked.view.version = asker.connection.session.view.version;
    asked.view.no_touch = asker.connection.session.view.no_touch;
    asked.view.tracks = asker.connection.session.view.tracks;
    if let After::Pause(pause) = after {
        // In effect when the transaction has given the keyspaces back.
        let change = Change { purpose: Purpose::Client, pause, asker: None };
        process.post(ShardId(0), Mail::Pause(change));
        reply.ok();
    }
    Ok(())
}

impl Asker<'_> {
    /// Runs one command.
    pub(super) fn run(&mut self, verb: ClientVerb, args: Args<'_>, reply: &mut Reply) -> Answered {
        match verb {
            ClientVerb::Hello => self.hello(args, reply),
            ClientVerb::Auth => self.auth(args, reply),
            ClientVerb::ClientList => self.list(args, reply),
            ClientVerb::ClientKill => self.kill(args, reply),
            ClientVerb::ClientPause => pause(args),
            ClientVerb::ClientUnpause => Ok(After::Pause(None)),
            ClientVerb::Monitor if self.in_transaction => Err(NO_MONITOR),
            ClientVerb::Monitor => {
                reply.ok();
                Ok(After::Monitor)
            }
            ClientVerb::Reset => {
                reply.simple("RESET");
                Ok(After::Reset)
            }
            ClientVerb::Ping if args.len() > 2 => Err(CommandError::arity("ping")),
            ClientVerb::Ping if self.connection.session.only_listens() => {
                pong_to_listener(args, reply);
                Ok(After::Nothing)
            }
            ClientVerb::Ping if args.len() > 1 => {
                reply.bulk(args.get(1));
                Ok(After::Nothing)
            }
            ClientVerb::Ping => {
                reply.simple("PONG");
                Ok(After::Nothing)
            }
            ClientVerb::Echo => {
                reply.bulk(args.get(1));
                Ok(After::Nothing)
            }
            ClientVerb::Unwatch => {
                // The transaction has forgotten the watched keys already.
                reply.ok();
                Ok(After::Nothing)
            }
            _ => self.about_itself(verb, args, reply).map(|()| After::Nothing),
        }
    }

    /// Commands that concern the connection's own session alone.
    fn about_itself(
        &mut self,
        verb: ClientVerb,
        args: Args<'_>,
        reply: &mut Reply,
    ) -> Result<(), CommandError> {
        let info = &self.connection.info;
        match verb {
            ClientVerb::ClientId => reply.integer(info.id.0.cast_signed()),
            ClientVerb::ClientInfo => {
                self.connection.publish(0);
                let mut line = info.line(crate::base::clock::wall_ms());
                line.push(b'\n');
                reply.verbatim("txt", &line);
            }
            ClientVerb::ClientGetName => match info.name() {
                name if name.is_empty() => reply.null(),
                name => reply.bulk(&name),
            },
            ClientVerb::ClientSetName => {
                set_name(info, args.get(2))?;
                reply.ok();
            }
            ClientVerb::ClientSetInfo => set_info(info, args, reply)?,
            ClientVerb::ClientReply => self.reply_mode(args, reply)?,
            ClientVerb::ClientNoEvict => {
                info.set_flag(ClientFlags::NO_EVICT, on_or_off(args.get(2))?);
                reply.ok();
            }
            ClientVerb::ClientNoTouch => {
                self.connection.session.view.no_touch = on_or_off(args.get(2))?;
                reply.ok();
            }
            ClientVerb::ClientUnblock => self.unblock(args, reply)?,
            ClientVerb::ClientHelp => {
                reply.array(HELP.len());
                HELP.iter().for_each(|line| reply.simple(line));
            }
            ClientVerb::ClientGetRedir => reply.integer(info.redirect()),
            ClientVerb::ClientTracking => {
                let environment = &self.process.shared.environment;
                tracking::turn(self.connection, args, environment, reply)?;
            }
            ClientVerb::ClientTrackingInfo => tracking::describe(self.connection, reply),
            ClientVerb::ClientCaching => {
                let session = &mut self.connection.session;
                tracking::caching(session, args, reply)?;
                // This command is not the one that it speaks of.
                session.keeps_caching = !self.in_transaction;
            }
            _ => return Err(NOT_HERE),
        }
        Ok(())
    }

    fn unblock(&self, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
        let with_error = match args.len() {
            3 => false,
            4 if args.get(3).eq_ignore_ascii_case(b"timeout") => false,
            4 if args.get(3).eq_ignore_ascii_case(b"error") => true,
            4 => return Err(UNBLOCK_REASON),
            _ => return Err(UNBLOCK_USAGE),
        };
        let id = number::parse_i64(args.get(2)).ok_or(CommandError::NotInteger)?;
        let clients = &self.process.shared.environment.clients;
        let found = u64::try_from(id).ok().and_then(|id| clients.find(ClientId(id)));
        let blocked = found.filter(|info| info.flags().any(ClientFlags::BLOCKED));
        reply.integer(blocked.is_some().into());
        if let Some(info) = blocked {
            let (shard, socket) = info.place();
            self.process.post(shard, Mail::Unblock { socket, with_error });
        }
        Ok(())
    }

    fn list(&mut self, args: Args<'_>, reply: &mut Reply) -> Answered {
        let filter = Filter::of_list(args)?;
        self.connection.publish(0);
        let now_ms = crate::base::clock::wall_ms();
        let mut text = Vec::new();
        for info in self.process.shared.environment.clients.all() {
            if filter.fits(&info, self.connection.info.id, now_ms) {
                text.extend_from_slice(&info.line(now_ms));
                text.push(b'\n');
            }
        }
        reply.verbatim("txt", &text);
        Ok(After::Nothing)
    }

    fn kill(&mut self, args: Args<'_>, reply: &mut Reply) -> Answered {
        let by_address = args.len() == 3;
        let filter = if by_address {
            Filter { addr: Some(args.get(2).to_vec()), ..Filter::default() }
        } else {
            let users = self.process.shared.environment.acl.users();
            Filter::of_kill(args, |name| users.find(name).is_some())?
        };
        let own = self.connection.info.id;
        let now_ms = crate::base::clock::wall_ms();
        let mut killed = 0;
        for info in self.process.shared.environment.clients.all() {
            if !filter.fits(&info, own, now_ms) {
                continue;
            }
            killed += 1;
            if info.id == own {
                // Its reply still goes out.
                self.connection.session.closing = true;
            } else if info.kill() {
                self.process.post(info.place().0, Mail::Kill(info));
            }
            if by_address {
                break;
            }
        }
        match (by_address, killed) {
            (true, 0) => return Err(NO_SUCH_CLIENT),
            (true, _) => reply.ok(),
            (false, _) => reply.integer(killed),
        }
        Ok(After::Nothing)
    }

    fn reply_mode(&mut self, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
        let session = &mut self.connection.session;
        match args.get(2).to_ascii_lowercase().as_slice() {
            b"on" => {
                session.reply_mode = ReplyMode::On;
                reply.ok();
            }
            b"off" => session.reply_mode = ReplyMode::Off,
            b"skip" if session.reply_mode != ReplyMode::Off => {
                session.reply_mode = ReplyMode::SkipNext;
            }
            b"skip" => {}
            _ => return Err(CommandError::Syntax),
        }
        Ok(())
    }
}

/// Names a connection.
pub(super) fn set_name(info: &ClientInfo, name: &[u8]) -> Result<(), CommandError> {
    if !is_name(name) {
        return Err(BAD_NAME);
    }
    info.set_name(name);
    Ok(())
}

fn set_info(info: &ClientInfo, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (option, value) = (args.get(2), args.get(3));
    let characters = " cannot contain spaces, newlines or special characters.";
    let refused = || Err(CommandError::quoting("ERR ", option, characters));
    match option.to_ascii_lowercase().as_slice() {
        b"lib-name" if is_name(value) => info.set_lib_name(value),
        b"lib-name" => return refused(),
        b"lib-ver" if is_name(value) => info.set_lib_version(value),
        b"lib-ver" => return refused(),
        _ => {
            return Err(CommandError::quoting("ERR Unrecognized option '", option, "'"));
        }
    }
    reply.ok();
    Ok(())
}

fn pause(args: Args<'_>) -> Answered {
    let mode = match args.len() {
        3 => Pause::All,
        4 if args.get(3).eq_ignore_ascii_case(b"write") => Pause::Writes,
        4 if args.get(3).eq_ignore_ascii_case(b"all") => Pause::All,
        4 => return Err(PAUSE_MODE),
        _ => return Err(CommandError::Syntax),
    };
    let timeout = number::parse_i64(args.get(2)).ok_or(PAUSE_TIMEOUT)?;
    let timeout = u64::try_from(timeout).map_err(|_| PAUSE_NEGATIVE)?;
    let until = crate::base::clock::wall_ms().checked_add(timeout);
    let until = until.filter(|until| i64::try_from(*until).is_ok()).ok_or(PAUSE_RANGE)?;
    Ok(After::Pause(Some((mode, until))))
}

/// Nothing can wait for keys yet, so nobody is found.
fn on_or_off(text: &[u8]) -> Result<bool, CommandError> {
    if text.eq_ignore_ascii_case(b"on") {
        Ok(true)
    } else if text.eq_ignore_ascii_case(b"off") {
        Ok(false)
    } else {
        Err(CommandError::Syntax)
    }
}

/// A name that would break the form of `CLIENT LIST`.
pub(super) const BAD_NAME: CommandError =
    CommandError::text("ERR Client names cannot contain spaces, newlines or special characters.");
const NO_SUCH_CLIENT: CommandError = CommandError::text("ERR No such client");
const NOT_HERE: CommandError = CommandError::text("ERR Command not allowed inside a transaction");
const NO_MONITOR: CommandError =
    CommandError::text("ERR MONITOR isn't allowed for DENY BLOCKING client");
const PAUSE_MODE: CommandError = CommandError::text("ERR CLIENT PAUSE mode must be WRITE or ALL");
const PAUSE_TIMEOUT: CommandError =
    CommandError::text("ERR timeout is not an integer or out of range");
const PAUSE_NEGATIVE: CommandError = CommandError::text("ERR timeout is negative");
const PAUSE_RANGE: CommandError = CommandError::text("ERR timeout is out of range");
const UNBLOCK_USAGE: CommandError = CommandError::text(
    "ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.",
);
const UNBLOCK_REASON: CommandError =
    CommandError::text("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
