//! A store back from what was shipped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::shipment::{self, ShippedPiece, ShippedState, missing, piece_name};
use crate::blobs::frame::SEGMENT_HEADER_LEN;
use crate::blobs::object::{ObjectAddress, ObjectOptions, ObjectPool};
use crate::blobs::pool;
use crate::blobs::segment::{self as file, Segment};
use crate::catalog::record::{BlobRecord, Location, Record};
use crate::catalog::{row, table};
use crate::engine::layout::{self, BAD_ROWS, Identity, NEW_ROWS, ROWS, STORE};
use crate::id::BlobId;
use crate::kv::{Read, Scan};
use crate::store::Store;
use crate::store::maintenance::planted::{PlantedFault, is_planted};
use crate::store::maintenance::{CheckOptions, Progress, Watch};
use crate::time::Time;
use crate::vfs::{Open, RealVfs, Vfs};
use crate::{Error, ErrorKind, Options, Result};

/// What [`Store::restore`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreReport {
    /// The sequence number of the last group in the store.
    pub lsn: u64,
    /// The time that the state is of: when its last group was written, or when it was shipped.
    pub time: Time,
    /// Segments that were restored.
    pub segments: u64,
    /// Large contents that were restored.
    pub contents: u64,
    /// Bytes that were read from the object storage.
    pub bytes: u64,
    /// Files in the store.
    pub files: u64,
    /// Versions in the store.
    pub versions: u64,
}

impl Store {
    /// Makes a store in a directory, which is new or empty, of what [`Shipper::ship`] put at an address: the newest
    /// state, or, given a time, the last one of that time or before. Its rows are made from the log, and all content
    /// is read and compared with its hash, before the directory has its name: until then it is called
    /// `DIR.restoring`, and a restore that was cut off goes on with it.
    ///
    /// The store has the same identity, keys and URLs. Ids and versions that are issued from then on are those
    /// of no other state.
    ///
    /// [`Shipper::ship`]: crate::Shipper::ship
    ///
    /// # Errors
    /// `NotFound` when nothing was shipped there, or nothing of that time is kept; `InvalidArgument` when the
    /// directory holds something; `Corrupt` when what was shipped is damaged, or the store is not sound: what there
    /// is of it then lies in `DIR.restoring`; `Io` as the system or the object storage says; the watcher's own.
    pub fn restore(
        address: &str,
        dir: impl AsRef<Path>,
        until: Option<Time>,
        watch: &mut Watch<'_>,
    ) -> Result<RestoreReport> {
        restore_over(ObjectAddress::parse(address)?.options_by_itself()?, dir.as_ref(), until, watch)
    }
}

/// As [`Store::restore`], from objects that are reached with these options.
pub(in crate::store::maintenance) fn restore_over(
    options: ObjectOptions,
    dir: &Path,
    until: Option<Time>,
    watch: &mut Watch<'_>,
) -> Result<RestoreReport> {
    if std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Error::invalid(format!(
            "{} holds something already; name a directory that is new or empty",
            dir.display()
        )));
    }
    let pool = ObjectPool::open([0; 16], options)?;
    let chosen = choose(&pool, until)?;
    let aside = beside(dir)?;
    let failed = |cause| Error::io(format!("restoring to {}", aside.display()), cause);
    layout::make_private(&aside).map_err(failed)?;
    let vfs: Arc<dyn Vfs> = Arc::new(RealVfs::new(&aside).map_err(failed)?);
    let mut restore = Restore {
        pool,
        vfs,
        watch,
        progress: Progress { done: 0, total: 0 },
        report: RestoreReport::default(),
        shipments: BTreeMap::new(),
    };
    restore.run(&chosen, until)?;
    std::fs::rename(&aside, dir).map_err(failed)?;
    let parent = dir.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    std::fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)?;
    Ok(restore.report)
}

/// Returns where a store is restored until it is whole.
fn beside(dir: &Path) -> Result<PathBuf> {
    let name = dir.file_name().ok_or_else(|| {
        Error::invalid(format!("{} has no name; name a directory to restore to", dir.display()))
    })?;
    let mut name = name.to_owned();
    name.push(".restoring");
    Ok(dir.with_file_name(name))
}

/// What is to be restored.
struct ChosenState {
    state: ShippedState,
    /// What was shipped next, from which groups are taken up to a time.
    next: Option<ShippedState>,
}

impl ChosenState {
    /// Returns all segments, with their pieces: a segment only grows, so that the longer one has both.
    fn segments(&self) -> BTreeMap<u32, &Vec<ShippedPiece>> {
        let mut all: BTreeMap<u32, &Vec<ShippedPiece>> =
            self.state.segments.iter().map(|(number, pieces)| (*number, pieces)).collect();
        let next = self.next.iter().flat_map(|next| &next.segments);
        all.extend(next.map(|(number, pieces)| (*number, pieces)));
        all
    }
}

