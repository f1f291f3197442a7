//! How keys lie in the file. Those of a few tables begin with a number of 8 bytes, most of which are zeros; it lies
//! there packed, in 1 to 9 bytes. A file of an earlier build has the same tables under other names, with keys as they
//! are, and keeps them.
//!
//! As many ones lead the first byte of a packed number as bytes follow it, and the number is in the bits after the
//! first zero. A larger number has no fewer bytes, so keys are in the same order either way.

use std::ops::Bound;

use redb::{ReadTransaction, TableDefinition, TableError};

use super::{DAMAGED, TABLES, other};
use crate::kv::{KeyRange, Table};
use crate::{Error, Result};

/// The bytes of a number at the beginning of a key.
const NUMBER: usize = 8;

/// Which tables of a file have their keys as they are though others would pack them, by a bit for each table's byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layouts(u64);

const _: () = assert!(TABLES <= 64);

impl Layouts {
    /// Looks which tables an earlier build made.
    pub(super) fn of(transaction: &ReadTransaction, tables: &[Table]) -> Result<Layouts> {
        let has = |name| match transaction.open_table(definition(name)) {
            Ok(_) => Ok(true),
            Err(TableError::TableDoesNotExist(_)) => Ok(false),
            Err(cause) => Err(other(cause)),
        };
        let mut former = 0;
        for table in tables {
            if let Some(name) = table.former
                && has(name)?
                && !has(table.name)?
            {
                former |= bit(*table);
            }
        }
        Ok(Layouts(former))
    }

    /// Returns how redb knows a table.
    pub(super) fn definition(self, table: Table) -> Definition {
        definition(match table.former {
            Some(former) if self.0 & bit(table) != 0 => former,
            _ => table.name,
        })
    }

    /// Returns how the keys of a table lie in the file.
    pub(super) fn keys(self, table: Table) -> KeyLayout {
        match table.former {
            Some(_) if self.0 & bit(table) == 0 => KeyLayout::Packed,
            _ => KeyLayout::Plain,
        }
    }
}

/// Returns whether a row of a table can have a key, in whichever file.
pub(super) fn is_key(table: Table, key: &[u8]) -> bool {
    table.former.is_none() || key.len() >= NUMBER
}

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;

fn definition(name: &'static str) -> Definition {
    TableDefinition::new(name)
}

fn bit(table: Table) -> u64 {
    1_u64.checked_shl(table.byte.into()).unwrap_or(0)
}

/// How the keys of a table lie in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyLayout {
    /// As they are.
    Plain,
    /// With the number that they begin with packed.
    Packed,
}

impl KeyLayout {
    /// Returns a key as it lies in the file, put into `room` if that differs; none if no row can have it.
    pub(super) fn stored<'a>(self, key: &'a [u8], room: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        match self {
            KeyLayout::Plain => Some(key),
            KeyLayout::Packed => {
                let (number, rest) = key.split_first_chunk::<NUMBER>()?;
                room.clear();
                pack(u64::from_be_bytes(*number), room);
                room.extend_from_slice(rest);
                Some(room)
            }
        }
    }

    /// Returns the range of the keys in the file that are those of `range`.
    pub(super) fn range<'a>(self, range: KeyRange<'a>, rooms: &'a mut [Vec<u8>; 2]) -> KeyRange<'a> {
        if self == KeyLayout::Plain {
            return range;
        }
        let [first, last] = rooms;
        let first = match range.0 {
            Bound::Unbounded => Bound::Unbounded,
            Bound::Excluded(key) if key.len() >= NUMBER => Bound::Excluded(least(key, first)),
            Bound::Included(key) | Bound::Excluded(key) => Bound::Included(least(key, first)),
        };
        let last = match range.1 {
            Bound::Unbounded => Bound::Unbounded,
            Bound::Included(key) if key.len() >= NUMBER => Bound::Included(least(key, last)),
            Bound::Included(key) | Bound::Excluded(key) => Bound::Excluded(least(key, last)),
        };
        (first, last)
    }
}

/// Makes keys of those in the file, one after the other.
pub(super) struct KeyUnpacker {
    layout: KeyLayout,
    /// The last number as it lies there. Most rows of a range have the same.
    packed: Vec<u8>,
    key: Vec<u8>,
}

impl KeyUnpacker {
    pub(super) fn new(layout: KeyLayout) -> KeyUnpacker {
        KeyUnpacker { layout, packed: Vec::new(), key: Vec::new() }
    }

