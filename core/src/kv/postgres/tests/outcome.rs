//! A connection that is lost in a commit: whether the change holds is found out, and never guessed.

use std::time::Duration;

use super::proxy::{Cut, Proxy};
use super::server::{address, pooled, shared, through};
use super::{COUNTERS, PostgresKv, ROWS, count, get, open};
use crate::kv::{Commit, Kv, Read, Write};
use crate::machine;

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
                Cut::Before | Cut::Within => 2,
                Cut::After | Cut::Late(_) => 1,
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