fn choose(pool: &ObjectPool, until: Option<Time>) -> Result<ChosenState> {
    let last = shipment::list(pool)?.last().copied();
    let last = last.ok_or_else(|| {
        Error::not_found("nothing was shipped there; check the address, and the endpoint in it")
    })?;
    let newest = ShippedState::read(pool, last)?;
    let Some(until) = until.filter(|until| *until < newest.last.time) else {
        return Ok(ChosenState { state: newest, next: None });
    };
    let bases = &newest.history.bases;
    let Some((base, _)) = bases.iter().rfind(|(_, time)| *time <= until).copied() else {
        let oldest = bases.first().map_or(newest.last.time, |(_, time)| *time);
        return Err(Error::not_found(format!("nothing of {until} is kept; the oldest state is of {oldest}")));
    };
    let get = |number| shipment::read(pool, number)?.ok_or_else(|| missing(number));
    let mut state = ShippedState::begin(base, get(base)?.0)?;
    for number in base.saturating_add(1)..=last {
        let (shipment, _) = get(number)?;
        if shipment.time > until {
            let mut next = state.clone();
            next.add(number, shipment)?;
            return Ok(ChosenState { state, next: Some(next) });
        }
        state.add(number, shipment)?;
    }
    Ok(ChosenState { state, next: None })
}

struct Restore<'a, 'w> {
    pool: ObjectPool,
    vfs: Arc<dyn Vfs>,
    watch: &'a mut Watch<'w>,
    progress: Progress,
    report: RestoreReport,
    /// The bytes in shipments that were read last.
    shipments: BTreeMap<u64, Bytes>,
}

fn failed(cause: std::io::Error) -> Error {
    Error::io("restoring a store", cause)
}

impl Restore<'_, '_> {
    fn run(&mut self, chosen: &ChosenState, until: Option<Time>) -> Result<()> {
        let shipped = &chosen.state.last;
        (self.report.lsn, self.report.time) = (shipped.lsn, shipped.time);
        layout::make_dirs(self.vfs.as_ref())?;
        self.clear(chosen)?;
        let segments = chosen.segments();
        let pieces = segments.values().flat_map(|pieces| pieces.iter());
        self.progress.total = pieces.map(|piece| piece.len).sum();
        for (number, pieces) in &segments {
            self.segment(*number, pieces)?;
            self.report.segments += 1;
        }
        self.shipments.clear();
        if let (Some(next), Some(until)) = (&chosen.next, until) {
            self.cut(&chosen.state, next, until)?;
        }
        self.vfs.sync_dir(file::DIR).map_err(failed)?;
        let identity = Identity { uuid: shipped.store, created: shipped.created };
        layout::write(self.vfs.as_ref(), STORE, &identity)?;
        let options = Options::new().create(false);
        Store::rebuild_on(&self.vfs, &options)?;
        let store = Store::open_on(self.vfs.clone(), options)?;
        let done = self.contents(&store).and_then(|()| self.check(&store));
        done.and(store.close())
    }

