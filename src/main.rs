//! The server's program: reads its command line and configuration, and serves.

use std::io::Write;
use std::process::ExitCode;
use tributary::config::arguments::Arguments;
use tributary::config::parse;
use tributary::server::run;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = Arguments::from_args(std::env::args_os().skip(1));
    let start_dir = match std::env::current_dir() {
        Ok(dir) => dir,
        Err(error) => return fail(&format!("The working directory cannot be read: {error}")),
    };
    let loaded = match parse::load(&arguments, &start_dir, &mut std::io::stdin()) {
        Ok(loaded) => loaded,
        Err(error) => return fail(&error.to_string()),
    };
    match run::serve(loaded.settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tributary::warning!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn fail(message: &str) -> ExitCode {
    // Nothing is left to do if standard error cannot be written either.
    let _ = writeln!(std::io::stderr(), "{message}");
    ExitCode::FAILURE
}
