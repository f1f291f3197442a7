//! An authorisation matrix by generation: everybody makes every call and uses every kind of URL, on
//! stores with histories at random, and each reply is held to a model that says who may see what.
//!
//! `HOLDALL_SEED=n` replays one history and says what it does; `HOLDALL_SEEDS=n` tries so many.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout
)]

mod calls;
mod cloudreve;
mod controls;
mod history;
mod marks;
mod model;
mod pds;
mod random;
mod requests;
mod revision;
#[path = "../crash/rng.rs"]
mod rng;
mod sweep;
mod uploads;
mod urls;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use world::{Finding, Tried, World};

/// Events of one history.
const STEPS: usize = 45;

/// Prints a figure past the capture of the test harness.
fn figure(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A fault is planted for the whole process, so that one test runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lives one history through, and returns what was not as the model says.
fn live(seed: u64, loud: bool, tried: &mut Tried) -> Vec<Finding> {
    let mut world = World::new(seed, loud);
    for step in 0..STEPS {
        history::step(&mut world);
        calls::some(&mut world, 3);
        urls::use_some(&mut world, 2);
        if step == STEPS / 2 {
            calls::all(&mut world);
        }
    }
    calls::all(&mut world);
    sweep::use_all_urls(&mut world);
    sweep::ask_for_archives(&mut world);
    sweep::count_archives(&mut world);
    sweep::count_ids(&mut world);
    sweep::compare(&mut world);
    tried.histories += 1;
    tried.requests += world.requests;
    tried.cells.append(&mut world.cells);
    world.found
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}

#[test]
fn nobody_sees_what_is_not_theirs() {
    let _alone = alone();
    let mut tried = Tried::default();
    if let Some(seed) = number("HOLDALL_SEED") {
        let found = live(seed, true, &mut tried);
        assert!(found.is_empty(), "seed {seed}: {} findings", found.len());
        return;
    }
    let seeds = number("HOLDALL_SEEDS").unwrap_or(30);
    // Each broken rule, the seed that first broke it, and how many did.
    let mut broken: BTreeMap<String, (u64, u64, String)> = BTreeMap::new();
    for seed in 1..=seeds {
        for finding in live(seed, false, &mut tried) {
            let known = broken.entry(finding.rule).or_insert((seed, 0, finding.text));
            known.1 += 1;
        }
    }
    figure(&format!(
        "matrix: {} callers, {} kinds of calls and URLs, {} events: {} cells in {} histories, {} requests",
        world::CALLERS.len(),
        tried.cells.iter().map(|(_, call, _)| call).collect::<BTreeSet<_>>().len(),
        history::kinds(),
        tried.cells.len(),
        tried.histories,
        tried.requests,
    ));
    for (rule, (seed, times, text)) in &broken {
        figure(&format!("  {rule} (first by seed {seed}, {times} times): {}", world::cut(text, 400)));
    }
    assert!(broken.is_empty(), "{} rules are broken; HOLDALL_SEED=n shows a history", broken.len());
}
