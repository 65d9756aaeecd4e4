use super::*;

use std::ffi::OsString;

/// Reads `text` as the file `t.conf` of a fresh directory that also holds `others`.
fn load_with(text: &str, others: &[(&str, &str)], args: &[&str]) -> Result<Loaded, String> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (name, contents) in others.iter().chain(&[("t.conf", text)]) {
        std::fs::write(dir.path().join(name), contents).expect("a small file");
    }
    let words = std::iter::once(&"t.conf").chain(args).map(OsString::from);
    let arguments = Arguments::from_args(words);
    let loaded = load(&arguments, dir.path(), &mut std::io::empty());
    let place = format!("{}/", dir.path().display());
    loaded.map_err(|error| error.to_string().replace(&place, ""))
}

fn settings(text: &str) -> Settings {
    load_with(text, &[], &[]).expect("valid").settings
}

#[track_caller]
fn refused(text: &str, line: usize, shown: &str, reason: &str) {
    let error = load_with(text, &[], &[]).expect_err("refused");
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!(
        "\n*** FATAL CONFIG FILE ERROR (Tributary {version}, Redis 7.2.4) ***\n\
         Reading the configuration file, at line {line} of t.conf\n>>> '{shown}'\n{reason}"
    );
    assert_eq!(error, expected);
}

#[test]
fn errors_name_line_text_and_reason() {
    refused("# x\n\nport abc\n", 3, "port abc", "argument couldn't be parsed into an integer");
    let bad = "Bad directive or wrong number of arguments";
    refused("foo bar", 1, "foo bar", bad);
    refused("include", 1, "include", bad);
    refused("rename-command a", 1, "rename-command a", bad);
    refused("port", 1, "port", "wrong number of arguments");
    refused("port 12 # why", 1, "port 12 # why", "wrong number of arguments");
    refused("port \"123", 1, "port \"123", "Unbalanced quotes in configuration line");
    let path = "dbfilename can't be a path, just a filename";
    refused("dbfilename a/b", 1, "dbfilename a/b", path);
    refused("dbfilename \"\"", 1, "dbfilename \"\"", "dbfilename can't be empty");
    refused("dir /nonexistent", 1, "dir /nonexistent", "No such file or directory");
    refused(
        "unixsocketperm 8",
        1,
        "unixsocketperm 8",
        "argument couldn't be parsed as an octal number",
    );
    refused(
        "unixsocketperm 1777",
        1,
        "unixsocketperm 1777",
        "argument must be between 0 and 777 inclusive",
    );
    refused("replicaof x", 1, "replicaof x", "wrong number of arguments");
    refused("replicaof x 99999", 1, "replicaof x 99999", "Invalid master port");
    let modules = "modules are not supported by Tributary; remove the loadmodule line";
    refused("loadmodule x.so", 1, "loadmodule x.so", modules);
    let cow = "snapshot-method cow is not available in this version; use fork";
    refused("snapshot-method cow", 1, "snapshot-method cow", cow);
    let text = "argument must be valid UTF-8 text without NUL bytes";
    refused("masterauth \"\\xff\"", 1, "masterauth \"\\xff\"", text);
}

#[test]
fn missing_files_are_named() {
    let error = load_with("include no.conf", &[], &[]).expect_err("refused");
    assert_eq!(error, "Fatal error, can't open config file 'no.conf': No such file or directory");
    assert!(load_with("include no*.conf", &[], &[]).is_ok());
    let error = load_with("include t.conf", &[], &[]).expect_err("refused");
    assert!(error.ends_with("too many nested includes"), "{error}");
}

#[test]
fn includes_are_read_where_they_stand() {
    let others = [("a.conf", "port 1\nhz 20"), ("b.conf", "port 2"), (".c.conf", "port 3")];
    let read = |text| load_with(text, &others, &[]).expect("valid").settings;
    assert_eq!(read("include a.conf\nport 5").network.port, 5);
    assert_eq!(read("port 5\ninclude a.conf").network.port, 1);
    let all = read("include [ab].conf");
    assert_eq!((all.network.port, all.server.hz), (2, 20));
    assert_eq!(read("include *a.conf").server.hz, 20);
    let error = load_with("port 1\ninclude bad.conf", &[("bad.conf", "\nbar foo")], &[]);
    let error = error.expect_err("refused");
    assert!(error.contains("at line 2 of bad.conf\n>>> 'bar foo'"), "{error}");
}

#[test]
fn command_line_overrides_the_file() {
    let args = ["--port", "6380", "--replicaof", "127.0.0.1 6379", "--save", "", "--hz", "20"];
    let found = load_with("port 1\nsave 900 1", &[], &args).expect("valid").settings;
    let master = found.replication.replicaof.expect("set");
    assert_eq!((found.network.port, master.host.as_str(), master.port), (6380, "127.0.0.1", 6379));
    assert!(found.rdb.save.is_empty());
    assert!(found.config_file.expect("a file").is_absolute());
    let error = load_with("", &[], &["--port", "abc"]).expect_err("refused");
    assert!(error.contains("at line 1 of the command line\n>>> 'port \"abc\"'"), "{error}");
    let error = load_with("", &[], &["word"]).expect_err("refused");
    assert!(error.ends_with("Bad directive or wrong number of arguments"), "{error}");
}

