//! The replicas that are attached, for INFO, ROLE, WAIT and `min-replicas-to-write`. One for the
//! process; each entry is written by the shard that serves the link and read from any core.
//! Times are wall-clock milliseconds.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::ids::{ClientId, ReplOffset, ShardId};
use crate::master::allowance::Allowances;
use crate::net::event::SocketId;
use crate::replication::ack::{self, Acked};

/// How far a replica's synchronization is, as INFO words it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// It waits for a snapshot, or is sent one while it is made.
    WaitSnapshot = 0,
    /// It is sent a file.
    SendSnapshot = 1,
    /// It has a data set and follows the stream.
    Online = 2,
}

/// What is known of one attached replica.
#[derive(Debug)]
pub struct ReplicaInfo {
    /// The client it was before it asked to be a replica; its id in CLIENT LIST.
    pub client: ClientId,
    /// The shard that serves it.
    pub shard: ShardId,
    /// Its socket there.
    pub socket: SocketId,
    /// The address it announced, or its socket's.
    pub ip: String,
    /// The port it listens on, as it announced it; 0 if it did not.
    pub port: i64,
    /// It acknowledges: it came by PSYNC. One that came by SYNC is never timed out.
    pub acknowledges: bool,
    stage: AtomicU8,
    acked: AtomicU64,
    synced: AtomicI64,
    acked_at_ms: AtomicU64,
}

/// All attached replicas, and what concerns them together.
#[derive(Debug)]
pub struct Registry {
    replicas: Mutex<Vec<Arc<ReplicaInfo>>>,
    /// By shard: clients there that wait for acknowledgements.
    waits: Box<[AtomicU32]>,
    /// The offset before the last `REPLCONF GETACK *` in the stream.
    asked_at: AtomicU64,
    /// The replicas that were dropped before they had caught up.
    allowances: Mutex<Allowances>,
    /// When the last replica left; 0 while there are some, or if there never was one.
    alone_since_ms: AtomicU64,
    /// The offset through which this server's own append-only file is on disk; -1 without one.
    pub local_synced: AtomicI64,
    /// Nothing of the server's own goes into the stream for now: the offset must stand still (a
    /// failover waits for its target, the last file of a process tells the offset).
    pub pings_held: AtomicBool,
}

impl Stage {
    /// The word in INFO.
    pub fn word(self) -> &'static str {
        match self {
            Stage::WaitSnapshot => "wait_bgsave",
            Stage::SendSnapshot => "send_bulk",
            Stage::Online => "online",
        }
    }
}

impl ReplicaInfo {
    /// A replica at `socket` of `shard` that waits for a snapshot and acknowledged nothing yet.
    pub fn new(client: ClientId, shard: ShardId, socket: SocketId) -> ReplicaInfo {
        ReplicaInfo {
            client,
            shard,
            socket,
            ip: String::new(),
            port: 0,
            acknowledges: false,
            stage: AtomicU8::new(Stage::WaitSnapshot as u8),
            acked: AtomicU64::new(NEVER),
            synced: AtomicI64::new(-1),
            acked_at_ms: AtomicU64::new(0),
        }
    }

    /// How far its synchronization is.
    pub fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            stage if stage == Stage::WaitSnapshot as u8 => Stage::WaitSnapshot,
            stage if stage == Stage::SendSnapshot as u8 => Stage::SendSnapshot,
            _ => Stage::Online,
        }
    }

    /// Its synchronization got on.
    pub fn set_stage(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Release);
    }

    /// The offset it acknowledged; 0 if it never did, as INFO shows it.
    pub fn acked(&self) -> ReplOffset {
        self.confirmed().unwrap_or_default()
    }

    /// The offset it acknowledged. None before the first time: what it was sent, be it a snapshot,
    /// it need not have applied.
    pub fn confirmed(&self) -> Option<ReplOffset> {
        let acked = self.acked.load(Ordering::Acquire);
        (acked != NEVER).then_some(ReplOffset(acked))
    }

    /// It acknowledged `offset` at `now_ms`.
    pub fn set_acked(&self, offset: ReplOffset, now_ms: u64) {
        self.acked.store(offset.0, Ordering::Release);
        self.acked_at_ms.store(now_ms, Ordering::Release);
    }

    /// It gave a sign of life.
    pub fn touch(&self, now_ms: u64) {
        self.acked_at_ms.store(now_ms, Ordering::Release);
    }

    /// The offset through which its append-only file is on disk (`FACK`); -1 if it never said.
    pub fn synced(&self) -> i64 {
        self.synced.load(Ordering::Acquire)
    }

    /// Its append-only file is on disk through `offset`.
    pub fn set_synced(&self, offset: i64) {
        self.synced.fetch_max(offset, Ordering::AcqRel);
    }

    /// Milliseconds since it last acknowledged.
    pub fn silent_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.acked_at_ms.load(Ordering::Acquire))
    }

    /// INFO's `lag`: whole seconds since it last acknowledged, 0 before it is online.
    pub fn lag_seconds(&self, now_ms: u64) -> u64 {
        if self.stage() == Stage::Online { self.silent_ms(now_ms) / 1000 } else { 0 }
    }
}

