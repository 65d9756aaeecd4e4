//! A shard without a loop, told by its gauges and by a fixed rest how much memory is in use.

use super::*;
use crate::command::environment::Environment;
use crate::command::gate::Gate;
use crate::command::table::table;
use crate::config::live::Live;
use crate::config::settings::Settings;
use crate::keyspace::keyspace::Keyspace;
use crate::keyspace::placement::Placement;
use crate::replication::stream::Stream;
use crate::resp::inline;
use crate::resp::reply::{Reply, RespVersion};
use crate::resp::request::Args;
use crate::shard::execute::{Call, Ran};
use crate::shard::shared::Shared;
use std::sync::Arc;

/// Shards that stream, under a limit of memory.
pub fn shards(count: u16, policy: MaxmemoryPolicy, maxmemory: u64) -> Vec<Shard> {
    let mut settings = Settings::default();
    settings.memory.policy = policy;
    settings.memory.maxmemory = maxmemory;
    settings.memory.eviction_tenacity = 100;
    let databases = settings.server.databases;
    let environment = Environment::new(Arc::new(Live::new(settings)), count, databases);
    let placement = Placement::new(count);
    let id = crate::base::ids::ReplId::from_random([7; 20]);
    let shared = Arc::new(Shared::new(Arc::new(environment), placement, Stream::new(count, 0, id)));
    let shard = |index| {
        let (id, slots) = (ShardId(index), placement.slots_of(ShardId(index)));
        let gauges = Arc::clone(&shared.environment.gauges[usize::from(index)]);
        let keys = Keyspace::new(id, slots.start..=slots.end - 1, gauges, 1);
        let gate = Gate { streaming: true, ..Gate::default() };
        let mut shard =
            Shard::new(id, Arc::clone(&shared), Box::new(Space { gate, ..Space::new(keys) }));
        shard.tools.random = fastrand::Rng::with_seed(1);
        shard.begin_run();
        shard
    };
    (0..count).map(shard).collect()
}

/// Runs a command typed as in a terminal; its reply.
pub fn run(shard: &mut Shard, line: &str) -> String {
    let (mut spans, mut big) = (Vec::new(), Vec::new());
    inline::split(line.as_bytes(), 0, &mut spans, &mut big).expect("quotes are balanced");
    let args = Args::new(line.as_bytes(), &spans, &big);
    let mut reply = Reply::new(RespVersion::V2);
    let command = table().resolve(args).expect("a command of ours");
    let ran =
        shard.run_here(&Call { command, args, key: None }, &ClientView::internal(), &mut reply);
    assert_eq!(ran, Ran::Done);
    String::from_utf8(reply.to_vec()).expect("ASCII only")
}

/// A key of the shard.
fn key(shard: &Shard, number: usize) -> String {
    let owner = shard.tools.shared.placement.shard_of(Key::new(b"tag").slot);
    let tags = ["tag", "b", "c", "d", "e", "f", "g"];
    let mine = |tag: &&str| {
        shard.tools.shared.placement.shard_of(Key::new(tag.as_bytes()).slot) == shard.tools.id
    };
    let tag = tags.into_iter().find(mine);
    format!("{{{}}}{number}", tag.unwrap_or_else(|| panic!("'tag' is of {owner:?}")))
}

fn fill(shard: &mut Shard, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let key = key(shard, number);
        assert_eq!(run(shard, &format!("set {key} {}", "v".repeat(200))), "+OK\r\n");
    }
}

fn bytes(shard: &Shard) -> u64 {
    shard.tools.shared.environment.gauges[usize::from(shard.tools.id.0)].bytes()
}

fn evicted(shard: &Shard) -> u64 {
    let metrics = &shard.tools.shared.environment.metrics[usize::from(shard.tools.id.0)];
    metrics.evicted_keys.read()
}

const OOM: &str = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
const LIMIT: u64 = 400_000;

#[test]
fn without_a_policy_writes_are_refused_and_the_rest_goes_on() {
    let [shard] = &mut shards(1, MaxmemoryPolicy::Noeviction, LIMIT)[..] else { panic!("one") };
    fill(shard, 0..100);
    let status = &Arc::clone(&shard.tools.shared).environment.status;
    status.memory_beside_keys.store(LIMIT.cast_signed(), Ordering::Relaxed);
    assert_eq!(run(shard, "set new v"), OOM);
    assert_eq!(run(shard, "exists new"), ":0\r\n");
    let first = key(shard, 0);
    assert_eq!(run(shard, &format!("del {first}")), ":1\r\n");
    status.memory_beside_keys.store(0, Ordering::Relaxed);
    assert_eq!(run(shard, "set new v"), "+OK\r\n");
    assert_eq!(evicted(shard), 0);
}

