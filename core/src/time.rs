//! Times: UTC, in microseconds. Pure; the clock is an argument everywhere but in [`Time::now`].

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::machine;
use serde::{Deserialize, Serialize};

/// A point in time: UTC, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(pub i64);

impl Time {
    /// Reads the system's clock.
    pub fn now() -> Time {
        machine::clock().into()
    }

    /// Makes the time `seconds` after 1970 began; what lies outside the range is its end.
    pub const fn from_unix(seconds: i64) -> Time {
        Time(seconds.saturating_mul(1_000_000))
    }

    /// Returns whole seconds since 1970, rounded down.
    ///
    /// ```
    /// assert_eq!(holdall::Time(-1).unix(), -1);
    /// assert_eq!(holdall::Time(1_999_999).unix(), 1);
    /// ```
    pub const fn unix(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Returns the time `duration` later, or the last one there is.
    #[must_use]
    pub fn after(self, duration: Duration) -> Time {
        Time(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Returns the time `duration` earlier, or the first one there is.
    #[must_use]
    pub fn before(self, duration: Duration) -> Time {
        Time(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Time {
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Time(0).after(since),
            Err(earlier) => Time(0).before(earlier.duration()),
        }
    }
}

/// Writes RFC 3339, in UTC with microseconds: `2026-11-22T08:00:00.000000Z`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(timestamp) => write!(f, "{timestamp:.6}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t5_no_time_overflows() {
        let extremes = [i64::MIN, -1, 0, 1, i64::MAX].map(Time);
        for time in extremes {
            for duration in [Duration::ZERO, Duration::MAX] {
                assert!(time.after(duration) >= time);
                assert!(time.before(duration) <= time);
            }
            assert!(!time.to_string().is_empty());
            assert!(!Time::from_unix(time.0).to_string().is_empty());
        }
    }

    #[test]
    fn text_is_rfc_3339() {
        assert_eq!(Time(1_749_525_301_000_042).to_string(), "2025-06-10T03:15:01.000042Z");
    }
}
