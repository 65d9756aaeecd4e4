//! What users may do on their connections, and what becomes of these when users change.

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::stock::{Kind, installed, own};
use crate::support::wait::{DEADLINE, wait_until};
use crate::{both, clients, pair};

const USER: &str = "ACL SETUSER b reset on >pw ~k* %R~r* &ch* +@all -config +config|get \
                    \"(+set ~s* %W~w*)\"";

#[test]
fn a_user_is_held_to_its_rules() {
    let Some(servers) = pair(&[]) else { return };
    let (mut admin, mut users) = (clients(&servers), clients(&servers));
    both(&mut admin, USER, "");
    for line in [
        "AUTH b bad",
        "AUTH b pw",
        "ACL WHOAMI",
        "GET z",
        "GET k1",
        "SET r1 x",
        "SET w1 x",
        "SET s1 x",
        "GET s1",
        "MGET k1 k2 r1",
        "MGET k1 k2 z",
        "CONFIG SET maxmemory 0",
        "CONFIG RESETSTAT",
        "nope",
        "GET",
        "CONFIG",
        "MULTI",
        "GET k1",
        "GET z",
        "EXEC",
        "MULTI",
        "SET k1 v",
        "GET k1",
        "EXEC",
        "WATCH z",
        "RESET",
        "ACL WHOAMI",
        "GET z",
    ] {
        both(&mut users, line, "");
    }
}

#[test]
fn a_change_holds_at_once_and_inside_a_transaction() {
    let Some(servers) = pair(&[]) else { return };
    let (mut admin, mut users) = (clients(&servers), clients(&servers));
    both(&mut admin, USER, "");
    both(&mut users, "AUTH b pw", "");
    for line in ["MULTI", "SET k1 v", "GET k1", "PING"] {
        both(&mut users, line, "");
    }
    both(&mut admin, "ACL SETUSER b -get resetkeys ~q", "");
    both(&mut users, "EXEC", "after the change");
    both(&mut users, "GET k1", "after the change");
    both(&mut admin, "ACL SETUSER b allkeys +@all", "");
    both(&mut users, "GET k1", "after all was given");
    both(&mut admin, "ACL SETUSER b off", "");
    both(&mut users, "PING", "a session goes on");
    both(&mut users, "AUTH b pw", "nobody comes in");
}

#[test]
fn the_default_user_decides_who_must_log_in() {
    let Some(servers) = pair(&[]) else { return };
    let mut admin = clients(&servers);
    both(&mut admin, "ACL SETUSER default >x", "");
    let mut users = clients(&servers);
    for line in ["PING", "AUTH y", "AUTH x", "PING"] {
        both(&mut users, line, "");
    }
    both(&mut admin, "CONFIG SET requirepass q", "");
    both(&mut admin, "ACL LIST", "");
    both(&mut users, "AUTH x", "");
    both(&mut users, "AUTH q", "");
    both(&mut admin, "CONFIG SET requirepass \"\"", "");
    both(&mut admin, "ACL LIST", "");
    both(&mut admin, "ACL SETUSER default on nopass -@all +acl +ping", "");
    let mut users = clients(&servers);
    for line in ["GET x", "PING", "ACL WHOAMI"] {
        both(&mut users, line, "");
    }
}

#[test]
fn refusals_are_logged_and_counted() {
    let Some(servers) = pair(&["acllog-max-len 4"]) else { return };
    let (mut admin, mut users) = (clients(&servers), clients(&servers));
    both(&mut admin, USER, "");
    for line in ["AUTH b no", "AUTH b no", "AUTH b pw", "GET z", "MULTI", "GET z", "DISCARD"] {
        both(&mut users, line, "");
    }
    for line in ["GET z", "CONFIG RESETSTAT", "HELLO 2 AUTH x y"] {
        both(&mut users, line, "");
    }
    let logs = admin.each_mut().map(|client| {
        let entries = client.cmd(&["ACL", "LOG"]);
        let shown = |entry: &crate::support::value::Value| {
            let items = entry.items();
            let told: Vec<String> = [1, 3, 5, 7, 9]
                .map(|at| {
                    let item = &items[at];
                    if at == 1 { item.integer().to_string() } else { item.text() }
                })
                .into();
            let id = items[15].integer();
            (told, id)
        };
        entries.items().iter().map(shown).collect::<Vec<_>>()
    });
    assert_eq!(logs[0], logs[1]);
    assert_eq!(logs[0].len(), 4);
    for field in ["auth", "cmd", "key", "channel"] {
        let name = format!("acl_access_denied_{field}");
        let counts = servers.each_ref().map(|server| server.info("stats").number(&name));
        assert_eq!(counts[0], counts[1], "{name}");
    }
    both(&mut admin, "ACL LOG RESET", "");
    both(&mut admin, "ACL LOG", "");
}

