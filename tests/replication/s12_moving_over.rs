//! Moving over from a stock server while clients write, and back. No write is lost.

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};

use crate::checks::{attach, stat, wait_equal, write_sample};
use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::stock::Kind;
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, wait_until};

two_servers!(scenario, &[(1, 0), (0, 1)]);

fn scenario(cast: [Kind; 2]) {
    let [old, new] = cast.map(Server::start);
    write_sample(&old);
    let writer = Writer::new(old.port());
    std::thread::scope(|scope| {
        scope.spawn(|| writer.run());
        let end = EndOnDrop(&writer);
        writer.wait_more(100);
        attach(&new, &old);
        writer.wait_more(100);
        switch(&writer, &old, &new);
        writer.wait_more(200);
        switch(&writer, &new, &old);
        writer.wait_more(100);
        drop(end);
    });
    wait_equal(&old, &[&new]);
    let acknowledged = writer.written.load(Ordering::SeqCst);
    for server in [&old, &new] {
        for n in 0..acknowledged {
            let value = server.value_of(&format!("written:{n}"));
            assert_eq!(value, Some(n.to_string()), "an acknowledged write");
        }
    }
    assert!(writer.reconnects.load(Ordering::SeqCst) <= 2, "a client sees one reconnect a switch");
}

/// Makes the replica the master and the master its replica; writes wait meanwhile.
fn switch(writer: &Writer, master: &Server, replica: &Server) {
    let full = stat(replica, "sync_full");
    master.ask_ok(&["CLIENT", "PAUSE", "30000", "WRITE"]);
    wait_equal(master, &[replica]);
    replica.ask_ok(&["REPLICAOF", "NO", "ONE"]);
    writer.target.store(replica.port(), Ordering::SeqCst);
    attach(master, replica);
    master.ask_ok(&["CLIENT", "UNPAUSE"]);
    assert_eq!(stat(replica, "sync_full"), full, "the switch is a partial resynchronization");
}

/// A client that writes `written:n`, one at a time, and goes where it is told when refused.
struct Writer {
    target: AtomicU16,
    written: AtomicUsize,
    reconnects: AtomicUsize,
    ended: AtomicBool,
}

/// Ends the writer even when the test fails, else its thread would never be joined.
struct EndOnDrop<'a>(&'a Writer);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::SeqCst);
    }
}

impl Writer {
    fn new(port: u16) -> Writer {
        Writer {
            target: AtomicU16::new(port),
            written: AtomicUsize::new(0),
            reconnects: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
        }
    }

    fn run(&self) {
        let mut port = self.target.load(Ordering::SeqCst);
        let mut client = Client::connect(port).expect("the master listens");
        while !self.ended.load(Ordering::SeqCst) {
            let n = self.written.load(Ordering::SeqCst);
            match client.try_cmd(&["SET", &format!("written:{n}"), &n.to_string()]) {
                Ok(reply) if reply.is_ok() => {
                    self.written.store(n + 1, Ordering::SeqCst);
                    continue;
                }
                Ok(Value::Error(text)) if text.starts_with(b"READONLY") => {}
                Ok(other) => panic!("SET answered {other:?}"),
                Err(_) => {}
            }
            self.reconnects.fetch_add(1, Ordering::SeqCst);
            port = self.target.load(Ordering::SeqCst);
            client = Client::connect(port).expect("the new master listens");
        }
    }

    fn wait_more(&self, count: usize) {
        let goal = self.written.load(Ordering::SeqCst) + count;
        wait_until(DEADLINE, "the client's writes go on", || {
            self.written.load(Ordering::SeqCst) >= goal
        });
    }
}
