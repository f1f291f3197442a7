//! What one handle stands for: a value that any thread reads while another takes it away, without a lock and without
//! waiting.
//!
//! One word says all there is to agree on: the generation of the value, whether it can be read, and how many threads
//! have it. A thread that wants to read adds itself, if the generation is the one that it knows and the value can
//! be read. Taking the value away is to say that it cannot: nobody is added any more, and whoever leaves last empties the
//! slot. So the value is accessible to those who are counted, and to be changed by one who is counted alone while nobody
//! can be added.
//!
//! A child that was forked while another thread was counted never empties that slot; it is lost to the child.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, Ordering};

/// In the word: who has the value, in the low 31 bits.
const USER: u64 = 1;
const USERS: u64 = READABLE - 1;
/// Whether more may have it.
const READABLE: u64 = 1 << 31;
/// The generation is above that.
const GENERATION: u32 = 32;

pub(crate) struct Slot<T> {
    word: AtomicU64,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: threads that are counted share the value, hence `Sync`; one who is counted alone may drop what another
// put in, hence `Send`.
unsafe impl<T: Send + Sync> Sync for Slot<T> {}

fn generation(word: u64) -> u32 {
    u32::try_from(word >> GENERATION).unwrap_or(u32::MAX)
}

impl<T> Slot<T> {
    /// Makes an empty slot, whose next value is of that generation.
    pub(crate) fn of(generation: u32) -> Slot<T> {
        Slot { word: AtomicU64::new(u64::from(generation) << GENERATION), value: UnsafeCell::new(None) }
    }

    /// Puts a value in, and returns its generation; none if something is there already.
    pub(crate) fn fill(&self, value: T) -> Option<u32> {
        let empty = self.word.load(Ordering::Relaxed);
        if empty & (READABLE | USERS) != 0 {
            return None;
        }
        self.word.compare_exchange(empty, empty + USER, Ordering::Acquire, Ordering::Relaxed).ok()?;
        // SAFETY: this thread alone is counted, and nobody is added to a slot that cannot be read.
        unsafe { *self.value.get() = Some(value) };
        self.word.store(empty | READABLE, Ordering::Release);
        Some(generation(empty))
    }

    /// Reads the value; none if it is of another generation, or was taken away.
    pub(crate) fn read<R>(&self, wanted: u32, read: impl FnOnce(&T) -> R) -> Option<(R, Left)> {
        let found = read(self.enter(wanted)?);
        Some((found, self.leave()))
    }

    /// Takes the value away and returns what was read of it, unless nothing was; of threads that do so at once one gets it.
    pub(crate) fn take<R>(
        &self,
        wanted: u32,
        read: impl FnOnce(&T) -> Option<R>,
    ) -> Option<(Option<R>, Left)> {
        let found = read(self.enter(wanted)?);
        let taken = found.filter(|_| self.word.fetch_and(!READABLE, Ordering::AcqRel) & READABLE != 0);
        Some((taken, self.leave()))
    }

    /// Counts this thread, which is then to leave.
    fn enter(&self, wanted: u32) -> Option<&T> {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if generation(word) != wanted || word & READABLE == 0 || word & USERS == USERS {
                return None;
            }
            match self.word.compare_exchange_weak(word, word + USER, Ordering::Acquire, Ordering::Relaxed) {
                // SAFETY: this thread is counted, and the value could be read: nobody changes it until it leaves.
                Ok(_) => return unsafe { &*self.value.get() }.as_ref(),
                Err(now) => word = now,
            }
        }
    }

    /// Empties the slot if this thread is the last one, and the value was taken away.
    fn leave(&self) -> Left {
        let mut word = self.word.load(Ordering::Acquire);
        while word & (READABLE | USERS) != USER {
            match self.word.compare_exchange_weak(word, word - USER, Ordering::Release, Ordering::Acquire) {
                Ok(_) => return Left::Full,
                Err(now) => word = now,
            }
        }
        // SAFETY: as in `fill`. The others have left, and their leaving was acquired.
        drop(unsafe { &mut *self.value.get() }.take());
        let Some(next) = generation(word).checked_add(1) else { return Left::ForEver };
        self.word.store(u64::from(next) << GENERATION, Ordering::Release);
        Left::Empty
    }
}

