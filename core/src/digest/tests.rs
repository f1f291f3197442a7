//! Tests of digests: vectors that others publish, and any division into pieces.

use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, checksum, checksum_combine};
use proptest::prelude::*;
use serde_json::Value;
use sha1::Sha1;

use super::digester::BLOCK;
use super::stream::{ALONE, BUNDLE, BUNDLE_BLOCKS, Start};
use super::*;
use crate::ErrorKind;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/pds.json")).unwrap()
}

fn collision() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/sha1_collision.json")).unwrap()
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Bytes that differ at every scale, so that a swapped, lost or repeated block shows.
fn sample(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let step = |_| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 56) as u8
    };
    (0..len).map(step).collect()
}

/// The same digest from each hash's own one-shot call, with the CRCs of another library.
fn oracle(bytes: &[u8]) -> Digest {
    use sha1::Digest as _;
    Digest {
        len: bytes.len() as u64,
        blake3: *blake3::hash(bytes).as_bytes(),
        sha1: Sha1::digest(bytes).into(),
        crc64: checksum(CrcAlgorithm::Crc64Xz, bytes),
        crc32: checksum(CrcAlgorithm::Crc32IsoHdlc, bytes) as u32,
    }
}

fn streamed(blocks: impl IntoIterator<Item = Bytes>) -> Digest {
    let mut digester = StreamDigester::new();
    blocks.into_iter().for_each(|block| digester.push(block).unwrap());
    digester.finish().unwrap()
}

fn pieces(bytes: &Bytes, len: usize) -> impl Iterator<Item = Bytes> + '_ {
    bytes.chunks(len).map(|piece| bytes.slice_ref(piece))
}

#[test]
fn published_vectors_agree() {
    for row in vectors()["hash"].as_array().unwrap() {
        let digest = Digest::of(text(row, "input_utf8").as_bytes());
        assert_eq!(digest.crc64_text(), text(row, "crc64_hash"));
        assert_eq!(format!("{:016x}", digest.crc64), text(row, "crc64_hex"));
        assert_eq!(digest.sha1_hex(), text(row, "content_hash"));
    }
    for row in vectors()["hash_special"].as_array().unwrap() {
        let bytes = match text(row, "desc") {
            "1 MiB of 0x00" => vec![0; 1 << 20],
            "bytes 0x00..0xff" => (0..=255).collect(),
            other => panic!("no such input: {other}"),
        };
        let digest = Digest::of(&bytes);
        assert_eq!(digest.crc64_text(), text(row, "crc64_hash"));
        assert_eq!(digest.sha1_hex(), text(row, "content_hash"));
    }
}

#[test]
fn published_combination_agrees() {
    let row = &vectors()["crc64_combine"];
    let crc = |field| text(row, field).parse::<u64>().unwrap();
    assert_eq!(Digest::of(text(row, "a").as_bytes()).crc64, crc("crc_a"));
    assert_eq!(Digest::of(text(row, "b").as_bytes()).crc64, crc("crc_b"));
    assert_eq!(crc64_combine(crc("crc_a"), crc("crc_b"), row["len_b"].as_u64().unwrap()), crc("crc_ab"));
}

#[test]
fn text_forms_keep_leading_zeros_only_in_hex() {
    let digest = Digest { len: 0, blake3: [0x0a; 32], sha1: [0x0b; 20], crc64: 7, crc32: 0 };
    assert_eq!(digest.blake3_hex(), "0a".repeat(32));
    assert_eq!(digest.sha1_hex(), "0B".repeat(20));
    assert_eq!(digest.crc64_text(), "7");
    assert_eq!(Digest { crc64: u64::MAX, ..digest }.crc64_text(), "18446744073709551615");
}

#[test]
fn a_digest_survives_serialisation() {
    let digest = Digest::of(b"abc");
    let bytes = postcard::to_allocvec(&digest).unwrap();
    assert_eq!(postcard::from_bytes::<Digest>(&bytes).unwrap(), digest);
}

