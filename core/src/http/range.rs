//! The `Range` field (RFC 9110, section 14).

use std::cmp::Ordering;
use std::ops::Range;

use super::OWS;

/// The longest `Range` that is looked at, in bytes; a longer one is ignored.
pub const MAX_HEADER_LEN: usize = 4096;
/// The most ranges that are answered one by one; of more, the whole is sent.
pub const MAX_RANGES: usize = 16;
/// The widest gap between two ranges that is sent along, in bytes: a part's own header is longer.
const MAX_GAP: u64 = 79;

/// What a `Range` field selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ranges {
    /// Everything: the field is to be ignored.
    Whole,
    /// Nothing: no byte that it asks for exists.
    Unsatisfiable,
    /// These: one to [`MAX_RANGES`], none empty, at least 80 bytes apart, in the order asked for.
    Some(Vec<Range<u64>>),
}

/// Reads a `Range` field for a representation of `len` bytes.
///
/// The syntax is that of section 14.1.1: the unit in any case and directly before `=`, white space
/// and empty elements in the list allowed, decimal digits only. Numbers may have any length: a last
/// position past the end means the end, a first position past it is unsatisfiable, a suffix longer
/// than the whole means the whole. One malformed or reversed element, and the field is ignored.
///
/// Of several ranges, those that overlap, or that lie less than 80 bytes apart, become one. The
/// result is in the order asked for, one that came of several where the first of these stands
/// (section 15.3.7.2). More than [`MAX_RANGES`] after that: the whole.
///
/// A representation without a byte has no ranges, and the field is ignored: section 14.2 lets a
/// server do so, others do, and clients that download in parts ask for `bytes=0-` of every file.
///
/// Time grows as n log n with the number of elements; memory stays under 64 KiB.
pub fn parse(field: &str, len: u64) -> Ranges {
    parse_with(field, len, MAX_GAP)
}

fn parse_with(field: &str, len: u64, max_gap: u64) -> Ranges {
    let Some(set) = byte_range_set(field).filter(|_| len > 0) else { return Ranges::Whole };
    let mut ranges = Vec::new();
    let mut elements = 0usize;
    for element in set.split(',').map(|element| element.trim_matches(OWS)) {
        if element.is_empty() {
            continue;
        }
        elements = elements.saturating_add(1);
        match resolve(element, len) {
            ResolvedRange::Malformed => return Ranges::Whole,
            ResolvedRange::Unsatisfiable => {}
            ResolvedRange::Some(range) => ranges.push(range),
        }
    }
    if ranges.is_empty() {
        return if elements == 0 { Ranges::Whole } else { Ranges::Unsatisfiable };
    }
    let ranges = coalesce(ranges, max_gap);
    if ranges.len() > MAX_RANGES { Ranges::Whole } else { Ranges::Some(ranges) }
}

/// Returns what follows `bytes=`, unless the field is too long or of another unit.
fn byte_range_set(field: &str) -> Option<&str> {
    if field.len() > MAX_HEADER_LEN {
        return None;
    }
    let (unit, set) = field.trim_matches(OWS).split_once('=')?;
    unit.eq_ignore_ascii_case("bytes").then_some(set)
}

/// One element of the set, held against the length.
enum ResolvedRange {
    Malformed,
    Unsatisfiable,
    Some(Range<u64>),
}

