//! Where it happens: directories, stores and contents.

use std::path::Path;

use bytes::Bytes;
use holdall::{Mode, Options, Store};
use tempfile::TempDir;

/// Makes a directory on the disk that is measured: in `HOLDALL_BENCH_DIR`, else the system's own.
pub fn dir() -> TempDir {
    match std::env::var_os("HOLDALL_BENCH_DIR") {
        Some(parent) => TempDir::with_prefix_in("holdall-bench-", parent),
        None => TempDir::with_prefix("holdall-bench-"),
    }
    .expect("a directory to work in")
}

/// Opens a store.
pub fn store(dir: &Path, mode: Mode) -> Store {
    Store::open(dir, Options::new().mode(mode).max_archive_entries(10_000_000)).expect("a store")
}

/// Draws contents that are all different.
pub struct Contents(u64);

impl Contents {
    pub fn new(seed: u64) -> Contents {
        Contents(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn number(&mut self) -> u64 {
        // SplitMix64, Steele, Lea and Flood 2014.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn bytes(&mut self, len: usize) -> Bytes {
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            bytes.extend_from_slice(&self.number().to_le_bytes());
        }
        bytes.truncate(len);
        bytes.into()
    }

    pub fn many(&mut self, count: usize, len: usize) -> Vec<Bytes> {
        (0..count).map(|_| self.bytes(len)).collect()
    }
}
