//! Contents in S3-compatible object storage: what takes the place of segments and blob files where a store
//! is not a directory of one machine.
//!
//! An object is written once and never overwritten: its name is the number of a segment or the id of a blob,
//! which is issued once. So no reader meets a torn object, and a request that is sent twice does no harm.
//! There are three kinds ([`ObjectKind`]): one large content as it is, with an outline beside it that proves
//! each of its chunks alone ([`outline`]); and the small contents of a group as frames, in the format of a
//! segment.
//!
//! Everything is verified when it is read, by hashes of our own: an ETag is no checksum, servers may skip
//! checks, and the client library makes none. What was read and verified lies in a cache of files that all
//! processes of a host share ([`cache`]), and is served from maps of them as local contents are.
//!
//! The library underneath is asynchronous. It runs on two threads of its own, and no caller sees it
//! ([`client`]).

mod address;
mod cache;
mod client;
mod connector;
mod copying;
mod fetch;
mod large;
mod memory;
mod name;
mod named;
mod options;
mod outline;
// Downloads go through the host; nothing redirects to the object storage yet.
#[cfg_attr(not(test), allow(dead_code))]
mod presign;
mod reading;
mod segment;
#[cfg(all(feature = "sim", feature = "remote"))]
pub(crate) mod sim;
mod sweep;
#[cfg(test)]
mod tests;
mod trailer;
mod uploads;
mod write;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use address::{ObjectAddress, parameter};
pub(crate) use name::ObjectKind;
pub(crate) use named::NamedObject;
pub(crate) use options::ObjectOptions;
pub(crate) use presign::Presentation;
pub(crate) use sweep::SweepReport;

use crate::{Result, machine};
use cache::Cache;
use client::Client;

/// The contents of one store in one bucket, behind one cache. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct ObjectPool {
    /// The store's id, which each segment begins with.
    store: [u8; 16],
    /// The same as text, which the names in the cache begin with.
    name: Arc<str>,
    client: Arc<Client>,
    cache: Arc<Cache>,
}

impl ObjectPool {
    /// Makes the driver for the store with this id. It asks nothing of the server yet.
    ///
    /// # Errors
    /// `InvalidArgument` when the options cannot be right, `Io` when the directory of the cache cannot be
    /// used.
    pub(crate) fn open(store: [u8; 16], options: ObjectOptions) -> Result<ObjectPool> {
        options.check()?;
        let cache = Arc::new(Cache::open(&options.cache_dir, options.cache_bytes)?);
        let name = format!("{:032x}", u128::from_be_bytes(store)).into();
        Ok(ObjectPool { store, name, client: Arc::new(Client::new(options)?), cache })
    }

    /// Returns whether a content that began to come in at `began`, by [`machine::uptime`], may still be
    /// committed. Asked right before its rows are: what takes longer may have been swept.
    pub(crate) fn is_in_time(&self, began: Duration) -> bool {
        machine::uptime().saturating_sub(began) < self.client.options.longest_upload
    }
}
