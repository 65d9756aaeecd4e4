//! Resident bytes of a key: how much the process grew by filling, divided by the keys. Steps show
//! where tables double.

use std::thread;
use std::time::Duration;

use crate::error::Error;
use crate::lab::{Lab, Subject};
use crate::procfs;
use crate::table::{Row, Table, Target};

/// Makes the measurement.
pub fn run(lab: &mut Lab) -> Result<Table, Error> {
    let quick = lab.options.quick;
    let counts: &[u64] = if quick { &COUNTS[3..4] } else { &COUNTS };
    let sizes: &[usize] = if quick { &[64] } else { &[16, 64] };
    let mut rows = Vec::new();
    for value_bytes in sizes {
        let (subjects, _) = lab.one_of_each()?;
        let empty = resident(&subjects)?;
        let mut before = 0;
        for keys in counts {
            for subject in &subjects {
                lab.fill_on(&subject.server, before, *keys, *value_bytes)?;
            }
            settle(lab)?;
            let mut values = Vec::new();
            for ((subject, empty), full) in subjects.iter().zip(&empty).zip(resident(&subjects)?) {
                let bytes = full.saturating_sub(*empty) as f64 / *keys as f64;
                values.push(Some(bytes));
                lab.results.record(
                    "sample",
                    &[
                        ("measurement", "memory".into()),
                        ("subject", subject.name.clone().into()),
                        ("keys", (*keys as f64).into()),
                        ("value_bytes", (*value_bytes as f64).into()),
                        ("resident_bytes_a_key", bytes.into()),
                    ],
                )?;
            }
            before = *keys;
            let judged = *keys == 2_000_000 && *value_bytes == 64;
            rows.push(Row {
                case: format!("{} M keys, {value_bytes}-byte values", *keys as f64 / 1e6),
                unit: "bytes/key",
                figure: values[0].zip(values[1]).map(|(own, redis)| own / redis),
                values,
                target: judged.then_some(Target::AtMost(0.85)),
                spread: 0.0,
            });
        }
    }
    Ok(Table {
        title: "Resident memory of a key of 16 bytes".to_owned(),
        subjects: lab.names(),
        figure: "own/redis".to_owned(),
        rows,
        notes: vec!["growth of VmRSS over the empty server, 12 s after filling".to_owned()],
    })
}

fn resident(subjects: &[Subject]) -> Result<Vec<u64>, Error> {
    subjects.iter().map(|subject| procfs::resident_bytes(subject.server.pid())).collect()
}

/// Waits until tables are rehashed in the background and freed pages are given back.
fn settle(lab: &Lab) -> Result<(), Error> {
    lab.progress.step("letting memory settle");
    for _ in 0..SETTLE_SECONDS {
        lab.go_on()?;
        thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

/// jemalloc gives freed pages back within 10 s (its `dirty_decay_ms`).
const SETTLE_SECONDS: u32 = 12;
/// Around the powers of two at which a chained table doubles, and between.
const COUNTS: [u64; 5] = [500_000, 1_000_000, 1_500_000, 2_000_000, 3_000_000];
