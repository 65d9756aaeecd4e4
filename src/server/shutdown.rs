//! The end of the process, in order: the child is killed, the data saved if it is to be, files of
//! this process are removed, all shards stop. On shard 0's loop. Asked for by SHUTDOWN, SIGTERM and
//! SIGINT.

use super::controller::Leased;
use super::core::{Core, Peer};
use super::mail::Mail;
use super::start::pid_file;
use super::waits::GETACK;
use crate::base::ids::{ReplOffset, ShardId};
use crate::config::choices::ShutdownFlags;
use crate::master::registry::Stage;
use crate::replication::stream::Mode;
use crate::router::lease::Hand;
use crate::shard::batch::Batch;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

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
    /// The data is to be saved.
    save: bool,
    /// Who is told if it fails.
    #[expect(clippy::vec_box, reason = "they came in boxes and leave in them")]
    orders: Vec<Box<Batch>>,
    /// Replicas that lag are waited for; no write can happen meanwhile.
    waiting: Option<Waiting>,
}

/// The keyspaces are in hand until every replica has what was written.
struct Waiting {
    hand: Hand,
    wanted: ReplOffset,
    deadline: Instant,
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
        // A file beyond the size that a process may write fails with an error, like a full disk.
        signal_hook::flag::register(libc::SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
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
            Some(Asked::Abort) => self.abort_shutdown(batch),
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
        let loading = self.controller.loading.is_some();
        let save = (points && !flags.nosave || flags.save) && !loading;
        let orders = order.into_iter().collect();
        self.controller.shutdown = Some(Shutdown { flags, save, orders, waiting: None });
        if save {
            // Replicas go on behind what the file holds, so nothing may come behind that any more.
            self.process.replicas.pings_held.store(true, Ordering::SeqCst);
            self.rest_link();
        }
        if save || (!loading && self.waits_for_replicas()) {
            self.lease_all(Leased::LastSave);
        } else {
            self.end_process();
        }
    }

    /// Whether the end is to be put off for replicas that lag.
    fn waits_for_replicas(&self) -> bool {
        let now = self.controller.shutdown.as_ref().is_some_and(|it| it.flags.now);
        let timeout = self.shard.tools.settings.shutdown.timeout;
        let stream = &self.shard.tools.shared.stream;
        // A replica whose data is not saved has nothing to go on with when it returns.
        let save = self.controller.shutdown.as_ref().is_some_and(|it| it.save);
        let counts = stream.active() || (save && stream.mode() == Mode::Replica);
        !now && timeout > 0 && counts && self.lagging_replicas(stream.end()) > 0
    }

    fn lagging_replicas(&self, wanted: ReplOffset) -> usize {
        let replicas = &self.process.replicas;
        let online = replicas.list().iter().filter(|it| it.stage() == Stage::Online).count();
        online.saturating_sub(replicas.covering(wanted))
    }

    /// SHUTDOWN ABORT.
    fn abort_shutdown(&mut self, mut batch: Box<Batch>) {
        let waiting = self.controller.shutdown.as_mut().and_then(|it| it.waiting.take());
        let Some(waiting) = waiting else {
            return self.refuse_order(batch, "ERR No shutdown in progress.");
        };
        crate::warning!("Shutdown manually aborted.");
        self.stay(waiting.hand);
        batch.reply.ok();
        self.answer(batch);
    }

    /// The end does not come: who asked for it is told, and the keyspaces go home.
    fn stay(&mut self, hand: Hand) {
        let orders = self.controller.shutdown.take().map_or(Vec::new(), |it| it.orders);
        self.process.replicas.pings_held.store(false, Ordering::SeqCst);
        for batch in orders {
            self.refuse_order(batch, "ERR Errors trying to SHUTDOWN. Check logs.");
        }
        crate::router::lease::give_back(hand, &mut self.shard);
    }

    /// Goes on when every replica has everything, or time is over. On shard 0, by cron.
    pub(super) fn shutdown_cron(&mut self) {
        let Some(shutdown) = &mut self.controller.shutdown else { return };
        let Some(Waiting { wanted, deadline, .. }) = shutdown.waiting else { return };
        if self.lagging_replicas(wanted) > 0 && Instant::now() < deadline {
            return;
        }
        self.log_replicas(wanted);
        let shutdown = self.controller.shutdown.as_mut();
        if let Some(waiting) = shutdown.and_then(|it| it.waiting.take()) {
            self.save_and_end(waiting.hand);
        }
    }

    fn log_replicas(&self, wanted: ReplOffset) {
        let replicas = self.process.replicas.list();
        let online = replicas.iter().filter(|replica| replica.stage() == Stage::Online);
        let lagging: Vec<_> = online.filter(|replica| replica.acked() < wanted).collect();
        for replica in &lagging {
            let behind = wanted.0 - replica.acked().0;
            crate::notice!("Lagging replica {replica} reported offset {behind} behind master");
        }
        let (all, in_sync) = (replicas.len(), replicas.len() - lagging.len());
        crate::notice!("{in_sync} of {all} replicas are in sync when shutting down.");
    }

    /// Every keyspace is in hand. They are given back only if the process goes on: no write may be
    /// acknowledged behind what replicas and file have.
    pub(super) fn last_save(&mut self, hand: Hand) {
        self.shard.seal_run();
        let stream = &self.shard.tools.shared.stream;
        let end = stream.pin_at_end().map(|(end, _)| end);
        let asks = stream.active();
        let waits = self.waits_for_replicas();
        let timeout = Duration::from_secs(u64::from(self.shard.tools.settings.shutdown.timeout));
        let Some(shutdown) = &mut self.controller.shutdown else { return };
        match end {
            Some(wanted) if waits => {
                crate::notice!("Waiting for replicas before shutting down.");
                let deadline = Instant::now() + timeout;
                shutdown.waiting = Some(Waiting { hand, wanted, deadline });
                if asks {
                    self.process.shared.stream.append_control(GETACK);
                }
            }
            _ => self.save_and_end(hand),
        }
    }

    fn save_and_end(&mut self, mut hand: Hand) {
        let Some(shutdown) = &self.controller.shutdown else { return };
        let (save, force) = (shutdown.save, shutdown.flags.force);
        let mut saved = true;
        if save {
            crate::notice!("Saving the final RDB snapshot before exiting.");
            saved = self.save_in_hand(&mut hand);
        }
        if !saved && !force {
            crate::warning!("Error trying to save the DB, can't exit.");
            return self.stay(hand);
        }
        if !saved {
            crate::warning!("Error trying to save the DB. Exiting anyway.");
        }
        // Freeing the data key by key would only take time.
        std::mem::forget(hand);
        self.end_process();
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