    /// Returns the key that lies in the file as `stored`.
    ///
    /// # Errors
    /// `Corrupt` if no key does.
    pub(super) fn key<'a>(&'a mut self, stored: &'a [u8]) -> Result<&'a [u8]> {
        if self.layout == KeyLayout::Plain {
            return Ok(stored);
        }
        match stored.strip_prefix(&*self.packed) {
            Some(rest) if !self.packed.is_empty() => {
                self.key.truncate(NUMBER);
                self.key.extend_from_slice(rest);
            }
            _ => {
                let (number, rest) = unpack(stored).ok_or_else(|| Error::corrupt(DAMAGED))?;
                self.packed.clear();
                self.packed.extend_from_slice(stored.strip_suffix(rest).unwrap_or_default());
                self.key.clear();
                self.key.extend_from_slice(&number.to_be_bytes());
                self.key.extend_from_slice(rest);
            }
        }
        Ok(&self.key)
    }
}

/// Returns the least key in the file that is not below `key`, which may be too short for a number.
fn least<'a>(key: &[u8], room: &'a mut Vec<u8>) -> &'a [u8] {
    let mut number = [0; NUMBER];
    number.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    room.clear();
    pack(u64::from_be_bytes(number), room);
    room.extend_from_slice(key.get(NUMBER..).unwrap_or_default());
    room
}

fn pack(number: u64, to: &mut Vec<u8>) {
    match bytes_after_first(number) {
        after @ 0..=7 => {
            let ones = !(u64::MAX >> after);
            let shifted = number << (8 * (7 - after)) | ones;
            to.extend(shifted.to_be_bytes().into_iter().take(after as usize + 1));
        }
        _ => {
            to.push(u8::MAX);
            to.extend_from_slice(&number.to_be_bytes());
        }
    }
}

/// Returns a number, and what follows it; none if it is cut short, or was packed into more bytes than it needs.
fn unpack(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let after = bytes.first()?.leading_ones();
    let (packed, rest) = bytes.split_at_checked(after as usize + 1)?;
    // The first of nine bytes is shifted out.
    let whole = packed.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let number = match after {
        0..=7 => whole & (u64::MAX >> (64 - 7 * (after + 1))),
        _ => whole,
    };
    (bytes_after_first(number) == after).then_some((number, rest))
}

/// Returns in how many bytes more than one a number is packed.
fn bytes_after_first(number: u64) -> u32 {
    let bits = u64::BITS - number.leading_zeros();
    bits.div_ceil(7).saturating_sub(1).min(8)
}

#[cfg(test)]
mod tests {
    use std::ops::Bound::{Excluded, Included, Unbounded};

    use super::*;
    use crate::ErrorKind;
    use crate::kv::redb::{RedbKv, Sharing};
    use crate::kv::{Commit, Kv, Read, Scan, Write};
    use crate::vfs::{Open, SimVfs, Vfs};

    const FORMER: Table = Table::new(1, "a-1");
    const TABLE: Table = Table::new(1, "a-2").formerly("a-1");

    fn open(disk: &SimVfs, table: Table, sharing: Sharing) -> RedbKv {
        let file = disk.open("meta.redb", Open::Create).unwrap();
        RedbKv::open(file, sharing, 1 << 20, &[table]).unwrap()
    }

    fn put(kv: &RedbKv, table: Table, keys: &[Vec<u8>]) {
        let mut writer = kv.writer().unwrap();
        keys.iter().for_each(|key| writer.put(table, key, key).unwrap());
        kv.commit(writer, Commit::Synced).unwrap();
    }

    fn keys(kv: &RedbKv, table: Table, range: KeyRange<'_>, reverse: bool) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        let reader = kv.reader().unwrap();
        reader
            .scan(table, range, reverse, &mut |key, value| {
                assert_eq!(key, value);
                keys.push(key.to_vec());
                Ok(Scan::Next)
            })
            .unwrap();
        keys
    }