#[test]
fn standard_input_comes_between_file_and_options() {
    let arguments = Arguments::from_args(["-", "--hz", "30"].iter().map(OsString::from));
    let mut stdin: &[u8] = b"port 7\nhz 20";
    let dir = tempfile::tempdir().expect("a temporary directory");
    let loaded = load(&arguments, dir.path(), &mut stdin).expect("valid");
    assert_eq!((loaded.settings.network.port, loaded.settings.server.hz), (7, 30));
    assert_eq!(loaded.settings.config_file, None);
    let mut stdin: &[u8] = b"\nfoo";
    let error = load(&arguments, dir.path(), &mut stdin).expect_err("refused").to_string();
    assert!(error.contains("at line 2 of standard input"), "{error}");
}

#[test]
fn lines_of_one_directive_add_up_where_they_should() {
    let print = |text: &str, name| directives::find(name).expect("known").print(&settings(text));
    assert_eq!(print("save 900 1\nsave 300 10", "save"), "900 1 300 10");
    assert_eq!(print("save \"900 1\"", "save"), "900 1");
    assert_eq!(print("save 900 1\nsave \"\"", "save"), "");
    assert_eq!(print("save", "save"), "3600 1 300 100 60 10000");
    let limits = "client-output-buffer-limit normal 1 2 3\nclient-output-buffer-limit slave 4 5 6";
    let shown = "normal 1 2 3 slave 4 5 6 pubsub 33554432 8388608 60";
    assert_eq!(print(limits, "client-output-buffer-limit"), shown);
    assert_eq!(print("timeout 5\ntimeout 6", "timeout"), "6");
    assert_eq!(print("bind 127.0.0.1 -::1", "bind"), "127.0.0.1 -::1");
    assert_eq!(print("slaveof a 1\nreplicaof no one", "replicaof"), "");
    assert_eq!(print("SLAVE-priority 7", "replica-priority"), "7");
    let found = settings("user a on\nuser b off +@all\nrename-command DEBUG \"\"");
    assert_eq!(found.security.users.len(), 2);
    assert_eq!(found.security.renamed_commands[0].to, "");
}

#[test]
fn directives_without_effect_warn_when_they_ask_for_something() {
    let warnings = |text| load_with(text, &[], &[]).expect("valid").warnings;
    assert!(warnings("io-threads 1\ncluster-enabled no\nport 1").is_empty());
    let found = warnings("io-threads 4\nio-threads 8");
    let text = "'io-threads' is accepted but has no effect: \
                Every shard does its own I/O; see shards.";
    assert_eq!(found, [text]);
    assert!(warnings("io-threads 4\nio-threads 1").is_empty());
}

/// Any bytes give a configuration or an error, and what was accepted is printed so that it is
/// accepted again with the same meaning.
#[test]
fn any_bytes_are_read_or_refused() {
    let names: Vec<&str> = directives::all().flat_map(Directive::names).collect();
    let values = [
        "yes",
        "no",
        "1",
        "0",
        "-1",
        "1kb",
        "10%",
        "\"\"",
        "a b",
        "\"a b\"",
        "'x'",
        "999999999999",
        "KEA",
        "900 1",
        "no one",
        "127.0.0.1 6379",
        "normal 1 2 3",
        "debug",
        "\\",
        "\"",
        "ü",
        "\u{1}",
    ];
    let start = std::env::current_dir().expect("a directory");
    for seed in 0..3000 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut text = Vec::new();
        for _ in 0..rng.usize(1..4) {
            text.extend_from_slice(names[rng.usize(0..names.len())].as_bytes());
            text.push(b' ');
            text.extend_from_slice(values[rng.usize(0..values.len())].as_bytes());
            text.push(b'\n');
        }
        if rng.bool() {
            let at = rng.usize(0..text.len());
            text[at] = rng.u8(..);
        }
        let Ok(contents) = load_file(Path::new("/fuzz.conf"), &text, &start) else {
            continue;
        };
        let mut again = String::new();
        for row in directives::all() {
            for line in row.lines(&contents.settings, true) {
                again.push_str(&line);
                again.push('\n');
            }
        }
        let printed = load_file(Path::new("/fuzz.conf"), again.as_bytes(), &start);
        let printed = printed.unwrap_or_else(|error| panic!("seed {seed}: {error}\n{again}"));
        for row in directives::all() {
            let (now, then) = (row.print(&printed.settings), row.print(&contents.settings));
            assert_eq!(now, then, "seed {seed}: {}", row.name);
        }
    }
}
