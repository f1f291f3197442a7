//! How long a file was when it was last looked at.
//!
//! To ask the system takes half a microsecond, a seventh of serving a small file. A file that only
//! grows is cut short by none but who damages the store. That is still noticed before a reply is
//! begun, but for those of the next [`FRESH`]; what was begun before is longer in danger than that.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a look holds.
pub(super) const FRESH: Duration = Duration::from_millis(10);

/// The last look at a file; at first none.
#[derive(Debug, Default)]
pub(super) struct Look {
    len: AtomicU64,
    /// Nanoseconds since the first look of the process, and one more.
    at: AtomicU64,
}

fn now() -> u64 {
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(FIRST.elapsed().as_nanos()).unwrap_or(u64::MAX).saturating_add(1)
}

impl Look {
    /// Returns whether a look that still holds saw at least `len` bytes.
    pub(super) fn says(&self, len: u64) -> bool {
        let at = self.at.load(Ordering::Acquire);
        let fresh = || u128::from(now().saturating_sub(at)) < FRESH.as_nanos();
        at != 0 && self.len.load(Ordering::Relaxed) >= len && fresh()
    }

    /// Notes what a look saw. Of two at once either may stay: both are of this time.
    pub(super) fn note(&self, len: u64) {
        self.len.store(len, Ordering::Relaxed);
        self.at.store(now(), Ordering::Release);
    }

    /// Forgets the last look: the file may be shorter now.
    pub(super) fn forget(&self) {
        self.at.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_says_what_it_saw_and_for_a_while_only() {
        let look = Look::default();
        assert!(!look.says(0), "nobody looked");
        look.note(100);
        let begun = Instant::now();
        let (fits, more) = (look.says(100), look.says(101));
        assert!(!more);
        // A machine that stood still in between has let it grow old.
        assert!(fits || begun.elapsed() >= FRESH);
        std::thread::sleep(2 * FRESH);
        assert!(!look.says(1));
        look.note(100);
        look.forget();
        assert!(!look.says(1));
    }
}
