//! Access control lists: users, what each may run, touch and listen to, and the log of what was
//! refused. Users are immutable values behind one pointer: a change makes a new table of users,
//! and every core sees it with its next turn. No sockets, no sessions; files only in `file`.

pub mod check;
pub mod commands;
pub mod file;
pub mod log;
pub mod selector;
pub mod user;
pub mod users;
