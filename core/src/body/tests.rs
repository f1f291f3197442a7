//! Tests of bodies: lengths, slices, segments and readers against naive models.

use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::*;
use crate::{Error, ErrorKind};

fn sample(len: usize) -> Vec<u8> {
    (0..len).map(|at| at as u8).collect()
}

/// Joins the runs of `bytes` that have the lengths `sizes`.
fn concat(bytes: &[u8], sizes: &[usize]) -> Body {
    let mut rest = bytes;
    let pieces = sizes.iter().map(|size| {
        let (piece, after) = rest.split_at(*size);
        rest = after;
        Body::from_bytes(piece.to_vec())
    });
    let body = Body::concat(pieces.collect()).unwrap();
    assert!(rest.is_empty());
    body
}

/// Every way to write `total` as a sum of positive lengths, in order.
fn compositions(total: usize) -> Vec<Vec<usize>> {
    if total == 0 {
        return vec![vec![]];
    }
    let with_first =
        |first: usize| compositions(total - first).into_iter().map(move |rest| [vec![first], rest].concat());
    (1..=total).flat_map(with_first).collect()
}

/// Says in what `body` differs from `expected`, read in every way there is.
fn difference(body: &Body, expected: &[u8], limits: impl IntoIterator<Item = u64>) -> Option<String> {
    if body.len() != expected.len() as u64 {
        return Some(format!("a length of {}", body.len()));
    }
    for limit in limits {
        let mut bytes = Vec::new();
        for segment in body.segments_of(limit) {
            match segment {
                Ok(segment) if (1..=limit).contains(&(segment.data.len() as u64)) => {
                    bytes.extend(segment.data)
                }
                Ok(segment) => return Some(format!("a segment of {} bytes of {limit}", segment.data.len())),
                Err(error) => return Some(error.to_string()),
            }
        }
        if bytes != expected {
            return Some(format!("segments of {limit}: {bytes:?}"));
        }
    }
    (0..=expected.len() + 1).find_map(|at| difference_at(body, expected, at))
}

fn difference_at(body: &Body, expected: &[u8], at: usize) -> Option<String> {
    let tail = expected.get(at..).unwrap_or_default();
    let mut reader = body.reader();
    reader.seek(SeekFrom::Start(at as u64)).unwrap();
    let mut read = Vec::new();
    match reader.read_to_end(&mut read) {
        Ok(_) if read == tail => {}
        Ok(_) => return Some(format!("a reader at {at}: {read:?}")),
        Err(error) => return Some(error.to_string()),
    }
    for len in [1, tail.len() / 2, tail.len(), tail.len() + 1] {
        let mut buffer = vec![0xee; len];
        let filled = match body.read_at(at as u64, &mut buffer) {
            Ok(filled) => filled,
            Err(error) => return Some(error.to_string()),
        };
        if buffer[..filled] != tail[..len.min(tail.len())]
            || buffer[filled..].iter().any(|byte| *byte != 0xee)
        {
            return Some(format!("{len} bytes read at {at}: {filled}, {buffer:?}"));
        }
    }
    None
}

fn every_slice(len: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..=len).flat_map(move |a| (a..=len).map(move |b| (a, b)))
}

fn slice(body: &Body, a: usize, b: usize) -> Body {
    body.slice(a as u64..b as u64).unwrap()
}

#[test]
fn r6_every_slice_of_every_small_body_is_the_naive_slice() {
    for total in 0..=8 {
        let bytes = sample(total);
        for sizes in compositions(total) {
            let body = concat(&bytes, &sizes);
            for (a, b) in every_slice(total) {
                let found = difference(&slice(&body, a, b), &bytes[a..b], 1..=8);
                assert_eq!(found, None, "bytes {a} to {b} of pieces of {sizes:?}");
            }
        }
    }
}

#[test]
fn r6_empty_pieces_leave_no_trace() {
    for sizes in [&[0, 0][..], &[0, 1, 0], &[2, 0, 0, 3], &[0, 4, 0, 1, 1, 0, 0]] {
        let bytes = sample(sizes.iter().sum());
        let body = concat(&bytes, sizes);
        for (a, b) in every_slice(bytes.len()) {
            let found = difference(&slice(&body, a, b), &bytes[a..b], 1..=8);
            assert_eq!(found, None, "bytes {a} to {b} of pieces of {sizes:?}");
        }
    }
}

