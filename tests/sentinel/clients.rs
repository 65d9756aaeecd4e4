//! A client library that asks Sentinel where the master is works on through a failover.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::server::{Running, run_program};
use crate::support::stock::{own, skip};
use crate::support::wait::wait_until;
use crate::watch::{NAME, SETTLED, Watched};

/// Sets a counter again and again through the master that Sentinel names, and reads it from a
/// replica; a line for each value set.
const SCRIPT: &str = "
import sys, time
import redis
from redis.sentinel import Sentinel

ports = [int(port) for port in sys.argv[2:]]
watch = Sentinel([('127.0.0.1', port) for port in ports], socket_timeout=1)
master = watch.master_for(sys.argv[1], socket_timeout=1)
replica = watch.slave_for(sys.argv[1], socket_timeout=1)
listener = None
n = 0
while True:
    try:
        if listener is None:
            listener = master.pubsub()
            listener.subscribe('news')
        master.set('counter', n)
        master.publish('news', n)
        replica.get('counter')
        print('set', n, flush=True)
        message = listener.get_message(timeout=0.05)
        if message and message['type'] == 'message':
            print('heard', int(message['data']), flush=True)
        n += 1
    except redis.RedisError as error:
        print('failed', type(error).__name__, flush=True)
        listener = None
        time.sleep(0.02)
";

#[test]
fn redis_py_works_on() {
    let Some(python) = python() else {
        return skip("no Python with the module redis; tools/test installs python3-redis");
    };
    let Some(mut watched) = Watched::start(&[own(2), own(1), own(2)]) else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let script = dir.path().join("client.py");
    fs::write(&script, SCRIPT).expect("the script is written");
    let mut words = vec![script.display().to_string(), NAME.to_owned()];
    words.extend(watched.sentinels.iter().map(|sentinel| sentinel.port.to_string()));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let _process = Running(run_program(&python, dir.path(), &words));
    let said = || fs::read_to_string(dir.path().join("output")).unwrap_or_default();
    let count = |what: &str| said().lines().filter(|line| line.starts_with(what)).count();
    wait_until(SETTLED, "it sets and hears", || count("set") > 50 && count("heard") > 20);
    watched.servers[0].kill();
    wait_until(SETTLED, "it notices", || count("failed") > 0);
    let (set, heard) = (count("set"), count("heard"));
    wait_until(SETTLED, "it sets and hears again", || {
        count("set") > set + 50 && count("heard") > heard + 20
    });
    let port = watched.sentinels[0].master();
    let heir = watched.servers.iter().find(|server| server.port() == port);
    let counter = heir.expect("a replica of before").value_of("counter");
    assert!(counter.is_some_and(|n| n.parse::<usize>().is_ok_and(|n| n > set)));
}

/// A Python that has the library.
fn python() -> Option<PathBuf> {
    ["/usr/bin/python3", "python3"].into_iter().map(Path::new).map(Path::to_owned).find(|python| {
        let tried = Command::new(python).args(["-c", "import redis.sentinel"]).output();
        tried.is_ok_and(|output| output.status.success())
    })
}
