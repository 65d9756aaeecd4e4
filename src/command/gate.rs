//! What decides whether a command may run now: the role, the pause, whether effects are wanted.
//! It travels with the keyspace and changes only under a lease of all shards, so that a command
//! finds it as it is at its execution, wherever it was routed from.

/// Which side of replication this server is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Role {
    /// Takes writes, owns the stream.
    #[default]
    Master,
    /// Follows a master; its stream is the master's.
    Replica,
}

/// Which commands `CLIENT PAUSE` holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Pause {
    /// None.
    #[default]
    Off,
    /// Those that may write, and expiry and eviction.
    Writes,
    /// Every command.
    All,
}

/// The gate of one keyspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Gate {
    /// This server's role.
    pub role: Role,
    /// Whether executed writes are to be put on the stream.
    pub streaming: bool,
    /// What is held back.
    pub pause: Pause,
}

impl Gate {
    /// Whether this server may delete keys on its own: it is the master and no pause is on.
    pub fn may_expire(&self) -> bool {
        self.role == Role::Master && self.pause == Pause::Off
    }
}
