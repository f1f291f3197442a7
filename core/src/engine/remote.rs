//! Opening a store that is no directory: its rows are in a PostgreSQL database, its contents in S3-compatible
//! object storage.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use super::layout;
use super::open::{begin, limits};
use super::options::{Mode, Options};
use crate::blobs::object::{ObjectAddress, ObjectOptions, ObjectPool, parameter};
use crate::blobs::spool;
use crate::catalog::history::{self, Session};
use crate::catalog::object::{self, IdentityRecord};
use crate::catalog::{id_sequence, moving, prefetch, signing_key, table};
use crate::journal::Journal;
use crate::kv::driver::StoreKv;
use crate::kv::postgres::{PostgresKv, PostgresOptions};
use crate::kv::redb::Sharing;
use crate::kv::{Commit, Kv, Read};
use crate::random::random;
use crate::time::Time;
use crate::vfs::{RealVfs, Vfs};
use crate::{Error, ErrorKind, Result};

/// Where a store is that is no directory.
///
/// `postgres://user@host/database?schema=files&contents=s3://bucket/prefix`: the address of the database, as
/// libpq has it, with parameters of our own. They are `contents`, and these, which may be left out: `endpoint`
/// and `region` of the object storage; `endpoint_rootcert`, a file of certificates by which that endpoint's is
/// verified; `cache`, the directory of contents that were read, `cache_bytes`, the bytes that it takes at most;
/// `staleness_ms`, how old in milliseconds what is read may be at most; and `redirect_seconds`, how long the URL of
/// an object is good to which a download is sent, 0 to send none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreAddress {
    /// The address of the database, without what is ours.
    database: String,
    objects: ObjectAddress,
    cache_bytes: Option<u64>,
    staleness: Option<Duration>,
    redirect: Option<Duration>,
}

impl StoreAddress {
    /// Takes an address apart.
    ///
    /// # Errors
    /// `InvalidArgument` when a part is missing or wrong.
    pub(crate) fn parse(text: &str) -> Result<StoreAddress> {
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let (mut is_located, mut rest) = (false, Vec::new());
        let mut address = StoreAddress {
            database: String::new(),
            objects: ObjectAddress::default(),
            cache_bytes: None,
            staleness: None,
            redirect: None,
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let number = || {
                value.parse::<u64>().map_err(|_| {
                    Error::invalid(format!("{name}={value:?} in the address of the store is no whole number"))
                })
            };
            match name {
                "contents" => {
                    address.objects.locate(&parameter(name, value)?)?;
                    is_located = true;
                }
                "cache_bytes" => address.cache_bytes = Some(number()?),
                "redirect_seconds" => address.redirect = Some(Duration::from_secs(number()?)),
                "staleness_ms" => address.staleness = Some(Duration::from_millis(number()?)),
                _ if address.objects.set(name, value)? => {}
                _ => rest.push(pair),
            }
        }
        if !is_located {
            return Err(Error::invalid(
                "the address of the store says nowhere where its contents are; add contents=s3://BUCKET/PREFIX to it",
            ));
        }
        address.database =
            if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
        Ok(address)
    }

    /// Returns a number that two addresses have in common only if they are of one store.
    pub(crate) fn identity(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.database, self.objects.place()).hash(&mut hasher);
        hasher.finish()
    }
}

/// Opens the store at an address, making it if it does not exist and the options allow that.
pub(crate) fn open(address: &StoreAddress, options: Options) -> Result<Engine> {
    let (postgres, contents) = parts(address)?;
    open_over((&address.database, postgres), contents, options)
}

/// Returns how the database and the object storage at an address are reached.
fn parts(address: &StoreAddress) -> Result<(PostgresOptions, ObjectOptions)> {
    let defaults = PostgresOptions::default();
    let postgres = PostgresOptions { staleness: address.staleness.unwrap_or(defaults.staleness), ..defaults };
    let mut contents = address.objects.options(address.objects.cache()?);
    contents.longest_redirect = address.redirect.unwrap_or(contents.longest_redirect);
    contents.cache_bytes = address.cache_bytes.unwrap_or(contents.cache_bytes);
    Ok((postgres, contents))
}

/// Returns the objects of the store with this id, and the directory that is its own in that of the cache.
fn objects(uuid: [u8; 16], mut contents: ObjectOptions) -> Result<(ObjectPool, PathBuf)> {
    let cache = contents.cache_dir;
    let name = format!("{:032x}", u128::from_be_bytes(uuid));
    let local = cache.join(&name);
    contents.cache_dir = cache.join("contents");
    contents.prefix = match contents.prefix.is_empty() {
        true => name,
        false => format!("{}/{name}", contents.prefix),
    };
    Ok((ObjectPool::open(uuid, contents)?, local))
}

/// The rows and objects that a store is moved into, before it is one there.
pub(crate) struct MigrationTarget {
    pub(crate) kv: StoreKv,
    pub(crate) objects: ObjectPool,
}

impl MigrationTarget {
    /// Opens what is at an address for the store with this id.
    ///
    /// # Errors
    /// As [`open`].
    pub(crate) fn open(address: &StoreAddress, uuid: [u8; 16]) -> Result<MigrationTarget> {
        let (postgres, contents) = parts(address)?;
        MigrationTarget::over((&address.database, postgres), contents, uuid)
    }

