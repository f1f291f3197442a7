//! What a call is going to read, said before it reads: a driver whose rows are far away gets all of it in one
//! round trip, also the rows to which other rows lead. It is a hint: what it misses is read when it is asked for.

use std::ops::Bound;

use super::{KeyRange, Table};

/// Rows that are going to be read.
#[derive(Clone, Debug, Default)]
pub struct Prefetch {
    /// Where it begins.
    pub first: Vec<FirstRow>,
    /// Where rows lead on to.
    pub links: &'static [RowLink],
    /// Rows that follow each other.
    pub ranges: Vec<PrefetchRange>,
    /// Rows below what the path of the first row leads to.
    pub below: Option<RowsBelow>,
}

/// A row whose key is known, and the path that begins there.
#[derive(Clone, Debug)]
pub struct FirstRow {
    /// The table it is in.
    pub table: Table,
    /// Its key.
    pub key: Vec<u8>,
    /// The names that links with a [`KeyPart::Name`] take, one after the other.
    pub names: Vec<String>,
}

impl FirstRow {
    /// A row that no path begins at.
    pub fn of(table: Table, key: impl Into<Vec<u8>>) -> FirstRow {
        FirstRow { table, key: key.into(), names: Vec::new() }
    }
}

/// A range of rows from one end.
#[derive(Clone, Debug)]
pub struct PrefetchRange {
    /// The table they are in.
    pub table: Table,
    /// As [`Read::scan`](super::Read::scan) is going to be given it.
    pub range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
    /// Whether it is read from its end.
    pub reverse: bool,
    /// How many rows are going to be read.
    pub limit: usize,
}

/// Rows whose keys begin with the number that a path leads to.
#[derive(Clone, Debug)]
pub struct RowsBelow {
    /// What lies behind the number in the last key that is not wanted any more.
    pub after: Option<Vec<u8>>,
    /// How many rows are going to be read.
    pub limit: usize,
}

/// How a row leads to another. One with a [`KeyPart::Name`] leads along a path; the others lead on from its end,
/// and from rows outside of one.
#[derive(Debug)]
pub struct RowLink {
    /// The table of the row.
    pub from: Table,
    /// The table of the row that it leads to.
    pub to: Table,
    /// The parts of that one's key.
    pub key: &'static [KeyPart],
}

/// A part of the key that a row leads to.
#[derive(Debug)]
pub enum KeyPart {
    /// A number in the value: 8 bytes, big-endian.
    Number(&'static [FieldStep]),
    /// The complement of a number in the value: 4 bytes, big-endian.
    Complement(&'static [FieldStep]),
    /// The first 8 bytes of the row's own key.
    Own,
    /// The first 8 bytes of the value.
    Value,
    /// The next name of the path.
    Name,
}

/// What is passed over on the way to a number in a value. Values are a byte and then fields: numbers in LEB128, and
/// texts with their length before them.
#[derive(Debug)]
pub enum FieldStep {
    /// Any number.
    Number,
    /// The number 1; any other leads nowhere.
    One,
    /// A text.
    Text,
}

impl RowLink {
    /// Whether it leads along a path.
    pub(crate) fn takes_name(&self) -> bool {
        self.key.iter().any(|part| matches!(part, KeyPart::Name))
    }

    /// Returns the key that a row leads to; None when it leads nowhere.
    pub(crate) fn leads_to(&self, key: &[u8], value: &[u8], name: Option<&str>) -> Option<Vec<u8>> {
        let mut next = Vec::with_capacity(24);
        for part in self.key {
            match part {
                KeyPart::Number(steps) => next.extend(field(value, steps)?.to_be_bytes()),
                KeyPart::Complement(steps) => {
                    next.extend((!u32::try_from(field(value, steps)?).ok()?).to_be_bytes());
                }
                KeyPart::Own => next.extend(key.get(..8)?),
                KeyPart::Value => next.extend(value.get(..8)?),
                KeyPart::Name => next.extend(name?.as_bytes()),
            }
        }
        Some(next)
    }

    /// Returns the number that the key begins with to which a row leads.
    pub(crate) fn number(&self, value: &[u8]) -> Option<u64> {
        match self.key.first() {
            Some(KeyPart::Number(steps)) => field(value, steps),
            _ => None,
        }
    }
}

/// Reads a number in a value.
fn field(value: &[u8], steps: &[FieldStep]) -> Option<u64> {
    let mut rest = value.get(1..)?;
    for step in steps {
        let passed = leb128(&mut rest)?;
        match step {
            FieldStep::Number => {}
            FieldStep::One if passed == 1 => {}
            FieldStep::One => return None,
            FieldStep::Text => rest = rest.get(usize::try_from(passed).ok()?..)?,
        }
    }
    leb128(&mut rest).filter(|number| number >> NUMBER_BITS == 0)
}

/// Numbers that lead to a key are shorter: ids have 44 bits.
const NUMBER_BITS: u32 = 56;

fn leb128(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Returns the range of the keys that begin with `prefix`, behind that with `after` behind it.
pub(crate) fn range_under(prefix: &[u8], after: Option<&[u8]>) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let start = [prefix, after.unwrap_or_default()].concat();
    let from = if after.is_some() { Bound::Excluded(start) } else { Bound::Included(start) };
    (from, successor(prefix).map_or(Bound::Unbounded, Bound::Excluded))
}

/// Returns a range of slices.
pub(crate) fn borrowed((from, to): &(Bound<Vec<u8>>, Bound<Vec<u8>>)) -> KeyRange<'_> {
    (from.as_ref().map(Vec::as_slice), to.as_ref().map(Vec::as_slice))
}

/// Returns the first key behind every key that begins with `prefix`; None if there is no such key.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_the_next_key_of_no_greater_length() {
        for (prefix, end) in [
            (&b""[..], None),
            (b"\xff", None),
            (b"\xff\xff", None),
            (b"a", Some(&b"b"[..])),
            (b"a\xff", Some(b"b")),
            (b"\x00\xff\xff", Some(b"\x01")),
            (b"\xfe", Some(b"\xff")),
        ] {
            assert_eq!(successor(prefix).as_deref(), end, "{prefix:?}");
        }
    }

    #[test]
    fn a_number_is_found_behind_numbers_and_texts_and_nowhere_in_what_is_cut_off() {
        use FieldStep::{Number, One, Text};
        let value = [9, 0x81, 0x01, 1, 3, b'a', b'b', b'c', 0xff, 0x7f];
        assert_eq!(field(&value, &[]), Some(129));
        assert_eq!(field(&value, &[Number]), Some(1));
        assert_eq!(field(&value, &[Number, One]), Some(3));
        assert_eq!(field(&value, &[Number, One, Text]), Some(0x3fff));
        assert_eq!(field(&value, &[One]), None);
        assert_eq!(field(&value[..9], &[Number, One, Text]), None);
        assert_eq!(field(&value[..6], &[Number, One, Text]), None);
        assert_eq!(field(&[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], &[]), None);
        assert_eq!(field(&[], &[]), None);
    }
}
