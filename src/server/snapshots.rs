//! The snapshot desk, on shard 0: who wants a snapshot, when one starts, what its child says. At
//! most one child runs at a time; one snapshot serves everybody who asked before its cut.
//!
//! ```text
//! wanted -> (delay for more replicas) -> lease of all -> cut: label, fork -> child writes, reports
//!        -> links are told Started / Sent / Failed; the file's fate is in PersistenceInfo
//! ```

use super::controller::Leased;
use super::core::{Core, Peer};
use super::loading::new_id;
use super::mail::Mail;
use crate::base::clock;
use crate::base::ids::ReplOffset;
use crate::command::gate::Role;
use crate::net::event::SocketId;
use crate::replication::backlog::BacklogReader;
use crate::replication::stream::Mode;
use crate::router::lease::Hand;
use crate::shard::batch::Batch;
use crate::shard::slow;
use crate::snapshot::child;
use crate::snapshot::fork::{self, Forked};
use crate::snapshot::job::{Content, Job, Label, Receiver, Target};
use crate::snapshot::report::{Report, ReportReader};
use crate::snapshot::wanted::{Form, Greeting, LinkAddress, News, Parts, Wanted};
use crate::snapshot::writer;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::net::Shutdown as Direction;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// What the desk is in the middle of.
#[derive(Default)]
pub struct SnapshotDesk {
    /// Links that wait for the next cut, and since when the first of them does.
    waiting: Vec<Wanted>,
    waiting_since: Option<Instant>,
    /// A file is wanted, whoever asked.
    file_wanted: bool,
    /// BGSAVE orders to be answered at the cut.
    #[expect(clippy::vec_box, reason = "they came in boxes and leave in them")]
    orders: Vec<Box<Batch>>,
    /// The keyspaces are asked for.
    cutting: bool,
    running: Option<Running>,
    /// FLUSHALLs that were seen to.
    flushes_seen: u64,
    /// When a save point may try again after a failure.
    retry_at: Option<Instant>,
}

/// A child that runs.
struct Running {
    pid: Pid,
    /// What it does, for the log.
    activity: &'static str,
    control: SocketId,
    reports: ReportReader,
    /// By receiver; none once its fate is known.
    links: Vec<Option<Link>>,
    offset: ReplOffset,
    /// Stands at the cut, for each receiver to be given a copy.
    backlog: Option<BacklogReader>,
    target: Option<Target>,
    file_saved: bool,
    changes_at_cut: u64,
    flushes_at_cut: u64,
    began: Instant,
    /// The control socket has ended: the child is to be waited for.
    silent: bool,
}

struct Link {
    address: LinkAddress,
    socket: socket2::Socket,
}

/// Where a cut is in the stream.
struct Cut {
    label: Option<Label>,
    backlog: Option<BacklogReader>,
}

impl Core {
    /// A link wants a snapshot. On shard 0.
    pub(super) fn snapshot_wanted(&mut self, wanted: Wanted) {
        let target = match wanted.form {
            Form::EofMark => "replicas sockets",
            Form::Length => "disk",
        };
        let desk = &mut self.controller.snapshots;
        if desk.running.is_some() {
            crate::notice!("Current BGSAVE is in progress. Waiting for next BGSAVE for SYNC");
        } else {
            crate::verbose!("A replica waits for a BGSAVE for SYNC with target: {target}");
        }
        desk.waiting_since.get_or_insert_with(Instant::now);
        desk.waiting.push(wanted);
        self.start_snapshot_if_due();
    }

