//! The table behind every handle. A handle is not an address: it is the number of an entry and the
//! generation of what is in it, so that a handle that was freed, freed twice, made up or meant for
//! something else is distinguished from a good one without a look at memory that is no longer there.
//!
//! Looking a handle up takes no lock, so that a fork in another thread leaves nothing locked; see `slot.rs`.

use std::any::Any;
use std::ffi::CString;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;

use crate::slot::{Left, Slot};

#[cfg(not(target_pointer_width = "64"))]
compile_error!("a handle holds an entry and a generation of 32 bits each");

/// What stands behind a handle.
pub(crate) type Value = Arc<dyn Any + Send + Sync>;

/// Entries of the first page; each page has twice as many as the one before, so that their list is short: it is data
/// of the library's file.
const FIRST: usize = 1024;
/// Pages there can be: four million handles at once.
const PAGES: usize = 12;
/// The end of the list of free entries.
const NONE: u32 = u32::MAX;

struct Entry {
    slot: Slot<Value>,
    /// The next free entry, while this one is free.
    next: AtomicU32,
    /// What the last call that failed says, on the handle with that generation.
    failure: ArcSwapOption<(u32, Arc<Failure>)>,
}

/// What a call that failed says.
#[derive(Default)]
pub(crate) struct Failure {
    pub(crate) code: i32,
    /// Seconds to wait, where a limit refused it.
    pub(crate) wait_s: u64,
    pub(crate) text: CString,
}

/// A table of values that are named by numbers.
pub(crate) struct Table {
    pages: [OnceLock<Box<[Entry]>>; PAGES],
    /// Entries that were ever used.
    used: AtomicU32,
    /// The first free entry in the low half, and a count of changes in the high one.
    free: AtomicU64,
    /// Values in the table.
    live: AtomicU64,
}

/// The handles of this process.
pub(crate) static HANDLES: Table = Table::new();

/// Returns the page of an entry, and its index there.
const fn locate(index: usize) -> (usize, usize) {
    let page = (index / FIRST + 1).ilog2();
    (page as usize, index - first_of(page))
}

/// Returns the number of the first entry of a page.
const fn first_of(page: u32) -> usize {
    FIRST * ((1 << page) - 1)
}

