//! The simulated database does what the real ones do, of which `kv/postgres/tests` holds the same.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::SimDatabase;
use crate::Result;
use crate::kv::postgres::commit::forget_old;
use crate::kv::postgres::connect::Database;
use crate::kv::postgres::{PostgresKv, PostgresOptions};
use crate::kv::suite::{agrees_with_memory, steps};
use crate::kv::{Commit, Kv, Read, Table, Write};
use crate::machine::{Machine, run_on};
use crate::network::{Exchange, Peer, RequestFate, SimNetwork};

const ROWS: Table = Table::new(1, "rows-1");

/// A machine on which time passes when somebody waits, and a network where requests have the fates that are said.
#[derive(Default)]
struct Quiet {
    uptime: Mutex<Duration>,
    /// For how long the machine was suspended, which its uptime does not have.
    suspended: Mutex<Duration>,
    drawn: Mutex<u64>,
    fates: Mutex<Vec<(&'static str, RequestFate)>>,
    /// Happens before the next request, if none of them has a fate any more.
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl std::fmt::Debug for Quiet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Quiet").field("uptime", &self.uptime).finish_non_exhaustive()
    }
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
            _ => {
                let is_last = fates.is_empty();
                drop(fates);
                let meanwhile = self.meanwhile.lock().unwrap().take_if(|_| is_last);
                meanwhile.into_iter().for_each(|happens| happens());
                RequestFate::AT_ONCE
            }
        }
    }

    fn after(&self, _: &Exchange<'_>) -> bool {
        true
    }

    fn server_clock(&self, _: Peer) -> u64 {
        let passed = self.uptime() + *self.suspended.lock().unwrap();
        self.clock() + u64::try_from(passed.as_micros()).unwrap()
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

/// The outcome of a commit is looked for when its id is forgotten; and a commit arrives when it is forgotten that it is
/// void. `kv/postgres/tests/outcome.rs` has the same of a real server.
#[test]
fn nothing_is_committed_twice_when_ids_are_forgotten() {
    let week = Duration::from_secs(7 * 24 * 3600);
    for ageless in [false, true] {
        let machine = Arc::new(Quiet::default());
        let _running = run_on(machine.clone());
        let database = SimDatabase::default();
        let options = PostgresOptions { ageless, ..options(Duration::ZERO) };
        let open = || PostgresKv::open_simulated((database.clone(), machine.clone()), options);
        let (kv, other) = (open(), open());
        let add = |kv: &PostgresKv| kv.write(Commit::Synced, |writer| writer.add(ROWS, b"count", 1));
        let forget = {
            let of = other.database.clone();
            move || of.run(forgetting(of.clone())).unwrap()
        };
        // It is executed, and then the process is suspended until others have forgotten it.
        let executed = RequestFate::Unanswered { request: Duration::ZERO, noticed: true };
        machine.fates.lock().unwrap().push(("commit", executed));
        let suspended = {
            let (machine, forget) = (machine.clone(), forget.clone());
            move || {
                *machine.suspended.lock().unwrap() += week * 2;
                forget();
            }
        };
        *machine.meanwhile.lock().unwrap() = Some(Box::new(suspended));
        let answered = add(&kv);
        assert_eq!(answered.is_ok(), ageless, "{answered:?}");
        let twice = i64::from(ageless);
        assert_eq!(get(&kv, b"count").unwrap(), (1 + twice).to_le_bytes());
        // It arrives when others have forgotten that it is void.
        add(&other).unwrap();
        let late = RequestFate::Unanswered { request: week * 2, noticed: true };
        machine.fates.lock().unwrap().push(("commit", late));
        add(&other).unwrap();
        machine.pause(week + Duration::from_secs(3600));
        forget();
        database.settle();
        assert_eq!(get(&kv, b"count").unwrap(), (3 + twice * 2).to_le_bytes());
    }
}

async fn forgetting(database: Arc<Database>) -> Result<()> {
    forget_old(database).await;
    Ok(())
}