#[test]
fn every_policy_that_evicts_any_key_keeps_below_the_limit() {
    use MaxmemoryPolicy::{AllkeysLfu, AllkeysLru, AllkeysRandom};
    for policy in [AllkeysLru, AllkeysLfu, AllkeysRandom] {
        let [shard] = &mut shards(1, policy, LIMIT)[..] else { panic!("one") };
        fill(shard, 0..5000);
        assert!(bytes(shard) <= LIMIT + 1000, "{policy:?}: {}", bytes(shard));
        assert!(evicted(shard) > 3000, "{policy:?}: {}", evicted(shard));
        let streamed = shard.tools.entry.bytes();
        let deletions = streamed.windows(9).filter(|part| *part == b"$3\r\nDEL\r\n").count();
        assert_eq!(deletions as u64, evicted(shard), "{policy:?}");
        shard.home.as_ref().expect("at home").keys.invariants();
    }
}

#[test]
fn only_keys_that_end_are_evicted_by_the_volatile_policies() {
    use MaxmemoryPolicy::{VolatileLfu, VolatileLru, VolatileRandom, VolatileTtl};
    for policy in [VolatileLru, VolatileLfu, VolatileRandom, VolatileTtl] {
        let [shard] = &mut shards(1, policy, LIMIT)[..] else { panic!("one") };
        fill(shard, 0..500);
        for number in 0..200 {
            let key = key(shard, number);
            run(shard, &format!("expire {key} {}", 1000 + number));
        }
        let mut number = 500;
        while run(shard, &format!("set {} {}", key(shard, number), "v".repeat(200))) != OOM {
            number += 1;
            assert!(number < 5000, "{policy:?}: never refused");
        }
        assert_eq!(evicted(shard), 200, "{policy:?}");
        let kept = key(shard, 200);
        assert_eq!(run(shard, &format!("exists {kept}")), ":1\r\n");
    }
}

#[test]
fn the_keys_that_end_soonest_go_first() {
    let policy = MaxmemoryPolicy::VolatileTtl;
    let [shard] = &mut shards(1, policy, u64::MAX)[..] else { panic!("one") };
    fill(shard, 0..400);
    for number in 0..400 {
        let key = key(shard, number);
        run(shard, &format!("expire {key} {}", 1000 + number));
    }
    let mut settings = (*shard.tools.settings).clone();
    settings.memory.maxmemory = bytes(shard) / 2;
    settings.memory.samples = 10;
    shard.tools.settings = Arc::new(settings);
    run(shard, "get x");
    let alive = |shard: &mut Shard, range: std::ops::Range<usize>| {
        range
            .filter(|number| {
                let key = key(shard, *number);
                run(shard, &format!("exists {key}")) == ":1\r\n"
            })
            .count()
    };
    let (early, late) = (alive(shard, 0..100), alive(shard, 300..400));
    assert!(early < 20 && late > 80, "{early} of the early, {late} of the late are left");
}

#[test]
fn a_shard_below_its_share_asks_the_largest() {
    let [small, large] = &mut shards(2, MaxmemoryPolicy::AllkeysLru, u64::MAX)[..] else {
        panic!("two")
    };
    fill(small, 0..100);
    fill(large, 0..1000);
    let maxmemory = bytes(small) + bytes(large) - 1000;
    for shard in [&mut *small, &mut *large] {
        let mut settings = (*shard.tools.settings).clone();
        settings.memory.maxmemory = maxmemory;
        shard.tools.settings = Arc::new(settings);
        shard.tools.evictor.begin_run();
    }
    fill(small, 100..101);
    assert_eq!((evicted(small), evicted(large)), (0, 0));
    large.evict_as_asked();
    assert!(evicted(large) > 0 && bytes(small) + bytes(large) <= maxmemory);
    assert!(!large.tools.shared.evict_wanted[1].load(Ordering::Relaxed));
}

#[test]
fn replicas_leave_eviction_to_their_master_unless_told() {
    let [shard] = &mut shards(1, MaxmemoryPolicy::AllkeysLru, LIMIT)[..] else { panic!("one") };
    let mut settings = (*shard.tools.settings).clone();
    settings.replication.replica_read_only = false;
    shard.home.as_mut().expect("at home").gate.role = Role::Replica;
    for ignores in [true, false] {
        settings.replication.replica_ignore_maxmemory = ignores;
        shard.tools.settings = Arc::new(settings.clone());
        fill(shard, 0..3000);
        assert_eq!(evicted(shard) == 0, ignores);
    }
    assert!(shard.tools.entry.is_empty());
}