    pub(crate) fn over(
        (database, postgres): (&str, PostgresOptions),
        contents: ObjectOptions,
        uuid: [u8; 16],
    ) -> Result<MigrationTarget> {
        // What is compared has to be as new as it can be.
        let postgres = PostgresOptions { staleness: Duration::ZERO, ..postgres };
        let kv = rows(database, postgres)?;
        let (objects, _) = objects(uuid, contents)?;
        Ok(MigrationTarget { kv, objects })
    }
}

/// Opens the rows of a store in a database.
fn rows(database: &str, postgres: PostgresOptions) -> Result<StoreKv> {
    Ok(StoreKv::Remote(Box::new(PostgresKv::open(database, of_a_store(postgres))?)))
}

/// Says what the rows of a store are.
fn of_a_store(postgres: PostgresOptions) -> PostgresOptions {
    PostgresOptions { counters: Some(&[table::COUNTER]), links: &prefetch::LINKS, ..postgres }
}

/// Opens a store over a database, and over contents below whose prefix and in whose directory it has its own.
pub(crate) fn open_over(
    (database, postgres): (&str, PostgresOptions),
    contents: ObjectOptions,
    options: Options,
) -> Result<Engine> {
    check(&options)?;
    open_kv(rows(database, postgres)?, contents, options)
}

/// Opens a store over simulated servers, as a simulated host does.
#[cfg(all(feature = "sim", feature = "remote"))]
pub(crate) fn open_simulated(host: &crate::simulated::SimHost, options: Options) -> Result<Engine> {
    check(&options)?;
    let postgres = PostgresOptions { staleness: host.staleness, ..PostgresOptions::default() };
    let contents = ObjectOptions {
        simulated: Some((host.objects.clone(), host.network.clone())),
        ..ObjectOptions::new("simulated", &host.cache)
    };
    let kv = PostgresKv::open_simulated((host.database.clone(), host.network.clone()), of_a_store(postgres));
    open_kv(StoreKv::Remote(Box::new(kv)), contents, options)
}

fn check(options: &Options) -> Result<()> {
    options.check()?;
    if options.mode == Mode::Exclusive {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "a store in a database cannot be opened in exclusive mode; open it in shared mode",
        ));
    }
    Ok(())
}

fn open_kv(kv: StoreKv, contents: ObjectOptions, options: Options) -> Result<Engine> {
    let (identity, ids, segments) = begin_session(&kv, options.create)?;
    let (objects, local) = objects(identity.uuid, contents)?;
    // Content that comes in, until it is an object.
    layout::make_private(&local).map_err(|cause| Error::io("making the directory of the cache", cause))?;
    let vfs = RealVfs::new(&local).map(|vfs| vfs.maps(options.map));
    let vfs = vfs.and_then(|vfs| vfs.make_dir(spool::SPOOL).map(|()| Arc::new(vfs) as Arc<dyn Vfs>));
    let vfs = vfs.map_err(|cause| Error::io("opening the directory of the cache", cause))?;
    let journal = Journal::new(kv, vfs.clone(), identity.uuid, limits(&options, Sharing::Shared, false))
        .over_objects(objects.clone(), segments);
    let engine = Engine::new((vfs.clone(), vfs), (identity.uuid, identity.created), options, journal, None)
        .over_objects(objects, ids);
    if signing_key::list(&engine.reader()?)?.is_empty() {
        begin(&engine)?;
    }
    // The first URL that is served finds the keys here.
    engine.ring(&engine.reader()?)?;
    Ok(engine)
}

/// Ids and numbers of segments that an opening reserves, so that what is put soon needs no more.
const FIRST_IDS: u64 = 256;
const FIRST_SEGMENTS: u32 = 16;

/// Notes that a session begins, and returns who the store is, a new one being somebody from then on; and the ids and
/// numbers of segments that the session has.
fn begin_session(kv: &StoreKv, create: bool) -> Result<(IdentityRecord, Range<u64>, Range<u32>)> {
    let session = Session { id: random()?, seed: u64::from_le_bytes(random()?) };
    let new = IdentityRecord { uuid: random()?, created: Time::now() };
    kv.write(Commit::Synced, |tx| {
        tx.prefetch(prefetch::session)?;
        let identity = match object::identity(tx)? {
            Some(identity) => identity,
            None if moving::arriving(tx)?.is_some() => {
                return Err(Error::new(
                    ErrorKind::Locked,
                    "a store is being moved into this schema of the database; wait until `holdall migrate` is done",
                ));
            }
            None if !create => {
                return Err(Error::not_found(
                    "there is no store in this schema of the database, and the options say to create none",
                ));
            }
            None => {
                object::set_identity(tx, &new)?;
                new
            }
        };
        if moving::moved(tx)?.is_some() {
            // It can be read.
            return Ok((identity, 0..0, 0..0));
        }
        object::renew_identity(tx, &identity)?;
        // There is no log, and so no number of a group that the session begins with.
        let last = history::session(tx, u64::MAX)?.map_or(0, |(number, _)| number);
        history::begin(tx, session, last.saturating_add(1))?;
        let ids = id_sequence::reserve(tx, FIRST_IDS)?;
        Ok((identity, ids, object::reserve_segments(tx, FIRST_SEGMENTS)?))
    })
}

#[cfg(test)]
mod tests;
