//! SHA-1 beside the other three hashes, over shared blocks.

use std::io;
use std::mem;
use std::sync::mpsc::Receiver;
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use sha1::{Digest as _, Sha1};

use super::Digest;
use super::digester::{Digester, Rest};
use crate::Result;
use crate::worker::{self, Worker};

/// Input shorter than this, in bytes, is not worth a thread.
pub(super) const ALONE: u64 = 4 << 20;

/// Blocks are handed over in bundles of this many bytes, cut where they do not fit.
pub(super) const BUNDLE: usize = 512 << 10;

/// The most blocks in a bundle, however short they are.
pub(super) const BUNDLE_BLOCKS: usize = 128;

/// Bundles that may wait; one more is being hashed and one more gathered.
const WAITING: usize = 6;

/// Blocks on their way to the second thread.
type Bundle = Vec<Bytes>;

/// Starts the thread that takes bundles until there are no more and returns the SHA-1 state.
pub(super) type Start = fn(Sha1, Receiver<Bundle>) -> io::Result<JoinHandle<Sha1>>;

/// Computes a [`Digest`] of a stream of shared blocks, large ones with two threads.
///
/// The first 4 MiB are hashed by the caller. After that SHA-1 runs on a thread of its own over
/// the same blocks, without copying, and the caller's thread does the rest. At most 4 MiB of blocks
/// are held on to; a caller that is faster is made to wait. Blocks of 64 KiB to 1 MiB are best.
/// Where no thread can be started, everything goes on in the caller's.
///
/// Dropping it early returns at once; the thread ends by itself within milliseconds.
///
/// # Example
/// ```
/// use bytes::Bytes;
/// use holdall::digest::{Digest, StreamDigester};
///
/// let mut digester = StreamDigester::new();
/// digester.push(Bytes::from_static(b"hello "))?;
/// digester.push(Bytes::from_static(b"world"))?;
/// assert_eq!(digester.finish()?, Digest::of(b"hello world"));
/// # Ok::<(), holdall::Error>(())
/// ```
pub struct StreamDigester {
    state: HashState,
    start: Option<Start>,
}

enum HashState {
    Alone(Digester),
    Beside(Rest, Beside),
}

impl StreamDigester {
    /// Makes a digester that has seen no byte and has started no thread.
    pub fn new() -> StreamDigester {
        StreamDigester::starting(start)
    }

    /// Makes a digester that starts its second thread with `start`.
    pub(super) fn starting(start: Start) -> StreamDigester {
        StreamDigester { state: HashState::Alone(Digester::new()), start: Some(start) }
    }

    /// Takes the next bytes; waits while too many are in flight. How the input is split does not
    /// change the result.
    ///
    /// # Errors
    /// [`Forked`](crate::ErrorKind::Forked) in the child of a fork, where the second thread does not exist;
    /// [`Bug`](crate::ErrorKind::Bug) where the second thread has died. The digest is lost in both cases.
    pub fn push(&mut self, mut block: Bytes) -> Result<()> {
        while !block.is_empty() {
            self.divide();
            match &mut self.state {
                HashState::Alone(digester) => digester.update(&block.split_to(block.len().min(BUNDLE))),
                HashState::Beside(rest, beside) => {
                    let piece = block.split_to(block.len().min(beside.room()));
                    beside.push(piece.clone())?;
                    rest.update(&piece);
                }
            }
        }
        Ok(())
    }

    /// Returns the BLAKE3 of what was taken so far.
    pub(crate) fn blake3(&self) -> [u8; 32] {
        match &self.state {
            HashState::Alone(digester) => digester.rest.blake3(),
            HashState::Beside(rest, _) => rest.blake3(),
        }
    }

    /// Returns the digest of everything taken.
    ///
    /// # Errors
    /// As [`push`](StreamDigester::push).
    pub fn finish(self) -> Result<Digest> {
        match self.state {
            HashState::Alone(digester) => Ok(digester.finish()),
            HashState::Beside(rest, beside) => Ok(rest.finish(beside.finish()?)),
        }
    }

    /// Makes the second thread look like one that was left behind in a parent process.
    #[cfg(test)]
    pub(super) fn pretend_forked(&mut self) {
        if let HashState::Beside(_, beside) = &mut self.state {
            beside.worker.pretend_forked();
        }
    }

    /// Starts the second thread once the input has grown long enough; tries it once.
    fn divide(&mut self) {
        let HashState::Alone(digester) = &mut self.state else { return };
        if digester.rest.len() < ALONE {
            return;
        }
        let Some(start) = self.start.take() else { return };
        if let Ok(beside) = Beside::start(start, digester.sha1.clone()) {
            self.state = HashState::Beside(mem::take(&mut digester.rest), beside);
        }
    }
}

impl Default for StreamDigester {
    fn default() -> StreamDigester {
        StreamDigester::new()
    }
}

/// SHA-1 on its worker, and the bytes gathered for it.
struct Beside {
    worker: Worker<Bundle, Sha1>,
    gathered: Bundle,
    gathered_len: usize,
}

impl Beside {
    fn start(start: Start, sha1: Sha1) -> io::Result<Beside> {
        let worker = Worker::start(WAITING, |bundles| start(sha1, bundles))?;
        Ok(Beside { worker, gathered: Bundle::new(), gathered_len: 0 })
    }

    /// Returns how many bytes the next piece may have; at least 1.
    fn room(&self) -> usize {
        BUNDLE.saturating_sub(self.gathered_len).max(1)
    }

    fn push(&mut self, piece: Bytes) -> Result<()> {
        self.gathered_len += piece.len();
        self.gathered.push(piece);
        if self.gathered_len >= BUNDLE || self.gathered.len() >= BUNDLE_BLOCKS {
            self.hand_over()?;
        }
        Ok(())
    }

    fn hand_over(&mut self) -> Result<()> {
        self.gathered_len = 0;
        if self.worker.push(mem::take(&mut self.gathered))? { Ok(()) } else { Err(worker::died()) }
    }

    fn finish(mut self) -> Result<Sha1> {
        self.hand_over()?;
        self.worker.finish()
    }
}

fn start(sha1: Sha1, bundles: Receiver<Bundle>) -> io::Result<JoinHandle<Sha1>> {
    thread::Builder::new().name("holdall-sha1".into()).spawn(move || {
        let mut sha1 = sha1;
        bundles.iter().flatten().for_each(|block| sha1.update(&block));
        sha1
    })
}