    /// A link that wanted one is gone. On shard 0.
    pub(super) fn snapshot_unwanted(&mut self, link: LinkAddress) {
        let desk = &mut self.controller.snapshots;
        desk.waiting.retain(|wanted| wanted.link != link);
        if desk.waiting.is_empty() {
            desk.waiting_since = None;
        }
        let Some(running) = &mut desk.running else { return };
        for place in &mut running.links {
            if place.as_ref().is_some_and(|known| known.address == link)
                && let Some(link) = place.take()
            {
                // The child holds the socket too: only this makes it notice.
                let _ = link.socket.shutdown(Direction::Both);
            }
        }
        if running.target.is_none() && running.links.iter().all(Option::is_none) {
            crate::notice!("Diskless sync: last replica dropped, killing the child");
            let _ = kill(running.pid, Signal::SIGKILL);
        }
    }

    /// A background save is wanted; whoever sent `order` is answered when it has begun.
    pub(super) fn want_file(&mut self, order: Option<Box<Batch>>) {
        let desk = &mut self.controller.snapshots;
        desk.file_wanted = true;
        desk.orders.extend(order);
        self.start_snapshot_if_due();
    }

    /// Whether a child writes, or is about to be made.
    pub(super) fn child_is_active(&self) -> bool {
        let desk = &self.controller.snapshots;
        desk.running.is_some() || desk.cutting
    }

    /// All shards' changes since the start of the process.
    pub(super) fn changes(&self) -> u64 {
        let metrics = &self.process.shared.environment.metrics;
        metrics.iter().map(|shard| shard.changes.read()).fold(0, u64::wrapping_add)
    }

    /// Tells the links that wait for a cut that their master is there: a newline each, by this
    /// core, which also makes the child that writes to them next.
    pub(super) fn keep_waiting_links(&self) {
        for wanted in &self.controller.snapshots.waiting {
            let socket = socket2::SockRef::from(&wanted.fd);
            // A socket that takes none has unread ones; its end is noticed by its own loop.
            let _ = socket.send_with_flags(b"\n", libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL);
        }
    }

    /// Looks after the child and the reasons for a new one. On shard 0, ten times a second.
    pub(super) fn snapshot_cron(&mut self) {
        if self.id().0 != 0 {
            return;
        }
        self.reap();
        self.shutdown_cron();
        self.look_at_flushes();
        self.look_at_save_points();
        self.start_snapshot_if_due();
    }

    /// After a FLUSHALL a snapshot of what was there is of no use; the file should follow.
    fn look_at_flushes(&mut self) {
        let flushes = self.process.shared.environment.status.flushes.load(Relaxed);
        let points = !self.shard.tools.settings.rdb.save.is_empty();
        let desk = &mut self.controller.snapshots;
        if std::mem::replace(&mut desk.flushes_seen, flushes) != flushes {
            desk.file_wanted |= points && self.controller.loading.is_none();
            if desk.running.as_ref().is_some_and(|it| it.flushes_at_cut != flushes) {
                self.kill_child();
            }
        }
    }

    fn look_at_save_points(&mut self) {
        let info = &self.process.persistence;
        let (loading, now) = (self.controller.loading.is_some(), Instant::now());
        let desk = &self.controller.snapshots;
        let resting = desk.retry_at.is_some_and(|at| at > now);
        if self.child_is_active() || loading || resting || self.controller.shutdown.is_some() {
            return;
        }
        let changes = info.changes_since_save(self.changes());
        let since_s = clock::wall().as_secs().saturating_sub(info.last_save_s.load(Relaxed));
        let points = &self.shard.tools.settings.rdb.save;
        let due = points
            .iter()
            .find(|point| changes >= u64::from(point.changes) && since_s > point.seconds)
            .copied();
        if let Some(point) = due {
            crate::notice!("{} changes in {} seconds. Saving...", point.changes, point.seconds);
            self.controller.snapshots.file_wanted = true;
        }
    }