#[test]
fn every_split_of_a_short_input_gives_the_same_digest() {
    let bytes = sample(300);
    let expected = oracle(&bytes);
    for at in 0..=bytes.len() {
        let (head, tail) = bytes.split_at(at);
        let mut digester = Digester::new();
        digester.update(head);
        digester.update(&[]);
        digester.update(tail);
        assert_eq!(digester.finish(), expected, "split at {at}");
        let blocks = [Bytes::copy_from_slice(head), Bytes::new(), Bytes::copy_from_slice(tail)];
        assert_eq!(streamed(blocks), expected, "split at {at}");
    }
}

#[test]
fn lengths_around_every_boundary_agree_with_the_oracle() {
    let longest = Bytes::from(sample(ALONE as usize + BUNDLE + 1));
    let boundaries = [1, 64, 1024, BLOCK, BUNDLE, ALONE as usize, ALONE as usize + BUNDLE];
    for len in boundaries.iter().flat_map(|n| [n - 1, *n, n + 1]) {
        let bytes = longest.slice(..len);
        let expected = oracle(&bytes);
        assert_eq!(Digest::of(&bytes), expected, "{len} bytes");
        assert_eq!(streamed([bytes]), expected, "{len} bytes streamed");
    }
}

#[test]
fn two_threads_agree_with_one_however_the_input_is_split() {
    let bytes = Bytes::from(sample(ALONE as usize + 2 * BUNDLE + 12_345));
    let expected = oracle(&bytes);
    let splits = [1000, 4096, BUNDLE - 1, BUNDLE, BUNDLE + 1, 1 << 20, bytes.len()];
    for len in splits {
        assert_eq!(streamed(pieces(&bytes, len)), expected, "pieces of {len}");
    }
    let ragged = sample(2000).into_iter().scan(0, |at, step| {
        let from = *at;
        *at = bytes.len().min(from + usize::from(step) * 200);
        Some(bytes.slice(from..*at))
    });
    assert_eq!(streamed(ragged), expected, "ragged pieces");
}

#[test]
fn single_bytes_are_handed_over_in_bundles() {
    let bytes = Bytes::from(sample(ALONE as usize + 3 * BUNDLE_BLOCKS + 1));
    let (head, tail) = (bytes.slice(..ALONE as usize), bytes.slice(ALONE as usize..));
    assert_eq!(streamed([head].into_iter().chain(pieces(&tail, 1))), oracle(&bytes));
}

fn refused(_: Sha1, _: Receiver<Vec<Bytes>>) -> io::Result<JoinHandle<Sha1>> {
    Err(io::Error::from(io::ErrorKind::WouldBlock))
}

fn dies_at_once(_: Sha1, _: Receiver<Vec<Bytes>>) -> io::Result<JoinHandle<Sha1>> {
    thread::Builder::new().spawn(|| resume_unwind(Box::new("planted")))
}

fn dies_after_one(_: Sha1, bundles: Receiver<Vec<Bytes>>) -> io::Result<JoinHandle<Sha1>> {
    thread::Builder::new().spawn(move || {
        bundles.recv().unwrap();
        resume_unwind(Box::new("planted"))
    })
}

fn loses_a_block(sha1: Sha1, bundles: Receiver<Vec<Bytes>>) -> io::Result<JoinHandle<Sha1>> {
    use sha1::Digest as _;
    thread::Builder::new()
        .spawn(move || bundles.iter().skip(1).flatten().fold(sha1, |sha1, block| sha1.chain_update(&block)))
}

fn stream_with(start: Start, bytes: &Bytes) -> crate::Result<Digest> {
    let mut digester = StreamDigester::starting(start);
    pieces(bytes, BUNDLE).try_for_each(|piece| digester.push(piece))?;
    digester.finish()
}