/// How a slot was left.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// The value can be read, or others still do.
    Full,
    /// To be filled again.
    Empty,
    /// Not to be filled again, since no generation is left.
    ForEver,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    impl<T> Slot<T> {
        /// Makes an empty slot one of a later generation.
        pub(crate) fn skip_to(&self, generation: u32) {
            assert_eq!(
                self.word.swap(u64::from(generation) << GENERATION, Ordering::AcqRel) & (READABLE | USERS),
                0
            );
        }

        fn generation_now(&self) -> u32 {
            super::generation(self.word.load(Ordering::Acquire))
        }
    }

    #[test]
    fn a_value_is_dropped_when_it_was_taken_away_and_nobody_reads_it_any_more() {
        let (slot, value) = (Slot::of(1), Arc::new(5));
        assert_eq!(slot.fill(Arc::clone(&value)), Some(1));
        assert_eq!(slot.fill(Arc::clone(&value)), None, "it is full");
        assert!(slot.read(2, |_| ()).is_none(), "another generation");
        assert_eq!(slot.take(1, |_| None::<()>), Some((None, Left::Full)), "it is not wanted");
        let read = slot.read(1, |read| {
            assert_eq!(slot.take(1, |taken| Some(**taken)), Some((Some(5), Left::Full)));
            assert!(
                slot.read(1, |_| ()).is_none() && slot.take(1, |_| Some(())).is_none(),
                "it was taken away"
            );
            assert_eq!(slot.fill(Arc::clone(&value)), None, "it is still read");
            assert_eq!(Arc::strong_count(&value), 2);
            **read
        });
        assert_eq!(read, Some((5, Left::Empty)));
        assert_eq!(Arc::strong_count(&value), 1);
        assert_eq!(slot.fill(value), Some(2));
        assert!(slot.read(1, |_| ()).is_none());
    }

    #[test]
    fn no_generation_comes_after_the_last() {
        let slot = Slot::of(u32::MAX);
        assert_eq!(slot.fill(7), Some(u32::MAX));
        assert_eq!(slot.take(u32::MAX, |value| Some(*value)), Some((Some(7), Left::ForEver)));
        assert!(slot.read(u32::MAX, |_| ()).is_none());
        assert_eq!(slot.fill(7), None);
    }

    /// A value that says whether it was dropped.
    struct Noted<'a>(&'a AtomicUsize, u32);

    impl Drop for Noted<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
            self.1 = 0;
        }
    }

    #[test]
    fn readers_see_what_was_put_in_until_it_is_dropped_once() {
        const ROUNDS: u32 = 20_000;
        let dropped = AtomicUsize::new(0);
        let slot: Slot<Noted<'_>> = Slot::of(1);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut generation = 1;
                    while generation <= ROUNDS {
                        let takes = generation % 2 == 0;
                        let found = match takes {
                            true => slot.take(generation, |value| Some(value.1)),
                            false => slot.read(generation, |value| Some(value.1)),
                        };
                        match found {
                            Some((found, _)) => assert!(found.is_none_or(|found| found == generation)),
                            None => generation = slot.generation_now(),
                        }
                    }
                });
            }
            for generation in 1..=ROUNDS {
                // It is empty when the last reader of the one before has left.
                while slot.generation_now() != generation {
                    std::thread::yield_now();
                }
                assert_eq!(slot.fill(Noted(&dropped, generation)), Some(generation));
                while slot.take(generation, |value| Some(value.1)).is_some() {}
            }
        });
        assert_eq!(dropped.load(Ordering::Relaxed), ROUNDS as usize);
    }
}