#[test]
fn r6_every_slice_of_longer_bodies_is_the_naive_slice() {
    let joined: [&[usize]; 5] =
        [&[64], &[1; 64], &[31, 1, 32], &[1, 2, 3, 5, 8, 13, 21, 11], &[16, 0, 16, 16, 0, 0, 16]];
    for sizes in joined {
        let bytes = sample(64);
        let body = concat(&bytes, sizes);
        for (a, b) in every_slice(64) {
            let part = slice(&body, a, b);
            for limit in [1, 3, 16, 64] {
                let found: Vec<u8> =
                    part.segments_of(limit).flat_map(|segment| segment.unwrap().data).collect();
                assert_eq!(found, bytes[a..b], "bytes {a} to {b} of pieces of {sizes:?}");
            }
            assert_eq!(part.to_vec(64).unwrap(), bytes[a..b]);
            assert_eq!(difference_at(&part, &bytes[a..b], (b - a) / 3), None);
        }
    }
}

#[test]
fn r6_every_slice_of_every_slice_is_the_naive_slice() {
    let bytes = sample(7);
    let body = concat(&bytes, &[1, 3, 1, 2]);
    for (a, b) in every_slice(7) {
        let outer = slice(&body, a, b);
        for (c, d) in every_slice(b - a) {
            let found = difference(&slice(&outer, c, d), &bytes[a..b][c..d], [1, 2, 8]);
            assert_eq!(found, None, "{c} to {d} of {a} to {b}");
        }
    }
}

/// A body of two halves that repeats the last byte of the first at the join.
struct Stutter(Body, Body);

impl Source for Stutter {
    fn len(&self) -> u64 {
        self.0.len() + self.1.len()
    }

    fn segment(&self, offset: u64, limit: u64) -> Result<Segment> {
        if offset <= self.0.len() {
            return self.0.segment(offset.min(self.0.len() - 1), limit);
        }
        self.1.segment(offset - self.0.len(), limit)
    }
}

#[test]
fn control_a_body_that_is_off_by_one_at_a_join_is_found() {
    let bytes = sample(8);
    let halves = || (Body::from_bytes(bytes[..4].to_vec()), Body::from_bytes(bytes[4..].to_vec()));
    let (first, second) = halves();
    assert_eq!(difference(&Body::concat(vec![first, second]).unwrap(), &bytes, 1..=8), None);
    let (first, second) = halves();
    assert!(difference(&Body::new(Arc::new(Stutter(first, second))), &bytes, 1..=8).is_some());
}

#[test]
fn a_slice_outside_the_body_is_an_invalid_argument() {
    let body = concat(&sample(5), &[2, 3]).slice(1..4).unwrap();
    for (start, end) in [(0, 4), (4, 4), (2, 1), (0, u64::MAX), (u64::MAX, u64::MAX), (u64::MAX, 0)] {
        let error = body.slice(start..end).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains(&format!("bytes {start} to {end}")), "{error}");
    }
    assert!(body.slice(3..3).unwrap().is_empty());
}

