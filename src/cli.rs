//! What the command line asks for instead of serving: the version, help, a look at the machine.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use tributary::config::error::REDIS_LEVEL;

/// What the process is started as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Serve.
    Server,
    /// Watch servers.
    Sentinel,
    /// Print the version.
    Version,
    /// Print how to use this.
    Help,
    /// Look at the machine.
    CheckSystem,
}

/// What the program's name and the first argument ask for.
pub fn mode(program: Option<&OsStr>, args: &[OsString]) -> Mode {
    let name = program.map(Path::new).and_then(Path::file_name).unwrap_or_default();
    if name.to_string_lossy().contains("sentinel") || args.iter().any(|arg| arg == "--sentinel") {
        return Mode::Sentinel;
    }
    match args {
        [only] if only == "-v" || only == "--version" => Mode::Version,
        [only] if only == "-h" || only == "--help" => Mode::Help,
        [only] if only == "--check-system" => Mode::CheckSystem,
        _ => Mode::Server,
    }
}

/// The version, as scripts of operators look for it.
pub fn version() -> String {
    format!(
        "Tributary server v={} redis={REDIS_LEVEL} malloc=jemalloc-5.3.0 bits={}",
        env!("CARGO_PKG_VERSION"),
        usize::BITS
    )
}

/// How to use the program.
pub const HELP: &str = "\
Usage: tributary-server [/path/to/tributary.conf] [options] [-]
       tributary-server - (read config from stdin)
       tributary-server -v or --version
       tributary-server -h or --help
       tributary-server --check-system

An option is a directive of the configuration with two dashes before its name, and its values
behind it; options come after the file and win over it.

Examples:
       tributary-server (run the server with default conf)
       echo 'maxmemory 128mb' | tributary-server -
       tributary-server /etc/tributary/6379.conf
       tributary-server --port 7777
       tributary-server --port 7777 --replicaof 127.0.0.1 8888
       tributary-server /etc/tributary/6379.conf --loglevel verbose -
";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(program: &str, args: &[&str], expected: Mode) {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        assert_eq!(mode(Some(OsStr::new(program)), &args), expected);
    }

    #[test]
    fn the_name_and_the_first_argument_decide() {
        check("tributary-server", &[], Mode::Server);
        check("/usr/bin/redis-server", &["a.conf", "--port", "1"], Mode::Server);
        check("/usr/bin/redis-sentinel", &["s.conf"], Mode::Sentinel);
        check("tributary-server", &["s.conf", "--sentinel"], Mode::Sentinel);
        check("tributary-server", &["-v"], Mode::Version);
        check("tributary-server", &["--help"], Mode::Help);
        check("tributary-server", &["--check-system"], Mode::CheckSystem);
        // As a directive's value they are none of this.
        check("tributary-server", &["--requirepass", "-v"], Mode::Server);
    }
}