    fn start_snapshot_if_due(&mut self) {
        let loading = self.controller.loading.is_some();
        let replication = &self.shard.tools.settings.replication;
        let desk = &mut self.controller.snapshots;
        if desk.running.is_some() || desk.cutting || loading || self.controller.shutdown.is_some() {
            return;
        }
        let delay = Duration::from_secs(u64::from(replication.repl_diskless_sync_delay));
        let many = replication.repl_diskless_sync_max_replicas as usize;
        let links_due = desk.waiting_since.is_some_and(|since| since.elapsed() >= delay)
            || desk.waiting.iter().any(|wanted| wanted.form == Form::Length)
            || (many > 0 && desk.waiting.len() >= many);
        if desk.file_wanted || (links_due && !desk.waiting.is_empty()) {
            desk.cutting = true;
            self.lease_all(Leased::Cut);
        }
    }

    /// Every keyspace is in hand: labels what they hold and makes the child.
    pub(super) fn cut(&mut self, hand: &mut Hand) {
        let began = Instant::now();
        self.controller.snapshots.cutting = false;
        let place = self.place_of_cut(hand);
        let desk = &mut self.controller.snapshots;
        let file_wanted = std::mem::take(&mut desk.file_wanted);
        // All get the same bytes; who wants other parts of the data set waits for the next cut.
        let first = desk.waiting.first().map_or(Parts::All, |wanted| wanted.parts);
        let parts = if file_wanted { Parts::All } else { first };
        let (mut waiting, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut desk.waiting).into_iter().partition(|it| it.parts == parts);
        if later.is_empty() {
            desk.waiting_since = None;
        }
        desk.waiting = later;
        let orders = std::mem::take(&mut desk.orders);
        if place.backlog.is_none() {
            // A replica without a history of its master's has nothing to pass on yet.
            for wanted in waiting.drain(..) {
                self.tell_link(wanted.link, News::Failed);
            }
        }
        if waiting.is_empty() && !file_wanted {
            return;
        }
        let (mut job, addresses) = self.job(&place, waiting, file_wanted);
        job.content.parts = parts;
        let result = self.fork(hand, &job);
        match &result {
            Ok(forked) => {
                let what = job.activity();
                crate::notice!("Background {what} started by pid {}", forked.pid);
                self.log_cut(&job, forked, began.elapsed());
            }
            Err(error) => crate::warning!("Can't save in background: fork: {error}"),
        }
        for batch in orders {
            self.answer_bgsave(batch, result.is_ok());
        }
        match result {
            Ok(forked) => self.child_runs(forked, place, job, addresses),
            Err(_) => {
                for address in addresses {
                    self.tell_link(address, News::Failed);
                }
                if file_wanted {
                    self.save_failed();
                }
            }
        }
    }

    /// How long every keyspace was held, and for whom.
    fn log_cut(&self, job: &Job, forked: &Forked, held: Duration) {
        let tools = &self.shard.tools;
        slow::record_event(&tools.shared.environment, &tools.settings, "cut", held);
        let (replicas, keys) =
            (job.receivers.len(), self.process.persistence.save_keys_total.load(Relaxed));
        let offset = job.content.label.map_or(ReplOffset(0), |label| label.offset);
        crate::notice!(
            "The snapshot of {keys} keys at offset {offset} serves {replicas} replicas; its cut \
             took {} microseconds, {} of them the fork",
            held.as_micros(),
            forked.took.as_micros()
        );
    }

    /// Where the stream is, with all that is in the keyspaces in hand behind it and nothing else.
    /// Begins the stream if replicas are to follow from here.
    fn place_of_cut(&mut self, hand: &mut Hand) -> Cut {
        self.shard.seal_run();
        let stream = &self.shard.tools.shared.stream;
        if let Some(place) = hand.take_place() {
            let (id, offset) = (stream.history().id, place.offset);
            let label = Some(Label { id, offset, selected: place.selected });
            return Cut { label, backlog: Some(place.reader) };
        }
        let links_wait = !self.controller.snapshots.waiting.is_empty();
        let master = hand.spaces().iter().flatten().all(|space| space.gate.role == Role::Master);
        if stream.mode() == Mode::Off && links_wait && master {
            stream.start(new_id());
            for space in hand.spaces().iter_mut().flatten() {
                space.gate.streaming = true;
            }
        }
        if stream.mode() != Mode::Master {
            return Cut { label: None, backlog: None };
        }
        match stream.pin_at_end() {
            Some((offset, reader)) => {
                let label = Label { id: stream.history().id, offset, selected: None };
                Cut { label: Some(label), backlog: Some(reader) }
            }
            None => Cut { label: None, backlog: None },
        }
    }

