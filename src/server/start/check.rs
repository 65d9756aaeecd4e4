//! What of the machine is not as a server wants it: told at start, and by `--check-system`.

use crate::config::settings::Settings;
use std::fs;

/// A thing that is looked at: its name, and what is wrong with it.
struct Check {
    name: &'static str,
    problem: Option<String>,
    /// The server cannot run at all.
    fatal: bool,
}

/// What the operator should know at start.
pub fn warnings(settings: &Settings) -> Vec<String> {
    [overcommit(), backlog(settings)].into_iter().filter_map(|check| check.problem).collect()
}

/// Prints all checks, a line each; whether the server can run.
pub fn print_all(settings: &Settings) -> bool {
    let checks = [ring(), overcommit(), backlog(settings), huge_pages()];
    for check in &checks {
        match &check.problem {
            None => println!("[{}] OK", check.name),
            Some(problem) if check.fatal => println!("[{}] FAILED: {problem}", check.name),
            Some(problem) => println!("[{}] WARNING: {problem}", check.name),
        }
    }
    !checks.iter().any(|check| check.fatal && check.problem.is_some())
}

fn ring() -> Check {
    let problem = crate::net::probe::probe().err().map(|error| error.to_string());
    Check { name: "io_uring", problem, fatal: true }
}

fn overcommit() -> Check {
    let off = read("/proc/sys/vm/overcommit_memory").is_some_and(|mode| mode != "1");
    let text = "Memory overcommit must be enabled! Without it, a background save or a full \
         resynchronization may fail although memory is left. 'sysctl vm.overcommit_memory=1' \
         enables it until the next boot, a line 'vm.overcommit_memory = 1' in /etc/sysctl.conf \
         for good.";
    Check { name: "overcommit", problem: off.then(|| text.to_owned()), fatal: false }
}

fn backlog(settings: &Settings) -> Check {
    let most = read("/proc/sys/net/core/somaxconn").and_then(|number| number.parse::<i32>().ok());
    let wanted = settings.network.tcp_backlog;
    let problem = most.filter(|most| *most < wanted).map(|most| {
        format!(
            "The TCP backlog setting of {wanted} cannot be enforced because \
             /proc/sys/net/core/somaxconn is set to the lower value of {most}."
        )
    });
    Check { name: "tcp-backlog", problem, fatal: false }
}

fn huge_pages() -> Check {
    let always = read("/sys/kernel/mm/transparent_hugepage/enabled");
    let text = "Transparent huge pages are always on; the server turns them off for itself \
         unless disable-thp is no.";
    let problem = always.filter(|mode| mode.contains("[always]")).map(|_| text.to_owned());
    Check { name: "transparent-huge-pages", problem, fatal: false }
}

fn read(path: &str) -> Option<String> {
    // A file that is not there says nothing is wrong.
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}
