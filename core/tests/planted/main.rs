//! Faults of serving that were mended: each test holds for the code as it is, and finds its fault
//! when that is planted again. A planted fault is everybody's in the process, so each test has all
//! of it for as long as it runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod backup;
mod damage;
mod doubt;
mod full;
mod grace;
mod limits;
mod name;
mod prefix;
mod validator;

use std::sync::{Mutex, PoisonError};

use holdall::mutant::{Mutant, plant};
use holdall::{Reply, Request, Store};

static ALONE: Mutex<()> = Mutex::new(());

/// Runs a check that panics where it finds the fault: without it, and with it.
#[track_caller]
fn finds(fault: Mutant, check: impl Fn() + std::panic::RefUnwindSafe) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    plant(Mutant::None);
    check();
    plant(fault);
    let found = std::panic::catch_unwind(&check).is_err();
    plant(Mutant::None);
    assert!(found, "{fault:?} was planted and not found");
}

/// A store in a directory of its own.
fn with_store(check: impl Fn(&Store)) {
    let dir = tempfile::tempdir().unwrap();
    check(&Store::open(dir.path().join("store"), holdall::Options::new()).unwrap());
}

fn get(store: &Store, url: &str, headers: &[(&str, &str)]) -> Reply {
    ask(store, "GET", url, headers)
}

fn ask(store: &Store, method: &str, url: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::new(method, url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    store.serve(&request).unwrap()
}
