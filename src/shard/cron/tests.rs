use super::*;
use crate::command::gate::Role;
use crate::config::choices::MaxmemoryPolicy;
use crate::shard::evict::tests::{run, shards};

fn shard_with_due_keys(count: usize) -> Shard {
    let mut shard = shards(1, MaxmemoryPolicy::Noeviction, 0).pop().expect("there is one");
    for number in 0..count {
        run(&mut shard, &format!("set key:{number} v"));
        run(&mut shard, &format!("pexpire key:{number} 5"));
    }
    run(&mut shard, "set stays v");
    shard.tools.entry.clear();
    shard.tools.now_ms += 6;
    shard
}

fn expired(shard: &Shard) -> u64 {
    shard.tools.shared.environment.metrics[0].expired_keys.read()
}

#[test]
fn due_keys_are_deleted_and_streamed_in_slices() {
    let mut shard = shard_with_due_keys(3000);
    while shard.expire_slice() < Duration::from_millis(100) {}
    assert_eq!(expired(&shard), 3000);
    let streamed = shard.tools.entry.bytes();
    assert_eq!(streamed.windows(9).filter(|part| *part == b"$3\r\nDEL\r\n").count(), 3000);
    assert!(!streamed.windows(5).any(|part| part == b"MULTI"));
    assert_eq!(run(&mut shard, "exists stays"), ":1\r\n");
    shard.home.as_ref().expect("at home").keys.invariants();
}

#[test]
fn replicas_and_debug_leave_due_keys_alone() {
    let mut shard = shard_with_due_keys(10);
    shard.home.as_mut().expect("at home").gate.role = Role::Replica;
    shard.expire_slice();
    assert_eq!(expired(&shard), 0);
    shard.home.as_mut().expect("at home").gate.role = Role::Master;
    let status = &std::sync::Arc::clone(&shard.tools.shared).environment.status;
    status.active_expire_off.store(true, Ordering::Relaxed);
    shard.expire_slice();
    assert_eq!(expired(&shard), 0);
    status.active_expire_off.store(false, Ordering::Relaxed);
    shard.expire_slice();
    assert_eq!(expired(&shard), 10);
}

#[test]
fn nothing_due_means_nothing_to_do_until_the_next_period() {
    let mut shard = shard_with_due_keys(0);
    assert_eq!(shard.expire_slice(), Duration::from_millis(100));
    let home = shard.home.take();
    assert_eq!(shard.expire_slice(), SLICE);
    shard.home = home;
    assert!(shard.tools.entry.is_empty());
}