#[test]
fn a_segment_outside_the_body_is_an_invalid_argument() {
    let body = Body::from_bytes("abc").slice(0..2).unwrap();
    for (offset, limit) in [(2, 1), (3, 1), (u64::MAX, u64::MAX), (0, 0)] {
        assert_eq!(body.segment(offset, limit).unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
    assert_eq!(body.segment(1, u64::MAX).unwrap().data, "b");
    assert_eq!(Body::empty().segment(0, 1).unwrap_err().kind(), ErrorKind::InvalidArgument);
}

#[test]
fn an_empty_body_has_nothing_in_any_form() {
    for body in [Body::empty(), Body::default(), Body::concat(vec![]).unwrap(), concat(&[], &[0, 0])] {
        assert!(body.is_empty());
        assert_eq!(body.segments().count(), 0);
        assert_eq!(body.to_vec(0).unwrap(), b"");
        assert_eq!(body.copy_to(&mut io::sink()).unwrap(), 0);
        assert_eq!(body.read_at(0, &mut [0; 4]).unwrap(), 0);
        assert_eq!(body.reader().read(&mut [0; 4]).unwrap(), 0);
    }
}

#[test]
fn segments_start_over_at_each_call() {
    let body = concat(&sample(6), &[1, 5]);
    let mut first = body.segments_of(2);
    assert_eq!(first.remaining(), 6);
    assert_eq!(first.next().unwrap().unwrap().data, &[0][..]);
    let lens: Vec<_> = (&body).into_iter().map(|segment| segment.unwrap().data.len()).collect();
    assert_eq!(lens, [1, 5]);
    assert_eq!(body.segments_of(2).count(), 4);
    assert_eq!(first.by_ref().count(), 3);
    assert_eq!((first.remaining(), first.next().is_none()), (0, true));
}

#[test]
fn segments_are_a_mebibyte_at_most_unless_asked_for_otherwise() {
    let body = Body::from_bytes(vec![0; (2 << 20) + 1]);
    let lens = |segments: Segments| segments.map(|segment| segment.unwrap().data.len()).collect::<Vec<_>>();
    assert_eq!(lens(body.segments()), [1 << 20, 1 << 20, 1]);
    assert_eq!(lens(body.segments_of(u64::MAX)), [(2 << 20) + 1]);
    assert_eq!(lens(Body::from_bytes("ab").segments_of(0)), [1, 1]);
}

#[test]
fn slices_and_segments_share_the_bytes() {
    let bytes = Bytes::from(sample(100));
    let body = Body::concat(vec![Body::from_bytes(bytes.clone()), Body::from_bytes("x")]).unwrap();
    let segment = body.slice(10..50).unwrap().segments().next().unwrap().unwrap();
    assert_eq!(segment.data.as_ptr(), bytes[10..].as_ptr());
    assert!(segment.file.is_none());
}

#[test]
fn a_copy_in_memory_is_bounded() {
    let body = concat(&sample(10), &[4, 6]);
    assert_eq!(body.to_vec(10).unwrap(), sample(10));
    assert_eq!(body.to_vec(9).unwrap_err().kind(), ErrorKind::TooLarge);
    let endless = Body::new(Arc::new(Planted { len: u64::MAX, run: 1 }));
    assert_eq!(endless.to_vec(u64::MAX).unwrap_err().kind(), ErrorKind::TooLarge);
}

#[test]
fn lengths_that_overflow_are_too_large() {
    let endless = Body::new(Arc::new(Planted { len: u64::MAX, run: 1 }));
    let joined = Body::concat(vec![endless.clone(), Body::empty()]).unwrap();
    assert_eq!(joined.len(), u64::MAX);
    assert_eq!(joined.slice(u64::MAX - 1..u64::MAX).unwrap().to_vec(1).unwrap(), [0]);
    let error = Body::concat(vec![endless, Body::from_bytes("a")]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

/// A source that returns `run` zeros whatever it is asked for.
struct Planted {
    len: u64,
    run: usize,
}

impl Source for Planted {
    fn len(&self) -> u64 {
        self.len
    }

    fn segment(&self, _: u64, _: u64) -> Result<Segment> {
        Ok(Segment { data: Bytes::from(vec![0; self.run]), file: None })
    }
}

#[test]
fn a_source_that_breaks_its_promise_is_a_bug_and_never_an_endless_loop() {
    for run in [0, 11] {
        let body = Body::new(Arc::new(Planted { len: 10, run }));
        for body in [body.clone(), Body::concat(vec![Body::from_bytes("ab"), body]).unwrap()] {
            let bug = |error: Error| assert_eq!(error.kind(), ErrorKind::Bug);
            let outcomes: Vec<_> = body.segments().filter_map(Result::err).collect();
            assert_eq!(outcomes.len(), 1);
            outcomes.into_iter().for_each(bug);
            bug(body.to_vec(100).unwrap_err());
            bug(body.copy_to(&mut io::sink()).unwrap_err());
            bug(body.read_at(0, &mut [0; 10]).unwrap_err());
            assert!(body.reader().read_to_end(&mut Vec::new()).is_err());
        }
    }
}

#[test]
fn a_segment_past_the_window_is_a_bug_even_where_the_source_has_the_bytes() {
    let body = Body::new(Arc::new(Planted { len: 10, run: 10 }));
    assert!(body.to_vec(10).is_ok());
    assert_eq!(body.slice(1..5).unwrap().to_vec(10).unwrap_err().kind(), ErrorKind::Bug);
}

#[test]
fn runs_shorter_than_the_limit_still_make_the_whole() {
    let body = Body::new(Arc::new(Planted { len: 10, run: 1 }));
    assert_eq!(difference(&body, &[0; 10], 1..=8), None);
}

/// A source that fails from `fails_at` on and counts how often it is asked.
struct Failing {
    fails_at: u64,
    asked: AtomicU64,
}

impl Source for Failing {
    fn len(&self) -> u64 {
        8
    }

    fn segment(&self, offset: u64, _: u64) -> Result<Segment> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if offset >= self.fails_at {
            return Err(Error::corrupt(format!("byte {offset} is damaged")));
        }
        Ok(Segment { data: Bytes::from_static(b"x"), file: None })
    }
}

#[test]
fn the_first_error_ends_the_segments_and_keeps_its_kind() {
    let source = Arc::new(Failing { fails_at: 3, asked: AtomicU64::new(0) });
    let body = Body::new(source.clone());
    let outcomes: Vec<_> = body.segments().map(|segment| segment.map(|_| ())).collect();
    assert_eq!(outcomes.len(), 4);
    assert_eq!(outcomes[3].as_ref().unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(source.asked.load(Ordering::Relaxed), 4);

    let mut written = Vec::new();
    assert_eq!(body.copy_to(&mut written).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(written, b"xxx");
    let error = body.reader().read_to_end(&mut Vec::new()).unwrap_err();
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>()).unwrap();
    assert_eq!(cause.kind(), ErrorKind::Corrupt);
}

/// A writer with room for as many bytes as it says.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_that_fails_is_an_io_error_that_says_where() {
    let body = concat(&sample(10), &[4, 6]);
    assert_eq!(body.copy_to(&mut Full(10)).unwrap(), 10);
    let error = body.copy_to(&mut Full(7)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().starts_with("writing a body at byte 4 of 10: "), "{error}");
}

#[test]
fn a_reader_goes_to_any_position_and_no_further_back_than_the_start() {
    let mut reader = concat(&sample(10), &[4, 6]).reader();
    let mut byte = [0];
    for (to, position, expected) in [
        (SeekFrom::Start(3), 3, Some(3)),
        (SeekFrom::Current(-4), 0, Some(0)),
        (SeekFrom::Current(2), 3, Some(3)),
        (SeekFrom::End(-1), 9, Some(9)),
        (SeekFrom::End(0), 10, None),
        (SeekFrom::Start(u64::MAX), u64::MAX, None),
        (SeekFrom::End(-10), 0, Some(0)),
        (SeekFrom::Current(0), 1, Some(1)),
    ] {
        assert_eq!(reader.seek(to).unwrap(), position, "{to:?}");
        assert_eq!(reader.stream_position().unwrap(), position);
        let read = reader.read(&mut byte).unwrap();
        assert_eq!((read == 1).then_some(byte[0]), expected, "{to:?}");
    }
    for to in [SeekFrom::Current(-3), SeekFrom::End(-11), SeekFrom::Current(i64::MIN)] {
        assert_eq!(reader.seek(to).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(reader.stream_position().unwrap(), 2);
    }
    assert_eq!(reader.fill_buf().unwrap(), [2, 3]);
    reader.consume(100);
    assert_eq!(reader.stream_position().unwrap(), 4);
}

#[test]
fn a_body_may_be_used_by_any_thread() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Body>();
    shared::<Segments>();
    shared::<Reader>();
}

/// A body made by slicing and joining, beside the bytes it must have.
fn any_body() -> impl Strategy<Value = (Body, Vec<u8>)> {
    let leaf = proptest::collection::vec(any::<u8>(), 0..20)
        .prop_map(|bytes| (Body::from_bytes(bytes.clone()), bytes));
    leaf.prop_recursive(4, 64, 5, |part| {
        let sliced = (part, any::<[prop::sample::Index; 2]>()).prop_map(|((body, bytes), ends)| {
            let [a, b] = ends.map(|end| end.index(bytes.len() + 1));
            (slice(&body, a.min(b), a.max(b)), bytes[a.min(b)..a.max(b)].to_vec())
        });
        proptest::collection::vec(sliced, 0..5).prop_map(|parts| {
            let (bodies, bytes): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
            (Body::concat(bodies).unwrap(), bytes.concat())
        })
    })
}

#[derive(Clone, Debug)]
enum Step {
    Read(usize),
    Seek(SeekFrom),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_usize..30).prop_map(Step::Read),
        (0_u64..90).prop_map(|to| Step::Seek(SeekFrom::Start(to))),
        (-40_i64..40).prop_map(|by| Step::Seek(SeekFrom::Current(by))),
        (-90_i64..10).prop_map(|by| Step::Seek(SeekFrom::End(by))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn r6_slices_of_joins_of_slices_are_the_naive_bytes((body, bytes) in any_body(), limit in 1_u64..50) {
        prop_assert_eq!(difference(&body, &bytes, [limit]), None);
    }

    #[test]
    fn a_reader_goes_where_a_cursor_goes(
        (body, bytes) in any_body(), steps in proptest::collection::vec(any_step(), 0..20),
    ) {
        let mut reader = body.reader();
        let mut cursor = io::Cursor::new(bytes);
        for step in steps {
            match step {
                Step::Seek(to) => prop_assert_eq!(reader.seek(to).ok(), cursor.seek(to).ok()),
                Step::Read(len) => {
                    let (mut read, mut expected) = (Vec::new(), Vec::new());
                    reader.by_ref().take(len as u64).read_to_end(&mut read).unwrap();
                    Read::by_ref(&mut cursor).take(len as u64).read_to_end(&mut expected).unwrap();
                    prop_assert_eq!(read, expected);
                }
            }
            prop_assert_eq!(reader.stream_position().unwrap(), cursor.position());
        }
    }
}