    fn job(&self, place: &Cut, waiting: Vec<Wanted>, file: bool) -> (Job, Vec<LinkAddress>) {
        let settings = &self.shard.tools.settings;
        let mut content = self.content(place.label);
        let versions = waiting.iter().map(|wanted| wanted.version);
        let own = content.encode.version;
        // The oldest reader decides; a file for our own use is as the directive says.
        content.encode.version = versions.chain(file.then_some(own)).min().unwrap_or(own);
        let by_file = waiting.iter().any(|wanted| wanted.form == Form::Length);
        let addresses = waiting.iter().map(|wanted| wanted.link).collect();
        let greeting = |greeting: Greeting| match (greeting, place.label) {
            (Greeting::FullResync, Some(label)) => {
                format!("+FULLRESYNC {} {}\r\n", label.id, label.offset).into_bytes()
            }
            _ => Vec::new(),
        };
        let receivers = waiting
            .into_iter()
            .map(|wanted| Receiver {
                greeting: greeting(wanted.greeting),
                fd: wanted.fd,
                form: wanted.form,
            })
            .collect();
        let job = Job {
            content,
            target: (file || by_file).then(|| Target::new(settings)),
            receivers,
            mark: new_id().0,
            patience: Duration::from_secs(u64::from(settings.replication.repl_timeout)),
        };
        (job, addresses)
    }

    /// How a data set is written now.
    pub(super) fn content(&self, label: Option<Label>) -> Content {
        let environment = &self.process.shared.environment;
        let used_bytes = environment.gauges.iter().map(|gauges| gauges.bytes()).sum();
        let functions = environment.functions.load_full();
        let content = Content::new(&self.shard.tools.settings, used_bytes, label);
        Content { functions, ..content }
    }

    fn fork(&mut self, hand: &mut Hand, job: &Job) -> std::io::Result<Forked> {
        let views: Vec<_> = hand.spaces().iter().flatten().map(|space| &space.keys).collect();
        let info = &self.process.persistence;
        info.save_keys_total.store(writer::count(&views), Relaxed);
        info.save_keys_processed.store(0, Relaxed);
        let keep: Vec<_> = job.receivers.iter().map(|receiver| receiver.fd.as_fd()).collect();
        let forked = fork::fork(&keep, |control| child::run(job, &views, control))?;
        let took = forked.took;
        info.latest_fork_us.store(took.as_micros() as u64, Relaxed);
        info.total_forks.fetch_add(1, Relaxed);
        let tools = &self.shard.tools;
        slow::record_event(&tools.shared.environment, &tools.settings, "fork", took);
        Ok(forked)
    }

    fn child_runs(&mut self, forked: Forked, place: Cut, job: Job, addresses: Vec<LinkAddress>) {
        let info = &self.process.persistence;
        let activity = job.activity();
        info.child_running.store(true, Relaxed);
        if job.target.is_some() {
            info.bgsave_in_progress.store(true, Relaxed);
            info.bgsave_started_s.store(clock::wall().as_secs(), Relaxed);
        }
        if let Some(label) = place.label {
            for address in &addresses {
                let news = News::Started { id: label.id, offset: label.offset };
                self.tell_link(*address, news);
            }
        }
        let sockets = job.receivers.into_iter().map(|receiver| socket2::Socket::from(receiver.fd));
        let links = addresses
            .into_iter()
            .zip(sockets)
            .map(|(address, socket)| Some(Link { address, socket }))
            .collect();
        let control = self.net.adopt(forked.control);
        self.insert_row(control, Peer::ChildPipe);
        self.controller.snapshots.running = Some(Running {
            pid: forked.pid,
            activity,
            control,
            reports: ReportReader::default(),
            links,
            offset: place.label.map_or(ReplOffset(0), |label| label.offset),
            backlog: place.backlog,
            target: job.target,
            file_saved: false,
            changes_at_cut: self.changes(),
            flushes_at_cut: self.process.shared.environment.status.flushes.load(Relaxed),
            began: Instant::now(),
            silent: false,
        });
    }

