//! Opening: who the store is, and what is left to replay.

use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use super::layout::{self, Identity};
use super::lock::StoreLock;
use super::options::{Mode, Options};
use crate::blobs;
use crate::catalog::history::{self, Session};
use crate::catalog::{grace, segment, signing_key, table};
use crate::journal::{
    GroupLimits, Journal, Position, leave_all_but_last, recover, take_foreign_away, void_tails,
};
use crate::kv::driver::StoreKv;
use crate::kv::redb::{RedbKv, Sharing};
use crate::kv::{Commit, Kv};
use crate::mutant::{self, Mutant};
use crate::random::random;
use crate::time::Time;
use crate::vfs::{Open, ReadOnly, Vfs};
use crate::{Error, Result, machine};

/// Opens the store on `disk`, creating it if it does not exist and the options allow that.
///
/// Where the directory takes no writes, it is opened for reading: what an opening writes (the end of the log
/// that is replayed, the marks of a session) is written over the files in memory.
pub(crate) fn open(disk: Arc<dyn Vfs>, options: Options) -> Result<Engine> {
    options.check()?;
    let deadline = machine::uptime().saturating_add(options.lock_timeout);
    let asked = disk.is_read_only();
    let read_only = asked.map_err(|cause| Error::io("asking whether the directory takes writes", cause))?;
    let vfs: Arc<dyn Vfs> = if read_only { Arc::new(ReadOnly::new(disk.clone())) } else { disk.clone() };
    let found = layout::read(vfs.as_ref())?;
    if found.is_none() {
        may_create(vfs.as_ref(), &options)?;
    }
    // From here to the end, one process at a time: two must not make the store at once, and a
    // recovery must not meet another.
    let (reading, _opening) = if read_only {
        (Some(StoreLock::to_read(vfs.as_ref(), options.lock_timeout)?), None)
    } else {
        (None, Some(StoreLock::to_open(vfs.as_ref(), options.lock_timeout)?))
    };
    let identity = match layout::read(vfs.as_ref())? {
        Some(identity) => identity,
        None => layout::create(vfs.as_ref(), Time::now())?,
    };
    let lock = match reading {
        Some(lock) => lock,
        None => StoreLock::of_session(vfs.as_ref(), options.mode)?,
    };
    // Who reads what nobody writes to has it for itself, as far as memory goes.
    let sharing = match options.mode {
        Mode::Shared if !read_only => Sharing::Shared,
        _ => Sharing::Exclusive,
    };
    let kv = up_to_date(&vfs, (sharing, deadline), &options, &identity, read_only)?;
    let session = Session { id: random()?, seed: u64::from_le_bytes(random()?) };
    let journal =
        Journal::new(StoreKv::Embedded(kv), vfs.clone(), identity.uuid, limits(&options, sharing, read_only))
            .beginning_with(Box::new(move |group, lsn| history::begin(group, session, lsn)));
    let engine = Engine::new((vfs, disk), (identity.uuid, identity.created), options, journal, Some(lock));
    if !read_only && signing_key::list(&engine.reader()?)?.is_empty() {
        begin(&engine)?;
    }
    engine.journal.rows().wait_for_others();
    Ok(engine)
}

/// Opens the rows, with what the log has beyond them.
fn up_to_date(
    vfs: &Arc<dyn Vfs>,
    (sharing, deadline): (Sharing, Duration),
    options: &Options,
    identity: &Identity,
    read_only: bool,
) -> Result<RedbKv> {
    let mut kv = rows(vfs, sharing, deadline, options)?;
    if !read_only {
        take_foreign_away(&kv, vfs.as_ref())?;
    }
    if sharing == Sharing::Exclusive {
        begin_session(&kv, vfs, identity, true)?;
        return Ok(kv);
    }
    if segment::is_exclusive(&kv.reader()?)? {
        // An exclusive session ended in a crash: its last groups are in the log alone.
        drop(kv);
        let alone = rows(vfs, Sharing::Exclusive, deadline, options)?;
        begin_session(&alone, vfs, identity, false)?;
        drop(alone);
        kv = rows(vfs, sharing, deadline, options)?;
    }
    void_tails(&kv, vfs)?;
    Ok(kv)
}

/// Gives a new store its first key.
pub(super) fn begin(engine: &Engine) -> Result<()> {
    let (secret, salt) = (random::<32>()?, blake3::Hash::from_bytes(random()?).to_hex());
    let now = Time::now();
    let grace = engine.options.grace.unwrap_or(grace::DEFAULT);
    engine.write(move |change| {
        // Another process may have been first.
        if signing_key::list(change)?.is_empty() {
            signing_key::add(change, &secret, true, now)?;
            signing_key::set_salt(change, &salt)?;
            grace::begin(change, grace)?;
        }
        Ok(())
    })
}

