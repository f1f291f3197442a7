//! Whether the time to refuse tells anything.

use super::*;

/// Row T11, in the manner of dudect: does the time to refuse tell where the MAC is wrong? Run by hand,
/// on a quiet machine, in release: `cargo test --release -p holdall --lib t11 -- --ignored`.
#[test]
#[ignore = "a measurement: it wants a quiet machine"]
fn t11_time_does_not_tell_which_byte_is_wrong() {
    let ring = ring(&[1]);
    let good = bytes_of(&ring.sign(&plain()).unwrap());
    let mac_at = good.len() - 32;
    let wrong_at = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let wrong = [wrong_at(mac_at), wrong_at(good.len() - 1)];
    let texts = [text_of(&wrong[0]), text_of(&wrong[1])];
    let t = welch(|class| assert!(verify(&ring, std::hint::black_box(&texts[class])).is_err()));
    let control = welch(|class| {
        let candidate = std::hint::black_box(&wrong[class]);
        for (a, b) in candidate.iter().zip(std::hint::black_box(&good)) {
            if std::hint::black_box(a) != b {
                break;
            }
        }
    });
    println!("t = {t:.2}; a comparison that stops early has t = {control:.2}");
    assert!(control.abs() > 4.5, "the control shows that a leak would be seen");
    assert!(t.abs() < 4.5);
}

/// Times two classes of work, a million times in random order, and returns Welch's t of their means
/// after dropping the slowest tenth.
fn welch(work: impl Fn(usize)) -> f64 {
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..1_000_000 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let class = (random >> 40) as usize & 1;
        let start = std::time::Instant::now();
        work(class);
        times[class].push(start.elapsed().as_nanos() as f64);
    }
    let mut all: Vec<f64> = times.concat();
    all.sort_by(f64::total_cmp);
    let limit = all[all.len() / 10 * 9];
    let moments = times.map(|times| {
        let kept: Vec<f64> = times.into_iter().filter(|&time| time <= limit).collect();
        let count = kept.len() as f64;
        let mean = kept.iter().sum::<f64>() / count;
        let variance = kept.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    });
    (moments[0].0 - moments[1].0) / (moments[0].1 + moments[1].1).sqrt()
}
