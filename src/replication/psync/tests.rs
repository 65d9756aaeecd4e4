//! The decision at every edge, then against two simulated servers whose histories part.

use super::*;

const A: ReplId = ReplId([b'a'; 40]);
const B: ReplId = ReplId([b'b'; 40]);

fn ask(id: ReplId, next_byte: i64, history: &History, range: Option<(u64, u64)>) -> Decision {
    let range = range.map(|(start, end)| Range { start: ReplOffset(start), end: ReplOffset(end) });
    decide(Request { id: &id.0, next_byte }, history, range)
}

fn full(decision: Decision) -> Reason {
    match decision {
        Decision::Full(reason) => reason,
        Decision::Continue { from, .. } => panic!("continues from {from}"),
    }
}

#[test]
fn every_request_against_every_small_range() {
    for start in 0..6_u64 {
        for end in start..8 {
            for second in [None, Some(start), Some(end)] {
                let history =
                    second.map_or(History::new(A), |at| History::new(B).shift(A, ReplOffset(at)));
                for asked in -2..12_i64 {
                    let kept = asked > start as i64 && asked <= end as i64 + 1;
                    let range = Some((start, end));
                    let context = format!("{asked} of {start}..{end}, second {second:?}");
                    let from = ReplOffset(asked.wrapping_sub(1) as u64);
                    let own = ask(A, asked, &history, range);
                    if kept {
                        assert_eq!(
                            own,
                            Decision::Continue { from, id_changed: false },
                            "{context}"
                        );
                    } else if asked > end as i64 {
                        assert_eq!(full(own), Reason::Ahead { asked }, "{context}");
                    } else {
                        assert_eq!(full(own), Reason::NoBacklog { asked }, "{context}");
                    }
                    let old = ask(B, asked, &history, range);
                    match second {
                        None => {
                            assert!(matches!(full(old), Reason::IdMismatch { .. }), "{context}");
                        }
                        Some(at) if asked > at as i64 + 1 => {
                            let second_offset = at + 1;
                            let reason = Reason::BeyondSecondId { asked, second_offset };
                            assert_eq!(full(old), reason, "{context}");
                        }
                        Some(_) if kept => {
                            assert_eq!(old, Decision::Continue { from, id_changed: true });
                        }
                        Some(_) => assert_eq!(full(old), Reason::NoBacklog { asked }, "{context}"),
                    }
                }
            }
        }
    }
}

#[test]
fn extreme_numbers_are_refused() {
    let history = History::new(B).shift(A, ReplOffset(5));
    for asked in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX] {
        for id in [A, B] {
            full(ask(id, asked, &history, Some((0, 10))));
        }
    }
}

#[test]
fn without_a_backlog_everything_is_sent() {
    assert_eq!(full(ask(A, 1, &History::new(A), None)), Reason::NoBacklog { asked: 1 });
}

#[test]
fn a_question_mark_forces_a_full_resynchronization() {
    for next_byte in [-1, 1, 5] {
        let range = Range { start: ReplOffset(0), end: ReplOffset(9) };
        let decision = decide(Request { id: b"?", next_byte }, &History::new(A), Some(range));
        assert_eq!(decision, Decision::Full(Reason::Requested));
    }
}

#[test]
fn ids_compare_without_case_and_whole() {
    let range = Some(Range { start: ReplOffset(0), end: ReplOffset(9) });
    let history = History::new(A);
    let upper = decide(Request { id: &[b'A'; 40], next_byte: 1 }, &history, range);
    assert_eq!(upper, Decision::Continue { from: ReplOffset(0), id_changed: false });
    for id in [&b"a"[..], b"", &[b'a'; 39], &[b'a'; 41], &[b'0'; 40], &[b'a'; 100_000]] {
        let reason = full(decide(Request { id, next_byte: 1 }, &history, range));
        let Reason::IdMismatch { asked, .. } = reason else { panic!("{reason:?}") };
        assert!(asked.len() <= 40);
    }
}

