//! The stamp of the rows: what is equal as long as nobody has committed.
//!
//! Whoever takes the stamp S, then begins to read and keeps what it read with S, may use it for a
//! request that takes the stamp later and finds S again. Claim: it then sees everything that was
//! acknowledged before the request began, whichever process committed it.
//!
//! **Exclusive mode.** S counts the commits of this process, and nobody else commits. A commit is
//! counted when it is visible and before it is acknowledged; so a count that did not change means
//! that nothing was acknowledged since S was taken, which was before the reading began.
//!
//! **Shared mode.** S is the number and the checksum of the last published commit, from the header
//! of the file: a flag byte and two slots, which commits fill in turn. A commit n of redb writes the
//! header three times, straight to the file, before it returns: with n in the slot that n-2 had;
//! with that slot named as the primary, and marked unflushed; and, when all is synced, without the
//! mark, by which n is published. Numbers of published commits only go up. A header counts as a
//! stamp when its primary is the newer slot and bears no mark; while a commit is under way there is
//! none. It is read without redb's lock, and from a map of the file where there is one, a word at
//! a time, so what is read may be of several commits (torn):
//!
//! - *In a request.* If m was acknowledged before the request began, the slot of m holds m or
//!   a later one whatever is torn, so the stamp's number is at least m; a slot that is torn itself
//!   has a checksum that is not a commit's, and the request merely finds nothing.
//! - *When something is kept.* The stamp is taken twice before the reading begins, and must be the
//!   same. The second time begins when slot n was seen; the flag byte that names it, and without
//!   a mark, is read after that, hence after n was published. So the reading sees n at least.
//!
//! Together: what is kept with the number n has seen n, and a request that finds n began before
//! n+1 was acknowledged. What is cached may be values, or the snapshot itself that they are read from
//! (`kv/redb/snapshot_cache.rs`).
//!
//! A map shows what a read would: on a local file system both go to the same pages of the system's
//! cache. Whoever cuts the file of an open store to nothing kills the processes that have it open, as
//! is so for the segments, which are served from maps.

use std::sync::{Arc, OnceLock, Weak};

use crate::vfs::{Live, VfsFile};

/// Tells whether anything was committed; see the head of `kv/redb/stamp.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    /// Goes up with each commit.
    number: u64,
    /// The checksum of the commit's roots; 0 in exclusive mode.
    sum: u128,
}

/// Bytes of redb's header.
const LEN: usize = 320;
const MAGIC: &[u8; 9] = b"redb\x1a\x0a\xa9\x0d\x0a";
/// The byte of flags, and those that matter.
const FLAGS: usize = 9;
const SECOND_IS_PRIMARY: u8 = 1;
const UNFLUSHED: u8 = 8;
/// Where the two slots begin, and what is where in one.
const SLOTS: [usize; 2] = [64, 192];
const VERSION: u8 = 3;
const NUMBER: usize = 104;
const SUM: usize = 112;

impl Stamp {
    /// The stamp of an exclusive session after so many commits, or of rows that a driver has so numbered.
    pub(in crate::kv) fn of_count(commits: u64) -> Stamp {
        Stamp { number: commits, sum: 0 }
    }

    /// Returns the number of the last commit.
    pub(super) fn number(self) -> u64 {
        self.number
    }

    fn of_header(header: &[u8; LEN]) -> Option<Stamp> {
        let flags = *header.get(FLAGS)?;
        if !header.starts_with(MAGIC) || flags & UNFLUSHED != 0 {
            return None;
        }
        let (first, second) = (slot(header, SLOTS[0])?, slot(header, SLOTS[1])?);
        let (primary, other) = if flags & SECOND_IS_PRIMARY != 0 { (second, first) } else { (first, second) };
        (primary.number > other.number).then_some(primary)
    }
}

fn slot(header: &[u8; LEN], at: usize) -> Option<Stamp> {
    if *header.get(at)? != VERSION {
        return None;
    }
    let number = header.get(at + NUMBER..)?.first_chunk()?;
    let sum = header.get(at + SUM..)?.first_chunk()?;
    Some(Stamp { number: u64::from_le_bytes(*number), sum: u128::from_le_bytes(*sum) })
}

