//! What a shard counts. Each shard owns one [`ShardMetrics`] and is its only writer; INFO reads
//! them all from any core.
//!
//! Always holds: a value has one writer, so counting is a plain load and store. A reader sees each
//! value as it was a moment ago, and two values of one shard at slightly different moments.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number with one writer and any readers.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Zero.
    pub const fn new() -> Counter {
        Counter(AtomicU64::new(0))
    }

    /// Adds one. Only by the owner.
    #[inline]
    pub fn bump(&self) {
        self.add(1);
    }

    /// Adds `count`. Only by the owner: two writers would lose each other's counts, since this is
    /// no atomic addition, which would cost some twenty times as much.
    #[inline]
    pub fn add(&self, count: u64) {
        self.set(self.read().wrapping_add(count));
    }

    /// Subtracts `count`; for values that fall, never below zero. Only by the owner.
    #[inline]
    pub fn sub(&self, count: u64) {
        self.set(self.read().saturating_sub(count));
    }

    /// Sets the value. Only by the owner.
    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Sets the value if it is higher than before. Only by the owner.
    #[inline]
    pub fn raise(&self, value: u64) {
        self.set(self.read().max(value));
    }

    /// The value; by any core.
    #[inline]
    pub fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Declares the counters once, for the shard that writes and for the sums that INFO prints.
