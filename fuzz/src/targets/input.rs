//! An input, taken apart from its beginning; where it ends, zeros follow.

use std::sync::Arc;

use holdall::vfs::SimVfs;
use holdall::{Mode, Options, Store};

pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    pub fn short(&mut self) -> usize {
        usize::from(self.byte()) << 8 | usize::from(self.byte())
    }

    pub fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Takes text up to the next zero byte.
    pub fn text(&mut self) -> String {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        let text = String::from_utf8_lossy(self.take(end)).into_owned();
        self.byte();
        text
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

pub fn options() -> Options {
    Options::new().mode(Mode::Exclusive).threshold(4 << 10).segment_bytes(1 << 20).cache_bytes(1 << 20)
}

/// Makes a store on a disk in memory.
pub fn store() -> (SimVfs, Store) {
    let disk = SimVfs::new(1);
    let store = Store::open_on(Arc::new(disk.clone()), options()).unwrap();
    (disk, store)
}
