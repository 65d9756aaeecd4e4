//! CONFIG GET and CONFIG SET side by side with a stock `valkey-server`, where one is installed: the
//! same values are accepted, shown alike, and refused with the same words.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Caller, Live, rewrite};
use crate::config::choices::Permission;
use crate::config::directives;
use crate::config::settings::Settings;
use crate::config::values::Mode;

/// Defaults that are ours: a name of our own, the level of Redis 7.2, a list of the environment.
const OTHER_DEFAULTS: &[&str] = &[
    "bind",
    "dir",
    "enable-protected-configs",
    "io-threads-do-reads",
    "lazyfree-lazy-eviction",
    "lazyfree-lazy-expire",
    "lazyfree-lazy-server-del",
    "lazyfree-lazy-user-del",
    "lazyfree-lazy-user-flush",
    "port",
    "repl-backlog-size",
    "replica-lazy-flush",
    "save",
    "syslog-ident",
    "unixsocket",
];

/// Not set here: what would cut the connection, depends on the machine, or has no effect in ours.
const NOT_SET: &[&str] = &[
    "activedefrag",
    "bind",
    "cluster-announce-client-ipv4",
    "cluster-announce-client-ipv6",
    "cluster-announce-hostname",
    "cluster-announce-human-nodename",
    "dir",
    "locale-collate",
    "maxclients",
    "oom-score-adj",
    "port",
    "proc-title-template",
    "requirepass",
    "tls-cluster",
    "tls-port",
    "tls-replication",
    "watchdog-period",
];

/// Values that the stock server takes for something else than what they say: a missing number for
/// 0, a size beyond 63 bits for a percentage.
const MISREAD: &[(&str, &str)] = &[("save", "1 "), ("maxmemory-clients", "9223372036854775808")];

const VALUES: &[&str] = &[
    "",
    "0",
    "1",
    "7",
    "16384",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "-1",
    "-2147483649",
    "9223372036854775807",
    "9223372036854775808",
    "007",
    "+1",
    " 1",
    "1 ",
    "1.5",
    "abc",
    "yes",
    "NO",
    "1kb",
    "2M",
    "3gb",
    "10%",
    "101%",
    "1 2",
    "1 2 3",
    "1 x",
    "0 1",
    "a/b",
    "always",
    "debug",
    "lfu",
    "allkeys-LFU",
    "KEA",
    "Kmn",
    "q",
    "normal 1 2 3",
    "slave 1mb 2 3 pubsub 1 1 1",
    "normal 1 2 x",
    "nosave force",
    "save nosave",
    "50 99.9",
    "100.1",
    "swapdb",
    "panic",
];

struct Stock {
    child: Child,
    stream: BufReader<UnixStream>,
    _dir: tempfile::TempDir,
}

impl Drop for Stock {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Stock {
    /// A stock server on a unix socket of its own, with a file of these contents; `None` where it
    /// is not installed.
    fn start(contents: &str) -> Option<Stock> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (file, socket) = (dir.path().join("t.conf"), dir.path().join("s"));
        std::fs::write(&file, contents).expect("a small file");
        let mut command = Command::new("valkey-server");
        command.arg(&file).current_dir(dir.path()).args(["--port", "0", "--unixsocket"]);
        command.arg(&socket).args(["--enable-protected-configs", "yes"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let ended = child.try_wait().expect("our own child");
            assert!(ended.is_none(), "the stock server does not start with:\n{contents}");
            if let Ok(stream) = UnixStream::connect(&socket) {
                return Some(Stock { child, stream: BufReader::new(stream), _dir: dir });
            }
            assert!(Instant::now() < deadline, "the stock server does not answer");
            std::thread::yield_now();
        }
    }

    fn call(&mut self, words: &[&str]) -> Vec<String> {
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.stream.get_mut().write_all(request.as_bytes()).expect("the server reads");
        self.reply()
    }

    fn reply(&mut self) -> Vec<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("the server answers");
        let line = line.trim_end();
        let count = || line[1..].parse::<usize>().expect("a count");
        match line.as_bytes()[0] {
            b'*' => (0..count()).flat_map(|_| self.reply()).collect(),
            b'$' => {
                let mut bulk = vec![0; count() + 2];
                self.stream.read_exact(&mut bulk).expect("the rest of a bulk");
                bulk.truncate(bulk.len() - 2);
                vec![String::from_utf8(bulk).expect("text")]
            }
            _ => vec![line.to_owned()],
        }
    }

