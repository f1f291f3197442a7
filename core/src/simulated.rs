//! A database and object storage that are simulated, for several simulated hosts: what the network and the servers do
//! to each request is for the test to say.
//!
//! Requests are executed one at a time, and what a server has executed it keeps. A request may be executed long after
//! who sent it gave up. The database is stricter than PostgreSQL in this: a commit holds only if everything that it
//! went by is so when it holds, and not just in some order of all commits.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use crate::blobs::object::sim::SimObjects;
pub use crate::kv::postgres::sim::SimDatabase;
pub use crate::network::{Exchange, Peer, RequestFate, SimNetwork};

/// A host in a simulation: its way to both servers, and a directory of its own for the cache.
#[derive(Clone, Debug)]
pub struct SimHost {
    /// The database.
    pub database: SimDatabase,
    /// The object storage.
    pub objects: SimObjects,
    /// What becomes of its requests.
    pub network: Arc<dyn SimNetwork>,
    /// Where its cache is.
    pub cache: PathBuf,
    /// How old rows may be that it reads.
    pub staleness: Duration,
}
