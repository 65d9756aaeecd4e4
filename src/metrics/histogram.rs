//! A histogram of durations with one writer and any readers: a shard counts, INFO reads.
//!
//! Cells: below 64 ns one each; from there 32 to every power of two, so that a cell is at most
//! 1/32 of its values wide. The last cell holds everything from about a second up.
//!
//! ```text
//! ns     0 … 63 | 64, 66 … 126 | 128, 132 … 252 | … | 2^29 … 2^30-1 and more
//! cell   0 … 63 | 64     …  95 | 96      …  127 | … | 800 …                831
//! ```

use crate::metrics::counters::Counter;

/// Durations by size, in nanoseconds.
#[derive(Debug)]
pub struct Histogram(Box<[Counter; CELLS]>);

/// The cells of one histogram, or the sum of several, at one moment.
#[derive(Clone, Debug)]
pub struct HistogramTotals(Box<[u64; CELLS]>);

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram(Box::new([const { Counter::new() }; CELLS]))
    }
}

impl Default for HistogramTotals {
    fn default() -> HistogramTotals {
        HistogramTotals(Box::new([0; CELLS]))
    }
}

impl Histogram {
    /// Counts `count` durations of `nanos`. Only by the owner.
    #[inline]
    pub fn record(&self, nanos: u64, count: u64) {
        self.0[cell(nanos)].add(count);
    }
}

impl HistogramTotals {
    /// Adds the cells of one histogram.
    pub fn add(&mut self, histogram: &Histogram) {
        for (sum, cell) in self.0.iter_mut().zip(histogram.0.iter()) {
            *sum = sum.wrapping_add(cell.read());
        }
    }

    /// What was counted since `baseline`.
    pub fn since(&self, baseline: &HistogramTotals) -> HistogramTotals {
        let mut since = self.clone();
        for (cell, before) in since.0.iter_mut().zip(baseline.0.iter()) {
            // A reader may have met the baseline's cells a moment later than others.
            *cell = cell.saturating_sub(*before);
        }
        since
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The duration in nanoseconds that `percent` (0 to 100) of all do not exceed; the upper end
    /// of its cell; 0 when none was counted.
    pub fn percentile(&self, percent: f64) -> u64 {
        let total = self.count();
        if total == 0 {
            return 0;
        }
        let wanted = (percent.clamp(0.0, 100.0) / 100.0 * total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.0.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return cell_end(index);
            }
        }
        cell_end(CELLS - 1)
    }

    /// LATENCY HISTOGRAM's pairs: a bound in microseconds and how many durations are within it,
    /// where that number grows. Bounds double from 1.024 µs and are labelled as stock labels them,
    /// with the upper end of a cell 1/128 wide: 1, 2, 4, 8, 16, 33, 66, 132 …
    pub fn doubling(&self) -> Vec<(u64, u64)> {
        let mut pairs = Vec::new();
        let (mut seen, mut reported, mut index) = (0, 0, 0);
        for power in 0.. {
            let bound = 1024u64 << power;
            while index < CELLS && cell_end(index) < bound {
                seen += self.0[index];
                index += 1;
            }
            if seen > reported {
                pairs.push((((1032u64 << power) - 1) / 1000, seen));
                reported = seen;
            }
            if index == CELLS {
                break;
            }
        }
        pairs
    }
}

/// The cell that counts `nanos`.
#[inline]
fn cell(nanos: u64) -> usize {
    let nanos = nanos.min(NANOS_MAX);
    // Below 64 the shift is 0; above, it leaves the six highest bits, 32 to 63.
    let shift = (nanos | 63).ilog2() - 5;
    shift as usize * 32 + (nanos >> shift) as usize
}

/// The largest duration that `index` counts, in nanoseconds.
fn cell_end(index: usize) -> u64 {
    if index < 64 {
        return index as u64;
    }
    let shift = index / 32 - 1;
    let top = (index - shift * 32) as u64;
    ((top + 1) << shift) - 1
}

/// Everything longer counts as this: 2^30 ns, 1.07 s.
const NANOS_MAX: u64 = (1 << 30) - 1;

/// 64 for the first six bits, 32 for each of the 24 further ones: 6.5 KiB.
const CELLS: usize = 64 + 24 * 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_dense_and_narrow() {
        let mut before = None;
        for index in 0..CELLS {
            let end = cell_end(index);
            let begin = before.map_or(0, |end: u64| end + 1);
            assert_eq!((cell(begin), cell(end)), (index, index), "cell {index}");
            assert!((end - begin) * 32 <= begin.max(31), "cell {index}: {begin}..={end}");
            before = Some(end);
        }
        assert_eq!(before, Some(NANOS_MAX));
        assert_eq!(cell(u64::MAX), CELLS - 1);
    }

    #[test]
    fn percentiles_are_the_upper_end_of_a_cell() {
        let histogram = Histogram::default();
        histogram.record(1000, 98);
        histogram.record(50_000, 2);
        let mut totals = HistogramTotals::default();
        assert_eq!(totals.percentile(50.0), 0);
        totals.add(&histogram);
        assert_eq!(totals.percentile(50.0), 1007);
        assert_eq!(totals.percentile(98.0), 1007);
        assert_eq!(totals.percentile(99.0), 50_175);
        assert_eq!(totals.percentile(100.0), 50_175);
        assert_eq!(totals.since(&totals.clone()).count(), 0);
    }

    #[test]
    fn doubling_bounds_are_labelled_as_stock_labels_them() {
        let histogram = Histogram::default();
        for (micros, count) in [(0, 10), (1, 31), (2, 13), (3, 1), (17, 5), (900, 2)] {
            histogram.record(micros * 1000, count);
        }
        let mut totals = HistogramTotals::default();
        totals.add(&histogram);
        assert_eq!(totals.doubling(), [(1, 41), (2, 54), (4, 55), (33, 60), (1056, 62)]);
    }
}