/// Its name in the log: address and announced port.
impl fmt::Display for ReplicaInfo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.ip)?;
        match self.port {
            0 => out.write_str(":<unknown-replica-port>"),
            port => write!(out, ":{port}"),
        }
    }
}

impl Registry {
    /// Nobody is attached to a server of `shards` shards.
    pub fn new(shards: u16) -> Registry {
        Registry {
            replicas: Mutex::default(),
            waits: (0..shards).map(|_| AtomicU32::new(0)).collect(),
            asked_at: AtomicU64::new(NEVER),
            allowances: Mutex::default(),
            alone_since_ms: AtomicU64::new(0),
            local_synced: AtomicI64::new(-1),
            pings_held: AtomicBool::new(false),
        }
    }

    /// A replica is attached.
    pub fn add(&self, replica: Arc<ReplicaInfo>) {
        self.lock().push(replica);
        self.alone_since_ms.store(0, Ordering::Release);
    }

    /// A replica is gone.
    pub fn remove(&self, replica: &Arc<ReplicaInfo>, now_ms: u64) {
        let mut replicas = self.lock();
        replicas.retain(|known| !Arc::ptr_eq(known, replica));
        if replicas.is_empty() {
            self.alone_since_ms.store(now_ms, Ordering::Release);
        }
    }

    /// The attached replicas, in the order in which they came.
    pub fn list(&self) -> Vec<Arc<ReplicaInfo>> {
        self.lock().clone()
    }

    /// How many are attached.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// How long there has been no replica, ms; none while there are some. A server that never had
    /// one begins to count at the first call.
    pub fn alone_ms(&self, now_ms: u64) -> Option<u64> {
        if !self.is_empty() {
            return None;
        }
        match self.alone_since_ms.compare_exchange(0, now_ms, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Some(0),
            Err(since) => Some(now_ms.saturating_sub(since)),
        }
    }

    /// How often this replica was dropped since it last caught up.
    pub fn drops(&self, replica: &ReplicaInfo) -> u32 {
        self.allowances().drops(&replica.ip, replica.port)
    }

    /// More waited for this replica than may before it had caught up.
    pub fn dropped(&self, replica: &ReplicaInfo) {
        self.allowances().dropped(&replica.ip, replica.port);
    }

    /// This replica has caught up. Whether it had been dropped before.
    pub fn caught_up(&self, replica: &ReplicaInfo) -> bool {
        self.allowances().forget(&replica.ip, replica.port)
    }

    /// Whether one is online.
    pub fn has_online(&self) -> bool {
        self.lock().iter().any(|replica| replica.stage() == Stage::Online)
    }

    /// Replicas that are online and acknowledged within `max_lag_s`.
    pub fn good(&self, max_lag_s: u32, now_ms: u64) -> usize {
        let replicas = self.lock();
        let online = replicas.iter().filter(|replica| replica.stage() == Stage::Online);
        online.filter(|replica| replica.lag_seconds(now_ms) <= u64::from(max_lag_s)).count()
    }

    /// Online replicas that acknowledged `wanted`: the answer of WAIT.
    pub fn covering(&self, wanted: ReplOffset) -> usize {
        let replicas = self.lock();
        let online = replicas.iter().filter(|replica| replica.stage() == Stage::Online);
        ack::covering(online.filter_map(|replica| replica.confirmed()).map(Acked::at), wanted)
    }

    /// Online replicas on whose disks everything through `wanted` is: half the answer of WAITAOF.
    pub fn synced_through(&self, wanted: ReplOffset) -> usize {
        let replicas = self.lock();
        let online = replicas.iter().filter(|replica| replica.stage() == Stage::Online);
        let reached = |synced: i64| u64::try_from(synced).is_ok_and(|synced| synced >= wanted.0);
        online.filter(|replica| reached(replica.synced())).count()
    }

