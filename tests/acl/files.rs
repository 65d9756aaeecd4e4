//! Users in files and in the config.

use std::fs;

use crate::support::server::{Server, run_to_end};
use crate::support::stock::{Kind, installed, own};
use crate::support::value::Value;

#[test]
fn users_of_a_file_are_loaded_changed_and_saved() {
    for kind in [own(2), Kind::Valkey] {
        if !installed(&[kind]) {
            continue;
        }
        let mut server = Server::prepared(kind, crate::support::server::free_port(), &[]);
        let file = server.dir().join("users.acl");
        fs::write(&file, "user alice on nopass ~* +@all\n").expect("our directory");
        server.add_config(&format!("aclfile {}", file.display()));
        server.launch();
        let mut alice = server.client();
        assert!(alice.cmd(&["AUTH", "alice", "x"]).is_ok());
        server.ask_ok(&["ACL", "SETUSER", "bob", "on", ">x", "+get"]);
        server.ask_ok(&["ACL", "SAVE"]);
        let lines = "user alice on nopass sanitize-payload ~* resetchannels +@all\n\
                     user bob on sanitize-payload \
                     #2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 \
                     resetchannels -@all +get\n\
                     user default on nopass sanitize-payload ~* &* +@all\n";
        assert_eq!(fs::read_to_string(&file).expect("it was saved"), lines);

        let shown = file.display().to_string();
        for (text, expected) in [
            ("user alice on bad\n", format!("ERR {shown}:1: Syntax error. WARNING: ACL errors")),
            ("foo bar\n", format!("ERR {shown}:1 should start with user keyword followed by")),
            ("user a on\nuser a on\n", "ERR WARNING: Duplicate user 'a' found on line 2.".into()),
        ] {
            fs::write(&file, text).expect("our directory");
            let refused = server.ask(&["ACL", "LOAD"]);
            assert!(refused.is_error(&expected), "{text}: {refused:?}");
            assert_eq!(server.ask(&["ACL", "USERS"]).items().len(), 3, "{text}");
        }
        fs::write(&file, "user default on nopass ~* &* +@all\n").expect("our directory");
        server.ask_ok(&["ACL", "LOAD"]);
        assert_eq!(server.ask(&["ACL", "USERS"]).items().len(), 1);
        assert!(alice.read_to_close().expect("her user is gone").is_empty());
    }
}

#[test]
fn users_of_the_config_are_there_and_rewritten() {
    let mut server = Server::with(
        own(2),
        &["user alice on >pw ~a* +@read", "user default on nopass ~* &* +@all -debug"],
    );
    let list = server.ask(&["ACL", "LIST"]).text_lines();
    assert_eq!(list.len(), 2, "{list:?}");
    assert!(list[0].ends_with("~a* resetchannels -@all +@read"), "{list:?}");
    server.ask_ok(&["ACL", "SETUSER", "carol", "on", "nopass", "(+get ~c*)"]);
    let list = server.ask(&["ACL", "LIST"]).text_lines();
    server.ask_ok(&["CONFIG", "REWRITE"]);
    server.shutdown();
    server.launch();
    assert_eq!(server.ask(&["ACL", "LIST"]).text_lines(), list);
}

impl Value {
    /// The texts of an array.
    fn text_lines(&self) -> Vec<String> {
        self.items().iter().map(Value::text).collect()
    }
}

#[test]
fn wrong_users_keep_the_server_from_starting() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = dir.path().join("c.conf");
    let port = format!("port {}\n", crate::support::server::free_port());
    for (text, expected) in [
        ("user alice on bad\n", "Error in user declaration 'alice': Syntax error"),
        ("user a on\nuser a on\n", "Duplicate user found"),
        ("user a +nope\n", "Unknown command or category name in ACL"),
        ("aclfile /nonexistent/users.acl\n", "opening file '/nonexistent/users.acl': No such file"),
        ("user a on\naclfile users.acl\n", "either an ACL file or declare users directly"),
    ] {
        fs::write(&config, format!("{port}{text}")).expect("our directory");
        let ended = run_to_end(own(1), dir.path(), &[config.to_str().expect("a plain path")]);
        assert_eq!(ended.code, Some(1), "{text}");
        assert!(ended.output.contains(expected), "{text}: {}", ended.output);
    }
}