/// Pipelines over shards: each command is judged, and replies keep their order.
#[test]
fn every_command_of_a_pipeline_is_judged() {
    let server = Server::start(own(3));
    server.ask_ok(&["ACL", "SETUSER", "p", "on", "nopass", "~ok:*", "+@all"]);
    let mut client = server.client();
    assert!(client.cmd(&["AUTH", "p", "x"]).is_ok());
    let commands: Vec<Vec<Vec<u8>>> = (0..300)
        .map(|number| {
            let key = if number % 7 == 3 { format!("no:{number}") } else { format!("ok:{number}") };
            vec![b"SET".to_vec(), key.into_bytes(), b"v".to_vec()]
        })
        .collect();
    let replies = client.pipeline(&commands);
    for (number, reply) in replies.iter().enumerate() {
        match number % 7 {
            3 => assert!(reply.is_error("NOPERM"), "{number}: {reply:?}"),
            _ => assert!(reply.is_ok(), "{number}: {reply:?}"),
        }
    }
    assert_eq!(server.ask(&["DBSIZE"]).integer(), (0..300).filter(|n| n % 7 != 3).count() as i64);
}

#[test]
fn connections_of_deleted_users_are_closed() {
    let server = Server::start(own(3));
    server.ask_ok(&["ACL", "SETUSER", "gone", "on", "nopass", "+@all"]);
    let mut users: Vec<Client> = (0..6).map(|_| server.client()).collect();
    for user in &mut users {
        assert!(user.cmd(&["AUTH", "gone", "x"]).is_ok());
    }
    assert_eq!(server.ask(&["ACL", "DELUSER", "gone"]).integer(), 1);
    for user in &mut users {
        let closed = user.read_to_close().expect("the server closes");
        assert!(closed.is_empty());
    }
    wait_until(DEADLINE, "only the asker is connected", || {
        server.info("clients").number("connected_clients") == 1
    });
}

#[test]
fn subscribers_that_lose_a_channel_are_closed() {
    for kind in [own(3), Kind::Valkey] {
        if !installed(&[kind]) {
            continue;
        }
        let server = Server::start(kind);
        server.ask_ok(&["ACL", "SETUSER", "s", "on", "nopass", "+@all", "&ch:*", "&other"]);
        let subscribed = |words: &[&str]| {
            let mut client = server.client();
            assert!(client.cmd(&["AUTH", "s", "x"]).is_ok());
            assert_eq!(client.cmd(words).items().len(), 3);
            client
        };
        let mut lost = [
            subscribed(&["SUBSCRIBE", "ch:1"]),
            subscribed(&["PSUBSCRIBE", "ch:*"]),
            subscribed(&["SSUBSCRIBE", "ch:2"]),
        ];
        let mut kept = subscribed(&["SUBSCRIBE", "other"]);
        let mut idle = server.client();
        assert!(idle.cmd(&["AUTH", "s", "x"]).is_ok());
        server.ask_ok(&["ACL", "SETUSER", "s", "resetchannels", "&other", "&ch:3"]);
        for client in &mut lost {
            assert!(client.read_to_close().expect("it is closed").is_empty());
        }
        assert_eq!(server.ask(&["PUBLISH", "other", "m"]).integer(), 1);
        assert_eq!(kept.read_any().expect("a message").items()[2].text(), "m");
        assert!(idle.cmd(&["SUBSCRIBE", "ch:1"]).is_error("NOPERM"));
        assert!(!idle.cmd(&["SUBSCRIBE", "ch:3"]).is_error("NOPERM"));
    }
}
