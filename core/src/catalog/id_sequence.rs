//! The one sequence that every id is drawn from.

use std::ops::Range;

use super::row;
use super::table::META;
use crate::id::FileId;
use crate::kv::{Read, Write};
use crate::{Error, ErrorKind, Result};

/// Gives out ids that were reserved before, in a transaction of their own.
pub(crate) trait NewId {
    /// Returns an id that was never given out.
    fn next(&mut self) -> Result<u64>;
}

/// No id reaches this: a file's must fit a version's.
pub(crate) const END: u64 = 1 << 44;

pub(super) const NEXT: &[u8] = b"next-id";

/// Reserves `count` ids that follow each other; the first of a store is 1.
///
/// # Errors
/// `TooLarge` when the store has given out all of its 2^44 ids.
pub(crate) fn reserve(tx: &mut impl Write, count: u64) -> Result<Range<u64>> {
    let start = next(tx)?;
    let end = start.checked_add(count).filter(|end| *end <= END).ok_or_else(|| {
        Error::new(
            ErrorKind::TooLarge,
            format!("{count} more ids after {start}: the store has no more than 2^44; start a new one"),
        )
    })?;
    tx.put(META, NEXT, &end.to_be_bytes())?;
    Ok(start..end)
}

/// Returns the first id that was not reserved yet.
pub(crate) fn next(tx: &impl Read) -> Result<u64> {
    Ok(row::id(tx, META, NEXT)?.unwrap_or(1))
}

/// Draws the ids of `count` files or folders.
pub(crate) fn files(ids: &mut impl NewId, count: usize) -> Result<Vec<FileId>> {
    (0..count).map(|_| file(ids)).collect()
}

/// Draws the id of a file or folder.
pub(crate) fn file(ids: &mut impl NewId) -> Result<FileId> {
    match ids.next()? {
        id @ 1..END => Ok(FileId(id)),
        id => Err(Error::bug(format!("id {id} cannot be a file's"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::{Kv, memory::MemoryKv};

    #[test]
    fn blocks_follow_each_other_and_end_below_two_to_the_44() {
        let mut tx = MemoryKv::default().writer().unwrap();
        assert_eq!(reserve(&mut tx, 3).unwrap(), 1..4);
        assert_eq!(reserve(&mut tx, 0).unwrap(), 4..4);
        assert_eq!(reserve(&mut tx, END - 4).unwrap(), 4..END);
        for count in [1, u64::MAX] {
            assert_eq!(reserve(&mut tx, count).unwrap_err().kind(), ErrorKind::TooLarge);
        }
        assert_eq!(next(&tx).unwrap(), END);
    }

    #[test]
    fn an_id_that_no_version_can_hold_is_no_file() {
        struct One(u64);
        impl NewId for One {
            fn next(&mut self) -> Result<u64> {
                Ok(self.0)
            }
        }
        assert_eq!(file(&mut One(END - 1)).unwrap(), FileId(END - 1));
        assert!(file(&mut One(END)).is_err());
        assert!(file(&mut One(0)).is_err());
    }
}