/// The header of a file that any process may commit to.
#[derive(Debug)]
pub(super) struct DatabaseHeader {
    /// The database keeps it open.
    file: Weak<dyn VfsFile>,
    live: OnceLock<Option<Live>>,
}

impl DatabaseHeader {
    pub(super) fn new(file: &Arc<dyn VfsFile>) -> DatabaseHeader {
        DatabaseHeader { file: Arc::downgrade(file), live: OnceLock::new() }
    }

    /// Reads the stamp; None while a commit is under way, or when the header cannot be read or made
    /// out.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        if self.file.strong_count() == 0 {
            return None;
        }
        let mut header = [0; LEN];
        match self.live.get_or_init(|| Live::new(self.file.upgrade()?.file()?.as_ref(), LEN)) {
            Some(live) => live.read(&mut header),
            None => self.file.upgrade()?.read_at(0, &mut header).ok()?,
        }
        Stamp::of_header(&header)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RedbKv, Sharing};
    use super::*;
    use crate::kv::{Commit, Kv, Table, Write};
    use crate::vfs::{Open, SimVfs, Vfs};

    const ROWS: Table = Table::new(1, "rows");

    fn header(flags: u8, numbers: [u64; 2]) -> [u8; LEN] {
        let mut header = [0; LEN];
        header[..9].copy_from_slice(MAGIC);
        header[FLAGS] = flags;
        for (at, number) in SLOTS.into_iter().zip(numbers) {
            header[at] = VERSION;
            header[at + NUMBER..at + SUM].copy_from_slice(&number.to_le_bytes());
            header[at + SUM..at + 128].copy_from_slice(&u128::from(number * 7).to_le_bytes());
        }
        header
    }

    #[test]
    fn a_header_has_a_stamp_unless_a_commit_is_under_way() {
        let stamp = |number: u64| Some(Stamp { number, sum: u128::from(number * 7) });
        assert_eq!(Stamp::of_header(&header(0, [8, 7])), stamp(8));
        assert_eq!(Stamp::of_header(&header(1 | 2 | 4, [8, 9])), stamp(9));
        // Commit 9, write by write.
        assert_eq!(Stamp::of_header(&header(0, [8, 9])), None);
        assert_eq!(Stamp::of_header(&header(1 | UNFLUSHED, [8, 9])), None);
        assert_eq!(Stamp::of_header(&header(1, [8, 9])), stamp(9));
        let mut other = header(0, [8, 7]);
        other[SLOTS[0]] = VERSION + 1;
        assert_eq!(Stamp::of_header(&other), None);
        assert_eq!(Stamp::of_header(&[0; LEN]), None);
    }

    #[test]
    fn every_commit_changes_the_stamp_before_it_returns_and_nothing_else_does() {
        for sharing in [Sharing::Exclusive, Sharing::Shared] {
            let vfs: Arc<dyn Vfs> = Arc::new(SimVfs::new(3));
            let file = vfs.open("rows", Open::Create).unwrap();
            let kv = RedbKv::open(file, sharing, 1 << 20, &[ROWS]).unwrap();
            let mut last = kv.stamp().expect("a stamp of a store at rest");
            for number in 0..200_u32 {
                let mut writer = kv.writer().unwrap();
                // The same row again: the roots may be the same, the number is not.
                writer.put(ROWS, b"row", &(number / 2).to_be_bytes()).unwrap();
                assert_eq!(kv.stamp(), Some(last), "nothing is committed yet");
                kv.commit(writer, Commit::Synced).unwrap();
                let stamp = kv.stamp().expect("a stamp of a store at rest");
                assert!(stamp > last, "{stamp:?} after {last:?}");
                last = stamp;
                drop(kv.reader().unwrap());
                drop(kv.writer().unwrap());
                assert_eq!(kv.stamp(), Some(last));
            }
            kv.close();
            assert_ne!(kv.stamp(), Some(last));
        }
    }
}