#[test]
fn without_a_thread_the_caller_does_it_all() {
    let bytes = Bytes::from(sample(ALONE as usize + 3 * BUNDLE));
    assert_eq!(stream_with(refused, &bytes).unwrap(), oracle(&bytes));
}

#[test]
fn a_thread_that_dies_is_an_error_and_never_a_wait() {
    let bytes = Bytes::from(sample(ALONE as usize + 12 * BUNDLE));
    for len in [ALONE as usize + 1, ALONE as usize + BUNDLE, bytes.len()] {
        for start in [dies_at_once, dies_after_one] as [Start; 2] {
            let error = stream_with(start, &bytes.slice(..len)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Bug);
        }
    }
}

#[test]
fn in_the_child_of_a_fork_work_in_progress_is_an_error_and_never_a_wait() {
    let bytes = Bytes::from(sample(ALONE as usize + BUNDLE));
    let begun = || {
        let mut digester = StreamDigester::new();
        pieces(&bytes, BUNDLE).for_each(|piece| digester.push(piece).unwrap());
        digester.pretend_forked();
        digester
    };
    assert_eq!(begun().push(bytes.slice(..BUNDLE)).unwrap_err().kind(), ErrorKind::Forked);
    assert_eq!(begun().finish().unwrap_err().kind(), ErrorKind::Forked);
    drop(begun());
}

#[test]
fn control_a_lost_block_changes_the_digest() {
    let bytes = Bytes::from(sample(ALONE as usize + 3 * BUNDLE));
    assert_ne!(stream_with(loses_a_block, &bytes).unwrap(), oracle(&bytes));
}

#[test]
fn a_digester_dropped_early_lets_go_of_every_block() {
    let bytes = Bytes::from(sample(ALONE as usize + 6 * BUNDLE + 1));
    let mut digester = StreamDigester::new();
    pieces(&bytes, BUNDLE).for_each(|piece| digester.push(piece).unwrap());
    drop(digester);
    let deadline = Instant::now() + Duration::from_secs(10);
    while !bytes.is_unique() {
        assert!(Instant::now() < deadline, "the thread still holds a block");
        thread::sleep(Duration::from_millis(1));
    }
}

fn is_slow(_: Sha1, bundles: Receiver<Vec<Bytes>>) -> io::Result<JoinHandle<Sha1>> {
    thread::Builder::new().spawn(move || {
        bundles.iter().for_each(|_| thread::sleep(Duration::from_millis(2)));
        Sha1::default()
    })
}

/// A block that is counted for as long as anybody holds it.
struct Counted(Arc<AtomicUsize>, Vec<u8>);

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.1
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1.len(), Ordering::SeqCst);
    }
}

#[test]
fn no_more_than_4_mib_is_held_on_to_however_slow_the_thread() {
    let held = Arc::new(AtomicUsize::new(0));
    let mut digester = StreamDigester::starting(is_slow);
    let mut most = 0;
    for _ in 0..16 << 4 {
        held.fetch_add(1 << 16, Ordering::SeqCst);
        digester.push(Bytes::from_owner(Counted(Arc::clone(&held), vec![0; 1 << 16]))).unwrap();
        most = most.max(held.load(Ordering::SeqCst));
    }
    digester.finish().unwrap();
    assert!((3 << 20..=4 << 20).contains(&most), "{most} bytes were held");
    assert_eq!(held.load(Ordering::SeqCst), 0);
}

#[test]
fn a_digester_may_move_between_threads() {
    fn moves<T: Send>() {}
    moves::<Digester>();
    moves::<StreamDigester>();
}

/// Returns 8 bytes that bring CRC-64 from `from` to `to` when appended.
fn forcing(from: u64, to: u64) -> [u8; 8] {
    let back = |state: u64, _| match state >> 63 {
        1 => (state ^ 0xc96c_5795_d787_0f42) << 1 | 1,
        _ => state << 1,
    };
    (!from ^ (0..64).fold(!to, back)).to_le_bytes()
}