const fn split(number: u64) -> (u32, u32) {
    let bytes = number.to_be_bytes();
    let [a, b, c, d, e, f, g, h] = bytes;
    (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
}

const fn join(high: u32, low: u32) -> u64 {
    (high as u64) << 32 | low as u64
}

impl Table {
    pub(crate) const fn new() -> Table {
        Table {
            pages: [const { OnceLock::new() }; PAGES],
            used: AtomicU32::new(0),
            free: AtomicU64::new(NONE as u64),
            live: AtomicU64::new(0),
        }
    }

    /// Puts a value in and returns its handle, which is never 0; none when there are too many.
    pub(crate) fn insert(&self, value: Value) -> Option<u64> {
        let index = match self.pop() {
            Some(index) => index,
            None => self.grow()?,
        };
        let generation = self.entry(index)?.slot.fill(value)?;
        self.live.fetch_add(1, Ordering::Relaxed);
        Some(join(generation, index))
    }

    /// Returns what a handle stands for; none when it stands for nothing, or nothing any more.
    pub(crate) fn get(&self, handle: u64) -> Option<Value> {
        let (generation, index) = split(handle);
        let entry = self.entry(index)?;
        let (value, left) = entry.slot.read(generation, Value::clone)?;
        self.reuse(entry, index, &left);
        Some(value)
    }

    /// Takes out what a handle stands for, if `wanted` says so; of two threads that free the same
    /// handle one gets it.
    pub(crate) fn remove(&self, handle: u64, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        let (generation, index) = split(handle);
        let entry = self.entry(index)?;
        let (value, left) = entry.slot.take(generation, |value| wanted(value).then(|| value.clone()))?;
        self.reuse(entry, index, &left);
        self.live.fetch_sub(u64::from(value.is_some()), Ordering::Relaxed);
        value
    }

    /// Leaves with a handle what a call on it failed with; nothing where it stands for nothing.
    pub(crate) fn fail(&self, handle: u64, failure: &Arc<Failure>) {
        let (generation, index) = split(handle);
        if self.get(handle).is_some()
            && let Some(entry) = self.entry(index)
        {
            entry.failure.store(Some(Arc::new((generation, Arc::clone(failure)))));
        }
    }

    /// Returns what the last call on a handle that failed says; none when the handle stands for nothing.
    pub(crate) fn failure(&self, handle: u64) -> Option<Option<Arc<Failure>>> {
        let (generation, index) = split(handle);
        self.get(handle)?;
        let failure = self.entry(index)?.failure.load();
        Some(failure.as_ref().filter(|failure| failure.0 == generation).map(|failure| Arc::clone(&failure.1)))
    }

    fn reuse(&self, entry: &Entry, index: u32, left: &Left) {
        if *left == Left::Empty {
            self.push(entry, index);
        }
    }

    /// Returns how many values there are.
    pub(crate) fn len(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }

    fn entry(&self, index: u32) -> Option<&Entry> {
        let (page, at) = locate(usize::try_from(index).ok()?);
        self.pages.get(page)?.get()?.get(at)
    }

    fn grow(&self) -> Option<u32> {
        let index = self.used.fetch_add(1, Ordering::Relaxed);
        let (number, _) = locate(usize::try_from(index).ok()?);
        let Some(page) = self.pages.get(number) else {
            self.used.fetch_sub(1, Ordering::Relaxed);
            return None;
        };
        page.get_or_init(|| {
            // From 1 on, so that no handle is NULL.
            let slot = || Slot::of(1);
            let entry =
                || Entry { slot: slot(), next: AtomicU32::new(NONE), failure: ArcSwapOption::empty() };
            (0..FIRST << number).map(|_| entry()).collect()
        });
        Some(index)
    }

    fn pop(&self) -> Option<u32> {
        let mut head = self.free.load(Ordering::Acquire);
        loop {
            let (count, index) = split(head);
            if index == NONE {
                return None;
            }
            let next = self.entry(index)?.next.load(Ordering::Relaxed);
            let changed = join(count.wrapping_add(1), next);
            match self.free.compare_exchange_weak(head, changed, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(index),
                Err(now) => head = now,
            }
        }
    }

    fn push(&self, entry: &Entry, index: u32) {
        let mut head = self.free.load(Ordering::Acquire);
        loop {
            let (count, first) = split(head);
            entry.next.store(first, Ordering::Relaxed);
            let changed = join(count.wrapping_add(1), index);
            match self.free.compare_exchange_weak(head, changed, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any(_: &Value) -> bool {
        true
    }

    fn number(value: &Value) -> u32 {
        *value.downcast_ref::<u32>().unwrap()
    }

    #[test]
    fn f1_a_handle_that_was_freed_stands_for_nothing() {
        let table = Table::new();
        let first = table.insert(Arc::new(1_u32)).unwrap();
        assert_eq!(number(&table.get(first).unwrap()), 1);
        assert!(table.remove(first, any).is_some());
        assert!(table.remove(first, any).is_none());
        let second = table.insert(Arc::new(2_u32)).unwrap();
        assert_eq!(split(first).1, split(second).1, "the entry is used again");
        assert!(table.get(first).is_none());
        assert!(table.remove(first, any).is_none());
        assert_eq!(number(&table.get(second).unwrap()), 2);
        for made_up in [0, 1, u64::MAX, join(1, 5000), join(1, NONE)] {
            assert!(table.get(made_up).is_none());
        }
    }

    #[test]
    fn handles_of_every_page_stand_for_what_they_were_made_of() {
        for (index, found) in
            [(0, (0, 0)), (1023, (0, 1023)), (1024, (1, 0)), (3071, (1, 2047)), (3072, (2, 0))]
        {
            assert_eq!(locate(index), found);
        }
        let table = Table::new();
        let handles: Vec<u64> = (0..8000_u32).map(|n| table.insert(Arc::new(n)).unwrap()).collect();
        for (at, handle) in handles.iter().enumerate() {
            assert_eq!(number(&table.get(*handle).unwrap()) as usize, at);
        }
        assert!(handles.iter().all(|handle| table.remove(*handle, any).is_some()));
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn an_entry_at_its_last_generation_is_left_alone() {
        let table = Table::new();
        let first = table.insert(Arc::new(1_u32)).unwrap();
        assert!(table.remove(first, any).is_some());
        table.entry(0).unwrap().slot.skip_to(u32::MAX);
        let last = table.insert(Arc::new(2_u32)).unwrap();
        assert_eq!(split(last), (u32::MAX, 0));
        assert!(table.remove(last, any).is_some());
        assert_eq!(split(table.insert(Arc::new(3_u32)).unwrap()), (1, 1));
    }

    #[test]
    fn a_failure_is_that_of_the_handle_it_was_on() {
        let table = Table::new();
        let text = |handle| table.failure(handle).map(|failure| failure.map(|failure| failure.code));
        let first = table.insert(Arc::new(1_u32)).unwrap();
        assert_eq!(text(first), Some(None));
        table.fail(first, &Arc::new(Failure { code: 7, ..Failure::default() }));
        assert_eq!(text(first), Some(Some(7)));
        assert!(table.remove(first, any).is_some());
        assert_eq!(text(first), None);
        let second = table.insert(Arc::new(2_u32)).unwrap();
        assert_eq!(split(first).1, split(second).1);
        table.fail(first, &Arc::new(Failure { code: 8, ..Failure::default() }));
        assert_eq!(text(second), Some(None));
    }

    #[test]
    fn of_eight_threads_that_free_each_handle_one_succeeds() {
        let table = Table::new();
        let freed = AtomicU64::new(0);
        for _ in 0..50 {
            let handles: Vec<u64> = (0..40_u32).map(|n| table.insert(Arc::new(n)).unwrap()).collect();
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        for handle in &handles {
                            if table.remove(*handle, any).is_some() {
                                freed.fetch_add(1, Ordering::Relaxed);
                                let other = table.insert(Arc::new(7_u32)).unwrap();
                                assert_eq!(number(&table.get(other).unwrap()), 7);
                                assert!(table.remove(other, any).is_some());
                            }
                        }
                    });
                }
            });
            assert_eq!(table.len(), 0);
        }
        assert_eq!(freed.load(Ordering::Relaxed), 50 * 40);
    }
}
