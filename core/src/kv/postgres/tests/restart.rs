//! The server is killed and started again while processes work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::server::{Server, address};
use super::{COUNTERS, PostgresKv, PostgresOptions, count};
use crate::kv::{Commit, Kv, Write};
use crate::machine;

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed_under_load() {
    let mut server = Server::own(&[]);
    let address = address(server.port);
    let done = AtomicBool::new(false);
    let open = || PostgresKv::open(&address, PostgresOptions::default()).unwrap();
    // Opened while there is a server; a process that finds none waits for it.
    let writers: Vec<_> = (0..4_u8).map(|number| (number, open())).collect();
    thread::scope(|scope| {
        let running: Vec<_> = writers
            .iter()
            .map(|(number, kv)| {
                let done = &done;
                scope.spawn(move || {
                    let mut acknowledged = 0_i64;
                    while !done.load(Ordering::SeqCst) {
                        let added = kv.write(Commit::Synced, |writer| {
                            let before =
                                crate::kv::Read::get(writer, COUNTERS, &[*number], crate::kv::counter)?;
                            writer.put(COUNTERS, &[*number], &(before.unwrap_or(0) + 1).to_le_bytes())?;
                            writer.add(COUNTERS, b"all", 1)
                        });
                        added.unwrap();
                        acknowledged += 1;
                    }
                    acknowledged
                })
            })
            .collect();
        for crash in [true, false, true] {
            machine::pause(Duration::from_millis(400));
            if crash {
                server.crash()
            } else {
                server.stop()
            }
            server.start(false);
        }
        machine::pause(Duration::from_millis(400));
        done.store(true, Ordering::SeqCst);
        let acknowledged: Vec<i64> = running.into_iter().map(|writer| writer.join().unwrap()).collect();
        assert!(acknowledged.iter().all(|count| *count > 3), "{acknowledged:?}");
        let reader = open().reader().unwrap();
        let found: Vec<i64> = (0..4_u8).map(|number| count(&reader, &[number])).collect();
        assert_eq!(found, acknowledged, "each change once, and none besides");
        assert_eq!(count(&reader, b"all"), acknowledged.iter().sum::<i64>());
    });
}
