//! What a client said about itself and is in the middle of: database, protocol, name, transaction,
//! watched keys. Lives with its connection, on the connection's shard, and moves with it.

use super::subscriptions::Subscriptions;
use crate::base::ids::{ClientId, ReplOffset};
use crate::command::acl::user::User;
use crate::command::acl::users::Acl;
use crate::command::context::ClientView;
use crate::command::table::Command;
use crate::command::tracking::Tracker;
use crate::keyspace::placement::Placement;
use crate::resp::reply::RespVersion;
use crate::resp::request::Args;
use crate::router::route::{self, ShardSet};
use crate::shard::apply::Seen;
use crate::shard::batch::{Batch, WatchedKey};
use std::sync::Arc;

/// How `CLIENT REPLY` wants replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ReplyMode {
    /// Every command is answered.
    #[default]
    On,
    /// None is.
    Off,
    /// `SKIP` was said by the command under way.
    SkipNext,
    /// The next one is not.
    Skip,
}

/// Commands queued since `MULTI`.
pub struct Transaction {
    /// The commands.
    pub batch: Box<Batch>,
    /// The shards of their keys.
    pub set: ShardSet,
    /// A command was refused while queueing: `EXEC` will refuse the whole.
    pub refused: bool,
    /// Some commands run on the connection or the server, so the transaction stays here.
    pub stays: bool,
}

/// A client's session.
pub struct Session {
    /// What commands must know of the client.
    pub view: ClientView,
    /// Whether the client may run commands: the default user needs no password, or it gave one.
    pub authenticated: bool,
    /// Who it is.
    pub user: Arc<User>,
    /// Something may be refused to that user.
    pub restricted: bool,
    /// The version of the users that `user` is of.
    pub acl_version: u64,
    /// How replies are wanted.
    pub reply_mode: ReplyMode,
    /// The open transaction.
    pub transaction: Option<Transaction>,
    /// Watched keys.
    pub watched: Vec<WatchedKey>,
    /// What it subscribes to, if anything.
    pub subscriptions: Option<Box<Subscriptions>>,
    /// The cache that it keeps, if any.
    pub tracking: Option<Arc<Tracker>>,
    /// `CLIENT CACHING` was said for the next command.
    pub caching: bool,
    /// The command under way is not that one.
    pub keeps_caching: bool,
    /// Every command of the server is sent to it.
    pub monitoring: bool,
    /// The command under way is not answered, whatever `reply_mode` is by now.
    pub silent_now: bool,
    /// What it has seen of the master's stream; on a replica of several shards.
    pub seen: Seen,
    /// A command that may write was sent since the last WAIT.
    pub wrote: bool,
    /// The offset behind everything written before the last WAIT.
    pub covered: ReplOffset,
    /// Closing as soon as what was answered is sent.
    pub closing: bool,
}

impl Session {
    /// A fresh session, of the default user.
    pub fn new(id: ClientId, acl: &Acl) -> Session {
        let acl_version = acl.version();
        let user = Arc::clone(acl.users().default_user());
        Session {
            view: ClientView { id, any_key: user.any_key(), ..ClientView::internal() },
            authenticated: user.is_open(),
            restricted: !user.may_everything(),
            user,
            acl_version,
            reply_mode: ReplyMode::On,
            transaction: None,
            watched: Vec::new(),
            subscriptions: None,
            tracking: None,
            caching: false,
            keeps_caching: false,
            monitoring: false,
            silent_now: false,
            seen: Seen::default(),
            wrote: false,
            covered: ReplOffset(0),
            closing: false,
        }
    }

    /// Back to how it began, as `RESET` does; watched keys are the caller's to forget.
    pub fn reset(&mut self, acl: &Acl) {
        let id = self.view.id;
        let (watched, seen) = (std::mem::take(&mut self.watched), self.seen);
        *self = Session::new(id, acl);
        (self.watched, self.seen) = (watched, seen);
    }

    /// It gave a user's password.
    pub fn log_in(&mut self, user: Arc<User>) {
        self.authenticated = true;
        self.hold_to(user);
    }

    /// The users changed: it is held to what its own may now. `false` if its user is no more.
    pub fn follow_users(&mut self, acl: &Acl) -> bool {
        self.acl_version = acl.version();
        let users = acl.users();
        let Some(user) = users.find(&self.user.name) else { return false };
        self.hold_to(Arc::clone(user));
        // Who came while a password was wanted need not give it once it is not.
        self.authenticated |= users.default_user().is_open();
        true
    }

    fn hold_to(&mut self, user: Arc<User>) {
        self.restricted = !user.may_everything();
        self.view.any_key = user.any_key();
        self.user = user;
    }

    /// A command begins.
    pub fn begin_command(&mut self) {
        self.silent_now = self.reply_mode == ReplyMode::Skip;
    }

    /// Whether what is answered now is to be dropped.
    pub fn is_silent(&self) -> bool {
        self.silent_now || self.reply_mode == ReplyMode::Off
    }

    /// A command ended; whether its reply is to be dropped.
    pub fn end_command(&mut self) -> bool {
        let drop = self.is_silent();
        self.silent_now = false;
        if self.caching {
            self.end_caching();
        }
        self.reply_mode = match self.reply_mode {
            ReplyMode::SkipNext => ReplyMode::Skip,
            ReplyMode::Skip => ReplyMode::On,
            other => other,
        };
        drop
    }

    /// Whether commands may run straight away: no transaction, no restriction, every reply wanted.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.transaction.is_none()
            && self.authenticated
            && self.reply_mode == ReplyMode::On
            && !self.monitoring
            && !self.caching
            && !self.only_listens()
    }

    /// Whether it may do little else than listen: with RESP2 messages cannot be told from replies.
    #[inline]
    pub fn only_listens(&self) -> bool {
        self.subscriptions.is_some() && self.view.version == RespVersion::V2
    }

    /// The protocol of its replies.
    pub fn version(&self) -> RespVersion {
        self.view.version
    }
}

impl Transaction {
    /// An empty transaction in an empty batch.
    pub fn new(batch: Box<Batch>) -> Transaction {
        Transaction { batch, set: ShardSet::default(), refused: false, stays: false }
    }

    /// Queues a command.
    pub fn push(&mut self, command: &'static Command, args: Args<'_>, placement: Placement) {
        use crate::command::spec::{ClientVerb, Scope};
        route::add_to_set(command, args, placement, &mut self.set);
        self.stays |= match command.spec.scope {
            Scope::Client(ClientVerb::Select) => false,
            Scope::Client(_) | Scope::Server(_) => true,
            _ => false,
        };
        self.batch.push(command, args);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skip_drops_the_reply_of_one_command() {
        let mut session = Session::new(ClientId(1), &Acl::new(""));
        let mut check = |mode: Option<ReplyMode>, dropped: bool| {
            session.begin_command();
            session.reply_mode = mode.unwrap_or(session.reply_mode);
            assert_eq!(session.end_command(), dropped, "{mode:?}");
        };
        check(None, false);
        check(Some(ReplyMode::SkipNext), false);
        check(None, true);
        check(None, false);
        check(Some(ReplyMode::Off), true);
        check(None, true);
        check(Some(ReplyMode::On), false);
        check(Some(ReplyMode::SkipNext), false);
        check(Some(ReplyMode::SkipNext), true);
        check(Some(ReplyMode::On), true);
        check(None, false);
    }
}
