//! What is said when a user may not do something. Pure, any core.

use super::user::User;
use crate::command::error::CommandError;
use crate::command::table::Command;
use crate::resp::request::Args;

/// What a user may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// Run the command.
    Command,
    /// Touch the key that is this argument in this way.
    Key(usize),
    /// Use the channel that is this argument.
    Channel(usize),
}

impl Denied {
    /// The reply to the command.
    pub fn error(self, user: &User, command: &Command) -> CommandError {
        match self {
            Denied::Command => {
                let after =
                    format!(" has no permissions to run the '{}' command", command.full_name);
                CommandError::quoting("NOPERM User ", &user.name, &after)
            }
            Denied::Key(_) => CommandError::text("NOPERM No permissions to access a key"),
            Denied::Channel(_) => CommandError::text("NOPERM No permissions to access a channel"),
        }
    }

    /// The reply inside EXEC to a command that was queued when it was still allowed.
    pub fn error_in_exec(self) -> CommandError {
        let reason = match self {
            Denied::Command => "no permission to execute the command or subcommand",
            Denied::Key(_) => "no permission to touch the specified keys",
            Denied::Channel(_) => "no permission to access one of the channels used as arguments",
        };
        CommandError::owned(format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the \
             EXEC call. This command is no longer allowed for the following reason: {reason}"
        ))
    }

    /// What ACL DRYRUN tells.
    pub fn told(self, user: &User, command: &Command, args: Args<'_>) -> Vec<u8> {
        let before = [b"User ", &user.name[..], b" has no permissions to "].concat();
        let rest = match self {
            Denied::Command => [b"run the '", command.full_name.as_bytes(), b"' command"].concat(),
            Denied::Key(index) => [b"access the '", args.get(index), b"' key"].concat(),
            Denied::Channel(index) => [b"access the '", args.get(index), b"' channel"].concat(),
        };
        [before, rest].concat()
    }

    /// The word for it in ACL LOG.
    pub fn reason(self) -> &'static str {
        match self {
            Denied::Command => "command",
            Denied::Key(_) => "key",
            Denied::Channel(_) => "channel",
        }
    }

    /// What was refused, for ACL LOG.
    pub fn object<'a>(self, command: &'a Command, args: Args<'a>) -> &'a [u8] {
        match self {
            Denied::Command => command.full_name.as_bytes(),
            Denied::Key(index) | Denied::Channel(index) => args.get(index),
        }
    }
}
