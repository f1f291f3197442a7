//! The simulated database does what the real ones do, of which `kv/postgres/tests` holds the same.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::SimDatabase;
use crate::kv::postgres::{PostgresKv, PostgresOptions};
use crate::kv::suite::{agrees_with_memory, steps};
use crate::kv::{Commit, Kv, Read, Table, Write};
use crate::machine::{Machine, run_on};
use crate::network::{Exchange, Peer, RequestFate, SimNetwork};

const ROWS: Table = Table { byte: 1, name: "rows-1" };

/// A machine on which time passes when somebody waits, and a network where requests have the fates that are said.
#[derive(Debug, Default)]
struct Quiet {
    uptime: Mutex<Duration>,
    drawn: Mutex<u64>,
    fates: Mutex<Vec<(&'static str, RequestFate)>>,
}

impl Machine for Quiet {
    fn clock(&self) -> u64 {
        1_750_000_000_000_000
    }

    fn uptime(&self) -> Duration {
        *self.uptime.lock().unwrap()
    }

    fn pause(&self, duration: Duration) {
        *self.uptime.lock().unwrap() += duration;
    }

    fn fill_random(&self, out: &mut [u8]) {
        let mut drawn = self.drawn.lock().unwrap();
        *drawn += 1;
        blake3::Hasher::new().update(&drawn.to_le_bytes()).finalize_xof().fill(out);
    }

    fn process(&self) -> u64 {
        1
    }
}

impl SimNetwork for Quiet {
    fn before(&self, exchange: &Exchange<'_>) -> RequestFate {
        let mut fates = self.fates.lock().unwrap();
        match fates.first() {
            Some((verb, fate)) if *verb == exchange.verb => {
                let fate = *fate;
                fates.remove(0);
                fate
            }
            _ => RequestFate::AT_ONCE,
        }
    }

    fn after(&self, _: &Exchange<'_>) -> bool {
        true
    }

    fn server_clock(&self, _: Peer) -> u64 {
        self.clock() + u64::try_from(self.uptime().as_micros()).unwrap()
    }

    fn listing_age(&self) -> Duration {
        Duration::ZERO
    }
}

fn options(staleness: Duration) -> PostgresOptions {
    PostgresOptions { staleness, connections: 16, ..PostgresOptions::default() }
}

fn open(machine: &Arc<Quiet>, database: &SimDatabase, staleness: Duration) -> PostgresKv {
    PostgresKv::open_simulated((database.clone(), machine.clone()), options(staleness))
}

fn get(kv: &PostgresKv, key: &[u8]) -> Option<Vec<u8>> {
    kv.reader().unwrap().get(ROWS, key, |value| Ok(value.to_vec())).unwrap()
}

#[test]
fn random_work_leaves_the_same_rows() {
    let machine = Arc::new(Quiet::default());
    let _running = run_on(machine.clone());
    for staleness in [Duration::ZERO, Duration::from_secs(1)] {
        let mut runner = TestRunner::new(ProptestConfig {
            cases: 60,
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        let run = runner.run(&steps(), |steps| {
            agrees_with_memory(&open(&machine, &SimDatabase::default(), staleness), &steps);
            Ok(())
        });
        run.unwrap();
    }
}

/// What was found by `core/tests/sim`: what is read next was as old as the connection's transaction.
#[test]
fn a_connection_on_which_a_read_was_too_slow_is_not_used_again() {
    let machine = Arc::new(Quiet::default());
    let _running = run_on(machine.clone());
    let database = SimDatabase::default();
    let (one, other) = (open(&machine, &database, Duration::ZERO), open(&machine, &database, Duration::ZERO));
    let put = |kv: &PostgresKv, value: &[u8]| {
        kv.write(Commit::Synced, |writer| writer.put(ROWS, b"key", value)).unwrap();
    };
    put(&other, b"old");
    let reader = one.reader().unwrap();
    assert!(reader.get(ROWS, b"first", |_| Ok(())).unwrap().is_none());
    let slow = RequestFate::Answered { request: Duration::ZERO, reply: Duration::from_secs(100) };
    machine.fates.lock().unwrap().push(("query", slow));
    reader.get(ROWS, b"second", |_| Ok(())).unwrap_err();
    drop(reader);
    put(&other, b"new");
    assert_eq!(get(&one, b"key").unwrap(), b"new");
}

#[test]
fn a_commit_that_arrives_after_it_was_looked_for_is_void() {
    let machine = Arc::new(Quiet::default());
    let _running = run_on(machine.clone());
    let database = SimDatabase::default();
    let kv = open(&machine, &database, Duration::ZERO);
    let late = RequestFate::Unanswered { request: Duration::from_secs(5), noticed: true };
    machine.fates.lock().unwrap().push(("commit", late));
    let mut runs = 0;
    kv.write(Commit::Synced, |writer| {
        runs += 1;
        writer.add(ROWS, b"count", 1)
    })
    .unwrap();
    assert_eq!((runs, database.on_their_way()), (2, 1));
    database.settle();
    assert_eq!(get(&kv, b"count").unwrap(), 1_i64.to_le_bytes());
}
