//! What a client may say about itself: each answer is that of the stock Valkey.

use crate::support::server::Server;
use crate::support::stock::{Kind, installed, own};
use crate::support::value::Value;

/// Commands whose answers hold no number or name that differs between servers. `NEW` begins a new
/// connection.
const COMMANDS: &str = "HELLO 4;HELLO abc;HELLO 3 FOO;HELLO 3 AUTH default;AUTH x;AUTH default x;\
    AUTH foo x;AUTH a b c;CLIENT;CLIENT FOO;CLIENT ID 1;CLIENT SETNAME a~b;CLIENT GETNAME;\
    CLIENT SETINFO lib-name foo;CLIENT SETINFO foo 1.0;CLIENT LIST TYPE foo;\
    CLIENT LIST TYPE pubsub;CLIENT LIST ID;CLIENT LIST ID abc;CLIENT LIST ID 0;\
    CLIENT LIST foo bar;CLIENT KILL;CLIENT KILL 1.1.1.1:1;CLIENT KILL ID abc;CLIENT KILL ID 9999;\
    CLIENT KILL TYPE foo;\
    CLIENT KILL USER foo;CLIENT KILL MAXAGE 0;CLIENT KILL ID 1 FOO;CLIENT PAUSE abc;\
    CLIENT PAUSE -1;CLIENT PAUSE 10 FOO;CLIENT UNPAUSE;CLIENT REPLY foo;CLIENT REPLY ON;\
    CLIENT NO-EVICT on;CLIENT NO-TOUCH foo;CLIENT UNBLOCK abc;CLIENT UNBLOCK 5 FOO;\
    CLIENT GETREDIR;CLIENT TRACKINGINFO;CLIENT TRACKING off;CLIENT CACHING yes;ECHO;ECHO a;\
    PING a b;RESET;SELECT abc;SELECT 99999999999;MULTI;MULTI;EXEC;NEW;MULTI;MONITOR;CLIENT GETNAME;\
    AUTH x;PING foo;ECHO foo;SELECT 99;CLIENT TRACKINGINFO;CLIENT UNPAUSE;EXEC;MULTI;RESET;EXEC;\
    MULTI;WATCH a;EXEC;DISCARD";

#[test]
fn answers_are_the_stock_ones() {
    if !installed(&[Kind::Valkey]) {
        return;
    }
    let expected = answers(Kind::Valkey);
    for shards in [1, 3] {
        for ((command, expected), (_, answer)) in expected.iter().zip(answers(own(shards))) {
            assert_eq!(answer, *expected, "{command} with {shards} shards");
        }
    }
}

#[test]
fn skipped_replies_are_those_of_one_command() {
    let server = Server::start(own(2));
    let mut client = server.client();
    let pipeline =
        b"PING\r\nCLIENT REPLY SKIP\r\nECHO a\r\nECHO b\r\nCLIENT REPLY OFF\r\nECHO c\r\n\
        CLIENT REPLY ON\r\nECHO d\r\n";
    client.send(pipeline).expect("the server reads");
    let mut read = || client.read_reply().expect("an answer").text();
    assert_eq!([read(), read(), read(), read()], ["PONG", "b", "OK", "d"]);
}

fn answers(kind: Kind) -> Vec<(&'static str, Value)> {
    let server = Server::start(kind);
    let mut client = server.client();
    let mut answers = Vec::new();
    for command in COMMANDS.split(';').map(str::trim) {
        if command == "NEW" {
            client = server.client();
        } else {
            let words: Vec<&str> = command.split(' ').collect();
            answers.push((command, client.cmd(&words)));
        }
    }
    answers
}
