//! A simulation of several processes on one store: they live on one disk and one clock, one thread
//! runs at a time, and everything follows from a seed. A model says what may be seen.
//!
//! `HOLDALL_SEED=n` replays a run and prints what happened, with `HOLDALL_CONTROL=name` one of that
//! control, and with `HOLDALL_SOUND=1` that without its fault. `HOLDALL_SEEDS=n` plays so many seeds
//! on `HOLDALL_THREADS` threads from `HOLDALL_FIRST` on, until `HOLDALL_FAILURES` of them failed;
//! `HOLDALL_WITHOUT` names kinds of calls that are left out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

mod calls;
mod came;
#[cfg(feature = "remote")]
mod cluster;
mod content;
mod controls;
mod draw;
mod experiment;
mod history;
mod ledger;
mod plan;
mod processes;
mod rest;
#[path = "../crash/rng.rs"]
mod rng;
mod run;
mod scheduler;
#[cfg(feature = "remote")]
mod scripted;
mod twin;
mod world;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use run::Run;

/// Held for writing while a fault is planted, which all runs of the process then have.
static PLANTED: RwLock<()> = RwLock::new(());

/// Prints a figure past the capture of the test harness.
fn figure(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A run that lasts as long as this is stuck: most take a tenth of a second, and some a minute on a busy
/// machine, where thousands of states are possible.
const HANGS: Duration = Duration::from_secs(600);

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// What many runs came to.
#[derive(Default)]
struct Total {
    runs: u64,
    calls: u64,
    steps: u64,
    wide: u64,
    failures: BTreeMap<u64, String>,
}

/// Makes a run of a seed, in words or not.
type MakeRun = fn(u64, bool) -> Run;

/// Plays runs from a seed on, on some threads, until there were enough or too many failed.
fn play_many(make: MakeRun, first: u64, count: u64, threads: usize, most: usize) -> Total {
    let next = AtomicU64::new(first);
    let total = Mutex::new(Total::default());
    let playing = Mutex::new(BTreeMap::new());
    let left = AtomicU64::new(threads as u64);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while left.load(Ordering::Relaxed) > 0 {
                std::thread::sleep(Duration::from_millis(50));
                for (seed, begun) in playing.lock().unwrap().iter() {
                    if Instant::elapsed(begun) > HANGS {
                        figure(&format!(
                            "HOLDALL_SEED={seed} hangs: threads wait for what no simulated one gives"
                        ));
                        std::process::abort();
                    }
                }
            }
        });
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count || total.lock().unwrap().failures.len() >= most {
                        left.fetch_sub(1, Ordering::Relaxed);
                        return;
                    }
                    playing.lock().unwrap().insert(seed, Instant::now());
                    let outcome = make(seed, false).play();
                    playing.lock().unwrap().remove(&seed);
                    let mut total = total.lock().unwrap();
                    total.runs += 1;
                    total.calls += outcome.calls;
                    total.steps += outcome.steps;
                    total.wide += u64::from(outcome.wide);
                    total.failures.extend(outcome.failure.map(|why| (seed, why)));
                }
            });
        }
    });
    total.into_inner().unwrap()
}

/// Replays a seed that was asked for, or plays many.
fn play(make: MakeRun, seeds: u64, replay: fn(&str, u64, bool) -> run::Outcome) {
    if let Some(seed) = number("HOLDALL_SEED") {
        let outcome = match std::env::var("HOLDALL_CONTROL") {
            Ok(mutant) => replay(&mutant, seed, number("HOLDALL_SOUND").is_none()),
            Err(_) => make(seed, true).play(),
        };
        outcome.trace.iter().for_each(|line| figure(line));
        figure(&format!("{} calls, {} operations", outcome.calls, outcome.steps));
        assert!(outcome.failure.is_none(), "{}", outcome.failure.unwrap_or_default());
        return;
    }
    let _sound = PLANTED.read().unwrap_or_else(PoisonError::into_inner);
    let begun = Instant::now();
    let (count, threads) = (number("HOLDALL_SEEDS").unwrap_or(seeds), number("HOLDALL_THREADS").unwrap_or(1));
    let first = number("HOLDALL_FIRST").unwrap_or(1);
    let most = number("HOLDALL_FAILURES").unwrap_or(1);
    let total = play_many(make, first, count, threads as usize, most as usize);
    figure(&format!(
        "simulation: {} runs, {} calls, {} operations in {:.1} s, {} too wide, {} bad",
        total.runs,
        total.calls,
        total.steps,
        begun.elapsed().as_secs_f64(),
        total.wide,
        total.failures.len()
    ));
    let shown: Vec<String> = total
        .failures
        .iter()
        .map(|(seed, why)| format!("HOLDALL_SEED={seed}: {}", why.chars().take(500).collect::<String>()))
        .collect();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
}

/// Plays seeds twice, and compares what happened.
fn must_repeat(make: MakeRun) {
    let _sound = PLANTED.read().unwrap_or_else(PoisonError::into_inner);
    for seed in 1..6 {
        let (one, other) = (make(seed, true).play(), make(seed, true).play());
        assert!(one.trace.len() > 100);
        for (number, (first, second)) in one.trace.iter().zip(&other.trace).enumerate() {
            assert_eq!(first, second, "line {number} of seed {seed}");
        }
        assert_eq!(one.trace.len(), other.trace.len());
    }
}

#[test]
fn several_processes_on_one_store_see_what_they_may_and_nothing_else() {
    play(|seed, traced| Run::new(seed, None, traced), 150, controls::replay);
}

#[test]
fn the_same_seed_is_the_same_run() {
    must_repeat(|seed, traced| Run::new(seed, None, traced));
}

#[cfg(feature = "remote")]
#[test]
fn several_hosts_on_servers_see_what_they_may_and_nothing_else() {
    play(|seed, traced| Run::on_servers(seed, None, traced), 150, controls::replay);
}

#[cfg(feature = "remote")]
#[test]
fn the_same_seed_is_the_same_run_on_servers() {
    must_repeat(|seed, traced| Run::on_servers(seed, None, traced));
}
