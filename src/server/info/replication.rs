//! INFO's section on replication: every field in the order in which stock servers print them. Read
//! from what all cores share.

use crate::replication::follow_state::{FollowState, LinkState};
use crate::server::process::Process;
use std::fmt::{self, Write};
use std::sync::atomic::Ordering;

/// Appends the section's fields, without its heading. `now_ms`: wall-clock milliseconds.
pub fn replication(process: &Process, now_ms: u64, out: &mut String) {
    let mut section = Section { process, now_ms, out };
    // A String takes whatever is written.
    let _ = section.write();
}

struct Section<'a> {
    process: &'a Process,
    now_ms: u64,
    out: &'a mut String,
}

impl Section<'_> {
    fn write(&mut self) -> fmt::Result {
        let status = &self.process.shared.environment.status;
        let master = self.process.follow.master();
        match master.filter(|_| status.is_replica.load(Ordering::Relaxed)) {
            Some((host, port)) => {
                self.field("role", "slave")?;
                self.following(&host, port)?;
            }
            None => self.field("role", "master")?,
        }
        self.replicas()?;
        self.stream()
    }

    fn field(&mut self, name: &str, value: impl fmt::Display) -> fmt::Result {
        write!(self.out, "{name}:{value}\r\n")
    }

    fn following(&mut self, host: &str, port: u16) -> fmt::Result {
        let process = self.process;
        let follow = &process.follow;
        let state = follow.state();
        let up = state == LinkState::Connected;
        let transferring = state == LinkState::Transfer;
        // The applied offset of a replica that never had a history is 1, as stock prints it.
        let fresh = u64::from(!up);
        self.field("master_host", host)?;
        self.field("master_port", port)?;
        self.field("master_link_status", if up { "up" } else { "down" })?;
        let last_io = match up {
            true => FollowState::seconds_since(&follow.last_io_ms, self.now_ms),
            false => -1,
        };
        self.field("master_last_io_seconds_ago", last_io)?;
        self.field("master_sync_in_progress", u8::from(transferring))?;
        self.field("slave_read_repl_offset", follow.read().0.max(fresh))?;
        self.field("slave_repl_offset", process.shared.progress.marks.mark().0.max(fresh))?;
        if transferring {
            self.transfer(follow)?;
        }
        if !up {
            let down = FollowState::seconds_since(&follow.down_since_ms, self.now_ms);
            self.field("master_link_down_since_seconds", down)?;
        }
        let settings = process.shared.environment.config.load();
        let settings = &settings.replication;
        self.field("slave_priority", settings.replica_priority)?;
        self.field("slave_read_only", u8::from(settings.replica_read_only))?;
        self.field("replica_announced", u8::from(settings.replica_announced))
    }

    fn transfer(&mut self, follow: &FollowState) -> fmt::Result {
        let total = follow.transfer_total_bytes.load(Ordering::Relaxed);
        let read = follow.transfer_read_bytes.load(Ordering::Relaxed);
        let read = i64::try_from(read).unwrap_or(i64::MAX);
        let percent = if total > 0 { read as f64 / total as f64 * 100.0 } else { 0.0 };
        self.field("master_sync_total_bytes", total)?;
        self.field("master_sync_read_bytes", read)?;
        self.field("master_sync_left_bytes", total.saturating_sub(read))?;
        self.field("master_sync_perc", format_args!("{percent:.2}"))?;
        let last_io = FollowState::seconds_since(&follow.transfer_last_io_ms, self.now_ms);
        self.field("master_sync_last_io_seconds_ago", last_io)
    }

    fn replicas(&mut self) -> fmt::Result {
        let process = self.process;
        let replicas = process.replicas.list();
        self.field("connected_slaves", replicas.len())?;
        let settings = process.shared.environment.config.load();
        let settings = &settings.replication;
        if settings.min_replicas_to_write > 0 && settings.min_replicas_max_lag > 0 {
            let good = process.replicas.good(settings.min_replicas_max_lag, self.now_ms);
            self.field("min_slaves_good_slaves", good)?;
        }
        for (index, replica) in replicas.iter().enumerate() {
            let (ip, port, state) = (&replica.ip, replica.port, replica.stage().word());
            let (offset, lag) = (replica.acked(), replica.lag_seconds(self.now_ms));
            write!(
                self.out,
                "slave{index}:ip={ip},port={port},state={state},offset={offset},lag={lag}\r\n"
            )?;
        }
        Ok(())
    }

    fn stream(&mut self) -> fmt::Result {
        let process = self.process;
        let stream = &process.shared.stream;
        let history = stream.history();
        let backlog = stream.backlog_info();
        self.field("master_failover_state", process.follow.failover().word())?;
        self.field("master_replid", history.id)?;
        self.field("master_replid2", history.second_id())?;
        self.field("master_repl_offset", stream.end())?;
        self.field("second_repl_offset", history.second_offset())?;
        self.field("repl_backlog_active", u8::from(backlog.active))?;
        self.field("repl_backlog_size", backlog.size)?;
        self.field("repl_backlog_first_byte_offset", backlog.first_byte_offset)?;
        self.field("repl_backlog_histlen", backlog.histlen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{ClientId, ReplId, ReplOffset, ShardId};
    use crate::command::environment::Environment;
    use crate::config::live::Live;
    use crate::config::settings::Settings;
    use crate::keyspace::placement::Placement;
    use crate::master::registry::{ReplicaInfo, Stage};
    use crate::net::event::SocketId;
    use crate::replication::stream::Stream;
    use crate::shard::shared::Shared;
    use std::sync::Arc;

    const ID: ReplId = ReplId([b'a'; 40]);

    fn process() -> Process {
        let config = Arc::new(Live::new(Settings::default()));
        let environment = Arc::new(Environment::new(config, 1, 16));
        let stream = Stream::new(1, 1 << 20, ID);
        Process::new(Arc::new(Shared::new(environment, Placement::new(1), stream)))
    }

    fn fields(process: &Process) -> Vec<String> {
        let mut text = String::new();
        replication(process, 10_000, &mut text);
        text.lines().map(str::to_owned).collect()
    }

    fn names(lines: &[String]) -> Vec<&str> {
        lines.iter().filter_map(|line| line.split(':').next()).collect()
    }

    const STREAM: [&str; 9] = [
        "master_failover_state",
        "master_replid",
        "master_replid2",
        "master_repl_offset",
        "second_repl_offset",
        "repl_backlog_active",
        "repl_backlog_size",
        "repl_backlog_first_byte_offset",
        "repl_backlog_histlen",
    ];

    #[test]
    fn a_fresh_master_shows_what_stock_shows() {
        let lines = fields(&process());
        let zeros = "0".repeat(40);
        let id = ID.as_str();
        assert_eq!(
            lines,
            [
                "role:master",
                "connected_slaves:0",
                "master_failover_state:no-failover",
                &format!("master_replid:{id}"),
                &format!("master_replid2:{zeros}"),
                "master_repl_offset:0",
                "second_repl_offset:-1",
                "repl_backlog_active:0",
                "repl_backlog_size:1048576",
                "repl_backlog_first_byte_offset:0",
                "repl_backlog_histlen:0",
            ]
        );
    }

    #[test]
    fn a_replica_has_a_line() {
        let process = process();
        let mut replica = ReplicaInfo::new(ClientId(1), ShardId(0), SocketId::NONE);
        (replica.ip, replica.port) = ("10.0.0.2".to_owned(), 6380);
        replica.set_stage(Stage::Online);
        replica.set_acked(ReplOffset(42), 8_500);
        process.replicas.add(Arc::new(replica));
        let lines = fields(&process);
        assert_eq!(lines[1], "connected_slaves:1");
        assert_eq!(lines[2], "slave0:ip=10.0.0.2,port=6380,state=online,offset=42,lag=1");
    }

    #[test]
    fn a_replica_shows_its_link_in_each_state() {
        let process = process();
        process.shared.environment.status.is_replica.store(true, Ordering::Relaxed);
        process.follow.set_master(Some(("10.0.0.1".to_owned(), 6379)));
        let own = ["slave_priority", "slave_read_only", "replica_announced", "connected_slaves"];
        let offsets = ["slave_read_repl_offset", "slave_repl_offset"];
        let head = ["master_sync_in_progress", offsets[0], offsets[1]];
        let down = ["master_link_down_since_seconds"];
        let lines = fields(&process);
        assert_eq!(
            lines[..6],
            [
                "role:slave",
                "master_host:10.0.0.1",
                "master_port:6379",
                "master_link_status:down",
                "master_last_io_seconds_ago:-1",
                "master_sync_in_progress:0",
            ]
        );
        assert_eq!(names(&lines)[5..], [&head[..], &down, &own, &STREAM].concat());

        process.follow.set_state(LinkState::Transfer);
        process.follow.transfer_total_bytes.store(200, Ordering::Relaxed);
        process.follow.transfer_read_bytes.store(50, Ordering::Relaxed);
        let lines = fields(&process);
        assert_eq!(
            lines[8..13],
            [
                "master_sync_total_bytes:200",
                "master_sync_read_bytes:50",
                "master_sync_left_bytes:150",
                "master_sync_perc:25.00",
                "master_sync_last_io_seconds_ago:-1",
            ]
        );

        process.follow.set_state(LinkState::Connected);
        process.follow.last_io_ms.store(7_000, Ordering::Relaxed);
        let lines = fields(&process);
        assert_eq!(lines[3..5], ["master_link_status:up", "master_last_io_seconds_ago:3"]);
        assert_eq!(names(&lines)[5..], [&head[..], &own, &STREAM].concat());
    }
}
