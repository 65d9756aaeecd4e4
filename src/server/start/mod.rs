//! What happens once around serving: going to the background, the pid file, telling a supervisor,
//! the first lines of the log. On the main thread, but for telling that the server is ready.

pub mod background;
pub mod check;
pub mod oom;
pub mod opening;
pub mod pid_file;
pub mod ready;
pub mod supervisor;
