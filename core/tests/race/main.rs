//! The control of `make tsan`: two threads put from sources that share a number without a lock.
//!
//! ThreadSanitizer must report this program, and so end it with an error; no other run builds it.
#![allow(clippy::unwrap_used, unsafe_code)]

use std::cell::UnsafeCell;
use std::io::{self, Read};

use holdall::{Options, Put, Store};

/// A number that threads change without a lock.
struct Unlocked(UnsafeCell<u64>);

// SAFETY: none. That threads may not share it is what the run must find.
unsafe impl Sync for Unlocked {}

/// Content that counts how often it is read.
struct Counted<'a>(&'a Unlocked, usize);

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // SAFETY: the pointer is good; the race is on purpose.
        unsafe { *self.0.0.get() += 1 };
        let len = buffer.len().min(self.1).min(100);
        self.1 -= len;
        Ok(len)
    }
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::new()).unwrap();
    let drive = store.drive("alice").unwrap();
    let reads = Unlocked(UnsafeCell::new(0));
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (drive, reads) = (&drive, &reads);
            scope.spawn(move || {
                for round in 0..20 {
                    drive.put(&format!("{thread}/{round}"), Counted(reads, 100_000), Put::new()).unwrap();
                }
            });
        }
    });
    store.close().unwrap();
}
