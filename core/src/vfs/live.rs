//! The head of a file that any process may write, read without a system call.
#![allow(unsafe_code)]

use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::atomic::{Ordering, fence};

use memmap2::{MmapOptions, MmapRaw};

/// Bytes that are read at once.
const WORD: usize = size_of::<u64>();

/// A map of the first bytes of a file, which shows what any process writes there as soon as a read
/// of the file would. The file must never be cut below them.
#[derive(Debug)]
pub(crate) struct Live {
    raw: MmapRaw,
}

impl Live {
    /// Maps the first `len` bytes; `None` where the file has fewer, or the system has no way to open
    /// it anew: a map of `file` itself would hold its locks beyond its close and into forked children.
    pub(crate) fn new(file: &File, len: usize) -> Option<Live> {
        let second = File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
        if second.metadata().ok()?.len() < u64::try_from(len).ok()? {
            return None;
        }
        Some(Live { raw: MmapOptions::new().len(len).map_raw_read_only(&second).ok()? })
    }

    /// Reads as many whole words of eight bytes from the first byte on as are mapped and fit into
    /// `out`. Each is of one time; two of them need not be. All are read before whatever the
    /// caller reads next.
    pub(crate) fn read(&self, out: &mut [u8]) {
        let words = self.raw.as_ptr().cast::<u64>();
        let mapped = self.raw.len() / WORD;
        for (at, bytes) in out.chunks_exact_mut(WORD).take(mapped).enumerate() {
            // SAFETY: the map begins at a page, and word `at` lies in it; the map lives as long as
            // `self`. Others may write it meanwhile, so it is never lent out as a slice: the read is
            // volatile, of memory that no Rust object lies in.
            let word = unsafe { words.add(at).read_volatile() };
            bytes.copy_from_slice(&word.to_ne_bytes());
        }
        // The stamp is read before and after the rows that it covers; this keeps the reads in that order
        // (`kv/redb/stamp.rs`).
        fence(Ordering::Acquire);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    fn read(live: &Live) -> [u8; 24] {
        let mut out = [0xee; 24];
        live.read(&mut out);
        out
    }

    #[test]
    fn what_is_written_is_seen_at_once() {
        let file = tempfile::tempfile().unwrap();
        assert!(Live::new(&file, 24).is_none(), "the file is shorter");
        file.set_len(40).unwrap();
        let live = Live::new(&file, 24).unwrap();
        for round in 0..1000_u64 {
            let bytes: Vec<u8> = (0..24).map(|at| (round as u8).wrapping_mul(31).wrapping_add(at)).collect();
            file.write_all_at(&bytes, 0).unwrap();
            assert_eq!(read(&live), *bytes, "round {round}");
        }
    }

    #[test]
    fn no_more_is_read_than_is_mapped_and_it_outlives_the_file() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[7; 64], 0).unwrap();
        let live = Live::new(&file, 20).unwrap();
        drop(file);
        assert_eq!(read(&live)[..16], [7; 16]);
        assert_eq!(read(&live)[16..], [0xee; 8]);
    }

    #[test]
    fn the_map_holds_no_lock_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let open =
            || File::options().create(true).truncate(false).read(true).write(true).open(dir.path().join("f"));
        let _alone = crate::fork::FORKS.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let file = open().unwrap();
        file.set_len(64).unwrap();
        file.lock().unwrap();
        let live = Live::new(&file, 64).unwrap();
        drop(file);
        open().unwrap().try_lock().unwrap();
        assert_eq!(read(&live), [0; 24]);
    }
}
