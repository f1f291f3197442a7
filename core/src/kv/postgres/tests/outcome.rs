//! A connection that is lost in a commit: whether the change holds is found out, and never guessed.

use std::time::Duration;

use super::proxy::{Cut, Proxy};
use super::server::{address, pooled, shared, through, until};
use super::{COUNTERS, PostgresKv, PostgresOptions, ROWS, count, fresh, get, open};
use crate::kv::{Commit, Kv, Read, Write};
use crate::{Result, machine};

/// Opens a store through a proxy, with a connection there already.
fn cut_off(proxy: &Proxy, address: &str) -> PostgresKv {
    let kv = open(&through(address, proxy.port));
    kv.write(Commit::Synced, |writer| writer.put(ROWS, b"first", b"1")).unwrap();
    kv
}

const CUTS: [Cut; 4] = [Cut::Before, Cut::Within, Cut::After, Cut::Late(Duration::from_millis(300))];

#[test]
fn a_change_whose_commit_is_cut_off_is_made_once() {
    for port in [shared().port, pooled().port] {
        for cut in CUTS {
            let address = address(port);
            let proxy = Proxy::before(port);
            let kv = cut_off(&proxy, &address);
            proxy.cut(cut);
            let mut runs = 0;
            kv.write(Commit::Synced, |writer| {
                runs += 1;
                // One that depends on what was there, and one that anybody could repeat unnoticed.
                let before = writer.get(COUNTERS, b"read", crate::kv::counter)?.unwrap_or(0);
                writer.put(COUNTERS, b"read", &(before + 1).to_le_bytes())?;
                writer.add(COUNTERS, b"blind", 1)
            })
            .unwrap();
            assert_eq!(proxy.cuts(), 1, "{cut:?}");
            let others = open(&address).reader().unwrap();
            assert_eq!((count(&others, b"read"), count(&others, b"blind")), (1, 1), "{cut:?}");
            let own = kv.reader().unwrap();
            assert_eq!((count(&own, b"read"), count(&own, b"blind")), (1, 1), "{cut:?}");
            // It is run again just where it had not happened.
            let again = match cut {
                Cut::After | Cut::Late(_) => 1,
                _ => 2,
            };
            assert_eq!(runs, again, "{cut:?}");
        }
    }
}

/// A single commit, which nobody runs again, is refused only where it has not happened.
#[test]
fn what_a_single_commit_is_said_to_have_become_is_true() {
    for cut in CUTS {
        let address = address(shared().port);
        let proxy = Proxy::before(shared().port);
        let kv = cut_off(&proxy, &address);
        let mut writer = kv.writer().unwrap();
        writer.put(ROWS, b"key", b"value").unwrap();
        proxy.cut(cut);
        let said = kv.commit(writer, Commit::Synced);
        // Whatever is still on its way has arrived by then.
        machine::pause(Duration::from_secs(1));
        let holds = get(&open(&address).reader().unwrap(), b"key").is_some();
        assert_eq!(said.is_ok(), holds, "{cut:?}: {said:?}");
        assert_eq!(holds, matches!(cut, Cut::After | Cut::Late(_)), "{cut:?}");
    }
}

/// Ids are remembered for so long here, in place of days.
const REMEMBERED: Duration = Duration::from_secs(2);

/// Adds 1 to a counter in a commit that is cut off, while ids are forgotten that are older than [`REMEMBERED`].
/// Returns what the caller was answered, how often its change ran, and what the counter is at last.
fn cut_off_and_forgotten(cut: Cut, ageless: bool) -> (Result<()>, u32, i64) {
    let (address, proxy) = (address(shared().port), Proxy::before(shared().port));
    let options = PostgresOptions { remembered: REMEMBERED, ageless, ..fresh() };
    let kv = PostgresKv::open(&through(&address, proxy.port), options).unwrap();
    let other = PostgresKv::open(&address, options).unwrap();
    kv.write(Commit::Synced, |writer| writer.put(ROWS, b"first", b"1")).unwrap();
    proxy.cut(cut);
    let mut runs = 0;
    let forget = || {
        machine::pause(REMEMBERED + Duration::from_millis(500));
        let database = other.database.clone();
        let forgetting = async move {
            super::super::commit::forget_old(database).await;
            Ok(())
        };
        other.database.run(forgetting).unwrap();
    };
    let mut writes = || {
        kv.write(Commit::Synced, |writer| {
            runs += 1;
            writer.add(COUNTERS, b"n", 1)
        })
    };
    let answered = match cut {
        // The process is held up: it learns nothing before the id is forgotten.
        Cut::After => std::thread::scope(|scope| {
            let writing = proxy.holding(|| {
                let writing = scope.spawn(writes);
                until(|| proxy.cuts() == 1, || "no COMMIT has passed".to_owned());
                forget();
                writing
            });
            writing.join().unwrap()
        }),
        // Its statement is.
        _ => {
            let answered = writes();
            forget();
            answered
        }
    };
    // Whatever is still on its way has arrived by then.
    machine::pause(REMEMBERED * 2);
    (answered, runs, count(&other.reader().unwrap(), b"n"))
}

/// Held up for longer than ids are remembered, a process does not take a commit that holds for one that does not.
#[test]
fn a_commit_whose_id_is_forgotten_is_not_made_again() {
    let (answered, runs, count) = cut_off_and_forgotten(Cut::After, false);
    let refused = answered.unwrap_err();
    assert!(refused.to_string().contains("could not be found out"), "{refused}");
    assert_eq!((runs, count), (1, 1));
    // The control.
    let (answered, runs, count) = cut_off_and_forgotten(Cut::After, true);
    assert!(answered.is_ok());
    assert_eq!((runs, count), (2, 2));
}

/// A statement that is held up for longer than it is remembered that its commit is void does nothing.
#[test]
fn a_commit_that_arrives_when_it_is_forgotten_that_it_is_void_does_nothing() {
    let cut = Cut::AllLate(REMEMBERED * 2);
    for (ageless, expected) in [(false, 1), (true, 2)] {
        let (answered, runs, count) = cut_off_and_forgotten(cut, ageless);
        assert!(answered.is_ok(), "{answered:?}");
        assert_eq!((runs, count), (2, expected), "ageless: {ageless}");
    }
}

/// A process that did nothing for longer than ids are remembered goes by a clock that is too old, and learns it anew.
#[test]
fn a_process_that_was_idle_for_longer_than_ids_are_remembered_goes_on() {
    let options = PostgresOptions { remembered: Duration::from_millis(50), ..fresh() };
    let kv = PostgresKv::open(&address(shared().port), options).unwrap();
    let mut runs = 0;
    machine::pause(Duration::from_millis(100));
    kv.write(Commit::Synced, |writer| {
        runs += 1;
        writer.add(COUNTERS, b"n", 1)
    })
    .unwrap();
    assert_eq!(count(&kv.reader().unwrap(), b"n"), 1);
    assert!(runs > 1, "{runs}");
}
