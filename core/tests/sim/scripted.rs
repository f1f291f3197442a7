//! A store on simulated servers, of whose requests a test says what becomes of each.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdall::machine::{Machine, run_on};
use holdall::simulated::{Exchange, Peer, RequestFate, SimDatabase, SimHost, SimNetwork, SimObjects};
use holdall::{ErrorKind, Mode, Put, Store};

use crate::calls::{DRIVE, options};
use crate::rng::Rng;

/// A machine on which time passes when somebody waits, and a network where the next requests with these verbs have
/// these fates.
#[derive(Debug)]
struct Script {
    uptime: Mutex<Duration>,
    rng: Mutex<Rng>,
    fates: Mutex<Vec<(&'static str, RequestFate)>>,
}

impl Machine for Script {
    fn clock(&self) -> u64 {
        1_750_000_000_000_000 + self.uptime().as_micros() as u64
    }

    fn uptime(&self) -> Duration {
        *self.uptime.lock().unwrap()
    }

    fn pause(&self, duration: Duration) {
        *self.uptime.lock().unwrap() += duration;
    }

    fn fill_random(&self, out: &mut [u8]) {
        let mut rng = self.rng.lock().unwrap();
        out.iter_mut().for_each(|byte| *byte = rng.draw() as u8);
    }

    fn process(&self) -> u64 {
        1
    }
}

impl SimNetwork for Script {
    fn before(&self, exchange: &Exchange<'_>) -> RequestFate {
        let mut fates = self.fates.lock().unwrap();
        match fates.first() {
            Some((verb, _)) if *verb == exchange.verb => fates.remove(0).1,
            _ => RequestFate::AT_ONCE,
        }
    }

    fn after(&self, _: &Exchange<'_>) -> bool {
        true
    }

    fn server_clock(&self, _: Peer) -> u64 {
        self.clock()
    }

    fn listing_age(&self) -> Duration {
        Duration::ZERO
    }
}

/// The rows of what was in a folder are cleared by a change of their own, which may never come.
#[test]
fn a_version_whose_file_was_deleted_with_its_folder_is_gone_before_its_rows_are() {
    let (uptime, rng, fates) = (Mutex::default(), Mutex::new(Rng::new(1)), Mutex::default());
    let script = Arc::new(Script { uptime, rng, fates });
    let _running = run_on(script.clone());
    let cache = tempfile::tempdir().unwrap();
    let host = SimHost {
        database: SimDatabase::default(),
        objects: SimObjects::default(),
        network: script.clone(),
        cache: cache.path().to_owned(),
        staleness: Duration::ZERO,
    };
    let store = Store::open_simulated(&host, options(Mode::Shared)).unwrap();
    let drive = store.drive(DRIVE).unwrap();
    let first = drive.put("d/f", &b"first"[..], Put::new()).unwrap().id;
    drive.put("d/f", &b"second"[..], Put::new()).unwrap();
    script.fates.lock().unwrap().extend([("commit", RequestFate::AT_ONCE), ("commit", RequestFate::Dead)]);
    drive.delete("d").unwrap();
    assert!(script.fates.lock().unwrap().is_empty(), "the rows are cleared by a second commit");
    assert_eq!(drive.stat("d/f").unwrap_err().kind(), ErrorKind::NotFound);
    assert!(store.file(first.file()).is_ok(), "its rows are there");
    for refused in [store.set_current(first), store.keep(first, true), store.remove_version(first)] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Gone);
    }
}