    /// Bytes on the control socket.
    pub(super) fn child_said(&mut self, data: &[u8]) {
        let Some(running) = &mut self.controller.snapshots.running else { return };
        let mut reports = Vec::new();
        if let Err(error) = running.reports.read(data, &mut reports) {
            crate::warning!("{error}");
            let _ = kill(running.pid, Signal::SIGKILL);
        }
        for report in reports {
            self.child_reported(report);
        }
    }

    fn child_reported(&mut self, report: Report) {
        let info = &self.process.persistence;
        let Some(running) = &mut self.controller.snapshots.running else { return };
        match report {
            Report::Progress { keys } => info.save_keys_processed.store(keys, Relaxed),
            Report::FileSaved { bytes } => {
                running.file_saved = true;
                crate::notice!("DB saved on disk ({bytes} bytes)");
            }
            Report::FileFailed { reason } => crate::warning!("{reason}"),
            Report::Sent { receiver, bytes } => {
                let link = running.links.get_mut(receiver).and_then(Option::take);
                let reader = running.backlog.clone();
                let offset = running.offset;
                crate::notice!(
                    "The snapshot's {bytes} bytes were sent to a replica within {:.3} seconds; {} \
                     bytes of the stream follow",
                    running.began.elapsed().as_secs_f64(),
                    reader.as_ref().map_or(0, BacklogReader::lag)
                );
                if let (Some(link), Some(reader)) = (link, reader) {
                    self.tell_link(link.address, News::Sent { offset, reader });
                }
            }
            Report::NotSent { receiver, reason } => {
                let link = running.links.get_mut(receiver).and_then(Option::take);
                if let Some(link) = link {
                    crate::warning!("Sending the snapshot to a replica failed: {reason}");
                    let _ = link.socket.shutdown(Direction::Both);
                    self.tell_link(link.address, News::Failed);
                }
            }
            Report::End { keys, cow_bytes } => {
                info.save_keys_processed.store(keys, Relaxed);
                info.last_cow_bytes.store(cow_bytes, Relaxed);
                info.current_cow_bytes.store(cow_bytes, Relaxed);
                info.current_cow_peak.store(cow_bytes, Relaxed);
                let megabytes = cow_bytes >> 20;
                crate::notice!(
                    "Fork CoW for RDB: current {megabytes} MB, peak {megabytes} MB, \
                     average {megabytes} MB"
                );
            }
        }
    }

    /// The control socket has ended.
    pub(super) fn child_closed(&mut self) {
        if let Some(running) = &mut self.controller.snapshots.running {
            running.silent = true;
            self.reap();
        }
    }

    /// Waits for a child that has said its last word, without blocking.
    fn reap(&mut self) {
        let Some(running) = &self.controller.snapshots.running else { return };
        if !running.silent {
            return;
        }
        let mut status = Ok(WaitStatus::StillAlive);
        for _ in 0..REAP_TRIES {
            status = waitpid(running.pid, Some(WaitPidFlag::WNOHANG));
            if status != Ok(WaitStatus::StillAlive) {
                break;
            }
            // Its socket closes a moment before it has ended.
            std::thread::yield_now();
        }
        match status {
            Ok(WaitStatus::StillAlive) => {}
            Ok(WaitStatus::Signaled(_, signal, _)) => self.child_ended(None, Some(signal)),
            Ok(WaitStatus::Exited(_, code)) => self.child_ended(Some(code), None),
            _ => self.child_ended(None, None),
        }
        self.start_snapshot_if_due();
    }