#[test]
fn d4_equal_crc64_and_length_do_not_make_equal_content() {
    let honest = sample(1000);
    let mut forged = sample(1000);
    forged[17] ^= 1;
    let patch = forcing(Digest::of(&forged[..992]).crc64, Digest::of(&honest).crc64);
    forged[992..].copy_from_slice(&patch);

    let (honest, forged) = (Digest::of(&honest), Digest::of(&forged));
    assert_eq!((honest.crc64, honest.len), (forged.crc64, forged.len));
    assert_ne!(honest.blake3, forged.blake3);
    assert_ne!(honest.sha1, forged.sha1);
}

#[test]
fn d3_equal_sha1_and_length_do_not_make_equal_content() {
    let vector = collision();
    let [first, second] = ["a", "b"]
        .map(|field| Digest::of(&[unhex(text(&vector, "prefix")), unhex(text(&vector, field))].concat()));
    assert_eq!(first.sha1_hex(), text(&vector, "sha1"));
    assert_eq!((first.sha1, first.len), (second.sha1, second.len));
    assert_ne!(first.blake3, second.blake3);
    assert_ne!(first.crc64, second.crc64);
}

#[test]
fn combining_with_nothing_changes_nothing() {
    for crc in [0, 1, u64::MAX, 0x995d_c9bb_df19_39fa] {
        assert_eq!(crc64_combine(crc, 0, 0), crc);
        for len in [0, 1, 1 << 40, u64::MAX] {
            assert_eq!(crc64_combine(0, crc, len), crc);
        }
    }
    for len in [0, 1, 1 << 40, u64::MAX] {
        let b = if len == 0 { 0 } else { 0x1234_5678 };
        assert_eq!(crc32_combine(0, b, len), b);
    }
    assert_eq!(crc32_combine(0x1234_5678, 0, 0), 0x1234_5678);
}

#[test]
fn every_split_of_a_short_input_combines_to_the_whole() {
    let bytes = sample(600);
    let whole = Digest::of(&bytes);
    for at in 0..=bytes.len() {
        let (a, b) = (Digest::of(&bytes[..at]), Digest::of(&bytes[at..]));
        assert_eq!(crc64_combine(a.crc64, b.crc64, b.len), whole.crc64, "split at {at}");
        assert_eq!(crc32_combine(a.crc32, b.crc32, b.len), whole.crc32, "split at {at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn combination_agrees_with_the_oracle_at_any_length(
        a in any::<u64>(), b in any::<u64>(), len in any::<u64>(), shift in 0_u32..64,
    ) {
        let len = len >> shift;
        prop_assert_eq!(crc64_combine(a, b, len), checksum_combine(CrcAlgorithm::Crc64Xz, a, b, len));
        let (a, b) = (a as u32, if len == 0 { 0 } else { b as u32 });
        let expected = checksum_combine(CrcAlgorithm::Crc32IsoHdlc, u64::from(a), u64::from(b), len);
        prop_assert_eq!(u64::from(crc32_combine(a, b, len)), expected);
    }

    #[test]
    fn combination_is_associative(
        crcs in any::<[u64; 3]>(), b_len in 0..u64::MAX / 2, c_len in 0..u64::MAX / 2,
    ) {
        let [a, b, c] = crcs;
        let left = crc64_combine(crc64_combine(a, b, b_len), c, c_len);
        let right = crc64_combine(a, crc64_combine(b, c, c_len), b_len + c_len);
        prop_assert_eq!(left, right);
    }

    #[test]
    fn random_inputs_agree_with_the_oracle(
        bytes in proptest::collection::vec(any::<u8>(), 0..5000), step in 1_usize..700,
    ) {
        let mut digester = Digester::new();
        bytes.chunks(step).for_each(|piece| digester.update(piece));
        prop_assert_eq!(digester.finish(), oracle(&bytes));
    }
}
