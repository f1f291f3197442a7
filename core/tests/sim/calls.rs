//! What a process does when it is told to: the calls of the library, and what they said.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use holdall::body::Body;
use holdall::vfs::{SimVfs, Vfs};
use holdall::{
    ArchiveId, CheckOptions, CopyVersions, Drive, Error, ErrorKind, FileId, Kind, Mode, Options, Put,
    Request, Result, Store, VersionId, VersionInfo,
};

use crate::content::{self, Hash, THRESHOLD};
use crate::history::View;
use crate::scheduler::Turns;
use crate::world::{File, Node, Tree};

/// The drive that all happens in.
pub const DRIVE: &str = "alice";

/// How long deleted content is kept.
pub const GRACE: Duration = Duration::from_secs(3600);

/// Longer than any content.
const MOST: u64 = 10 << 20;

/// How long a segment becomes.
pub const SEGMENT: u64 = 64 << 10;

pub fn options(mode: Mode) -> Options {
    Options::new()
        .mode(mode)
        .threshold(THRESHOLD)
        .segment_bytes(SEGMENT)
        .cache_bytes(1 << 20)
        .grace(GRACE)
        .lock_timeout(Duration::from_millis(300))
}

/// Something to do.
#[derive(Clone, Debug)]
pub enum Do {
    Open(Mode),
    /// Begins as a child that a process forks.
    Fork(usize),
    Close,
    Put(Vec<(String, u64)>),
    Rename(String, String),
    Copy(String, String, bool),
    Trash(String),
    Restore(FileId, String),
    Delete(String),
    SetCurrent(VersionId),
    RemoveVersion(VersionId),
    Look(String),
    /// Opens files by paths that may end in a slash, and serves a URL of each.
    OpenFiles(Vec<String>),
    View,
    Sign(VersionId),
    SignLimited(VersionId, u32),
    Serve(String),
    Share(String),
    Link(String),
    Freeze(String),
    ReadArchive(ArchiveId),
    /// Begins to send an archive.
    Begin(ArchiveId),
    /// Sends some more of the one that was begun.
    GoOn,
    Gc,
    Compact,
    Check,
    Repair,
    Rebuild,
    Backup,
    /// Opens the copy, reads all of it, and perhaps puts the probe and something.
    TestCopy(Vec<(String, u64)>),
    Stats,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Came {
    Done,
    Versions(Vec<VersionInfo>),
    File(FileId),
    Id(&'static str, u64),
    Node(Option<Node>),
    View(Box<View>),
    /// What was seen in a copy, and what was put there.
    Copy(Box<View>, Vec<VersionInfo>),
    /// What was found by each path.
    Bytes(Vec<(String, Hash)>),
    Url(String),
    /// The status of a reply, and what it said.
    Reply(u16, Hash),
    Archive {
        id: ArchiveId,
        members: BTreeMap<String, Hash>,
        bytes: Vec<u8>,
        expires: i64,
    },
    /// So much of an archive, from an offset.
    Piece(ArchiveId, u64, Vec<u8>),
    /// The bytes that the segments take.
    Log(u64),
    /// What is not as it must be.
    Wrong(String),
    Error(ErrorKind, String),
}

/// Where a process finds its store.
#[derive(Clone, Debug)]
pub struct Site {
    pub disk: SimVfs,
    /// Where backups go.
    pub copy: SimVfs,
    /// Its host, if the store is on servers.
    #[cfg(feature = "remote")]
    pub host: Option<holdall::simulated::SimHost>,
}

impl Site {
    fn open(&self, turns: &Arc<Turns>, mode: Mode) -> Result<Store> {
        #[cfg(feature = "remote")]
        if let Some(host) = &self.host {
            return Store::open_simulated(host, options(mode));
        }
        let vfs: Arc<dyn Vfs> = Arc::new(turns.disk(&self.disk));
        Store::open_on(vfs, options(mode))
    }

    fn is_directory(&self) -> bool {
        #[cfg(feature = "remote")]
        return self.host.is_none();
        #[cfg(not(feature = "remote"))]
        true
    }
}

/// What a process has in its memory.
#[derive(Default)]
pub struct Memory {
    store: Option<Store>,
    drive: Option<Drive>,
    sent: Option<(ArchiveId, Body, u64)>,
}

/// What a child gets of it that is forked.
#[derive(Clone)]
pub struct Inherited {
    store: Store,
    sent: Option<(ArchiveId, Body, u64)>,
}

impl Memory {
    fn drive(&self) -> Result<&Drive> {
        self.drive.as_ref().ok_or_else(|| Error::new(ErrorKind::InvalidArgument, "it is not open"))
    }

    fn store(&self) -> Result<&Store> {
        Ok(self.drive()?.store())
    }

    /// Returns what a child would get.
    pub fn to_inherit(&self) -> Option<Inherited> {
        Some(Inherited { store: self.store.clone()?, sent: self.sent.clone() })
    }

    /// Begins with what a parent had in its memory.
    pub fn inherit(&mut self, parent: &Inherited, turns: &Arc<Turns>, site: &Site) {
        let store = Some(parent.store.forked(Arc::new(turns.disk(&site.disk))));
        *self = Memory { store, drive: None, sent: parent.sent.clone() };
    }

    pub fn run(&mut self, what: &Do, turns: &Arc<Turns>, site: &Site) -> Came {
        self.attempt(what, turns, site).unwrap_or_else(|error| Came::Error(error.kind(), error.to_string()))
    }

    fn attempt(&mut self, what: &Do, turns: &Arc<Turns>, site: &Site) -> Result<Came> {
        let needs_drive = !matches!(what, Do::Open(_) | Do::Close | Do::Fork(_) | Do::GoOn);
        if let Some(store) = self.store.as_ref().filter(|_| needs_drive && self.drive.is_none()) {
            self.drive = Some(store.drive(DRIVE)?);
        }
        match what {
            // It has inherited already.
            Do::Fork(_) => Ok(Came::Done),
            Do::Open(mode) => {
                let store = site.open(turns, *mode)?;
                self.drive = Some(store.drive(DRIVE)?);
                self.store = Some(store);
                Ok(Came::Done)
            }
            Do::Close => {
                self.drive = None;
                self.store.take().map_or(Ok(()), |store| store.release())?;
                Ok(Came::Done)
            }
            Do::Rebuild => {
                let vfs: Arc<dyn Vfs> = Arc::new(turns.disk(&site.disk));
                let report = Store::rebuild_on(&vfs, &options(Mode::Exclusive))?;
                Ok(wrong(report.problems.iter().map(ToString::to_string).collect()))
            }
            Do::Backup => {
                let vfs: Arc<dyn Vfs> = Arc::new(turns.disk(&site.copy));
                self.store()?.backup_on(&vfs, &mut |_| Ok(()))?;
                Ok(Came::Done)
            }
            Do::TestCopy(put) => {
                let vfs: Arc<dyn Vfs> = Arc::new(turns.disk(&site.copy));
                let drive = Store::open_on(vfs, options(Mode::Exclusive))?.drive(DRIVE)?;
                let seen = view(&drive)?;
                if let Came::Wrong(why) = upkeep(drive.store(), &Do::Check)? {
                    return Ok(Came::Wrong(why));
                }
                let mut put_infos = Vec::new();
                for (path, content) in put {
                    put_infos.push(drive.put(path, &content::bytes(*content)[..], Put::new())?);
                }
                drive.store().close()?;
                Ok(Came::Copy(Box::new(seen), put_infos))
            }
            Do::GoOn => self.go_on(),
            Do::Begin(id) => {
                self.sent = Some((*id, self.store()?.open_archive(*id)?, 0));
                Ok(Came::Done)
            }
            Do::View => Ok(Came::View(Box::new(view(self.drive()?)?))),
            Do::Check if !site.is_directory() => {
                // By a list of the objects first, and then by their contents.
                let report = self.store()?.check(CheckOptions::new())?;
                match wrong(report.problems.iter().map(ToString::to_string).collect()) {
                    Came::Done => upkeep(self.store()?, what),
                    wrong => Ok(wrong),
                }
            }
            Do::Gc | Do::Compact | Do::Check | Do::Repair | Do::Stats => upkeep(self.store()?, what),
            _ => call(self.drive()?, what),
        }
    }

    fn go_on(&mut self) -> Result<Came> {
        let Some((id, body, at)) = &mut self.sent else { return Ok(Came::Done) };
        let mut bytes = Vec::new();
        while *at < body.len() && bytes.len() < 2500 {
            bytes.extend_from_slice(&body.segment(*at + bytes.len() as u64, 1500)?.data);
            if *at + bytes.len() as u64 >= body.len() {
                break;
            }
        }
        let piece = Came::Piece(*id, *at, bytes.clone());
        *at += bytes.len() as u64;
        if *at >= body.len() {
            self.sent = None;
        }
        Ok(piece)
    }

    /// Whether an archive is being sent.
    pub fn clear(&mut self) {
        *self = Memory::default();
    }
}

fn call(drive: &Drive, what: &Do) -> Result<Came> {
    let store = drive.store();
    Ok(match what {
        Do::Put(items) if items.len() == 1 => {
            let (path, content) = &items[0];
            Came::Versions(vec![drive.put(path, &content::bytes(*content)[..], Put::new())?])
        }
        Do::Put(items) => {
            let items = items.iter().map(|(path, content)| (path.clone(), content::bytes(*content)));
            Came::Versions(drive.put_many(items, &Put::new())?)
        }
        Do::Rename(from, to) => Came::File(drive.rename(from, to, true)?),
        Do::Copy(from, to, all) => {
            let what = if *all { CopyVersions::All } else { CopyVersions::Current };
            Came::File(drive.copy(from, to, what)?)
        }
        Do::Trash(path) => Came::File(drive.trash(path)?),
        Do::Restore(file, to) => Came::File(drive.restore(*file, Some(to))?),
        Do::Delete(path) => drive.delete(path).map(|()| Came::Done)?,
        Do::SetCurrent(version) => store.set_current(*version).map(|()| Came::Done)?,
        Do::RemoveVersion(version) => store.remove_version(*version).map(|()| Came::Done)?,
        Do::Look(path) => match look(drive, path) {
            Ok(node) => Came::Node(Some(node)),
            Err(error) if error.kind() == ErrorKind::NotFound => Came::Node(None),
            Err(error) => return Err(error),
        },
        Do::OpenFiles(paths) => open_files(drive, paths)?,
        Do::Sign(version) => Came::Url(store.url(version).never_expires().sign()?),
        Do::SignLimited(version, uses) => {
            let url = store.url(version).max_requests(*uses).expires_in(Duration::from_secs(3600));
            Came::Url(url.sign()?)
        }
        Do::Serve(url) => {
            let reply = store.serve(&Request::get(url))?;
            Came::Reply(reply.status, blake3::hash(&reply.body.to_vec(MOST)?).into())
        }
        Do::Share(path) => Came::Id("share", drive.share(path, &holdall::Share::new())?.id.0),
        Do::Link(path) => Came::Id("link", drive.link(path)?.id.0),
        Do::Freeze(path) => freeze(drive, path)?,
        Do::ReadArchive(id) => {
            let bytes = store.open_archive(*id)?.to_vec(8 * MOST)?.to_vec();
            Came::Piece(*id, 0, bytes)
        }
        other => unreachable!("{other:?} is not a call of a drive"),
    })
}

fn open_files(drive: &Drive, paths: &[String]) -> Result<Came> {
    let mut found = Vec::new();
    for path in paths {
        let absent = |error: &Error| {
            matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Gone | ErrorKind::InvalidArgument)
        };
        match drive.open_file(path).and_then(|body| body.to_vec(MOST)) {
            Err(error) if absent(&error) => {}
            read => found.push((path.clone(), blake3::hash(&read?).into())),
        }
        match drive.url(path).and_then(holdall::Url::sign) {
            Err(error) if absent(&error) => {}
            url => {
                let reply = drive.store().serve(&Request::get(&url?))?;
                if reply.status == 200 {
                    found.push((path.clone(), blake3::hash(&reply.body.to_vec(MOST)?).into()));
                }
            }
        }
    }
    Ok(Came::Bytes(found))
}

fn upkeep(store: &Store, what: &Do) -> Result<Came> {
    Ok(match what {
        Do::Gc => {
            let report = store.gc()?;
            let failed = report.failed.iter().chain(&report.compaction.failed);
            wrong(failed.map(ToString::to_string).collect())
        }
        Do::Compact => wrong(store.compact()?.failed.iter().map(ToString::to_string).collect()),
        Do::Check => {
            let report = store.check(CheckOptions::new().content(true))?;
            wrong(report.problems.iter().map(ToString::to_string).collect())
        }
        Do::Repair => {
            let report = store.repair()?;
            let damaged =
                report.damaged.iter().map(|damage| format!("taken for damaged: {}", damage.message));
            wrong(report.problems.iter().map(ToString::to_string).chain(damaged).collect())
        }
        _ => Came::Log(store.stats()?.segment_bytes),
    })
}

fn wrong(said: Vec<String>) -> Came {
    if said.is_empty() { Came::Done } else { Came::Wrong(said.join("; ")) }
}

/// Reads a file in one snapshot, and then its contents.
fn look(drive: &Drive, path: &str) -> Result<Node> {
    let infos = drive.versions(path, None, 1000)?;
    let mut file = File::default();
    for info in infos {
        file.id = Some(info.id.file().0);
        if info.current {
            file.current = info.id.number();
        }
        file.versions.insert(info.id.number(), content::number(&info.blake3));
        match drive.store().open_version(info.id).and_then(|body| body.to_vec(MOST)) {
            Ok(bytes) if blake3::hash(&bytes) != info.blake3 => {
                let why = format!("version {} of {path} has other bytes than it says", info.id.number());
                return Err(Error::new(ErrorKind::Corrupt, why));
            }
            // It was removed since.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Gone) => {}
            read => drop(read?),
        }
    }
    Ok(Node::File(file))
}

fn view(drive: &Drive) -> Result<View> {
    let info = drive.info()?;
    let mut view = View { files: info.files, bytes: info.bytes, ..View::default() };
    let mut found = Vec::new();
    drive.walk("", |path, row| {
        found.push((path.to_owned(), row.kind));
        Ok(true)
    })?;
    let mut tree = Tree::new();
    for (path, kind) in found {
        let node = match kind {
            Kind::File => look(drive, &path)?,
            _ => Node::Folder { loose: false },
        };
        tree.insert(path, node);
    }
    view.tree = tree;
    for row in drive.list_trash(None, 1000)? {
        let current = drive.store().file(row.file)?.current;
        view.trash.push((row.path, current.map(|version| content::number(&version.blake3))));
    }
    view.trash.sort();
    Ok(view)
}

fn freeze(drive: &Drive, path: &str) -> Result<Came> {
    let info = drive.archive([path])?.expires_in(GRACE / 2).create()?;
    let bytes = drive.store().open_archive(info.id)?.to_vec(8 * MOST)?.to_vec();
    let broken = |what: String| Error::new(ErrorKind::Corrupt, format!("an archive is not a zip: {what}"));
    let mut zip =
        zip::ZipArchive::new(std::io::Cursor::new(&bytes[..])).map_err(|error| broken(error.to_string()))?;
    let mut members = BTreeMap::new();
    for at in 0..zip.len() {
        let mut entry = zip.by_index(at).map_err(|error| broken(error.to_string()))?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(|error| broken(error.to_string()))?;
        if entry.is_file() {
            let name = entry.name().map_err(|error| broken(error.to_string()))?.into_owned();
            members.insert(name, blake3::hash(&content).into());
        }
    }
    Ok(Came::Archive { id: info.id, members, bytes, expires: info.expires.0 })
}