    /// A client of `shard` begins to wait for acknowledgements.
    pub fn wait_began(&self, shard: ShardId) {
        self.waits[usize::from(shard.0)].fetch_add(1, Ordering::SeqCst);
    }

    /// A client of `shard` waits no more.
    pub fn wait_ended(&self, shard: ShardId) {
        let before = self.waits[usize::from(shard.0)].fetch_sub(1, Ordering::SeqCst);
        assert!(before > 0, "a wait ends once");
    }

    /// The shards whose clients wait for acknowledgements.
    pub fn waiting_shards(&self) -> impl Iterator<Item = ShardId> + '_ {
        let counted = (0..).map(ShardId).zip(&self.waits);
        counted.filter(|(_, waits)| waits.load(Ordering::SeqCst) > 0).map(|(shard, _)| shard)
    }

    /// Whether the replicas were not yet asked to acknowledge `wanted` out of turn, in a stream
    /// that ends at `end`. Whoever is told so asks them.
    pub fn must_ask(&self, wanted: ReplOffset, end: ReplOffset) -> bool {
        if self.pings_held.load(Ordering::Relaxed) {
            return false;
        }
        let asked = self.asked_at.load(Ordering::Acquire);
        // A history that began anew may stand below where another one was asked.
        if asked != NEVER && wanted.0 <= asked && asked <= end.0 {
            return false;
        }
        self.asked_at.compare_exchange(asked, end.0, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn allowances(&self) -> MutexGuard<'_, Allowances> {
        self.allowances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<ReplicaInfo>>> {
        self.replicas.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The replicas were never asked, or one never acknowledged.
const NEVER: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    fn online(acked: u64, now_ms: u64) -> Arc<ReplicaInfo> {
        let replica = ReplicaInfo::new(ClientId(acked), ShardId(0), SocketId::NONE);
        replica.set_stage(Stage::Online);
        replica.set_acked(ReplOffset(acked), now_ms);
        Arc::new(replica)
    }

    #[test]
    fn only_online_replicas_count() {
        let registry = Registry::new(1);
        let waiting = ReplicaInfo::new(ClientId(9), ShardId(0), SocketId::NONE);
        waiting.set_acked(ReplOffset(100), 5000);
        registry.add(Arc::new(waiting));
        registry.add(online(50, 5000));
        registry.add(online(70, 1000));
        assert_eq!(registry.covering(ReplOffset(50)), 2);
        assert_eq!(registry.covering(ReplOffset(51)), 1);
        assert_eq!(registry.covering(ReplOffset(71)), 0);
        assert_eq!(registry.good(3, 5999), 1);
        assert_eq!(registry.synced_through(ReplOffset(0)), 0);
    }

    // A replica that still loads the snapshot of a cut has not even what was written before it.
    #[test]
    fn only_acknowledgements_count() {
        let registry = Registry::new(1);
        let silent = ReplicaInfo::new(ClientId(9), ShardId(0), SocketId::NONE);
        silent.set_stage(Stage::Online);
        let silent = Arc::new(silent);
        registry.add(Arc::clone(&silent));
        assert_eq!(registry.covering(ReplOffset(0)), 0);
        silent.set_acked(ReplOffset(0), 5000);
        assert_eq!(registry.covering(ReplOffset(0)), 1);
    }

    #[test]
    fn replicas_are_asked_once_for_what_they_are_asked_already() {
        let registry = Registry::new(1);
        assert!(registry.must_ask(ReplOffset(10), ReplOffset(20)));
        assert!(!registry.must_ask(ReplOffset(10), ReplOffset(57)));
        assert!(!registry.must_ask(ReplOffset(20), ReplOffset(57)));
        assert!(registry.must_ask(ReplOffset(21), ReplOffset(57)));
        // Another history, whose end is lower.
        assert!(registry.must_ask(ReplOffset(5), ReplOffset(6)));
    }

    #[test]
    fn time_without_replicas_begins_when_the_last_one_leaves() {
        let registry = Registry::new(1);
        assert_eq!(registry.alone_ms(1000), Some(0));
        let replica = online(1, 1000);
        registry.add(Arc::clone(&replica));
        assert_eq!(registry.alone_ms(2000), None);
        registry.remove(&replica, 3000);
        assert_eq!(registry.alone_ms(4500), Some(1500));
    }
}