fn may_create(vfs: &dyn Vfs, options: &Options) -> Result<()> {
    let listed = vfs.list("").map_err(|cause| Error::io("looking at the store's directory", cause))?;
    if listed.iter().any(|entry| entry.name == layout::ROWS) {
        return Err(Error::corrupt("the file STORE is missing; restore it from a backup"));
    }
    if !options.create {
        return Err(Error::not_found(
            "there is no store in the directory, and the options say to create none",
        ));
    }
    let foreign = listed
        .iter()
        .find(|entry| ![layout::LOCK, layout::OPEN, layout::NEW_STORE].contains(&entry.name.as_str()));
    match foreign {
        Some(entry) => Err(Error::invalid(format!(
            "the directory holds {:?}, so no store is made in it; name an empty or a new one",
            entry.name
        ))),
        None => Ok(()),
    }
}

/// Opens the rows. They are made under another name: a crash on the way leaves no half of them.
fn rows(vfs: &Arc<dyn Vfs>, sharing: Sharing, deadline: Duration, options: &Options) -> Result<RedbKv> {
    let failed = |cause| Error::io("opening meta.redb", cause);
    match vfs.open(layout::ROWS, Open::Write) {
        Ok(file) if file.len().map_err(failed)? > 0 => {
            return RedbKv::open_until(Some(deadline), file, sharing, options.cache_bytes, table::ALL);
        }
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(failed(cause)),
        _ => {}
    }
    // There are rows before there is a segment, and a rebuild that was cut off leaves the old ones.
    let segments = vfs.list(blobs::segment::DIR).map_err(failed)?;
    let beside = vfs.list("").map_err(failed)?;
    if segments.iter().any(|entry| blobs::segment::number_of(&entry.name).is_some())
        || beside.iter().any(|entry| entry.name == layout::BAD_ROWS)
    {
        return Err(Error::corrupt(
            "meta.redb is missing or empty; `holdall repair --rebuild` rebuilds it from the log",
        ));
    }
    // Under another name until it is complete: an index of no length is how a lost one looks.
    let made = vfs.open(layout::NEW_ROWS, Open::Create).and_then(|file| file.set_len(0).map(|()| file));
    let made = made.map_err(failed)?;
    let kv = RedbKv::open_until(Some(deadline), made, sharing, options.cache_bytes, table::ALL)?;
    vfs.rename(layout::NEW_ROWS, layout::ROWS).and_then(|()| vfs.sync_dir("")).map_err(failed)?;
    Ok(kv)
}

/// Replays what an exclusive session that died has left in the log alone, and marks the beginning of
/// another one, or of none. After a session in shared mode nothing is to be replayed: a group that
/// lies behind its last one was never published.
fn begin_session(kv: &RedbKv, vfs: &Arc<dyn Vfs>, identity: &Identity, exclusive: bool) -> Result<()> {
    let tx = kv.reader()?;
    // What the log of a copy has beyond the rows is not the copy's.
    let is_copy = history::is_unwritten_copy(&tx)? && !mutant::is_active(Mutant::CopiesAreReplayed);
    if segment::is_exclusive(&tx)? && !is_copy {
        let groups = recover(kv, vfs, identity.uuid)?;
        if groups > 0 {
            tracing::info!(groups, "replayed the end of the log");
        }
    }
    let mut tx = kv.writer()?;
    segment::set_exclusive(&mut tx, exclusive)?;
    leave_all_but_last(&mut tx, vfs.as_ref())?;
    // At random, so that no group that is on the disk already names it ("When is the log replayed, and when
    // not?" in docs/why.md).
    Position::fence(&mut tx, u32::from_le_bytes(random()?))?;
    kv.commit(tx, Commit::Synced)
}

pub(super) fn limits(options: &Options, sharing: Sharing, read_only: bool) -> GroupLimits {
    GroupLimits {
        group_changes: 256,
        group_len: 16 << 20,
        segment_len: options.segment_bytes,
        checkpoint_groups: 1000,
        checkpoint_len: 7 << 18,
        checkpoint_age: Duration::from_secs(1),
        exclusive: sharing == Sharing::Exclusive,
        read_only,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfs::RealVfs;
    use crate::{ErrorKind, Store};

    #[test]
    fn an_opening_waits_for_another_process_s_write_no_longer_than_the_lock_timeout() {
        let dir = tempfile::tempdir().unwrap();
        let options = || Options::new().lock_timeout(Duration::from_millis(100));
        Store::open(dir.path(), options()).unwrap().close().unwrap();
        // What a process has that is suspended, or whose disk is stuck, in the middle of a commit.
        let file = RealVfs::new(dir.path()).unwrap().open(layout::ROWS, Open::Write).unwrap();
        let other = RedbKv::open(file, Sharing::Shared, 1 << 20, table::ALL).unwrap();
        let writer = other.writer().unwrap();
        let (opened, opening) = std::sync::mpsc::channel();
        let path = dir.path().to_owned();
        std::thread::spawn(move || opened.send(Store::open(path, options()).map(drop)));
        // A generous limit: without one, the opening waits for as long as the other writes.
        let refused = opening.recv_timeout(Duration::from_secs(60)).unwrap().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Locked);
        assert!(refused.to_string().contains("writing to the store"), "{refused}");
        drop(writer);
        Store::open(dir.path(), options()).unwrap();
    }
}