    /// Numbers about every change of length.
    fn numbers() -> Vec<u64> {
        let edges = (0..64).map(|bit| 1_u64 << bit).chain([0, u64::MAX]);
        let mut numbers: Vec<u64> =
            edges.flat_map(|edge| [edge.wrapping_sub(1), edge, edge + u64::from(edge < u64::MAX)]).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    #[test]
    fn numbers_are_packed_into_as_few_bytes_as_they_need_in_their_order() {
        let mut before = Vec::new();
        for number in numbers() {
            let mut packed = Vec::new();
            pack(number, &mut packed);
            assert!(packed > before, "{number:#x}");
            let bits = (64 - number.leading_zeros()).max(1) as usize;
            assert_eq!(packed.len(), bits.div_ceil(7).min(9), "{number:#x}");
            assert_eq!(unpack(&[&packed[..], b"rest"].concat()), Some((number, &b"rest"[..])));
            assert_eq!(unpack(&packed[..packed.len() - 1]), None, "cut short");
            before = packed;
        }
        for longer in
            [&[0x80, 0x7f][..], &[0xc0, 0x3f, 0xff], &[0xff, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]]
        {
            assert_eq!(unpack(longer), None, "{longer:x?}");
        }
        assert_eq!(unpack(&[0x80, 0x80]), Some((128, &[][..])));
    }

    #[test]
    fn a_damaged_key_is_an_error() {
        let disk = SimVfs::new(1);
        let as_it_lies = Table::new(1, "a-2");
        put(&open(&disk, as_it_lies, Sharing::Exclusive), as_it_lies, &[vec![0xff, 1]]);
        let kv = open(&disk, TABLE, Sharing::Exclusive);
        let scan =
            kv.reader().unwrap().scan(TABLE, (Unbounded, Unbounded), false, &mut |_, _| Ok(Scan::Next));
        assert_eq!(scan.unwrap_err().kind(), ErrorKind::Corrupt);
    }

    /// A table of an earlier build stays as it is and a new one is packed; both give the same rows for every range.
    #[test]
    fn packed_and_plain_tables_have_the_same_rows() {
        let all: Vec<Vec<u8>> = numbers()
            .into_iter()
            .flat_map(|number| {
                [&b""[..], b"\0", b"name"].map(|rest| [&number.to_be_bytes()[..], rest].concat())
            })
            .collect();
        let (even, odd): (Vec<_>, Vec<_>) = all.iter().cloned().enumerate().partition(|(at, _)| at % 2 == 0);
        let [even, odd] = [even, odd].map(|keys| keys.into_iter().map(|(_, key)| key).collect::<Vec<_>>());
        let mut bounds: Vec<Vec<u8>> = all.iter().step_by(7).cloned().collect();
        bounds.extend(all.iter().step_by(11).flat_map(|key| [key[..3].to_vec(), key[..7].to_vec()]));
        bounds.extend([vec![], vec![0; 9], vec![0xff; 20]]);
        for sharing in [Sharing::Exclusive, Sharing::Shared] {
            let [plain, packed] = [FORMER, TABLE].map(|made_as| {
                let disk = SimVfs::new(1);
                put(&open(&disk, made_as, sharing), made_as, &even);
                put(&open(&disk, TABLE, sharing), TABLE, &odd);
                // What an earlier build leaves that opens a file of this one: an empty table of the former name.
                if made_as == TABLE {
                    drop(open(&disk, FORMER, sharing));
                }
                open(&disk, TABLE, sharing)
            });
            assert_eq!(plain.layouts.keys(TABLE), KeyLayout::Plain);
            assert_eq!(packed.layouts.keys(TABLE), KeyLayout::Packed);
            for kv in [&plain, &packed] {
                let reader = kv.reader().unwrap();
                assert!(all.iter().all(|key| reader.get(TABLE, key, |_| Ok(())).unwrap().is_some()));
                for absent in [&b""[..], b"1234567", &[0; 10], &[0xfe; 8]] {
                    assert_eq!(reader.get(TABLE, absent, |_| Ok(())).unwrap(), None, "{absent:?}");
                }
                assert_eq!(keys(kv, TABLE, (Unbounded, Unbounded), false), all);
            }
            let each = |bound: &'_ Vec<u8>| [Unbounded, Included(bound.clone()), Excluded(bound.clone())];
            for first in bounds.iter().step_by(3).flat_map(each) {
                for last in bounds.iter().flat_map(each) {
                    let range = (first.as_ref().map(Vec::as_slice), last.as_ref().map(Vec::as_slice));
                    let found = keys(&plain, TABLE, range, false);
                    assert_eq!(keys(&packed, TABLE, range, false), found, "{range:?}");
                    let reversed = keys(&packed, TABLE, range, true);
                    assert!(reversed.iter().rev().eq(&found), "{range:?}");
                }
            }
        }
    }

    #[test]
    fn a_key_without_a_number_is_not_written() {
        for (sharing, made_as) in
            [(Sharing::Exclusive, TABLE), (Sharing::Shared, TABLE), (Sharing::Shared, FORMER)]
        {
            let disk = SimVfs::new(1);
            drop(open(&disk, made_as, sharing));
            let kv = open(&disk, TABLE, sharing);
            let mut writer = kv.writer().unwrap();
            assert_eq!(writer.put(TABLE, b"1234567", b"").unwrap_err().kind(), ErrorKind::Corrupt);
            writer.put(TABLE, b"12345678", b"12345678").unwrap();
            writer.del(TABLE, b"1234567").unwrap();
            kv.commit(writer, Commit::Synced).unwrap();
            assert_eq!(keys(&kv, TABLE, (Unbounded, Unbounded), false), [b"12345678"]);
        }
    }
}