    fn child_ended(&mut self, code: Option<i32>, signal: Option<Signal>) {
        let Some(running) = self.controller.snapshots.running.take() else { return };
        self.close(running.control);
        let what = running.activity;
        match (code, signal) {
            (Some(0), _) => {
                crate::notice!("Background {what} terminated with success");
                let seconds = running.began.elapsed().as_secs_f64();
                crate::notice!("Background {what} took {seconds:.3} seconds");
            }
            (_, Some(signal)) => {
                crate::warning!("Background {what} terminated by signal {}", signal as i32);
            }
            _ => crate::warning!("Background {what} error"),
        }
        self.forget_child(running.links);
        let info = &self.process.persistence;
        let Some(target) = &running.target else { return };
        let seconds = i64::try_from(running.began.elapsed().as_secs()).unwrap_or(i64::MAX);
        info.last_bgsave_seconds.store(seconds, Relaxed);
        if running.file_saved {
            self.file_saved(running.changes_at_cut);
        } else {
            // A child that was killed could not remove it itself.
            let _ = std::fs::remove_file(target.temporary_path(running.pid.as_raw() as u32));
            self.save_failed();
        }
    }

    /// No child runs any more: links it owed something are told so, and INFO shows none.
    fn forget_child(&mut self, links: Vec<Option<Link>>) {
        for link in links.into_iter().flatten() {
            let _ = link.socket.shutdown(Direction::Both);
            self.tell_link(link.address, News::Failed);
        }
        let info = &self.process.persistence;
        info.child_running.store(false, Relaxed);
        info.bgsave_in_progress.store(false, Relaxed);
        info.bgsave_started_s.store(0, Relaxed);
        info.save_keys_processed.store(0, Relaxed);
        info.save_keys_total.store(0, Relaxed);
        info.current_cow_bytes.store(0, Relaxed);
    }

    /// A file with everything up to `changes` is in its place.
    pub(super) fn file_saved(&mut self, changes: u64) {
        let info = &self.process.persistence;
        info.changes_at_last_save.store(changes, Relaxed);
        info.last_save_s.store(clock::wall().as_secs(), Relaxed);
        info.last_bgsave_ok.store(true, Relaxed);
        info.saves.fetch_add(1, Relaxed);
        self.process.shared.environment.status.save_failed.store(false, Relaxed);
        self.controller.snapshots.retry_at = None;
    }

    /// A save in the background failed: writes are refused if so configured.
    fn save_failed(&mut self) {
        self.process.persistence.last_bgsave_ok.store(false, Relaxed);
        self.process.shared.environment.status.save_failed.store(true, Relaxed);
        self.controller.snapshots.retry_at = Some(Instant::now() + RETRY_DELAY);
    }

    /// Ends the child, if one runs: the process is ending, or the data set is replaced.
    pub(super) fn kill_child(&mut self) {
        let Some(running) = self.controller.snapshots.running.take() else { return };
        crate::warning!("There is a child saving an .rdb. Killing it!");
        let _ = kill(running.pid, Signal::SIGKILL);
        let _ = waitpid(running.pid, None);
        self.close(running.control);
        self.forget_child(running.links);
        if let Some(target) = &running.target {
            let _ = std::fs::remove_file(target.temporary_path(running.pid.as_raw() as u32));
        }
    }

    fn tell_link(&mut self, link: LinkAddress, news: News) {
        if link.shard == self.id() {
            self.snapshot_news(link.socket, news);
        } else {
            self.process.post(link.shard, Mail::SnapshotNews { socket: link.socket, news });
        }
    }
}

/// So often a child that has closed its socket is looked at before the next round of the cron.
const REAP_TRIES: u32 = 100;
/// After a failed background save, save points wait so long; as stock servers do.
const RETRY_DELAY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
