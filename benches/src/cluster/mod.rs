//! Stores over a database and object storage against the two alone, with the feature `remote`: what
//! `make bench-cluster` measures over the servers that tests/remote/run.sh starts.

mod commit;
mod objects;
mod put;
mod read;
mod whole;

use std::path::Path;
use std::process::Command;

use holdall::{Options, Store};

pub use put::{child, put};
pub use read::read;
pub use whole::{large, migrate};

/// The address of stores, in which `{}` stands for the name of one.
const ADDRESS: &str = "HOLDALL_TEST_STORE";
/// What is within the staleness is not asked for again.
const STALENESS: &str = "staleness_ms=600000";

/// Returns the address of a store of its own; None, with a word about it, where no servers were started.
fn address(name: &str) -> Option<String> {
    let address = std::env::var(ADDRESS).ok();
    if address.is_none() {
        println!(
            "| - | {name} is left out: tests/remote/run.sh starts the servers, as `make bench-cluster` does | | | | | |"
        );
    }
    address.map(|address| {
        address.replace("{}", name).replacen(
            "contents=s3://holdall",
            &format!("contents=s3://holdall/{name}"),
            1,
        )
    })
}

/// Returns the value of a parameter of an address.
fn parameter<'a>(address: &'a str, name: &str) -> &'a str {
    let (_, query) = address.split_once('?').expect("parameters");
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(known, _)| *known == name).expect("the parameter").1
}

/// Returns the address with another cache.
fn with_cache(address: &str, cache: &Path) -> String {
    let old = format!("cache={}", parameter(address, "cache"));
    address.replace(&old, &format!("cache={}", cache.display()))
}

fn open(address: &str) -> Store {
    Store::open(address, Options::new()).expect("a store")
}

/// Runs a program of PostgreSQL on the database of a store and returns what it printed.
fn client(program: &str, address: &str, environment: &[(&str, &str)], arguments: &[&str]) -> String {
    let (base, _) = address.split_once('?').expect("parameters");
    let base = base.strip_prefix("postgres://").expect("an address");
    let (user, place) = base.split_once('@').expect("a user");
    let (host, database) = place.split_once('/').expect("a database");
    let (host, port) = host.split_once(':').expect("a port");
    let mut command = Command::new(program);
    command.envs(environment.iter().copied()).args(["-h", host, "-p", port, "-U", user]);
    let output = command.args(arguments).arg(database).output().expect("a client of PostgreSQL");
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} failed: {errors}");
    out.into_owned()
}

fn sql(address: &str, statement: &str) -> String {
    client("psql", address, &[], &["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement])
}
