//! Rates over the last moments, for INFO's `instantaneous_*`. Pure; owned by the server's cron.

/// The growth of a counter per second, averaged over the last sixteen samples.
#[derive(Clone, Debug, Default)]
pub struct RateWindow {
    last: Option<(u64, u64)>,
    samples: [u64; SAMPLES],
    next: usize,
}

impl RateWindow {
    /// Takes the counter's `value` at `now_ms`. Called about every [`SAMPLE_MS`]; calls within the
    /// same millisecond are skipped.
    pub fn sample(&mut self, now_ms: u64, value: u64) {
        let Some((then_ms, before)) = self.last else {
            self.last = Some((now_ms, value));
            return;
        };
        let elapsed_ms = now_ms.saturating_sub(then_ms);
        if elapsed_ms == 0 {
            return;
        }
        // A counter that fell was reset; nothing can be said about this sample.
        let grown = value.saturating_sub(before);
        self.samples[self.next] = grown.saturating_mul(1000) / elapsed_ms;
        self.next = (self.next + 1) % SAMPLES;
        self.last = Some((now_ms, value));
    }

    /// The mean of the samples, per second; samples not taken yet count as zero.
    pub fn per_second(&self) -> u64 {
        let sum = self.samples.iter().fold(0u64, |sum, sample| sum.saturating_add(*sample));
        sum / SAMPLES as u64
    }

    /// [`RateWindow::per_second`] of a count of bytes, in KiB.
    pub fn kib_per_second(&self) -> f64 {
        self.per_second() as f64 / 1024.0
    }

    /// Forgets the samples.
    pub fn reset(&mut self) {
        *self = RateWindow::default();
    }
}

/// The period between samples, ms.
pub const SAMPLE_MS: u64 = 100;

/// 1.6 s of samples: short enough to be called instantaneous, long enough to be readable.
const SAMPLES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_counter_shows_its_rate() {
        let mut rate = RateWindow::default();
        for tick in 0..=16 {
            rate.sample(tick * 100, tick * 50);
        }
        assert_eq!(rate.per_second(), 500);
        rate.sample(1600, 1_000_000);
        assert_eq!(rate.per_second(), 500, "no time has passed");
        for tick in 17..=32 {
            rate.sample(tick * 100, 800);
        }
        assert_eq!(rate.per_second(), 0);
    }

    #[test]
    fn a_reset_counter_and_a_turned_back_clock_are_no_rate() {
        let mut rate = RateWindow::default();
        rate.sample(1000, 1000);
        rate.sample(1100, 0);
        rate.sample(500, 1000);
        assert_eq!(rate.per_second(), 0);
        // The clock's new time was not taken over; the next sample after it goes on.
        rate.sample(1200, 1000);
        assert!(rate.per_second() > 0);
    }
}
