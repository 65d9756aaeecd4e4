//! The end of the process, in order: the child is killed, the data saved if it is to be, files of
//! this process are removed, all shards stop. On shard 0's loop. Asked for by SHUTDOWN, SIGTERM and
//! SIGINT.

use super::controller::Leased;
use super::core::{Core, Peer};
use super::mail::Mail;
use super::start::pid_file;
use crate::base::ids::ShardId;
use crate::config::choices::ShutdownFlags;
use crate::router::lease::Hand;
use crate::shard::batch::Batch;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Which signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
}

/// The end that is under way.
pub struct Shutdown {
    flags: ShutdownFlags,
    /// Who is told if it fails.
    orders: Vec<Box<Batch>>,
}

/// What SHUTDOWN's arguments say.
enum Asked {
    End(ShutdownFlags),
    Abort,
}

impl Core {
    /// Lets signals arrive at this loop. On shard 0.
    ///
    /// # Errors
    /// The kernel's; without signals the server would not end in order.
    pub(super) fn watch_signals(&mut self) -> std::io::Result<()> {
        let signals = [(libc::SIGTERM, Cause::Terminate), (libc::SIGINT, Cause::Interrupt)];
        for (signal, cause) in signals {
            let (arrives, raised) = UnixStream::pair()?;
            signal_hook::low_level::pipe::register(signal, raised)?;
            let socket = self.net.adopt(arrives.into());
            self.insert_row(socket, Peer::Signals(cause));
        }
        // A terminal that goes away does not end a server.
        signal_hook::flag::register(libc::SIGHUP, Arc::new(AtomicBool::new(false)))?;
        Ok(())
    }

    /// A signal has arrived.
    pub(super) fn signalled(&mut self, cause: Cause) {
        if self.controller.shutdown.is_some() && cause == Cause::Interrupt {
            crate::warning!("You insist... exiting now.");
            self.kill_child();
            self.remove_files();
            std::process::exit(1);
        }
        let settings = &self.shard.tools.settings.shutdown;
        let (name, flags) = match cause {
            Cause::Terminate => ("SIGTERM", settings.on_sigterm),
            Cause::Interrupt => ("SIGINT", settings.on_sigint),
        };
        crate::warning!("Received {name} scheduling shutdown...");
        self.begin_shutdown(flags, None);
    }

    /// SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT].
    pub(super) fn shutdown_order(&mut self, batch: Box<Batch>) {
        match asked(&batch) {
            None => self.refuse_order(batch, "ERR syntax error"),
            Some(Asked::Abort) => self.refuse_order(batch, "ERR No shutdown in progress."),
            Some(Asked::End(flags)) => self.begin_shutdown(flags, Some(batch)),
        }
    }

    fn begin_shutdown(&mut self, flags: ShutdownFlags, order: Option<Box<Batch>>) {
        if let Some(shutdown) = &mut self.controller.shutdown {
            shutdown.orders.extend(order);
            return;
        }
        crate::notice!("User requested shutdown...");
        self.kill_child();
        let points = !self.shard.tools.settings.rdb.save.is_empty();
        // What is not loaded completely must not replace the file it comes from.
        let save = (points && !flags.nosave || flags.save) && self.controller.loading.is_none();
        self.controller.shutdown = Some(Shutdown { flags, orders: order.into_iter().collect() });
        if save {
            crate::notice!("Saving the final RDB snapshot before exiting.");
            self.lease_all(Leased::LastSave);
        } else {
            self.end_process();
        }
    }

    /// The last save, with every keyspace in hand. They are given back only if the process goes on:
    /// no write may be acknowledged behind that save.
    pub(super) fn last_save(&mut self, mut hand: Hand) {
        let saved = self.save_in_hand(&mut hand);
        let force = self.controller.shutdown.as_ref().is_some_and(|it| it.flags.force);
        if saved || force {
            if !saved {
                crate::warning!("Error trying to save the DB. Exiting anyway.");
            }
            // Freeing the data key by key would only take time.
            std::mem::forget(hand);
            return self.end_process();
        }
        crate::warning!("Error trying to save the DB, can't exit.");
        let orders = self.controller.shutdown.take().map_or(Vec::new(), |it| it.orders);
        for batch in orders {
            self.refuse_order(batch, "ERR Errors trying to SHUTDOWN. Check logs.");
        }
        crate::router::lease::give_back(hand, &mut self.shard);
    }

    fn end_process(&mut self) {
        self.remove_files();
        crate::warning!("Redis is now ready to exit, bye bye...");
        for shard in 0..self.process.shared.placement.shards() {
            self.process.post(ShardId(shard), Mail::Stop);
        }
    }

    /// Removes the files that tell others of this process.
    pub(super) fn remove_files(&self) {
        let settings = &self.shard.tools.settings;
        pid_file::remove(settings);
        if !settings.network.unixsocket.is_empty() {
            crate::notice!("Removing the unix socket file.");
            // It may be gone already.
            let _ = std::fs::remove_file(&settings.network.unixsocket);
        }
    }

    /// Whether the process is about to end.
    pub fn is_shutting_down(&self) -> bool {
        self.controller.shutdown.is_some()
    }
}

fn asked(batch: &Batch) -> Option<Asked> {
    let mut flags = ShutdownFlags::default();
    let mut abort = false;
    for word in batch.args(0).iter().skip(1) {
        match word.to_ascii_lowercase().as_slice() {
            b"save" => flags.save = true,
            b"nosave" => flags.nosave = true,
            b"now" => flags.now = true,
            b"force" => flags.force = true,
            b"abort" => abort = true,
            _ => return None,
        }
    }
    if flags.save && flags.nosave {
        return None;
    }
    match (abort, flags == ShutdownFlags::default()) {
        (false, _) => Some(Asked::End(flags)),
        (true, true) => Some(Asked::Abort),
        (true, false) => None,
    }
}
