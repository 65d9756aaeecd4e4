//! The programs in `tools/` as an operator starts them, against our server and stock ones.

#[path = "../support/mod.rs"]
mod support;

mod compare;
mod rdb_inspect;
mod stream_tail;

use std::process::{Command, Output, Stdio};

use support::server::Server;
use support::wait::{DEADLINE, wait_until};

/// Runs a tool to its end, within the time anything here may take.
fn run(program: &str, args: &[&str]) -> Output {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tool was built with the tests");
    // What these print fits a pipe, so that waiting before reading cannot lock.
    wait_until(DEADLINE, &format!("{program} {args:?} ends"), || {
        matches!(child.try_wait(), Ok(Some(_)))
    });
    child.wait_with_output().expect("it has ended")
}

/// A server's address, as the tools take it.
fn address(server: &Server) -> String {
    format!("127.0.0.1:{}", server.port())
}

/// What a program printed.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
