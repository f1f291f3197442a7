//! Row T11: does the time to refuse a token tell where its MAC is wrong? In the manner of dudect:
//! two classes of work in random order, and Welch's t of their means.

use std::hint::black_box;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holdall::token::{Claims, Key, KeyRing, Purpose};

use crate::measure::{Table, Want};

/// Refusals of each run.
const COUNT: usize = 1_000_000;
/// A MAC's length in bytes, at the end of a token.
const MAC_LEN: usize = 32;
/// From here on a difference would be of use.
const LEAK: f64 = 4.5;

/// Refuses tokens whose MAC is wrong in the first byte or in the last, and compares a comparison
/// that stops early, which shows that a leak would be seen.
///
/// Every token is read from the same bytes of memory. When each class had a text of its own, the addresses
/// of the two made a difference of a part of a nanosecond, |t| from 1.6 to 92 by the run.
pub fn leak(table: &mut Table) {
    let ring = KeyRing::new([1; 16], [Key::new(1, vec![7; 32], 0).expect("a key")]).expect("a ring");
    let token = ring.sign(&Claims::new(Purpose::Version, 1, 0, u64::MAX)).expect("a token");
    let good = URL_SAFE_NO_PAD.decode(&token).expect("base64");
    let wrong = [good.len() - MAC_LEN, good.len() - 1].map(|place| {
        let mut bytes = good.clone();
        bytes[place] ^= 1;
        bytes
    });
    let texts = [0, 1].map(|class: usize| URL_SAFE_NO_PAD.encode(&wrong[class]));
    let refuse = |text: &[u8]| {
        let text = std::str::from_utf8(text).expect("base64");
        let refused = ring.verify(black_box(text), Purpose::Version, 0, None);
        assert!(refused.is_err(), "a wrong MAC is refused");
    };
    let t = welch([texts[0].as_bytes(), texts[1].as_bytes()], refuse);
    let same = welch([texts[0].as_bytes(); 2], refuse);
    let early = welch([&wrong[0], &wrong[1]], |candidate| {
        black_box(candidate.iter().zip(black_box(&good)).position(|(one, other)| one != other));
    });
    let shown = format!("{COUNT} refusals");
    table.row("T11", "where a MAC is wrong, |t|", "no use", t.abs(), Want::AtMost(LEAK), &shown);
    table.row("T11", "the same MAC in both classes, |t|", "nothing", same.abs(), Want::AtMost(LEAK), &shown);
    table.row("T11", "a comparison that stops early, |t|", "seen", early.abs(), Want::AtLeast(LEAK), "");
}

/// Times work on two classes of input in random order, and returns Welch's t of their means after dropping
/// the slowest tenth. The input is copied to one place first, byte by byte the same work for both.
fn welch(inputs: [&[u8]; 2], work: impl Fn(&[u8])) -> f64 {
    let mut input = inputs[0].to_vec();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..COUNT {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let class = (random >> 40) as usize & 1;
        input.copy_from_slice(black_box(inputs[class]));
        let begun = Instant::now();
        work(black_box(&input));
        times[class].push(begun.elapsed().as_nanos() as f64);
    }
    let mut all: Vec<f64> = times.concat();
    all.sort_by(f64::total_cmp);
    let limit = all[all.len() / 10 * 9];
    let [(one, one_spread), (other, other_spread)] = times.map(|times| {
        let kept: Vec<f64> = times.into_iter().filter(|time| *time <= limit).collect();
        let count = kept.len() as f64;
        let mean = kept.iter().sum::<f64>() / count;
        let variance = kept.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    });
    (one - other) / (one_spread + other_spread).sqrt()
}
