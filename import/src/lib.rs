//! Imports a Cloudreve v4 server into a new [`Store`](holdall::Store): its users, files, versions,
//! links and shares.
//!
//! Hash ids and signatures of the server stay good: the salt and the key come along, and each of its
//! ids becomes an alias of what it named. What cannot come along is counted, and named in the report.
//!
//! It is a crate of its own because it has SQLite in it, which no store needs.
//!
//! ```no_run
//! use holdall::{Options, Store};
//! use holdall_import::Cloudreve;
//!
//! # fn main() -> holdall::Result<()> {
//! let server = Cloudreve::new("/srv/cloudreve").open()?; // what is wrong with it shows before a store is made
//! let store = Store::open("/srv/files", Options::new())?;
//! let report = server.import(&store, |_| Ok(()))?;
//! println!("{report}");
//! store.close()
//! # }
//! ```

mod clock;
#[cfg(test)]
mod controls;
mod crypt;
mod database;
mod dump;
mod folder;
mod looks;
mod mutant;
mod notes;
mod plan;
mod progress;
mod put;
mod report;
mod row;
mod server;
mod source;
mod work;

pub use progress::Progress;
pub use report::{Cause, Report};
pub use server::{Cloudreve, Server};
