//! A row of the command table: everything that is known of a command. `COMMAND`, arity checks,
//! key extraction, ACL checks and execution all read this row. Constants only, any core.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::key_spec::{Begin, Find, KeySpec};
use crate::resp::request::Args;

/// What a handler gives back: the reply is in the context, or an error that becomes the reply.
pub type CommandResult = Result<(), CommandError>;

/// Runs a command on the keyspaces in its context.
pub type Handler = fn(&mut Context<'_>, Args<'_>) -> CommandResult;

/// Who runs a command.
#[derive(Clone, Copy)]
pub enum Scope {
    /// The shard of its keys; over several shards, a coordinator with their keyspaces in hand.
    Shard(Handler),
    /// The shard that holds the slot of the SCAN cursor in the first argument.
    Cursor(Handler),
    /// A coordinator with every keyspace in hand.
    AllShards(Handler),
    /// Wherever it arrives: it needs no keyspace.
    Anywhere(Handler),
    /// The connection it arrived on.
    Client(ClientVerb),
    /// The server: state that belongs to no shard and no connection.
    Server(ServerVerb),
    /// Nobody: its subcommands do.
    Container,
}

/// Commands that a connection runs itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Each variant is the command of that name.
pub enum ClientVerb {
    Auth,
    ClientCaching,
    ClientGetName,
    ClientGetRedir,
    ClientHelp,
    ClientId,
    ClientInfo,
    ClientKill,
    ClientList,
    ClientNoEvict,
    ClientNoTouch,
    ClientPause,
    ClientReply,
    ClientSetInfo,
    ClientSetName,
    ClientTracking,
    ClientTrackingInfo,
    ClientUnblock,
    ClientUnpause,
    Discard,
    Echo,
    Exec,
    Hello,
    Monitor,
    Multi,
    Ping,
    Psubscribe,
    Psync,
    Punsubscribe,
    Quit,
    Replconf,
    Reset,
    Select,
    Ssubscribe,
    Subscribe,
    Sunsubscribe,
    Sync,
    Unsubscribe,
    Unwatch,
    Wait,
    WaitAof,
    Watch,
}

/// Commands that the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Each variant is the command of that name.
pub enum ServerVerb {
    Acl,
    BgSave,
    Config,
    DbSize,
    Debug,
    Failover,
    Info,
    LastSave,
    Latency,
    MemoryServer,
    Module,
    ReplicaOf,
    Role,
    Save,
    Shutdown,
    Slowlog,
}

/// A command's group, as `COMMAND DOCS` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Each variant is the group of that name.
pub enum Group {
    Bitmap,
    Connection,
    Generic,
    Geo,
    Hash,
    Hyperloglog,
    List,
    Pubsub,
    Scripting,
    Server,
    Set,
    SortedSet,
    Stream,
    String,
    Transactions,
}

impl Group {
    /// The word in `COMMAND DOCS`.
    pub fn name(self) -> &'static str {
        match self {
            Group::Bitmap => "bitmap",
            Group::Connection => "connection",
            Group::Generic => "generic",
            Group::Geo => "geo",
            Group::Hash => "hash",
            Group::Hyperloglog => "hyperloglog",
            Group::List => "list",
            Group::Pubsub => "pubsub",
            Group::Scripting => "scripting",
            Group::Server => "server",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Stream => "stream",
            Group::String => "string",
            Group::Transactions => "transactions",
        }
    }
}

/// One command.
pub struct Spec {
    /// Lower-case name; a subcommand's own word only.
    pub name: &'static str,
    /// Number of arguments with the name; negative: at least that many.
    pub arity: i32,
    /// What it may do and when.
    pub flags: Flags,
    /// ACL categories beyond those that follow from the flags.
    pub extra_categories: Categories,
    /// Where its keys are.
    pub keys: &'static [KeySpec],
    /// Who runs it.
    pub scope: Scope,
    /// The argument that decides on which shard it runs, where that is no key.
    pub routed_by: Option<u16>,
    /// Its group.
    pub group: Group,
    /// The Redis version that brought it.
    pub since: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// What it costs.
    pub complexity: &'static str,
    /// Tips for clients and proxies.
    pub tips: &'static [&'static str],
    /// The commands under this name.
    pub subcommands: &'static [Spec],
}

impl Spec {
    /// A row with nothing said but its name, arity, group and runner.
    pub const fn new(name: &'static str, arity: i32, group: Group, scope: Scope) -> Spec {
        Spec {
            name,
            arity,
            flags: Flags::NONE,
            extra_categories: Categories::NONE,
            keys: &[],
            scope,
            routed_by: None,
            group,
            since: "1.0.0",
            summary: "",
            complexity: "O(1)",
            tips: &[],
            subcommands: &[],
        }
    }

    /// Sets the flags.
    pub const fn flags(mut self, flags: Flags) -> Spec {
        self.flags = flags;
        self
    }

    /// Sets the ACL categories that do not follow from the flags.
    pub const fn categories(mut self, categories: Categories) -> Spec {
        self.extra_categories = categories;
        self
    }

    /// Sets where the keys are.
    pub const fn keys(mut self, keys: &'static [KeySpec]) -> Spec {
        self.keys = keys;
        self
    }

    /// Lets an argument that is no key decide where it runs.
    pub const fn routed_by(mut self, index: u16) -> Spec {
        self.routed_by = Some(index);
        self
    }

    /// Sets what `COMMAND DOCS` says: version, cost, summary.
    pub const fn doc(
        mut self,
        since: &'static str,
        complexity: &'static str,
        summary: &'static str,
    ) -> Spec {
        self.since = since;
        self.complexity = complexity;
        self.summary = summary;
        self
    }

    /// Sets the tips.
    pub const fn tips(mut self, tips: &'static [&'static str]) -> Spec {
        self.tips = tips;
        self
    }

    /// Sets the subcommands.
    pub const fn subcommands(mut self, subcommands: &'static [Spec]) -> Spec {
        self.subcommands = subcommands;
        self
    }

    /// The argument that is the command's only key, or takes the place of one, if it runs on a
    /// shard and has just one.
    pub const fn single_key(&self) -> Option<usize> {
        let Scope::Shard(_) = self.scope else { return None };
        if let Some(index) = self.routed_by {
            return Some(index as usize);
        }
        match self.keys {
            [KeySpec { begin: Begin::Index(index), find: Find::Range { last: 0, .. }, .. }] => {
                Some(*index as usize)
            }
            _ => None,
        }
    }

    /// All ACL categories.
    pub const fn categories_all(&self) -> Categories {
        self.flags.categories().with(self.extra_categories)
    }

    /// Whether `count` arguments (with the name) are as many as the command takes.
    pub const fn arity_fits(&self, count: usize) -> bool {
        let wanted = self.arity.unsigned_abs() as usize;
        if self.arity >= 0 { count == wanted } else { count >= wanted }
    }
}
