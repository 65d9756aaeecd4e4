//! A server with some clients that wait.

use std::time::Duration;

use crate::support::client::{Client, encode};
use crate::support::server::Server;
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, wait_until};

/// For what must not come.
pub const SHORT: Duration = Duration::from_millis(60);

/// How many clients wait on a server.
pub fn blocked(server: &Server) -> i64 {
    let info = server.info("clients");
    info.field("blocked_clients").parse().expect("a number")
}

/// Sends a command that will wait, and returns when the server shows that it does.
pub fn wait_with(server: &Server, client: &mut Client, words: &[&str]) {
    let before = blocked(server);
    client.send(&encode(words)).expect("the server reads");
    wait_until(DEADLINE, "one more client waits", || blocked(server) > before);
}

/// A client that waits.
pub fn waiting(server: &Server, words: &[&str]) -> Client {
    let mut client = server.client();
    wait_with(server, &mut client, words);
    client
}

/// Its answer.
pub fn answer(client: &mut Client) -> Value {
    client.read_reply().expect("an answer")
}

/// Asserts that it is not answered.
pub fn still_waits(client: &mut Client) {
    assert_eq!(client.read_some(SHORT).expect("it is connected"), b"");
}

/// Words of a line.
pub fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}
