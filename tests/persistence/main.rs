//! Files end to end: what is saved comes back, in ours and in stock servers, and what goes wrong is
//! said and survived. Only sockets, signals, files and stock tools.

#[path = "../support/mod.rs"]
mod support;

mod all_types;
mod bad_files;
mod encodings;
mod ending;
mod failed_saves;
mod restart;
mod stock_files;

use support::client::Client;
use support::server::Server;
use support::value::Value;
use support::wait::{DEADLINE, wait_until};

/// Writes `count` keys of several kinds of text; spread over all shards.
fn fill(server: &Server, count: usize) {
    let mut client = server.client();
    let set = |number: usize| -> Vec<Vec<u8>> {
        let value = match number % 4 {
            0 => number.to_string().into_bytes(),
            1 => vec![b'x'; number % 3000],
            2 => format!("value:{number}").into_bytes(),
            _ => (0..number % 500).map(|index| (index * number) as u8).collect(),
        };
        vec![b"SET".to_vec(), format!("key:{number}").into_bytes(), value]
    };
    let commands: Vec<_> = (0..count).map(set).collect();
    for commands in commands.chunks(1000) {
        assert!(client.pipeline(commands).iter().all(Value::is_ok));
    }
}

fn keys(server: &Server) -> i64 {
    server.ask(&["DBSIZE"]).integer()
}

/// BGSAVE, and its end.
fn background_save(server: &Server) {
    let before = server.log().matches("Background saving terminated with success").count();
    assert_eq!(server.ask(&["BGSAVE"]).text(), "Background saving started");
    wait_until(DEADLINE, "the background save ends", || {
        server.log().matches("Background saving terminated with success").count() > before
    });
}

/// The process ids of a server's children.
fn children(pid: u32) -> Vec<i32> {
    let mut found = Vec::new();
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    for task in tasks.flatten() {
        let list = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        found.extend(list.split_whitespace().filter_map(|word| word.parse::<i32>().ok()));
    }
    found
}

fn refused(client: &mut Client, command: &[&str], prefix: &str) {
    let reply = client.cmd(command);
    assert!(reply.is_error(prefix), "{command:?}: {reply:?}");
}
