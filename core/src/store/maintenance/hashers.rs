//! Hashing many short contents on all cores, beside the caller, who reads them.

use std::thread;

use crate::Result;
use crate::digest::Digest;
use crate::worker::Worker;

/// Bytes that go to a worker at once.
const BUNDLE: usize = 256 << 10;
/// Bundles that wait for a worker.
const WAITING: usize = 4;
/// As many workers at most.
const WORKERS: usize = 16;

/// A content, the key that the caller knows it by, and what it should be.
struct Content {
    key: usize,
    bytes: Vec<u8>,
    expected: Digest,
}

/// The workers, and the contents that go to the next of them.
pub(super) struct Hashers {
    workers: Vec<Worker<Vec<Content>, Vec<usize>>>,
    bundle: Vec<Content>,
    bundle_len: usize,
    next: usize,
    same: Vec<usize>,
}

impl Hashers {
    /// Starts a worker for each core. Where no thread can be started, the caller hashes.
    pub(super) fn start() -> Hashers {
        let cores = thread::available_parallelism().map_or(1, usize::from).min(WORKERS);
        let count = if cores > 1 { cores } else { 0 };
        let start = |_| {
            Worker::start(WAITING, |bundles| {
                let work = move || bundles.into_iter().flat_map(hash).collect();
                thread::Builder::new().name("holdall-check".into()).spawn(work)
            })
            .ok()
        };
        let workers = (0..count).filter_map(start).collect();
        Hashers { workers, bundle: Vec::new(), bundle_len: 0, next: 0, same: Vec::new() }
    }

    /// Takes a content that should be `expected`; waits while too many wait.
    ///
    /// # Errors
    /// `Forked` in the child of a fork, where the workers do not exist.
    pub(super) fn push(&mut self, key: usize, bytes: Vec<u8>, expected: Digest) -> Result<()> {
        self.bundle_len += bytes.len();
        self.bundle.push(Content { key, bytes, expected });
        if self.bundle_len >= BUNDLE { self.hand_over() } else { Ok(()) }
    }

    fn hand_over(&mut self) -> Result<()> {
        let bundle = std::mem::take(&mut self.bundle);
        self.bundle_len = 0;
        self.next += 1;
        match self.workers.get(self.next % self.workers.len().max(1)) {
            // A worker that has died says so at the end.
            Some(worker) => worker.push(bundle).map(|_| ()),
            None => {
                self.same.extend(hash(bundle));
                Ok(())
            }
        }
    }

    /// Returns the keys of the contents that are what they should be, in no order.
    ///
    /// # Errors
    /// As [`Hashers::push`]; `Bug` when a worker has died.
    pub(super) fn finish(mut self) -> Result<Vec<usize>> {
        self.hand_over()?;
        for worker in &mut self.workers {
            self.same.append(&mut worker.finish()?);
        }
        Ok(self.same)
    }
}

/// Returns the keys of the contents of a bundle that are what they should be.
fn hash(bundle: Vec<Content>) -> impl Iterator<Item = usize> {
    let is_same = |content: &Content| Digest::of(&content.bytes) == content.expected;
    bundle.into_iter().filter(is_same).map(|content| content.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_content_that_is_another_is_found_whoever_hashes() {
        for workers in [0, 1, 3] {
            let mut hashers = Hashers::start();
            hashers.workers.truncate(workers);
            let content = |key: usize| vec![u8::try_from(key % 251).unwrap(); key * 700 % 50_000];
            for key in 0..200 {
                let mut expected = Digest::of(&content(key));
                match key % 10 {
                    1 => expected.sha1[7] ^= 1,
                    2 => expected.blake3[0] ^= 1,
                    3 => expected.crc64 ^= 1,
                    4 => expected.crc32 ^= 1,
                    5 => expected.len += 1,
                    _ => {}
                }
                hashers.push(key, content(key), expected).unwrap();
            }
            let mut same = hashers.finish().unwrap();
            same.sort_unstable();
            let expected: Vec<usize> = (0..200).filter(|key| !(1..=5).contains(&(key % 10))).collect();
            assert_eq!(same, expected, "{workers} workers");
        }
    }
}
