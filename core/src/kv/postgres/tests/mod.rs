//! The driver against real servers: PostgreSQL, directly and through PgBouncer in transaction mode.

mod conformance;
mod migrations;
mod outcome;
pub(crate) mod proxy;
mod races;
mod restart;
pub(crate) mod server;
mod staleness;
mod tls;
mod trips;

use std::time::Duration;

use super::{PostgresKv, PostgresOptions};
use crate::kv::{Read, Table};

const ROWS: Table = Table::new(1, "rows-1");
const COUNTERS: Table = Table::new(2, "counters-1");

/// Reads each time anew, as far as nothing else is asked for.
fn fresh() -> PostgresOptions {
    PostgresOptions { staleness: Duration::ZERO, ..PostgresOptions::default() }
}

fn open(address: &str) -> PostgresKv {
    PostgresKv::open(address, fresh()).unwrap()
}

fn get(rows: &impl Read, key: &[u8]) -> Option<Vec<u8>> {
    rows.get(ROWS, key, |value| Ok(value.to_vec())).unwrap()
}

fn count(rows: &impl Read, key: &[u8]) -> i64 {
    rows.get(COUNTERS, key, crate::kv::counter).unwrap().unwrap_or(0)
}
