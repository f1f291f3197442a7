//! What every driver promises.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::server::{address, pooled, shared};
use super::{PostgresKv, PostgresOptions, fresh, open};
use crate::catalog::{prefetch, suite, suite_public, suite_state, table};
use crate::kv::suite::{agrees_with_memory, behaves, steps};

/// A server as it is, and through PgBouncer.
fn both() -> [u16; 2] {
    [shared().port, pooled().port]
}

#[test]
fn the_driver_behaves_as_the_others_do() {
    for port in both() {
        behaves(&open(&address(port)));
        // Over the rows of its own view as well.
        behaves(&PostgresKv::open(&address(port), PostgresOptions::default()).unwrap());
    }
}

#[test]
fn random_work_leaves_the_same_rows() {
    for options in [fresh(), PostgresOptions::default()] {
        let mut runner = TestRunner::new(ProptestConfig {
            cases: 6,
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        // Each case has a view for each of its steps.
        let options = PostgresOptions { connections: 16, ..options };
        let run = runner.run(&steps(), |steps| {
            agrees_with_memory(&PostgresKv::open(&address(shared().port), options).unwrap(), &steps);
            Ok(())
        });
        run.unwrap();
    }
}

/// Opens a store in a schema of its own, through PgBouncer alone: it is the same server behind it, and less can
/// be relied on.
fn empty() -> PostgresKv {
    let (counters, links) = (Some(&[table::COUNTER][..]), &prefetch::LINKS);
    let options = PostgresOptions { counters, links, ..PostgresOptions::default() };
    PostgresKv::open(&address(pooled().port), options).unwrap()
}

/// A history of the model takes some hundred changes, and each of them several round trips.
#[test]
fn the_catalog_keeps_its_promises() {
    suite::run(empty, 6);
}

#[test]
fn links_shares_and_archives_keep_their_promises() {
    suite_public::run(empty);
}

#[test]
fn states_keep_their_promises() {
    suite_state::run(empty);
}