fn resolve(element: &str, len: u64) -> ResolvedRange {
    let Some((first, last)) = element.split_once('-') else { return ResolvedRange::Malformed };
    if !is_digits(first) || !is_digits(last) {
        return ResolvedRange::Malformed;
    }
    match (first.is_empty(), last.is_empty()) {
        (true, true) => ResolvedRange::Malformed,
        (true, false) => match number(last) {
            0 => ResolvedRange::Unsatisfiable,
            suffix => ResolvedRange::Some(len.saturating_sub(suffix)..len),
        },
        (false, open) => {
            if !open && compare(last, first) == Ordering::Less {
                return ResolvedRange::Malformed;
            }
            let start = number(first);
            if start >= len {
                return ResolvedRange::Unsatisfiable;
            }
            let end = if open { len } else { number(last).saturating_add(1).min(len) };
            ResolvedRange::Some(start..end)
        }
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the value of a run of digits, or the largest there is: no length reaches beyond that.
fn number(digits: &str) -> u64 {
    digits.parse().unwrap_or(u64::MAX)
}

/// Compares two runs of digits by value, however long.
fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// Makes one of the ranges that are at most `max_gap` bytes apart; it stands where the first of them
/// stood.
fn coalesce(ranges: Vec<Range<u64>>, max_gap: u64) -> Vec<Range<u64>> {
    let mut ranges: Vec<(usize, Range<u64>)> = ranges.into_iter().enumerate().collect();
    ranges.sort_unstable_by_key(|(_, range)| range.start);
    ranges.dedup_by(|(index, next), (first, kept)| {
        let close = next.start.saturating_sub(kept.end) <= max_gap;
        if close {
            kept.end = kept.end.max(next.end);
            *first = (*first).min(*index);
        }
        close
    });
    ranges.sort_unstable_by_key(|(first, _)| *first);
    ranges.into_iter().map(|(_, range)| range).collect()
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One element, by meaning.
    #[derive(Clone, Copy, Debug)]
    enum Spec {
        Closed(u64, u64),
        Open(u64),
        Suffix(u64),
    }

    fn text(spec: Spec) -> String {
        match spec {
            Spec::Closed(first, last) => format!("{first}-{last}"),
            Spec::Open(first) => format!("{first}-"),
            Spec::Suffix(count) => format!("-{count}"),
        }
    }

    fn specs(limit: u64) -> Vec<Spec> {
        let mut all = Vec::new();
        for a in 0..=limit {
            all.extend([Spec::Open(a), Spec::Suffix(a)]);
            all.extend((0..=limit).map(|b| Spec::Closed(a, b)));
        }
        all
    }

    /// Marks each wanted byte in a map, fills the small gaps, and reads the runs off; each goes where
    /// the first element stands that wants a byte of it.
    fn oracle(set: &[Spec], len: u64, max_gap: u64) -> Ranges {
        if len == 0 {
            return Ranges::Whole;
        }
        let mut wanted = vec![false; len as usize];
        let mut satisfiable = false;
        for spec in set {
            for position in 0..len {
                wanted[position as usize] |= wants(*spec, position, len);
            }
            match *spec {
                Spec::Closed(first, last) if last < first => return Ranges::Whole,
                Spec::Closed(first, _) | Spec::Open(first) => satisfiable |= first < len,
                Spec::Suffix(count) => satisfiable |= count > 0,
            }
        }
        if !satisfiable {
            return Ranges::Unsatisfiable;
        }
        let mut runs: Vec<Range<u64>> = Vec::new();
        for position in (0..len).filter(|position| wanted[*position as usize]) {
            match runs.last_mut() {
                Some(run) if position - run.end <= max_gap => run.end = position + 1,
                _ => runs.push(position..position + 1),
            }
        }
        let position = |run: &Range<u64>| {
            set.iter().position(|spec| run.clone().any(|position| wants(*spec, position, len)))
        };
        runs.sort_by_key(|run| position(run).unwrap());
        Ranges::Some(runs)
    }

    fn wants(spec: Spec, position: u64, len: u64) -> bool {
        match spec {
            Spec::Closed(first, last) => first <= position && position <= last,
            Spec::Open(first) => first <= position,
            Spec::Suffix(count) => position + count >= len,
        }
    }

    fn check(set: &[Spec], len: u64, max_gap: u64) {
        let list: Vec<String> = set.iter().map(|spec| text(*spec)).collect();
        let field = format!("bytes={}", list.join(","));
        assert_eq!(
            parse_with(&field, len, max_gap),
            oracle(set, len, max_gap),
            "{field} of {len}, gap {max_gap}"
        );
    }

    #[test]
    fn r4_every_small_set_selects_what_a_bitmap_selects() {
        for len in 0..=6 {
            for max_gap in [0, 1, MAX_GAP] {
                for one in specs(7) {
                    check(&[one], len, max_gap);
                    for two in specs(7) {
                        check(&[one, two], len, max_gap);
                    }
                }
            }
        }
        for len in 0..=4 {
            for one in specs(4) {
                for two in specs(4) {
                    for three in specs(4) {
                        check(&[one, two, three], len, 0);
                    }
                }
            }
        }
    }

    #[test]
    fn r1_ten_thousand_ranges_cost_nothing() {
        let field = format!("bytes={}", "0-0,".repeat(10_000));
        assert_eq!(parse(&field, 1 << 40), Ranges::Whole);
        let longest = format!("bytes={}0", "1-,".repeat(1363));
        assert!(longest.len() <= MAX_HEADER_LEN);
        assert_eq!(parse(&longest, 1 << 40), Ranges::Whole, "its last element is malformed");
        assert_eq!(parse(longest.trim_end_matches('0'), 9), Ranges::Some(vec![1..9]));
    }

    #[test]
    fn r1_the_longest_field_that_is_read() {
        let field = format!("bytes={}1-", ",".repeat(MAX_HEADER_LEN - "bytes=1-".len()));
        assert_eq!(parse(&field, 9), Ranges::Some(vec![1..9]));
        assert_eq!(parse(&format!("{field},"), 9), Ranges::Whole);
    }

    #[test]
    fn r1_more_than_sixteen_after_coalescing_is_the_whole() {
        let field = |count: u64| {
            let list: Vec<String> = (0..count).map(|n| format!("{0}-{0}", n * 1000)).collect();
            format!("bytes={}", list.join(","))
        };
        assert!(matches!(parse(&field(16), 1 << 20), Ranges::Some(ranges) if ranges.len() == 16));
        assert_eq!(parse(&field(17), 1 << 20), Ranges::Whole);
        assert!(matches!(parse(&field(17), 15_500), Ranges::Some(ranges) if ranges.len() == 16));
    }

    #[test]
    fn r2_overlaps_and_small_gaps_become_one() {
        assert_eq!(parse("bytes=5-,4-,3-,2-", 1000), Ranges::Some(vec![2..1000]));
        assert_eq!(parse("bytes=80-80,0-0", 1000), Ranges::Some(vec![0..81]), "79 bytes between");
        assert_eq!(parse("bytes=81-81,0-0", 1000), Ranges::Some(vec![81..82, 0..1]), "80 bytes between");
        assert_eq!(parse("bytes=0-499,100-200,600-", 1000), Ranges::Some(vec![0..500, 600..1000]));
    }

    #[test]
    fn ranges_come_in_the_order_asked_for() {
        assert_eq!(parse("bytes=-1,0-0", 1000), Ranges::Some(vec![999..1000, 0..1]));
        assert_eq!(parse("bytes=500-,0-9,400-499", 1000), Ranges::Some(vec![400..1000, 0..10]));
        assert_eq!(parse("bytes=0-9,500-,10-19", 1000), Ranges::Some(vec![0..20, 500..1000]));
    }

    #[test]
    fn r3_what_is_malformed_is_ignored() {
        for field in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes= , ,",
            "bytes=-",
            "bytes=--1",
            "bytes=5-4",
            "bytes=1-2x",
            "bytes=x1-2",
            "bytes=+1-2",
            "bytes=1-+2",
            "bytes=1 - 2",
            "bytes=1--2",
            "bytes=0x1-2",
            "bytes=1-2;3-4",
            "bytes = 1-2",
            "bytes =1-2",
            "byte=1-2",
            "items=1-2",
            "none=1-2",
            "bytes=1-2,items=3-4",
            "bytes=1-2, 5-4",
            "bytes=\u{661}-\u{662}",
            "bytes=1.0-2",
            "bytes:1-2",
            "bytes 1-2/3",
            "=1-2",
            "bytes==1-2",
            "bytes=18446744073709551616-18446744073709551615",
            "bytes=00010-9",
            "bytes=9-00008",
        ] {
            assert_eq!(parse(field, 100), Ranges::Whole, "{field}");
        }
    }

    #[test]
    fn r3_what_the_grammar_allows_is_read() {
        for field in [
            "bytes=1-2",
            "Bytes=1-2",
            "BYTES=1-2",
            " bytes=1-2\t",
            "bytes=,1-2,",
            "bytes= , 1-2 \t, 200-",
            "bytes=01-002",
        ] {
            assert_eq!(parse(field, 100), Ranges::Some(vec![1..3]), "{field}");
        }
    }

    #[test]
    fn r3_numbers_of_any_length_mean_what_they_say() {
        let huge = "9".repeat(40);
        let max = u64::MAX;
        assert_eq!(parse("bytes=18446744073709551615-", 100), Ranges::Unsatisfiable);
        assert_eq!(parse(&format!("bytes={huge}-"), max), Ranges::Unsatisfiable);
        assert_eq!(parse(&format!("bytes={huge}-{huge}"), max), Ranges::Unsatisfiable);
        assert_eq!(parse(&format!("bytes=7-{huge}"), 100), Ranges::Some(vec![7..100]));
        assert_eq!(parse(&format!("bytes=-{huge}"), 100), Ranges::Some(vec![0..100]));
        assert_eq!(parse(&format!("bytes={}-{}", max - 1, max), max), Ranges::Some(vec![max - 1..max]));
        assert_eq!(parse(&format!("bytes=-{max}"), max), Ranges::Some(vec![0..max]));
    }

    #[test]
    fn r4_edges_of_the_representation() {
        assert_eq!(parse("bytes=-0", 100), Ranges::Unsatisfiable);
        assert_eq!(parse("bytes=100-", 100), Ranges::Unsatisfiable);
        assert_eq!(parse("bytes=99-", 100), Ranges::Some(vec![99..100]));
        assert_eq!(parse("bytes=-5000", 100), Ranges::Some(vec![0..100]));
        assert_eq!(
            parse("bytes=100-,0-0", 100),
            Ranges::Some(vec![0..1]),
            "one unsatisfiable range is not a failure"
        );
    }

    #[test]
    fn a_range_of_an_empty_representation_is_ignored() {
        for field in
            ["bytes=0-", "bytes=0-0", "bytes=0-1048575", "bytes=0-0,-0", "bytes=-0", "bytes=-1", "bytes=7-"]
        {
            assert_eq!(parse(field, 0), Ranges::Whole, "{field}");
        }
    }

    /// A control: a parser that clamps a reversed range instead of ignoring the field is caught by
    /// the oracle.
    #[test]
    fn the_oracle_can_fail() {
        assert_ne!(oracle(&[Spec::Closed(5, 4)], 10, 0), Ranges::Some(vec![4..5]));
        assert_ne!(oracle(&[Spec::Closed(0, 1), Spec::Closed(3, 3)], 6, 0), Ranges::Some(vec![0..4]));
    }

    proptest! {
        #[test]
        fn what_is_selected_lies_inside_and_apart(
            field in "bytes=[0-9, -]{0,60}",
            len in prop_oneof![0u64..200, 0u64..100_000, Just(u64::MAX)],
        ) {
            if let Ranges::Some(mut ranges) = parse(&field, len) {
                ranges.sort_by_key(|range| range.start);
                prop_assert!((1..=MAX_RANGES).contains(&ranges.len()));
                prop_assert!(ranges.iter().all(|range| range.start < range.end && range.end <= len));
                prop_assert!(ranges.windows(2).all(|pair| pair[1].start - pair[0].end > MAX_GAP));
            }
        }

        /// Another parser, stricter than ours: what it accepts, we select the same bytes of.
        #[test]
        fn r3_a_strict_parser_agrees_where_it_accepts(
            list in prop::collection::vec("[0-9]{1,3}-[0-9]{0,3}|-[0-9]{1,3}", 1..5),
            len in 1u64..1200,
        ) {
            let field = format!("bytes={}", list.join(", "));
            let strict = http_range_header::parse_range_header(&field).and_then(|set| set.validate(len));
            if let Ok(ranges) = strict {
                let ranges = ranges.iter().map(|range| *range.start()..range.end() + 1).collect();
                prop_assert_eq!(parse(&field, len), Ranges::Some(coalesce(ranges, MAX_GAP)));
            }
        }

        #[test]
        fn nothing_makes_it_panic(field in ".{0,60}", len: u64) {
            let _ = parse(&field, len);
        }
    }
}
