//! HELLO and AUTH: the protocol a connection speaks and who it is.

use super::client_verbs::{After, Asker, set_name};
use crate::base::{clock, number};
use crate::command::acl::log::Refusal;
use crate::command::acl::user::{DEFAULT_USER, User};
use crate::command::client_info::is_name;
use crate::command::error::CommandError;
use crate::resp::reply::{Reply, RespVersion};
use crate::resp::request::Args;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Asker<'_> {
    /// `AUTH [user] password`.
    pub(super) fn auth(
        &mut self,
        args: Args<'_>,
        reply: &mut Reply,
    ) -> Result<After, CommandError> {
        let acl = &self.process.shared.environment.acl;
        let (name, checked) = match args.len() {
            2 => (DEFAULT_USER, acl.authenticate_default(args.get(1))),
            3 => (args.get(1), acl.authenticate(args.get(1), args.get(2))),
            _ => return Err(CommandError::Syntax),
        };
        self.authenticated(name, args.get(0), checked)?;
        reply.ok();
        Ok(After::Nothing)
    }

    /// `HELLO [version [AUTH user password] [SETNAME name]]`. Nothing changes unless all of it is
    /// in order.
    pub(super) fn hello(
        &mut self,
        args: Args<'_>,
        reply: &mut Reply,
    ) -> Result<After, CommandError> {
        let version = if args.len() > 1 { Some(version_of(args.get(1))?) } else { None };
        let mut login = None;
        let mut name = None;
        let mut index = 2;
        while index < args.len() {
            let (option, left) = (args.get(index), args.len() - index - 1);
            if option.eq_ignore_ascii_case(b"auth") && left >= 2 {
                login = Some((args.get(index + 1), args.get(index + 2)));
                index += 3;
            } else if option.eq_ignore_ascii_case(b"setname") && left >= 1 {
                if !is_name(args.get(index + 1)) {
                    return Err(super::client_verbs::BAD_NAME);
                }
                name = Some(args.get(index + 1));
                index += 2;
            } else {
                let before = "ERR Syntax error in HELLO option '";
                return Err(CommandError::quoting(before, option, "'"));
            }
        }
        if let Some((user, password)) = login {
            let acl = &self.process.shared.environment.acl;
            self.authenticated(user, args.get(0), acl.authenticate(user, password))?;
        }
        if !self.connection.session.authenticated {
            return Err(NOAUTH_HELLO);
        }
        if let Some(name) = name {
            set_name(&self.connection.info, name)?;
        }
        if let Some(version) = version {
            self.connection.session.view.version = version;
            // The answer to a command inside a transaction gathers in a reply of its own.
            reply.version = version;
            self.connection.reply.version = version;
        }
        self.greet(reply);
        Ok(After::Nothing)
    }

    fn greet(&self, reply: &mut Reply) {
        let replica = self.process.shared.environment.status.is_replica.load(Ordering::Relaxed);
        reply.map(7);
        let mut text = |name: &str, value: &str| {
            reply.bulk(name.as_bytes());
            reply.bulk(value.as_bytes());
        };
        text("server", "redis");
        text("version", COMPATIBLE_VERSION);
        reply.bulk(b"proto");
        let version = self.connection.session.version();
        reply.integer(if version == RespVersion::V3 { 3 } else { 2 });
        reply.bulk(b"id");
        reply.integer(self.connection.info.id.0.cast_signed());
        let mut text = |name: &str, value: &str| {
            reply.bulk(name.as_bytes());
            reply.bulk(value.as_bytes());
        };
        text("mode", "standalone");
        text("role", if replica { "replica" } else { "master" });
        reply.bulk(b"modules");
        reply.empty_array();
    }

    /// Makes the client who it claimed to be, or notes that it is not.
    fn authenticated(
        &mut self,
        name: &[u8],
        by: &[u8],
        checked: Result<Arc<User>, CommandError>,
    ) -> Result<(), CommandError> {
        let environment = &self.process.shared.environment;
        match checked {
            Ok(user) => {
                self.connection.info.set_user(&user.name);
                self.connection.session.log_in(user);
                Ok(())
            }
            Err(error) => {
                environment.metrics[usize::from(self.shard.0)].acl_access_denied_auth.bump();
                let refusal = Refusal {
                    reason: "auth",
                    context: if self.in_transaction { "multi" } else { "toplevel" },
                    object: by.to_vec(),
                    username: name.to_vec(),
                };
                let max = environment.config.load().security.acllog_max_len;
                let max = usize::try_from(max).unwrap_or(usize::MAX);
                let now_ms = clock::wall_ms();
                let line = self.connection.info.line(now_ms);
                environment.acl.note(refusal, line, now_ms, max);
                Err(error)
            }
        }
    }
}

fn version_of(text: &[u8]) -> Result<RespVersion, CommandError> {
    match number::parse_i64(text) {
        None => Err(NO_NUMBER),
        Some(2) => Ok(RespVersion::V2),
        Some(3) => Ok(RespVersion::V3),
        Some(_) => Err(NOPROTO),
    }
}

/// The version whose commands and formats we answer, for libraries that ask.
const COMPATIBLE_VERSION: &str = "7.2.4";

const NO_NUMBER: CommandError =
    CommandError::text("ERR Protocol version is not an integer or out of range");
const NOPROTO: CommandError = CommandError::text("NOPROTO unsupported protocol version");
const NOAUTH_HELLO: CommandError = CommandError::text(
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO \
     <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP \
     protocol version at the same time",
);
