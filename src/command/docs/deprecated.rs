//! Commands that are out of use, since when, and what is used instead. They go on working; this is
//! for `COMMAND DOCS`. Constants, any core.

/// A command out of use.
pub struct Deprecated {
    /// Its full name.
    pub name: &'static str,
    /// Since this version of Redis.
    pub since: &'static str,
    /// What is used instead.
    pub replaced_by: &'static str,
}

const fn command(name: &'static str, since: &'static str, replaced_by: &'static str) -> Deprecated {
    Deprecated { name, since, replaced_by }
}

/// All of them.
pub const COMMANDS: &[Deprecated] = &[
    command("brpoplpush", "6.2.0", "`BLMOVE` with `RIGHT LEFT`"),
    command("georadius", "6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with `BYRADIUS`"),
    command("georadius_ro", "6.2.0", "`GEOSEARCH` with `BYRADIUS`"),
    command(
        "georadiusbymember",
        "6.2.0",
        "`GEOSEARCH` and `GEOSEARCHSTORE` with `FROMMEMBER` and `BYRADIUS`",
    ),
    command("georadiusbymember_ro", "6.2.0", "`GEOSEARCH` with `FROMMEMBER` and `BYRADIUS`"),
    command("getset", "6.2.0", "`SET` with `GET`"),
    command("hmset", "4.0.0", "`HSET`, which takes several pairs"),
    command("psetex", "2.6.12", "`SET` with `PX`"),
    command("quit", "7.2.0", "closing the connection"),
    command("rpoplpush", "6.2.0", "`LMOVE` with `RIGHT LEFT`"),
    command("setex", "2.6.12", "`SET` with `EX`"),
    command("setnx", "2.6.12", "`SET` with `NX`"),
    command("slaveof", "5.0.0", "`REPLICAOF`"),
    command("substr", "2.0.0", "`GETRANGE`"),
    command("zrangebylex", "6.2.0", "`ZRANGE` with `BYLEX`"),
    command("zrangebyscore", "6.2.0", "`ZRANGE` with `BYSCORE`"),
    command("zrevrange", "6.2.0", "`ZRANGE` with `REV`"),
    command("zrevrangebylex", "6.2.0", "`ZRANGE` with `REV` and `BYLEX`"),
    command("zrevrangebyscore", "6.2.0", "`ZRANGE` with `REV` and `BYSCORE`"),
];

/// Commands that servers send each other, never users.
pub const SYSTEM: &[&str] = &["debug", "pfdebug", "pfselftest", "replconf", "restore-asking"];