    fn shown(&mut self, name: &str) -> Option<String> {
        self.call(&["CONFIG", "GET", name]).into_iter().nth(1)
    }
}

fn ours(live: &Live, name: &str, value: &str) -> String {
    match live.set(&[(name.as_bytes(), value.as_bytes())], Caller::Local) {
        Ok(_) => "+OK".to_owned(),
        Err(error) => format!("-ERR {error}"),
    }
}

#[test]
fn config_set_answers_as_the_stock_server() {
    let Some(mut stock) = Stock::start("save \"\"") else {
        eprintln!("SKIPPED: valkey-server is not installed, nothing was compared");
        return;
    };
    let mut differences = Vec::new();
    let mut compared = 0;
    for row in directives::all().filter(|row| !NOT_SET.contains(&row.name)) {
        let mut settings = Settings::default();
        settings.security.enable_protected_configs = Permission::Yes;
        let live = Live::new(settings);
        for name in row.names() {
            let Some(first) = stock.shown(name) else { continue };
            let show = |live: &Live| live.matching(&[name.as_bytes()]).remove(0).1;
            if !OTHER_DEFAULTS.contains(&row.name) && show(&live) != first {
                differences.push(format!("{name}: {} / {first}", show(&live)));
            }
            for value in VALUES.iter().filter(|value| !MISREAD.contains(&(name, value))) {
                // Both start from the same value, since some directives change only part of it.
                ours(&live, name, &first);
                stock.call(&["CONFIG", "SET", name, &first]);
                let here = (ours(&live, name, value), show(&live));
                let there = stock.call(&["CONFIG", "SET", name, value]).remove(0);
                let there = (there, stock.shown(name).expect("it was there before"));
                compared += 1;
                let only_shown = row.immutable || here.0 != "+OK";
                if here.0 != there.0 || (!only_shown && here.1 != there.1) {
                    differences.push(format!("{name} {value:?}: {here:?} / {there:?}"));
                }
            }
            ours(&live, name, row.default);
            stock.call(&["CONFIG", "SET", name, &first]);
        }
    }
    assert!(differences.is_empty(), "ours / stock:\n{}", differences.join("\n"));
    assert!(compared > 5000, "only {compared} values were compared");
}

/// Not written for the stock server: names it does not know, and what would keep it from starting
/// or from being asked.
const NOT_WRITTEN: &[&str] = &[
    "aclfile",
    "appendonly",
    "daemonize",
    "databases",
    "disable-thp",
    "enable-protected-configs",
    "logfile",
    "pidfile",
    "pipeline-order",
    "rdb-version",
    "repl-resync-buffer-limit",
    "shards",
    "snapshot-method",
    "supervised",
    "syslog-enabled",
    "unixsocket",
    "unixsocketperm",
];

#[test]
fn the_stock_server_reads_what_is_rewritten() {
    let asked = || {
        directives::all().filter(|row| {
            row.applies() && ![NOT_SET, NOT_WRITTEN].iter().any(|list| list.contains(&row.name))
        })
    };
    for seed in 0..8 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut settings = Settings::default();
        for row in asked() {
            let value = VALUES[rng.usize(0..VALUES.len())];
            // Most values suit few directives; those that do not leave the default.
            let _ = row.set(&mut settings, &row.words(value), Mode::Replace);
        }
        // Both must read these three, whatever the seed says.
        settings.replication.masterauth = "a \"b\" \\ \n #".to_owned();
        settings.rdb.dbfilename = "x y.rdb".to_owned();
        settings.memory.maxmemory = 3 << 30;
        let file = rewrite::rewritten(&settings, Path::new("/t.conf"), b"# mine\n");
        let file = String::from_utf8(file.expect("no file to misread")).expect("text");
        let Some(mut stock) = Stock::start(&file) else {
            eprintln!("SKIPPED: valkey-server is not installed, nothing was compared");
            return;
        };
        for row in asked() {
            let Some(there) = stock.shown(row.name) else { continue };
            let default = row.print(&settings) == row.print(Settings::defaults());
            if !(default && OTHER_DEFAULTS.contains(&row.name)) {
                assert_eq!(row.print(&settings), there, "seed {seed}: {}\n{file}", row.name);
            }
        }
    }
}