// Recorded from stock servers; the text of `Ahead` goes on where theirs ends.
#[test]
fn reasons_read_as_operators_know_them() {
    let check = |reason: Reason, expected: &str| {
        let text = LogText { reason: &reason, replica: "127.0.0.1:6380" }.to_string();
        assert_eq!(text, expected);
    };
    check(Reason::Requested, "Full resync requested by replica 127.0.0.1:6380");
    check(
        Reason::IdMismatch { asked: b"a\nc".to_vec(), ours: A, second: ReplId::ZERO },
        "Partial resynchronization not accepted: Replication ID mismatch (Replica asked for \
         'a\\nc', my replication IDs are 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' and \
         '0000000000000000000000000000000000000000')",
    );
    check(
        Reason::NoBacklog { asked: -1 },
        "Unable to partial resync with replica 127.0.0.1:6380 for lack of backlog (Replica request \
         was: -1).",
    );
    check(
        Reason::Ahead { asked: 100_000 },
        "Unable to partial resync with replica 127.0.0.1:6380 for lack of backlog (Replica request \
         was: 100000). It asked for an offset greater than ours.",
    );
    check(
        Reason::BeyondSecondId { asked: 52, second_offset: 51 },
        "Partial resynchronization not accepted: Requested offset for second ID was 52, but I can \
         reply up to 51",
    );
}

/// A server of the simulation: every byte it has, and the names it knows them under.
#[derive(Clone)]
struct Server {
    bytes: Vec<u8>,
    start: usize,
    history: History,
}

impl Server {
    fn write(&mut self, rng: &mut fastrand::Rng) {
        self.bytes.extend((0..rng.usize(0..8)).map(|_| rng.u8(..)));
    }

    fn trim(&mut self, rng: &mut fastrand::Rng) {
        self.start = rng.usize(self.start..=self.bytes.len());
    }

    fn decide(&self, asker: &Server) -> Decision {
        let start = ReplOffset(self.start as u64);
        let range = Range { start, end: ReplOffset(self.bytes.len() as u64) };
        let next_byte = asker.bytes.len() as i64 + 1;
        decide(Request { id: &asker.history.id.0, next_byte }, &self.history, Some(range))
    }
}

// Whoever may continue ends up with exactly the bytes of the one it follows. Servers write, are
// promoted, follow one another and trim at random; ids are never used twice.
#[test]
fn who_continues_has_the_same_bytes() {
    let mut continued = 0;
    for seed in 0..3000 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut fresh_id = {
            let mut count = 0_u8;
            move || {
                count += 1;
                ReplId::from_random([count; 20])
            }
        };
        let mut servers: Vec<Server> = (0..3)
            .map(|_| Server { bytes: Vec::new(), start: 0, history: History::new(fresh_id()) })
            .collect();
        // Which server each one follows; a master follows none.
        let mut follows: [Option<usize>; 3] = [None; 3];
        for _ in 0..40 {
            let (one, other) = (rng.usize(0..3), rng.usize(0..3));
            match rng.u8(0..5) {
                0 | 1 if follows[one].is_none() => servers[one].write(&mut rng),
                2 => servers[one].trim(&mut rng),
                3 if follows[one].is_some() => {
                    let at = ReplOffset(servers[one].bytes.len() as u64);
                    servers[one].history = servers[one].history.shift(fresh_id(), at);
                    follows[one] = None;
                }
                4 if one != other && follows[other].is_none() => {
                    let (asker, master) = (servers[one].clone(), servers[other].clone());
                    follows[one] = Some(other);
                    match master.decide(&asker) {
                        Decision::Full(_) => {
                            let start = master.bytes.len();
                            let history = History::new(master.history.id);
                            servers[one] = Server { start, history, ..master };
                        }
                        Decision::Continue { from, .. } => {
                            continued += 1;
                            let from = from.0 as usize;
                            assert!(from >= master.start, "seed {seed}");
                            assert_eq!(asker.bytes, master.bytes[..from], "seed {seed}");
                            let history = asker.history;
                            if history.id != master.history.id {
                                let at = ReplOffset(from as u64);
                                servers[one].history = history.shift(master.history.id, at);
                            }
                            servers[one].bytes = master.bytes;
                        }
                    }
                }
                _ => {}
            }
        }
    }
    assert!(continued > 1000, "only {continued} partial resynchronizations were tried");
}
