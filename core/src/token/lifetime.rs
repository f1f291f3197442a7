//! Lifetimes: from "an hour" to the second at which a URL expires.

use crate::{Error, Result};

/// How long a URL lives if nothing is said: 15 minutes, in seconds.
pub const DEFAULT_LIFETIME: u64 = 15 * 60;

/// Returns the unix second at which a URL made at `now` expires: `now + lifetime`.
///
/// `lifetime` is 1 to `max` seconds.
///
/// # Errors
///
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a lifetime out of range, or one that
/// ends beyond what a number can say. It is never clamped.
///
/// # Example
///
/// ```
/// use holdall::token::expiry;
///
/// assert_eq!(expiry(1_750_000_000, 3_600, 86_400).unwrap(), 1_750_003_600);
/// assert!(expiry(1_750_000_000, 86_401, 86_400).is_err());
/// ```
pub fn expiry(now: u64, lifetime: u64, max: u64) -> Result<u64> {
    if lifetime == 0 || lifetime > max {
        return Err(Error::invalid(format!("a lifetime of {lifetime} s is out of range: give 1 to {max} s")));
    }
    now.checked_add(lifetime)
        .ok_or_else(|| Error::invalid(format!("a lifetime of {lifetime} s from {now} ends beyond all time")))
}

/// Returns an expiry that stays the same while `now` stays in one window, so that the same request
/// gives the same URL and browsers and CDNs can cache it.
///
/// Windows start at the multiples of `window` seconds. The signing time is rounded up to the end
/// of its window: a URL lives longer than `lifetime`, and at most `lifetime + window`.
///
/// # Errors
///
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) as for [`expiry`], if `window` is 0, or if
/// `lifetime + window` is more than `max`: the cap holds for the longest that the URL may live.
///
/// # Example
///
/// ```
/// use holdall::token::stable_expiry;
///
/// assert_eq!(stable_expiry(1_000, 600, 300, 86_400).unwrap(), 1_800);
/// assert_eq!(stable_expiry(1_199, 600, 300, 86_400).unwrap(), 1_800);
/// assert_eq!(stable_expiry(1_200, 600, 300, 86_400).unwrap(), 2_100);
/// ```
pub fn stable_expiry(now: u64, lifetime: u64, window: u64, max: u64) -> Result<u64> {
    if window == 0 {
        return Err(Error::invalid("a window of 0 s rounds nothing: give 1 s or more"));
    }
    let longest = lifetime.checked_add(window).filter(|&longest| lifetime > 0 && longest <= max);
    if longest.is_none() {
        return Err(Error::invalid(format!(
            "a lifetime of {lifetime} s in windows of {window} s is out of range: together give at most {max} s"
        )));
    }
    let end = (now - now % window).checked_add(window).and_then(|end| end.checked_add(lifetime));
    end.ok_or_else(|| Error::invalid(format!("a lifetime of {lifetime} s from {now} ends beyond all time")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ErrorKind;

    const TIMES: [u64; 9] = [0, 1, 2, 899, 900, 253_402_300_800, i64::MAX as u64, u64::MAX - 1, u64::MAX];

    #[test]
    fn a_url_lives_for_15_minutes_where_nothing_is_said() {
        assert_eq!(expiry(1000, DEFAULT_LIFETIME, DEFAULT_LIFETIME).unwrap(), 1900);
    }

    #[test]
    fn t5_no_time_or_lifetime_overflows_and_none_is_clamped() {
        for now in TIMES {
            for lifetime in TIMES {
                for max in TIMES {
                    let exact = u128::from(now) + u128::from(lifetime);
                    let good = (1..=max).contains(&lifetime) && exact <= u128::from(u64::MAX);
                    match expiry(now, lifetime, max) {
                        Ok(at) => assert!(good && u128::from(at) == exact),
                        Err(error) => {
                            assert!(!good);
                            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
                        }
                    }
                    for window in TIMES {
                        if let Ok(at) = stable_expiry(now, lifetime, window, max) {
                            assert!(at - now > lifetime && at - now <= max);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_small_clock_exhaustively() {
        for window in 1..=12 {
            for lifetime in 1..=12 {
                let at: Vec<u64> =
                    (0..60).map(|now| stable_expiry(now, lifetime, window, 24).unwrap()).collect();
                for (now, pair) in (0u64..).zip(at.windows(2)) {
                    assert_eq!(pair[0] == pair[1], (now + 1) % window != 0, "only a new window changes it");
                }
                for (now, &at) in (0u64..).zip(&at) {
                    assert!(at - now > lifetime && at - now <= lifetime + window);
                }
            }
        }
        assert!(stable_expiry(5, 10, 10, 20).is_ok());
        assert!(stable_expiry(5, 10, 10, 19).is_err());
        assert!(stable_expiry(5, 0, 10, 20).is_err());
        assert!(stable_expiry(5, 10, 0, 20).is_err());
    }

    proptest! {
        #[test]
        fn the_same_window_gives_the_same_expiry(now: u32, step in 0u64..600, lifetime in 1u64..100_000) {
            let start = u64::from(now) / 600 * 600;
            let at = stable_expiry(start, lifetime, 600, 1_000_000).unwrap();
            prop_assert_eq!(stable_expiry(start + step, lifetime, 600, 1_000_000).unwrap(), at);
            prop_assert!(stable_expiry(start + 600, lifetime, 600, 1_000_000).unwrap() > at);
        }
    }
}
