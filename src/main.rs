//! The server's program: reads its command line and configuration, and serves.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;
use tributary::config::arguments::Arguments;
use tributary::config::parse::{self, Loaded};
use tributary::config::settings::Settings;
use tributary::server::run;
use tributary::server::start::{check, opening};

mod cli;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let program = args.next();
    let args: Vec<OsString> = args.collect();
    match cli::mode(program.as_deref(), &args) {
        cli::Mode::Server => serve(args),
        cli::Mode::Version => tell(&cli::version()),
        cli::Mode::Help => tell(cli::HELP.trim_end()),
        cli::Mode::CheckSystem => match check::print_all(Settings::defaults()) {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        },
        cli::Mode::Sentinel => fail("Sentinel mode is not in this version of Tributary."),
    }
}

fn serve(args: Vec<OsString>) -> ExitCode {
    let loaded = match load(args) {
        Ok(loaded) => loaded,
        Err(message) => return fail(&message),
    };
    if let Err(error) = opening::open(&loaded.settings, &loaded.warnings) {
        return fail(&error.to_string());
    }
    match run::serve(loaded.settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tributary::warning!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn load(args: Vec<OsString>) -> Result<Loaded, String> {
    let arguments = Arguments::from_args(args.into_iter());
    let start_dir = std::env::current_dir()
        .map_err(|error| format!("The working directory cannot be read: {error}"))?;
    parse::load(&arguments, &start_dir, &mut std::io::stdin()).map_err(|error| error.to_string())
}

fn tell(message: &str) -> ExitCode {
    match writeln!(std::io::stdout(), "{message}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn fail(message: &str) -> ExitCode {
    // Nothing is left to do if standard error cannot be written either.
    let _ = writeln!(std::io::stderr(), "{message}");
    ExitCode::FAILURE
}
