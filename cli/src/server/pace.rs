//! Pacing: a token bucket. Pure; the clock is an argument.

use std::time::{Duration, Instant};

/// How much of a second may go out at once.
const BURST: Duration = Duration::from_millis(100);

/// Says when the next bytes may go out, so that no more than a rate is sent.
#[derive(Debug)]
pub(super) struct Pace {
    /// Bytes a second, at least 1.
    rate: u64,
    /// When all that was sent so far is paid for.
    paid: Instant,
}

impl Pace {
    pub(super) fn new(rate: u64, now: Instant) -> Pace {
        Pace { rate: rate.max(1), paid: now }
    }

    /// Returns how many bytes go out at once, at least 1: a tenth of a second's worth.
    pub(super) fn chunk(&self) -> usize {
        usize::try_from((self.rate / 10).clamp(1, 1 << 20)).unwrap_or(1 << 20)
    }

    /// Returns how long to wait before more may go out.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        self.paid.saturating_duration_since(now)
    }

    /// Counts bytes as sent. What was not sent while it could have been is saved up to a burst.
    pub(super) fn sent(&mut self, bytes: usize, now: Instant) {
        let nanos =
            u128::try_from(bytes).unwrap_or(u128::MAX).saturating_mul(1_000_000_000) / u128::from(self.rate);
        let price = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let oldest = now.checked_sub(BURST).unwrap_or(now);
        self.paid = self.paid.max(oldest).checked_add(price).unwrap_or(self.paid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends `total` bytes by the bucket's leave, with a pause of `idle` in the middle, and
    /// returns how long it takes.
    fn simulate(rate: u64, total: usize, idle: Duration) -> Duration {
        let begun = Instant::now();
        let (mut now, mut sent) = (begun, 0);
        let mut pace = Pace::new(rate, now);
        let mut idle = Some(idle);
        while sent < total {
            now += pace.wait(now);
            let chunk = pace.chunk().min(total - sent);
            pace.sent(chunk, now);
            sent += chunk;
            if sent * 2 >= total {
                now += idle.take().unwrap_or_default();
            }
        }
        now + pace.wait(now) - begun
    }

    #[test]
    fn bytes_go_out_at_the_rate_and_no_faster() {
        for rate in [1, 7, 1000, 1 << 20, 1 << 30] {
            let total = usize::try_from(rate * 3).unwrap();
            let took = simulate(rate, total, Duration::ZERO).as_secs_f64();
            assert!((2.9..3.1).contains(&took), "{rate}: {took}");
        }
    }

    #[test]
    fn a_pause_saves_up_no_more_than_a_burst() {
        let took = simulate(1000, 4000, Duration::from_secs(10)).as_secs_f64();
        assert!((13.7..14.1).contains(&took), "{took}");
    }

    #[test]
    fn t5_no_rate_or_count_overflows() {
        let now = Instant::now();
        for rate in [0, 1, u64::MAX] {
            let mut pace = Pace::new(rate, now);
            pace.sent(usize::MAX, now);
            let _ = pace.wait(now);
            assert!(pace.chunk() >= 1);
        }
    }
}
