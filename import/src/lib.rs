//! Imports a Cloudreve v4 server into a new [`Store`](holdall::Store): its users, files, versions,
//! links and shares.
//!
//! The server's hash ids and signed URLs stay valid: its salt and its key are imported, and each of its
//! ids becomes an alias of what it named. Whatever cannot be imported is counted, and listed in the [`Report`]
//! with its cause.
//!
//! | to | see |
//! |---|---|
//! | name the server's folder, database and keys | [`Cloudreve`] |
//! | open it, and look for faults before a store is made | [`Cloudreve::open`], [`Server`] |
//! | import it, and watch the progress | [`Server::import`], [`Progress`] |
//! | read what was not imported, and why | [`Report`], [`Cause`] |
//!
//! It is a crate of its own because it contains SQLite, which no store needs.
//!
//! ```no_run
//! use holdall::{Options, Store};
//! use holdall_import::Cloudreve;
//!
//! # fn main() -> holdall::Result<()> {
//! let server = Cloudreve::new("/srv/cloudreve").open()?; // its faults show before a store is made
//! let store = Store::open("/srv/files", Options::new())?;
//! let report = server.import(&store, |_| Ok(()))?;
//! println!("{report}");
//! store.close()
//! # }
//! ```

mod clock;
mod crypt;
mod database;
mod dump;
mod folder;
mod looks;
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