    /// Removes what a restore that was cut off has left, but for large contents.
    fn clear(&self, chosen: &ChosenState) -> Result<()> {
        let remove = |path: &str| match self.vfs.remove(path) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(failed(cause)),
            _ => Ok(()),
        };
        [STORE, ROWS, NEW_ROWS, BAD_ROWS].into_iter().try_for_each(remove)?;
        let segments = chosen.segments();
        for entry in self.vfs.list(file::DIR).map_err(failed)? {
            if file::number_of(&entry.name).is_none_or(|number| !segments.contains_key(&number)) {
                remove(&format!("{}/{}", file::DIR, entry.name))?;
            }
        }
        Ok(())
    }

    fn step(&mut self, bytes: u64) -> Result<()> {
        self.report.bytes = self.report.bytes.saturating_add(bytes);
        self.progress.done = self.progress.done.saturating_add(bytes);
        (self.watch)(self.progress)
    }

    fn segment(&mut self, number: u32, pieces: &[ShippedPiece]) -> Result<()> {
        let path = file::path(number);
        let file = self.vfs.open(&path, Open::Create).map_err(failed)?;
        file.set_len(0).map_err(failed)?;
        for piece in pieces {
            let bytes = self.piece(number, piece)?;
            file.write_at(piece.from, &[&bytes]).map_err(failed)?;
            self.step(piece.len)?;
        }
        file.sync_data().map_err(failed)
    }

    /// Reads a piece, verified.
    fn piece(&mut self, segment: u32, piece: &ShippedPiece) -> Result<Bytes> {
        let len = usize::try_from(piece.len).map_err(|_| Error::corrupt("a piece is too long"))?;
        let is_sound = |bytes: &Bytes| {
            (bytes.len() == len && blake3::hash(bytes) == piece.blake3)
                || is_planted(PlantedFault::TrustsObjects)
        };
        let found = match piece.inline {
            None => {
                let name = piece_name(segment, (piece.from, piece.len), &piece.blake3);
                self.pool.get_named(&name, &is_sound)?
            }
            Some((number, offset)) => {
                let bytes = match self.shipments.get(&number) {
                    Some(bytes) => bytes.clone(),
                    None => {
                        let (_, bytes) =
                            shipment::read(&self.pool, number)?.ok_or_else(|| missing(number))?;
                        // The pieces of a segment follow each other; each shipment is read once for each segment.
                        self.shipments.clear();
                        self.shipments.insert(number, bytes.clone());
                        bytes
                    }
                };
                let end = offset.saturating_add(len);
                (end <= bytes.len()).then(|| bytes.slice(offset..end)).filter(|bytes| is_sound(bytes))
            }
        };
        found.ok_or_else(|| {
            Error::corrupt(format!(
                "what was shipped of segment {segment} from byte {} on is missing or damaged",
                piece.from
            ))
        })
    }

    /// Takes away the groups that were shipped next and are later than a time, or that do not follow.
    fn cut(&mut self, state: &ShippedState, next: &ShippedState, until: Time) -> Result<()> {
        let mut groups = Vec::new();
        for number in next.segments.keys() {
            let from = state.len(*number).max(SEGMENT_HEADER_LEN as u64);
            if let Some(segment) = Segment::open(self.vfs.as_ref(), *number, Open::Read)? {
                segment.groups(from, &mut |group| {
                    groups.push((group.lsn, group.time, *number, group.end));
                    Ok(())
                })?;
            }
        }
        groups.sort_unstable_by_key(|(lsn, ..)| *lsn);
        let mut ends: BTreeMap<u32, u64> = BTreeMap::new();
        for (lsn, time, number, end) in groups {
            if self.report.lsn.checked_add(1) != Some(lsn) || time > until {
                break;
            }
            (self.report.lsn, self.report.time) = (lsn, time);
            ends.insert(number, end);
        }
        for number in next.segments.keys() {
            let known = state.len(*number).max(SEGMENT_HEADER_LEN as u64);
            let end = ends.get(number).copied().unwrap_or(known);
            let file = self.vfs.open(&file::path(*number), Open::Write).map_err(failed)?;
            file.set_len(end).and_then(|()| file.sync_data()).map_err(failed)?;
        }
        Ok(())
    }

    /// Restores the large contents that rows speak of.
    fn contents(&mut self, store: &Store) -> Result<()> {
        let mut wanted = Vec::new();
        store.engine()?.reader()?.scan(table::BLOB, row::ALL, false, &mut |key, value| {
            let record = BlobRecord::decode(value)?;
            if record.location == Location::File {
                wanted.push((BlobId(row::number(key)?), record.len, record.blake3));
            }
            Ok(Scan::Next)
        })?;
        let total = wanted.iter().fold(0_u64, |sum, (_, len, _)| sum.saturating_add(*len));
        self.progress.total = self.progress.total.saturating_add(total);
        for (blob, len, blake3) in wanted {
            let path = pool::path(blob);
            let there = self.vfs.open(&path, Open::Read).and_then(|file| file.len()).ok();
            if there != Some(len) {
                self.content(blob, &path, (len, blake3))?;
            }
            self.step(if there == Some(len) { 0 } else { len })?;
            self.report.contents += 1;
        }
        for low in 0..=255_u8 {
            self.vfs.sync_dir(&format!("{}/{low:02x}", layout::BLOBS)).map_err(failed)?;
        }
        Ok(())
    }

    /// Restores one. It has its name only once it is whole.
    fn content(&mut self, blob: BlobId, path: &str, what: (u64, [u8; 32])) -> Result<()> {
        let aside = format!("{}/restore", crate::blobs::spool::SPOOL);
        let file = self.vfs.open(&aside, Open::Create).map_err(failed)?;
        file.set_len(0).map_err(failed)?;
        let is_there = self.pool.get_file(blob, what, &mut |offset, parts| {
            let parts: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
            file.write_at(offset, &parts).map_err(failed)
        })?;
        if !is_there {
            return Err(Error::corrupt(format!("the content of blob {blob} was not shipped, or is gone")));
        }
        file.sync_data().map_err(failed)?;
        self.vfs.rename(&aside, path).map_err(failed)
    }

    /// Reads all content.
    fn check(&mut self, store: &Store) -> Result<()> {
        let found = store.check(CheckOptions::new().content(true))?;
        (self.report.files, self.report.versions) = (found.files, found.versions);
        if let Some(problem) = found.problems.first() {
            let (problems, damaged) = (found.problems.len(), found.damaged.len());
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!(
                    "the restored store has {problems} problems, {damaged} damaged contents among them; the first: \
                     {problem}. It was left in the directory that ends in .restoring, and can be opened there"
                ),
            ));
        }
        Ok(())
    }
}
