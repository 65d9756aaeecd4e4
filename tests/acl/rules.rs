//! ACL SETUSER, LIST, GETUSER and DRYRUN answer as the stock server does, to random rules and
//! random commands.

use crate::support::seed::Seed;
use crate::{both, clients, pair};

const RULES: &[&str] = &[
    "on",
    "off",
    "nopass",
    "resetpass",
    ">pw",
    ">other",
    "<pw",
    "<none",
    "#zz",
    "#5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
    "!5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
    "allkeys",
    "resetkeys",
    "~*",
    "~k*",
    "~a:?",
    "%R~r*",
    "%W~w*",
    "%RW~k*",
    "%r~k*",
    "%W~r*",
    "%R~*",
    "%W~*",
    "%X~a",
    "%~a",
    "~",
    "allchannels",
    "resetchannels",
    "&*",
    "&ch*",
    "&d",
    "&",
    "allcommands",
    "nocommands",
    "+@all",
    "-@all",
    "+get",
    "-get",
    "+GET",
    "+set",
    "-set",
    "+@read",
    "-@read",
    "+@write",
    "-@write",
    "+@string",
    "-@dangerous",
    "+@fast",
    "-@admin",
    "+@Keyspace",
    "-@connection",
    "+@transaction",
    "+@nope",
    "+nope",
    "-nope",
    "+",
    "-",
    "+@",
    "+config",
    "-config",
    "+config|get",
    "-config|get",
    "+Config|Set",
    "-config|resetstat",
    "+config|nope",
    "-config|nope",
    "+select|1",
    "+get|foo",
    "-get|foo",
    "+get|foo|bar",
    "+client|id|x",
    "+client|id",
    "-client",
    "+copy",
    "+mget",
    "+memory|usage",
    "-acl|whoami",
    "(+get ~s*)",
    "(+@all %W~w* &x)",
    "(~x nocommands)",
    "(on)",
    "(+nope)",
    "()",
    "( +set  ~b )",
    "(~a (b))",
    "clearselectors",
    "reset",
    "bogus",
    "sanitize-payload",
    "skip-sanitize-payload",
];

const COMMANDS: &[&str] = &[
    "get k1",
    "get r1",
    "get w1",
    "get z",
    "get foo",
    "set k1 v",
    "set r1 v",
    "set w1 v GET",
    "set w1 v",
    "set s1 v",
    "mget k1 r1",
    "mget k1 z",
    "mset k1 a w1 b",
    "del k1",
    "del r1",
    "exists r1",
    "exists z",
    "copy r1 k1",
    "copy k1 r1",
    "rename k1 w1",
    "strlen r1",
    "type w1",
    "append w1 x",
    "getrange r1 0 1",
    "getdel k1",
    "getex r1",
    "getset w1 v",
    "expire w1 10",
    "bitfield r1 get u8 0",
    "bitfield w1 set u8 0 1",
    "bitop and w1 r1 k1",
    "select 1",
    "select 2",
    "config get save",
    "config set maxmemory 0",
    "config resetstat",
    "client id",
    "client list",
    "acl whoami",
    "acl list",
    "ping",
    "echo x",
    "multi",
    "keys *",
    "scan 0",
    "dbsize",
    "flushall",
    "memory usage k1",
    "memory usage z",
    "object freq k1",
    "unlink k1 z",
    "touch k1 z",
    "persist w1",
    "dump r1",
    "restore w1 0 x",
    "randomkey",
    "info",
    "debug sleep 0",
    "swapdb 0 1",
    "move k1 1",
    "msetnx k1 v z v",
    "lcs k1 r1",
    "substr r1 0 1",
    "setrange w1 0 x",
    "nope",
    "config nope",
    "get",
    "watch z",
    "wait 0 0",
    "save",
    "lolwut",
];

#[test]
fn random_rules_are_applied_alike() {
    let Some(servers) = pair(&[]) else { return };
    let mut clients = clients(&servers);
    let mut seed = Seed::new();
    for step in 0..1500 {
        let rng = seed.rng();
        let count = rng.usize(1..4);
        let rules: Vec<String> = (0..count)
            .map(|_| RULES[rng.usize(..RULES.len())])
            .map(|rule| format!("\"{rule}\""))
            .collect();
        let user = ["a", "b"][rng.usize(..2)];
        let told = format!("at step {step}");
        both(&mut clients, &format!("ACL SETUSER {user} {}", rules.join(" ")), &told);
        both(&mut clients, "ACL LIST", &told);
        both(&mut clients, &format!("ACL GETUSER {user}"), &told);
        for _ in 0..3 {
            let command = COMMANDS[rng.usize(..COMMANDS.len())];
            both(&mut clients, &format!("ACL DRYRUN {user} {command}"), &told);
        }
        if rng.u8(..50) == 0 {
            both(&mut clients, &format!("ACL DELUSER {user} none"), &told);
        }
    }
}

/// Rules that come together as one user has them.
#[test]
fn permissions_are_judged_alike() {
    let Some(servers) = pair(&[]) else { return };
    let mut clients = clients(&servers);
    for rules in [
        "+@all ~k* %R~r* %W~w* &ch*",
        "+@all -@write ~*",
        "+@read +@connection %R~*",
        "+@write %W~*",
        "~* &* +@all -config +config|get -@dangerous",
        "+get ~k* (+set ~s* %W~w*) (+mget %R~r* %R~k*)",
        "-@all +select|1 +get|foo ~*",
        "+@string -@fast ~*",
        "+@all resetkeys",
    ] {
        both(
            &mut clients,
            &format!("ACL SETUSER u reset {}", rules.replace('(', "\"(").replace(')', ")\"")),
            "",
        );
        for command in COMMANDS {
            both(&mut clients, &format!("ACL DRYRUN u {command}"), rules);
        }
    }
}

#[test]
fn what_is_not_right_is_told_alike() {
    let Some(servers) = pair(&[]) else { return };
    let mut clients = clients(&servers);
    for line in [
        "ACL SETUSER \"a b\" on",
        "ACL SETUSER a (+get",
        "ACL SETUSER a (+get ~a) ( +set ~b ) ~c",
        "ACL LIST",
        "ACL SETUSER a \"~with blank\"",
        "ACL GETUSER nobody",
        "ACL DRYRUN nobody get x",
        "ACL DRYRUN default nope",
        "ACL DRYRUN default get",
        "ACL DELUSER default",
        "ACL CAT nope",
        "ACL CAT read x",
        "ACL LOG x",
        "ACL LOG -1",
        "ACL LOG 1 2",
        "ACL SAVE",
        "ACL LOAD",
        "ACL GENPASS 0",
        "ACL GENPASS x",
        "ACL GENPASS 4097",
        "ACL WHOAMI",
        "ACL USERS",
        "ACL NOPE",
        "AUTH a b c",
        "AUTH nobody x",
        "AUTH x",
        "CLIENT KILL USER nobody",
    ] {
        both(&mut clients, line, "");
    }
}
