//! The write-set: the change of a group as bytes, the same for every engine under the rows.
//!
//! Repeated: table byte, operation byte (1 put, 2 delete), length of the key, key, and for a put
//! length of the value, value. Lengths are LEB128. Counters are logged as what they became.

use crate::catalog::table;
use crate::kv::Table;
use crate::{Error, ErrorKind, Result};

const PUT: u8 = 1;
const DELETE: u8 = 2;

/// One operation of a write-set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation<'a> {
    Put { table: u8, key: &'a [u8], value: &'a [u8] },
    Delete { table: u8, key: &'a [u8] },
}

/// Adds a put to a write-set.
pub(crate) fn put(out: &mut Vec<u8>, table: u8, key: &[u8], value: &[u8]) {
    out.extend_from_slice(&[table, PUT]);
    bytes(out, key);
    bytes(out, value);
}

/// Adds a deletion to a write-set.
pub(crate) fn delete(out: &mut Vec<u8>, table: u8, key: &[u8]) {
    out.extend_from_slice(&[table, DELETE]);
    bytes(out, key);
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut len = bytes.len();
    while len >= 0x80 {
        out.push(u8::try_from(len & 0x7f).unwrap_or(0) | 0x80);
        len >>= 7;
    }
    out.push(u8::try_from(len).unwrap_or(0));
    out.extend_from_slice(bytes);
}

/// Visits the operations of a write-set in order.
///
/// # Errors
/// `Corrupt` when the bytes are no write-set.
pub(crate) fn each(mut change: &[u8], visit: &mut dyn FnMut(Operation<'_>) -> Result<()>) -> Result<()> {
    while !change.is_empty() {
        let (operation, rest) =
            next(change).ok_or_else(|| Error::corrupt("a write-set in the log cannot be read"))?;
        visit(operation)?;
        change = rest;
    }
    Ok(())
}

/// Returns the table of a byte in a write-set.
///
/// # Errors
/// `Unsupported` when there is none.
pub(crate) fn table_of(byte: u8) -> Result<Table> {
    let found = table::ALL.iter().find(|table| table.byte == byte);
    found.copied().ok_or_else(|| {
        Error::new(
            ErrorKind::Unsupported,
            format!("the log has rows of table {byte}, which this build does not know"),
        )
    })
}

/// Reads the first operation of a write-set, and what is behind it; None if it cannot be read.
pub(super) fn next(change: &[u8]) -> Option<(Operation<'_>, &[u8])> {
    let ([table, operation], rest) = change.split_first_chunk::<2>()?;
    let (key, rest) = take(rest)?;
    match *operation {
        PUT => {
            let (value, rest) = take(rest)?;
            Some((Operation::Put { table: *table, key, value }, rest))
        }
        DELETE => Some((Operation::Delete { table: *table, key }, rest)),
        _ => None,
    }
}

fn take(mut from: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut len, mut shift) = (0_usize, 0_u32);
    loop {
        let (byte, rest) = from.split_first()?;
        from = rest;
        len |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return from.split_at_checked(len);
        }
        shift += 7;
        if shift > 28 {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_takes_five_bytes_at_most() {
        assert_eq!(take(&[0x81, 0x80, 0x80, 0x80, 0, b'x', b'y']), Some((&b"x"[..], &b"y"[..])));
        assert_eq!(take(&[0x81, 0x80, 0x80, 0x80, 0x80, 0, b'x']), None);
    }

    #[test]
    fn a_write_set_reads_back() {
        let long = vec![7; 300];
        let mut change = Vec::new();
        put(&mut change, 3, b"key", &long);
        delete(&mut change, 4, b"");
        let mut seen = Vec::new();
        each(&change, &mut |operation| {
            seen.push(format!("{operation:?}").len());
            match operation {
                Operation::Put { table: 3, key: b"key", value } => assert_eq!(value, long),
                Operation::Delete { table: 4, key: b"" } => {}
                other => panic!("{other:?}"),
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(seen.len(), 2);
    }

    #[test]
    fn s10_a_cut_write_set_is_corrupt_and_never_a_panic() {
        let mut change = Vec::new();
        put(&mut change, 3, b"key", b"value");
        for len in 1..change.len() {
            assert!(each(&change[..len], &mut |_| Ok(())).is_err(), "cut at {len}");
        }
        for byte in 0..=255_u8 {
            let _ = each(&[1, 1, byte, byte, byte, byte, byte, byte], &mut |_| Ok(()));
        }
    }
}
