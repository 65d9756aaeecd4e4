//! Replies and error texts that clients and scripts know: the same as the stock server's.

use crate::pair;
use crate::support::value::Value;

/// Commands whose replies are compared as they are, in this order, on both servers.
const SAME: &[&str] = &[
    "CONFIG",
    "CONFIG foo",
    "CONFIG GET",
    "CONFIG SET a",
    "CONFIG SET hz 10 port",
    "CONFIG SET nosuch 1",
    "CONFIG SET maxmemory 1 maxmemory 2",
    "CONFIG RESETSTAT x",
    "CONFIG SET port 99999",
    "CONFIG SET bind 1.2.3.4",
    "CONFIG SET databases 3",
    "CONFIG SET dir /nosuch",
    "CONFIG GET maxclients",
    "SLOWLOG",
    "SLOWLOG GET a",
    "SLOWLOG GET -2",
    "SLOWLOG GET 1 2",
    "SLOWLOG GET",
    "SLOWLOG LEN",
    "SLOWLOG RESET",
    "LATENCY HISTOGRAM nosuch",
    "LATENCY GRAPH x",
    "LATENCY HISTORY x",
    "LATENCY LATEST",
    "LATENCY RESET",
    "MEMORY USAGE nosuch",
    "MEMORY USAGE key SAMPLES -1",
    "MEMORY USAGE key SAMPLES",
    "MEMORY PURGE",
    "MODULE LIST",
    "ACL WHOAMI",
    "ACL USERS",
    "ACL LIST",
    "ACL GETUSER default",
    "ACL GETUSER nouser",
    "ACL CAT",
    "ACL CAT nocat",
    "ACL CAT a b",
    "ACL LOG",
    "ACL LOG RESET",
    "ACL LOG x",
    "ACL DRYRUN default get x",
    "ACL DRYRUN default get",
    "ACL DRYRUN nouser get x",
    "ACL DRYRUN default nosuch",
    "ACL GENPASS 0",
    "ACL GENPASS x",
    "ACL DELUSER x",
    "ACL DELUSER default",
    "CONFIG SET requirepass secret",
    "ACL LIST",
    "ACL GETUSER default",
    "CONFIG SET requirepass \"\"",
    "COMMAND nosuch",
    "COMMAND COUNT x",
    "COMMAND GETKEYS",
    "COMMAND GETKEYS get",
    "COMMAND GETKEYS nosuch a",
    "COMMAND GETKEYS ping",
    "COMMAND GETKEYS config get a",
    "COMMAND GETKEYS set a b",
    "COMMAND GETKEYS mset a b c d",
    "COMMAND GETKEYS memory usage k",
    "COMMAND GETKEYSANDFLAGS set a b",
    "COMMAND GETKEYSANDFLAGS set a b get",
    "COMMAND LIST x",
    "COMMAND LIST FILTERBY x y",
    "COMMAND LIST FILTERBY ACLCAT nosuch",
    "COMMAND LIST FILTERBY MODULE x",
    "COMMAND INFO nosuch",
    "COMMAND DOCS nosuch",
    "TIME x",
    "LOLWUT VERSION x",
    "DEBUG",
    "DEBUG nosuch",
    "DEBUG JMAP",
    "DEBUG ERROR",
    "DEBUG ERROR foo",
    "DEBUG LOG hi",
    "DEBUG SLEEP x",
    "DEBUG SLEEP 0.01",
    "DEBUG OBJECT",
    "DEBUG OBJECT nokey",
    "DEBUG PAUSE-CRON 1",
    "DEBUG PAUSE-CRON 0",
    "DEBUG HTSTATS 99",
    "DEBUG HTSTATS-KEY nokey",
    "DEBUG REPLICATE x",
    "DEBUG CHANGE-REPL-ID",
    "DEBUG SET-ACTIVE-EXPIRE 0",
    "DEBUG SET-ACTIVE-EXPIRE 1",
    "DEBUG POPULATE x",
    "DEBUG POPULATE -1",
    "DEBUG POPULATE 50",
    "DEBUG POPULATE 3 foo 10",
    "DBSIZE",
    "GET foo:1",
    "GET key:2",
    "DEBUG DIGEST",
    "DEBUG DIGEST-VALUE key:1 foo:2 nokey",
    "DEBUG HTSTATS-KEY key:1",
    "DEBUG PROTOCOL foo",
    "DEBUG PROTOCOL string",
    "DEBUG PROTOCOL integer",
    "DEBUG PROTOCOL double",
    "DEBUG PROTOCOL bignum",
    "DEBUG PROTOCOL null",
    "DEBUG PROTOCOL array",
    "DEBUG PROTOCOL set",
    "DEBUG PROTOCOL map",
    "DEBUG PROTOCOL attrib",
    "DEBUG PROTOCOL verbatim",
    "DEBUG PROTOCOL true",
    "DEBUG PROTOCOL false",
    "MULTI",
    "CONFIG GET timeout",
    "CONFIG SET timeout 20",
    "INFO cluster",
    "EXEC",
    "CONFIG GET timeout",
];

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(|word| if word == "\"\"" { "" } else { word }.to_owned()).collect()
}

fn compare(hello: &[&str]) {
    let directives = ["enable-debug-command yes", "enable-protected-configs yes"];
    let Some((ours, theirs)) = pair(&directives) else { return };
    let [mut ours, mut theirs] = [ours.client(), theirs.client()];
    if !hello.is_empty() {
        ours.cmd(hello);
        theirs.cmd(hello);
    }
    for line in SAME {
        let [ours, theirs]: [Value; 2] = [ours.cmd(&words(line)), theirs.cmd(&words(line))];
        assert_eq!(ours, theirs, "{line}");
    }
}

#[test]
fn replies_are_those_of_stock() {
    compare(&[]);
}

#[test]
fn replies_in_resp3_are_those_of_stock() {
    compare(&["HELLO", "3"]);
}
