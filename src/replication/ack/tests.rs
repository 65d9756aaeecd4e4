//! Acknowledgements, and the mark of what every shard has applied.

use std::collections::VecDeque;

use super::*;

#[test]
fn acknowledgements_rise_and_never_pass_what_was_sent() {
    let mut acked = Acked::at(ReplOffset(10));
    assert_eq!(acked.advance(ReplOffset(30), ReplOffset(40)), Ok(true));
    assert_eq!(acked.advance(ReplOffset(30), ReplOffset(40)), Ok(false));
    assert_eq!(acked.advance(ReplOffset(20), ReplOffset(40)), Ok(false));
    let beyond = BeyondSent { acked: ReplOffset(41), sent: ReplOffset(40) };
    assert_eq!(acked.advance(ReplOffset(41), ReplOffset(40)), Err(beyond));
    assert_eq!(acked.offset(), ReplOffset(30));
}

#[test]
fn wait_counts_who_covers_the_offset() {
    let acks = [5, 10, 11].map(|offset| Acked::at(ReplOffset(offset)));
    let counts = [0, 5, 6, 10, 11, 12].map(|wanted| covering(acks, ReplOffset(wanted)));
    assert_eq!(counts, [3, 3, 2, 2, 1, 0]);
}

#[test]
fn an_idle_shard_holds_nothing_back() {
    let marks = ApplyMarks::new(3, ReplOffset(100));
    assert_eq!(marks.mark(), ReplOffset(100));
    marks.dispatch(ShardId(1), ReplOffset(150));
    marks.dispatched_through(ReplOffset(170));
    assert_eq!(marks.mark(), ReplOffset(100));
    assert!(marks.may_read(ShardId(0), ReplOffset(170)));
    assert!(!marks.may_read(ShardId(1), ReplOffset(170)));
    marks.applied(ShardId(1), ReplOffset(150));
    assert_eq!(marks.mark(), ReplOffset(170));
    assert!(marks.may_read(ShardId(1), ReplOffset(170)));
    assert!(!marks.may_read(ShardId(1), ReplOffset(171)));
}

#[test]
fn a_new_unit_does_not_lower_the_mark() {
    let marks = ApplyMarks::new(2, ReplOffset(0));
    marks.dispatched_through(ReplOffset(1000));
    assert_eq!(marks.mark(), ReplOffset(1000));
    assert_eq!(marks.raise(), ReplOffset(1000));
    marks.dispatch(ShardId(0), ReplOffset(1100));
    marks.dispatched_through(ReplOffset(1100));
    assert_eq!(marks.mark(), ReplOffset(1000));
    marks.reset(ReplOffset(50));
    assert_eq!(marks.mark(), ReplOffset(50));
}

#[test]
fn the_mark_never_covers_a_unit_that_is_not_applied() {
    for seed in 0..500 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let shards = rng.u16(1..5);
        let marks = ApplyMarks::new(usize::from(shards), ReplOffset(0));
        let mut queues = vec![VecDeque::<(u64, u64)>::new(); usize::from(shards)];
        let (mut end, mut last_mark) = (0, 0);
        for _ in 0..200 {
            let shard = rng.u16(0..shards);
            if rng.bool() {
                let start = end;
                end += rng.u64(1..50);
                if rng.u8(0..4) > 0 {
                    marks.raise();
                    marks.dispatch(ShardId(shard), ReplOffset(end));
                    queues[usize::from(shard)].push_back((start, end));
                }
                if rng.bool() {
                    marks.dispatched_through(ReplOffset(end));
                }
            } else if let Some((_, end)) = queues[usize::from(shard)].pop_front() {
                marks.applied(ShardId(shard), ReplOffset(end));
            }
            let mark = marks.mark().0;
            let open = queues.iter().flatten().map(|(start, _)| *start).min().unwrap_or(u64::MAX);
            assert!(mark <= open, "seed {seed}: mark {mark} covers the unit behind {open}");
            assert!(mark >= last_mark, "seed {seed}: the mark fell");
            for (index, queue) in queues.iter().enumerate() {
                let seen = rng.u64(0..=end);
                if marks.may_read(ShardId(index as u16), ReplOffset(seen)) {
                    let served = queue.front().is_none_or(|(start, _)| *start >= seen);
                    assert!(served, "seed {seed}: read at {seen} before {queue:?}");
                }
            }
            last_mark = mark;
        }
        marks.dispatched_through(ReplOffset(end));
        for (shard, queue) in queues.iter_mut().enumerate() {
            for (_, end) in queue.drain(..) {
                marks.applied(ShardId(shard as u16), ReplOffset(end));
            }
        }
        assert_eq!(marks.mark(), ReplOffset(end), "seed {seed}");
    }
}
