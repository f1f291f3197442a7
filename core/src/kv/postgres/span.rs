//! A range of keys, as the database is asked for it.

use std::ops::Bound;

use crate::kv::KeyRange;

/// Above every key, which are under 2 kB.
const END_LEN: usize = 2600;

/// A range from its first key to the one that is behind its last, as the database is asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Span {
    pub(super) low: Vec<u8>,
    pub(super) high: Vec<u8>,
}

impl Span {
    pub(super) fn of(range: KeyRange<'_>) -> Span {
        let low = match range.0 {
            Bound::Included(key) => key.to_vec(),
            Bound::Excluded(key) => behind(key),
            Bound::Unbounded => Vec::new(),
        };
        let high = match range.1 {
            Bound::Included(key) => behind(key),
            Bound::Excluded(key) => key.to_vec(),
            Bound::Unbounded => vec![0xff; END_LEN],
        };
        Span { low, high }
    }

    /// The span of one key.
    pub(super) fn of_key(key: &[u8]) -> Span {
        Span { low: key.to_vec(), high: behind(key) }
    }
}

/// Returns the key that follows: nothing sorts between the two.
pub(super) fn behind(key: &[u8]) -> Vec<u8> {
    let mut next = key.to_vec();
    next.push(0);
    next
}

#[cfg(test)]
mod tests {
    use super::*;
    use Bound::{Excluded, Included, Unbounded};

    #[test]
    fn a_range_of_any_bounds_is_a_span_from_a_key_to_the_one_behind_its_last() {
        let span = |range| {
            let Span { low, high } = Span::of(range);
            (low, high)
        };
        assert_eq!(span((Included(b"a"), Excluded(b"b"))), (b"a".to_vec(), b"b".to_vec()));
        assert_eq!(span((Excluded(b"a"), Included(b"b"))), (b"a\0".to_vec(), b"b\0".to_vec()));
        let (low, high) = span((Unbounded, Unbounded));
        assert!(low.is_empty() && high > vec![0xff; 2047]);
        assert_eq!(Span::of_key(b""), Span { low: vec![], high: vec![0] });
    }
}