macro_rules! metrics {
    (counters { $($(#[doc = $doc:literal])* $name:ident,)* }
     gauges { $($(#[doc = $gauge_doc:literal])* $gauge:ident,)* }) => {
        /// One shard's numbers. On cache lines of their own, since other cores' are next to them.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub struct ShardMetrics {
            $($(#[doc = $doc])* pub $name: Counter,)*
            $($(#[doc = $gauge_doc])* pub $gauge: Counter,)*
        }

        /// The numbers of one shard, or the sum over several, at one moment.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Totals {
            $($(#[doc = $doc])* pub $name: u64,)*
            $($(#[doc = $gauge_doc])* pub $gauge: u64,)*
        }

        impl ShardMetrics {
            /// The numbers now.
            pub fn totals(&self) -> Totals {
                Totals {
                    $($name: self.$name.read(),)*
                    $($gauge: self.$gauge.read(),)*
                }
            }
        }

        impl Totals {
            /// Adds the numbers of another shard.
            pub fn add(&mut self, other: &Totals) {
                $(self.$name = self.$name.wrapping_add(other.$name);)*
                $(self.$gauge = self.$gauge.wrapping_add(other.$gauge);)*
            }

            /// What was counted since `baseline`; values that stand for a state stay as they are.
            /// CONFIG RESETSTAT keeps the totals as a baseline, since no core may write another's
            /// counters.
            pub fn since(&self, baseline: &Totals) -> Totals {
                Totals {
                    $($name: self.$name.wrapping_sub(baseline.$name),)*
                    $($gauge: self.$gauge,)*
                }
            }
        }
    };
}

metrics! {
    counters {
        /// Changes to the data set, for save points.
        changes,
        /// Commands executed.
        total_commands_processed,
        /// Connections accepted.
        total_connections_received,
        /// Connections refused because of `maxclients`.
        rejected_connections,
        /// Bytes received from clients.
        total_net_input_bytes,
        /// Bytes sent to clients.
        total_net_output_bytes,
        /// Bytes received from the master.
        total_net_repl_input_bytes,
        /// Bytes sent to replicas.
        total_net_repl_output_bytes,
        /// Full resynchronizations served.
        sync_full,
        /// Partial resynchronizations granted.
        sync_partial_ok,
        /// Partial resynchronizations refused.
        sync_partial_err,
        /// Keys removed because their time was over.
        expired_keys,
        /// Expiry cycles that ran into their time limit.
        expired_time_cap_reached_count,
        /// Time spent in expiry cycles, µs.
        expire_cycle_us,
        /// Keys removed for `maxmemory`.
        evicted_keys,
        /// Clients closed for `maxmemory-clients`.
        evicted_clients,
        /// Scripts dropped from the cache.
        evicted_scripts,
        /// Time spent above `maxmemory`, µs.
        total_eviction_exceeded_us,
        /// Reads that found their key.
        keyspace_hits,
        /// Reads that did not.
        keyspace_misses,
        /// Snapshots and rewrites begun, the counterpart of stock's forks.
        total_forks,
        /// Error replies to commands from a master or AOF, which should succeed.
        unexpected_error_replies,
        /// Error replies.
        total_error_replies,
        /// RESTORE payloads checked deeply.
        dump_payload_sanitizations,
        /// Receive completions.
        total_reads_processed,
        /// Send completions.
        total_writes_processed,
        /// Clients closed for `client-query-buffer-limit`.
        client_query_buffer_limit_disconnections,
        /// Clients closed for `client-output-buffer-limit`.
        client_output_buffer_limit_disconnections,
        /// Reply buffers made smaller.
        reply_buffer_shrinks,
        /// Reply buffers made larger.
        reply_buffer_expands,
        /// Loop turns.
        eventloop_cycles,
        /// Time in loop turns that had work, µs: the shard's busy time.
        eventloop_duration_sum,
        /// Time in commands, µs.
        eventloop_duration_cmd_sum,
        /// Authentications refused.
        acl_access_denied_auth,
        /// Commands refused by ACL.
        acl_access_denied_cmd,
        /// Keys refused by ACL.
        acl_access_denied_key,
        /// Channels refused by ACL.
        acl_access_denied_channel,
        /// Commands sent to another shard.
        hops,
        /// Commands executed for another shard's client.
        hops_received,
        /// Messages sent to other shards; a message may carry several commands.
        messages_sent,
        /// Keyspaces lent to another shard.
        leases_granted,
        /// Keyspaces borrowed from another shard.
        leases_taken,
        /// Runs that wrote: tickets taken.
        tickets,
        /// Times the shard parked for want of work.
        parks,
    }
    gauges {
        /// Clients connected.
        connected_clients,
        /// Clients blocked in a command.
        blocked_clients,
        /// Keys that clients wait for.
        blocking_keys,
        /// Those of them whose end would end a wait.
        blocking_keys_on_removal,
        /// Keys that clients keep in caches.
        tracking_total_keys,
        /// Clients that keep them, a key each.
        tracking_total_items,
        /// Messages in the shard's inbox.
        inbox_len,
        /// Messages waiting for room in other shards' inboxes.
        outbox_len,
        /// Commands that wait for a lease to end.
        lease_queue_len,
        /// Bytes of the shard's keyspace.
        keyspace_bytes,
        /// Bytes of its clients' buffers.
        client_bytes,
        /// On a replica: keys that end by its own clients' word.
        own_lives,
    }
}

impl Totals {
    /// The sum over shards.
    pub fn sum<'a>(shards: impl IntoIterator<Item = &'a ShardMetrics>) -> Totals {
        let mut sum = Totals::default();
        for shard in shards {
            sum.add(&shard.totals());
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_go_over_all_shards_and_count_from_a_baseline() {
        let shards = [ShardMetrics::default(), ShardMetrics::default()];
        shards[0].hops.bump();
        shards[1].hops.add(4);
        shards[1].inbox_len.set(3);
        let baseline = Totals::sum(&shards);
        assert_eq!((baseline.hops, baseline.inbox_len), (5, 3));
        shards[0].hops.bump();
        shards[1].inbox_len.sub(2);
        let since = Totals::sum(&shards).since(&baseline);
        assert_eq!((since.hops, since.inbox_len), (1, 1));
    }

    #[test]
    fn a_state_never_falls_below_zero() {
        let counter = Counter::default();
        counter.sub(1);
        assert_eq!(counter.read(), 0);
        counter.raise(5);
        counter.raise(2);
        assert_eq!(counter.read(), 5);
    }
}
