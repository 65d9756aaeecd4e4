//! INFO's section on the process and the machine.

use super::page::Page;
use crate::config::directives;
use crate::config::error::REDIS_LEVEL;
use crate::server::listeners;
use std::sync::LazyLock;

/// `# Server`
pub fn server(page: &mut Page<'_>) {
    let settings = page.settings.clone();
    let process = page.process;
    page.title("Server");
    page.field("redis_version", REDIS_LEVEL);
    page.field("server_name", "tributary");
    page.field("tributary_version", env!("CARGO_PKG_VERSION"));
    page.field("redis_git_sha1", "00000000");
    page.field("redis_git_dirty", 0);
    page.field("redis_build_id", 0);
    page.field("redis_mode", "standalone");
    page.field("os", &*OS);
    page.field("arch_bits", usize::BITS);
    page.field("monotonic_clock", "POSIX clock_gettime");
    page.field("multiplexing_api", "io_uring");
    page.field("atomicvar_api", "rust");
    page.field("process_id", std::process::id());
    let supervised = directives::find("supervised").map(|row| row.print(&settings));
    page.field("process_supervised", supervised.unwrap_or_default());
    page.field("run_id", process.run_id);
    page.field("tcp_port", settings.network.port);
    page.field("server_time_usec", crate::base::clock::wall_us());
    let uptime_s = process.started.elapsed().as_secs();
    page.field("uptime_in_seconds", uptime_s);
    page.field("uptime_in_days", uptime_s / 86_400);
    page.field("hz", settings.server.hz);
    page.field("configured_hz", settings.server.hz);
    page.field("lru_clock", (page.now_ms / 1000) & 0xff_ffff);
    page.field("executable", &*EXECUTABLE);
    let file = settings.config_file.as_ref().map(|path| path.display().to_string());
    page.field("config_file", file.unwrap_or_default());
    page.field("io_threads_active", 0);
    page.field("availability_zone", "");
    for (index, listener) in listeners::described(&settings.network).iter().enumerate() {
        page.field(&format!("listener{index}"), listener);
    }
}

static OS: LazyLock<String> = LazyLock::new(|| match nix::sys::utsname::uname() {
    Ok(name) => [name.sysname(), name.release(), name.machine()]
        .map(|part| part.to_string_lossy().into_owned())
        .join(" "),
    Err(_) => "Linux".to_owned(),
});

/// As it was started: the file may be replaced while the server runs.
static EXECUTABLE: LazyLock<String> = LazyLock::new(|| {
    let path = std::env::current_exe();
    path.map_or(String::new(), |path| path.display().to_string())
});
